"""A module as a function of named arrays, on a float64 copy: the reader's own is never touched.

A point is a dict with the value of every parameter and input; ``Copy.forward`` and
``Copy.gradients`` are functions of it. A trial is one check: a copy that nobody has used, the
point, an upstream gradient, and a second point to leave traces with.
"""

import copy
import inspect
from collections.abc import Callable, Iterator
from numbers import Real
from typing import Any

import numpy as np

from tinynet._types import Array
from tinynet.gradcheck.report import GradientError
from tinynet.layers import ReLU
from tinynet.module import Module, Parameter, watching

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
        By the name of the attribute: ``W``, or ``0.W`` in a Sequential.
    input_names : list of str
        ``input x``, after the signature of forward.
    takes_dy : bool
        Whether its backward wants an upstream gradient.
    is_loss : bool
        Whether its output is a number, or could be under another `reduction`.
    relu_masks : list of ndarray
        Which elements the last forward let pass, for every ReLU in the module.
    """

    def __init__(self, module: Module, n_inputs: int) -> None:
        self.name = repr(module)
        self.module = copy.deepcopy(module)
        self.parameters = dict(_parameters(self.module, set()))
        for parameter in self.parameters.values():
            vars(parameter).update(vars(Parameter(parameter.data.astype(np.float64))))
        self.input_names = _input_names(module, n_inputs)
        self.takes_dy = bool(inspect.signature(self.module.backward).parameters)
        self.is_loss = hasattr(module, "reduction")
        self.relu_masks: list[Array] = []

    def forward(self, point: Point) -> Array:
        """The output at `point`; a number becomes an array ()."""
        for name, parameter in self.parameters.items():
            parameter.data[...] = point[name]
        try:
            with watching() as calls:
                output = self.module(*(point[name] for name in self.input_names))
        except Exception as error:
            raise GradientError(
                f"{self.name}.forward raises {type(error).__name__}: {error}"
            ) from error
        self.relu_masks = [y > 0 for layer, y in calls if isinstance(layer, ReLU)]
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
            raise GradientError(
                f"{self.name}.backward raises {type(error).__name__}: {error}. If that is about "
                "shapes, a transpose is missing or one too many: a gradient has the shape of its "
                "array"
            ) from error

    def returned(self, point: Point, result: Any) -> dict[str, Array]:
        """What backward returned, by the name of the input, checked for number, shape and dtype."""
        names = [n for n in self.input_names if _is_float(point[n])]
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


class Trial:
    """One check of `module` on `inputs`.

    Attributes
    ----------
    rng : numpy.random.Generator
    point, other : dict
        Where it is checked, and another place, or None if forward knows no other.
    y, dy : ndarray
        The output there, and a dense random upstream for it.
    """

    def __init__(self, module: Module, inputs: tuple[Any, ...], rng: np.random.Generator) -> None:
        self.rng = rng
        arrays = [self._array(position, value) for position, value in enumerate(inputs)]
        self.pristine = Copy(module, len(arrays))
        self.name = self.pristine.name
        self.point: Point = {n: p.data.copy() for n, p in self.pristine.parameters.items()}
        self.point |= zip(self.pristine.input_names, arrays, strict=True)
        self.float_inputs = [n for n in self.pristine.input_names if _is_float(self.point[n])]
        if not self.float_inputs and not self.pristine.parameters:
            raise ValueError(
                f"check_gradients: {self.name} has no parameters and no input of floats, so there "
                "is nothing to differentiate; give it float arrays, or a shape such as (5, 7)"
            )
        self.y = self._first_output(module)
        self.dy = self.upstream(self.y)
        self.other = self._other_point()

    def fresh(self) -> Copy:
        """A copy that was never called."""
        return copy.deepcopy(self.pristine)

    def upstream(self, y: Array) -> Array:
        """A dense random dy for the output `y`; never of ones, for which softmax is blind."""
        if y.ndim == 0:
            return np.asarray(self.rng.uniform(0.5, 1.5) if self.pristine.takes_dy else 1.0)
        return self.rng.standard_normal(y.shape)

    def finite_output(self, point: Point) -> Array | None:
        """The output at `point`, or None if forward refuses it or answers NaN or inf."""
        try:
            y = self.fresh().forward(point)
        except Exception:
            return None
        return y if np.isfinite(y).all() else None

    def _array(self, position: int, value: Any) -> Array:
        if isinstance(value, tuple) and all(isinstance(size, int) for size in value):
            return self.rng.standard_normal(value)
        if not isinstance(value, np.ndarray):
            raise TypeError(
                f"check_gradients: input {position} is {type(value).__name__}, expected an array, "
                "or a tuple of ints for its shape"
            )
        if value.dtype.kind != "f":
            return value.copy()
        if not np.isfinite(value).all():
            raise ValueError(
                f"check_gradients: input {position} holds NaN or inf; give finite numbers"
            )
        return value.astype(np.float64)

    def _first_output(self, module: Module) -> Array:
        inputs = [self.point[name] for name in self.pristine.input_names]
        first = self.fresh()
        try:
            output = first.module(*(x.copy() for x in inputs))
        except Exception as error:
            given = [x.astype(np.float32) if _is_float(x) else x for x in inputs]
            try:
                copy.deepcopy(module)(*given)
            except Exception:
                raise error from None
            raise TypeError(
                f"{self.name}.forward works on float32, but not on the float64 copies that the "
                f"check needs ({type(error).__name__}: {error}); let it compute in the dtype of "
                "its input"
            ) from error
        if not isinstance(output, np.ndarray | Real):
            raise TypeError(
                f"{self.name}.forward returns {type(output).__name__}, expected one array or number"
            )
        if isinstance(output, np.ndarray | np.floating) and output.dtype != np.float64:
            raise GradientError(
                f"{self.name}.forward returns {output.dtype} for float64 arrays: it rounds on the "
                "way; compute in the dtype of the input"
            )
        self.pristine.is_loss |= np.ndim(output) == 0
        y = np.array(output, np.float64)
        if not np.isfinite(y).all():
            raise ValueError(
                f"check_gradients: the output of {self.name} is not finite, so it has no "
                "derivative; give inputs for which it is"
            )
        return y

    def _other_point(self) -> Point | None:
        for sign in (-1, 1):
            other = dict(self.point)
            for name in self.pristine.parameters:
                other[name] = self.point[name] + 0.1 * self.rng.standard_normal(other[name].shape)
            for name in self.float_inputs:
                x = self.point[name]
                other[name] = sign * self.rng.permutation(x.ravel()).reshape(x.shape)
            y = self.finite_output(other)
            if y is not None and y.shape == self.y.shape:
                return other
        return None


def _parameters(
    module: Module, seen: set[int], prefix: str = ""
) -> Iterator[tuple[str, Parameter]]:
    for name, value in vars(module).items():
        if isinstance(value, Parameter) and id(value) not in seen:
            seen.add(id(value))
            yield prefix + name, value
    for name, child in module.children():
        yield from _parameters(child, seen, f"{prefix}{name}.")


def _input_names(module: Module, n_inputs: int) -> list[str]:
    parameters = inspect.signature(module.forward).parameters.values()
    named = [p.name for p in parameters if p.kind is not p.VAR_POSITIONAL]
    return [f"input {named[k]}" if k < len(named) else f"input number {k}" for k in range(n_inputs)]


def _is_float(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"
