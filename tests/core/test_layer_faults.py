"""What layers answer to bad input: an error that says what to do, and nothing changed."""

import re

import numpy as np
import pytest
from strategies import fingerprint, normal

import tinynet as tn

F32, F64 = np.float32, np.float64


def ones(*shape, dtype=F32):
    return np.ones(shape, dtype)


NOT_FLOAT = {
    "uint8 pixels": ones(3, 5, dtype=np.uint8),
    "int64": ones(3, 5, dtype=np.int64),
    "bool": ones(3, 5, dtype=bool),
    "float16": ones(3, 5, dtype=np.float16),
    "complex64": ones(3, 5, dtype=np.complex64),
    "longdouble": ones(3, 5, dtype=np.longdouble),
    "object": np.full((3, 5), None),
    "strings": np.full((3, 5), "1"),
    "big-endian int": ones(3, 5, dtype=">i4"),
}
NOT_ARRAYS = {"list": [[1.0] * 5] * 3, "float": 1.0, "None": None, "str": "digits"}

WRONG_SHAPES = {
    "too few features": (ones(32, 4), ["input has 4 features, expected 5", "(32, 4)"]),
    "too many features": (ones(3, 6), ["input has 6 features, expected 5", "(3, 6)"]),
    "no features": (ones(3, 0), ["input has 0 features, expected 5"]),
    "one sample as 1-D": (ones(5), ["shape (5,)", "x.reshape(1, -1)"]),
    "images as 3-D": (ones(2, 1, 5), ["shape (2, 1, 5)", "x.reshape(len(x), -1)"]),
    "0-D": (ones(), ["shape ()"]),
}

UPSTREAMS = {
    "shape": (ones(3, 3), ValueError, ["dy has shape (3, 3), expected (3, 4)"]),
    "one row for all": (ones(1, 4), ValueError, ["dy has shape (1, 4), expected (3, 4)"]),
    "transposed": (ones(4, 3), ValueError, ["dy has shape (4, 3), expected (3, 4)"]),
    "1-D": (ones(12), ValueError, ["dy has shape (12,), expected (3, 4)"]),
    "dtype": (ones(3, 4, dtype=F64), TypeError, ["float64", "float32", ".astype(np.float32)"]),
    "ints": (ones(3, 4, dtype=int), TypeError, ["int64", "float32", ".astype(np.float32)"]),
    "a float": (1.0, TypeError, ["float", "float32"]),
    "a list": ([[1.0] * 4] * 3, TypeError, ["list", "float32"]),
    "None": (None, TypeError, ["NoneType", "float32"]),
}


def layers():
    """One of each, with 5 features in and 4 out where that matters."""
    return {
        "Linear(5, 4)": tn.Linear(5, 4, rng=0),
        "ReLU": tn.ReLU(),
        "Softmax": tn.Softmax(),
        "LogSoftmax": tn.LogSoftmax(),
        "Sequential": tn.Sequential(tn.Linear(5, 4, rng=0), tn.LogSoftmax()),
        "Add": tn.Add(),
    }


def call(layer, x):
    return layer(x, x) if isinstance(layer, tn.Add) else layer(x)


def in_use(layer, features=5):
    """The layer after one training step and another forward: gradients and kept values are there.

    Returns the upstream that its next backward takes.
    """
    rng = np.random.default_rng(0)
    x = normal(rng, 3, features, dtype=F32)
    dy = normal(rng, *call(layer, x).shape, dtype=F32)
    layer.backward(dy)
    call(layer, x)
    return dy


def assert_refuses(layer, wrong, error, words):
    """`wrong()` raises one line with these words; the layer is as before, and still works."""
    dy = in_use(layer)
    before = fingerprint(layer)
    with pytest.raises(error) as caught:
        wrong()
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message, message
    assert fingerprint(layer) == before
    layer.backward(dy)


