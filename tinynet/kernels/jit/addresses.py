"""Compiled code that is called by its address, and not copied into whatever calls it.

Whatever a compiled function calls, Numba copies into it, and LLVM works through the copy again. For
the steps of a network, which are calls of kernels and little else, that would be most of the
waiting. So kernels, and their large parts, are compiled once: code that calls one names it by a
symbol, for LLVM's linker to look up, and code from the cache brings a list of those that it names.
"""

import hashlib
import re
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakSet

import llvmlite.binding as llvm
from numba.core import cgutils
from numba.core.base import OverloadSelector

from tinynet.kernels.jit.dependencies import is_own, meaning


class Named(NamedTuple):
    """What compiled code names: by which symbol, where it is defined, for which arguments."""

    symbol: str
    place: str
    types: tuple[Any, ...]


class _Known(NamedTuple):
    named: Named
    library: Any  # whose code must stay in memory, whoever else forgets it


_known: dict[str, _Known] = {}  # by symbol
_dispatchers: dict[str, WeakSet[Any]] = {}  # by place: a notebook's cell may run more than once


def by_address(dispatcher: Any) -> Any:
    """Let compiled code call what `dispatcher` compiles by its address."""
    function = dispatcher.py_func
    place = f"{function.__module__}.{function.__qualname__}"
    _dispatchers.setdefault(place, WeakSet()).add(dispatcher)
    add_overload = dispatcher.add_overload

    def add(result: Any) -> None:
        add_overload(result)
        types, code = result.signature.args, result.fndesc
        symbol = _symbol(function, types)
        if symbol not in _known:  # a cell that runs again makes the same once more
            llvm.add_symbol(symbol, result.library.get_pointer_to_function(code.llvm_func_name))
            _known[symbol] = _Known(Named(symbol, place, types), result.library)
        calls = OverloadSelector()
        calls.append(_Call(symbol, code, result.library), code.argtypes)
        dispatcher.targetctx._defns[result.entry_point] = calls

    dispatcher.add_overload = add
    return dispatcher


def _symbol(function: Any, types: tuple[Any, ...]) -> str:
    """The same in every process, for the same code and types of arguments."""
    content = "" if is_own(function) else meaning(function)
    told = hashlib.sha256(f"{function.__module__} {types} {content}".encode()).hexdigest()[:16]
    return f"tinynet_{re.sub('[^0-9A-Za-z]', '_', function.__qualname__)}_{told}"


class _Call:
    """How Numba's compiler writes a call."""

    libs = ()  # none is to be copied

    def __init__(self, symbol: str, code: Any, library: Any) -> None:
        self.symbol, self.code, self.library = symbol, code, library
        self.signature = code.argtypes

    def __call__(self, context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kinds = self.code.restype, self.code.argtypes
        kind = context.call_conv.get_function_type(*kinds)
        function = cgutils.get_or_insert_function(builder.module, kind, self.symbol)
        status, result = context.call_conv.call_function(builder, function, *kinds, args)
        if self.may_fail:
            with cgutils.if_unlikely(builder, status.is_error):
                context.call_conv.return_status_propagate(builder, status)
        return result

    @cached_property
    def may_fail(self) -> bool:
        """Whether it can end with an error, as loops over numbers cannot.

        Behind each check of it, Numba would count references to arrays anew.
        """
        module = self.library._get_module_for_linking()
        blocks = module.get_function(self.code.llvm_func_name).blocks
        ends = [[*block.instructions][-1] for block in blocks]
        return any(end.opcode == "ret" and str(end).split() != ["ret", "i32", "0"] for end in ends)


def named_in(code: bytes) -> list[Named]:
    """What compiled code names."""
    symbols = {symbol.decode() for symbol in re.findall(rb"tinynet_\w+_[0-9a-f]{16}", code)}
    return [_known[symbol].named for symbol in sorted(symbols & _known.keys())]


def make_known(named: list[Named]) -> None:
    """Load or compile all that code from the cache names, before that is linked."""
    for symbol, place, types in named:
        for dispatcher in _dispatchers.get(place, ()):
            if symbol not in _known and _symbol(dispatcher.py_func, types) == symbol:
                dispatcher.compile(types)
        if symbol not in _known:
            raise LookupError(f"{place}, which it calls, is not there, or is another")
