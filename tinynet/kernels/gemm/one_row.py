"""A row or a few times a large matrix, which is read once where it lies, to the bits of a batch.

Each result is a sum over blocks of 64, as in ``blocks.py``. For ``x @ W.T`` it is one along a row
of W: W is turned round in registers, 8 or 16 rows and columns at a time, to sum as many rows at
once. Each number waits for the sum of those before it, so two blocks are summed together.
"""

from typing import Any

import numpy as np

from tinynet.kernels.gemm.nonzeros import BLOCK, bits_of_row
from tinynet.kernels.jit.compile import inner
from tinynet.kernels.jit.shared import shared
from tinynet.kernels.simd.lanes import add_rows, fma, load, lowest_bit, square, store, zeros
from tinynet.support.types import Array


@shared(lambda t: (t[:, :], t[:, :], t[:, :], t[:, :]))
def times_rows(x: Array, W: Array, rest: Array, out: Array) -> None:
    """out = x @ W.T: (1, I) = (1, K) @ (I, K).T; I and K are at least 8, `rest` (1, 16) is scratch.

    Zeros of x are not skipped: where one has met NaN or infinity, what comes out is NaN.
    """
    if min(W.shape) >= len(square(W)):
        _times_rows(x, W, square(W), rest, out)
    else:
        _times_rows(x, W, zeros(W, 8), rest, out)


@inner
def _times_rows(x: Array, W: Array, nothing: Any, rest: Array, out: Array) -> None:
    (I, K), size = W.shape, len(nothing)
    whole = K // size * size
    for n in range(size):  # the last numbers of x, with zeros for those that are in whole blocks
        rest[0, n] = x[0, K - size + n] if K - size + n >= whole else 0
    for first in range(0, I, size):
        i, k = min(first, I - size), 0  # the last rows may overlap those before
        total = nothing
        while k + 2 * BLOCK <= K:
            a = b = nothing
            for n in range(k, k + BLOCK, size):
                a = add_rows(a, W, (i, n), x, (0, n))
                b = add_rows(b, W, (i, n + BLOCK), x, (0, n + BLOCK))
            total = total + a + b
            k += 2 * BLOCK
        while k < K:
            a = nothing
            for n in range(k, min(k + BLOCK, whole), size):
                a = add_rows(a, W, (i, n), x, (0, n))
            if k + BLOCK > K > whole:
                a = add_rows(a, W, (i, K - size), rest, (0, 0))
            total = total + a
            k += BLOCK
        store(total, out, (0, i))


@shared(lambda t: (t[:, :], t[:, :], t[:, :], t[:, :]))
def add_narrow(x: Array, W: Array, first: Array, out: Array) -> None:
    """out = x @ W + first: (N, O) = (N, I) @ (I, O) + (1, O), where O is from 8 to 15.

    All lie in rows. The columns of W are two times eight, which overlap.
    """
    I, last = W.shape[0], W.shape[1] - 8
    for n in range(x.shape[0]):
        left, right = load(first, (0, 0), 8), load(first, (0, last), 8)
        for start in range(0, I, BLOCK):
            block = x[:, start : start + BLOCK]
            rows = W[start : start + BLOCK]
            word = bits_of_row(block, n)
            a = b = zeros(W, 8)
            while word != 0:
                i = lowest_bit(word)
                word &= word - np.uint64(1)
                a = fma(block[n, i], load(rows, (i, 0), 8), a)
                b = fma(block[n, i], load(rows, (i, last), 8), b)
            left, right = left + a, right + b
        store(left, out, (n, 0))
        store(right, out, (n, last))