class TestInputs:
    @pytest.mark.parametrize("name", layers())
    @pytest.mark.parametrize("x", NOT_FLOAT.values(), ids=NOT_FLOAT)
    def test_a_wrong_dtype_is_named_beside_the_right_one(self, name, x):
        layer = layers()[name]
        words = [str(x.dtype), "float32", ".astype(np.float32)", name.removesuffix("Sequential")]
        assert_refuses(layer, lambda: call(layer, x), TypeError, words)

    @pytest.mark.parametrize("name", layers())
    @pytest.mark.parametrize("x", NOT_ARRAYS.values(), ids=NOT_ARRAYS)
    def test_what_is_no_array_is_named(self, name, x):
        layer = layers()[name]
        assert_refuses(
            layer, lambda: call(layer, x), TypeError, [type(x).__name__, "np.asarray", "float32"]
        )

    def test_float64_into_a_float32_linear_and_the_reverse(self):
        single, double = tn.Linear(5, 4, rng=0), tn.Linear(5, 4, rng=0, dtype=F64)
        words = ["float64", "float32"]
        assert_refuses(single, lambda: single(ones(3, 5, dtype=F64)), TypeError, words)
        with pytest.raises(TypeError, match=r"float32, expected float64.*astype\(np\.float64\)"):
            double(ones(3, 5))

    @pytest.mark.parametrize(("x", "words"), WRONG_SHAPES.values(), ids=WRONG_SHAPES)
    def test_a_wrong_shape_for_linear(self, x, words):
        layer = tn.Linear(5, 4, rng=0)
        assert_refuses(layer, lambda: layer(x), ValueError, ["Linear(5, 4)", *words])

    def test_the_message_for_a_missing_feature_word_for_word(self):
        expected = (
            "Linear(784, 64): input has 783 features, expected 784 (input shape (32, 783))"
        )  # fmt: skip
        with pytest.raises(ValueError, match=f"^{re.escape(expected)}$"):
            tn.Linear(784, 64, rng=0)(ones(32, 783))

    @pytest.mark.parametrize("make", [tn.Softmax, tn.LogSoftmax])
    @pytest.mark.parametrize(
        ("axis", "shape"), [(2, (3, 5)), (-3, (3, 5)), (1, (5,)), (0, ()), (10, (3, 5))]
    )
    def test_an_axis_that_the_input_has_not(self, make, axis, shape):
        layer = make(axis)
        words = [repr(layer), f"axis {axis}", str(shape)]
        with pytest.raises(ValueError) as caught:
            layer(ones(*shape))
        assert all(word in str(caught.value) for word in words)

    @pytest.mark.parametrize("make", [tn.Softmax, tn.LogSoftmax])
    def test_no_classes(self, make):
        layer = make()
        words = [repr(layer), "(3, 0)", "no classes"]
        assert_refuses(layer, lambda: layer(ones(3, 0)), ValueError, words)

    @pytest.mark.parametrize(
        ("b", "words"),
        [
            (ones(3, 4), ["(3, 5)", "(3, 4)", "one shape"]),
            (ones(1, 5), ["(3, 5)", "(1, 5)", "one shape"]),
            (ones(3, 5, dtype=F64), ["float32", "float64", "one dtype"]),
        ],
    )
    def test_add_does_not_broadcast_or_convert(self, b, words):
        layer = tn.Add()
        assert_refuses(layer, lambda: layer(ones(3, 5), b), ValueError, words)


class TestUpstreams:
    @pytest.mark.parametrize("name", layers())
    @pytest.mark.parametrize(("dy", "error", "words"), UPSTREAMS.values(), ids=UPSTREAMS)
    def test_a_wrong_upstream_is_refused_and_a_right_one_still_works(self, name, dy, error, words):
        layer = layers()[name]
        features = 5 if name in ("Linear(5, 4)", "Sequential") else 4
        right = in_use(layer, features)
        before = fingerprint(layer)
        with pytest.raises(error) as caught:
            layer.backward(dy)
        assert all(word in str(caught.value) for word in [*words, "backward"])
        assert fingerprint(layer) == before
        layer.backward(right)


class TestConstruction:
    @pytest.mark.parametrize(
        ("sizes", "error", "words"),
        [
            ((0, 4), ValueError, "in_features = 0"),
            ((5, -1), ValueError, "out_features = -1"),
            ((5.0, 4), TypeError, "in_features = 5.0"),
            ((5, True), TypeError, "out_features = True"),
            ((5, "4"), TypeError, "out_features = '4'"),
            ((None, 4), TypeError, "in_features = None"),
        ],
    )
    def test_linear_sizes(self, sizes, error, words):
        with pytest.raises(error, match=f"Linear.*{re.escape(words)}"):
            tn.Linear(*sizes, rng=0)

    @pytest.mark.parametrize("dtype", [np.float16, np.int64, np.complex128, np.longdouble])
    def test_linear_dtype(self, dtype):
        with pytest.raises(TypeError, match=f"Linear.*{np.dtype(dtype)}.*float32 or float64"):
            tn.Linear(5, 4, rng=0, dtype=dtype)

    @pytest.mark.parametrize("make", [tn.Softmax, tn.LogSoftmax])
    @pytest.mark.parametrize("axis", [1.0, True, "1", None, (0, 1), np.nan])
    def test_an_axis_that_is_no_int(self, make, axis):
        with pytest.raises(TypeError, match=rf"{make.__name__}.*axis = {re.escape(repr(axis))}"):
            make(axis)
