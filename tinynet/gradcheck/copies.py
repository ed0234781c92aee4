"""A module as a function of named arrays, on a float64 copy: the reader's own is never touched.

A point is a dict with the value of every parameter and input; ``Copy.forward`` and
``Copy.gradients`` are functions of it.
"""

import copy
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynet.gradcheck.raised import about_shapes
from tinynet.gradcheck.report import GradientError
from tinynet.module import Module, Parameter
from tinynet.support.calls import watching
from tinynet.support.standing import Standing, buffers_of
from tinynet.support.types import Array

Point = dict[str, Any]


class Copy:
    """A float64 copy of `module`, called on points.

    Parameters
    ----------
    module : Module
    n_inputs : int
        How many inputs its forward gets.

    Attributes
    ----------
    name : str
    module : Module
        The copy.
    parameters : dict of str to Parameter
        By the name of the attribute: ``W``, or ``0.W`` in a Sequential. Those that are frozen are
        constants, and not among them.
    input_names : list of str
        ``input x``, after the signature of forward.
    takes_dy : bool
        Whether its backward wants an upstream gradient.
    is_loss : bool
        Whether its output is a number, or could be under another `reduction`.
    pieces : list of ndarray
        Which piece of its equation each output of the last forward is from, for every layer in the
        module that has kinks and says so, as ReLU does.
    """

    def __init__(self, module: Module, n_inputs: int) -> None:
        self.name = repr(module)
        self.module = copy.deepcopy(module)
        every = parameters_of(self.module) | parameters_of(self.module, frozen=True)
        for parameter in every.values():
            values, learns = parameter.data.astype(np.float64), parameter.requires_grad
            vars(parameter).update(vars(Parameter(values, learns)))
        self.parameters = parameters_of(self.module)
        for layer, name in buffers_of(self.module):
            value = getattr(layer, name, None)
            if isinstance(value, np.ndarray) and value.dtype.kind == "f":
                setattr(layer, name, value.astype(np.float64))
        self.standing = Standing(self.module)
        self.input_names = _input_names(module, n_inputs)
        self.takes_dy = bool(inspect.signature(self.module.backward).parameters)
        self.is_loss = hasattr(module, "reduction")
        self.pieces: list[Array] = []

    def forward(self, point: Point) -> Array:
        """The output at `point`; a number becomes an array ().

        Buffers and generators are put where they stood at first: a mask is the same each time.
        """
        self.standing.put_back()
        for name, parameter in self.parameters.items():
            parameter.data[...] = point[name]
        try:
            with watching() as calls:
                output = self.module(*(point[name] for name in self.input_names))
        except Exception as error:
            raise GradientError(
                f"{self.name}.forward raises {type(error).__name__}: {error}"
            ) from error
        pieces = [layer.piece_of(y) for layer, y in calls]
        self.pieces = [piece for piece in pieces if piece is not None]
        return np.asarray(output, np.float64)

    def gradients(
        self, point: Point, dy: Array, between: Callable[[], None] = lambda: None
    ) -> dict[str, Array]:
        """The gradient of ``(y * dy).sum()`` by forward and backward, for each argument."""
        for parameter in self.parameters.values():
            parameter.accumulate()[...] = 0
        self.forward(point)
        between()
        return self.backward(point, dy)

    def backward(self, point: Point, dy: Array) -> dict[str, Array]:
        """What is in every ``.grad`` after backward, and what it returns."""
        returned = self.returned(point, self.call_backward(dy))
        grads = {name: p.accumulate().copy() for name, p in self.parameters.items()}
        return grads | {name: dx.copy() for name, dx in returned.items()}

    def call_backward(self, dy: Array) -> Any:
        """Call backward as its signature wants it."""
        upstream: tuple[Any, ...] = (dy if dy.ndim else float(dy),) if self.takes_dy else ()
        try:
            return self.module.backward(*upstream)
        except Exception as error:
            shapes = [parameter.data.shape for parameter in self.parameters.values()]
            raise GradientError(
                f"{self.name}.backward raises {type(error).__name__}: {error}"
                f"{about_shapes(error, shapes, len(dy) if dy.ndim else 1)}"
            ) from error

    def returned(self, point: Point, result: Any) -> dict[str, Array]:
        """What backward returned, by the name of the input, checked for number, shape and dtype."""
        names = [n for n in self.input_names if is_float(point[n])]
        if not names:
            return {}
        parts = result if isinstance(result, tuple | list) else (result,)
        if len(parts) == len(self.input_names):  # None or whatever for the labels
            parts = [p for n, p in zip(self.input_names, parts, strict=True) if n in names]
        if self.is_loss and len(parts) == 1:
            names = names[:1]
        if len(parts) != len(names):
            raise GradientError(
                f"{self.name}.backward returns {len(parts)} gradient(s), expected {len(names)}: "
                f"one for each of {', '.join(names)}; return a tuple of them"
            )
        for name, dx in zip(names, parts, strict=True):
            self._check_gradient(name, dx, point[name])
        return dict(zip(names, parts, strict=True))

    def _check_gradient(self, name: str, dx: Any, x: Array) -> None:
        says = f"{self.name}.backward returns"
        if dx is None:
            raise GradientError(f"{says} None for {name}; return dLoss/d{name.split()[-1]}", name)
        if not isinstance(dx, np.ndarray):
            raise GradientError(f"{says} {type(dx).__name__} for {name}, expected an array", name)
        if dx.shape != x.shape:
            hint = ": a transpose is missing or one too many" if dx.shape == x.shape[::-1] else ""
            raise GradientError(
                f"{says} a gradient of shape {dx.shape} for {name}, expected {x.shape}{hint}", name
            )
        if dx.dtype != np.float64:
            raise GradientError(
                f"{says} {dx.dtype} for {name} on float64 arrays: it rounds; keep the dtype of the "
                "input",
                name,
            )


def parameters_of(module: Module, frozen: bool = False) -> dict[str, Parameter]:
    """Each parameter that learns, or each that is `frozen`, once, by the name of its attribute."""
    found: dict[str, Parameter] = {}
    seen: set[int] = set()
    for place, inner in module.named_modules():
        for name, parameter in inner.own_parameters():
            if id(parameter) not in seen and parameter.requires_grad != frozen:
                seen.add(id(parameter))
                found[f"{place}.{name}" if place else name] = parameter
    return found


def _input_names(module: Module, n_inputs: int) -> list[str]:
    parameters = inspect.signature(module.forward).parameters.values()
    named = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
    return [f"input {named[k]}" if k < len(named) else f"input number {k}" for k in range(n_inputs)]


def is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
