"""Where a block of a matrix is not zero: for each of its rows a word, a bit for each column."""

from typing import Any

import numpy as np

from tinynet.kernels.jit.compile import inlined
from tinynet.kernels.jit.shared import shared, types
from tinynet.kernels.simd import lanes
from tinynet.kernels.simd.lanes import count_bits, load, load_masked, nonzero_bits
from tinynet.support.types import Array

Words = Any  # uint64 (R,): bit k of word r tells whether A[r, k] is not zero

NO_MARKS = np.zeros(0, np.uint32)
BLOCK = 64  # columns of a block, at most: as many as a word has bits


@inlined
def lies_in_rows(A: Array) -> bool:
    return A.strides[1] == A.itemsize


@inlined
def bits_of_row(A: Array, r: int) -> Any:
    if A.shape[1] >= BLOCK:
        return nonzero_bits(load(A, (r, 0), 64))
    return nonzero_bits(load_masked(A, (r, 0), 64))


@shared(lambda t: (t[:, :], types.float64))
def looks_full(A: Array, share: float) -> bool:
    """Whether a few rows of a block, or columns if these lie in rows, have more non-zeros."""
    rows = A if lies_in_rows(A) else A.T
    count = looked_at = 0
    for n in range(0, rows.shape[0], max(1, rows.shape[0] // 4)):
        count += count_bits(bits_of_row(rows, n))
        looked_at += 1
    return count > share * looked_at * min(rows.shape[1], BLOCK)


@shared(lambda t: (t[:, :], types.uint64[::1]))
def find_nonzeros(A: Array, words: Words) -> int:
    """Write down the words of a block of A; return how many of its numbers are not zero."""
    (R, K), count = A.shape, 0
    for r in range(0, R, 1 if lies_in_rows(A) else 16):
        if lies_in_rows(A):
            words[r] = bits_of_row(A, r)
        else:
            low = high = lanes.zeros(NO_MARKS, 16)
            for k in range(min(K, 32)):
                low = lanes.mark_nonzero(load_masked(A.T, (k, r), 16), k, low)
            for k in range(32, K):
                high = lanes.mark_nonzero(load_masked(A.T, (k, r), 16), k - 32, high)
            lanes.store(lanes.joined(low, high), words, (r,))
    for r in range(R):
        count += count_bits(words[r])
    return count
