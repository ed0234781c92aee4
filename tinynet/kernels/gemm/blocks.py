"""One product of matrices for all three of Linear's, by blocks that stay in the L1 cache.

``affine(A, M, start, 1, out)`` is ``out = A @ M + start``; A and M may be transposed views. The sum
over k is taken in blocks of 64: each is summed from 0, in rising k, and then added to what is there
already. So the bits of an element depend on its row of A and its column of M alone, however many
others there are, and however many zeros: ``tiles.py`` has three ways to sum a block, which differ
in speed alone. So does ``product``, which may take a full product the other way round:
``(M.T @ A.T).T``. Which way is taken when stands in ``plan.py``.
"""

from typing import Any, NamedTuple

import numpy as np

from tinynet.kernels.gemm.nonzeros import (
    BLOCK,
    NEARLY_FULL,
    Bits,
    Halves,
    find_nonzeros,
    lies_in_rows,
    looks_full,
)
from tinynet.kernels.gemm.one_row import add_narrow
from tinynet.kernels.gemm.panels import is_finite, pack
from tinynet.kernels.gemm.plan import (
    FAR,
    FEW,
    MANY,
    SEVERAL,
    SOME,
    Plan,
    is_one_full_block,
    make_plan,
    shares_places,
)
from tinynet.kernels.gemm.tiles import (
    Into,
    add_along,
    add_full_block,
    add_nonzeros,
    add_sparse_blocks,
    bits_type,
)
from tinynet.kernels.jit.compile import inlined, jit
from tinynet.kernels.jit.shared import matrix, shared, types
from tinynet.kernels.simd.lanes import room, widest
from tinynet.support.types import Array


class Scratch(NamedTuple):
    """Memory for a packed panel of M and a packed block of A, and for where that is not 0."""

    panel: Array
    block: Array
    bits: Bits
    halves: Halves


def affine_signature(dtype: Any) -> tuple[Any, ...]:
    start = types.Array(dtype, 1, "C", readonly=True)
    return matrix(dtype), matrix(dtype), start, dtype, dtype[:, :]


def _loops_signature(dtype: Any) -> tuple[Any, ...]:
    out = dtype[:, :]
    plan = types.NamedTuple((types.int64,) * 2 + (types.float64,) + (types.boolean,) * 2, Plan)
    scratch = types.NamedTuple((out, out, bits_type(), types.uint32[:, ::1]), Scratch)
    return matrix(dtype), matrix(dtype), out, dtype, out, plan, scratch


