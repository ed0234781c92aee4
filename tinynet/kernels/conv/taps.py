"""Sums over the taps of a window, and the way back: what each place hands to the taps it read.

Both are a Linear for each tap: ``y += x_shifted @ w``, ``dx_shifted += dy @ w.T``. A register tile
has some channels, or taps, for rows, and in each as many neighbouring places as the registers hold.
"""

from typing import Any

import numpy as np

from tinynet.kernels.conv.layout import (
    from_lanes,
    grid_type,
    make_grid,
    pad,
    to_lanes,
    unpad,
    window_type,
)
from tinynet.kernels.jit.compile import inlined, inner, jit
from tinynet.kernels.jit.shared import shared, types
from tinynet.kernels.simd.lanes import line, lines
from tinynet.kernels.simd.tile import add_outer_at, add_to, put_tile, tile, tile_at
from tinynet.support.types import Array

TAPS = 5  # rows of a tile on the way back; most kernels are 3 or 5 wide, and 5 fill the registers


@inlined
def _rows_of(channels: int) -> int:
    """Rows of a tile, 4 to 6: those of which `channels` needs the least in all; 1 if too few."""
    best = 1
    if channels >= 4:
        best, least = 4, -(-channels // 4) * 4
        for rows in range(5, min(channels, 6) + 1):
            if -(-channels // rows) * rows <= least:
                best, least = rows, -(-channels // rows) * rows
    return best


@inlined
def sum_taps(x: Array, w: Array, b: Array, window: Any, y: Array) -> None:
    """y = b + the sum over all taps (c, k, l), in this order, of a weight times what it reads."""
    N, lanes = x.shape[0], len(line(x))
    in_blocks = N // lanes * lanes
    if (N - in_blocks) * 3 > lanes * 2:  # as long as a block of few pictures takes
        in_blocks = N
    if in_blocks > 0:
        sum_blocks(x[:in_blocks], w, b, window, lanes, y[:in_blocks])
    if in_blocks < N:
        sum_blocks(x[in_blocks:], w, b, window, 1, y[in_blocks:])


@shared(
    lambda t: (
        *(t[:, :, :, ::1], t[:, :, :, ::1], t[::1], window_type(), types.int64),
        t[:, :, :, ::1],
    ),
    jit,
)
def sum_blocks(x: Array, w: Array, b: Array, window: Any, lanes: int, y: Array) -> None:
    """The same, so many pictures at a time: as many as a line has numbers, or one."""
    (N, C, H, W), (O, _, K, L), width = x.shape, w.shape, len(lines(x))
    picture, grid = (C, H, W), make_grid((C, H, W), (K, L), y.shape[2:], window, lanes)
    block, padded = np.empty((C * H * W, lanes), x.dtype), np.zeros(grid.size + width, x.dtype)
    rows, taken = _rows_of(O), grid.rows * grid.columns * lanes
    sums, starts = np.empty((rows, taken + width), x.dtype), np.empty((rows, width), x.dtype)
    inputs, taps = x.reshape(N, C * H * W), w.reshape(O, C * K * L)
    outputs = y.reshape(N, O, grid.rows * grid.columns)
    for n in range(0, N, lanes):
        to_lanes(inputs[n : n + lanes], block)
        pad(block, picture, window, padded)
        for first in range(0, O, rows):
            o = min(first, O - rows)  # the last channels may overlap those before
            for r in range(rows):
                starts[r] = b[o + r]
            sum_rows(taps[o : o + rows], padded, grid, starts, lanes > 1, sums)
            for r in range(rows):
                from_lanes(sums[r, :taken].reshape(-1, lanes), outputs[n : n + lanes, o + r])


@shared(
    lambda t: (t[:, ::1], t[::1], grid_type(), t[:, ::1], types.boolean, t[:, ::1]),
)
def sum_rows(w: Array, x: Array, grid: Any, starts: Array, wide: bool, sums: Array) -> None:
    """The sums of some channels, of which a tile has that many rows."""
    if wide:
        _by_rows(w, x, grid, starts, sums, lines(x))
    else:
        _by_rows(w, x, grid, starts, sums, line(x))


@inner
def _by_rows(w: Array, x: Array, grid: Any, starts: Array, sums: Array, nothing: Any) -> None:
    if w.shape[0] == 6:
        _sum(w, x, grid, starts, sums, 6, nothing)
    elif w.shape[0] == 5:
        _sum(w, x, grid, starts, sums, 5, nothing)
    elif w.shape[0] == 4:
        _sum(w, x, grid, starts, sums, 4, nothing)
    else:
        _sum(w, x, grid, starts, sums, 1, nothing)


@inlined
def _sum(
    w: Array, x: Array, grid: Any, starts: Array, sums: Array, rows: Any, nothing: Any
) -> None:
    apart, width, begin = sums.shape[1], len(nothing), starts.reshape(-1)
    across = (apart - starts.shape[1]) // grid.rows
    for i in range(grid.rows):
        for first in range(0, across, width):
            j = max(0, min(first, across - width))  # beyond a short row, room is left
            total = tile_at(begin, 0, starts.shape[1], rows, nothing)
            for r in range(np.uint64(len(grid.at))):
                total = add_outer_at(total, w, (0, r), x, grid.at[r] + i * grid.down + j)
            put_tile(total, sums.reshape(-1), i * across + j, apart)


@shared(lambda t: (t[:, :, :, ::1], t[:, :, :, ::1], t[::1], window_type(), t[:, :, :, ::1]), jit)
def spread_places(y: Array, w: Array, b: Array, window: Any, x: Array) -> None:
    """x = b, to which each place (i, j) of y, in this order, adds to the taps that it reads.

    What it adds to one is the sum over its channels, times their weights.
    """
    (N, C, H, W), (O, _, K, L), lanes = x.shape, w.shape, len(line(x))
    picture, grid = (C, H, W), make_grid((C, H, W), (K, L), y.shape[2:], window, lanes)
    places, R = grid.rows * grid.columns, C * K * L
    # A number meets later places at earlier taps. Last taps first, all orders of places are one.
    at, taps = grid.at[::-1].copy(), w.reshape(O, R)[:, ::-1].T.copy()
    given, block = np.empty((O * places, lanes), x.dtype), np.empty((C * H * W, lanes), x.dtype)
    padded = np.empty((C, grid.size // C), x.dtype)
    inputs, outputs = y.reshape(N, O * places), x.reshape(N, C * H * W)
    for n in range(0, N, lanes):
        to_lanes(inputs[n : n + lanes], given)
        for c in range(C):
            padded[c] = b[c]
        for i in range(grid.rows):
            row = given.reshape(-1)[i * grid.columns * lanes :]
            spread_row(row, taps, at, grid, padded.reshape(-1)[i * grid.down :])
        unpad(padded.reshape(-1), picture, window, block)
        from_lanes(block, outputs[n : n + lanes])


@shared(lambda t: (t[::1], t[:, ::1], types.int64[::1], grid_type(), t[::1]))
def spread_row(y: Array, w: Array, at: Array, grid: Any, x: Array) -> None:
    """Let one row of places add to all taps."""
    R, whole = len(at), len(at) // TAPS * TAPS
    for r in range(0, whole, TAPS):
        _spread_taps(y, w[r : r + TAPS], at[r:], grid, x, TAPS)
    for r in range(whole, R):
        _spread_taps(y, w[r : r + 1], at[r:], grid, x, 1)


@inlined
def _spread_taps(y: Array, w: Array, at: Array, grid: Any, x: Array, rows: Any) -> None:
    width, across = len(lines(y)), grid.columns * len(line(y))
    whole = across // width * width
    for j in range(0, whole, width):
        _spread_tile(y, w, at, grid, x, j, tile(rows, lines(y)))
    for j in range(whole, across, len(line(y))):
        _spread_tile(y, w, at, grid, x, j, tile(rows, line(y)))


@inlined
def _spread_tile(y: Array, w: Array, at: Array, grid: Any, x: Array, j: int, nothing: Any) -> None:
    apart, total = np.uint64(grid.rows * grid.columns * len(line(y))), nothing
    for o in range(np.uint64(w.shape[1])):
        total = add_outer_at(total, w, (0, o), y, int(o * apart + np.uint64(j)))
    add_to(total, x, at, 0, j)
