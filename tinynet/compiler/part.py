"""What a recording is made of: the calls of a part, and what its arrays and numbers are to it."""

from typing import Any, NamedTuple

from tinynet.kernels.jit.kernel import Kernel
from tinynet.support.types import Array

Shape = tuple[tuple[int, bool], ...]
"""For each axis its size, and whether that is meant times N."""


class CannotRecord(TypeError):
    """A part does what listening cannot hear; the message says what."""


class Name(NamedTuple):
    """An array of a part, by what it is to it.

    Roles are: input, upstream (dLoss/doutput), parameter, gradient, state (another array that the
    part holds), constant (one that it makes, always the same) and made (one that a kernel fills).
    """

    role: str
    key: str


class Use(NamedTuple):
    """An array that is handed over; `shape` if it is looked at in another one than its own."""

    name: Name
    shape: Any = None


class Number(NamedTuple):
    """A number that is handed over.

    It is a literal, or ``lr``, ``t``, a multiple of ``N``, or what the call of a number returned.
    """

    kind: str
    value: Any


class Call(NamedTuple):
    """A part's call of that number; `looked_at` is what it returned, if that was always equal."""

    kernel: Kernel
    operands: tuple[Any, ...]
    number: int
    looked_at: Any


class Part(NamedTuple):
    """What a part does: its calls, and what its arrays are.

    What it does is by the verb in which it happens: forward, backward, predict, score or update.
    """

    calls: dict[str, list[Call]]
    results: dict[str, Any]  # a Use or a Number
    kept: tuple[Any, ...] | None  # what forward keeps for backward, as Uses and Numbers
    arrays: dict[Name, tuple[Shape, Any]]  # shape and dtype
    constants: dict[Name, Array]
    fewest: int  # the smallest batch that it takes,
    predicts: int  # and in evaluation
    asks: bool = False  # whether it asks for the mode: it is recorded as it is in the one it has

    def operands(self) -> list[Any]:
        """What all calls are handed, tuples and what is in them."""
        handed = [o for calls in self.calls.values() for call in calls for o in call.operands]
        return [*handed, *(each for o in handed if type(o) is tuple for each in o)]

    def asks_for(self, call: Call) -> bool:
        """Whether what `call` returned is handed on, or is a result."""
        return Number("result", call.number) in [*self.operands(), *self.results.values()]
