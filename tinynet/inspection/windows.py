"""What a number of a layer's output is made of: which inputs it reads, and with which weights.

Of a layer that is wired as Linear is, that is all of its inputs; of one whose class says so, a
window of them (``told_window`` in tinynet/support/description.py), as in convolutions and pools.
"""

from typing import Any, NamedTuple

import numpy as np

from tinynet.inspection.layer_trace import LayerTrace, ParameterTrace
from tinynet.support.description import Description
from tinynet.support.types import Array


class Reads(NamedTuple):
    """What one unit reads. Positions are flat: in one row of x, and in the parameters.

    Attributes
    ----------
    x : ndarray of int (R,)
    w : ndarray (R,)
        What each is multiplied with.
    shape : tuple of int
        Of the window, whose size is R.
    weights, bias : (str, ndarray of int (R,)) and (str, int), or None
        The parameters' names, and where in them w and b stand; None for constants.
    largest : bool
        Whether the unit is the largest of these, and not their sum.
    """

    x: Array
    w: Array
    shape: tuple[int, ...]
    weights: tuple[str, Array] | None = None
    bias: tuple[str, int] | None = None
    largest: bool = False

    def winner(self, x: Array) -> int:
        """Which number of the window is the largest: the first of equals, the last that is NaN."""
        values = x[self.x]
        lost = np.isnan(values)
        return int(np.flatnonzero(lost)[-1] if lost.any() else values.argmax())


class Windows:
    """The windows of a traced layer's units, by their flat positions in y."""

    def __init__(self, part: LayerTrace) -> None:
        self._part = part
        self._places: dict[str, Array] = {}
        told = type(part.layer).told_window is not Description.told_window
        self._told = told and not isinstance(part.input, tuple)
        self.exist = bool(self._told and part.output[0].size) and self.of(0) is not None

    def of(self, unit: int) -> Reads | None:
        """What the unit reads; None if the layer does not say.

        Raises
        ------
        ValueError
            If what it says does not fit its arrays.
        """
        if not self._told:
            return None
        part = self._part
        shape, place = part.input.shape[1:], np.unravel_index(unit, part.output.shape[1:])
        window = part.layer.told_window(shape, tuple(map(int, place)))
        if window is None:
            return None
        x = self._at("x", shape, window.reads)
        named, constant = None, window.weights
        if isinstance(constant, tuple) and len(constant) == 2 and isinstance(constant[0], str):
            named = constant[0], self._of_parameter(*constant).ravel()
            constant = self._parameter(constant[0]).value.reshape(-1)[named[1]]
        w = np.asarray(constant)
        if w.size not in (1, x.size):
            raise ValueError(
                f"{type(part.layer).__name__}.told_window: unit {tuple(map(int, place))} reads "
                f"{x.size} inputs with {w.size} weights; give one for each, or one for all"
            )
        bias = window.bias and (window.bias[0], int(self._of_parameter(*window.bias).item()))
        w = np.broadcast_to(w.reshape(-1), x.size)
        return Reads(x.reshape(-1), w, x.shape, named, bias, window.largest)

    def _parameter(self, name: str) -> ParameterTrace:
        known = self._part.parameters
        if name not in known:
            raise ValueError(
                f"{type(self._part.layer).__name__}.told_window names {name!r}, which is no "
                f"parameter of {self._part.layer!r}; it holds {', '.join(known) or 'none'}"
            )
        return known[name]

    def _of_parameter(self, name: str, index: Any) -> Array:
        return self._at(name, self._parameter(name).value.shape, index)

    def _at(self, name: str, shape: tuple[int, ...], index: Any) -> Array:
        """The flat positions that an index stands for."""
        if name not in self._places:
            self._places[name] = np.arange(np.prod(shape, dtype=int)).reshape(shape)
        try:
            return np.asarray(self._places[name][index])
        except IndexError as error:
            raise ValueError(
                f"{type(self._part.layer).__name__}.told_window: {index!r} is no index of "
                f"{name}, which has shape {shape}: {error}"
            ) from None


def place_of(unit: int, shape: tuple[int, ...]) -> str:
    """A flat position as it is read: 3, or (0, 12, 7) in a picture."""
    if len(shape) == 1:
        return str(unit)
    return f"({', '.join(str(int(k)) for k in np.unravel_index(unit, shape))})"
