"""How much each row counts: its own weight, times that of its class if it has one.

A loss over classes takes weights as targets: ``weighted_target``. Losses over numbers do not;
``WeightedRows`` is such a loss with weights.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.utils import compute_class_weight
from sklearn.utils.validation import _check_sample_weight

from tinynet import kernels
from tinynet.kernels.jit.kernel import kernel
from tinynet.module import Module
from tinynet.support.checks import number
from tinynet.support.types import Array


def row_weights(
    class_weight: Any, given: Any, X: Any, labels: NDArray[Any], classes: NDArray[Any]
) -> NDArray[Any] | None:
    """How much each row counts, (n,); None: all the same.

    Parameters
    ----------
    class_weight, given
        The option of that name, and ``sample_weight`` of ``fit``.
    X, labels, classes
        The rows, the number of each row's class, and all classes.
    """
    if given is None and class_weight is None:
        return None
    weights: NDArray[Any] = _check_sample_weight(
        given, X, dtype=np.float64, ensure_non_negative=True
    )
    if class_weight is None:
        return weights
    if isinstance(class_weight, Mapping):
        for label, weight in class_weight.items():
            try:
                number("TinyNetClassifier", f"class_weight[{label!r}]", weight, 0)
            except TypeError as error:
                raise ValueError(f"{error}; give one of at least 0") from error
    with np.errstate(all="ignore"):  # a class whose rows all have weight 0 gets infinity
        per_class: NDArray[Any] = compute_class_weight(
            class_weight, classes=classes, y=classes[labels], sample_weight=weights
        )
    per_class[~np.isfinite(per_class)] = 0
    return weights * per_class[labels]


def weighted_target(
    labels: NDArray[Any], weights: NDArray[Any] | None, classes: int, dtype: DTypeLike
) -> NDArray[Any]:
    """The labels, or for weighted rows each weight at its label's place, (n, C).

    ``-(q * log_softmax(x)).sum()`` with q = weight * one_hot is the weighted loss of a row.
    """
    if weights is None:
        return labels
    q = np.zeros((len(labels), classes), dtype)
    q[np.arange(len(labels)), labels] = weights
    return q


def target_alone_reference(target: Array) -> Array:
    return target[:, :-1]


@kernel(target_alone_reference, equation="right = target[:, :-1]")
def target_alone(target: Array, right: Array) -> None:
    N, D = right.shape
    for n in range(N):
        for d in range(D):
            right[n, d] = target[n, d]


def weighted_mean_reference(losses: Array, target: Array) -> float:
    return float((losses.astype(float) * target[:, -1:]).sum() / losses.size)


@kernel(weighted_mean_reference, equation="(losses * target[:, -1:]).sum() / losses.size")
def weighted_mean(losses: Array, target: Array) -> float:
    N, D = losses.shape
    total = 0.0
    for n in range(N):
        for d in range(D):
            total += float(losses[n, d]) * float(target[n, D])
    return total / (N * D)


def weighted_mean_dx_reference(dy: float, target: Array) -> Array:
    return np.repeat(dy * target[:, -1:] / target[:, :-1].size, target.shape[1] - 1, axis=1)


@kernel(weighted_mean_dx_reference, equation="share = dy * target[:, -1:] / share.size")
def weighted_mean_dx(dy: float, target: Array, share: Array) -> None:
    N, D = share.shape
    for n in range(N):
        for d in range(D):
            share[n, d] = dy * target[n, D] / (N * D)


class WeightedRows(Module):
    """The mean of a loss over numbers, in which a row of weight w counts w times.

    ::

        forward    loss = (losses * w[:, None]).sum() / losses.size
        backward   dlosses = w[:, None] / losses.size

    The mean divides by the number of rows, not by their weights, so that a batch of heavy rows
    takes a longer step, as the same rows repeated would.

    Parameters
    ----------
    loss : Module
        Gives a loss for every number, (N, D): one with ``reduction="none"``.
    """

    def __init__(self, loss: Module) -> None:
        self.loss = loss

    def forward(self, x: Array, target: Array) -> Any:  # type: ignore[override]
        """The loss, where each row of `target`, (N, D + 1), ends with its weight."""
        right = np.empty_like(x)
        target_alone(target, right)  # right = target[:, :-1]
        losses = self.loss(x, right)
        self.keep(target)
        return weighted_mean(losses, target)

    def backward(self, dy: Any = 1.0) -> Array:
        dy, target = self.kept(dy)
        share = np.empty((len(target), target.shape[1] - 1), target.dtype)
        weighted_mean_dx(float(dy), target, share)  # share = dy * w / size
        dx = np.empty_like(share)
        kernels.copied(self.loss.backward(share), dx)  # in an array of its own, of this shape
        return dx
