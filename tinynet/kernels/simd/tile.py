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
    """The tile plus the outer product of A[r:, k] and M[k, j:], of which it takes what it has."""
    r, k, j = index
    row = M[k, j : j + sums.shape[1]]
    return np.stack([fma(A[r + i, k], row, sums[i]) for i in range(len(sums))])


def plus_zero(sums: Array) -> Array:
    """The tile without -0: a sum of numbers too small to be told from 0 may be -0.

    Or 0, if a zero was added after them. It should not depend on that.
    """
    return sums + 0


def put(
    sums: Array, alpha: Any, before: Array, down: int, out: Array, index: Sequence[Any]
) -> None:
    """out = before + alpha * sums, from (r, j) on; columns that `out` does not have are left out.

    `before` has a row for each of out's (`down` is 1) or one for all of them (0).
    """
    r, j = index
    columns = slice(j, min(j + sums.shape[1], out.shape[1]))
    for i in range(len(sums)):
        total = sums[i, : columns.stop - j]
        out[r + i, columns] = fma(alpha, total, before[(r + i) * down, columns])
