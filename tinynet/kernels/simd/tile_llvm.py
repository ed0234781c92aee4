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
from tinynet.kernels.simd.tile import add_outer, plus_zero, put, tile


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


declare(tile, lambda rows, lanes: _of_rows(rows, lanes))
declare(add_outer, lambda sums, A, M, index: sums)
declare(plus_zero, lambda sums: sums)
declare(put, lambda sums, alpha, before, down, out, index: types.none)


@lower_builtin(tile, types.IntegerLiteral, LanesType)
def _tile(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    return ir.Constant(context.get_value_type(sig.return_type), None)


@lower_builtin(add_outer, TileType, types.Array, types.Array, types.BaseTuple)
def _add_outer(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    (kind, A_type, M_type, index_type), (sums, A, M, index) = sig.args, args
    r, k, j = places(context, builder, index_type, index)
    vector, align = sums.type.element, kind.dtype.bitwidth // 8
    row = builder.load(pointer_at(context, builder, M_type, M, (k, j), vector), align=align)
    start = pointer_at(context, builder, A_type, A, (r, k), vector.element)
    step = _row_step(context, builder, A_type, A)
    for i, number in enumerate(_down(builder, start, step, kind.rows)):
        factor = splat(builder, builder.load(number), vector)
        total = fused(builder, factor, row, builder.extract_value(sums, i))
        sums = builder.insert_value(sums, total, i)
    return sums


@lower_builtin(plus_zero, TileType)
def _plus_zero(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    (sums,) = args
    for i in range(sig.args[0].rows):
        total = builder.extract_value(sums, i)
        total = builder.fadd(total, ir.Constant(total.type, None))
        sums = builder.insert_value(sums, total, i)
    return sums


@lower_builtin(put, TileType, types.Float, types.Array, types.Integer, types.Array, types.BaseTuple)
def _put(context: Context, builder: Builder, sig: Any, args: Sequence[Any]) -> Any:
    (kind, alpha_type, before_type, down_type, out_type, index_type) = sig.args
    sums, alpha, before, down, out, index = args
    r, j = places(context, builder, index_type, index)
    vector, align = sums.type.element, kind.dtype.bitwidth // 8
    factor = splat(builder, context.cast(builder, alpha, alpha_type, kind.dtype), vector)
    down = context.cast(builder, down, down_type, types.intp)
    start = pointer_at(context, builder, before_type, before, (builder.mul(r, down), j), vector)
    step = builder.mul(_row_step(context, builder, before_type, before), down)
    there = _down(builder, start, step, kind.rows)
    start = pointer_at(context, builder, out_type, out, (r, j), vector)
    to = _down(builder, start, _row_step(context, builder, out_type, out), kind.rows)
    whole, mask = masked(context, builder, out_type, out, j, vector)
    rows = [(builder.extract_value(sums, i), there[i], to[i]) for i in range(kind.rows)]
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
