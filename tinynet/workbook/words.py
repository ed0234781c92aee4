"""What went wrong, in words: the mistake that gives just these numbers, or else the place."""

import numpy as np

import tinynet.gradcheck as gradcheck
from tinynet.support.types import Array
from tinynet.workbook.proof import (
    Counterexample,
    Difference,
    Outcome,
    as_numbers,
    compare,
    observe,
    silence,
)
from tinynet.workbook.rung import Claim, Parts, Rung, with_parts

MANY = 200
"""The characters of an example's argument that are shown."""


@silence()
def name_of(
    rung: Rung, claim: Claim, parts: Parts, right: Parts, found: Counterexample
) -> tuple[str, int, bool]:
    """What is wrong, which statement of the lecture to read again, and if the mistake is known.

    Parameters
    ----------
    rung, claim
    parts, right : namespace
        The learner's parts, and the solutions.
    found : Counterexample
    """
    if claim.words is not None:
        kind = _of_kind(found.difference) if found.outcome.error is not None else ""
        return kind or claim.words(found.outcome.values), claim.read, True
    for mistake in rung.mistakes:
        for base in (right, parts):
            if _fits(claim, with_parts(base, mistake.parts), found) and _shows(
                claim, with_parts(right, mistake.parts), found
            ):
                return mistake.says, mistake.read, True
    for words in (
        _of_kind(found.difference),
        _of_checker(rung, claim, parts, found.difference),
        _of_factor(found),
    ):
        if words:
            return words, claim.read, True
    place = found.difference.place.split("[")[0]
    return f"no simple mistake fits; look at the line that makes {place}", claim.read, False


def _fits(claim: Claim, wrong: Parts, found: Counterexample) -> bool:
    """Whether the mistake gives the learner's numbers for each example that was seen."""
    return all(
        _same(observe(claim, wrong, e), outcome, claim.alike) for e, outcome, _ in found.seen
    )


def _shows(claim: Claim, wrong: Parts, found: Counterexample) -> bool:
    """Whether the mistake alone fails the claim; one in a part that the claim does not use cannot.

    With the learner's other parts, it would fail as these do.
    """
    return any(
        compare(observe(claim, wrong, example), wanted, claim.tolerance)
        for example, _, wanted in found.seen
    )


def _same(one: Outcome, other: Outcome, alike: float) -> bool:
    if one.error is not None or other.error is not None:
        return type(one.error) is type(other.error)
    if one.changed != other.changed or one.handed_back != other.handed_back:
        return False
    return one.values.keys() == other.values.keys() and all(
        _same_value(value, other.values[name], alike) for name, value in one.values.items()
    )


def _same_value(one: object, other: object, alike: float) -> bool:
    a, b = as_numbers(one), as_numbers(other)
    if a is None or b is None:
        return type(one) is type(other) and (a is None) == (b is None) and _equal(one, other)
    if a.shape != b.shape:
        return False
    scale = max(1.0, float(np.abs(a[np.isfinite(a)]).max(initial=0)))
    with np.errstate(invalid="ignore"):
        close = np.abs(a - b) <= alike * scale
    return bool((close | (a == b) | (np.isnan(a) & np.isnan(b))).all())


def _equal(one: object, other: object) -> bool:
    """Whether two results that are no numbers are equal; those that hold arrays do not say."""
    try:
        return bool(np.all(one == other))
    except ValueError:
        return False


def _of_kind(difference: Difference) -> str:
    kind, place, got, wanted = (
        difference.kind,
        difference.place,
        difference.got,
        difference.wanted,
    )
    if kind == "error":
        if isinstance(got, SystemExit):
            return "it ends the program; take exit() or sys.exit() out"
        return f"it raises {type(got).__name__}: {got}"
    if kind == "changed":
        return f"it changes {place} in place; compute into a new array, for others still need it"
    if kind == "handed back":
        return f"it returns the array {place} itself; return a new one, or both change together"
    if kind == "chance":
        return "it gives another result each time; draw random numbers only from the given rng"
    if got is None and wanted is not None:
        return f"{place} is None; is `return` missing, or an attribute never set?"
    if kind == "no number":
        return f"{place} is of type {type(got).__name__}, expected numbers (an array, or a float)"
    if kind == "shape":
        return f"{place} has the shape {got}, expected {wanted}"
    if isinstance(got, float) and not np.isfinite(got) and np.isfinite(wanted):
        return f"{place} is {got}: a division by 0, a log of 0, or an overflow"
    return ""


def _of_checker(rung: Rung, claim: Claim, parts: Parts, difference: Difference) -> str:
    """What the gradient checker says of the learner's backward, if the claim is about gradients."""
    if rung.module is None or claim.truth is None or difference.kind != "value":
        return ""
    try:
        gradcheck.check_gradients(*rung.module(parts))
    except gradcheck.GradientError as error:
        words = str(error)
        return "" if "no simple mistake fits" in words else f"the gradient checker says: {words}"
    except Exception:  # whatever the learner's lines raise: then the place alone is told
        return ""
    return ""


def _of_factor(found: Counterexample) -> str:
    """Whether all numbers are off by one factor, in each example that was seen."""
    if found.difference.kind != "value":
        return ""
    name = found.difference.place.split("[")[0]
    pairs: list[tuple[Array, Array]] = []
    for _, outcome, wanted in found.seen:
        a, b = as_numbers(outcome.values.get(name)), as_numbers(wanted.get(name))
        if a is None or b is None or a.shape != b.shape:
            return ""
        pairs.append((a, b))
    got, right = (np.concatenate([pair[k].ravel() for pair in pairs]) for k in (0, 1))
    square = float((got**2).sum())
    if not np.isfinite(got).all() or not np.isfinite(right).all() or not square:
        return ""
    factor = float((got * right).sum()) / square
    if not np.allclose(factor * got, right, rtol=1e-6, atol=1e-9):
        return ""
    if np.isclose(factor, -1):
        return f"the sign of {name} is wrong"
    return f"{name} is off by a constant factor: all of it must be multiplied by {factor:.6g}"


def example_text(found: Counterexample) -> str:
    """The smallest failing example, one argument a line."""
    texts = {name: _text(value) for name, value in found.example.items()}
    return "\n".join(
        f"{name} = {text if len(text) <= MANY else f'{text[:MANY]} ...'}"
        for name, text in texts.items()
    )


def _text(value: object) -> str:
    if isinstance(value, np.ndarray):
        text = np.array2string(value, separator=", ", precision=6, threshold=40)
        text = " ".join(text.split()).replace("[ ", "[")
        return text if value.size and value.ndim == 1 else f"{text} of shape {value.shape}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_text, value))}]"
    return repr(value)
