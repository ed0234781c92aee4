"""The step itself, watched: what is not finite is never left in weights or memories.

A finite gradient can still lead to NaN or infinity: by a step too large for the dtype, by a
momentum that lets steps grow, by the square of a large gradient. So what a step changes is copied
before it and looked at after it; if something is not finite, the copies are put back.
"""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynet import kernels
from tinynet.module import Module
from tinynet.optim import SGD, AdamW, Optimizer, RMSprop, State
from tinynet.runs.run import TrainingRun
from tinynet.runs.scores import no_row_counts
from tinynet.support.calls import watching
from tinynet.support.checks import FLOATS
from tinynet.support.options import options_of
from tinynet.support.standing import Standing
from tinynet.support.types import Array


class Guard:
    """Copies of all that an optimizer's step changes, to compare with and to go back to.

    Parameters
    ----------
    owner : str
        Who trains, for the message.
    net : Module
        Has the names of the parameters.
    optimizer : Optimizer
    """

    def __init__(self, owner: str, net: Module, optimizer: Optimizer) -> None:
        self.owner, self.optimizer = owner, optimizer
        names = {id(parameter): name for name, parameter in net.named_parameters()}
        self._names = [
            names.get(id(parameter), f"optimizer.parameters[{position}]")
            for position, parameter in enumerate(optimizer.parameters)
        ]
        self._weights = [np.empty_like(parameter.data) for parameter in optimizer.parameters]
        self._states: list[State] = [{} for _ in optimizer.parameters]
        self._standing = Standing(net)

    def note(self) -> None:
        """Note where buffers and generators stand before a forward moves them."""
        self._standing.note()

    def take_back_forward(self) -> None:
        """Put buffers and generators where they stood when that was noted."""
        self._standing.put_back()

    def remember(self) -> None:
        """Copy weights and memories as they are now."""
        optimizer = self.optimizer
        for parameter, weights in zip(optimizer.parameters, self._weights, strict=True):
            np.copyto(weights, parameter.data)
        self._states = [
            {name: _copied(value, kept.get(name)) for name, value in state.items()}
            for state, kept in zip(optimizer.state, self._states, strict=True)
        ]

    def put_back(self) -> None:
        """Make weights, memories, buffers and generators again what they were."""
        self.take_back_forward()
        optimizer = self.optimizer
        for parameter, weights in zip(optimizer.parameters, self._weights, strict=True):
            parameter.data[...] = weights
        optimizer.state[:] = copy.deepcopy(self._states)

    def stray(self) -> str | None:
        """The first place in weights, memories and buffers with NaN or infinity, in words."""
        optimizer = self.optimizer
        for name, parameter, state in zip(
            self._names, optimizer.parameters, optimizer.state, strict=True
        ):
            if not _is_finite(parameter.data):
                return name
            for memory, value in state.items():
                if not _is_finite(value):
                    return f"the optimizer's {memory!r} of {name}"
        return self._standing.stray()

    def step_compiled(self, loss: float) -> bool:
        """Take the step in compiled code, if there is some and all is finite; say if it was."""
        compiled = self.optimizer._compiled
        if compiled is None or not np.isfinite(loss) or self._standing.stray():
            return False
        return bool(compiled.step(if_finite=True))

    def step(self, epoch: int, batch: int) -> None:
        """Take the optimizer's step, or leave everything as it is.

        Raises
        ------
        FloatingPointError
            If weights or memories would not be finite.
        """
        self.remember()
        self.optimizer.step()
        stray = self.stray()
        if stray is None:
            return
        advice = advice_after_divergence(self.optimizer)
        self.put_back()
        what = f"this step would put NaN or infinity into {stray}"
        if old := self.stray():
            what = f"{old} holds NaN or infinity before the step"
            advice = (
                "Start from weights that are finite, and with a new optimizer, which remembers "
                "nothing"
            )
        raise FloatingPointError(
            f"{self.owner}: {what}, in epoch {epoch + 1}, batch {batch + 1}, with lr = "
            f"{self.optimizer.lr:g}. The weights are those before this step, and so is what the "
            f"optimizer remembers. {advice}"
        )


