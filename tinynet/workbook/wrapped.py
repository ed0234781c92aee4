"""The learner's functions and layers as Modules, for gradient checker and X-ray."""

from typing import Any

import numpy as np

from tinynet.layers import Linear, LogSoftmax, ReLU
from tinynet.module import Module, Parameter, Sequential
from tinynet.support.types import Array


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


class Shared(Parameter):
    """A parameter of the learner's as one of tinynet's: it has no arrays but theirs."""

    def __init__(self, theirs: Any) -> None:
        self.theirs = theirs

    @property
    def data(self) -> Array:
        return self.theirs.data

    @data.setter
    def data(self, values: Array) -> None:
        self.theirs.data = values

    @property
    def grad(self) -> Array | None:
        return self.theirs.grad

    @grad.setter
    def grad(self, values: Array | None) -> None:
        self.theirs.grad = values

    def accumulate(self, gradient: Array | None = None) -> Array:
        if gradient is not None:
            self.theirs.accumulate(gradient)
        return np.zeros_like(self.data) if self.theirs.grad is None else self.theirs.grad

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


class LayerOfTheirs(Module):
    """A layer of the learner's as a Module: their forward, their backward, their arrays."""

    axis = -1  # what LogSoftmax tells of itself asks for it

    def __init__(self, layer: Any) -> None:
        self.layer = layer
        for name, value in vars(layer).items():
            if all(hasattr(value, part) for part in ("data", "grad", "accumulate")):
                setattr(self, name, Shared(value))

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        y: Array = self.layer.forward(x)
        self.keep()
        return y

    def backward(self, dy: Array) -> Array:
        (dy,) = self.kept(dy)
        return self.layer.backward(dy)

    def __repr__(self) -> str:
        shapes = [p.data.shape for _, p in self.own_parameters()]
        return f"{type(self).__name__}({', '.join(map(str, shapes[0])) if shapes else ''})"


class OptimizerOfTheirs:
    """An optimizer of the learner's, as `trace` takes one."""

    def __init__(self, kind: Any, module: Module, **options: float) -> None:
        self.parameters = module.parameters()
        self.theirs = kind([p.theirs for p in self.parameters if isinstance(p, Shared)], **options)

    def step(self) -> None:
        self.theirs.step()

    def zero_grad(self) -> None:
        self.theirs.zero_grad()


LIKE: dict[str, type[Module]] = {"Linear": Linear, "ReLU": ReLU, "LogSoftmax": LogSoftmax}

TOLD = ("equations", "told", "told_numbers", "wired_by", "piece_of", "row_shape")
"""What tinynet's layers tell of themselves, and the learner's layers of the same name, too."""


def as_module(net: Any) -> Sequential:
    """A network of the learner's layers, so that X-ray and checks can look at it.

    Parameters
    ----------
    net : object
        With a list of ``layers``; these hold parameters as attributes.
    """
    modules = []
    for layer in net.layers:
        names = [kind.__name__ for kind in type(layer).__mro__]
        like = next((LIKE[name] for name in names if name in LIKE), Module)
        told = {key: vars(like)[key] for key in TOLD if key in vars(like)}
        modules.append(type(names[0], (LayerOfTheirs,), told)(layer))
    return Sequential(*modules)
