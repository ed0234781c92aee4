"""The three matrix products of Linear, which skip zeros: most pixels and half of ReLU's outputs.

All three are one sum, ``out[r] += sum over k of A[r, k] * M[k]``, taken in rising k and in blocks,
however many rows there are; so one row alone gives the same bits as in a batch. Rows with many
zeros are summed over the others, found by their bits; full rows are summed six at a time, reading M
once for the six. Both ways add the same numbers in the same order.
"""

from typing import Any

import numpy as np

from tinynet._types import Array
from tinynet.kernels.jit import jit, kernel
from tinynet.kernels.lanes import (
    all_finite,
    count_bits,
    load,
    load_as,
    lowest_bit,
    multiply_add,
    nonzero_bits,
    store,
    turn,
    zeros,
)

Bits = Any  # uint64 (rows, words): bit k % 64 of word k // 64 tells whether A[row, k] is not zero

FULL = 0.7  # the share of non-zeros from which summing six rows zeros and all is faster
ROWS = 96  # of A at a time: with 784 columns of float32, 300 KiB
BLOCK = 64  # rows of M in one block: 64 columns of it are 16 KiB of float32


def product_skipping_zeros(A: Array, M: Array) -> Array:
    """``A @ M``, but 0 * NaN and 0 * inf count as 0: our one departure from IEEE arithmetic."""
    if np.isfinite(M).all():
        return A @ M
    return np.stack([row[row != 0] @ M[row != 0] for row in A])


def linear_reference(x: Array, W: Array, b: Array) -> Array:
    """The forward pass of Linear: (N, I), (I, O), (O,) -> (N, O)."""
    return product_skipping_zeros(x, W) + b


@kernel(linear_reference)
def linear(x: Array, W: Array, b: Array, y: Array) -> None:
    zero = b.dtype.type(0)
    for n in range(y.shape[0]):
        for o in range(y.shape[1]):
            y[n, o] = b[o] + zero  # -0 becomes 0: the two routes differ in no bit
    _add_by_rows(x, W, y)


def linear_dx_reference(dy: Array, W: Array) -> Array:
    """dLoss/dx of Linear: (N, O), (I, O) -> (N, I)."""
    return product_skipping_zeros(dy, W.T)


@kernel(linear_dx_reference)
def linear_dx(dy: Array, W: Array, dx: Array) -> None:
    dx[:] = 0
    _add_by_rows(dy, _transposed(W), dx)


def linear_dW_reference(x: Array, dy: Array) -> Array:
    """dLoss/dW of Linear: (N, I), (N, O) -> (I, O)."""
    return product_skipping_zeros(x.T, dy)


@kernel(linear_dW_reference, adds=True)
def linear_dW(x: Array, dy: Array, dW: Array) -> None:
    _add_product(x.T[::1], _bits_of_columns(x), dy, dW[::1], max(1, x.shape[0]))


def linear_db_reference(dy: Array) -> Array:
    """dLoss/db of Linear: (N, O) -> (O,)."""
    return dy.sum(axis=0)


@kernel(linear_db_reference, adds=True)
def linear_db(dy: Array, db: Array) -> None:
    total = np.zeros_like(db)
    for n in range(dy.shape[0]):
        for o in range(dy.shape[1]):
            total[o] += dy[n, o]
    for o in range(db.size):
        db[o] += total[o]


