"""Runs of a part, listened to, and what they have in common: how it computes, for any input.

Arrays are known by their memory, and silent changes are heard. What is the same each time is how
the part computes. A size or a number that goes with N, lr or t shows itself as that. What comes
from no kernel shows itself, too: as an array or a number that changes with the input.
"""

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from tinynet.compiler.part import Call, CannotRecord, Name, Number, Part, Shape, Use
from tinynet.kernels.jit.kernel import Kernel, listening
from tinynet.support.types import Array


@contextmanager
def by_equations() -> Iterator[None]:
    """Within, kernels compute by their NumPy equations, and nobody is warned of what overflows."""
    with listening(lambda kernel, given: kernel.by_equation(*given)), np.errstate(all="ignore"):
        yield


class Trial:
    """One run of a part, listened to; `sizes` says what N, lr or t is in it."""

    def __init__(self, **sizes: Any) -> None:
        self.sizes = sizes
        self.arrays: dict[Name, Array] = {}
        self.contents: dict[Name, Array] = {}
        self.calls: dict[str, list[Call]] = {}
        self.returned: list[Any] = []
        self.results: dict[str, Any] = {}
        self.kept: Any = None
        self._named: dict[tuple[int, int], Name] = {}

    def know(self, role: str, key: str, array: Array) -> Array:
        """Give a name to an array that is there before the part runs."""
        name = Name(role, key)
        self.arrays[name], self.contents[name] = array, array.copy()
        self._named[array.__array_interface__["data"][0], array.nbytes] = name
        return array

    def run(self, verb: str, action: Callable[[], Any]) -> Any:
        """Run `action`, and keep its calls and its result under `verb`."""
        self.calls[verb] = []

        def hear(kernel: Kernel, arguments: tuple[Any, ...]) -> Any:
            self._refuse_silent_changes()
            takes = zip(kernel.parameters, arguments, strict=True)
            operands = {
                name: self.used(value, Name("made" if name in kernel.outputs else "constant", name))
                for name, value in takes
            }
            returned = kernel.by_equation(*arguments)
            for name in kernel.outputs:
                own = operands[name].name
                self.contents[own] = self.arrays[own].copy()
            call = Call(kernel, tuple(operands.values()), len(self.returned), returned)
            self.calls[verb].append(call)
            self.returned.append(returned)
            return returned

        with listening(hear):
            result = action()
        self._refuse_silent_changes()
        self.results[verb] = self.used(result)
        return result

    def used(self, value: Any, new: Name | None = None) -> Any:
        """A value with a Use for each array; one that is not known yet gets a name like `new`."""
        if isinstance(value, tuple):
            return tuple(map(self.used, value))
        if not isinstance(value, np.ndarray):
            return value
        name = self._known(value)
        if new is None:
            if name is None or name.role == "constant":
                raise CannotRecord("an array comes from NumPy, not from a kernel")
        elif name is None:
            if not value.flags.c_contiguous:
                raise CannotRecord("an array that is not C-contiguous is handed to a kernel")
            taken = {name.key for name in self.arrays if name.role in ("made", "constant")}
            name = new._replace(key=free(new.key, taken))
            self.know(name.role, name.key, value)
        return Use(name, value.shape)

    def _known(self, array: Array) -> Name | None:
        start = array.__array_interface__["data"][0]
        end = start + array.nbytes
        known = self._named.get((start, array.nbytes))
        if known and array.flags.c_contiguous and array.dtype == self.arrays[known].dtype:
            return known
        for first, size in self._named:
            if first < end and start < first + size:
                raise CannotRecord(
                    "a part of an array, or one that is turned or read as another dtype, is "
                    "handed over"
                )
        return None

    def _refuse_silent_changes(self) -> None:
        for name, array in self.arrays.items():
            if array.tobytes() != self.contents[name].tobytes():
                what = "the array" if name.role == "made" else name.role
                advice = ""
                if name.role == "gradient":
                    advice = f"; call self.{name.key}.accumulate(...) with what a kernel computed"
                raise CannotRecord(
                    f"{what} {name.key} is changed by NumPy, not by a kernel{advice}"
                )


def free(name: str, taken: Collection[str]) -> str:
    """`name`, or one like it, that is not taken."""
    names = itertools.chain([name], (f"{name}_{n}" for n in itertools.count(2)))
    return next(name for name in names if name not in taken)


Trials = Sequence[Trial]


