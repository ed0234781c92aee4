"""Tied weights: one Parameter that stands in several places of a network.

It is learned once, from the sum of what all places add to its gradient. A state dict has it under
the name of each place, as in PyTorch; here the places are told, for what builds a network anew.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tinynet.support.types import Layer


class _Place(NamedTuple):
    layer: Any
    attribute: str  # ``W``, ``p.0``
    parameter: Any


def places_of(net: Layer) -> Iterator[tuple[str, _Place]]:
    """Every place of a parameter, such as ``0.W``, and what is there."""
    for at, layer in net.named_modules():
        for attribute, parameter in layer.own_parameters():
            name = f"{at}.{attribute}" if at else attribute
            yield name, _Place(layer, attribute, parameter)


def ties_of(net: Layer) -> list[list[str]]:
    """The places of each parameter that has more than one: ``[["0.W", "2.W"]]``."""
    groups: dict[int, list[str]] = {}
    for name, place in places_of(net):
        groups.setdefault(id(place.parameter), []).append(name)
    return [names for names in groups.values() if len(names) > 1]


def tie(net: Layer, groups: Any) -> None:
    """Let the places of each group hold one parameter, that of the first.

    Raises
    ------
    ValueError
        If `groups` is no list of lists of places, or what is there differs in shape or dtype, or
        stands in a tuple. Nothing is changed then.
    """
    places = dict(places_of(net))
    for group in groups if isinstance(groups, list) else [None]:
        if not isinstance(group, list) or not all(isinstance(n, str) for n in group) or not group:
            raise ValueError(f"its ties are {groups!r}, expected lists of places such as '0.W'")
        if unknown := [name for name in group if name not in places]:
            raise ValueError(f"{unknown[0]}, which is tied, is no parameter")
        kinds = {(p.data.shape, p.data.dtype) for p in (places[n].parameter for n in group)}
        if len(kinds) > 1:
            raise ValueError(f"{' and '.join(group)} are tied, and differ in shape or dtype")
        if any(isinstance(_holder(places[name])[0], tuple) for name in group[1:]):
            raise ValueError(f"{' and '.join(group)} are tied, and stand in a tuple")
    for first, *others in groups:
        for name in others:
            holder, key = _holder(places[name])
            holder[key] = places[first].parameter


def _holder(place: _Place) -> tuple[Any, Any]:
    """The dict or list that a parameter stands in, and under which key."""
    holder: Any = vars(place.layer)
    first, *more = place.attribute.split(".")
    key: Any = first
    for step in more:
        holder = holder[key]
        key = step if isinstance(holder, dict) else int(step)
    return holder, key
