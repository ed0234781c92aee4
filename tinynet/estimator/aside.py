"""The rows that early stopping lays aside.

Of classes, each by its share, and at least one row of each.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from tinynet.support.checks import number

Rows = list[Any]
"""X, y and weights; weights may be None."""


def lay_aside(
    owner: str,
    fraction: float,
    rows: Rows,
    classes: NDArray[Any] | None,
    state: np.random.RandomState,
) -> tuple[Rows, Rows]:
    """The rows to learn, and those to validate with.

    Raises
    ------
    TypeError, ValueError
        If `fraction` is not in [0, 1), or one of the sides would have no row, or none of a class.
    """
    fraction = number(owner, "validation_fraction", fraction, 0, 1, below=True)
    y = rows[1]
    n = len(y)
    aside = math.ceil(fraction * n)
    if classes is not None:
        _check_classes(owner, fraction, aside, classes, y)
    elif not 0 < aside < n:
        raise ValueError(
            f"{owner}: early_stopping lays aside validation_fraction = {fraction:g} of {n} rows, "
            f"which is {aside} and leaves {n - aside}; give more rows, another "
            "validation_fraction, or early_stopping=False"
        )
    train, validation = train_test_split(
        np.arange(n),
        test_size=aside,
        random_state=state,
        stratify=None if classes is None else y,
    )
    train_rows, validation_rows = (
        [part if part is None else part[chosen] for part in rows] for chosen in (train, validation)
    )
    return train_rows, validation_rows


def _check_classes(
    owner: str, fraction: float, aside: int, classes: NDArray[Any], labels: NDArray[Any]
) -> None:
    """Whether each class has a row on both sides, where early stopping lays rows aside."""
    present, counts = np.unique(labels, return_counts=True)
    n, C = len(labels), len(present)
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
        f"{owner}: early_stopping lays aside validation_fraction = {fraction:g} of {n} "
        f"rows, which is {aside} and leaves {n - aside}, but each of the {C} classes needs a row "
        f"on both sides; {advice}, or early_stopping=False"
    )
