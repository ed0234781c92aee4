"""Every layer computes what PyTorch computes, forward and backward, and keeps the protocol."""

import numpy as np
import pytest
from bounds import ROUNDINGS, log_softmax_layer_dx, rounding_bound, softmax_layer_dx
from conftest import JIT_IS_OFF
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    LAYOUTS,
    NOT_FINITE_ROWS,
    assert_within,
    batch_sizes,
    class_counts,
    densities,
    fingerprint,
    logits,
    normal,
    same_bits,
    seeds,
    widths,
)
from twins import assert_agrees_with_torch

import tinynet as tn

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NaN and inf, with the JIT off

ACTIVATIONS = {
    "ReLU": tn.ReLU,
    "LeakyReLU": tn.LeakyReLU,
    "LeakyReLU of slope 0.3": lambda: tn.LeakyReLU(0.3),
    "LeakyReLU of slope -2": lambda: tn.LeakyReLU(-2),
    "ReLU6": tn.ReLU6,
    "Sigmoid": tn.Sigmoid,
    "Tanh": tn.Tanh,
}
KINKS_AND_STRAYS = [np.nan, np.inf, -np.inf, 0.0, -0.0, 6.0, np.nextafter(6, 7), 5e-324, 800, -800]
ROW_LAYERS = {"Softmax": tn.Softmax, "LogSoftmax": tn.LogSoftmax}
LAYERS = {
    "Linear": lambda dtype: tn.Linear(5, 4, rng=0, dtype=dtype),
    "Linear without bias": lambda dtype: tn.Linear(5, 4, bias=False, rng=0, dtype=dtype),
    "TransposedLinear": lambda dtype: tn.TransposedLinear(5, 4, rng=0, dtype=dtype),
    "ReLU": lambda dtype: tn.ReLU(),
    "LeakyReLU": lambda dtype: tn.LeakyReLU(0.2),
    "ReLU6": lambda dtype: tn.ReLU6(),
    "Sigmoid": lambda dtype: tn.Sigmoid(),
    "Tanh": lambda dtype: tn.Tanh(),
    "BatchNorm1d, evaluating": lambda dtype: tn.BatchNorm1d(5, dtype=dtype).eval(),
    "Dropout, evaluating": lambda dtype: tn.Dropout(0.4).eval(),
    "Softmax": lambda dtype: tn.Softmax(),
    "Softmax, axis 0": lambda dtype: tn.Softmax(axis=0),
    "LogSoftmax": lambda dtype: tn.LogSoftmax(),
    "LogSoftmax, axis 0": lambda dtype: tn.LogSoftmax(axis=0),
    "Add": lambda dtype: tn.Add(),
    "Sequential": lambda dtype: tn.Sequential(
        tn.Linear(5, 4, rng=0, dtype=dtype), tn.ReLU(), tn.LogSoftmax()
    ),
}


def inputs_of(layer, rng, dtype=np.float64, N=3):
    """Arrays to call `layer` on, and an upstream gradient for what comes out."""
    inputs = [normal(rng, N, 5, dtype=dtype) for _ in range(2 if isinstance(layer, tn.Add) else 1)]
    return inputs, normal(rng, *layer.predict(*inputs).shape, dtype=dtype)


each_layer = pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
each_dtype = pytest.mark.parametrize("dtype", [np.float32, np.float64])


