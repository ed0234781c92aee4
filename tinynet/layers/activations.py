"""The activations: what makes a network more than one matrix. Each works number by number."""

import math

import numpy as np

from tinynet import kernels
from tinynet.module import Module
from tinynet.support.checks import float_array
from tinynet.support.options import Number, WithOptions, code
from tinynet.support.types import Array


class ReLU(Module):
    """The rectifier: what is positive passes, the rest is 0. Any shape.

    ::

        forward    y  = maximum(x, 0)
        backward   dx = where(y > 0, dy, 0)

    At exactly 0, where the slope jumps from 0 to 1, it counts as 0, as in PyTorch.
    """

    torch_layer = "ReLU"
    onnx_operation = "Relu"
    equations = "y = max(x, 0)", "dx = dy where y > 0, else 0"
    told = "y = max(x, 0) = max({x}, 0) = {y}", "{verdict}\ndx = {dx}"
    javascript = "x.map((value) => Math.max(value, 0))"

    def told_numbers(self, x: Array, y: Array, dy: Array) -> dict[str, Array]:
        passes, blocks = "x > 0, it passes: dx = dy", "x <= 0, it blocks: dx = 0"
        return {"verdict": np.where(y > 0, passes, blocks)}

    def piece_of(self, y: Array) -> Array:
        return np.logical_not(y <= 0)  # NaN is not off

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


class LeakyReLU(Module, WithOptions):
    """A ReLU that lets a little through where x is negative, so that no unit is ever off.

    ::

        forward    y  = where(x > 0, x, negative_slope * x)
        backward   dx = where(x > 0, dy, negative_slope * dy)

    At exactly 0 the slope counts as `negative_slope`, as in PyTorch. Any shape. (Maas, Hannun, Ng
    2013, "Rectifier nonlinearities improve neural network acoustic models".)

    Parameters
    ----------
    negative_slope : float
        The slope where x is not positive.
    """

    torch_layer = "LeakyReLU"
    onnx_operation = "LeakyRelu"
    onnx_attributes = {"alpha": lambda layer: layer.negative_slope}
    equations = (
        "y = where(x > 0, x, negative_slope * x)",
        "dx = where(x > 0, dy, negative_slope * dy)",
    )
    told = "y = {slope} * x = {slope} * {x} = {y}", "{verdict}\ndx = {slope} * {dy} = {dx}"
    javascript = "x.map((value) => value > 0 ? value : layer.negative_slope * value)"

    negative_slope = Number(-math.inf)

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = negative_slope

    def told_numbers(self, x: Array, y: Array, dy: Array) -> dict[str, Array]:
        verdict = np.where(x > 0, "x > 0, the slope is 1", "x <= 0, the slope is negative_slope")
        return {"slope": np.where(x > 0, 1, self.negative_slope), "verdict": verdict}

    def piece_of(self, y: Array) -> Array:
        return 1 + np.logical_not(y <= 0)

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        x = float_array("LeakyReLU", x)
        y = np.empty_like(x)
        kernels.leaky_relu(x, self.negative_slope, y)  # y = where(x > 0, x, negative_slope * x)
        self.keep(x)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x = self.kept(dy)
        dx = np.empty_like(x)
        # dx = where(x > 0, dy, negative_slope * dy)
        kernels.leaky_relu_dx(dy, x, self.negative_slope, dx)
        return dx

    def __repr__(self) -> str:
        return code(self)


