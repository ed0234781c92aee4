"""Loops over numbers: one version for arrays of all shapes, which it gets as rows of numbers.

What works number by number need not know of rows and columns. So it is written, and compiled, for
arrays of one axis; here others become that, without a copy: when the loop is called, and where
compiled code calls it.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynet.kernels.jit.rung import COMPILES

if COMPILES:
    from numba.core import types
    from numba.core.errors import TypingError
    from numba.core.typing.templates import make_callable_template
    from numba.extending import lower_builtin
    from numba.np.arrayobj import make_array, populate_array


class Flat:
    """A loop, to be called with C-contiguous arrays of any shape.

    Attributes
    ----------
    loop : callable
        What it calls with arrays of one axis: a compiled loop, or one that runs as it is.
    """

    def __init__(self, loop: Callable[..., Any]) -> None:
        functools.update_wrapper(self, loop)
        self.loop = loop

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        rows = [self._row(each) if type(each) is np.ndarray else each for each in arguments]
        if named:
            named = {name: self._row(each) for name, each in named.items()}
        return self.loop(*rows, **named)

    def _row(self, argument: Any) -> Any:
        if not isinstance(argument, np.ndarray):
            return argument
        if not argument.flags.c_contiguous:
            raise TypeError(self._problem(f"an array of shape {argument.shape}"))
        return argument if argument.ndim == 1 else argument.ravel()

    def _problem(self, array: str) -> str:
        return (
            f"{self.__name__}: {array} does not lie in memory number by number; "  # type: ignore[attr-defined]
            "np.ascontiguousarray makes one that does"
        )

    @functools.cached_property
    def _numba_type_(self) -> Any:
        """Tells Numba how compiled code calls it."""
        dispatcher: Any = self.loop

        def kinds(*arguments: Any) -> Any:
            rows = tuple(map(self._row_type, arguments))
            dispatcher.compile(rows)
            result = dispatcher.overloads[rows].signature.return_type
            return result(*map(types.unliteral, arguments))

        kinds.__signature__ = inspect.signature(dispatcher.py_func)  # type: ignore[attr-defined]

        def lower(context: Any, builder: Any, sig: Any, args: Any) -> Any:
            rows = tuple(map(self._row_type, sig.args))
            values = [_as_row(context, builder, *each) for each in zip(sig.args, rows, args)]
            entry = dispatcher.overloads[rows].entry_point
            call = context._defns[entry].find(rows)
            return call(context, builder, sig.replace(args=rows), values)

        lower_builtin(self, types.VarArg(types.Any))(lower)
        return types.Function(make_callable_template(self, kinds))

    def _row_type(self, kind: Any) -> Any:
        kind = types.unliteral(kind)
        if not isinstance(kind, types.Array):
            return kind
        if kind.layout != "C":
            raise TypingError(self._problem(f"{kind}"))
        return kind.copy(ndim=1)


def _as_row(context: Any, builder: Any, kind: Any, row: Any, value: Any) -> Any:
    if kind == row:
        return value
    array = make_array(kind)(context, builder, value)
    flat = make_array(row)(context, builder)
    populate_array(
        flat,
        data=array.data,
        shape=[array.nitems],
        strides=[array.itemsize],
        itemsize=array.itemsize,
        meminfo=array.meminfo,
        parent=array.parent,
    )
    return flat._getvalue()