def part_of(trials: Trials) -> Part:
    """What all trials have in common, as one part.

    Raises
    ------
    CannotRecord
        If they differ in what they call, or in a number that comes from nowhere.
    """
    first = trials[0]
    calls = {}
    for verb, heard in first.calls.items():
        others = [trial.calls[verb] for trial in trials]
        if any([call.kernel for call in o] != [call.kernel for call in heard] for o in others):
            raise CannotRecord("it calls other kernels with other inputs")
        calls[verb] = [_call(trials, same) for same in zip(*others, strict=True)]
    arrays = {
        name: (_shape(trials, [t.arrays[name].shape for t in trials]), array.dtype)
        for name, array in first.arrays.items()
    }
    constants = {name: array for name, array in first.contents.items() if name.role == "constant"}
    for trial in trials:
        for name, array in constants.items():
            if trial.contents[name].tobytes() != array.tobytes():
                raise CannotRecord(f"the array {name.key} comes from NumPy, not from a kernel")
    last = len(first.returned)
    results = {
        verb: _common(trials, "that it returns", [t.results[verb] for t in trials], last)
        for verb in first.results
    }
    kept = None
    with suppress(CannotRecord):  # such as what a network of layers keeps: its calls
        if isinstance(first.kept, tuple):
            kept = _common(trials, "that it keeps", [t.used(t.kept) for t in trials], last)
    fewest = min(trial.sizes.get("N", 1) for trial in trials)
    return Part(calls, results, kept, arrays, constants, fewest, fewest)


def _call(trials: Trials, same: tuple[Call, ...]) -> Call:
    kernel, _, number, looked_at = same[0]
    operands = tuple(
        _common(trials, f"{name} of {kernel.name}", [call.operands[place] for call in same], number)
        for place, name in enumerate(kernel.parameters)
    )
    equal = looked_at is not None and all(call.looked_at == looked_at for call in same)
    return Call(kernel, operands, number, looked_at if equal else None)


def _common(trials: Trials, what: str, values: list[Any], before: int) -> Any:
    """A value of each trial, as one: a Use, a Number, or a tuple of them.

    `before` is the number of the call that the value is handed to.
    """
    first = values[0]
    if isinstance(first, Use):
        if any(not isinstance(value, Use) or value.name != first.name for value in values):
            raise CannotRecord(f"an array ({what}) is another one with other inputs")
        shapes = [value.shape for value in values]
        own = [trial.arrays[first.name].shape for trial in trials]
        return Use(first.name, None if shapes == own else _shape(trials, shapes))
    if isinstance(first, tuple):
        if any(not isinstance(value, tuple) or len(value) != len(first) for value in values):
            raise CannotRecord(f"a tuple ({what}) is of another length with other inputs")
        return tuple(_common(trials, what, list(v), before) for v in zip(*values, strict=True))
    if not isinstance(first, int | float | str | np.generic | None):
        raise CannotRecord(f"a {type(first).__name__} ({what}) is neither array nor number")
    if all(type(value) is type(first) and _same(value, first) for value in values):
        return Number("literal", first)
    for kind in ("lr", "t"):
        if values == [trial.sizes.get(kind) for trial in trials]:
            return Number(kind, None)
    if times := _times_N(trials, values):
        return Number("N", times)
    for call in reversed(range(before)):
        if all(map(_same, values, [trial.returned[call] for trial in trials])):
            return Number("result", call)
    raise CannotRecord(f"the number {what} changes with the input, and comes from no kernel")


def _same(one: Any, other: Any) -> bool:
    """Whether two numbers are equal, or both NaN."""
    return bool(one == other or (one != one and other != other))


def _times_N(trials: Trials, values: Sequence[Any]) -> int:
    """How many times N they are; 0 if they are no multiples."""
    sizes = [trial.sizes.get("N", 0) for trial in trials]
    if not all(isinstance(value, int) for value in values) or not sizes[0]:
        return 0
    times: int = values[0] // sizes[0]
    return times if [times * N for N in sizes] == list(values) else 0


def _shape(trials: Trials, shapes: list[tuple[int, ...]]) -> Shape:
    if len({len(shape) for shape in shapes}) > 1:
        raise CannotRecord("an array has more axes with other inputs")
    axes = []
    for sizes in zip(*shapes, strict=True):
        fixed = len(set(sizes)) == 1
        axes.append((sizes[0] if fixed else _times_N(trials, sizes), not fixed))
        if not axes[-1][0] and not fixed:
            raise CannotRecord("the size of an array is no multiple of the batch's")
    return tuple(axes)
