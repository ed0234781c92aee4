"""How 12_cross_entropy.py is graded: small scores and far-out ones, with slopes by differences."""

import math
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.support.types import Array, Labels
from tinynet.workbook import solutions
from tinynet.workbook.examples import FAR, array, by_differences, labels, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values
from tinynet.workbook.wrapped import Backward

TOLERANCE = 1e-6


@st.composite
def guesses(draw: DrawFn) -> Example:
    N, C = draw(sizes()), draw(sizes())
    return {"x": array(draw, N, C), "target": labels(draw, N, C)}


@st.composite
def far_guesses(draw: DrawFn) -> Example:
    N, C = draw(sizes()), draw(sizes())
    return {"x": array(draw, N, C, of=FAR), "target": labels(draw, N, C)}


def run(parts: Parts, x: Array, target: Labels) -> Values:
    return {"loss": parts.cross_entropy(x, target)}


def run_backward(parts: Parts, x: Array, target: Labels) -> Values:
    return {"dx": parts.cross_entropy_backward(x, target)}


_slopes = by_differences(solutions.cross_entropy, upstream=None, dx="x")


def module(parts: Parts) -> tuple[Any, ...]:
    class CrossEntropy(Backward):
        def forward(self, x: Array, target: Labels) -> float:
            self.keep(x, target)
            return float(solutions.cross_entropy(x, target))

        def backward(self, dy: float = 1.0) -> Array:
            dy, x, target = self.kept(dy)
            return dy * np.asarray(parts.cross_entropy_backward(x, target))

    return CrossEntropy(), (5, 3), np.array([0, 2, 1, 1, 0])


def hit(x: Array, target: Labels) -> Array:
    """1 at the right class of each row, 0 elsewhere."""
    return (target[:, None] == np.arange(x.shape[1])).astype(float)


def losses(x: Array, target: Labels) -> Array:
    return -solutions.log_softmax(x)[np.arange(len(target)), target]


def of_probabilities(p: Array, target: Labels) -> Any:
    return -np.log(p[np.arange(len(target)), target]).mean()


def plain_softmax(x: Array) -> Array:
    return np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)


def of_batch(x: Array) -> Array:
    e = np.exp(x - x.max())
    return e / e.sum(axis=1, keepdims=True)


def by_math(x: Array, target: Labels) -> float:
    return sum(
        math.log(sum(math.exp(score) for score in row)) - row[t]
        for row, t in zip(x, target, strict=True)
    ) / len(x)


def column_minus_one(x: Array, target: Labels) -> Array:
    dx = solutions.softmax(x)
    dx[:, target] -= 1
    return dx / len(target)


def by_probabilities(x: Array, target: Labels) -> Array:
    dp, n = np.zeros_like(x), np.arange(len(target))
    dp[n, target] = -1 / solutions.softmax(x)[n, target] / len(target)
    return dp


