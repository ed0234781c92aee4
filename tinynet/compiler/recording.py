"""Listening to one part of a network: which kernels it calls, on which arrays, with which numbers.

A part (a layer, a loss, an optimizer's step of one parameter) runs on copies, a few times: with
batches of several sizes, with inputs as they are, of 0 and a thousand times as large, with other
parameters, learning rates and counts of steps. Each time all kernel calls are heard; arrays are
known by their memory, so that a view is its array. The kernels compute by their equations here, so
that listening compiles nothing.
"""

import copy
import functools
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import numpy as np

from tinynet.compiler.part import CannotRecord, Part
from tinynet.compiler.trials import Trial, by_equations, part_of
from tinynet.module import Module, Parameter
from tinynet.optim import Optimizer
from tinynet.support.calls import asking
from tinynet.support.held import MODE, PASSING, held
from tinynet.support.types import Array

SIZES = ((5, 1.0), (5, 1.0), (7, 0.0), (70, 1000.0), (1, 1.0))
"""Rows of the batches that a part is recorded with, and what the inputs are multiplied by.

The same batch twice: a number that a generator draws is another one then.
"""


def record_layer(layer: Module, row: tuple[int, ...], dtype: Any) -> Part:
    """Record forward, backward and predict of a layer, for rows of this shape and dtype."""

    def run(trial: Trial, twin: Module, N: int, times: float) -> None:
        draw = np.random.default_rng(N)
        x = np.asarray(times * draw.normal(size=(N, *row)), dtype)
        trial.know("input", "0", x)
        y = trial.run("forward", lambda: twin(x))
        trial.kept = twin._kept
        if not isinstance(y, np.ndarray):
            raise CannotRecord(f"its forward returns {type(y).__name__}, not an array")
        dy = trial.know("upstream", "0", np.asarray(draw.normal(size=y.shape), y.dtype))
        dx = trial.run("backward", lambda: twin.backward(dy))
        if not isinstance(dx, np.ndarray):
            raise CannotRecord(f"its backward returns {type(dx).__name__}, not an array")
        trial.run("predict", lambda: twin.predict(x))

    part = _recorded(layer, run)
    if part.fewest > 1:
        with suppress(CannotRecord):
            part = part._replace(predicts=_recorded(copy.deepcopy(layer).eval(), run).fewest)
    return part


def record_loss(loss_fn: Module, classes: tuple[int, ...], dtype: Any, like: Array) -> Part:
    """Record forward, backward and, if it has one, the accuracy of a loss.

    Rows of outputs are of shape `classes` and of this dtype, targets are like those given: any
    classes, or any probabilities, since those given may be all of one class.
    """
    shape, kind = like.shape[1:], like.dtype

    def run(trial: Trial, twin: Any, N: int, times: float) -> None:
        draw = np.random.default_rng(N)
        outputs = np.asarray(times * draw.normal(size=(N, *classes)), dtype)
        some = draw.random((N, *shape)) + 0.1
        target = np.resize(like, (N, *shape))
        if kind.kind in "iu" and not shape:
            target = draw.integers(classes[-1] if classes else 2, size=N).astype(kind)
        elif kind.kind == "f":
            target = np.asarray(some / some.sum(axis=-1, keepdims=bool(shape)), kind)
        try:
            with by_equations():
                twin.predict(outputs, target)
        except ValueError:  # as of a loss of probabilities
            outputs = np.asarray(draw.random((N, *classes)), dtype)
        trial.know("input", "0", outputs)
        trial.know("input", "1", target)
        loss = trial.run("forward", lambda: twin(outputs, target))
        trial.kept = twin._kept
        dx = trial.run("backward", lambda: twin.backward())
        if not isinstance(loss, float) or not isinstance(dx, np.ndarray):
            raise CannotRecord(
                f"it returns {type(loss).__name__}, and {type(dx).__name__} backward"
            )
        if hasattr(twin, "accuracy"):
            trial.run("score", lambda: twin.accuracy(outputs, target))

    part = _recorded(loss_fn, run)
    if part.results["forward"].kind != "result":
        raise CannotRecord("its value comes from Python, not from a kernel")
    if part.results["backward"].shape is not None:
        raise CannotRecord("its gradient is in another shape")
    return part


def _recorded(part: Module, run: Callable[[Trial, Any, int, float], None]) -> Part:
    trials, asks = [], False
    twin = copy.deepcopy(part)
    sizes = [*SIZES]
    for N, times in sizes:
        trial = Trial(N=N)
        try:
            for key, parameter in parameters_of(twin):
                if N == 7:  # other parameters
                    with np.errstate(all="ignore"):
                        parameter.data = parameter.data * 1.25 + parameter.data.dtype.type(0.125)
                trial.know("parameter", key, parameter.data)
                if parameter.requires_grad:
                    trial.know("gradient", key, parameter.accumulate())
            for key, array in states_of(twin):
                trial.know("state", key, array())
            with _attributes_stay(twin), asking() as asked:
                run(trial, twin, N, times)
        except CannotRecord:
            raise
        except Exception as error:
            if N == 1:
                sizes.append((2, 1.0))  # such as a batch norm, which needs two rows
            if N <= 2:
                continue
            raise CannotRecord(f"it fails on a batch of {N} rows: {error}") from error
        trials.append(trial)
        asks |= bool(asked)
    return part_of(trials)._replace(asks=asks)


