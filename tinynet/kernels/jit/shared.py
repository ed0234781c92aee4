"""A part of kernels that is compiled once, and called by its address.

Whatever a compiled function calls, Numba copies into it, and LLVM works through the copy again: for
every kernel, and for the steps of every network. With a large part that takes longer than all else.
A shared part is not copied: compiled code names it by a symbol, for LLVM's linker to look up. So
the symbol must be known before such code is linked, be it compiled just now or from the cache.
"""

import inspect
from collections.abc import Callable
from typing import Any

from tinynet.kernels.jit.compile import Function, inner
from tinynet.kernels.jit.rung import COMPILES

if COMPILES:
    import llvmlite.binding as llvm
    from numba.core import cgutils, config
    from numba.core import types as types
    from numba.extending import lower_builtin, type_callable

    from tinynet.kernels.jit.cache import before_loading
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
        if COMPILES and not config.DISABLE_JIT:
            _Shared(function, signature, compiled(function))
        return function

    return share


def matrix(dtype: Any) -> Any:
    """The Numba type of a matrix of any layout, which may be read-only, as a model's may be."""
    return types.Array(dtype, 2, "A", readonly=True)


class _Shared:
    def __init__(
        self, function: Callable[..., Any], signature: Callable[[Any], Any], compiled: Any
    ) -> None:
        self.name = function.__name__
        self.compiled = compiled
        self.signatures = {self._symbol(t): signature(t) for t in (types.float32, types.float64)}
        self.results: dict[str, Any] = {}
        self.parameters = inspect.signature(function)
        type_callable(function)(self._typer)
        lower_builtin(function, types.VarArg(types.Any))(self._lower)
        before_loading.append(self._prepare)

    def _symbol(self, dtype: Any) -> str:
        return f"tinynet_{self.name}_{dtype}"

    def _typer(self, context: Any) -> Any:
        def result(*arguments: Any) -> Any:
            symbol = self._symbol(arguments[0].dtype)
            self._make_known(symbol)
            return self.results[symbol](*self.signatures[symbol])

        result.__signature__ = self.parameters  # type: ignore[attr-defined]
        return result

    def _lower(self, context: Any, builder: Any, sig: Any, args: Any) -> Any:
        kind = context.call_conv.get_function_type(sig.return_type, sig.args)
        symbol = self._symbol(sig.args[0].dtype)
        target = cgutils.get_or_insert_function(builder.module, kind, symbol)
        status, result = context.call_conv.call_function(
            builder, target, sig.return_type, sig.args, args
        )
        with cgutils.if_unlikely(builder, status.is_error):
            context.call_conv.return_status_propagate(builder, status)
        return result

    def _make_known(self, symbol: str) -> None:
        if symbol not in self.results:
            # as if all arrays could be written to: one version of each inner part is enough
            signature = tuple(
                kind.copy(readonly=False) if isinstance(kind, types.Array) else kind
                for kind in self.signatures[symbol]
            )
            self.compiled.compile(signature)
            result = self.compiled.overloads[signature]
            address = result.library.get_pointer_to_function(result.fndesc.llvm_func_name)
            llvm.add_symbol(symbol, address)
            self.results[symbol] = result.signature.return_type

    def _prepare(self, code: bytes) -> None:
        for symbol in self.signatures:
            if symbol.encode() in code:
                self._make_known(symbol)
