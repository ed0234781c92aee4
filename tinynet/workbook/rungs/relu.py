"""How 02_relu.py is graded: against differences away from the kink, and at the kink by rule."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.support.types import Array
from tinynet.workbook import solutions
from tinynet.workbook.examples import NUMBERS, array, by_differences, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values
from tinynet.workbook.wrapped import Backward


def shape(draw: DrawFn) -> list[int]:
    return [draw(sizes()) for _ in range(draw(sizes(most=3)))]


@st.composite
def inputs(draw: DrawFn) -> Example:
    return {"x": array(draw, *shape(draw))}


@st.composite
def beside_the_kink(draw: DrawFn) -> Example:
    size = shape(draw)
    return {name: array(draw, *size, of=BUT_ZERO) for name in ("dy", "x")}


@st.composite
def at_the_kink(draw: DrawFn) -> Example:
    n = draw(sizes())
    return {"dy": array(draw, n, of=BUT_ZERO), "x": array(draw, n, of=(0.0, 1.0, -1.0))}


BUT_ZERO = [q for q in NUMBERS if q]
"""A dy of 0 would hide what it is multiplied by."""


def run_forward(parts: Parts, x: Array) -> Values:
    return {"y": parts.relu(x)}


def run_backward(parts: Parts, dy: Array, x: Array) -> Values:
    return {"dx": parts.relu_backward(dy, x)}


def module(parts: Parts) -> tuple[Any, ...]:
    class ReLU(Backward):
        def forward(self, x: Array) -> Array:
            self.keep(x)
            return solutions.relu(x)

        def backward(self, dy: Array) -> Array:
            dy, x = self.kept(dy)
            return np.asarray(parts.relu_backward(dy, x))

    return ReLU(), (5, 3)


def forward(function: Callable[[Array], Any]) -> dict[str, Any]:
    return {"relu": function}


def backward(function: Callable[[Array, Array], Any]) -> dict[str, Any]:
    return {"relu_backward": function}


def in_place(x: Array) -> Array:
    return np.maximum(x, 0, out=x)


def stopped_in_place(dy: Array, x: Array) -> Array:
    dy[x <= 0] = 0
    return dy


RUNG = Rung(
    claims=(
        Claim("y is x where x is positive, else 0", inputs(), run_forward, 1),
        Claim(
            "dx is what differences give",
            beside_the_kink(),
            run_backward,
            3,
            by_differences(solutions.relu, dx="x"),
            1e-7,
        ),
        Claim("at 0 the slope is 0", at_the_kink(), run_backward, 5),
    ),
    mistakes=(
        Mistake(
            "one number for each column: np.max(x, 0) is the largest along axis 0; each number is "
            "for itself",
            forward(lambda x: np.max(x, 0)),
            1,
        ),
        Mistake(
            "one number for all: it is the largest; each number is for itself",
            forward(lambda x: max(x.max(), 0.0)),
            1,
        ),
        Mistake(
            "the absolute value: a negative number does not turn positive, it becomes 0",
            forward(np.abs),
            1,
        ),
        Mistake(
            "the wrong half passes: negative numbers do, and positive ones become 0",
            forward(lambda x: np.minimum(x, 0)),
            1,
        ),
        Mistake(
            "a step of 0 and 1, the slope of ReLU; a positive number passes as it is",
            forward(lambda x: (x > 0) * 1.0),
            1,
        ),
        Mistake(
            "negative numbers are made smaller, not 0: that is a leaky ReLU",
            forward(lambda x: np.where(x > 0, x, 0.01 * x)),
            1,
        ),
        Mistake(
            "positive numbers are left out: y is shorter than x; put 0 where x is not positive",
            forward(lambda x: x[x > 0]),
            1,
        ),
        Mistake(
            "x itself is changed and handed back; others still need it, so make a new array",
            forward(in_place),
            1,
        ),
        Mistake(
            "dy itself is changed and handed back; others still need it, so make a new array",
            backward(stopped_in_place),
            3,
        ),
        Mistake(
            "dy is missing: it is the slope alone; multiply by what comes back (the chain rule)",
            backward(lambda dy, x: (x > 0) * 1.0),
            3,
        ),
        Mistake(
            "it asks the wrong array: where dy is positive is no matter; ask x",
            backward(lambda dy, x: np.where(dy > 0, dy, 0)),
            4,
        ),
        Mistake(
            "it asks one array too many: a negative dy passes too, where x is positive",
            backward(lambda dy, x: np.where((dy > 0) & (x > 0), dy, 0)),
            4,
        ),
        Mistake(
            "the slope is 1 where x is positive, and not x",
            backward(lambda dy, x: dy * np.maximum(x, 0)),
            3,
        ),
        Mistake(
            "forward again: it is y, not dx; multiply dy by the slope at x",
            backward(lambda dy, x: np.maximum(x, 0)),
            3,
        ),
        Mistake(
            "multiplied by x: a product has that slope, ReLU has 1 or 0",
            backward(lambda dy, x: dy * x),
            3,
        ),
        Mistake(
            "the wrong half passes: dy comes through where x is negative",
            backward(lambda dy, x: np.where(x > 0, 0, dy)),
            4,
        ),
        Mistake(
            "dy passes where x is negative too; there, y stays 0, whatever x does",
            backward(lambda dy, x: dy.copy()),
            4,
        ),
        Mistake(
            "it stops dy only where x is exactly 0; what is x where y is 0?",
            backward(lambda dy, x: np.where(x == 0, 0, dy)),
            4,
        ),
        Mistake(
            "the slope is -1 where x is negative, as of the absolute value; there, y stands still",
            backward(lambda dy, x: dy * np.sign(x)),
            3,
        ),
        Mistake(
            "a little passes where x is negative: that is a leaky ReLU",
            backward(lambda dy, x: np.where(x > 0, dy, 0.01 * dy)),
            3,
        ),
        Mistake(
            "the slope at 0 is 1; it should be 0: is 0 positive?",
            backward(lambda dy, x: np.where(x >= 0, dy, 0)),
            5,
        ),
        Mistake(
            "the slope at 0 is a half; a mean of both sides can be defended, but all choose 0",
            backward(lambda dy, x: dy * (np.sign(x) + 1) / 2),
            5,
        ),
    ),
    hints=(
        "Say it in words for one number: where x is positive, dx is ...; else dx is ...",
        "For relu, NumPy knows the larger of two numbers, number by number. For relu_backward, "
        "x > 0 is an array of True and False, which count as 1 and 0; np.where chooses by it.",
        "y = np.maximum(x, 0), and dx = np.where(x > 0, dy, 0), which is dy * (x > 0).",
    ),
    library=(
        "tinynet.kernels.activations:relu_reference",
        "tinynet.kernels.activations:relu_dx_reference",
    ),
    module=module,
)
