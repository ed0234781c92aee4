"""Sums over the places of a window: how each weight of a kernel is to change.

For each tap it is Linear's line, ``dw = x_shifted.T @ dy``: each channel of dy meets what each tap
reads, at all places of all pictures. A register tile has DOWN channels by ACROSS taps; each lane
sums its own pictures, and at last the lanes are added.
"""

from typing import Any

import numpy as np

from tinynet.kernels.conv.layout import grid_type, make_grid, pad, to_lanes, window_type
from tinynet.kernels.jit.compile import inlined, jit
from tinynet.kernels.jit.shared import shared, types
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
    places, R, at = grid.rows * grid.columns, C * K * L, grid.at
    block, padded = np.empty((C * H * W, lanes), x.dtype), np.zeros(grid.size, x.dtype)
    # a tile is never smaller: what it has beyond channels and taps is summed, and left
    given = np.zeros((max(O, DOWN) * places, lanes), x.dtype)
    if R < ACROSS:
        at = np.zeros(ACROSS, np.int64)
        for r in range(R):
            at[r] = grid.at[r]
    tiles = -(-O // DOWN) * -(-R // ACROSS)
    sums = np.zeros((tiles * BOTH, lanes), x.dtype)
    inputs, outputs = x.reshape(N, C * H * W), dy.reshape(N, O * places)
    at_once = max(1, AT_ONCE // grid.columns)
    for n in range(0, N, lanes):
        to_lanes(inputs[n : n + lanes], block)
        pad(block, picture, window, padded)
        to_lanes(outputs[n : n + lanes], given[: O * places])
        for i in range(0, grid.rows, at_once):
            rows = (i, min(i + at_once, grid.rows))
            sum_tiles(given.reshape(-1), padded, at, grid, rows, sums.reshape(-1))
    out, t = dw.reshape(O, R), 0
    for first_o in range(0, O, DOWN):
        for first_r in range(0, R, ACROSS):
            o, r = max(0, min(first_o, O - DOWN)), max(0, min(first_r, R - ACROSS))
            for i in range(min(DOWN, O)):
                for j in range(min(ACROSS, R)):
                    out[o + i, r + j] = _added(sums[t + i * ACROSS + j])
            t += BOTH


@inlined
def _added(lanes: Array) -> Any:
    """The sum of the lanes: one half of them is added to the other, until one is left."""
    half = len(lanes) // 2
    while half > 0:
        for lane in range(half):
            lanes[lane] += lanes[lane + half]
        half //= 2
    return lanes[0]


@shared(
    lambda t: (
        *(t[::1], t[::1], types.int64[::1], grid_type()),
        *(types.UniTuple(types.int64, 2), t[::1]),
    )
)
def sum_tiles(dy: Array, x: Array, at: Array, grid: Any, rows: Any, sums: Array) -> None:
    """Add some rows of places to the sums of all tiles."""
    lanes, t = len(line(x)), 0
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
