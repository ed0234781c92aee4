"""A record of which layer was called on what, so that backward can replay it in reverse.

While a network's own ``forward`` runs, every call of one of its layers is written down: layer,
inputs, output. That forward handles read-only views, told apart by identity. What it computes
between the layers is the output of no call and has no derivative here: an error, never a wrong
gradient.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, Optional

import numpy as np

from tinynet.support.types import Array, Layer


class Call(NamedTuple):
    """One call of one layer; arrays are numbers into ``Recording.arrays``."""

    layer: Layer
    inputs: list[int]
    output: int


class Recording:
    """The calls that one forward pass of the network `net` makes.

    Parameters
    ----------
    net : Module
    inputs : tuple of ndarray
        What the network was called on.
    outer : Recording or None
        Of the network whose forward calls this one, if there is one.

    Attributes
    ----------
    under_way : frozenset of int
        The ids of the networks whose forward is running; a layer may hold one of them.
    """

    def __init__(self, net: Layer, inputs: tuple[Array, ...], outer: Optional["Recording"]) -> None:
        self.name = repr(net)  # not net itself, which keeps this recording
        self.under_way: frozenset[int] = (outer.under_way if outer else frozenset()) | {id(net)}
        self.inputs = len(inputs)
        self.arrays: list[Array] = []
        self.views: list[Array] = []
        self.calls: list[Call] = []
        self.called: set[int] = set()
        for array in inputs:
            self._show(array)

    def run(self, forward: Callable[..., Array]) -> Array:
        """Run `forward` on views of the inputs; return its output."""
        try:
            output = forward(*self.views)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            raise RuntimeError(
                f"{self.name}.forward changes an array in place, which backward cannot see; {_FIX}"
            ) from error
        return self._finish(output)

    def resolve(self, layer: Layer, views: tuple[Array, ...]) -> tuple[Array, ...]:
        """The arrays behind the views that `layer` was called on."""
        modules = [module for _, module in layer.named_modules(above=self.under_way)]
        for module in modules:
            if id(module) in self.called:
                raise RuntimeError(
                    f"{self.name}.forward: {module!r} is called twice; make a second layer, since "
                    "each keeps one input for its backward"
                )
        self.called.update(map(id, modules))
        numbers = [self._number(view) for view in views]
        if None in numbers:
            raise RuntimeError(
                f"{self.name}.forward: {layer!r} is called on an array that no layer returned; "
                f"{_FIX}"
            )
        return tuple(self.arrays[number] for number in numbers if number is not None)

    def add(self, layer: Layer, views: tuple[Array, ...], output: Array) -> Array:
        """Write down one call of `layer` on `views`; return a view of its output."""
        if any(output is array for array in self.arrays):
            raise RuntimeError(
                f"{self.name}.forward: {layer!r} returns its input object; return a new array"
            )
        numbers = [number for number in map(self._number, views) if number is not None]
        self.calls.append(Call(layer, numbers, len(self.arrays)))
        return self._show(output)

    def replay(self, dy: Array, add: Callable[[Array, Array, Array], None]) -> Any:
        """Call backward of every recorded layer, last first; return dLoss/dinputs.

        An array that went two ways gets the sum of what comes back: ``add(a, b, sum)``.
        """
        gradients: dict[int, Array] = {self.result: dy}
        for call in reversed(self.calls):
            parts = call.layer.backward(gradients.pop(call.output))
            for number, dx in zip(
                call.inputs, parts if isinstance(parts, tuple) else (parts,), strict=True
            ):
                if number in gradients:
                    dx, other = np.empty_like(dx, order="C"), dx
                    add(gradients[number], np.ascontiguousarray(other), dx)
                gradients[number] = dx
        results = tuple(gradients[number] for number in range(self.inputs))
        return results[0] if self.inputs == 1 else results

    def _show(self, array: Array) -> Array:
        if not isinstance(array, np.ndarray):
            what = f"input {len(self.arrays)}"
            if self.calls:
                what = f"the output of {self.calls[-1].layer!r}"
            raise TypeError(
                f"{self.name}.forward: {what} is {type(array).__name__}, expected an array of "
                "float32 or float64, the only thing that has a gradient"
            )
        view = array.view()
        view.flags.writeable = False
        self.arrays.append(array)
        self.views.append(view)
        return view

    def _number(self, view: Array) -> int | None:
        return next((number for number, own in enumerate(self.views) if own is view), None)

    def _finish(self, view: Array) -> Array:
        result = self._number(view)
        if result is None or result < self.inputs:
            raise RuntimeError(
                f"{self.name}.forward: its result is not the output of a layer; {_FIX}"
            )
        used = {number for call in self.calls for number in call.inputs} | {result}
        for number in range(len(self.arrays)):
            if number not in used:
                what = f"input {number}"
                if number >= self.inputs:
                    what = f"the output of {self.calls[number - self.inputs].layer!r}"
                raise RuntimeError(
                    f"{self.name}.forward: {what} is not used; leave it out, or use it"
                )
        self.result = result
        self.views.clear()
        return self.arrays[result]


_FIX = (
    "arithmetic on arrays between layers has no backward. Make it a layer (tn.Add adds two "
    "arrays), or write backward by hand"
)