class TestAgainstPyTorch:
    @given(
        seed=seeds, N=batch_sizes, I=widths, O=widths, density=densities, bias=st.booleans()
    )  # fmt: skip
    def test_linear(self, seed, N, I, O, density, bias):
        rng = np.random.default_rng(seed)
        x, dy = normal(rng, N, I, density=density), normal(rng, N, O, density=density)
        for kind in (tn.Linear, tn.TransposedLinear):
            layer = kind(I, O, bias=bias, rng=rng, dtype=np.float64)
            assert_agrees_with_torch(layer, dy, x)

    @pytest.mark.parametrize("bias", [True, False])
    def test_linear_so_large_that_blas_takes_its_products(self, bias):
        rng = np.random.default_rng(0)
        layer = tn.Linear(2200, 1900, bias=bias, rng=rng, dtype=np.float64)
        assert layer.uses_blas
        assert not tn.Linear(784, 64, rng=rng).uses_blas
        x, dy = normal(rng, 9, 2200, density=0.5), normal(rng, 9, 1900)
        assert_agrees_with_torch(layer, dy, x)
        once = [parameter.grad.copy() for parameter in layer.parameters()]
        layer(x)
        layer.backward(dy)
        for parameter, gradient in zip(layer.parameters(), once, strict=True):
            assert same_bits(parameter.grad, 2 * gradient)

    @pytest.mark.parametrize("make", ACTIVATIONS.values(), ids=ACTIVATIONS)
    @given(
        seed=seeds,
        shape=st.lists(st.integers(0, 5), min_size=1, max_size=4),
        spread=st.sampled_from([1, 9]),
    )
    def test_activations_of_any_shape_at_kinks_nan_and_inf(self, make, seed, shape, spread):
        rng = np.random.default_rng(seed)
        x, dy = spread * normal(rng, *shape), normal(rng, *shape)
        for strays in (x, dy):
            places = rng.random(shape) < 0.2
            strays[places] = rng.choice(KINKS_AND_STRAYS, int(places.sum()))
        if make is tn.ReLU6:
            x[np.isnan(x)] = 6  # there, PyTorch's slope depends on the place in memory
        assert_agrees_with_torch(make(), dy, x)

    @pytest.mark.parametrize("make", [tn.Sigmoid, tn.Tanh])
    @each_dtype
    def test_both_ends_are_reached_without_a_word(self, make, dtype):
        x = np.array([-1e30, -800, -90, -1e-30, 1e-30, 90, 800, 1e30], dtype)
        layer = make()
        with np.errstate(all="ignore"):
            y = layer(x)
            dx = layer.backward(np.ones_like(x))
        assert same_bits(y[[0, -1]], np.array([-1 if make is tn.Tanh else 0, 1], dtype))
        assert not dx[[0, 1, -2, -1]].any()
        if make is tn.Tanh:
            assert same_bits(y[3:5], x[3:5])
        else:
            assert abs(y[2] * np.exp(90.0) - 1) < 1e-5 and (y[3:5] == 0.5).all()
        if not JIT_IS_OFF:  # where Python runs the loops, what a quotient does not need overflows
            with np.errstate(all="raise"):
                assert same_bits(layer(x), y)
                layer.backward(np.ones_like(x))

    @pytest.mark.parametrize("make", ROW_LAYERS.values(), ids=ROW_LAYERS)
    @given(seed=seeds, N=batch_sizes, C=class_counts)
    def test_softmax_and_log_softmax_of_scores_up_to_1e4(self, make, seed, N, C):
        rng = np.random.default_rng(seed)
        assert_agrees_with_torch(make(), normal(rng, N, C), logits(rng, N, C))

    @pytest.mark.parametrize("make", ROW_LAYERS.values(), ids=ROW_LAYERS)
    @pytest.mark.parametrize("row", NOT_FINITE_ROWS.values(), ids=NOT_FINITE_ROWS)
    def test_rows_that_are_not_finite(self, make, row):
        rng = np.random.default_rng(0)
        x = np.stack([normal(rng, 3), row, normal(rng, 3)])
        assert_agrees_with_torch(make(), normal(rng, 3, 3), x)

    @pytest.mark.parametrize("make", ROW_LAYERS.values(), ids=ROW_LAYERS)
    @given(seed=seeds, shape=st.lists(st.integers(1, 5), min_size=1, max_size=4), data=st.data())
    def test_softmax_and_log_softmax_along_any_axis(self, make, seed, shape, data):
        rng = np.random.default_rng(seed)
        axis = data.draw(st.integers(-len(shape), len(shape) - 1))
        assert_agrees_with_torch(make(axis), normal(rng, *shape), normal(rng, *shape))

    @given(seed=seeds, shape=st.lists(st.integers(1, 5), min_size=1, max_size=3))
    def test_add(self, seed, shape):
        rng = np.random.default_rng(seed)
        a, b, dy = (normal(rng, *shape) for _ in range(3))
        assert_agrees_with_torch(tn.Add(), dy, a, b)

    @given(
        seed=seeds,
        N=batch_sizes,
        sizes=st.lists(st.sampled_from([1, 2, 3, 7, 8, 17, 33]), min_size=2, max_size=7),
        activations=st.lists(
            st.sampled_from([*ACTIVATIONS.values(), *ROW_LAYERS.values(), None]),
            min_size=6,
            max_size=6,
        ),
        density=densities,
    )
    def test_networks_of_any_depth_and_width(self, seed, N, sizes, activations, density):
        rng = np.random.default_rng(seed)
        layers = []
        for I, O, activation in zip(sizes, sizes[1:], activations):
            layers.append(tn.Linear(I, O, rng=rng, dtype=np.float64))
            if activation is not None:
                layers.append(activation())
        x = normal(rng, N, sizes[0], density=density)
        assert_agrees_with_torch(tn.Sequential(*layers), normal(rng, N, sizes[-1]), x)

    @pytest.mark.parametrize("name", [name for name in LAYERS if "axis 0" not in name])
    def test_no_rows_at_all(self, name):
        layer = LAYERS[name](np.float64)
        inputs, dy = inputs_of(layer, np.random.default_rng(0), N=0)
        assert_agrees_with_torch(layer, dy, *inputs)


