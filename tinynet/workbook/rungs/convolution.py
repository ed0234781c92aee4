"""How 21_convolution.py is graded: the sum as it is defined, and its differences.

Pictures and windows are not square, and no two sizes are tied to each other.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.module import Parameter
from tinynet.support.types import Array
from tinynet.workbook import solutions
from tinynet.workbook.examples import array, by_differences, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values
from tinynet.workbook.wrapped import Backward

TRIES = 25


def shapes(draw: DrawFn) -> tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]:
    """The shapes of x, W and y."""
    N, C, O = draw(sizes(most=2)), draw(sizes(most=2)), draw(sizes(most=3))
    K, L = draw(sizes(most=2)), draw(sizes(most=3))
    rows, columns = draw(sizes(most=3)), draw(sizes(most=2))
    return (N, C, rows + K - 1, columns + L - 1), (O, C, K, L), (N, O, rows, columns)


@st.composite
def forwards(draw: DrawFn) -> Example:
    of_x, of_W, _ = shapes(draw)
    return {"x": array(draw, *of_x), "W": array(draw, *of_W)}


@st.composite
def backwards_to_W(draw: DrawFn) -> Example:
    of_x, (_, _, K, L), of_y = shapes(draw)
    return {"dy": array(draw, *of_y), "x": array(draw, *of_x), "K": K, "L": L}


@st.composite
def backwards_to_x(draw: DrawFn) -> Example:
    _, of_W, of_y = shapes(draw)
    return {"dy": array(draw, *of_y), "W": array(draw, *of_W)}


def run_conv(parts: Parts, x: Array, W: Array) -> Values:
    return {"y": parts.conv(x, W)}


def run_grad_W(parts: Parts, dy: Array, x: Array, K: int, L: int) -> Values:
    return {"dW": parts.conv_grad_W(dy, x, K, L)}


def run_grad_x(parts: Parts, dy: Array, W: Array) -> Values:
    return {"dx": parts.conv_grad_x(dy, W)}


def by_definition(x: Array, W: Array) -> Values:
    (N, _, H, width), (O, _, K, L) = x.shape, W.shape
    y = np.empty((N, O, H - K + 1, width - L + 1))
    for n, o, i, j in np.ndindex(y.shape):
        y[n, o, i, j] = (x[n, :, i : i + K, j : j + L] * W[o]).sum()
    return {"y": y}


_slopes_W = by_differences(solutions.conv, dW="W")
_slopes_x = by_differences(solutions.conv, dx="x")


def true_dW(dy: Array, x: Array, K: int, L: int) -> Values:
    return _slopes_W(dy=dy, x=x, W=np.zeros((dy.shape[1], x.shape[1], K, L)))


def true_dx(dy: Array, W: Array) -> Values:
    (N, _, rows, columns), (_, C, K, L) = dy.shape, W.shape
    return _slopes_x(dy=dy, W=W, x=np.zeros((N, C, rows + K - 1, columns + L - 1)))


def module(parts: Parts) -> tuple[Any, ...]:
    class Convolution(Backward):
        W: Parameter

        def forward(self, x: Array) -> Array:
            self.keep(x)
            return solutions.conv(x, self.W.data)

        def backward(self, dy: Array) -> Array:
            dy, x = self.kept(dy)
            W = self.W.data
            self.W.accumulate(np.asarray(parts.conv_grad_W(dy, x, *W.shape[2:])))
            return np.asarray(parts.conv_grad_x(dy, W))

    return Convolution(W=(3, 2, 2, 3)), (2, 2, 4, 4)


def turned(W: Array) -> Array:
    """By half a circle."""
    return W[:, :, ::-1, ::-1]


def places(dy: Array, W: Array) -> tuple[int, ...]:
    """The shape of x."""
    (N, _, rows, columns), (_, C, K, L) = dy.shape, W.shape
    return N, C, rows + K - 1, columns + L - 1


def same_size(x: Array, W: Array) -> Array:
    K, L = W.shape[2:]
    before, after = ((K - 1) // 2, (L - 1) // 2), (K // 2, L // 2)
    around = [(b, a) for b, a in zip(before, after)]
    return solutions.conv(np.pad(x, [(0, 0), (0, 0), *around]), W)


def one_place_short(x: Array, W: Array) -> Array:
    return solutions.conv(x, W)[:, :, :-1, :-1]


def by_stride(x: Array, W: Array) -> Array:
    K, L = W.shape[2:]
    return solutions.conv(x, W)[:, :, ::K, ::L]


def each_channel_alone(x: Array, W: Array) -> Array:
    """The last channel overwrites the others."""
    return solutions.conv(x[:, -1:], W[:, -1:])


def spread(put: Callable[[Array, Array], None], O: int | None = None) -> Callable[..., Array]:
    """Every dy goes to its window, by `put`; with `O`, only that one window's."""

    def conv_grad_x(dy: Array, W: Array) -> Array:
        K, L = W.shape[2:]
        dx = np.zeros(places(dy, W))
        for n, o, i, j in np.ndindex(dy.shape):
            if O is None or o == O % dy.shape[1]:
                put(dx[n, :, i : i + K, j : j + L], dy[n, o, i, j] * W[o])
        return dx

    return conv_grad_x


