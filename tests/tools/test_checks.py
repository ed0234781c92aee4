"""What the errors at the border advise is tried: it works, and it is what is meant."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinynet as tn

NUMBERS = [[0, 51, 255, 102], [3, 0, 7, 1]]


def network(dtype: Any = np.float32) -> tn.Sequential:
    return tn.Sequential(tn.Linear(4, 3, rng=0, dtype=dtype), tn.LogSoftmax())


def advice(call: Callable[[], Any]) -> list[str]:
    """The code in the error of a call, what stands between spaces and holds a bracket."""
    with pytest.raises(TypeError) as caught:
        call()
    words = re.findall(
        r"(?:tn\.|\.astype|DataLoader)\S*\([^()]*(?:\([^()]*\))?[^()]*\)\S*", str(caught.value)
    )
    return [word.rstrip(",;") for word in words]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pixels_are_scaled_not_only_converted(dtype: Any) -> None:
    net, X = network(dtype), np.array(NUMBERS, np.uint8)
    scaled, converted = advice(lambda: net.predict(X))
    suffix = ".astype(np.float64)" if dtype is np.float64 else ""
    assert scaled == f"tn.data.minmax_scale(X, 0, 255){suffix}"
    taken = eval(scaled, {"tn": tn, "np": np, "X": X})
    np.testing.assert_allclose(net.predict(taken), net.predict((X / 255).astype(dtype)), 1e-5)
    assert converted == f".astype(np.{np.dtype(dtype).name})"
    net.predict(eval(f"X{converted}", {"np": np, "X": X}))


@pytest.mark.parametrize("given", [np.int64, np.uint16, np.int8, bool, np.float16, np.longdouble])
def test_other_numbers_are_converted(given: Any) -> None:
    net, X = network(), np.array(NUMBERS).astype(given)
    y = np.array([0, 1])
    for call in (
        lambda: net.predict(X),
        lambda: net(X),
        lambda: tn.DataLoader(X, y),
        lambda: tn.evaluate(net, tn.NLLLoss(), X, y),
    ):
        assert advice(call) == [".astype(np.float32)"]
    net.predict(X.astype(np.float32))


def test_a_data_set_of_pixels() -> None:
    X, y = np.array(NUMBERS, np.uint8), np.array([0, 1])
    scaled, converted, loader = advice(lambda: tn.DataLoader(X, y))
    assert scaled == "tn.data.minmax_scale(X, 0, 255)"
    assert converted == ".astype(np.float32)"
    assert loader == "DataLoader(..., scale=1 / 255)"
    (taken, _), *_ = tn.DataLoader(X, y, batch_size=2, scale=1 / 255)
    np.testing.assert_allclose(taken, tn.data.minmax_scale(X, 0, 255), rtol=1e-6)


@pytest.mark.parametrize(
    ("X", "words"),
    [
        (
            np.array([["a", "b", "c", "d"]]),
            "got dtype <U1, .*; if all entries are numbers, convert with",
        ),
        (
            np.array([[1j, 0, 0, 0]]),
            "got dtype complex128, .*; take .real.astype.*, or .imag, or both as features",
        ),
        (np.array(NUMBERS, object), "object, .*; if all entries are numbers, convert with .astype"),
        (np.array([["1", "2.5", "-3", "0"]]), "if all entries are numbers, convert with"),
        (np.zeros((2, 4), "datetime64[s]"), r"datetime64\[s\], .*; turn what it holds into"),
    ],
)
def test_what_is_no_number_is_not_told_to_be_converted(X: np.ndarray, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        network().predict(X)
    with pytest.raises(TypeError, match=words.split("; ")[-1].rstrip(".")):
        tn.DataLoader(X, np.zeros(len(X), int))
