"""A network's state: copies of its parameters in PyTorch's layout, and taking such copies over."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from tinynet.support.checks import unmasked
from tinynet.support.memory import writable
from tinynet.support.types import Array

Named = tuple[str, Any, Callable[[Array], Array]]
"""PyTorch's name, the Parameter (a class that imports this file), and what gives its layout."""


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
    if problems:
        raise ValueError(
            f"{owner}.load_state_dict: {'; '.join(sorted(problems))}; "
            f"nothing was changed{_next_step(other_network, advice)}"
        )
    for name, (parameter, layout) in places.items():
        parameter.data = writable(parameter.data)
        layout(parameter.data)[...] = values[name]


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
