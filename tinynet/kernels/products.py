"""The three matrix products of Linear, which skip zeros: most pixels and half of ReLU's outputs.

All three are one sum, ``out[r] += sum over k of A[r, k] * M[k]``, taken in rising k however many
rows there are; so one row alone gives the same bits as in a batch. Rows with many zeros are summed
over the others, found by their bits; full rows are summed six at a time, reading M once for the
six. Both ways add the same numbers in the same order.
"""

from typing import Any

import numpy as np

from tinynet._types import Array
from tinynet.kernels.jit import jit, kernel
from tinynet.kernels.lanes import (
    count_bits,
    load,
    lowest_bit,
    multiply_add,
    nonzero_bits,
    store,
    turn,
    zeros,
)

Bits = Any  # uint32 (rows, words): bit k % 32 of word k // 32 tells whether A[row, k] is not zero

FULL = 0.5  # the share of non-zeros from which summing six rows zeros and all is faster
BLOCK = 256  # rows of M in one block: 16 columns of it are 16 KiB of float32


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
    _add_product(x[::1], _bits_of_rows(x), W, y)


def linear_dx_reference(dy: Array, W: Array) -> Array:
    """dLoss/dx of Linear: (N, O), (I, O) -> (N, I)."""
    return product_skipping_zeros(dy, W.T)


@kernel(linear_dx_reference)
def linear_dx(dy: Array, W: Array, dx: Array) -> None:
    dx[:] = 0
    _add_product(dy[::1], _bits_of_rows(dy), _transposed(W), dx)


def linear_dW_reference(x: Array, dy: Array) -> Array:
    """dLoss/dW of Linear: (N, I), (N, O) -> (I, O)."""
    return product_skipping_zeros(x.T, dy)


@kernel(linear_dW_reference, adds=True)
def linear_dW(x: Array, dy: Array, dW: Array) -> None:
    _add_product(x.T[::1], _bits_of_columns(x), dy, dW)


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
    bits = np.zeros((N, (I + 31) // 32), np.uint32)
    for n in range(N):
        for w in range(I // 32):
            bits[n, w] = nonzero_bits(load(x, (n, 32 * w), 32))
        for i in range(I // 32 * 32, I):
            bits[n, i // 32] |= np.uint32(x[n, i] != 0) << np.uint32(i % 32)
    return bits


@jit
def _bits_of_columns(x: Array) -> Bits:
    N, I = x.shape
    bits = np.zeros(((N + 31) // 32, I), np.uint32)
    for n in range(N):
        word = bits[n // 32]
        for i in range(I):
            word[i] |= np.uint32(x[n, i] != 0) << np.uint32(n % 32)
    return bits.T.copy()


@jit
def _add_product(A: Array, bits: Bits, M: Array, out: Array) -> None:
    """out += A @ M; the rows of M are as long as those of `out`, or padded with zeros to 16s."""
    M = _padded(M)
    totals = np.zeros((A.shape[0] // 6 * 6, M.shape[1]), M.dtype)
    full = _full_groups(bits, A.shape[1])
    if full.any():
        _sum_full_groups(A, full, M, totals)
    row = np.empty(M.shape[1], M.dtype)
    for r in range(A.shape[0]):
        if r < totals.shape[0] and full[r // 6] and _row_is_finite(totals, r):
            for column in range(out.shape[1]):
                out[r, column] += totals[r, column]
        else:
            _sum_nonzeros_of_row(A, r, bits, M, row)
            for column in range(out.shape[1]):
                out[r, column] += row[column]


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
def _full_groups(bits: Bits, length: int) -> Any:
    """Which groups of six rows are full enough to be summed zeros and all."""
    full = np.zeros(bits.shape[0] // 6, np.bool_)
    for group in range(full.size):
        nonzeros = 0
        for r in range(6 * group, 6 * group + 6):
            for w in range(bits.shape[1]):
                nonzeros += count_bits(bits[r, w])
        full[group] = nonzeros > FULL * 6 * length
    return full


@jit
def _sum_full_groups(A: Array, full: Any, M: Array, totals: Array) -> None:
    """totals += A @ M for the full groups, a block of M that fits the L1 cache at a time."""
    block = np.empty((BLOCK, 16), M.dtype)
    for start in range(0, M.shape[0], BLOCK):
        length = min(BLOCK, M.shape[0] - start)
        for j in range(0, M.shape[1], 16):
            for k in range(length):
                store(load(M, (start + k, j), 16), block, (k, 0))
            for group in range(full.size):
                if full[group]:
                    _sum_six_rows(A, 6 * group, start, length, block, totals, j)


@jit
def _sum_six_rows(
    A: Array, r: int, start: int, length: int, block: Array, totals: Array, j: int
) -> None:
    a, b = load(totals, (r, j), 16), load(totals, (r + 1, j), 16)
    c, d = load(totals, (r + 2, j), 16), load(totals, (r + 3, j), 16)
    e, f = load(totals, (r + 4, j), 16), load(totals, (r + 5, j), 16)
    for k in range(np.uint64(length)):
        i = np.uint64(start) + k
        a = multiply_add(A[r, i], block, (k, 0), a)
        b = multiply_add(A[r + 1, i], block, (k, 0), b)
        c = multiply_add(A[r + 2, i], block, (k, 0), c)
        d = multiply_add(A[r + 3, i], block, (k, 0), d)
        e = multiply_add(A[r + 4, i], block, (k, 0), e)
        f = multiply_add(A[r + 5, i], block, (k, 0), f)
    store(a, totals, (r, j))
    store(b, totals, (r + 1, j))
    store(c, totals, (r + 2, j))
    store(d, totals, (r + 3, j))
    store(e, totals, (r + 4, j))
    store(f, totals, (r + 5, j))


@jit
def _row_is_finite(totals: Array, r: int) -> bool:
    """Whether no zero of a full row can have met a NaN or infinity in M."""
    strays = 0
    for j in range(totals.shape[1]):
        strays += not np.isfinite(totals[r, j])
    return strays == 0


@jit
def _sum_nonzeros_of_row(A: Array, r: int, bits: Bits, M: Array, row: Array) -> None:
    """row = A[r] @ M over the places whose bit is set, in blocks as wide as possible."""
    j = 0
    while row.size - j >= 64:
        store(_sum_nonzeros(A, r, bits, M, j, zeros(M, 64)), row, (j,))
        j += 64
    while row.size - j >= 32:
        store(_sum_nonzeros(A, r, bits, M, j, zeros(M, 32)), row, (j,))
        j += 32
    while row.size - j >= 16:
        store(_sum_nonzeros(A, r, bits, M, j, zeros(M, 16)), row, (j,))
        j += 16


@jit
def _sum_nonzeros(A: Array, r: int, bits: Bits, M: Array, j: int, total: Array) -> Array:
    """`total` plus A[r, k] * M[k, j:j + lanes] for every k whose bit is set, lowest first."""
    for w in range(bits.shape[1]):
        word = bits[r, w]
        while word != 0:
            k = np.uint64(32 * w) + lowest_bit(word)
            word &= word - np.uint32(1)
            total = multiply_add(A[r, k], M, (k, j), total)
    return total


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