def add(window: Array, share: Array) -> None:
    window += share


def overwrite(window: Array, share: Array) -> None:
    window[...] = share


def only_where_it_began(dy: Array, W: Array) -> Array:
    """A pixel hears only from the window whose corner it was."""
    dx = np.zeros(places(dy, W))
    rows, columns = dy.shape[2:]
    dx[:, :, :rows, :columns] = np.einsum("nohw,oc->nchw", dy, W[:, :, 0, 0])
    return dx


def without_border(dy: Array, W: Array) -> Array:
    """dy has no zeros around: what comes out is too small, or nothing at all."""
    return solutions.conv_grad_x(dy, W)[:, :, W.shape[2] - 1 : dy.shape[2], W.shape[3] - 1 :][
        ..., : max(dy.shape[3] - W.shape[3] + 1, 0)
    ]


def mean_over_places(dy: Array, x: Array, K: int, L: int) -> Array:
    return solutions.conv_grad_W(dy, x, K, L) / (dy.shape[2] * dy.shape[3])


def mean_over_all(dy: Array, x: Array, K: int, L: int) -> Array:
    return mean_over_places(dy, x, K, L) / len(dy)


def last_place(dy: Array, x: Array, K: int, L: int) -> Array:
    """Each place overwrites the one before, in every picture."""
    return np.einsum("no,nckl->ockl", dy[:, :, -1, -1], x[:, :, -K:, -L:])


def last_of_all(dy: Array, x: Array, K: int, L: int) -> Array:
    return np.einsum("o,ckl->ockl", dy[-1, :, -1, -1], x[-1, :, -K:, -L:])


def channels_summed(dy: Array, x: Array, K: int, L: int) -> Array:
    """Every channel of a window gets the sum of all."""
    dW = solutions.conv_grad_W(dy, x, K, L)
    return np.repeat(dW.sum(axis=1, keepdims=True), x.shape[1], axis=1)


def x_alone(dy: Array, x: Array, K: int, L: int) -> Array:
    return solutions.conv_grad_W(np.ones_like(dy), x, K, L)


