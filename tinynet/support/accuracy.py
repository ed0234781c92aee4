"""The accuracy: which share of the rows a network reads rightly.

A row counts if its right class is known, and is right if the highest output is that class's. An
output of NaN is no number to be the highest, so such a row has no answer, and is not right.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinynet.support.checks import unmasked
from tinynet.support.types import Array


def accuracy(outputs: Array, target: NDArray[Any], ignore_index: int | None = None) -> float:
    """The share of rows whose highest output is the right class, in percent.

    Parameters
    ----------
    outputs : ndarray (N, C)
        Scores, probabilities or log-probabilities. A row that holds NaN has no highest one, and
        counts as wrong.
    target : ndarray (N,) of ints, or (N, C) of class probabilities
        Rows of probabilities that are all 0 name no class, and do not count.
    ignore_index : int, optional
        Rows with this label do not count.

    Returns
    -------
    float
        NaN if no row counts.

    Raises
    ------
    IndexError
        If a label is out of range.
    TypeError, ValueError
        If one is not an array, or there are no rows, or the shapes do not fit each other, or the
        labels are no whole numbers.
    """
    for name, array in (("outputs", outputs), ("target", target)):
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"accuracy: {name} is {type(array).__name__}, expected an array; use np.asarray"
            )
        unmasked(f"accuracy: {name}", array)
    if outputs.ndim != 2 or 0 in outputs.shape:
        raise ValueError(f"accuracy: outputs have shape {outputs.shape}, expected (N, C)")
    if target.shape not in (outputs.shape[:1], outputs.shape):
        raise ValueError(
            f"accuracy: target has shape {target.shape}, expected {outputs.shape[:1]} or "
            f"{outputs.shape}; use .ravel() on a column of labels"
        )
    if target.ndim == 1:
        _check_labels(target, counting(target, ignore_index), outputs.shape[1])
    return percent_right(outputs, target, ignore_index)


def percent_right(outputs: Array, target: NDArray[Any], ignore_index: int | None) -> float:
    """The accuracy, of arrays that were checked before."""
    labels = target if target.ndim == 1 else target.argmax(axis=1)
    counts = counting(target, ignore_index)
    right = (outputs.argmax(axis=1) == labels) & counts
    if np.isnan(outputs.max()):
        right &= ~np.isnan(outputs).any(axis=1)
    count = np.count_nonzero(counts)
    return float(np.count_nonzero(right) / count * 100) if count else float("nan")


def counting(target: NDArray[Any], ignore_index: int | None) -> NDArray[np.bool_]:
    """Which rows count: labels that are not ignored, and probabilities that are not all 0."""
    if target.ndim == 2:
        return (target != 0).any(axis=1)
    return np.ones(len(target), bool) if ignore_index is None else target != ignore_index


def _check_labels(labels: NDArray[Any], counts: NDArray[np.bool_], classes: int) -> None:
    """Refuse labels that count and are no classes."""
    if labels.dtype.kind not in "biuf":
        raise TypeError(f"accuracy: target has dtype {labels.dtype}, expected integers")
    strange = counts & ~((labels >= 0) & (labels < classes))
    if strange.any():
        first = int(strange.argmax())
        label = labels[first]
        raise IndexError(
            f"accuracy: target[{first}] = {label} is outside [0, {classes}); if such rows are to "
            f"be left out, give ignore_index={label}"
        )
    if labels.dtype.kind == "f" and (labels % 1 != 0)[counts].any():
        label = labels[counts & (labels % 1 != 0)][0]
        raise TypeError(
            f"accuracy: target holds {label}, expected whole numbers, the classes; numbers that "
            "are to be met have a loss, but no accuracy"
        )
