"""A layer's own words, with the numbers of a trace in them: what explanations and X-rays share.

The words stand in the layer's class, see ``tinynet/support/description.py``. A loss has such words,
too: they are told for each number that the network gave, since each gets a gradient of its own.
"""

import copy
import inspect
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynet.inspection.layer_trace import LayerTrace
from tinynet.inspection.wiring import parameters_by_place
from tinynet.module import Module
from tinynet.support.description import Description
from tinynet.support.types import Array

PLACE = re.compile(r"\{([^{}]*)\}")  # of a number in a template, by its name
EQUATION = re.compile(r"^ *(forward|backward):? +(\S.*=.*(?:\n {6,}\S.*)*)", re.MULTILINE)
SHAPES = re.compile(r" {3,}")  # between an equation and what stands beside it


def told_arrays(part: LayerTrace) -> dict[str, Array]:
    """Each name in the layer's ``told``, with a number or words for every output.

    Their shape is that of the layer's y; of a loss, whose y is one number, that of its input.

    Raises
    ------
    ValueError
        If a name is unknown, or has no number for each output.
    """
    layer = part.layer
    shape = part.input[0].shape if part.is_loss else part.output.shape
    if layer.told is None:
        return {}
    known = dict(_known(part))
    arrays = {}
    for name in dict.fromkeys(PLACE.findall("".join(layer.told))):
        if name not in known:
            raise ValueError(
                f"{type(layer).__name__}.told: there is no {{{name}}}; the names are "
                f"{', '.join(known)}, and what told_numbers returns"
            )
        try:
            arrays[name] = np.broadcast_to(known[name], shape)
        except ValueError:
            raise ValueError(
                f"{type(layer).__name__}.told: {{{name}}} has shape {np.shape(known[name])}, which "
                f"does not broadcast to {shape}, the shape of {'x' if part.is_loss else 'y'}; "
                "name what has a number for each of these, or compute one in told_numbers"
            ) from None
    return arrays


def equations_of(layer: Module) -> tuple[str, str] | None:
    """Forward's and backward's equation: the class's ``equations``, or those of its docstring.

    There they stand as in all of tinynet's layers, in lines that begin with ``forward`` and
    ``backward``. None if there are none.
    """
    if layer.equations is not None:
        return layer.equations
    for kind in type(layer).__mro__:
        found = dict(EQUATION.findall(inspect.cleandoc(vars(kind).get("__doc__") or "")))
        if found.keys() == {"forward", "backward"}:
            return _in_one_line(found["forward"]), _in_one_line(found["backward"])
        if "forward" in vars(kind):  # what stands above describes another forward
            return None
    return None


def _in_one_line(lines: str) -> str:
    """The lines of an equation, without the shapes beside them."""
    equations = (SHAPES.split(line.strip())[0] for line in lines.split("\n"))
    return ",  ".join(" ".join(equation.split()) for equation in equations if equation)


def row_losses(loss_fn: Module, output: Array, target: Array) -> Array | None:
    """The loss of each row alone, (N,); None if the loss does not tell."""
    losses = _not_reduced(loss_fn, output, target)
    return losses if losses is not None and losses.shape == (len(output),) else None


def _not_reduced(loss_fn: Any, output: Array, target: Array) -> Array | None:
    """What the loss gives with ``reduction="none"``; None if it has no reductions."""
    alone = copy.deepcopy(loss_fn)
    if getattr(alone, "reduction", None) not in ("mean", "sum"):
        return None
    alone.reduction = "none"
    return np.asarray(alone.predict(output, target))


def _known(part: LayerTrace) -> Iterator[tuple[str, Any]]:
    """All names and what they stand for; of two with one name, the last counts."""
    for name, value in vars(part.layer).items():
        if isinstance(value, int | float | np.number | np.ndarray):
            yield name, value
    for name, parameter in part.parameters.items():
        yield name, parameter.value
        yield f"d{name}", parameter.grad
    if part.is_loss:
        yield from _of_loss(part)
    several = isinstance(part.input, tuple)
    inputs, gradients = (v if several else (v,) for v in (part.input, part.dx))
    for name, x, dx in zip(part.input_names, inputs, gradients, strict=True):
        of_rows = x.ndim == 1 < inputs[0].ndim  # labels: one for a row
        yield name, x[:, np.newaxis] if of_rows else x
        yield f"d{name}", dx
    yield from (("y", part.output), ("dy", part.dy))
    if type(part.layer).told_numbers is not Description.told_numbers:
        yield from _as_traced(part).told_numbers(part.input, part.output, part.dy).items()


def _of_loss(part: LayerTrace) -> Iterator[tuple[str, Any]]:
    """What a loss can name besides: places, and how much each row counts, in numbers and words.

    ``row`` is a row's own loss; of a loss over numbers, ``one`` is that of a single number, and
    ``size`` says over how many the mean is. The words end an equation: after ``times_w`` and
    ``over``, ``times`` and ``divided`` say the same with numbers, such as " * w[n]" with " * 0.5",
    and " / N" with " / 20".
    """
    loss_fn: Any = part.layer
    output, target = part.input
    N = len(output)
    yield "n", np.arange(N).reshape(N, *[1] * (output.ndim - 1))
    yield "c", np.arange(output[0].size).reshape(output[0].shape)
    losses = _not_reduced(loss_fn, output, target)
    mean = getattr(loss_fn, "reduction", None) == "mean"
    if losses is not None and losses.shape == output.shape:
        yield from (("one", losses), ("size", losses.size if mean else 1))
    elif losses is not None and losses.shape == (N,):
        yield "row", losses[:, np.newaxis]
    weights = getattr(loss_fn, "row_weights", None)
    counts = weights(target, output.shape[-1]) if callable(weights) else np.ones(N)
    equal = bool((counts == 1).all())
    yield "times_w", "" if equal else " * w[n]"
    yield "times", np.array(["" if equal else f" * {w:.5g}" for w in counts])[:, np.newaxis]
    yield "over", (" / N" if equal else " / w.sum()") if mean else ""
    yield "divided", f" / {counts.sum():.5g}" if mean else ""


def _as_traced(part: LayerTrace) -> Module:
    """A copy of the layer with the weights that it had in the step."""
    layer = copy.deepcopy(part.layer)
    for name, parameter in parameters_by_place(layer).items():
        parameter.data = part.parameters[name].value.copy()
    return layer
