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
    shape: Shape | None = None


class Number(NamedTuple):
    """A number that is handed over.

    It is a literal, or ``lr``, ``t``, a multiple of ``N``, or what an earlier call returned.
    """

    kind: str
    value: Any


class Call(NamedTuple):
    """One call of a kernel; `looked_at` is what it returned to Python, if that was always equal."""

    kernel: Kernel
    operands: tuple[Use | Number, ...]
    looked_at: Any = None


class Part(NamedTuple):
    """What a part does: its calls, and what its arrays are.

    Attributes
    ----------
    calls : dict of lists of Call
        By the verb in which they happen: forward, backward, predict, score or update.
    results : dict
        By verb: what it returns, as a Use, a Number or a tuple of them.
    kept : tuple or None
        What forward keeps for backward, as Uses and plain values.
    arrays : dict of Name to (Shape, dtype)
    constants : dict of Name to ndarray
    fewest : int
        The smallest batch that it takes.
    """

    calls: dict[str, list[Call]]
    results: dict[str, Any]
    kept: tuple[Any, ...] | None
    arrays: dict[Name, tuple[Shape, Any]]
    constants: dict[Name, Array]
    fewest: int

    def used(self) -> set[Name]:
        """The arrays that some call is handed."""
        calls = [call for calls in self.calls.values() for call in calls]
        return {o.name for call in calls for o in call.operands if isinstance(o, Use)}
