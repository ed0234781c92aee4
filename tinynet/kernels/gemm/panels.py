"""Blocks and panels of a matrix, copied to where their rows lie close together, in whole lanes.

Rows of a large matrix lie far apart; if their distance is a power of two, they share a few places
in the cache, and push each other out.
"""

import numpy as np

from tinynet.kernels.gemm.nonzeros import lies_in_rows
from tinynet.kernels.jit.shared import shared, types
from tinynet.kernels.simd.lanes import all_finite, fma, load, store, turn, zeros
from tinynet.support.types import Array


@shared(lambda t: (t[:, :], t[:, :]))
def copy(M: Array, to: Array) -> bool:
    """Copy M to the first columns of `to`, or as many of its columns as `to` has.

    Tell whether these are finite: then no zero meets NaN or infinity there.
    """
    K, J = M.shape[0], min(M.shape[1], to.shape[1])
    finite = True
    # a loop for each number of lanes: one that holds them all has to keep some in memory
    if lies_in_rows(M) and J == 64:
        wide = zeros(M, 64)
        for k in range(np.uint64(K)):
            numbers = load(M, (k, 0), 64)
            wide = fma(0.0, numbers, wide)  # 0 * NaN and 0 * inf are NaN, and stay
            store(numbers, to, (k, 0))
        finite = all_finite(wide)
    elif lies_in_rows(M) and J >= 16:
        for column in range(0, J, 16):
            j = min(column, J - 16)  # the last lanes may overlap those before
            some = zeros(M, 16)
            for k in range(np.uint64(K)):
                part = load(M, (k, j), 16)
                some = fma(0.0, part, some)
                store(part, to, (k, j))
            finite &= all_finite(some)
    elif lies_in_rows(M) and J >= 8:
        left = right = zeros(M, 8)
        for k in range(np.uint64(K)):
            first, last = load(M, (k, 0), 8), load(M, (k, J - 8), 8)
            left, right = fma(0.0, first, left), fma(0.0, last, right)
            store(first, to, (k, 0))
            store(last, to, (k, J - 8))
        finite = all_finite(left) and all_finite(right)
    else:
        one = zeros(M, 1)
        for k in range(K):
            for j in range(J):
                number = load(M, (k, j), 1)
                one = fma(0.0, number, one)
                store(number, to, (k, j))
        finite = all_finite(one)
    return finite


@shared(lambda t: (t[:, :], t[:, :], types.boolean))
def copy_in_lanes(M: Array, to: Array, look: bool) -> bool:
    """Copy a panel of M to `to`, whose rows are whole lanes: with zeros behind those of M.

    If it is to look, tell whether all of M is finite.
    """
    K, J = M.shape
    if J % 16 != 0:
        for k in range(K):
            store(zeros(M, 16), to, (k, J // 16 * 16))
    if lies_in_rows(M):
        return copy(M, to)
    copy_turning(M, to)
    return look and is_finite(M.T if J < K else to[:K, :J])


@shared(lambda t: (t[:, :], t[:, :]))
def copy_turning(M: Array, to: Array) -> None:
    """Copy M to `to`; if it lies in columns, by blocks that are turned round in registers."""
    K, J = M.shape
    if lies_in_rows(M) or J < 8 or K < 8:
        copy(M, to)
    else:
        for j in range(0, J, 8):
            for k in range(0, K, 8):
                turn(M.T, (min(j, J - 8), min(k, K - 8)), to)


@shared(lambda t: (t[:, :],))
def is_finite(M: Array) -> bool:
    """Whether M, which lies in rows, has neither NaN nor infinity for a zero to meet."""
    K, J = M.shape
    finite = True
    for j in range(0, J - 63, 64):
        wide = zeros(M, 64)
        for k in range(np.uint64(K)):
            wide = fma(0.0, load(M, (k, j), 64), wide)
        finite &= all_finite(wide)
    for j in range(J // 64 * 64, J - 15, 16):
        some = zeros(M, 16)
        for k in range(np.uint64(K)):
            some = fma(0.0, load(M, (k, j), 16), some)
        finite &= all_finite(some)
    for j in range(J // 16 * 16, J):
        for k in range(K):
            finite &= np.isfinite(M[k, j])
    return finite
