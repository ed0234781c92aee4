"""A layer's own words, with the numbers of a trace in them: what explanations and X-rays share.

The words stand in the layer's class, see ``tinynet/support/description.py``.
"""

import copy
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


def told_arrays(part: LayerTrace) -> dict[str, Array]:
    """Each name in the layer's ``told``, with a number or words for every output: y's shape.

    Raises
    ------
    ValueError
        If a name is unknown, or has no number for each output.
    """
    layer, y = part.layer, part.output
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
            arrays[name] = np.broadcast_to(known[name], y.shape)
        except ValueError:
            raise ValueError(
                f"{type(layer).__name__}.told: {{{name}}} has shape {np.shape(known[name])}, which "
                f"does not broadcast to {y.shape}, the shape of y; name what has a number for each "
                "output, or compute one in told_numbers"
            ) from None
    return arrays


def _known(part: LayerTrace) -> Iterator[tuple[str, Any]]:
    """All names and what they stand for; of two with one name, the last counts."""
    for name, value in vars(part.layer).items():
        if isinstance(value, int | float | np.number | np.ndarray):
            yield name, value
    for name, parameter in part.parameters.items():
        yield name, parameter.value
        yield f"d{name}", parameter.grad
    several = isinstance(part.input, tuple)
    inputs, gradients = (v if several else (v,) for v in (part.input, part.dx))
    for name, x, dx in zip(part.input_names, inputs, gradients, strict=True):
        yield name, x
        yield f"d{name}", dx
    yield from (("y", part.output), ("dy", part.dy))
    if type(part.layer).told_numbers is not Description.told_numbers:
        yield from _as_traced(part).told_numbers(part.input, part.output, part.dy).items()


def _as_traced(part: LayerTrace) -> Module:
    """A copy of the layer with the weights that it had in the step."""
    layer = copy.deepcopy(part.layer)
    for name, parameter in parameters_by_place(layer).items():
        parameter.data = part.parameters[name].value.copy()
    return layer
