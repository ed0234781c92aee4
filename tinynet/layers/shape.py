"""Flatten and Unflatten: the same numbers in another shape, between pictures and rows.

A Linear takes rows (N, I), a convolution pictures (N, C, H, W). In memory both are one number after
the other, the last axis running fastest: what changes is only what counts as an axis.
"""

import math
from collections.abc import Sequence

import numpy as np

from tinynet import kernels
from tinynet.module import Module
from tinynet.support.checks import float_array, integer
from tinynet.support.options import code
from tinynet.support.types import Array


class Flatten(Module):
    """Lays several axes end to end as one: pictures (N, C, H, W) become rows (N, C*H*W).

    ::

        forward    y  = x.reshape(N, C * H * W)      (N, C*H*W) = (N, C, H, W)
        backward   dx = dy.reshape(N, C, H, W)       (N, C, H, W) = (N, C*H*W)

    Number (c, h, w) of a picture becomes number ``(c * H + h) * W + w`` of its row.

    Parameters
    ----------
    start_dim, end_dim : int
        The first and the last of these axes; negative ones count from the end.
    """

    sizes = ()
    torch_layer = "Flatten"
    onnx_operation = "Reshape"
    onnx_constants = {"shape": lambda layer, x: _for_onnx(layer._shape(x), layer.start_dim, x)}
    equations = "y = x.reshape(N, C * H * W)", "dx = dy.reshape(N, C, H, W)"
    told = (
        "y = x.reshape(...): number {place} of the row stays what it is = {y}",
        "dx = dy.reshape(...): number {place} of the row = {dy}",
    )
    javascript = "x.slice()"  # where rows are flat anyway

    def told_numbers(self, x: Array, y: Array, dy: Array) -> dict[str, Array]:
        return {"place": _places(y)}

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = integer("Flatten", "start_dim", start_dim)
        self.end_dim = integer("Flatten", "end_dim", end_dim)

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        x = float_array(self, x)
        y = np.empty_like(x, shape=self._shape(x))
        kernels.copied(x.reshape(y.shape), y)  # y = x.reshape(N, C * H * W)
        self.keep(x)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x = self.kept(dy)
        dx = np.empty_like(x)
        kernels.copied(dy.reshape(x.shape), dx)  # dx = dy.reshape(N, C, H, W)
        return dx

    def _shape(self, x: Array) -> tuple[int, ...]:
        """The shape that `x` becomes."""
        axes = max(1, x.ndim)  # a single number becomes a row of one, as in PyTorch
        start, end = (_axis(self, axis, x, axes) for axis in (self.start_dim, self.end_dim))
        if start > end:
            raise ValueError(
                f"{self!r}: in an input of shape {x.shape}, start_dim is axis {start}, behind "
                f"end_dim, axis {end}; exchange them"
            )
        return (*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :])

    def __repr__(self) -> str:
        return code(self)


class Unflatten(Module):
    """Cuts one axis into several: rows (N, C*H*W) become pictures (N, C, H, W).

    ::

        forward    y  = x.reshape(N, C, H, W)        (N, C, H, W) = (N, C*H*W)
        backward   dx = dy.reshape(N, C * H * W)     (N, C*H*W) = (N, C, H, W)

    ``Unflatten(1, (1, 28, 28))`` makes a picture of one channel of each row of 784 pixels. It is
    the way back of `Flatten`.

    Parameters
    ----------
    dim : int
        The axis that is cut; a negative one counts from the end.
    unflattened_size : tuple of int
        The axes in its place. One of them may be -1: as long as the others leave it.
    """

    sizes = ()
    torch_layer = "Unflatten"
    onnx_operation = "Reshape"
    onnx_constants = {"shape": lambda layer, x: _for_onnx(layer._shape(x), layer.dim, x)}
    equations = "y = x.reshape(N, C, H, W)", "dx = dy.reshape(N, C * H * W)"
    told = (
        "y = x.reshape(...): number {place} of the row stays what it is = {y}",
        "dx = dy.reshape(...): number {place} of the row = {dy}",
    )
    javascript = "x.slice()"

    def told_numbers(self, x: Array, y: Array, dy: Array) -> dict[str, Array]:
        return {"place": _places(y)}

    def row_shape(self) -> tuple[int, ...] | None:
        known = self.dim in (1, -1) and -1 not in self.unflattened_size
        return (math.prod(self.unflattened_size),) if known else None

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        self.dim = integer("Unflatten", "dim", dim)
        self.unflattened_size = _sizes(unflattened_size)

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        x = float_array(self, x)
        y = np.empty_like(x, shape=self._shape(x))
        kernels.copied(x.reshape(y.shape), y)  # y = x.reshape(N, C, H, W)
        self.keep(x)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x = self.kept(dy)
        dx = np.empty_like(x)
        kernels.copied(dy.reshape(x.shape), dx)  # dx = dy.reshape(N, C * H * W)
        return dx

    def _shape(self, x: Array) -> tuple[int, ...]:
        """The shape that `x` becomes."""
        axis, sizes = _axis(self, self.dim, x, x.ndim), self.unflattened_size
        size, known = x.shape[axis], math.prod(n for n in sizes if n != -1)
        if -1 in sizes and known:
            sizes = tuple(size // known if n == -1 else n for n in sizes)
        if math.prod(sizes) != size or -1 in sizes:
            raise ValueError(
                f"{self!r}: axis {axis} of an input of shape {x.shape} has {size} numbers, which "
                f"do not make {self.unflattened_size}; let the sizes multiply to {size}"
            )
        return (*x.shape[:axis], *sizes, *x.shape[axis + 1 :])

    def __repr__(self) -> str:
        return f"Unflatten({self.dim}, {self.unflattened_size})"


def _axis(layer: Module, axis: int, x: Array, axes: int) -> int:
    """`axis`, counted from the start."""
    if not -axes <= axis < axes:
        raise ValueError(f"{layer!r}: axis {axis} is outside an input of shape {x.shape}")
    return axis % axes


def _sizes(given: Sequence[int]) -> tuple[int, ...]:
    """The sizes of the axes in place of one."""
    name = "unflattened_size"
    if not isinstance(given, tuple | list):
        raise TypeError(
            f"Unflatten: {name} = {given!r}, expected a tuple of ints, such as (1, 28, 28)"
        )
    sizes = tuple(integer("Unflatten", f"{name}[{n}]", size) for n, size in enumerate(given))
    if not sizes or min(sizes) < -1 or sizes.count(-1) > 1:
        raise ValueError(
            f"Unflatten: {name} = {sizes}, expected sizes of at least 0, one of which may be -1"
        )
    return sizes


def _places(y: Array) -> Array:
    """The number of each output in its row."""
    return np.arange(math.prod(y.shape[1:])).reshape(y.shape[1:])


def _for_onnx(shape: tuple[int, ...], axis: int, x: Array) -> Array:
    """A shape as ONNX's Reshape takes it: 0 is as many rows as x has, -1 what is left."""
    return np.array([0 if axis % x.ndim else -1, *shape[1:]], np.int64)
