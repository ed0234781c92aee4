"""One exercise is graded: its file is run, and its claims are proved one after the other.

This happens in a child process, see ``children.py``; what it finds goes to the parent claim by
claim, so that what was proved before an endless loop is not lost.
"""

import copy
import signal
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from tinynet.workbook import solutions
from tinynet.workbook.ladder import Exercise
from tinynet.workbook.loading import USED, load
from tinynet.workbook.proof import (
    RIGHT,
    STOPPED,
    UNWRITTEN,
    WRONG,
    TimeUp,
    counterexample,
    line_of,
    numpy_as_it_is,
    replaced,
)
from tinynet.workbook.rung import Claim, Example, Parts
from tinynet.workbook.words import example_text, name_of


@dataclass
class Verdict:
    """What is to be said of one claim.

    Attributes
    ----------
    claim : str
    state : str
        ``right``, ``wrong``, ``not written`` or ``stopped``.
    mistake : str
        What is wrong, in words.
    named : bool
        Whether `mistake` is a known one, or just the place.
    place, got, wanted : str
        Where it shows, ``dW[1, 0]``, and both values.
    example : str
        The smallest example that fails.
    line : str
        Where in the learner's files an error was raised: ``05_dW.py, line 31``.
    read : int
        The statement of the lecture to read again; 0: none.
    """

    claim: str
    state: str
    mistake: str = ""
    named: bool = False
    place: str = ""
    got: str = ""
    wanted: str = ""
    example: str = ""
    line: str = ""
    read: int = 0


LOADS = "the file can be run"

Say = Callable[[str, Any], None]
"""Tell the parent: ``say("claim", title)`` before, ``say("verdict", dict)`` after."""


def grade(exercise: Exercise, path: Path, say: Say) -> None:
    """Load the file of an exercise and prove its claims.

    Parameters
    ----------
    exercise : Exercise
    path : Path
        The learner's file.
    say : callable
        Gets every result.
    """
    rung, before = exercise.rung, numpy_as_it_is()
    _alarm(rung.seconds)
    say("claim", LOADS)
    if not path.exists():
        mistake = f"it is gone; --reset {exercise.number:02d} writes it anew"
        say("verdict", asdict(Verdict(LOADS, WRONG, mistake, named=True)))
        return
    try:
        parts: Parts = load(path)
    except BaseException as error:
        say("verdict", asdict(_cannot_run(error, path)))
        return
    missing = [name for name in exercise.parts if not hasattr(parts, name)]
    if missing:
        mistake = f"it defines no {' and no '.join(missing)}; the names must stay as they were"
        say("verdict", asdict(Verdict(LOADS, WRONG, mistake, named=True)))
        return
    states = []
    for claim in rung.claims:
        say("claim", claim.title)
        try:
            verdict = prove(exercise, claim, parts, path.parent)
        except TimeUp as error:
            line = line_of(error, path.parent)
            verdict = Verdict(claim.title, STOPPED, too_long(rung.seconds), True, line=line)
        changed = list(replaced(before))
        if changed:
            mistake = f"it replaces {changed[0]}, which others use; give your own another name"
            verdict = Verdict(claim.title, WRONG, mistake, named=True)
        states.append(verdict.state)
        say("verdict", asdict(verdict))
        if changed or verdict.state == STOPPED:
            return
    say("uses", USED)
    if rung.after is not None and set(states) == {RIGHT}:
        say("after", rung.after(parts))


def too_long(seconds: float) -> str:
    """What is said of an exercise that does not end."""
    return f"still running after {seconds:g} s; is there a loop without an end?"


def truth_of(claim: Claim) -> Callable[[Example], Mapping[str, Any]]:
    """What should come of an example: the claim's own truth, or what the solutions give."""

    def truth(example: Example) -> Mapping[str, Any]:
        arguments = copy.deepcopy(example)
        with np.errstate(all="ignore"):
            return claim.truth(**arguments) if claim.truth else claim.run(solutions, **arguments)

    return truth


def prove(exercise: Exercise, claim: Claim, parts: Parts, folder: Path) -> Verdict:
    """The verdict on one claim."""
    found = counterexample(claim, parts, truth_of(claim))
    if found is None:
        return Verdict(claim.title, RIGHT)
    error, difference = found.outcome.error, found.difference
    if isinstance(error, NotImplementedError):
        return Verdict(claim.title, UNWRITTEN, line=line_of(error, folder))
    mistake, read, named = name_of(exercise.rung, claim, parts, solutions, found)
    shown = difference.kind in ("value", "shape", "no number")
    return Verdict(
        claim.title,
        WRONG,
        mistake,
        named,
        place=difference.place,
        got=_shown(difference.got) if shown else "",
        wanted=_shown(difference.wanted) if shown else "",
        example=example_text(found),
        line=line_of(error, folder) if error is not None else "",
        read=read,
    )


def _cannot_run(error: BaseException, path: Path) -> Verdict:
    title, line = LOADS, line_of(error, path.parent)
    if isinstance(error, TimeUp):
        return Verdict(title, STOPPED, f"still running; {error}", True, line=line)
    if isinstance(error, NotImplementedError):
        return Verdict(title, UNWRITTEN, line=line)
    if isinstance(error, SystemExit):
        return Verdict(title, WRONG, "it ends the program; take exit() out", True, line=line)
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    return Verdict(title, WRONG, f"it raises {type(error).__name__}: {text}", True, line=line)


def _shown(value: object) -> str:
    return f"{value + 0:.6g}" if isinstance(value, float) else str(value)  # 0, not -0


def _alarm(seconds: float) -> None:
    """Raise TimeUp where the exercise stands after so many seconds, where there are signals."""

    def raise_it(number: int, frame: FrameType | None) -> None:
        raise TimeUp("is there a loop without an end?")

    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, raise_it)
        signal.setitimer(signal.ITIMER_REAL, seconds)
