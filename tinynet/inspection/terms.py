"""A unit's sum, term by term, in numbers: what ``Trace.explain`` says of layers that have one.

Of a layer wired as Linear, all inputs are terms; of one that looks through windows, those in the
unit's window. A pool takes the largest instead.
"""

from typing import Any, NamedTuple

import numpy as np

from tinynet.inspection.layer_trace import LayerTrace, ParameterTrace
from tinynet.inspection.windows import Reads, place_of
from tinynet.support.types import Array


class Unit(NamedTuple):
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


def wired(at: Unit, W: ParameterTrace, b: ParameterTrace | None) -> Lines:
    every = np.arange(len(at.x))
    weights = _Weights("W", W, tuple((int(i), at.unit) for i in every), [f"[{i}]" for i in every])
    reads = Reads(every, W.value[:, at.unit], every.shape)
    bias = None if b is None else (b, (at.unit,))
    rows = f"the {len(at.part.output)} rows of the batch"
    return _summed(at, reads, _Shared(weights, bias, rows, "rows", "all units of the layer"))


def windowed(at: Unit, reads: Reads) -> Lines:
    weights = bias = None
    if reads.weights is not None:
        name, flat = reads.weights
        W = at.part.parameters[name]
        places = [tuple(map(int, np.unravel_index(k, W.value.shape))) for k in flat]
        weights = _Weights(name, W, tuple(places), [f"[{str(p)[1:-1]}]" for p in places])
    if reads.bias is not None:
        b = at.part.parameters[reads.bias[0]]
        bias = b, tuple(map(int, np.unravel_index(reads.bias[1], b.value.shape)))
    rows = f"all units that use it, and the {len(at.part.output)} rows of the batch"
    shared = _Shared(weights, bias, rows, "units and rows", "all units that read it")
    return _summed(at, reads, shared, f" of {_window(at, reads)}")


class _Weights(NamedTuple):
    """The parameter of a sum's weights; for each term its place there, and how that is written."""

    name: str
    all: ParameterTrace
    places: tuple[tuple[int, ...], ...]
    written: list[str]


class _Shared(NamedTuple):
    """What a sum shares with others: weights and bias, and in words, who adds to their gradients.

    `adders` is `rows` in short; `readers` are who adds to the gradient of an input.
    """

    weights: _Weights | None
    bias: tuple[ParameterTrace, tuple[int, ...]] | None
    rows: str
    adders: str
    readers: str


def _summed(at: Unit, reads: Reads, shared: _Shared, window: str = "") -> Lines:
    """A sum's largest terms, and their gradients."""
    weights, bias = shared.weights, shared.bias
    x, w, dy = at.x[reads.x], reads.w, at.dy[at.unit]
    products = x * w
    forward = [f"y = (x * w).sum(){' + b' if bias else ''}{window}, the largest terms first"]
    largest = _largest(products, at.terms)
    for k in largest:
        forward.append(f"{_product(x[k], w[k])}  (input {_input(at, reads.x[k])})")
    if len(x) > len(largest):
        rest = np.delete(products, largest)
        forward.append(f"the other {len(rest)} terms = {written(rest.sum(dtype=np.float64))}")
    if bias is not None:
        forward.append(f"b = {written(bias[0].value[bias[1]])}")
    forward.append(f"y = {written(at.y[at.unit])}")

    backward = []
    if weights is not None:
        W = weights.all
        others = ", and with what the other layers on this W add" if W.tied else ""
        backward.append(f"dw = x * dy, added up over {shared.rows}{others}")
        for k in largest:
            place = weights.places[k]
            line = f"d{weights.name}{weights.written[k]} = {_product(x[k], dy)}"
            backward.append(f"{line}, with all {shared.adders} {written(W.grad[place])}")
            backward[-1] += _updated(W, place)
    if bias is not None:
        b, place = bias
        line = f"db = dy = {written(dy)}, with all {shared.adders} {written(b.grad[place])}"
        backward.append(f"{line}{_updated(b, place)}")
    backward.append(f"dx = w * dy, added up over {shared.readers}")
    for k in largest:
        line = f"dx{_in_brackets(at, reads.x[k])} = {_product(w[k], dy)}"
        backward.append(f"{line}, with all units {written(at.dx[reads.x[k]])}")
    return forward, backward


def largest_of(at: Unit, reads: Reads) -> Lines:
    """The largest number of a window, and where the gradient goes back to."""
    x, dy = at.x[reads.x], at.dy[at.unit]
    forward = [f"y = x.max() of {_window(at, reads)}"]
    backward = ["dx = dy where x is the largest, else 0, added up over all units that read it"]
    if len(x) == 0:
        return [*forward, f"y = {written(at.y[at.unit])}"], backward
    won = reads.winner(at.x)
    shown = [won, *(k for k in np.argsort(-x, kind="stable") if k != won)][: at.terms]
    for k in sorted(shown):
        place = _in_brackets(at, reads.x[k])
        forward.append(f"x{place} = {written(x[k])}{', the largest' if k == won else ''}")
        gets = f"dy = {written(dy)}" if k == won else "0"
        backward.append(f"dx{place} = {gets}, with all units {written(at.dx[reads.x[k]])}")
    if len(x) > len(shown):
        forward.append(f"the other {len(x) - len(shown)} are not larger")
    forward.append(f"y = {written(at.y[at.unit])}")
    return forward, backward


def _product(a: Any, b: Any) -> str:
    return f"{written(a)} * {written(b)} = {written(a * b)}"


def _window(at: Unit, reads: Reads) -> str:
    """A window in words: how large it is, and from where to where."""
    if len(reads.x) == 0:
        return "an empty window"
    size = " x ".join(map(str, reads.shape)) or "1"
    first, last = (_input(at, i) for i in (reads.x.min(), reads.x.max()))
    return f"a window of {size}, from {first} to {last}"


def _input(at: Unit, i: int) -> str:
    return place_of(i, first_of(at.part.input).shape[1:])


def _in_brackets(at: Unit, i: int) -> str:
    return f"[{_input(at, i).strip('()')}]"


def _updated(parameter: Any, place: tuple[int, ...]) -> str:
    if parameter.update is None:
        return ""
    before, step = parameter.value[place], parameter.update[place]
    return f"; update {written(step)}: from {written(before)} to {written(before + step)}"


def _largest(values: Array, terms: int) -> Array:
    """The positions of the largest values, by size; none that is 0, unless all are."""
    order: Array = np.argsort(-np.abs(values), kind="stable")[:terms]
    return order[values[order] != 0] if values.any() else order[:1]


def first_of(value: Any) -> Array:
    """A layer's only input, or the first of several."""
    return value[0] if isinstance(value, tuple) else value


def rows_of(array: Array) -> Array:
    """One row for each sample, whatever shape its outputs have."""
    return array.reshape(len(array), -1)


def written(value: Any) -> str:
    """A number in five digits."""
    return f"{float(value) + 0:.5g}"  # -0 is 0
