"""How 19_dropout.py is graded: by what y / x is, so that the mask may be drawn in any way.

Shares are measured on 10,000 numbers, with bounds of more than six standard errors.
"""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tinynet.support.types import Array
from tinynet.workbook import solutions
from tinynet.workbook.examples import array, numbers
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values
from tinynet.workbook.wrapped import Backward

NOT_ZERO = [n for n in numbers(2) if n]
SHAPE = (12, 10)
"""Large enough that some numbers are dropped, and some are not, whatever the seed."""
MANY = (100, 100)
FORWARDS = 80
"""In so many, even one number is both dropped and kept, but once in ten thousand million times."""

seeds = st.integers(0, 99)
chances = st.sampled_from([0.5, 0.25, 0.75])
many = st.fixed_dictionaries({"p": chances, "seed": seeds})


@st.composite
def inputs(draw: DrawFn, p: SearchStrategy[float] = chances) -> Example:
    return {
        "x": array(draw, *SHAPE, of=NOT_ZERO),
        "dy": array(draw, *SHAPE, of=NOT_ZERO),
        "p": draw(p),
        "seed": draw(seeds),
    }


def layer_of(parts: Parts, p: float, seed: int) -> Any:
    return parts.Dropout(p, np.random.default_rng(seed))


def blank(value: Any) -> Any:
    """An array of zeros, for its shape; anything else as it is."""
    return value * 0 if isinstance(value, np.ndarray) else value


def own(value: Any) -> Any:
    """A copy of an array: in evaluation y may be x itself."""
    return value.copy() if isinstance(value, np.ndarray) else value


def ends(name: str, values: Array) -> Example:
    """The smallest and the largest; NaN if there is none."""
    least, most = (values.min(), values.max()) if values.size else (np.nan, np.nan)
    return {f"the smallest {name}": float(least), f"the largest {name}": float(most)}


def both(name: str, value: float) -> Example:
    """What `ends` should be."""
    return ends(name, np.array([value]))


SOURCES = (
    "something is dropped",
    "the same mask for the same seed",
    "other masks for other seeds",
    "other masks in later forwards",
)
FATES = (
    "some are dropped",
    "some are kept",
    "percent of rows with one fate",
    "percent of columns with one fate",
)
KEPT, DROPPED_BACK, KEPT_BACK = "y / x of what is kept", "dx / dy where y is 0", "dx / dy elsewhere"


def run_forward(parts: Parts, x: Array, dy: Array, p: float, seed: int) -> Values:
    as_given = x.copy()
    y = layer_of(parts, p, seed).forward(x)
    if np.shape(y) != x.shape:
        return {"y": blank(y)}
    ratio = y / as_given
    return {"y": blank(y), **ends(KEPT, ratio[ratio != 0])}


def forward_truth(x: Array, dy: Array, p: float, seed: int) -> Values:
    return {"y": x * 0, **both(KEPT, 1 / (1 - p))}


def run_backward(parts: Parts, x: Array, dy: Array, p: float, seed: int) -> Values:
    layer = layer_of(parts, p, seed)
    y = np.array(layer.forward(x))
    dx = layer.backward(dy)
    if np.shape(dx) != x.shape:
        return {"dx": blank(dx)}
    ratio = dx / dy
    return {
        "dx": blank(dx),
        **ends(KEPT, (y / x)[y != 0]),
        **ends(DROPPED_BACK, ratio[y == 0]),
        **ends(KEPT_BACK, ratio[y != 0]),
    }


def backward_truth(x: Array, dy: Array, p: float, seed: int) -> Values:
    factor = 1 / (1 - p)
    kept = both(KEPT, factor) | both(DROPPED_BACK, 0.0) | both(KEPT_BACK, factor)
    return {"dx": x * 0, **kept}


def run_fates(parts: Parts, p: float, seed: int) -> Values:
    layer = layer_of(parts, p, seed)
    dropped = layer.forward(np.ones(MANY)) == 0
    one = np.array([np.ravel(layer.forward(np.ones((1, 1))))[0] for _ in range(FORWARDS)])
    shares = (dropped.mean(axis=1), dropped.mean(axis=0))
    found = (bool((one == 0).any()), bool((one != 0).any()))
    alike = (100 * float(np.isin(share, (0, 1)).mean()) for share in shares)
    return dict(zip(FATES, (*found, *alike), strict=True))


