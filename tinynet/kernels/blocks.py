"""One product of matrices for all three of Linear's, by blocks that stay in the L1 cache.

``affine(A, M, start, 1, out)`` is ``out = A @ M + start``; A and M may be transposed views. The sum
over k is taken in blocks of 64: each is summed from 0, in rising k, and then added to what is there
already. So the bits of an element depend on its row of A and its column of M alone, however many
others there are. A block of A with many zeros is summed over the others, found by their bits; a
full one by six or four rows at once, zeros and all. For a few rows of A and a wide M, which comes
from far away, the rows of M are read from end to end. All add the same numbers in the same order.
"""

from typing import Any

import numpy as np
from numba import types

from tinynet._types import Array
from tinynet.kernels.jit import inlined, inner, jit
from tinynet.kernels.lanes import (
    all_finite,
    count_bits,
    fma,
    load,
    load_as,
    lowest_bit,
    store,
    turn,
    zeros,
)
from tinynet.kernels.nonzeros import Bits, find_nonzeros, lies_in_rows, looks_full
from tinynet.kernels.shared import shared

BLOCK = 64  # of k, and of the columns of M: a panel of M is 16 KiB of float32
ROWS = 96  # of A at a time
MORE_ROWS = 3 * ROWS  # where M has many columns: it is read anew for each time
FULL = 0.5  # the share of non-zeros from which summing zeros and all is faster; and where M has
FULL_IF_NARROW = 0.25  # fewer columns than a panel
SOME = 16  # rows of A from which it pays to look at a few first, and to copy a block of them
FOUR_PLACES = 1024  # bytes from row to row (or a multiple) that leave four places in the L1 cache
FEW = 8  # rows of A for which copying a panel of M does not pay
LONG = 128  # columns of M for each of these rows, from which M is read along its rows


def _affine_signature(dtype: Any) -> tuple[Any, ...]:
    matrix = types.Array(dtype, 2, "A", readonly=True)  # of any layout; a model may be read-only
    return matrix, matrix, types.Array(dtype, 1, "C", readonly=True), dtype, dtype[:, :]


