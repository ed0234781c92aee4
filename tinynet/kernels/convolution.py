"""Convolution: each tap of the kernel is one Linear on a shifted image.

Tap (k, l) of a kernel meets, for all places (i, j) of its window, one number of the picture each:
the picture, shifted. With channels last these are rows of features, and there are Linear's lines,
once for each tap::

    y          += x_shifted @ w[:, :, k, l].T      (N, H', W', O) += (N, H', W', C) @ (C, O)
    dx_shifted += dy @ w[:, :, k, l]               (N, H', W', C) += (N, H', W', O) @ (O, C)
    dw[:, :, k, l] = dy.T @ x_shifted              (O, C) = (O, N H' W') @ (N H' W', C)

Padding is zeros around the picture that take part like all numbers. What runs (``conv/``) gives the
bits of the plain loops here: they say in which order numbers are added.
"""

import numpy as np

from tinynet.kernels.conv.places import sum_places
from tinynet.kernels.conv.taps import spread_places, sum_taps
from tinynet.kernels.jit.compile import inlined, jit
from tinynet.kernels.jit.kernel import kernel
from tinynet.kernels.simd.lanes import fma, line
from tinynet.support.types import Array
from tinynet.support.windows import Two


def _shifted(padded: Array, tap: Two, places: Two, stride: Two, dilation: Two) -> Array:
    """A view of padded pictures (N, H, W, C): what one tap meets at all places, (N, H', W', C)."""
    (k, l), (rows, columns) = tap, places
    down = slice(k * dilation[0], k * dilation[0] + stride[0] * rows, stride[0])
    across = slice(l * dilation[1], l * dilation[1] + stride[1] * columns, stride[1])
    return padded[:, down, across]


def _padded(x: Array, padding: Two) -> Array:
    """(N, C, H, W) as (N, H + 2p, W + 2p, C), zeros around."""
    last = np.moveaxis(x, 1, -1)
    return np.pad(last, ((0, 0), (padding[0],) * 2, (padding[1],) * 2, (0, 0)))


def conv2d_reference(
    x: Array, w: Array, b: Array, places: Two, stride: Two, padding: Two, dilation: Two
) -> Array:
    """The forward pass of Conv2d: (N, C, H, W), (O, C, K, L), (O,) -> (N, O, *places)."""
    padded, (K, L) = _padded(x, padding), w.shape[2:]
    y = np.zeros((len(x), *places, len(w)), x.dtype)
    for k in range(K):
        for l in range(L):
            y += _shifted(padded, (k, l), places, stride, dilation) @ w[:, :, k, l].T
    return np.moveaxis(y + b, -1, 1)


@inlined
def _number_at(x: Array, n: int, c: int, i: int, j: int) -> float:
    """Number (c, i, j) of picture n, 0 around it."""
    inside = 0 <= i < x.shape[2] and 0 <= j < x.shape[3]
    return x[n, c, i, j] if inside else x.dtype.type(0)


@jit
def _sum_taps_plain(
    x: Array, w: Array, b: Array, stride: Two, padding: Two, dilation: Two, y: Array
) -> None:
    (N, O, H, W), (_, C, K, L) = y.shape, w.shape
    for n in range(N):
        for o in range(O):
            for i in range(H):
                for j in range(W):
                    total = b[o]
                    for c in range(C):
                        for k in range(K):
                            for l in range(L):
                                row = i * stride[0] + k * dilation[0] - padding[0]
                                column = j * stride[1] + l * dilation[1] - padding[1]
                                number = _number_at(x, n, c, row, column)
                                total = fma(w[o, c, k, l], number, total)
                    y[n, o, i, j] = total


def conv2d_plain(
    x: Array, w: Array, b: Array, places: Two, stride: Two, padding: Two, dilation: Two, y: Array
) -> None:
    _sum_taps_plain(x, w, b, stride, padding, dilation, y)


@kernel(conv2d_reference, equation="y = conv2d(x, w) + b", plain=conv2d_plain)
def conv2d(
    x: Array, w: Array, b: Array, places: Two, stride: Two, padding: Two, dilation: Two, y: Array
) -> None:
    sum_taps(x, w, b, (stride, padding, dilation), y)


def conv_transpose2d_reference(
    x: Array, w: Array, b: Array, size: Two, stride: Two, padding: Two, dilation: Two
) -> Array:
    """The forward pass of ConvTranspose2d: (N, I, H, W), (I, O, K, L), (O,) -> (N, O, *size)."""
    (_, O, K, L), x = w.shape, np.moveaxis(x, 1, -1)
    whole = [size[axis] + 2 * padding[axis] for axis in range(2)]
    padded = np.zeros((len(x), *whole, O), x.dtype)
    for k in range(K):
        for l in range(L):
            shifted = _shifted(padded, (k, l), x.shape[1:3], stride, dilation)
            shifted += x @ w[:, :, k, l]
    inside = padded[:, padding[0] : whole[0] - padding[0], padding[1] : whole[1] - padding[1]]
    return np.moveaxis(inside + b, -1, 1)


