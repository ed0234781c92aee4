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
