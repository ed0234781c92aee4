"""Sums over the places of a window: how each weight of a kernel is to change.

For each tap it is Linear's line, ``dw = x_shifted.T @ dy``: each channel of dy meets what each tap
reads, at all places of all pictures. A register tile has DOWN channels by ACROSS taps; each lane
sums its own pictures, and at last the lanes are added.
"""

from typing import Any

import numpy as np

from tinynet.kernels.conv.layout import make_grid, pad, to_lanes, window_type
from tinynet.kernels.jit.compile import inlined, inner, jit
from tinynet.kernels.jit.shared import shared
from tinynet.kernels.simd.lanes import line, register
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
    picture, grid = (C, H, W), make_grid((C, H, W), (K, L), dy.shape[2:], window, lanes)
    places, R = grid.rows * grid.columns, C * K * L
    block, padded = np.empty((C * H * W, lanes), x.dtype), np.zeros(grid.size, x.dtype)
    given = np.empty((O * places, lanes), x.dtype)
    down, across = DOWN if O >= DOWN else 1, ACROSS if R >= ACROSS else 1
    sums = np.zeros((-(-O // down) * -(-R // across) * down * across, lanes), x.dtype)
    inputs, outputs = x.reshape(N, C * H * W), dy.reshape(N, O * places)
    at_once = max(1, AT_ONCE // grid.columns)
    for n in range(0, N, lanes):
        to_lanes(inputs[n : n + lanes], block)
        pad(block, picture, window, padded)
        to_lanes(outputs[n : n + lanes], given)
        for i in range(0, grid.rows, at_once):
            rows = (i, min(i + at_once, grid.rows))
            _by_tiles(given.reshape(-1), padded, grid, rows, (down, across), sums.reshape(-1))
    out, t = dw.reshape(O, R), 0
    for o in range(0, O, down):
        for r in range(0, R, across):
            for k in range(down * across):
                half = lanes // 2
                while half > 0:
                    for lane in range(half):
                        sums[t, lane] += sums[t, lane + half]
                    half //= 2
                out[min(o, O - down) + k // across, min(r, R - across) + k % across] = sums[t, 0]
                t += 1


@inner
def _by_tiles(dy: Array, x: Array, grid: Any, rows: Any, size: Any, sums: Array) -> None:
    if size == (DOWN, ACROSS):
        _sum(dy, x, grid, rows, sums, DOWN, ACROSS, BOTH)
    elif size == (DOWN, 1):
        _sum(dy, x, grid, rows, sums, DOWN, 1, DOWN)
    elif size == (1, ACROSS):
        _sum(dy, x, grid, rows, sums, 1, ACROSS, ACROSS)
    else:
        _sum(dy, x, grid, rows, sums, 1, 1, 1)


@inlined
def _sum(
    dy: Array, x: Array, grid: Any, rows: Any, sums: Array, down: Any, across: Any, both: Any
) -> None:
    """Add the places of some rows to the sums of all tiles."""
    lanes, R, t = len(line(x)), len(grid.at), 0
    wide = grid.columns * lanes
    apart = grid.rows * wide
    for first_o in range(0, len(dy) // apart, down):
        o = min(first_o, len(dy) // apart - down)  # the last tiles may overlap those before
        for first_r in range(0, R, across):
            r = min(first_r, R - across)
            for part in range(0, lanes, len(register(x))):
                total = tile_at(sums, t + part, lanes, both, register(x))
                for i in range(rows[0], rows[1]):
                    place, start = o * apart + i * wide + part, i * grid.down + part
                    for j in range(0, np.uint64(wide), lanes):
                        read = (grid.at, r, start + j)
                        total = add_products(total, dy, (place + j, apart), x, read, across)
                put_tile(total, sums, t + part, lanes)
            t += both * lanes
