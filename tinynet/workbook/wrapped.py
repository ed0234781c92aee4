"""The learner's functions as a Module, so that gradient checker and X-ray can look at them."""

import numpy as np

from tinynet.module import Module, Parameter


class Backward(Module):
    """A layer with parameters of given shapes, whose forward and backward a rung writes.

    Parameters
    ----------
    **shapes : tuple of int
        The shape of each parameter, by name; filled with random numbers, always the same.
    """

    def __init__(self, **shapes: tuple[int, ...]) -> None:
        rng = np.random.default_rng(0)
        for name, shape in shapes.items():
            setattr(self, name, Parameter(rng.standard_normal(shape)))
