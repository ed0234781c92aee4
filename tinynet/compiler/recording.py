"""Listening to one part of a network: which kernels it calls, on which arrays, with which numbers.

A part (a layer, a loss, an optimizer's step of one parameter) runs on copies, a few times: with
batches of several sizes, with inputs as they are, of 0 and a thousand times as large, with other
parameters, learning rates and counts of steps. Each time all kernel calls are heard; arrays are
known by their memory, so that a view is its array. What is the same each time is how the part
computes: a size that is N shows itself as N, and what comes from no kernel shows itself, too, as an
array that no kernel wrote or a number that changes. Such a part cannot be recorded, and stays
Python.

The kernels compute by their equations here, so that listening compiles nothing.
"""

import copy
import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from tinynet.compiler.part import Call, CannotRecord, Name, Number, Part, Shape, Use
from tinynet.compiler.trial import Trial, by_equation
from tinynet.kernels.jit.kernel import Kernel, listening
from tinynet.module import Module, Parameter
from tinynet.support.held import PASSING, held
from tinynet.support.types import Array


def unified(trials: Sequence[Trial]) -> Part:
    """What all trials have in common, as one part.

    Raises
    ------
    CannotRecord
        If they differ in what they call, or in a number that comes from nowhere.
    """
    first = trials[0]
    calls: dict[str, list[Call]] = {}
    position = 0
    for verb, heard in first.calls.items():
        others = [trial.calls[verb] for trial in trials]
        if any([call[0] for call in other] != [call[0] for call in heard] for other in others):
            raise CannotRecord("it calls other kernels with other inputs")
        calls[verb] = []
        for number, (kernel, _) in enumerate(heard):
            lists = [other[number][1] for other in others]
            operands = tuple(
                _operand(trials, kernel, name, [operands[place] for operands in lists], position)
                for place, name in enumerate(kernel.parameters)
            )
            values = [trial.returned[position] for trial in trials]
            equal = values[0] is not None and all(value == values[0] for value in values)
            calls[verb].append(Call(kernel, operands, values[0] if equal else None))
            position += 1
    arrays = {
        name: (_shape(trials, [t.arrays[name].shape for t in trials]), array.dtype)
        for name, array in first.arrays.items()
    }
    constants = {name: array for name, array in first.contents.items() if name.role == "constant"}
    for trial in trials:
        for name, array in constants.items():
            if trial.contents[name].tobytes() != array.tobytes():
                raise CannotRecord(f"the array {name.key} comes from NumPy, not from a kernel")
    results = {
        verb: _value(trials, [trial.results[verb] for trial in trials], position)
        for verb in first.results
    }
    kept = None
    if all(isinstance(trial.kept, tuple) for trial in trials):
        with suppress(CannotRecord):  # such as what a network of layers keeps: its calls
            kept = _value(trials, [trial.kept for trial in trials], position)
    fewest = min(trial.sizes.get("N", 1) for trial in trials)
    return Part(calls, results, kept, arrays, constants, fewest)


def _operand(
    trials: Sequence[Trial], kernel: Kernel, name: str, values: list[Any], position: int
) -> Use | Number:
    if isinstance(values[0], tuple):
        names = {value[0] if isinstance(value, tuple) else None for value in values}
        if len(names) > 1:
            raise CannotRecord(f"{kernel.name} gets other arrays as {name} with other inputs")
        return _use(trials, values[0][0], [value[1] for value in values])
    return _number(trials, f"the number {name} of {kernel.name}", values, position)


def _use(trials: Sequence[Trial], name: Name, shapes: list[tuple[int, ...]]) -> Use:
    own = [trial.arrays[name].shape for trial in trials]
    return Use(name) if shapes == own else Use(name, _shape(trials, shapes))


def _number(trials: Sequence[Trial], what: str, values: list[Any], position: int) -> Number:
    if all(type(value) is type(values[0]) and _same(value, values[0]) for value in values):
        return Number("literal", values[0])
    for kind in ("lr", "t"):
        if all(value == trial.sizes.get(kind) for value, trial in zip(values, trials, strict=True)):
            return Number(kind, None)
    sizes = [trial.sizes.get("N", 0) for trial in trials]
    if all(isinstance(value, int) for value in values) and sizes[0]:
        times = values[0] // sizes[0]
        if all(value == times * N for value, N in zip(values, sizes, strict=True)):
            return Number("N", times)
    for call in reversed(range(position)):
        if all(map(_same, values, [trial.returned[call] for trial in trials])):
            return Number("result", call)
    raise CannotRecord(f"{what} changes with the input, and comes from no kernel")


def _same(one: Any, other: Any) -> bool:
    """Whether two numbers are equal, or both NaN."""
    return bool(one == other or (one != one and other != other))


