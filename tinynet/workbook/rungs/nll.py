"""How 11_nll.py is graded: the loss of any negative numbers, and its slopes by differences."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.support.types import Array, Labels
from tinynet.workbook import solutions
from tinynet.workbook.examples import array, by_differences, labels, numbers, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values
from tinynet.workbook.wrapped import Backward

LOGARITHMS = [number for number in numbers(4) if number <= 0]


@st.composite
def guesses(draw: DrawFn) -> Example:
    N, C = draw(sizes()), draw(sizes())
    return {"log_p": array(draw, N, C, of=LOGARITHMS), "target": labels(draw, N, C)}


def run(parts: Parts, log_p: Array, target: Labels) -> Values:
    return {"loss": parts.nll(log_p, target)}


def run_backward(parts: Parts, log_p: Array, target: Labels) -> Values:
    return {"dlog_p": parts.nll_backward(log_p, target)}


_slopes = by_differences(solutions.nll, upstream=None, dlog_p="log_p")


def module(parts: Parts) -> tuple[Any, ...]:
    class NLL(Backward):
        def forward(self, log_p: Array, target: Labels) -> float:
            self.keep(log_p, target)
            return float(solutions.nll(log_p, target))

        def backward(self, dy: float = 1.0) -> Array:
            dy, log_p, target = self.kept(dy)
            return dy * np.asarray(parts.nll_backward(log_p, target))

    return NLL(), (5, 3), np.array([0, 2, 1, 1, 0])


def hit(log_p: Array, target: Labels) -> Array:
    """1 at the right class of each row, 0 elsewhere."""
    return (target[:, None] == np.arange(log_p.shape[1])).astype(float)


def picked(log_p: Array, target: Labels) -> Array:
    return log_p[np.arange(len(target)), target]


def first_row(log_p: Array, target: Labels) -> Array:
    return np.where(np.arange(len(target))[:, None] == 0, -hit(log_p, target), 0)


def whole_columns(log_p: Array, target: Labels) -> Array:
    return np.ones((len(target), 1)) * hit(log_p, target).max(axis=0) / -len(target)


RUNG = Rung(
    claims=(
        Claim("the loss is the mean of -log p of the right classes", guesses(), run, 1),
        Claim(
            "dlog_p is what differences give, for every shape",
            *(guesses(), run_backward, 4, _slopes, 1e-6),
        ),
    ),
    mistakes=(
        Mistake(
            "the minus is missing: a loss gets smaller when the right class gets likelier",
            {"nll": lambda log_p, target: picked(log_p, target).mean()},
            2,
        ),
        Mistake(
            "a sum over the rows, where a mean is meant",
            {"nll": lambda log_p, target: -picked(log_p, target).sum()},
            3,
        ),
        Mistake(
            "a sum over the rows, and the minus is missing",
            {"nll": lambda log_p, target: picked(log_p, target).sum()},
            3,
        ),
        Mistake(
            "the mean runs over all N * C numbers, the zeros among them; N numbers were picked",
            {"nll": lambda log_p, target: -(hit(log_p, target) * log_p).mean()},
            3,
        ),
        Mistake(
            "divided by the number of classes, not by the number of rows",
            {"nll": lambda log_p, target: -picked(log_p, target).sum() / log_p.shape[1]},
            3,
        ),
        Mistake(
            "one loss for each row: the mean over them is missing",
            {"nll": lambda log_p, target: -picked(log_p, target)},
            3,
        ),
        Mistake(
            "a colon in place of the rows: each row is asked about the targets of all rows",
            {"nll": lambda log_p, target: -log_p[:, target].mean()},
            1,
        ),
        Mistake(
            "target picks rows, but it names columns: the class within each row",
            {"nll": lambda log_p, target: -log_p[target].mean()},
            1,
        ),
        Mistake(
            "target is not used: the mean is over all classes, right and wrong ones",
            {"nll": lambda log_p, target: -log_p.mean()},
            1,
        ),
        Mistake(
            "target is not used: all classes of each row are added up, right and wrong ones",
            {"nll": lambda log_p, target: -log_p.sum(axis=1).mean()},
            1,
        ),
        Mistake(
            "the largest of each row is taken, what the network believes; target says what is true",
            {"nll": lambda log_p, target: -log_p.max(axis=1).mean()},
            1,
        ),
        Mistake(
            "the classes are counted from 1; target counts from 0",
            {"nll": lambda log_p, target: -picked(log_p, target - 1).mean()},
            1,
        ),
        Mistake(
            "the logarithm is taken again: log_p holds logarithms already",
            {"nll": lambda log_p, target: -np.log(picked(log_p, target)).mean()},
            2,
        ),
        Mistake(
            "log_p is taken back to probabilities; the loss is made of the logarithms",
            {"nll": lambda log_p, target: -np.exp(picked(log_p, target)).mean()},
            2,
        ),
        Mistake(
            "log_p goes through log-softmax again; that belongs to exercise 12",
            {
                "nll": lambda log_p, target: solutions.nll(solutions.log_softmax(log_p), target),
            },
            2,
        ),
        Mistake(
            "only one row counts, the last",
            {"nll": lambda log_p, target: -log_p[-1, target[-1]]},
            3,
        ),
        Mistake(
            "only one row counts, the first",
            {"nll": lambda log_p, target: -log_p[0, target[0]]},
            3,
        ),
        Mistake(
            "1/N is missing in backward: the loss is a mean",
            {"nll_backward": lambda log_p, target: -hit(log_p, target)},
            5,
        ),
        Mistake(
            "1/N and the minus are missing in backward: the gradient goes along with the loss, and "
            "that is a mean with a minus",
            {"nll_backward": hit},
            4,
        ),
        Mistake(
            "the minus is missing in backward: if log_p of the right class grows, the loss shrinks",
            {"nll_backward": lambda log_p, target: hit(log_p, target) / len(target)},
            4,
        ),
        Mistake(
            "divided by all N * C numbers; the mean of the loss is over N",
            {"nll_backward": lambda log_p, target: -hit(log_p, target) / log_p.size},
            5,
        ),
        Mistake(
            "divided by the number of classes in backward, not by the number of rows",
            {"nll_backward": lambda log_p, target: -hit(log_p, target) / log_p.shape[1]},
            5,
        ),
        Mistake(
            "every class gets a gradient; only the right ones were picked",
            {"nll_backward": lambda log_p, target: np.full(log_p.shape, -1 / len(target))},
            4,
        ),
        Mistake(
            "whole columns are set: a colon in place of the rows; pairs of indices are meant",
            {"nll_backward": whole_columns},
            1,
        ),
        Mistake(
            "whole columns are set: a colon in place of the rows; and 1/N is missing",
            {"nll_backward": lambda log_p, target: whole_columns(log_p, target) * len(target)},
            1,
        ),
        Mistake(
            "the log-probabilities themselves stand in it; the loss is made of them by a constant "
            "factor, and its slope is that constant",
            {"nll_backward": lambda log_p, target: -hit(log_p, target) * log_p / len(target)},
            4,
        ),
        Mistake(
            "a copy of log_p is what the numbers were put into; where no class was picked, the "
            "gradient is 0",
            {
                "nll_backward": lambda log_p, target: np.where(
                    hit(log_p, target) == 1, -1 / len(target), log_p
                )
            },
            4,
        ),
        Mistake(
            "1 / p is the slope by a probability; here it is by its logarithm",
            {
                "nll_backward": lambda log_p, target: (
                    -hit(log_p, target) / np.exp(log_p) / len(target)
                )
            },
            4,
        ),
        Mistake(
            "1 / log_p would be the slope of another logarithm; the loss takes none",
            {
                "nll_backward": lambda log_p, target: np.where(
                    hit(log_p, target) == 1, -1 / log_p / len(target), 0
                )
            },
            2,
        ),
        Mistake(
            "the softmax's part is in it already; this is the gradient of the scores (exercise 12)",
            {
                "nll_backward": lambda log_p, target: (
                    (np.exp(log_p) - hit(log_p, target)) / len(target)
                )
            },
            4,
        ),
        Mistake(
            "only the numbers of the right classes come back; the gradient has the shape of log_p",
            {"nll_backward": lambda log_p, target: np.full(len(target), -1 / len(target))},
            4,
        ),
        Mistake("only one row gets a gradient, the first", {"nll_backward": first_row}, 5),
    ),
    hints=(
        "Forward: one number of each row, then minus, then the mean. Backward: is the loss steeper "
        "where log_p is large, or equally steep everywhere?",
        "log_p[np.arange(N), target] are the N numbers. Each is multiplied by -1/N and added; all "
        "others are multiplied by 0.",
        "loss = -log_p[np.arange(N), target].mean(); dlog_p is zeros, but "
        "dlog_p[np.arange(N), target] = -1 / N.",
    ),
    library=(
        "tinynet.workbook.solutions:nll",
        "tinynet.workbook.solutions:nll_backward",
        "tinynet.kernels.losses:nll_reference",
        "tinynet.kernels.losses:nll_dx_reference",
    ),
    module=module,
)
