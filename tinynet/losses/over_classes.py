"""The losses over classes: which of C answers is right.

CrossEntropyLoss is LogSoftmax and NLLLoss in one; fused, their gradient is the simplest of all:
what the network believes, minus what is true.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tinynet import kernels
from tinynet.losses.loss import Loss
from tinynet.support.checks import class_probabilities, float_array, integer_labels, scores
from tinynet.support.options import ClassWeights, Label, Number, code
from tinynet.support.types import Array, Labels


class ClassLoss(Loss):
    """What both losses over classes share: how much a class and a row count, and the accuracy."""

    weight, ignore_index = ClassWeights(), Label()

    def __init__(
        self, weight: ArrayLike | None = None, ignore_index: int = -100, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction)
        self.ignore_index, self.weight = ignore_index, weight

    def accuracy(self, outputs: Array, target: Any) -> float:
        """The share of right answers in percent, as ``tn.accuracy``, without rows to be ignored.

        The target must be one that the loss has taken: it is not checked again. A loss of one's own
        that has this method gets accuracies wherever there are losses.
        """
        outputs = float_array(type(self).__name__, outputs)
        counted, labels = np.empty(len(outputs)), np.empty(len(outputs), np.int64)
        if target.ndim == 2:
            kernels.most_likely(target, labels)
            kernels.counted_rows(target, counted)
        else:
            labels = _int64(target)
            kernels.counted_labels(labels, self.ignore_index, counted)
        return kernels.percent_right(outputs, labels, counted)

    def row_weights(self, target: Any, classes: int) -> Array:
        """How much each row counts in the mean, (N,): its class's weight; 0 if it is ignored."""
        if isinstance(target, np.ndarray) and target.ndim == 2:
            return np.ones(len(target))
        labels = self._checked_labels(target, len(target), classes)
        counts, weight = np.empty(len(labels)), self.class_weights(classes, np.float64)
        kernels.label_weights(labels, weight, self.ignore_index, counts)
        return counts

    def class_weights(self, classes: int, dtype: Any) -> Array:
        """How much each class counts, (C,): `weight`, or ones."""
        if self.weight is None:
            return np.ones(classes, dtype)
        if len(self.weight) != classes:
            raise ValueError(
                f"{self!r}: weight has {len(self.weight)} numbers, expected one for each of the "
                f"{classes} classes of the input"
            )
        with np.errstate(all="ignore"):
            return self.weight.astype(dtype)

    def _checked_labels(self, labels: Any, rows: int, classes: int) -> Labels:
        owner = type(self).__name__
        given = integer_labels(owner, labels, rows, classes)
        labels = _int64(given)
        first = kernels.first_outside(labels, classes, self.ignore_index)
        if first >= 0:
            raise IndexError(f"{owner}: labels[{first}] = {given[first]} is outside [0, {classes})")
        return labels

    def __repr__(self) -> str:
        return code(self, weight="" if self.weight is None else str(self.weight.tolist()))


class NLLLoss(ClassLoss):
    """The negative log-likelihood: minus the log-probability given to the right class.

    ::

        forward    loss = -mean(log_probs[n, labels[n]])
        backward   dlog_probs[n, c] = -(c == labels[n]) / N

    With class weights, row n counts ``w[labels[n]]``, and the mean divides by the sum of these
    counts instead of N. Rows labelled `ignore_index` count 0.

    Parameters
    ----------
    weight : array (C,), optional
        How much each class counts; finite and not negative. Default: 1 each.
    ignore_index : int
        Rows with this label are left out.
    reduction : {"mean", "sum", "none"}
        One float, or with "none" the losses of the rows, (N,).

    Notes
    -----
    If no row counts, the mean is NaN and its gradient is 0, as in PyTorch.
    """

    expects = "log-probabilities"
    told = (
        "loss[n] = -log_probs[n, labels[n]]{times_w} = -log_probs[{n}, {labels}]{times} = {row}",
        "dlog_probs[n, c] = -(c == labels[n]){times_w}{over}\n"
        "dlog_probs[{n}, {c}] = -({c} == {labels}){times}{divided} = {dlog_probs}",
    )

    def forward(self, log_probs: Array, labels: Labels) -> Any:  # type: ignore[override]
        """The loss.

        Parameters
        ----------
        log_probs : ndarray (N, C), float32 or float64
            The output of LogSoftmax.
        labels : ndarray (N,) of ints
            The right classes, in [0, C), or `ignore_index`.

        Returns
        -------
        float, or ndarray (N,) with ``reduction="none"``

        Raises
        ------
        IndexError
            If a label is out of range.
        TypeError, ValueError
            If an array has the wrong dtype or shape.
        """
        log_probs = scores(type(self).__name__, log_probs)
        labels = self._checked_labels(labels, *log_probs.shape)
        N, C = log_probs.shape
        counts, losses = np.empty(N, log_probs.dtype), np.empty(N, log_probs.dtype)
        weight = self.class_weights(C, log_probs.dtype)
        kernels.label_weights(labels, weight, self.ignore_index, counts)
        kernels.nll(log_probs, labels, counts, losses)  # -counts[n] * log_probs[n, labels[n]]
        self.keep(labels, counts, C, counts)
        return self._reduced(losses, counts)

    def _gradient(self, dy: Array, labels: Labels, counts: Array, classes: int) -> Array:
        dlog_probs = np.empty((len(labels), classes), dy.dtype)
        kernels.nll_dx(dy, labels, counts, classes, dlog_probs)  # -dy * counts, at the labels
        return dlog_probs


