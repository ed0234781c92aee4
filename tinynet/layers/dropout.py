"""Dropout: a network that cannot rely on any single unit learns to do without each."""

import numpy as np

from tinynet import kernels
from tinynet.module import Module
from tinynet.rng import Rng, as_seed, seed_of
from tinynet.support.checks import float_array
from tinynet.support.options import Number, WithOptions, code
from tinynet.support.types import Array


class Dropout(Module, WithOptions):
    """Sets numbers to 0 with probability p as it learns; in evaluation it passes all. Any shape.

    ::

        forward    y  = x * mask        mask = where(random() < p, 0, 1 / (1 - p))
        backward   dx = dy * mask       the mask of that forward

    What is kept is multiplied by 1 / (1 - p), so that y is x in the mean, and evaluation, where y =
    x, needs no factor. (Srivastava et al. 2014, "Dropout: a simple way to prevent neural networks
    from overfitting", with the factor in training, "inverted", as in PyTorch.)

    Parameters
    ----------
    p : float
        The probability that a number is dropped, in [0, 1].
    rng : int, numpy.random.Generator, TorchGenerator or None
        Draws where the layer's own generator begins. The same int gives the same masks.

    Attributes
    ----------
    state : ndarray (1,) of uint64
        Where that generator stands: part of checkpoints, copies and pickles, and of no model file.
    """

    generators = ("state",)
    unsaved = ("_seed",)
    sizes = ()
    torch_layer = "Dropout"
    onnx_operation = "Dropout"  # which passes all where it is not told to train
    onnx_constants = {"ratio": lambda layer: layer.p}
    equations = "y = x * mask,  mask = where(random() < p, 0, 1 / (1 - p))", "dx = dy * mask"
    told = "{verdict}\ny = x * mask = {x} * mask = {y}", "dx = dy * mask = {dy} * mask = {dx}"
    javascript = "x.slice()"

    p = Number(0, 1)

    def told_numbers(self, x: Array, y: Array, dy: Array) -> dict[str, Array]:
        if not self.training:
            return {"verdict": np.array("in evaluation nothing is dropped: mask = 1")}
        kept = f"{1 / (1 - self.p) if self.p < 1 else 0:.5g}"
        verdict = np.where(y == 0, "it is dropped: mask = 0", f"it is kept: mask = {kept}")
        either = f"dropped or kept, x = 0 gives 0: mask is 0 or {kept}"
        return {"verdict": np.where(x == 0, either, verdict)}

    def __init__(self, p: float = 0.5, rng: Rng = None) -> None:
        self.p = p
        self.state = np.array([as_seed(rng)], np.uint64)
        self._seed = seed_of(rng)

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        x = float_array("Dropout", x)
        y = np.empty_like(x)
        if self.training:
            mask = np.empty_like(x)
            kernels.keep_mask(self.p, self.state, mask)  # where(random() < p, 0, 1 / (1 - p))
            kernels.multiply(x, mask, y)  # y = x * mask
            self.keep(mask)
        else:
            kernels.copied(x, y)  # y = x
            self.keep()
        return y

    def backward(self, dy: Array) -> Array:
        dy, *kept = self.kept(dy)
        dx = np.empty_like(dy)
        if kept:
            kernels.multiply(dy, *kept, dx)  # dx = dy * mask
        else:
            kernels.copied(dy, dx)  # dx = dy
        return dx

    def __repr__(self) -> str:
        return code(self, always=("p",))
