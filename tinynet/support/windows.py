"""Windows that move over pictures: how they are told, where they fit, what pictures they take."""

from collections.abc import Sequence
from typing import Any

from tinynet.support.checks import float_array, whole_number
from tinynet.support.options import Option
from tinynet.support.types import Array

Two = tuple[int, int]
"""Down and across: of height and of width."""


class PerAxis(Option[Two]):
    """An int of at least `low` down and one across; a single int is meant for both."""

    def __init__(self, low: int) -> None:
        self.low = low

    def checked(self, owner: str, value: Any) -> Two:
        if not isinstance(value, tuple | list):
            both = whole_number(owner, self.name, value, self.low)
            return both, both
        if len(value) != 2:
            raise ValueError(
                f"{owner}: {self.name} = {value!r}, expected an int, or two: (down, across)"
            )
        down, across = (
            whole_number(owner, f"{self.name}[{axis}]", part, self.low)
            for axis, part in enumerate(value)
        )
        return down, across


def told(pair: Two, default: int | None = None) -> str:
    """Two ints as code: one if they are equal, nothing if both are the default."""
    if pair == (default, default):
        return ""
    return str(pair[0]) if pair[0] == pair[1] else str(pair)


def pictures(owner: object, x: Any, channels: int | None = None, dtype: Any = None) -> Array:
    """`x` as ``float_array`` gives it, if it is (N, C, H, W), of so many channels if that is told.

    Raises
    ------
    TypeError
        If it is no array of that dtype.
    ValueError
        If it has another shape.
    """
    x = float_array(owner, x, dtype)
    if x.ndim != 4:
        fix = {
            2: "let tn.Unflatten(1, (C, H, W)) make pictures of rows before",
            3: "use x[None] for one picture, x[:, None] for pictures without a channel",
        }.get(x.ndim, "reshape it to (N, C, H, W)")
        raise ValueError(f"{owner!r}: input has shape {x.shape}, expected (N, C, H, W); {fix}")
    if channels is not None and x.shape[1] != channels:
        raise ValueError(
            f"{owner!r}: input has {x.shape[1]} channels, expected {channels} "
            f"(input shape {x.shape})"
        )
    return x


def places(
    owner: object, size: Two, kernel_size: Two, stride: Two, padding: Two, dilation: Two = (1, 1)
) -> Two:
    """How many places a window has down and across a picture of this size.

    ``(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1``, as in PyTorch.

    Raises
    ------
    ValueError
        If the window is larger than the padded picture.
    """
    found = []
    for axis in range(2):
        spans = dilation[axis] * (kernel_size[axis] - 1) + 1
        free = size[axis] + 2 * padding[axis] - spans
        if size[axis] < 1 or free < 0:
            raise ValueError(
                f"{owner!r}: pictures of {size[0]} x {size[1]} with padding {padding} are smaller "
                f"than the window, which spans {spans} {('down', 'across')[axis]}; take a smaller "
                "kernel_size, or more padding"
            )
        found.append(free // stride[axis] + 1)
    return found[0], found[1]


def met(
    place: Sequence[int], sizes: Sequence[int], taps: Sequence[int], window: tuple[Two, Two, Two]
) -> list[list[list[int]]]:
    """What a window at a place meets of a picture of these sizes: for each axis taps, and numbers.

    The window is stride, padding and dilation; taps that meet the padding are left out.
    """
    found = []
    for axis in range(2):
        stride, padding, dilation = (pair[axis] for pair in window)
        first = place[axis] * stride - padding
        numbers = {k: first + k * dilation for k in range(taps[axis])}
        inside = [k for k, number in numbers.items() if 0 <= number < sizes[axis]]
        found.append([inside, [numbers[k] for k in inside]])
    return found


def meeting(
    number: Sequence[int], places: Sequence[int], taps: Sequence[int], window: tuple[Two, Two, Two]
) -> list[list[list[int]]]:
    """The other way: which taps meet a number of a picture, and at which places of the window."""
    found = []
    for axis in range(2):
        stride, padding, dilation = (pair[axis] for pair in window)
        ways = [(k, number[axis] + padding - k * dilation) for k in range(taps[axis])]
        there = [(k, at // stride) for k, at in ways if not at % stride]
        inside = [(k, at) for k, at in there if 0 <= at < places[axis]]
        found.append([[k for k, _ in inside], [at for _, at in inside]])
    return found
