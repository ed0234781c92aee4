"""Random windows over random pictures, and the arguments of the kernels that take them."""

import math
from typing import Any, NamedTuple

import numpy as np


class Windowed(NamedTuple):
    """Sizes of a convolution: from (N, C, *size) to (N, O, *places), or the other way."""

    N: int
    C: int
    O: int
    size: tuple[int, int]
    places: tuple[int, int]
    kernel_size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]

    def arrays(self, kernel: str) -> dict[str, tuple[int, ...]]:
        """The shapes of the arrays that a kernel is given, and of its result, by name."""
        large, small = (self.N, self.C, *self.size), (self.N, self.O, *self.places)
        w = self.O, self.C, *self.kernel_size
        return {
            "conv2d": {"x": large, "w": w, "b": (self.O,), "y": small},
            "conv2d_dx": {"dy": small, "w": w, "dx": large},
            "conv2d_dw": {"x": large, "dy": small, "dw": w},
            "conv_transpose2d": {"x": small, "w": w, "b": (self.C,), "y": large},
            "conv_transpose2d_dx": {"dy": large, "w": w, "dx": small},
        }[kernel]

    def multiply_adds(self) -> int:
        """Of the forward pass."""
        return self.N * math.prod((self.O, *self.places, self.C, *self.kernel_size))

    def tuples(self, kernel: str) -> dict[str, tuple[int, int]]:
        """What else it is given."""
        turned = {"size": self.places} if kernel == "conv_transpose2d_dx" else {}
        return {**self._asdict(), **turned}


CONVOLUTIONS = ("conv2d", "conv2d_dx", "conv2d_dw", "conv_transpose2d", "conv_transpose2d_dx")


def drawn_up_to(
    largest: int, rng: np.random.Generator, rows: tuple[int, ...], channels: int = 9
) -> Windowed:
    """The first of the sizes that `drawn` gives of which a forward pass takes no more than that."""
    while (sizes := drawn(rng, rows, channels)).multiply_adds() > largest:
        pass
    return sizes


def drawn(rng: np.random.Generator, rows: tuple[int, ...], channels: int = 9) -> Windowed:
    """Sizes of all kinds: one place and many, strides that leave a rest, all padding."""

    def two(low: int, high: int) -> tuple[int, int]:
        both = rng.integers(low, high, size=2)
        return int(both[0]), int(both[1 if rng.random() < 0.6 else 0])

    kernel_size, stride, padding = two(1, 6), two(1, 4), two(0, 3)
    dilation = two(1, 3) if rng.random() < 0.3 else (1, 1)
    places = two(1, 9) if rng.random() < 0.8 else two(10, 35)
    size = []
    for axis in range(2):
        spans = dilation[axis] * (kernel_size[axis] - 1) + 1
        least = (places[axis] - 1) * stride[axis] + spans - 2 * padding[axis]
        size.append(max(1, least + int(rng.integers(stride[axis]))))
    exact = [
        (size[axis] + 2 * padding[axis] - dilation[axis] * (kernel_size[axis] - 1) - 1)
        // stride[axis]
        + 1
        for axis in range(2)
    ]
    C, O = (int(n) for n in rng.integers(1, channels, size=2))
    N = int(rng.choice(rows))
    found = (size[0], size[1]), (exact[0], exact[1])
    return Windowed(N, C, O, *found, kernel_size, stride, padding, dilation)


def arguments(windowed: Windowed, kernel: Any, draw: Any) -> dict[str, Any]:
    """All that a kernel is given, by name, its arrays drawn by `draw`, of a shape."""
    arrays = windowed.arrays(kernel.name)
    made = {name: draw(shape) for name, shape in arrays.items() if name not in kernel.outputs}
    given = windowed.tuples(kernel.name) | made
    return {name: given[name] for name in kernel.parameters[: kernel.inputs]}
