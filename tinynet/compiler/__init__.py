"""A whole training step of one network, written out as the straight-line code a person would write.

``print(tn.compile(net, loss_fn, optimizer).source)`` shows forward, loss, backward and update of
this very network, kernel by kernel, with shapes. ``fit`` runs that code, compiled, so that there is
no Python between the layers; it calls the kernels that the layers call, in the same order, and so
gives the same bits. For plain descent alone there is a kernel that moves weights by their gradient
row by row, as it comes: to the same bits, but no gradient is kept. Networks that cannot be written
out take the layer-by-layer path.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynet.compiler.source import import_source
from tinynet.compiler.writer import CannotWrite, Writer
from tinynet.data import DataLoader
from tinynet.losses import Loss
from tinynet.module import Module
from tinynet.optim import SGD, Adam, Optimizer
from tinynet.runs.guard import Guard
from tinynet.runs.scores import Score, score_of
from tinynet.support.checks import float_array, labels_array
from tinynet.support.types import Array
from tinynet.version import __version__

SLOWLY = 5e9  # multiply-adds per second that any processor reaches: the size of a first call
CALL_SECONDS = 0.02  # how long one compiled call may take: after it, Ctrl-C and progress get a turn
LOOKS = 0.01  # which share of the time may go into looking whether weights are still finite


def compile(net: Module, loss_fn: Loss, optimizer: Optimizer) -> "CompiledSteps":
    """Write out and compile the training steps of a network.

    Parameters
    ----------
    net : Sequential
        Of tinynet's own layers, any depth and width.
    loss_fn : NLLLoss or CrossEntropyLoss
    optimizer : SGD, RMSprop, Adam or AdamW
        Of the parameters of `net`. Its options become part of the code; `lr` stays free.

    Returns
    -------
    CompiledSteps
        Its ``source`` is the code to read. From now on ``net.predict`` runs compiled, too.

    Raises
    ------
    TypeError
        If something is not one of tinynet's own parts; the message says which.
    """
    return CompiledSteps(net, loss_fn, optimizer)


class CompiledSteps:
    """The training steps of one network, written out; compiled when they first run.

    Attributes
    ----------
    source : str
        The code that runs.
    path : str
        The file that holds it, in tinynet's cache folder.
    """

    def __init__(
        self,
        net: Module,
        loss_fn: Loss,
        optimizer: Optimizer,
        probabilities: bool = False,
        scaled: bool = False,
        score: Score | None = None,
    ) -> None:
        scored = score is not None
        self._writer = Writer(net, loss_fn, optimizer, probabilities, scaled, scored)
        self._score = score
        self._loss_fn, self._optimizer = loss_fn, optimizer
        self._guard = Guard("fit", net, optimizer)
        self._target: Array | None = None
        self._size = 0  # batches of one call
        self.source = self._writer.source()
        self._code = import_source(self.source, __version__)
        self.path = str(self._code.__file__)
        self._layers = list(self._writer.net.layers)
        self._made_for = [
            (vars(layer), name, value)
            for layer in self._layers
            for name, value in vars(layer).items()
            if name not in ("_kept", "_output")
        ]
        self._parameters = [parameter for _, parameter in self._writer.parameters]
        self._writer.net._compiled = self.predict

    def predict(self, layers: list[Module], x: Any) -> Array | None:
        """The network's output for `x`; None if the layers themselves must have a look at it.

        They must where `x` is not as usual, or a layer, a parameter or an option was replaced.

        Parameters
        ----------
        layers : list of Module
            The layers that the network has now.
        x : ndarray (N, features)
        """
        usual = (
            type(x) is np.ndarray
            and x.ndim == 2
            and x.shape[1] == self._writer.features
            and x.dtype == self._writer.dtype
            and x.flags.carray
            and layers == self._layers
            and all(held.get(name) is value for held, name, value in self._made_for)
        )
        if not usual:
            return None
        output: Array = self._code.predict(x, *[p.data for p in self._parameters])
        return output

    @classmethod
    def for_training(
        cls,
        net: Module,
        loss_fn: Loss,
        optimizer: Optimizer,
        loader: DataLoader,
        score: Score | None = None,
    ) -> "CompiledSteps":
        """The steps for the data of `loader`, scored by `score` or the accuracy.

        Raises
        ------
        TypeError
            If net, loss, optimizer or data are such that only the layers themselves can train.
        """
        for method in ("__iter__", "batch", "gather"):
            if getattr(type(loader), method) is not getattr(DataLoader, method):
                raise CannotWrite(f"{type(loader).__name__} has its own {method}")
        y, X = loader.y, loader.X
        probabilities = y.ndim == 2 and y.dtype.kind == "f"
        steps = cls(net, loss_fn, optimizer, probabilities, loader.scale is not None, score)
        writer = steps._writer
        dtype = np.dtype(np.float32) if loader.scale is not None else X.dtype
        if X.shape[1:] != (writer.features,) or dtype != writer.dtype or not X.dtype.isnative:
            raise CannotWrite(f"the data are {X.dtype} of shape {X.shape}")
        classes, owner = writer.widths[-1], type(loss_fn).__name__
        if probabilities:
            steps._target = float_array(owner, y, writer.dtype)
        else:
            steps._target = labels_array(owner, y, len(y), classes, loss_fn.ignore_index)
        return steps

    def ready(self) -> bool:
        """Whether the optimizer's memory is such that every parameter takes the same step.

        SGD's velocities come into being in a first step, which the layers must take.
        """
        states = self._optimizer.state
        if isinstance(self._optimizer, SGD) and self._optimizer.momentum:
            return all("velocity" in state for state in states)
        return len({state.get("step", 0) for state in states}) == 1

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
        products = 3 * sum(layer.W.data.size for _, layer in self._writer.linears)
        slowly = int(CALL_SECONDS * SLOWLY / (products * loader.batch_size))
        self._size = self._size or max(1, slowly)
        full = len(order) // loader.batch_size
        while first < last:
            stop = min(first + self._size, last if first >= full else min(last, full))
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

    def _train(self, loader: DataLoader, order: Any, first: int, last: int) -> tuple[Array, Array]:
        optimizer, writer = self._optimizer, self._writer
        parameters, states = optimizer.parameters, optimizer.state
        losses, accuracies = np.empty(last - first), np.empty(last - first)
        rows = order[first * loader.batch_size : last * loader.batch_size]
        outputs = np.empty((len(rows) if writer.scored else 0, writer.widths[-1]), writer.dtype)
        remembered = []
        for position, name in writer.memories.values():
            state = states[position]
            if name not in state:
                state[name] = np.zeros_like(parameters[position].data)
            remembered.append(state[name])
        steps = states[0].get("step", 0)
        taken = self._code.train(
            np.asarray(loader.X),
            self._target,
            order,
            loader.batch_size,
            first,
            last,
            losses,
            accuracies,
            self._loss_fn.class_weights(writer.widths[-1], writer.dtype),
            optimizer.lr,
            float(steps),
            *([] if loader.scale is None else [float(loader.scale)]),
            *([outputs] if writer.scored else []),
            *(parameter.data for parameter in parameters),
            *([] if writer.at_once else [p.accumulate() for p in parameters]),
            *remembered,
        )
        if writer.at_once:
            for parameter in parameters:
                parameter.grad = None  # rather than that of an earlier step
        if isinstance(optimizer, Adam):
            for state in states:
                state["step"] = steps + taken
        if self._score is not None:
            size = min(loader.batch_size, len(rows))
            for batch in range(taken):
                part = slice(batch * size, (batch + 1) * size)
                answers, target = outputs[part], loader.y[rows[part]]
                accuracies[batch] = score_of(self._loss_fn, answers, target, self._score)
        return losses[:taken], accuracies[:taken]

    def __repr__(self) -> str:
        return f"<CompiledSteps in {self.path}>"
