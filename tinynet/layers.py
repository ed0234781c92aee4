"""The layers: each one equation forward and, directly below, its derivative backward.

Read them in pairs. `forward` computes y from x and keeps the one thing that `backward` needs;
`backward` is handed dy, the derivative of the loss with respect to y, and returns dx, the
derivative with respect to x. Both have the shape of their array. The arithmetic is done by the
kernel that each line calls; its equation stands beside it in ``tinynet/kernels``.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinynet import kernels
from tinynet.module import Module, Parameter
from tinynet.rng import Rng, as_generator, linear_init, seed_of
from tinynet.support.blas import LARGEST_OWN, one_blas_thread
from tinynet.support.checks import float_array
from tinynet.support.types import Array


class Linear(Module):
    """A fully connected layer: every input is wired to every output.

    ::

        forward    y  = x @ W + b          (N, O) = (N, I) @ (I, O) + (O,)
        backward   dW += x.T @ dy          (I, O) = (I, N) @ (N, O)
                   db += dy.sum(axis=0)    (O,)
                   dx  = dy @ W.T          (N, I) = (N, O) @ (O, I)

    For one number each, y = x*w + b has dw = x*dy, db = dy, dx = w*dy. The matrix lines are the
    same three, summed over everything that the number took part in: W and b served all N rows of
    the batch, x served all O outputs.

    Parameters
    ----------
    in_features, out_features : int
        I and O, at least 1.
    bias : bool
        Whether there is a `b`.
    rng : int, numpy.random.Generator, TorchGenerator or None
        Draws the initial weights, U(-1/sqrt(I), 1/sqrt(I)) as PyTorch does. The same int gives the
        same weights; hand one generator to all layers of a network.
    dtype : numpy.float32 or numpy.float64

    Attributes
    ----------
    W : Parameter
        (I, O). PyTorch's `weight` is its transpose.
    b : Parameter or None
        (O,).
    """

    torch_layout = {"W": ("weight", np.transpose), "b": ("bias", np.asarray)}

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        for name, size in (("in_features", in_features), ("out_features", out_features)):
            if isinstance(size, bool) or not isinstance(size, int | np.integer):
                raise TypeError(f"Linear: {name} = {size!r} is not an int")
            if size < 1:
                raise ValueError(f"Linear: {name} = {size} must be at least 1")
        if np.dtype(dtype) not in (np.float32, np.float64):
            raise TypeError(f"Linear: dtype = {np.dtype(dtype)}, expected float32 or float64")
        W, b = linear_init(as_generator(rng), in_features, out_features, bias, dtype)
        self.W = Parameter(W)
        self.b = None if b is None else Parameter(b)
        self._seed = seed_of(rng)  # by which a checkpoint knows the first weights

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        W = self.W.data
        x = _rows(self, x, W.dtype)
        if x.shape[1] != W.shape[0]:
            raise ValueError(
                f"{self!r}: input has {x.shape[1]} features, expected {W.shape[0]} "
                f"(input shape {x.shape})"
            )
        self.keep(x)
        b = np.zeros(W.shape[1], W.dtype) if self.b is None else self.b.data
        if self.uses_blas:
            with one_blas_thread():
                return x @ W + b
        y = np.empty((x.shape[0], W.shape[1]), W.dtype)
        kernels.linear(x, W, b, y)  # y = x @ W + b
        return y

    def backward(self, dy: Array) -> Array:
        dy, x = self.kept(dy)
        W = self.W.data
        dW, db, dx = np.empty_like(W), np.empty(W.shape[1], W.dtype), np.empty_like(x)
        kernels.linear_db(dy, db)  # db = dy.sum(axis=0)
        if self.uses_blas:
            with one_blas_thread():
                np.matmul(x.T, dy, out=dW)
                np.matmul(dy, W.T, out=dx)
        else:
            kernels.linear_dW(x, dy, dW)  # dW = x.T @ dy
            kernels.linear_dx(dy, W, dx)  # dx = dy @ W.T
        self.W.accumulate(dW)  # .grad += dW
        if self.b is not None:
            self.b.accumulate(db)  # .grad += db
        return dx

    @property
    def uses_blas(self) -> bool:
        """Whether the layer is so large that NumPy's BLAS takes its products."""
        return self.W.data.size > LARGEST_OWN

    def __repr__(self) -> str:
        I, O = self.W.data.shape
        bias = "" if self.b is not None else ", bias=False"
        dtype = "" if self.W.data.dtype == np.float32 else ", dtype=np.float64"
        return f"Linear({I}, {O}{bias}{dtype})"


