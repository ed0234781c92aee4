"""How 09_softmax.py is graded: rows of probabilities, far-out scores, and slopes by differences."""

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.support.types import Array
from tinynet.workbook import solutions
from tinynet.workbook.examples import FAR, array, by_differences, scores, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values
from tinynet.workbook.wrapped import Backward

TOLERANCE = 1e-6


@st.composite
def upstreams(draw: DrawFn) -> Example:
    shape = draw(sizes()), draw(sizes())
    return {"dy": array(draw, *shape), "y": solutions.softmax(array(draw, *shape))}


def run(parts: Parts, x: Array) -> Values:
    return {"y": parts.softmax(x)}


def run_backward(parts: Parts, dy: Array, y: Array) -> Values:
    return {"dx": parts.softmax_backward(dy, y)}


def truth_backward(dy: Array, y: Array) -> Values:
    return _slopes(dy=dy, x=np.log(y))  # scores of which y is the softmax


_slopes = by_differences(solutions.softmax, dx="x")


def module(parts: Parts) -> tuple[Any, ...]:
    class Softmax(Backward):
        def forward(self, x: Array) -> Array:
            y = solutions.softmax(x)
            self.keep(y)
            return y

        def backward(self, dy: Array) -> Array:
            dy, y = self.kept(dy)
            return np.asarray(parts.softmax_backward(dy, y))

    return Softmax(), (5, 3)


def of_exponents(e: Array, axis: int | None = 1, keepdims: bool = True) -> Array:
    return e / e.sum(axis=axis, keepdims=keepdims)


def by_math(x: Array) -> Array:
    powers = [[math.exp(score) for score in row] for row in x]
    return np.array([[power / sum(row) for power in row] for row in powers])


def largest(x: Array) -> Array:
    return x.max(axis=1, keepdims=True)


def total(dy: Array, y: Array) -> Array:
    return (dy * y).sum(axis=1, keepdims=True)


