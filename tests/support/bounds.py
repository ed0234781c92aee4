"""How far rounding can carry each kernel from its equation, derived from its operations.

Every rounded operation adds a relative error of at most u, half the machine epsilon of the dtype.
A sum of n products therefore ends within gamma_n = n*u / (1 - n*u) times the sum of the products'
sizes (Higham 2002, "Accuracy and Stability of Numerical Algorithms", section 3.1), in any order and
with or without fused multiply-add. ``ROUNDINGS[kernel]`` takes the kernel's arguments in float64,
and returns, for each element of the result, the number of roundings times what they act on.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import DTypeLike
from strategies import Array

from tinynet.kernels import PAIRS

LIBM = 8  # u: exp and log of C libraries, NumPy and Numba are within 4 units in the last place


def rounding_bound(roundings: Array, dtype: DTypeLike) -> Array:
    """The largest distance to a float64 result, itself rounded, for a loop that ran in `dtype`."""
    u = (np.finfo(dtype).eps + np.finfo(np.float64).eps) / 2
    # 1 / (1 - n*u) is below 1.01 for n < 1e5. Below `tiny`, numbers have fewer digits.
    return 1.01 * u * roundings + np.finfo(dtype).tiny


def _rows(values: Array) -> Array:
    return values.sum(axis=1, keepdims=True)


def _product(A: Array, M: Array, more: Any = 0) -> Array:
    """A sum over A's columns, the addition onto what is there already included."""
    return (A.shape[1] + 2) * (abs(A) @ abs(M) + more)


def _softmax_parts(x: Array) -> tuple[Array, Array, Array]:
    """How far each score is below the highest, the probabilities, and the total's roundings."""
    below = x.max(axis=1, keepdims=True) - x
    p = np.exp(-below) / _rows(np.exp(-below))
    # an exponent that is off by `below` * u makes exp off by as much, relatively
    return below, p, _rows(p * below) + LIBM + x.shape[1]


def softmax(x: Array) -> Array:
    below, p, total = _softmax_parts(x)
    return p * (below + LIBM + total + 1)


def log_softmax(x: Array) -> Array:
    below, _, total = _softmax_parts(x)
    log_total = np.log(_rows(np.exp(-below)))
    return 2 * below + (LIBM + 1) * log_total + total


def cross_entropy_dx(dy: Array, log_probs: Array, q: Array) -> Array:
    size = np.exp(log_probs) * _rows(abs(q)) + abs(q)
    return (q.shape[1] + LIBM + 3) * abs(dy)[:, None] * size


def errors(x: Array, y: Array) -> Array:
    """How far rounding carries a sum of D terms |x - y|, each rounded, and the sum at the end."""
    return (x.shape[1] + 3) * (abs(x) + abs(y))


def binary_cross_entropy(x: Array, y: Array, weight: Array) -> Array:
    sizes = y * abs(np.log(x).clip(-100)) + (1 - y) * abs(np.log1p(-x).clip(-100))
    return (x.shape[1] + LIBM + 4) * (weight * sizes).sum(axis=1)


def binary_cross_entropy_dx(dy: Array, x: Array, y: Array, weight: Array) -> Array:
    slope = (x + y) / np.maximum(x * (1 - x), 1e-12)
    return 9 * abs(dy)[:, None] * weight * slope


def logits_cross_entropy(x: Array, y: Array, weight: Array, p: Array) -> Array:
    log = np.maximum(-x, 0) + np.log1p(np.exp(-abs(x)))
    sizes = (1 - y) * abs(x) + (1 + (p + 1) * y) * (log + abs(x) * np.exp(-abs(x)))
    return (x.shape[1] + LIBM + 6) * (weight * sizes).sum(axis=1)


def logits_cross_entropy_dx(dy: Array, x: Array, y: Array, weight: Array, p: Array) -> Array:
    sigmoid = 1 / (1 + np.exp(-x))
    size = (1 + (p + 1) * y) * sigmoid + p * y
    return (LIBM + 9) * abs(dy)[:, None] * weight * size


