"""One unit's chain rule in words and numbers; ``Trace.explain`` is the door to it.

Forward: what the unit computed, from what. Backward: the dy it was handed, what it makes of it,
and where that goes next. A layer's words for that stand in its class; of one that has none, the
numbers are shown without an equation.
"""

import re
from typing import Any, NamedTuple

import numpy as np

from tinynet.inspection.layer_trace import LayerTrace, ParameterTrace
from tinynet.inspection.told import PLACE, equations_of, told_arrays
from tinynet.module import Module
from tinynet.support.types import Array


class _Unit(NamedTuple):
    """One unit of one layer, and the sample's rows of x, y, dy and dx."""

    part: LayerTrace
    sample: int
    unit: int
    terms: int
    x: Array
    y: Array
    dy: Array
    dx: Array


Lines = tuple[list[str], list[str]]  # forward, backward


def explain(
    layers: list[LayerTrace], loss_fn: Module, part: LayerTrace, sample: int, unit: int, terms: int
) -> str:
    """See ``Trace.explain``."""
    if part.is_loss:
        return _loss(layers, part, sample, unit)
    _check_place(_rows(part.output), sample, unit, _named(part))
    arrays = (_first(part.input), part.output, part.dy, _first(part.dx))
    x, y, dy, dx = (_rows(array)[sample] for array in arrays)
    forward, backward = _lines(part, _Unit(part, sample, unit, terms, x, y, dy, dx))
    handed = f"dy = {_n(dy[unit])}, handed back by {_users(layers, loss_fn, part)}"
    return "\n".join(
        [
            f"layer {part.name!r}, {part.layer!r}, sample {sample}, unit {unit}",
            *_section("forward", forward),
            *_section("backward", [handed, *backward]),
            *_section("next", [f"dx goes back to {_makers(layers, part.sources)}"]),
        ]
    )


def _check_place(rows: Array, sample: int, unit: int, where: str) -> None:
    for what, value, size in (("sample", sample, len(rows)), ("unit", unit, rows.shape[1])):
        if not 0 <= value < size:
            raise IndexError(f"explain: {what} = {value} is outside [0, {size}) of {where}")


def _loss(layers: list[LayerTrace], part: LayerTrace, sample: int, unit: int) -> str:
    """Where the gradients begin: at output `unit` of the network, for one sample."""
    gradient = _rows(_first(part.dx))
    _check_place(gradient, sample, unit, f"what {part.layer!r} gets")
    name, N = part.input_names[0], len(gradient)
    whole, gradients = equations_of(part.layer) or _without(part, "loss")
    if part.layer.told is None:
        here = f"d{name}[{sample}, {unit}] = {_n(gradient[sample, unit])}"
        forward, backward = [whole], [gradients, here]
    else:
        alone, backward = _told(part, sample, unit)
        forward = [whole, *alone]
    forward.append(f"loss = {_n(part.output)}, of the batch of {N}")
    return "\n".join(
        [
            f"the loss, {part.layer!r}, sample {sample}, output {unit}",
            *_section("forward", forward),
            *_section("backward", backward),
            *_section("next", [f"d{name} goes back to {_makers(layers, part.sources[:1])}"]),
        ]
    )


def _lines(part: LayerTrace, at: _Unit) -> Lines:
    """What the layer's class says of it: all of its sum, its own words, or its equations."""
    if part.wires is not None:
        return _wired(at, *part.wires)
    return _unknown(at) if part.layer.told is None else _told(part, at.sample, at.unit)


def _wired(at: _Unit, W: ParameterTrace, b: ParameterTrace | None) -> Lines:
    x, unit, dy, N = at.x, at.unit, at.dy[at.unit], len(at.part.output)
    w = W.value[:, unit]
    products = x * w
    forward = ["y = (x * w).sum() + b, the largest terms first"]
    largest = _largest(products, at.terms)
    forward += [f"{_n(x[i])} * {_n(w[i])} = {_n(products[i])}  (input {i})" for i in largest]
    if len(x) > len(largest):
        rest = np.delete(products, largest)
        forward.append(f"the other {len(rest)} terms = {_n(rest.sum(dtype=np.float64))}")
    if b is not None:
        forward.append(f"b = {_n(b.value[unit])}")
    forward.append(f"y = {_n(at.y[unit])}")

    others = ", and with what the other layers on this W add" if W.tied else ""
    backward = [f"dw = x * dy, added up over the {N} rows of the batch{others}"]
    for i in largest:
        line = f"dW[{i}] = {_n(x[i])} * {_n(dy)} = {_n(x[i] * dy)}"
        backward.append(f"{line}, with all rows {_n(W.grad[i, unit])}{_updated(W, (i, unit))}")
    if b is not None:
        line = f"db = dy = {_n(dy)}, with all rows {_n(b.grad[unit])}"
        backward.append(f"{line}{_updated(b, (unit,))}")
    backward.append("dx = w * dy, added up over all units of the layer")
    for i in largest:
        line = f"dx[{i}] = {_n(w[i])} * {_n(dy)} = {_n(w[i] * dy)}"
        backward.append(f"{line}, with all units {_n(at.dx[i])}")
    return forward, backward


def _told(part: LayerTrace, sample: int, unit: int) -> Lines:
    numbers = {name: _rows(array)[sample, unit] for name, array in told_arrays(part).items()}

    def words(place: re.Match[str]) -> str:
        value = numbers[place[1]]
        return str(value) if isinstance(value, str) else _n(value)

    forward, backward = (PLACE.sub(words, text).split("\n") for text in part.layer.told or ())
    return forward, backward


def _unknown(at: _Unit) -> Lines:
    """A layer whose class has no words for its numbers."""
    layer, name = at.part.layer, type(at.part.layer).__name__
    equations = equations_of(layer) or _without(at.part, "y")
    forward, backward = [equations[0]], [equations[1]]
    if at.x.shape == at.y.shape:
        forward.append(f"x = {_n(at.x[at.unit])}")
        backward.append(f"dx = {_n(at.dx[at.unit])}, by {name}.backward")
    forward.append(f"y = {_n(at.y[at.unit])}, by {name}.forward")
    for key, parameter in at.part.parameters.items():
        size = np.linalg.norm(parameter.grad)
        backward.append(f"d{key}, {parameter.grad.shape}: all of it has length {_n(size)}")
    return forward, backward


def _without(part: LayerTrace, y: str) -> tuple[str, str]:
    """What stands in place of equations that nobody wrote."""
    kind, x = type(part.layer).__name__, _first(part.input) if part.is_loss else part.input
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


def _updated(parameter: Any, place: tuple[int, ...]) -> str:
    if parameter.update is None:
        return ""
    before, step = parameter.value[place], parameter.update[place]
    return f"; update {_n(step)}: from {_n(before)} to {_n(before + step)}"


def _largest(values: Array, terms: int) -> Array:
    """The positions of the largest values, by size; none that is 0, unless all are."""
    order = np.argsort(-np.abs(values), kind="stable")[:terms]
    return order[values[order] != 0] if values.any() else order[:1]


def _first(value: Any) -> Array:
    return value[0] if isinstance(value, tuple) else value


def _rows(array: Array) -> Array:
    """One row for each sample, whatever shape its outputs have."""
    return array.reshape(len(array), -1)


def _n(value: Any) -> str:
    return f"{float(value):.5g}"