RUNG = Rung(
    claims=(
        Claim("the loss is NLL of log-softmax", guesses(), run, 1, tolerance=TOLERANCE),
        Claim("scores of 1000 and -1000: the loss", far_guesses(), run, 2, tolerance=TOLERANCE),
        Claim(
            "dx is what differences give, for every shape",
            *(guesses(), run_backward, 3, _slopes, TOLERANCE),
        ),
        Claim(
            "scores of 1000 and -1000: dx",
            *(far_guesses(), run_backward, 5, _slopes, TOLERANCE),
        ),
    ),
    mistakes=(
        Mistake(
            "softmax is applied twice: the scores go in raw, log-softmax is all that they need",
            {
                "cross_entropy": lambda x, target: solutions.cross_entropy(
                    solutions.softmax(x), target
                )
            },
            1,
        ),
        Mistake(
            "log-softmax is missing: the scores themselves are taken for log-probabilities",
            {"cross_entropy": solutions.nll},
            1,
        ),
        Mistake(
            "the logarithm is missing: these are probabilities, NLL takes their logarithms",
            {"cross_entropy": lambda x, target: solutions.nll(solutions.softmax(x), target)},
            1,
        ),
        Mistake(
            "the minus is missing: a loss gets smaller when the right class gets likelier",
            {"cross_entropy": lambda x, target: -losses(x, target).mean()},
            1,
        ),
        Mistake(
            "a sum over the rows, where a mean is meant",
            {"cross_entropy": lambda x, target: losses(x, target).sum()},
            1,
        ),
        Mistake(
            "one loss for each row: the mean over them is missing",
            {"cross_entropy": losses},
            1,
        ),
        Mistake(
            "the mean runs over all N * C numbers, the zeros among them; divide by N",
            {"cross_entropy": lambda x, target: losses(x, target).sum() / x.size},
            1,
        ),
        Mistake(
            "a colon in place of the rows: each row is asked about the targets of all rows",
            {"cross_entropy": lambda x, target: -solutions.log_softmax(x)[:, target].mean()},
            4,
        ),
        Mistake(
            "the softmax runs along the wrong axis: the classes of one row belong together",
            {
                "cross_entropy": lambda x, target: solutions.nll(
                    solutions.log_softmax(x.T).T, target
                )
            },
            1,
        ),
        Mistake(
            "the softmax runs over the whole batch; each row sums to 1 by itself",
            {
                "cross_entropy": lambda x, target: solutions.nll(
                    x - x.max() - np.log(np.exp(x - x.max()).sum()), target
                )
            },
            1,
        ),
        Mistake(
            "the wrong classes have a term too, log(1 - p), as if each class were a question of "
            "its own; with one right class of C, only log p of that one counts",
            {
                "cross_entropy": lambda x, target: (
                    -np.log(
                        np.where(
                            hit(x, target) == 1, solutions.softmax(x), 1 - solutions.softmax(x)
                        )
                    )
                    .sum(axis=1)
                    .mean()
                )
            },
            1,
        ),
        Mistake(
            "the logarithm of a probability that has become 0; go from scores to logarithms "
            "without the probability",
            {"cross_entropy": lambda x, target: of_probabilities(solutions.softmax(x), target)},
            2,
        ),
        *(
            Mistake(
                f"the probabilities are kept away from 0 by {eps:g}, so no loss gets above "
                f"{-np.log(eps):.1f}; go from scores to logarithms without the probability",
                {
                    "cross_entropy": lambda x, target, eps=eps: of_probabilities(
                        solutions.softmax(x) + eps, target
                    )
                },
                2,
            )
            for eps in np.logspace(-16, -3, 14).tolist()
        ),
        *(
            Mistake(
                f"the probabilities are cut off at {eps:g}, so no loss gets above "
                f"{-np.log(eps):.1f}; go from scores to logarithms without the probability",
                {
                    "cross_entropy": lambda x, target, eps=eps: of_probabilities(
                        np.maximum(solutions.softmax(x), eps), target
                    )
                },
                2,
            )
            for eps in np.logspace(-8, -3, 6).tolist()
        ),
        *(
            Mistake(
                f"the probabilities are cut off at {eps:g} and 1 - {eps:g}, so no loss gets above "
                f"{-np.log(eps):.1f}; go from scores to logarithms without the probability",
                {
                    "cross_entropy": lambda x, target, eps=eps: of_probabilities(
                        solutions.softmax(x).clip(eps, 1 - eps), target
                    )
                },
                2,
            )
            for eps in np.logspace(-8, -3, 6).tolist()
        ),
        Mistake(
            "overflow: exp of a large score is inf, or the sum is 0 for very negative ones",
            {
                "cross_entropy": lambda x, target: solutions.nll(
                    x - np.log(np.exp(x).sum(axis=1, keepdims=True)), target
                )
            },
            2,
        ),
        Mistake(
            "overflow: inf / inf is nan; your log_softmax of exercise 10 knows how to avoid it",
            {"cross_entropy": lambda x, target: of_probabilities(plain_softmax(x), target)},
            2,
        ),
        Mistake(
            "overflow: math.exp refuses a large score, or math.log a sum that is 0",
            {"cross_entropy": by_math},
            2,
        ),
        Mistake(
            "one number for the whole batch is taken out of the exponents; each row needs its own",
            {"cross_entropy": lambda x, target: of_probabilities(of_batch(x), target)},
            2,
        ),
        Mistake(
            "1/N is missing in backward: the loss is a mean over the rows",
            {
                "cross_entropy_backward": lambda x, target: solutions.softmax(x) - hit(x, target),
            },
            3,
        ),
        Mistake(
            "the difference the other way round: downhill already; and 1/N is missing",
            {
                "cross_entropy_backward": lambda x, target: hit(x, target) - solutions.softmax(x),
            },
            3,
        ),
        Mistake(
            "the difference the other way round: a gradient points uphill, to a larger loss",
            {
                "cross_entropy_backward": lambda x, target: (
                    (hit(x, target) - solutions.softmax(x)) / len(x)
                )
            },
            3,
        ),
        Mistake(
            "divided by all N * C numbers; the mean of the loss is over N",
            {
                "cross_entropy_backward": lambda x, target: (
                    (solutions.softmax(x) - hit(x, target)) / x.size
                )
            },
            3,
        ),
        Mistake(
            "divided by N twice: the mean has one 1/N",
            {
                "cross_entropy_backward": lambda x, target: (
                    (solutions.softmax(x) - hit(x, target)) / len(x) ** 2
                )
            },
            3,
        ),
        Mistake(
            "1/N stands at one of the two terms alone; it divides the whole difference",
            {
                "cross_entropy_backward": lambda x, target: (
                    solutions.softmax(x) - hit(x, target) / len(x)
                )
            },
            3,
        ),
        Mistake(
            "the truth is divided by nothing: 1/N stands at the probabilities alone; it divides "
            "the whole difference",
            {
                "cross_entropy_backward": lambda x, target: (
                    solutions.softmax(x) / len(x) - hit(x, target)
                )
            },
            3,
        ),
        Mistake(
            "what is true is missing: these are the probabilities alone",
            {"cross_entropy_backward": lambda x, target: solutions.softmax(x) / len(x)},
            4,
        ),
        Mistake(
            "what the network believes is missing: this is NLL's part alone",
            {"cross_entropy_backward": solutions.nll_backward},
            3,
        ),
        Mistake(
            "softmax is missing: the truth is taken away from the scores themselves",
            {"cross_entropy_backward": lambda x, target: (x - hit(x, target)) / len(x)},
            4,
        ),
        Mistake(
            "log-probabilities, where probabilities are meant",
            {
                "cross_entropy_backward": lambda x, target: (
                    (solutions.log_softmax(x) - hit(x, target)) / len(x)
                )
            },
            4,
        ),
        Mistake(
            "the numbers of the classes are taken away; the truth of a row is 1 for one class and "
            "0 for the others",
            {
                "cross_entropy_backward": lambda x, target: (
                    (solutions.softmax(x) - target[:, None]) / len(x)
                )
            },
            4,
        ),
        Mistake(
            "1 is taken away from every class; only the right one is true",
            {"cross_entropy_backward": lambda x, target: (solutions.softmax(x) - 1) / len(x)},
            4,
        ),
        Mistake(
            "1 is taken away in whole columns: a colon in place of the rows; pairs are meant",
            {"cross_entropy_backward": column_minus_one},
            4,
        ),
        Mistake(
            "only the right class has a gradient; a score moves the probabilities of its whole row",
            {
                "cross_entropy_backward": lambda x, target: (
                    hit(x, target) * (solutions.softmax(x) - 1) / len(x)
                )
            },
            3,
        ),
        Mistake(
            "softmax's backward comes twice: the difference is the gradient of the scores already",
            {
                "cross_entropy_backward": lambda x, target: solutions.softmax_backward(
                    solutions.cross_entropy_backward(x, target), solutions.softmax(x)
                )
            },
            3,
        ),
        Mistake(
            "the difference is multiplied by p * (1 - p), a sigmoid's slope; it is the gradient of "
            "the scores already",
            {
                "cross_entropy_backward": lambda x, target: (
                    solutions.cross_entropy_backward(x, target)
                    * solutions.softmax(x)
                    * (1 - solutions.softmax(x))
                )
            },
            3,
        ),
        Mistake(
            "the difference is multiplied by the probabilities; it is the gradient of the scores "
            "already",
            {
                "cross_entropy_backward": lambda x, target: (
                    solutions.cross_entropy_backward(x, target) * solutions.softmax(x)
                )
            },
            3,
        ),
        Mistake(
            "the slope by the probabilities, -1 / p; go on through softmax to the scores",
            {
                "cross_entropy_backward": by_probabilities,
            },
            5,
        ),
        Mistake(
            "0 / 0 on the way through 1 / p: where p has become 0, the fused gradient still holds",
            {
                "cross_entropy_backward": lambda x, target: solutions.softmax_backward(
                    by_probabilities(x, target), solutions.softmax(x)
                )
            },
            5,
        ),
        Mistake(
            "softmax along the wrong axis in backward: the classes of one row belong together",
            {
                "cross_entropy_backward": lambda x, target: (
                    (solutions.softmax(x.T).T - hit(x, target)) / len(x)
                )
            },
            3,
        ),
        Mistake(
            "overflow in backward: inf / inf is nan; your softmax of exercise 09 can do better",
            {
                "cross_entropy_backward": lambda x, target: (
                    (plain_softmax(x) - hit(x, target)) / len(x)
                )
            },
            5,
        ),
        Mistake(
            "one number for the whole batch is taken away in backward; each row needs its own",
            {"cross_entropy_backward": lambda x, target: (of_batch(x) - hit(x, target)) / len(x)},
            5,
        ),
    ),
    hints=(
        "Forward: two of your own functions, one inside the other. Backward: put what nll_backward "
        "gives into log_softmax_backward, for one row.",
        "A row of dlog_p sums to -1/N, whatever the target. So in dlog_p - exp(log_p) * sum, the "
        "second term is +exp(log_p) / N.",
        "What the network believes, minus what is true, divided by N: "
        "dx = (softmax(x) - one_hot) / N, where one_hot is 1 at [n, target[n]] and 0 elsewhere.",
    ),
    library=(
        "tinynet.workbook.solutions:cross_entropy",
        "tinynet.workbook.solutions:cross_entropy_backward",
        "tinynet.kernels.losses:cross_entropy_reference",
        "tinynet.kernels.losses:cross_entropy_dx_reference",
    ),
    module=module,
)
