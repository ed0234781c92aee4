"""The three matrix products of Linear, which skip zeros: most pixels and half of ReLU's outputs.

All three are one sum, ``out[r] += sum over k of A[r, k] * M[k]``, taken in rising k however many
rows there are; so one row alone gives the same bits as in a batch. Rows with many zeros are summed
over the others, found by their bits; full rows are summed four at a time, reading M once for the
four. Both ways add the same numbers in the same order.
"""

from typing import Any

import numpy as np

from tinynet._types import Array
from tinynet.kernels.jit import jit, kernel
from tinynet.kernels.lanes import (
    all_finite,
    count_bits,
    fma,
    load,
    lowest_bit,
    multiply_add,
    nonzero_bits,
    store,
    zeros,
)

Bits = Any  # uint32 (rows, words): bit k % 32 of word k // 32 tells whether A[row, k] is not zero

DENSE = 0.5  # the share of non-zeros from which summing four full rows at a time is faster


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
    _add_product(dy[::1], _bits_of_rows(dy), W.T.copy(), dx)


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
    """out += A @ M, by the faster route for every four rows."""
    r = 0
    while r < A.shape[0]:
        rows = min(4, A.shape[0] - r)
        nonzeros = 0
        for n in range(r, r + rows):
            for w in range(bits.shape[1]):
                nonzeros += count_bits(bits[n, w])
        j = 0
        if rows == 4 and nonzeros > DENSE * 4 * A.shape[1]:
            j = _add_full_rows(A, r, M, out)
        if j < out.shape[1] and nonzeros > 0:
            for n in range(r, r + rows):
                _add_row(A, n, bits, M, j, out)
        r += rows


@jit
def _add_full_rows(A: Array, r: int, M: Array, out: Array) -> int:
    """out[r:r+4] += A[r:r+4] @ M, zeros and all; return the first column left undone.

    Those are the last ones that make no 16, and all from a total that is not finite on: there, a
    zero may have met the NaN or infinity in M that it must skip.
    """
    j = 0
    while out.shape[1] - j >= 16:
        a = b = c = d = zeros(M, 16)
        for k in range(M.shape[0]):
            a = multiply_add(A[r, k], M, (k, j), a)
            b = multiply_add(A[r + 1, k], M, (k, j), b)
            c = multiply_add(A[r + 2, k], M, (k, j), c)
            d = multiply_add(A[r + 3, k], M, (k, j), d)
        if not (all_finite(a) and all_finite(b) and all_finite(c) and all_finite(d)):
            break
        store(load(out, (r, j), 16) + a, out, (r, j))
        store(load(out, (r + 1, j), 16) + b, out, (r + 1, j))
        store(load(out, (r + 2, j), 16) + c, out, (r + 2, j))
        store(load(out, (r + 3, j), 16) + d, out, (r + 3, j))
        j += 16
    return j


@jit
def _add_row(A: Array, r: int, bits: Bits, M: Array, j: int, out: Array) -> None:
    """out[r, j:] += A[r] @ M[:, j:], in blocks as wide as the columns allow."""
    while out.shape[1] - j >= 64:
        total = _sum_nonzeros(A, r, bits, M, j, zeros(M, 64))
        store(load(out, (r, j), 64) + total, out, (r, j))
        j += 64
    while out.shape[1] - j >= 32:
        total = _sum_nonzeros(A, r, bits, M, j, zeros(M, 32))
        store(load(out, (r, j), 32) + total, out, (r, j))
        j += 32
    while out.shape[1] - j >= 8:
        total = _sum_nonzeros(A, r, bits, M, j, zeros(M, 8))
        store(load(out, (r, j), 8) + total, out, (r, j))
        j += 8
    for column in range(j, out.shape[1]):
        rest = M.dtype.type(0)
        for k in range(M.shape[0]):
            if A[r, k] != 0:
                rest = fma(A[r, k], M[k, column], rest)
        out[r, column] += rest


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
