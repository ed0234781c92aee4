"""How 10_log_softmax.py is graded: logarithms, far-out scores, and slopes by differences."""

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
    return {"dy": array(draw, *shape), "y": solutions.log_softmax(array(draw, *shape))}


def run(parts: Parts, x: Array) -> Values:
    return {"y": parts.log_softmax(x)}


def run_backward(parts: Parts, dy: Array, y: Array) -> Values:
    return {"dx": parts.log_softmax_backward(dy, y)}


def truth_backward(dy: Array, y: Array) -> Values:
    return _slopes(dy=dy, x=y)  # log-probabilities are scores of themselves


_slopes = by_differences(solutions.log_softmax, dx="x")


def module(parts: Parts) -> tuple[Any, ...]:
    class LogSoftmax(Backward):
        def forward(self, x: Array) -> Array:
            y = solutions.log_softmax(x)
            self.keep(y)
            return y

        def backward(self, dy: Array) -> Array:
            dy, y = self.kept(dy)
            return np.asarray(parts.log_softmax_backward(dy, y))

    return LogSoftmax(), (5, 3)


def largest(x: Array) -> Array:
    return x.max(axis=1, keepdims=True)


def log_sum(x: Array) -> Array:
    return np.log(np.exp(x).sum(axis=1, keepdims=True))


def moved(x: Array, m: Any) -> Array:
    return x - m - log_sum(x - m)


def by_math(x: Array) -> Array:
    return np.array([row - math.log(sum(math.exp(score) for score in row)) for row in x])


def row_sum(dy: Array) -> Array:
    return dy.sum(axis=1, keepdims=True)


