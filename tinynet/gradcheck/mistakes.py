"""Words for a wrong gradient: which simple mistake would give just these numbers?

Every candidate is tried on the coordinates that were probed: the wrong gradient times a factor,
transposed, from another upstream, from one row alone. One fits if it explains nearly all of the
error.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tinynet.gradcheck.copies import Point
from tinynet.gradcheck.differences import Differences, unit
from tinynet.gradcheck.factors import best_factor, factor_words
from tinynet.gradcheck.regions import where_wrong
from tinynet.gradcheck.report import GradientError, Probe
from tinynet.support.types import Array

EXPLAINED = 1e-3
"""A candidate fits if it leaves at most this share of the error."""

SAMPLE = 60
"""How many coordinates of a large array are probed to find the words."""


def explain(
    differences: Differences,
    name: str,
    probes: Sequence[Probe],
    rng: np.random.Generator,
    where: str = "",
    near: Point | None = None,
) -> GradientError:
    """The error to raise for argument `name`, of which a probe in `probes` is wrong.

    `near` is another point, at which every gradient is right.
    """
    worst = max(probes, key=_badness)
    shape = differences.gradients[name].shape
    place = _locate(differences, name, worst.direction)
    places = list(np.ndindex(shape))
    if len(places) > SAMPLE:
        chosen = {place} | {places[k] for k in rng.choice(len(places), SAMPLE, replace=False)}
        places = sorted(chosen)
    known = {_place(p.direction): p for p in probes if np.count_nonzero(p.direction) == 1}
    columns = [known.get(k) or differences.probe(name, unit(shape, k)) for k in places]
    here = columns[places.index(place)]
    words = _Suspects(differences, name, places, columns, rng, near).words()
    return GradientError(
        f"{differences.copy.name}{where}: {name}{list(place)} gets the gradient "
        f"{here.analytic:.9g}, but differences give {here.numeric:.9g}: {words}",
        *(name, place, here.analytic, here.numeric),
    )


def _badness(probe: Probe) -> tuple[bool, float]:
    """What is wrong for certain comes before what may be a kink."""
    return probe.verdict == "wrong", probe.error if np.isfinite(probe.error) else np.inf


def _place(direction: Array) -> tuple[int, ...]:
    return tuple(int(k) for k in np.unravel_index(np.abs(direction).argmax(), direction.shape))


def _locate(differences: Differences, name: str, direction: Array) -> tuple[int, ...]:
    """A wrong coordinate: half of the direction is left out, again and again."""
    while np.count_nonzero(direction) > 1:
        flat = direction.ravel()
        places = np.flatnonzero(flat)
        halves = []
        for kept in np.array_split(places, 2):
            half = np.zeros_like(flat)
            half[kept] = flat[kept]
            halves.append(differences.probe(name, half.reshape(direction.shape)))
        direction = max(halves, key=_badness).direction
    return _place(direction)


class _Suspects:
    """The candidates for one argument, on the coordinates `places`.

    ``wrong`` is what backward gives there and ``right`` what differences give.
    """

    def __init__(
        self,
        differences: Differences,
        name: str,
        places: Sequence[tuple[int, ...]],
        probes: Sequence[Probe],
        rng: np.random.Generator,
        near: Point | None,
    ) -> None:
        self.near, self.probes = near, probes
        self.differences, self.name, self.places, self.rng = differences, name, places, rng
        self.copy, self.point, self.dy = differences.copy, differences.point, differences.dy
        self.gradient = differences.gradients[name]
        self.wrong = np.array([probe.analytic for probe in probes])
        self.right = np.array([probe.numeric for probe in probes])
        self.outputs = [probe.outputs for probe in probes]
        self.bad = np.array([probe.verdict == "wrong" for probe in probes])
        self.size = float(np.abs(self.right).max())

    def words(self) -> str:
        """The first mistake that fits."""
        near = (
            *(self.nothing, self.unheeded, self.factor, self.region, self.part),
            *(self.transposed, self.swapped, self.whole_sum, self.wrong_axis, self.reordered),
            *(self.upstream, self.row, self.diagonal, self.weights, self.rounding),
            self.other_input,
        )
        far = (self.nothing, self.region)
        for candidate in far if self.near is not None else near:
            words = next(candidate(), None)
            if words:
                return words
        if self.near is not None:
            return (
                "right for ordinary numbers, wrong so far out; does one of forward and backward "
                "change its formula there (a cut, a clip, a threshold), and the other not?"
            )
        if any(True for _ in self.copy.module.children()):
            return "no simple mistake fits; check each of its layers alone"
        return (
            "no simple mistake fits; derive it anew for one number each, and compare the shapes "
            "of every line"
        )

    def fits(self, candidate: Array, wanted: Array | None = None) -> bool:
        """Whether `candidate` comes close to the right values, or to `wanted`."""
        wanted = self.right if wanted is None else wanted
        error = float(np.abs(self.wrong - self.right).max())
        return bool(np.abs(candidate - wanted).max() <= EXPLAINED * error + 1e-12 * self.size)

    def at_places(self, gradient: Array) -> Array:
        return np.array([gradient[place] for place in self.places])

    def gradients(
        self, point: dict[str, Array], dy: Array, between: Callable[[], None] = lambda: None
    ) -> Array | None:
        """What backward gives elsewhere, at the probed coordinates; None if it refuses."""
        try:
            return self.at_places(self.copy.gradients(point, dy, between)[self.name])
        except GradientError:
            return None

    def nothing(self) -> Iterator[str]:
        if not np.isfinite(self.wrong).all():
            yield "it is not finite; is there a division by 0, or an overflow, in backward?"
        elif not self.gradient.any():
            yield f"backward adds nothing; {self.name} is forgotten there"
        elif not self.right.any() and self.near is None and self._is_unused():
            yield "forward does not depend on it, so its gradient is 0"

    def _is_unused(self) -> bool:
        """Whether the output stays the same, however the argument is moved."""
        x, y = self.point[self.name], self.differences.y
        try:
            return all(
                np.array_equal(self.copy.forward(self.point | {self.name: moved}), y)
                for size in (1, 30)
                for moved in (x + size * self.rng.standard_normal(x.shape),)
            )
        except GradientError:
            return False

    def unheeded(self) -> Iterator[str]:
        if self.copy.takes_dy:
            other = self.gradients(self.point, np.asarray(1 - 2 * self.dy))
            if other is not None and self.fits(other, self.wrong):
                yield "it does not depend on dy; multiply by the upstream (the chain rule)"

    def factor(self) -> Iterator[str]:
        factor = best_factor(self.wrong, self.right)
        if factor and self.fits(factor * self.wrong):
            yield from factor_words(self.differences, self.name, factor, self.rng)

    def region(self) -> Iterator[str]:
        words = where_wrong(self.differences, self.name, self.places, self.probes, self.near)
        if words:
            yield words

    def part(self) -> Iterator[str]:
        """Only some coordinates are wrong: is there a pattern?"""
        if self.bad.all() or not self.bad.any():
            return
        places = np.array(self.places)[self.bad]
        if len(places) == 1:
            yield (
                f"only this coordinate is wrong, of {len(self.places)} that were looked at; "
                "does a loop or a slice stop too early?"
            )
        for axis in range(places.shape[1] if self.gradient.ndim > 1 else 0):
            values = set(places[:, axis].tolist())
            whole = (np.array(self.places)[:, axis] == places[0, axis]).sum()
            if len(values) == 1 and len(places) == whole:
                yield (
                    f"only index {values.pop()} of axis {axis} is wrong; does a loop or a slice "
                    "stop too early?"
                )

    def transposed(self) -> Iterator[str]:
        if self.gradient.ndim == 2:
            turned = self.gradient.reshape(self.gradient.shape[::-1]).T
            if self.fits(self.at_places(turned)):
                yield "transposed: its rows and columns are interchanged"

    def swapped(self) -> Iterator[str]:
        for other, gradient in self.differences.gradients.items():
            same_shape = other != self.name and gradient.shape == self.gradient.shape
            if same_shape and self.fits(self.at_places(gradient)):
                yield f"swapped: {other} gets the gradient of {self.name}"

    def upstream(self) -> Iterator[str]:
        if not self.copy.takes_dy or not self.dy.ndim:
            return
        if self.dy.shape == self.gradient.shape and self.fits(self.at_places(self.dy), self.wrong):
            yield "it is just dy; the layer's own derivative is missing as a factor"
        own = self.dy - self.dy.mean(axis=-1, keepdims=True)
        if own.any() and self._is_right_for(own):
            yield (
                "right only where dy sums to 0 along each row; a term with the sum of dy is wrong "
                "or missing"
            )
        if self._is_right_for(np.ones_like(self.dy)):
            why = "look at how it combines dy of several elements (a sum, a mean, an order)"
            if self._is_right_for(own + 1):
                why = "a term with the sum of dy is wrong or missing"
            yield f"right only where dy is all ones; {why}"

    def _is_right_for(self, dy: Array) -> bool:
        got = self.gradients(self.point, dy)
        right = np.array([float((column * dy).sum()) for column in self.outputs])
        return got is not None and self.fits(got, right)

    def row(self) -> Iterator[str]:
        if not self.dy.ndim or len(self.dy) < 2 or self.name in self.copy.input_names:
            return
        for which, row in (("last", -1), ("first", 0)):
            dy = np.zeros_like(self.dy)
            dy[row] = self.dy[row]
            got = self.gradients(self.point, dy)
            if got is not None and self.fits(got, self.wrong):
                yield (
                    f"only the {which} row of the batch counts: overwritten instead of accumulated "
                    "over the rows"
                )

    def diagonal(self) -> Iterator[str]:
        if self.dy.shape == self.gradient.shape:
            own = [
                float(column[place] * self.dy[place])
                for column, place in zip(self.outputs, self.places, strict=True)
            ]
            if self.fits(np.array(own), self.wrong):
                yield (
                    "only the diagonal is there: what an input does to its own output; it moves "
                    "the other outputs of its row too"
                )

    def other_input(self) -> Iterator[str]:
        shifted = self.point | {
            n: x + 0.5 * self.rng.standard_normal(x.shape) if x.dtype.kind == "f" else x
            for n, x in self._inputs()
        }
        got = self.gradients(shifted, self.dy)
        if got is None or not self.fits(got, self.wrong):
            return
        there = Differences(self.copy, shifted, self.dy)
        probes = [there.probe(self.name, unit(self.gradient.shape, k)) for k in self.places]
        if not self.fits(np.array([probe.numeric for probe in probes])):  # it should have changed
            yield (
                "it is the same for another input: a stale cache, or the factor that depends on "
                "the input is missing"
            )

    def weights(self) -> Iterator[str]:
        for name, parameter in self.copy.parameters.items():
            data = parameter.data
            if data.ndim == 2 and data.shape[0] == data.shape[1] and name != self.name:

                def turn(data: Array = data) -> None:
                    data[...] = data.T.copy()

                got = self.gradients(self.point, self.dy, turn)
                if got is not None and self.fits(got):
                    yield f"backward uses {name} where its transpose {name}.T is meant"

    def rounding(self) -> Iterator[str]:
        if np.abs(self.wrong - self.right).max() <= 1e-6 * self.size:
            if np.array_equal(self.wrong, self.wrong.astype(np.float32)):
                yield "right as after a rounding to float32; is there a cast in backward?"
            yield (
                "nearly right: off by a millionth at most, as from a small constant that forward "
                "has not, or a rounding on the way"
            )

    def whole_sum(self) -> Iterator[str]:
        if self.gradient.size == len(self.places) > 1:
            total = np.full_like(self.wrong, self.right.sum())
            if self.fits(total, self.wrong):
                yield "summed over all axes; sum over the rows alone (axis=0)"

    def reordered(self) -> Iterator[str]:
        if self.gradient.size == len(self.places) and self.fits(
            np.sort(self.wrong), np.sort(self.right)
        ):
            yield "the right numbers in another order; does an index mean something else here?"

    def wrong_axis(self) -> Iterator[str]:
        if self.dy.ndim != 2 or self.gradient.shape != (len(self.dy),):
            return
        if self.fits(self.at_places(self.dy.sum(axis=1)), self.wrong):
            yield "summed over the columns of dy; sum over its rows (axis=0)"

    def _inputs(self) -> list[tuple[str, Array]]:
        return [(n, self.point[n]) for n in self.copy.input_names]