class CrossEntropyLoss(ClassLoss):
    """Cross-entropy between the softmax of raw scores and the right classes.

    ::

        forward    loss = mean(-(q * log_softmax(x)).sum(axis=1))
        backward   dx = (softmax(x) * q.sum(axis=1) - q) / N

    where row q[n] says how much each class counts: 1 for the label and 0 for the rest, so that the
    gradient is simply ``(softmax(x) - one_hot) / N``.

    Parameters
    ----------
    weight : array (C,), optional
        How much each class counts. With labels, the mean divides by the sum of the labels' weights.
    ignore_index : int
        Rows with this label are left out.
    reduction : {"mean", "sum", "none"}
    label_smoothing : float
        In [0, 1]: this share of q is spread evenly over all C classes (Szegedy et al. 2016,
        "Rethinking the Inception architecture", section 7).
    """

    expects = "logits"
    told = (
        "loss[n] = -(q * log_softmax(x)).sum() = {row}",
        "dx[n, c] = (softmax(x) * q.sum() - q){over} = ({p} * {total} - {q}){divided} = {dx}",
    )
    label_smoothing = Number(0, 1)

    def __init__(
        self,
        weight: ArrayLike | None = None,
        ignore_index: int = -100,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, ignore_index, reduction)
        self.label_smoothing = label_smoothing

    def forward(self, x: Array, target: Any) -> Any:  # type: ignore[override]
        """The loss.

        Parameters
        ----------
        x : ndarray (N, C), float32 or float64
            Raw scores (logits), not probabilities.
        target : ndarray (N,) of ints, or (N, C) of floats
            The right classes, or the probability of every class.

        Returns
        -------
        float, or ndarray (N,) with ``reduction="none"``

        Raises
        ------
        IndexError, TypeError, ValueError
            As ``NLLLoss``; also if probabilities come with an `ignore_index` of labels.
        """
        x = scores(type(self).__name__, x)
        N, C = x.shape
        weight, counts = self.class_weights(C, x.dtype), np.empty(N, x.dtype)
        log_probs, q, losses = np.empty_like(x), np.empty_like(x), np.empty(N, x.dtype)
        if isinstance(target, np.ndarray) and target.dtype.kind == "f" and target.ndim == 2:
            target = class_probabilities("CrossEntropyLoss", target, x, self.ignore_index)
            kernels.probability_targets(target, weight, self.label_smoothing, q)
            kernels.fill(1.0, N, counts)
        else:
            labels = self._checked_labels(target, N, C)
            kernels.label_weights(labels, weight, self.ignore_index, counts)
            kernels.label_targets(labels, weight, self.ignore_index, self.label_smoothing, q)
        kernels.log_softmax(x, log_probs)
        kernels.cross_entropy(log_probs, q, losses)  # losses = -(q * log_softmax(x)).sum(axis=1)
        self.keep(log_probs, q, counts)
        return self._reduced(losses, counts)

    def _gradient(self, dy: Array, log_probs: Array, q: Array) -> Array:
        dx = np.empty_like(q)
        kernels.cross_entropy_dx(dy, log_probs, q, dx)  # dx = dy * (softmax(x) * q.sum() - q)
        return dx

    def told_numbers(self, x: Any, y: Array, dy: Array) -> dict[str, Array]:
        alone = type(self)(**self.options())
        alone(*x)
        _, log_probs, q, _ = alone.kept(1.0)
        return {"p": np.exp(log_probs), "q": q, "total": q.sum(axis=1, keepdims=True)}


def _int64(labels: Labels) -> Labels:
    labels = np.require(labels, labels.dtype.newbyteorder("="), ["C", "A", "W"])
    if labels.dtype == np.int64:
        return labels
    if labels.dtype == np.uint64:  # what is too large for int64 stays too large for a class
        return np.minimum(labels, np.uint64(2**63 - 1)).astype(np.int64)
    converted = np.empty(len(labels), np.int64)
    kernels.as_labels(labels, converted)
    return converted
