"""What the register tile of ``tile.py`` means to Numba's compiler: a vector for each row."""

from collections.abc import Sequence
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import lower_builtin, models, register_model

from tinynet.kernels.simd.lanes_llvm import (
    Builder,
    Context,
    LanesType,
    declare,
    fused,
    masked,
    places,
    pointer_at,
    splat,
)
from tinynet.kernels.simd.tile import (
    add_outer,
    add_outer_at,
    add_products,
    add_to,
    plus_zero,
    put,
    put_tile,
    tile,
    tile_at,
)


class TileType(types.Type):
    """The compile-time type of `rows` rows of `width` lanes of `dtype`."""

    def __init__(self, dtype: types.Type, rows: int, width: int) -> None:
        self.dtype, self.rows, self.width = dtype, rows, width
        super().__init__(name=f"Tile({dtype}, {rows}, {width})")


@register_model(TileType)
class _TileModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: TileType) -> None:
        row = ir.VectorType(manager.lookup(kind.dtype).get_value_type(), kind.width)
        super().__init__(manager, kind, ir.ArrayType(row, kind.rows))


def _of_rows(rows: types.Type, lanes: LanesType) -> TileType | None:
    if isinstance(rows, types.IntegerLiteral):
        return TileType(lanes.dtype, rows.literal_value, lanes.width)
    return None  # Numba asks again with the rows as a literal


def _if_known(number: types.Type, kind: types.Type) -> types.Type | None:
    return kind if isinstance(number, types.IntegerLiteral) else None


declare(tile, lambda rows, lanes: _of_rows(rows, lanes))
declare(add_outer, lambda sums, A, M, index: sums)
declare(add_outer_at, lambda sums, A, index, x, place: sums)
declare(add_products, lambda sums, a, of_a, x, of_x, across: _if_known(across, sums))
declare(add_to, lambda sums, x, table, r, start: types.none)
declare(tile_at, lambda a, place, step, rows, lanes: _of_rows(rows, lanes))
declare(put_tile, lambda sums, a, place, step: types.none)
declare(plus_zero, lambda sums: sums)
declare(put, lambda sums, alpha, start, out, index: types.none)


