"""One run of a part, listened to: its arrays are known by memory, and silent changes are heard."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynet.compiler.part import CannotRecord, Name
from tinynet.kernels.jit.kernel import Kernel, listening
from tinynet.support.types import Array


def by_equation(kernel: Kernel, arguments: tuple[Any, ...]) -> Any:
    """What a kernel writes and returns, computed by its NumPy equation."""
    return kernel.by_equation(*arguments)


class Trial:
    """One run of a part, listened to.

    Parameters
    ----------
    sizes : dict of str to number
        What N, lr and t are in this run.
    """

    def __init__(self, sizes: dict[str, Any]) -> None:
        self.sizes = sizes
        self.arrays: dict[Name, Array] = {}
        self.contents: dict[Name, Array] = {}
        self.verb = ""
        self.calls: dict[str, list[tuple[Kernel, list[Any]]]] = {}
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
        self.verb = verb
        self.calls[verb] = []
        with listening(self.hear):
            result = action()
        self._refuse_silent_changes()
        if isinstance(result, np.ndarray):
            self.use(result)
        self.results[verb] = result
        return result

    def hear(self, kernel: Kernel, arguments: tuple[Any, ...]) -> Any:
        """Write down a call; compute it by its equation."""
        self._refuse_silent_changes()
        takes = dict(zip(kernel.parameters, arguments, strict=True))
        operands = [
            self._name(name, value, name in kernel.outputs)
            if isinstance(value, np.ndarray)
            else value
            for name, value in takes.items()
        ]
        returned = by_equation(kernel, arguments)
        for name in kernel.outputs:
            own = self._known(takes[name])
            assert own is not None
            self.contents[own] = self.arrays[own].copy()
        self.calls[self.verb].append((kernel, operands))
        self.returned.append(returned)
        return returned

    def use(self, array: Array) -> Name:
        """The name of an array that a part returns or keeps."""
        known = self._known(array)
        if known is None or known.role == "constant":
            raise CannotRecord("an array comes from NumPy, not from a kernel")
        return known

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

    def _name(self, argument: str, array: Array, is_output: bool) -> tuple[Name, tuple[int, ...]]:
        name = self._known(array)
        if name is None:
            if not array.flags.c_contiguous:
                raise CannotRecord("an array that is not C-contiguous is handed to a kernel")
            role = "made" if is_output else "constant"
            taken = {name.key for name in self.arrays if name.role in ("made", "constant")}
            keys = itertools.chain([argument], (f"{argument}_{n}" for n in itertools.count(2)))
            key = next(key for key in keys if key not in taken)
            self.know(role, key, array)
            name = Name(role, key)
        return name, array.shape

    def _refuse_silent_changes(self) -> None:
        for name, array in self.arrays.items():
            if array.tobytes() != self.contents[name].tobytes():
                what = f"{name.role} {name.key}" if name.role != "made" else f"the array {name.key}"
                advice = ""
                if name.role == "gradient":
                    advice = f"; call self.{name.key}.accumulate(...) with what a kernel computed"
                raise CannotRecord(f"{what} is changed by NumPy, not by a kernel{advice}")