def fates_truth(p: float, seed: int) -> Values:
    return dict(zip(FATES, (True, True, 0.0, 0.0), strict=True))


def run_share(parts: Parts, p: float, seed: int) -> Values:
    y = layer_of(parts, p, seed).forward(np.ones(MANY))
    return {
        "percent that are dropped": 100 * float(np.mean(y == 0)),
        **ends(KEPT, y[y != 0]),
        "the mean of y / x": float(np.mean(y)),
    }


def share_truth(p: float, seed: int) -> Values:
    return {
        "percent that are dropped": 100 * p,
        **both(KEPT, 1 / (1 - p)),
        "the mean of y / x": 1.0,
    }


def run_source(parts: Parts, p: float, seed: int) -> Values:
    def forward(layer: Any) -> Array:
        return np.array(layer.forward(np.ones(SHAPE)))

    layer = layer_of(parts, p, seed)
    first, *following = (forward(layer) for _ in range(FORWARDS))
    again, *others = (forward(layer_of(parts, p, seed + n)) for n in range(FORWARDS))
    found = (
        any((y == 0).any() for y in (first, *following)),
        np.array_equal(first, again),
        any(not np.array_equal(first, y) for y in others),
        any(not np.array_equal(first, y) for y in following),
    )
    return dict(zip(SOURCES, map(bool, found), strict=True))


def source_truth(p: float, seed: int) -> Values:
    return dict.fromkeys(SOURCES, True)


def run_zero(parts: Parts, x: Array, dy: Array, p: float, seed: int) -> Values:
    layer = layer_of(parts, p, seed)
    return {"y": own(layer.forward(x)), "dx": own(layer.backward(dy))}


def run_evaluation(parts: Parts, x: Array, dy: Array, p: float, seed: int) -> Values:
    """After a forward in training, whose mask must not count."""
    layer = layer_of(parts, p, seed)
    training = bool(layer.training)
    layer.forward(dy.copy())
    layer.training = False
    y = layer.forward(x)
    dx = layer.backward(dy)
    found = {"training at first": training, "y": blank(y), "dx": blank(dx)}
    if np.shape(y) == x.shape == np.shape(dx):
        found |= ends("y / x", y / x) | ends("dx / dy", dx / dy)
    return found


def module(parts: Parts) -> tuple[Any, ...]:
    """With one mask for all forwards, so that there is something to differentiate."""

    class Fixed(Backward):
        def forward(self, x: Array) -> Array:
            self.layer = layer_of(parts, 0.5, 0)
            self.keep()
            return self.layer.forward(x)

        def backward(self, dy: Array) -> Array:
            return self.layer.backward(dy)

    return Fixed(), SHAPE


class Form(solutions.Dropout):
    """The right one, in pieces; each mistake overrides one of its methods."""

    def forward(self, x):
        self.mask = self.drawn(x) if self.training else None
        return self.learn(x) if self.training else self.look(x)

    def drawn(self, x):
        return self.kept(x) * self.factor()

    def kept(self, x):
        return self.rng.random(x.shape) >= self.p

    def factor(self):
        return 1 / (1 - self.p)

    def learn(self, x):
        return x * self.mask

    def look(self, x):
        return x.copy()


class Unscaled(Form):
    def factor(self):
        return 1.0


class ScaledDown(Form):
    def factor(self):
        return 1 - self.p


class ByP(Form):
    def factor(self):
        return 1 / self.p if self.p else 1.0


class TimesP(Form):
    def factor(self):
        return self.p


class Twice(Form):
    def factor(self):
        return 1 / (1 - self.p) ** 2


class KeepsP(Form):
    def kept(self, x):
        return self.rng.random(x.shape) < self.p


class KeepsPAndByP(KeepsP, ByP):
    pass


class NoDrop(Unscaled):
    def kept(self, x):
        return np.ones(x.shape)


