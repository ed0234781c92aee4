"""The X-ray: a trace as a page. What the page shows is chosen here, and how in xray.js.

The weights of step 0 travel as they are, those of later steps as differences from them, and the
updates, in half precision. Gradients of weights are not stored: the page computes them from x and
dy, which is the chain rule itself.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinynet import pages
from tinynet.inspection.case import kind_of_outputs
from tinynet.inspection.layer_trace import INPUT
from tinynet.inspection.told import equations_of, row_losses, told_arrays
from tinynet.pages.xray_windows import learned_by, windows_of
from tinynet.runs.scores import classifies, no_row_counts
from tinynet.support.accuracy import counting
from tinynet.support.types import Array

if TYPE_CHECKING:
    from tinynet.inspection.layer_trace import LayerTrace
    from tinynet.inspection.traced import Trace

MOST_STEPS = 12  # of a slider
MOST_TARGETS = 4  # numbers of a target that are written out

Names = Sequence[str] | None


def xray(owner: str, trace: "Trace", title: str, features: Names, classes: Names) -> pages.Page:
    """The page of ``Trace.to_html`` and ``Trace.show``."""
    for layer in trace.layers:
        if None in layer.sources:
            raise ValueError(
                f"{owner}: layer {layer.name!r}, {layer.layer!r}, gets an array that is neither "
                "the network's input nor a layer's output; make a layer of what comes between"
            )
    for step in trace.steps:
        _check_finite(owner, step)
    named = {
        "input": _input(owner, trace.X, features),
        "classes": pages.names_of(owner, "classes", classes, _rows(trace.output).shape[1]),
    }
    page = pages.Page(b"")
    for count in range(min(len(trace.steps), MOST_STEPS), 0, -1):
        chosen = np.linspace(0, len(trace.steps) - 1, count).round().astype(int)
        head, arrays = _contents(trace, [int(k) for k in chosen])
        page = pages.fill("xray", title, head | named, arrays)
        if len(page.content) <= pages.LARGEST:
            return page
    raise ValueError(
        f"{owner}: the page would have {len(page.content) / 1e6:.1f} MB, and "
        f"{pages.LARGEST / 1e6:g} MB is the most; trace fewer rows than {len(trace.X)}, or a "
        "smaller network"
    )


def _input(owner: str, X: Array, features: Names) -> dict[str, Any]:
    """How many numbers a row has, how they are drawn as a picture if they are, and their names."""
    count = _rows(X).shape[1]
    names = pages.names_of(owner, "features", features, count)
    shape = X.shape[1:]
    if len(shape) == 1 and (side := pages.side_of(count)):
        shape = (side, side)
    picture = None
    if names is None and len(shape) in (2, 3):
        *channels, height, width = shape
        if channels == [3]:
            picture = {"channels": 3, "height": height, "width": width}
        else:  # any other number of channels stands one below the other
            picture = {"channels": 1, "height": count // width, "width": width}
    return {"count": count, "shape": X.shape[1:], "picture": picture, "names": names}


def _contents(trace: "Trace", chosen: list[int]) -> tuple[dict[str, Any], dict[str, Array]]:
    """Head and arrays of a page that shows the steps `chosen`."""
    first = trace.layers
    arrays = {"X": _rows(trace.X).astype(np.float32)}
    head: dict[str, Any] = {
        "network": repr(trace.net),
        "rows": len(trace.X),
        "labels": _labels(trace),
        "targets": None if classifies(trace.loss_fn) else [_short(row) for row in _rows(trace.y)],
        "probabilities": trace.output.ndim == 2
        and kind_of_outputs(trace.output) == "probabilities",
        "layers": [_layer_head(layer) for layer in first],
        "loss": _part_head(trace.at_loss),
        "steps": [],
    }
    for k, layer in enumerate(first):
        windows = windows_of(layer)
        if windows is not None:
            head["layers"][k]["window"], arrays[f"window{k}"] = windows
    learned = [learned_by(layer) for layer in first]
    for number in chosen:
        step = trace.steps[number]
        losses = row_losses(step.loss_fn, step.output, step.y)
        scales: dict[str, float] = {}
        head["steps"].append(
            {
                "number": number,
                "loss": step.loss,
                "next": trace.steps[number + 1].loss if number + 1 < len(trace.steps) else None,
                "rowLosses": None if losses is None else losses.tolist(),
                "scales": scales,
            }
        )
        for k, layer in enumerate(step.layers):
            arrays[f"y{k}@{number}"] = _rows(layer.output).astype(np.float32)
            arrays[f"dy{k}@{number}"] = _rows(layer.dy).astype(np.float32)
            arrays |= _told(layer, head["layers"][k], f"{k}@{number}")
            arrays |= _handed_back(first, k, layer, f"{k}@{number}")
            for name, parameter, before in zip("Wb", learned_by(layer), learned[k], strict=True):
                if parameter is None or before is None:
                    continue
                if layer.wires is None:
                    arrays[f"d{name}{k}@{number}"] = parameter.grad.astype(np.float32)
                key, at_first = f"{name}{k}", before.value
                if number == 0:
                    arrays[key] = at_first.astype(np.float32)
                else:
                    difference = parameter.value - at_first
                    arrays[f"{key}@{number}"], scales[key] = _halved(difference)
                if parameter.update is not None:
                    update = f"update {key}"
                    arrays[f"{update}@{number}"], scales[update] = _halved(parameter.update)
        arrays[f"dx loss@{number}"] = _rows(step.at_loss.dx[0]).astype(np.float32)
        arrays |= _told(step.at_loss, head["loss"], f"{len(first)}@{number}")
    return head, arrays


def _part_head(part: "LayerTrace") -> dict[str, Any]:
    """What the page says of a layer, or of the loss."""
    return {
        "name": part.name,
        "text": repr(part.layer),
        "kind": type(part.layer).__name__,
        "sources": list(part.sources),
        "equations": equations_of(part.layer),
        "told": part.layer.told,
        "words": {},  # by name, those that stand in place of numbers
    }


def _layer_head(layer: "LayerTrace") -> dict[str, Any]:
    pieces = layer.layer.piece_of(layer.output)
    return {
        **_part_head(layer),
        "size": _rows(layer.output).shape[1],
        "shape": layer.output.shape[1:],
        "window": None,
        "inputs": layer.input_names,
        "wired": layer.wires is not None,
        "switches": pieces is not None and not pieces.all(),
    }


def _handed_back(
    layers: "list[LayerTrace]", k: int, layer: "LayerTrace", at: str
) -> dict[str, Array]:
    """The dx of layer k that no dy of the page is, and no W gives: 'dx 1 of layer 5'.

    What a source hands to one layer only gets that layer's dx as its own dy.
    """
    if layer.wires is not None:
        return {}
    several = layer.dx if isinstance(layer.dx, tuple) else (layer.dx,)
    takers = [source for other in layers for source in other.sources]
    return {
        f"dx {place} of {at}": _rows(dx).astype(np.float32)
        for place, (source, dx) in enumerate(zip(layer.sources, several, strict=True))
        if source == INPUT or takers.count(source) > 1
    }


def _is_input(layer: "LayerTrace", name: str) -> bool:
    """Whether the page finds a unit's input of this name in its source, at the unit's place."""
    inputs = layer.input if isinstance(layer.input, tuple) else (layer.input,)
    same: bool = inputs[layer.input_names.index(name)].shape == layer.output.shape
    return same


def _told(part: "LayerTrace", head: dict[str, Any], at: str) -> dict[str, Array]:
    """The numbers of a part's own words that the page does not have; words by their position."""
    arrays: dict[str, Array] = {}
    a_layer = part.output.ndim > 0
    by_words = head.get("window") is None
    for name, values in (told_arrays(part) if by_words else {}).items():
        if a_layer and (
            name in ("y", "dy") or (name in part.input_names and _is_input(part, name))
        ):
            continue
        rows = _rows(values)
        if rows.dtype.kind == "U":
            words = head["words"].setdefault(name, [])
            words += sorted(set(rows.flat) - set(words))
            rows = np.array([words.index(word) for word in rows.flat], np.uint8)
        elif rows.dtype.kind not in "biuf":
            raise TypeError(
                f"to_html: {{{name}}} of {part.layer!r} is an array of {rows.dtype}, expected "
                "numbers or words"
            )
        arrays[f"told {name}{at}"] = rows if rows.dtype == np.uint8 else rows.astype(np.float32)
    pieces = part.layer.piece_of(part.output)
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


def _check_finite(owner: str, step: "Trace") -> None:
    if np.isnan(step.loss) and no_row_counts(step.loss_fn, step.output, step.y):
        raise ValueError(
            f"{owner}: no row of the batch counts in the loss: all labels are ignored, or of "
            "classes of weight 0; trace other rows"
        )
    outputs = [("output", layer, layer.output) for layer in step.layers]
    gradients = [("dy", layer, layer.dy) for layer in reversed(step.layers)]
    for what, layer, array in outputs + gradients:
        if not np.isfinite(array).all():
            raise ValueError(
                f"{owner}: the {what} of layer {layer.name!r}, {layer.layer!r}, is not finite, the "
                "first that is not; take a smaller learning rate, or inputs scaled to about 1"
            )
