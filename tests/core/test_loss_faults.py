"""What losses answer to bad input: an error that says what to do, and nothing changed."""

import re

import numpy as np
import pytest
from strategies import fingerprint, normal, one_hot

import tinynet as tn

LOSSES = {"NLLLoss": tn.NLLLoss, "CrossEntropyLoss": tn.CrossEntropyLoss}
each_loss = pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES)

N, C = 5, 3
X = normal(np.random.default_rng(0), N, C)
LABELS = np.array([0, 2, 1, 1, 0])


def changed(labels, row, label):
    labels = labels.astype(np.int64)
    labels[row] = label
    return labels


def assert_refuses(loss_fn, wrong, error, words):
    """`wrong(loss_fn)` raises one line with these words; what is kept stays and still works."""
    loss_fn(X, LABELS)
    dy = np.ones(N) if loss_fn.reduction == "none" else 1.0
    before = fingerprint(loss_fn)
    with pytest.raises(error) as caught:
        wrong(loss_fn)
    message = str(caught.value)
    assert "\n" not in message
    for word in (type(loss_fn).__name__, *words):
        assert word in message, message
    assert fingerprint(loss_fn) == before
    loss_fn.backward(dy)


BAD_LABELS = {
    "too high": (changed(LABELS, 2, 3), IndexError, ["labels[2] = 3 is outside [0, 3)"]),
    "negative": (changed(LABELS, 4, -1), IndexError, ["labels[4] = -1 is outside [0, 3)"]),
    "huge": (changed(LABELS, 0, 2**62), IndexError, [f"labels[0] = {2**62} is outside [0, 3)"]),
    "huge, unsigned": (
        np.array([0, 2, 2**64 - 1, 1, 0], np.uint64),
        IndexError,
        [f"labels[2] = {2**64 - 1} is outside [0, 3)"],
    ),
    "first of several": (np.array([0, 7, -9, 1, 8]), IndexError, ["labels[1] = 7"]),
    "float": (LABELS.astype(float), TypeError, ["float64", "integers", ".astype(int)"]),
    "bool": (LABELS > 0, TypeError, ["bool", "integers", ".astype(int)"]),
    "strings": (LABELS.astype(str), TypeError, ["<U", "integers"]),
    "objects": (LABELS.astype(object), TypeError, ["object", "integers"]),
    "one-hot": (one_hot(LABELS, C, np.int64), ValueError, ["(5, 3)", "one-hot", ".argmax(axis=1)"]),
    "one-hot, bool": (one_hot(LABELS, C, bool), ValueError, ["one-hot", ".argmax(axis=1)"]),
    "a column": (LABELS[:, None], ValueError, ["(5, 1)", "(N,)", ".ravel()"]),
    "a row": (LABELS[None], ValueError, ["(1, 5)", "(5,)"]),
    "too few": (LABELS[:4], ValueError, ["(4,)", "(5,)"]),
    "too many": (np.zeros(6, int), ValueError, ["(6,)", "(5,)"]),
    "none": (LABELS[:0], ValueError, ["(0,)", "(5,)"]),
    "a single one": (np.array(1), ValueError, ["()", "(5,)"]),
    "a list": ([0, 2, 1, 1, 0], TypeError, ["list", "np.asarray"]),
    "None": (None, TypeError, ["NoneType", "np.asarray"]),
    "an int": (1, TypeError, ["int", "np.asarray"]),
}

BAD_INPUTS = {
    "uint8": (X.astype(np.uint8), TypeError, ["uint8", "float32 or float64", ".astype("]),
    "int64": (X.astype(np.int64), TypeError, ["int64", "float32 or float64"]),
    "float16": (X.astype(np.float16), TypeError, ["float16", "float32 or float64"]),
    "bool": (X > 0, TypeError, ["bool", "float32 or float64"]),
    "object": (X.astype(object), TypeError, ["object", "float32 or float64"]),
    "strings": (X.astype(str), TypeError, ["<U", "float32 or float64"]),
    "a list": (X.tolist(), TypeError, ["list", "np.asarray"]),
    "1-D": (X[0], ValueError, ["(3,)", "(N, C)"]),
    "3-D": (X[None], ValueError, ["(1, 5, 3)", "(N, C)"]),
    "no rows": (X[:0], ValueError, ["(0, 3)", "(N, C)"]),
    "no classes": (X[:, :0], ValueError, ["(5, 0)", "(N, C)"]),
}

SINGLE_UPSTREAMS = {
    "array": np.ones(N),
    "0-D array": np.ones(()),
    "list": [1.0],
    "None": None,
    "str": "1",
    "complex": 1j,
}

ROW_UPSTREAMS = {
    "missing": (1.0, ValueError, ["dy, an array (N,)"]),
    "None": (None, ValueError, ["dy, an array (N,)"]),
    "a list": ([1.0] * N, ValueError, ["dy, an array (N,)"]),
    "too short": (np.ones(N - 1), ValueError, ["dy has shape (4,), expected (5,)"]),
    "a column": (np.ones((N, 1)), ValueError, ["dy has shape (5, 1), expected (5,)"]),
    "of the input's shape": (np.ones((N, C)), ValueError, ["dy has shape (5, 3), expected (5,)"]),
    "float32": (np.ones(N, np.float32), TypeError, ["float32", "float64"]),
    "ints": (np.ones(N, int), TypeError, ["int64", "float64"]),
}


@each_loss
@pytest.mark.parametrize(("labels", "error", "words"), BAD_LABELS.values(), ids=BAD_LABELS)
def test_labels(make, labels, error, words):
    assert_refuses(make(), lambda loss_fn: loss_fn(X, labels), error, words)