class OneForAll(Form):
    def kept(self, x):
        return np.full(x.shape, self.rng.random() >= self.p)


class OneForEachColumn(Form):
    def kept(self, x):
        return np.broadcast_to(self.rng.random(x.shape[1]) >= self.p, x.shape)


class OneForEachRow(Form):
    def kept(self, x):
        return np.broadcast_to(self.rng.random((len(x), 1)) >= self.p, x.shape)


class NormalNumbers(Form):
    def kept(self, x):
        return self.rng.standard_normal(x.shape) >= self.p


class FixedShare(Form):
    def kept(self, x):
        return self.rng.random(x.shape) >= 0.5


class OwnGenerator(Form):
    def kept(self, x):
        return np.random.default_rng(0).random(x.shape) >= self.p


class NumPysGenerator(Form):
    def kept(self, x):
        return np.random.RandomState().random_sample(x.shape) >= self.p


class OneMask(Form):
    first = None

    def drawn(self, x):
        if self.first is None or self.first.shape != x.shape:
            self.first = super().drawn(x)
        return self.first


class InPlace(Form):
    def learn(self, x):
        x *= self.mask
        return x.copy()


class BackwardThrough(Form):
    def backward(self, dy):
        return dy.copy()


class BackwardUnscaled(Form):
    def backward(self, dy):
        return dy.copy() if self.mask is None else dy * (self.mask != 0)


class BackwardTwice(Form):
    def backward(self, dy):
        return dy.copy() if self.mask is None else dy * self.mask * self.factor()


class BackwardNewMask(Form):
    def backward(self, dy):
        return dy * self.drawn(dy) if self.training else dy.copy()


class BackwardOnlyScaled(Form):
    def backward(self, dy):
        return dy * self.factor() if self.training else dy.copy()


class BackwardOther(Form):
    def backward(self, dy):
        return dy.copy() if self.mask is None else dy * (self.factor() - self.mask)


class BackwardDivides(Form):
    def backward(self, dy):
        return dy.copy() if self.mask is None else dy * (self.mask != 0) / self.factor()


class DropsAlways(Form):
    def forward(self, x):
        self.mask = self.drawn(x)
        return x * self.mask


class EvaluationScales(Form):
    def look(self, x):
        return x * (1 - self.p)


class EvaluationGrows(Form):
    def look(self, x):
        return x / (1 - self.p)


class EvaluationZeros(Form):
    def look(self, x):
        return np.zeros_like(x)


class OldMask(Form):
    def forward(self, x):
        if not self.training:
            return self.look(x)
        return super().forward(x)


