"""The derivative by differences, to about twelve digits, and how far it can be trusted.

The central difference (f(h) - f(-h)) / 2h is off by a term in h**2, one in h**4 and so on. Taken at
h, h/2 and h/4 the first two cancel: Richardson's extrapolation. All that needs a smooth function.
Whether it was one shows in the same values: at a kink the levels disagree, or the function bends
more than a smooth one can. Then a smaller h may miss the kink.
"""

from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise

import numpy as np

from tinynet._types import Array
from tinynet.gradcheck.copies import Copy, Point
from tinynet.gradcheck.report import Probe

STEPS = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4)
TOLERANCE = 1e-10
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
    """What differences say of the gradients of `copy` at `point`, for the upstream `dy`."""

    def __init__(self, copy: Copy, point: Point, dy: Array) -> None:
        self.copy, self.point, self.dy = copy, point, dy
        self.gradients = copy.gradients(point, dy)
        self.y = copy.forward(point)
        self._masks = copy.relu_masks
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
        # what rounding the outputs alone does to a difference over the smallest distance, h / 2
        noise = 8 * np.finfo(np.float64).eps * float(np.linalg.norm(self.y * dy))
        tolerance = max(TOLERANCE * size, noise / STEPS[0])
        estimates = self._estimates(self._watched(name, direction, row), dy, tolerance, noise)
        numeric, error, verdict, outputs = np.nan, np.nan, "undecided", self.y
        for outputs, doubt, clearly in estimates:
            numeric = float((outputs * dy).sum())
            error = abs(numeric - analytic)
            if error <= tolerance and doubt <= tolerance:
                verdict = "ok"
            elif doubt <= max(tolerance, abs(numeric) / 1000) and not error <= max(
                tolerance, clearly
            ):
                verdict = "wrong"
            if verdict != "undecided":
                break
        relative_error = error / (tolerance / TOLERANCE) if error else 0.0
        return Probe(direction, analytic, numeric, relative_error, verdict, outputs)

    def _estimates(
        self, f: Callable[[float], Array], dy: Array, tolerance: float, noise: float
    ) -> Iterator[tuple[Array, float, float]]:
        """The derivative of each output, the doubt about their sum, and what error counts as one.

        Where a kink is too close for central differences, one side may be free of it. Where both
        sides look smooth and differ, the point itself is a kink, and their difference is the doubt.
        If only one side does, a glance at the nearest of the other must tell whether it is.
        """

        def weighted(*arrays: Array) -> float:
            return sum(abs(float((array * dy).sum())) for array in arrays)

        def clearly(doubt: float, nearest: float) -> float:
            return CLEARLY * (doubt + noise / nearest)

        for h in STEPS:
            with suppress(_KinkCrossed):
                outputs, *rests = extrapolated(f, self.y, h)
                yield outputs, weighted(*rests), clearly(weighted(*rests), h)
        sides = []
        for sign in (-1, 1):
            for h in STEPS:
                with suppress(_KinkCrossed):
                    outputs, rest = one_sided(f, self.y, sign * h)
                    if weighted(rest) <= tolerance:
                        sides.append((outputs, weighted(rest), sign * h))
                        break
        if len(sides) == 2:
            (outputs, doubt, left), (others, doubt_of_others, right) = sides
            doubt = max(doubt, doubt_of_others) + weighted(outputs - others)
            yield outputs, doubt, clearly(doubt, min(-left, right) / 16)
        elif sides:
            outputs, doubt, h = sides[0]
            beyond, jump = -GLANCE * np.sign(h), np.inf
            with suppress(_KinkCrossed):
                jump = weighted((f(beyond) - self.y) / beyond - outputs)
            yield outputs, doubt, clearly(doubt + jump, GLANCE)

    def _watched(self, name: str, direction: Array, row: int | None) -> Callable[[float], Array]:
        """`along`, which stops once a ReLU has switched on the way; in `row` alone if given."""
        f = self.along(name, direction)

        def watched(distance: float) -> Array:
            y = f(distance)
            for before, after in zip(self._masks, self.copy.relu_masks, strict=True):
                if row is not None and len(before) == len(self.dy):
                    before, after = before[row], after[row]
                if not np.array_equal(before, after):
                    raise _KinkCrossed
            return y

        return watched


class _KinkCrossed(Exception):
    pass
