"""One unit's chain rule in words and numbers; ``Trace.explain`` is the door to it.

Forward: what the unit computed, from what. Backward: the dy it was handed, what it makes of it,
and where that goes next. A layer's words for that stand in its class; of one that has none, the
numbers are shown without an equation.
"""

import re
from typing import Any

import numpy as np

from tinynet.inspection.layer_trace import LayerTrace
from tinynet.inspection.terms import (
    Lines,
    Unit,
    first_of,
    largest_of,
    rows_of,
    windowed,
    wired,
    written,
)
from tinynet.inspection.told import PLACE, equations_of, told_arrays
from tinynet.inspection.windows import Windows, place_of
from tinynet.module import Module
from tinynet.support.types import Array


def explain(
    layers: list[LayerTrace],
    loss_fn: Module,
    part: LayerTrace,
    sample: int,
    unit: int | tuple[int, ...],
    terms: int,
) -> str:
    """See ``Trace.explain``."""
    if part.is_loss:
        return _loss(layers, part, sample, unit)
    unit = _checked_unit(part.output, sample, unit, _named(part))
    arrays = (first_of(part.input), part.output, part.dy, first_of(part.dx))
    x, y, dy, dx = (rows_of(array)[sample] for array in arrays)
    forward, backward = _lines(part, Unit(part, sample, unit, terms, x, y, dy, dx))
    handed = f"dy = {written(dy[unit])}, handed back by {_users(layers, loss_fn, part)}"
    return "\n".join(
        [
            f"layer {part.name!r}, {part.layer!r}, sample {sample}, unit "
            f"{place_of(unit, part.output.shape[1:])}",
            *_section("forward", forward),
            *_section("backward", [handed, *backward]),
            *_section("next", [f"dx goes back to {_makers(layers, part.sources)}"]),
        ]
    )


def _checked_unit(array: Array, sample: int, unit: int | tuple[int, ...], where: str) -> int:
    """The unit's flat position in a row; sample and unit are in range, or it is an error."""
    shape = array.shape[1:]
    if isinstance(unit, tuple):
        if len(unit) != len(shape):
            raise ValueError(
                f"explain: unit = {unit} has {len(unit)} numbers, and a row of {where} has shape "
                f"{shape}; give one for each axis, or an int, the position in the flat row"
            )
        for axis, (k, size) in enumerate(zip(unit, shape)):
            _check_place(f"unit[{axis}]", k, size, where)
        unit = int(np.ravel_multi_index(unit, shape)) if shape else 0
    _check_place("sample", sample, len(array), where)
    _check_place("unit", unit, rows_of(array).shape[1], where)
    return unit


def _check_place(what: str, value: int, size: int, where: str) -> None:
    if not 0 <= value < size:
        raise IndexError(f"explain: {what} = {value} is outside [0, {size}) of {where}")


def _loss(
    layers: list[LayerTrace], part: LayerTrace, sample: int, unit: int | tuple[int, ...]
) -> str:
    """Where the gradients begin: at output `unit` of the network, for one sample."""
    unit = _checked_unit(first_of(part.dx), sample, unit, f"what {part.layer!r} gets")
    gradient = rows_of(first_of(part.dx))
    name, N = part.input_names[0], len(gradient)
    whole, gradients = equations_of(part.layer) or _without(part, "loss")
    if part.layer.told is None:
        here = f"d{name}[{sample}, {unit}] = {written(gradient[sample, unit])}"
        forward, backward = [whole], [gradients, here]
    else:
        alone, backward = _told(part, sample, unit)
        forward = [whole, *alone]
    forward.append(f"loss = {written(part.output)}, of the batch of {N}")
    return "\n".join(
        [
            f"the loss, {part.layer!r}, sample {sample}, output {unit}",
            *_section("forward", forward),
            *_section("backward", backward),
            *_section("next", [f"d{name} goes back to {_makers(layers, part.sources[:1])}"]),
        ]
    )


def _lines(part: LayerTrace, at: Unit) -> Lines:
    """What the layer's class says of it: all of its sum, its own words, or its equations."""
    if part.wires is not None:
        return wired(at, *part.wires)
    reads = Windows(part).of(at.unit)
    if reads is not None:
        return largest_of(at, reads) if reads.largest else windowed(at, reads)
    return _unknown(at) if part.layer.told is None else _told(part, at.sample, at.unit)


def _told(part: LayerTrace, sample: int, unit: int) -> Lines:
    numbers = {name: rows_of(array)[sample, unit] for name, array in told_arrays(part).items()}

    def words(place: re.Match[str]) -> str:
        value = numbers[place[1]]
        return str(value) if isinstance(value, str) else written(value)

    forward, backward = (PLACE.sub(words, text).split("\n") for text in part.layer.told or ())
    return forward, backward


def _unknown(at: Unit) -> Lines:
    """A layer whose class has no words for its numbers."""
    layer, name = at.part.layer, type(at.part.layer).__name__
    equations = equations_of(layer) or _without(at.part, "y")
    forward, backward = [equations[0]], [equations[1]]
    if at.x.shape == at.y.shape:
        forward.append(f"x = {written(at.x[at.unit])}")
        backward.append(f"dx = {written(at.dx[at.unit])}, by {name}.backward")
    forward.append(f"y = {written(at.y[at.unit])}, by {name}.forward")
    for key, parameter in at.part.parameters.items():
        size = np.linalg.norm(parameter.grad)
        backward.append(f"d{key}, {parameter.grad.shape}: all of it has length {written(size)}")
    return forward, backward


def _without(part: LayerTrace, y: str) -> tuple[str, str]:
    """What stands in place of equations that nobody wrote."""
    kind, x = type(part.layer).__name__, first_of(part.input) if part.is_loss else part.input
    return (
        f"a row of shape {_shape(x)} becomes "
        + ("one number" if part.is_loss else f"one of {_shape(part.output)}"),
        f"to see its equations here, write them in class {kind}: "
        f'equations = "{y} = ...", "dx = ..."',
    )


def _shape(arrays: Any) -> str:
    """Of one row, of each input."""
    return " and ".join(str(a.shape[1:]) for a in (arrays if type(arrays) is tuple else (arrays,)))


def _section(title: str, lines: list[str]) -> list[str]:
    return [f"{title if n == 0 else '':<9} {line}" for n, line in enumerate(lines)]


def _users(layers: list[LayerTrace], loss_fn: Module, part: LayerTrace) -> str:
    """Where this layer's output went: the layers that took it, or the loss."""
    position = next(n for n, other in enumerate(layers) if other is part)
    takers = [_named(other) for other in layers if position in other.sources]
    return " + ".join(takers) if takers else f"the loss, {loss_fn!r}"


def _makers(layers: list[LayerTrace], sources: tuple[int | None, ...]) -> str:
    """Where inputs of these sources came from: other layers, or the network's input."""
    others = {-1: "the network's input", None: "what the network computes between its layers"}
    names = (others.get(n) or _named(layers[n or 0]) for n in sources)
    return " and ".join(names)


def _named(part: LayerTrace) -> str:
    return f"layer {part.name!r}, {part.layer!r}"
