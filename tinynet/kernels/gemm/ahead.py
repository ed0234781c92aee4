"""A product that leaves the memory idle, which then fetches what the next one takes."""

import numpy as np

from tinynet.kernels.gemm.nonzeros import BLOCK, NEARLY_FULL, find_nonzeros, looks_full
from tinynet.kernels.gemm.panels import is_finite
from tinynet.kernels.gemm.plan import ROWS, SEVERAL, full_from
from tinynet.kernels.gemm.shares import affine
from tinynet.kernels.gemm.tiles import Into, add_nonzeros
from tinynet.kernels.jit.compile import jit
from tinynet.kernels.jit.shared import matrix, shared, types
from tinynet.kernels.simd.lanes import widest
from tinynet.support.types import Array


@shared(lambda t: (matrix(t), matrix(t), t, t[:, :], matrix(t), types.int64[::1]), jit)
def add_affine_ahead(A: Array, M: Array, alpha: float, out: Array, X: Array, rows: Array) -> None:
    """out += alpha * (A @ M), while the memory looks for `rows` of X, which are wanted next.

    A has 64 columns at most.
    """
    R, J = A.shape[0], M.shape[1]
    nothing = np.empty(0, out.dtype)
    if J > SEVERAL or J % 16 != 0:
        affine(A, M, nothing, alpha, out)
        return
    step = min(R, ROWS)
    bits, halves = np.empty(step, np.uint64), np.empty((2, step), np.uint32)
    wanted = np.empty(rows.size, np.uint64)
    for n in range(rows.size):
        wanted[n] = rows[n]
    in_pairs = len(widest(M)) >= 16 and is_finite(M)
    for r in range(0, R, ROWS):
        block, sums = A[r : r + ROWS], out[r : r + ROWS]
        full = looks_full(block, NEARLY_FULL)
        if full or find_nonzeros(block, bits, halves) > full_from(J) * block.size:
            affine(block, M, nothing, alpha, sums)
        else:
            for j in range(0, J, BLOCK):
                panel, to = M[:, j : j + BLOCK], sums[:, j : j + BLOCK]
                asked = wanted if j == 0 else wanted[:0]
                into = Into(to, 1, alpha, to)
                add_nonzeros(block, bits, in_pairs, panel, into, X[:, r:], asked)
