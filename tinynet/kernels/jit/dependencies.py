"""What the machine code of a function depends on, as one hash: the key under which it is kept.

Numba's own key is the bytecode alone. It misses a changed constant (``2 * x`` for ``3 * x`` is the
same bytecode), a changed global, and a changed function that is called and so compiled in. Here all
that a function can see is followed: its code and constants, its defaults and closure, the globals
that it names, and the functions among them in turn. tinynet's own kernels need none of it, since
the hash of all their source is the name of the folder that they are kept in.
"""

import hashlib
from collections.abc import Callable, Iterable
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

OWN = "tinynet.kernels"


def is_own(function: Callable[..., Any]) -> bool:
    """Whether a function stands in tinynet's kernels."""
    module = function.__module__ or ""
    return module == OWN or module.startswith(f"{OWN}.")


def meaning(function: Callable[..., Any]) -> str:
    """SHA-256 over everything that compiling a function of somebody else's depends on."""
    digest = hashlib.sha256()
    for part in _Walk().function(function):
        digest.update(part.encode() + b"\0")
    return digest.hexdigest()


class _Walk:
    def __init__(self) -> None:
        self.seen: set[int] = set()

    def function(self, function: Any) -> Iterable[str]:
        function = getattr(function, "py_func", function)  # a compiled one
        if id(function) in self.seen:
            return
        self.seen.add(id(function))
        yield function.__qualname__
        if is_own(function):
            return
        codes = list(_codes(function.__code__))
        names = {name for code in codes for name in code.co_names}
        for code in codes:
            yield code.co_code.hex()
            yield repr((code.co_argcount, code.co_varnames, code.co_freevars, code.co_names))
            yield from map(_constant, code.co_consts)
        yield from self.value((function.__defaults__, function.__kwdefaults__), names)
        for cell in function.__closure__ or ():
            yield from self.value(cell.cell_contents, names)
        for name in sorted(names & function.__globals__.keys()):
            yield name
            yield from self.value(function.__globals__[name], names)

    def value(self, value: Any, names: set[str]) -> Iterable[str]:
        """A constant to the compiler: a number, an array, a function, or a module's attributes."""
        if isinstance(value, np.ndarray):
            yield f"{value.dtype.str} {value.shape} {hashlib.sha256(value.tobytes()).hexdigest()}"
        elif isinstance(value, tuple | list):
            yield type(value).__name__
            for element in value:
                yield from self.value(element, names)
        elif isinstance(getattr(value, "py_func", value), FunctionType):
            yield from self.function(value)
        elif isinstance(value, ModuleType):
            if id(value) not in self.seen:
                self.seen.add(id(value))
                yield f"{value.__name__} {getattr(value, '__version__', '')}"
                for name in sorted(names & vars(value).keys()):
                    yield name
                    yield from self.value(vars(value)[name], names)
        elif isinstance(getattr(value, "_defn", None), FunctionType):  # an intrinsic of Numba's
            yield from self.function(value._defn)
        elif isinstance(value, type) or callable(value):
            yield f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', value)}"
        else:
            yield f"{type(value).__name__} {value!r}"


def _codes(code: CodeType) -> Iterable[CodeType]:
    """The code of a function and of all functions within it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _constant(constant: Any) -> str:
    if isinstance(constant, CodeType):
        return constant.co_name
    if isinstance(constant, frozenset):  # whose order differs from process to process
        return repr(sorted(map(repr, constant)))
    return f"{type(constant).__name__} {constant!r}"
