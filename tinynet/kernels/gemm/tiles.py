"""The microkernels: what a block of A adds to the sums, ``out = before + alpha * (A @ M)``.

A has 64 columns at most, M as many rows. A full block is summed zeros and all, in tiles of six rows
and two vectors, so that each vector of M that is loaded serves six rows. A sparse one is summed
over its non-zeros, found by their bits, in tiles of one row of A or two. If A has a few rows only,
and M is wide and far away, M is read along its rows. All add the same numbers in the same order.
"""

from typing import Any, NamedTuple

import numpy as np

from tinynet.kernels.gemm.nonzeros import BLOCK, Bits, find_nonzeros
from tinynet.kernels.jit.compile import inlined
from tinynet.kernels.jit.shared import matrix, shared, types
from tinynet.kernels.simd.lanes import (
    count_bits,
    fetch,
    fma,
    load,
    lowest_bit,
    store,
    widest,
    zeros,
)
from tinynet.kernels.simd.tile import add_outer, plus_zero, put, tile
from tinynet.support.types import Array


class Into(NamedTuple):
    """Where sums go: ``out = before + alpha * sums``.

    `before` is what is there already: a row for each of out's (`down` is 1), or one for all (0).
    """

    before: Array
    down: int
    alpha: float
    out: Array


def bits_type() -> Any:
    return types.uint64[::1]


def into_type(dtype: Any) -> Any:
    return types.NamedTuple((dtype[:, :], types.int64, dtype, dtype[:, :]), Into)


@inlined
def add_full_block(A: Array, M: Array, ahead: Array, into: Into, bits: Bits) -> None:
    """Add A @ M, zeros and all: most rows by sixes, what is left over in pairs.

    The `bits` of these are overwritten.
    """
    (R, K), done = A.shape, A.shape[0] // 6 * 6
    _add_by_sixes(A, M, ahead, into)
    if done < R:
        rest = bits[done:]
        for r in range(R - done):
            rest[r] = ~np.uint64(0) >> np.uint64(BLOCK - K)
        before = into.before[done * into.down :]
        below = Into(before, into.down, into.alpha, into.out[done:])
        add_nonzeros(A[done:], rest, True, M, below, M[:0], bits[:0])


@shared(lambda t: (t[:, :], t[:, :], t[:, :], into_type(t)))
def _add_by_sixes(A: Array, M: Array, ahead: Array, into: Into) -> None:
    """Add A @ M for all rows but the last five at most.

    Meanwhile ask the memory for the panel ahead: within the first 32 rows, all of it.
    """
    J, width = M.shape[1], len(widest(M))
    for r in range(0, A.shape[0] - 5, 6):
        for k in range(2 * r, min(2 * (r + 6), ahead.shape[0])):
            for j in range(0, J, 16):
                fetch(ahead, (k, j))
        for j in range(0, J - width + 1, width):
            _add_tile(A, M, r, j, tile(6, widest(M)), into)
        if J % width != 0:
            _add_tile(A, M, r, J - 16, tile(6, zeros(M, 16)), into)


@inlined
def _add_tile(A: Array, M: Array, r: int, j: int, nothing: Any, into: Into) -> None:
    sums = nothing
    for k in range(np.uint64(M.shape[0])):
        sums = add_outer(sums, A, M, (r, k, j))
    put(plus_zero(sums), into.alpha, into.before, into.down, into.out, (r, j))


@inlined
def _add_rows(A: Array, M: Array, r: Any, word: Any, rows: Any, into: Into, any_sign: bool) -> None:
    """Add to one row or two the rows of M whose bits are set in `word`.

    The sums may be zeros of any sign where `into.before` holds no -0.
    """
    J = M.shape[1]
    if word != 0 or into.down == 0:
        if J == 64 and (rows == 1 or len(widest(M)) == 32):
            _add_places(A, M, (r, 0), word, tile(rows, zeros(M, 64)), into, any_sign)
        else:
            for j in range(0, J - 31, 32):
                _add_places(A, M, (r, j), word, tile(rows, zeros(M, 32)), into, any_sign)
            if J % 32 != 0:
                _add_places(A, M, (r, J - 16), word, tile(rows, zeros(M, 16)), into, any_sign)


