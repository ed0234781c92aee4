"""Weights that layers share, in PyTorch: one parameter in two modules.

Where one of two layers computes with the transpose, as a TransposedLinear on a Linear's weights,
PyTorch's way is a parametrization: the module's ``weight`` is worked out, from the other module's,
whenever it is asked for.
"""

import functools
from typing import Any

from tinynet.module import Module, Parameter
from tinynet.support.held import named
from tinynet.support.ties import places_of, tie

TURNED = "parametrizations.weight.original"
"""Where PyTorch holds the parameter that a weight is worked out from."""


@functools.cache
def _transpose(torch: Any) -> Any:
    class Transpose(torch.nn.Module):  # type: ignore[misc]
        """Works a weight out as the transpose of another."""

        def forward(self, weight: Any) -> Any:
            return weight.t()

        right_inverse = forward

    return Transpose


def turned(theirs: Any) -> tuple[str, Any]:
    """What stands for a class in PyTorch whose weight is the transpose of another's."""
    return "transposed", theirs


def has_turned_weight(torch: Any, module: Any) -> bool:
    """Whether a module's weight is the transpose of another's, as ``tie_in_torch`` makes it."""
    made = getattr(module, "parametrizations", {})
    if set(made) != {"weight"}:
        return False
    return len(made["weight"]) == 1 and isinstance(made["weight"][0], _transpose(torch))


def tie_in_torch(torch: Any, net: Module, module: Any) -> None:
    """Let PyTorch's modules share what their layers share here.

    Raises
    ------
    ValueError
        If layers lay one parameter out in ways of which none is the other's transpose.
    """
    firsts: dict[int, tuple[str, Any]] = {}
    for name, parameter, layout in named(net, Parameter, Module):
        array = layout(parameter.data)
        first, known = firsts.setdefault(id(parameter), (name, array))
        if first == name:
            continue
        place, _, attribute = name.rpartition(".")
        other, shared = module.get_submodule(place), module.get_parameter(first)
        if (array.shape, array.strides) == (known.shape, known.strides):
            setattr(other, attribute, shared)
        elif attribute == "weight" and array.strides == known.strides[::-1]:
            parametrize = torch.nn.utils.parametrize
            parametrize.register_parametrization(other, attribute, _transpose(torch)())
            other.parametrizations.weight.original = shared
        else:
            raise ValueError(
                f"to_torch: {first} and {name} are one parameter here, and differ in their layout "
                "in PyTorch; give each layer its own"
            )


def tie_as_in_torch(net: Module, module: Any) -> None:
    """Let layers share what their modules share in PyTorch."""
    places = [place for place, _ in places_of(net)]
    keys = [key for key, _, _ in named(net, Parameter, Module)]
    by_key = dict(zip(keys, places, strict=True))
    groups: dict[int, list[str]] = {}
    for name, parameter in module.named_parameters(remove_duplicate=False):
        if place := by_key.get(name.replace(TURNED, "weight")):
            groups.setdefault(id(parameter), []).append(place)
    tie(net, [*groups.values()])
