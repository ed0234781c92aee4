"""One network, trained on data that are spread over many machines.

The gradient of a mean is the mean of the gradients: each worker of a Dask cluster computes the sum
over its rows of a batch, the sums are added up, and divided by the number of rows they are the
gradient of the whole batch. So the network learns what it would have learned on one machine. The
parameters live here, in the driver; a worker that dies takes nothing along that cannot be redone.
This file needs the extra ``scale`` (dask and distributed).
"""

import os
from collections.abc import Collection
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from distributed import Client

from tinynet.distributed.cluster import SchedulerLost, Shares
from tinynet.distributed.share import WorkerLost
from tinynet.distributed.steps import ClusterSteps, Rows
from tinynet.formats.checkpointing import take_up
from tinynet.formats.recipe import digest
from tinynet.losses import ClassLoss
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.rng import Rng
from tinynet.runs.companions import in_order
from tinynet.runs.history import History
from tinynet.runs.progress import report
from tinynet.runs.rehearsal import check_run, check_sets
from tinynet.runs.run import TrainingRun
from tinynet.runs.schedules import Schedule
from tinynet.runs.scores import evaluate
from tinynet.runs.stopping import EarlyStopping
from tinynet.support.types import Array
from tinynet.training import train

__all__ = ["SchedulerLost", "WorkerLost", "fit"]


def fit(
    net: Module,
    loss_fn: ClassLoss,
    optimizer: Optimizer,
    X: Any,
    y: Any,
    batch_size: int,
    epochs: int = 1,
    rng: Rng = None,
    test: tuple[Array, Array] | None = None,
    progress: bool = True,
    checkpoint: str | os.PathLike[str] | None = None,
    client: Client | None = None,
    changed: Collection[str] = (),
    validation: tuple[Array, Array] | None = None,
    early_stopping: EarlyStopping | None = None,
    schedule: Schedule | None = None,
) -> History:
    """Train `net` on the rows of a dask array, with the workers that hold them.

    Every block of X gives its part of every batch, in an order of its own that is new in each
    epoch. So a batch does not depend on which worker holds which block: any number of workers, and
    any that die on the way, give the same losses but for rounding.

    Parameters
    ----------
    net : Module
    loss_fn : NLLLoss or CrossEntropyLoss
        With a reduction other than "none".
    optimizer : Optimizer
        Of the parameters of `net`.
    X : dask array (n, features) or dask DataFrame
        Of the network's dtype, in blocks of rows that fit a worker's memory. Blocks that were
        persisted stay where they are; others are computed once and kept on the workers.
    y : dask array or Series (n,) of ints, or dask array (n, C)
    batch_size : int
        Rows of a step, all workers together, give or take one per block.
    epochs : int
    rng : int, numpy.random.Generator, TorchGenerator or None
        Draws the orders.
    test : (X, y), optional
        Arrays, scored here after every epoch.
    progress : bool
        Show the scores of each epoch.
    checkpoint : str or path-like, optional
        A file that says where the run stands, written after every epoch. If it is there already,
        the run goes on from it, as with ``tn.fit``. Of the data, shapes, dtypes and the rows of
        each block are compared, and not the numbers.
    client : distributed.Client, optional
        Default: the one made last.
    changed : collection of str
        The names of what is changed on purpose since the checkpoint, as with ``tn.fit``.
    validation : (X, y), optional
        Arrays, scored here after every epoch; `early_stopping` goes by them.
    early_stopping, schedule : EarlyStopping, Schedule, optional
        As with ``tn.fit``.

    Returns
    -------
    History

    Raises
    ------
    SchedulerLost
        A ConnectionError: if the cluster is gone. The checkpoint is that of the last full epoch.
    FloatingPointError
        If the loss or a gradient becomes NaN or infinite, or a step would make a weight or what
        the optimizer remembers so; all of it is as before that step.
    TypeError, ValueError, IndexError
        If network, loss and data do not fit each other, or an argument makes no sense; if no row
        counts in the loss.

    Notes
    -----
    What else ``tn.fit`` takes needs a whole batch, or its order, in one place, which no machine has
    here: a `score` of one's own, a loss of one's own, a checkpoint within an epoch, the doctor.
    """
    run = TrainingRun(
        "distributed.fit", net, loss_fn, optimizer, None, epochs, schedule, early_stopping
    )
    check_run(run)
    for needed in ("reduction", "row_weights", "ignore_index"):
        if not hasattr(loss_fn, needed):
            raise TypeError(
                f"distributed.fit: loss_fn is {loss_fn!r} without `{needed}`, expected NLLLoss, "
                "CrossEntropyLoss or a subclass: workers add up sums of rows"
            )
    sets = {"test": test, "validation": validation}
    check_sets(run, sets)
    shares = Shares(net, loss_fn, X, y, client)
    run.loader = Rows(shares.X, shares.y, batch_size, rng)
    blocks = {"data.blocks": digest(np.array(shares.X.chunks[0]))}
    saved = take_up(run, checkpoint, None, changed, sets, blocks)
    scores = {part: partial(evaluate, net, loss_fn, *data) for part, data in sets.items() if data}
    try:
        shares.deal_out()
        with report(epochs, len(run.history), progress) as (display, run.say):
            return train(run, ClusterSteps(run, shares), in_order(scores, display, saved))
    except SchedulerLost as error:
        raise SchedulerLost(f"{error} {_what_stands(checkpoint, len(run.history))}") from error
    finally:
        shares.release()


def _what_stands(checkpoint: Any, epochs: int) -> str:
    if checkpoint is None:
        return "There is no checkpoint: give fit one, to be able to go on"
    if not Path(checkpoint).exists():
        return f"No epoch was finished, so {checkpoint} was not written yet"
    return (
        f"The checkpoint {checkpoint} holds the first {epochs} epochs: call fit with it again, on "
        "another cluster"
    )
