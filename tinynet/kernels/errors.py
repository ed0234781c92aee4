"""Kernels of the losses over numbers: how far outputs (N, D) are from their targets.

Each row is summed from its first number to its last, in float64. Weights are (N, D), or (1, D) if
all rows have the same.
"""

import numpy as np

from tinynet.kernels.jit.compile import inlined
from tinynet.kernels.jit.kernel import kernel
from tinynet.support.types import Array


def squared_errors_reference(x: Array, y: Array) -> Array:
    return ((x - y) ** 2).sum(axis=1)


@kernel(squared_errors_reference, equation="losses = ((x - y)**2).sum(axis=1)")
def squared_errors(x: Array, y: Array, losses: Array) -> None:
    for n in range(x.shape[0]):
        total = 0.0
        for d in range(x.shape[1]):
            error = x[n, d] - y[n, d]
            total += error * error
        losses[n] = total


def squared_errors_dx_reference(dy: Array, x: Array, y: Array) -> Array:
    return dy[:, None] * 2 * (x - y)


@kernel(squared_errors_dx_reference, equation="dx = dy * 2 * (x - y)")
def squared_errors_dx(dy: Array, x: Array, y: Array, dx: Array) -> None:
    for n in range(x.shape[0]):
        twice = dy[n] * x.dtype.type(2)
        for d in range(x.shape[1]):
            dx[n, d] = twice * (x[n, d] - y[n, d])


def absolute_errors_reference(x: Array, y: Array) -> Array:
    return abs(x - y).sum(axis=1)


@kernel(absolute_errors_reference, equation="losses = abs(x - y).sum(axis=1)")
def absolute_errors(x: Array, y: Array, losses: Array) -> None:
    for n in range(x.shape[0]):
        total = 0.0
        for d in range(x.shape[1]):
            total += abs(x[n, d] - y[n, d])
        losses[n] = total


def absolute_errors_dx_reference(dy: Array, x: Array, y: Array) -> Array:
    return dy[:, None] * np.sign(x - y)


@kernel(absolute_errors_dx_reference, equation="dx = dy * sign(x - y)")
def absolute_errors_dx(dy: Array, x: Array, y: Array, dx: Array) -> None:
    for n in range(x.shape[0]):
        for d in range(x.shape[1]):
            dx[n, d] = dy[n] * np.sign(x[n, d] - y[n, d])


def first_no_probability_reference(values: Array) -> int:
    """The place of the first number outside [0, 1], NaN among them; -1 if there is none."""
    outside = ~((values >= 0) & (values <= 1)).reshape(-1)
    return int(outside.argmax()) if outside.any() else -1


@kernel(first_no_probability_reference, flat=True)
def first_no_probability(values: Array) -> int:
    for i in range(values.size):
        if not (values[i] >= 0 and values[i] <= 1):
            return i
    return -1


def binary_cross_entropy_reference(x: Array, y: Array, weight: Array) -> Array:
    yes, no = np.maximum(np.log(x), -100), np.maximum(np.log1p(-x), -100)
    return -(weight * (y * yes + (1 - y) * no)).sum(axis=1)


@kernel(
    binary_cross_entropy_reference,
    equation="losses = -(w * (y * log(x) + (1 - y) * log(1 - x))).sum(axis=1)",
)
def binary_cross_entropy(x: Array, y: Array, weight: Array, losses: Array) -> None:
    for n in range(x.shape[0]):
        total = 0.0
        for d in range(x.shape[1]):
            yes, no = max(np.log(x[n, d]), -100.0), max(np.log1p(-x[n, d]), -100.0)
            total -= weight[n % len(weight), d] * (y[n, d] * yes + (1 - y[n, d]) * no)
        losses[n] = total


SMALLEST = float(np.float32(1e-12))  # PyTorch's constant is a float32 for every dtype


def binary_cross_entropy_dx_reference(dy: Array, x: Array, y: Array, weight: Array) -> Array:
    return dy[:, None] * weight * (x - y) / np.maximum(x * (1 - x), SMALLEST)


@kernel(
    binary_cross_entropy_dx_reference, equation="dx = dy * w * (x - y) / max(x * (1 - x), 1e-12)"
)
def binary_cross_entropy_dx(dy: Array, x: Array, y: Array, weight: Array, dx: Array) -> None:
    one, smallest = x.dtype.type(1), x.dtype.type(SMALLEST)
    for n in range(x.shape[0]):
        for d in range(x.shape[1]):
            slope = (x[n, d] - y[n, d]) / max(x[n, d] * (one - x[n, d]), smallest)
            dx[n, d] = dy[n] * weight[n % len(weight), d] * slope


def logits_cross_entropy_reference(x: Array, y: Array, weight: Array, positive: Array) -> Array:
    log = np.maximum(-x, 0) + np.log1p(np.exp(-abs(x)))  # log(1 + exp(-x))
    return (weight * ((1 - y) * x + (1 + (positive - 1) * y) * log)).sum(axis=1)


@kernel(
    logits_cross_entropy_reference,
    equation="losses = (w * ((1 - y) * x + (1 + (p - 1) * y) * log(1 + exp(-x)))).sum(axis=1)",
)
def logits_cross_entropy(x: Array, y: Array, weight: Array, positive: Array, losses: Array) -> None:
    for n in range(x.shape[0]):
        total, row = 0.0, n % len(weight)
        for d in range(x.shape[1]):
            log = max(-x[n, d], 0) + np.log1p(np.exp(-abs(x[n, d])))
            share = _share_of_yes(y[n, d], positive[n % len(positive), d])
            total += weight[row, d] * ((1 - y[n, d]) * x[n, d] + share * log)
        losses[n] = total


def logits_cross_entropy_dx_reference(
    dy: Array, x: Array, y: Array, weight: Array, positive: Array
) -> Array:
    e = np.exp(-abs(x))
    sigmoid = np.where(x < 0, e, 1) / (1 + e)
    return dy[:, None] * weight * ((1 + (positive - 1) * y) * sigmoid - positive * y)


@kernel(
    logits_cross_entropy_dx_reference,
    equation="dx = dy * w * ((1 + (p - 1) * y) * sigmoid(x) - p * y)",
)
def logits_cross_entropy_dx(
    dy: Array, x: Array, y: Array, weight: Array, positive: Array, dx: Array
) -> None:
    one = x.dtype.type(1)
    for n in range(x.shape[0]):
        for d in range(x.shape[1]):
            e, p = np.exp(-abs(x[n, d])), positive[n % len(positive), d]
            sigmoid = (e if x[n, d] < 0 else one) / (one + e)
            slope = _share_of_yes(y[n, d], p) * sigmoid - p * y[n, d]
            dx[n, d] = dy[n] * weight[n % len(weight), d] * slope


@inlined
def _share_of_yes(y: float, positive: float) -> float:
    """How much log(1 + exp(-x)) counts: 1 for a no, `positive` for a yes."""
    return 1 + (positive - 1) * y
