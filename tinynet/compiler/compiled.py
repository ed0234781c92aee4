"""Compiled training: a network, its loss and its optimizer, recorded, written out, and run."""

import copy
import time
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynet.compiler.part import CannotRecord
from tinynet.compiler.recorded import is_ours, record_layers, recorded_loss, recorded_updates
from tinynet.compiler.recording import states_of
from tinynet.compiler.source import import_source
from tinynet.compiler.trial import by_equation
from tinynet.compiler.verbs import Verbs
from tinynet.compiler.writer import Step, Writer
from tinynet.data import DataLoader
from tinynet.kernels.jit.compile import is_kept
from tinynet.kernels.jit.kernel import listening
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.runs.guard import Guard
from tinynet.runs.scores import Score, score_of
from tinynet.support.types import Array
from tinynet.version import __version__

SLOWLY = 5e9  # multiply-adds per second that any processor reaches: the size of a first call
CALL_SECONDS = 0.02  # how long one compiled call may take: after it, Ctrl-C and progress get a turn
LOOKS = 0.01  # which share of the time may go into looking whether weights are still finite


class CompiledSteps:
    """The training steps of one network, written out; compiled when they first run.

    Parameters
    ----------
    net, loss_fn, optimizer
    targets : ndarray
        Some targets, as the loss takes them.
    scaled : bool
        Whether the loader converts its rows.
    score : function, optional
        Called on every batch's outputs.

    Attributes
    ----------
    source : str
        The code that runs.
    path : str
        The file that holds it, in tinynet's cache folder.

    Raises
    ------
    CannotRecord
        If a part does what only Python can do; the message names it.
    """

    def __init__(
        self,
        net: Module,
        loss_fn: Any,
        optimizer: Optimizer,
        targets: Array,
        scaled: bool = False,
        score: Score | None = None,
    ) -> None:
        self._net, self._loss_fn, self._optimizer = net, loss_fn, optimizer
        layers, self._dtype = record_layers(net)
        self._layers = layers
        net_parts = [module for layer in layers for _, module in layer.module.named_modules()]
        for layer in layers:
            if layer.part is None:
                raise CannotRecord(f"{layer}: {layer.reason}")
        (self._features,), self._outputs = layers[0].inputs, layers[-1].outputs
        loss = recorded_loss(loss_fn, self._outputs, self._dtype, targets)
        self._updates = recorded_updates(net, optimizer)
        self._score = score
        if score is None and "score" not in loss.calls and hasattr(loss_fn, "accuracy"):
            self._score = loss_fn.accuracy
        self._scored = self._score is not None
        self._writer = Writer(
            Step(
                [(layer.module, layer.part) for layer in layers if layer.part],
                loss,
                self._updates.each,
                self._features,
                self._dtype,
                (targets.shape[1:], targets.dtype),
            ),
            [f"{net!r}", f"with {loss_fn!r} and {type(optimizer).__name__}"],
            scaled,
            self._scored,
        )
        self._handed = self._writer.handed()
        self.source = self._writer.source()
        self._code = import_source(self.source, __version__, self._writer.script.strangers())
        self.path = str(self._code.__file__)
        self._guard = Guard("fit", net, optimizer)
        self._fewest = max(layer.part.fewest for layer in layers if layer.part)
        self._is_proved = all(is_ours(part) for part in (loss_fn, optimizer, *net_parts))
        self._is_wrong = False
        self._size = 0  # batches of one call
        self._target: Array | None = None

    def _show_to_loss(self, y: Array, rows: int = 2**16) -> None:
        """Let the loss look at all targets: compiled code does not check them."""
        for first in range(0, len(y), rows):
            some = y[first : first + rows]
            outputs = np.zeros((len(some), *self._outputs), self._dtype)
            try:
                with listening(by_equation), np.errstate(all="ignore"):
                    self._loss_fn.predict(outputs, some)
            except Exception as error:
                if is_ours(self._loss_fn):
                    raise
                raise CannotRecord(f"the loss refuses some targets: {error}") from error

    @classmethod
    def for_training(
        cls,
        net: Module,
        loss_fn: Any,
        optimizer: Optimizer,
        loader: DataLoader,
        score: Score | None = None,
    ) -> "CompiledSteps":
        """The steps for the data of `loader`, scored by `score` or the accuracy.

        Raises
        ------
        CannotRecord
            If net, loss, optimizer or data are such that only the layers themselves can train.
        """
        for method in ("__iter__", "batch", "gather"):
            if getattr(type(loader), method) is not getattr(DataLoader, method):
                raise CannotRecord(f"{type(loader).__name__} has its own {method}")
        X, y = loader.X, np.asarray(loader.y)
        if y.dtype.kind in "iub" and y.dtype != np.uint64:
            y = y.astype(np.int64)
        if y.ndim > 2 or y.dtype.kind not in "if" or not y.dtype.isnative:
            raise CannotRecord(f"the targets are {y.dtype} of shape {y.shape}")
        y = np.ascontiguousarray(y)
        steps = cls(net, loss_fn, optimizer, y, loader.scale is not None, score)
        dtype = np.dtype(np.float32) if loader.scale is not None else X.dtype
        if X.shape[1:] != (steps._features,) or dtype != steps._dtype or not X.dtype.isnative:
            raise CannotRecord(f"the data are {X.dtype} of shape {X.shape}")
        steps._show_to_loss(y)
        steps._target = y
        return steps

    @property
    def is_compiled(self) -> bool:
        """Whether the code is compiled already, in this process or in the cache on disk."""
        train = self._code.train
        return bool(getattr(train, "signatures", True)) or is_kept(train)

    def predict_compiled(self) -> None:
        """Let the network predict by compiled code from now on."""
        if self._net._compiled is None:
            self._net._compiled = Verbs(self._net, self._layers, self._dtype, loop=False)

    def ready(self) -> bool:
        """Whether the optimizer's memory is such that every parameter takes the same step.

        SGD's velocities come into being in a first step, which the layers must take.
        """
        states, updates = self._optimizer.state, self._updates
        if self._is_wrong:
            return False
        if not updates.from_zero and any(
            name not in state for state in states for name in updates.memories
        ):
            return False
        return len({state.get(name, 0) for state in states for name in updates.counts}) <= 1

    def batches(
        self, loader: DataLoader, order: Any, first: int, last: int
    ) -> Iterator[tuple[Array, Array]]:
        """Train on the batches `first` to `last` - 1 of an epoch, some at a time.

        Yields
        ------
        tuple of two arrays
            Losses and accuracies of the batches done. An empty pair stands for one step that the
            layers must take: it, or one soon after it, would spread NaN or infinity.
        """
        weights = sum(parameter.data.size for parameter in self._net.parameters())
        slowly = int(CALL_SECONDS * SLOWLY / (3 * weights * loader.batch_size))
        self._size = self._size or max(1, slowly)
        full = len(order) // loader.batch_size
        if not self._is_proved:
            self._prove(loader, order, first)
            if self._is_wrong:
                yield from [(np.empty(0), np.empty(0))] * (last - first)
                return
        while first < last:
            stop = min(first + self._size, last if first >= full else min(last, full))
            if len(order[first * loader.batch_size :][: loader.batch_size]) < self._fewest:
                yield np.empty(0), np.empty(0)
                first += 1
                continue
            clock = [time.perf_counter()]
            self._guard.remember()
            clock.append(time.perf_counter())
            losses, accuracies = self._train(loader, order, first, stop)
            clock.append(time.perf_counter())
            if self._guard.stray() is not None:  # the layers take these steps again, one by one
                self._guard.put_back()
                yield from [(losses[:0], accuracies[:0])] * (stop - first)
                return
            clock.append(time.perf_counter())
            if len(losses):
                yield losses, accuracies
            if len(losses) < stop - first:
                yield losses[:0], accuracies[:0]
                return
            copying, training, looking = np.diff(clock)
            seconds = max(CALL_SECONDS, (copying + looking) / LOOKS)
            done = stop - first
            wanted = int(done * seconds / max(training, 1e-6))
            self._size = max(1, min(8 * max(done, self._size), wanted))
            first = stop

    def _prove(self, loader: DataLoader, order: Any, first: int) -> None:
        """Compare a step with the layers' own, on copies: somebody else's part may surprise."""
        self._is_proved = True
        net, loss_fn, optimizer = copy.deepcopy((self._net, self._loss_fn, self._optimizer))
        xb, yb = loader.batch(order, first)
        loss = loss_fn(net(xb), yb)
        optimizer.zero_grad()
        net.backward(loss_fn.backward())
        optimizer.step()
        arrays = [array() for layer in self._layers for _, array in states_of(layer.module)]
        before = [array.copy() for array in arrays]
        self._guard.remember()
        losses, _ = self._train(loader, order, first, first + 1)
        pairs = zip(self._optimizer.parameters, optimizer.parameters, strict=True)
        if len(losses) and (
            losses[0] != loss or any(a.data.tobytes() != b.data.tobytes() for a, b in pairs)
        ):
            self._is_wrong = True
            warnings.warn(
                "fit: the compiled steps differ from the layers' own, so that the layers run: a "
                "part decides in Python by what is in the data. Take such decisions in kernels",
                stacklevel=2,
            )
        self._guard.put_back()
        for array, values in zip(arrays, before, strict=True):
            array[...] = values

    def _train(self, loader: DataLoader, order: Any, first: int, last: int) -> tuple[Array, Array]:
        optimizer, writer = self._optimizer, self._writer
        states, counts = optimizer.state, self._updates.counts
        losses, accuracies = np.empty(last - first), np.full(last - first, np.nan)
        rows = order[first * loader.batch_size : last * loader.batch_size]
        outputs = np.empty((len(rows) if self._scored else 0, *self._outputs), self._dtype)
        steps = states[0].get(counts[0], 0) if counts else 0
        taken = self._code.train(
            np.asarray(loader.X),
            self._target,
            order,
            loader.batch_size,
            first,
            last,
            losses,
            accuracies,
            optimizer.lr,
            float(steps),
            *([] if loader.scale is None else [float(loader.scale)]),
            *([outputs] if self._scored else []),
            *(array() for array in self._handed),
        )
        if writer.fusions:
            for parameter in optimizer.parameters:
                parameter.grad = None  # rather than that of an earlier step
        for state in states:
            state.update(dict.fromkeys(counts, steps + taken))
        if self._score is not None:
            size = min(loader.batch_size, len(rows))
            for batch in range(taken):
                part = slice(batch * size, (batch + 1) * size)
                answers, target = outputs[part], loader.y[rows[part]]
                accuracies[batch] = score_of(self._loss_fn, answers, target, self._score)
        return losses[:taken], accuracies[:taken]

    def __repr__(self) -> str:
        return f"<CompiledSteps in {self.path}>"
