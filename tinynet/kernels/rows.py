"""Kernels that treat one row (one sample) after the other: activations, losses, and their sums.

Each pair is an equation and its loop. In the loops a row is walked two or three times, always from
its first class to its last, so that a sample's result does not depend on its neighbours. The row's
maximum is subtracted before `exp`: exp(89) is already more than float32 can hold.
"""

import numpy as np

from tinynet.kernels.gemm.nonzeros import lies_in_rows
from tinynet.kernels.jit.compile import inlined, jit
from tinynet.kernels.jit.kernel import kernel
from tinynet.kernels.jit.shared import shared
from tinynet.kernels.simd.lanes import add_up, exp, fetch, fma, load, store, zeros
from tinynet.kernels.updates import squares_reference
from tinynet.support.types import Array, Labels


def gather_reference(X: Array, rows: Labels) -> tuple[Array, float]:
    """A batch, these rows of the data set; and the square of its Euclidean norm."""
    return X[rows], squares_reference(X[rows])


@kernel(gather_reference)
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


@kernel(gather_scaled_reference)
def gather_scaled(X: Array, rows: Labels, scale: float, x: Array) -> None:
    factor = np.float32(scale)
    for n in range(rows.size):
        row = rows[n]
        for i in range(X.shape[1]):
            x[n, i] = np.float32(X[row, i]) * factor


def relu_reference(x: Array) -> Array:
    return np.maximum(x, 0)


@kernel(relu_reference)
def relu(x: Array, y: Array) -> None:
    inputs, outputs = x.reshape(-1), y.reshape(-1)
    for i in range(inputs.size):
        outputs[i] = 0 if inputs[i] <= 0 else inputs[i]  # NaN is not <= 0: it passes


def relu_dx_reference(dy: Array, y: Array) -> Array:
    return np.where(y <= 0, 0, dy)


@kernel(relu_dx_reference)
def relu_dx(dy: Array, y: Array, dx: Array) -> None:
    upstream, outputs, results = dy.reshape(-1), y.reshape(-1), dx.reshape(-1)
    for i in range(outputs.size):
        results[i] = 0 if outputs[i] <= 0 else upstream[i]  # chosen, not multiplied: 0 * NaN is NaN


@inlined
def _highest(x: Array, n: int) -> float:
    """The largest number of row n; a NaN in the row reaches the result through its sum."""
    highest = x[n, 0]
    for c in range(1, x.shape[1]):
        highest = x[n, c] if x[n, c] > highest else highest
    return highest


@shared(lambda t: (t[:, ::1], t[:, ::1]), jit)
def _exp(x: Array, y: Array) -> None:
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


@kernel(softmax_reference)
def softmax(x: Array, y: Array) -> None:
    N, C = x.shape
    for n in range(N):
        highest = _highest(x, n)
        for c in range(C):
            y[n, c] = x[n, c] - highest
    _exp(y, y)
    for n in range(N):
        total = x.dtype.type(0)
        for c in range(C):
            total += y[n, c]
        for c in range(C):
            y[n, c] /= total


def softmax_dx_reference(dy: Array, y: Array) -> Array:
    return y * (dy - (dy * y).sum(axis=1, keepdims=True))


@kernel(softmax_dx_reference)
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


@kernel(log_softmax_reference)
def log_softmax(x: Array, y: Array) -> None:
    N, C = x.shape
    for n in range(N):
        highest = _highest(x, n)
        for c in range(C):
            y[n, c] = x[n, c] - highest
    powers = np.empty_like(y)
    _exp(y, powers)
    for n in range(N):
        total = x.dtype.type(0)
        for c in range(C):
            total += powers[n, c]
        log_total = np.log(total)
        for c in range(C):
            y[n, c] -= log_total


def log_softmax_dx_reference(dy: Array, y: Array) -> Array:
    return dy - np.exp(y) * dy.sum(axis=1, keepdims=True)


@kernel(log_softmax_dx_reference)
def log_softmax_dx(dy: Array, y: Array, dx: Array) -> None:
    N, C = y.shape
    _exp(y, dx)
    for n in range(N):
        total = y.dtype.type(0)
        for c in range(C):
            total += dy[n, c]
        for c in range(C):
            dx[n, c] = dy[n, c] - dx[n, c] * total


def label_weights_reference(labels: Labels, weight: Array, ignore_index: int) -> Array:
    return np.where(labels == ignore_index, 0, weight.take(labels, mode="clip"))


@kernel(label_weights_reference)
def label_weights(labels: Labels, weight: Array, ignore_index: int, weights: Array) -> None:
    for n in range(labels.size):
        weights[n] = 0 if labels[n] == ignore_index else weight[labels[n]]


