"""Blocks and panels of a matrix, copied to where their rows lie close together, in whole lanes.

Rows of a large matrix lie far apart; if their distance is a power of two, they share a few places
in the cache, and push each other out.
"""

import numpy as np

from tinynet._types import Array
from tinynet.kernels.lanes import all_finite, fma, load, store, turn, zeros
from tinynet.kernels.nonzeros import lies_in_rows
from tinynet.kernels.shared import shared


@shared(lambda t: (t[:, :], t[:, :]))
def copy(M: Array, to: Array) -> None:
    """Copy M to the first columns of `to`, or as many of its columns as `to` has."""
    K, J = M.shape[0], min(M.shape[1], to.shape[1])
    for k in range(K):
        if J == 64 and lies_in_rows(M):
            store(load(M, (k, 0), 64), to, (k, 0))
        elif J >= 8 and lies_in_rows(M):
            for j in range(0, J, 8):
                last = min(j, J - 8)
                store(load(M, (k, last), 8), to, (k, last))
        else:
            for j in range(J):
                store(load(M, (k, j), 1), to, (k, j))


@shared(lambda t: (t[:, :], t[:, :]))
def copy_in_lanes(M: Array, to: Array) -> None:
    """Copy a panel of M to `to`, whose rows are whole lanes: with zeros behind those of M."""
    K, J = M.shape
    if J % 16 != 0:
        for k in range(K):
            store(zeros(M, 16), to, (k, J // 16 * 16))
    copy_turning(M, to)


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
    finite, wide, half = True, zeros(M, 64), zeros(M, 32)
    K, J = M.shape
    for k in range(K):
        for j in range(0, J - 63, 64):
            wide = fma(0.0, load(M, (k, j), 64), wide)  # 0 * NaN and 0 * inf are NaN, and stay
        for j in range(J // 64 * 64, J - 31, 32):
            half = fma(0.0, load(M, (k, j), 32), half)
        for j in range(J // 32 * 32, J - 15, 16):
            finite &= all_finite(load(M, (k, j), 16))
        for j in range(J // 16 * 16, J):
            finite &= np.isfinite(M[k, j])
    return finite and all_finite(wide) and all_finite(half)