@lower_builtin(tile, types.IntegerLiteral, LanesType)
def _tile(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    return ir.Constant(context.get_value_type(sig.return_type), None)


@lower_builtin(add_outer, TileType, types.Array, types.Array, types.BaseTuple)
def _add_outer(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    (kind, A_type, M_type, index_type), (sums, A, M, index) = sig.args, args
    r, k, j = places(context, builder, index_type, index)
    vector, align = sums.type.element, kind.dtype.bitwidth // 8
    row = builder.load(pointer_at(context, builder, M_type, M, (k, j), vector), align=align)
    return _plus_outer(context, builder, sums, (A_type, A), (r, k), row)


@lower_builtin(add_outer_at, TileType, types.Array, types.BaseTuple, types.Array, types.Integer)
def _add_outer_at(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    (kind, A_type, index_type, x_type, place_type), (sums, A, index, x, place) = sig.args, args
    place = context.cast(builder, place, place_type, types.uintp)
    vector, align = sums.type.element, kind.dtype.bitwidth // 8
    row = builder.load(pointer_at(context, builder, x_type, x, (place,), vector), align=align)
    of_A = places(context, builder, index_type, index)
    return _plus_outer(context, builder, sums, (A_type, A), of_A, row)


def _plus_outer(
    context: Context,
    builder: Builder,
    sums: Any,
    A: tuple[Any, Any],
    place: Sequence[Any],
    row: Any,
) -> Any:
    """The sums, plus a column of A from (r, k) down times a row; A by its type and value."""
    start = pointer_at(context, builder, *A, place, sums.type.element.element)
    numbers = _down(builder, start, _row_step(context, builder, *A), sums.type.count)
    for i, number in enumerate(numbers):
        factor = splat(builder, builder.load(number), sums.type.element)
        total = fused(builder, factor, row, builder.extract_value(sums, i))
        sums = builder.insert_value(sums, total, i)
    return sums


@lower_builtin(
    add_products,
    TileType,
    types.Array,
    types.BaseTuple,
    types.Array,
    types.BaseTuple,
    types.IntegerLiteral,
)
def _add_products(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    (kind, a_type, of_a_type, x_type, of_x_type, count), (sums, a, of_a, x, of_x, _) = (
        sig.args,
        args,
    )
    across = count.literal_value
    vector, align = sums.type.element, kind.dtype.bitwidth // 8
    down = []
    for at in _lines(context, builder, of_a_type, of_a, kind.rows // across):
        down.append(
            builder.load(pointer_at(context, builder, a_type, a, (at,), vector), align=align)
        )
    table, r, start = cgutils.unpack_tuple(builder, of_x)
    table_type, r_type, start_type = of_x_type
    right = []
    for at in _listed(
        context, builder, (table_type, r_type, start_type), (table, r, start), across
    ):
        right.append(
            builder.load(pointer_at(context, builder, x_type, x, (at,), vector), align=align)
        )
    for i in range(kind.rows):
        total = fused(builder, down[i // across], right[i % across], builder.extract_value(sums, i))
        sums = builder.insert_value(sums, total, i)
    return sums


def _lines(context: Context, builder: Builder, kind: Any, value: Any, rows: int) -> list[Any]:
    """The places of so many rows: of the first, and a step from row to row."""
    place, step = places(context, builder, kind, value)
    found = [place]
    for _ in range(rows - 1):
        found.append(builder.add(found[-1], step))
    return found


def _listed(
    context: Context, builder: Builder, kinds: Sequence[Any], values: Sequence[Any], rows: int
) -> list[Any]:
    """The places of so many rows: entries of a table from the r-th on, plus a start."""
    (table_type, r_type, start_type), (table, r, start) = kinds, values
    r = context.cast(builder, r, r_type, types.uintp)
    start = context.cast(builder, start, start_type, types.uintp)
    entry = context.get_value_type(table_type.dtype)
    first = pointer_at(context, builder, table_type, table, (r,), entry)
    found = []
    for i in range(rows):
        number = builder.load(builder.gep(first, [ir.Constant(ir.IntType(32), i)]))
        found.append(
            builder.add(context.cast(builder, number, table_type.dtype, types.uintp), start)
        )
    return found


@lower_builtin(add_to, TileType, types.Array, types.Array, types.Integer, types.Integer)
def _add_to(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    (kind, x_type, *kinds), (sums, x, *values) = sig.args, args
    vector, align = sums.type.element, kind.dtype.bitwidth // 8
    for i, at in enumerate(_listed(context, builder, kinds, values, kind.rows)):
        there = pointer_at(context, builder, x_type, x, (at,), vector)
        total = builder.fadd(builder.load(there, align=align), builder.extract_value(sums, i))
        builder.store(total, there, align=align)
    return context.get_dummy_value()


@lower_builtin(tile_at, types.Array, types.Integer, types.Integer, types.IntegerLiteral, LanesType)
def _tile_at(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    kind, vector = sig.return_type, context.get_value_type(sig.args[4])
    sums = ir.Constant(context.get_value_type(kind), ir.Undefined)
    for i, there in enumerate(_tile_rows(context, builder, sig.args, args, kind.rows, vector)):
        row = builder.load(there, align=kind.dtype.bitwidth // 8)
        sums = builder.insert_value(sums, row, i)
    return sums


@lower_builtin(put_tile, TileType, types.Array, types.Integer, types.Integer)
def _put_tile(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    kind, vector = sig.args[0], args[0].type.element
    for i, there in enumerate(
        _tile_rows(context, builder, sig.args[1:], args[1:], kind.rows, vector)
    ):
        builder.store(builder.extract_value(args[0], i), there, align=kind.dtype.bitwidth // 8)
    return context.get_dummy_value()


def _tile_rows(
    context: Context,
    builder: Builder,
    kinds: Sequence[Any],
    values: Sequence[Any],
    rows: int,
    vector: Any,
) -> list[Any]:
    """Pointers to so many rows of a flat array: the first at a place, the others steps apart."""
    (a_type, *two), (a, *numbers) = kinds[:3], values[:3]
    place, step = (context.cast(builder, n, k, types.uintp) for n, k in zip(numbers, two))
    found = []
    for _ in range(rows):
        found.append(pointer_at(context, builder, a_type, a, (place,), vector))
        place = builder.add(place, step)
    return found


@lower_builtin(plus_zero, TileType)
def _plus_zero(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    (sums,) = args
    for i in range(sig.args[0].rows):
        total = builder.extract_value(sums, i)
        total = builder.fadd(total, ir.Constant(total.type, None))
        sums = builder.insert_value(sums, total, i)
    return sums


@lower_builtin(put, TileType, types.Float, types.Array, types.Array, types.BaseTuple)
def _put(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    (kind, alpha_type, start_type, out_type, index_type) = sig.args
    sums, alpha, start, out, index = args
    r, j = places(context, builder, index_type, index)
    vector, align = sums.type.element, kind.dtype.bitwidth // 8
    factor = splat(builder, context.cast(builder, alpha, alpha_type, kind.dtype), vector)
    struct, zero = context.make_array(start_type)(context, builder, start), ir.Constant(r.type, 0)
    one_for_all = builder.icmp_signed("==", builder.extract_value(struct.shape, 0), zero.type(1))
    step = builder.select(one_for_all, zero, builder.extract_value(struct.strides, 0))
    first = builder.select(one_for_all, zero, r)
    place = pointer_at(context, builder, start_type, start, (first, j), vector)
    before = _down(builder, place, step, kind.rows)
    place = pointer_at(context, builder, out_type, out, (r, j), vector)
    to = _down(builder, place, _row_step(context, builder, out_type, out), kind.rows)
    rows = [(builder.extract_value(sums, i), before[i], to[i]) for i in range(kind.rows)]
    whole, mask = masked(context, builder, out_type, out, j, vector)
    with builder.if_else(whole) as (then, otherwise):
        with then:
            for total, old, new in rows:
                result = fused(builder, factor, total, builder.load(old, align=align))
                builder.store(result, new, align=align)
        with otherwise:
            for total, old, new in rows:
                mask.store(fused(builder, factor, total, mask.load(old)), new)
    return context.get_dummy_value()


def _row_step(context: Context, builder: Builder, kind: Any, array: Any) -> Any:
    """Bytes from row to row."""
    return builder.extract_value(context.make_array(kind)(context, builder, array).strides, 0)


def _down(builder: Builder, start: Any, step: Any, rows: int) -> list[Any]:
    """Pointers to so many rows."""
    found = [start]
    for _ in range(rows - 1):
        found.append(cgutils.pointer_add(builder, found[-1], step))
    return found
