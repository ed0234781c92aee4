"""The three matrix products of Linear, which skip zeros: most pixels, half of what leaves ReLU.

All three are one sum, ``A @ M`` plus what it starts from. `add_product` is the loop that anybody
would write for it, and defines every bit: which number is added after which, and where is rounded.
No element knows of its neighbours, so a row alone gives the same bits as in a batch. What runs is
faster (``gemm/``), and adds the same numbers in the same order: a test compares the bits of both.
"""

import numpy as np

from tinynet.kernels.gemm.blocks import ROWS, affine, full_from, product
from tinynet.kernels.gemm.nonzeros import BLOCK, NEARLY_FULL, find_nonzeros, looks_full
from tinynet.kernels.gemm.sums import add_nonzeros, go_in_pairs
from tinynet.kernels.jit.compile import jit
from tinynet.kernels.jit.kernel import FUSED, Fusion, kernel
from tinynet.kernels.jit.shared import shared, types
from tinynet.kernels.simd.lanes import fma
from tinynet.kernels.updates import descend
from tinynet.support.blas import one_blas_thread
from tinynet.support.types import Array, Labels


def product_skipping_zeros(A: Array, M: Array) -> Array:
    """``A @ M``, but 0 * NaN and 0 * inf count as 0: our one departure from IEEE arithmetic."""
    with one_blas_thread():  # several cost more than such products do, if others want the cores
        if np.isfinite(M).all():
            return A @ M
        return np.stack([row[row != 0] @ M[row != 0] for row in A])


@jit
def add_product(A: Array, M: Array, out: Array) -> None:
    """out += A @ M: (R, J) += (R, K) @ (K, J), in rising k; 64 of them make a sum of their own.

    Sums of few numbers round less. A number of A that is 0 is skipped.
    """
    (R, K), J = A.shape, M.shape[1]
    for r in range(R):
        for first in range(0, K, 64):
            part = np.zeros_like(out[r])
            for k in range(first, min(first + 64, K)):
                if A[r, k] != 0:
                    for j in range(J):
                        part[j] = fma(A[r, k], M[k, j], part[j])
            for j in range(J):
                out[r, j] += part[j]


def linear_reference(x: Array, W: Array, b: Array) -> Array:
    """The forward pass of Linear: (N, I), (I, O), (O,) -> (N, O)."""
    return product_skipping_zeros(x, W) + b


def linear_plain(x: Array, W: Array, b: Array, y: Array) -> None:
    for n in range(y.shape[0]):
        for o in range(y.shape[1]):
            y[n, o] = b[o] + 0  # no -0
    add_product(x, W, y)


@kernel(linear_reference, equation="y = x @ W + b", plain=linear_plain)
def linear(x: Array, W: Array, b: Array, y: Array) -> None:
    affine(x, W, b, 1.0, y)


def linear_dx_reference(dy: Array, W: Array) -> Array:
    """dLoss/dx of Linear: (N, O), (I, O) -> (N, I)."""
    return product_skipping_zeros(dy, W.T)


def linear_dx_plain(dy: Array, W: Array, dx: Array) -> None:
    dx[:] = 0
    add_product(dy, W.T, dx)


@kernel(linear_dx_reference, equation="dx = dy @ W.T", plain=linear_dx_plain)
def linear_dx(dy: Array, W: Array, dx: Array) -> None:
    product(dy, W.T, dx)


def linear_dW_reference(x: Array, dy: Array) -> Array:
    """dLoss/dW of Linear: (N, I), (N, O) -> (I, O)."""
    return product_skipping_zeros(x.T, dy)


def linear_dW_plain(x: Array, dy: Array, dW: Array) -> None:
    dW[:] = 0
    add_product(x.T, dy, dW)


@kernel(linear_dW_reference, equation="dW = x.T @ dy", plain=linear_dW_plain)
def linear_dW(x: Array, dy: Array, dW: Array) -> None:
    product(x.T, dy, dW)


def linear_descend_reference(W: Array, x: Array, dy: Array, lr: float) -> Array:
    """One step of plain gradient descent for W, whose gradient is not kept."""
    return W - lr * linear_dW_reference(x, dy)


def linear_descend_plain(W: Array, x: Array, dy: Array, lr: float) -> None:
    dW = np.zeros_like(W)
    add_product(x.T, dy, dW)
    descend(W, dW, lr)


@kernel(
    linear_descend_reference,
    updates=("W",),
    equation="W -= lr * (x.T @ dy)",
    plain=linear_descend_plain,
)
def linear_descend(W: Array, x: Array, dy: Array, lr: float) -> None:
    if x.shape[0] <= BLOCK:
        affine(x.T, dy, dy.reshape(-1)[:0], -W.dtype.type(lr), W)
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


def linear_descend_fetching_plain(
    W: Array, x: Array, dy: Array, lr: float, X: Array, rows: Labels
) -> None:
    dW = np.zeros_like(W)
    add_product(x.T, dy, dW)
    descend(W, dW, lr)


@kernel(
    linear_descend_fetching_reference,
    updates=("W",),
    equation="W -= lr * (x.T @ dy)",
    plain=linear_descend_fetching_plain,
)
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
            affine(A, dy, dy.reshape(-1)[:0], factor, into)
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
