"""Panels of a matrix, packed: copied to where their rows lie close together, in whole lanes.

Rows of a large matrix lie far apart; if their distance is a power of two, they share a few places
in the cache, and push each other out.
"""

import numpy as np

from tinynet.kernels.gemm.nonzeros import lies_in_rows
from tinynet.kernels.jit.shared import shared, types
from tinynet.kernels.simd.lanes import all_finite, fma, load, load_masked, store, turn, zeros
from tinynet.support.types import Array


@shared(lambda t: (t[:, :], t[:, :], types.boolean))
def pack(M: Array, to: Array, look: bool) -> bool:
    """Copy M to `to`, whose rows are whole lanes: columns of zeros stand behind those of M.

    If it is to look, tell whether all of M is finite: then no zero meets NaN or infinity there.
    """
    K, J = M.shape
    finite = True
    if not lies_in_rows(M):
        if J % 16 != 0:
            for k in range(K):
                store(zeros(M, 16), to, (k, J // 16 * 16))
        transpose(M, to)
        return look and is_finite(M.T if J < K else to[:K, :J])
    # a loop for each number of lanes: one that holds them all has to keep some in memory
    if J == 64:
        wide = zeros(M, 64)
        for k in range(np.uint64(K)):
            numbers = load(M, (k, 0), 64)
            wide = fma(0.0, numbers, wide)  # 0 * NaN and 0 * inf are NaN, and stay
            store(numbers, to, (k, 0))
        finite = all_finite(wide)
    else:
        for j in range(0, J, 16):
            some = zeros(M, 16)
            for k in range(np.uint64(K)):
                part = load_masked(M, (k, j), 16)
                some = fma(0.0, part, some)
                store(part, to, (k, j))
            finite &= all_finite(some)
    return finite


@shared(lambda t: (t[:, :], t[:, :]))
def transpose(M: Array, to: Array) -> None:
    """Copy M, which lies in columns, to rows: by blocks that are turned round in registers."""
    K, J = M.shape
    if J < 8 or K < 8:
        for k in range(K):
            for j in range(J):
                store(load(M, (k, j), 1), to, (k, j))
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
    for j in range(J // 64 * 64, J, 16):
        some = zeros(M, 16)
        for k in range(np.uint64(K)):
            some = fma(0.0, load_masked(M, (k, j), 16), some)
        finite &= all_finite(some)
    return finite
