"""Pooling: one number for each window of a picture, so that what follows has fewer to look at.

Where in its window a pattern stands matters less then: moved by a pixel, it often gives the same.
"""

import math
from typing import Any

import numpy as np

from tinynet import kernels
from tinynet.module import Module
from tinynet.support.description import Window
from tinynet.support.options import Flag, WithOptions, code
from tinynet.support.types import Array
from tinynet.support.windows import PerAxis, Two, pictures, places, told


class MaxPool2d(Module, WithOptions):
    """The largest number of each window.

    ::

        forward    y  = x[window].max()      (N, C, P, Q) of (N, C, H, W)
        backward   dx[won] += dy             (N, C, H, W), and 0 where nothing won

    For each place (p, q) of the window, the slope is 1 for the number that won and 0 for all
    others, so that dy goes back to its place alone; where windows overlap, a number may win several
    times. Of equal numbers the first wins, row by row; NaN wins over all, and of several the last.
    What lies beyond the border (`padding`) never wins.

    Parameters
    ----------
    kernel_size : int or (int, int)
        The size of the window, down and across.
    stride : int or (int, int), optional
        How far it moves; by default its own size, so that windows lie side by side.
    padding : int or (int, int)
        How far it reaches beyond the border; at most half the size of the window.
    dilation : int or (int, int)
        How far the numbers of a window lie apart.

    Notes
    -----
    ``P = (H + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1``; what is left over at
    the lower and the right border is not looked at.
    """

    sizes = ()
    torch_layer = "MaxPool2d"
    onnx_operation = "MaxPool"
    onnx_attributes = {
        "kernel_shape": lambda layer: layer.kernel_size,
        "strides": lambda layer: layer.stride,
        "pads": lambda layer: layer.padding * 2,
        "dilations": lambda layer: layer.dilation,
    }
    equations = "y = x[window].max()", "dx[won] += dy"
    told = (
        "y = x[window].max() = {y}, and it is x[{h}, {w}] of its channel that won",
        "dx[won] += dy: dx[{h}, {w}] gets {dy}, all others of the window get 0",
    )
    javascript = (
        "Float32Array.from({ length: layer.output_shape.reduce((a, b) => a * b, 1) }, (_, i) => {"
        " const [, H, W] = layer.input_shape, [, P, Q] = layer.output_shape;"
        " const down = Math.floor(i / Q) % P * layer.stride[0] - layer.padding[0];"
        " const across = i % Q * layer.stride[1] - layer.padding[1];"
        " let best = -Infinity;"
        " for (let k = 0; k < layer.kernel_size[0]; k++)"
        " for (let l = 0; l < layer.kernel_size[1]; l++) {"
        " const h = down + k * layer.dilation[0], w = across + l * layer.dilation[1];"
        " if (h >= 0 && h < H && w >= 0 && w < W)"
        " best = Math.max(best, x[(Math.floor(i / (P * Q)) * H + h) * W + w]);"
        " } return best; })"
    )

    kernel_size, stride, padding, dilation = PerAxis(1), PerAxis(1), PerAxis(0), PerAxis(1)

    def told_numbers(self, x: Array, y: Array, dy: Array) -> dict[str, Array]:
        _, won = self._pooled(x)
        return {"h": won // x.shape[3], "w": won % x.shape[3]}

    def told_window(self, shape: tuple[int, ...], place: tuple[int, ...]) -> Window:
        return Window(_reads(self, shape, place, self.dilation), largest=True)

    def row_shape(self) -> tuple[None, None, None]:
        return None, None, None

    def __init__(
        self,
        kernel_size: int | Two,
        stride: int | Two | None = None,
        padding: int | Two = 0,
        *,
        dilation: int | Two = 1,
    ) -> None:
        self.kernel_size, self.dilation = kernel_size, dilation
        self.stride = kernel_size if stride is None else stride
        self.padding = padding

    def _check_together(self, name: str, value: Any) -> None:
        options = vars(self) | {name: value}
        _check_padding(self, options, options.get("dilation", (1, 1)))

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        x = pictures(self, x)
        y, won = self._pooled(x)
        self.keep(x, won)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x, won = self.kept(dy)
        dx = np.empty_like(x)
        kernels.max_pool_dx(dy, won, x.shape[2:], dx)  # dx[won] += dy
        return dx

    def _pooled(self, x: Array) -> tuple[Array, Array]:
        """The largest number of each window, and its place in the picture, h * W + w."""
        sizes = self.kernel_size, self.stride, self.padding, self.dilation
        y = np.empty_like(x, shape=(*x.shape[:2], *places(self, x.shape[2:], *sizes)))
        won = np.empty(y.shape, np.int32)
        kernels.max_pool(x, *sizes, y, won)  # y, won = max and argmax of each window of x
        return y, won

    def __repr__(self) -> str:
        return _told(self)


class AvgPool2d(Module, WithOptions):
    """The mean of each window.

    ::

        forward    y  = x[window].sum() / count      (N, C, P, Q) of (N, C, H, W)
        backward   dx[window] += dy / count          (N, C, H, W)

    Every number of a window has the slope 1 / count; where windows overlap, what comes back adds
    up. `count` is the size of the window.

    Parameters
    ----------
    kernel_size : int or (int, int)
        The size of the window, down and across.
    stride : int or (int, int), optional
        How far it moves; by default its own size, so that windows lie side by side.
    padding : int or (int, int)
        How far it reaches beyond the border, where there are zeros; at most half the size of the
        window.
    count_include_pad : bool
        Whether these zeros count; if not, `count` is how much of a window lies in the picture.

    Notes
    -----
    ``P = (H + 2 * padding - kernel_size) // stride + 1``; what is left over at the lower and the
    right border is not looked at.
    """

    sizes = ()
    torch_layer = "AvgPool2d"
    onnx_operation = "AveragePool"
    onnx_attributes = {
        "kernel_shape": lambda layer: layer.kernel_size,
        "strides": lambda layer: layer.stride,
        "pads": lambda layer: layer.padding * 2,
        "count_include_pad": lambda layer: int(layer.count_include_pad),
    }
    equations = "y = x[window].sum() / count", "dx[window] += dy / count"
    told = (
        "y = x[window].sum() / count = {sum} / {count} = {y}",
        "dx[window] += dy / count = {dy} / {count} = {share}",
    )
    javascript = (
        "Float32Array.from({ length: layer.output_shape.reduce((a, b) => a * b, 1) }, (_, i) => {"
        " const [, H, W] = layer.input_shape, [, P, Q] = layer.output_shape;"
        " const down = Math.floor(i / Q) % P * layer.stride[0] - layer.padding[0];"
        " const across = i % Q * layer.stride[1] - layer.padding[1];"
        " let sum = 0, count = 0;"
        " for (let h = down; h < down + layer.kernel_size[0]; h++)"
        " for (let w = across; w < across + layer.kernel_size[1]; w++) {"
        " const inside = h >= 0 && h < H && w >= 0 && w < W;"
        " if (inside) sum += x[(Math.floor(i / (P * Q)) * H + h) * W + w];"
        " if (inside || layer.count_include_pad) count++;"
        " } return sum / count; })"
    )

    kernel_size, stride, padding = PerAxis(1), PerAxis(1), PerAxis(0)
    count_include_pad = Flag()

    def told_numbers(self, x: Array, y: Array, dy: Array) -> dict[str, Array]:
        ones, count = np.ones_like(x[:1, :1]), np.empty_like(y[:1, :1])
        sizes = self.kernel_size, self.stride, self.padding
        kernels.avg_pool(ones, *sizes, True, count)
        window = self.kernel_size[0] * self.kernel_size[1]
        count = np.full_like(count, window) if self.count_include_pad else np.rint(count * window)
        return {"sum": y * count, "count": count, "share": dy / count}

    def told_window(self, shape: tuple[int, ...], place: tuple[int, ...]) -> Window:
        reads = _, down, across = _reads(self, shape, place)
        count = math.prod(self.kernel_size)
        if not self.count_include_pad:
            count = len(range(*down.indices(shape[1]))) * len(range(*across.indices(shape[2])))
        return Window(reads, weights=1 / count)

    def row_shape(self) -> tuple[None, None, None]:
        return None, None, None

    def __init__(
        self,
        kernel_size: int | Two,
        stride: int | Two | None = None,
        padding: int | Two = 0,
        *,
        count_include_pad: bool = True,
    ) -> None:
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding, self.count_include_pad = padding, count_include_pad

    def _check_together(self, name: str, value: Any) -> None:
        _check_padding(self, vars(self) | {name: value})

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        x = pictures(self, x)
        sizes = self.kernel_size, self.stride, self.padding
        y = np.empty_like(x, shape=(*x.shape[:2], *places(self, x.shape[2:], *sizes)))
        kernels.avg_pool(x, *sizes, self.count_include_pad, y)  # y = mean of each window of x
        self.keep(x)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x = self.kept(dy)
        dx, sizes = np.empty_like(x), (self.kernel_size, self.stride, self.padding)
        # dx[window] += dy / count
        kernels.avg_pool_dx(dy, *sizes, self.count_include_pad, x.shape[2:], dx)
        return dx

    def __repr__(self) -> str:
        return _told(self)


def _reads(
    layer: Any, shape: tuple[int, ...], place: tuple[int, ...], dilation: Two = (1, 1)
) -> tuple[int, slice, slice]:
    """Which numbers of a picture (C, H, W) the window at a place (c, p, q) looks at."""
    taps = []
    for axis in range(2):
        start = place[axis + 1] * layer.stride[axis] - layer.padding[axis]
        end = start + dilation[axis] * (layer.kernel_size[axis] - 1) + 1
        first = start if start >= 0 else start % dilation[axis]
        taps.append(slice(first, min(end, shape[axis + 1]), dilation[axis]))
    return place[0], taps[0], taps[1]


def _check_padding(owner: object, options: dict[str, Any], dilation: Two = (1, 1)) -> None:
    """Refuse a padding of which whole windows might consist."""
    if not {"kernel_size", "padding"} <= options.keys():
        return
    kernel_size, padding = options["kernel_size"], options["padding"]
    most = tuple((d * (k - 1) + 1) // 2 for k, d in zip(kernel_size, dilation, strict=True))
    if padding[0] > most[0] or padding[1] > most[1]:
        raise ValueError(
            f"{type(owner).__name__}: padding = {told(padding)} is more than half of the window; "
            f"take at most {told(most)}, or a larger kernel_size than {told(kernel_size)}"
        )


def _told(layer: Any) -> str:
    """The call that makes a layer like this one."""
    defaults = {"stride": layer.kernel_size, "padding": (0, 0), "dilation": (1, 1)}
    options: dict[str, Any] = {
        name: "" if getattr(layer, name) == default else told(getattr(layer, name))
        for name, default in defaults.items()
        if hasattr(layer, name)
    }
    return code(layer, told(layer.kernel_size), kernel_size="", **options)
