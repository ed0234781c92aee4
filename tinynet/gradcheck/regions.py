"""Is a gradient wrong for some values of its argument only: below 0, above 6, between -3 and 3?

So it is where forward has two formulas and backward one. It is tried out: a wrong coordinate is
moved to where others are right, and back; halving the distance finds where it turns wrong.
"""

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import NamedTuple

import numpy as np

from tinynet.gradcheck.copies import Point
from tinynet.gradcheck.differences import Differences, unit
from tinynet.gradcheck.report import GradientError, Probe

Place = tuple[int, ...]

RUNS = 3
"""So many stretches of right and wrong values, at most, make a pattern."""

FINE = 1e-4

FADED = 1e-3
"""An error that is this small still one unit further in has no edge: it fades, as a tail of exp."""


class _Judged(NamedTuple):
    value: float
    verdict: str
    place: Place
    probe: Probe


def where_wrong(
    differences: Differences,
    name: str,
    places: Sequence[Place],
    probes: Sequence[Probe],
    near: Point | None,
) -> str | None:
    """For which values of `name` its gradient is wrong; None if that is not what decides.

    Parameters
    ----------
    differences : Differences
    name : str
    places, probes
        The coordinates that were looked at, and what was found.
    near : dict or None
        Another point, at which every gradient is right.
    """
    x = differences.point[name]
    judged = [
        _Judged(float(x[place]), probe.verdict, place, probe)
        for place, probe in zip(places, probes, strict=True)
        if probe.verdict != "undecided"
    ]
    if near is not None and all(one.verdict == "wrong" for one in judged):
        judged += [j._replace(value=float(near[name][j.place]), verdict="ok") for j in judged]
    runs = _runs(judged)
    if not 1 < len(runs) <= RUNS or not _value_decides(differences, name, runs):
        return None
    worst = max((j for j in judged if j.verdict == "wrong"), key=lambda j: j.probe.error)
    judged += _scanned(differences, name, worst)
    runs = _runs(judged)
    ranges = []
    for k, run in enumerate(runs):
        if run[0].verdict == "wrong":
            errors = [one.probe.error for one in run if one.place == worst.place]
            here = worst.place, max(errors, default=worst.probe.error)
            before = runs[k - 1][-1].value if k else None
            after = runs[k + 1][0].value if k + 1 < len(runs) else None
            low = _edge(differences, name, before, run[0].value, here)
            high = _edge(differences, name, after, run[-1].value, here)
            ranges.append(_range(low, high) + _factors(differences, name, run))
    return (
        f"wrong only where {name} is {' and '.join(ranges)}, right elsewhere; backward needs the "
        "formula that forward has there"
    )


def _runs(judged: list[_Judged]) -> list[list[_Judged]]:
    """The stretches of values that are all right or all wrong."""
    in_order = sorted(judged, key=lambda one: one.value)
    return [list(run) for _, run in groupby(in_order, key=lambda one: one.verdict)]


def _value_decides(differences: Differences, name: str, runs: list[list[_Judged]]) -> bool:
    """Whether a wrong coordinate is right with the value of a right one, and the other way."""
    for left, right in pairwise(runs):
        good, bad = (left[-1], right[0]) if left[0].verdict == "ok" else (right[0], left[-1])
        if _probed(differences, name, bad.place, good.value).verdict != "ok":
            return False
        turned = _probed(differences, name, good.place, bad.value).verdict
        if good.place != bad.place and turned != "wrong":
            return False
    return True


def _scanned(differences: Differences, name: str, one: _Judged) -> list[_Judged]:
    """The same coordinate at values of all sizes, so that no range is missed."""
    sizes = np.geomspace(0.3, 50, 12)
    probed = [(v, _probed(differences, name, one.place, v)) for v in (*-sizes, *sizes)]
    return [
        _Judged(float(value), probe.verdict, one.place, probe)
        for value, probe in probed
        if probe.verdict != "undecided"
    ]


def _edge(
    differences: Differences,
    name: str,
    good: float | None,
    bad: float,
    here: tuple[Place, float],
) -> str:
    """Where between two values the gradient turns wrong; "" if nowhere, or if the error fades."""
    place, error = here
    if good is None:
        return ""
    while abs(bad - good) > FINE * max(1.0, abs(good)):
        middle = (good + bad) / 2
        verdict = _probed(differences, name, place, middle).verdict
        if verdict == "undecided":
            break
        good, bad = (middle, bad) if verdict == "ok" else (good, middle)
    further = _probed(differences, name, place, bad + float(np.sign(bad - good)))
    if further.verdict == "ok" or further.error < FADED * error:
        return ""
    return _shortest(*sorted((good, bad)))


def _probed(differences: Differences, name: str, place: Place, value: float) -> Probe:
    """What is found at one coordinate with another value; undecided where that is not allowed."""
    moved = differences.point[name].copy()
    moved[place] = value
    here = unit(moved.shape, place)
    try:
        point = differences.point | {name: moved}
        there = Differences(differences.copy, point, differences.dy, differences.sizes)
    except GradientError:
        return Probe(here, np.nan, np.nan, np.nan, "undecided", differences.y)
    probe = there.probe(name, here)
    return probe if np.isfinite(there.y).all() else probe._replace(verdict="undecided")


def _shortest(low: float, high: float) -> str:
    """The number of fewest digits from `low` to `high`, nearly."""
    for digits in range(6):
        rounded = round((low + high) / 2, digits)
        if low - FINE <= rounded <= high + FINE:
            break
    return f"{rounded + 0.0:g}"


def _range(low: str, high: str) -> str:
    if not low and not high:
        return "of any size but very large"
    if low and high:
        return f"between {low} and {high}"
    if "0" in (low, high):
        return "positive" if low else "negative"
    return f"above {low}" if low else f"below {high}"


def _factors(differences: Differences, name: str, run: list[_Judged]) -> str:
    """What dy is multiplied by, and what it should be, where that is the same for all."""
    dy = differences.dy
    if dy.shape != differences.point[name].shape:
        return ""
    got = np.array([one.probe.analytic / dy[one.place] for one in run])
    right = np.array([one.probe.numeric / dy[one.place] for one in run])
    for factors in (got, right):
        if not np.isfinite(factors).all() or np.ptp(factors) > 1e-6 * max(1, abs(factors[0])):
            return ""
    return f" ({_plain(got[0])} * dy there, {_plain(right[0])} * dy is right)"


def _plain(factor: float) -> str:
    return f"{round(factor, 8) + 0.0:.6g}"
