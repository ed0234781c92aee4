"""The update rules of the optimizers: what one step does to one parameter, and to its memory.

Every rule works on each number by itself; `w` is the parameter, `g` its gradient. An optimizer
tracks what it remembers of the gradients, forms a direction, and descends. Scalars come as float64
and are cast to the parameter's dtype first. Where PyTorch's loops multiply and add with one
rounding, ``fma`` does so here. What a memory holds of gradients long gone becomes 0 once it is no
normal number any more: such numbers would stay for ever, and slow down each step.
"""

import numpy as np

from tinynet.kernels.jit.compile import inlined
from tinynet.kernels.jit.kernel import kernel
from tinynet.kernels.simd import lanes
from tinynet.kernels.simd.lanes import add_up, fma, load, zeros
from tinynet.support.types import Array


@inlined
def smallest_normal(a: Array) -> float:
    """Below it, processors take a hundred times as long for a number, and keep few digits of it."""
    return 1.1754943508222875e-38 if a.itemsize == 4 else 2.2250738585072014e-308


def accumulate_reference(total: Array, more: Array) -> Array:
    """A gradient is added to what is there."""
    return total + more


@kernel(accumulate_reference, updates=("total",), equation="total += more")
def accumulate(total: Array, more: Array) -> None:
    sums, terms = total.reshape(-1), more.reshape(-1)
    for i in range(sums.size):
        sums[i] += terms[i]


def descend_reference(w: Array, direction: Array, lr: float) -> Array:
    return w - lr * direction


@kernel(descend_reference, updates=("w",), equation="w -= lr * direction")
def descend(w: Array, direction: Array, lr: float) -> None:
    weights, slopes, step = w.reshape(-1), direction.reshape(-1), -w.dtype.type(lr)
    for i in range(weights.size):
        weights[i] = fma(step, slopes[i], weights[i])


def shrink_reference(w: Array, lr: float, weight_decay: float) -> Array:
    """Weight decay as AdamW has it, apart from the gradient."""
    return w * (1 - lr * weight_decay)


@kernel(shrink_reference, updates=("w",), equation="w *= 1 - lr * weight_decay")
def shrink(w: Array, lr: float, weight_decay: float) -> None:
    weights, share = w.reshape(-1), w.dtype.type(1 - lr * weight_decay)
    for i in range(weights.size):
        weights[i] *= share


def add_scaled_reference(a: Array, b: Array, factor: float) -> Array:
    """Weight decay within the gradient, and Nesterov's look ahead."""
    return a + factor * b


@kernel(add_scaled_reference, equation="result = a + factor * b")
def add_scaled(a: Array, b: Array, factor: float, result: Array) -> None:
    firsts, seconds, results = a.reshape(-1), b.reshape(-1), result.reshape(-1)
    scale = a.dtype.type(factor)
    for i in range(firsts.size):
        results[i] = fma(scale, seconds[i], firsts[i])


def negative_reference(g: Array) -> Array:
    """The gradient to climb by."""
    return -g


@kernel(negative_reference, equation="result = -g")
def negative(g: Array, result: Array) -> None:
    gradient, results = g.reshape(-1), result.reshape(-1)
    for i in range(gradient.size):
        results[i] = -gradient[i]


def track_velocity_reference(v: Array, g: Array, momentum: float, share: float) -> Array:
    return momentum * v + share * g


@kernel(track_velocity_reference, updates=("v",), equation="v = momentum * v + share * g")
def track_velocity(v: Array, g: Array, momentum: float, share: float) -> None:
    velocity, gradient = v.reshape(-1), g.reshape(-1)
    keep, add = v.dtype.type(momentum), v.dtype.type(share)
    least = v.dtype.type(smallest_normal(v))
    for i in range(velocity.size):
        now = fma(add, gradient[i], keep * velocity[i])
        velocity[i] = 0 if abs(now) < least else now


def track_mean_reference(m: Array, g: Array, decay: float) -> Array:
    return m + (1 - decay) * (g - m)


@kernel(track_mean_reference, updates=("m",), equation="m = decay * m + (1 - decay) * g")
def track_mean(m: Array, g: Array, decay: float) -> None:
    mean, gradient, rate = m.reshape(-1), g.reshape(-1), m.dtype.type(1 - decay)
    least = m.dtype.type(smallest_normal(m))
    for i in range(mean.size):
        now = fma(rate, gradient[i] - mean[i], mean[i])
        mean[i] = 0 if abs(now) < least else now


