"""Compiled training: a network, its loss and its optimizer, recorded, written out, and run."""

import copy
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinynet.compiler.options import Options
from tinynet.compiler.part import CannotRecord
from tinynet.compiler.recorded import (
    Layer,
    is_ours,
    recorded_loss,
    recorded_updates,
)
from tinynet.compiler.recording import modes_of, modules_of, states_of
from tinynet.compiler.trials import by_equations
from tinynet.compiler.writer import write_train
from tinynet.data import DataLoader
from tinynet.kernels.jit.compile import is_kept
from tinynet.module import Module
from tinynet.optim import Optimizer
from tinynet.runs.guard import Guard
from tinynet.runs.scores import Score, score_of
from tinynet.support.types import Array

SLOWLY = 5e9  # multiply-adds per second that any processor reaches: the size of a first call
CALL_SECONDS = 0.03  # how long one compiled call takes: then weights are looked at, and progress
# and Ctrl-C have a turn


class CompiledSteps:
    """The training steps of one network, written out; compiled when they first run.

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
        layers: list[Layer],
        loader: DataLoader | None = None,
        score: Score | None = None,
    ) -> None:
        self._net, self._loss_fn, self._optimizer = net, loss_fn, optimizer
        self._dtype, self._outputs = layers[0].dtype, layers[-1].outputs
        self._fewest = max(layer.recorded.fewest for layer in layers)
        self._loader: Any = loader  # None if nothing is to be trained yet
        self._targets = np.zeros(1, np.int64) if loader is None else targets_of(loader)
        loss = recorded_loss(loss_fn, self._outputs, self._dtype, self._targets)
        self._updates = recorded_updates(net, optimizer)
        self._score = score
        if score is None and "score" not in loss.calls and hasattr(loss_fn, "accuracy"):
            self._score = loss_fn.accuracy
        self._scaled = loader is not None and loader.scale is not None and not loader.transform
        self._code, self._keeps_gradients = write_train(
            *(layers, loss, loss_fn, self._updates, self._targets),
            scaled=self._scaled,
            scored=self._score is not None,
            title=[f"{net!r}", f"with {loss_fn!r} and {type(optimizer).__name__}"],
        )
        self.source, self.path = self._code.source, self._code.path
        self._guard = Guard("fit", net, optimizer)
        parts = [one for part in (net, loss_fn, optimizer) for one in modules_of(part)]
        self._is_proved = all(map(is_ours, parts))
        self._modules = [module for part in (net, loss_fn) for module in modules_of(part)]
        self._modes = modes_of(self._modules)
        self._states = [array for _, array in states_of(net)]
        handed = {id(array()) for array in self._states}
        self._options = [Options(part, handed) for part in (net, loss_fn, optimizer)]
        self._left = 0.0  # batches that are left to the layers
        self._size = 1  # batches of one call
        if loader is not None:
            self._check_data(layers[0].inputs)
            weights = sum(parameter.data.size for parameter in net.parameters())
            self._size += int(CALL_SECONDS * SLOWLY / (3 * weights * loader.batch_size))

    def _check_data(self, row: tuple[int, ...], rows: int = 2**16) -> None:
        """Refuse data that the code does not take; let the loss look at all targets."""
        loader = self._loader
        X, dtype = loader.X, loader.X.dtype if loader.scale is None else np.dtype(np.float32)
        if X.shape[1:] != row or dtype != self._dtype or not X.dtype.isnative:
            raise CannotRecord(f"the data are {X.dtype} of shape {X.shape}")
        if X.ndim > 2 and not X.flags.c_contiguous:
            raise CannotRecord("the data are not contiguous; hand over np.ascontiguousarray(X)")
        for first in range(0, len(self._targets), rows):
            some = self._targets[first : first + rows]
            outputs = np.zeros((len(some), *self._outputs), self._dtype)
            try:
                with by_equations():
                    self._loss_fn.predict(outputs, some)
            except Exception as error:
                if is_ours(self._loss_fn):
                    raise
                raise CannotRecord(f"the loss refuses some targets: {error}") from error

    @property
    def is_compiled(self) -> bool:
        """Whether the code is compiled already, in this process or in the cache on disk."""
        train = self._code.module.train
        return bool(getattr(train, "signatures", True)) or is_kept(train)

    def _are_as_they_were(self) -> bool:
        """Whether modes and options are those of the code: a reader's own score may change them."""
        options = all(part.are_as_they_were() for part in self._options)
        return options and modes_of(self._modules) == self._modes

    def take(self, order: Array, first: int, last: int) -> tuple[Sequence[float], Sequence[float]]:
        """Train on some of the batches `first` to `last` - 1 of an epoch.

        Returns
        -------
        two sequences of float
            Losses and scores of the batches done. If there are none, the layers must take the step
            of batch `first`: it, or one soon after it, would spread NaN or infinity, or is one that
            only they can take.
        """
        size = self._loader.batch_size
        full, rows = len(order) // size, min(len(order) - first * size, size)
        if rows < self._fewest or not self._updates.have_begun() or not self._are_as_they_were():
            return (), ()
        if not self._is_proved:
            self._prove(order, first)
        if self._left:
            self._left -= 1
            return (), ()
        stop = min(first + self._size, last if first >= full else min(last, full))
        self._remember()
        started = time.perf_counter()
        losses, scores = self._train(order, first, stop)
        seconds = time.perf_counter() - started
        if self._guard.stray() is not None:  # the layers take these steps again, one by one
            self._put_back()
            self._left = stop - first - 1
            return (), ()
        if len(losses) == stop - first:
            wanted = int(len(losses) * CALL_SECONDS / max(seconds, 1e-6))
            self._size = max(1, min(8 * self._size, wanted))
        elif len(losses):
            self._left = 1
        return losses.tolist(), scores.tolist()

    def _prove(self, order: Array, first: int) -> None:
        """Compare a step with the layers' own, on copies: somebody else's part may surprise."""
        self._is_proved = True
        net, loss_fn, optimizer = copy.deepcopy((self._net, self._loss_fn, self._optimizer))
        xb, yb = self._loader.batch(order, first)
        loss = loss_fn(net(xb), yb)
        optimizer.zero_grad()
        net.backward(loss_fn.backward())
        optimizer.step()
        self._remember()
        losses, _ = self._train(order, first, first + 1)
        pairs = zip(self._optimizer.parameters, optimizer.parameters, strict=True)
        if len(losses) and (
            losses[0] != loss or any(a.data.tobytes() != b.data.tobytes() for a, b in pairs)
        ):
            self._left = np.inf
            warnings.warn(
                "fit: the compiled steps differ from the layers' own, so that the layers run: a "
                "part decides in Python by what is in the data. Take such decisions in kernels",
                stacklevel=2,
            )
        self._put_back()

    def _remember(self) -> None:
        self._guard.note()
        self._guard.remember()
        self._before = [array().copy() for array in self._states]

    def _put_back(self) -> None:
        self._guard.put_back()
        for array, before in zip(self._states, self._before, strict=True):
            array()[...] = before

    def _train(self, order: Array, first: int, last: int) -> tuple[Array, Array]:
        loader, optimizer, updates = self._loader, self._optimizer, self._updates
        size, count = loader.batch_size, last - first
        losses, scores = np.empty(count), np.full(count, np.nan)
        rows = order[first * size : last * size]
        X, targets = np.asarray(loader.X), self._targets
        outputs = np.empty((len(rows) if self._score else 0, *self._outputs), self._dtype)
        more: list[Any] = [float(loader.scale)] if self._scaled else []
        more += [outputs] if self._score else []
        if loader.transform is not None:  # these batches, one after the other, are the data
            X = np.concatenate([loader.batch(order, n)[0] for n in range(first, last)])
            targets, order = targets[rows], np.arange(len(rows))
            first = 0
        X = X.reshape(len(X), -1)

        def run(count: int) -> int:
            given = X, targets, order, size, first, first + count, losses, scores
            rest = optimizer.lr, updates.steps(), *more
            taken: int = self._code.run("train", *given, *rest)
            return taken

        taken = run(count)
        if taken < count and self._states:  # the step that is not taken may have moved them
            self._put_back()
            run(taken)
        if not self._keeps_gradients:
            for parameter in optimizer.parameters:
                parameter.grad = None  # rather than that of an earlier step
        updates.add_steps(taken)
        for batch in range(taken if self._score else 0):
            part = slice(batch * size, (batch + 1) * size)
            answers, target = outputs[part], loader.y[rows[part]]
            scores[batch] = score_of(self._loss_fn, answers, target, self._score)
        return losses[:taken], scores[:taken]

    def __repr__(self) -> str:
        return f"<CompiledSteps in {self.path}>"


def targets_of(loader: DataLoader) -> Array:
    """All targets of a loader, as compiled code takes them; CannotRecord if it cannot."""
    for method in ("__iter__", "batch", "gather"):
        if getattr(type(loader), method) is not getattr(DataLoader, method):
            raise CannotRecord(f"{type(loader).__name__} has its own {method}")
    y = np.asarray(loader.y)
    if y.dtype.kind in "iub" and y.dtype != np.uint64:
        y = y.astype(np.int64)
    if y.ndim > 2 or y.dtype.kind not in "if" or not y.dtype.isnative:
        raise CannotRecord(f"the targets are {y.dtype} of shape {y.shape}")
    return np.ascontiguousarray(y)