@inlined
def _add_places(
    A: Array, M: Array, place: Any, word: Any, nothing: Any, into: Into, any_sign: bool
) -> None:
    sums = nothing
    r, j = place
    while word != 0:
        k = lowest_bit(word)
        word &= word - np.uint64(1)
        sums = add_outer(sums, A, M, (r, k, j))
    sums = sums if any_sign else plus_zero(sums)
    put(sums, into.alpha, into.before, into.down, into.out, place)


@shared(
    lambda t: (matrix(t), matrix(t), into_type(t), types.float64, bits_type(), types.uint32[:, ::1])
)
def add_sparse_blocks(A: Array, M: Array, into: Into, full: float, bits: Bits, halves: Any) -> int:
    """Add A @ M, M one panel wide, block by block, up to the first full one; return its k.

    `into` holds no -0: it starts from a row for all.
    """
    K = A.shape[1]
    for k in range(0, max(K, 1), BLOCK):
        block = A[:, k : k + BLOCK]
        if find_nonzeros(block, bits, halves) > full * block.size:
            return k
        for r in range(np.uint64(A.shape[0])):
            _add_rows(block, M[k : k + BLOCK], r, bits[r], 1, into, True)
        into = Into(into.out, 1, into.alpha, into.out)
    return max(K, 1)


@shared(
    lambda t: (
        *(matrix(t), bits_type(), types.boolean, matrix(t)),
        *(into_type(t), matrix(t), bits_type()),
    )
)
def add_nonzeros(
    A: Array, bits: Bits, in_pairs: bool, M: Array, into: Into, X: Array, wanted: Array
) -> None:
    """Add A @ M over the places whose bits are set.

    Two rows of A may be summed together, over the places where either is not zero: neighbouring
    pixels have most of their zeros in common. Then only one loop in place of two has an end that
    the processor cannot guess. No zero of one row may meet NaN or infinity there.

    Meanwhile ask the memory for `wanted` rows (uint64) of X, from its first column to that of A's
    last row: two columns stand for the line of 16 float32 that they are in, for every 8th row.
    """
    one, rows = np.uint64(1), np.uint64(wanted.size)
    r, R = np.uint64(0), np.uint64(A.shape[0])
    while r < R:
        n = r // np.uint64(2) % np.uint64(8)
        while r % np.uint64(2) == 0 and n < rows:
            fetch(X, (wanted[n], r))
            n += np.uint64(8)
        if in_pairs and r + one < R:
            _add_rows(A, M, r, bits[r] | bits[r + one], 2, into, False)
            r += one
        else:
            _add_rows(A, M, r, bits[r], 1, into, False)
        r += one


@shared(lambda t: (t[:, :], bits_type(), t[:, :], into_type(t), t[:, :]))
def add_along(A: Array, bits: Bits, M: Array, into: Into, sums: Array) -> None:
    """Add A @ M for a few rows of A; M is read along its rows, four of them at once."""
    J, one = M.shape[1], np.uint64(1)
    for r in range(A.shape[0]):
        for j in range(0, J, 16):
            store(zeros(M, 16), sums, (0, j))
        word = bits[r]
        while count_bits(word) >= 4:
            k0, word = lowest_bit(word), word & (word - one)
            k1, word = lowest_bit(word), word & (word - one)
            k2, word = lowest_bit(word), word & (word - one)
            k3, word = lowest_bit(word), word & (word - one)
            for j in range(0, J, 16):
                total = load(sums, (0, j), 16)
                total = fma(A[r, k0], load(M, (k0, j), 16), total)
                total = fma(A[r, k1], load(M, (k1, j), 16), total)
                total = fma(A[r, k2], load(M, (k2, j), 16), total)
                total = fma(A[r, k3], load(M, (k3, j), 16), total)
                store(total, sums, (0, j))
        while word != 0:
            k0, word = lowest_bit(word), word & (word - one)
            for j in range(0, J, 16):
                store(fma(A[r, k0], load(M, (k0, j), 16), load(sums, (0, j), 16)), sums, (0, j))
        for j in range(0, J, 16):
            total = load(sums, (0, j), 16) + zeros(M, 16)
            there = load(into.before, (r * into.down, j), 16)
            store(fma(into.alpha, total, there), into.out, (r, j))