def adam_direction(m: Array, v: Array, t: int, beta1: float, beta2: float, eps: float) -> Array:
    step = (m / (1 - beta1**t)) / (np.sqrt(v) / np.sqrt(1 - beta2**t) + eps)
    # beta**t takes up to t products; the subtraction from 1 magnifies what they rounded away
    magnified = sum((t + LIBM) * beta**t / (1 - beta**t) for beta in (beta1, beta2))
    return (10 + magnified) * abs(step)


def normalize_dx(dz: Array, z: Array, var: Array, eps: float) -> Array:
    sizes = abs(dz) + abs(dz).mean(axis=0) + abs(z) * abs(dz * z).mean(axis=0)
    return (len(z) + 9) * sizes / np.sqrt(var + eps)


OVER = (0, 2, 3)  # what a channel's statistics go over


def beside(channels: Array) -> Array:
    return channels.reshape(-1, 1, 1)


def many(x: Array) -> int:
    """How many numbers a channel has."""
    return x[:, 0].size


def channel_variance(x: Array, mean: Array) -> Array:
    return (many(x) + 6) * ((abs(x) + abs(beside(mean))) ** 2).mean(OVER)


def normalize_channels(x: Array, mean: Array, var: Array, eps: float) -> Array:
    return 6 * (abs(x) + abs(beside(mean))) / np.sqrt(beside(var) + eps)


def normalize_channels_dx(dz: Array, z: Array, var: Array, eps: float) -> Array:
    sizes = abs(dz) + beside(abs(dz).mean(OVER)) + abs(z) * beside(abs(dz * z).mean(OVER))
    return (many(z) + 9) * sizes / np.sqrt(beside(var) + eps)


def linear_descend(W: Array, x: Array, dy: Array, lr: float, *_: Any) -> Array:
    return lr * _product(x.T, dy) + 3 * (abs(W) + lr * abs(x.T) @ abs(dy))


def conv2d(x: Array, w: Array, b: Array, *window: Any) -> Array:
    return (w[0].size + 2) * PAIRS["conv2d"].reference(abs(x), abs(w), abs(b), *window)


def conv_transpose2d(x: Array, w: Array, b: Array, *window: Any) -> Array:
    taps = len(w) + w[0, 0].size + 2  # a sum over channels, and one over the taps that meet
    return taps * PAIRS["conv_transpose2d"].reference(abs(x), abs(w), abs(b), *window)


def conv2d_dw(x: Array, dy: Array, *window: Any) -> Array:
    return (dy[:, 0].size + 6) * PAIRS["conv2d_dw"].reference(abs(x), abs(dy), *window)


