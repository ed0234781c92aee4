"""Kernels over the channels of pictures (N, C, H, W): mean and variance, and what goes by them.

They are those of ``columns.py`` for numbers that lie one behind the other: the H * W positions of a
channel. A sum over a channel is kept in float64, one for each position at first, so that neighbours
are added side by side, as vectors; then these are folded in halves.
"""

import numpy as np

from tinynet.kernels.jit.compile import inlined
from tinynet.kernels.jit.kernel import kernel
from tinynet.kernels.simd.lanes import room, view
from tinynet.support.types import Array

OVER = (0, 2, 3)  # the axes that a channel's statistics go over


def beside(channels: Array) -> Array:
    """(C,) as (C, 1, 1): a number for each channel, beside its positions."""
    return channels[:, np.newaxis, np.newaxis]


@inlined
def _by_position(pictures: Array) -> Array:
    """The pictures as (N, C, H * W)."""
    N, C, H, W = pictures.shape
    return view(pictures, 0, (N, C, H * W))


@inlined
def _zeros(positions: int) -> Array:
    """A sum for each position, none of which has begun; np.zeros would take longer to compile."""
    totals = view(room(1, positions, np.float64), 0, (positions,))
    for i in range(positions):
        totals[i] = 0
    return totals


@inlined
def _folded(totals: Array) -> float:
    """Their sum, in halves: the second is added onto the first, until one number is left."""
    size = totals.size
    while size > 1:
        half = (size + 1) // 2
        for i in range(size - half):
            totals[i] += totals[half + i]
        size = half
    return totals[0] if size else np.float64(0)


def channel_mean_reference(x: Array) -> Array:
    return x.mean(axis=OVER, dtype=np.float64)


@kernel(channel_mean_reference, equation="mean = x.sum(axis=(0, 2, 3)) / (N * H * W)")
def channel_mean(x: Array, mean: Array) -> None:
    xs = _by_position(x)
    N, C, positions = xs.shape
    for c in range(C):
        totals = _zeros(positions)
        for n in range(N):
            for i in range(positions):
                totals[i] += xs[n, c, i]
        mean[c] = _folded(totals) / (N * positions)


def channel_variance_reference(x: Array, mean: Array) -> Array:
    return ((x - beside(mean)) ** 2).mean(axis=OVER, dtype=np.float64)


@kernel(
    channel_variance_reference,
    equation="var = ((x - mean) ** 2).sum(axis=(0, 2, 3)) / (N * H * W)",
)
def channel_variance(x: Array, mean: Array, var: Array) -> None:
    xs = _by_position(x)
    N, C, positions = xs.shape
    for c in range(C):
        totals, middle = _zeros(positions), np.float64(mean[c])
        for n in range(N):
            for i in range(positions):
                difference = np.float64(xs[n, c, i]) - middle
                totals[i] += difference * difference
        var[c] = _folded(totals) / (N * positions)


def channel_sums_reference(dy: Array) -> Array:
    return dy.sum(axis=OVER, dtype=np.float64)


@kernel(channel_sums_reference, equation="dbias = dy.sum(axis=(0, 2, 3))")
def channel_sums(dy: Array, dbias: Array) -> None:
    dys = _by_position(dy)
    N, C, positions = dys.shape
    for c in range(C):
        totals = _zeros(positions)
        for n in range(N):
            for i in range(positions):
                totals[i] += dys[n, c, i]
        dbias[c] = _folded(totals)


def channel_products_reference(dy: Array, z: Array) -> Array:
    return (dy * z).sum(axis=OVER, dtype=np.float64)


@kernel(channel_products_reference, equation="dweight = (dy * z).sum(axis=(0, 2, 3))")
def channel_products(dy: Array, z: Array, dweight: Array) -> None:
    dys, zs = _by_position(dy), _by_position(z)
    N, C, positions = zs.shape
    for c in range(C):
        totals = _zeros(positions)
        for n in range(N):
            for i in range(positions):
                totals[i] += np.float64(dys[n, c, i]) * np.float64(zs[n, c, i])
        dweight[c] = _folded(totals)


