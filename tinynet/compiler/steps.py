"""The training steps of an epoch: as compiled code where that pays, or layer by layer.

Both give the same bits. Where a compiled step would spread NaN or infinity, it is not taken; the
layers take it anew, find out in which of them it begins, and say so.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tinynet.compiler import CompiledSteps
from tinynet.compiler.writer import CannotWrite
from tinynet.data import DataLoader
from tinynet.formats.checkpoint import RunningEpoch
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.runs.rehearsal import batches, deals_by_order
from tinynet.runs.scores import Score
from tinynet.support.types import Array

COMPILE_FROM = 3000  # batches: compiling the steps takes about as long as these, layer by layer
LayerByLayer = Callable[[Array, Any, int], tuple[Sequence[float], Sequence[float]]]
"""Takes a step on (xb, yb), which is the batch of that number; gives its loss and its score."""


class Steps:
    """The training steps of an epoch: compiled, or layer by layer."""

    def __init__(
        self,
        net: Module,
        loss_fn: Any,
        optimizer: Optimizer,
        loader: Any,
        score: Score | None,
        by_layers: LayerByLayer,
    ) -> None:
        self.net, self.loss_fn, self.optimizer = net, loss_fn, optimizer
        self.loader: DataLoader = loader  # or what gives batches
        self.score, self.by_layers = score, by_layers
        self.compiled: CompiledSteps | None = None

    def compile(self, must: bool, batches: int) -> None:
        """Use compiled steps, if that is possible and pays for so many batches."""
        if batches < COMPILE_FROM and not must:
            return
        try:
            self.compiled = CompiledSteps.for_training(
                self.net, self.loss_fn, self.optimizer, self.loader, self.score
            )
        except CannotWrite as error:
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
                yield self.by_layers(xb, yb, batch)
            if np.isnan(running.losses).all():
                raise ValueError(
                    f"fit: no row counts in epoch {epoch + 1}: every label that the loader gave is "
                    "ignored, or of a class of weight 0"
                )
            return
        count = len(self.loader)
        while (batch := len(running.losses)) < count:
            if self.compiled is None or not self.compiled.ready():
                yield self.by_layers(*self.loader.batch(running.order, batch), batch)
                continue
            stop = min(count, (batch // every + 1) * every) if every else count
            for losses, accuracies in self.compiled.batches(
                self.loader, running.order, batch, stop
            ):
                if len(losses):
                    yield losses.tolist(), accuracies.tolist()
                    continue
                batch = len(running.losses)  # the layers find out what goes wrong in which step
                yield self.by_layers(*self.loader.batch(running.order, batch), batch)
