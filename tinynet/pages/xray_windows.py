"""Which inputs each unit of a layer reads, as an X-ray takes it along: few patterns, moved about.

The units of a convolution read windows of a few shapes, one for the middle of a picture and one for
each kind of edge. A pattern has the positions relative to its first; a unit has its pattern, and
where that begins in x and in the weights.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet.inspection.windows import Reads, Windows
from tinynet.support.types import Array

if TYPE_CHECKING:
    from tinynet.inspection.layer_trace import LayerTrace, ParameterTrace

NO_PATTERN = -1  # of a unit of which the layer says nothing


def windows_of(layer: "LayerTrace") -> tuple[dict[str, Any], Array] | None:
    """What the page's head says of a layer's windows, and a line for each unit.

    The lines are (units, 4): the pattern, and where it begins in x, in the weights and in the bias.
    None if the layer has no windows.
    """
    windows = Windows(layer)
    if not windows.exist:
        return None
    known: dict[tuple[Any, ...], int] = {}
    patterns: list[dict[str, Any]] = []
    lines = np.full((layer.output[0].size, 4), NO_PATTERN, np.int32)
    for unit, line in enumerate(lines):
        reads = windows.of(unit)
        if reads is None:
            continue
        x, w = (_relative(flat) for flat in (reads.x, reads.weights and reads.weights[1]))
        weights = reads.w if reads.weights is None else w[1]
        key = (reads.shape, x[1].tobytes(), weights.tobytes(), reads.weights is None)
        if key not in known:
            known[key] = len(patterns)
            patterns.append(_pattern(reads, x[1], weights))
        line[:] = known[key], x[0], w[0], reads.bias[1] if reads.bias else NO_PATTERN
    return {"patterns": patterns, "largest": any(p["largest"] for p in patterns)}, lines


def learned_by(layer: "LayerTrace") -> "tuple[ParameterTrace | None, ParameterTrace | None]":
    """Weights and bias of a layer that is wired as Linear, or looks through windows."""
    if layer.wires is not None:
        return layer.wires
    windows = Windows(layer)
    reads = windows.of(0) if windows.exist else None
    if reads is None:
        return None, None
    names = (place and place[0] for place in (reads.weights, reads.bias))
    weights, bias = (layer.parameters[name] if name else None for name in names)
    return weights, bias


def _relative(flat: Array | None) -> tuple[int, Array]:
    """Where positions begin, and how far each is from there."""
    if flat is None or len(flat) == 0:
        return 0, np.zeros(0, int)
    return int(flat[0]), flat - flat[0]


def _pattern(reads: Reads, x: Array, weights: Array) -> dict[str, Any]:
    return {
        "shape": reads.shape,
        "x": x.tolist(),
        "w": weights.tolist(),
        "constant": reads.weights is None,
        "largest": reads.largest,
    }
