"""A training run: what it consists of, and where it stands.

The loop and all that goes along with it look at this one object, and whoever changes where the run
stands changes it here.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.runs.history import History
from tinynet.runs.schedules import Schedule
from tinynet.runs.scores import Score, classifies, score_name
from tinynet.runs.stopping import EarlyStopping


@dataclass
class RunningEpoch:
    """An epoch that is under way: its order, and the scores of the batches that are done.

    Attributes
    ----------
    order : ndarray of int64
        From ``loader.order()``: row numbers, as they are dealt out in this epoch.
    losses, accuracies : list of float
        One for each batch that is done, so ``len(losses)`` is the number of the next one. In place
        of accuracies, the scores of ``fit(..., score=function)``; NaN where there is none.

    Examples
    --------
    >>> X, y = np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0])
    >>> loader = tn.DataLoader(X, y, batch_size=2, rng=0)
    >>> running = tn.RunningEpoch(loader.order(), losses=[0.9], accuracies=[50.0])
    >>> xb, yb = loader.batch(running.order, len(running.losses))  # the one that is next
    >>> xb.shape
    (2, 4)
    """

    order: NDArray[np.int64]
    losses: list[float] = field(default_factory=list)
    accuracies: list[float] = field(default_factory=list)


@dataclass(eq=False)
class TrainingRun:
    """All that makes up a run, and where it stands.

    Attributes
    ----------
    owner : str
        Who trains, for messages: "fit", or "distributed.fit".
    net, loss_fn, optimizer, loader, epochs, schedule, early_stopping, score
        As for ``fit``.
    history : History
        Of the epochs that are finished.
    running : RunningEpoch or None
        The epoch that is under way, if there is one.
    resumed : bool
        Whether it goes on from a checkpoint.
    say : function
        Shows a person a text, where they see the scores.
    """

    owner: str
    net: Module
    loss_fn: Any
    optimizer: Optimizer
    loader: Any  # a DataLoader, or what gives batches
    epochs: int
    schedule: Schedule | None = None
    early_stopping: EarlyStopping | None = None
    score: Score | None = None
    history: History = field(default_factory=History)
    running: RunningEpoch | None = None
    resumed: bool = False
    say: Callable[[str], object] = print

    def __post_init__(self) -> None:
        if self.score is not None:
            self.history.score_name = score_name(self.score)

    @property
    def is_over(self) -> bool:
        """Whether all epochs are done, or early stopping has seen enough."""
        stopping = self.early_stopping
        stopped = stopping is not None and stopping.is_over(self.history)
        return stopped or len(self.history) >= self.epochs

    @property
    def has_scores(self) -> bool:
        """Whether something stands beside the loss: a score, or the loss's own accuracy."""
        return self.score is not None or classifies(self.loss_fn)


class TakesSteps(Protocol):
    """Takes the steps of an epoch: layer by layer, compiled, or on a cluster."""

    def start(self) -> RunningEpoch:
        """A new epoch."""

    def __call__(
        self, epoch: int, running: RunningEpoch, every: int | None
    ) -> Iterable[tuple[Sequence[float], Sequence[float]]]:
        """Take the steps that `running` still lacks; yield the losses and scores of some."""
