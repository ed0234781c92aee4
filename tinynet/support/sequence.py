"""What Sequential refuses: layers that are none, or stand twice, and indices that name none."""

from collections.abc import Iterable, Mapping
from typing import Any, SupportsIndex

from tinynet.support.types import Layer


def check_layers(layers: tuple[Any, ...], module: type[Layer]) -> None:
    """Refuse what is no `module`, the class Module, and what stands in a chain twice."""
    seen: set[int] = set()
    for position, layer in enumerate(layers):
        if not isinstance(layer, module):
            raise TypeError(
                f"Sequential: layer {position} is {layer!r}, not a Module"
                f"{_how_to_pass(layer, module)}"
            )
        inside = [inner for _, inner in layer.named_modules()]
        for inner in inside:
            if id(inner) in seen:
                raise RuntimeError(
                    f"Sequential: {inner!r} stands in it twice, again in layer {position}; "
                    "make a second one, since each keeps one input for its backward"
                )
        seen.update(map(id, inside))
    if not layers:
        raise ValueError("Sequential: no layers; give at least one")


def chosen(layers: list[Any], index: SupportsIndex | slice) -> Any:
    """``layers[index]``, with errors that name Sequential."""
    try:
        found = layers[index]
    except IndexError:
        raise IndexError(
            f"Sequential: there is no layer {index}; it has {len(layers)}, 0 to {len(layers) - 1}"
        ) from None
    except TypeError:
        raise TypeError(
            f"Sequential: {index!r} is no index; give an int or a slice, such as net[0] or net[:2]"
        ) from None
    if isinstance(index, slice) and not found:
        raise ValueError(f"Sequential: no layer is in {index} of its {len(layers)}")
    return found


def _how_to_pass(layer: Any, module: type) -> str:
    """What to do with an argument of Sequential that is no Module, where that is clear."""
    if isinstance(layer, type):
        return "; call it to make a layer"
    layers = layer.values() if isinstance(layer, Mapping) else layer
    if isinstance(layers, Iterable) and (found := list(layers)):
        star = "*layers.values()" if isinstance(layer, Mapping) else "*layers"
        if all(isinstance(element, module) for element in found):
            return f"; unpack it with a star, as in Sequential({star})"
    return ""