class TestFloat32WithinTheRoundingBoundOfFloat64:
    @given(seed=seeds, N=batch_sizes, I=widths, O=widths, density=densities)
    def test_linear(self, seed, N, I, O, density):
        rng = np.random.default_rng(seed)
        layer = tn.Linear(I, O, rng=rng)
        exact = tn.Linear(I, O, dtype=np.float64)
        exact.load_state_dict({k: v.astype(np.float64) for k, v in layer.state_dict().items()})
        x, dy = (normal(rng, N, width, dtype=np.float32, density=density) for width in (I, O))
        X, dY = x.astype(np.float64), dy.astype(np.float64)
        pairs = {
            "linear": (layer(x), exact(X), (X, exact.W.data, exact.b.data)),
            "linear_dx": (layer.backward(dy), exact.backward(dY), (dY, exact.W.data)),
            "linear_dW": (layer.W.grad, exact.W.grad, (X, dY)),
            "linear_db": (layer.b.grad, exact.b.grad, (dY,)),
        }
        for kernel, (result, expected, arguments) in pairs.items():
            assert result.dtype == np.float32
            bound = rounding_bound(ROUNDINGS[kernel](*arguments), np.float32)
            assert_within(result, expected, bound)

    @pytest.mark.parametrize(
        ("make", "kernel", "dx_roundings"),
        [
            (tn.Softmax, "softmax", softmax_layer_dx),
            (tn.LogSoftmax, "log_softmax", log_softmax_layer_dx),
        ],
    )
    @given(seed=seeds, N=batch_sizes, C=class_counts)
    def test_softmax_and_log_softmax(self, make, kernel, dx_roundings, seed, N, C):
        rng = np.random.default_rng(seed)
        x, dy = logits(rng, N, C, np.float32), normal(rng, N, C, dtype=np.float32)
        X, dY = x.astype(np.float64), dy.astype(np.float64)
        layer, exact = make(), make()
        y, Y = layer(x), exact(X)
        assert y.dtype == np.float32
        assert_within(y, Y, rounding_bound(ROUNDINGS[kernel](X), np.float32))
        dx, dX = layer.backward(dy), exact.backward(dY)
        assert dx.dtype == np.float32
        assert_within(dx, dX, rounding_bound(dx_roundings(X, dY), np.float32))

    @given(seed=seeds, N=batch_sizes, I=widths)
    def test_relu_and_add_do_not_round_apart(self, seed, N, I):
        rng = np.random.default_rng(seed)
        x, dy, other = (normal(rng, N, I, dtype=np.float32) for _ in range(3))
        relu = tn.ReLU()
        assert same_bits(relu(x), np.where(x > 0, x, np.float32(0)))
        assert same_bits(relu.backward(dy), np.where(x > 0, dy, np.float32(0)))
        assert same_bits(tn.Add()(x, other), x + other)