def nll_reference(log_probs: Array, labels: Labels, weights: Array) -> Array:
    picked = log_probs[np.arange(labels.size), labels.clip(0, log_probs.shape[1] - 1)]
    return -np.where(weights == 0, 0, weights * picked)


@kernel(nll_reference)
def nll(log_probs: Array, labels: Labels, weights: Array, losses: Array) -> None:
    for n in range(labels.size):
        losses[n] = 0 if weights[n] == 0 else -weights[n] * log_probs[n, labels[n]]


def nll_dx_reference(dy: Array, labels: Labels, weights: Array, classes: int) -> Array:
    hit = (labels[:, None] == np.arange(classes)) & (weights[:, None] != 0)
    return np.where(hit, -(dy * weights)[:, None], 0)


@kernel(nll_dx_reference)
def nll_dx(dy: Array, labels: Labels, weights: Array, classes: int, dx: Array) -> None:
    dx[:] = 0
    for n in range(labels.size):
        if weights[n] != 0:
            dx[n, labels[n]] = -dy[n] * weights[n]


def label_targets_reference(
    labels: Labels, weight: Array, ignore_index: int, smoothing: float
) -> Array:
    """How much each class counts for each row: the label, and a share of every class (N, C)."""
    hit = labels[:, None] == np.arange(weight.size)
    q = (1 - smoothing) * weight * hit + smoothing / weight.size * weight
    return np.where(labels[:, None] == ignore_index, 0, q)


@kernel(label_targets_reference)
def label_targets(
    labels: Labels, weight: Array, ignore_index: int, smoothing: float, q: Array
) -> None:
    share, rest = q.dtype.type(smoothing / weight.size), q.dtype.type(1 - smoothing)
    for n in range(labels.size):
        if labels[n] == ignore_index:
            for c in range(weight.size):
                q[n, c] = 0
        else:
            for c in range(weight.size):
                q[n, c] = share * weight[c]
            q[n, labels[n]] += rest * weight[labels[n]]


def probability_targets_reference(probabilities: Array, weight: Array, smoothing: float) -> Array:
    """The same, where the right answer is a probability for each class (N, C)."""
    return ((1 - smoothing) * probabilities + smoothing / weight.size) * weight


@kernel(probability_targets_reference)
def probability_targets(probabilities: Array, weight: Array, smoothing: float, q: Array) -> None:
    N, C = q.shape
    share, rest = q.dtype.type(smoothing / C), q.dtype.type(1 - smoothing)
    for n in range(N):
        for c in range(C):
            q[n, c] = (rest * probabilities[n, c] + share) * weight[c]


def cross_entropy_reference(log_probs: Array, q: Array) -> Array:
    return 0 - np.where(q == 0, 0, q * log_probs).sum(axis=1)


@kernel(cross_entropy_reference)
def cross_entropy(log_probs: Array, q: Array, losses: Array) -> None:
    N, C = q.shape
    for n in range(N):
        total = q.dtype.type(0)
        for c in range(C):
            if q[n, c] != 0:  # a class that does not count, counts 0, even at log(0)
                total += q[n, c] * log_probs[n, c]
        losses[n] = 0 - total  # of a row that does not count 0, and not -0


def cross_entropy_dx_reference(dy: Array, log_probs: Array, q: Array) -> Array:
    dx = dy[:, None] * (np.exp(log_probs) * q.sum(axis=1, keepdims=True) - q)
    return np.where((q != 0).any(axis=1, keepdims=True), dx, 0)


@kernel(cross_entropy_dx_reference)
def cross_entropy_dx(dy: Array, log_probs: Array, q: Array, dx: Array) -> None:
    N, C = q.shape
    _exp(log_probs, dx)
    for n in range(N):
        total, share = q.dtype.type(0), dy[n]
        for c in range(C):
            total += q[n, c]
        for c in range(C):
            dx[n, c] = share * (dx[n, c] * total - q[n, c])
        if total == 0 and not q[n].any():
            dx[n] = 0  # a row that does not count: whatever it holds, and whatever dy is


def most_likely_reference(y: Array) -> Labels:
    return y.argmax(axis=1)


@kernel(most_likely_reference)
def most_likely(y: Array, guesses: Labels) -> None:
    N, C = y.shape
    for n in range(N):
        best, highest = 0, y[n, 0]
        for c in range(1, C):
            if np.isnan(highest):
                break
            if not y[n, c] <= highest:
                best, highest = c, y[n, c]
        guesses[n] = best


def total_reference(values: Array) -> float:
    return float(values.sum(dtype=np.float64))


@kernel(total_reference)
def total(values: Array) -> float:
    result = np.float64(0)
    for n in range(values.size):
        result += values[n]
    return result
