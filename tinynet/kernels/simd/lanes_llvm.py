"""What the vector type of ``lanes.py`` means to Numba's compiler: each function in LLVM's terms.

Every function there has its type declared here, and then the instructions that stand for a call.
"""

import operator
import platform
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, config, types
from numba.core.imputils import impl_ret_borrowed, impl_ret_new_ref
from numba.extending import lower_builtin, models, register_model, type_callable
from numba.np.arrayobj import _empty_nd_impl, populate_array

from tinynet.kernels.simd.lanes import (
    add_rows,
    add_up,
    all_finite,
    count_bits,
    exp,
    fetch,
    fma,
    joined,
    line,
    load,
    load_masked,
    lowest_bit,
    mark_nonzero,
    nonzero_bits,
    register,
    room,
    square,
    store,
    turn,
    view,
    widest,
    zeros,
)

Context = Any
Builder = Any


def _processor_has(feature: str, elsewhere: bool) -> bool:
    if platform.machine().lower() not in ("x86_64", "amd64", "i686"):
        return elsewhere
    features = config.CPU_FEATURES
    if features is None:
        features = llvm.get_host_cpu_features().flatten()
    return f"+{feature}" in features.split(",")


HAS_FMA = _processor_has("fma", elsewhere=True)
CACHE_LINE = 64  # bytes
REGISTER = 64 if _processor_has("avx512f", elsewhere=False) else 32  # bytes


class LanesType(types.Type):
    """The compile-time type of `width` lanes of `dtype`."""

    def __init__(self, dtype: types.Type, width: int) -> None:
        self.dtype = dtype
        self.width = width
        super().__init__(name=f"Lanes({dtype}, {width})")


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, lanes: LanesType) -> None:
        element = manager.lookup(lanes.dtype).get_value_type()
        super().__init__(manager, lanes, ir.VectorType(element, lanes.width))


def declare(function: Callable[..., Any], result: Callable[..., Any]) -> None:
    @type_callable(function)
    def typing(context: Context) -> Callable[..., Any]:
        return result


def _of_width(a: types.Array, width: types.Type) -> LanesType | None:
    if isinstance(width, types.IntegerLiteral):
        return LanesType(a.dtype, width.literal_value)
    return None  # Numba asks again with the width as a literal


