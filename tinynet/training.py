"""The training loop, as one would write it by hand, with the scores of every epoch kept.

One step is five verbs: forward, loss, zero_grad, backward, step. ``fit`` repeats it over all
batches of all epochs; an epoch's training loss and accuracy are the means over its batches,
measured as the network learns, and after it the test set is scored in one piece.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinynet import kernels
from tinynet._checks import whole_number
from tinynet._types import Array
from tinynet.data import DataLoader, check_dataset
from tinynet.losses import Loss
from tinynet.module import Module
from tinynet.optim import Optimizer


@dataclass
class History:
    """The scores of a training run: one float per epoch in each list; accuracies in percent."""

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
    TypeError, ValueError
        If the test set is unusable, or `epochs` is not a positive int.
    """
    whole_number("fit", "epochs", epochs, 1)
    if getattr(loss_fn, "reduction", "mean") == "none":
        raise ValueError(
            'fit: a loss with reduction="none" is no single number; use "mean" or "sum"'
        )
    if test is not None:
        check_dataset("fit: test", *test)
    history = History()
    with _report(epochs, progress) as report, _polite_interrupt() as interrupted:
        try:
            for epoch in range(epochs):
                losses, accuracies = [], []
                for batch, (xb, yb) in enumerate(loader):
                    outputs = net(xb)
                    loss = float(loss_fn(outputs, yb))
                    optimizer.zero_grad()
                    net.backward(loss_fn.backward())
                    _stop_if_diverged(net, loss, optimizer, xb, epoch, batch)
                    optimizer.step()
                    losses.append(loss)
                    accuracies.append(accuracy(outputs, yb))
                    if interrupted():
                        raise KeyboardInterrupt
                history.train_loss.append(float(np.mean(losses)))
                history.train_accuracy.append(float(np.mean(accuracies)))
                if test is not None:
                    test_loss, test_accuracy = evaluate(net, loss_fn, *test)
                    history.test_loss.append(test_loss)
                    history.test_accuracy.append(test_accuracy)
                report(history)
        except (KeyboardInterrupt, FloatingPointError) as stop:
            stop.history = history  # type: ignore[union-attr]
            raise
    return history


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
    for name, layer in net.children():
        x = layer.predict(x)
        if not np.isfinite(x).all():
            return f"the first layer with an output that is not finite is {name}, {layer!r}"
    return "all layers' outputs are finite"


@contextmanager
def _polite_interrupt() -> Iterator[Any]:
    """Within, Ctrl-C is only noted, so that no step is left half done."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set  # Python delivers Ctrl-C to the main thread alone
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: pressed.set())
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _report(epochs: int, progress: bool) -> Iterator[Any]:
    """A function that shows the scores after an epoch, as a bar, as lines, or not at all."""
    if not progress:
        yield lambda history: None
        return
    bar_class = _tqdm() if sys.stderr.isatty() or "ipykernel" in sys.modules else None
    if bar_class is None:
        yield lambda history: print(
            f"epoch {len(history):3d}/{epochs}  {_scores(history)}", flush=True
        )
        return
    with bar_class(total=epochs, unit="epoch") as bar:

        def advance(history: History) -> None:
            bar.set_postfix_str(_scores(history))
            bar.update()

        yield advance


def _scores(history: History) -> str:
    text = f"train loss {history.train_loss[-1]:.4f}, {history.train_accuracy[-1]:.2f} %"
    if history.test_loss:
        text += f"; test loss {history.test_loss[-1]:.4f}, {history.test_accuracy[-1]:.2f} %"
    return text


def _tqdm() -> Any:
    try:
        from tqdm.auto import tqdm
    except ImportError:
        return None
    return tqdm