def modules_of(part: Module | Optimizer) -> list[Any]:
    """A part, and all layers within it."""
    return [m for _, m in part.named_modules()] if isinstance(part, Module) else [part]


def lasting(part: Any) -> dict[str, Any]:
    """The attributes of a layer, a loss or an optimizer, without those that come and go."""
    fleeting = (*PASSING, MODE) if isinstance(part, Module) else OF_OPTIMIZERS
    return {name: value for name, value in vars(part).items() if name not in fleeting}


def modes_of(modules: list[Any]) -> tuple[bool, ...]:
    """Which of these modules are in the mode to learn in."""
    return tuple(map(operator.attrgetter("_training"), modules))


OF_OPTIMIZERS = (*PASSING, "lr", "state", "parameters", "_scheduled")


@contextmanager
def _attributes_stay(part: Module | Optimizer) -> Iterator[None]:
    before = [(module, lasting(module)) for module in modules_of(part)]
    yield
    for module, known in before:
        for name, value in lasting(module).items():
            if name not in known or known[name] is not value:
                raise CannotRecord(f"it sets its attribute {name} anew with each batch")


def parameters_of(part: Module) -> Iterator[tuple[str, Parameter]]:
    """Key and parameter, for each that a part holds: ``W``, ``0_W``."""
    for place, module in part.named_modules():
        for name, parameter in module.own_parameters():
            yield _key(place, name), parameter


def states_of(part: Module) -> Iterator[tuple[str, Callable[[], Array]]]:
    """Key and array, as it is when asked for, for each other array that a part holds."""
    for place, module in part.named_modules():
        for name, _ in held(module, np.ndarray):
            yield _key(place, name), functools.partial(_held_now, module, name)


def _held_now(module: Module, name: str) -> Array:
    return dict(held(module, np.ndarray))[name]


def _key(place: str, name: str) -> str:
    signs = f"{place}.{name}".strip(".").replace(".", "_")  # of a dict's key they may be any
    key = "".join(c if f"_{c}".isidentifier() else f"_{ord(c)}_" for c in signs)
    return key if key.isidentifier() else f"_{key}"  # as of a subclass of Sequential: 0.W


class Update(NamedTuple):
    """The recorded step of one parameter, once the optimizer remembers what it has to."""

    part: Part
    memories: tuple[str, ...]  # names of the arrays
    counts: tuple[str, ...]  # and of the count of steps, in the optimizer's state of a parameter


def record_update(optimizer: Optimizer, parameter: Parameter) -> Update:
    """Record the step of one parameter, in copies, at two learning rates and counts of steps."""
    trials: list[Trial] = []
    for lr, steps in ((optimizer.lr or 0.5, 2), ((optimizer.lr or 0.5) / 2, 3)):
        twin: Any = copy.copy(optimizer)
        twin.parameters, twin.state = [], []  # what it trains is not copied
        twin = copy.deepcopy(twin)
        twin.lr = lr
        draw, state = np.random.default_rng(steps), dict[str, Any]()
        w, g = (draw.normal(size=parameter.data.shape).astype(parameter.data.dtype) for _ in "wg")
        trial = Trial(lr=lr, t=steps + 1)
        try:
            with by_equations():
                for _ in range(steps):
                    twin.update(w, g, state)
            trial.know("input", "w", w)
            trial.know("input", "g", g)
            before = dict(state)
            memories = tuple(n for n, value in state.items() if isinstance(value, np.ndarray))
            counts = tuple(n for n in state if n not in memories)
            for name in memories:
                trial.know("state", name, state[name])
            with _attributes_stay(twin):
                trial.run("update", functools.partial(twin.update, w, g, state))
        except CannotRecord:
            raise
        except Exception as error:
            raise CannotRecord(f"its update fails: {error}") from error
        if state.keys() != before.keys() or any(state[n] is not before[n] for n in memories):
            raise CannotRecord("it makes new arrays to remember at each step")
        if counts[1:] or any(
            not isinstance(before[n], int) or state[n] != before[n] + 1 for n in counts
        ):
            raise CannotRecord("it remembers what is neither an array nor a count of steps")
        if any(call.looked_at is not None for call in trial.calls["update"]):
            raise CannotRecord("what it does depends on what a kernel returns")
        trials.append(trial)
    return Update(part_of(trials), memories, counts)
