"""Packing: a part of a matrix, copied to where its rows lie close together, in whole lanes.

Rows of a large matrix lie far apart; if their distance is a power of two, they share a few places
in the cache, and push each other out.
"""

import numpy as np

from tinynet.kernels.gemm.masks import lies_in_rows
from tinynet.kernels.jit.shared import shared
from tinynet.kernels.simd.lanes import all_finite, fma, load, load_masked, store, turn, zeros
from tinynet.support.types import Array


@shared(lambda t: (t[:, :], t[:, :]))
def pack(M: Array, to: Array) -> None:
    """Copy M to `to`, whose rows are whole lanes, of which the last ones may hold anything."""
    K, J = M.shape
    if lies_in_rows(M):
        for k in range(K):
            for j in range(0, J, 16):
                store(load_masked(M, (k, j), 16), to, (k, j))
    else:
        transpose(M, to)


@shared(lambda t: (t[:, :], t[:, :]))
def transpose(M: Array, to: Array) -> None:
    """Copy M, which lies in columns, to rows: by blocks that are turned round in registers."""
    K, J = M.shape
    if min(K, J) < 8:
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
    for j in range(0, J, 64):
        some = zeros(M, 64)
        for k in range(np.uint64(K)):
            some = fma(0.0, load_masked(M, (k, j), 64), some)  # 0 * NaN and 0 * inf are NaN
        finite &= all_finite(some)
    return finite
