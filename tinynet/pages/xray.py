"""The X-ray: a trace as a page. What the page shows is chosen here, and how in xray.js.

The weights of step 0 travel as they are, those of later steps as differences from them, and the
updates, in half precision. Gradients of weights are not stored: the page computes them from x and
dy, which is the chain rule itself.
"""

import copy
import math
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet import pages
from tinynet.inspection.case import kind_of_outputs
from tinynet.inspection.told import told_arrays
from tinynet.runs.scores import classifies, no_row_counts
from tinynet.support.accuracy import counting
from tinynet.support.types import Array

if TYPE_CHECKING:
    from tinynet.inspection.layer_trace import LayerTrace
    from tinynet.inspection.traced import Trace

MOST_STEPS = 12  # of a slider
MOST_TARGETS = 4  # numbers of a target that are written out


def write_xray(trace: "Trace", path: str | os.PathLike[str], title: str) -> None:
    """See ``Trace.to_html``."""
    for layer in trace.layers:
        if None in layer.sources:
            raise ValueError(
                f"to_html: layer {layer.name!r}, {layer.layer!r}, gets an array that is neither "
                "the network's input nor a layer's output; make a layer of what comes between"
            )
    for step in trace.steps:
        _check_finite(step)
    page = b""
    for count in range(min(len(trace.steps), MOST_STEPS), 0, -1):
        chosen = np.linspace(0, len(trace.steps) - 1, count).round().astype(int)
        page = pages.fill("xray", title, *_contents(trace, [int(k) for k in chosen]))
        if len(page) <= pages.LARGEST:
            return pages.write(path, page)
    raise ValueError(
        f"to_html: the page would have {len(page) / 1e6:.1f} MB, and {pages.LARGEST / 1e6:g} MB is "
        f"the most; trace fewer rows than {len(trace.X)}, or a smaller network"
    )


