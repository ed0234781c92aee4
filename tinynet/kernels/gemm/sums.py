"""What a block of A adds to the sums: ``out = factor * (A @ M) + before``, in rising k.

A has 64 columns at most, M as many rows. ``before`` is what is there already, a row for each row of
A (``down`` = 1) or one for all of them (0). A full block is summed zeros and all, six rows of A at
once, so that a row of M is read once for six. A sparse one is summed over its non-zeros, found by
their bits, a row of A or two at a time; and if A has a few rows only and M is wide and far away,
the rows of M are read from end to end. All add the same numbers in the same order.
"""

from typing import Any

import numpy as np

from tinynet.kernels.gemm.nonzeros import BLOCK, Bits, Halves, find_nonzeros, lies_in_rows
from tinynet.kernels.gemm.panels import is_finite
from tinynet.kernels.jit.compile import inlined
from tinynet.kernels.jit.shared import matrix, shared, types
from tinynet.kernels.simd.lanes import (
    count_bits,
    fetch,
    fma,
    load,
    load_as,
    lowest_bit,
    store,
    widest,
    zeros,
)
from tinynet.support.types import Array


def _sparse_signature(dtype: Any) -> tuple[Any, ...]:
    A, M, out, halves = matrix(dtype), matrix(dtype), dtype[:, :], types.uint32[:, ::1]
    return A, M, out, types.boolean, dtype, out, types.float64, types.uint64[::1], halves


def _nonzeros_signature(dtype: Any) -> tuple[Any, ...]:
    A, M, X, out = matrix(dtype), matrix(dtype), matrix(dtype), dtype[:, :]
    bits, number, flag = types.uint64[::1], types.int64, types.boolean
    return A, bits, number, flag, M, dtype, out, number, out, X, bits


@inlined
def add_full_block(
    A: Array,
    M: Array,
    ahead: Array,
    factor: float,
    before: Array,
    down: int,
    out: Array,
    bits: Bits,
) -> None:
    """Add A @ M, zeros and all: most rows by sixes, what is left over in pairs."""
    R, K = A.shape
    done = _add_full_rows(A, M, ahead, factor, before, down, out)
    if done < R:
        for r in range(done, R):
            bits[r] = ~np.uint64(0) >> np.uint64(BLOCK - K)
        add_nonzeros(A, bits, done, True, M, factor, before, down, out, M[:0], bits[:0])


@shared(lambda t: (t[:, :], t[:, :], t[:, :], t, t[:, :], types.int64, t[:, :]))
def _add_full_rows(
    A: Array, M: Array, ahead: Array, factor: float, before: Array, down: int, out: Array
) -> int:
    """Add A @ M for all rows but the last five at most, six at once; return how many.

    Meanwhile ask the memory for the panel ahead: within the first 32 rows, all of it.
    """
    R, J = A.shape[0], M.shape[1]
    r = 0
    while R - r >= 6:
        width = len(widest(M))
        for j in range(0, J - width + 1, width):
            _add_six_rows(A, r, M, j, widest(M), ahead, factor, before, down, out)
        if J % width != 0:
            _add_six_rows(A, r, M, J - 16, zeros(M, 16), ahead, factor, before, down, out)
        r += 6
    return r


@inlined
def _add_six_rows(
    A: Array,
    r: int,
    M: Array,
    j: int,
    nothing: Any,
    ahead: Array,
    factor: float,
    before: Array,
    down: int,
    out: Array,
) -> None:
    for k in range(2 * r, min(2 * (r + 6), ahead.shape[0])):
        for i in range(j, j + len(nothing), 16):
            fetch(ahead, (k, i))
    a = b = c = d = e = f = nothing
    for k in range(np.uint64(M.shape[0])):
        row = load_as(nothing, M, (k, j))
        a = fma(A[r, k], row, a)
        b = fma(A[r + 1, k], row, b)
        c = fma(A[r + 2, k], row, c)
        d = fma(A[r + 3, k], row, d)
        e = fma(A[r + 4, k], row, e)
        f = fma(A[r + 5, k], row, f)
    _add(a + nothing, factor, before, down, out, r, j)
    _add(b + nothing, factor, before, down, out, r + 1, j)
    _add(c + nothing, factor, before, down, out, r + 2, j)
    _add(d + nothing, factor, before, down, out, r + 3, j)
    _add(e + nothing, factor, before, down, out, r + 4, j)
    _add(f + nothing, factor, before, down, out, r + 5, j)


@shared(_sparse_signature)
def add_sparse_blocks(
    A: Array,
    M: Array,
    first: Array,
    has_start: bool,
    factor: float,
    out: Array,
    share: float,
    bits: Bits,
    halves: Halves,
) -> int:
    """Add A @ M, M one panel wide, block by block, up to the first full one; return its k."""
    K = A.shape[1]
    for k in range(0, max(K, 1), BLOCK):
        block = A[:, k : k + BLOCK]
        if find_nonzeros(block, bits, halves) > share * block.size:
            return k
        before, down = (first, 0) if k == 0 and has_start else (out, 1)
        _add_rows(block, bits, M[k : k + BLOCK], factor, before, down, out)
    return max(K, 1)


