"""Every kernel's loop does what its equation says: all pairs, in both dtypes, by one test."""

import inspect
import math
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bounds import LIBM, ROUNDINGS, rounding_bound
from child import PYTHONPATH, TESTS
from conftest import JIT_IS_OFF
from drawn_windows import CONVOLUTIONS, Windowed, drawn_up_to
from drawn_windows import arguments as window_arguments
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import (
    assert_within,
    batch_sizes,
    densities,
    dtypes,
    logits,
    normal,
    probabilities,
    same_bits,
    seeds,
    widths,
)

from tinynet import kernels
from tinynet.kernels import PAIRS

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NumPy, where NaN and inf meet


LARGEST = 2**9 if JIT_IS_OFF else 2**17  # multiply-adds of a convolution


class Sizes:
    """N, I and O (or C) of one example, and how its arrays are drawn."""

    def __init__(self, seed: int, N: int, I: int, O: int, dtype: Any, density: float) -> None:
        self.rng = np.random.default_rng(seed)
        self.axes = {"N": N, "I": I, "O": O}
        self.dtype = dtype
        self.density = density
        few = min(N, 3 if JIT_IS_OFF else 20)
        window_rng = np.random.default_rng(seed + 1000 * I + O)
        self.windowed: Windowed = drawn_up_to(LARGEST, window_rng, (few,))

    def shape(self, names: str) -> list[int]:
        return [self.axes[name] for name in names]


Maker = Callable[[Sizes], Any]


def sparse(names: str) -> Maker:
    return lambda s: normal(s.rng, *s.shape(names), dtype=s.dtype, density=s.density)


def dense(names: str) -> Maker:
    return lambda s: normal(s.rng, *s.shape(names), dtype=s.dtype)


def positive(names: str) -> Maker:
    return lambda s: abs(sparse(names)(s))


def scalar(low: float, high: float) -> Maker:
    return lambda s: float(s.rng.uniform(low, high))


def labels(s: Sizes) -> Any:
    return s.rng.integers(s.axes["O"], size=s.axes["N"])


def labels_some_ignored(s: Sizes) -> Any:
    return np.where(s.rng.random(s.axes["N"]) < 0.3, -100, labels(s))


def pixels(s: Sizes) -> Any:
    return s.rng.integers(256, size=s.shape("NI"), dtype=np.uint8)


