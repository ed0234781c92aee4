"""A product, or the product of what is turned round, whichever takes less time."""

import numpy as np

from tinynet.kernels.gemm.nonzeros import lies_in_rows
from tinynet.kernels.gemm.one_row import times_rows
from tinynet.kernels.gemm.panels import is_finite, transpose
from tinynet.kernels.gemm.plan import is_better_turned
from tinynet.kernels.gemm.shares import affine
from tinynet.kernels.jit.compile import jit
from tinynet.kernels.jit.shared import matrix, shared
from tinynet.kernels.simd.lanes import room
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
    nothing = np.zeros(max(R, J), out.dtype)
    if is_better_turned(A, M) and is_finite(A if lies_in_rows(A) else A.T):
        turned = room(J, R, out.dtype)
        affine(M.T, A.T, nothing[:R], 1.0, turned)
        if is_finite(turned):
            transpose(turned.T, out)
            return
    affine(A, M, nothing[:J], 1.0, out)
