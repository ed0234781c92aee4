"""What a transform of batches may do, and what it must not."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinynet.support.types import Array


def transformed(owner: str, made: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    """What a transform gave, if it is an array that can stand in the batch's place.

    Raises
    ------
    TypeError
        If it is no array, or of another dtype.
    ValueError
        If it has another shape, or holds NaN or infinity.
    """
    if not isinstance(made, np.ndarray):
        hint = "; end it with return x" if made is None else ""
        raise TypeError(
            f"{owner} returned {type(made).__name__}, expected an array {shape} of {dtype}{hint}"
        )
    if made.dtype != dtype:
        raise TypeError(
            f"{owner} returned {made.dtype}, expected {dtype}, as it is given; end it with "
            "return x.astype(dtype), or draw numbers of that dtype"
        )
    if made.shape != shape:
        raise ValueError(
            f"{owner} returned shape {made.shape}, expected {shape}, the shape that it is given"
        )
    if not np.isfinite(made).all():
        raise ValueError(f"{owner} returned NaN or infinity; the data held none")
    return np.ascontiguousarray(made)


@contextmanager
def unchanged(owner: str, data: Any) -> Iterator[None]:
    """Within, whoever writes into `data`, if it is an array in memory, gets a ValueError."""
    guarded = isinstance(data, np.ndarray) and data.flags.writeable and _can_be_undone(data)
    if guarded:
        data.flags.writeable = False
    try:
        yield
    except ValueError as error:
        if guarded and "read-only" in str(error):
            raise ValueError(
                f"{owner} changes the data set itself; change x, the batch that it is given, and "
                "return it"
            ) from error
        raise
    finally:
        if guarded:
            data.flags.writeable = True


def _can_be_undone(data: Array) -> bool:
    """Whether an array that is made read-only can be made writable again: not one in a pickle's."""
    base = data.base
    return data.flags.owndata or (isinstance(base, np.ndarray) and base.flags.writeable)


def named(function: Any) -> str:
    """A function by its name, anything else by its repr, the same in every process."""
    name = getattr(function, "__qualname__", None)
    return name or re.sub(r" at 0x[0-9a-f]+", "", repr(function))