def _shape(trials: Sequence[Trial], shapes: list[tuple[int, ...]]) -> Shape:
    if len({len(shape) for shape in shapes}) > 1:
        raise CannotRecord("an array has more axes with other inputs")
    return tuple(_axis(trials, list(sizes)) for sizes in zip(*shapes, strict=True))


def _axis(trials: Sequence[Trial], sizes: list[int]) -> tuple[int, bool]:
    if len(set(sizes)) == 1:
        return sizes[0], False
    rows = [trial.sizes["N"] for trial in trials]
    times = sizes[0] // rows[0]
    if any(size != times * N for size, N in zip(sizes, rows, strict=True)):
        raise CannotRecord("the size of an array is no multiple of the batch's")
    return times, True


def _value(trials: Sequence[Trial], values: list[Any], position: int) -> Any:
    """What a verb returns or keeps, in symbols."""
    first = values[0]
    if isinstance(first, np.ndarray):
        names = {trial.use(value) for trial, value in zip(trials, values, strict=True)}
        if len(names) > 1:
            raise CannotRecord("it returns other arrays with other inputs")
        return _use(trials, names.pop(), [value.shape for value in values])
    if isinstance(first, tuple):
        if any(not isinstance(value, tuple) or len(value) != len(first) for value in values):
            raise CannotRecord("it returns other things with other inputs")
        return tuple(_value(trials, list(parts), position) for parts in zip(*values, strict=True))
    if isinstance(first, int | float | np.number):
        return _number(trials, "a number that it returns", values, position)
    if all(value is first or value == first for value in values):
        return first
    raise CannotRecord(f"it returns {type(first).__name__}, which changes with the input")


SIZES = ((5, 1.0), (7, 0.0), (70, 1000.0), (1, 1.0))
"""Rows of the batches that a part is recorded with, and what the inputs are multiplied by."""


def record_layer(layer: Module, *shapes: tuple[int, ...], dtype: Any) -> Part:
    """Record forward, backward and predict of a layer.

    Parameters
    ----------
    layer : Module
        Copies of it run.
    *shapes : tuple of int
        Of each input, without N.
    dtype : numpy dtype
        Of the inputs.
    """

    def trial(N: int, times: float, twin: Module, trial: Trial) -> None:
        draw = np.random.default_rng(N)
        xs = [
            trial.know("input", str(n), np.asarray(times * draw.normal(size=(N, *shape)), dtype))
            for n, shape in enumerate(shapes)
        ]
        y = trial.run("forward", lambda: twin(*xs))
        if not isinstance(y, np.ndarray):
            raise CannotRecord(f"its forward returns {type(y).__name__}, not an array")
        trial.kept = twin._kept
        dy = trial.know("upstream", "0", np.asarray(draw.normal(size=y.shape), y.dtype))
        trial.run("backward", lambda: twin.backward(dy))
        trial.run("predict", lambda: twin.predict(*xs))

    return unified(_trials(layer, trial))


def record_loss(loss_fn: Module, classes: tuple[int, ...], dtype: Any, target: Any) -> Part:
    """Record forward, backward and, if it has one, the accuracy of a loss.

    Parameters
    ----------
    loss_fn : Module
    classes : tuple of int
        The shape of the outputs, without N.
    dtype : numpy dtype
        Of the outputs.
    target : callable
        ``target(N)`` gives N targets.
    """

    def trial(N: int, times: float, twin: Module, trial: Trial) -> None:
        draw = np.random.default_rng(N)
        outputs = np.asarray(times * draw.normal(size=(N, *classes)), dtype)
        trial.know("input", "0", outputs)
        goal = trial.know("input", "1", target(N))
        loss = trial.run("forward", lambda: twin(outputs, goal))
        if not isinstance(loss, float):
            raise CannotRecord(f"it returns {type(loss).__name__}, not a float")
        trial.kept = twin._kept
        trial.run("backward", lambda: twin.backward())  # type: ignore[call-arg]
        if hasattr(twin, "accuracy"):
            trial.run("score", lambda: twin.accuracy(outputs, goal))

    return unified(_trials(loss_fn, trial))


def _trials(part: Module, run: Callable[[int, float, Module, Trial], None]) -> list[Trial]:
    trials = []
    for N, times in SIZES:
        passes = []
        try:
            twin = copy.deepcopy(part)
            for _ in range(2 if N == 5 else 1):  # a number of a generator's is another one then
                trial = Trial({"N": N})
                before = _prepare(twin, trial, changed=N == 7)
                run(N, times, twin, trial)
                passes.append(trial)
        except CannotRecord:
            raise
        except Exception as error:
            if N == 1:
                continue  # such as a batch norm, which needs two rows
            raise CannotRecord(f"it fails on a batch of {N} rows: {error}") from error
        _refuse_changed_attributes(twin, before)
        trials += passes
    return trials


