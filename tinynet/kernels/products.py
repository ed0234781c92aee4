"""The three matrix products of Linear, which skip zeros: most pixels, half of what leaves ReLU.

All three are one sum, ``A @ M`` plus what it starts from, taken by ``blocks.py`` in one fixed order
for each element. So one row alone gives the same bits as in a batch.
"""

import numpy as np

from tinynet.kernels.gemm.blocks import ROWS, affine, full_from, product
from tinynet.kernels.gemm.nonzeros import BLOCK, NEARLY_FULL, find_nonzeros, looks_full
from tinynet.kernels.gemm.sums import add_nonzeros, go_in_pairs
from tinynet.kernels.jit.compile import jit
from tinynet.kernels.jit.kernel import FUSED, Fusion, kernel
from tinynet.kernels.jit.shared import shared, types
from tinynet.kernels.updates import descend
from tinynet.support.blas import one_blas_thread
from tinynet.support.types import Array, Labels


def product_skipping_zeros(A: Array, M: Array) -> Array:
    """``A @ M``, but 0 * NaN and 0 * inf count as 0: our one departure from IEEE arithmetic."""
    with one_blas_thread():  # several cost more than such products do, if others want the cores
        if np.isfinite(M).all():
            return A @ M
        return np.stack([row[row != 0] @ M[row != 0] for row in A])


def linear_reference(x: Array, W: Array, b: Array) -> Array:
    """The forward pass of Linear: (N, I), (I, O), (O,) -> (N, O)."""
    return product_skipping_zeros(x, W) + b


@kernel(linear_reference, equation="y = x @ W + b")
def linear(x: Array, W: Array, b: Array, y: Array) -> None:
    affine(x, W, b, 1.0, y)


def linear_dx_reference(dy: Array, W: Array) -> Array:
    """dLoss/dx of Linear: (N, O), (I, O) -> (N, I)."""
    return product_skipping_zeros(dy, W.T)


@kernel(linear_dx_reference, equation="dx = dy @ W.T")
def linear_dx(dy: Array, W: Array, dx: Array) -> None:
    product(dy, W.T, dx)


def linear_dW_reference(x: Array, dy: Array) -> Array:
    """dLoss/dW of Linear: (N, I), (N, O) -> (I, O)."""
    return product_skipping_zeros(x.T, dy)


@kernel(linear_dW_reference, equation="dW = x.T @ dy")
def linear_dW(x: Array, dy: Array, dW: Array) -> None:
    product(x.T, dy, dW)


def linear_descend_reference(W: Array, x: Array, dy: Array, lr: float) -> Array:
    """One step of plain gradient descent for W, whose gradient is not kept."""
    return W - lr * linear_dW_reference(x, dy)


@kernel(linear_descend_reference, updates=("W",), equation="W -= lr * (x.T @ dy)")
def linear_descend(W: Array, x: Array, dy: Array, lr: float) -> None:
    if x.shape[0] <= BLOCK:
        affine(x.T, dy, dy[0, :0], -W.dtype.type(lr), W)
    else:
        _descend_apart(W, x, dy, lr)


@shared(lambda t: (t[:, ::1], t[:, ::1], t[:, ::1], types.float64), jit)
def _descend_apart(W: Array, x: Array, dy: Array, lr: float) -> None:
    """The same for more rows than one block has: dW must be complete before it is scaled."""
    dW = np.empty_like(W)
    product(x.T, dy, dW)
    descend(W.reshape(-1), dW.reshape(-1), lr)


def linear_descend_fetching_reference(
    W: Array, x: Array, dy: Array, lr: float, X: Array, rows: Labels
) -> Array:
    """The same for the first layer, while the memory looks for the rows of the data to come."""
    return linear_descend_reference(W, x, dy, lr)


@kernel(linear_descend_fetching_reference, updates=("W",), equation="W -= lr * (x.T @ dy)")
def linear_descend_fetching(
    W: Array, x: Array, dy: Array, lr: float, X: Array, rows: Labels
) -> None:
    (N, I), O = x.shape, dy.shape[1]
    if N > BLOCK or O > 2 * BLOCK or O % 16 != 0:
        linear_descend(W, x, dy, lr)
        return
    step, factor = min(I, ROWS), -W.dtype.type(lr)
    bits, halves = np.empty(step, np.uint64), np.empty((2, step), np.uint32)
    wanted = np.empty(rows.size, np.uint64)
    for n in range(rows.size):
        wanted[n] = rows[n]
    pairs = go_in_pairs(x.T, dy)
    for i in range(0, I, ROWS):
        A, into = x.T[i : i + ROWS], W[i : i + ROWS]
        if looks_full(A, NEARLY_FULL) or find_nonzeros(A, bits, halves) > full_from(O) * A.size:
            affine(A, dy, dy[0, :0], factor, into)
        else:
            for j in range(0, O, BLOCK):
                M, to = dy[:, j : j + BLOCK], into[:, j : j + BLOCK]
                asked = wanted if j == 0 else wanted[:0]
                add_nonzeros(A, bits, 0, pairs, M, factor, to, 1, to, X[:, i:], asked)


def linear_db_reference(dy: Array) -> Array:
    """dLoss/db of Linear: (N, O) -> (O,)."""
    return dy.sum(axis=0)


@kernel(linear_db_reference, equation="db = dy.sum(axis=0)")
def linear_db(dy: Array, db: Array) -> None:
    db[:] = 0
    for n in range(dy.shape[0]):
        for o in range(dy.shape[1]):
            db[o] += dy[n, o]


FUSED[linear_dW, descend] = Fusion(
    linear_descend,
    ahead=linear_descend_fetching,
    finite_if="squares(x) * squares(dy) < 1e76",  # |x.T @ dy| < 1e38 (Cauchy, Schwarz)
)
