"""The derivative by differences, to about twelve digits, and how far it can be trusted.

The central difference (f(h) - f(-h)) / 2h is off by a term in h**2, one in h**4 and so on. Taken at
h, h/2 and h/4 the first two cancel: Richardson's extrapolation. All that needs a smooth function.
Whether it was one shows in the same values: at a kink the levels disagree, or the function bends
more than a smooth one can. Then a smaller h may miss the kink. A wave that is faster than h looks
like a slow one (aliasing), but not at two steps: so no single step makes a gradient wrong.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tinynet.gradcheck.copies import Copy, Point
from tinynet.gradcheck.report import Probe
from tinynet.support.types import Array

STEPS = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
JITTERS = (1e-9, 1.7e-9, 2.9e-9)
"""So near, a smooth function is straight, and what bends is rounding."""
INCOMMENSURATE = ((1 + 5**0.5) / 2, 2**0.5)
"""Irrational ratios of steps: a fast wave that looks slow at one step does not at the other."""
TOLERANCE = 1e-10
UNDERFLOW = 1e-150
"""What is smaller is 0: its square would be."""
CLEARLY = 30.0
"""An error counts as one only from this many times the doubt on: a kink shows at least a tenth."""
GLANCE = 1e-7
"""How far the side beyond a kink is looked at."""


def extrapolated(f: Callable[[float], Array], y: Array, h: float) -> tuple[Array, Array, Array]:
    """The derivative of `f` at 0, where it is `y`, and two arrays that are 0 if it is smooth.

    Each array has the shape of `y`. The first of the two is what the extrapolation changed last,
    the second the part of the curvature that no polynomial of the fifth degree has.
    """
    odd, even = [], []
    for step in (h, h / 2, h / 4):
        above, below = f(step) - y, f(-step) - y
        odd.append((above - below) / (2 * step))
        even.append((above + below) / (2 * step))
    derivative = (64 * odd[2] - 20 * odd[1] + odd[0]) / 45
    return (
        derivative,
        (4 * odd[2] - 5 * odd[1] + odd[0]) / 45,
        (16 * even[2] - 10 * even[1] + even[0]) / 45,
    )


def one_sided(f: Callable[[float], Array], y: Array, h: float) -> tuple[Array, Array]:
    """The derivative of `f` at 0 from the side of `h`, and what the extrapolation changed last."""
    slopes = [(f(h / 2**k) - y) / (h / 2**k) for k in range(5)]
    for power in (2, 4, 8, 16):
        last = slopes[-1]
        slopes = [(power * b - a) / (power - 1) for a, b in pairwise(slopes)]
    return slopes[0], slopes[0] - last


def unit(shape: tuple[int, ...], where: tuple[int, ...] | np.random.Generator) -> Array:
    """A unit direction: that of one coordinate, or a random one."""
    if isinstance(where, np.random.Generator):
        direction = where.standard_normal(shape)
        return direction / np.linalg.norm(direction)
    direction = np.zeros(shape)
    direction[where] = 1
    return direction


class Differences:
    """What differences say of the gradients of `copy` at `point`, for the upstream `dy`.

    Where a function is nearly flat, its values are rounded more than they show: of 1 + tanh(x) so
    little is left. So an error counts as one only beside the usual size of a gradient, too, if
    `sizes` tells it.
    """

    def __init__(
        self, copy: Copy, point: Point, dy: Array, sizes: Mapping[str, float] | None = None
    ) -> None:
        self.copy, self.point, self.dy, self.sizes = copy, point, dy, sizes or {}
        self.gradients = copy.gradients(point, dy)
        self.y = copy.forward(point)
        self._pieces = copy.pieces
        self._of_rows: dict[int, dict[str, Array]] = {}

    def along(self, name: str, direction: Array) -> Callable[[float], Array]:
        """The output as a function of the distance gone from the point."""
        start = self.point[name]
        return lambda distance: self.copy.forward(self.point | {name: start + distance * direction})

    def probe(self, name: str, direction: Array) -> Probe:
        """Compare one derivative: with smaller steps if need be, then row by row."""
        probe = self._judge(name, direction, self.dy, self.gradients[name])
        if probe.verdict != "undecided" or self.dy.ndim == 0 or len(self.dy) < 2:
            return probe
        rows = [self._probe_row(name, direction, row) for row in range(len(self.dy))]
        verdicts = {row.verdict for row in rows}
        sum_of_rows = sum(row.analytic for row in rows)
        size = np.linalg.norm(self.gradients[name])
        if "wrong" in verdicts or abs(sum_of_rows - probe.analytic) > TOLERANCE * size:
            verdict = "wrong"
        else:
            verdict = "undecided" if "undecided" in verdicts else "ok"
        numeric = sum(row.numeric for row in rows)
        error = abs(numeric - probe.analytic) / float(size) if size else 0.0
        return probe._replace(numeric=numeric, relative_error=error, verdict=verdict)

    def exact_rise(self, name: str, direction: Array, step: float) -> Array | None:
        """How far the output rises on one exact step; None if it is not linear, to the last bit."""
        f = self._watched(name, direction, None)
        try:
            above, below = f(step) - self.y, self.y - f(-step)
        except _KinkCrossed:
            return None
        dyadic = all(np.array_equal(a * 2.0**20 % 1, a * 0) for a in (self.y, above, below))
        return above if dyadic and np.array_equal(above, below) else None

    def _probe_row(self, name: str, direction: Array, row: int) -> Probe:
        dy = np.zeros_like(self.dy)
        dy[row] = self.dy[row]
        if row not in self._of_rows:
            self._of_rows[row] = self.copy.gradients(self.point, dy)
        return self._judge(name, direction, dy, self._of_rows[row][name], row)

    def _judge(
        self, name: str, direction: Array, dy: Array, gradient: Array, row: int | None = None
    ) -> Probe:
        analytic = float((gradient * direction)[direction != 0].sum())
        size = float(np.linalg.norm(gradient[np.isfinite(gradient)]))
        size = max(size, self.sizes.get(name, 0.0))
        # what rounding the outputs alone does to a difference over the smallest distance, h / 2
        noise = 8 * np.finfo(np.float64).eps * float(np.linalg.norm(self.y * dy))
        tolerance = max(TOLERANCE * size, noise / STEPS[0], UNDERFLOW)
        f = self._watched(name, direction, row)
        numeric, error, verdict, outputs = np.nan, np.nan, "undecided", self.y
        for estimate in self._estimates(f, dy, tolerance, noise):
            outputs, doubt, unsure, *_ = estimate
            numeric = float((outputs * dy).sum())
            error = abs(numeric - analytic)
            small = max(tolerance, abs(numeric) / 1000)
            close = max(tolerance, min(abs(numeric) / 1000, error / 10))
            if error <= tolerance and doubt <= tolerance:
                verdict = "ok"
            elif (
                doubt <= small
                and not error <= max(tolerance, CLEARLY * (doubt + unsure))
                and self._is_confirmed(estimate, f, dy, max(close, CLEARLY * unsure))
            ):
                verdict = "wrong"
            if verdict != "undecided":
                break
        relative_error = error / (tolerance / TOLERANCE) if error else 0.0
        return Probe(direction, analytic, numeric, relative_error, verdict, outputs)

    def _is_confirmed(
        self, estimate: "_Estimate", f: Callable[[float], Array], dy: Array, close: float
    ) -> bool:
        """Whether other steps give the same derivative: what was a fast wave gives others."""
        for ratio in INCOMMENSURATE:
            outputs, *rests = estimate.method(f, self.y, estimate.h / ratio)
            if not max(_weighted(dy, outputs - estimate.outputs), _weighted(dy, *rests)) <= close:
                return False
        return True

    def _estimates(
        self, f: Callable[[float], Array], dy: Array, tolerance: float, noise: float
    ) -> "Iterator[_Estimate]":
        """The derivative at smaller and smaller steps, and from one side if these do not decide.

        Where a kink is too close for central differences, one side may be free of it. Where both
        sides look smooth and differ, the point itself is a kink, and their difference is the doubt.
        If only one side does, a glance at the nearest of the other must tell whether it is.
        """
        for h in STEPS:
            with suppress(_KinkCrossed):
                outputs, *rests = extrapolated(f, self.y, h)
                yield _Estimate(outputs, _weighted(dy, *rests), noise / h, extrapolated, h)
        with suppress(_KinkCrossed):  # a side's steps are short, so its noise is measured, too
            for step in JITTERS:
                jitter = f(step) + f(-step) - 2 * self.y
                noise = max(noise, float(np.linalg.norm(jitter * dy)))
        sides = []
        for sign in (-1, 1):
            for h in STEPS:
                with suppress(_KinkCrossed):
                    outputs, rest = one_sided(f, self.y, sign * h)
                    if _weighted(dy, rest) <= tolerance:
                        sides.append((outputs, _weighted(dy, rest), sign * h))
                        break
        if len(sides) == 2:
            (outputs, doubt, left), (others, doubt_of_others, right) = sides
            doubt = max(doubt, doubt_of_others) + _weighted(dy, outputs - others)
            noise *= 16 / min(-left, right)
            yield _Estimate(outputs, doubt, noise, one_sided, left)
        elif sides:
            outputs, doubt, h = sides[0]
            beyond, jump = -GLANCE * np.sign(h), np.inf
            with suppress(_KinkCrossed):
                jump = _weighted(dy, (f(beyond) - self.y) / beyond - outputs)
            yield _Estimate(outputs, doubt, jump + noise / GLANCE, one_sided, h)

    def _watched(self, name: str, direction: Array, row: int | None) -> Callable[[float], Array]:
        """`along`, which stops once a ReLU, say, has switched on the way; in `row` alone if so."""
        f = self.along(name, direction)

        def watched(distance: float) -> Array:
            y = f(distance)
            for before, after in zip(self._pieces, self.copy.pieces, strict=True):
                if row is not None and len(before) == len(self.dy):
                    before, after = before[row], after[row]
                if not np.array_equal(before, after):
                    raise _KinkCrossed
            return y

        return watched


def _weighted(dy: Array, *arrays: Array) -> float:
    return sum(abs(float((array * dy).sum())) for array in arrays)


class _Estimate(NamedTuple):
    """The derivative of each output, and how far their sum can be trusted."""

    outputs: Array
    doubt: float
    unsure: float
    """By what it may be off beside the doubt that it shows."""
    method: Callable[..., tuple[Array, ...]]
    h: float
    """How it was taken, and with which step."""


class _KinkCrossed(Exception):
    pass
