"""Kernels of the losses: how much rows and classes count, what they lose, and who was right.

Rows are summed from the first to the last, in float64, so that a loss does not depend on threads.
"""

import numpy as np

from tinynet.kernels.jit.kernel import kernel
from tinynet.kernels.rows import exponentials
from tinynet.support.types import Array, Labels


def label_weights_reference(labels: Labels, weight: Array, ignore_index: int) -> Array:
    return np.where(labels == ignore_index, 0, weight.take(labels, mode="clip"))


@kernel(label_weights_reference)
def label_weights(labels: Labels, weight: Array, ignore_index: int, weights: Array) -> None:
    for n in range(labels.size):
        weights[n] = 0 if labels[n] == ignore_index else weight[labels[n]]


def nll_reference(log_probs: Array, labels: Labels, weights: Array) -> Array:
    picked = log_probs[np.arange(labels.size), labels.clip(0, log_probs.shape[1] - 1)]
    return -np.where(weights == 0, 0, weights * picked)


@kernel(nll_reference, equation="losses = -weights * log_probs[n, labels[n]]")
def nll(log_probs: Array, labels: Labels, weights: Array, losses: Array) -> None:
    for n in range(labels.size):
        losses[n] = 0 if weights[n] == 0 else -weights[n] * log_probs[n, labels[n]]


def nll_dx_reference(dy: Array, labels: Labels, weights: Array, classes: int) -> Array:
    hit = (labels[:, None] == np.arange(classes)) & (weights[:, None] != 0)
    return np.where(hit, -(dy * weights)[:, None], 0)


@kernel(nll_dx_reference, equation="dx = -dy * weights at the labels")
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


@kernel(cross_entropy_reference, equation="losses = -(q * log_probs).sum(axis=1)")
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


@kernel(cross_entropy_dx_reference, equation="dx = dy * (exp(log_probs) * q.sum() - q)")
def cross_entropy_dx(dy: Array, log_probs: Array, q: Array, dx: Array) -> None:
    N, C = q.shape
    exponentials(log_probs, dx)
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


@kernel(most_likely_reference, equation="guesses = y.argmax(axis=1)")
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


def row_mean_reference(losses: Array, counts: Array) -> float:
    """The mean over rows that count differently; NaN if none counts."""
    count = total_reference(counts)
    return total_reference(losses) / count if count else float("nan")


@kernel(row_mean_reference, equation="losses.sum() / counts.sum()")
def row_mean(losses: Array, counts: Array) -> float:
    count = total(counts)
    return total(losses) / count if count != 0 else np.nan


def row_mean_dx_reference(dy: float, counts: Array) -> Array:
    """What each row's count is multiplied by in the mean's derivative; 0 if none counts."""
    count = total_reference(counts)
    return np.full_like(counts, dy / count if count else 0)


@kernel(row_mean_dx_reference, equation="share = dy / counts.sum()")
def row_mean_dx(dy: float, counts: Array, share: Array) -> None:
    count = total(counts)
    share[:] = dy / count if count != 0 else 0.0


def fill_reference(value: float, rows: int) -> Array:
    return np.full(rows, value)


@kernel(fill_reference, equation="result = value")
def fill(value: float, rows: int, result: Array) -> None:
    result[:] = value


def as_labels_reference(numbers: Labels) -> Labels:
    return numbers.astype(np.int64)


@kernel(as_labels_reference)
def as_labels(numbers: Labels, labels: Labels) -> None:
    for n in range(numbers.size):
        labels[n] = numbers[n]


def first_outside_reference(labels: Labels, classes: int, ignored: int) -> int:
    """The first row whose label is no class and not to be ignored; -1 if there is none."""
    outside = ((labels < 0) | (labels >= classes)) & (labels != ignored)
    return int(outside.argmax()) if outside.any() else -1


@kernel(first_outside_reference)
def first_outside(labels: Labels, classes: int, ignored: int) -> int:
    for n in range(labels.size):
        if (labels[n] < 0 or labels[n] >= classes) and labels[n] != ignored:
            return n
    return -1


def counted_labels_reference(labels: Labels, ignored: int) -> Array:
    """1 for a row whose label is known, 0 for one to be ignored."""
    return (labels != ignored).astype(np.float64)


@kernel(counted_labels_reference)
def counted_labels(labels: Labels, ignored: int, counted: Array) -> None:
    for n in range(labels.size):
        counted[n] = labels[n] != ignored


def counted_rows_reference(probabilities: Array) -> Array:
    """1 for a row that names a class, 0 for one of zeros."""
    return (probabilities != 0).any(axis=1).astype(np.float64)


@kernel(counted_rows_reference)
def counted_rows(probabilities: Array, counted: Array) -> None:
    for n in range(probabilities.shape[0]):
        counted[n] = probabilities[n].any()


def percent_right_reference(y: Array, labels: Labels, counted: Array) -> float:
    """The share of the counted rows whose most likely class is right; a row with NaN is not."""
    right = (y.argmax(axis=1) == labels) & ~np.isnan(y).any(axis=1) & (counted != 0)
    count = np.count_nonzero(counted)
    return float(np.count_nonzero(right) / count * 100) if count else float("nan")


@kernel(percent_right_reference, equation="y.argmax(axis=1) == labels, in percent")
def percent_right(y: Array, labels: Labels, counted: Array) -> float:
    guesses = np.empty(labels.size, np.int64)
    most_likely(y, guesses)
    hits, count = 0, 0
    for n in range(labels.size):
        if counted[n] != 0:
            count += 1
            hits += guesses[n] == labels[n] and not np.isnan(y[n, guesses[n]])
    return hits / count * 100 if count else np.nan