def track_square_reference(v: Array, g: Array, decay: float) -> Array:
    return decay * v + (1 - decay) * g * g


@kernel(track_square_reference, updates=("v",), equation="v = decay * v + (1 - decay) * g**2")
def track_square(v: Array, g: Array, decay: float) -> None:
    square, gradient = v.reshape(-1), g.reshape(-1)
    keep, rate = v.dtype.type(decay), v.dtype.type(1 - decay)
    least = v.dtype.type(smallest_normal(v))
    for i in range(square.size):
        now = fma(rate * gradient[i], gradient[i], keep * square[i])
        square[i] = 0 if abs(now) < least else now


def track_highest_reference(highest: Array, v: Array) -> Array:
    return np.maximum(highest, v)


@kernel(track_highest_reference, updates=("highest",), equation="highest = maximum(highest, v)")
def track_highest(highest: Array, v: Array) -> None:
    highs, squares = highest.reshape(-1), v.reshape(-1)
    for i in range(highs.size):
        if squares[i] > highs[i] or np.isnan(squares[i]):  # and a NaN in highs stays
            highs[i] = squares[i]


def variance_reference(v: Array, m: Array) -> Array:
    return v - m * m


@kernel(variance_reference, equation="result = v - m**2")
def variance(v: Array, m: Array, result: Array) -> None:
    squares, means, results = v.reshape(-1), m.reshape(-1), result.reshape(-1)
    for i in range(squares.size):
        results[i] = fma(-means[i], means[i], squares[i])


def rmsprop_direction_reference(g: Array, v: Array, eps: float) -> Array:
    return g / (np.sqrt(v) + eps)


@kernel(rmsprop_direction_reference, equation="direction = g / (sqrt(v) + eps)")
def rmsprop_direction(g: Array, v: Array, eps: float, direction: Array) -> None:
    gradient, squares, slopes = g.reshape(-1), v.reshape(-1), direction.reshape(-1)
    guard = g.dtype.type(eps)
    for i in range(gradient.size):
        slopes[i] = gradient[i] / (np.sqrt(squares[i]) + guard)


def adam_direction_reference(
    m: Array, v: Array, t: float, beta1: float, beta2: float, eps: float
) -> Array:
    return (m / (1 - beta1**t)) / (np.sqrt(v) / np.sqrt(1 - beta2**t) + eps)


@kernel(adam_direction_reference)
def adam_direction(
    m: Array, v: Array, t: float, beta1: float, beta2: float, eps: float, direction: Array
) -> None:
    means, squares, slopes = m.reshape(-1), v.reshape(-1), direction.reshape(-1)
    start1 = m.dtype.type(1 - beta1**t)
    start2 = m.dtype.type(np.sqrt(1 - beta2**t))
    guard = m.dtype.type(eps)
    for i in range(means.size):
        slopes[i] = (means[i] / start1) / (np.sqrt(squares[i]) / start2 + guard)


def squares_reference(values: Array) -> float:
    """The square of the Euclidean norm."""
    return float((values.astype(np.float64) ** 2).sum())


@kernel(squares_reference)
def squares(values: Array) -> float:
    numbers = values.reshape(-1)
    in_lanes = numbers.size // 64 * 64
    total = zeros(numbers, 64)
    for i in range(0, in_lanes, 64):
        some = load(numbers, (i,), 64)
        total = fma(some, some, total)
    result = np.float64(add_up(total))
    for i in range(in_lanes, numbers.size):
        result += numbers[i] * numbers[i]
    return result


def all_finite_reference(values: Array) -> bool:
    return bool(np.isfinite(values).all())


@kernel(all_finite_reference)
def all_finite(values: Array) -> bool:
    numbers = values.reshape(-1)
    in_lanes = numbers.size // 64 * 64
    total = zeros(numbers, 64)
    for i in range(0, in_lanes, 64):
        total = fma(0.0, load(numbers, (i,), 64), total)  # 0 * NaN and 0 * inf are NaN, and stay
    strays = 0
    for i in range(in_lanes, numbers.size):
        strays += not np.isfinite(numbers[i])
    return strays == 0 and lanes.all_finite(total)
