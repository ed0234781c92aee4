"""A register tile: rows of sums that stay in the processor's registers until they are complete.

What a BLAS calls a microkernel is a loop over such a tile: each turn adds an outer product, a few
numbers of a column of A times a few vectors of a row of M. So a vector of M that is loaded once
serves all rows of the tile, and a number of A all its columns. As with lanes, this is what the
functions mean, which runs with the JIT off; ``tile_llvm.py`` has the instructions.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet.kernels.simd.lanes import fma
from tinynet.support.types import Array


def tile(rows: int, lanes: Array) -> Array:
    """So many rows of zeros, each as long as `lanes`."""
    return np.zeros((rows, len(lanes)), lanes.dtype)


def add_outer(sums: Array, A: Array, M: Array, index: Sequence[Any]) -> Array:
    """The tile plus the outer product of A[r:, k] and M[k, j:].

    Where M has no column, what is behind it in memory is added: nobody may look at those sums.
    """
    r, k, j = index
    row = np.full(sums.shape[1], np.nan, M.dtype)
    row[: M.shape[1] - j] = M[k, j : j + sums.shape[1]]
    return np.stack([fma(A[r + i, k], row, sums[i]) for i in range(len(sums))])


def plus_zero(sums: Array) -> Array:
    """The tile without -0: a sum of numbers too small to be told from 0 may be -0.

    Or 0, if a zero was added after them. It should not depend on that.
    """
    return sums + 0


def put(sums: Array, alpha: Any, start: Array, out: Array, index: Sequence[Any]) -> None:
    """out = start + alpha * sums, from (r, j) on; columns that `out` does not have are left out.

    `start` has a row for each of out's, or one for all of them.
    """
    r, j = index
    columns = slice(j, min(j + sums.shape[1], out.shape[1]))
    for i in range(len(sums)):
        before = start[min(r + i, len(start) - 1), columns]
        out[r + i, columns] = fma(alpha, sums[i, : columns.stop - j], before)


def tile_at(a: Array, place: int, step: int, rows: int, lanes: Array) -> Array:
    """So many rows, as long as `lanes`: the first from ``a[place]`` on, the others steps apart."""
    starts = [place + i * step for i in range(rows)]
    return np.stack([a[start : start + len(lanes)] for start in starts])


def put_tile(sums: Array, a: Array, place: int, step: int) -> None:
    """Write the rows to where `tile_at` has them from."""
    for i, row in enumerate(sums):
        a[place + i * step : place + i * step + len(row)] = row


def add_outer_at(sums: Array, A: Array, index: Sequence[Any], x: Array, place: int) -> Array:
    """The tile plus the outer product of A[r:, k] and a row of x that begins at `place`."""
    r, k = index
    row = x[place : place + sums.shape[1]]
    return np.stack([fma(A[r + i, k], row, sums[i]) for i in range(len(sums))])


def add_products(
    sums: Array, a: Array, of_a: Sequence[Any], x: Array, of_x: Sequence[Any], across: int
) -> Array:
    """The tile plus the products of some rows of a with `across` rows of x, lane by lane.

    Those of a begin at a place and lie a step apart, `of_a`; those of x begin at a place plus an
    entry of a table, from one of its numbers on, `of_x`.
    """
    (place, step), (table, r, start), width = of_a, of_x, sums.shape[1]
    rows = []
    for i, row in enumerate(sums):
        left = a[place + i // across * step :][:width]
        right = x[table[r + i % across] + start :][:width]
        rows.append(fma(left, right, row))
    return np.stack(rows)


def add_to(sums: Array, x: Array, table: Array, r: int, start: int) -> None:
    """Add each row to the numbers of x that begin at its entry of the table plus `start`.

    One row after the other: they may overlap.
    """
    for i, row in enumerate(sums):
        x[table[r + i] + start :][: len(row)] += row
