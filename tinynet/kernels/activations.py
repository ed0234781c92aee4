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


@kernel(relu_reference, equation="y = maximum(x, 0)")
def relu(x: Array, y: Array) -> None:
    inputs, outputs = x.reshape(-1), y.reshape(-1)
    for i in range(inputs.size):
        outputs[i] = 0 if inputs[i] <= 0 else inputs[i]  # NaN is not <= 0: it passes


def relu_dx_reference(dy: Array, y: Array) -> Array:
    return np.where(y <= 0, 0, dy)


@kernel(relu_dx_reference, equation="dx = where(y > 0, dy, 0)")
def relu_dx(dy: Array, y: Array, dx: Array) -> None:
    upstream, outputs, results = dy.reshape(-1), y.reshape(-1), dx.reshape(-1)
    for i in range(outputs.size):
        results[i] = 0 if outputs[i] <= 0 else upstream[i]  # chosen, not multiplied: 0 * NaN is NaN


def leaky_relu_reference(x: Array, negative_slope: float) -> Array:
    return np.where(x > 0, x, x * x.dtype.type(negative_slope))


@kernel(leaky_relu_reference, equation="y = where(x > 0, x, negative_slope * x)")
def leaky_relu(x: Array, negative_slope: float, y: Array) -> None:
    inputs, outputs, slope = x.reshape(-1), y.reshape(-1), x.dtype.type(negative_slope)
    for i in range(inputs.size):
        outputs[i] = inputs[i] if inputs[i] > 0 else inputs[i] * slope


def leaky_relu_dx_reference(dy: Array, x: Array, negative_slope: float) -> Array:
    return np.where(x > 0, dy, dy * dy.dtype.type(negative_slope))


@kernel(leaky_relu_dx_reference, equation="dx = where(x > 0, dy, negative_slope * dy)")
def leaky_relu_dx(dy: Array, x: Array, negative_slope: float, dx: Array) -> None:
    upstream, inputs, results = dy.reshape(-1), x.reshape(-1), dx.reshape(-1)
    slope = x.dtype.type(negative_slope)
    for i in range(inputs.size):
        results[i] = upstream[i] if inputs[i] > 0 else upstream[i] * slope


def relu6_reference(x: Array) -> Array:
    return np.minimum(np.maximum(x, 0), 6)


@kernel(relu6_reference, equation="y = minimum(maximum(x, 0), 6)")
def relu6(x: Array, y: Array) -> None:
    inputs, outputs = x.reshape(-1), y.reshape(-1)
    for i in range(inputs.size):
        above = 0 if inputs[i] <= 0 else inputs[i]  # NaN passes
        outputs[i] = 6 if above >= 6 else above


def relu6_dx_reference(dy: Array, y: Array) -> Array:
    return np.where((y <= 0) | (y >= 6), 0, dy)


@kernel(relu6_dx_reference, equation="dx = where(0 < y < 6, dy, 0)")
def relu6_dx(dy: Array, y: Array, dx: Array) -> None:
    upstream, outputs, results = dy.reshape(-1), y.reshape(-1), dx.reshape(-1)
    for i in range(outputs.size):
        results[i] = 0 if outputs[i] <= 0 or outputs[i] >= 6 else upstream[i]


def sigmoid_reference(x: Array) -> Array:
    """1 / (1 + exp(-x)), multiplied by exp(x) / exp(x) where x < 0: exp(-x) might overflow."""
    e = np.exp(-abs(x))
    return np.where(x < 0, e, 1) / (1 + e)


@kernel(sigmoid_reference, equation="y = 1 / (1 + exp(-x))")
def sigmoid(x: Array, y: Array) -> None:
    inputs, outputs, one = x.reshape(-1), y.reshape(-1), x.dtype.type(1)
    for i in range(inputs.size):
        outputs[i] = -abs(inputs[i])
    exponentials(y.reshape(1, y.size), y.reshape(1, y.size))
    for i in range(inputs.size):
        e = outputs[i]
        outputs[i] = (e if inputs[i] < 0 else one) / (one + e)


def sigmoid_dx_reference(dy: Array, y: Array) -> Array:
    return dy * y * (1 - y)


@kernel(sigmoid_dx_reference, equation="dx = dy * y * (1 - y)")
def sigmoid_dx(dy: Array, y: Array, dx: Array) -> None:
    upstream, outputs, results = dy.reshape(-1), y.reshape(-1), dx.reshape(-1)
    one = y.dtype.type(1)
    for i in range(outputs.size):
        results[i] = upstream[i] * outputs[i] * (one - outputs[i])


def tanh_reference(x: Array) -> Array:
    return np.tanh(x)


@kernel(tanh_reference, equation="y = tanh(x)")
def tanh(x: Array, y: Array) -> None:
    """By exp, and near 0, where ``1 - exp(-2 * |x|)`` loses its digits, by a quotient.

    It is the eighth fraction x / (1 + x² / (3 + x² / (5 + ...))) of Lambert 1768, multiplied out;
    below 0.625 it is within 1e-17 of tanh.
    """
    inputs, outputs, number = x.reshape(-1), y.reshape(-1), x.dtype.type
    for i in range(inputs.size):
        outputs[i] = number(-2) * abs(inputs[i])
    exponentials(y.reshape(1, y.size), y.reshape(1, y.size))
    for i in range(inputs.size):
        z, e = inputs[i] * inputs[i], outputs[i]
        above = number(36) * z + number(6930)
        above = (above * z + number(270270)) * z + number(2027025)
        below = (z + number(630)) * z + number(51975)
        below = (below * z + number(945945)) * z + number(2027025)
        near = abs(inputs[i]) < number(0.625)
        above = inputs[i] * above if near else number(1) - e
        below = below if near else number(1) + e
        outputs[i] = -above / below if inputs[i] < 0 and not near else above / below


def tanh_dx_reference(dy: Array, y: Array) -> Array:
    return dy * (1 - y * y)


@kernel(tanh_dx_reference, equation="dx = dy * (1 - y * y)")
def tanh_dx(dy: Array, y: Array, dx: Array) -> None:
    upstream, outputs, results = dy.reshape(-1), y.reshape(-1), dx.reshape(-1)
    one = y.dtype.type(1)
    for i in range(outputs.size):
        results[i] = upstream[i] * (one - outputs[i] * outputs[i])
