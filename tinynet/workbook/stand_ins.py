"""What claims hand in where a part of an earlier exercise belongs: so each is graded alone."""

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
