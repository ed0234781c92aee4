"""The three matrix products of Linear, which skip zeros: most pixels, half of what leaves ReLU.

All three are one sum, ``A @ M`` plus what it starts from. `add_product` is the loop that anybody
would write for it, and defines every bit: which number is added after which, and where is rounded.
No element knows of its neighbours, so a row alone gives the same bits as in a batch. What runs is
faster (``gemm/``), and adds the same numbers in the same order: a test compares the bits of both.
"""

import numpy as np

from tinynet.kernels.gemm.product import product
from tinynet.kernels.jit.compile import jit
from tinynet.kernels.jit.kernel import kernel
from tinynet.kernels.simd.lanes import fma
from tinynet.kernels.threads.shares import affine
from tinynet.support.blas import one_blas_thread
from tinynet.support.types import Array


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
    affine(x, W, b.reshape(1, -1), 1.0, y)


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


def linear_db_reference(dy: Array) -> Array:
    """dLoss/db of Linear: (N, O) -> (O,)."""
    return dy.sum(axis=0)


@kernel(linear_db_reference, equation="db = dy.sum(axis=0)")
def linear_db(dy: Array, db: Array) -> None:
    db[:] = 0
    for n in range(dy.shape[0]):
        for o in range(dy.shape[1]):
            db[o] += dy[n, o]
