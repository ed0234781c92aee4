"""The rows that early stopping lays aside: each class by its share, and at least one of each."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from tinynet.support.checks import number

Rows = list[Any]
"""X, labels and weights; weights may be None."""


def lay_aside(
    fraction: float, rows: Rows, classes: NDArray[Any], state: np.random.RandomState
) -> tuple[Rows, Rows]:
    """The rows to learn, and those to validate with.

    Raises
    ------
    TypeError, ValueError
        If `fraction` is not in [0, 1), or a class would have no row on one of the sides.
    """
    fraction = number("TinyNetClassifier", "validation_fraction", fraction, 0, 1, below=True)
    labels = rows[1]
    _check_split(fraction, classes, labels)
    train, aside = train_test_split(
        np.arange(len(labels)), test_size=fraction, random_state=state, stratify=labels
    )
    train_rows, validation = (
        [part if part is None else part[chosen] for part in rows] for chosen in (train, aside)
    )
    return train_rows, validation


def _check_split(fraction: float, classes: NDArray[Any], labels: NDArray[Any]) -> None:
    """Whether each class has a row on both sides, where early stopping lays rows aside."""
    present, counts = np.unique(labels, return_counts=True)
    n, C = len(labels), len(present)
    aside = math.ceil(fraction * n)
    if counts.min() > 1 and aside >= C and n - aside >= C:
        return
    if counts.min() == 1:
        lonely = classes[present[counts.argmin()]]
        advice = f"class {lonely!s} has 1 row; give it more"
    elif n < 2 * C:
        advice = f"give at least {2 * C} rows"
    elif aside < C:
        advice = f"give more rows, or validation_fraction={math.ceil(1000 * C / n) / 1000:g}"
    else:
        advice = f"give more rows, or validation_fraction={math.floor(1000 * (n - C) / n) / 1000:g}"
    raise ValueError(
        f"TinyNetClassifier: early_stopping lays aside validation_fraction = {fraction:g} of {n} "
        f"rows, which is {aside} and leaves {n - aside}, but each of the {C} classes needs a row "
        f"on both sides; {advice}, or early_stopping=False"
    )