def share_of_rows(s: Sizes) -> Any:
    return s.rng.integers(s.axes["N"], size=s.axes["N"] // 2 + 1)


def between_0_and_1(s: Sizes) -> Any:
    return s.rng.random(s.shape("NO")).astype(s.dtype)


def some_outside(s: Sizes) -> Any:
    return between_0_and_1(s) * s.rng.choice([1, 1.1])


def for_rows(s: Sizes) -> Any:
    """A weight for each number, or one row of them for all."""
    rows = s.rng.choice([1, s.axes["N"]])
    return s.rng.uniform(0, 3, (rows, s.axes["O"])).astype(s.dtype)


def channels(s: Sizes) -> Any:
    return normal(s.rng, 1 + s.axes["I"] % 5, dtype=s.dtype)


def pictures(s: Sizes) -> Any:
    C, H, W = 1 + s.axes["I"] % 5, 1 + s.axes["O"] % 4, 1 + s.axes["O"] % 7
    return normal(s.rng, s.axes["N"], C, H, W, dtype=s.dtype, density=s.density)


OVER_PICTURES: dict[str, Maker] = {
    f"{kernel}.{argument}": maker
    for kernel, arguments in {
        "channel_mean": "x",
        "channel_variance": "x mean",
        "channel_sums": "dy",
        "channel_products": "dy z",
        "normalize_channels": "x mean var",
        "normalize_channels_dx": "dz z var",
        "by_channel_deviation": "dz var",
        "scale_channels": "dy weight",
        "scale_and_shift_channels": "z weight bias",
    }.items()
    for argument, maker in [
        *dict.fromkeys(("x", "dy", "z", "dz"), pictures).items(),
        *dict.fromkeys(("mean", "weight", "bias"), channels).items(),
        ("var", lambda s: (abs(channels(s)) + 0.01).astype(s.dtype)),
    ]
    if argument in arguments.split()
}
OVER_NUMBERS: dict[str, Maker] = {
    f"{kernel}{dx}.{argument}": maker
    for kernel, x, y in [
        ("squared_errors", dense("NO"), dense("NO")),
        ("absolute_errors", dense("NO"), dense("NO")),
        ("binary_cross_entropy", between_0_and_1, between_0_and_1),
        ("logits_cross_entropy", dense("NO"), between_0_and_1),
    ]
    for dx in ("", "_dx")
    for argument, maker in [
        *(("x", x), ("y", y), ("dy", dense("N"))),
        *(("weight", for_rows), ("positive", for_rows)),
    ]
}


def picture_size(s: Sizes) -> tuple[int, int]:
    return 3 + s.axes["I"] % 5, 4 + s.axes["O"] % 6


def pooled(dilation: int, fill: Any = None) -> Maker:
    """A number for each place of the window below."""

    def make(s: Sizes) -> Any:
        H, W = picture_size(s)
        shape = [s.axes["N"], 2, H + 2 - dilation, (W - 1) // 2 + 1]
        return normal(s.rng, *shape, dtype=s.dtype) if fill is None else fill(s, shape)

    return make


def somewhere(s: Sizes, shape: list[int]) -> Any:
    return s.rng.integers(math.prod(picture_size(s)), size=shape, dtype=np.int32)


WINDOWS: dict[str, Maker] = {
    f"{kernel}{dx}.{argument}": maker
    for kernel, dilation in (("max_pool", 2), ("avg_pool", 1))
    for dx in ("", "_dx")
    for argument, maker in [
        ("x", lambda s: normal(s.rng, s.axes["N"], 2, *picture_size(s), dtype=s.dtype)),
        ("kernel_size", lambda s: (2, 3)),
        *(("stride", lambda s: (1, 2)), ("padding", lambda s: (1, 1))),
        *(("dilation", lambda s: (2, 1)), ("size", picture_size)),
        ("count_include_pad", lambda s: s.axes["N"] % 2 == 0),
        *(("y", pooled(dilation)), ("dy", pooled(dilation)), ("won", pooled(dilation, somewhere))),
    ]
}
ARGUMENTS: dict[str, Maker] = (
    OVER_NUMBERS
    | OVER_PICTURES
    | WINDOWS
    | {
        "first_no_probability.values": some_outside,
        "x": sparse("NI"),
        "W": dense("IO"),
        "b": dense("O"),
        "dy": sparse("NO"),
        "y": sparse("NO"),
        "X": sparse("NI"),
        "gather_scaled.X": pixels,
        "scale": scalar(0.001, 1),
        "negative_slope": scalar(-1, 1),
        "leaky_relu_dx.dy": sparse("NI"),
        "relu6.x": lambda s: 9 * sparse("NI")(s),
        "relu6_dx.y": lambda s: (9 * sparse("NO")(s)).clip(0, 6),
        "sigmoid.x": lambda s: logits(s.rng, *s.shape("NI"), dtype=s.dtype),
        "softmax.x": lambda s: logits(s.rng, *s.shape("NI"), dtype=s.dtype),
        "log_softmax.x": lambda s: logits(s.rng, *s.shape("NI"), dtype=s.dtype),
        "log_probs": dense("NO"),
        "q": positive("NO"),
        "probabilities": lambda s: probabilities(s.rng, *s.shape("NO"), dtype=s.dtype),
        "labels": labels,
        "label_weights.labels": labels_some_ignored,
        "label_targets.labels": labels_some_ignored,
        "ignore_index": lambda s: -100,
        "weight": positive("O"),
        "weights": positive("N"),
        "nll_dx.dy": dense("N"),
        "cross_entropy_dx.dy": dense("N"),
        "classes": lambda s: s.axes["O"],
        "smoothing": scalar(0, 1),
        "total.values": sparse("N"),
        "values": sparse("IO"),
        "w": dense("IO"),
        "g": sparse("IO"),
        "a": dense("IO"),
        "add_scaled.b": sparse("IO"),
        "direction": sparse("IO"),
        "m": sparse("IO"),
        "v": positive("IO"),
        "highest": positive("IO"),
        "losses": dense("N"),
        "counts": lambda s: s.rng.uniform(0.1, 2, s.axes["N"]).astype(s.dtype),
        "counted": lambda s: np.append(1.0, s.rng.integers(2, size=s.axes["N"] - 1)),
        "numbers": lambda s: labels(s).astype(np.uint8),
        "ignored": lambda s: -100,
        "first_outside.labels": lambda s: s.rng.integers(-2, s.axes["O"] + 2, size=s.axes["N"]),
        "counted_labels.labels": labels_some_ignored,
        "row_mean_dx.dy": scalar(-1, 1),
        "rows": share_of_rows,
        "value": scalar(-1, 1),
        "fill.rows": lambda s: s.axes["N"],
        "add.b": sparse("IO"),
        "multiply.b": sparse("IO"),
        "p": scalar(0, 1),
        **dict.fromkeys(("mean", "bias", "running", "latest"), dense("I")),
        **dict.fromkeys(("z", "dz", "scale_columns.dy", "column_products.dy"), dense("NI")),
        **dict.fromkeys(("scale_columns.weight", "scale_and_shift.weight"), dense("I")),
        "var": lambda s: (abs(dense("I")(s)) + 0.01).astype(s.dtype),
        "count": lambda s: np.array(s.rng.integers(1, 9)),
        "unbiased.rows": lambda s: int(s.rng.integers(2, 99)),
        "state": lambda s: s.rng.integers(2**64, size=1, dtype=np.uint64),
        "mask": dense("NO"),
        "accumulate.total": dense("IO"),
        "more": sparse("IO"),
        "weight_decay": scalar(0, 1),
        "lr": scalar(0, 1),
        "factor": scalar(0, 1),
        "momentum": scalar(0, 1),
        "share": scalar(0, 1),
        "decay": scalar(0, 1),
        "beta1": scalar(0, 0.999),
        "beta2": scalar(0, 0.999),
        "eps": scalar(1e-8, 1e-3),
        "t": lambda s: int(s.rng.integers(1, 100)),
    }
)
"""How the argument of a name is made; ``kernel.name`` where one kernel needs it otherwise."""

NAMES = sorted(name for name in PAIRS if "." not in name)  # tinynet's own


def examples(test: Any) -> Any:
    """Draw sizes around every block's; besides, a sum of each product longer than its block.

    And one whose rows, each alone, meet rows of W so long that W is read along them; one that is
    wider than a strip; one whose dW and one whose dx are taken the other way round; a single row.
    """
    long = (7, 300, 17), (13, 17, 300), (300, 13, 17), (1, 17, 300)
    for N, I, O in (*long, (5, 70, 144), (9, 70, 1030), (40, 48, 10), (16, 70, 130)):
        test = example(seed=0, N=N, I=I, O=O, dtype=np.float32, density=0.9)(test)
    return given(seed=seeds, N=batch_sizes, I=widths, O=widths, dtype=dtypes, density=densities)(
        test
    )


def parameters(function: Any) -> list[str]:
    return list(inspect.signature(getattr(function, "py_func", function)).parameters)


def arguments(kernel: str, sizes: Sizes) -> dict[str, Any]:
    if kernel in CONVOLUTIONS:
        density = sizes.density

        def draw(shape: tuple[int, ...]) -> Any:
            return normal(sizes.rng, *shape, dtype=sizes.dtype, density=density)

        return window_arguments(sizes.windowed, PAIRS[kernel], draw)
    names = parameters(PAIRS[kernel].reference)
    missing = [n for n in names if n not in ARGUMENTS and f"{kernel}.{n}" not in ARGUMENTS]
    assert not missing, f"a new kernel: say in ARGUMENTS how to make {missing} of {kernel}"
    return {n: ARGUMENTS.get(f"{kernel}.{n}", ARGUMENTS.get(n))(sizes) for n in names}  # type: ignore[misc]


def in_float64(given_arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        name: value.astype(np.float64)
        if isinstance(value, np.ndarray) and value.dtype.kind == "f"
        else value
        for name, value in given_arguments.items()
    }


def equation(kernel: str, given_arguments: dict[str, Any]) -> Any:
    with np.errstate(all="ignore"):
        return PAIRS[kernel].reference(**in_float64(given_arguments))


def parts(result: Any) -> list[Any]:
    """The results of a kernel: an array, a number, or an array and a number."""
    return list(result) if isinstance(result, tuple) else [result]


def dtype_of(given_arguments: dict[str, Any]) -> Any:
    """The dtype of a result: that of the floating-point arguments; float32 from whole numbers."""
    arrays = [value for value in given_arguments.values() if isinstance(value, np.ndarray)]
    return next((array.dtype for array in arrays if array.dtype.kind == "f"), np.float32)


def result_dtype(kernel: str, given_arguments: dict[str, Any]) -> Any:
    return np.int64 if kernel in ("most_likely", "as_labels") else dtype_of(given_arguments)


def run(kernel: str, given_arguments: dict[str, Any]) -> Any:
    """What the loop computes, whichever way it hands it over; the arguments stay as they are."""
    pair = PAIRS[kernel]
    copies = {
        name: value.copy() if isinstance(value, np.ndarray) else value
        for name, value in given_arguments.items()
    }
    with np.errstate(all="ignore"):
        expected = pair.reference(**given_arguments)
        if pair.updates:
            pair.loop(**copies)
            updated = [copies.pop(name) for name in pair.updates]
            result = tuple(updated) if updated[1:] else updated[0]
        elif len(parameters(pair.loop)) == len(copies):
            result = pair.loop(**copies)
        else:
            array, *numbers = parts(expected)
            result = np.full(array.shape, np.nan, result_dtype(kernel, given_arguments))
            returned = pair.loop(*copies.values(), result)
            result = (result, returned) if numbers else result
    for name, value in copies.items():
        assert same_bits(value, given_arguments[name]), f"{kernel} changes its argument {name}"
    return result


@pytest.mark.parametrize("kernel", NAMES)
def test_the_loop_takes_the_arguments_of_its_equation_and_then_the_result(kernel):
    pair = PAIRS[kernel]
    names = parameters(pair.reference)
    assert pair.reference.__name__ == f"{kernel}_reference"
    assert getattr(kernels, kernel) is pair
    assert parameters(pair.loop)[: len(names)] == names
    assert len(parameters(pair.loop)) <= len(names) + 1
    assert set(pair.updates) <= set(names)


@pytest.mark.parametrize("kernel", NAMES)
@examples
def test_the_loop_computes_its_equation(kernel, seed, N, I, O, dtype, density):
    sizes = Sizes(seed, N, I, O, dtype, density)
    given_arguments = arguments(kernel, sizes)
    expected = equation(kernel, given_arguments)
    assert kernel in ROUNDINGS, f"a new kernel: say in bounds.py how far rounding carries {kernel}"
    roundings = ROUNDINGS[kernel](*in_float64(given_arguments).values())
    result = run(kernel, given_arguments)
    rounded_to = np.float64 if kernel in SUMS_IN_FLOAT64 else dtype_of(given_arguments)
    for part, exact, rounded in zip(*map(parts, (result, expected, roundings)), strict=True):
        assert_within(part, exact, rounding_bound(rounded, rounded_to))


SUMS_IN_FLOAT64 = {"total", "row_mean", "percent_right"}


@pytest.mark.parametrize("kernel", NAMES)
@examples
def test_nan_and_inf_go_where_the_equation_sends_them(kernel, seed, N, I, O, dtype, density):
    sizes = Sizes(seed, N, I, O, dtype, density)
    given_arguments = arguments(kernel, sizes)
    for name, value in given_arguments.items():
        if isinstance(value, np.ndarray) and value.dtype.kind == "f" and name not in STAY_FINITE:
            strays = sizes.rng.random(value.shape) < 0.05
            value[strays] = sizes.rng.choice([np.nan, np.inf, -np.inf], strays.sum())
    results = run(kernel, given_arguments), equation(kernel, given_arguments)
    for result, expected in zip(*map(parts, results), strict=True):
        finite = np.isfinite(expected)
        np.testing.assert_array_equal(np.isfinite(result), finite)
        np.testing.assert_array_equal(
            np.asarray(result, np.float64)[~finite], np.asarray(expected, np.float64)[~finite]
        )


STAY_FINITE = {"weight", "positive", "weights", "probabilities", "q"}
"""What the losses make themselves, or check."""


def is_row_by_row(kernel: str) -> bool:
    pair = PAIRS[kernel]
    outputs = len(parameters(pair.loop)) - len(parameters(pair.reference))
    in_rows = outputs == 1 and parameters(pair.reference)[0] in FIRST_AXIS_IS_N
    return in_rows and kernel not in SUMS_OVER_ROWS


SUMS_OVER_ROWS = {"linear_dW", "linear_db", "row_mean_dx", "column_mean", "column_variance"}
SUMS_OVER_ROWS |= {"column_products", "normalize_dx", "channel_mean", "channel_variance"}
SUMS_OVER_ROWS |= {"channel_sums", "channel_products"}
SUMS_OVER_ROWS |= {"conv2d_dw"}
FIRST_AXIS_IS_N = {"x", "dy", "y", "log_probs", "q", "labels", "weights", "probabilities", "won"}


def has_rows(name: str, value: Any, N: int) -> bool:
    weighs_numbers = name in ("weight", "positive") and value.ndim == 2 and len(value) == N
    return name in FIRST_AXIS_IS_N or weighs_numbers


@pytest.mark.parametrize("kernel", [name for name in NAMES if is_row_by_row(name)])
@examples
def test_a_row_alone_gives_the_same_bits_as_in_a_batch(kernel, seed, N, I, O, dtype, density):
    batch = arguments(kernel, Sizes(seed, N, I, O, dtype, density))
    together = run(kernel, batch)
    for n in range(len(together)):
        row = {k: v[n : n + 1] if has_rows(k, v, N) else v for k, v in batch.items()}
        assert same_bits(run(kernel, row), together[n : n + 1])


@examples
def test_a_feature_alone_gets_the_same_bits_of_dW_as_among_others(seed, N, I, O, dtype, density):
    rng = np.random.default_rng(seed)
    x, dy = normal(rng, N, I, dtype=dtype, density=density), normal(rng, N, O, dtype=dtype)
    dW = np.zeros((I, O), dtype)
    kernels.linear_dW.loop(x, dy, dW)
    for i in range(I):
        alone = np.zeros((1, O), dtype)
        kernels.linear_dW.loop(x[:, i : i + 1].copy(), dy, alone)
        assert same_bits(alone, dW[i : i + 1])


@example(seed=0, N=64, I=80, O=64, dtype=np.float32, density=0.2)
@example(seed=0, N=64, I=80, O=32, dtype=np.float32, density=0.9)
@example(seed=0, N=65, I=80, O=64, dtype=np.float32, density=0.2)
@example(seed=0, N=40, I=200, O=48, dtype=np.float32, density=0.2)
@example(seed=0, N=40, I=200, O=112, dtype=np.float32, density=0.3)
@example(seed=0, N=40, I=200, O=64, dtype=np.float32, density=0.6)
@examples
def test_a_linear_step_at_once_has_the_bits_of_gradient_and_step(seed, N, I, O, dtype, density):
    rng = np.random.default_rng(seed)
    x, dy = normal(rng, N, I, dtype=dtype, density=density), normal(rng, N, O, dtype=dtype)
    x[:, 0] = 0
    W, dW = normal(rng, I, O, dtype=dtype), np.empty((I, O), dtype)
    W[:2] = -0.0
    at_once, fetching = W.copy(), W.copy()
    kernels.linear_descend.loop(at_once, x, dy, 0.1)
    kernels.linear_descend_fetching.loop(fetching, x, dy, 0.1, x, rng.permutation(N))
    kernels.linear_dW.loop(x, dy, dW)
    kernels.descend.loop(W, dW, 0.1)
    assert same_bits(at_once, W)
    assert same_bits(fetching, W)


@examples
def test_whole_numbers_give_the_very_sums_of_integer_arithmetic(seed, N, I, O, dtype, density):
    rng = np.random.default_rng(seed)
    x, dy = (rng.integers(-4, 5, (N, width)) for width in (I, O))
    x *= rng.random(x.shape) < density
    W, b = rng.integers(-4, 5, (I, O)), rng.integers(-4, 5, O)
    x_, dy_, W_, b_ = (array.astype(dtype) for array in (x, dy, W, b))
    results = {
        "linear": (run("linear", {"x": x_, "W": W_, "b": b_}), x @ W + b),
        "linear_dx": (run("linear_dx", {"dy": dy_, "W": W_}), dy @ W.T),
        "linear_dW": (run("linear_dW", {"x": x_, "dy": dy_}), x.T @ dy),
        "linear_db": (run("linear_db", {"dy": dy_}), dy.sum(axis=0)),
    }
    for kernel, (result, exact) in results.items():
        np.testing.assert_array_equal(result, exact, kernel)


@pytest.mark.parametrize("nonzeros", [0.2, 0.9], ids=["sparse rows", "full rows"])
@pytest.mark.parametrize("stray", [np.nan, np.inf, -np.inf])
@given(seed=seeds, dtype=dtypes, O=widths)
def test_a_zero_input_hides_a_weight_that_is_not_finite(stray, nonzeros, seed, dtype, O):
    rng = np.random.default_rng(seed)
    x = normal(rng, 24, 33, dtype=dtype, density=nonzeros)
    W, b = normal(rng, 33, O, dtype=dtype), normal(rng, O, dtype=dtype)
    clean = run("linear", {"x": x, "W": W, "b": b})
    k, o = rng.integers(33), rng.integers(O)
    W[k, o] = stray
    y = run("linear", {"x": x, "W": W, "b": b})
    hidden = np.ones(y.shape, bool)
    hidden[:, o] = x[:, k] == 0
    assert same_bits(y[hidden], clean[hidden])
    np.testing.assert_array_equal(y[~hidden], x[~hidden[:, o], k] * W[k, o])


@pytest.mark.parametrize("N", [11, 19])
@pytest.mark.parametrize("stray", [np.nan, np.inf, -np.inf])
@given(seed=seeds, dtype=dtypes)
def test_the_last_of_full_rows_hides_a_weight_far_to_the_right(stray, N, seed, dtype):
    rng = np.random.default_rng(seed)
    x, W, b = (normal(rng, *shape, dtype=dtype) for shape in ((N, 70), (70, 130), (130,)))
    x[N - 1, 3] = 0
    clean = run("linear", {"x": x, "W": W, "b": b})
    W[3, 129] = stray
    y = run("linear", {"x": x, "W": W, "b": b})
    assert same_bits(y[N - 1], clean[N - 1])
    assert same_bits(y[:, :129], clean[:, :129])
    assert not np.isfinite(y[: N - 1, 129]).any()


@pytest.mark.parametrize("N", [1, 24])
@pytest.mark.parametrize("stray", [np.nan, np.inf, -np.inf])
@given(seed=seeds, dtype=dtypes, I=widths, density=st.sampled_from([0.2, 0.9]))
def test_a_zero_upstream_hides_a_weight_that_is_not_finite(stray, N, seed, dtype, I, density):
    rng = np.random.default_rng(seed)
    dy, W = normal(rng, N, 33, dtype=dtype, density=density), normal(rng, I, 33, dtype=dtype)
    clean = run("linear_dx", {"dy": dy, "W": W})
    i, o = rng.integers(I), rng.integers(33)
    W[i, o] = stray
    dx = run("linear_dx", {"dy": dy, "W": W})
    hidden = np.ones(dx.shape, bool)
    hidden[:, i] = dy[:, o] == 0
    assert same_bits(dx[hidden], clean[hidden])
    np.testing.assert_array_equal(dx[~hidden], dy[~hidden[:, i], o] * W[i, o])


@pytest.mark.parametrize("stray", [np.nan, np.inf, -np.inf])
@given(seed=seeds, dtype=dtypes, O=widths, density=st.sampled_from([0.2, 0.9]))
def test_an_upstream_that_is_not_finite_reaches_dW_where_x_is_not_zero(
    stray, seed, dtype, O, density
):
    rng = np.random.default_rng(seed)
    x = normal(rng, 33, 96, dtype=dtype, density=density)
    dy = normal(rng, 33, O, dtype=dtype)
    clean = run("linear_dW", {"x": x, "dy": dy})
    n, o = rng.integers(33), rng.integers(O)
    dy[n, o] = stray
    dW = run("linear_dW", {"x": x, "dy": dy})
    hidden = np.ones(dW.shape, bool)
    hidden[:, o] = x[n] == 0
    assert same_bits(dW[hidden], clean[hidden])
    np.testing.assert_array_equal(dW[~hidden], x[n, x[n] != 0] * stray)
    db = run("linear_db", {"dy": dy})
    np.testing.assert_array_equal(np.isfinite(db), np.arange(O) != o)


@pytest.mark.parametrize("stray", [np.nan, np.inf, -np.inf])
@given(seed=seeds, dtype=dtypes, O=widths)
def test_an_input_that_is_not_finite_reaches_dW_where_dy_is_zero(stray, seed, dtype, O):
    rng = np.random.default_rng(seed)
    x, dy = normal(rng, 33, 96, dtype=dtype), normal(rng, 33, O, dtype=dtype, density=0.9)
    n, i = rng.integers(33), rng.integers(96)
    x[n, i], dy[n] = stray, 0
    dW = run("linear_dW", {"x": x, "dy": dy})
    np.testing.assert_array_equal(np.isnan(dW), (np.arange(96) == i)[:, None] & np.full(O, True))


@pytest.mark.parametrize("stray", [np.nan, np.inf, -np.inf])
@given(seed=seeds, dtype=dtypes)
def test_linear_dx_of_a_few_rows_and_wide_weights_hears_of_the_same_strays(stray, seed, dtype):
    rng = np.random.default_rng(seed)
    dy, W = normal(rng, 16, 130, dtype=dtype, density=0.9), normal(rng, 70, 130, dtype=dtype)
    W[:, 0] = 0
    n, o, i = rng.integers(16), rng.integers(1, 130), rng.integers(70)
    dy[n, o] = 0
    W[i, o] = stray
    dx = run("linear_dx", {"dy": dy, "W": W})
    assert np.isfinite(dx[n, i])
    np.testing.assert_array_equal(
        np.isfinite(dx), np.isfinite(equation("linear_dx", {"dy": dy, "W": W}))
    )
    W[i, o], dy[n, 0] = 1, stray
    dx = run("linear_dx", {"dy": dy, "W": W})
    np.testing.assert_array_equal(np.isnan(dx), np.arange(16)[:, None] == np.full(70, n))


@given(dtype=dtypes, I=st.sampled_from([30, 65]), O=st.sampled_from([3, 10, 16]))
def test_a_row_of_linear_keeps_the_sign_of_its_zero_among_others(dtype, I, O):
    x = np.ones((20, I), dtype)
    x[3] = 0
    x[3, 0] = np.finfo(dtype).tiny
    W, b = np.full((I, O), -np.finfo(dtype).tiny, dtype), np.full(O, -0.0, dtype)
    together = run("linear", {"x": x, "W": W, "b": b})
    assert same_bits(run("linear", {"x": x[3:4], "W": W, "b": b}), together[3:4])


@given(seed=seeds, dtype=dtypes, C=widths)
def test_the_most_likely_class_is_the_first_of_the_largest_or_nan(seed, dtype, C):
    rng = np.random.default_rng(seed)
    y = rng.choice(np.array([-np.inf, -1, 0, 1, np.inf, np.nan], dtype), (20, C))
    np.testing.assert_array_equal(run("most_likely", {"y": y}), y.argmax(axis=1))


@given(seed=seeds, dtype=dtypes, order=st.permutations([0.2, 0.95, 0.0, 0.95, 0.2]))
def test_linear_of_sparse_and_full_blocks_in_any_order_has_the_very_sums(seed, dtype, order):
    rng = np.random.default_rng(seed)
    x = np.hstack([rng.integers(1, 5, (32, 64)) * (rng.random((32, 64)) < d) for d in order])
    W, b = rng.integers(-4, 5, (320, 64)), rng.integers(-4, 5, 64)
    x_, W_, b_ = (array.astype(dtype) for array in (x, W, b))
    np.testing.assert_array_equal(run("linear", {"x": x_, "W": W_, "b": b_}), x @ W + b)


def exp(x: Any) -> Any:
    """What a kernel makes of exp, beside a class that makes up the row's target."""
    log_probs, q = np.zeros((len(x), 2), x.dtype), np.zeros((len(x), 2), x.dtype)
    log_probs[:, 0], q[:, 1] = x, 1
    dx = np.empty_like(q)
    kernels.cross_entropy_dx(np.ones(len(x), x.dtype), log_probs, q, dx)
    return dx[:, 0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exp_is_right_to_a_few_units_in_the_last_place_and_at_its_ends(dtype):
    low, high = np.log(np.finfo(dtype).smallest_subnormal), np.log(np.finfo(dtype).max)
    x = np.concatenate([np.linspace(low, high, 40_001), np.linspace(-1, 1, 20_001)]).astype(dtype)
    x = x[(x > low) & (x < high)]
    exact, y = np.exp(x.astype(np.longdouble)), exp(x)
    assert (abs(y - exact) <= LIBM / 2 * np.spacing(exact.astype(dtype))).all()
    for n in range(0, len(x), 1009):
        assert same_bits(exp(x[n : n + 1]), y[n : n + 1])
    ends = np.array([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e30, -1e30, high + 1, low - 2], dtype)
    np.testing.assert_array_equal(exp(ends), [np.inf, 0, np.nan, 1, 1, np.inf, 0, np.inf, 0])


@pytest.mark.skipif(sys.platform == "win32", reason="pages are guarded by mprotect")
@pytest.mark.slow
def test_no_lane_reaches_beyond_an_array():
    script = TESTS / "children" / "guarded_run.py"
    run = subprocess.run(
        [sys.executable, str(script), "300"],
        env=os.environ | {"NUMBA_DISABLE_JIT": "0", "PYTHONPATH": PYTHONPATH},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (run.returncode, run.stdout) == (0, "1500\n"), run.stderr[-2000:]
