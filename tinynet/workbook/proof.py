"""Is an exercise right? Each claim is tried on many examples, and a failure on the smallest one.

Hypothesis draws the examples. When one fails, it makes the example smaller as long as it still
fails, so that what the learner sees is one row, one column, a few zeros and ones. Then ``words.py``
finds the mistake that gives just these numbers.
"""

import contextlib
import copy
import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, find, settings
from hypothesis import strategies as st
from hypothesis.errors import Flaky, NoSuchExample

from tinynet.support.types import Array
from tinynet.workbook.rung import Claim, Example, Parts

RIGHT, WRONG, UNWRITTEN, STOPPED = "right", "wrong", "not written", "stopped"
SEEN = 24
"""How many examples beside the smallest a mistake is compared on."""


class TimeUp(BaseException):
    """The time of an exercise is over; raised wherever it is just then."""


@dataclass
class Outcome:
    """What the parts made of one example: numbers by name, or an error."""

    values: dict[str, Any] = field(default_factory=dict)
    error: BaseException | None = None
    changed: tuple[str, ...] = ()
    """The arguments that were changed in place."""
    handed_back: tuple[str, ...] = ()
    """The arguments that came back as a result, the same array."""


@dataclass
class Difference:
    """Where an outcome is not what it should be.

    ``place`` names it, such as ``dW[1, 0]``; ``got`` and ``wanted`` are what stands there.
    """

    kind: str
    place: str = ""
    got: Any = None
    wanted: Any = None


@dataclass
class Counterexample:
    """The smallest example found that fails, and others that mistakes are compared on."""

    example: Example
    outcome: Outcome
    difference: Difference
    seen: list[tuple[Example, Outcome, Mapping[str, Any]]]
    """This example and others: each with what came of it, and what should have."""


def observe(claim: Claim, parts: Parts, example: Example) -> Outcome:
    """Run the claim on a copy of an example."""
    arguments = copy.deepcopy(example)
    try:
        with np.errstate(all="ignore"):
            found = dict(claim.run(parts, **arguments))
    except TimeUp:
        raise
    except BaseException as error:
        return Outcome(error=error)
    given, before = dict(_arrays(arguments)), dict(_arrays(example))
    return Outcome(
        values={name: copy.copy(value) for name, value in found.items()},
        changed=tuple(
            n for n, x in given.items() if not np.array_equal(x, before[n], equal_nan=True)
        ),
        handed_back=tuple(
            n for n, x in given.items() if any(value is x for value in found.values())
        ),
    )


def _arrays(value: Any, name: str = "") -> Iterator[tuple[str, Array]]:
    """Every array in an example, however deep, by its name: ``x``, ``gradients[0][1]``."""
    if isinstance(value, np.ndarray):
        yield name, value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _arrays(inner, f"{name}[{key!r}]" if name else str(key))
    elif isinstance(value, list | tuple):
        for position, inner in enumerate(value):
            yield from _arrays(inner, f"{name}[{position}]")


def compare(outcome: Outcome, wanted: Mapping[str, Any], tolerance: float) -> Difference | None:
    """The first thing that is not as it should be, if there is one."""
    if outcome.error is not None:
        return Difference("error", got=outcome.error)
    if outcome.changed:
        return Difference("changed", outcome.changed[0])
    for name, right in wanted.items():
        found = _compare_value(name, outcome.values.get(name), right, tolerance)
        if found is not None:
            return found
    if outcome.handed_back:
        return Difference("handed back", outcome.handed_back[0])
    return None


