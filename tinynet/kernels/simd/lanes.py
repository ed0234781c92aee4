"""A small vector type: several neighbouring numbers that one processor instruction handles.

In plain Python, with the JIT off, lanes are a short NumPy array, and every function below is its
own short definition. In compiled code the same calls become vector instructions (written out in
``lanes_llvm.py``): a row of 64 float32 lanes lives in eight AVX2 registers, or four of AVX-512,
which is what makes the matmul loops fast. Nothing is reordered: a number is rounded as often, and
in the same place.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinynet.support.types import Array

Index = Sequence[Any]


def room(rows: int, columns: int, dtype: DTypeLike) -> Array:
    """An array for lanes, of any content; compiled, it starts where a cache line does.

    Lanes that lie across two lines are read in two pieces.
    """
    return np.empty((rows, columns), dtype)


def view(a: Array, start: int, shape: Sequence[int]) -> Array:
    """The numbers of a contiguous `a` from number `start` on, as an array of another shape.

    Nothing is checked, so that it compiles in a third of the time of ``reshape`` and slices.
    """
    size = int(np.prod(shape))
    return a.reshape(-1)[start : start + size].reshape(shape)


def load(a: Array, index: Index, width: int) -> Array:
    """`width` neighbours of `a`, from `index` on along the last axis."""
    *row, j = index
    return a[(*row, slice(j, j + width))].copy()


def load_masked(a: Array, index: Index, width: int) -> Array:
    """The same, with zeros for those beyond the last column of `a`."""
    i, j = index
    lanes = np.zeros(width, a.dtype)
    lanes[: a.shape[1] - j] = a[i, j : j + width]
    return lanes


def store(lanes: Array, a: Array, index: Index) -> None:
    """Write `lanes` over the neighbours of `a` from `index` on."""
    *row, j = index
    a[(*row, slice(j, j + len(lanes)))] = lanes


def fetch(a: Array, index: Index) -> None:
    """Ask the memory for ``a[index]`` and its neighbours, which are wanted soon."""


def zeros(a: Array, width: int) -> Array:
    """`width` zeros of the dtype of `a`."""
    return np.zeros(width, a.dtype)


def widest(a: Array, rows: int) -> Array:
    """Zeros of the dtype of `a`: so many that as many rows of them stay in the registers."""
    return np.zeros(64 // a.itemsize * max(1, 4 // rows), a.dtype)


def line(a: Array) -> Array:
    """Zeros of the dtype of `a`: as many as a cache line has, 16 of float32 and 8 of float64."""
    return np.zeros(64 // a.itemsize, a.dtype)


def register(a: Array) -> Array:
    """Zeros of the dtype of `a`: as many as one register has, a line or a part of one."""
    return line(a)


def square(a: Array) -> Array:
    """Zeros of the dtype of `a`: as many rows as these are turned round in registers, 8 or 16."""
    return np.zeros(8, a.dtype)


def nonzero_bits(lanes: Array) -> np.uint64:
    """Up to 64 lanes as bits: bit k is set where lane k differs from zero (NaN does)."""
    return np.uint64(int.from_bytes(np.packbits(lanes != 0, bitorder="little").tobytes(), "little"))


def mark_nonzero(lanes: Array, place: int, marks: Array) -> Array:
    """`marks`, uint32 lanes, with bit `place` set in each whose lane differs from zero."""
    return marks | ((lanes != 0).astype(np.uint32) << np.uint32(place))


def joined(low: Array, high: Array) -> Array:
    """Lanes of uint64, each from two of uint32."""
    return low.astype(np.uint64) | high.astype(np.uint64) << np.uint64(32)


def lowest_bit(bits: np.uint64) -> int:
    """The place of the lowest bit that is set, 0 to 63; `bits` must not be 0."""
    return (int(bits) & -int(bits)).bit_length() - 1


def count_bits(bits: np.uint64) -> int:
    """How many bits are set."""
    return int(bits).bit_count()


def all_finite(lanes: Array) -> bool:
    """Whether no lane is NaN or infinite."""
    return bool(np.isfinite(lanes).all())


def add_up(lanes: Array) -> Any:
    """The sum of the lanes: one half of them is added to the other, until one is left."""
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = lanes[:half] + lanes[half:]
    return lanes[0]


def turn(a: Array, index: Index, turned: Array) -> None:
    """Write the 8 x 8 block of `a` at `index` to `turned`, rows as columns."""
    i, j = index
    turned[j : j + 8, i : i + 8] = a[i : i + 8, j : j + 8].T


def add_rows(sums: Array, a: Array, index: Index, x: Array, place: Index) -> Array:
    """To each sum its row of the square block of `a` at `index`, times as many numbers of `x`."""
    (i, j), (n, k), size = index, place, len(sums)
    for c in range(size):
        sums = fma(x[n, k + c], a[i : i + size, j + c], sums)
    return sums


def exp(lanes: Array) -> Array:
    """e to the power of each lane, at most one unit in the last place off."""
    return np.exp(lanes)


def fma(x: Any, y: Any, z: Any) -> Any:
    """``x * y + z``, rounded once where the processor can, of numbers or lanes; x may be either."""
    return x * y + z
