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
from tinynet.kernels.simd.lanes import line, turn, view
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


def pair_type() -> Any:
    return types.UniTuple(types.int64, 2)


@inlined
def make_grid(
    picture: Any, kernel: Any, places: Any, window: Any, lanes: int, taps: int = 0
) -> Any:
    """The grid of a window with kernels (K, L) over pictures (C, H, W), of so many places.

    With `taps`, it has at least so many: those beyond its own read number 0.
    """
    at = np.empty(max(picture[0] * kernel[0] * kernel[1], taps), np.int64)
    across, size = find_taps(at, picture, kernel, window, lanes)
    return Grid(at, window[0][0] * across, places[0], places[1], size)


@shared(lambda t: (types.int64[::1], picture_type(), pair_type(), window_type(), types.int64))
def find_taps(at: Array, picture: Any, kernel: Any, window: Any, lanes: int) -> Any:
    """Fill `at`; how far rows of pictures are apart, and how many numbers a block has."""
    (C, H, W), (K, L), (stride, padding, dilation) = picture, kernel, window
    apart = (W + 2 * padding[1] + stride[1] - 1) // stride[1]
    across, height, r = apart * stride[1] * lanes, H + 2 * padding[0], 0
    for c in range(C):
        for k in range(K):
            row, step, column = (c * height + k * dilation[0]) * across, 0, 0
            for _ in range(L):
                at[r] = row + (column * apart + step) * lanes
                r += 1
                column += dilation[1]
                while column >= stride[1]:
                    column, step = column - stride[1], step + 1
    while r < len(at):
        at[r] = 0
        r += 1
    return across, C * height * across


@shared(lambda t: (t[:, ::1],))
def clear(numbers: Array) -> None:
    for i in range(numbers.shape[0]):
        for j in range(numbers.shape[1]):
            numbers[i, j] = 0


@shared(lambda t: (t[:, ::1], types.int64, t[:, ::1], types.boolean))
def turn_lanes(x: Array, first: int, block: Array, back: bool) -> None:
    """Turn columns of rows (n, M), from the first on, into a block (M, lanes), or back.

    Lanes without a row get zeros.
    """
    rows, (M, lanes) = x[:, first:], block.shape
    if len(rows) == lanes and lanes >= 8 and M >= 8:
        for n in range(0, lanes, 8):
            for start in range(0, M, 8):
                m = min(start, M - 8)
                if back:
                    turn(block, (m, n), rows)
                else:
                    turn(rows, (n, m), block)
        return
    for n in range(lanes):
        for m in range(M):
            if not back:
                block[m, n] = rows[n, m] if n < len(rows) else 0
            elif n < len(rows):
                rows[n, m] = block[m, n]


@shared(lambda t: (t[:, ::1], picture_type(), window_type(), t[:, ::1], types.boolean))
def pad(block: Array, picture: Any, window: Any, padded: Array, back: bool) -> None:
    """Write the lines of pictures (C, H, W), one after the other, to where a grid has them.

    Or back, where lines are long.
    """
    (C, H, W), (stride, padding, _), lanes, m = picture, window, block.shape[1], 0
    flat, there = view(block, 0, (block.size,)), view(padded, 0, (padded.size,))
    apart = (W + 2 * padding[1] + stride[1] - 1) // stride[1] * lanes
    before, first = padding[1] // stride[1] * lanes, padding[1] % stride[1]
    for c in range(C):
        for i in range(H):
            row = (c * (H + 2 * padding[0]) + i + padding[0]) * stride[1] * apart + before
            column, step = first, row
            for _ in range(W):
                place = step + column * apart
                if lanes == 1:
                    there[place] = flat[m]
                elif back:
                    put_tile(tile_at(there, place, lanes, 1, line(flat)), flat, m, lanes)
                else:
                    put_tile(tile_at(flat, m, lanes, 1, line(flat)), there, place, lanes)
                m += lanes
                column += 1
                if column == stride[1]:
                    column, step = 0, step + lanes