def _compare_value(name: str, got: Any, wanted: Any, tolerance: float) -> Difference | None:
    if isinstance(wanted, bool | str) or wanted is None:
        same = (got is None) == (wanted is None) and bool(np.all(got == wanted))
        return None if same else Difference("value", name, got, wanted)
    array = as_numbers(got)
    if array is None:
        return Difference("no number", name, got, wanted)
    right = np.asarray(wanted)
    if array.shape != right.shape:
        return Difference("shape", name, array.shape, right.shape)
    allowed = tolerance * max(1.0, float(np.abs(right[np.isfinite(right)]).max(initial=0)))
    with np.errstate(invalid="ignore"):
        far = ~(np.abs(array - right) <= allowed)
    far &= ~((array == right) | (np.isnan(array) & np.isnan(right)))
    if not far.any():
        return None
    place = tuple(int(index) for index in np.argwhere(far)[0])
    where = f"{name}[{', '.join(map(str, place))}]" if place else name
    return Difference("value", where, float(array[place]), float(right[place]))


def as_numbers(value: Any) -> Array | None:
    """A number or an array of numbers as an array; None if it is neither."""
    if (
        isinstance(value, np.ndarray | np.generic | int | float)
        and np.asarray(value).dtype.kind in "fiub"
    ):
        return np.asarray(value, np.float64)
    return None


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Nothing that is printed meanwhile is seen."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield


def counterexample(
    claim: Claim, parts: Parts, truth: Callable[[Example], Mapping[str, Any]]
) -> Counterexample | None:
    """The smallest example that fails, or None if all that were tried are right."""
    failed: list[Example] = []

    def tried(example: Example) -> tuple[Example, Outcome, Mapping[str, Any]]:
        return example, observe(claim, parts, example), truth(example)

    def wrong(example: Example) -> bool:
        _, outcome, wanted = tried(example)
        if compare(outcome, wanted, claim.tolerance) is None:
            return False
        failed.append(example)
        return True

    with silence():
        try:
            example = find(claim.examples, wrong, settings=_settings(claim.tries))
        except NoSuchExample:
            return None
        except Flaky:
            example = failed[0]
        others = [tried(other) for other in _drawn(claim)]
    _, outcome, wanted = smallest = tried(example)  # what it prints now, the learner sees
    difference = compare(outcome, wanted, claim.tolerance)
    if difference is None:
        outcome, difference = Outcome(), Difference("chance")
    return Counterexample(example, outcome, difference, [smallest, *others])


def _drawn(claim: Claim) -> list[Example]:
    """Examples of all kinds; the smallest alone often fits more than one mistake."""
    drawn: list[Example] = []

    def keep(example: Example) -> bool:
        drawn.append(example)
        return False

    with contextlib.suppress(NoSuchExample):
        find(claim.examples, keep, settings=_settings(SEEN))
    return drawn


def _settings(tries: int) -> settings:
    return settings(
        max_examples=tries,
        derandomize=True,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


@functools.cache
def warm_up() -> None:
    """Let hypothesis import what it imports at its first use, once for all children."""
    find(st.integers(0, 9), lambda n: n > 3, settings=_settings(4))


def line_of(error: BaseException, folder: Path) -> str:
    """The last line of a file in `folder` that took part in an error: ``05_dW.py, line 31``."""
    if isinstance(error, SyntaxError) and error.filename and error.lineno:
        return f"{Path(error.filename).name}, line {error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).parent == folder:
            return f"{Path(frame.filename).name}, line {frame.lineno}"
    return ""


def numpy_as_it_is() -> dict[str, dict[str, int]]:
    """Which objects NumPy and Python consist of, to see whether an exercise replaces one."""
    modules = ("numpy", "numpy.linalg", "numpy.random", "math", "builtins")
    return {
        name: {key: id(value) for key, value in vars(sys.modules[name]).items()}
        for name in modules
        if name in sys.modules
    }


def replaced(before: dict[str, dict[str, int]]) -> Iterator[str]:
    """The names that are no longer what they were: ``numpy.exp``."""
    now = numpy_as_it_is()
    for module, names in before.items():
        for name, identity in names.items():
            if now[module].get(name) != identity and not name.startswith("_"):
                yield f"{module}.{name}"
