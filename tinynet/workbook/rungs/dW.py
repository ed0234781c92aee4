"""How 05_dW.py is graded: against differences of the layer, and without square shapes only."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.module import Parameter
from tinynet.support.types import Array
from tinynet.workbook import solutions
from tinynet.workbook.examples import array, by_differences, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values
from tinynet.workbook.wrapped import Backward


@st.composite
def batches(draw: DrawFn) -> Example:
    N, I, O = draw(sizes()), draw(sizes()), draw(sizes())
    return {"dy": array(draw, N, O), "x": array(draw, N, I)}


def run(parts: Parts, dy: Array, x: Array) -> Values:
    return {"dW": parts.grad_W(dy, x)}


def truth(dy: Array, x: Array) -> Values:
    W = np.zeros((x.shape[1], dy.shape[1]))
    return _slopes(dy=dy, x=x, W=W, b=np.zeros(dy.shape[1]))


_slopes = by_differences(solutions.linear, dW="W")


def module(parts: Parts) -> tuple[Any, ...]:
    class Linear(Backward):
        W: Parameter
        b: Parameter

        def forward(self, x: Array) -> Array:
            self.keep(x)
            return solutions.linear(x, self.W.data, self.b.data)

        def backward(self, dy: Array) -> Array:
            dy, x = self.kept(dy)
            self.W.accumulate(np.asarray(parts.grad_W(dy, x)))
            self.b.accumulate(dy.sum(axis=0))
            return dy @ self.W.data.T

    return Linear(W=(3, 4), b=(4,)), (5, 3)


RUNG = Rung(
    claims=(Claim("dW is what differences give, for every shape", batches(), run, 2, truth, 1e-7),),
    mistakes=(
        Mistake(
            "transposed: its rows and columns are interchanged; dW has the shape of W, (I, O)",
            {"grad_W": lambda dy, x: dy.T @ x},
            3,
        ),
        Mistake(
            "a mean over the batch, where a sum is meant: the loss's 1/N is in dy already",
            {"grad_W": lambda dy, x: x.T @ dy / len(x)},
            2,
        ),
        Mistake(
            "the sum over the batch is missing: there is one matrix for each row",
            {"grad_W": lambda dy, x: x[:, :, None] * dy[:, None, :]},
            2,
        ),
        Mistake(
            "the sum over the batch is missing: only one row counts, the last",
            {"grad_W": lambda dy, x: np.outer(x[-1], dy[-1])},
            2,
        ),
        Mistake(
            "the sum over the batch is missing: only one row counts, the first",
            {"grad_W": lambda dy, x: np.outer(x[0], dy[0])},
            2,
        ),
        Mistake(
            "dy is missing: it is the sum of x alone; multiply by what comes back (the chain rule)",
            {"grad_W": lambda dy, x: np.repeat(x.sum(axis=0)[:, None], dy.shape[1], axis=1)},
            1,
        ),
        Mistake(
            "x is missing: it is the sum of dy alone, as for b; a weight's slope is its input",
            {"grad_W": lambda dy, x: np.repeat(dy.sum(axis=0)[None], x.shape[1], axis=0)},
            1,
        ),
        Mistake(
            "summed before it is multiplied: sum the products, row by row, and not each factor",
            {"grad_W": lambda dy, x: np.outer(x.sum(axis=0), dy.sum(axis=0))},
            2,
        ),
        Mistake(
            "the factors do not fit: N must stand inside the product; transpose one of them",
            {"grad_W": lambda dy, x: x @ dy},
            3,
        ),
        Mistake(
            "the sign is wrong: a gradient points uphill; the optimizer turns it round",
            {"grad_W": lambda dy, x: -(x.T @ dy)},
            1,
        ),
    ),
    hints=(
        "Write y[n, o] as a sum. In which terms does W[i, o] stand, and with what factor?",
        "dW[i, o] is the sum over n of x[n, i] * dy[n, o]. Three loops give that; which matrix "
        "product does?",
        "dW = x.T @ dy: (I, N) times (N, O) is (I, O).",
    ),
    library=("tinynet.layers.linear:Linear.backward",),
    module=module,
)
