"""A step of plain gradient descent at once: ``W -= lr * (x.T @ dy)``, without an array for dW.

Compiled steps take it in place of `linear_dW` and `descend` where nobody asks for the gradient.
Each row of W is moved as soon as its sums are complete, which saves three ways through memory.
"""

import numpy as np

from tinynet.kernels.gemm.loops import affine_alone
from tinynet.kernels.gemm.masks import BLOCK
from tinynet.kernels.gemm.product import product
from tinynet.kernels.jit.compile import jit
from tinynet.kernels.jit.kernel import FUSED, Fusion, kernel
from tinynet.kernels.jit.shared import shared, types
from tinynet.kernels.products import add_product, linear_dW, linear_dW_reference
from tinynet.kernels.threads.shares import affine
from tinynet.kernels.updates import descend
from tinynet.support.types import Array, Labels


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
        affine(x.T, dy, W, -W.dtype.type(lr), W)
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
    if x.shape[0] <= BLOCK:
        affine_alone(x.T, dy, W, -W.dtype.type(lr), W, X, rows)
    else:
        _descend_apart(W, x, dy, lr)


FUSED[linear_dW, descend] = Fusion(
    linear_descend,
    ahead=linear_descend_fetching,
    finite_if="squares(x) * squares(dy) < 1e76",  # |x.T @ dy| < 1e38 (Cauchy, Schwarz)
)
