"""A network's state: copies of parameters and buffers in PyTorch's layout, and taking them over.

A buffer is state that is not learned, such as a running mean: an array among the attributes which
the class names in ``buffers``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tinynet.support.checks import unmasked
from tinynet.support.memory import writable
from tinynet.support.types import Array

Named = tuple[str, Any, Callable[[Array], Array]]
"""PyTorch's name, a Parameter (a class that imports this file) or Buffer, and what lays it out."""


class Buffer:
    """A buffer of a layer, read and set as the ``data`` of a parameter is."""

    def __init__(self, layer: Any, name: str) -> None:
        self._layer, self._name = layer, name

    @property
    def data(self) -> Array:
        value = getattr(self._layer, self._name, None)
        if not isinstance(value, np.ndarray | np.generic) or value.dtype.kind not in "biuf":
            what = getattr(value, "dtype", type(value).__name__)
            raise TypeError(
                f"{type(self._layer).__name__}: {self._name}, one of its buffers, is {what}, "
                f"expected an array of numbers; set self.{self._name} = np.zeros(...) in __init__"
            )
        return np.asarray(value)

    @data.setter
    def data(self, values: Array) -> None:
        setattr(self._layer, self._name, values)


def with_buffers(net: Any, parameters: Iterable[Named]) -> list[Named]:
    """The named parameters of a network, and then its buffers.

    Raises
    ------
    TypeError
        If a buffer is no array of numbers.
    ValueError
        If a buffer has the name of something else.
    """
    state = list(parameters)
    taken = {name for name, _, _ in state}
    for place, layer in net.named_modules():
        for own in type(layer).buffers:
            if own not in vars(layer) and getattr(type(layer), own, own) is None:
                continue  # the class says that a layer may be without it
            name, layout = layer.torch_layout.get(own, (own, np.asarray))
            name = f"{place}.{name}" if place else name
            if name in taken:
                raise ValueError(
                    f"{type(net).__name__}: the buffer {name} has the name of something else in "
                    "the state; give it another in torch_layout"
                )
            taken.add(name)
            state.append((name, Buffer(layer, own), layout))
    return state


def copies(parameters: Iterable[Named]) -> dict[str, Array]:
    """A copy of every parameter under its name, in PyTorch's layout."""
    return {
        name: np.array(layout(parameter.data), order="C") for name, parameter, layout in parameters
    }


def take_over(owner: str, parameters: Iterable[Named], state: Mapping[str, Any]) -> None:
    """Put the values of `state` into the parameters: all of them, or none.

    Parameters
    ----------
    owner : str
        The class of the network, for messages.
    parameters : iterable of Named
    state : mapping from str to array
        One entry for each name of a parameter, of the same shape and dtype, finite.

    Raises
    ------
    TypeError
        If `state` is no mapping.
    ValueError
        If names are missing or unknown, or shapes, dtypes or values are wrong; the message
        lists all of it, and no parameter was changed.
    """
    if not isinstance(state, Mapping):
        raise TypeError(
            f"{owner}.load_state_dict: got {type(state).__name__}, expected a "
            "mapping from names to arrays, as state_dict() returns it"
        )
    places = {name: (p, layout) for name, p, layout in parameters}
    values, advice = {}, set()
    problems = [f"missing {name}" for name in places if name not in state]
    problems += [f"unknown {name}" for name in state if name not in places]
    other_network = bool(problems)
    for name in places.keys() & state.keys():
        wanted = places[name][1](places[name][0].data)
        try:
            got = values[name] = unmasked(name, state[name]).copy()
        except (TypeError, ValueError, RuntimeError) as error:
            problems.append(f"{name} is no array ({error})")
            if hasattr(state[name], "detach"):  # a tensor: of bfloat16, or elsewhere
                kind = "float" if wanted.dtype == np.float32 else "double"
                advice.add(f"a.detach().cpu().{kind}().numpy()")
            continue
        if got.shape != wanted.shape:
            problems.append(f"{name} has shape {got.shape}, expected {wanted.shape}")
            other_network = True
        elif got.dtype.newbyteorder("=") != wanted.dtype:
            problems.append(f"{name} is {got.dtype}, expected {wanted.dtype}")
            if got.dtype.kind == "f":
                advice.add(f"np.asarray(a, np.{wanted.dtype.name})")
        elif not np.isfinite(got).all():
            problems.append(f"{name} holds NaN or inf")
    problems += [] if problems else _torn(places, values)
    if problems:
        raise ValueError(
            f"{owner}.load_state_dict: {'; '.join(sorted(problems))}; "
            f"nothing was changed{_next_step(other_network, advice)}"
        )
    for name, (parameter, layout) in places.items():
        parameter.data = writable(parameter.data)
        layout(parameter.data)[...] = values[name]


def _torn(places: Mapping[str, Any], values: Mapping[str, Array]) -> Iterator[str]:
    """The names whose values differ from those of another name of the same parameter."""
    firsts: dict[int, tuple[str, Array]] = {}
    for name, (parameter, layout) in places.items():
        own = np.empty_like(parameter.data)
        layout(own)[...] = values[name]
        first, known = firsts.setdefault(id(parameter), (name, own))
        if not np.array_equal(own, known):
            yield f"{name} differs from {first}, which is the same parameter here"


def _next_step(other_network: bool, conversions: set[str]) -> str:
    """What to do with a state that does not fit; nothing where nothing is sure to help."""
    if other_network:
        return ". Build the network that this state was saved from"
    if len(conversions) > 1:  # a dtype for each
        conversions = {"np.asarray(a, net.state_dict()[name].dtype)"}
    return "".join(
        f". Convert the state: {{name: {conversion} for name, a in state.items()}}"
        for conversion in conversions
    )
