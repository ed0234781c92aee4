"""What one exercise is made of: claims to prove, mistakes that people make, and hints.

A claim is a function that runs the learner's parts on an example and returns numbers by name. The
same function, run with the right parts, says what they should be; run with the parts of a mistake,
it says what that mistake would give. So a mistake is named by what it does, however it is written.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from hypothesis.strategies import SearchStrategy

from tinynet.module import Module

Parts = Any
"""The names that an exercise defines, as attributes: functions and classes."""

Example = dict[str, Any]
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Claim:
    """Something that must be true of an exercise for all examples.

    Parameters
    ----------
    title : str
        What is claimed, in a few words, such as "dW is right for every shape".
    examples : strategy of dict
        The arguments of `run`, by name.
    run : callable
        ``run(parts, **example)``: numbers by name, such as ``{"dW": parts.grad_W(x, dy)}``.
    truth : callable, optional
        ``truth(**example)``: what the numbers should be. Default: `run` with the solutions.
    read : int
        The statement of the exercise's lecture to read again, as numbered there.
    tolerance : float
        How far a number may be off, relative to the largest of its array, or 1.
    tries : int
        How many examples are tried.
    alike : float
        How close a mistake's numbers are to the learner's, relative to the largest, or 1. Wider
        than by default where they are statistics of random numbers: another order of drawing makes
        the same mistake.
    words : callable, optional
        ``words(values)``: what is wrong, of numbers that say it themselves. Then no mistake is
        compared, which would run each of them: for what takes long.
    """

    title: str
    examples: SearchStrategy[Example]
    run: Callable[..., Values]
    read: int
    truth: Callable[..., Values] | None = None
    tolerance: float = 1e-9
    tries: int = 40
    alike: float = 1e-9
    words: Callable[[Values], str] | None = None


@dataclass(frozen=True)
class Mistake:
    """A mistake that people make, and its name.

    Parameters
    ----------
    says : str
        What is wrong, and what to look at: a clause in plain words, without the solution.
    parts : dict of str to callable
        Parts that make this mistake, by the names of the exercise.
    read : int
        The statement of the lecture to read again.
    """

    says: str
    parts: Mapping[str, Any]
    read: int


@dataclass(frozen=True)
class Rung:
    """How one exercise is graded; its lecture, names and skeleton stand in its file.

    Parameters
    ----------
    claims : tuple of Claim
    mistakes : tuple of Mistake
        The more special ones first: the first that fits is named.
    hints : tuple of three str
        From a nudge to the equation.
    library : tuple of str
        The library's own lines for the same, as ``module:name``, such as
        ``tinynet.layers.linear:Linear.backward``. Empty: it has none.
    module : callable, optional
        ``module(parts)``: a Module whose backward is the learner's, and inputs for it, as
        `check_gradients` takes them; asked for words when no mistake fits a claim that has a
        `truth` of its own, which is one about gradients.
    after : callable, optional
        ``after(parts)``: what is measured or made once all claims hold; text for the learner. The
        files that it leaves in the folder ``made/`` reach the workbook.
    seconds : float
        How long a check may take.
    trains : bool
        Whether it trains a network, which takes longer than all others.
    """

    claims: tuple[Claim, ...]
    mistakes: tuple[Mistake, ...]
    hints: tuple[str, str, str]
    library: tuple[str, ...] = ()
    module: Callable[[Parts], tuple[Module, *tuple[Any, ...]]] | None = None
    after: Callable[[Parts], str] | None = None
    seconds: float = 10.0
    trains: bool = False


def with_parts(parts: Parts, other: Mapping[str, Any]) -> Parts:
    """`parts`, with `other` in the place of those of the same name."""
    return SimpleNamespace(**{**vars(parts), **other})
