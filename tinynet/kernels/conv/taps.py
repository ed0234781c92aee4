"""Sums over the taps of a window, and the way back: what each place hands to the taps it read.

Both are a Linear for each tap: ``y += x_shifted @ w``, ``dx_shifted += dy @ w.T``. A register tile
has some channels, or taps, for rows, and in each as many neighbouring places as the registers hold.
"""

from typing import Any

import numpy as np

from tinynet.kernels.conv.layout import (
    clear,
    grid_type,
    make_grid,
    pad,
    turn_lanes,
    window_type,
)
from tinynet.kernels.jit.compile import inlined, jit
from tinynet.kernels.jit.shared import shared, types
from tinynet.kernels.simd.lanes import line, room, view, widest
from tinynet.kernels.simd.tile import add_outer_at, add_to, put_tile, tile, tile_at
from tinynet.support.types import Array

TAPS = 5  # rows of a tile on the way back; most kernels are 3 or 5 wide, and 5 fill the registers


@inlined
def _rows_of(channels: int, lanes: int) -> int:
    """Rows of a tile, 4 to 6: those of which `channels` needs the least in all."""
    best = 6
    if lanes > 1:  # of few pictures, a tile takes as long with any number of rows
        for rows in range(6, 3, -1):
            if -(-channels // rows) * rows < -(-channels // best) * best:
                best = rows
    return best


@inlined
def sum_taps(x: Array, w: Array, b: Array, window: Any, y: Array) -> None:
    """y = b + the sum over all taps (c, k, l), in this order, of a weight times what it reads."""
    N, lanes = x.shape[0], len(line(x))
    in_blocks = N // lanes * lanes
    if (N - in_blocks) * 3 > lanes * 2:  # as long as a block of few pictures takes
        in_blocks = N
    if in_blocks > 0:
        sum_blocks(x, w, b, window, (0, in_blocks, lanes), y)
    if in_blocks < N:
        sum_blocks(x, w, b, window, (in_blocks, N, 1), y)


@shared(
    lambda t: (
        *(t[:, :, :, ::1], t[:, :, :, ::1], t[::1], window_type()),
        *(types.UniTuple(types.int64, 3), t[:, :, :, ::1]),
    ),
    jit,
)
def sum_blocks(x: Array, w: Array, b: Array, window: Any, blocks: Any, y: Array) -> None:
    """The same for some pictures, a block at a time: as many as a line has numbers, or one."""
    (_, C, H, W), (O, _, K, L), width = x.shape, w.shape, len(widest(x, 6))
    begin, end, lanes = blocks
    picture, grid = (C, H, W), make_grid((C, H, W), (K, L), y.shape[2:], window, lanes)
    M, R, P, rows = C * H * W, C * K * L, grid.rows * grid.columns, _rows_of(O, lanes)
    block, padded = room(M, lanes, x.dtype), room(1, grid.size + width, x.dtype)
    taken = P * lanes + width
    sums, starts = room(rows, taken, x.dtype), room(rows, width, x.dtype)
    taps = view(w, 0, (O, R))
    if O < rows:  # a tile is never smaller: what it has beyond the channels is summed, and left
        some, taps = view(w, 0, (O * R,)), room(rows, R, x.dtype)
        for r in range(taps.size):
            taps[r // R, r % R] = some[r] if r < O * R else 0
    clear(padded)
    for n in range(begin, end, lanes):
        pictures = min(lanes, end - n)
        turn_lanes(view(x, n * M, (pictures, M)), 0, block, False)
        pad(block, picture, window, padded, False)
        for first in range(0, O, rows):
            o = max(0, min(first, O - rows))  # the last channels may overlap those before
            for r in range(rows):
                starts[r] = b[min(o + r, O - 1)]
            sum_rows(view(taps, o * R, (rows, R)), padded, grid, starts, lanes > 1, sums)
            for r in range(min(rows, O)):
                row = view(sums, r * taken, (P, lanes))
                turn_lanes(view(y, n * O * P, (pictures, O * P)), (o + r) * P, row, True)


@shared(
    lambda t: (t[:, ::1], t[:, ::1], grid_type(), t[:, ::1], types.boolean, t[:, ::1]),
)
def sum_rows(w: Array, x: Array, grid: Any, starts: Array, wide: bool, sums: Array) -> None:
    """The sums of some channels, of which a tile has that many rows."""
    rows, x = w.shape[0], view(x, 0, (x.size,))
    if not wide:
        _sum(w, x, grid, starts, sums, 6, line(x))
    elif rows == 6:
        _sum(w, x, grid, starts, sums, 6, widest(x, 6))
    elif rows == 5:
        _sum(w, x, grid, starts, sums, 5, widest(x, 6))
    else:
        _sum(w, x, grid, starts, sums, 4, widest(x, 6))


@inlined
def _sum(
    w: Array, x: Array, grid: Any, starts: Array, sums: Array, rows: Any, nothing: Any
) -> None:
    apart, width = sums.shape[1], len(nothing)
    begin, sums = view(starts, 0, (starts.size,)), view(sums, 0, (sums.size,))
    across, step = (apart - starts.shape[1]) // grid.rows, starts.shape[1]
    for i in range(grid.rows):
        for first in range(0, across, width):
            j = max(0, min(first, across - width))  # beyond a short row, room is left
            total = tile_at(begin, 0, step, rows, nothing)
            for r in range(np.uint64(len(grid.at))):
                total = add_outer_at(total, w, (0, r), x, grid.at[r] + i * grid.down + j)
            put_tile(total, sums, i * across + j, apart)


@shared(lambda t: (t[:, :, :, ::1], t[:, :, :, ::1], t[::1], window_type(), t[:, :, :, ::1]), jit)
def spread_places(y: Array, w: Array, b: Array, window: Any, x: Array) -> None:
    """x = b, to which each place (i, j) of y, in this order, adds to the taps that it reads.

    What it adds to one is the sum over its channels, times their weights.
    """
    (N, C, H, W), (O, _, K, L), lanes = x.shape, w.shape, len(line(x))
    picture, grid = (C, H, W), make_grid((C, H, W), (K, L), y.shape[2:], window, lanes)
    M, R, G, size = C * H * W, C * K * L, O * grid.rows * grid.columns, grid.size // max(C, 1)
    whole = (R + TAPS - 1) // TAPS * TAPS  # a tile is never smaller: it also adds beyond the block
    at, taps = np.empty(whole, np.int64), room(whole, O, x.dtype)
    turn_taps(view(w, 0, (O, R)), grid, taps, at)
    given, block = room(G, lanes, x.dtype), room(M, lanes, x.dtype)
    padded = room(C + 1, size, x.dtype)
    for n in range(0, N, lanes):
        pictures = min(lanes, N - n)
        turn_lanes(view(y, n * G, (pictures, G)), 0, given, False)
        for c in range(C + 1):
            start = b[c] if c < C else 0
            for i in range(size):
                padded[c, i] = start
        spread_rows(given, taps, at, grid, padded)
        pad(block, picture, window, padded, True)
        turn_lanes(view(x, n * M, (pictures, M)), 0, block, True)


@shared(lambda t: (t[:, ::1], grid_type(), t[:, ::1], types.int64[::1]))
def turn_taps(w: Array, grid: Any, last_w: Array, last_at: Array) -> None:
    """Last taps first: where they are, and their weights (O, R) as (R, O).

    A number meets later places at earlier taps: so it meets them in the order of places.
    """
    O, R = w.shape
    for r in range(len(last_at)):
        last_at[r] = grid.at[R - 1 - r] if r < R else grid.size
        for o in range(O):
            last_w[r, o] = w[o, R - 1 - r] if r < R else 0


@shared(lambda t: (t[:, ::1], t[:, ::1], types.int64[::1], grid_type(), t[:, ::1]))
def spread_rows(y: Array, w: Array, at: Array, grid: Any, x: Array) -> None:
    """Let all places add to all taps, row by row."""
    y, x = view(y, 0, (y.size,)), view(x, 0, (x.size,))
    width, across = len(widest(y, 6)), grid.columns * len(line(y))
    for i in range(grid.rows):
        for r in range(0, len(at), TAPS):
            whole = across // width * width
            for j in range(0, whole, width):
                _spread_tile(y, w, at, grid, x, (i, r, j), tile(TAPS, widest(y, 6)))
            for j in range(whole, across, len(line(y))):
                _spread_tile(y, w, at, grid, x, (i, r, j), tile(TAPS, line(y)))


@inlined
def _spread_tile(
    y: Array, w: Array, at: Array, grid: Any, x: Array, where: Any, nothing: Any
) -> None:
    (i, r, j), across, total = where, grid.columns * len(line(y)), nothing
    apart, begin = np.uint64(grid.rows * across), np.uint64(i * across + j)
    for o in range(np.uint64(w.shape[1])):
        total = add_outer_at(total, w, (r, o), y, int(o * apart + begin))
    add_to(total, x, at, r, i * grid.down + j)
