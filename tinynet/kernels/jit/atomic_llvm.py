"""What the words of ``atomic.py`` mean to LLVM."""

import ctypes
import os
from collections.abc import Sequence
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import lower_builtin
from numba.np.arrayobj import make_array, populate_array

from tinynet.kernels.jit.atomic import (
    WORDS,
    atomic_load,
    atomic_store,
    call_back,
    compare_exchange,
    fetch_add,
    give_way,
    matrix_at,
    pause,
    shared_words,
)
from tinynet.kernels.simd.lanes_llvm import Builder, Context, declare

_WORD = ir.IntType(64)
_words_type = types.Array(types.int64, 1, "C")

declare(shared_words, lambda: _words_type)
declare(atomic_load, lambda words, place: types.int64)
declare(atomic_store, lambda words, place, value: types.none)
declare(fetch_add, lambda words, place, more: types.int64)
declare(compare_exchange, lambda words, place, expected, new: types.boolean)
declare(pause, lambda: types.none)
declare(give_way, lambda: types.none)
declare(call_back, lambda address: types.none)
declare(matrix_at, lambda address, shape, strides, like: types.Array(like.dtype, 2, "A"))


def _make_known() -> None:
    """Let LLVM's linker find the words, and how this system gives way to other threads."""
    llvm.add_symbol("tinynet_words", WORDS.ctypes.data)
    if os.name == "nt":
        yields = ctypes.windll.kernel32.SwitchToThread  # type: ignore[attr-defined]
    else:
        yields = ctypes.CDLL(None).sched_yield
    address = ctypes.cast(yields, ctypes.c_void_p).value
    assert address is not None
    llvm.add_symbol("tinynet_give_way", address)


_make_known()


def _array(
    context: Context, builder: Builder, kind: Any, start: Any, shape: Any, steps: Any
) -> Any:
    """An array over memory that it does not own."""
    array = make_array(kind)(context, builder)
    populate_array(
        array,
        data=builder.bitcast(start, array.data.type),
        shape=shape,
        strides=steps,
        itemsize=ir.Constant(_WORD, kind.dtype.bitwidth // 8),
        meminfo=None,
    )
    return array._getvalue()


@lower_builtin(shared_words)
def _shared_words(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    kind = ir.ArrayType(_WORD, WORDS.size)
    words = builder.module.globals.get("tinynet_words")
    if words is None:
        words = ir.GlobalVariable(builder.module, kind, "tinynet_words")
        words.linkage = "external"
    sizes = [ir.Constant(_WORD, size) for size in (WORDS.size, WORDS.itemsize)]
    return _array(context, builder, sig.return_type, words, sizes[:1], sizes[1:])


def _place(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    """Where the word lies that the first two arguments say, and the others as words."""
    values = [
        context.cast(builder, value, kind, types.int64)
        for value, kind in zip(args[1:], sig.args[1:])
    ]
    struct = make_array(sig.args[0])(context, builder, args[0])
    return builder.gep(struct.data, values[:1]), values[1:]


@lower_builtin(atomic_load, types.Array, types.Integer)
def _load(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    place, _ = _place(context, builder, sig, args)
    return builder.load_atomic(place, "seq_cst", 8)


@lower_builtin(atomic_store, types.Array, types.Integer, types.Integer)
def _store(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    place, (value,) = _place(context, builder, sig, args)
    builder.store_atomic(value, place, "seq_cst", 8)
    return context.get_dummy_value()


@lower_builtin(fetch_add, types.Array, types.Integer, types.Integer)
def _fetch_add(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    place, (more,) = _place(context, builder, sig, args)
    return builder.atomic_rmw("add", place, more, "seq_cst")


@lower_builtin(compare_exchange, types.Array, types.Integer, types.Integer, types.Integer)
def _compare_exchange(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    place, (expected, new) = _place(context, builder, sig, args)
    done = builder.cmpxchg(place, expected, new, "seq_cst", "seq_cst")
    return builder.extract_value(done, 1)


@lower_builtin(pause)
def _pause(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    if "x86" in llvm.get_process_triple() or "amd64" in llvm.get_process_triple():
        kind = ir.FunctionType(ir.VoidType(), [])
        name = "llvm.x86.sse2.pause"
        builder.call(cgutils.get_or_insert_function(builder.module, kind, name), [])
    return context.get_dummy_value()


@lower_builtin(give_way)
def _give_way(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    kind = ir.FunctionType(ir.IntType(32), [])
    builder.call(cgutils.get_or_insert_function(builder.module, kind, "tinynet_give_way"), [])
    return context.get_dummy_value()


@lower_builtin(call_back, types.Integer)
def _call_back(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    kind = ir.FunctionType(ir.VoidType(), []).as_pointer()
    builder.call(builder.inttoptr(args[0], kind), [])
    return context.get_dummy_value()


@lower_builtin(matrix_at, types.Integer, types.BaseTuple, types.BaseTuple, types.Array)
def _matrix_at(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    address, *tuples, _ = args
    shape, steps = (cgutils.unpack_tuple(builder, values) for values in tuples)
    start = builder.inttoptr(address, ir.IntType(8).as_pointer())
    return _array(context, builder, sig.return_type, start, shape, steps)