def _loops_signature(dtype: Any) -> tuple[Any, ...]:
    A, M, _, factor, out = _affine_signature(dtype)
    scratch = types.Tuple((out, out, out, types.uint64[::1], types.uint32[:, ::1]))
    flag = types.boolean
    return A, M, out, flag, factor, out, types.int64, types.float64, flag, flag, scratch


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
    """The loops of `affine`: parts of A, blocks of k, panels of M."""
    wide, panels, blocks, bits, halves = scratch
    (R, K), J = A.shape, M.shape[1]
    padded = J % 16 != 0
    across = J if along else BLOCK
    for r in range(0, R, step):
        rows = A[r : r + step]
        top = 0 if padded else r
        sums = wide[top : top + rows.shape[0]]
        for k in range(0, max(K, 1), BLOCK):
            block = rows[:, k : k + BLOCK]
            guessed = full = R >= SOME and looks_full(block)
            if not guessed:
                full = find_nonzeros(block, bits, halves) > share * block.size
            if full and _shares_places(block):
                _copy(block.T, blocks)
                block = blocks[: block.shape[1], : block.shape[0]].T
            starts = k == 0 and has_start
            before, down = (first, 0) if starts else (sums, 1)  # one row for all, or each its own
            for j in range(0, J, across):
                panel = M[k : k + BLOCK, j : j + across]
                if not as_it_is:
                    _copy_in_lanes(panel, panels)
                    panel = panels[: panel.shape[0], : (panel.shape[1] + 15) // 16 * 16]
                there, into = before[:, j:], sums[:, j : j + across]
                done = 0
                if full and not along and _is_finite(panel):
                    done = _add_full_rows(block, panel, factor, there, down, into)
                if guessed and done < block.shape[0]:
                    find_nonzeros(block, bits, halves)
                    guessed = False
                if along:
                    _add_along(block, bits, panel, factor, there, down, panels, into)
                else:
                    _add_nonzeros(block, bits, done, panel, factor, there, down, into)
        if padded:
            _copy(sums, out[r : r + step])


@shared(_affine_signature, jit)
def affine(A: Array, M: Array, start: Array, factor: float, out: Array) -> None:
    """out = factor * (A @ M) + start: (R, J) = (R, K) @ (K, J) + (J,).

    An empty start stands for what `out` holds. Then J must be a multiple of 16, and with another
    factor than 1, K at most 64.
    """
    R, J = A.shape[0], M.shape[1]
    width = (J + 15) // 16 * 16  # columns of zeros fill M and out up to whole lanes
    padded = width != J
    step = ROWS if J <= BLOCK or not lies_in_rows(A) else MORE_ROWS
    wide = np.empty((min(R, step), width), M.dtype)[::1] if padded else out
    first = np.zeros((1, width), M.dtype)[::1]
    for j in range(start.size):
        first[0, j] = start[j]
    share = FULL if J >= BLOCK else FULL_IF_NARROW
    as_it_is = lies_in_rows(M) and not padded
    as_it_is &= R <= FEW or M.strides[0] <= BLOCK * M.itemsize
    along = as_it_is and R <= min(FEW, J // LONG)
    panel = (1, J) if along else (0, 0) if as_it_is else (BLOCK, BLOCK)
    panels = np.empty(panel, M.dtype)[::1]
    blocks = np.empty((0, 0) if lies_in_rows(A) else (BLOCK, ROWS), M.dtype)[::1]
    bits, halves = np.empty(step, np.uint64), np.empty((2, ROWS), np.uint32)
    scratch = wide, panels, blocks, bits, halves
    _by_blocks(A, M, first, start.size > 0, factor, out, step, share, as_it_is, along, scratch)


@inlined
def _shares_places(A: Array) -> bool:
    """Whether columns of a block, if it is transposed, share a few places in the cache."""
    return not lies_in_rows(A) and A.shape[0] >= SOME and A.strides[1] % FOUR_PLACES == 0


@inner
def _copy_in_lanes(M: Array, copy: Array) -> None:
    """Copy a panel of M to where its rows are whole lanes and lie close together."""
    K, J = M.shape
    if J % 16 != 0:
        for k in range(K):
            store(zeros(M, 16), copy, (k, J // 16 * 16))
    if lies_in_rows(M) or J < 8 or K < 8:
        _copy(M, copy)
    else:
        for j in range(0, J, 8):
            for k in range(0, K, 8):
                turn(M.T, (min(j, J - 8), min(k, K - 8)), copy)


@inner
def _copy(M: Array, to: Array) -> None:
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


@inner
def _is_finite(M: Array) -> bool:
    """Whether M has neither NaN nor infinity for a zero to meet."""
    finite, total = True, zeros(M, 64)
    for k in range(M.shape[0]):
        if M.shape[1] == 64:
            total = fma(0.0, load(M, (k, 0), 64), total)  # 0 * NaN and 0 * inf are NaN, and stay
        else:
            for j in range(0, M.shape[1], 16):
                finite &= all_finite(load(M, (k, j), 16))
    return finite and all_finite(total)


@inner
def _add_full_rows(A: Array, M: Array, factor: float, before: Array, down: int, out: Array) -> int:
    """Add A @ M for all rows but the last three at most, by sixes and fours; return how many."""
    R, r = A.shape[0], 0
    while R - r >= 4:
        if (R - r) % 6 <= 1:  # fours first, until sixes go into what is left
            for j in range(0, M.shape[1], 16):
                a = b = c = d = e = f = zeros(M, 16)
                for k in range(np.uint64(M.shape[0])):
                    row = load(M, (k, j), 16)
                    a = fma(A[r, k], row, a)
                    b = fma(A[r + 1, k], row, b)
                    c = fma(A[r + 2, k], row, c)
                    d = fma(A[r + 3, k], row, d)
                    e = fma(A[r + 4, k], row, e)
                    f = fma(A[r + 5, k], row, f)
                _add(a, factor, before, down, out, r, j)
                _add(b, factor, before, down, out, r + 1, j)
                _add(c, factor, before, down, out, r + 2, j)
                _add(d, factor, before, down, out, r + 3, j)
                _add(e, factor, before, down, out, r + 4, j)
                _add(f, factor, before, down, out, r + 5, j)
            r += 6
        else:
            for j in range(0, M.shape[1], 16):
                a = b = c = d = zeros(M, 16)
                for k in range(np.uint64(M.shape[0])):
                    row = load(M, (k, j), 16)
                    a = fma(A[r, k], row, a)
                    b = fma(A[r + 1, k], row, b)
                    c = fma(A[r + 2, k], row, c)
                    d = fma(A[r + 3, k], row, d)
                _add(a, factor, before, down, out, r, j)
                _add(b, factor, before, down, out, r + 1, j)
                _add(c, factor, before, down, out, r + 2, j)
                _add(d, factor, before, down, out, r + 3, j)
            r += 4
    return r


@inner
def _add_nonzeros(
    A: Array, bits: Bits, done: int, M: Array, factor: float, before: Array, down: int, out: Array
) -> None:
    """Add A @ M, for the rows that are not done, over the places whose bits are set."""
    stays = down == 1 and factor < 0  # a row of zeros: factor * 0 is -0, and adding it does nothing
    for r in range(done, A.shape[0]):
        if stays and bits[r] == 0:
            continue
        if M.shape[1] == 64:
            _add_row(A, r, bits[r], M, 0, zeros(M, 64), factor, before, down, out)
        elif M.shape[1] == 32:
            _add_row(A, r, bits[r], M, 0, zeros(M, 32), factor, before, down, out)
        else:
            for j in range(0, M.shape[1], 16):
                _add_row(A, r, bits[r], M, j, zeros(M, 16), factor, before, down, out)


@inlined
def _add_row(
    A: Array,
    r: int,
    word: Any,
    M: Array,
    j: int,
    nothing: Any,
    factor: float,
    before: Array,
    down: int,
    out: Array,
) -> None:
    total = nothing
    while word != 0:
        k = lowest_bit(word)
        word &= word - np.uint64(1)
        total = fma(A[r, k], load_as(nothing, M, (k, j)), total)
    _add(total, factor, before, down, out, r, j)


@inner
def _add_along(
    A: Array,
    bits: Bits,
    M: Array,
    factor: float,
    before: Array,
    down: int,
    sums: Array,
    out: Array,
) -> None:
    """Add A @ M for a few rows of A; M is read along its rows, four of them at once."""
    J, one = M.shape[1], np.uint64(1)
    for r in range(A.shape[0]):
        for j in range(0, J, 16):
            store(zeros(M, 16), sums, (0, j))
        word = bits[r]
        while count_bits(word) >= 4:
            k0, word = lowest_bit(word), word & (word - one)
            k1, word = lowest_bit(word), word & (word - one)
            k2, word = lowest_bit(word), word & (word - one)
            k3, word = lowest_bit(word), word & (word - one)
            for j in range(0, J, 16):
                total = load(sums, (0, j), 16)
                total = fma(A[r, k0], load(M, (k0, j), 16), total)
                total = fma(A[r, k1], load(M, (k1, j), 16), total)
                total = fma(A[r, k2], load(M, (k2, j), 16), total)
                total = fma(A[r, k3], load(M, (k3, j), 16), total)
                store(total, sums, (0, j))
        while word != 0:
            k0, word = lowest_bit(word), word & (word - one)
            for j in range(0, J, 16):
                store(fma(A[r, k0], load(M, (k0, j), 16), load(sums, (0, j), 16)), sums, (0, j))
        for j in range(0, J, 16):
            _add(load(sums, (0, j), 16), factor, before, down, out, r, j)


@inlined
def _add(total: Any, factor: float, before: Array, down: int, out: Array, r: int, j: int) -> None:
    store(fma(factor, total, load_as(total, before, (r * down, j))), out, (r, j))
