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


@kernel(accumulate_reference, updates=("total",), equation="total += more", flat=True)
def accumulate(total: Array, more: Array) -> None:
    for i in range(total.size):
        total[i] += more[i]


def descend_reference(w: Array, direction: Array, lr: float) -> Array:
    return w - lr * direction


@kernel(descend_reference, updates=("w",), equation="w -= lr * direction", flat=True)
def descend(w: Array, direction: Array, lr: float) -> None:
    step = -w.dtype.type(lr)
    for i in range(w.size):
        w[i] = fma(step, direction[i], w[i])


def shrink_reference(w: Array, lr: float, weight_decay: float) -> Array:
    """Weight decay as AdamW has it, apart from the gradient."""
    return w * (1 - lr * weight_decay)


@kernel(shrink_reference, updates=("w",), equation="w *= 1 - lr * weight_decay", flat=True)
def shrink(w: Array, lr: float, weight_decay: float) -> None:
    share = w.dtype.type(1 - lr * weight_decay)
    for i in range(w.size):
        w[i] *= share


def add_scaled_reference(a: Array, b: Array, factor: float) -> Array:
    """Weight decay within the gradient, and Nesterov's look ahead."""
    return a + factor * b


@kernel(add_scaled_reference, equation="result = a + factor * b", flat=True)
def add_scaled(a: Array, b: Array, factor: float, result: Array) -> None:
    scale = a.dtype.type(factor)
    for i in range(a.size):
        result[i] = fma(scale, b[i], a[i])


def negative_reference(g: Array) -> Array:
    """The gradient to climb by."""
    return -g


@kernel(negative_reference, equation="result = -g", flat=True)
def negative(g: Array, result: Array) -> None:
    for i in range(g.size):
        result[i] = -g[i]


def track_velocity_reference(v: Array, g: Array, momentum: float, share: float) -> Array:
    return momentum * v + share * g


@kernel(
    track_velocity_reference, updates=("v",), equation="v = momentum * v + share * g", flat=True
)
def track_velocity(v: Array, g: Array, momentum: float, share: float) -> None:
    keep, add = v.dtype.type(momentum), v.dtype.type(share)
    least = v.dtype.type(smallest_normal(v))
    for i in range(v.size):
        now = fma(add, g[i], keep * v[i])
        v[i] = 0 if abs(now) < least else now


def track_mean_reference(m: Array, g: Array, decay: float) -> Array:
    return m + (1 - decay) * (g - m)


@kernel(track_mean_reference, updates=("m",), equation="m = decay * m + (1 - decay) * g", flat=True)
def track_mean(m: Array, g: Array, decay: float) -> None:
    rate = m.dtype.type(1 - decay)
    least = m.dtype.type(smallest_normal(m))
    for i in range(m.size):
        now = fma(rate, g[i] - m[i], m[i])
        m[i] = 0 if abs(now) < least else now


def track_square_reference(v: Array, g: Array, decay: float) -> Array:
    return decay * v + (1 - decay) * g * g


@kernel(
    track_square_reference, updates=("v",), equation="v = decay * v + (1 - decay) * g**2", flat=True
)
def track_square(v: Array, g: Array, decay: float) -> None:
    keep, rate = v.dtype.type(decay), v.dtype.type(1 - decay)
    least = v.dtype.type(smallest_normal(v))
    for i in range(v.size):
        now = fma(rate * g[i], g[i], keep * v[i])
        v[i] = 0 if abs(now) < least else now


def track_highest_reference(highest: Array, v: Array) -> Array:
    return np.maximum(highest, v)


@kernel(
    track_highest_reference,
    updates=("highest",),
    equation="highest = maximum(highest, v)",
    flat=True,
)
def track_highest(highest: Array, v: Array) -> None:
    for i in range(highest.size):
        if v[i] > highest[i] or np.isnan(v[i]):  # and a NaN in highest stays
            highest[i] = v[i]


def variance_reference(v: Array, m: Array) -> Array:
    return v - m * m


@kernel(variance_reference, equation="result = v - m**2", flat=True)
def variance(v: Array, m: Array, result: Array) -> None:
    for i in range(v.size):
        result[i] = fma(-m[i], m[i], v[i])


def rmsprop_direction_reference(g: Array, v: Array, eps: float) -> Array:
    return g / (np.sqrt(v) + eps)


@kernel(rmsprop_direction_reference, equation="direction = g / (sqrt(v) + eps)", flat=True)
def rmsprop_direction(g: Array, v: Array, eps: float, direction: Array) -> None:
    guard = g.dtype.type(eps)
    for i in range(g.size):
        direction[i] = g[i] / (np.sqrt(v[i]) + guard)


def adam_direction_reference(
    m: Array, v: Array, t: float, beta1: float, beta2: float, eps: float
) -> Array:
    return (m / (1 - beta1**t)) / (np.sqrt(v) / np.sqrt(1 - beta2**t) + eps)


@kernel(adam_direction_reference, flat=True)
def adam_direction(
    m: Array, v: Array, t: float, beta1: float, beta2: float, eps: float, direction: Array
) -> None:
    start1 = m.dtype.type(1 - beta1**t)
    start2 = m.dtype.type(np.sqrt(1 - beta2**t))
    guard = m.dtype.type(eps)
    for i in range(m.size):
        direction[i] = (m[i] / start1) / (np.sqrt(v[i]) / start2 + guard)


def squares_reference(values: Array) -> float:
    """The square of the Euclidean norm."""
    return float((values.astype(np.float64) ** 2).sum())


@kernel(squares_reference, flat=True)
def squares(values: Array) -> float:
    in_lanes = values.size // 64 * 64
    total = zeros(values, 64)
    for i in range(0, in_lanes, 64):
        some = load(values, (i,), 64)
        total = fma(some, some, total)
    result = np.float64(add_up(total))
    for i in range(in_lanes, values.size):
        result += values[i] * values[i]
    return result


def all_finite_reference(values: Array) -> bool:
    return bool(np.isfinite(values).all())


@kernel(all_finite_reference, flat=True)
def all_finite(values: Array) -> bool:
    in_lanes = values.size // 64 * 64
    total = zeros(values, 64)
    for i in range(0, in_lanes, 64):
        total = fma(0.0, load(values, (i,), 64), total)  # 0 * NaN and 0 * inf are NaN, and stay
    strays = 0
    for i in range(in_lanes, values.size):
        strays += not np.isfinite(values[i])
    return strays == 0 and lanes.all_finite(total)
