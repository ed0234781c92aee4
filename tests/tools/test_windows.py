"""Layers that look at pictures through windows, told term by term: whoever wrote them."""

import re

import numpy as np
import pytest
from own_pictures import OwnConvolution, OwnPool, own_digits, own_pictures

import tinynet as tn
from tinynet.inspection.windows import Reads, Windows


@pytest.fixture(scope="module")
def traced():
    net = own_pictures()
    return tn.trace(net, tn.NLLLoss(), *own_digits(), tn.SGD(net.parameters(), lr=0.1))


def numbers(text):
    return [float(n) for n in re.findall(r"(?<![\w.])-?\d+(?:\.\d+)?(?:e[+-]\d+)?", text)]


def lines_of(text, start):
    """The lines that begin with it, without their section's title."""
    return [line[10:] for line in text.splitlines() if line[10:].startswith(start)]


def test_the_layers_of_the_test_are_right():
    for layer, shape in ((OwnConvolution(2, 3), (2, 2, 4, 3)), (OwnPool(False), (2, 2, 4, 6))):
        assert tn.check_gradients(layer, shape).passed


@pytest.mark.parametrize("layer", range(8))
def test_windows_give_what_the_layer_gives(traced, layer):
    """Every unit of every row is the sum over its window, or the largest number of it."""
    part = traced.layers[layer]
    assert Windows(part).exist == (layer in (0, 1, 3, 4))
    if Windows(part).exist:
        check_windows(part)
    else:
        assert Windows(part).of(0) is None


def check_windows(part):
    """All units, all rows: y, and the gradients that all units together hand back."""
    windows = Windows(part)
    x, y = (a.reshape(len(a), -1) for a in (part.input, part.output))
    dx = np.zeros(x.shape)
    gradients = {name: np.zeros(p.value.size) for name, p in part.parameters.items()}
    for unit in range(y.shape[1]):
        reads, dy = windows.of(unit), part.dy.reshape(len(y), -1)[:, unit]
        for n in range(len(y)):
            if reads.largest:
                won = reads.winner(x[n])
                assert x[n, reads.x[won]] == y[n, unit] == x[n, reads.x].max()
                dx[n, reads.x[won]] += dy[n]
                continue
            b = 0.0
            if reads.bias:
                b = part.parameters["b"].value[reads.bias[1]]
                gradients["b"][reads.bias[1]] += dy[n]
            if reads.weights:
                np.add.at(gradients[reads.weights[0]], reads.weights[1], x[n, reads.x] * dy[n])
            assert (x[n, reads.x] * reads.w).sum() + b == pytest.approx(y[n, unit], abs=1e-5)
            np.add.at(dx[n], reads.x, reads.w * dy[n])
    np.testing.assert_allclose(dx, part.dx.reshape(dx.shape), atol=1e-6)
    for name, parameter in part.parameters.items():
        np.testing.assert_allclose(gradients[name], parameter.grad.ravel(), atol=1e-5)


OURS = {
    "convolution": (lambda: tn.Conv2d(2, 3, (3, 2), (2, 1), (1, 0), rng=0), (2, 5, 4)),
    "dilated": (lambda: tn.Conv2d(1, 2, 2, padding=2, dilation=3, bias=False, rng=0), (1, 4, 5)),
    "transposed": (
        lambda: tn.ConvTranspose2d(2, 3, 3, (2, 1), 1, output_padding=(1, 0), rng=0),
        (2, 3, 4),
    ),
    "transposed and dilated": (
        lambda: tn.ConvTranspose2d(1, 1, 2, 3, dilation=2, bias=False, rng=0),
        (1, 3, 2),
    ),
    "largest": (lambda: tn.MaxPool2d(3, 2, 1, dilation=1), (2, 5, 6)),
    "largest, dilated": (lambda: tn.MaxPool2d(2, 1, 1, dilation=2), (1, 5, 4)),
    "means": (lambda: tn.AvgPool2d((3, 2), 2, 1), (2, 5, 6)),
    "means of what is there": (lambda: tn.AvgPool2d(3, 2, 1, count_include_pad=False), (2, 5, 6)),
}


