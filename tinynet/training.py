"""The training loop, as one would write it by hand, with the scores of every epoch kept.

One step is five verbs: forward, loss, zero_grad, backward, step. ``train`` repeats them over all
batches of all epochs; an epoch's training loss and accuracy are the means over its batches,
measured as the network learns, and batches in which no row counts are left out of them. What else
goes on in a run has its turn after steps and epochs: see ``tinynet.runs.companions``. ``fit``
checks what it was given, puts both together, and compiles the steps where that pays.
"""

import os
from collections.abc import Collection, Iterable, Sequence
from functools import partial
from typing import Any

from tinynet.compiler.steps import Steps
from tinynet.data import DataLoader
from tinynet.formats.checkpointing import take_up
from tinynet.inspection.doctor import Rounds
from tinynet.module import Module, Sequential
from tinynet.optim import Optimizer
from tinynet.runs.companions import Companion, CtrlC, Visits, in_order
from tinynet.runs.guard import Guard, check_step
from tinynet.runs.history import History
from tinynet.runs.progress import polite_interrupt, report
from tinynet.runs.rehearsal import check_loader, check_needs, check_run, check_score, check_sets
from tinynet.runs.run import TakesSteps, TrainingRun
from tinynet.runs.schedules import Schedule
from tinynet.runs.scores import Score, evaluate, mean_of_those, one_loss, score_of
from tinynet.runs.stopping import EarlyStopping
from tinynet.support.types import Array
from tinynet.support.waiting import teller, told_by


def step(
    run: TrainingRun, guard: Guard, xb: Array, yb: Any, batch: int
) -> tuple[list[float], list[float]]:
    """One step, in five verbs; its loss and its score."""
    net, loss_fn, optimizer = run.net, run.loss_fn, run.optimizer
    guard.note()
    outputs = net(xb)
    loss = one_loss(run.owner, loss_fn, loss_fn(outputs, yb))
    optimizer.zero_grad()
    alone = {"input_gradient": False} if isinstance(net, Sequential) else {}  # nobody needs dx
    net.backward(loss_fn.backward(), **alone)
    if not guard.step_compiled(loss):
        check_step(run, guard, loss, xb, outputs, yb, batch)  # NaN is found, not learned
        guard.step(len(run.history), batch)  # optimizer.step(), undone if a weight would be NaN
    score = score_of(loss_fn, outputs, yb, run.score)
    return [loss], [float("nan") if score is None else score]


def steps_of(run: TrainingRun) -> Steps:
    """All steps of a run: those above, until ``compile`` is called, and then compiled ones."""
    by_layers = partial(step, run, Guard(run.owner, run.net, run.optimizer))
    return Steps(run, by_layers)


def train(
    run: TrainingRun, steps: TakesSteps, companions: Sequence[Companion], every: int | None = None
) -> History:
    """Take the steps of all epochs that are left; companions have their turns between them."""
    try:
        for companion in companions:
            companion.begin(run)
        while not run.is_over:
            run.running = running = run.running or steps.start()
            for losses, scores in steps(len(run.history), running, every):
                running.losses.extend(losses)
                running.accuracies.extend(scores)
                for companion in companions:
                    companion.steps_taken(run)
            means = mean_of_those(running.losses), mean_of_those(running.accuracies)
            run.history.add("train", means[0], means[1] if run.has_scores else None)
            run.running = None
            for companion in companions:
                companion.epoch_ended(run)
        for companion in companions:
            companion.stopped(run)
    except (KeyboardInterrupt, FloatingPointError, TypeError, ValueError) as stop:
        stop.history = run.history  # type: ignore[union-attr]
        raise
    return run.history


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
    """Train `net` for some epochs, in the mode to learn in; all scores are of it in evaluation.

    Parameters
    ----------
    net : Module
        Not as ``net.eval()`` leaves it; layers within may be so, and learn as they are.
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
        Show a progress bar (with tqdm, on a terminal or in a notebook) or a line per epoch, and
        say what takes long before it, as compiling does; False is silent.
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

    Warns
    -----
    UserWarning
        If the checkpoint is of an earlier version, and lacks what is compared now.
    """
    with told_by(teller() if progress else None):
        run = TrainingRun(
            "fit", net, loss_fn, optimizer, loader, epochs, schedule, early_stopping, score
        )
        check_run(run)
        check_loader(run)
        sets = {"test": test, "validation": validation}
        check_sets(run, sets)
        check_score(run, sets)
        check_needs(run, doctor, compiled is True, checkpoint is not None, checkpoint_every)
        saved = take_up(run, checkpoint, checkpoint_every, changed, sets)
        steps = steps_of(run)
        if compiled is not False and isinstance(loader, DataLoader):
            steps.compile(must=compiled is True, batches=(epochs - len(run.history)) * len(loader))
        scores = {
            part: partial(evaluate, net, loss_fn, *xy, score) for part, xy in sets.items() if xy
        }
        data = test or validation
        visits = Rounds(net, loss_fn, optimizer, run.loader, data).visit if doctor else None
        shown = report(epochs, len(run.history), progress)
        with shown as (display, run.say), polite_interrupt() as pressed:
            companions = in_order(scores, display, saved, visits and Visits(visits), CtrlC(pressed))
            return train(run, steps, companions, checkpoint_every)
