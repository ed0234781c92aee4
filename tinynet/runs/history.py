"""What a training run leaves behind: its scores, epoch by epoch.

The training scores tell how well a network does what it practises, the others how well it does
what it never saw. The validation set has a say in the run, since it decides when to stop and which
weights to keep. So its scores end up a little too good, and an honest verdict needs a test set.
"""

import csv
import io
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tinynet.support.atomic import file_path, write_atomically

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = ("train", "test", "validation")


@dataclass
class History:
    """The scores of a training run.

    Attributes
    ----------
    train_loss, train_accuracy : list of float
        The means over the batches of each epoch, measured as the network learns; the accuracies in
        percent. Accuracies are empty if the loss has none, or another score takes their place.
    test_loss, test_accuracy : list of float
        The scores after each epoch; empty without a test set.
    validation_loss, validation_accuracy : list of float
        The same for the validation set.
    train_score, test_score, validation_score : list of float
        What ``fit(..., score=function)`` was given says of them; else empty.
    score_name : str or None
        What that function is called.

    Examples
    --------
    >>> history = tn.History()
    >>> history.add("train", 0.71, 80.5)
    >>> history.add("validation", 0.64, 82.0)
    >>> len(history), history.validation_loss, history.best_epoch
    (1, [0.64], 1)
    """

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    train_score: list[float] = field(init=False)
    test_score: list[float] = field(init=False)
    validation_score: list[float] = field(init=False)
    score_name: str | None = field(default=None, init=False)

    def __getattr__(self, name: str) -> list[float]:
        """Scores come into being when they are first asked for: pickles of 0.1 have none."""
        if name not in [f"{part}_score" for part in PARTS]:
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
        scores: list[float] = self.__dict__.setdefault(name, [])
        return scores

    def losses(self, part: str) -> list[float]:
        """The losses of a `part`: "train", "test" or "validation"."""
        losses: list[float] = getattr(self, f"{part}_loss")
        return losses

    def scores(self, part: str) -> list[float]:
        """What stands beside a `part`'s losses: scores if they have a name, else accuracies."""
        kind = "accuracy" if self.score_name is None else "score"
        scores: list[float] = getattr(self, f"{part}_{kind}")
        return scores

    def add(self, part: str, loss: float, score: float | None) -> None:
        """Note one more epoch of a `part`: its `loss`, and its `score` if there is one."""
        self.losses(part).append(loss)
        if score is not None:
            self.scores(part).append(score)

    def __len__(self) -> int:
        return len(self.train_loss)

    @property
    def best_epoch(self) -> int | None:
        """The first epoch with the lowest validation loss, counted from 1; None if there is none.

        NaN and infinity are never the lowest.
        """
        best, lowest = None, float("inf")
        for epoch, loss in enumerate(self.validation_loss, 1):
            if loss < lowest:
                best, lowest = epoch, loss
        return best

    def to_csv(self, path: str | os.PathLike[str]) -> None:
        """Write the scores as a table: a line per epoch, a column per list that is not empty.

        The columns are called as the lists, and with ``fit(..., score=r2)`` as train_r2, test_r2.
        Every number is written so that reading it gives the same float again.

        Parameters
        ----------
        path : str or path-like
            The file to create or replace, in one step.

        Raises
        ------
        ValueError
            If there are no epochs, or a list has more or fewer scores than there are epochs.
        OSError
            If the file cannot be written.
        """
        name = self.score_name if self.score_name not in ("loss", "accuracy") else None
        columns = {
            f"{part}_{name or kind if kind == 'score' else kind}": scores
            for part in PARTS
            for kind in ("loss", "accuracy", "score")
            if len(scores := vars(self).get(f"{part}_{kind}", ()))
        }
        if not columns:
            raise ValueError("History.to_csv: there are no epochs to write; train first")
        if lengths := {name: len(s) for name, s in columns.items() if len(s) != len(self)}:
            raise ValueError(
                f"History.to_csv: there are {len(self)} epochs, but {lengths} scores; give each "
                "epoch one, or clear the list"
            )
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["epoch", *columns])
        writer.writerows(
            [epoch, *map(float, scores)]
            for epoch, scores in enumerate(zip(*columns.values(), strict=True), 1)
        )
        write_atomically(file_path("History.to_csv", path), text.getvalue().encode())

    def plot(self, title: str = "Learning curves", log_loss: bool = False) -> "Figure":
        """Draw loss and accuracy, or score, by epoch, as ``tn.plots.learning_curves`` does.

        Parameters
        ----------
        title : str
        log_loss : bool
            Logarithmic axis for the loss.

        Returns
        -------
        matplotlib Figure

        Raises
        ------
        ValueError
            If there are no epochs.
        """
        from tinynet.plots import learning_curves

        return learning_curves(self, title, log_loss)
