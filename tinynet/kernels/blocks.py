"""One product of matrices for all three of Linear's, by blocks that stay in the L1 cache.

``affine(A, M, start, 1, out)`` is ``out = A @ M + start``; A and M may be transposed views. The sum
over k is taken in blocks of 64: each is summed from 0, in rising k, and then added to what is there
already. So the bits of an element depend on its row of A and its column of M alone, however many
others there are. A block of A with many zeros is summed over the others, found by their bits; a
full one by six rows at once, zeros and all. For a few rows of A and a wide M, which comes
from far away, the rows of M are read from end to end. All add the same numbers in the same order;
so does ``product``, which may take a full product the other way round: ``(M.T @ A.T).T``.
"""

from typing import Any

import numpy as np
from numba import types

from tinynet._types import Array
from tinynet.kernels.jit import inlined, jit
from tinynet.kernels.lanes import (
    count_bits,
    fetch,
    fma,
    load,
    load_as,
    lowest_bit,
    room,
    store,
    widest,
    zeros,
)
from tinynet.kernels.nonzeros import (
    BLOCK,
    NEARLY_FULL,
    Bits,
    Halves,
    find_nonzeros,
    lies_in_rows,
    looks_full,
)
from tinynet.kernels.one_row import add_narrow, times_rows
from tinynet.kernels.panels import copy, copy_in_lanes, copy_turning, is_finite
from tinynet.kernels.shared import shared

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


_bits, _int, _flag = types.uint64[::1], types.int64, types.boolean


def _affine_signature(dtype: Any) -> tuple[Any, ...]:
    matrix = types.Array(dtype, 2, "A", readonly=True)  # of any layout; a model may be read-only
    return matrix, matrix, types.Array(dtype, 1, "C", readonly=True), dtype, dtype[:, :]


def _loops_signature(dtype: Any) -> tuple[Any, ...]:
    A, M, _, factor, out = _affine_signature(dtype)
    scratch = types.Tuple((out, out, out, _bits, types.uint32[:, ::1]))
    return A, M, out, _flag, factor, out, _int, types.float64, _flag, _flag, scratch


def _sparse_signature(dtype: Any) -> tuple[Any, ...]:
    A, M, first, has_start, factor, out, *_ = _loops_signature(dtype)
    return A, M, first, has_start, factor, out, types.float64, _bits, types.uint32[:, ::1]


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
            k0 = _add_sparse_blocks(rows, M, first, has_start, factor, sums, share, bits, halves)
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
                    _add_full_block(block, panel, ahead, factor, there, down, to, bits)
                    known = False
                    continue
                if not known:
                    find_nonzeros(block, bits, halves)
                    known = True
                if along:
                    _add_along(block, bits, panel, factor, there, down, panels, to)
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
            _add_full_block(A, panel, M[:0], factor, before, down, sums, bits)
            if padded:
                copy(sums, out)
            return
    if R <= FEW and 8 <= J < 16 and has_start and lies_in_rows(M) and lies_in_rows(A):
        add_narrow(A, M, first, out)
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
    return max(K, J) <= BLOCK and SOME <= R <= ROWS


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


@inlined
def _add_full_block(
    A: Array,
    M: Array,
    ahead: Array,
    factor: float,
    before: Array,
    down: int,
    out: Array,
    bits: Bits,
) -> None:
    """Add A @ M, zeros and all: most rows by sixes, what is left over in pairs."""
    R, K = A.shape
    done = _add_full_rows(A, M, ahead, factor, before, down, out)
    if done < R:
        for r in range(done, R):
            bits[r] = ~np.uint64(0) >> np.uint64(BLOCK - K)
        add_nonzeros(A, bits, done, True, M, factor, before, down, out, M[:0], bits[:0])


@shared(lambda t: (t[:, :], t[:, :], t[:, :], t, t[:, :], _int, t[:, :]))
def _add_full_rows(
    A: Array, M: Array, ahead: Array, factor: float, before: Array, down: int, out: Array
) -> int:
    """Add A @ M for all rows but the last five at most, six at once; return how many.

    Meanwhile ask the memory for the panel ahead: within the first 32 rows, all of it.
    """
    R, J = A.shape[0], M.shape[1]
    r = 0
    while R - r >= 6:
        width = len(widest(M))
        for j in range(0, J - width + 1, width):
            _add_six_rows(A, r, M, j, widest(M), ahead, factor, before, down, out)
        if J % width != 0:
            _add_six_rows(A, r, M, J - 16, zeros(M, 16), ahead, factor, before, down, out)
        r += 6
    return r


@inlined
def _add_six_rows(
    A: Array,
    r: int,
    M: Array,
    j: int,
    nothing: Any,
    ahead: Array,
    factor: float,
    before: Array,
    down: int,
    out: Array,
) -> None:
    for k in range(2 * r, min(2 * (r + 6), ahead.shape[0])):
        for i in range(j, j + len(nothing), 16):
            fetch(ahead, (k, i))
    a = b = c = d = e = f = nothing
    for k in range(np.uint64(M.shape[0])):
        row = load_as(nothing, M, (k, j))
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