class TestProtocol:
    @each_layer
    @each_dtype
    def test_backward_before_forward_or_twice_names_the_layer(self, make, dtype):
        layer = make(dtype)
        inputs, dy = inputs_of(layer, np.random.default_rng(0), dtype)
        for _ in range(2):
            before = fingerprint(layer)
            with pytest.raises(
                RuntimeError,
                match=r"(Linear|ReLU|Sigmoid|Tanh|BatchNorm|Dropout|Softmax|Add).*backward",
            ) as error:
                layer.backward(dy)
            assert "forward" in str(error.value)
            assert fingerprint(layer) == before
            layer(*inputs)
            layer.backward(dy)

    @each_layer
    def test_backward_after_forward_called_directly_names_the_layer(self, make):
        layer = make(np.float64)
        inputs, dy = inputs_of(layer, np.random.default_rng(0))
        layer.forward(*inputs)
        if not isinstance(layer, tn.Sequential):  # its layers were called, and check for it
            with pytest.raises(RuntimeError, match="forward was called directly"):
                layer.backward(dy)
        layer(*inputs)
        layer.backward(dy)

    @each_layer
    def test_two_backward_passes_accumulate_exactly_twice_the_gradient(self, make):
        layer = make(np.float32)
        inputs, dy = inputs_of(layer, np.random.default_rng(0), np.float32)
        layer(*inputs)
        layer.backward(dy)
        once = [parameter.grad.copy() for parameter in layer.parameters()]
        layer(*inputs)
        layer.backward(dy)
        for parameter, gradient in zip(layer.parameters(), once, strict=True):
            assert np.count_nonzero(gradient)
            assert same_bits(parameter.grad, 2 * gradient)
        layer.zero_grad()
        assert all(not parameter.grad.any() for parameter in layer.parameters())

    @each_layer
    def test_a_gradient_of_none_is_allocated_again(self, make):
        layer = make(np.float64)
        inputs, dy = inputs_of(layer, np.random.default_rng(0))
        layer(*inputs)
        layer.backward(dy)
        expected = [parameter.grad for parameter in layer.parameters()]
        for parameter in layer.parameters():
            parameter.grad = None
        layer(*inputs)
        layer.backward(dy)
        for parameter, gradient in zip(layer.parameters(), expected, strict=True):
            assert same_bits(parameter.grad, gradient)

    @each_layer
    def test_the_latest_input_is_the_one_that_counts(self, make):
        rng = np.random.default_rng(0)
        layer = make(np.float64)
        stale, _ = inputs_of(layer, rng)
        inputs, dy = inputs_of(layer, rng)
        layer(*stale)
        assert_agrees_with_torch(layer, dy, *inputs)

    @each_layer
    def test_a_zero_upstream_gives_exact_zeros(self, make):
        layer = make(np.float64)
        inputs, dy = inputs_of(layer, np.random.default_rng(0))
        layer(*inputs)
        dx = layer.backward(np.zeros_like(dy))
        assert not np.any(dx)
        assert not any(parameter.grad.any() for parameter in layer.parameters())

    @each_layer
    @each_dtype
    def test_arrays_handed_in_are_not_changed_and_not_handed_back(self, make, dtype):
        layer = make(dtype)
        inputs, dy = inputs_of(layer, np.random.default_rng(0), dtype)
        before = [array.copy() for array in (*inputs, dy)]
        y = layer(*inputs)
        dx = layer.backward(dy)
        for array, copy in zip((*inputs, dy), before, strict=True):
            assert same_bits(array, copy)
        results = (y, *dx) if isinstance(dx, tuple) else (y, dx)
        for number, result in enumerate(results):
            assert result.dtype == dtype
            for other in (*inputs, dy, *results[:number]):
                assert not np.shares_memory(result, other)

    @each_layer
    @each_dtype
    @pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
    def test_the_layout_in_memory_changes_no_bit(self, make, dtype, layout):
        plain, other = make(dtype), make(dtype)
        inputs, dy = inputs_of(plain, np.random.default_rng(0), dtype)
        y, other_y = plain(*inputs), other(*map(layout, inputs))
        dx, other_dx = plain.backward(dy), other.backward(layout(dy))
        assert same_bits(y, other_y)
        assert same_bits(dx, other_dx)
        for parameter, twin in zip(plain.parameters(), other.parameters(), strict=True):
            assert same_bits(parameter.grad, twin.grad)

    @each_layer
    def test_predict_gives_the_bits_of_forward_and_keeps_nothing(self, make):
        layer = make(np.float64)
        inputs, dy = inputs_of(layer, np.random.default_rng(0))
        y = layer(*inputs)
        before = fingerprint(layer)
        others, _ = inputs_of(layer, np.random.default_rng(1))
        layer.predict(*others)
        assert same_bits(layer.predict(*inputs), y)
        assert fingerprint(layer) == before
        layer.backward(dy)
        after = fingerprint(layer)
        layer.predict(*inputs)
        assert fingerprint(layer) == after
        with pytest.raises(RuntimeError):
            layer.backward(dy)

    @pytest.mark.parametrize("N", [1, 2, 5])
    @each_layer
    def test_the_kept_input_may_have_any_number_of_rows(self, make, N):
        layer = make(np.float64)
        layer(*inputs_of(layer, np.random.default_rng(1))[0])
        inputs, dy = inputs_of(layer, np.random.default_rng(0), N=N)
        assert_agrees_with_torch(layer, dy, *inputs)