@pytest.mark.parametrize("name", OURS)
def test_our_layers_windows_give_what_they_give(name):
    make, shape = OURS[name]
    net = tn.Sequential(make(), tn.Flatten())
    X = np.random.default_rng(0).normal(size=(2, *shape)).astype(np.float32)
    part = tn.trace(net, tn.MSELoss(), X, np.zeros_like(net.predict(X))).layers[0]
    assert Windows(part).exist
    check_windows(part)


def test_a_transposed_window_is_told_from_its_first_to_its_last():
    net = tn.Sequential(tn.ConvTranspose2d(2, 3, 3, 2, rng=0), tn.Flatten())
    X = np.ones((1, 2, 4, 4), np.float32)
    trace = tn.trace(net, tn.MSELoss(), X, np.zeros((1, 3 * 81), np.float32))
    assert "of 2 x 2 x 2, from (0, 1, 1) to (1, 2, 2)" in trace.explain(0, 0, (1, 4, 4))


class TestExplain:
    @pytest.mark.parametrize("place", [(2, 1, 2), (0, 0, 0), (3, 2, 3)], ids=str)
    def test_a_convolution(self, traced, place):
        """Its window, the products and their sum; and each gradient with all that add to it."""
        part = traced.layers[0]
        text = traced.explain(0, 1, place, terms=3)
        assert text == traced.explain(0, 1, int(np.ravel_multi_index(place, (4, 8, 12))), terms=3)
        assert text.startswith(f"layer '0', {part.layer!r}, sample 1, unit {place}\n")
        reads = Windows(part).of(int(np.ravel_multi_index(place, (4, 8, 12))))
        x, dy, W = part.input[1].ravel()[reads.x], part.dy[(1, *place)], part.parameters["W"]
        if place == (2, 1, 2):
            window = "a window of 2 x 3 x 3, from (0, 0, 1) to (1, 2, 3)"
            assert f"y = (x * w).sum() + b of {window}, the largest terms first" in text
        assert reads.shape == ((2, 2, 2) if place == (0, 0, 0) else (2, 3, 3))
        order = np.argsort(-np.abs(x * reads.w))[:3]
        for k, line, of_W, of_x in zip(
            order,
            [line for line in text.splitlines() if "(input (" in line],
            lines_of(text, "dW["),
            lines_of(text, "dx["),
            strict=True,
        ):
            at, tap = (np.unravel_index(*i) for i in ((reads.x[k], (2, 8, 12)), _of(reads, k, W)))
            np.testing.assert_allclose(
                numbers(line), [x[k], reads.w[k], x[k] * reads.w[k], *at], rtol=1e-4
            )
            update = W.update[tap]
            wanted = [*tap, x[k], dy, x[k] * dy, W.grad[tap], update, W.value[tap]]
            wanted.append(W.value[tap] + update)
            np.testing.assert_allclose(numbers(of_W), wanted, rtol=1e-4, atol=1e-9)
            wanted = [*at, reads.w[k], dy, reads.w[k] * dy, part.dx[(1, *at)]]
            np.testing.assert_allclose(numbers(of_x), wanted, rtol=1e-4, atol=1e-9)
        (rest,) = lines_of(text, "the other")
        assert numbers(rest)[0] == len(x) - 3
        assert numbers(lines_of(text, "y =")[-1])[0] == pytest.approx(
            part.output[(1, *place)], rel=1e-4
        )
        assert "added up over all units that use it, and the 4 rows of the batch" in text
        assert lines_of(text, "db = dy = ")

    def test_a_pool_of_the_largest_says_which_won_and_what_goes_back(self, traced):
        part = traced.layers[1]
        for place in ((0, 0, 0), (3, 2, 3), (1, 1, 2)):
            text = traced.explain(1, 2, place)
            c, i, j = place
            won = np.unravel_index(
                part.input[2, c, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2].argmax(), (2, 2)
            )
            at = c, 2 * i + won[0], 2 * j + won[1]
            written = f"[{', '.join(map(str, at))}]"
            (line,) = [line for line in lines_of(text, "x[") if line.endswith(", the largest")]
            assert line.startswith(f"x{written} = {part.input[(2, *at)]:.5g}")
            gets_dy = [line for line in lines_of(text, "dx[") if "dy = " in line]
            dy = f"{part.dy[(2, *place)]:.5g}"
            assert gets_dy == [f"dx{written} = dy = {dy}, with all units {dy}"]
            assert len(lines_of(text, "x[")) == 4
            assert sum("= 0, with all units 0" in line for line in lines_of(text, "dx[")) == 3
            assert f"from ({c}, {2 * i}, {2 * j}) to" in text
        text = traced.explain(1, 2, place, terms=2)
        assert "the other 2 are not larger" in text and ", the largest" in text

    def test_constant_weights_have_no_gradient(self, traced):
        text = traced.explain(4, 0, (2, 0, 1))
        assert "y = (x * w).sum() of a window of 2 x 2, from (2, 0, 2) to (2, 1, 3)" in text
        assert " * 0.25 = " in text and "b =" not in text and "dw" not in text

    def test_the_largest_of_equals_is_the_first_and_nan_wins(self):
        reads = Reads(np.array([3, 1, 0, 2]), np.ones(4), (2, 2), largest=True)
        assert reads.winner(np.array([5.0, 5.0, 1.0, 1.0])) == 1
        assert reads.winner(np.array([np.nan, np.nan, 9.0, np.nan])) == 2
        assert reads.winner(np.full(4, -np.inf)) == 0

    def test_units_of_rows_and_of_the_loss_may_be_tuples_too(self, traced):
        for layer in (6, "loss"):
            assert traced.explain(layer, 1, (2,)) == traced.explain(layer, 1, 2)

    @pytest.mark.parametrize(
        ("unit", "error", "says"),
        [
            ((1, 2), ValueError, r"unit = \(1, 2\) has 2 numbers, .* has shape \(4, 8, 12\); give"),
            ((4, 0, 0), IndexError, r"unit\[0\] = 4 is outside \[0, 4\) of layer '0'"),
            ((0, -1, 0), IndexError, r"unit\[1\] = -1 is outside \[0, 8\)"),
            (384, IndexError, r"unit = 384 is outside \[0, 384\)"),
        ],
    )
    def test_units_that_are_not_there(self, traced, unit, error, says):
        with pytest.raises(error, match=says):
            traced.explain(0, 0, unit)

    @pytest.mark.parametrize(
        ("window", "says"),
        [
            (tn.Window(([0, 9],)), r"told_window: \(\[0, 9\],\) is no index of x, .* \(2, 8, 12\)"),
            (tn.Window(0, weights=("V", 0)), r"names 'V', which is no parameter .* holds W, b"),
            (tn.Window(0, weights=("W", 9)), r"9 is no index of W, which has shape"),
            (tn.Window((0, 0, [1, 2]), weights=[1, 2, 3]), r"reads 2 inputs with 3 weights; give"),
        ],
    )
    def test_windows_that_do_not_fit(self, window, says):
        class Wrong(OwnConvolution):
            def told_window(self, shape, place):
                return window

        net = tn.Sequential(Wrong(2, 4), *list(own_pictures())[1:])
        with pytest.raises(ValueError, match=says):
            tn.trace(net, tn.NLLLoss(), *own_digits()).explain(0)

    def test_a_layer_may_say_nothing_of_some_units(self):
        class Edge(OwnConvolution):
            told_window = lambda self, shape, place: None  # noqa: E731

        net = tn.Sequential(Edge(2, 4), *list(own_pictures())[1:])
        text = tn.trace(net, tn.NLLLoss(), *own_digits()).explain(0, 0, (1, 2, 3))
        assert "by Edge.forward" in text and "a row of shape (2, 8, 12) becomes one of" in text

    def test_another_forward_starts_without_a_window(self):
        class Doubled(OwnPool):
            def forward(self, x):
                return 2 * super().forward(x)

        assert Doubled().told_window((2, 8, 12), (0, 0, 0)) is None


def _of(reads, k, W):
    return reads.weights[1][k], W.value.shape
