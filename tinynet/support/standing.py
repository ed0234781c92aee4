"""What a forward may move besides what it learns: buffers, and generators of random numbers.

Who runs a forward that must leave no trace, or must draw the same numbers again, notes where these
stand, and puts them back.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynet.rng.state import generator_state, set_generator_state
from tinynet.rng.torch_generator import TorchGenerator
from tinynet.support.held import held


def generators_of(net: Any) -> Iterator[tuple[str, Any]]:
    """Name and generator, for each that layers of a network hold.

    It is a numpy.random.Generator, a TorchGenerator, or an array that the class of the layer names
    in ``generators``: its kernels draw from that.
    """
    for place, layer in net.named_modules():
        own = [(name, getattr(layer, name)) for name in type(layer).generators]
        for kind in (np.random.Generator, TorchGenerator):
            own += held(layer, kind)
        for name, generator in own:
            yield f"{place}.{name}" if place else name, generator


def buffers_of(net: Any) -> Iterator[tuple[Any, str]]:
    """Layer and name of an attribute, for each buffer."""
    for _, layer in net.named_modules():
        yield from ((layer, name) for name in type(layer).buffers)


def stand_of(generator: Any) -> dict[str, Any]:
    """Where it stands, as plain data but for arrays."""
    if isinstance(generator, np.ndarray):
        return {"generator": f"{generator.shape} {generator.dtype}", "state": generator.copy()}
    return generator_state(generator)


def put_to(generator: Any, stand: Any) -> None:
    """Let a generator stand where ``stand_of`` saw it; arrays may have become lists on the way.

    Raises
    ------
    ValueError
        If it is of another kind, or damaged. The generator is as it was.
    """
    if not isinstance(generator, np.ndarray):
        set_generator_state(generator, stand)
        return
    kind = stand_of(generator)["generator"]
    if not isinstance(stand, dict) or stand.get("generator") != kind:
        raise ValueError(f"state is {stand!r}, expected that of a generator {kind}")
    try:
        generator[...] = np.array(stand["state"], generator.dtype).reshape(generator.shape)
    except (TypeError, ValueError, LookupError, OverflowError) as error:
        raise ValueError(f"state of a generator {kind} is damaged ({error})") from error


class Standing:
    """Where the buffers and generators of a network stand."""

    def __init__(self, net: Any) -> None:
        self._buffers = [*buffers_of(net)]
        self._generators = [generator for _, generator in generators_of(net)]
        self.note()

    def note(self) -> None:
        """Note where they stand now."""
        held = [getattr(module, name, None) for module, name in self._buffers]
        self._values = [np.array(v) if isinstance(v, np.ndarray) else v for v in held]
        self._stands = [*map(stand_of, self._generators)]

    def stray(self) -> str | None:
        """The first buffer that holds NaN or infinity, in words."""
        for module, name in self._buffers:
            value = getattr(module, name, None)
            if isinstance(value, np.ndarray) and not np.isfinite(value).all():
                return f"{name}, a buffer of {module!r}"
        return None

    def put_back(self) -> None:
        """Put them where they stood."""
        for (module, name), value in zip(self._buffers, self._values, strict=True):
            now = getattr(module, name, None)
            if not isinstance(value, np.ndarray):
                if now is not value:
                    setattr(module, name, value)
            elif isinstance(now, np.ndarray) and _is_like(now, value):
                now[...] = value  # compiled code is handed this very array
            else:
                setattr(module, name, value.copy())
        for generator, stand in zip(self._generators, self._stands, strict=True):
            put_to(generator, stand)


def _is_like(now: np.ndarray[Any, Any], value: np.ndarray[Any, Any]) -> bool:
    return now.flags.writeable and (now.shape, now.dtype) == (value.shape, value.dtype)