def normalize_channels_reference(x: Array, mean: Array, var: Array, eps: float) -> Array:
    return (x - beside(mean)) / np.sqrt(beside(var) + eps)


@kernel(normalize_channels_reference, equation="z = (x - mean) / sqrt(var + eps)")
def normalize_channels(x: Array, mean: Array, var: Array, eps: float, z: Array) -> None:
    xs, zs = _by_position(x), _by_position(z)
    N, C, positions = xs.shape
    for n in range(N):
        for c in range(C):
            inverse = var.dtype.type(1 / np.sqrt(np.float64(var[c]) + eps))
            for i in range(positions):
                zs[n, c, i] = (xs[n, c, i] - mean[c]) * inverse


def normalize_channels_dx_reference(dz: Array, z: Array, var: Array, eps: float) -> Array:
    through_mean, through_variance = dz.mean(axis=OVER), (dz * z).mean(axis=OVER)
    dx = dz - beside(through_mean) - z * beside(through_variance)
    return dx / np.sqrt(beside(var) + eps)


@kernel(
    normalize_channels_dx_reference,
    equation="dx = (dz - dz.mean(axis=(0, 2, 3)) - z * (dz * z).mean(axis=(0, 2, 3)))"
    " / sqrt(var + eps)",
)
def normalize_channels_dx(dz: Array, z: Array, var: Array, eps: float, dx: Array) -> None:
    dzs, zs, dxs = _by_position(dz), _by_position(z), _by_position(dx)
    N, C, positions = zs.shape
    for c in range(C):
        through_mean, through_variance = _zeros(positions), _zeros(positions)
        for n in range(N):
            for i in range(positions):
                through_mean[i] += dzs[n, c, i]
                through_variance[i] += np.float64(dzs[n, c, i]) * np.float64(zs[n, c, i])
        mean = var.dtype.type(_folded(through_mean) / (N * positions))
        slope = var.dtype.type(_folded(through_variance) / (N * positions))
        inverse = var.dtype.type(1 / np.sqrt(np.float64(var[c]) + eps))
        for n in range(N):
            for i in range(positions):
                dxs[n, c, i] = (dzs[n, c, i] - mean - zs[n, c, i] * slope) * inverse


def by_channel_deviation_reference(dz: Array, var: Array, eps: float) -> Array:
    return dz / np.sqrt(beside(var) + eps)


@kernel(by_channel_deviation_reference, equation="dx = dz / sqrt(var + eps)")
def by_channel_deviation(dz: Array, var: Array, eps: float, dx: Array) -> None:
    dzs, dxs = _by_position(dz), _by_position(dx)
    N, C, positions = dzs.shape
    for n in range(N):
        for c in range(C):
            inverse = var.dtype.type(1 / np.sqrt(np.float64(var[c]) + eps))
            for i in range(positions):
                dxs[n, c, i] = dzs[n, c, i] * inverse


def scale_channels_reference(dy: Array, weight: Array) -> Array:
    return dy * beside(weight)


@kernel(scale_channels_reference, equation="dz = dy * weight")
def scale_channels(dy: Array, weight: Array, dz: Array) -> None:
    dys, dzs = _by_position(dy), _by_position(dz)
    N, C, positions = dys.shape
    for n in range(N):
        for c in range(C):
            factor = weight[c]
            for i in range(positions):
                dzs[n, c, i] = dys[n, c, i] * factor


def scale_and_shift_channels_reference(z: Array, weight: Array, bias: Array) -> Array:
    return z * beside(weight) + beside(bias)


@kernel(scale_and_shift_channels_reference, equation="y = z * weight + bias")
def scale_and_shift_channels(z: Array, weight: Array, bias: Array, y: Array) -> None:
    zs, ys = _by_position(z), _by_position(y)
    N, C, positions = zs.shape
    for n in range(N):
        for c in range(C):
            factor, shift = weight[c], bias[c]
            for i in range(positions):
                ys[n, c, i] = zs[n, c, i] * factor + shift