RUNG = Rung(
    claims=(
        Claim("conv is the sum that defines it", forwards(), run_conv, 1, by_definition, tries=60),
        Claim(
            "dW is what differences give",
            backwards_to_W(), run_grad_W, 2, true_dW, 1e-7, TRIES,
        ),
        Claim(
            "dx is what differences give",
            backwards_to_x(), run_grad_x, 3, true_dx, 1e-7, TRIES,
        ),
    ),
    mistakes=(
        Mistake(
            "the window is flipped: it is laid on the picture as it is, [i + k] meets W[k]",
            {"conv": lambda x, W: solutions.conv(x, turned(W))},
            1,
        ),
        Mistake(
            "one place is missing at the end: of H rows, H - K + 1 places have room for the window",
            {"conv": one_place_short},
            1,
        ),
        Mistake(
            "y is as large as x: that needs padding; here y has only the places where the window "
            "fits",
            {"conv": same_size},
            1,
        ),
        Mistake(
            "the window jumps by its own size; it moves by one pixel",
            {"conv": by_stride},
            1,
        ),
        Mistake(
            "the sum over channels is missing: only the last channel counts",
            {"conv": each_channel_alone},
            1,
        ),
        Mistake(
            "the sum over channels is missing: only the first channel counts",
            {"conv": lambda x, W: solutions.conv(x[:, :1], W[:, :1])},
            1,
        ),
        Mistake(
            "a mean over the window, where a sum is meant",
            {"conv": lambda x, W: solutions.conv(x, W) / W[0].size},
            1,
        ),
        Mistake(
            "rows and columns are interchanged: i and k go down, j and l across",
            {"conv": lambda x, W: solutions.conv(x, W.swapaxes(2, 3))},
            1,
        ),
        Mistake(
            "a mean over the places, where a sum is meant: every place has its say in full",
            {"conv_grad_W": mean_over_places},
            2,
        ),
        Mistake(
            "a mean over the batch, where a sum is meant: the loss's 1/N is in dy already",
            {"conv_grad_W": lambda dy, x, K, L: solutions.conv_grad_W(dy, x, K, L) / len(dy)},
            2,
        ),
        Mistake(
            "a mean over batch and places, where a sum is meant",
            {"conv_grad_W": mean_over_all},
            2,
        ),
        Mistake(
            "the sum over places is missing: only the last place counts; add what each one says",
            {"conv_grad_W": last_place},
            2,
        ),
        Mistake(
            "the sums over batch and places are missing: the last window overwrites all others",
            {"conv_grad_W": last_of_all},
            2,
        ),
        Mistake(
            "the sum over the batch is missing: only the last picture counts",
            {"conv_grad_W": lambda dy, x, K, L: solutions.conv_grad_W(dy[-1:], x[-1:], K, L)},
            2,
        ),
        Mistake(
            "the sum over the batch is missing: only the first picture counts",
            {"conv_grad_W": lambda dy, x, K, L: solutions.conv_grad_W(dy[:1], x[:1], K, L)},
            2,
        ),
        Mistake(
            "dW is turned by half a circle: tap (k, l) met the pixel at (i + k, j + l)",
            {"conv_grad_W": lambda dy, x, K, L: turned(solutions.conv_grad_W(dy, x, K, L))},
            2,
        ),
        Mistake(
            "the channels are summed: each channel of a window has weights of its own",
            {"conv_grad_W": channels_summed},
            2,
        ),
        Mistake(
            "dy is missing: it is the sum of the pixels alone (the chain rule)",
            {"conv_grad_W": x_alone},
            2,
        ),
        Mistake(
            "the windows that overlap overwrite each other; what they say is added",
            {"conv_grad_x": spread(overwrite)},
            3,
        ),
        Mistake(
            "W is the wrong way round: seen from the pixel, the window came from (p - k, q - l)",
            {"conv_grad_x": lambda dy, W: solutions.conv_grad_x(dy, turned(W))},
            4,
        ),
        Mistake(
            "dx has only the places where the window fits into dy: dy needs a border of zeros",
            {"conv_grad_x": without_border},
            4,
        ),
        Mistake(
            "each pixel hears from one window only, the one that begins at it",
            {"conv_grad_x": only_where_it_began},
            3,
        ),
        Mistake(
            "the sum over the O windows is missing: only the last one counts",
            {"conv_grad_x": spread(add, O=-1)},
            3,
        ),
        Mistake(
            "the sum over the O windows is missing: only the first one counts",
            {"conv_grad_x": spread(add, O=0)},
            3,
        ),
        Mistake(
            "dy is missing: it is the sum of the weights alone (the chain rule)",
            {"conv_grad_x": lambda dy, W: solutions.conv_grad_x(np.ones_like(dy), W)},
            3,
        ),
        Mistake(
            "dx is divided by how many weights a window has; shares are added as they are",
            {"conv_grad_x": lambda dy, W: solutions.conv_grad_x(dy, W) / W[0].size},
            3,
        ),
    ),
    hints=(
        "Write all three as sums first: which indices does the result have, and over which others "
        "is summed? Every loop that you need stands there.",
        "For one place: y[n, o, i, j] = (x[n, :, i:i+K, j:j+L] * W[o]).sum(). Backward walks over "
        "the same places: dW[o] += dy[n, o, i, j] * that window, and the same window of dx += "
        "dy[n, o, i, j] * W[o].",
        "For one tap, and its shifted picture s = x[:, :, k:k+H', l:l+W']: "
        'y += np.einsum("nchw,oc->nohw", s, W[:, :, k, l]); '
        'dW[:, :, k, l] = np.einsum("nohw,nchw->oc", dy, s); '
        'dx[:, :, k:k+H\', l:l+W\'] += np.einsum("nohw,oc->nchw", dy, W[:, :, k, l]).',
    ),
    library=(
        "tinynet.kernels.convolution:conv2d_reference",
        "tinynet.kernels.convolution:conv2d_dw_reference",
        "tinynet.kernels.convolution:conv2d_dx_reference",
        "tinynet.kernels.convolution:conv_transpose2d_reference",
    ),
    module=module,
)  # fmt: skip
