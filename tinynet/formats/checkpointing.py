"""The checkpoint as one of those that go along with a run: taken up at first, then written anew."""

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tinynet.formats.checkpoint import load_checkpoint, save_checkpoint
from tinynet.formats.recipe import Recipe, names_of_changes, recipe
from tinynet.runs.companions import Companion
from tinynet.runs.progress import nothing_left
from tinynet.runs.run import TrainingRun


class Checkpoint(Companion):
    """A file that says where a run stands.

    Parameters
    ----------
    path : str or path-like
    every : int or None
        Written after so many batches, too.
    lines : mapping
        What makes the run what it is.
    """

    def __init__(self, path: str | os.PathLike[str], every: int | None, lines: Recipe) -> None:
        self.path, self.every, self.lines = path, every, lines

    def begin(self, run: TrainingRun) -> None:
        if run.resumed and run.is_over:
            run.say(nothing_left(run.owner, self.path, len(run.history), run.epochs))

    def steps_taken(self, run: TrainingRun) -> None:
        if self.every and run.running and len(run.running.losses) % self.every == 0:
            self.epoch_ended(run)

    def epoch_ended(self, run: TrainingRun) -> None:
        parts = run.net, run.optimizer, run.loader, run.history, run.running
        save_checkpoint(self.path, *parts, run.schedule, run.early_stopping, self.lines)


def take_up(
    run: TrainingRun,
    path: str | os.PathLike[str] | None,
    every: int | None,
    changed: Collection[str],
    sets: Mapping[str, Any],
    more: Recipe | None = None,
) -> Checkpoint | None:
    """The run's checkpoint, if it has one; and if its file is there, the run is put where it was.

    Parameters
    ----------
    run, every
        See above.
    path, changed
        As for ``fit``.
    sets : mapping
        The data that are scored, by their part of the history.
    more : mapping, optional
        Lines of the recipe that cannot be seen in the run.
    """
    names_of_changes(run.owner, changed, path)
    if path is None:
        return None
    run.resumed = Path(path).exists()
    lr = run.optimizer._start_lr if run.resumed else run.optimizer.lr
    lines = recipe(run.net, run.loss_fn, lr, run.loader, **sets) | (more or {})
    if run.resumed:
        parts = run.net, run.optimizer, run.loader, run.history, run.schedule, run.early_stopping
        run.running = load_checkpoint(path, *parts, lines, changed)
    return Checkpoint(path, every, lines)