RUNG = Rung(
    claims=(
        Claim("y is the logarithm of softmax(x)", scores(), run, 1, tolerance=TOLERANCE),
        Claim("scores of 1000 and -1000 stay exact", scores(FAR), run, 2, tolerance=TOLERANCE),
        Claim(
            "dx is what differences give, for every shape",
            *(upstreams(), run_backward, 5, truth_backward, TOLERANCE),
        ),
    ),
    mistakes=(
        Mistake(
            "the logarithm is missing: these are the probabilities",
            {"log_softmax": solutions.softmax},
            3,
        ),
        Mistake(
            "only the largest score is taken away; that keeps exp small, but log(S) is missing",
            {"log_softmax": lambda x: x - largest(x)},
            1,
        ),
        Mistake(
            "the logarithm of the sum is missing: S itself is taken away from the scores",
            {"log_softmax": lambda x: x - np.exp(x).sum(axis=1, keepdims=True)},
            1,
        ),
        Mistake(
            "the logarithm of the moved sum is missing: the sum itself is taken away",
            {
                "log_softmax": lambda x: (
                    x - largest(x) - np.exp(x - largest(x)).sum(axis=1, keepdims=True)
                )
            },
            1,
        ),
        Mistake(
            "exp is missing: it is the logarithm of a sum of exponentials, not of the scores",
            {"log_softmax": lambda x: x - np.log(x.sum(axis=1, keepdims=True))},
            1,
        ),
        Mistake(
            "what was taken out of the exponents does not come back: the sum is of moved scores, "
            "x outside is not moved",
            {"log_softmax": lambda x: x - log_sum(x - largest(x))},
            2,
        ),
        Mistake(
            "the move is undone twice: x is moved already, and the largest is taken away again",
            {"log_softmax": lambda x: moved(x, largest(x)) - largest(x)},
            2,
        ),
        Mistake(
            "the sum runs over the whole batch; each row has an S of its own",
            {"log_softmax": lambda x: x - x.max() - np.log(np.exp(x - x.max()).sum())},
            1,
        ),
        Mistake(
            "the sum runs over the whole batch of moved rows; each row has an S of its own",
            {"log_softmax": lambda x: x - largest(x) - np.log(np.exp(x - largest(x)).sum())},
            1,
        ),
        Mistake(
            "the wrong axis: exp of each column sums to 1, and it is to be each row",
            {"log_softmax": lambda x: solutions.log_softmax(x.T).T},
            3,
        ),
        Mistake(
            "keepdims is missing: the N numbers log(S) lie along the classes, not one beside each "
            "row",
            {"log_softmax": lambda x: x - largest(x) - np.log(np.exp(x - largest(x)).sum(axis=1))},
            1,
        ),
        Mistake(
            "the sum of exp(x) runs over the whole batch; each row has an S of its own",
            {"log_softmax": lambda x: x - np.log(np.exp(x).sum())},
            1,
        ),
        Mistake(
            "the wrong axis of exp(x): each column has its S, and it is to be each row",
            {"log_softmax": lambda x: x - np.log(np.exp(x).sum(axis=0))},
            1,
        ),
        Mistake(
            "keepdims is missing at log(S): the N numbers lie along the classes, not one beside "
            "each row",
            {"log_softmax": lambda x: x - np.logaddexp.reduce(x, axis=1)},
            1,
        ),
        Mistake(
            "keepdims is missing at the sum of exp(x): the N numbers log(S) lie along the classes, "
            "not one beside each row",
            {"log_softmax": lambda x: x - np.log(np.exp(x).sum(axis=1))},
            1,
        ),
        Mistake(
            "keepdims is missing: the N largest scores lie along the classes, not one beside each "
            "row",
            {"log_softmax": lambda x: moved(x, x.max(axis=1))},
            2,
        ),
        Mistake(
            "keepdims is missing, in both places: what belongs beside each row lies along the "
            "classes",
            {
                "log_softmax": lambda x: (
                    x - x.max(axis=1) - np.log(np.exp(x - x.max(axis=1)).sum(axis=1))
                )
            },
            2,
        ),
        Mistake(
            "a logarithm of base 10, where exp needs its own inverse, np.log",
            {"log_softmax": lambda x: np.log10(solutions.softmax(x))},
            1,
        ),
        Mistake(
            "a logarithm of base 2, where exp needs its own inverse, np.log",
            {"log_softmax": lambda x: np.log2(solutions.softmax(x))},
            1,
        ),
        Mistake(
            "the logarithm of a probability that has become 0 is -inf; compute it without the "
            "probability",
            {"log_softmax": lambda x: np.log(solutions.softmax(x))},
            1,
        ),
        *(
            Mistake(
                f"the probabilities are kept away from 0 by {eps:g}, so no logarithm gets below "
                f"{np.log(eps):.1f}; compute it without the probability",
                {"log_softmax": lambda x, eps=eps: np.log(solutions.softmax(x) + eps)},
                1,
            )
            for eps in np.logspace(-16, -3, 14).tolist()
        ),
        *(
            Mistake(
                f"the probabilities are cut off at {eps:g}, so no logarithm gets below "
                f"{np.log(eps):.1f}; compute it without the probability",
                {"log_softmax": lambda x, eps=eps: np.log(np.maximum(solutions.softmax(x), eps))},
                1,
            )
            for eps in np.logspace(-8, -3, 6).tolist()
        ),
        Mistake(
            "overflow: exp of a large score is inf, or S is 0 for very negative ones; take the "
            "row's largest out of the exponents",
            {"log_softmax": lambda x: x - log_sum(x)},
            2,
        ),
        Mistake(
            "overflow: exp and the quotient stand there as on paper; simplify first",
            {"log_softmax": lambda x: np.log(np.exp(x) / np.exp(x).sum(axis=1, keepdims=True))},
            1,
        ),
        Mistake(
            "overflow: math.exp refuses a large score, or math.log a sum that is 0; take the row's "
            "largest out of the exponents",
            {"log_softmax": by_math},
            2,
        ),
        Mistake(
            "one number for the whole batch is taken out, so a row far below the others has S = 0; "
            "each row needs its own",
            {"log_softmax": lambda x: moved(x, x.max())},
            2,
        ),
        Mistake(
            "what is taken out is never less than 0, so a row of very negative scores has S = 0",
            {"log_softmax": lambda x: moved(x, np.maximum(largest(x), 0))},
            2,
        ),
        Mistake(
            "the mean of a row is taken out: an exponent may still be large",
            {"log_softmax": lambda x: moved(x, x.mean(axis=1, keepdims=True))},
            2,
        ),
        Mistake(
            "the smallest score of a row is taken out: the exponents get larger, not smaller",
            {"log_softmax": lambda x: moved(x, x.min(axis=1, keepdims=True))},
            2,
        ),
        Mistake(
            "y is taken for probabilities; it holds their logarithms, so exp is missing",
            {"log_softmax_backward": lambda dy, y: dy - y * row_sum(dy)},
            4,
        ),
        Mistake(
            "only the diagonal is there, what a score does to its own output; through L it moves "
            "the other outputs of its row too",
            {"log_softmax_backward": lambda dy, y: dy * (1 - np.exp(y))},
            4,
        ),
        Mistake(
            "the sum of the row's dy is missing: all outputs depend on L, not one alone",
            {"log_softmax_backward": lambda dy, y: dy - np.exp(y)},
            5,
        ),
        Mistake(
            "the sum takes dy times the probabilities, as for softmax; here L has the same slope "
            "in every output, so it is the sum of dy alone",
            {"log_softmax_backward": lambda dy, y: dy - row_sum(dy * np.exp(y))},
            5,
        ),
        Mistake(
            "the sum of dy takes y as weights; L has the same slope in every output",
            {"log_softmax_backward": lambda dy, y: dy - row_sum(dy * y)},
            5,
        ),
        Mistake(
            "the way through L is missing: this is dy alone",
            {"log_softmax_backward": lambda dy, y: dy},
            4,
        ),
        Mistake(
            "the way through L is there twice weighted: the sum of dy is multiplied by the "
            "probabilities once too often",
            {"log_softmax_backward": lambda dy, y: dy - np.exp(y) * row_sum(dy * np.exp(y))},
            5,
        ),
        Mistake(
            "the probability is missing: the slope of L is not 1, it is that of log(S)",
            {"log_softmax_backward": lambda dy, y: dy - row_sum(dy)},
            4,
        ),
        Mistake(
            "the sign between the two ways: if L grows, every output gets smaller",
            {"log_softmax_backward": lambda dy, y: dy + np.exp(y) * row_sum(dy)},
            4,
        ),
        Mistake(
            "softmax's backward, not that of its logarithm; here the outputs are y = x - L",
            {"log_softmax_backward": lambda dy, y: solutions.softmax_backward(dy, np.exp(y))},
            4,
        ),
        Mistake(
            "the logarithm's own slope alone, 1 / p; derive y = x - L instead",
            {"log_softmax_backward": lambda dy, y: dy / np.exp(y)},
            4,
        ),
        Mistake(
            "dy is missing: slopes alone; multiply by what comes back (the chain rule)",
            {"log_softmax_backward": lambda dy, y: 1 - np.exp(y)},
            5,
        ),
        Mistake(
            "a mean of the row's dy, where the chain rule has a sum",
            {"log_softmax_backward": lambda dy, y: dy - np.exp(y) * row_sum(dy) / y.shape[1]},
            5,
        ),
        Mistake(
            "dy is summed over the whole batch; a score acts on the outputs of its own row alone",
            {"log_softmax_backward": lambda dy, y: dy - np.exp(y) * dy.sum()},
            5,
        ),
        Mistake(
            "dy is summed along the wrong axis, over the rows of the batch and not the classes",
            {"log_softmax_backward": lambda dy, y: dy - np.exp(y) * dy.sum(axis=0)},
            5,
        ),
        Mistake(
            "keepdims is missing in backward: the N sums of dy lie along the classes",
            {"log_softmax_backward": lambda dy, y: dy - np.exp(y) * dy.sum(axis=1)},
            5,
        ),
    ),
    hints=(
        "Forward: log(e / S) = log(e) - log(S), and log(exp(x)) is x. Backward: x[k] acts on y[k] "
        "itself, and through L on all outputs of the row.",
        "With m the row's largest score, log(S) = m + log(sum of exp(x - m)). The slope of L by "
        "x[k] is the probability exp(y[k]), and every dy of the row comes through it.",
        "s = x - x.max(axis=1, keepdims=True), y = s - log(exp(s).sum(axis=1, keepdims=True)); "
        "dx = dy - exp(y) * dy.sum(axis=1, keepdims=True).",
    ),
    library=(
        "tinynet.kernels.rows:log_softmax_reference",
        "tinynet.kernels.rows:log_softmax_dx_reference",
    ),
    module=module,
)
