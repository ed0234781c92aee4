"""Sums over the places of a window: how each weight of a kernel is to change.

For each tap it is Linear's line, ``dw = x_shifted.T @ dy``: each channel of dy meets what each tap
reads, at all places of all pictures. A register tile has DOWN channels by ACROSS taps; each lane
sums its own pictures, and at last the lanes are added.
"""

from typing import Any

import numpy as np

from tinynet.kernels.conv.layout import (
    clear,
    grid_type,
    make_grid,
    pad,
    pair_type,
    turn_lanes,
    window_type,
)
from tinynet.kernels.jit.compile import jit
from tinynet.kernels.jit.shared import shared
from tinynet.kernels.simd.lanes import line, register, room, view
from tinynet.kernels.simd.tile import add_products, put_tile, tile_at
from tinynet.support.types import Array

DOWN, ACROSS, BOTH = 4, 3, 12  # twelve sums, and the seven vectors that they are of
AT_ONCE = 100  # places, about: what they hold of dy and x stays in the L1 cache for all tiles


@shared(lambda t: (t[:, :, :, ::1], t[:, :, :, ::1], window_type(), t[:, :, :, ::1]), jit)
def sum_places(x: Array, dy: Array, window: Any, dw: Array) -> None:
    """dw = for each weight the sum over places of dy times what its tap reads, lane by lane.

    Picture n goes into sum ``n % lanes``, in the order of pictures and places; of these sums, one
    half is added to the other until one is left.
    """
    (N, C, H, W), (O, _, K, L), lanes = x.shape, dw.shape, len(line(x))
    # a tile is never smaller: what it has beyond channels and taps is summed, and left
    picture, places = (C, H, W), dy.shape[2:]
    grid = make_grid(picture, (K, L), places, window, lanes, ACROSS)
    M, R, P = C * H * W, C * K * L, grid.rows * grid.columns
    block, padded = room(M, lanes, x.dtype), room(1, grid.size, x.dtype)
    given = room(max(O, DOWN) * P, lanes, x.dtype)
    sums = room(-(-O // DOWN) * -(-R // ACROSS) * BOTH, lanes, x.dtype)
    for zeros in (padded, given, sums):
        clear(zeros)
    at_once = max(1, AT_ONCE // grid.columns)
    for n in range(0, N, lanes):
        pictures = min(lanes, N - n)
        turn_lanes(view(x, n * M, (pictures, M)), 0, block, False)
        pad(block, picture, window, padded, False)
        turn_lanes(view(dy, n * O * P, (pictures, O * P)), 0, view(given, 0, (O * P, lanes)), False)
        for i in range(0, grid.rows, at_once):
            rows = (i, min(i + at_once, grid.rows))
            sum_tiles(given, padded, grid, rows, sums)
    add_lanes(sums, view(dw, 0, (O, R)))


@shared(lambda t: (t[:, ::1], t[:, ::1]))
def add_lanes(sums: Array, dw: Array) -> None:
    """dw = the sum of each sum's lanes: one half is added to the other until one is left."""
    half = sums.shape[1] // 2
    while half > 0:
        for row in range(sums.shape[0]):
            for lane in range(half):
                sums[row, lane] += sums[row, half + lane]
        half //= 2
    (O, R), t = dw.shape, 0
    for first_o in range(0, O, DOWN):
        for first_r in range(0, R, ACROSS):
            o, r = max(0, min(first_o, O - DOWN)), max(0, min(first_r, R - ACROSS))
            for i in range(min(DOWN, O)):
                for j in range(min(ACROSS, R)):
                    dw[o + i, r + j] = sums[t + i * ACROSS + j, 0]
            t += BOTH


@shared(lambda t: (t[:, ::1], t[:, ::1], grid_type(), pair_type(), t[:, ::1]))
def sum_tiles(dy: Array, x: Array, grid: Any, rows: Any, sums: Array) -> None:
    """Add some rows of places to the sums of all tiles."""
    at, lanes, t = grid.at, len(line(x)), 0
    dy, x, sums = view(dy, 0, (dy.size,)), view(x, 0, (x.size,)), view(sums, 0, (sums.size,))
    wide = grid.columns * lanes
    apart = grid.rows * wide
    O, R = len(dy) // apart, len(at)
    for first_o in range(0, O, DOWN):
        o = min(first_o, O - DOWN)  # the last tiles may overlap those before
        for first_r in range(0, R, ACROSS):
            r = min(first_r, R - ACROSS)
            for part in range(0, lanes, len(register(x))):
                total = tile_at(sums, t + part, lanes, BOTH, register(x))
                for i in range(rows[0], rows[1]):
                    place, start = o * apart + i * wide + part, i * grid.down + part
                    for j in range(0, np.uint64(wide), lanes):
                        read = (at, r, start + j)
                        total = add_products(total, dy, (place + j, apart), x, read, ACROSS)
                put_tile(total, sums, t + part, lanes)
            t += BOTH * lanes
