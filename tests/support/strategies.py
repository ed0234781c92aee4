"""Shapes and arrays for tests, and how results are compared.

A property test draws a seed and the widths N, I, O, C, and makes normal arrays from the seed:
hypothesis's own arrays are mostly constant, and in those a transposed operand hides. The widths
stand on both sides of every block that a loop works in.
"""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import DTypeLike, NDArray

from tinynet import Module

Array = NDArray[Any]

seeds = st.integers(0, 2**32 - 1)
batch_sizes = st.sampled_from([1, 2, 3, 5, 6, 7, 8, 13, 33])
widths = st.sampled_from([1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 100])
class_counts = st.sampled_from([1, 2, 3, 10, 17])
densities = st.sampled_from([1.0, 0.9, 0.5, 0.2, 0.0])
dtypes = st.sampled_from([np.float64, np.float32])

NOT_FINITE_ROWS = {
    "inf": [np.inf, 0.5, -1.0],
    "two infs": [np.inf, np.inf, -1.0],
    "-inf": [-np.inf, 0.5, -1.0],
    "only -inf": [-np.inf, -np.inf, -np.inf],
    "inf and -inf": [np.inf, -np.inf, 0.5],
    "NaN": [np.nan, 0.5, -1.0],
    "NaN and inf": [np.nan, np.inf, 0.5],
}


def normal(
    rng: np.random.Generator,
    *shape: int,
    dtype: DTypeLike = np.float64,
    density: float = 1.0,
) -> Array:
    """Normal numbers, of which the share 1 - `density` is exactly 0."""
    values = rng.standard_normal(shape) * (rng.random(shape) < density)
    return np.asarray(values, dtype)


def logits(rng: np.random.Generator, N: int, C: int, dtype: DTypeLike = np.float64) -> Array:
    """Scores up to 1e4 in size; the first row's are about 1.

    Where one class wins by far, the gradient is a difference of numbers that are nearly equal.
    The first row keeps the array's largest gradient well above what rounds away there.
    """
    x = normal(rng, N, C)
    x[1:] *= 10.0 ** rng.uniform(0, 4, (N - 1, 1))
    return np.asarray(x.clip(-1e4, 1e4), dtype)


def one_hot(labels: Array, C: int, dtype: DTypeLike = np.float64) -> Array:
    return np.asarray(labels[:, None] == np.arange(C), dtype)


def probabilities(rng: np.random.Generator, N: int, C: int, dtype: DTypeLike = np.float64) -> Array:
    """Rows that sum to 1, some classes with none."""
    p = rng.random((N, C)) * (rng.random((N, C)) < 0.7)
    p[np.arange(N), rng.integers(C, size=N)] += 0.1
    return np.asarray(p / p.sum(axis=1, keepdims=True), dtype)


def _every_other(x: Array) -> Array:
    spread = np.full([2 * n for n in x.shape], np.nan, x.dtype)
    view = spread[tuple(slice(None, None, 2) for _ in x.shape)]
    view[...] = x
    return view


def _read_only(x: Array) -> Array:
    copy = x.copy()
    copy.flags.writeable = False
    return copy


def _unaligned(x: Array) -> Array:
    memory = np.empty(x.nbytes + 1, np.uint8)
    view = memory[1:].view(x.dtype).reshape(x.shape)
    view[...] = x
    return view


LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "Fortran order": np.asfortranarray,
    "every other element": _every_other,
    "backwards": lambda x: x[::-1].copy()[::-1],
    "read-only": _read_only,
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "little-endian": lambda x: x.astype(x.dtype.newbyteorder("<")),
    "unaligned": _unaligned,
    "broadcast": lambda x: np.broadcast_to(x, (1, *x.shape))[0],
}
"""The same values, laid out in memory in other ways."""


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays agree in shape, dtype and every bit, except that any NaN equals any."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    nan = np.isnan(a) if a.dtype.kind == "f" else np.zeros(a.shape, bool)
    return (
        bool((nan == np.isnan(b)).all() if a.dtype.kind == "f" else True)
        and np.where(nan, 0, a).tobytes() == np.where(nan, 0, b).tobytes()
    )


def fingerprint(*modules: Module) -> str:
    """A hash of all weights, gradients and kept values of these modules and the layers in them."""
    digest = hashlib.sha256()

    def add(value: Any) -> None:
        if isinstance(value, np.ndarray):
            digest.update(f"{value.shape} {value.dtype}".encode() + value.tobytes())
        elif isinstance(value, tuple | list):
            digest.update(b"(")
            for element in value:
                add(element)
        else:
            digest.update(repr(value).encode())

    for module in modules:
        add((module._kept, module._output))
        for parameter in module.parameters():
            add((parameter.data, parameter.grad))
        for _, child in module.children():
            digest.update(fingerprint(child).encode())
    return digest.hexdigest()


def assert_close_to_torch(ours: Any, theirs: Any, tolerance: float = 1e-12) -> None:
    """Fail unless |ours - theirs| <= 1e-12 * max|theirs|, with NaN and inf in the same places.

    `ours` is an array or a float, `theirs` a tensor, both float64.
    """
    theirs = theirs.detach().numpy()
    ours = np.asarray(ours)
    assert ours.dtype == theirs.dtype == np.float64
    assert ours.shape == theirs.shape, f"shape {ours.shape}, PyTorch's is {theirs.shape}"
    finite = np.isfinite(theirs)
    np.testing.assert_array_equal(ours[~finite], theirs[~finite])
    assert np.isfinite(ours[finite]).all(), "not finite, where PyTorch's result is"
    largest = np.abs(theirs[finite]).max(initial=0.0)
    error = np.abs(ours[finite] - theirs[finite]).max(initial=0.0)
    assert error <= tolerance * largest, (
        f"differs from PyTorch by {error:.3g}, where the largest number is {largest:.3g}"
    )


def assert_within(actual: Any, expected: Any, bound: Any) -> None:
    """Fail unless |actual - expected| <= bound, element by element."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    excess = np.abs(actual - expected) - bound
    assert (excess <= 0).all(), (
        f"outside the rounding bound at {np.argwhere(~(excess <= 0))[0].tolist()}: "
        f"got {actual[~(excess <= 0)][0]!r}, expected {expected[~(excess <= 0)][0]!r}"
    )
