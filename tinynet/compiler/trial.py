"""One run of a part, listened to: its arrays are known by memory, and silent changes are heard."""

import itertools
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from tinynet.compiler.part import Call, CannotRecord, Name, Use
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
