"""One check of one module: a copy that nobody has used, where it is checked, and with which dy."""

import copy
from numbers import Real
from typing import Any

import numpy as np

from tinynet.gradcheck.copies import Copy, Point, is_float, parameters_of
from tinynet.gradcheck.report import GradientError
from tinynet.module import Module
from tinynet.support.types import Array


class Trial:
    """One check of `module` on `inputs`.

    Attributes
    ----------
    rng : numpy.random.Generator
    point, other : dict
        Where it is checked, and another place, or None if forward knows no other.
    y, dy : ndarray
        The output there, and a dense random upstream for it.
    differentiated : list of str
        The inputs of floats that backward answers for: of a loss, perhaps not the target.
    """

    def __init__(self, module: Module, inputs: tuple[Any, ...], rng: np.random.Generator) -> None:
        self.rng = rng
        module.parameters()  # refuses those that stand where no walk finds them
        arrays = [self._array(position, value) for position, value in enumerate(inputs)]
        self.pristine = Copy(module, len(arrays))
        self.name = self.pristine.name
        self.point: Point = {n: p.data.copy() for n, p in self.pristine.parameters.items()}
        self.point |= zip(self.pristine.input_names, arrays, strict=True)
        self._bounded = {
            name
            for name, value in zip(self.pristine.input_names, inputs, strict=True)
            if isinstance(value, np.ndarray) and ((value >= 0) & (value <= 1)).all()
        }
        self.float_inputs = [n for n in self.pristine.input_names if is_float(self.point[n])]
        if not self.float_inputs and not self.pristine.parameters:
            raise ValueError(
                f"check_gradients: {self.name} has no parameters and no input of floats, so there "
                "is nothing to differentiate; give it float arrays, or a shape such as (5, 7), and "
                "hold what it learns as tn.Parameter"
            )
        self.y = self._first_output(module)
        self.dy = self.upstream(self.y)
        self.differentiated = self._differentiated()
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
            given = [x.astype(np.float32) if is_float(x) else x for x in inputs]
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
        self._check_made_once(first)
        self.pristine.is_loss |= np.ndim(output) == 0
        y = np.array(output, np.float64)
        if not np.isfinite(y).all():
            raise ValueError(
                f"check_gradients: the output of {self.name} is not finite, so it has no "
                "derivative; give inputs for which it is"
            )
        return y

    def _differentiated(self) -> list[str]:
        if not self.pristine.is_loss:
            return self.float_inputs
        try:
            gradients = self.fresh().gradients(self.point, self.dy)
        except GradientError:  # a rule will say so
            return self.float_inputs
        return [name for name in self.float_inputs if name in gradients]

    def _check_made_once(self, called: Copy) -> None:
        """Refuse parameters that forward makes: the check, and an optimizer, hold those before."""
        now = parameters_of(called.module)
        for name in now:
            if now[name] is not called.parameters.get(name):
                raise ValueError(
                    f"check_gradients: {self.name}.forward makes the Parameter {name}, anew or for "
                    "the first time, which an optimizer made before does not hold; make it in "
                    "__init__, or call the layer once before"
                )

    def is_bounded(self, name: str) -> bool:
        """Whether an input was given as numbers within [0, 1]: probabilities, perhaps."""
        return name in self._bounded

    def rows_in_common(self) -> int:
        """How many rows all inputs have; 0 if that differs, or if all have one axis at most."""
        inputs = [self.point[name] for name in self.pristine.input_names]
        lengths = {len(x) if np.ndim(x) else 0 for x in inputs}
        rows = lengths.pop() if len(lengths) == 1 else 0
        return rows if any(np.ndim(x) > 1 for x in inputs) else 0

    def take_rows(self, rows: slice) -> Point:
        """The point with some of the rows of every input."""
        return self.point | {name: self.point[name][rows] for name in self.pristine.input_names}

    def fewer_rows(self) -> Point | None:
        """The point without its last row, where forward knows it."""
        rows = self.rows_in_common()
        point = self.take_rows(slice(rows - 1))
        return point if rows > 1 and self.finite_output(point) is not None else None

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
