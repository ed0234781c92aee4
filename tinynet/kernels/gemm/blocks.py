"""One product of matrices for all three of Linear's, by blocks that stay in the L1 cache.

``affine(A, M, start, 1, out)`` is ``out = A @ M + start``; A and M may be transposed views. The sum
over k is taken in blocks of 64: each is summed from 0, in rising k, and then added to what is there
already. So the bits of an element depend on its row of A and its column of M alone, however many
others there are, and however many zeros: ``sums.py`` has three ways to sum a block, which differ in
speed alone. So does ``product``, which may take a full product the other way round:
``(M.T @ A.T).T``. Here stands which way is taken when, and what is copied before.
"""

from typing import Any

import numpy as np

from tinynet.kernels.gemm.nonzeros import (
    BLOCK,
    NEARLY_FULL,
    find_nonzeros,
    lies_in_rows,
    looks_full,
)
from tinynet.kernels.gemm.one_row import add_narrow, times_rows
from tinynet.kernels.gemm.panels import copy, copy_in_lanes, copy_turning, is_finite
from tinynet.kernels.gemm.sums import (
    add_along,
    add_full_block,
    add_nonzeros,
    add_sparse_blocks,
    go_in_pairs,
)
from tinynet.kernels.jit.compile import inlined, jit
from tinynet.kernels.jit.shared import matrix, shared, types
from tinynet.kernels.simd.lanes import room
from tinynet.support.types import Array

ROWS = 96  # of A at a time, by BLOCK of k and of the columns of M: 16 KiB of float32
MORE_ROWS = 3 * ROWS  # where M has many columns: it is read anew for each time
STRIP = 16 * BLOCK  # columns of M at a time, for which a full block of A is copied once
SEVERAL = 2 * BLOCK  # columns of M from which it pays to copy a full block of A
FULL = 0.6  # the share of non-zeros from which summing zeros and all is faster; and where M has
FULL_IF_NARROW = 0.45  # fewer columns than a panel;
FULL_IF_NARROWEST = 0.25  # 16 at most, for which six rows keep six sums under way, not twelve
MANY = 0.2  # of them, from which a block that shares places in the cache is copied all the same
SOME = 16  # rows of A from which it pays to look at a few first, and to copy a block of them
FOUR_PLACES = 1024  # bytes from row to row (or a multiple) that leave four places in the L1 cache
FEW = 8  # rows of A for which copying a panel of M does not pay
NOT_MANY = 32  # rows for which it does not pay where M has two panels, one beside the other
FAR = 2**17  # numbers in M from which the next panel is asked for ahead: more than the L2 cache has
LONG = 128  # columns of M for each of these rows, from which M is read along its rows
SPARE = 4  # lanes of 16 that may be left without work before it pays to turn a product round
DEEP = 8  # numbers in a sum for each row of A from which turning the result beats turning M


def _affine_signature(dtype: Any) -> tuple[Any, ...]:
    start = types.Array(dtype, 1, "C", readonly=True)
    return matrix(dtype), matrix(dtype), start, dtype, dtype[:, :]


def _loops_signature(dtype: Any) -> tuple[Any, ...]:
    A, M, _, factor, out = _affine_signature(dtype)
    bits, number, flag = types.uint64[::1], types.int64, types.boolean
    scratch = types.Tuple((out, out, out, bits, types.uint32[:, ::1]))
    return A, M, out, flag, factor, out, number, types.float64, flag, flag, scratch


def _product_signature(dtype: Any) -> tuple[Any, ...]:
    A, M, _, _, out = _affine_signature(dtype)
    return A, M, out


