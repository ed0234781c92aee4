"""The training loop, as one would write it by hand, with the scores of every epoch kept.

One step is five verbs: forward, loss, zero_grad, backward, step. ``fit`` repeats it over all
batches of all epochs; an epoch's training loss and accuracy are the means over its batches,
measured as the network learns, and after it the test set is scored in one piece.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinynet import kernels
from tinynet._checks import check_dataset, whole_number
from tinynet._progress import polite_interrupt, report
from tinynet._types import Array
from tinynet._writer import CannotWrite
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
    """
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

    Returns
    -------
    History

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
        network's, or `epochs` is not a positive int. Nothing was changed.
    """
    whole_number("fit", "epochs", epochs, 1)
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
    steps = _Steps(net, loss_fn, optimizer, loader)
    if compiled is not False and isinstance(loader, DataLoader):
        steps.compile(must=compiled is True, batches=epochs * len(loader))
    history = History()
    with report(epochs, progress) as show, polite_interrupt() as interrupted:
        try:
            for epoch in range(epochs):
                losses: list[float] = []
                accuracies: list[float] = []
                for some_losses, some_accuracies in steps(epoch):
                    losses.extend(some_losses)
                    accuracies.extend(some_accuracies)
                    if interrupted():
                        raise KeyboardInterrupt
                history.train_loss.append(float(np.mean(losses)))
                history.train_accuracy.append(float(np.mean(accuracies)))
                if test is not None:
                    test_loss, test_accuracy = evaluate(net, loss_fn, *test)
                    history.test_loss.append(test_loss)
                    history.test_accuracy.append(test_accuracy)
                show(history)
                if interrupted():
                    raise KeyboardInterrupt
        except (KeyboardInterrupt, FloatingPointError) as stop:
            stop.history = history  # type: ignore[union-attr]
            raise
    return history


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

    def __call__(self, epoch: int) -> Iterator[tuple[Sequence[float], Sequence[float]]]:
        """Take the steps of one epoch; yield the losses and accuracies of some at a time."""
        if self.compiled is None:
            for batch, (xb, yb) in enumerate(self.loader):
                yield self._step(xb, yb, epoch, batch)
            return
        batches, order, batch = len(self.loader), self.loader.order(), 0
        while batch < batches and not self.compiled.ready():
            yield self._step(*self.loader.batch(order, batch), epoch, batch)
            batch += 1
        for losses, accuracies in self.compiled.batches(self.loader, order, batch, batches):
            if len(losses) == 0:  # the layers find out what went wrong in this batch
                yield self._step(*self.loader.batch(order, batch), epoch, batch)
            batch += len(losses)
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
