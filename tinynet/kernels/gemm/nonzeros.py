"""Where a block of a matrix is not zero: for each of its rows a word, a bit for each column."""

from typing import Any

import numpy as np

from tinynet.kernels.jit.compile import inlined
from tinynet.kernels.jit.shared import shared, types
from tinynet.kernels.simd.lanes import count_bits, load, mark_nonzero, nonzero_bits, store, zeros
from tinynet.support.types import Array

Bits = Any  # uint64 (rows,): bit k of bits[r] tells whether A[r, k] is not zero
Halves = Any  # uint32 (2, rows): the lower halves of these, and the upper

BLOCK = 64  # columns of a block, at most: as many as a word has bits
NEARLY_FULL = 0.75  # the share of non-zeros in a few rows from which the others are not looked at


@inlined
def lies_in_rows(A: Array) -> bool:
    return A.strides[1] == A.itemsize


@shared(lambda t: (t[:, :], types.float64))
def looks_full(A: Array, share: float) -> bool:
    """Whether a few rows of a block, or columns if these lie in rows, have more non-zeros."""
    rows = A if lies_in_rows(A) else A.T
    count = looked_at = 0
    for n in range(0, rows.shape[0], max(1, rows.shape[0] // 4)):
        count += count_bits(bits_of_row(rows, n))
        looked_at += 1
    return count > share * looked_at * min(rows.shape[1], BLOCK)


@shared(lambda t: (t[:, :], types.uint64[::1], types.uint32[:, ::1]))
def find_nonzeros(A: Array, bits: Bits, halves: Halves) -> int:
    """Set the bits of a block of A; return how many."""
    count = 0
    if lies_in_rows(A):
        for n in range(np.uint64(A.shape[0])):
            bits[n] = bits_of_row(A, n)
            count += count_bits(bits[n])
    else:
        count = _bits_of_columns(A.T, bits, halves)
    return count


@inlined
def bits_of_row(x: Array, n: int) -> Any:
    I = min(x.shape[1], BLOCK)
    word = np.uint64(0)
    if I == BLOCK:
        word = nonzero_bits(load(x, (n, 0), 64))
    elif I >= 8:
        for i in range(0, I, 8):
            last = min(i, I - 8)  # the last eight may overlap those before
            word |= nonzero_bits(load(x, (n, last), 8)) << np.uint64(last)
    else:
        for i in range(I):
            word |= nonzero_bits(load(x, (n, i), 1)) << np.uint64(i)
    return word


@inlined
def _bits_of_columns(x: Array, bits: Bits, halves: Halves) -> int:
    N, I = x.shape
    count = 0
    for half in range(2):
        first, last = min(32 * half, N), min(32 * half + 32, N)
        if I >= 16:
            for i in range(0, I, 16):
                place = min(i, I - 16)
                marks = zeros(halves, 16)
                for n in range(first, last):
                    marks = mark_nonzero(load(x, (n, place), 16), n - first, marks)
                store(marks, halves, (half, place))
        else:
            for i in range(I):
                mark = zeros(halves, 1)
                for n in range(first, last):
                    mark = mark_nonzero(load(x, (n, i), 1), n - first, mark)
                store(mark, halves, (half, i))
    for i in range(I):
        bits[i] = np.uint64(halves[0, i]) | np.uint64(halves[1, i]) << np.uint64(32)
        count += count_bits(bits[i])
    return count