@shared(_loops_signature)
def _by_blocks(
    A: Array, M: Array, start: Array, alpha: float, out: Array, plan: Plan, scratch: Scratch
) -> None:
    """The loops of `affine` for a strip of M: parts of A, blocks of k, panels of M."""
    (R, K), J = A.shape, M.shape[1]
    bits, halves = scratch.bits, scratch.halves
    across = J if plan.along else BLOCK
    turned = not lies_in_rows(A)
    full, finite, panel = R >= SOME, False, M  # blocks are mostly like the one before
    for r in range(0, R, plan.rows):
        rows, sums, k0 = A[r : r + plan.rows], out[r : r + plan.rows], 0
        at_once = start.size > 0 and plan.in_place and J <= BLOCK and not turned
        if at_once and not (full and looks_full(rows, NEARLY_FULL)):
            into = Into(start, 0, alpha, sums)
            k0 = add_sparse_blocks(rows, M, into, plan.full, bits, halves)
        for k in range(k0, max(K, 1), BLOCK):
            block = rows[:, k : k + BLOCK]
            count, marked = block.size, not (full and looks_full(block, NEARLY_FULL))
            if marked:
                count = find_nonzeros(block, bits, halves)
            full = count > plan.full * block.size
            many = full or (J >= BLOCK and count > MANY * block.size)
            if R >= SOME and ((full and J >= SEVERAL) or (many and shares_places(block))):
                block = _packed(block, scratch.block)
            before, down = (start, 0) if k == 0 and start.size > 0 else (sums, 1)
            for j in range(0, J, across):
                if r == 0 or not turned or max(K, J) > BLOCK:  # else it is the one before
                    panel = M[k : k + BLOCK, j : j + across]
                    look = turned or (full and rows.shape[0] >= 4)  # fewer skip zeros anyway
                    if plan.in_place:
                        finite = look and not plan.along and is_finite(panel)
                    else:
                        finite = pack(panel, scratch.panel, look)
                        panel = scratch.panel[: panel.shape[0], : -(-panel.shape[1] // 16) * 16]
                into = Into(before[:, j:], down, alpha, sums[:, j : j + across])
                if full and finite:
                    ahead = M[:0] if plan.in_place or M.size < FAR else _panel_after(M, k, j)
                    add_full_block(block, panel, ahead, into, bits)
                    marked = False
                    continue
                if not marked:
                    find_nonzeros(block, bits, halves)
                    marked = True
                if plan.along:
                    add_along(block, bits, panel, into, scratch.panel)
                else:
                    in_pairs = turned and finite and len(widest(M)) >= 16
                    add_nonzeros(block, bits, in_pairs, panel, into, M[:0], bits[:0])


@shared(affine_signature, jit)
def affine_alone(A: Array, M: Array, start: Array, alpha: float, out: Array) -> None:
    """out = alpha * (A @ M) + start: (R, J) = (R, K) @ (K, J) + (J,).

    An empty start stands for what `out` holds. Then alpha must be negative (its product with a sum
    of 0 is -0, which leaves even -0 as it is), and K at most 64; otherwise it must be 1.
    """
    (R, K), J = A.shape, M.shape[1]
    first = room(1, start.size, M.dtype)[::1]
    for j in range(start.size):  # never -0, and so are sums: adding -0 or 0 is the same
        first[0, j] = start[j] + 0
    if R <= FEW and 8 <= J < 16 and start.size > 0 and lies_in_rows(M) and lies_in_rows(A):
        add_narrow(A, M, first, out)
        return
    if is_one_full_block(A, M):
        panel = M
        if lies_in_rows(M) and J % 16 == 0:
            finite = is_finite(M)
        else:
            panel = room(K, -(-J // 16) * 16, M.dtype)[::1]
            finite = pack(M, panel, True)
        if finite:
            before, down = (first, 0) if start.size > 0 else (out, 1)
            bits = np.empty(R, np.uint64)
            add_full_block(A, panel, M[:0], Into(before, down, alpha, out), bits)
            return
    plan = make_plan(A, M)
    step = min(R, plan.rows)
    K_room, J_room = (1, J) if plan.along else (0, 0) if plan.in_place else (BLOCK, BLOCK)
    panels = room(K_room, J_room, M.dtype)[::1]
    R_room, K_room = (step, BLOCK) if lies_in_rows(A) else (BLOCK, step + 16)
    blocks = room(R_room, K_room, M.dtype)[::1]
    scratch = Scratch(panels, blocks, np.empty(step, np.uint64), np.empty((2, step), np.uint32))
    for j in range(0, J, plan.columns):
        end = j + plan.columns
        _by_blocks(A, M[:, j:end], first[:, j:end], alpha, out[:, j:end], plan, scratch)


@inlined
def _packed(A: Array, to: Array) -> Array:
    """The block, copied to where its rows, or its columns, lie close together."""
    (R, K), in_rows = A.shape, lies_in_rows(A)
    pack(A if in_rows else A.T, to, False)
    return to[:R, :K] if in_rows else to[:K, :R].T


@inlined
def _panel_after(M: Array, k: int, j: int) -> Array:
    """The panel of M behind the one at (k, j), with rows as it lies in memory."""
    on = j + BLOCK < M.shape[1]
    ahead = M[k : k + BLOCK, j + BLOCK :] if on else M[k + BLOCK : k + 2 * BLOCK]
    return ahead if lies_in_rows(M) else ahead[:, :BLOCK].T
