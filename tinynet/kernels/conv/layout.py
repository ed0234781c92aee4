"""Pictures with the batch last, in blocks of a cache line: 16 pictures of float32, 8 of float64.

Number (c, i, j) of all pictures in a block is one line of memory, and one or two vectors. So a
window of any size, stride or dilation computes with whole vectors, and no lane knows of another: a
picture alone gets the bits that it has in a batch. A few pictures are taken one by one, in blocks
of one lane; there, neighbouring numbers of a row make a vector.
"""

from typing import Any, NamedTuple

import numpy as np

from tinynet.kernels.jit.compile import inlined
from tinynet.kernels.jit.shared import shared, types
from tinynet.kernels.simd.lanes import line, turn
from tinynet.kernels.simd.tile import put_tile, tile_at
from tinynet.support.types import Array


class Grid(NamedTuple):
    """Where a window's numbers lie in a block of padded pictures.

    Those of tap r = (c, k, l), with the window at place (i, j), begin at ``at[r] + i * down + j *
    lanes``. Columns that a stride steps over lie apart, so that neighbouring places do not.

    Attributes
    ----------
    at : ndarray (R,) of int64
    down : int
        From one row of places to the next.
    rows, columns : int
        Places of the window.
    size : int
        Numbers of the padded block.
    """

    at: Array
    down: int
    rows: int
    columns: int
    size: int


def window_type() -> Any:
    """A window: stride, padding and dilation, down and across each."""
    return types.UniTuple(types.UniTuple(types.int64, 2), 3)


def grid_type() -> Any:
    return types.NamedTuple((types.int64[::1], *[types.int64] * 4), Grid)


def picture_type() -> Any:
    return types.UniTuple(types.int64, 3)


@inlined
def make_grid(picture: Any, kernel: Any, places: Any, window: Any, lanes: int) -> Any:
    """The grid of a window with kernels (K, L) over pictures (C, H, W), of so many places."""
    (C, H, W), (K, L), (stride, padding, dilation) = picture, kernel, window
    apart = -(-(W + 2 * padding[1]) // stride[1])
    across, height = apart * stride[1], H + 2 * padding[0]
    at = np.empty(C * K * L, np.int64)
    for c in range(C):
        for k in range(K):
            for l in range(L):
                column = l * dilation[1]
                place = column % stride[1] * apart + column // stride[1]
                at[(c * K + k) * L + l] = ((c * height + k * dilation[0]) * across + place) * lanes
    (rows, columns), size = places, C * height * across * lanes
    return Grid(at, stride[0] * across * lanes, rows, columns, size)


@shared(lambda t: (t[:, :], t[:, ::1]))
def to_lanes(x: Array, block: Array) -> None:
    """Turn rows (n, M) into (M, lanes), with zeros in lanes without a row."""
    (rows, M), lanes = x.shape, block.shape[1]
    if rows == lanes and lanes >= 8 and M >= 8:
        for n in range(0, lanes, 8):
            for m in range(0, M, 8):
                turn(x, (n, min(m, M - 8)), block)
        return
    for m in range(M):
        for n in range(lanes):
            block[m, n] = x[n, m] if n < rows else 0


@shared(lambda t: (t[:, ::1], t[:, :]))
def from_lanes(block: Array, x: Array) -> None:
    """Turn (M, lanes) into as many rows (n, M) as there are."""
    (rows, M), lanes = x.shape, block.shape[1]
    if rows == lanes and lanes >= 8 and M >= 8:
        for m in range(0, M, 8):
            for n in range(0, lanes, 8):
                turn(block, (min(m, M - 8), n), x)
        return
    for n in range(rows):
        for m in range(M):
            x[n, m] = block[m, n]


@inlined
def _place(picture: Any, window: Any, c: int, i: int, j: int) -> int:
    """Which line of a padded block number (c, i, j) of a picture is."""
    (_, H, W), (stride, padding, _) = picture, window
    apart, column = -(-(W + 2 * padding[1]) // stride[1]), j + padding[1]
    row = (c * (H + 2 * padding[0]) + i + padding[0]) * stride[1] + column % stride[1]
    return row * apart + column // stride[1]


@shared(lambda t: (t[:, ::1], picture_type(), window_type(), t[::1]))
def pad(block: Array, picture: Any, window: Any, padded: Array) -> None:
    """Write the lines of pictures (C, H, W), one after the other, to where a grid has them."""
    (C, H, W), lanes, flat, m = picture, block.shape[1], block.reshape(-1), 0
    for c in range(C):
        for i in range(H):
            for j in range(W):
                place = _place(picture, window, c, i, j) * lanes
                if lanes == 1:
                    padded[place] = flat[m]
                else:
                    put_tile(tile_at(flat, m, lanes, 1, line(flat)), padded, place, lanes)
                m += lanes


@shared(lambda t: (t[::1], picture_type(), window_type(), t[:, ::1]))
def unpad(padded: Array, picture: Any, window: Any, block: Array) -> None:
    """The way back, of blocks of many lanes."""
    (C, H, W), lanes, flat, m = picture, block.shape[1], block.reshape(-1), 0
    for c in range(C):
        for i in range(H):
            for j in range(W):
                place = _place(picture, window, c, i, j) * lanes
                put_tile(tile_at(padded, place, lanes, 1, line(flat)), flat, m, lanes)
                m += lanes
