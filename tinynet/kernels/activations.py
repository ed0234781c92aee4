"""Kernels of the activations: each works number by number, whatever the shape.

Each pair is an equation and its loop. A slope is told by what backward kept: by y where it is the
simplest (the slope of tanh is ``1 - y * y``), by x where y does not tell it.
"""

import numpy as np

from tinynet.kernels.jit.kernel import kernel
from tinynet.kernels.rows import exponentials
from tinynet.support.types import Array


def relu_reference(x: Array) -> Array:
    return np.maximum(x, 0)


@kernel(relu_reference, equation="y = maximum(x, 0)", flat=True)
def relu(x: Array, y: Array) -> None:
    for i in range(x.size):
        y[i] = 0 if x[i] <= 0 else x[i]  # NaN is not <= 0: it passes


def relu_dx_reference(dy: Array, y: Array) -> Array:
    return np.where(y <= 0, 0, dy)


@kernel(relu_dx_reference, equation="dx = where(y > 0, dy, 0)", flat=True)
def relu_dx(dy: Array, y: Array, dx: Array) -> None:
    for i in range(y.size):
        dx[i] = 0 if y[i] <= 0 else dy[i]  # chosen, not multiplied: 0 * NaN is NaN


def leaky_relu_reference(x: Array, negative_slope: float) -> Array:
    return np.where(x > 0, x, x * x.dtype.type(negative_slope))


@kernel(leaky_relu_reference, equation="y = where(x > 0, x, negative_slope * x)", flat=True)
def leaky_relu(x: Array, negative_slope: float, y: Array) -> None:
    slope = x.dtype.type(negative_slope)
    for i in range(x.size):
        y[i] = x[i] if x[i] > 0 else x[i] * slope


def leaky_relu_dx_reference(dy: Array, x: Array, negative_slope: float) -> Array:
    return np.where(x > 0, dy, dy * dy.dtype.type(negative_slope))


@kernel(leaky_relu_dx_reference, equation="dx = where(x > 0, dy, negative_slope * dy)", flat=True)
def leaky_relu_dx(dy: Array, x: Array, negative_slope: float, dx: Array) -> None:
    slope = x.dtype.type(negative_slope)
    for i in range(x.size):
        dx[i] = dy[i] if x[i] > 0 else dy[i] * slope


def relu6_reference(x: Array) -> Array:
    return np.minimum(np.maximum(x, 0), 6)


@kernel(relu6_reference, equation="y = minimum(maximum(x, 0), 6)", flat=True)
def relu6(x: Array, y: Array) -> None:
    for i in range(x.size):
        above = 0 if x[i] <= 0 else x[i]  # NaN passes
        y[i] = 6 if above >= 6 else above


def relu6_dx_reference(dy: Array, y: Array) -> Array:
    return np.where((y <= 0) | (y >= 6), 0, dy)


@kernel(relu6_dx_reference, equation="dx = where(0 < y < 6, dy, 0)", flat=True)
def relu6_dx(dy: Array, y: Array, dx: Array) -> None:
    for i in range(y.size):
        dx[i] = 0 if y[i] <= 0 or y[i] >= 6 else dy[i]


def sigmoid_reference(x: Array) -> Array:
    """1 / (1 + exp(-x)), multiplied by exp(x) / exp(x) where x < 0: exp(-x) might overflow."""
    e = np.exp(-abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


@kernel(sigmoid_reference, equation="y = 1 / (1 + exp(-x))", flat=True)
def sigmoid(x: Array, y: Array) -> None:
    one = x.dtype.type(1)
    for i in range(x.size):
        y[i] = -abs(x[i])
    exponentials(y.reshape(1, y.size), y.reshape(1, y.size))
    for i in range(x.size):
        e = y[i]
        y[i] = (e if x[i] < 0 else one) / (one + e)


def sigmoid_dx_reference(dy: Array, y: Array) -> Array:
    return dy * y * (1 - y)


@kernel(sigmoid_dx_reference, equation="dx = dy * y * (1 - y)", flat=True)
def sigmoid_dx(dy: Array, y: Array, dx: Array) -> None:
    one = y.dtype.type(1)
    for i in range(y.size):
        dx[i] = dy[i] * y[i] * (one - y[i])


def tanh_reference(x: Array) -> Array:
    return np.tanh(x)


@kernel(tanh_reference, equation="y = tanh(x)", flat=True)
def tanh(x: Array, y: Array) -> None:
    """By exp, and near 0, where ``1 - exp(-2 * |x|)`` loses its digits, by a quotient.

    It is the eighth fraction x / (1 + x² / (3 + x² / (5 + ...))) of Lambert 1768, multiplied out;
    below 0.625 it is within 1e-17 of tanh.
    """
    number = x.dtype.type
    for i in range(x.size):
        y[i] = number(-2) * abs(x[i])
    exponentials(y.reshape(1, y.size), y.reshape(1, y.size))
    for i in range(x.size):
        z, e = x[i] * x[i], y[i]
        above = number(36) * z + number(6930)
        above = (above * z + number(270270)) * z + number(2027025)
        below = (z + number(630)) * z + number(51975)
        below = (below * z + number(945945)) * z + number(2027025)
        near = abs(x[i]) < number(0.625)
        above = x[i] * above if near else number(1) - e
        below = below if near else number(1) + e
        y[i] = -above / below if x[i] < 0 and not near else above / below


def tanh_dx_reference(dy: Array, y: Array) -> Array:
    return dy * (1 - y * y)


@kernel(tanh_dx_reference, equation="dx = dy * (1 - y * y)", flat=True)
def tanh_dx(dy: Array, y: Array, dx: Array) -> None:
    one = y.dtype.type(1)
    for i in range(y.size):
        dx[i] = dy[i] * (one - y[i] * y[i])
