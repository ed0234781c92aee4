"""What the doctor looks at, and what it says: the two ends of every check."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tinynet.runs.history import History
from tinynet.runs.scores import classifies
from tinynet.support.types import Array

if TYPE_CHECKING:
    from tinynet.inspection.tracing import Trace


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, how that shows, and what to try.

    Attributes
    ----------
    name : str
        Which of the findings it is, such as "overfitting" or "dead units".
    what, evidence, advice : str
        Sentences.

    Examples
    --------
    >>> print(tn.Finding("dead units", "Half of the units are off.", "3 of 6.", "A smaller lr."))
    Half of the units are off.
      Evidence: 3 of 6.
      Try: A smaller lr.
    """

    name: str
    what: str
    evidence: str
    advice: str

    def __str__(self) -> str:
        return f"{self.what}\n  Evidence: {self.evidence}\n  Try: {self.advice}"


def kind_of_outputs(outputs: Array) -> str:
    """What a network gives for classes: "probabilities", "log-probabilities", or else "logits".

    The numbers tell: those of each row sum to 1, or their exponentials do.
    """
    y = outputs.astype(np.float64)
    if (y >= 0).all() and np.allclose(y.sum(axis=1), 1, rtol=0, atol=1e-3):
        return "probabilities"
    return "log-probabilities" if np.abs(log_totals(y)).max() <= 1e-2 else "logits"


def log_totals(y: Array) -> Array:
    """log(exp(y).sum()) of each row: 0 for log-probabilities."""
    largest = y.max(axis=1)
    with np.errstate(all="ignore"):  # rows that are not finite have NaN
        totals: Array = largest + np.log(np.exp(y - largest[:, None]).sum(axis=1))
    return totals


@dataclass(frozen=True)
class Case:
    """What the doctor looks at.

    Attributes
    ----------
    history : History or None
        An empty one says that the network is untrained.
    trace : Trace
        Some steps on a batch.
    X, X_test : ndarray, X_test or None
        Samples of the inputs.
    y : ndarray (n,)
        The classes of X; empty if the loss is not over classes.
    guesses, labels : ndarray (n,)
        What the network predicts for a sample, and what is right; likewise.
    """

    history: History | None
    trace: "Trace"
    X: Array
    y: Array
    X_test: Array | None
    guesses: Array
    labels: Array

    @property
    def chance(self) -> float | None:
        """ln(C): the mean loss of a network that gives all classes the same probability.

        None for losses that are no mean, or not over classes.
        """
        loss_fn = self.trace.loss_fn
        mean = classifies(loss_fn) and getattr(loss_fn, "reduction", None) == "mean"
        return math.log(self.trace.output.shape[1]) if mean else None