def check_step(
    run: TrainingRun, guard: Guard, loss: float, xb: Array, outputs: Array, yb: Any, batch: int
) -> None:
    """Refuse to learn from a loss or gradients that are not finite, and take the forward back.

    Raises
    ------
    FloatingPointError
        With the first layer that has an output which is not finite. If the loss is NaN since no
        row of the batch counts, its gradient is 0, and that is no error.
    """
    optimizer = run.optimizer
    gradients = [p.grad.reshape(-1) for p in optimizer.parameters if p.grad is not None]
    is_fine = np.isfinite(loss) or (np.isnan(loss) and no_row_counts(run.loss_fn, outputs, yb))
    if is_fine and all(kernels.all_finite(gradient) for gradient in gradients):
        return
    guard.take_back_forward()
    what = "a gradient" if is_fine else "the loss"
    raise FloatingPointError(
        f"{run.owner}: {what} is not finite in epoch {len(run.history) + 1}, batch {batch + 1}, "
        f"with lr = {optimizer.lr:g}; {_first_stray_layer(run.net, xb)}. The weights are those "
        f"before this step. {advice_after_divergence(optimizer)}"
    )


def _first_stray_layer(net: Module, x: Array) -> str:
    twin = copy.deepcopy(net)  # in the mode of the step, and nothing that it keeps is lost
    names = {id(module): f"{name}, " for name, module in twin.named_modules() if name}
    with watching() as calls:
        twin(x)
    for layer, output in calls:
        if not np.isfinite(output).all():
            place = names.get(id(layer), "")
            return f"the first layer with an output that is not finite is {place}{layer!r}"
    return "all layers' outputs are finite"


def advice_after_divergence(optimizer: Optimizer) -> str:
    """What to change: the options that alone make a run diverge, or else the learning rate."""
    found = [*_causes(optimizer)]
    if not found or optimizer.lr > 1:
        found.append("Try a smaller learning rate, or inputs scaled to about 1")
    return ". ".join(found)


def _causes(optimizer: Optimizer) -> Iterator[str]:
    options, lr = options_of(optimizer), optimizer.lr
    momentum, decay = options.get("momentum", 0), options.get("weight_decay", 0)
    if isinstance(optimizer, SGD | RMSprop) and momentum >= 1:
        yield f"momentum = {momentum:g} is not below 1, so that steps grow; use one such as 0.9"
    if isinstance(optimizer, SGD | AdamW) and lr * decay > 2 * (1 + momentum):
        yield (
            f"weight_decay = {decay:g} times lr is {lr * decay:g}: each step turns the weights' "
            "signs and makes them larger; use a smaller weight_decay"
        )
    if isinstance(optimizer, RMSprop) and optimizer.centered and _falls_below_0(optimizer):
        yield "The variance that centered=True divides by came out below 0; leave it out"
    if options.get("maximize") is True:
        yield "maximize=True climbs, and a loss has no highest value; leave it out"


def _falls_below_0(optimizer: RMSprop) -> bool:
    """Whether rounding made a variance negative: nearly all of the mean square is the mean's."""
    for parameter, state in zip(optimizer.parameters, optimizer.state, strict=True):
        if "square" in state and "mean" in state:
            spread = np.empty_like(parameter.data)
            kernels.variance(state["square"], state["mean"], spread)
            if (spread < 0).any():
                return True
    return False


def _copied(value: Any, room: Any) -> Any:
    """A copy of `value`, in the array `room` if that is like it."""
    if not isinstance(value, np.ndarray):
        return copy.deepcopy(value)
    if not isinstance(room, np.ndarray) or (room.shape, room.dtype) != (value.shape, value.dtype):
        room = np.empty_like(value)
    np.copyto(room, value)
    return room


def _is_finite(value: Any) -> bool:
    if isinstance(value, np.ndarray) and value.dtype in FLOATS:
        return bool(kernels.all_finite(value.reshape(-1)))
    if isinstance(value, np.ndarray | float) and np.asarray(value).dtype.kind in "fc":
        return bool(np.isfinite(value).all())
    return True
