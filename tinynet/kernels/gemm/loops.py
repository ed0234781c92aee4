"""One product of matrices for all three of Linear's, by blocks that stay in the L1 cache.

The sum over k is taken in blocks of 64: each is summed from 0, in rising k, and then added to what
is there. So the bits of an element depend on its row of A and its column of M alone, however many
others there are, and however many zeros. Which way is taken when stands in ``plan.py``.
"""

from typing import Any

import numpy as np

from tinynet.kernels.gemm.masks import BLOCK, Words, find_nonzeros, lies_in_rows, looks_full
from tinynet.kernels.gemm.packing import is_finite, pack
from tinynet.kernels.gemm.plan import FEW, MANY, SOME, STRIP, make_plan
from tinynet.kernels.gemm.tiles import Into, add_along, add_block, add_narrow
from tinynet.kernels.jit.compile import jit
from tinynet.kernels.jit.shared import matrix, row_numbers, shared, types
from tinynet.kernels.simd.lanes import room, view
from tinynet.support.types import Array


def signature(dtype: Any) -> tuple[Any, ...]:
    *matrices, X = [matrix(dtype)] * 4
    return *matrices, dtype, dtype[:, :], X, row_numbers()


@shared(signature, jit)
def affine_alone(
    A: Array, M: Array, start: Array, alpha: float, out: Array, X: Array, wanted: Any
) -> None:
    """out = start + alpha * (A @ M): (R, J) = (R, J) or (1, J) + (R, K) @ (K, J), by this thread.

    With an alpha that is not 1, K is at most 64: the sum is complete before it is scaled.
    Meanwhile the memory is asked for the `wanted` rows of X, of which there may be none.
    """
    (R, K), J, plan = A.shape, M.shape[1], make_plan(A, M)
    if R <= FEW and 8 <= J < 16 and alpha == 1 and lies_in_rows(M) and lies_in_rows(A):
        add_narrow(A, M, start, out)
        return
    rows, depth = min(R, plan.rows), min(K, BLOCK)
    panel = (1 if plan.along else 0 if plan.in_place else depth), plan.across
    block = (depth if plan.far else 0), rows + 16  # rows of the copy shall share no places either
    memory = room(1, panel[0] * panel[1] + block[0] * block[1], M.dtype)
    copies = view(memory, 0, panel), view(memory, panel[0] * panel[1], block)
    _by_blocks(A, M, Into(start, alpha, out), X, wanted, np.empty(rows + 15, np.uint64), copies)


@shared(
    lambda t: (
        *(matrix(t), matrix(t), types.NamedTuple((t[:, :], t, t[:, :]), Into)),
        *(matrix(t), row_numbers(), types.uint64[::1], types.UniTuple(t[:, ::1], 2)),
    )
)
def _by_blocks(
    A: Array, M: Array, into: Into, X: Array, wanted: Any, words: Words, copies: Any
) -> None:
    """The loops: parts of A, strips of M, blocks of k, panels of a strip."""
    (R, K), J, (start, alpha, out) = A.shape, M.shape[1], into
    plan, turned, several = make_plan(A, M), not lies_in_rows(A), max(K, J) > BLOCK
    panel, full, finite = M[:, :], R >= SOME, False  # a block is mostly like the one before
    for r in range(0, R, plan.rows):
        rows, sums = A[r : r + plan.rows], out[r : r + plan.rows]
        begun = start if start.shape[0] == 1 else start[r : r + plan.rows]
        for first in range(0, J, STRIP):
            for k in range(0, max(K, 1), BLOCK):
                block = rows[:, k : k + BLOCK]
                marked = not (full and looks_full(block, plan.full))
                if marked:
                    full = find_nonzeros(block, words) > plan.full * block.size
                if plan.far and looks_full(block, MANY):
                    pack(block.T, copies[1])
                    block = copies[1][: block.shape[1], : block.shape[0]].T
                for j in range(first, min(first + STRIP, J), plan.across):
                    if r == 0 or several:  # else it is the one before
                        panel = M[k : k + BLOCK, j : j + plan.across]
                        if not plan.in_place:
                            pack(panel, copies[0])
                            panel = copies[0][: panel.shape[0], : panel.shape[1]]
                        look = (turned or full) and R >= 4 and not plan.along
                        finite = look and is_finite(panel)
                    if full and finite:
                        words[:] = ~np.uint64(0) >> np.uint64(BLOCK - block.shape[1])
                        marked = False
                    elif not marked:
                        find_nonzeros(block, words)
                        marked = True
                    columns = slice(j, j + plan.across)
                    before = begun[:, columns] if k == 0 else sums[:, columns]
                    to = Into(before, alpha, sums[:, columns])
                    if plan.along:
                        add_along(block, words, panel, to, copies[0])
                    else:
                        at_once = 1 if not finite else 6 if full and K > FEW else 2
                        some = wanted if k == j == 0 else wanted[:0]
                        add_block(block, words, at_once, panel, to, X[:, r:], some)
