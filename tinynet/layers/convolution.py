"""Conv2d: one small set of weights that looks at every place of a picture.

Each tap of the kernel is one Linear on a shifted image, so the equations are Linear's three, once
for each tap. ``kernels/convolution.py`` has these three lines in NumPy, and the loops.
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
from tinynet.support.windows import PerAxis, Two, met, pictures, places, told


class Conv2d(Module, WithOptions):
    """Lays a window on every place of a picture, and sums what it sees by the same weights.

    ::

        forward    y[n, o, i, j] = b[o] + sum over c, k, l of
                       x[n, c, i*s + k*d - p, j*s + l*d - p] * W[o, c, k, l]     (N, O, H', W')
        backward   dW[o, c, k, l] += sum over n, i, j of
                       x[n, c, i*s + k*d - p, j*s + l*d - p] * dy[n, o, i, j]    (O, C, K, L)
                   db[o] += sum over n, i, j of dy[n, o, i, j]                   (O,)
                   dx[n, c, i*s + k*d - p, j*s + l*d - p] +=
                       dy[n, o, i, j] * W[o, c, k, l]                            (N, C, H, W)

    for a stride s, a padding p of zeros around the picture, and taps that lie d apart. That is
    Linear, once for each tap (k, l). Let ``x_shifted`` be what it meets: the picture, moved by (k,
    l), with channels last and one row for each place. Then, with w = W[:, :, k, l].T of shape (C,
    O),

    ::

        y          += x_shifted @ w       (N H' W', O) += (N H' W', C) @ (C, O)
        dw         += x_shifted.T @ dy    (C, O)       += (C, N H' W') @ (N H' W', O)
        dx_shifted += dy @ w.T            (N H' W', C) += (N H' W', O) @ (O, C)

    A weight served every place of every picture, so its gradient sums over them; a number of x was
    met by up to K * L taps, and gets the sum of what comes back through each.

    Parameters
    ----------
    in_channels, out_channels : int
        C and O, at least 1.
    kernel_size : int or (int, int)
        K and L, down and across; an int is meant for both, as in the next three.
    stride : int or (int, int)
        How far the window moves from place to place.
    padding : int or (int, int)
        Rows and columns of zeros on each side.
    dilation : int or (int, int)
        How far taps are apart.
    bias : bool
        Whether there is a `b`.
    rng : int, numpy.random.Generator, TorchGenerator or None
        Draws the initial weights, U(-1/sqrt(F), 1/sqrt(F)) with F = C * K * L, as PyTorch does.
    dtype : numpy.float32 or numpy.float64

    Attributes
    ----------
    W : Parameter
        (O, C, K, L), PyTorch's `weight`.
    b : Parameter or None
        (O,).

    Notes
    -----
    H' = (H + 2 * padding - dilation * (K - 1) - 1) // stride + 1, and so for W'.
    """

    sizes = ("in_channels", "out_channels", "kernel_size")
    unsaved = ("_seed",)
    torch_layer = "Conv2d"
    torch_layout = {"W": ("weight", np.asarray), "b": ("bias", np.asarray)}
    onnx_operation = "Conv"
    onnx_attributes = {
        "kernel_shape": lambda layer: layer.kernel_size,
        "strides": lambda layer: layer.stride,
        "pads": lambda layer: layer.padding * 2,
        "dilations": lambda layer: layer.dilation,
    }
    equations = (
        "y[o, i, j] = b[o] + sum(x[c, i*s + k*d - p, j*s + l*d - p] * W[o, c, k, l])",
        "dW = sum(x_shifted * dy),  db = sum(dy),  dx_shifted += dy * W",
    )
    javascript = (  # as the loops: padding takes part as zeros, and each sum is rounded to float32
        "(([C, H, W], [O, rows, columns], [K, L], [s, t], [p, q], [d, e]) =>"
        " Float32Array.from({ length: O * rows * columns }, (_, m) => {\n"
        "  const j = m % columns, i = Math.floor(m / columns) % rows;\n"
        "  const o = Math.floor(m / columns / rows);\n"
        "  let y = layer.b ? layer.b[o] : 0;\n"
        "  for (let c = 0; c < C; c++) for (let k = 0; k < K; k++) for (let l = 0; l < L; l++) {\n"
        "    const row = i * s + k * d - p, column = j * t + l * e - q;\n"
        "    if (row >= 0 && row < H && column >= 0 && column < W)\n"
        "      y = Math.fround(y + x[(c * H + row) * W + column]"
        " * layer.W[((o * C + c) * K + k) * L + l]);\n"
        "  }\n"
        "  return y;\n"
        "}))(layer.input_shape, layer.output_shape, layer.kernel_size, layer.stride,"
        " layer.padding, layer.dilation)"
    )

    kernel_size, stride, padding, dilation = PerAxis(1), PerAxis(1), PerAxis(0), PerAxis(1)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Two,
        stride: int | Two = 1,
        padding: int | Two = 0,
        *,
        dilation: int | Two = 1,
        bias: bool = True,
        rng: Rng = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        check_size("Conv2d", "in_channels", in_channels)
        check_size("Conv2d", "out_channels", out_channels)
        check_float_dtype("Conv2d", dtype)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.dilation = dilation
        shape = (int(out_channels), int(in_channels), *self.kernel_size)
        W, b = kernel_init(as_generator(rng), shape, shape[0] if bias else 0, dtype)
        self.W = Parameter(W)
        self.b = None if b is None else Parameter(b)
        self._seed = seed_of(rng)  # by which a checkpoint knows the first weights

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        W = self.W.data
        window = self.stride, self.padding, self.dilation
        x = pictures(self, x, W.shape[1], W.dtype)
        size = places(self, x.shape[2:], W.shape[2:], *window)
        b = np.zeros(len(W), W.dtype) if self.b is None else self.b.data
        y = np.empty((len(x), len(W), *size), W.dtype)
        kernels.conv2d(x, W, b, size, *window, y)  # for each tap: y += x_shifted @ w
        self.keep(x)
        return y

    def backward(self, dy: Array) -> Array:
        dy, x = self.kept(dy)
        W = self.W.data
        window = self.stride, self.padding, self.dilation
        dW, db, dx = np.empty_like(W), np.empty(len(W), W.dtype), np.empty_like(x)
        kernels.channel_sums(dy, db)  # db = dy.sum(axis=(0, 2, 3))
        kernels.conv2d_dw(x, dy, W.shape[2:], *window, dW)  # dw = x_shifted.T @ dy
        kernels.conv2d_dx(dy, W, x.shape[2:], *window, dx)  # dx_shifted += dy @ w.T
        self.W.accumulate(dW)
        if self.b is not None:
            self.b.accumulate(db)
        return dx

    def told_window(self, shape: tuple[int, ...], place: tuple[int, ...]) -> Window:
        (C, *size), (o, *at), W = shape, place, self.W.data
        window = self.stride, self.padding, self.dilation
        (taps, rows), (taps_across, columns) = met(at, size, W.shape[2:], window)
        weights = np.ix_([o], range(C), taps, taps_across)
        bias = None if self.b is None else ("b", o)
        return Window(np.ix_(range(C), rows, columns), ("W", weights), bias)

    def row_shape(self) -> tuple[int | None, ...]:
        return self.W.data.shape[1], None, None

    def options(self) -> dict[str, Any]:
        O, C, *_ = self.W.data.shape
        bias, dtype = self.b is not None, self.W.data.dtype.name
        told = {name: getattr(self, name) for name in ("kernel_size", "stride", "padding")}
        channels = {"in_channels": C, "out_channels": O}
        return {**channels, **told, "dilation": self.dilation, "bias": bias, "dtype": dtype}

    def __repr__(self) -> str:
        O, C, *_ = self.W.data.shape
        return code(
            self,
            *(str(C), str(O), told(self.kernel_size)),
            in_channels="",
            out_channels="",
            kernel_size="",
            stride=told(self.stride, 1),
            padding=told(self.padding, 0),
            dilation=told(self.dilation, 1),
            bias="" if self.b is not None else "False",
            dtype="" if self.W.data.dtype == np.float32 else "np.float64",
        )
