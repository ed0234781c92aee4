"""Words for a wrong gradient: which simple mistake would give just these numbers?

Every candidate is tried on the coordinates that were probed: the wrong gradient times a factor,
transposed, from another upstream, from one row alone. One fits if it explains nearly all of the
error.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from tinynet._types import Array
from tinynet.gradcheck.differences import Differences, unit
from tinynet.gradcheck.report import GradientError, Probe

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
) -> GradientError:
    """The error to raise for argument `name`, of which a probe in `probes` is wrong."""
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
    words = _Suspects(differences, name, places, columns, rng).words()
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
    ) -> None:
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
        for candidate in (
            self.nothing,
            self.factor,
            self.part,
            self.transposed,
            self.swapped,
            self.upstream,
            self.row,
            self.diagonal,
            self.weights,
            self.whole_sum,
            self.rounding,
            self.other_input,
        ):
            words = next(candidate(), None)
            if words:
                return words
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
            yield "it is not finite; a division by 0, or an overflow, in backward"
        elif not self.gradient.any():
            yield f"backward adds nothing; {self.name} is forgotten there"
        elif not self.right.any():
            yield "forward does not depend on it, so its gradient is 0"

    def factor(self) -> Iterator[str]:
        square = float((self.wrong**2).sum())
        factor = float((self.wrong * self.right).sum()) / square if square else 0.0
        if not factor or not self.fits(factor * self.wrong):
            return
        rows = len(next((x for n, x in self._inputs() if np.ndim(x)), [0]))
        columns = next((x.shape[-1] for n, x in self._inputs() if np.ndim(x) > 1), 0)
        sizes = {"N": rows, "C": columns, "N * C": rows * columns}
        for sign, turned in ((1, ""), (-1, ", and its sign is wrong")):
            for letters, size in sizes.items():
                if size > 1 and np.isclose(sign * factor * size, 1, rtol=1e-6):
                    yield f"too large by a constant factor, {size}: a missing 1/({letters}){turned}"
                if size > 1 and np.isclose(sign * factor, size, rtol=1e-6):
                    yield (
                        f"too small by a constant factor, {size}: divided by {letters} once too "
                        f"often, or a mean where a sum is meant{turned}"
                    )
        if np.isclose(factor, -1, rtol=1e-6):
            yield "the sign is wrong"
        yield f"a constant factor: all of it must be multiplied by {factor:.10g}"

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
        other = self.gradients(self.point, self.rng.standard_normal(self.dy.shape))
        if other is not None and self.fits(other, self.wrong):
            yield "it does not depend on dy; multiply by the upstream (the chain rule)"
        if self.dy.shape == self.gradient.shape and self.fits(self.at_places(self.dy), self.wrong):
            yield "it is just dy; the layer's own derivative is missing as a factor"
        for dy, words in (
            (self.dy - self.dy.mean(axis=-1, keepdims=True), "dy sums to 0 along each row"),
            (np.ones_like(self.dy), "dy is all ones"),
        ):
            got = self.gradients(self.point, dy)
            right = np.array([float((column * dy).sum()) for column in self.outputs])
            if got is not None and self.fits(got, right):
                yield f"right only where {words}; a term with the sum of dy is wrong or missing"

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
        shifted = {
            n: x + 0.5 * self.rng.standard_normal(x.shape) if x.dtype.kind == "f" else x
            for n, x in self._inputs()
        }
        got = self.gradients(self.point | shifted, self.dy)
        if got is not None and self.fits(got, self.wrong):
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
            yield "nearly right, as after a rounding to float32; is there a cast in backward?"

    def whole_sum(self) -> Iterator[str]:
        if self.gradient.size == len(self.places) > 1:
            total = np.full_like(self.wrong, self.right.sum())
            if self.fits(total, self.wrong):
                yield "summed over all axes; sum over the rows alone (axis=0)"

    def _inputs(self) -> list[tuple[str, Array]]:
        return [(n, self.point[n]) for n in self.copy.input_names]
