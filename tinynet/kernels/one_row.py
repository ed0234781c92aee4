"""A single row times the rows of a large matrix, ``x @ W.T``, to the same bits as in a batch.

Each result is a sum along a row of W, taken by blocks of 64 as in ``blocks.py``. To sum eight rows
at once, W is turned round in registers, 8 x 8 numbers at a time, on its only way from the memory.
Each number waits for the sum of those before it, so two or four blocks are summed together.
"""

from typing import Any

from tinynet._types import Array
from tinynet.kernels.jit import inlined
from tinynet.kernels.lanes import add_rows, store, zeros
from tinynet.kernels.nonzeros import BLOCK
from tinynet.kernels.shared import shared


@shared(lambda t: (t[:, :], t[:, :], t[:, :], t[:, :]))
def times_rows(x: Array, W: Array, rest: Array, out: Array) -> None:
    """out = x @ W.T: (1, I) = (1, K) @ (I, K).T; I and K are at least 8, `rest` (1, 8) is scratch.

    Zeros of x are not skipped: where one has met NaN or infinity, what comes out is NaN.
    """
    I, K = W.shape
    whole = K // 8 * 8
    for n in range(8):  # the last numbers of x, with zeros for those that are in a whole eight
        rest[0, n] = x[0, K - 8 + n] if K - 8 + n >= whole else 0
    for i in range(0, I, 16):
        p, q = min(i, I - 8), min(i + 8, I - 8)  # the last eight rows may overlap those before
        first = second = zeros(W, 8)
        start = 0
        while start + 4 * BLOCK <= K:
            first = _add_four_blocks(first, x, W, p, start)
            second = _add_four_blocks(second, x, W, q, start)
            start += 4 * BLOCK
        while start < K:
            a = b = zeros(W, 8)
            for k in range(start, min(start + BLOCK, whole), 8):
                a = add_rows(a, W, (p, k), x, (0, k))
                b = add_rows(b, W, (q, k), x, (0, k))
            if start + BLOCK > K > whole:
                a = add_rows(a, W, (p, K - 8), rest, (0, 0))
                b = add_rows(b, W, (q, K - 8), rest, (0, 0))
            first, second = first + a, second + b
            start += BLOCK
        store(first, out, (0, p))
        store(second, out, (0, q))


@inlined
def _add_four_blocks(total: Any, x: Array, W: Array, i: int, start: int) -> Any:
    a = b = c = d = zeros(W, 8)
    for k in range(start, start + BLOCK, 8):
        k1, k2, k3 = k + BLOCK, k + 2 * BLOCK, k + 3 * BLOCK
        a = add_rows(a, W, (i, k), x, (0, k))
        b = add_rows(b, W, (i, k1), x, (0, k1))
        c = add_rows(c, W, (i, k2), x, (0, k2))
        d = add_rows(d, W, (i, k3), x, (0, k3))
    return total + a + b + c + d
