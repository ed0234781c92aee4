"""Where a generator stands: written down and set again, so that a run can go on later."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinynet.rng.torch_generator import Generator


def generator_state(generator: Generator) -> dict[str, Any]:
    """What `set_generator_state` needs to draw the same numbers again from here on.

    Parameters
    ----------
    generator : numpy.random.Generator or TorchGenerator

    Returns
    -------
    dict
        A copy, in plain data: `"generator"`, the name of the class, and `"state"`, NumPy's nested
        dict of strings, ints and arrays for the bit generator.
    """
    return {"generator": type(generator).__name__, "state": generator.bit_generator.state}


def set_generator_state(generator: Generator, state: Mapping[str, Any]) -> None:
    """Put a generator where another of its kind was when `generator_state` looked at it.

    Parameters
    ----------
    generator : numpy.random.Generator or TorchGenerator
        Unchanged if an error is raised.
    state : dict
        From `generator_state`. Arrays in it may have become lists on the way, as in JSON.

    Raises
    ------
    ValueError
        If `state` is from another kind of generator, or damaged.
    """
    kind = type(generator).__name__
    saved_kind = state.get("generator") if isinstance(state, Mapping) else None
    if saved_kind != kind:
        raise ValueError(
            f"state is from {saved_kind!r}, expected {kind!r}: "
            "pass what generator_state returned for a generator of this kind"
        )
    trial = type(generator.bit_generator)()
    try:
        trial.state = state["state"]
        if isinstance(trial, np.random.MT19937):
            _check_twister(state["state"]["state"])
    except (TypeError, ValueError, LookupError, OverflowError) as error:
        raise ValueError(
            f"state of {kind} is damaged ({error}): pass what generator_state returned"
        ) from error
    generator.bit_generator.state = trial.state


def _check_twister(state: Mapping[str, Any]) -> None:
    """Refuse what NumPy would take in silence, a wrong position being a read past the end."""
    if np.shape(state["key"]) != (624,):
        raise ValueError(f"key has shape {np.shape(state['key'])}, expected (624,)")
    if state["pos"] not in range(625):
        raise ValueError(f"pos = {state['pos']} is outside [0, 624]")
