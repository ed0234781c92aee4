"""A large part of kernels that is compiled once for a dtype, and called by its address.

Kernels hand over arrays of many layouts, contiguous ones and parts of others, and Numba would
compile a part for each. A shared part is compiled for one, which all others can be taken for.
"""

import inspect
from collections.abc import Callable
from typing import Any

from tinynet.kernels.jit.compile import Function, compiles_now, inner
from tinynet.kernels.jit.rung import COMPILES

if COMPILES:
    from numba.core import types as types
    from numba.extending import lower_builtin, type_callable

    from tinynet.kernels.jit.addresses import by_address
else:
    types = None  # which signatures name; nobody asks for them


def shared(
    signature: Callable[[Any], tuple[Any, ...]], compiled: Callable[[Any], Any] = inner
) -> Callable[[Function], Function]:
    """Share a function of arrays and numbers that returns nothing or a number.

    `signature` has the Numba types of its arguments for a dtype; the kernels that call it may hand
    over arrays of more special layouts. It is compiled by `inner`, or by `jit` if it makes arrays.
    """

    def share(function: Function) -> Function:
        if compiles_now():
            _share(function, signature, by_address(compiled(function)))
        return function

    return share


def matrix(dtype: Any) -> Any:
    """The Numba type of a matrix of any layout, which may be read-only, as a model's may be."""
    return types.Array(dtype, 2, "A", readonly=True)


def row_numbers() -> Any:
    """The Numba type of the numbers of some rows, which may be read-only."""
    return types.Array(types.int64, 1, "C", readonly=True)


def _share(function: Any, signature: Callable[[Any], tuple[Any, ...]], dispatcher: Any) -> None:
    def typer(context: Any) -> Any:
        def kinds(*arguments: Any) -> Any:
            wanted = signature(arguments[0].dtype)
            dispatcher.compile(_writable(wanted))
            return dispatcher.overloads[_writable(wanted)].signature.return_type(*wanted)

        kinds.__signature__ = inspect.signature(function)  # type: ignore[attr-defined]
        return kinds

    def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
        entry = dispatcher.overloads[_writable(sig.args)].entry_point
        return context._defns[entry].find(_writable(sig.args))(context, builder, sig, args)

    type_callable(function)(typer)
    lower_builtin(function, types.VarArg(types.Any))(lower)


def _writable(kinds: tuple[Any, ...]) -> tuple[Any, ...]:
    """As if all arrays could be written to: one version of each inner part is enough."""
    return tuple(
        kind.copy(readonly=False) if isinstance(kind, types.Array) else kind for kind in kinds
    )
