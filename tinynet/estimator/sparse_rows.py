"""Sparse rows: learned batch by batch and read block by block, never dense as a whole."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from tinynet.module import Module
from tinynet.runs.companions import CtrlC, in_order
from tinynet.runs.history import History
from tinynet.runs.progress import polite_interrupt, report
from tinynet.runs.run import TrainingRun
from tinynet.runs.scores import evaluate
from tinynet.support.types import Array
from tinynet.training import steps_of, train

NUMBERS_AT_ONCE = 2**22  # of X, in one piece: a block of rows that is predicted or made dense


class SparseBatches:
    """Batches of a sparse matrix, each made dense when its turn comes, in a new order per epoch."""

    def __init__(self, X: Any, y: NDArray[Any], batch_size: int, rng: np.random.Generator) -> None:
        self.X, self.y, self.batch_size, self.rng = X, y, batch_size, rng

    def __iter__(self) -> Iterator[tuple[Array, NDArray[Any]]]:
        order = self.rng.permutation(self.X.shape[0])
        for start in range(0, len(order), self.batch_size):
            rows = order[start : start + self.batch_size]
            yield dense(self.X[rows]), self.y[rows]


def fit_sparse(run: TrainingRun, validation: tuple[Any, Any] | None, progress: bool) -> History:
    """What ``tn.fit`` does, with a validation set that may be sparse, too."""
    scores = {}
    if validation is not None:
        scores["validation"] = partial(evaluate_in_blocks, run.net, run.loss_fn, *validation)
    with report(run.epochs, 0, progress) as (display, run.say), polite_interrupt() as pressed:
        return train(run, steps_of(run), in_order(scores, display, ctrl_c=CtrlC(pressed)))


def evaluate_in_blocks(
    net: Module, loss_fn: Module, X: Any, target: NDArray[Any]
) -> tuple[float, float | None]:
    """Loss and accuracy on sparse rows; None if the loss has no accuracy."""
    slices = list(blocks(X))
    losses, accuracies = zip(
        *(evaluate(net, loss_fn, dense(X[rows]), target[rows]) for rows in slices), strict=True
    )
    sizes = [len(target[rows]) for rows in slices]
    mean = partial(np.average, weights=sizes)
    return float(mean(losses)), None if accuracies[0] is None else float(mean(accuracies))


def blocks(X: Any) -> Iterator[slice]:
    """Slices of rows that are small enough to be dense."""
    size = max(1, NUMBERS_AT_ONCE // X.shape[1])
    for start in range(0, X.shape[0], size):
        yield slice(start, start + size)


def dense(X: Any) -> Array:
    """X as a C-contiguous array."""
    return np.ascontiguousarray(X.toarray() if sparse.issparse(X) else X)