@shared(_sparse_signature)
def _add_sparse_blocks(
    A: Array,
    M: Array,
    first: Array,
    has_start: bool,
    factor: float,
    out: Array,
    share: float,
    bits: Bits,
    halves: Halves,
) -> int:
    """Add A @ M, M one panel wide, block by block, up to the first full one; return its k."""
    K = A.shape[1]
    for k in range(0, max(K, 1), BLOCK):
        block = A[:, k : k + BLOCK]
        if find_nonzeros(block, bits, halves) > share * block.size:
            return k
        before, down = (first, 0) if k == 0 and has_start else (out, 1)
        _add_rows(block, bits, M[k : k + BLOCK], factor, before, down, out)
    return max(K, 1)


def _nonzeros_signature(dtype: Any) -> tuple[Any, ...]:
    A, M, _, factor, out = _affine_signature(dtype)
    return A, _bits, _int, _flag, M, factor, out, _int, out, M, _bits


@inlined
def go_in_pairs(A: Array, M: Array) -> bool:
    """Whether two rows of A go together: neighbouring pixels have most of their zeros in common.

    No zero of one row may meet NaN or infinity because the other one is not zero there; and the
    registers must hold the sums of both.
    """
    return len(widest(M)) >= 16 and not lies_in_rows(A) and is_finite(M)


@shared(_nonzeros_signature)
def add_nonzeros(
    A: Array,
    bits: Bits,
    done: int,
    in_pairs: bool,
    M: Array,
    factor: float,
    before: Array,
    down: int,
    out: Array,
    X: Array,
    wanted: Array,
) -> None:
    """Add A @ M, for the rows that are not done, over the places whose bits are set.

    Two rows of A may be summed together, over the places where either is not zero. Then only
    one loop in place of two has an end that the processor cannot guess.

    Meanwhile ask the memory for `wanted` rows (uint64) of X, from its first column to that of A's
    last row: two columns stand for the line of 16 float32 that they are in, for every 8th row.
    """
    one, rows = np.uint64(1), np.uint64(wanted.size)
    r, R = np.uint64(done), np.uint64(A.shape[0])
    while r < R:
        n = r // np.uint64(2) % np.uint64(8)
        while r % np.uint64(2) == 0 and n < rows:
            fetch(X, (wanted[n], r))
            n += np.uint64(8)
        if in_pairs and r + one < R:
            word = bits[r] | bits[r + one]
            _add_two_rows_by_lanes(A, r, word, M, factor, before, down, out)
            r += one
        else:
            _add_row_by_lanes(A, r, bits[r], M, factor, before, down, out)
        r += one


@inlined
def _add_rows(
    A: Array, bits: Bits, M: Array, factor: float, before: Array, down: int, out: Array
) -> None:
    for r in range(np.uint64(A.shape[0])):
        _add_row_by_lanes(A, r, bits[r], M, factor, before, down, out)


@inlined
def _add_row_by_lanes(
    A: Array, r: Any, word: Any, M: Array, factor: float, before: Array, down: int, out: Array
) -> None:
    if word != 0 or down == 0:
        if M.shape[1] == 64:
            _add_row(A, r, word, M, 0, zeros(M, 64), factor, before, down, out)
        else:
            for j in range(0, M.shape[1] - 31, 32):
                _add_row(A, r, word, M, j, zeros(M, 32), factor, before, down, out)
            if M.shape[1] % 32 != 0:
                _add_row(A, r, word, M, M.shape[1] - 16, zeros(M, 16), factor, before, down, out)


@inlined
def _add_row(
    A: Array,
    r: Any,
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


@inlined
def _add_two_rows_by_lanes(
    A: Array, r: Any, word: Any, M: Array, factor: float, before: Array, down: int, out: Array
) -> None:
    if word != 0 or down == 0:
        if M.shape[1] == 64 and len(widest(M)) == 32:
            _add_two_rows(A, r, word, M, 0, zeros(M, 64), factor, before, down, out)
        else:
            for j in range(0, M.shape[1] - 31, 32):
                _add_two_rows(A, r, word, M, j, zeros(M, 32), factor, before, down, out)
            if M.shape[1] % 32 != 0:
                j = M.shape[1] - 16
                _add_two_rows(A, r, word, M, j, zeros(M, 16), factor, before, down, out)


@inlined
def _add_two_rows(
    A: Array,
    r: Any,
    word: Any,
    M: Array,
    j: int,
    nothing: Any,
    factor: float,
    before: Array,
    down: int,
    out: Array,
) -> None:
    first = second = nothing
    s = r + np.uint64(1)
    while word != 0:
        k = lowest_bit(word)
        word &= word - np.uint64(1)
        row = load_as(nothing, M, (k, j))
        first = fma(A[r, k], row, first)
        second = fma(A[s, k], row, second)
    _add(first, factor, before, down, out, r, j)
    _add(second, factor, before, down, out, s, j)


@shared(lambda t: (t[:, :], _bits, t[:, :], t, t[:, :], _int, t[:, :], t[:, :]))
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
def _add(total: Any, factor: float, before: Array, down: int, out: Array, r: Any, j: int) -> None:
    store(fma(factor, total, load_as(total, before, (r * down, j))), out, (r, j))