def _prepare(twin: Module, trial: Trial, changed: bool) -> dict[tuple[int, str], Any]:
    """Name the arrays that a part holds; return its attributes."""
    for key, parameter in parameters_of(twin):
        if changed:
            with np.errstate(all="ignore"):
                parameter.data = parameter.data * 1.25 + parameter.data.dtype.type(0.125)
        trial.know("parameter", key, parameter.data)
        trial.know("gradient", key, parameter.accumulate())
    for key, array in states_of(twin):
        trial.know("state", key, array())
    return {
        (id(module), name): value
        for _, module in twin.named_modules()
        for name, value in vars(module).items()
        if name not in PASSING
    }


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
    return f"{place}.{name}".strip(".").replace(".", "_")


def _refuse_changed_attributes(twin: Module, before: dict[tuple[int, str], Any]) -> None:
    for _, module in twin.named_modules():
        for name, value in vars(module).items():
            if name not in PASSING and before.get((id(module), name), module) is not value:
                raise CannotRecord(f"it sets its attribute {name} anew with each batch")


def record_update(
    optimizer: Any, parameter: Parameter
) -> tuple[Part, tuple[str, ...], tuple[str, ...], bool]:
    """Record the step of one parameter, once the optimizer remembers what it has to.

    Returns
    -------
    part : Part
    memories, counts : tuples of str
        The names of the arrays and of the step counts in the optimizer's state of it.
    from_zero : bool
        Whether the first step is one with memories and counts of 0.
    """
    trials: list[Trial] = []
    names: set[tuple[tuple[str, ...], tuple[str, ...]]] = set()
    for lr, steps in ((optimizer.lr or 0.5, 2), ((optimizer.lr or 0.5) / 2, 3)):
        state: dict[str, Any] = {}
        twin, draw = _copy_without_parameters(optimizer), np.random.default_rng(steps)
        twin.lr = lr
        w, g = (draw.normal(size=parameter.data.shape).astype(parameter.data.dtype) for _ in "wg")
        try:
            for _ in range(steps):
                with listening(by_equation):
                    twin.update(w, g, state)
            counts = tuple(n for n, v in state.items() if isinstance(v, int))
            memories = tuple(n for n, v in state.items() if isinstance(v, np.ndarray))
            if len(counts) + len(memories) < len(state):
                raise CannotRecord("it remembers what is neither an array nor a count")
            trial = Trial({"lr": lr, "t": steps + 1})
            trial.know("input", "w", w)
            trial.know("input", "g", g)
            for name in memories:
                trial.know("state", name, state[name])
            before, known = dict(state), dict(vars(twin))
            trial.run("update", functools.partial(twin.update, w, g, state))
        except CannotRecord:
            raise
        except Exception as error:
            raise CannotRecord(f"its update fails: {error}") from error
        if any(state.get(name) is not before[name] for name in memories) or (
            state.keys() != before.keys()
        ):
            raise CannotRecord("it makes new arrays to remember at each step")
        if any(state[name] != before[name] + 1 for name in counts) or len(counts) > 1:
            raise CannotRecord("it remembers a number that is no count of steps")
        if any(vars(twin).get(name) is not value for name, value in known.items()):
            raise CannotRecord("it changes an attribute of its own with each step")
        names.add((memories, counts))
        trials.append(trial)
    ((memories, counts),) = names
    with listening(by_equation):
        from_zero = _starts_at_zero(optimizer, parameter, memories, counts)
    return unified(trials), memories, counts, from_zero


def _copy_without_parameters(optimizer: Any) -> Any:
    """A copy whose generators and lists are its own, but not of what it trains."""
    twin = copy.copy(optimizer)
    twin.parameters, twin.state = [], []
    return copy.deepcopy(twin)


def _starts_at_zero(
    optimizer: Any, parameter: Parameter, memories: tuple[str, ...], counts: tuple[str, ...]
) -> bool:
    twin, draw = _copy_without_parameters(optimizer), np.random.default_rng(0)
    w, g = (draw.normal(size=parameter.data.shape).astype(parameter.data.dtype) for _ in "wg")
    other, empty = w.copy(), dict[str, Any]()
    zeros = dict.fromkeys(counts, 0) | {name: np.zeros_like(w) for name in memories}
    twin.update(w, g, empty)
    twin.update(other, g, zeros)
    same = all(np.array_equal(zeros[name], empty[name]) for name in (*memories, *counts))
    return same and w.tobytes() == other.tobytes()
