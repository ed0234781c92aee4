"""How 04_linear.py is graded: against the sums, number by number, first without b."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.support.types import Array
from tinynet.workbook.examples import array, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values


@st.composite
def layers(draw: DrawFn) -> Example:
    N, I, O = draw(sizes()), draw(sizes()), draw(sizes())
    return {"x": array(draw, N, I), "W": array(draw, I, O), "b": array(draw, O)}


@st.composite
def layers_without_b(draw: DrawFn) -> Example:
    layer = draw(layers())
    return {**layer, "b": np.zeros_like(layer["b"])}


def run(parts: Parts, x: Array, W: Array, b: Array) -> Values:
    return {"y": parts.linear(x, W, b)}


def truth(x: Array, W: Array, b: Array) -> Values:
    y = [[sum(row * column) + c for column, c in zip(W.T, b)] for row in x]
    return {"y": np.array(y)}


def linear(function: Callable[[Array, Array, Array], Any]) -> dict[str, Any]:
    return {"linear": function}


RUNG = Rung(
    claims=(
        Claim("y is the sum of x times W, where b is 0", layers_without_b(), run, 3, truth),
        Claim("b is added to every row", layers(), run, 5, truth),
    ),
    mistakes=(
        Mistake("b is missing: it is added to every row", linear(lambda x, W, b: x @ W), 1),
        Mistake(
            "W is transposed; here it is stored as (I, O), so leave it as it is",
            linear(lambda x, W, b: x @ W.T + b),
            2,
        ),
        Mistake(
            "the factors are in the wrong order: I must stand inside, where it is summed away",
            linear(lambda x, W, b: W @ x + b),
            4,
        ),
        Mistake(
            "multiplied number by number, and nothing is summed: * is no matrix product",
            linear(lambda x, W, b: x * W + b),
            4,
        ),
        Mistake(
            "y is transposed: its rows are those of x, so its shape is (N, O)",
            linear(lambda x, W, b: (x @ W + b).T),
            3,
        ),
        Mistake(
            "b lies across, as a column: output o gets b[o], in every row",
            linear(lambda x, W, b: x @ W + b[:, None]),
            5,
        ),
        Mistake(
            "b is added to W, before the product: so x multiplies it as well",
            linear(lambda x, W, b: x @ (W + b)),
            1,
        ),
        Mistake(
            "b is added to x, before the product: so W multiplies it as well",
            linear(lambda x, W, b: (x + b) @ W),
            1,
        ),
        Mistake(
            "b is added once for each input: it stands outside the sum",
            linear(lambda x, W, b: x @ W + x.shape[1] * b),
            1,
        ),
        Mistake(
            "b is added to the first row only; every row gets it",
            linear(lambda x, W, b: x @ W + np.where(np.arange(len(x))[:, None] == 0, b, 0)),
            5,
        ),
        Mistake(
            "all of b is added to each output; output o has b[o] and no other",
            linear(lambda x, W, b: x @ W + b.sum()),
            2,
        ),
        Mistake("b is taken away; it is added", linear(lambda x, W, b: x @ W - b), 1),
        Mistake(
            "the sum over the inputs is missing: only the last one counts; add up with +=",
            linear(lambda x, W, b: x[:, -1:] * W[-1:] + b),
            1,
        ),
        Mistake(
            "the sum over the inputs is missing: only the first one counts",
            linear(lambda x, W, b: x[:, :1] * W[:1] + b),
            1,
        ),
        Mistake(
            "the sum over the inputs is missing: there is one product for each of them",
            linear(lambda x, W, b: x[:, :, None] * W + b),
            1,
        ),
        Mistake(
            "a mean over the inputs, where a sum is meant",
            linear(lambda x, W, b: x @ W / x.shape[1] + b),
            1,
        ),
        Mistake(
            "only the first row is computed; y has a row for each of x",
            linear(lambda x, W, b: x[0] @ W + b),
            3,
        ),
        Mistake(
            "the rows are summed too; each knows of no other",
            linear(lambda x, W, b: x.sum(axis=0) @ W + b),
            3,
        ),
        Mistake(
            "the outputs are summed too: there is one number for each row",
            linear(lambda x, W, b: (x @ W + b).sum(axis=1)),
            2,
        ),
        Mistake(
            "a ReLU is in it: negative sums stay negative here; the bend is a layer of its own",
            linear(lambda x, W, b: np.maximum(x @ W + b, 0)),
            3,
        ),
    ),
    hints=(
        "Three loops are right: over n, o, and in the innermost, which adds up, over i. Then look "
        "for the operator that does all three.",
        "x is (N, I), W is (I, O): only in one order do they fit, and the product is (N, O). To "
        "that, b is added; NumPy repeats it for every row.",
        "y = x @ W + b",
    ),
    library=("tinynet.kernels.products:linear_reference",),
)
