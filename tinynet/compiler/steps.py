"""The training steps of an epoch: as compiled code where that pays, or layer by layer.

Both give the same bits. Where a compiled step would spread NaN or infinity, it is not taken; the
layers take it anew, find out in which of them it begins, and say so.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from tinynet.compiler.compiled import CompiledSteps
from tinynet.compiler.part import CannotRecord
from tinynet.compiler.recorded import Layer, record_layers
from tinynet.compiler.verbs import Verbs, compile_verbs
from tinynet.data import DataLoader
from tinynet.formats.checkpoint import RunningEpoch
from tinynet.kernels.jit.rung import COMPILES
from tinynet.runs.rehearsal import batches, deals_by_order
from tinynet.runs.run import TrainingRun
from tinynet.support.types import Array

LOOK_FROM = 400  # batches: to find out whether there is compiled code costs less than these
COMPILE_FROM = 3000  # batches: compiling the steps takes about as long as these, layer by layer
SLOWER = "2 to 5"  # measured by benchmarks/training.py
_said: set[str] = set()

LayerByLayer = Callable[[Array, Any, int], tuple[Sequence[float], Sequence[float]]]
"""Takes a step on (xb, yb), which is the batch of that number; gives its loss and its score."""


class Steps:
    """The training steps of an epoch: compiled, or layer by layer."""

    def __init__(self, run: TrainingRun, by_layers: LayerByLayer) -> None:
        self.parts = run.net, run.loss_fn, run.optimizer
        self.loader: DataLoader = run.loader  # or what gives batches
        self.score, self.by_layers = run.score, by_layers
        self.compiled: CompiledSteps | None = None

    def compile(self, must: bool, batches: int) -> None:
        """Use compiled steps, if that is possible and pays for so many batches.

        It pays for many batches, and for some if they were compiled before, here or by another
        process. Where only some layers can be compiled, the loop over the layers runs, in which
        they are.
        """
        if not must and (batches < LOOK_FROM or not COMPILES):
            return
        net = self.parts[0]
        layers: list[Layer] = []
        try:
            X: Any = getattr(self.loader, "X", None)
            layers = record_layers(net, np.shape(X)[1:] or None)
            steps = CompiledSteps(*self.parts, layers, self.loader, self.score)
        except CannotRecord as error:
            if must:
                raise TypeError(f"fit: compiled=True, but {error}; leave it out") from error
            if batches >= COMPILE_FROM:
                self._compile_some(layers, str(error))
            return
        if must or batches >= COMPILE_FROM or steps.is_compiled:
            self.compiled = steps
            if net._compiled is None:
                with suppress(CannotRecord):
                    net._compiled = Verbs(net, layers, loop=False)  # predicts

    def _compile_some(self, layers: list[Layer], reason: str) -> None:
        """Compile what can be; say once what stays Python, and what that costs."""
        python = [reason]
        with suppress(CannotRecord):
            if layers:
                some = np.asarray(self.loader.y[:1])
                python = compile_verbs(layers, *self.parts, some).python or python
        what = "; ".join(python)
        if what not in _said:
            _said.add(what)
            warnings.warn(
                f"fit: some of each step stays Python, which makes it about {SLOWER} times as "
                f"long: {what}. Arithmetic in kernels (tn.kernel) is compiled",
                stacklevel=4,
            )

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
            stop = min(count, (batch // every + 1) * every) if every else count
            taken = self.compiled and self.compiled.take(running.order, batch, stop)
            if taken and taken[0]:
                yield taken
            else:  # the layers find out what goes wrong in a step
                yield self.by_layers(*self.loader.batch(running.order, batch), batch)