@shared(_loops_signature)
def _by_blocks(
    A: Array,
    M: Array,
    first: Array,
    has_start: bool,
    factor: float,
    out: Array,
    step: int,
    share: float,
    as_it_is: bool,
    along: bool,
    scratch: Any,
) -> None:
    """The loops of `affine` for a strip of M: parts of A, blocks of k, panels of M."""
    wide, panels, blocks, bits, halves = scratch
    (R, K), J = A.shape, M.shape[1]
    padded = J % 16 != 0
    across = J if along else BLOCK
    full = R >= SOME  # blocks are mostly like the one before
    for r in range(0, R, step):
        rows = A[r : r + step]
        sums = into = out[r : r + step]
        if padded:
            sums = wide[: rows.shape[0], : (J + 15) // 16 * 16]
            if not has_start:
                copy(into, sums)
        several, k0 = rows.shape[0] >= 4, 0
        in_rows = as_it_is and J <= BLOCK and not along and lies_in_rows(A)
        if in_rows and not (full and looks_full(rows, NEARLY_FULL)):
            k0 = add_sparse_blocks(rows, M, first, has_start, factor, sums, share, bits, halves)
        for k in range(k0, max(K, 1), BLOCK):
            block = rows[:, k : k + BLOCK]
            full = full and looks_full(block, NEARLY_FULL)
            known, many = not full, full
            if known:
                count = find_nonzeros(block, bits, halves)
                full = count > share * block.size
                many = full or (J >= BLOCK and count > MANY * block.size)
            if R >= SOME and ((full and J >= SEVERAL) or (many and _shares_places(block))):
                if lies_in_rows(block):
                    copy(block, blocks)
                    block = blocks[: block.shape[0], : block.shape[1]]
                else:
                    copy(block.T, blocks)
                    block = blocks[: block.shape[1], : block.shape[0]].T
            starts = k == 0 and has_start
            before, down = (first, 0) if starts else (sums, 1)  # one row for all, or each its own
            for j in range(0, J, across):
                panel, nothing = M[k : k + BLOCK, j : j + across], M[:0]
                if as_it_is:
                    finite = several and full and not along and is_finite(panel)
                else:
                    finite = copy_in_lanes(panel, panels, several and full)
                    panel = panels[: panel.shape[0], : (panel.shape[1] + 15) // 16 * 16]
                there, to = before[:, j:], sums[:, j : j + across]
                if full and finite:
                    ahead = nothing if as_it_is or M.size < FAR else _panel_after(M, k, j)
                    add_full_block(block, panel, ahead, factor, there, down, to, bits)
                    known = False
                    continue
                if not known:
                    find_nonzeros(block, bits, halves)
                    known = True
                if along:
                    add_along(block, bits, panel, factor, there, down, panels, to)
                else:
                    pairs = go_in_pairs(block, panel)
                    no = bits[:0]
                    add_nonzeros(block, bits, 0, pairs, panel, factor, there, down, to, nothing, no)
        if padded:
            copy(sums, into)


@shared(_affine_signature, jit)
def affine(A: Array, M: Array, start: Array, factor: float, out: Array) -> None:
    """out = factor * (A @ M) + start: (R, J) = (R, K) @ (K, J) + (J,).

    An empty start stands for what `out` holds. Then the factor must be negative (its product with
    a sum of 0 is -0, which leaves even -0 as it is), and K at most 64.
    """
    (R, K), J = A.shape, M.shape[1]
    width = (J + 15) // 16 * 16  # columns of zeros fill M and out up to whole lanes
    padded = width != J
    step = ROWS if J <= BLOCK else MORE_ROWS
    first = room(1, width, M.dtype)[::1]
    for j in range(width):  # never -0, and so are sums: adding 0 leaves every bit
        first[0, j] = start[j] + 0 if j < start.size else 0
    share = full_from(J)
    has_start = start.size > 0
    if R <= FEW and 8 <= J < 16 and has_start and lies_in_rows(M) and lies_in_rows(A):
        add_narrow(A, M, first, out)
        return
    if _fits_in_one_block(A, M) and looks_full(A, share):
        panel, sums = M, out
        if padded or not lies_in_rows(M):
            panel = room(K, width, M.dtype)[::1]
            finite = copy_in_lanes(M, panel, True)
        else:
            finite = is_finite(M)
        if padded:
            sums = room(R, width, M.dtype)[::1]
            if not has_start:
                copy(out, sums)
        if finite:
            before, down = (first, 0) if has_start else (sums, 1)
            bits = np.empty(R, np.uint64)
            add_full_block(A, panel, M[:0], factor, before, down, sums, bits)
            if padded:
                copy(sums, out)
            return
    as_it_is = lies_in_rows(M) and not padded
    near = BLOCK * M.itemsize * (2 if R <= NOT_MANY else 1)
    as_it_is &= R <= FEW or M.strides[0] <= near
    along = as_it_is and R <= min(FEW, J // LONG)
    strip = max(J, 1) if along else STRIP
    across = min(width, strip) if padded else 0
    wide = room(min(R, step), across, M.dtype)[::1]
    K_room, J_room = (1, J) if along else (0, 0) if as_it_is else (BLOCK, BLOCK)
    panels = room(K_room, J_room, M.dtype)[::1]
    in_rows = min(R, step) if J >= SEVERAL else 0
    R_room, K_room = (in_rows, BLOCK) if lies_in_rows(A) else (BLOCK, min(R, step) + 16)
    blocks = room(R_room, K_room, M.dtype)[::1]
    bits, halves = np.empty(step, np.uint64), np.empty((2, step), np.uint32)
    scratch = wide, panels, blocks, bits, halves
    for j in range(0, J, strip):
        N, top, into = M[:, j : j + strip], first[:, j : j + strip], out[:, j : j + strip]
        _by_blocks(A, N, top, has_start, factor, into, step, share, as_it_is, along, scratch)


@shared(_product_signature, jit)
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
    nothing = np.empty(max(R, J), out.dtype)
    for r in range(nothing.size):
        nothing[r] = 0
    if _is_better_turned(A, M) and is_finite(A if lies_in_rows(A) else A.T):
        turned = room(J, R, out.dtype)
        affine(M.T, A.T, nothing[:R], 1.0, turned)
        if is_finite(turned):
            copy_turning(turned.T, out)
            return
    affine(A, M, nothing[:J], 1.0, out)


@inlined
def full_from(J: int) -> float:
    """The share of non-zeros in a block from which it is summed zeros and all."""
    return FULL if J >= BLOCK else FULL_IF_NARROW if J > 16 else FULL_IF_NARROWEST


@inlined
def _fits_in_one_block(A: Array, M: Array) -> bool:
    """Whether A and M are one block each."""
    (R, K), J = A.shape, M.shape[1]
    return max(K, J) <= BLOCK and R <= ROWS


@inlined
def _is_better_turned(A: Array, M: Array) -> bool:
    """Whether lanes along the rows of a full A make up for turning the result round."""
    (R, K), J = A.shape, M.shape[1]
    if -R % 16 > SPARE or R < SOME:
        return False
    if lies_in_rows(M):
        return J < BLOCK and -J % 16 > SPARE and looks_full(A, FULL_IF_NARROWEST)
    return R <= ROWS and R * DEEP <= K and J > BLOCK and looks_full(A, NEARLY_FULL)


@inlined
def _shares_places(A: Array) -> bool:
    """Whether columns of a block, if it is transposed, share a few places in the cache."""
    return not lies_in_rows(A) and A.strides[1] % FOUR_PLACES == 0


@inlined
def _panel_after(M: Array, k: int, j: int) -> Array:
    """The panel of M behind the one at (k, j), with rows as it lies in memory."""
    on = j + BLOCK < M.shape[1]
    ahead = M[k : k + BLOCK, j + BLOCK :] if on else M[k + BLOCK : k + 2 * BLOCK]
    return ahead if lies_in_rows(M) else ahead[:, :BLOCK].T
