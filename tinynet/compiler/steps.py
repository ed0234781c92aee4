"""The training steps of an epoch: as compiled code where that pays, or layer by layer.

Both give the same bits. Where a compiled step would spread NaN or infinity, it is not taken; the
layers take it anew, find out in which of them it begins, and say so.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tinynet import kernels
from tinynet.compiler.compiled import CompiledSteps
from tinynet.compiler.recording import CannotRecord
from tinynet.data import DataLoader
from tinynet.formats.checkpoint import RunningEpoch
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.runs.guard import Guard, advice_after_divergence
from tinynet.runs.rehearsal import batches, deals_by_order
from tinynet.runs.scores import Score, no_row_counts, one_float, score_of
from tinynet.support.calls import predicting, watching
from tinynet.support.types import Array

COMPILE_FROM = 3000  # batches: compiling the steps takes about as long as these, layer by layer
NAN = float("nan")


class Steps:
    """The training steps of an epoch: compiled, or layer by layer."""

    def __init__(
        self, net: Module, loss_fn: Any, optimizer: Optimizer, loader: Any, score: Score | None
    ) -> None:
        self.net, self.loss_fn, self.optimizer = net, loss_fn, optimizer
        self.loader: DataLoader = loader  # or what gives batches
        self.score = score
        self.guard = Guard("fit", net, optimizer)
        self.compiled: CompiledSteps | None = None

    def compile(self, must: bool, batches: int) -> None:
        """Use compiled steps, if that is possible and pays for so many batches."""
        if batches < COMPILE_FROM and not must:
            return
        try:
            self.compiled = CompiledSteps.for_training(
                self.net, self.loss_fn, self.optimizer, self.loader, self.score
            )
        except CannotRecord as error:
            if must:
                raise TypeError(f"fit: compiled=True, but {error}; leave it out") from error

    def start(self) -> RunningEpoch:
        """A new epoch; loaders of other kinds than ours keep their order to themselves."""
        ours = deals_by_order(self.loader)
        return RunningEpoch(self.loader.order() if ours else np.empty(0, np.int64))

    def __call__(
        self, epoch: int, running: RunningEpoch, every: int | None
    ) -> Iterator[tuple[Sequence[float], Sequence[float]]]:
        """Take the steps that `running` still lacks; yield the losses and accuracies of some.

        A part never reaches beyond a multiple of `every` batches.
        """
        if not deals_by_order(self.loader):
            for batch, (xb, yb) in enumerate(batches("fit", self.loader, epoch + 1)):
                yield self._step(xb, yb, epoch, batch)
            if np.isnan(running.losses).all():
                raise ValueError(
                    f"fit: no row counts in epoch {epoch + 1}: every label that the loader gave is "
                    "ignored, or of a class of weight 0"
                )
            return
        count = len(self.loader)
        while (batch := len(running.losses)) < count:
            if self.compiled is None or not self.compiled.ready():
                yield self._step(*self.loader.batch(running.order, batch), epoch, batch)
                continue
            stop = min(count, (batch // every + 1) * every) if every else count
            for losses, accuracies in self.compiled.batches(
                self.loader, running.order, batch, stop
            ):
                if len(losses):
                    yield losses.tolist(), accuracies.tolist()
                    continue
                batch = len(running.losses)  # the layers find out what goes wrong in which step
                yield self._step(*self.loader.batch(running.order, batch), epoch, batch)

    def _step(self, xb: Array, yb: Any, epoch: int, batch: int) -> tuple[list[float], list[float]]:
        outputs = self.net(xb)
        loss, counts = self._loss(outputs, yb)
        self.optimizer.zero_grad()
        self.net.backward(self.loss_fn.backward())
        _stop_if_diverged(self.net, loss, self.optimizer, xb, epoch, batch)
        self.guard.step(epoch, batch)
        score = score_of(self.loss_fn, outputs, yb, self.score)
        return [loss if counts else NAN], [NAN if score is None else score]

    def _loss(self, outputs: Array, yb: Any) -> tuple[float, bool]:
        """The loss; or if it is NaN since no row counts, 0 and False."""
        loss: Any = self.loss_fn(outputs, yb)
        if type(loss) is not float:
            loss = one_float(f"fit: the loss {self.loss_fn!r}", loss)
        if np.isnan(loss) and no_row_counts(self.loss_fn, outputs, yb):
            return 0.0, False
        return float(loss), True


def _stop_if_diverged(
    net: Module, loss: float, optimizer: Optimizer, xb: Array, epoch: int, batch: int
) -> None:
    gradients = [p.grad.reshape(-1) for p in optimizer.parameters if p.grad is not None]
    if np.isfinite(loss) and all(kernels.all_finite(gradient) for gradient in gradients):
        return
    what = "the loss" if not np.isfinite(loss) else "a gradient"
    raise FloatingPointError(
        f"fit: {what} is not finite in epoch {epoch + 1}, batch {batch + 1}, with lr = "
        f"{optimizer.lr:g}; {_first_stray_layer(net, xb)}. The weights are those before this step. "
        f"{advice_after_divergence(optimizer)}"
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