class ReLU(Module):
    """The rectifier: what is positive passes, the rest is 0. Any shape.

    ::

        forward    y  = maximum(x, 0)
        backward   dx = where(y > 0, dy, 0)

    At exactly 0, where the slope jumps from 0 to 1, it counts as 0, as in PyTorch.
    """

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        x = float_array("ReLU", x)
        y = np.empty_like(x)
        kernels.relu(x, y)  # y = maximum(x, 0)
        self.keep(y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, y = self.kept(dy)
        dx = np.empty_like(y)
        kernels.relu_dx(dy, y, dx)  # dx = where(y > 0, dy, 0)
        return dx

    def __repr__(self) -> str:
        return "ReLU()"


class Softmax(Module):
    """Turns scores into probabilities that sum to 1 along `axis`.

    ::

        forward    y  = exp(x) / exp(x).sum()
        backward   dx = y * (dy - (dy * y).sum())

    Every output depends on every input of its row: dy_i/dx_j = y_i * ((i == j) - y_j), and dx sums
    that over i.

    Parameters
    ----------
    axis : int
        The axis of the classes.
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = _checked_axis(self, axis)

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        rows = _rows_along(self, x, self.axis)
        y = np.empty_like(rows)
        kernels.softmax(rows, y)  # y = exp(x) / exp(x).sum()
        self.keep(y)
        return _back_in_shape(y, x.shape, self.axis)

    def backward(self, dy: Array) -> Array:
        dy, y = self.kept(dy)
        dy_rows, dx = _rows_along(self, dy, self.axis), np.empty_like(y)
        kernels.softmax_dx(dy_rows, y, dx)  # dx = y * (dy - (dy * y).sum())
        return _back_in_shape(dx, dy.shape, self.axis)

    def __repr__(self) -> str:
        return "Softmax()" if self.axis == -1 else f"Softmax(axis={self.axis})"


class LogSoftmax(Module):
    """The logarithm of Softmax, without ever computing a probability that rounds to 0.

    ::

        forward    y  = x - log(exp(x).sum())
        backward   dx = dy - exp(y) * dy.sum()

    dy_i/dx_j = (i == j) - exp(y_j): the derivative of log(exp(x).sum()) is the softmax.

    Parameters
    ----------
    axis : int
        The axis of the classes.
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = _checked_axis(self, axis)

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        rows = _rows_along(self, x, self.axis)
        y = np.empty_like(rows)
        kernels.log_softmax(rows, y)  # y = x - log(exp(x).sum())
        self.keep(y)
        return _back_in_shape(y, x.shape, self.axis)

    def backward(self, dy: Array) -> Array:
        dy, y = self.kept(dy)
        dy_rows, dx = _rows_along(self, dy, self.axis), np.empty_like(y)
        kernels.log_softmax_dx(dy_rows, y, dx)  # dx = dy - exp(y) * dy.sum()
        return _back_in_shape(dx, dy.shape, self.axis)

    def __repr__(self) -> str:
        return "LogSoftmax()" if self.axis == -1 else f"LogSoftmax(axis={self.axis})"


class Add(Module):
    """The sum of two arrays of one shape: where a path around a block meets it again.

    ::

        forward    y = a + b
        backward   da = dy,  db = dy
    """

    def forward(self, a: Array, b: Array) -> Array:  # type: ignore[override]
        a, b = float_array("Add", a), float_array("Add", b)
        if a.shape != b.shape or a.dtype != b.dtype:
            raise ValueError(
                f"Add(): inputs are {a.shape} {a.dtype} and {b.shape} {b.dtype}; "
                "they must have one shape and one dtype"
            )
        self.keep()
        with np.errstate(all="ignore"):
            return np.asarray(a + b)  # of 0-d arrays, a number

    def backward(self, dy: Array) -> tuple[Array, Array]:
        (dy,) = self.kept(dy)
        return dy.copy(), dy.copy()

    def __repr__(self) -> str:
        return "Add()"


def _rows(layer: Module, x: Any, dtype: DTypeLike) -> Array:
    x = float_array(layer, x, dtype)
    if x.ndim != 2:
        fix = "use x.reshape(1, -1) for one sample" if x.ndim == 1 else "use x.reshape(len(x), -1)"
        raise ValueError(f"{layer!r}: input has shape {x.shape}, expected (N, features); {fix}")
    return x


def _checked_axis(layer: Module, axis: Any) -> int:
    if isinstance(axis, bool) or not isinstance(axis, int | np.integer):
        raise TypeError(f"{type(layer).__name__}: axis = {axis!r} is not an int")
    return int(axis)


def _rows_along(layer: Module, x: Any, axis: int) -> Array:
    """x as (rows, C), where C runs along `axis`."""
    x = float_array(layer, x)
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"{layer!r}: axis {axis} is outside an input of shape {x.shape}")
    if x.shape[axis] == 0:
        raise ValueError(f"{layer!r}: input of shape {x.shape} has no classes along axis {axis}")
    if axis not in (-1, x.ndim - 1):
        x = np.ascontiguousarray(np.moveaxis(x, axis, -1))
    return x.reshape(-1, x.shape[-1])


def _back_in_shape(rows: Array, shape: tuple[int, ...], axis: int) -> Array:
    if axis in (-1, len(shape) - 1):
        return rows.reshape(shape)
    moved = list(shape)
    moved.append(moved.pop(axis))
    return np.ascontiguousarray(np.moveaxis(rows.reshape(moved), -1, axis))