@jit
def _spread_plain(
    x: Array, w: Array, b: Array, stride: Two, padding: Two, dilation: Two, y: Array
) -> None:
    (N, I, H, W), (_, O, K, L) = x.shape, w.shape
    for n in range(N):
        for o in range(O):
            y[n, o] = b[o]
        for i in range(H):
            for j in range(W):
                for o in range(O):
                    for k in range(K):
                        for l in range(L):
                            row = i * stride[0] + k * dilation[0] - padding[0]
                            column = j * stride[1] + l * dilation[1] - padding[1]
                            if 0 <= row < y.shape[2] and 0 <= column < y.shape[3]:
                                total = x.dtype.type(0)
                                for c in range(I):
                                    total = fma(w[c, o, k, l], x[n, c, i, j], total)
                                y[n, o, row, column] += total


def conv_transpose2d_plain(
    x: Array, w: Array, b: Array, size: Two, stride: Two, padding: Two, dilation: Two, y: Array
) -> None:
    _spread_plain(x, w, b, stride, padding, dilation, y)


@kernel(
    conv_transpose2d_reference,
    equation="y = conv_transpose2d(x, w) + b",
    plain=conv_transpose2d_plain,
)
def conv_transpose2d(
    x: Array, w: Array, b: Array, size: Two, stride: Two, padding: Two, dilation: Two, y: Array
) -> None:
    spread_places(x, w, b, (stride, padding, dilation), y)


def conv2d_dx_reference(
    dy: Array, w: Array, size: Two, stride: Two, padding: Two, dilation: Two
) -> Array:
    """dLoss/dx of Conv2d: (N, O, H', W'), (O, C, K, L) -> (N, C, *size)."""
    b = np.zeros(w.shape[1], w.dtype)
    return conv_transpose2d_reference(dy, w, b, size, stride, padding, dilation)


def conv2d_dx_plain(
    dy: Array, w: Array, size: Two, stride: Two, padding: Two, dilation: Two, dx: Array
) -> None:
    _spread_plain(dy, w, np.zeros(w.shape[1], w.dtype), stride, padding, dilation, dx)


@kernel(conv2d_dx_reference, equation="dx = conv_transpose2d(dy, w)", plain=conv2d_dx_plain)
def conv2d_dx(
    dy: Array, w: Array, size: Two, stride: Two, padding: Two, dilation: Two, dx: Array
) -> None:
    spread_places(dy, w, np.zeros(w.shape[1], w.dtype), (stride, padding, dilation), dx)


def conv_transpose2d_dx_reference(
    dy: Array, w: Array, size: Two, stride: Two, padding: Two, dilation: Two
) -> Array:
    """dLoss/dx of ConvTranspose2d: (N, O, H', W'), (I, O, K, L) -> (N, I, *size)."""
    return conv2d_reference(dy, w, np.zeros(len(w), w.dtype), size, stride, padding, dilation)


def conv_transpose2d_dx_plain(
    dy: Array, w: Array, size: Two, stride: Two, padding: Two, dilation: Two, dx: Array
) -> None:
    _sum_taps_plain(dy, w, np.zeros(len(w), w.dtype), stride, padding, dilation, dx)


@kernel(
    conv_transpose2d_dx_reference, equation="dx = conv2d(dy, w)", plain=conv_transpose2d_dx_plain
)
def conv_transpose2d_dx(
    dy: Array, w: Array, size: Two, stride: Two, padding: Two, dilation: Two, dx: Array
) -> None:
    sum_taps(dy, w, np.zeros(len(w), w.dtype), (stride, padding, dilation), dx)


def conv2d_dw_reference(
    x: Array, dy: Array, kernel_size: Two, stride: Two, padding: Two, dilation: Two
) -> Array:
    """dLoss/dw of Conv2d: (N, C, H, W), (N, O, H', W') -> (O, C, K, L)."""
    padded, places, (K, L) = _padded(x, padding), dy.shape[2:], kernel_size
    dw = np.empty((dy.shape[1], x.shape[1], K, L), x.dtype)
    for k in range(K):
        for l in range(L):
            shifted = _shifted(padded, (k, l), places, stride, dilation)
            dw[:, :, k, l] = np.tensordot(dy, shifted, axes=((0, 2, 3), (0, 1, 2)))
    return dw


def conv2d_dw_plain(
    x: Array,
    dy: Array,
    kernel_size: Two,
    stride: Two,
    padding: Two,
    dilation: Two,
    dw: Array,
) -> None:
    (N, _, H, W), (O, C, K, L), lanes = dy.shape, dw.shape, len(line(x))
    for o in range(O):
        for c in range(C):
            for k in range(K):
                for l in range(L):
                    sums = np.zeros(lanes, x.dtype)
                    for n in range(N):
                        for i in range(H):
                            for j in range(W):
                                row = i * stride[0] + k * dilation[0] - padding[0]
                                column = j * stride[1] + l * dilation[1] - padding[1]
                                number = _number_at(x, n, c, row, column)
                                sums[n % lanes] = fma(dy[n, o, i, j], number, sums[n % lanes])
                    while len(sums) > 1:
                        half = len(sums) // 2
                        sums = sums[:half] + sums[half:]
                    dw[o, c, k, l] = sums[0]


@kernel(
    conv2d_dw_reference,
    equation="dw = conv2d of x by dy, for each tap dy.T @ x_shifted",
    plain=conv2d_dw_plain,
)
def conv2d_dw(
    x: Array,
    dy: Array,
    kernel_size: Two,
    stride: Two,
    padding: Two,
    dilation: Two,
    dw: Array,
) -> None:
    sum_places(x, dy, (stride, padding, dilation), dw)
