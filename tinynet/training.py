"""The training loop, as one would write it by hand, with the scores of every epoch kept.

One step is five verbs: forward, loss, zero_grad, backward, step. ``fit`` repeats it over all
batches of all epochs; an epoch's training loss and accuracy are the means over its batches,
measured as the network learns, and after it the test set is scored in one piece.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tinynet import kernels
from tinynet._checks import check_dataset, unmasked, whole_number
from tinynet._progress import polite_interrupt, report
from tinynet._types import Array
from tinynet._writer import CannotWrite
from tinynet.checkpoint import RunningEpoch, load_checkpoint, save_checkpoint
from tinynet.compiler import CompiledSteps
from tinynet.data import DataLoader
from tinynet.losses import Loss
from tinynet.module import Module, predicting, watching
from tinynet.optim import Optimizer

COMPILE_FROM = 3000  # batches: compiling the steps takes about as long as these, layer by layer


@dataclass
class History:
    """The scores of a training run.

    Attributes
    ----------
    train_loss, train_accuracy : list of float
        The means over the batches of each epoch, measured as the network learns; the accuracies in
        percent.
    test_loss, test_accuracy : list of float
        The scores after each epoch; empty without a test set.
    """

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.train_loss)


def accuracy(outputs: Array, target: Array) -> float:
    """The share of rows whose highest output is the right class, in percent.

    Parameters
    ----------
    outputs : ndarray (N, C)
        Scores, probabilities or log-probabilities.
    target : ndarray (N,) of ints, or (N, C) of class probabilities

    Raises
    ------
    TypeError, ValueError
        If one is not an array, or there are no rows, or the shapes do not fit each other.
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
    labels = target if target.ndim == 1 else target.argmax(axis=1)
    return float((outputs.argmax(axis=1) == labels).mean() * 100)


def evaluate(net: Module, loss_fn: Loss, X: Array, y: Array) -> tuple[float, float]:
    """Loss and accuracy (percent) of `net` on a data set, in one piece; nothing is changed.

    Parameters
    ----------
    net : Module
    loss_fn : NLLLoss or CrossEntropyLoss
        With a reduction other than "none".
    X : ndarray (n, features)
    y : ndarray (n,) of ints, or (n, C)

    Returns
    -------
    tuple of two floats
    """
    outputs = net.predict(X)
    return float(loss_fn.predict(outputs, y)), accuracy(outputs, y)


def fit(
    net: Module,
    loss_fn: Loss,
    optimizer: Optimizer,
    loader: DataLoader,
    test: tuple[Array, Array] | None = None,
    epochs: int = 1,
    progress: bool = True,
    compiled: bool | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
) -> History:
    """Train `net` for some epochs.

    Parameters
    ----------
    net : Module
    loss_fn : NLLLoss or CrossEntropyLoss
        With a reduction other than "none".
    optimizer : Optimizer
        Of the parameters of `net`.
    loader : DataLoader
        The training set.
    test : (X, y), optional
        Scored after every epoch; never learned from.
    epochs : int
    progress : bool
        Show a progress bar (with tqdm, on a terminal or in a notebook) or a line per epoch.
    compiled : bool, optional
        Whether the steps run as code compiled for this very network (see `tinynet.compile`) or
        layer by layer; both give the same bits. Default: compiled, where that is possible and the
        run is long enough to earn back the seconds it takes.
    checkpoint : str or path-like, optional
        A file that says where the run stands, written after every epoch. If it is there already,
        the run goes on from it, to the same bits as without a stop: `net`, `optimizer` and `loader`
        must be built as they were for its beginning.
    checkpoint_every : int, optional
        Write the checkpoint after so many batches, too.

    Returns
    -------
    History
        Of all `epochs`, those before the checkpoint included.

    Raises
    ------
    FloatingPointError
        If the loss or a gradient becomes NaN or infinite. The weights are those before that step;
        the exception's ``history`` holds the epochs before.
    KeyboardInterrupt
        On Ctrl-C, once the current step is finished. The weights are those after that step; the
        exception's ``history`` holds the finished epochs.
    TypeError, ValueError, IndexError
        If the network, the loss and the data do not fit each other, the optimizer is another
        network's, the checkpoint is another run's, or `epochs` or `checkpoint_every` is not a
        positive int. Nothing was changed.
    OSError
        If the checkpoint cannot be written.
    """
    whole_number("fit", "epochs", epochs, 1)
    if checkpoint_every is not None:
        whole_number("fit", "checkpoint_every", checkpoint_every, 1)
    if getattr(loss_fn, "reduction", "mean") == "none":
        raise ValueError(
            'fit: a loss with reduction="none" is no single number; use "mean" or "sum"'
        )
    own = {id(parameter) for parameter in net.parameters()}
    if own.isdisjoint(map(id, optimizer.parameters)):
        raise ValueError(
            "fit: the optimizer holds no parameter of this network; make a new one with "
            "net.parameters()"
        )
    if isinstance(loader, DataLoader):
        _rehearse(net, loss_fn, loader.gather(np.arange(1))[0], loader.y)
    if test is not None:
        if not isinstance(test, tuple | list) or len(test) != 2:
            raise TypeError(f"fit: test is {type(test).__name__}, expected a pair (X, y)")
        check_dataset("fit: test", *test)
        _rehearse(net, loss_fn, test[0][:1], test[1])
    history, running = History(), None
    if checkpoint is not None and Path(checkpoint).exists():
        running = load_checkpoint(checkpoint, net, optimizer, loader, history)
    steps = _Steps(net, loss_fn, optimizer, loader)
    if compiled is not False and isinstance(loader, DataLoader):
        steps.compile(must=compiled is True, batches=(epochs - len(history)) * len(loader))
    with report(epochs, len(history), progress) as show, polite_interrupt() as interrupted:
        try:
            for epoch in range(len(history), epochs):
                running = running or steps.start()
                for losses, accuracies in steps(epoch, running, checkpoint_every):
                    running.losses.extend(losses)
                    running.accuracies.extend(accuracies)
                    if checkpoint_every and len(running.losses) % checkpoint_every == 0:
                        _save(checkpoint, net, optimizer, loader, history, running)
                    if interrupted():
                        raise KeyboardInterrupt
                history.train_loss.append(float(np.mean(running.losses)))
                history.train_accuracy.append(float(np.mean(running.accuracies)))
                running = None
                if test is not None:
                    test_loss, test_accuracy = evaluate(net, loss_fn, *test)
                    history.test_loss.append(test_loss)
                    history.test_accuracy.append(test_accuracy)
                _save(checkpoint, net, optimizer, loader, history)
                show(history)
                if interrupted():
                    raise KeyboardInterrupt
        except (KeyboardInterrupt, FloatingPointError) as stop:
            stop.history = history  # type: ignore[union-attr]
            raise
    return history


