"""How 18_first_weights.py is graded: by statistics of many weights, drawn in whatever order.

There are at least 17,500 of them. The bounds are six standard errors or more, so that no seed can
make a right solution fail; and no two of the mistakes are nearer to each other than that.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tinynet.support.types import Array
from tinynet.workbook import solutions
from tinynet.workbook.examples import sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values

seeds = st.integers(0, 99)
small = st.fixed_dictionaries({"I": sizes(), "O": sizes(), "seed": seeds})


@st.composite
def large(draw: Any) -> Example:
    I, O = draw(st.sampled_from([(70, 250), (250, 70), (100, 180), (180, 100)]))
    return {"I": I, "O": O, "seed": draw(seeds)}


def shape(name: str) -> Callable[..., Values]:
    """Only the shape and the kind: the numbers are set to 0."""

    def run(parts: Parts, I: int, O: int, seed: int) -> Values:
        W = getattr(parts, name)(I, O, np.random.default_rng(seed))
        return {"W": W * 0 if isinstance(W, np.ndarray) else W}

    return run


def source(name: str) -> Callable[..., Values]:
    """Where the numbers come from."""

    def run(parts: Parts, I: int, O: int, seed: int) -> Values:
        draw, rng = getattr(parts, name), np.random.default_rng(seed)
        first, second = draw(I, O, rng), draw(I, O, rng)
        again = draw(I, O, np.random.default_rng(seed))
        other = draw(I, O, np.random.default_rng(seed + 1))
        return {
            "not all numbers are 0": bool(np.any(first)),
            "not all numbers are equal": first.size == 1 or bool(np.ptp(first)),
            "the same numbers for the same seed": bool(np.array_equal(first, again)),
            "other numbers for another seed": not np.array_equal(first, other),
            "other numbers in a second layer": not np.array_equal(first, second),
        }

    return run


def kind(name: str) -> Callable[..., Values]:
    """Whether they are normal, around 0, and each drawn for itself: in units of their spread."""

    def run(parts: Parts, I: int, O: int, seed: int) -> Values:
        W = getattr(parts, name)(I, O, np.random.default_rng(seed))
        spread = W.std() if np.ptp(W) else np.float64(0)
        return {
            "the mean, in standard deviations": W.mean() / spread,
            "percent of weights beyond two standard deviations": beyond(W / spread, 2),
            "percent of weights equal to the next in the column": equal(W[1:], W[:-1]),
            "percent of weights equal to the next in the row": equal(W[:, 1:], W[:, :-1]),
        }

    return run


def kind_truth(I: int, O: int, seed: int) -> Values:
    normal = 4.5500  # percent beyond two standard deviations
    names = list(kind("he")(solutions, I, O, seed))
    return dict(zip(names, (0.0, normal, 0.0, 0.0), strict=True))


def beyond(z: Array, bound: float) -> float:
    return 100 * float(np.mean(np.abs(z) > bound)) if np.isfinite(z).all() else float("nan")


def equal(a: Array, b: Array) -> float:
    return 100 * float(np.mean(a == b))


def variance(name: str, factor: Callable[[int, int], int]) -> Callable[..., Values]:
    """The variance times `factor`; and its logarithm, which tells apart what is far too small."""

    def run(parts: Parts, I: int, O: int, seed: int) -> Values:
        return product(getattr(parts, name)(I, O, np.random.default_rng(seed)).var(), I, O)

    def product(var: float, I: int, O: int) -> Values:
        value = float(var * factor(I, O))
        by_what = "I" if name == "he" else "(I + O)"
        return {
            f"variance * {by_what}": value,
            f"log(variance * {by_what})": float(np.log(value)),
        }

    return run


def variance_truth(name: str, factor: Callable[[int, int], int]) -> Callable[..., Values]:
    names = list(variance(name, factor)(solutions, 2, 2, 0))
    return lambda I, O, seed: dict(zip(names, (2.0, float(np.log(2))), strict=True))


def claims(name: str, factor: Callable[[int, int], int], read: int) -> tuple[Claim, ...]:
    return (
        Claim(f"{name}: the shape is (I, O)", small, shape(name), 5, tries=15),
        Claim(
            f"{name}: normal numbers around 0, each drawn for itself",
            large(),
            kind(name),
            4,
            kind_truth,
            tolerance=0.2,
            tries=6,
            alike=0.2,
        ),
        Claim(
            f"{name}: the variance keeps the spread",
            large(),
            variance(name, factor),
            read,
            variance_truth(name, factor),
            tolerance=0.1,
            tries=6,
            alike=0.07,
        ),
        Claim(f"{name}: all numbers come from rng", small, source(name), 5, tries=15),
    )


def normal(std: Callable[[int, int], float]) -> Callable[[int, int, Any], Array]:
    return lambda I, O, rng: rng.standard_normal((I, O)) * std(I, O)


def same_faults(name: str, std: Callable[[int, int], float], formula: int) -> tuple[Mistake, ...]:
    """What goes wrong with either of them; `std` is the right standard deviation."""
    own = np.random.RandomState  # NumPy's numbers before there were Generators

    def mistake(says: str, part: Callable[[int, int, Any], Array], read: int) -> Mistake:
        return Mistake(f"{name}: {says}", {name: part}, read)

    return (
        mistake(
            "rows and columns are interchanged; W is (I, O)",
            lambda I, O, rng: rng.standard_normal((O, I)) * std(I, O),
            5,
        ),
        mistake(
            "one long row of numbers; W is a matrix (I, O)",
            lambda I, O, rng: rng.standard_normal(I * O) * std(I, O),
            5,
        ),
        mistake(
            "it makes a generator of its own, with a fixed seed: every layer gets the same "
            "numbers; draw from rng",
            lambda I, O, rng: np.random.default_rng(0).standard_normal((I, O)) * std(I, O),
            5,
        ),
        mistake(
            "the numbers do not come from rng, so no seed can bring them back; draw from rng",
            lambda I, O, rng: own().standard_normal((I, O)) * std(I, O),
            5,
        ),
        mistake(
            "zeros: all units of a layer would stay alike for ever",
            lambda I, O, rng: np.zeros((I, O)),
            4,
        ),
        mistake(
            "all weights are equal: so are then the units, and their gradients",
            lambda I, O, rng: np.full((I, O), std(I, O)),
            5,
        ),
        mistake(
            "one number is drawn for all weights: each needs its own",
            lambda I, O, rng: np.full((I, O), rng.standard_normal()) * std(I, O),
            5,
        ),
        mistake(
            "all rows are equal: draw I * O numbers",
            lambda I, O, rng: np.tile(rng.standard_normal(O), (I, 1)) * std(I, O),
            5,
        ),
        mistake(
            "all columns are equal, so all units are alike: draw I * O numbers",
            lambda I, O, rng: np.repeat(rng.standard_normal((I, 1)), O, axis=1) * std(I, O),
            5,
        ),
        mistake(
            "the numbers are from [0, 1), all of one sign: normal ones lie around 0",
            lambda I, O, rng: rng.random((I, O)) * std(I, O),
            4,
        ),
        mistake(
            "the numbers are uniform; normal ones have no bound (rng.standard_normal)",
            lambda I, O, rng: rng.uniform(-1, 1, (I, O)) * np.sqrt(3) * std(I, O),
            4,
        ),
        mistake(
            "the mean is 1, not 0: the weights should lie on both sides of 0",
            lambda I, O, rng: rng.normal(1, 1, (I, O)) * std(I, O),
            4,
        ),
        mistake(
            "the variance was taken for the standard deviation: take its root",
            normal(lambda I, O: std(I, O) ** 2),
            4,
        ),
        mistake(
            "the numbers are multiplied by the variance's inverse root: divide, not multiply",
            normal(lambda I, O: 1 / std(I, O)),
            4,
        ),
        mistake(
            "the standard deviation is 1: the rule is missing, and numbers explode",
            normal(lambda I, O: 1.0),
            1,
        ),
        mistake(
            "the standard deviation is 0.01, whatever I and O are: numbers vanish",
            normal(lambda I, O: 0.01),
            1,
        ),
        mistake(
            "the standard deviation is 0.1, whatever I and O are",
            normal(lambda I, O: 0.1),
            1,
        ),
        mistake(
            "half of the variance that it takes: a factor 2 is missing",
            normal(lambda I, O: std(I, O) / np.sqrt(2)),
            formula,
        ),
        mistake(
            "only a part is under the root: the 2 belongs there as well",
            normal(lambda I, O: std(I, O) * np.sqrt(2)),
            4,
        ),
    )


MISTAKES = (
    Mistake(
        "he: O stands where I belongs: an output is a sum of I products",
        {"he": normal(lambda I, O: np.sqrt(2 / O))},
        1,
    ),
    Mistake(
        "he: that is the rule of glorot; behind a ReLU only the inputs count, and half is cut off",
        {"he": solutions.glorot},
        2,
    ),
    Mistake(
        "glorot: that is the rule of he, with the factor for ReLU",
        {"glorot": solutions.he},
        3,
    ),
    Mistake(
        "glorot: only the way forward is thought of: the gradients sum over O",
        {"glorot": normal(lambda I, O: np.sqrt(1 / I))},
        3,
    ),
    Mistake(
        "glorot: only the way back is thought of: the outputs sum over I",
        {"glorot": normal(lambda I, O: np.sqrt(1 / O))},
        3,
    ),
    Mistake(
        "glorot: 2 / I + O adds O to the fraction: brackets around I + O are missing",
        {"glorot": normal(lambda I, O: np.sqrt(2 / I + O))},
        3,
    ),
    Mistake(
        "glorot: 6 belongs to uniform numbers, as their bound; for normal ones it is too much",
        {"glorot": normal(lambda I, O: np.sqrt(6 / (I + O)))},
        3,
    ),
    *same_faults("he", lambda I, O: np.sqrt(2 / I), 2),
    *same_faults("glorot", lambda I, O: np.sqrt(2 / (I + O)), 3),
)

LAYERS, UNITS, ROWS = 10, 200, 50


def through_ten_layers(parts: Parts) -> str:
    """The spread of the numbers behind each of ten layers, for the learner's weights and others."""

    def spreads(draw: Callable[[int, int, Any], Array], relu: bool) -> list[float]:
        rng = np.random.default_rng(0)
        x, found = rng.standard_normal((ROWS, UNITS)), []
        for _ in range(LAYERS):
            x = x @ draw(UNITS, UNITS, rng)
            x = np.maximum(x, 0) if relu else x
            found.append(float(np.sqrt(np.mean(x**2))))
        return found

    rows = {
        "he, with ReLU": spreads(parts.he, True),
        "glorot, with ReLU": spreads(parts.glorot, True),
        "glorot, no ReLU": spreads(parts.glorot, False),
        "std 0.01, with ReLU": spreads(normal(lambda I, O: 0.01), True),
        "std 1, with ReLU": spreads(normal(lambda I, O: 1.0), True),
    }
    shown = (1, 2, 4, 6, 8, 10)
    lines = [f"{'behind layer':<20}" + "".join(f"{layer:>10}" for layer in shown)]
    for title, found in rows.items():
        lines.append(f"{title:<20}" + "".join(f"{found[layer - 1]:>10.3g}" for layer in shown))
    return "\n".join(
        [f"The root mean square of the numbers, {UNITS} units a layer, 1 at first:", *lines]
    )


RUNG = Rung(
    claims=(
        *claims("he", lambda I, O: I, 2),
        *claims("glorot", lambda I, O: I + O, 3),
    ),
    mistakes=MISTAKES,
    hints=(
        "Solve (1) and (2) for the variance: I * variance / 2 = 1. For glorot, write down the mean "
        "of I * variance and O * variance, and let it be 1.",
        "The variances are 2 / I and 2 / (I + O). rng.standard_normal((I, O)) has variance 1; what "
        "must it be multiplied by?",
        "he: rng.standard_normal((I, O)) * np.sqrt(2 / I); glorot: the same with 2 / (I + O).",
    ),
    library=(
        "tinynet.init:_kaiming_std",
        "tinynet.init:_xavier_std",
        "tinynet.init:_normal",
    ),
    after=through_ten_layers,
)