def _contents(trace: "Trace", chosen: list[int]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Head and arrays of a page that shows the steps `chosen`."""
    first, N = trace.layers, len(trace.X)
    X = _rows(trace.X)
    side = math.isqrt(X.shape[1])
    arrays = {"X": X.astype(np.float32)}
    head: dict[str, Any] = {
        "network": repr(trace.net),
        "loss": repr(trace.loss_fn),
        "rows": N,
        "width": side if side * side == X.shape[1] else math.ceil(math.sqrt(X.shape[1])),
        "labels": _labels(trace),
        "targets": None if classifies(trace.loss_fn) else [_short(row) for row in _rows(trace.y)],
        "probabilities": trace.output.ndim == 2
        and kind_of_outputs(trace.output) == "probabilities",
        "layers": [_layer_head(layer) for layer in first],
        "steps": [],
    }
    for number in chosen:
        step = trace.steps[number]
        head["steps"].append(
            {
                "number": number,
                "loss": step.loss,
                "next": trace.steps[number + 1].loss if number + 1 < len(trace.steps) else None,
                "rowLosses": _row_losses(step),
                "scales": {},
            }
        )
        scales = head["steps"][-1]["scales"]
        for k, layer in enumerate(step.layers):
            arrays[f"y{k}@{number}"] = _rows(layer.output).astype(np.float32)
            arrays[f"dy{k}@{number}"] = _rows(layer.dy).astype(np.float32)
            arrays |= _told(layer, head["layers"][k], f"{k}@{number}")
            for name, parameter, before in zip("Wb", layer.wires or (), first[k].wires or ()):
                if parameter is None or before is None:
                    continue
                key, at_first = f"{name}{k}", before.value
                if number == 0:
                    arrays[key] = at_first.astype(np.float32)
                else:
                    difference = parameter.value - at_first
                    arrays[f"{key}@{number}"], scales[key] = _halved(difference)
                if parameter.update is not None:
                    update = f"update {key}"
                    arrays[f"{update}@{number}"], scales[update] = _halved(parameter.update)
    return head, arrays


def _layer_head(layer: "LayerTrace") -> dict[str, Any]:
    described = layer.layer
    pieces = described.piece_of(layer.output)
    return {
        "name": layer.name,
        "text": repr(described),
        "kind": type(described).__name__,
        "size": _rows(layer.output).shape[1],
        "sources": list(layer.sources),
        "inputs": layer.input_names,
        "wired": layer.wires is not None,
        "equations": described.equations,
        "told": described.told,
        "words": {},  # by name, those that stand in place of numbers
        "switches": pieces is not None and not pieces.all(),
    }


def _is_input(layer: "LayerTrace", name: str) -> bool:
    """Whether the page finds a unit's input of this name in its source, at the unit's place."""
    inputs = layer.input if isinstance(layer.input, tuple) else (layer.input,)
    same: bool = inputs[layer.input_names.index(name)].shape == layer.output.shape
    return same


def _told(layer: "LayerTrace", head: dict[str, Any], at: str) -> dict[str, Array]:
    """The numbers of a layer's own words that the page does not have; words by their position."""
    arrays: dict[str, Array] = {}
    for name, values in told_arrays(layer).items():
        if name in ("y", "dy") or (name in layer.input_names and _is_input(layer, name)):
            continue
        rows = _rows(values)
        if rows.dtype.kind == "U":
            words = head["words"].setdefault(name, [])
            words += sorted(set(rows.flat) - set(words))
            rows = np.array([words.index(word) for word in rows.flat], np.uint8)
        elif rows.dtype.kind not in "biuf":
            raise TypeError(
                f"to_html: {{{name}}} of {layer.layer!r} is an array of {rows.dtype}, expected "
                "numbers or words"
            )
        arrays[f"told {name}{at}"] = rows if rows.dtype == np.uint8 else rows.astype(np.float32)
    pieces = layer.layer.piece_of(layer.output)
    if pieces is not None:
        arrays[f"off{at}"] = _rows(pieces == 0).astype(np.uint8)
    return arrays


def _labels(trace: "Trace") -> list[int | None]:
    """The right class of each row; None if it has none, or is ignored."""
    if not classifies(trace.loss_fn):
        return [None] * len(trace.y)
    counts = counting(trace.y, getattr(trace.loss_fn, "ignore_index", None))
    labels = trace.y if trace.y.ndim == 1 else trace.y.argmax(axis=1)
    return [int(label) if c else None for label, c in zip(labels, counts, strict=True)]


def _row_losses(step: "Trace") -> list[float] | None:
    """The loss of each row alone; None if the loss does not tell."""
    loss_fn: Any = copy.deepcopy(step.loss_fn)
    if getattr(loss_fn, "reduction", None) not in ("mean", "sum"):
        return None
    loss_fn.reduction = "none"
    losses = loss_fn.predict(step.output, step.y)
    return [float(loss) for loss in losses] if np.shape(losses) == (len(step.output),) else None


def _short(target: Array) -> str:
    """The first numbers of a row's target, in words."""
    more = ", ..." if len(target) > MOST_TARGETS else ""
    return ", ".join(f"{number:.4g}" for number in target[:MOST_TARGETS].tolist()) + more


def _halved(values: Array) -> tuple[Array, float]:
    """`values` over their largest size, in half precision; and that size."""
    largest = float(np.abs(values).max(initial=0.0))
    return (values / (largest or 1.0)).astype(np.float16), largest


def _rows(array: Array) -> Array:
    return array.reshape(len(array), -1)


def _check_finite(step: "Trace") -> None:
    if np.isnan(step.loss) and no_row_counts(step.loss_fn, step.output, step.y):
        raise ValueError(
            "to_html: no row of the batch counts in the loss: all labels are ignored, or of "
            "classes of weight 0; trace other rows"
        )
    outputs = [("output", layer, layer.output) for layer in step.layers]
    gradients = [("dy", layer, layer.dy) for layer in reversed(step.layers)]
    for what, layer, array in outputs + gradients:
        if not np.isfinite(array).all():
            raise ValueError(
                f"to_html: the {what} of layer {layer.name!r}, {layer.layer!r}, is not finite, the "
                "first that is not; take a smaller learning rate, or inputs scaled to about 1"
            )
