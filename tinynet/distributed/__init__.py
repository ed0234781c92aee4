"""One network, trained on data that are spread over many machines.

The gradient of a mean is the mean of the gradients: each worker of a Dask cluster computes the sum
over its rows of a batch, the sums are added up, and divided by the number of rows they are the
gradient of the whole batch. So the network learns what it would have learned on one machine. The
parameters live here, in the driver; a worker that dies takes nothing along that cannot be redone.
This file needs the extra ``scale`` (dask and distributed).
"""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
from distributed import Client

from tinynet import kernels
from tinynet.data import DataLoader
from tinynet.distributed.cluster import SchedulerLost, Shares
from tinynet.distributed.share import WorkerLost
from tinynet.formats.checkpoint import load_checkpoint, save_checkpoint
from tinynet.formats.recipe import digest, names_of_changes, recipe
from tinynet.losses import Loss
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.rng import Rng, as_generator, seed_of
from tinynet.runs.guard import Guard, advice_after_divergence
from tinynet.runs.history import History
from tinynet.runs.progress import nothing_left, polite_interrupt, report
from tinynet.runs.rehearsal import check_pair, rehearse
from tinynet.runs.scores import check_loss, classifies, evaluate, mean_of_those
from tinynet.support.checks import whole_number
from tinynet.support.types import Array

__all__ = ["SchedulerLost", "WorkerLost", "fit"]


def fit(
    net: Module,
    loss_fn: Loss,
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
    """
    whole_number("distributed.fit", "epochs", epochs, 1)
    check_loss("distributed.fit", loss_fn)
    for needed in ("reduction", "row_weights", "ignore_index"):
        if not hasattr(loss_fn, needed):
            raise TypeError(
                f"distributed.fit: loss_fn is {loss_fn!r} without `{needed}`, expected NLLLoss, "
                "CrossEntropyLoss or a subclass: workers add up sums of rows"
            )
    if test is not None:
        check_pair("distributed.fit", "test", test)
        rehearse("distributed.fit: test", net, loss_fn, test[0][:1], test[1])
    own = {id(parameter) for parameter in net.parameters()}
    if not all(id(parameter) in own for parameter in optimizer.parameters):
        raise ValueError(
            "distributed.fit: the optimizer is of another network; make one with net.parameters()"
        )
    shares = Shares(net, loss_fn, X, y, client)
    loader, history = _Rows(shares.X, shares.y, batch_size, rng), History()
    guard = Guard("distributed.fit", net, optimizer)
    resumed = checkpoint is not None and Path(checkpoint).exists()
    names_of_changes("distributed.fit", changed, checkpoint)
    lines = recipe(net, loss_fn, optimizer.lr, loader, test=test)
    lines["data.blocks"] = digest(np.array(shares.X.chunks[0]))
    if checkpoint is not None and resumed:
        load_checkpoint(checkpoint, net, optimizer, loader, history, recipe=lines, changed=changed)
    try:
        shares.deal_out()
        with report(epochs, len(history), progress) as (show, say):
            if resumed and len(history) >= epochs:
                say(nothing_left("distributed.fit", checkpoint, len(history), epochs))
            while len(history) < epochs:
                shares.take_in_newcomers()
                _epoch(shares, net, loss_fn, guard, loader, history)
                if test is not None:
                    history.add("test", *evaluate(net, loss_fn, *test))
                if checkpoint is not None:
                    save_checkpoint(checkpoint, net, optimizer, loader, history, recipe=lines)
                show(history)
    except SchedulerLost as error:
        raise SchedulerLost(f"{error} {_what_stands(checkpoint, len(history))}") from error
    except (KeyboardInterrupt, FloatingPointError) as stop:
        stop.history = history  # type: ignore[union-attr]
        raise
    finally:
        shares.release()
    return history


def _epoch(
    shares: "Shares",
    net: Module,
    loss_fn: Loss,
    guard: Guard,
    loader: "_Rows",
    history: History,
) -> None:
    """The steps of one epoch; its scores go into `history`."""
    optimizer = guard.optimizer
    seed, losses, accuracies = loader.next_seed(), [], []
    for batch in range(len(loader)):
        total = shares.gradient(seed, batch, len(loader))
        if total.rows == 0:
            continue  # of fewer rows than blocks, no block may have one to give
        if not total.anything:
            raise ValueError(
                "distributed.fit: no row counts in the loss: every label of y is ignored or of a "
                f"class of weight 0, see {loss_fn!r}"
            )
        divisor = total.count if loss_fn.reduction == "mean" else 1.0
        loss = total.loss / divisor if divisor else float("nan")
        gradients = [parameter.accumulate() for parameter in net.parameters()]
        with np.errstate(all="ignore"):  # too small a number is 0, whatever NumPy was told
            for gradient, summed in zip(gradients, total.gradients, strict=True):
                gradient[...] = summed / (divisor or 1.0)
        counts = loss_fn.reduction == "sum" or divisor != 0
        if not ((np.isfinite(loss) or not counts) and all(map(kernels.all_finite, gradients))):
            raise FloatingPointError(
                f"distributed.fit: the loss or a gradient is not finite in epoch "
                f"{len(history) + 1}, batch {batch + 1}, with lr = {optimizer.lr:g}. The weights "
                f"are those before this step. {advice_after_divergence(optimizer)}"
            )
        with polite_interrupt() as interrupted:
            guard.step(len(history), batch)
        losses.append(loss)
        accuracies.append(100 * total.hits / total.scored if total.scored else float("nan"))
        if interrupted():
            raise KeyboardInterrupt
    accuracy = mean_of_those(accuracies) if classifies(loss_fn) else None
    history.add("train", mean_of_those(losses), accuracy)


def _what_stands(checkpoint: Any, epochs: int) -> str:
    if checkpoint is None:
        return "There is no checkpoint: give fit one, to be able to go on"
    if not Path(checkpoint).exists():
        return f"No epoch was finished, so {checkpoint} was not written yet"
    return (
        f"The checkpoint {checkpoint} holds the first {epochs} epochs: call fit with it again, on "
        "another cluster"
    )


class _Rows(DataLoader):
    """What a checkpoint has to know of the data: their shapes, the batch size, the generator."""

    def __init__(self, X: Any, y: Any, batch_size: int, rng: Rng) -> None:
        self.X, self.y = X, y
        self.batch_size = whole_number("distributed.fit", "batch_size", batch_size, 1)
        self.shuffle, self.drop_last, self.scale = True, False, None
        self.rng, self.seed = as_generator(rng), seed_of(rng)

    def next_seed(self) -> int:
        """Of the next epoch's orders."""
        return int(self.rng.random(1, np.float64)[0] * 2**53)
