"""How much each row counts: its own weight times that of its class."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from sklearn.utils import compute_class_weight
from sklearn.utils.validation import _check_sample_weight

from tinynet.support.checks import number


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
