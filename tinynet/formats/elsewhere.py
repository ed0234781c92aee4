"""What a layer's class says of its twin in another library, and networks in which all say it.

A row is an attribute of the class: ``torch_layer`` or ``onnx_operation``.
"""

from collections.abc import Iterator
from typing import Any

from tinynet.formats.architecture import OURS
from tinynet.module import Module, Sequential


def shared_layers(owner: str, net: Module, row: str) -> list[tuple[str, Module]]:
    """Place and layer of all that `net` chains, in order, if each says what it is elsewhere.

    Parameters
    ----------
    owner : str
        Who asks, for messages.
    net : Module
    row : str
        The attribute of the class which says it: "torch_layer" or "onnx_operation".

    Raises
    ------
    TypeError
        If a layer's class does not say it.
    ValueError
        If there are parameters beside those of the layers.
    """
    if not isinstance(net, Module):
        raise TypeError(f"{owner}: net is {type(net).__name__}, not a Module; use a tn.Sequential")
    layers = list(_chained(owner, net, "", row))
    held = dict.fromkeys(id(p) for _, layer in layers for p in layer.parameters())
    if [*held] != [id(parameter) for parameter in net.parameters()]:
        raise ValueError(
            f"{owner}: {net!r} has parameters beside its layers; let a layer of your own hold them"
        )
    return layers


def at(place: str, whole: str) -> str:
    """How a message names the place of a layer in the argument `whole`."""
    return f"layer {place}" if place else whole


def _chained(owner: str, net: Module, place: str, row: str) -> Iterator[tuple[str, Module]]:
    kind, where = type(net), at(place, "net")
    if "forward" in vars(net):
        raise TypeError(
            f"{owner}: {where} is {kind.__name__} with a forward of its own, "
            "which other libraries do not have; delete it with del layer.forward"
        )
    if type(net) is Sequential:
        for number, layer in enumerate(net.layers):
            yield from _chained(owner, layer, inside(place, number), row)
    elif says(kind, row):
        yield place, net
    else:
        fix = ""
        if kind not in OURS.values():
            fix = f"for a layer of your own, write {row} = ... in class {kind.__name__} itself; "
        raise TypeError(
            f"{owner}: {where} is {kind.__name__}, expected {expected(row)}; {fix}of other "
            "networks, tn.save(net, path) writes the weights for PyTorch to read"
        )


def says(kind: type[Module], row: str) -> Any:
    """What a class itself says; a subclass may compute something else, and inherits no row."""
    return vars(kind).get(row)


def expected(row: str) -> str:
    """The layers of tinynet's that have the row, in words."""
    *names, last = sorted(name for name, kind in OURS.items() if says(kind, row))
    return f"Sequential, {', '.join(names)} or {last}"


def inside(place: str, number: int) -> str:
    """The place of a layer in the Sequential at `place`."""
    return f"{place}.{number}" if place else str(number)