def _save(checkpoint: str | os.PathLike[str] | None, *where: Any) -> None:
    if checkpoint is not None:
        save_checkpoint(checkpoint, *where)


def _rehearse(net: Module, loss_fn: Module, first: Array, y: Array) -> None:
    """Score the first row against all of `y`: unusable data raises before anything is learned."""
    loss_fn.predict(np.repeat(net.predict(first), len(y), axis=0), y)


class _Steps:
    """The training steps of an epoch: compiled, or layer by layer."""

    def __init__(
        self, net: Module, loss_fn: Loss, optimizer: Optimizer, loader: DataLoader
    ) -> None:
        self.net, self.loss_fn, self.optimizer, self.loader = net, loss_fn, optimizer, loader
        self.compiled: CompiledSteps | None = None

    def compile(self, must: bool, batches: int) -> None:
        """Use compiled steps, if that is possible and pays for so many batches."""
        if batches < COMPILE_FROM and not must:
            return
        try:
            self.compiled = CompiledSteps.for_training(
                self.net, self.loss_fn, self.optimizer, self.loader
            )
        except CannotWrite as error:
            if must:
                raise TypeError(f"fit: compiled=True, but {error}; leave it out") from error

    def start(self) -> RunningEpoch:
        """A new epoch; loaders of other kinds than ours keep their order to themselves."""
        ours = isinstance(self.loader, DataLoader)
        return RunningEpoch(self.loader.order() if ours else np.empty(0, np.int64))

    def __call__(
        self, epoch: int, running: RunningEpoch, every: int | None
    ) -> Iterator[tuple[Sequence[float], Sequence[float]]]:
        """Take the steps that `running` still lacks; yield the losses and accuracies of some.

        A part never reaches beyond a multiple of `every` batches.
        """
        if not isinstance(self.loader, DataLoader):
            for batch, (xb, yb) in enumerate(self.loader):
                yield self._step(xb, yb, epoch, batch)
            return
        batches = len(self.loader)
        while (batch := len(running.losses)) < batches:
            if self.compiled is None or not self.compiled.ready():
                yield self._step(*self.loader.batch(running.order, batch), epoch, batch)
                continue
            stop = min(batches, (batch // every + 1) * every) if every else batches
            for losses, accuracies in self.compiled.batches(
                self.loader, running.order, batch, stop
            ):
                if len(losses) == 0:  # the layers find out what went wrong in this batch
                    batch = len(running.losses)
                    yield self._step(*self.loader.batch(running.order, batch), epoch, batch)
                yield losses.tolist(), accuracies.tolist()

    def _step(self, xb: Array, yb: Any, epoch: int, batch: int) -> tuple[list[float], list[float]]:
        outputs = self.net(xb)
        loss = float(self.loss_fn(outputs, yb))
        self.optimizer.zero_grad()
        self.net.backward(self.loss_fn.backward())
        _stop_if_diverged(self.net, loss, self.optimizer, xb, epoch, batch)
        self.optimizer.step()
        return [loss], [accuracy(outputs, yb)]


def _stop_if_diverged(
    net: Module, loss: float, optimizer: Optimizer, xb: Array, epoch: int, batch: int
) -> None:
    gradients = [p.grad for p in optimizer.parameters if p.grad is not None]
    if np.isfinite(loss) and all(kernels.all_finite(gradient) for gradient in gradients):
        return
    what = "the loss" if not np.isfinite(loss) else "a gradient"
    raise FloatingPointError(
        f"fit: {what} is not finite in epoch {epoch + 1}, batch {batch + 1}, with lr = "
        f"{optimizer.lr:g}; {_first_stray_layer(net, xb)}. The weights are those before this step. "
        "Try a smaller learning rate, or inputs scaled to about 1"
    )


def _first_stray_layer(net: Module, x: Array) -> str:
    names = {id(module): f"{name}, " for name, module in net.named_modules() if name}
    with predicting(), watching() as calls:
        net(x)
    for layer, output in calls:
        if not np.isfinite(output).all():
            place = names.get(id(layer), "")
            return f"the first layer with an output that is not finite is {place}{layer!r}"
    return "all layers' outputs are finite"
