"""Which way a product is taken: what is packed, how much of it at once, and from which share on.

All ways give the same bits, so a plan decides on speed alone. Each threshold has its reason here;
``benchmarks/kernels.py`` measures them all, and ``benchmarks/README.md`` says what was tried.
"""

from typing import Any, NamedTuple

from tinynet.kernels.gemm.nonzeros import BLOCK, NEARLY_FULL, lies_in_rows, looks_full
from tinynet.kernels.jit.compile import inlined
from tinynet.support.types import Array

ROWS = 96  # of A at a time, by BLOCK of k and of the columns of M: 16 KiB of float32
MORE_ROWS = 3 * ROWS  # where M has many columns: it is read anew for each time
STRIP = 16 * BLOCK  # columns of M at a time, for which a full block of A is packed once
SEVERAL = 2 * BLOCK  # columns of M from which it pays to pack a full block of A
FULL = 0.6  # the share of non-zeros from which summing zeros and all is faster; and where M has
FULL_IF_NARROW = 0.45  # fewer columns than a panel;
FULL_IF_NARROWEST = 0.25  # 16 at most, for which six rows keep six sums under way, not twelve
MANY = 0.2  # of them, from which a block that shares places in the cache is packed all the same
SOME = 16  # rows of A from which it pays to look at a few first, and to pack a block of them
FOUR_PLACES = 1024  # bytes from row to row (or a multiple) that leave four places in the L1 cache
FEW = 8  # rows of A for which packing a panel of M does not pay
NOT_MANY = 32  # rows for which it does not pay where M has two panels, one beside the other
FAR = 2**17  # numbers in M from which the next panel is asked for ahead: more than the L2 cache has
LONG = 128  # columns of M for each of these rows, from which M is read along its rows
SPARE = 4  # lanes of 16 that may be left without work before it pays to turn a product round
WORTH_SHARING = 2_000_000  # multiply-adds from which all cores take a product: some 40 us of one
DEEP = 8  # numbers in a sum for each row of A from which turning the result beats turning M


class Plan(NamedTuple):
    """How a product is cut into blocks.

    Attributes
    ----------
    rows, columns : int
        Of A, and of M, at a time.
    full : float
        The share of non-zeros in a block from which it is summed zeros and all.
    in_place : bool
        Panels of M are read where they lie, not packed.
    along : bool
        M is read along its rows, not by panels.
    """

    rows: int
    columns: int
    full: float
    in_place: bool
    along: bool


@inlined
def make_plan(A: Array, M: Array) -> Any:
    R, J = A.shape[0], M.shape[1]
    near = BLOCK * M.itemsize * (2 if R <= NOT_MANY else 1)  # bytes from row to row
    in_place = lies_in_rows(M) and J % 16 == 0 and (R <= FEW or M.strides[0] <= near)
    along = in_place and R <= min(FEW, J // LONG)
    rows = ROWS if J <= BLOCK else MORE_ROWS
    return Plan(rows, max(J, 1) if along else STRIP, full_from(J), in_place, along)


@inlined
def full_from(J: int) -> float:
    """The share of non-zeros in a block from which it is summed zeros and all."""
    return FULL if J >= BLOCK else FULL_IF_NARROW if J > 16 else FULL_IF_NARROWEST


@inlined
def is_one_full_block(A: Array, M: Array) -> bool:
    """Whether A and M are one block each, and A has few zeros."""
    (R, K), J = A.shape, M.shape[1]
    return max(K, J) <= BLOCK and R <= ROWS and looks_full(A, full_from(J))


@inlined
def is_better_turned(A: Array, M: Array) -> bool:
    """Whether lanes along the rows of a full A make up for turning the result round."""
    (R, K), J = A.shape, M.shape[1]
    if -R % 16 > SPARE or R < SOME:
        return False
    if lies_in_rows(M):
        return J < BLOCK and -J % 16 > SPARE and looks_full(A, FULL_IF_NARROWEST)
    return R <= ROWS and R * DEEP <= K and J > BLOCK and looks_full(A, NEARLY_FULL)


@inlined
def shares_places(A: Array) -> bool:
    """Whether columns of a block, if it is transposed, share a few places in the cache."""
    return not lies_in_rows(A) and A.strides[1] % FOUR_PLACES == 0
