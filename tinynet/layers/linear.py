"""Linear: every input wired to every output. Its backward is the heart of backpropagation.

TransposedLinear is the way back along the same wires: an autoencoder may decode with the weights
that it encodes with, each of which is then learned once, from what both layers say of it.
"""

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

    def row_shape(self) -> tuple[int]:
        return (self.W.data.shape[0],)

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

    def transposed(self, bias: bool = True, rng: Rng = None) -> "TransposedLinear":
        """The layer from O back to I features on the same weights, ``y = x @ W.T + b``.

        Its W is this layer's W, one Parameter in two places: its ``grad`` is the sum of what both
        layers add to it, and an optimizer over ``net.parameters()`` changes it once per step. Any
        two layers are tied like that, by ``other.W = layer.W``; one that computes with W.T cannot
        hold a Parameter of the other shape, so it is a layer of its own.

        Parameters
        ----------
        bias : bool
            Whether there is a `b` (I,): never shared.
        rng : int, numpy.random.Generator, TorchGenerator or None
            Draws it, as a new TransposedLinear does.
        """
        I, O = self.W.data.shape
        layer = TransposedLinear(O, I, bias, rng, self.W.data.dtype)
        layer.W = self.W
        return layer

    @property
    def uses_blas(self) -> bool:
        """Whether the layer is so large that NumPy's BLAS takes its products."""
        return self.W.data.size > LARGEST_OWN

    def __repr__(self) -> str:
        I, O = self.W.data.shape
        bias = "" if self.b is not None else ", bias=False"
        dtype = "" if self.W.data.dtype == np.float32 else ", dtype=np.float64"
        return f"Linear({I}, {O}{bias}{dtype})"


class TransposedLinear(Module):
    """A Linear that holds its weights the other way round, so that it can share another's.

    ::

        forward    y  = x @ W.T + b        (N, O) = (N, I) @ (I, O) + (O,)
        backward   dW += dy.T @ x          (O, I) = (O, N) @ (N, I)
                   db += dy.sum(axis=0)    (O,)
                   dx  = dy @ W            (N, I) = (N, O) @ (O, I)

    These are Linear's equations with W.T in place of W, and so is what is computed: the same
    numbers, to the bit. ``encoder.transposed()`` makes one on the weights of a Linear. Such weights
    are drawn by the Linear; ``tn.init`` would take this layer's W for (I, O).

    Parameters
    ----------
    in_features, out_features : int
        I and O, at least 1.
    bias : bool
        Whether there is a `b`.
    rng : int, numpy.random.Generator, TorchGenerator or None
        Draws the initial weights as for Linear, U(-1/sqrt(I), 1/sqrt(I)).
    dtype : numpy.float32 or numpy.float64

    Attributes
    ----------
    W : Parameter
        (O, I), as PyTorch's `weight`.
    b : Parameter or None
        (O,).
    """

    sizes = ("in_features", "out_features")
    unsaved = ("_seed",)
    torch_layer = "Linear"
    torch_layout = {"W": ("weight", np.asarray), "b": ("bias", np.asarray)}
    onnx_operation = "Gemm"
    onnx_attributes = {"transB": 1}
    equations = "y = x @ W.T + b", "dW = dy.T @ x,  db = dy.sum(axis=0),  dx = dy @ W"
    wired_by = "W.T", "b"
    javascript = (  # zeros are skipped, and each sum is rounded to float32, as in the loops
        "x.reduce((y, value, i) => value"
        " ? y.map((sum, o) => sum + value * layer.W[o * x.length + i]) : y,"
        " new Float32Array(layer.W.length / x.length))"
        ".map((sum, o) => sum + (layer.b ? layer.b[o] : 0))"
    )

    def row_shape(self) -> tuple[int]:
        return (self.W.data.shape[1],)

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        drawn = Linear(in_features, out_features, bias, rng, dtype)
        self.W = Parameter(np.ascontiguousarray(drawn.W.data.T))
        self.b, self._seed = drawn.b, drawn._seed

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        O, I = self.W.data.shape
        dtype = self.W.data.dtype
        x = feature_rows(self, x, I, dtype)
        WT, y = np.empty((I, O), dtype), np.empty((x.shape[0], O), dtype)
        kernels.transposed(self.W.data, WT)
        self.keep(x, WT)
        b = np.zeros(O, dtype) if self.b is None else self.b.data
        kernels.linear(x, WT, b, y)  # y = x @ W.T + b
        return y

    def backward(self, dy: Array) -> Array:
        dy, x, WT = self.kept(dy)
        dWT, db, dx = np.empty_like(WT), np.empty(WT.shape[1], WT.dtype), np.empty_like(x)
        dW = np.empty_like(self.W.data)
        kernels.linear_db(dy, db)  # db = dy.sum(axis=0)
        kernels.linear_dx(dy, WT, dx)  # dx = dy @ W
        kernels.linear_dW(x, dy, dWT)
        kernels.transposed(dWT, dW)  # dW = dy.T @ x
        self.W.accumulate(dW)
        if self.b is not None:
            self.b.accumulate(db)
        return dx

    def options(self) -> dict[str, Any]:
        O, I = self.W.data.shape
        bias, dtype = self.b is not None, self.W.data.dtype.name
        return {"in_features": I, "out_features": O, "bias": bias, "dtype": dtype}

    def __repr__(self) -> str:
        O, I = self.W.data.shape
        bias = "" if self.b is not None else ", bias=False"
        dtype = "" if self.W.data.dtype == np.float32 else ", dtype=np.float64"
        return f"TransposedLinear({I}, {O}{bias}{dtype})"
