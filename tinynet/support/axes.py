"""Any axis as the last one: kernels treat rows (N, C), layers take classes along any axis."""

from typing import Any

import numpy as np

from tinynet.support.checks import float_array
from tinynet.support.types import Array


def rows_along(layer: object, x: Any, axis: int) -> Array:
    """x as (rows, C), where C runs along `axis`.

    Raises
    ------
    TypeError, ValueError
        If x is no float array, has no such axis, or no classes along it.
    """
    x = float_array(layer, x)
    if not -x.ndim <= axis < x.ndim:
        raise ValueError(f"{layer!r}: axis {axis} is outside an input of shape {x.shape}")
    if x.shape[axis] == 0:
        raise ValueError(f"{layer!r}: input of shape {x.shape} has no classes along axis {axis}")
    if axis not in (-1, x.ndim - 1):
        x = np.ascontiguousarray(np.moveaxis(x, axis, -1))
    return x.reshape(-1, x.shape[-1])


def as_before(rows: Array, shape: tuple[int, ...], axis: int) -> Array:
    """What ``rows_along`` made rows of, in its shape again."""
    if axis in (-1, len(shape) - 1):
        return rows.reshape(shape)
    moved = list(shape)
    moved.append(moved.pop(axis))
    return np.ascontiguousarray(np.moveaxis(rows.reshape(moved), -1, axis))
