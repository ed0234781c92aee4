"""Where paths through a network meet again."""

import numpy as np

from tinynet import kernels
from tinynet.module import Module
from tinynet.support.checks import float_array
from tinynet.support.types import Array


class Add(Module):
    """The sum of two arrays of one shape: where a path around a block meets it again.

    ::

        forward    y = a + b
        backward   da = dy,  db = dy

    Raises
    ------
    ValueError
        From forward, if shapes or dtypes differ.
    """

    equations = "y = a + b", "da = dy,  db = dy"
    told = "y = a + b = {a} + {b} = {y}", "da = db = dy = {dy}"

    def forward(self, a: Array, b: Array) -> Array:  # type: ignore[override]
        a, b = float_array("Add", a), float_array("Add", b)
        if a.shape != b.shape or a.dtype != b.dtype:
            raise ValueError(
                f"Add(): inputs are {a.shape} {a.dtype} and {b.shape} {b.dtype}; "
                "they must have one shape and one dtype"
            )
        self.keep()
        y = np.empty_like(a)
        kernels.add(a, b, y)  # y = a + b
        return y

    def backward(self, dy: Array) -> tuple[Array, Array]:
        (dy,) = self.kept(dy)
        da, db = np.empty_like(dy), np.empty_like(dy)
        kernels.copied(dy, da)  # da = dy
        kernels.copied(dy, db)  # db = dy
        return da, db