ROUNDINGS: dict[str, Callable[..., Any]] = {
    "linear": lambda x, W, b: _product(x, W, abs(b)),
    "linear_dx": lambda dy, W: _product(dy, W.T),
    "linear_dW": lambda x, dy: _product(x.T, dy),
    "linear_descend": linear_descend,
    "linear_descend_fetching": linear_descend,
    "linear_db": lambda dy: (len(dy) + 2) * abs(dy).sum(axis=0),
    "gather": lambda X, rows: (0, (X[rows].size + 1) * (X[rows] ** 2).sum()),
    "gather_scaled": lambda X, rows, scale: 3 * abs(X[rows] * scale),
    "relu": lambda x: 0,
    "relu_dx": lambda dy, y: 0,
    "leaky_relu": lambda x, negative_slope: 2 * abs(negative_slope * x),
    "leaky_relu_dx": lambda dy, x, negative_slope: 2 * abs(negative_slope * dy),
    "relu6": lambda x: 0,
    "relu6_dx": lambda dy, y: 0,
    "sigmoid": lambda x: (LIBM + 3) * PAIRS["sigmoid"].reference(x),
    "sigmoid_dx": lambda dy, y: 4 * abs(dy * y) * (1 + abs(y)),
    "tanh": lambda x: LIBM * abs(np.tanh(x)),
    "tanh_dx": lambda dy, y: 4 * abs(dy) * (1 + y * y),
    "softmax": softmax,
    "softmax_dx": lambda dy, y: (y.shape[1] + 3) * abs(y) * (abs(dy) + _rows(abs(dy * y))),
    "log_softmax": log_softmax,
    "log_softmax_dx": lambda dy, y: (
        (y.shape[1] + LIBM + 3) * (abs(dy) + np.exp(y) * _rows(abs(dy)))
    ),
    "label_weights": lambda labels, weight, ignore_index: 0,
    "nll": lambda log_probs, labels, weights: abs(
        weights * log_probs[np.arange(len(labels)), labels]
    ),
    "nll_dx": lambda dy, labels, weights, classes: abs(dy * weights)[:, None],
    "label_targets": lambda *arguments: 5 * PAIRS["label_targets"].reference(*arguments),
    "probability_targets": lambda *arguments: (
        5 * PAIRS["probability_targets"].reference(*arguments)
    ),
    "cross_entropy": lambda log_probs, q: (q.shape[1] + 1) * abs(q * log_probs).sum(axis=1),
    "cross_entropy_dx": cross_entropy_dx,
    "squared_errors": lambda x, y: (errors(x, y) * (abs(x) + abs(y))).sum(axis=1),
    "squared_errors_dx": lambda dy, x, y: 4 * abs(dy)[:, None] * 2 * (abs(x) + abs(y)),
    "absolute_errors": lambda x, y: errors(x, y).sum(axis=1),
    "absolute_errors_dx": lambda dy, x, y: 0,
    "first_no_probability": lambda values: 0,
    "binary_cross_entropy": binary_cross_entropy,
    "binary_cross_entropy_dx": binary_cross_entropy_dx,
    "logits_cross_entropy": logits_cross_entropy,
    "logits_cross_entropy_dx": logits_cross_entropy_dx,
    "most_likely": lambda y: 0,
    "row_mean": lambda losses, counts: (
        (2 * len(losses) + 2) * abs(losses).sum() / abs(counts.sum())
    ),
    "row_mean_dx": lambda dy, counts: (len(counts) + 2) * abs(dy) / abs(counts.sum()),
    "fill": lambda value, rows: abs(value),
    "as_labels": lambda numbers: 0,
    "first_outside": lambda labels, classes, ignored: 0,
    "counted_labels": lambda labels, ignored: 0,
    "counted_rows": lambda probabilities: 0,
    "percent_right": lambda y, labels, counted: 0,
    "total": lambda values: len(values) * abs(values).sum(),
    "descend": lambda w, direction, lr: 3 * (abs(w) + abs(lr * direction)),
    "shrink": lambda w, lr, weight_decay: 4 * abs(w),
    "accumulate": lambda total, more: abs(total) + abs(more),
    "negative": lambda g: 0,
    "add": lambda a, b: abs(a) + abs(b),
    "copied": lambda a: 0,
    "transposed": lambda a: 0,
    "max_pool": lambda *_: (0, 0),
    "max_pool_dx": lambda dy, won, size: 9 * PAIRS["max_pool_dx"].reference(abs(dy), won, size),
    "avg_pool": lambda x, *sizes: 9 * PAIRS["avg_pool"].reference(abs(x), *sizes),
    "avg_pool_dx": lambda dy, *sizes: 9 * PAIRS["avg_pool_dx"].reference(abs(dy), *sizes),
    "multiply": lambda a, b: abs(a * b),
    "column_mean": lambda x: (len(x) + 2) * abs(x).mean(axis=0),
    "column_variance": lambda x, mean: (len(x) + 6) * ((abs(x) + abs(mean)) ** 2).mean(axis=0),
    "normalize": lambda x, mean, var, eps: 6 * (abs(x) + abs(mean)) / np.sqrt(var + eps),
    "normalize_dx": normalize_dx,
    "by_deviation": lambda dz, var, eps: 5 * abs(dz) / np.sqrt(var + eps),
    "scale_columns": lambda dy, weight: abs(dy * weight),
    "scale_and_shift": lambda z, weight, bias: 2 * abs(z * weight) + abs(bias),
    "column_products": lambda dy, z: (len(z) + 2) * abs(dy * z).sum(axis=0),
    "channel_mean": lambda x: (many(x) + 2) * abs(x).mean(OVER),
    "channel_variance": channel_variance,
    "channel_sums": lambda dy: (many(dy) + 2) * abs(dy).sum(OVER),
    "channel_products": lambda dy, z: (many(z) + 2) * abs(dy * z).sum(OVER),
    "normalize_channels": normalize_channels,
    "normalize_channels_dx": normalize_channels_dx,
    "by_channel_deviation": lambda dz, var, eps: 5 * abs(dz) / np.sqrt(beside(var) + eps),
    "scale_channels": lambda dy, weight: abs(dy * beside(weight)),
    "scale_and_shift_channels": lambda z, weight, bias: (
        2 * abs(z * beside(weight)) + abs(beside(bias))
    ),
    "conv2d": conv2d,
    "conv2d_dx": lambda dy, w, *window: conv_transpose2d(dy, w, np.zeros(w.shape[1]), *window),
    "conv2d_dw": conv2d_dw,
    "conv_transpose2d": conv_transpose2d,
    "conv_transpose2d_dx": lambda dy, w, *window: conv2d(dy, w, np.zeros(len(w)), *window),
    "unbiased": lambda var, rows: 4 * var * rows / (rows - 1),
    "count_one": lambda count: 0,
    "running_average": lambda running, latest, momentum: 4 * (abs(running) + abs(latest)),
    "cumulative_average": lambda running, latest, count: 4 * (abs(running) + abs(latest)),
    "keep_mask": lambda p, state, mask: (0, 2 / (1 - p)),
    "add_scaled": lambda a, b, factor: 3 * (abs(a) + abs(factor * b)),
    "track_velocity": lambda v, g, momentum, share: 4 * (abs(momentum * v) + abs(share * g)),
    "track_mean": lambda m, g, decay: 4 * (abs(m) + abs(g)),
    "track_square": lambda v, g, decay: 4 * (abs(v) + g * g),
    "track_highest": lambda highest, v: 0,
    "variance": lambda v, m: 2 * (abs(v) + m * m),
    "rmsprop_direction": lambda g, v, eps: 5 * abs(g / (np.sqrt(v) + eps)),
    "adam_direction": adam_direction,
    "squares": lambda values: (values.size + 1) * (values**2).sum(),
    "all_finite": lambda values: 0,
}
"""By kernel; a kernel that is not here fails its test."""