RUNG = Rung(
    claims=(
        Claim("each forward draws anew, from rng", many, run_source, 4, source_truth, tries=10),
        Claim("each number has its own fate", many, run_fates, 1, fates_truth, tries=10),
        Claim(
            "a share p is dropped, and the mean stays",
            many,
            run_share,
            2,
            share_truth,
            tolerance=0.12,
            tries=10,
            alike=0.12,
        ),
        Claim("what is kept has one factor", inputs(), run_forward, 2, forward_truth, tries=20),
        Claim("with p = 0 all is kept", inputs(st.just(0.0)), run_zero, 2, tries=10),
        Claim(
            "backward goes through the forward's mask", inputs(), run_backward, 3, backward_truth
        ),
        Claim("in evaluation nothing is dropped", inputs(), run_evaluation, 5),
    ),
    mistakes=(
        Mistake(
            "nothing is made larger: what is kept must make up for what is dropped",
            {"Dropout": Unscaled},
            2,
        ),
        Mistake(
            "what is kept is made smaller, by 1 - p: it must make up for what is dropped",
            {"Dropout": ScaledDown},
            2,
        ),
        Mistake(
            "divided by the share that is dropped: a share 1 - p is kept, and must make up for all",
            {"Dropout": ByP},
            2,
        ),
        Mistake(
            "p is taken for the share that is kept: it is the share that is dropped",
            {"Dropout": KeepsPAndByP},
            1,
        ),
        Mistake(
            "multiplied by p: what is kept must grow, not shrink",
            {"Dropout": TimesP},
            2,
        ),
        Mistake("the factor comes in twice: once in the mask is enough", {"Dropout": Twice}, 2),
        Mistake(
            "the comparison is turned round: the share p is kept, and the rest is dropped",
            {"Dropout": KeepsP},
            1,
        ),
        Mistake(
            "nothing is dropped while training is True; is the question turned round?",
            {"Dropout": NoDrop},
            1,
        ),
        Mistake(
            "one random number decides for the whole batch: each place of x needs its own",
            {"Dropout": OneForAll},
            1,
        ),
        Mistake(
            "one fate for each column, the same in all rows: draw a number for each place of x",
            {"Dropout": OneForEachColumn},
            1,
        ),
        Mistake(
            "one fate for each row: draw a number for each place of x",
            {"Dropout": OneForEachRow},
            1,
        ),
        Mistake(
            "normal numbers are compared with p; it takes numbers spread evenly over [0, 1)",
            {"Dropout": NormalNumbers},
            1,
        ),
        Mistake("half is dropped, whatever p is: compare with self.p", {"Dropout": FixedShare}, 1),
        Mistake(
            "a generator of its own, with a fixed seed: the mask is always the same; use self.rng",
            {"Dropout": OwnGenerator},
            4,
        ),
        Mistake(
            "the numbers do not come from rng, so no seed can bring them back; use self.rng",
            {"Dropout": NumPysGenerator},
            4,
        ),
        Mistake(
            "the mask is drawn once and kept: each forward needs a new one",
            {"Dropout": OneMask},
            4,
        ),
        Mistake(
            "x is changed in place: it belongs to the layer before; y is a new array",
            {"Dropout": InPlace},
            6,
        ),
        Mistake(
            "backward lets everything through: what was dropped has no say in the loss",
            {"Dropout": BackwardThrough},
            3,
        ),
        Mistake(
            "the factor is missing in backward: y = x * mask, with the factor in the mask",
            {"Dropout": BackwardUnscaled},
            3,
        ),
        Mistake(
            "the factor comes in twice in backward: it is in the mask already",
            {"Dropout": BackwardTwice},
            3,
        ),
        Mistake(
            "backward draws a mask of its own: keep the one of forward",
            {"Dropout": BackwardNewMask},
            3,
        ),
        Mistake(
            "backward has the factor alone: what was dropped has no say in the loss",
            {"Dropout": BackwardOnlyScaled},
            3,
        ),
        Mistake(
            "backward lets through what was dropped, and stops what was kept",
            {"Dropout": BackwardOther},
            3,
        ),
        Mistake(
            "backward divides by the factor: the slope of x * mask is the mask",
            {"Dropout": BackwardDivides},
            3,
        ),
        Mistake("evaluation still drops: look at self.training", {"Dropout": DropsAlways}, 5),
        Mistake(
            "evaluation makes x smaller by 1 - p: training has made up for that already",
            {"Dropout": EvaluationScales},
            5,
        ),
        Mistake(
            "evaluation makes x larger: nothing is missing there", {"Dropout": EvaluationGrows}, 5
        ),
        Mistake("in evaluation all is dropped: y is to be x", {"Dropout": EvaluationZeros}, 5),
        Mistake(
            "in evaluation, backward goes through the mask of an earlier forward",
            {"Dropout": OldMask},
            5,
        ),
    ),
    hints=(
        "The mask has the shape of x: 0 where a random number lies below p, and one and the same "
        "factor elsewhere. Keep it in self for backward.",
        "A share 1 - p is kept. If it is multiplied by c, the mean of y is (1 - p) * c * x; which "
        "c makes that x?",
        "mask = (rng.random(x.shape) >= p) / (1 - p); y = x * mask; dx = dy * mask. In evaluation "
        "y = x and dx = dy.",
    ),
    library=(
        "tinynet.layers.dropout:Dropout.forward",
        "tinynet.layers.dropout:Dropout.backward",
        "tinynet.kernels.masks:keep_mask_reference",
    ),
    module=module,
)
