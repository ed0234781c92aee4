"""Which way a product is taken: what is packed, how much of it at once, and from which share on.

All ways give the same bits, so a plan decides on speed alone. Each threshold has its reason here;
``benchmarks/kernels.py`` measures them all, and ``benchmarks/README.md`` says what was tried.
"""

from typing import Any, NamedTuple

from tinynet.kernels.gemm.masks import BLOCK, lies_in_rows, looks_full
from tinynet.kernels.jit.compile import inlined
from tinynet.support.types import Array

ROWS = 96  # of A at a time, by BLOCK of k and of the columns of M: 16 KiB of float32
MORE_ROWS = 3 * ROWS  # where M has many columns: it is read anew for each time
STRIP = 16 * BLOCK  # columns of M at a time, so that the sums stay in the L2 cache
FULL = 0.6  # the share of non-zeros from which summing zeros and all is faster; and where M has
FULL_IF_NARROW = 0.45  # fewer columns than a panel;
FULL_IF_NARROWEST = 0.25  # 16 at most, for which six rows keep six sums under way, not twelve
MANY = 0.2  # the share from which it pays to pack a block whose columns share places in the cache
SOME = 16  # rows of A from which it pays to look at a few of them first, and to pack a block
FOUR_PLACES = 1024  # bytes from row to row (or a multiple) that leave four places in the L1 cache
FEW = 8  # rows of A, or of M, for which packing a panel of M does not pay
LONG = 128  # columns of M for each of a few rows, from which M is read along its rows
SPARE = 4  # lanes of 16 that may be left without work before it pays to turn a product round
WORTH_SHARING = 2_000_000  # multiply-adds from which all cores take a product: some 40 us of one


class Plan(NamedTuple):
    """How a product is cut into blocks."""

    rows: int  # of A at a time
    across: int  # columns of M in a panel
    in_place: bool  # panels of M are read where they lie, not packed,
    along: bool  # and along their rows
    far: bool  # columns of A share a few places in the cache: blocks of them are packed
    full: float  # the share of non-zeros from which a block is summed zeros and all


@inlined
def make_plan(A: Array, M: Array) -> Any:
    (R, K), J = A.shape, M.shape[1]
    near = M.strides[0] <= 2 * BLOCK * M.itemsize  # bytes from row to row
    in_place = lies_in_rows(M) and J % 16 == 0 and (min(R, K) <= FEW or near)
    along = in_place and R <= min(FEW, J // LONG)
    across = STRIP if along else BLOCK
    far = A.strides[1] % FOUR_PLACES == 0 and R >= SOME and J >= BLOCK
    full = FULL if J >= BLOCK else FULL_IF_NARROW if J > 16 else FULL_IF_NARROWEST
    return Plan(ROWS if J <= BLOCK else MORE_ROWS, across, in_place, along, far, full)


@inlined
def is_better_turned(A: Array, M: Array) -> bool:
    """Whether lanes along the rows of a full A make up for turning the result round."""
    R, J = A.shape[0], M.shape[1]
    fits = lies_in_rows(M) and R >= SOME and -R % 16 <= SPARE < -J % 16
    return fits and J < BLOCK and looks_full(A, FULL_IF_NARROWEST)