def softmax_layer_dx(x: Array, dy: Array) -> Array:
    """Softmax's backward, whose y is rounded already: that many roundings more."""
    _, y, _ = _softmax_parts(x)
    off = softmax(x)
    passed_on = off * (abs(dy) + _rows(abs(dy * y))) + y * _rows(abs(dy) * off)
    return ROUNDINGS["softmax_dx"](dy, y) + passed_on


def log_softmax_layer_dx(x: Array, dy: Array) -> Array:
    """LogSoftmax's backward, whose y is rounded already."""
    _, p, _ = _softmax_parts(x)
    size = abs(dy) + p * _rows(abs(dy))
    return (x.shape[1] + LIBM + 3) * size + p * log_softmax(x) * _rows(abs(dy))


def cross_entropy_layer(x: Array, q: Array) -> tuple[Array, Array]:
    """The rows' cross-entropies and their gradient, with log_softmax and q rounded already."""
    below, p, _ = _softmax_parts(x)
    log_p, off = -below - np.log(_rows(np.exp(-below))), log_softmax(x)
    losses = ROUNDINGS["cross_entropy"](log_p, q) + (q * off + 5 * q * abs(log_p)).sum(axis=1)
    gradient = cross_entropy_dx(np.ones(len(x)), log_p, q)
    return losses, gradient + p * off * _rows(q) + 5 * (p * _rows(q) + q)
