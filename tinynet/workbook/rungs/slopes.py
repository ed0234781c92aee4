"""How 01_slopes.py is graded: against derivatives from the book, and with large steps exactly."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.support.types import Array
from tinynet.workbook import solutions
from tinynet.workbook.examples import array, number, numbers, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values


@dataclass(frozen=True)
class Named:
    """A function that shows its formula, which a reader can paste; and its derivative."""

    formula: str
    function: Callable[[Any], Any]
    slope: Callable[[Any], Any]

    def __call__(self, x: Any) -> Any:
        return self.function(x)

    def __repr__(self) -> str:
        return f"lambda x: {self.formula}"


def named(formula: str, slope: Callable[[Any], Any]) -> Named:
    return Named(formula, eval(f"lambda x: {formula}", {"np": np}), slope)


OF_NUMBERS = (
    named("x", lambda x: 1.0),
    named("x * x", lambda x: 2 * x),
    named("3 - 2 * x", lambda x: -2.0),
    named("x ** 3", lambda x: 3 * x * x),
    named("np.sin(x)", np.cos),
    named("x * np.sin(x)", lambda x: np.sin(x) + x * np.cos(x)),
)


def of_first(x: Array) -> Array:
    slopes = np.zeros(x.shape)
    slopes[0] = 2 * x[0]
    return slopes


OF_ARRAYS = (
    named("x.sum()", np.ones_like),
    named("(x * x).sum()", lambda x: 2 * x),
    named("x.sum() ** 2", lambda x: np.full(x.shape, 2 * x.sum())),
    named("(x ** 3).sum()", lambda x: 3 * x * x),
    named("x.ravel() @ np.arange(x.size)", lambda x: np.arange(x.size).reshape(x.shape)),
    named("(x[0] ** 2).sum()", of_first),
    named("np.sin(x).sum()", np.cos),
)

STEPS = (1.0, 0.5, 2.0, 0.25)
"""So large that other quotients than the central one give clearly other numbers."""


def shape(draw: DrawFn) -> list[int]:
    return [draw(sizes(most=3)) for _ in range(draw(sizes(most=3)))]


@st.composite
def at_numbers(draw: DrawFn) -> Example:
    return {"f": draw(st.sampled_from(OF_NUMBERS)), "x": number(draw)}


@st.composite
def at_numbers_with_steps(draw: DrawFn) -> Example:
    return {**draw(at_numbers()), "h": number(draw, STEPS)}


@st.composite
def at_arrays(draw: DrawFn) -> Example:
    return {"f": draw(st.sampled_from(OF_ARRAYS)), "x": array(draw, *shape(draw))}


@st.composite
def at_arrays_with_steps(draw: DrawFn) -> Example:
    return {**draw(at_arrays()), "h": number(draw, STEPS)}


@st.composite
def at_integers(draw: DrawFn) -> Example:
    whole = [q for q in numbers() if q.is_integer()]
    x = array(draw, *shape(draw), of=whole).astype(np.int64)
    return {"f": draw(st.sampled_from(OF_ARRAYS)), "x": x}


def run_slope(parts: Parts, f: Named, **arguments: Any) -> Values:
    return {"slope": parts.slope(f, **arguments)}


def run_gradient(parts: Parts, f: Named, **arguments: Any) -> Values:
    return {"gradient": parts.gradient(f, **arguments)}


def true_slope(f: Named, x: float) -> Values:
    return {"slope": f.slope(x)}


def true_gradient(f: Named, x: Array) -> Values:
    return {"gradient": f.slope(x)}


def both(quotient: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    """Both parts, with ``quotient(f, x, step, h)`` for the slope along a step of length h."""

    def slope(f: Named, x: float, h: float = 1e-5) -> Any:
        return quotient(f, x, h, h)

    def gradient(f: Named, x: Array, h: float = 1e-5) -> Array:
        return place_by_place(x, h, lambda step: quotient(f, x, step, h))

    return {"slope": slope, "gradient": gradient}


def place_by_place(x: Array, h: float, slope_along: Callable[[Array], Any]) -> Array:
    slopes = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        step = np.zeros(x.shape)
        step[place] = h
        slopes[place] = slope_along(step)
    return slopes


def all_together(f: Named, x: Array, h: float = 1e-5) -> Any:
    return solutions.slope(f, x, h)


def all_together_everywhere(f: Named, x: Array, h: float = 1e-5) -> Array:
    return np.full(x.shape, solutions.slope(f, x, h))


def still_moved(f: Named, x: Array, h: float = 1e-5) -> Array:
    slopes, moved = np.zeros(x.shape), x.astype(np.float64)
    for place in np.ndindex(x.shape):
        moved[place] += h
        above = f(moved)
        moved[place] -= 2 * h
        slopes[place] = (above - f(moved)) / (2 * h)
    return slopes


def piled_up(f: Named, x: Array, h: float = 1e-5) -> Array:
    slopes, up, down = np.zeros(x.shape), x.astype(np.float64), x.astype(np.float64)
    for place in np.ndindex(x.shape):
        up[place] += h
        down[place] -= h
        slopes[place] = (f(up) - f(down)) / (2 * h)
    return slopes


def row_by_row(f: Named, x: Array, h: float = 1e-5) -> Array:
    slopes = np.zeros(x.shape)
    for n in range(len(x)):
        step = np.zeros(x.shape)
        step[n] = h
        slopes[n] = (f(x + step) - f(x - step)) / (2 * h)
    return slopes


def one_for_each_row(f: Named, x: Array, h: float = 1e-5) -> Array:
    return row_by_row(f, x, h).reshape(len(x), -1)[:, 0]


def flat(f: Named, x: Array, h: float = 1e-5) -> Array:
    return solutions.gradient(f, x, h).ravel()


def of_flat(f: Named, x: Array, h: float = 1e-5) -> Array:
    return solutions.gradient(f, x.ravel(), h).reshape(x.shape)


def of_one_number(f: Named, x: Array, h: float = 1e-5) -> Array:
    slopes = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        slopes[place] = solutions.slope(f, x[place], h)
    return slopes


def only_first(f: Named, x: Array, h: float = 1e-5) -> Array:
    slopes = solutions.gradient(f, x, h)
    slopes.flat[1:] = 0
    return slopes


def in_integers(f: Named, x: Array, h: float = 1e-5) -> Array:
    slopes = np.zeros(x.shape)
    for place in np.ndindex(x.shape):
        up, down = x.copy(), x.copy()
        up[place], down[place] = x[place] + h, x[place] - h
        slopes[place] = (f(up) - f(down)) / (2 * h)
    return slopes


def all_in_integers(f: Named, x: Array, h: float = 1e-5) -> Array:
    return in_integers(f, x, h).astype(x.dtype)


def to_integers(f: Named, x: Array, h: float = 1e-5) -> Array:
    return solutions.gradient(f, x, h).astype(x.dtype)


def step_of_integers(f: Named, x: Array, h: float = 1e-5) -> Array:
    def along(step: Array) -> Any:
        step = step.astype(x.dtype)
        return (f(x + step) - f(x - step)) / (2 * h)

    return place_by_place(x, h, along)


RUNG = Rung(
    claims=(
        Claim("slope is the derivative", at_numbers(), run_slope, 1, true_slope, 1e-7),
        Claim("slope takes steps of h", at_numbers_with_steps(), run_slope, 3),
        Claim(
            "gradient is right, for every shape", at_arrays(), run_gradient, 4, true_gradient, 1e-7
        ),
        Claim("gradient takes steps of h", at_arrays_with_steps(), run_gradient, 3),
        Claim("x may hold integers", at_integers(), run_gradient, 6, true_gradient, 1e-7),
    ),
    mistakes=(
        Mistake(
            "a step to one side only, forward; the bend of the graph is still in it",
            both(lambda f, x, step, h: (f(x + step) - f(x)) / h),
            2,
        ),
        Mistake(
            "a step to one side only, backward; the bend of the graph is still in it",
            both(lambda f, x, step, h: (f(x) - f(x - step)) / h),
            2,
        ),
        Mistake(
            "twice too steep: how far is it from x - h to x + h?",
            both(lambda f, x, step, h: (f(x + step) - f(x - step)) / h),
            1,
        ),
        Mistake(
            "half as steep as f is: from x to x + h the run is h, and not 2 * h",
            both(lambda f, x, step, h: (f(x + step) - f(x)) / (2 * h)),
            1,
        ),
        Mistake(
            "multiplied by h: a / 2 * h is (a / 2) * h; put the run in parentheses",
            both(lambda f, x, step, h: (f(x + step) - f(x - step)) / 2 * h),
            1,
        ),
        Mistake(
            "a rise without a run: divide by how far the two points are apart",
            both(lambda f, x, step, h: f(x + step) - f(x - step)),
            1,
        ),
        Mistake(
            "divided before the difference is taken: put the rise in parentheses",
            both(lambda f, x, step, h: f(x + step) - f(x - step) / (2 * h)),
            1,
        ),
        Mistake(
            "the sign is wrong: a slope is positive where f grows; which value comes first?",
            both(lambda f, x, step, h: (f(x - step) - f(x + step)) / (2 * h)),
            1,
        ),
        Mistake(
            "half a step to each side: h is how far each point is from x",
            both(lambda f, x, step, h: (f(x + step / 2) - f(x - step / 2)) / h),
            1,
        ),
        Mistake(
            "h is not used: it is an argument, and a caller may give another than 1e-5",
            {
                "slope": lambda f, x, h=1e-5: solutions.slope(f, x),
                "gradient": lambda f, x, h=1e-5: solutions.gradient(f, x),
            },
            3,
        ),
        Mistake(
            "all numbers move together, and one slope comes out; move one at a time",
            {"gradient": all_together},
            4,
        ),
        Mistake(
            "all numbers move together, for each place again; move the one at that place alone",
            {"gradient": all_together_everywhere},
            4,
        ),
        Mistake(
            "a number is still moved when the next one is; put each back, or take a new copy",
            {"gradient": still_moved},
            4,
        ),
        Mistake(
            "the steps pile up: numbers that were moved stay so; take new copies for each place",
            {"gradient": piled_up},
            4,
        ),
        Mistake(
            "a whole row moves at a time: x[n] of a matrix is a row; go through all places",
            {"gradient": row_by_row},
            4,
        ),
        Mistake(
            "a whole row moves at a time, and there is one slope for each row",
            {"gradient": one_for_each_row},
            4,
        ),
        Mistake("the slopes are right, but flat: give them the shape of x", {"gradient": flat}, 4),
        Mistake("f is handed a flat array; it may need the shape of x", {"gradient": of_flat}, 4),
        Mistake(
            "f is handed one number; it takes the whole array, with one number moved",
            {"gradient": of_one_number},
            4,
        ),
        Mistake(
            "only the first place has a slope; does `return` stand within the loop?",
            {"gradient": only_first},
            4,
        ),
        Mistake(
            "the step is lost: a copy of integers holds no x + h; make it a copy of floats",
            {"gradient": in_integers},
            6,
        ),
        Mistake(
            "the step is lost: neither a copy nor an array like x holds fractions, if x does not",
            {"gradient": all_in_integers},
            6,
        ),
        Mistake(
            "the slopes lose their fractions: zeros_like(x) is of integers here; ask for floats",
            {"gradient": to_integers},
            6,
        ),
        Mistake(
            "the step is 0: an array of integers holds no h; ask for floats",
            {"gradient": step_of_integers},
            6,
        ),
    ),
    hints=(
        "Draw the graph, mark x - h and x + h, and join the two points above them. Rise over run.",
        "The run is 2 * h. For gradient: a loop over np.ndindex(x.shape), and in it a copy of x as "
        "floats in which one number is h larger, and another in which it is h smaller.",
        "slope = (f(x + h) - f(x - h)) / (2 * h). gradient[place] = (f(up) - f(down)) / (2 * h), "
        "where up = x.astype(float), up[place] += h, and so for down.",
    ),
    library=("tinynet.gradcheck.differences:extrapolated",),
)
