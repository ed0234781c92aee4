"""Linear: every input wired to every output. Its backward is the heart of backpropagation."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinynet import kernels
from tinynet.module import Module, Parameter
from tinynet.rng import Rng, as_generator, linear_init, seed_of
from tinynet.support.blas import LARGEST_OWN, one_blas_thread
from tinynet.support.checks import check_float_dtype, check_size, feature_rows
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

    sizes = ("in_features", "out_features")
    unsaved = ("_seed",)
    torch_layer = "Linear"
    torch_layout = {"W": ("weight", np.transpose), "b": ("bias", np.asarray)}
    onnx_operation = "Gemm"  # y = x @ weight.T + bias
    onnx_attributes = {"transB": 1}
    equations = "y = x @ W + b", "dW = x.T @ dy,  db = dy.sum(axis=0),  dx = dy @ W.T"
    wired_by = "W", "b"
    javascript = (  # zeros are skipped, and each sum is rounded to float32, as in the loops
        "x.reduce((y, value, i) => value"
        " ? y.map((sum, o) => sum + value * layer.W[i * y.length + o]) : y,"
        " new Float32Array(layer.W.length / x.length))"
        ".map((sum, o) => sum + (layer.b ? layer.b[o] : 0))"
    )

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        check_size("Linear", "in_features", in_features)
        check_size("Linear", "out_features", out_features)
        check_float_dtype("Linear", dtype)
        W, b = linear_init(as_generator(rng), in_features, out_features, bias, dtype)
        self.W = Parameter(W)
        self.b = None if b is None else Parameter(b)
        self._seed = seed_of(rng)  # by which a checkpoint knows the first weights

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        W = self.W.data
        x = feature_rows(self, x, W.shape[0], W.dtype)
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

    def options(self) -> dict[str, Any]:
        I, O = self.W.data.shape
        bias, dtype = self.b is not None, self.W.data.dtype.name
        return {"in_features": I, "out_features": O, "bias": bias, "dtype": dtype}

    @property
    def uses_blas(self) -> bool:
        """Whether the layer is so large that NumPy's BLAS takes its products."""
        return self.W.data.size > LARGEST_OWN

    def __repr__(self) -> str:
        I, O = self.W.data.shape
        bias = "" if self.b is not None else ", bias=False"
        dtype = "" if self.W.data.dtype == np.float32 else ", dtype=np.float64"
        return f"Linear({I}, {O}{bias}{dtype})"
