"""How 06_db.py is graded: against differences of the layer, for every shape of a batch."""

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
    return {"dy": array(draw, draw(sizes()), draw(sizes()))}


def run(parts: Parts, dy: Array) -> Values:
    return {"db": parts.grad_b(dy)}


def truth(dy: Array) -> Values:
    N, O = dy.shape
    return _slopes(dy=dy, x=np.ones((N, 1)), W=np.zeros((1, O)), b=np.zeros(O))


_slopes = by_differences(solutions.linear, db="b")


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
            self.b.accumulate(np.asarray(parts.grad_b(dy)))
            return solutions.grad_x(dy, self.W.data)

    return Linear(W=(3, 4), b=(4,)), (5, 3)


RUNG = Rung(
    claims=(Claim("db is what differences give, for every shape", batches(), run, 2, truth, 1e-7),),
    mistakes=(
        Mistake(
            "summed along the wrong axis: there is one number for each row, not for each output",
            {"grad_b": lambda dy: dy.sum(axis=1)},
            3,
        ),
        Mistake(
            "all of dy is summed into one number; each output has a bias of its own, and its own "
            "sum: say which axis",
            {"grad_b": lambda dy: dy.sum()},
            3,
        ),
        Mistake(
            "one number for all outputs: all of dy is summed, and then repeated; each bias has its "
            "own sum",
            {"grad_b": lambda dy: np.full(dy.shape[1], dy.sum())},
            3,
        ),
        Mistake(
            "a mean over the batch, where a sum is meant: the loss's 1/N is in dy already",
            {"grad_b": lambda dy: dy.mean(axis=0)},
            2,
        ),
        Mistake(
            "right numbers in an array of two axes, (1, O), as keepdims gives; db has the shape "
            "of b, (O,)",
            {"grad_b": lambda dy: dy.sum(axis=0, keepdims=True)},
            3,
        ),
        Mistake(
            "the wrong axis, and kept: (N, 1) has one number for each row; db has the shape of b, "
            "(O,)",
            {"grad_b": lambda dy: dy.sum(axis=1, keepdims=True)},
            3,
        ),
        Mistake(
            "an axis is lost where O is 1, as by squeeze; db has the shape of b, (O,), for any O",
            {"grad_b": lambda dy: dy.sum(axis=0).squeeze()},
            3,
        ),
        Mistake(
            "the sum over the batch is missing: dy comes back as it is, one row for each row of x",
            {"grad_b": lambda dy: dy},
            2,
        ),
        Mistake(
            "the sum over the batch is missing: there is one row of numbers for each row of dy",
            {"grad_b": lambda dy: dy.copy()},
            2,
        ),
        Mistake(
            "the sum over the batch is missing: only one row counts, the last",
            {"grad_b": lambda dy: dy[-1] * 1},
            2,
        ),
        Mistake(
            "the sum over the batch is missing: only one row counts, the first",
            {"grad_b": lambda dy: dy[0] * 1},
            2,
        ),
        Mistake(
            "dy is missing: the rows are counted; add up what each of them says (the chain rule)",
            {"grad_b": lambda dy: np.full(dy.shape[1], float(len(dy)))},
            1,
        ),
        Mistake(
            "dy is missing: it is 1 for each output, the slope of y alone; the chain rule "
            "multiplies it by what comes back",
            {"grad_b": lambda dy: np.ones(dy.shape[1])},
            1,
        ),
        Mistake(
            "the sign is wrong: a gradient points uphill; the optimizer turns it round",
            {"grad_b": lambda dy: -dy.sum(axis=0)},
            1,
        ),
    ),
    hints=(
        "In which numbers of y does b[o] stand, and with what factor?",
        "db[o] is the sum over n of dy[n, o]: each column of dy is summed for itself. NumPy's sum "
        "takes the axis that is to vanish.",
        "db = dy.sum(axis=0): (N, O) becomes (O,).",
    ),
    library=("tinynet.kernels.products:linear_db_reference",),
    module=module,
)