def _widest(a: types.Array, rows: types.Type) -> LanesType | None:
    if not isinstance(rows, types.IntegerLiteral):
        return None  # Numba asks again with the rows as a literal
    lines = 4 if REGISTER == CACHE_LINE else max(1, 4 // rows.literal_value)
    return LanesType(a.dtype, 8 * CACHE_LINE * lines // a.dtype.bitwidth)


declare(room, lambda rows, columns, dtype: types.Array(dtype.dtype, 2, "C"))
declare(view, lambda a, start, shape: a.copy(ndim=len(shape)) if a.layout == "C" else None)
declare(load, lambda a, index, width: _of_width(a, width))
declare(zeros, lambda a, width: _of_width(a, width))
declare(widest, lambda a, rows: _widest(a, rows))
declare(square, lambda a: LanesType(a.dtype, max(8, 8 * REGISTER // a.dtype.bitwidth)))
declare(line, lambda a: LanesType(a.dtype, 8 * CACHE_LINE // a.dtype.bitwidth))
declare(register, lambda a: LanesType(a.dtype, 8 * REGISTER // a.dtype.bitwidth))
declare(len, lambda lanes: types.intp if isinstance(lanes, LanesType) else None)
declare(load_masked, lambda a, index, width: _of_width(a, width))
declare(store, lambda lanes, a, index: types.none)
declare(fetch, lambda a, index: types.none)
declare(nonzero_bits, lambda lanes: types.uint64)
declare(mark_nonzero, lambda lanes, place, marks: marks)
declare(joined, lambda low, high: LanesType(types.uint64, low.width))
declare(lowest_bit, lambda bits: types.uint64)
declare(count_bits, lambda bits: types.int64)
declare(all_finite, lambda lanes: types.boolean)
declare(add_up, lambda lanes: lanes.dtype)
declare(turn, lambda a, index, turned: types.none)
declare(add_rows, lambda sums, a, index, x, place: sums)
declare(exp, lambda lanes: lanes)
declare(fma, lambda x, y, z: z)
declare(
    operator.add, lambda a, b: a if isinstance(a, LanesType) and isinstance(b, LanesType) else None
)


def places(context: Context, builder: Builder, kind: Any, index: Any) -> list[Any]:
    """The numbers of an index, as the machine's."""
    return [
        context.cast(builder, value, place_type, types.uintp)
        for value, place_type in zip(cgutils.unpack_tuple(builder, index), kind)
    ]


def pointer(
    context: Context, builder: Builder, kinds: Sequence[Any], values: Sequence[Any], vector: Any
) -> Any:
    """Where a vector lies: in an array, from an index on, both given by their type and value."""
    (kind, index_type), (array, index) = kinds, values
    return pointer_at(
        context, builder, kind, array, places(context, builder, index_type, index), vector
    )


def pointer_at(
    context: Context, builder: Builder, kind: Any, array: Any, index: Sequence[Any], vector: Any
) -> Any:
    """The same for an index of machine numbers."""
    struct = context.make_array(kind)(context, builder, array)
    start = cgutils.get_item_pointer(context, builder, kind, struct, index, wraparound=False)
    return builder.bitcast(start, vector.as_pointer())


def splat(builder: Builder, value: Any, vector: Any) -> Any:
    undefined = ir.Constant(vector, ir.Undefined)
    first = builder.insert_element(undefined, value, ir.Constant(ir.IntType(32), 0))
    places = ir.Constant(ir.VectorType(ir.IntType(32), vector.count), [0] * vector.count)
    return builder.shuffle_vector(first, undefined, places)


def fused(builder: Builder, x: Any, y: Any, z: Any) -> Any:
    if not HAS_FMA:
        return builder.fadd(builder.fmul(x, y), z)
    kind = z.type
    if isinstance(kind, ir.VectorType):
        name = f"llvm.fma.v{kind.count}{kind.element.intrinsic_name}"
    else:
        name = f"llvm.fma.{kind.intrinsic_name}"
    signature = ir.FunctionType(kind, [kind] * 3)
    return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), [x, y, z])


def _mask(builder: Builder, lanes: Any) -> Any:
    return builder.bitcast(lanes, ir.IntType(lanes.type.count))


class Mask:
    """Loads and stores of the first lanes of a vector, for the columns that there are."""

    def __init__(self, builder: Builder, lanes: Any, vector: Any, align: int) -> None:
        self.builder, self.lanes, self.vector = builder, lanes, vector
        self.align = ir.Constant(ir.IntType(32), align)

    def load(self, place: Any) -> Any:
        """Zeros where there is no column."""
        zeros = ir.Constant(self.vector, None)
        return self._call("load", self.vector, place, self.align, self.lanes, zeros)

    def store(self, values: Any, place: Any) -> None:
        self._call("store", ir.VoidType(), values, place, self.align, self.lanes)

    def _call(self, what: str, result: Any, *values: Any) -> Any:
        kind = f"v{self.vector.count}{self.vector.element.intrinsic_name}"
        signature = ir.FunctionType(result, [value.type for value in values])
        name = f"llvm.masked.{what}.{kind}.p0"
        function = cgutils.get_or_insert_function(self.builder.module, signature, name)
        return self.builder.call(function, values)


def masked(
    context: Context, builder: Builder, kind: Any, array: Any, j: Any, vector: Any
) -> tuple[Any, Mask]:
    """Whether a matrix has columns for a whole vector from j on; a mask of those that it has."""
    struct = context.make_array(kind)(context, builder, array)
    left = builder.sub(builder.extract_value(struct.shape, 1), j)
    whole = builder.icmp_signed(">=", left, ir.Constant(left.type, vector.count))
    numbers = ir.VectorType(ir.IntType(32), vector.count)
    lanes = ir.Constant(numbers, list(range(vector.count)))
    some = splat(builder, builder.trunc(left, numbers.element), numbers)
    there = builder.icmp_signed("<", lanes, some)
    return whole, Mask(builder, there, vector, kind.dtype.bitwidth // 8)


@lower_builtin(room, types.Integer, types.Integer, types.DTypeSpec)
def _room(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    shape = [
        context.cast(builder, size, kind, types.intp) for size, kind in zip(args[:2], sig.args)
    ]
    on_cache_lines = context.subtarget(get_preferred_array_alignment=lambda dtype: CACHE_LINE)
    array = _empty_nd_impl(on_cache_lines, builder, sig.return_type, shape)
    return impl_ret_new_ref(context, builder, sig.return_type, array._getvalue())


@lower_builtin(view, types.Array, types.Integer, types.BaseTuple)
def _view(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    whole = context.make_array(sig.args[0])(context, builder, args[0])
    part = context.make_array(sig.return_type)(context, builder)
    shape = places(context, builder, sig.args[2], args[2])
    strides = [whole.itemsize]
    for size in reversed(shape[1:]):
        strides.insert(0, builder.mul(strides[0], size))
    populate_array(
        part,
        data=builder.gep(whole.data, [args[1]]),
        shape=shape,
        strides=strides,
        itemsize=whole.itemsize,
        meminfo=whole.meminfo,
        parent=whole.parent,
    )
    return impl_ret_borrowed(context, builder, sig.return_type, part._getvalue())


@lower_builtin(load, types.Array, types.BaseTuple, types.IntegerLiteral)
def _load(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    vector = context.get_value_type(sig.return_type)
    place = pointer(context, builder, sig.args[:2], args[:2], vector)
    return builder.load(place, align=sig.return_type.dtype.bitwidth // 8)


@lower_builtin(load_masked, types.Array, types.BaseTuple, types.IntegerLiteral)
def _load_masked(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    vector = context.get_value_type(sig.return_type)
    place = pointer(context, builder, sig.args[:2], args[:2], vector)
    column = places(context, builder, sig.args[1], args[1])[1]
    _, mask = masked(context, builder, sig.args[0], args[0], column, vector)
    return mask.load(place)


@lower_builtin(store, LanesType, types.Array, types.BaseTuple)
def _store(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    place = pointer(context, builder, sig.args[1:], args[1:], args[0].type)
    builder.store(args[0], place, align=sig.args[0].dtype.bitwidth // 8)
    return context.get_dummy_value()


@lower_builtin(fetch, types.Array, types.BaseTuple)
def _fetch(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    place = pointer(context, builder, sig.args, args, ir.IntType(8))
    for_reading, near, data = (ir.Constant(ir.IntType(32), flag) for flag in (0, 3, 1))
    flags = [for_reading, near, data]
    signature = ir.FunctionType(ir.VoidType(), [place.type, *(flag.type for flag in flags)])
    function = cgutils.get_or_insert_function(builder.module, signature, "llvm.prefetch.p0i8")
    builder.call(function, [place, *flags])
    return context.get_dummy_value()


@lower_builtin(zeros, types.Array, types.IntegerLiteral)
def _zeros(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    return ir.Constant(context.get_value_type(sig.return_type), None)


@lower_builtin(line, types.Array)
@lower_builtin(register, types.Array)
@lower_builtin(widest, types.Array, types.IntegerLiteral)
@lower_builtin(square, types.Array)
def _some_zeros(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    return ir.Constant(context.get_value_type(sig.return_type), None)


@lower_builtin(len, LanesType)
def _len(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    return ir.Constant(ir.IntType(64), sig.args[0].width)


@lower_builtin(operator.add, LanesType, LanesType)
def _add(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    return builder.fadd(*args)


@lower_builtin(nonzero_bits, LanesType)
def _nonzero_bits(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    zero = ir.Constant(args[0].type, None)
    mask = _mask(builder, builder.fcmp_unordered("!=", args[0], zero))
    return mask if mask.type.width == 64 else builder.zext(mask, ir.IntType(64))


@lower_builtin(mark_nonzero, LanesType, types.Integer, LanesType)
def _mark_nonzero(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    lanes, place, marks = args
    place = context.cast(builder, place, sig.args[1], types.uint32)
    mark = splat(builder, builder.shl(ir.Constant(place.type, 1), place), marks.type)
    nonzero = builder.fcmp_unordered("!=", lanes, ir.Constant(lanes.type, None))
    return builder.or_(marks, builder.select(nonzero, mark, ir.Constant(marks.type, None)))


@lower_builtin(joined, LanesType, LanesType)
def _joined(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    low, high = (builder.zext(a, context.get_value_type(sig.return_type)) for a in args)
    return builder.or_(low, builder.shl(high, ir.Constant(high.type, [32] * high.type.count)))


@lower_builtin(lowest_bit, types.Integer)
def _lowest_bit(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    return builder.cttz(args[0], ir.Constant(ir.IntType(1), 1))


@lower_builtin(count_bits, types.Integer)
def _count_bits(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    return builder.ctpop(args[0])


@lower_builtin(all_finite, LanesType)
def _all_finite(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    # a - a is 0 for every finite a, and NaN for the rest
    mask = _mask(
        builder,
        builder.fcmp_ordered("==", builder.fsub(args[0], args[0]), ir.Constant(args[0].type, None)),
    )
    return builder.icmp_unsigned("==", mask, ir.Constant(mask.type, -1))


@lower_builtin(add_up, LanesType)
def _add_up(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    (lanes,) = args
    while lanes.type.count > 1:
        half = lanes.type.count // 2
        halves = (_shuffled(builder, lanes, lanes, range(k, k + half)) for k in (0, half))
        lanes = builder.fadd(*halves)
    return builder.extract_element(lanes, ir.Constant(ir.IntType(32), 0))


def _rows(
    context: Context, builder: Builder, kind: Any, array: Any, place: Sequence[Any], count: int
) -> list[Any]:
    """Pointers to so many rows of an array, from (i, j) on: to half as many lanes each."""
    half = ir.VectorType(context.get_value_type(kind.dtype), count // 2)
    struct = context.make_array(kind)(context, builder, array)
    row = cgutils.get_item_pointer(context, builder, kind, struct, place, wraparound=False)
    rows = [builder.bitcast(row, half.as_pointer())]
    for _ in range(count - 1):
        step = builder.extract_value(struct.strides, 0)
        rows.append(cgutils.pointer_add(builder, rows[-1], step))
    return rows


def _columns(builder: Builder, rows: Sequence[Any], align: int) -> list[Any]:
    """The columns of the square block whose rows, 8 or 16, lie there."""
    columns = []
    for half in range(2):
        place = ir.Constant(ir.IntType(32), half)
        halves = [builder.load(builder.gep(row, [place]), align=align) for row in rows]
        if len(rows) == 8:
            columns += _four_columns(builder, halves)
        else:
            upper, lower = (_four_columns(builder, halves[k : k + 8]) for k in (0, 8))
            for fours in ((0, 8, 16, 24), (4, 12, 20, 28)):
                places = [four + n for four in fours for n in range(4)]
                columns += [_shuffled(builder, u, w, places) for u, w in zip(upper, lower)]
    return columns


def _four_columns(builder: Builder, rows: Sequence[Any]) -> list[Any]:
    """Eight rows' columns c and, if there are, c + 4: of both rows 0 to 3, then of both 4 to 7."""
    size = 2 * rows[0].type.count
    lanes = [_shuffled(builder, rows[k], rows[k + 4], range(size)) for k in range(4)]
    # numbers of two, then pairs of two change places, in each four of the lanes at once
    for apart, places in ((1, (0, size, 1, size + 1)), (2, (0, 1, size, size + 1))):
        for k in range(4):
            if not k & apart:
                pair = lanes[k], lanes[k + apart]
                for n in (0, 1):
                    fours = [q + p + 2 * n for q in range(0, size, 4) for p in places]
                    lanes[k + n * apart] = _shuffled(builder, *pair, fours)
    return [lanes[k] for k in (0, 2, 1, 3)]


@lower_builtin(turn, types.Array, types.BaseTuple, types.Array)
def _turn(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    i, j = places(context, builder, sig.args[1], args[1])
    align = sig.args[0].dtype.bitwidth // 8
    rows = _rows(context, builder, sig.args[0], args[0], (i, j), 8)
    turned = _rows(context, builder, sig.args[2], args[2], (j, i), 8)
    for column, row in zip(_columns(builder, rows, align), turned):
        builder.store(column, builder.bitcast(row, column.type.as_pointer()), align=align)
    return context.get_dummy_value()


@lower_builtin(add_rows, LanesType, types.Array, types.BaseTuple, types.Array, types.BaseTuple)
def _add_rows(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    sums, a, index, x, place = args
    align = sig.args[1].dtype.bitwidth // 8
    index = places(context, builder, sig.args[2], index)
    rows = _rows(context, builder, sig.args[1], a, index, sums.type.count)
    factors = pointer(context, builder, sig.args[3:], (x, place), sums.type.element)
    for n, column in enumerate(_columns(builder, rows, align)):
        factor = builder.load(builder.gep(factors, [ir.Constant(ir.IntType(32), n)]))
        sums = fused(builder, splat(builder, factor, sums.type), column, sums)
    return sums


def _shuffled(builder: Builder, a: Any, b: Any, places: Sequence[int]) -> Any:
    kind = ir.VectorType(ir.IntType(32), len(places))
    return builder.shuffle_vector(a, b, ir.Constant(kind, list(places)))


@lower_builtin(fma, types.Float, types.Float, types.Float)
def _fma(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    values = (context.cast(builder, v, t, sig.return_type) for v, t in zip(args, sig.args))
    return fused(builder, *values)


@lower_builtin(fma, LanesType, LanesType, LanesType)
def _fma_of_three(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    return fused(builder, *args)


@lower_builtin(fma, types.Float, LanesType, LanesType)
def _fma_of_lanes(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    x = context.cast(builder, args[0], sig.args[0], sig.return_type.dtype)
    return fused(builder, splat(builder, x, args[1].type), *args[1:])


# (exp(r) - 1 - r) / r**2 for |r| <= log(2) / 2 (Taylor), highest power first
_EXP_TAIL = (1 / 5040, 1 / 720, 1 / 120, 1 / 24, 1 / 6, 1 / 2)


@lower_builtin(exp, LanesType)
def _exp(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    (x,), kind = args, args[0].type

    def all_lanes(number: Any, of: Any = kind) -> Any:
        return ir.Constant(of, [of.element(number)] * kind.count)

    if sig.return_type.dtype != types.float32:
        name = f"llvm.exp.v{kind.count}{kind.element.intrinsic_name}"
        signature = ir.FunctionType(kind, [kind])
        return builder.call(cgutils.get_or_insert_function(builder.module, signature, name), [x])
    for bound, beyond in ((-104.0, "<"), (89.0, ">")):  # 0 and infinity from there on
        limit = all_lanes(bound)
        x = builder.select(builder.fcmp_ordered(beyond, x, limit), limit, x)
    # x = k * log(2) + r, and so exp(x) = 2**k * exp(r) (Cody and Waite 1980, "Software Manual for
    # the Elementary Functions"); of log(2), k times the first part is exact
    name, signature = f"llvm.rint.v{kind.count}f32", ir.FunctionType(kind, [kind])
    rint = cgutils.get_or_insert_function(builder.module, signature, name)
    k = builder.call(rint, [builder.fmul(x, all_lanes(1.4426950408889634))])
    r = fused(builder, k, all_lanes(-0.693145751953125), x)
    r = fused(builder, k, all_lanes(-1.42860682030941723212e-6), r)
    tail = all_lanes(_EXP_TAIL[0])
    for coefficient in _EXP_TAIL[1:]:
        tail = fused(builder, tail, r, all_lanes(coefficient))
    result = builder.fadd(fused(builder, tail, builder.fmul(r, r), r), all_lanes(1.0))
    whole = ir.VectorType(ir.IntType(32), kind.count)
    k = builder.fptosi(k, whole)
    half = builder.ashr(k, all_lanes(1, whole))
    for power in (half, builder.sub(k, half)):  # in two halves: 2**k may be too small, or large
        bits = builder.shl(builder.add(power, all_lanes(127, whole)), all_lanes(23, whole))
        result = builder.fmul(result, builder.bitcast(bits, kind))
    return result
