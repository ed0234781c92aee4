"""Kernels over the columns of a batch: mean and variance of each feature, and what goes by them.

Each pair is an equation and its loop. Rows are walked from the first to the last, and sums over
them are kept in float64: of many rows in float32, the last ones would round away.
"""

import numpy as np

from tinynet.kernels.jit.compile import inlined
from tinynet.kernels.jit.kernel import kernel
from tinynet.support.types import Array


def column_mean_reference(x: Array) -> Array:
    return x.mean(axis=0, dtype=np.float64)


@kernel(column_mean_reference, equation="mean = x.sum(axis=0) / len(x)")
def column_mean(x: Array, mean: Array) -> None:
    totals = np.zeros(x.shape[1])
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            totals[c] += x[n, c]
    for c in range(x.shape[1]):
        mean[c] = totals[c] / x.shape[0]


def column_variance_reference(x: Array, mean: Array) -> Array:
    return ((x - mean) ** 2).mean(axis=0, dtype=np.float64)


@kernel(column_variance_reference, equation="var = ((x - mean) ** 2).sum(axis=0) / len(x)")
def column_variance(x: Array, mean: Array, var: Array) -> None:
    totals = np.zeros(x.shape[1])
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            difference = np.float64(x[n, c]) - np.float64(mean[c])
            totals[c] += difference * difference
    for c in range(x.shape[1]):
        var[c] = totals[c] / x.shape[0]


@inlined
def _by_deviations(var: Array, eps: float) -> Array:
    """1 / sqrt(var + eps): a root and a division for each column, and not for each number."""
    inverses = np.empty_like(var)
    for c in range(var.size):
        inverses[c] = 1 / np.sqrt(np.float64(var[c]) + eps)
    return inverses


def normalize_reference(x: Array, mean: Array, var: Array, eps: float) -> Array:
    return (x - mean) / np.sqrt(var + eps)


@kernel(normalize_reference, equation="z = (x - mean) / sqrt(var + eps)")
def normalize(x: Array, mean: Array, var: Array, eps: float, z: Array) -> None:
    inverses = _by_deviations(var, eps)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            z[n, c] = (x[n, c] - mean[c]) * inverses[c]


def normalize_dx_reference(dz: Array, z: Array, var: Array, eps: float) -> Array:
    return (dz - dz.mean(axis=0) - z * (dz * z).mean(axis=0)) / np.sqrt(var + eps)


@kernel(
    normalize_dx_reference,
    equation="dx = (dz - dz.mean(axis=0) - z * (dz * z).mean(axis=0)) / sqrt(var + eps)",
)
def normalize_dx(dz: Array, z: Array, var: Array, eps: float, dx: Array) -> None:
    N, C = z.shape
    through_mean, through_variance = np.zeros(C), np.zeros(C)
    for n in range(N):
        for c in range(C):
            through_mean[c] += dz[n, c]
            through_variance[c] += np.float64(dz[n, c]) * np.float64(z[n, c])
    means, slopes, inverses = np.empty_like(var), np.empty_like(var), _by_deviations(var, eps)
    for c in range(C):
        means[c], slopes[c] = through_mean[c] / N, through_variance[c] / N
    for n in range(N):
        for c in range(C):
            dx[n, c] = (dz[n, c] - means[c] - z[n, c] * slopes[c]) * inverses[c]


def by_deviation_reference(dz: Array, var: Array, eps: float) -> Array:
    return dz / np.sqrt(var + eps)


@kernel(by_deviation_reference, equation="dx = dz / sqrt(var + eps)")
def by_deviation(dz: Array, var: Array, eps: float, dx: Array) -> None:
    inverses = _by_deviations(var, eps)
    for n in range(dz.shape[0]):
        for c in range(dz.shape[1]):
            dx[n, c] = dz[n, c] * inverses[c]


def scale_columns_reference(dy: Array, weight: Array) -> Array:
    return dy * weight


@kernel(scale_columns_reference, equation="dz = dy * weight")
def scale_columns(dy: Array, weight: Array, dz: Array) -> None:
    for n in range(dy.shape[0]):
        for c in range(dy.shape[1]):
            dz[n, c] = dy[n, c] * weight[c]


def scale_and_shift_reference(z: Array, weight: Array, bias: Array) -> Array:
    return z * weight + bias


@kernel(scale_and_shift_reference, equation="y = z * weight + bias")
def scale_and_shift(z: Array, weight: Array, bias: Array, y: Array) -> None:
    for n in range(z.shape[0]):
        for c in range(z.shape[1]):
            y[n, c] = z[n, c] * weight[c] + bias[c]


def column_products_reference(dy: Array, z: Array) -> Array:
    return (dy * z).sum(axis=0, dtype=np.float64)


@kernel(column_products_reference, equation="dweight = (dy * z).sum(axis=0)")
def column_products(dy: Array, z: Array, dweight: Array) -> None:
    totals = np.zeros(z.shape[1])
    for n in range(z.shape[0]):
        for c in range(z.shape[1]):
            totals[c] += np.float64(dy[n, c]) * np.float64(z[n, c])
    for c in range(z.shape[1]):
        dweight[c] = totals[c]


def unbiased_reference(var: Array, rows: int) -> Array:
    return var * (rows / (rows - 1))


@kernel(unbiased_reference, equation="unbiased_var = var * rows / (rows - 1)")
def unbiased(var: Array, rows: int, unbiased_var: Array) -> None:
    for c in range(var.size):
        unbiased_var[c] = var[c] * (rows / (rows - 1))


def count_one_reference(count: Array) -> Array:
    return count + 1


@kernel(count_one_reference, updates=("count",), equation="count += 1")
def count_one(count: Array) -> None:
    count[()] += 1


def running_average_reference(running: Array, latest: Array, momentum: float) -> Array:
    return (1 - momentum) * running + momentum * latest


@kernel(
    running_average_reference,
    updates=("running",),
    equation="running = (1 - momentum) * running + momentum * latest",
)
def running_average(running: Array, latest: Array, momentum: float) -> None:
    for c in range(running.size):
        running[c] = (1 - momentum) * running[c] + momentum * latest[c]


def cumulative_average_reference(running: Array, latest: Array, count: Array) -> Array:
    """The mean of all so far, the latest being number `count`."""
    return running + (latest - running) / count


@kernel(
    cumulative_average_reference,
    updates=("running",),
    equation="running += (latest - running) / count",
)
def cumulative_average(running: Array, latest: Array, count: Array) -> None:
    for c in range(running.size):
        running[c] += (latest[c] - running[c]) / count[()]
