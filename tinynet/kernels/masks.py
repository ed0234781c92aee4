"""Masks of random numbers, drawn by a generator that fits into a loop: its state is one number.

SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators", section 6)
counts in large steps and mixes the bits of where it is. So the number after next is known without
the next one, and an equation draws the same numbers as a loop.
"""

import math

import numpy as np

from tinynet.kernels.jit.kernel import kernel
from tinynet.support.types import Array

STEP = np.uint64(0x9E3779B97F4A7C15)  # 2**64 by the golden ratio
FIRST, SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_11, _27, _30, _31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)


def drawn(state: Array, count: int) -> Array:
    """The next `count` numbers of 64 bits."""
    z = state + np.arange(1, count + 1, dtype=np.uint64) * STEP
    z = (z ^ (z >> _30)) * FIRST
    z = (z ^ (z >> _27)) * SECOND
    return z ^ (z >> _31)


def keep_mask_reference(p: float, state: Array, mask: Array) -> tuple[Array, Array]:
    """A mask that is 0 with probability p and 1 / (1 - p) else; and the state after it."""
    u = (drawn(state, mask.size) >> _11) * 2.0**-53  # in [0, 1)
    kept = 1 / (1 - p) if p < 1 else 0
    return state + np.uint64(mask.size) * STEP, np.where(u < p, 0, kept).reshape(mask.shape)


@kernel(
    keep_mask_reference,
    updates=("state", "mask"),
    equation="mask = where(random() < p, 0, 1 / (1 - p))",
    flat=True,
)
def keep_mask(p: float, state: Array, mask: Array) -> None:
    kept = mask.dtype.type(1 / (1 - p) if p < 1 else 0)
    first_kept = np.uint64(math.ceil(p * 2.0**53))  # whole numbers are compared, as u and p were
    start = state[0]
    for i in range(mask.size):
        z = start + np.uint64(i + 1) * STEP
        z = (z ^ (z >> _30)) * FIRST
        z = (z ^ (z >> _27)) * SECOND
        mask[i] = kept if (z ^ (z >> _31)) >> _11 >= first_kept else 0
    state[0] = start + np.uint64(mask.size) * STEP


def multiply_reference(a: Array, b: Array) -> Array:
    return a * b


@kernel(multiply_reference, equation="y = a * b", flat=True)
def multiply(a: Array, b: Array, y: Array) -> None:
    for i in range(y.size):
        y[i] = a[i] * b[i]