class ReLU6(Module):
    """A ReLU that ends at 6. Any shape.

    ::

        forward    y  = minimum(maximum(x, 0), 6)
        backward   dx = where((y > 0) & (y < 6), dy, 0)

    At exactly 0 and 6 the slope counts as 0, as in PyTorch. (Krizhevsky 2010, "Convolutional deep
    belief networks on CIFAR-10".)
    """

    torch_layer = "ReLU6"
    onnx_operation = "Clip"
    onnx_constants = {"min": 0.0, "max": 6.0}
    equations = "y = min(max(x, 0), 6)", "dx = dy where 0 < y < 6, else 0"
    told = "y = min(max(x, 0), 6) = min(max({x}, 0), 6) = {y}", "{verdict}\ndx = {dx}"
    javascript = "x.map((value) => Math.min(Math.max(value, 0), 6))"

    def told_numbers(self, x: Array, y: Array, dy: Array) -> dict[str, Array]:
        blocks = np.where(y <= 0, "x <= 0, it blocks: dx = 0", "x >= 6, it blocks: dx = 0")
        passes = np.logical_not((y <= 0) | (y >= 6))
        return {"verdict": np.where(passes, "0 < x < 6, it passes: dx = dy", blocks)}

    def piece_of(self, y: Array) -> Array:
        return np.logical_not(y <= 0) + 1 * (y >= 6)

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        x = float_array("ReLU6", x)
        y = np.empty_like(x)
        kernels.relu6(x, y)  # y = minimum(maximum(x, 0), 6)
        self.keep(y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, y = self.kept(dy)
        dx = np.empty_like(y)
        kernels.relu6_dx(dy, y, dx)  # dx = where((y > 0) & (y < 6), dy, 0)
        return dx


class Sigmoid(Module):
    """The logistic function: any number becomes one between 0 and 1. Any shape.

    ::

        forward    y  = 1 / (1 + exp(-x))
        backward   dx = dy * y * (1 - y)

    The slope is 1/4 at 0, its largest value, and dies away on both sides: ten sigmoids one after
    the other leave less than a millionth of a gradient.
    """

    torch_layer = "Sigmoid"
    onnx_operation = "Sigmoid"
    equations = "y = 1 / (1 + exp(-x))", "dx = dy * y * (1 - y)"
    told = (
        "y = 1 / (1 + exp(-x)) = 1 / (1 + exp(-({x}))) = {y}",
        "dx = dy * y * (1 - y) = {dy} * {y} * (1 - {y}) = {dx}",
    )
    javascript = "x.map((value) => 1 / (1 + Math.exp(-value)))"

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        x = float_array("Sigmoid", x)
        y = np.empty_like(x)
        kernels.sigmoid(x, y)  # y = 1 / (1 + exp(-x))
        self.keep(y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, y = self.kept(dy)
        dx = np.empty_like(y)
        kernels.sigmoid_dx(dy, y, dx)  # dx = dy * y * (1 - y)
        return dx


class Tanh(Module):
    """The hyperbolic tangent: any number becomes one between -1 and 1. Any shape.

    ::

        forward    y  = tanh(x) = (exp(x) - exp(-x)) / (exp(x) + exp(-x))
        backward   dx = dy * (1 - y * y)

    It is a sigmoid, stretched: ``tanh(x) = 2 * sigmoid(2 * x) - 1``. Its slope at 0 is 1.
    """

    torch_layer = "Tanh"
    onnx_operation = "Tanh"
    equations = "y = tanh(x)", "dx = dy * (1 - y * y)"
    told = "y = tanh(x) = tanh({x}) = {y}", "dx = dy * (1 - y * y) = {dy} * (1 - {y} * {y}) = {dx}"
    javascript = "x.map((value) => Math.tanh(value))"

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        x = float_array("Tanh", x)
        y = np.empty_like(x)
        kernels.tanh(x, y)  # y = tanh(x)
        self.keep(y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, y = self.kept(dy)
        dx = np.empty_like(y)
        kernels.tanh_dx(dy, y, dx)  # dx = dy * (1 - y * y)
        return dx


ACTIVATIONS: dict[str, type[Module]] = {
    "relu": ReLU,
    "leaky_relu": LeakyReLU,
    "relu6": ReLU6,
    "sigmoid": Sigmoid,
    "tanh": Tanh,
}
"""By the names that an option can have: of the estimators, and on the command line."""
