"""What claims hand in where a part of an earlier exercise belongs: so each is graded alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet.support.types import Array


class Held:
    """A parameter: data, and the gradient that is accumulated into it.

    Parameters
    ----------
    data : ndarray
        Copied.
    """

    def __init__(self, data: Array) -> None:
        self.data = data.copy()
        self.grad: Array | None = np.zeros_like(data)

    def accumulate(self, gradient: Array) -> None:
        self.grad = gradient.copy() if self.grad is None else self.grad + gradient

    def zero_grad(self) -> None:
        self.grad = np.zeros_like(self.data)

    def receive(self, gradient: Array) -> None:
        """Have just this gradient, in the array that is there already: as after a backward."""
        if isinstance(self.grad, np.ndarray):
            self.grad[...] = gradient
        else:
            self.grad = gradient.copy()


def held(values: Sequence[Array]) -> list[Held]:
    """Parameters of these values: a bias b and a weight matrix W."""
    return [Held(value) for value in values]


def take_steps(optimizer: Any, b_and_W: list[Held], gradients: Sequence[Sequence[Array]]) -> None:
    """A step of the optimizer for each pair of gradients."""
    for step in gradients:
        for parameter, gradient in zip(b_and_W, step, strict=True):
            parameter.receive(gradient)
        optimizer.step()


def after_steps(
    optimizer: Any, b_and_W: list[Held], gradients: Sequence[Sequence[Array]]
) -> dict[str, Any]:
    """Data and gradients after these steps, and the arrays that a layer would still hold."""
    before = [parameter.data for parameter in b_and_W]
    take_steps(optimizer, b_and_W, gradients)
    seen: dict[str, Any] = {}
    for name, parameter, array in zip(("b", "W"), b_and_W, before, strict=True):
        seen |= {f"{name}.data": parameter.data, f"{name}.grad": parameter.grad}
        seen[f"{name}.data, as the layer sees it"] = array
    return seen


def after_zero_grad(
    optimizer: Any, b_and_W: list[Held], gradients: Sequence[Sequence[Array]]
) -> dict[str, Any]:
    """Some steps, zero_grad, and a step without anything new."""
    take_steps(optimizer, b_and_W, gradients)
    b, W = b_and_W
    before = W.data.copy()
    optimizer.zero_grad()
    grads = {"b.grad": b.grad, "W.grad": W.grad}
    optimizer.step()
    return {**grads, "W.data before zero_grad": before, "W.data, one step later": W.data}
