"""The activations: what makes a network more than one matrix. Each works number by number."""

import numpy as np

from tinynet import kernels
from tinynet.module import Module
from tinynet.support.checks import float_array
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
