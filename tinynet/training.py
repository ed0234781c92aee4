"""The training loop, as one would write it by hand, with the scores of every epoch kept.

One step is five verbs: forward, loss, zero_grad, backward, step. ``fit`` repeats it over all
batches of all epochs; an epoch's training loss and accuracy are the means over its batches,
measured as the network learns, and after it the test set is scored in one piece. Batches in which
no row counts have no loss; they are left out of the means.
"""

import os
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.compiler.steps import Steps
from tinynet.data import DataLoader
from tinynet.formats.checkpoint import load_checkpoint, save_checkpoint
from tinynet.formats.recipe import names_of_changes, recipe
from tinynet.inspection.doctor import Rounds
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.runs.history import History
from tinynet.runs.progress import nothing_left, polite_interrupt, report
from tinynet.runs.rehearsal import (
    check_loader,
    check_pair,
    deals_by_order,
    rehearse,
    rehearse_score,
)
from tinynet.runs.schedules import Schedule
from tinynet.runs.scores import (
    Score,
    check_loss,
    classifies,
    evaluate,
    mean_of_those,
    score_name,
)
from tinynet.runs.stopping import EarlyStopping
from tinynet.support.checks import whole_number
from tinynet.support.types import Array


def fit(
    net: Module,
    loss_fn: Module,
    optimizer: Optimizer,
    loader: DataLoader | Iterable[tuple[Array, Any]],
    test: tuple[Array, Array] | None = None,
    epochs: int = 1,
    progress: bool = True,
    compiled: bool | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    validation: tuple[Array, Array] | None = None,
    early_stopping: EarlyStopping | None = None,
    schedule: Schedule | None = None,
    doctor: bool = False,
    changed: Collection[str] = (),
    score: Score | None = None,
) -> History:
    """Train `net` for some epochs.

    Parameters
    ----------
    net : Module
    loss_fn : NLLLoss, CrossEntropyLoss, or a loss of one's own
        With a reduction other than "none". One of one's own is a Module: ``loss_fn(outputs, yb)``
        gives a float, ``loss_fn.backward()`` the gradient. If it has a method ``accuracy(outputs,
        yb)``, the history has accuracies, else losses alone.
    optimizer : Optimizer
        Of the parameters of `net`.
    loader : DataLoader, or an iterable of batches (xb, yb)
        The training set. An iterable must begin anew in every epoch, as a list does and a
        generator does not. A batch in which no row counts, since all its labels are ignored or of
        a class of weight 0, takes its step with gradient 0, and is left out of the epoch's mean.
    test : (X, y), optional
        Scored after every epoch; never learned from.
    epochs : int
    progress : bool
        Show a progress bar (with tqdm, on a terminal or in a notebook) or a line per epoch.
    compiled : bool, optional
        Whether the steps run as code compiled for this very network (see `tinynet.compile`) or
        layer by layer; both give the same bits, but compiled steps of SGD without momentum, weight
        decay or maximize keep no gradients: ``grad`` is None after them. Default: compiled, where
        that is possible and the run is long enough to earn back the seconds it takes.
    checkpoint : str or path-like, optional
        A file that says where the run stands, written after every epoch. If it is there already,
        the run goes on from it, to the same bits as without a stop. All of it must be built as it
        was at its beginning, or be the very objects of a run that was interrupted here: network,
        loss, data, optimizer, schedule, options, seeds and the learning rate are compared with the
        file's, as far as they can be seen (a seed behind ``rng=None`` cannot, nor can weights
        set by hand). A run of more `epochs` goes on with what it lacks; where nothing is left to
        do, one printed line says so.
    checkpoint_every : int, optional
        Write the checkpoint after so many batches, too.
    validation : (X, y), optional
        Scored after every epoch, too; never learned from, but `early_stopping` goes by it.
    early_stopping : EarlyStopping, optional
        Ends the run before `epochs` if the validation loss does not fall any more.
    schedule : Schedule, optional
        Sets the learning rate of every epoch, starting from the optimizer's.
    doctor : bool
        Print what ``tn.diagnose`` finds before training, and what it finds after two epochs in a
        row, each finding once. It changes nothing in the run.
    changed : collection of str
        The names of what is changed on purpose in a run that goes on from its checkpoint, such as
        ``["lr"]``. The error that refuses the checkpoint says them. From then on the run has what
        is given here, and so do its checkpoints.
    score : function, optional
        ``score(outputs, yb)``, a float: scored on every batch and set in place of the accuracy. The
        history has it as ``train_score``, ``test_score`` and ``validation_score``, by the
        function's name. NaN means that a batch has no score; the epoch's mean leaves it out.

    Returns
    -------
    History
        Of all epochs, those before the checkpoint included.

    Warns
    -----
    UserWarning
        If the checkpoint is of an earlier version, and lacks what is compared now.

    Raises
    ------
    FloatingPointError
        If the loss or a gradient becomes NaN or infinite, or a step would make a weight or what
        the optimizer remembers so. The weights, and what it remembers, are those before that step;
        the exception's ``history`` holds the epochs before.
    KeyboardInterrupt
        On Ctrl-C, once the current step is finished. The weights are those after that step; the
        exception's ``history`` holds the finished epochs.
    TypeError, ValueError, IndexError
        If the network, the loss and the data do not fit each other, the optimizer is another
        network's, the checkpoint is another run's, `changed` names nothing that is compared, or
        `epochs` or `checkpoint_every` is not a positive int; if no row of a set counts in the loss,
        or `score` fails. Nothing was changed.
    TypeError, ValueError
        If a batch of an iterable is no pair of arrays, or it gives none in a later epoch. The
        exception's ``history`` holds the epochs before.
    OSError
        If the checkpoint cannot be written.
    """
    whole_number("fit", "epochs", epochs, 1)
    if checkpoint_every is not None:
        whole_number("fit", "checkpoint_every", checkpoint_every, 1)
    check_loss("fit", loss_fn)
    own = {id(parameter) for parameter in net.parameters()}
    if own.isdisjoint(map(id, optimizer.parameters)):
        raise ValueError(
            "fit: the optimizer holds no parameter of this network; make a new one with "
            "net.parameters()"
        )
    check_loader("fit", loader, epochs)
    if isinstance(loader, DataLoader):
        rehearse("fit", net, loss_fn, loader.gather(np.arange(1))[0], loader.y)
    for name, data in (("test", test), ("validation", validation)):
        if data is not None:
            check_pair("fit", name, data)
            rehearse(f"fit: {name}", net, loss_fn, data[0][:1], data[1])
    if score is not None:
        rehearse_score(net, loss_fn, score, loader, test, validation)
    _check_plan(validation, early_stopping, schedule)
    for option, wanted in (("doctor=True", doctor), ("compiled=True", compiled is True)):
        if wanted and not isinstance(loader, DataLoader):
            raise TypeError(f"fit: {option} needs a DataLoader, got {type(loader).__name__}")
    if checkpoint is not None and not deals_by_order(loader):
        raise TypeError(
            "fit: checkpoint needs a DataLoader without an __iter__ of its own, whose order it "
            f"can write down, got {type(loader).__name__}"
        )
    source: Any = loader  # a DataLoader wherever it must be one
    history, running, lines = History(), None, None
    if score is not None:
        history.score_name = score_name(score)
    plan = schedule, early_stopping
    resumed = checkpoint is not None and Path(checkpoint).exists()
    names_of_changes("fit", changed, checkpoint)
    if checkpoint is not None:
        lr = optimizer._start_lr if resumed else optimizer.lr
        lines = recipe(net, loss_fn, lr, source, test=test, validation=validation)
    if checkpoint is not None and resumed:
        running = load_checkpoint(
            checkpoint, net, optimizer, source, history, *plan, lines, changed
        )
    else:
        optimizer._scheduled = None
        if schedule is not None:
            schedule.begin(optimizer)
        if early_stopping is not None:
            early_stopping.begin()
    steps = Steps(net, loss_fn, optimizer, loader, score)
    scored = score is not None or classifies(loss_fn)
    if compiled is not False and isinstance(loader, DataLoader):
        steps.compile(must=compiled is True, batches=(epochs - len(history)) * len(loader))
    rounds = Rounds(net, loss_fn, optimizer, source, test or validation) if doctor else None
    with report(epochs, len(history), progress) as (show, say), polite_interrupt() as interrupted:
        try:
            if resumed and _is_over(history, epochs, early_stopping):
                say(nothing_left("fit", checkpoint, len(history), epochs))
            if rounds is not None:
                rounds.visit(history, say)
            while not _is_over(history, epochs, early_stopping):
                if schedule is not None:
                    schedule.set_lr(optimizer, len(history))
                running = running or steps.start()
                for losses, accuracies in steps(len(history), running, checkpoint_every):
                    running.losses.extend(losses)
                    running.accuracies.extend(accuracies)
                    if checkpoint_every and len(running.losses) % checkpoint_every == 0:
                        _save(checkpoint, net, optimizer, loader, history, running, *plan, lines)
                    if interrupted():
                        raise KeyboardInterrupt
                means = mean_of_those(running.losses), mean_of_those(running.accuracies)
                history.add("train", means[0], means[1] if scored else None)
                running = None
                if test is not None:
                    history.add("test", *evaluate(net, loss_fn, *test, score))
                if validation is not None:
                    history.add("validation", *evaluate(net, loss_fn, *validation, score))
                if early_stopping is not None:
                    early_stopping.watch(net, history)
                _save(checkpoint, net, optimizer, loader, history, None, *plan, lines)
                show(history)
                if rounds is not None:
                    rounds.visit(history, say)
                if interrupted():
                    raise KeyboardInterrupt
        except (KeyboardInterrupt, FloatingPointError, TypeError, ValueError) as stop:
            stop.history = history  # type: ignore[union-attr]
            raise
    if early_stopping is not None:
        early_stopping.restore(net)
    return history


def _is_over(history: History, epochs: int, early_stopping: EarlyStopping | None) -> bool:
    stopped = early_stopping is not None and early_stopping.is_over(history)
    return stopped or len(history) >= epochs


def _save(checkpoint: str | os.PathLike[str] | None, *where: Any) -> None:
    if checkpoint is not None:
        save_checkpoint(checkpoint, *where)


def _check_plan(validation: Any, early_stopping: Any, schedule: Any) -> None:
    if not isinstance(early_stopping, EarlyStopping | None):
        raise TypeError(
            f"fit: early_stopping is {type(early_stopping).__name__}, expected an EarlyStopping, "
            "such as tn.EarlyStopping(patience=5)"
        )
    if early_stopping is not None and validation is None:
        raise ValueError("fit: early_stopping goes by the validation loss; give validation=(X, y)")
    if not isinstance(schedule, Schedule | None):
        raise TypeError(
            f"fit: schedule is {type(schedule).__name__}, expected a Schedule, such as "
            "tn.CosineLR(epochs)"
        )
