"""How 07_dx.py is graded: against differences of the layer, and without square shapes only."""

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
    return {"dy": array(draw, N, O), "W": array(draw, I, O)}


def run(parts: Parts, dy: Array, W: Array) -> Values:
    return {"dx": parts.grad_x(dy, W)}


def truth(dy: Array, W: Array) -> Values:
    x = np.zeros((dy.shape[0], W.shape[0]))
    return _slopes(dy=dy, x=x, W=W, b=np.zeros(W.shape[1]))


_slopes = by_differences(solutions.linear, dx="x")


def module(parts: Parts) -> tuple[Any, ...]:
    class Linear(Backward):
        W: Parameter
        b: Parameter

        def forward(self, x: Array) -> Array:
            self.keep(x)
            return solutions.linear(x, self.W.data, self.b.data)

        def backward(self, dy: Array) -> Array:
            dy, x = self.kept(dy)
            self.W.accumulate(solutions.grad_W(dy, x))
            self.b.accumulate(solutions.grad_b(dy))
            return np.asarray(parts.grad_x(dy, self.W.data))

    return Linear(W=(3, 4), b=(4,)), (5, 3)


RUNG = Rung(
    claims=(Claim("dx is what differences give, for every shape", batches(), run, 2, truth, 1e-7),),
    mistakes=(
        Mistake(
            "transposed: its rows and columns are interchanged; dx has the shape of x, (N, I)",
            {"grad_x": lambda dy, W: W @ dy.T},
            3,
        ),
        Mistake(
            "W is reshaped to (O, I), which moves its numbers to other places; what turns rows "
            "into columns is a transpose",
            {"grad_x": lambda dy, W: dy @ W.reshape(W.shape[::-1])},
            3,
        ),
        Mistake(
            "the factors do not fit: O must stand inside the product; turn W round",
            {"grad_x": lambda dy, W: dy @ W},
            3,
        ),
        Mistake(
            "the factors do not fit: O must stand inside the product, and N comes first",
            {"grad_x": lambda dy, W: W @ dy},
            3,
        ),
        Mistake(
            "summed over the batch; that is for W and b, which serve every row: each row of x has "
            "a gradient of its own",
            {"grad_x": lambda dy, W: (dy @ W.T).sum(axis=0)},
            2,
        ),
        Mistake(
            "a mean over the outputs, where a sum is meant: each of them adds its whole say",
            {"grad_x": lambda dy, W: dy @ W.T / W.shape[1]},
            2,
        ),
        Mistake(
            "divided by N: the loss's 1/N is in dy already, and rows have nothing to share here",
            {"grad_x": lambda dy, W: dy @ W.T / len(dy)},
            2,
        ),
        Mistake(
            "the sum over the outputs is missing: there is one number for each of them",
            {"grad_x": lambda dy, W: dy[:, None, :] * W},
            2,
        ),
        Mistake(
            "the sum over the outputs is missing: only one of them counts, the last",
            {"grad_x": lambda dy, W: np.outer(dy[:, -1], W[:, -1])},
            2,
        ),
        Mistake(
            "the sum over the outputs is missing: only one of them counts, the first",
            {"grad_x": lambda dy, W: np.outer(dy[:, 0], W[:, 0])},
            2,
        ),
        Mistake(
            "dy is missing: it is the sum of weights alone; multiply by what comes back (the chain "
            "rule)",
            {"grad_x": lambda dy, W: np.repeat(W.sum(axis=1)[None], len(dy), axis=0)},
            1,
        ),
        Mistake(
            "W is missing: it is the sum of dy alone; each output is reached by a weight",
            {"grad_x": lambda dy, W: np.repeat(dy.sum(axis=1)[:, None], len(W), axis=1)},
            1,
        ),
        Mistake(
            "summed before it is multiplied: sum the products, output by output, and not each "
            "factor",
            {"grad_x": lambda dy, W: np.outer(dy.sum(axis=1), W.sum(axis=1))},
            2,
        ),
        Mistake(
            "an inverse of W: that asks which x would make dy; a gradient is multiplied by W's "
            "weights once more",
            {"grad_x": lambda dy, W: dy @ np.linalg.pinv(W)},
            4,
        ),
        Mistake(
            "the sign is wrong: a gradient points uphill; the optimizer turns it round",
            {"grad_x": lambda dy, W: -(dy @ W.T)},
            1,
        ),
    ),
    hints=(
        "Write y[n, o] as a sum. In which of them does x[n, i] stand, and with what factor?",
        "dx[n, i] is the sum over o of dy[n, o] * W[i, o]. Both have o as their last axis; in a "
        "matrix product, it is the first of the second factor.",
        "dx = dy @ W.T: (N, O) times (O, I) is (N, I).",
    ),
    library=("tinynet.layers.linear:Linear.backward",),
    module=module,
)
