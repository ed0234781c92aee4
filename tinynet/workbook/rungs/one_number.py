"""How 03_one_number.py is graded: three slopes, against differences of the unit."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.workbook import solutions
from tinynet.workbook.examples import by_differences, number
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values


@st.composite
def inputs(draw: DrawFn) -> Example:
    return {name: number(draw) for name in ("x", "w", "b")}


@st.composite
def upstreams(draw: DrawFn) -> Example:
    return {name: number(draw) for name in ("dy", "x", "w")}


def run_forward(parts: Parts, x: float, w: float, b: float) -> Values:
    return {"y": parts.unit(x, w, b)}


def run_backward(parts: Parts, dy: float, x: float, w: float) -> Values:
    found = parts.unit_backward(dy, x, w)
    if found is None:
        return {}
    if not isinstance(found, tuple | list | np.ndarray) or len(found) != 3:
        raise TypeError(f"unit_backward returned {found!r}, expected three numbers: dx, dw, db")
    return dict(zip(("dx", "dw", "db"), found))


def truth(dy: float, x: float, w: float) -> Values:
    return _slopes(dy=dy, x=x, w=w, b=0.0)


_slopes = by_differences(solutions.unit, dx="x", dw="w", db="b")


def forward(function: Callable[[float, float, float], Any]) -> dict[str, Any]:
    return {"unit": function}


def backward(function: Callable[[float, float, float], Any]) -> dict[str, Any]:
    return {"unit_backward": function}


RUNG = Rung(
    claims=(
        Claim("y is right", inputs(), run_forward, 1),
        Claim("dx, dw and db are what differences give", upstreams(), run_backward, 3, truth, 1e-7),
    ),
    mistakes=(
        Mistake("b is missing: it is added to the product", forward(lambda x, w, b: x * w), 1),
        Mistake(
            "b is multiplied as well: first the product of x and w, then the sum",
            forward(lambda x, w, b: x * (w + b)),
            1,
        ),
        Mistake(
            "w is added to x; a weight says how much of x counts, so it is a factor",
            forward(lambda x, w, b: x + w + b),
            1,
        ),
        Mistake("b is taken away; it is added", forward(lambda x, w, b: x * w - b), 1),
        Mistake(
            "b and w have changed places: w is the factor, b what is added",
            forward(lambda x, w, b: x * b + w),
            1,
        ),
        Mistake(
            "dy is missing: these are the slopes of y; multiply each by dy (the chain rule)",
            backward(lambda dy, x, w: (w, x, 1.0)),
            3,
        ),
        Mistake(
            "dy is missing in db: b moves y, and y moves the loss, by dy",
            backward(lambda dy, x, w: (dy * w, dy * x, 1.0)),
            5,
        ),
        Mistake(
            "dx and dw have changed places: which number did the product grow by, in (4)?",
            backward(lambda dy, x, w: (dy * x, dy * w, dy)),
            4,
        ),
        Mistake(
            "the order is dx, dw, db, and not the other way round",
            backward(lambda dy, x, w: (dy, dy * x, dy * w)),
            2,
        ),
        Mistake(
            "dw is in the place of db and the other way round: the order is dx, dw, db",
            backward(lambda dy, x, w: (dy * w, dy, dy * x)),
            2,
        ),
        Mistake(
            "the order is dx, dw, db: db stands first",
            backward(lambda dy, x, w: (dy, dy * w, dy * x)),
            2,
        ),
        Mistake(
            "divided, where it is multiplied: backward does not undo forward",
            backward(lambda dy, x, w: (dy / w, dy / x, dy)),
            6,
        ),
        Mistake(
            "divided by w, where it is multiplied: backward does not undo forward",
            backward(lambda dy, x, w: (dy / w, dy * x, dy)),
            6,
        ),
        Mistake(
            "added, where it is multiplied: one factor after the other makes a product",
            backward(lambda dy, x, w: (dy + w, dy + x, dy)),
            3,
        ),
        Mistake(
            "dy passes unchanged to all three, as if y were x + w + b; x and w are multiplied",
            backward(lambda dy, x, w: (dy, dy, dy)),
            4,
        ),
        Mistake(
            "the whole product is the factor; only the other number is, for one of them grows",
            backward(lambda dy, x, w: (dy * x * w, dy * x * w, dy)),
            4,
        ),
        Mistake(
            "db is 0, as if b were fixed: let it grow by 1, and y grows too",
            backward(lambda dy, x, w: (dy * w, dy * x, 0.0)),
            5,
        ),
        Mistake(
            "db is multiplied by x, as dw is: no x stands before b",
            backward(lambda dy, x, w: (dy * w, dy * x, dy * x)),
            5,
        ),
        Mistake(
            "db is multiplied by w: b is added after w has done its work",
            backward(lambda dy, x, w: (dy * w, dy * x, dy * w)),
            5,
        ),
        Mistake(
            "the signs are wrong: a gradient points uphill; the optimizer turns it round",
            backward(lambda dy, x, w: (-dy * w, -dy * x, -dy)),
            3,
        ),
    ),
    hints=(
        "Let one number grow by 1 and hold the others: by how much does y grow? Do it for x, w, b.",
        "The slope of x * w + b is w in x, x in w, and 1 in b. Each is one of two factors.",
        "dx = dy * w, dw = dy * x, db = dy.",
    ),
)