def test_the_message_for_a_label_out_of_range_word_for_word():
    expected = "NLLLoss: labels[2] = 12 is outside [0, 10)"
    with pytest.raises(IndexError, match=f"^{re.escape(expected)}$"):
        tn.NLLLoss()(np.zeros((4, 10)), np.array([0, 9, 12, 13]))


@each_loss
def test_only_the_ignored_label_may_be_out_of_range(make):
    assert make(ignore_index=7)(X, changed(LABELS, 1, 7)) == make()(
        X[[0, 2, 3, 4]], LABELS[[0, 2, 3, 4]]
    )
    words = ["labels[2] = -100 is outside"]
    bad = changed(LABELS, 2, -100)
    assert_refuses(make(ignore_index=7), lambda loss_fn: loss_fn(X, bad), IndexError, words)


def test_one_hot_floats_are_class_probabilities_for_cross_entropy_alone():
    target = one_hot(LABELS, C)
    assert np.isfinite(tn.CrossEntropyLoss()(X, target))
    words = ["(5, 3)", "one-hot", ".argmax(axis=1)"]
    assert_refuses(tn.NLLLoss(), lambda loss_fn: loss_fn(X, target), ValueError, words)


@each_loss
@pytest.mark.parametrize(("x", "error", "words"), BAD_INPUTS.values(), ids=BAD_INPUTS)
def test_inputs(make, x, error, words):
    assert_refuses(make(), lambda loss_fn: loss_fn(x, LABELS), error, words)


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        (np.ones((N, C), np.float32), TypeError, ["class probabilities", "float32", "float64"]),
        (np.ones((N, C), np.float16), TypeError, ["class probabilities", "float16", "float64"]),
        (np.ones((N, C + 1)), ValueError, ["class probabilities", "(5, 4)", "(5, 3)"]),
        (np.ones((N - 1, C)), ValueError, ["class probabilities", "(4, 3)", "(5, 3)"]),
    ],
)
def test_class_probabilities(target, error, words):
    assert_refuses(tn.CrossEntropyLoss(), lambda loss_fn: loss_fn(X, target), error, words)


def test_class_probabilities_have_no_label_to_ignore():
    target = one_hot(LABELS, C)
    words = ["ignore_index = 1", "class probabilities"]
    loss_fn = tn.CrossEntropyLoss(ignore_index=1)
    assert_refuses(loss_fn, lambda loss_fn: loss_fn(X, target), ValueError, words)


@each_loss
def test_a_weight_for_each_class(make):
    loss_fn = make(weight=[1.0, 2.0, 3.0])
    wide = np.zeros((N, C + 1))
    words = ["weight has 3 numbers", "4 classes"]
    assert_refuses(loss_fn, lambda loss_fn: loss_fn(wide, LABELS), ValueError, words)


@each_loss
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("dy", SINGLE_UPSTREAMS.values(), ids=SINGLE_UPSTREAMS)
def test_the_upstream_of_one_number(make, reduction, dy):
    assert_refuses(
        make(reduction=reduction), lambda loss_fn: loss_fn.backward(dy), ValueError, ["one number"]
    )


@each_loss
@pytest.mark.parametrize(("dy", "error", "words"), ROW_UPSTREAMS.values(), ids=ROW_UPSTREAMS)
def test_the_upstream_of_each_row(make, dy, error, words):
    loss_fn = make(reduction="none")
    assert_refuses(loss_fn, lambda loss_fn: loss_fn.backward(dy), error, words)


OPTIONS = {
    "reduction misspelt": ({"reduction": "men"}, ValueError, "reduction = 'men'"),
    "reduction in capitals": ({"reduction": "MEAN"}, ValueError, "reduction = 'MEAN'"),
    "no reduction": ({"reduction": None}, ValueError, "reduction = None"),
    "ignore_index float": ({"ignore_index": 1.0}, TypeError, "ignore_index = 1.0"),
    "ignore_index bool": ({"ignore_index": True}, TypeError, "ignore_index = True"),
    "ignore_index None": ({"ignore_index": None}, TypeError, "ignore_index = None"),
    "ignore_index large": ({"ignore_index": 2**63}, ValueError, f"ignore_index = {2**63}"),
    "weight negative": ({"weight": [1.0, -1.0]}, ValueError, "weight"),
    "weight NaN": ({"weight": [1.0, np.nan]}, ValueError, "weight"),
    "weight inf": ({"weight": [1.0, np.inf]}, ValueError, "weight"),
    "weight 2-D": ({"weight": np.ones((2, 2))}, ValueError, "weight"),
    "weight a number": ({"weight": 1.0}, ValueError, "weight"),
}


@each_loss
@pytest.mark.parametrize(("options", "error", "words"), OPTIONS.values(), ids=OPTIONS)
def test_options(make, options, error, words):
    with pytest.raises(error, match=f"{make.__name__}: {re.escape(words)}"):
        make(**options)


@pytest.mark.parametrize(
    ("smoothing", "error"),
    [
        (-0.1, ValueError),
        (1.1, ValueError),
        (np.nan, ValueError),
        (np.inf, ValueError),
        (-np.inf, ValueError),
        ("0.1", TypeError),
        (True, TypeError),
        (None, TypeError),
    ],
)
def test_label_smoothing(smoothing, error):
    with pytest.raises(error, match="CrossEntropyLoss: label_smoothing = "):
        tn.CrossEntropyLoss(label_smoothing=smoothing)