@inlined
def go_in_pairs(A: Array, M: Array) -> bool:
    """Whether two rows of A go together: neighbouring pixels have most of their zeros in common.

    No zero of one row may meet NaN or infinity because the other one is not zero there; and the
    registers must hold the sums of both.
    """
    return len(widest(M)) >= 16 and not lies_in_rows(A) and is_finite(M)


@shared(_nonzeros_signature)
def add_nonzeros(
    A: Array,
    bits: Bits,
    done: int,
    in_pairs: bool,
    M: Array,
    factor: float,
    before: Array,
    down: int,
    out: Array,
    X: Array,
    wanted: Array,
) -> None:
    """Add A @ M, for the rows that are not done, over the places whose bits are set.

    Two rows of A may be summed together, over the places where either is not zero. Then only
    one loop in place of two has an end that the processor cannot guess.

    Meanwhile ask the memory for `wanted` rows (uint64) of X, from its first column to that of A's
    last row: two columns stand for the line of 16 float32 that they are in, for every 8th row.
    """
    one, rows = np.uint64(1), np.uint64(wanted.size)
    r, R = np.uint64(done), np.uint64(A.shape[0])
    while r < R:
        n = r // np.uint64(2) % np.uint64(8)
        while r % np.uint64(2) == 0 and n < rows:
            fetch(X, (wanted[n], r))
            n += np.uint64(8)
        if in_pairs and r + one < R:
            word = bits[r] | bits[r + one]
            _add_two_rows_by_lanes(A, r, word, M, factor, before, down, out)
            r += one
        else:
            _add_row_by_lanes(A, r, bits[r], M, factor, before, down, out)
        r += one


@inlined
def _add_rows(
    A: Array, bits: Bits, M: Array, factor: float, before: Array, down: int, out: Array
) -> None:
    for r in range(np.uint64(A.shape[0])):
        _add_row_by_lanes(A, r, bits[r], M, factor, before, down, out)


@inlined
def _add_row_by_lanes(
    A: Array, r: Any, word: Any, M: Array, factor: float, before: Array, down: int, out: Array
) -> None:
    if word != 0 or down == 0:
        if M.shape[1] == 64:
            _add_row(A, r, word, M, 0, zeros(M, 64), factor, before, down, out)
        else:
            for j in range(0, M.shape[1] - 31, 32):
                _add_row(A, r, word, M, j, zeros(M, 32), factor, before, down, out)
            if M.shape[1] % 32 != 0:
                _add_row(A, r, word, M, M.shape[1] - 16, zeros(M, 16), factor, before, down, out)


@inlined
def _add_row(
    A: Array,
    r: Any,
    word: Any,
    M: Array,
    j: int,
    nothing: Any,
    factor: float,
    before: Array,
    down: int,
    out: Array,
) -> None:
    total = nothing
    while word != 0:
        k = lowest_bit(word)
        word &= word - np.uint64(1)
        total = fma(A[r, k], load_as(nothing, M, (k, j)), total)
    _add(total + nothing, factor, before, down, out, r, j)


@inlined
def _add_two_rows_by_lanes(
    A: Array, r: Any, word: Any, M: Array, factor: float, before: Array, down: int, out: Array
) -> None:
    if word != 0 or down == 0:
        if M.shape[1] == 64 and len(widest(M)) == 32:
            _add_two_rows(A, r, word, M, 0, zeros(M, 64), factor, before, down, out)
        else:
            for j in range(0, M.shape[1] - 31, 32):
                _add_two_rows(A, r, word, M, j, zeros(M, 32), factor, before, down, out)
            if M.shape[1] % 32 != 0:
                j = M.shape[1] - 16
                _add_two_rows(A, r, word, M, j, zeros(M, 16), factor, before, down, out)


@inlined
def _add_two_rows(
    A: Array,
    r: Any,
    word: Any,
    M: Array,
    j: int,
    nothing: Any,
    factor: float,
    before: Array,
    down: int,
    out: Array,
) -> None:
    first = second = nothing
    s = r + np.uint64(1)
    while word != 0:
        k = lowest_bit(word)
        word &= word - np.uint64(1)
        row = load_as(nothing, M, (k, j))
        first = fma(A[r, k], row, first)
        second = fma(A[s, k], row, second)
    _add(first + nothing, factor, before, down, out, r, j)
    _add(second + nothing, factor, before, down, out, s, j)


def _along_signature(dtype: Any) -> tuple[Any, ...]:
    A = dtype[:, :]
    return A, types.uint64[::1], A, dtype, A, types.int64, A, A


@shared(_along_signature)
def add_along(
    A: Array,
    bits: Bits,
    M: Array,
    factor: float,
    before: Array,
    down: int,
    sums: Array,
    out: Array,
) -> None:
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
            _add(load(sums, (0, j), 16) + zeros(M, 16), factor, before, down, out, r, j)


@inlined
def _add(total: Any, factor: float, before: Array, down: int, out: Array, r: Any, j: int) -> None:
    """Add a sum, to which 0 was added: a sum of numbers too small may be -0, or 0, as zeros are."""
    store(fma(factor, total, load_as(total, before, (r * down, j))), out, (r, j))