@jit
def _bits_of_rows(x: Array) -> Bits:
    N, I = x.shape
    bits = np.zeros((N, (I + 63) // 64), np.uint64)
    for n in range(N):
        for i in range(0, I - 15, 16):
            word, place = np.uint64(i) >> np.uint64(6), np.uint64(i) & np.uint64(63)
            bits[n, word] |= nonzero_bits(load(x, (n, i), 16)) << place
        for i in range(I // 16 * 16, I):
            bits[n, i // 64] |= np.uint64(x[n, i] != 0) << np.uint64(i % 64)
    return bits


@jit
def _bits_of_columns(x: Array) -> Bits:
    N, I = x.shape
    bits = np.zeros((I, (N + 63) // 64), np.uint64)
    word = np.empty(I, np.uint32)
    for first in range(0, N, 32):
        word[:] = 0
        for n in range(first, min(first + 32, N)):
            for i in range(I):
                word[i] |= np.uint32(x[n, i] != 0) << np.uint32(n - first)
        for i in range(I):
            bits[i, first // 64] |= np.uint64(word[i]) << np.uint64(first % 64)
    return bits


@jit
def _add_by_rows(A: Array, M: Array, out: Array) -> None:
    """out += A @ M, by as many rows of A at a time as stay in the L2 cache."""
    M = _padded(M)
    for first in range(0, A.shape[0], ROWS):
        part = A[first : first + ROWS]
        _add_product(part[::1], _bits_of_rows(part), M, out[first : first + ROWS][::1], BLOCK)


@jit
def _add_product(A: Array, bits: Bits, M: Array, out: Array, block: int) -> None:
    """out += A @ M, summed over a block of the rows of M from 0 on, and then added."""
    M, wide = _padded(M), _padded(out)
    full, groups = _full_groups(bits, A.shape[1])
    if groups > 0 and _is_finite(M):  # a zero in a full group would meet NaN or infinity
        _add_full_groups(A, bits, full, M, wide, block)
    for start in range(0, M.shape[0], block):
        words = start // 64, (min(start + block, M.shape[0]) + 63) // 64
        j = 0
        while M.shape[1] - j >= 64:
            _add_nonzeros(A, bits, words, M, j, zeros(M, 64), wide)
            j += 64
        while M.shape[1] - j >= 16:
            _add_nonzeros(A, bits, words, M, j, zeros(M, 16), wide)
            j += 16
    if wide.shape[1] != out.shape[1]:
        for r in range(out.shape[0]):
            for j in range(out.shape[1]):
                out[r, j] = wide[r, j]


@jit
def _padded(M: Array) -> Array:
    """M with columns of zeros up to a multiple of 16."""
    width = (M.shape[1] + 15) // 16 * 16
    if width == M.shape[1]:
        return M
    wide = np.zeros((M.shape[0], width), M.dtype)
    for k in range(M.shape[0]):
        for j in range(M.shape[1]):
            wide[k, j] = M[k, j]
    return wide


@jit
def _full_groups(bits: Bits, length: int) -> tuple[Any, int]:
    """Which groups of six rows are full enough to be summed zeros and all, and how many."""
    full, count = np.zeros(bits.shape[0] // 6, np.bool_), 0
    for group in range(full.size):
        nonzeros = 0
        for r in range(6 * group, 6 * group + 6):
            for w in range(bits.shape[1]):
                nonzeros += count_bits(bits[r, w])
        full[group] = nonzeros > FULL * 6 * length
        count += full[group]
    return full, count


@jit
def _is_finite(M: Array) -> bool:
    """Whether M, whose rows are whole 16s, has neither NaN nor infinity for a zero to meet."""
    total = zeros(M, 16)
    for k in range(M.shape[0]):
        for j in range(0, M.shape[1], 16):
            total = multiply_add(0.0, M, (k, j), total)  # 0 * NaN and 0 * inf are NaN, and stay
    return all_finite(total)


@jit
def _add_full_groups(A: Array, bits: Bits, full: Any, M: Array, out: Array, block: int) -> None:
    """out += A @ M for the full groups, whose bits are cleared: nothing is left to add."""
    copy = np.empty((block, 16), M.dtype)
    for start in range(0, M.shape[0], block):
        length = min(block, M.shape[0] - start)
        for j in range(0, M.shape[1], 16):
            for k in range(length):
                store(load(M, (start + k, j), 16), copy, (k, 0))
            for group in range(full.size):
                if full[group]:
                    _add_six_rows(A, 6 * group, start, length, copy, out, j)
    for r in range(6 * full.size):
        if full[r // 6]:
            for w in range(bits.shape[1]):
                bits[r, w] = 0


@jit
def _add_six_rows(A: Array, r: int, start: int, length: int, M: Array, out: Array, j: int) -> None:
    a = b = c = d = e = f = zeros(M, 16)
    for k in range(np.uint64(length)):
        i = np.uint64(start) + k
        a = multiply_add(A[r, i], M, (k, 0), a)
        b = multiply_add(A[r + 1, i], M, (k, 0), b)
        c = multiply_add(A[r + 2, i], M, (k, 0), c)
        d = multiply_add(A[r + 3, i], M, (k, 0), d)
        e = multiply_add(A[r + 4, i], M, (k, 0), e)
        f = multiply_add(A[r + 5, i], M, (k, 0), f)
    store(load(out, (r, j), 16) + a, out, (r, j))
    store(load(out, (r + 1, j), 16) + b, out, (r + 1, j))
    store(load(out, (r + 2, j), 16) + c, out, (r + 2, j))
    store(load(out, (r + 3, j), 16) + d, out, (r + 3, j))
    store(load(out, (r + 4, j), 16) + e, out, (r + 4, j))
    store(load(out, (r + 5, j), 16) + f, out, (r + 5, j))


@jit
def _add_nonzeros(
    A: Array, bits: Bits, words: Any, M: Array, j: int, nothing: Any, out: Array
) -> None:
    """out += A @ M over the places whose bits are set, in as many columns as `nothing` has."""
    for r in range(A.shape[0]):
        total = nothing
        for w in range(*words):
            word = bits[r, w]
            while word != 0:
                k = np.uint64(64 * w) + lowest_bit(word)
                word &= word - np.uint64(1)
                total = multiply_add(A[r, k], M, (k, j), total)
        store(load_as(total, out, (r, j)) + total, out, (r, j))


@jit
def _transposed(W: Array) -> Array:
    """W.T, padded with columns of zeros to a multiple of 16."""
    I, O = W.shape
    turned = np.zeros((O, (I + 15) // 16 * 16), W.dtype)
    for i in range(0, I - 7, 8):
        for o in range(0, O - 7, 8):
            turn(W, (i, o), turned)
    for i in range(I):
        for o in range(O // 8 * 8 if i < I // 8 * 8 else 0, O):
            turned[o, i] = W[i, o]
    return turned
