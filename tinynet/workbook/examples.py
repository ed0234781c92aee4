"""Examples for the claims: small arrays of plain numbers, which hypothesis makes still smaller.

All numbers are quarters, so that sums and products are exact and short to print. When a claim
fails, hypothesis looks for the smallest example that still fails: few rows, zeros and ones.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from tinynet.support.types import Array, Labels
from tinynet.workbook.rung import Example, Values

LARGEST = 4
"""Of all sizes: the smallest that tells N from 2 and from 2 * 2 is 3."""

STEP = 1e-3


def numbers(largest: float = 3, least: float | None = None) -> list[float]:
    """Quarters from `least`, by default -`largest`, to `largest`, the simplest first.

    0 is the simplest; whole numbers come before halves, and halves before quarters.
    """
    lowest = -largest if least is None else least
    quarters = [k / 4 for k in range(round(4 * lowest), round(4 * largest) + 1)]
    return sorted(quarters, key=lambda q: (_denominator(q), abs(q), q < 0))


def _denominator(quarter: float) -> int:
    return quarter.as_integer_ratio()[1]


def sizes(least: int = 1, most: int = LARGEST) -> SearchStrategy[int]:
    return st.integers(least, most)


def number(draw: DrawFn, of: Sequence[float] = ()) -> float:
    """One of the numbers."""
    return draw(st.sampled_from(of or NUMBERS))


def array(draw: DrawFn, *shape: int, of: Sequence[float] = ()) -> Array:
    """A float64 array of `shape`, of such numbers; at most 255 of them."""
    table = np.array(of or NUMBERS, np.float64)
    count = int(np.prod(shape))
    drawn = draw(st.binary(min_size=count, max_size=count))  # one draw for all: a byte a number
    return table[np.frombuffer(drawn, np.uint8) % len(table)].reshape(shape)


def labels(draw: DrawFn, N: int, C: int) -> Labels:
    """The right classes of N rows, each in [0, C)."""
    return array(draw, N, of=range(C)).astype(np.int64)


@st.composite
def scores(draw: DrawFn, of: Sequence[float] = ()) -> Example:
    """Scores x of some rows, for some classes."""
    return {"x": array(draw, draw(sizes()), draw(sizes()), of=of)}


NUMBERS = numbers()

FAR = (0.0, 1000.0, -1000.0, 999.0, -999.0, 1.0)
"""Scores so far out that exp of them, or of their differences, overflows or is 0."""


def by_differences(
    function: Callable[..., Any], upstream: str | None = "dy", **gradients: str
) -> Callable[..., Values]:
    """The truth about gradients: what small changes of an argument do to a function.

    Parameters
    ----------
    function : callable
        Of the example's arguments but `upstream`, by name; returns an array or a number.
    upstream : str or None
        The argument that is dLoss/doutput; None: the function's number is the loss.
    **gradients : str
        The name of each gradient, and of the argument that it belongs to: ``dW="W"``.

    Returns
    -------
    callable
        Of an example: the gradient of ``(output * dy).sum()`` for each of those arguments.
    """

    def truth(**example: Any) -> Example:
        arguments = {name: value for name, value in example.items() if name != upstream}
        dy = 1.0 if upstream is None else example[upstream]

        def loss_of(name: str) -> Callable[[Array], float]:
            def loss(moved: Array) -> float:
                value = moved if np.ndim(arguments[name]) else float(moved)
                return float((np.asarray(function(**{**arguments, name: value})) * dy).sum())

            return loss

        return {
            gradient: _slopes(loss_of(name), arguments[name])
            for gradient, name in gradients.items()
        }

    return truth


def _slopes(loss: Callable[[Array], float], x: Any) -> Array:
    """Central differences with two steps, extrapolated: of the fourth order."""
    x = np.asarray(x, np.float64)
    slopes = np.empty_like(x)
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = STEP
        wide = (loss(x + 2 * step) - loss(x - 2 * step)) / (4 * STEP)
        near = (loss(x + step) - loss(x - step)) / (2 * STEP)
        slopes[place] = near + (near - wide) / 3
    return slopes
