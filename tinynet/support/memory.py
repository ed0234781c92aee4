"""Where arrays lie: on cache lines, and in memory that can be written to."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinynet.support.types import Array


def on_cache_lines(values: Array) -> Array:
    """A copy that starts where a cache line does: kernels read it in fewer pieces."""
    room = np.empty(values.nbytes + 64, np.uint8)
    start = -room.ctypes.data % 64
    copy = room[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy


def writable(values: Any) -> Any:
    """`values`, or a copy of them if they are an array that nothing can be written to."""
    read_only = isinstance(values, np.ndarray) and not values.flags.writeable
    return np.array(values) if read_only else values


def in_shape(owner: str, values: Any, shape: tuple[int, ...]) -> Array:
    """`values` spread over this shape, as NumPy's arithmetic would do it.

    Raises
    ------
    ValueError
        If they cannot be.
    """
    given = np.asarray(values)
    try:
        return np.broadcast_to(given, shape)
    except ValueError:
        raise ValueError(f"{owner}: got shape {given.shape}, expected {shape}") from None


@contextmanager
def global_generators_kept() -> Iterator[None]:
    """Within, what Python and NumPy draw without a generator leaves no trace."""
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
