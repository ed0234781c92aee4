"""A product, or the product of what is turned round, whichever takes less time."""

from typing import Any

import numpy as np

from tinynet.kernels.gemm.masks import BLOCK, lies_in_rows
from tinynet.kernels.gemm.packing import is_finite, transpose
from tinynet.kernels.gemm.plan import is_better_turned
from tinynet.kernels.jit.compile import inner, jit
from tinynet.kernels.jit.shared import matrix, shared
from tinynet.kernels.simd.lanes import add_rows, room, square, store, zeros
from tinynet.kernels.threads.shares import affine
from tinynet.support.types import Array


@shared(lambda t: (matrix(t), matrix(t), t[:, :]), jit)
def product(A: Array, M: Array, out: Array) -> None:
    """out = A @ M; where that takes less time, (M.T @ A.T).T, to the same bits.

    That way zeros of M are skipped, not those of A. So A must be finite; and if no zero of A has
    met NaN or infinity in M, what comes out is finite. So it is for a single row by columns of M.
    """
    (R, K), J = A.shape, M.shape[1]
    if R == 1 and K >= 8 and J >= 8 and lies_in_rows(M.T):
        times_rows(A, M.T, room(1, 16, out.dtype), out)
        if is_finite(out):
            return
    nothing = np.zeros((1, max(R, J)), out.dtype)
    if is_better_turned(A, M) and is_finite(A if lies_in_rows(A) else A.T):
        turned = room(J, R, out.dtype)
        affine(M.T, A.T, nothing[:, :R], 1.0, turned)
        if is_finite(turned):
            transpose(turned.T, out)
            return
    affine(A, M, nothing[:, :J], 1.0, out)


@shared(lambda t: (t[:, :], t[:, :], t[:, :], t[:, :]))
def times_rows(x: Array, W: Array, rest: Array, out: Array) -> None:
    """out = x @ W.T: (1, I) = (1, K) @ (I, K).T; I and K are at least 8, `rest` (1, 16) is scratch.

    Each result is a sum along a row of W, which is turned round in registers, 8 or 16 rows and
    columns at a time, to sum as many rows at once. Each number waits for the sum of those before
    it, so two blocks are summed together. Zeros of x are not skipped.
    """
    if min(W.shape) >= len(square(W)):
        _times_rows(x, W, square(W), rest, out)
    else:
        _times_rows(x, W, zeros(W, 8), rest, out)


@inner
def _times_rows(x: Array, W: Array, nothing: Any, rest: Array, out: Array) -> None:
    (I, K), size = W.shape, len(nothing)
    whole = K // size * size
    for n in range(size):  # the last numbers of x, with zeros for those that are in whole blocks
        rest[0, n] = x[0, K - size + n] if K - size + n >= whole else 0
    for first in range(0, I, size):
        i, k = min(first, I - size), 0  # the last rows may overlap those before
        total = nothing
        while k + 2 * BLOCK <= K:
            a = b = nothing
            for n in range(k, k + BLOCK, size):
                a = add_rows(a, W, (i, n), x, (0, n))
                b = add_rows(b, W, (i, n + BLOCK), x, (0, n + BLOCK))
            total = total + a + b
            k += 2 * BLOCK
        while k < K:
            a = nothing
            for n in range(k, min(k + BLOCK, whole), size):
                a = add_rows(a, W, (i, n), x, (0, n))
            if k + BLOCK > K > whole:
                a = add_rows(a, W, (i, K - size), rest, (0, 0))
            total = total + a
            k += BLOCK
        store(total, out, (0, i))
