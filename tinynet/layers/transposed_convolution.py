"""ConvTranspose2d: the way back through a convolution, as a layer that makes pictures larger.

Its forward is what Conv2d's backward does to dy, by the same loop, and its backward is Conv2d's
forward.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinynet import kernels
from tinynet.module import Module, Parameter
from tinynet.rng import Rng, as_generator, kernel_init, seed_of
from tinynet.support.checks import check_float_dtype, check_size
from tinynet.support.description import Window
from tinynet.support.options import WithOptions, code
from tinynet.support.types import Array
from tinynet.support.windows import PerAxis, Two, meeting, pictures, told


class ConvTranspose2d(Module, WithOptions):
    """Lets every number of a picture add a window of weights to a larger picture.

    ::

        forward    y = b;  y[n, o, i*s + k*d - p, j*s + l*d - p] +=
                       x[n, c, i, j] * W[c, o, k, l]                             (N, O, H', W')
        backward   dW[c, o, k, l] += sum over n, i, j of
                       x[n, c, i, j] * dy[n, o, i*s + k*d - p, j*s + l*d - p]    (C, O, K, L)
                   db[o] += sum over n, i, j of dy[n, o, i, j]                   (O,)
                   dx[n, c, i, j] = sum over o, k, l of
                       dy[n, o, i*s + k*d - p, j*s + l*d - p] * W[c, o, k, l]    (N, C, H, W)

    What would fall outside y is left out. Compare Conv2d: this forward is what its backward does to
    dy, and this backward is its forward, with the same W; that is why W is (C, O, K, L) here. With
    a stride of 2, pictures become twice as large.

    Parameters
    ----------
    in_channels, out_channels : int
        C and O, at least 1.
    kernel_size : int or (int, int)
        K and L, down and across; an int is meant for both, as in the next four.
    stride : int or (int, int)
        How far the windows of neighbouring numbers are apart.
    padding : int or (int, int)
        Rows and columns of y that are cut off on each side.
    output_padding : int or (int, int)
        Rows and columns that y has more below and on the right: less than the stride, or than the
        dilation. Of a stride of 2, pictures of two sizes become equally small; it says which one.
    dilation : int or (int, int)
        How far taps are apart.
    bias : bool
        Whether there is a `b`.
    rng : int, numpy.random.Generator, TorchGenerator or None
        Draws the initial weights, U(-1/sqrt(F), 1/sqrt(F)) with F = O * K * L, as PyTorch does.
    dtype : numpy.float32 or numpy.float64

    Attributes
    ----------
    W : Parameter
        (C, O, K, L), PyTorch's `weight`.
    b : Parameter or None
        (O,).

    Notes
    -----
    H' = (H - 1) * stride - 2 * padding + dilation * (K - 1) + output_padding + 1, and so for W'.
    """

    sizes = ("in_channels", "out_channels", "kernel_size")
    unsaved = ("_seed",)
    torch_layer = "ConvTranspose2d"
    torch_layout = {"W": ("weight", np.asarray), "b": ("bias", np.asarray)}
    onnx_operation = "ConvTranspose"
    onnx_attributes = {
        "kernel_shape": lambda layer: layer.kernel_size,
        "strides": lambda layer: layer.stride,
        "pads": lambda layer: layer.padding * 2,
        "output_padding": lambda layer: layer.output_padding,
        "dilations": lambda layer: layer.dilation,
    }
    equations = (
        "y[o, i*s + k*d - p, j*s + l*d - p] += x[c, i, j] * W[c, o, k, l],  y = b at first",
        "dW = sum(x * dy_shifted),  db = sum(dy),  dx = sum(dy_shifted * W)",
    )
    javascript = (  # as the loops: each place adds its sums, which are rounded to float32
        "(([C, H, W], [O, rows, columns], [K, L], [s, t], [p, q], [d, e]) => {\n"
        "  const y = new Float32Array(O * rows * columns)"
        ".map((_, m) => layer.b ? layer.b[Math.floor(m / columns / rows)] : 0);\n"
        "  for (let i = 0; i < H; i++) for (let j = 0; j < W; j++) for (let o = 0; o < O; o++)\n"
        "    for (let k = 0; k < K; k++) for (let l = 0; l < L; l++) {\n"
        "      const row = i * s + k * d - p, column = j * t + l * e - q;\n"
        "      if (row < 0 || row >= rows || column < 0 || column >= columns) continue;\n"
        "      let sum = 0;\n"
        "      for (let c = 0; c < C; c++)\n"
        "        sum = Math.fround(sum + x[(c * H + i) * W + j]"
        " * layer.W[((c * O + o) * K + k) * L + l]);\n"
        "      y[(o * rows + row) * columns + column] += sum;\n"
        "    }\n"
        "  return y;\n"
        "})(layer.input_shape, layer.output_shape, layer.kernel_size, layer.stride,"
        " layer.padding, layer.dilation)"
    )

    kernel_size, stride, padding, dilation = PerAxis(1), PerAxis(1), PerAxis(0), PerAxis(1)
    output_padding = PerAxis(0)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Two,
        stride: int | Two = 1,
        padding: int | Two = 0,
        *,
        output_padding: int | Two = 0,
        dilation: int | Two = 1,
        bias: bool = True,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        check_size("ConvTranspose2d", "in_channels", in_channels)
        check_size("ConvTranspose2d", "out_channels", out_channels)
        check_float_dtype("ConvTranspose2d", dtype)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.dilation, self.output_padding = dilation, output_padding
        shape = (int(in_channels), int(out_channels), *self.kernel_size)
        W, b = kernel_init(as_generator(rng), shape, shape[1] if bias else 0, dtype)
        self.W = Parameter(W)
        self.b = None if b is None else Parameter(b)
        self._seed = seed_of(rng)

    def _check_together(self, name: str, value: Any) -> None:
        now = vars(self) | {name: value}
        if "output_padding" not in now:
            return
        for more, *apart in zip(*(now[n] for n in ("output_padding", "stride", "dilation"))):
            if more >= max(apart):
                raise ValueError(
                    f"ConvTranspose2d: output_padding = {now['output_padding']} must be smaller "
                    f"than stride = {now['stride']} or dilation = {now['dilation']}, since no "
                    "window reaches beyond"
                )

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        W = self.W.data
        window = self.stride, self.padding, self.dilation
        x = pictures(self, x, len(W), W.dtype)
        size = self._size(x)
        b = np.zeros(W.shape[1], W.dtype) if self.b is None else self.b.data
        y = np.empty((len(x), W.shape[1], *size), W.dtype)
        kernels.conv_transpose2d(x, W, b, size, *window, y)  # for each tap: y_shifted += x @ w
        self.keep(x)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x = self.kept(dy)
        W = self.W.data
        window = self.stride, self.padding, self.dilation
        dW, db, dx = np.empty_like(W), np.empty(W.shape[1], W.dtype), np.empty_like(x)
        kernels.channel_sums(dy, db)  # db = dy.sum(axis=(0, 2, 3))
        kernels.conv2d_dw(dy, x, W.shape[2:], *window, dW)  # dw = dy_shifted.T @ x
        kernels.conv_transpose2d_dx(dy, W, x.shape[2:], *window, dx)  # dx += dy_shifted @ w.T
        self.W.accumulate(dW)
        if self.b is not None:
            self.b.accumulate(db)
        return dx

    def _size(self, x: Array) -> Two:
        """H' and W'."""
        sizes = [
            (x.shape[2 + axis] - 1) * self.stride[axis]
            - 2 * self.padding[axis]
            + self.dilation[axis] * (self.W.data.shape[2 + axis] - 1)
            + self.output_padding[axis]
            + 1
            for axis in range(2)
        ]
        if min(*sizes, *x.shape[2:]) < 1:
            raise ValueError(
                f"{self!r}: of pictures of {x.shape[2]} x {x.shape[3]}, padding {self.padding} "
                f"leaves {sizes[0]} x {sizes[1]}; take larger ones, or less padding"
            )
        return sizes[0], sizes[1]

    def told_window(self, shape: tuple[int, ...], place: tuple[int, ...]) -> Window:
        (C, *size), (o, *at), W = shape, place, self.W.data
        window = self.stride, self.padding, self.dilation
        (taps, rows), (taps_across, columns) = meeting(at, size, W.shape[2:], window)
        weights = np.ix_(range(C), [o], taps, taps_across)
        bias = None if self.b is None else ("b", o)
        return Window(np.ix_(range(C), rows, columns), ("W", weights), bias)

    def row_shape(self) -> tuple[int | None, ...]:
        return len(self.W.data), None, None

    def options(self) -> dict[str, Any]:
        C, O, *_ = self.W.data.shape
        bias, dtype = self.b is not None, self.W.data.dtype.name
        names = ("kernel_size", "stride", "padding", "output_padding", "dilation")
        told = {name: getattr(self, name) for name in names}
        return {"in_channels": C, "out_channels": O, **told, "bias": bias, "dtype": dtype}

    def __repr__(self) -> str:
        C, O, *_ = self.W.data.shape
        return code(
            self,
            *(str(C), str(O), told(self.kernel_size)),
            in_channels="",
            out_channels="",
            kernel_size="",
            stride=told(self.stride, 1),
            padding=told(self.padding, 0),
            output_padding=told(self.output_padding, 0),
            dilation=told(self.dilation, 1),
            bias="" if self.b is not None else "False",
            dtype="" if self.W.data.dtype == np.float32 else "np.float64",
        )
