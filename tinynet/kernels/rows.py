"""Kernels that treat one row (one sample) after the other: batches, and softmax.

Each pair is an equation and its loop. In the loops a row is walked two or three times, always from
its first class to its last, so that a sample's result does not depend on its neighbours. The row's
maximum is subtracted before `exp`: exp(89) is already more than float32 can hold.
"""

import numpy as np

from tinynet.kernels.gemm.masks import lies_in_rows
from tinynet.kernels.gemm.packing import transpose
from tinynet.kernels.jit.compile import inlined, jit
from tinynet.kernels.jit.kernel import kernel
from tinynet.kernels.jit.shared import shared
from tinynet.kernels.simd.lanes import add_up, exp, fetch, fma, load, store, zeros
from tinynet.kernels.updates import squares_reference
from tinynet.support.types import Array, Labels


def gather_reference(X: Array, rows: Labels) -> tuple[Array, float]:
    """A batch, these rows of the data set; and the square of its Euclidean norm."""
    return X[rows], squares_reference(X[rows])


@kernel(gather_reference, equation="x = X[rows]")
def gather(X: Array, rows: Labels, x: Array) -> float:
    in_lanes = X.shape[1] // 16 * 16 if lies_in_rows(X) else 0
    total = zeros(X, 16)
    rest = 0.0
    for n in range(rows.size):
        row, following = rows[n], rows[min(n + 1, rows.size - 1)]
        for i in range(0, in_lanes, 16):
            fetch(X, (following, i))
            some = load(X, (row, i), 16)
            store(some, x, (n, i))
            total = fma(some, some, total)
        for i in range(in_lanes, X.shape[1]):
            x[n, i] = X[row, i]
            rest += x[n, i] * x[n, i]
    return rest + add_up(total)


def gather_scaled_reference(X: Array, rows: Labels, scale: float) -> Array:
    """A batch of a data set that is kept small, such as uint8 pixels."""
    return X[rows].astype(np.float32) * np.float32(scale)


@kernel(gather_scaled_reference, equation="x = X[rows] * scale")
def gather_scaled(X: Array, rows: Labels, scale: float, x: Array) -> None:
    factor = np.float32(scale)
    for n in range(rows.size):
        row = rows[n]
        for i in range(X.shape[1]):
            x[n, i] = np.float32(X[row, i]) * factor


def add_reference(a: Array, b: Array) -> Array:
    return a + b


@kernel(add_reference, equation="y = a + b", flat=True)
def add(a: Array, b: Array, y: Array) -> None:
    for i in range(y.size):
        y[i] = a[i] + b[i]


def copied_reference(a: Array) -> Array:
    return a.copy()


@kernel(copied_reference, equation="y = a", flat=True)
def copied(a: Array, y: Array) -> None:
    for i in range(y.size):
        y[i] = a[i]


def transposed_reference(a: Array) -> Array:
    return a.T


@kernel(transposed_reference, equation="y = a.T")
def transposed(a: Array, y: Array) -> None:
    transpose(a.T, y)  # by blocks of 8 by 8


@inlined
def _highest(x: Array, n: int) -> float:
    """The largest number of row n; a NaN in the row reaches the result through its sum."""
    highest = x[n, 0]
    for c in range(1, x.shape[1]):
        highest = x[n, c] if x[n, c] > highest else highest
    return highest


@shared(lambda t: (t[:, ::1], t[:, ::1]), jit)
def exponentials(x: Array, y: Array) -> None:
    """y = exp(x); both may be one array."""
    exponents, powers = x.reshape(-1), y.reshape(-1)
    in_lanes = exponents.size // 8 * 8
    for i in range(0, in_lanes, 8):
        store(exp(load(exponents, (i,), 8)), powers, (i,))
    for i in range(in_lanes, exponents.size):
        store(exp(load(exponents, (i,), 1)), powers, (i,))


def softmax_reference(x: Array) -> Array:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@kernel(softmax_reference, equation="y = exp(x) / exp(x).sum()")
def softmax(x: Array, y: Array) -> None:
    N, C = x.shape
    for n in range(N):
        highest = _highest(x, n)
        for c in range(C):
            y[n, c] = x[n, c] - highest
    exponentials(y, y)
    for n in range(N):
        total = x.dtype.type(0)
        for c in range(C):
            total += y[n, c]
        for c in range(C):
            y[n, c] /= total


def softmax_dx_reference(dy: Array, y: Array) -> Array:
    return y * (dy - (dy * y).sum(axis=1, keepdims=True))


@kernel(softmax_dx_reference, equation="dx = y * (dy - (dy * y).sum())")
def softmax_dx(dy: Array, y: Array, dx: Array) -> None:
    N, C = y.shape
    for n in range(N):
        total = y.dtype.type(0)
        for c in range(C):
            total += dy[n, c] * y[n, c]
        for c in range(C):
            dx[n, c] = y[n, c] * (dy[n, c] - total)


def log_softmax_reference(x: Array) -> Array:
    shifted = x - x.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


@kernel(log_softmax_reference, equation="y = x - log(exp(x).sum())")
def log_softmax(x: Array, y: Array) -> None:
    N, C = x.shape
    for n in range(N):
        highest = _highest(x, n)
        for c in range(C):
            y[n, c] = x[n, c] - highest
    powers = np.empty_like(y)
    exponentials(y, powers)
    for n in range(N):
        total = x.dtype.type(0)
        for c in range(C):
            total += powers[n, c]
        log_total = np.log(total)
        for c in range(C):
            y[n, c] -= log_total


def log_softmax_dx_reference(dy: Array, y: Array) -> Array:
    return dy - np.exp(y) * dy.sum(axis=1, keepdims=True)


@kernel(log_softmax_dx_reference, equation="dx = dy - exp(y) * dy.sum()")
def log_softmax_dx(dy: Array, y: Array, dx: Array) -> None:
    N, C = y.shape
    exponentials(y, dx)
    for n in range(N):
        total = y.dtype.type(0)
        for c in range(C):
            total += dy[n, c]
        for c in range(C):
            dx[n, c] = dy[n, c] - dx[n, c] * total