RUNG = Rung(
    claims=(
        Claim("each row becomes probabilities", scores(), run, 1, tolerance=TOLERANCE),
        Claim("scores of 1000 and -1000 do no harm", scores(FAR), run, 2, tolerance=TOLERANCE),
        Claim(
            "dx is what differences give, for every shape",
            *(upstreams(), run_backward, 4, truth_backward, TOLERANCE),
        ),
    ),
    mistakes=(
        Mistake(
            "the sum runs over the whole batch; each row is to sum to 1 by itself",
            {"softmax": lambda x: of_exponents(np.exp(x - largest(x)), axis=None)},
            1,
        ),
        Mistake(
            "the sum runs over the whole batch: all numbers together sum to 1, not each row",
            {"softmax": lambda x: of_exponents(np.exp(x - x.max()), axis=None)},
            1,
        ),
        Mistake(
            "the wrong axis: each column sums to 1, and it is to be each row",
            {"softmax": lambda x: of_exponents(np.exp(x - x.max(axis=0)), axis=0)},
            1,
        ),
        Mistake(
            "keepdims is missing: the N sums lie along the classes, not one beside each row",
            {"softmax": lambda x: of_exponents(np.exp(x - largest(x)), keepdims=False)},
            1,
        ),
        Mistake(
            "the sum of exp(x) runs over the whole batch: all numbers together sum to 1, not each "
            "row",
            {"softmax": lambda x: of_exponents(np.exp(x), axis=None)},
            1,
        ),
        Mistake(
            "the wrong axis of exp(x): each column sums to 1, and it is to be each row",
            {"softmax": lambda x: of_exponents(np.exp(x), axis=0)},
            1,
        ),
        Mistake(
            "keepdims is missing at the sum of exp(x): the N sums lie along the classes, not one "
            "beside each row",
            {"softmax": lambda x: of_exponents(np.exp(x), keepdims=False)},
            1,
        ),
        Mistake(
            "keepdims is missing: the N largest scores lie along the classes, not one beside each "
            "row",
            {"softmax": lambda x: of_exponents(np.exp(x - x.max(axis=1)))},
            1,
        ),
        Mistake(
            "keepdims is missing, in both places: what belongs beside each row lies along the "
            "classes",
            {"softmax": lambda x: of_exponents(np.exp(x - x.max(axis=1)), keepdims=False)},
            1,
        ),
        Mistake(
            "divided by the largest of a row, not by its sum: the rows do not sum to 1",
            {"softmax": lambda x: np.exp(x - largest(x))},
            1,
        ),
        Mistake(
            "exp is missing: the scores themselves are divided by their sum",
            {"softmax": lambda x: x / x.sum(axis=1, keepdims=True)},
            1,
        ),
        Mistake(
            "the sign of the scores is turned round: the largest score gets the smallest "
            "probability",
            {"softmax": lambda x: solutions.softmax(-x)},
            1,
        ),
        Mistake(
            "each score is treated alone, as by a sigmoid; the classes of a row share the sum 1",
            {"softmax": lambda x: 1 / (1 + np.exp(-x))},
            1,
        ),
        Mistake(
            "overflow: exp of a large score is inf, and inf / inf is nan; move the row first",
            {"softmax": lambda x: of_exponents(np.exp(x))},
            2,
        ),
        Mistake(
            "overflow: math.exp refuses a large score; move the row first",
            {"softmax": by_math},
            2,
        ),
        Mistake(
            "one number for the whole batch is taken away, so a row far below the others becomes "
            "0 / 0; each row needs its own",
            {"softmax": lambda x: of_exponents(np.exp(x - x.max()))},
            2,
        ),
        Mistake(
            "what is taken away is never less than 0, so a row of very negative scores becomes "
            "0 / 0",
            {"softmax": lambda x: of_exponents(np.exp(x - np.maximum(largest(x), 0)))},
            2,
        ),
        Mistake(
            "the smallest score of a row is taken away: the exponents get larger, not smaller",
            {"softmax": lambda x: of_exponents(np.exp(x - x.min(axis=1, keepdims=True)))},
            2,
        ),
        Mistake(
            "the mean of a row is taken away: an exponent may still be large",
            {"softmax": lambda x: of_exponents(np.exp(x - x.mean(axis=1, keepdims=True)))},
            2,
        ),
        Mistake(
            "the scores are cut off, so 1000 and 999 become equal; move the row, do not cut it",
            {"softmax": lambda x: of_exponents(np.exp(x.clip(-500, 500)))},
            2,
        ),
        Mistake(
            "large scores are cut off, so 1000 and 999 become equal, and a row of very negative "
            "ones is 0 / 0; move the row, do not cut it",
            {"softmax": lambda x: of_exponents(np.exp(np.minimum(x, 500)))},
            2,
        ),
        Mistake(
            "only the diagonal is there, what a score does to its own output; it moves the other "
            "outputs of its row too, through the sum",
            {"softmax_backward": lambda dy, y: dy * y * (1 - y)},
            3,
        ),
        Mistake(
            "dy is missing: slopes alone; multiply each by what comes back (the chain rule)",
            {"softmax_backward": lambda dy, y: y * (1 - y)},
            4,
        ),
        Mistake(
            "the term from the row's sum is missing: y times dy is only half of it",
            {"softmax_backward": lambda dy, y: y * dy},
            3,
        ),
        Mistake(
            "y is missing as a factor of the whole: the slopes all share it",
            {"softmax_backward": lambda dy, y: dy - total(dy, y)},
            5,
        ),
        Mistake(
            "y stands only at the first term; it is a factor of the second, too",
            {"softmax_backward": lambda dy, y: y * dy - total(dy, y)},
            5,
        ),
        Mistake(
            "the sum of the row takes dy alone; each dy must be multiplied by its output's slope",
            {"softmax_backward": lambda dy, y: y * (dy - dy.sum(axis=1, keepdims=True))},
            4,
        ),
        Mistake(
            "the sign between the two terms: a growing sum makes every output smaller",
            {"softmax_backward": lambda dy, y: y * (dy + total(dy, y))},
            3,
        ),
        Mistake(
            "a mean over the classes, where the chain rule has a sum",
            {"softmax_backward": lambda dy, y: y * (dy - total(dy, y) / y.shape[1])},
            4,
        ),
        Mistake(
            "the sum runs over the whole batch; a score acts on the outputs of its own row alone",
            {"softmax_backward": lambda dy, y: y * (dy - (dy * y).sum())},
            4,
        ),
        Mistake(
            "the sum runs along the wrong axis, over the rows of the batch and not the classes",
            {"softmax_backward": lambda dy, y: y * (dy - (dy * y).sum(axis=0))},
            4,
        ),
        Mistake(
            "keepdims is missing in backward: the N sums lie along the classes",
            {"softmax_backward": lambda dy, y: y * (dy - (dy * y).sum(axis=1))},
            4,
        ),
        Mistake(
            "y is taken for scores: it is the softmax already, do not compute it again",
            {
                "softmax_backward": lambda dy, y: solutions.softmax_backward(
                    dy, solutions.softmax(y)
                )
            },
            3,
        ),
        Mistake(
            "the logarithm's backward: this is what log-softmax needs; here the outputs are "
            "probabilities",
            {"softmax_backward": lambda dy, y: dy - y * dy.sum(axis=1, keepdims=True)},
            3,
        ),
        Mistake(
            "dy is taken for the right answers: y minus them is the gradient of a loss with the "
            "softmax inside (exercise 12); dy may be anything",
            {"softmax_backward": lambda dy, y: y - dy},
            4,
        ),
        Mistake(
            "the slopes are summed without dy, so they cancel to 0; multiply each by its dy first",
            {"softmax_backward": lambda dy, y: np.zeros_like(y)},
            4,
        ),
        Mistake(
            "all slopes are handed back, a table for each row; add up over the outputs",
            {
                "softmax_backward": lambda dy, y: (
                    y[:, :, None] * np.eye(y.shape[1]) - y[:, :, None] * y[:, None, :]
                )
            },
            4,
        ),
    ),
    hints=(
        "Forward: each row by itself, so reduce along axis=1, and keep that axis. Which number, "
        "taken away from a row, makes its largest exponent 0? Backward: how much does x[k] change "
        "y[k], and how much another y[c]?",
        "The slopes: y[k] by x[k] is y[k] * (1 - y[k]), another y[c] by x[k] is -y[c] * y[k]. "
        "Multiply each by its dy[c] and add up; then take y[k] out as a factor.",
        "e = exp(x - x.max(axis=1, keepdims=True)), y = e / e.sum(axis=1, keepdims=True); "
        "dx = y * (dy - (dy * y).sum(axis=1, keepdims=True)).",
    ),
    library=(
        "tinynet.kernels.rows:softmax_reference",
        "tinynet.kernels.rows:softmax_dx_reference",
    ),
    module=module,
)
