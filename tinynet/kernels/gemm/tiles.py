"""The microkernel: tiles of sums, of some rows of a block of A and some columns of a panel of M.

A block has 64 columns at most, a panel as many rows. A full block is summed zeros and all, in tiles
of six rows, so that each vector of M that is loaded serves six of them. A sparse one is summed over
its non-zeros, found by their bits, in tiles of one row, or of two over the places where either is
not zero: neighbouring pixels have most of their zeros in common. All add the same numbers in the
same order.
"""

from typing import Any, NamedTuple

import numpy as np

from tinynet.kernels.gemm.masks import BLOCK, Words, bits_of_row
from tinynet.kernels.jit.compile import inlined
from tinynet.kernels.jit.shared import shared
from tinynet.kernels.simd.lanes import (
    count_bits,
    fetch,
    fma,
    load,
    lowest_bit,
    store,
    widest,
    zeros,
)
from tinynet.kernels.simd.tile import add_outer, plus_zero, put, tile
from tinynet.support.types import Array


class Into(NamedTuple):
    """Where sums go: ``out = start + alpha * sums``; `start` has a row for each, or one for all."""

    start: Array
    alpha: float
    out: Array


@inlined
def _add_tile(A: Array, M: Array, r: Any, word: Any, nothing: Any, into: Into) -> None:
    """Add A[r:] @ M, as many rows and columns as `nothing` has, over the k that are in the word.

    Without a word they are all.
    """
    sums = nothing
    if word is None:
        for k in range(np.uint64(M.shape[0])):
            sums = add_outer(sums, A, M, (r, k, 0))
    else:
        while word != 0:
            sums = add_outer(sums, A, M, (r, lowest_bit(word), 0))
            word &= word - np.uint64(1)
    put(plus_zero(sums), into.alpha, into.start, into.out, (r, 0))


@inlined
def _add_columns(
    A: Array, words: Words, r: Any, rows: Any, M: Array, lanes: Any, into: Into, ahead: Any
) -> None:
    """Add as many columns as there are lanes, tile below tile, from row r on."""
    (X, wanted), step = ahead, np.uint64(rows)
    while r + step <= A.shape[0]:
        word = words[r] | words[r + step - np.uint64(1)]
        if rows == 6:
            _add_tile(A, M, r, None, tile(rows, lanes), into)
        elif word != 0 or into.start.shape[0] == 1:
            _add_tile(A, M, r, word, tile(rows, lanes), into)
        if rows == 2:
            n = r // step % np.uint64(8)
            while n < wanted.size:
                fetch(X, (wanted[n], r))
                n += np.uint64(8)
        r += step


@inlined
def _add_rows(A: Array, words: Words, r: Any, rows: Any, M: Array, into: Into, ahead: Any) -> Any:
    """Add row by row, or several at once, from row r on; return which is the first of the rest."""
    (start, alpha, out), J, width = into, M.shape[1], len(widest(M, rows))
    for j in range(0, J - width + 1, width):
        part = Into(start[:, j:], alpha, out[:, j:])
        _add_columns(A, words, r, rows, M[:, j:], widest(M, rows), part, ahead)
    for j in range(J // width * width, J, 16):
        part = Into(start[:, j:], alpha, out[:, j:])
        _add_columns(A, words, r, rows, M[:, j:], zeros(M, 16), part, ahead)
    R = np.uint64(A.shape[0])
    return R - (R - r) % np.uint64(rows)


@inlined
def add_block(
    A: Array, words: Words, at_once: int, M: Array, into: Into, X: Array, wanted: Any
) -> None:
    """Add A @ M, so many rows `at_once`: 6 of a full block, 2 or 1 of a sparse one.

    Where they are more than one, no zero may meet NaN or infinity. Between pairs, the memory is
    asked for `wanted` rows of X, whose columns go as the rows of A: for lines of 16.
    """
    r, ahead = np.uint64(0), (X, wanted)
    if at_once == 6:
        r = _add_rows(A, words, r, 6, M, into, ahead)
    if at_once > 1:
        r = _add_rows(A, words, r, 2, M, into, ahead)
    _add_rows(A, words, r, 1, M, into, ahead)


@inlined
def _add_along(A: Array, M: Array, r: int, some: Any, sums: Array) -> None:
    for j in range(0, M.shape[1], 16):
        total = load(sums, (0, j), 16)
        for k in some:
            total = fma(A[r, k], load(M, (k, j), 16), total)
        store(total, sums, (0, j))


@inlined
def add_along(A: Array, words: Words, M: Array, into: Into, sums: Array) -> None:
    """Add A @ M, where J is a multiple of 16; M is read along its rows, four of them at once."""
    one = np.uint64(1)
    for r in range(A.shape[0]):
        word, before = words[r], into.start[min(r, into.start.shape[0] - 1) :]
        for j in range(0, M.shape[1], 16):
            store(zeros(M, 16), sums, (0, j))
        while count_bits(word) >= 4:
            k0, word = lowest_bit(word), word & (word - one)
            k1, word = lowest_bit(word), word & (word - one)
            k2, word = lowest_bit(word), word & (word - one)
            k3, word = lowest_bit(word), word & (word - one)
            _add_along(A, M, r, (k0, k1, k2, k3), sums)
        while word != 0:
            _add_along(A, M, r, (lowest_bit(word),), sums)
            word &= word - one
        for j in range(0, M.shape[1], 16):
            total = load(sums, (0, j), 16) + zeros(M, 16)  # no -0
            store(fma(into.alpha, total, load(before, (0, j), 16)), into.out, (r, j))


@shared(lambda t: (t[:, :], t[:, :], t[:, :], t[:, :]))
def add_narrow(A: Array, M: Array, start: Array, out: Array) -> None:
    """out = A @ M + start: (R, J) = (R, K) @ (K, J) + (1, J), where J is from 8 to 15.

    All lie in rows. The columns are two times eight, which overlap.
    """
    K, last = M.shape[0], M.shape[1] - 8
    for r in range(A.shape[0]):
        left, right = load(start, (0, 0), 8), load(start, (0, last), 8)
        for first in range(0, max(K, 1), BLOCK):
            block, rows = A[:, first : first + BLOCK], M[first : first + BLOCK]
            word, a, b = bits_of_row(block, r), zeros(M, 8), zeros(M, 8)
            while word != 0:
                k = lowest_bit(word)
                word &= word - np.uint64(1)
                a = fma(block[r, k], load(rows, (k, 0), 8), a)
                b = fma(block[r, k], load(rows, (k, last), 8), b)
            left, right = left + (a + zeros(M, 8)), right + (b + zeros(M, 8))
        store(left, out, (r, 0))
        store(right, out, (r, last))
