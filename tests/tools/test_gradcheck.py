"""A checker that cannot fail is worth nothing: here it must find every planted mistake, by name."""

import copy
import hashlib
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import wrong_layers
from conftest import JIT_IS_OFF
from right_layers import (
    ELEMENTWISE,
    RIGHT,
    Dense,
    Elementwise,
    LayerNorm,
    LeakyReLU,
    MyReLU,
    RandomFeatures,
    Residual,
    Standardized,
    Tanh,
)
from wrong_layers import CRASHES, PLANTED, DiagonalSoftmax, OneOfMany, Overwrites

import tinynet as tn
from tinynet import cli
from tinynet.gradcheck.differences import extrapolated, one_sided

RNG = np.random.default_rng(7)
REPO = Path(tn.__file__).parents[1]


def assert_passes(name, seed):
    module, *inputs = RIGHT[name]
    report = tn.check_gradients(module, *inputs, rng=seed)
    assert report.passed and report, f"seed {seed}: {report}"
    assert "All gradients are right." in str(report)


@pytest.mark.parametrize("name", RIGHT)
def test_right_layers_pass(name):
    assert_passes(name, 0)


@pytest.mark.slow
@pytest.mark.parametrize("name", RIGHT)
def test_right_layers_pass_from_every_seed(name):
    for seed in range(1, 20):
        assert_passes(name, seed)


def assert_refused_by_name(wrong, inputs, argument, words, seed):
    wrong_layers.RNG = np.random.default_rng(7)
    with pytest.raises(tn.GradientError) as caught:
        tn.check_gradients(wrong(), *inputs, rng=seed)
    assert words in str(caught.value), f"seed {seed}: {caught.value}"
    assert "\n" not in str(caught.value)
    assert caught.value.argument == argument
    assert not caught.value.report.passed


@pytest.mark.parametrize(("wrong", "inputs", "argument", "words"), PLANTED)
def test_planted_mistakes_are_caught_and_named(wrong, inputs, argument, words):
    assert_refused_by_name(wrong, inputs, argument, words, 0)


@pytest.mark.slow
@pytest.mark.parametrize(("wrong", "inputs", "argument", "words"), PLANTED)
def test_planted_mistakes_are_named_from_every_seed(wrong, inputs, argument, words):
    for seed in range(1, 20):
        assert_refused_by_name(wrong, inputs, argument, words, seed)


@pytest.mark.parametrize(("wrong", "words"), CRASHES)
def test_a_crash_that_is_about_no_shapes_is_told_as_it_is(wrong, words):
    with pytest.raises(tn.GradientError, match=f"{words}[^;]*$"):
        tn.check_gradients(wrong(), (5, 7))


def fingerprint(module, x):
    parameters = [(p.data, p.grad) for p in module.parameters()]
    return hashlib.sha256(pickle.dumps([parameters, x, module])).hexdigest()


@pytest.mark.parametrize("module", [Residual(), Overwrites(4, 4), DiagonalSoftmax()])
def test_module_and_inputs_stay_as_they_are(module):
    x, dy = RNG.normal(size=(2, 5, 4)).astype(np.float32)
    for parameter in module.parameters():
        parameter.grad = RNG.normal(size=parameter.grad.shape).astype(np.float32)
    twin = copy.deepcopy(module)
    assert np.array_equal(module(x), twin(x))
    before = fingerprint(module, x)
    try:
        tn.check_gradients(module, x)
    except tn.GradientError:
        assert not isinstance(module, Residual)
    assert fingerprint(module, x) == before
    assert np.array_equal(module.backward(dy), twin.backward(dy))  # what forward kept is there yet


def test_the_wrong_coordinate_and_both_values_are_right():
    x = RNG.normal(size=(4, 40))
    with pytest.raises(tn.GradientError) as caught:
        tn.check_gradients(tn.Sequential(OneOfMany(), tn.Softmax()), x)
    error = caught.value
    assert (error.argument, error.coordinate) == ("0.W", (17, 4))
    assert error.analytic == pytest.approx(1.5 * error.numeric, rel=1e-8)
    assert "0.W[17, 4] gets the gradient" in str(error)
    assert f"{error.numeric:.9g}" in str(error)
    assert [row.verdict for row in error.report.rows] == ["WRONG", "right", "right"]


def test_every_wrong_argument_is_marked():
    class TwoMistakes(Dense):
        def add_db(self, dy):
            self.b.grad -= dy.sum(axis=0)

        def dx(self, x, dy):
            return 2 * super().dx(x, dy)

    with pytest.raises(tn.GradientError, match="the sign") as caught:
        tn.check_gradients(TwoMistakes(), (5, 7))
    verdicts = [line.split()[-1] for line in str(caught.value.report).splitlines()[3:6]]
    assert verdicts == ["right", "WRONG", "WRONG"]


@pytest.mark.parametrize("factor", [1 + 1e-8, 1 - 1e-9])
def test_nine_digits_are_not_enough(factor):
    class Nearly(Tanh):
        def dx(self, dy, y):
            return super().dx(dy, y) * factor

    with pytest.raises(tn.GradientError, match=r"must be multiplied by (0\.99999999|1\.000000001)"):
        tn.check_gradients(Nearly(), (5, 7))


class Wave(tn.Module):
    """So fast a wave that no step is small enough."""

    def forward(self, x):
        self.keep(x)
        return np.sin(1e7 * x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return 1e7 * dy * np.cos(1e7 * x)


class Absolute(tn.Module):
    """A kink that no ReLU layer shows."""

    def forward(self, x):
        self.keep(x)
        return np.abs(x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return dy * np.sign(x)


def test_undecided_is_printed_and_never_passes():
    report = tn.check_gradients(Wave(), (2, 3))
    assert not report.passed and not report
    assert "undecided (6 of 6)" in str(report)
    assert "All gradients are right" not in str(report)


def test_one_undecided_probe_or_rule_is_enough():
    report = tn.check_gradients(Dense(), (5, 7))
    undecided = report.rows[1].probes[2]._replace(verdict="undecided")
    probes = [*report.rows[1].probes[:2], undecided]
    rows = [report.rows[0], replace(report.rows[1], probes=probes), report.rows[2]]
    assert replace(report, rows=report.rows).passed
    assert not replace(report, rows=rows).passed
    assert not replace(report, rules=report.rules | {"one row": "undecided for W"}).passed
    assert not replace(report, rules=report.rules | {"one row": "BROKEN"}).passed
    assert not tn.GradientReport("nothing checked").passed


def test_only_a_point_on_a_kink_is_undecided():
    x = RNG.normal(size=(3, 4))
    x[1, 2] = 0
    report = tn.check_gradients(Absolute(), x)
    assert [probe.verdict for probe in report.rows[0].probes].count("undecided") == 1
    assert "undecided (1 of 12)" in str(report)
    assert not report.passed


@pytest.mark.parametrize("beside", [1e-3, -1e-3, 1e-5, -1e-5])
def test_a_point_on_a_kink_beside_another_kink_is_undecided_too(beside):
    """A direction crosses the other kink on one side; the slope of the free side is no proof."""
    x = RNG.normal(size=(3, 4))
    x[1, 2], x[0, 1] = 0, beside
    report = tn.check_gradients(Absolute(), x)
    assert [probe.verdict for probe in report.rows[0].probes].count("undecided") == 1
    assert "undecided" in report.rules["another number of rows is right"]


def test_a_relu_layer_that_stands_at_exactly_zero_counts_as_off():
    x = RNG.normal(size=(3, 4))
    x[1, 2] = 0
    assert tn.check_gradients(tn.ReLU(), x).passed


class Distance(tn.Module):
    """One parameter that moves all rows at once."""

    def __init__(self):
        self.center = tn.Parameter(np.zeros(1))

    def forward(self, x):
        self.keep(x)
        return np.abs(x - self.center.data)

    def backward(self, dy):
        dy, x = self.kept(dy)
        dx = dy * np.sign(x - self.center.data)
        self.center.grad -= dx.sum(axis=0)
        return dx


def test_kinks_on_both_sides_are_told_apart_row_by_row():
    x = np.array([[1e-5], [-1e-5], [0.7], [2.0]])
    assert tn.check_gradients(Distance(), x).passed


def test_a_mistake_between_two_kinks_is_found():
    class Wrong(Distance):
        def backward(self, dy):
            dx = super().backward(dy)
            self.center.grad *= 1 + 1e-6
            return dx

    with pytest.raises(tn.GradientError, match="center"):
        tn.check_gradients(Wrong(), np.array([[1e-5], [-1e-5], [0.7], [2.0]]))


@pytest.mark.parametrize("distance", [3e-3, -6e-4, 2e-5, 1e-6])
@pytest.mark.parametrize("layer", [Absolute, LeakyReLU, MyReLU, tn.ReLU])
def test_a_kink_nearby_does_not_mislead(layer, distance):
    x = RNG.normal(size=(3, 4))
    x[1, 2] = distance
    assert tn.check_gradients(layer(), x).passed


@pytest.mark.parametrize("distance", [3e-3, -6e-4, 2e-5, 1e-6])
def test_a_mistake_beside_a_kink_is_found(distance):
    class OneWrong(Absolute):
        def backward(self, dy):
            dx = super().backward(dy)
            dx.flat[6] *= 1 + 1e-6
            return dx

    x = RNG.normal(size=(3, 4))
    x[1, 2] = distance
    with pytest.raises(tn.GradientError, match=r"input x\[1, 2\].*only this coordinate"):
        tn.check_gradients(OneWrong(), x)


def test_a_mistake_is_located_although_another_row_stands_on_a_kink():
    class OneWrong(Absolute):
        def backward(self, dy):
            dx = super().backward(dy)
            dx[20, 2] *= 1 + 1e-6
            return dx

    x = RNG.normal(size=(30, 8))
    x[3, 3] = 0
    with pytest.raises(tn.GradientError, match=r"input x\[20, 2\].*only this coordinate"):
        tn.check_gradients(OneWrong(), x)


def test_a_net_with_many_kinks_is_decided():
    """Wide and many rows: hardly a probe of the first layer crosses no kink."""
    net = tn.Sequential(Dense(3, 30), tn.ReLU(), Dense(30, 1))
    assert tn.check_gradients(net, (15, 3)).passed


@pytest.mark.parametrize(
    ("layer", "verdict"),
    [
        (tn.ReLU, "takes 0, the flat side"),
        (LeakyReLU, "takes the left-hand slope"),
        (Absolute, "takes the mean of both slopes"),
        (Tanh, "no kink at 0"),
    ],
)
def test_the_convention_at_exactly_zero_is_told(layer, verdict):
    assert tn.check_gradients(layer(), (5, 7)).rules["the slope at exactly 0"] == verdict


def rule_of(module, inputs, title):
    try:
        return tn.check_gradients(module, *inputs).rules.get(title, "not there")
    except tn.GradientError as error:
        return str(error)


def test_a_mask_that_multiplies_gets_a_note_and_passes():
    title = "NaN upstream of an output that is off gives 0"
    by_mask, by_where = Elementwise(*ELEMENTWISE["ReLU by a mask"]), MyReLU()
    assert rule_of(by_mask, [(5, 7)], title).startswith("note: NaN spreads to input x, for 0 * NaN")
    assert rule_of(by_where, [(5, 7)], title) == "holds"
    assert rule_of(Tanh(), [(5, 7)], title) == "no output is off"


STEEP = Elementwise(lambda x: np.exp(30 * x), lambda x: 30 * np.exp(30 * x))
ARCSINE = Elementwise(np.arcsin, lambda x: 1 / np.sqrt(1 - x**2))
FAR = "inputs and parameters far out (up to +-50)"


@pytest.mark.parametrize(
    ("module", "inputs", "verdict"),
    [
        (Tanh(), [(5, 7)], "holds"),
        (Elementwise(np.exp, np.exp), [(5, 7)], "holds"),
        (
            Elementwise(lambda x: np.exp(30 * x), lambda x: 30 * np.exp(30 * x)),
            [(5, 7)],
            "up to 20",
        ),
        (Elementwise(*ELEMENTWISE["fast far out"]), [(5, 7)], "holds; input x up to"),
        (Tanh(), [np.linspace(0, 1, 12)], "holds; not for input x, which is within [0, 1]"),
        (
            Elementwise(np.arcsin, lambda x: 1 / np.sqrt(1 - x**2)),
            [np.linspace(-0.9, 0.9, 8)],
            "not for",
        ),
    ],
)
def test_how_far_out_it_was_checked_is_told(module, inputs, verdict):
    report = tn.check_gradients(module, *inputs)
    assert report.passed
    assert verdict in report.rules.get(FAR, "not there")


@pytest.mark.parametrize("cut", [-30, -7.5, -1, 2.5, 6, 25])
@pytest.mark.parametrize("seed", range(3))
def test_the_place_where_a_formula_changes_is_found(cut, seed):
    side = "above" if cut > 0 else "below"
    layer = Elementwise(lambda x: np.where(x / cut > 1, 2 * x - cut, x), np.ones_like)
    words = rf"wrong only where input x is {side} {cut:g} \(1 \* dy there, 2 \* dy is right\)"
    with pytest.raises(tn.GradientError, match=words):
        tn.check_gradients(layer, (3, 4), rng=seed)


def test_a_second_input_far_out_is_tried_too():
    class Product(tn.Module):
        def forward(self, a, b):
            self.keep(a, b)
            return a * np.clip(b, -9, 9)

        def backward(self, dy):
            dy, a, b = self.kept(dy)
            return dy * np.clip(b, -9, 9), dy * a

    with pytest.raises(tn.GradientError, match=r"wrong only where input b is below -9 and above 9"):
        tn.check_gradients(Product(), (5, 7), (5, 7))


ARRAYS = "what has a gradient is a Parameter"


def test_arrays_that_are_constants_are_told():
    verdict = rule_of(Standardized(), [(5, 7)], ARRAYS)
    assert verdict == "holds; constants: mean (7,), scale (7,), tables.shift.0 (1, 7)"
    assert rule_of(RandomFeatures(), [(7, 7)], ARRAYS) == "holds; constants: W (7, 7)"
    assert rule_of(Dense(), [(5, 7)], ARRAYS) == "holds"
    loss = tn.CrossEntropyLoss(weight=[1, 2, 3])
    assert rule_of(loss, [(4, 3), np.arange(4) % 3], ARRAYS) == "holds; constants: weight (3,)"


def test_what_may_be_a_weight_is_undecided_and_does_not_pass():
    class Unclear(Standardized):
        """Writes something of the shape of `mean`, linear in dy, that is not its gradient."""

        def backward(self, dy):
            self.update = (dy * np.arange(1, 8) ** 2).sum(axis=0)
            return super().backward(dy)

    report = tn.check_gradients(Unclear(), (5, 7))
    assert report.rules.get(ARRAYS, "").startswith(
        "undecided: forward uses mean, no Parameter, and"
    )
    assert not report.passed


def test_parameters_that_forward_makes_or_nothing_finds_are_refused():
    class Lazy(Dense):
        def forward(self, x):
            if not hasattr(self, "late"):
                self.late = tn.Parameter(np.ones(3))
            return super().forward(x) * self.late.data

    class Anew(Dense):
        def forward(self, x):
            self.W = tn.Parameter(self.W.data)
            return super().forward(x)

    hidden = Dense()
    hidden.extra = {tn.Parameter(np.ones(2))}
    for module, words in (
        (Lazy(), "forward makes the Parameter late"),
        (Anew(), "forward makes the Parameter W"),
        (hidden, "in a set.*a list, a tuple, or a dict"),
    ):
        with pytest.raises(ValueError, match=words):
            tn.check_gradients(module, (5, 7))


def test_a_refusal_of_one_row_is_told_but_a_crash_is_refused():
    class OneRow(LayerNorm):
        def forward(self, x):
            if len(x) < 2:
                raise ValueError("expected more than 1 row")
            return super().forward(x)

    rule = "one row alone (N = 1) is right"
    told = rule_of(OneRow(), [(5, 7)], rule)
    assert told == "not checked: forward refuses it (expected more than 1 row)"
    with pytest.raises(tn.GradientError, match=r"\(for one row \(N = 1\)\)"):
        tn.check_gradients(wrong_layers.CrashesForOneRow(), (5, 7))


@pytest.mark.slow
def test_a_fast_wave_is_never_called_wrong():
    def verdict(seed, shape):
        try:
            return "passed" if tn.check_gradients(Wave(), shape, rng=seed) else "undecided"
        except tn.GradientError as error:
            return str(error)

    assert {verdict(seed, shape) for seed in range(10) for shape in [(5, 7), (2, 2)]} == {
        "undecided"
    }


def test_words_name_what_was_tried_out():
    class NoPattern(Dense):
        """Its input gradient is wrong, and does not depend on the input, as is right."""

        def dx(self, x, dy):
            return super().dx(x, dy) + 0.1 * dy[:, :1] ** 2

    with pytest.raises(tn.GradientError, match="no simple mistake fits"):
        tn.check_gradients(NoPattern(), (5, 7))


def test_small_integers_are_compared_bit_for_bit():
    net = tn.Sequential(tn.Linear(5, 4, rng=0), tn.ReLU(), tn.Linear(4, 3, rng=1))
    exact = tn.check_gradients(net, (6, 5)).rules["small integers, bit for bit"]
    assert exact == "holds for 0.W, 0.b, 2.W, 2.b, input x"


@pytest.mark.parametrize("seed", [8, 121, 173])
def test_sums_that_come_out_even_by_chance_are_not_compared_bit_for_bit(seed):
    """A mean over six: each coordinate is a multiple of 1/6, three sums are whole numbers."""
    assert_passes("NLLLoss mean None -100", seed)


def test_the_report_is_a_table():
    lines = str(tn.check_gradients(tn.Linear(40, 6, rng=0), (2, 40))).splitlines()
    assert lines[0] == "Linear(40, 6)"
    assert lines[2].split("  ")[0] == "parameter or input"
    assert lines[3].split() == ["W", "(40,", "6)", "6", "directions", lines[3].split()[5], "right"]
    assert lines[4].split()[:4] == ["b", "(6,)", "every", "coordinate"]
    assert lines[5].split()[:6] == ["input", "x", "(2,", "40)", "every", "coordinate"]
    assert float(lines[3].split()[5]) < 1e-11


def test_the_same_seed_gives_the_same_report():
    reports = [str(tn.check_gradients(tn.Softmax(), (3, 4), rng=seed)) for seed in (5, 5, 6)]
    assert reports[0] == reports[1] != reports[2]
    generator = np.random.default_rng(5)
    assert str(tn.check_gradients(tn.Softmax(), (3, 4), rng=generator)) == reports[0]


class Only32(tn.Module):
    def forward(self, x):
        if x.dtype != np.float32:
            raise TypeError(f"got {x.dtype}")
        self.keep()
        return 2 * x

    def backward(self, dy):
        return 2 * self.kept(dy)[0]


class Logarithm(tn.Module):
    def forward(self, x):
        self.keep(x)
        return np.log(x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return dy / x


class Pair(Tanh):
    def forward(self, x):
        return super().forward(x), x


def test_a_layer_for_positive_numbers_can_be_checked():
    assert tn.check_gradients(Logarithm(), RNG.uniform(0.2, 3, (4, 5))).passed


@pytest.mark.parametrize(
    ("module", "inputs", "error", "words"),
    [
        (tn.ReLU, [(5, 7)], TypeError, "expected a Module; call it"),
        ("relu", [(5, 7)], TypeError, "expected a Module"),
        (tn.ReLU(), [[1.0, 2.0]], TypeError, "input 0 is list, expected an array"),
        (tn.ReLU(), [np.array([1, np.nan])], ValueError, "input 0 holds NaN or inf"),
        (tn.ReLU(), [np.arange(3)], ValueError, "nothing to differentiate"),
        (tn.Linear(4, 3), [(5, 7)], ValueError, "input has 7 features, expected 4"),
        (tn.NLLLoss(), [(2, 3), np.array([0, 3])], IndexError, "labels"),
        (Only32(), [(5, 7)], TypeError, "works on float32, but not on the float64 copies"),
        (Logarithm(), [-np.ones((2, 3))], ValueError, "is not finite, so it has no derivative"),
        (Pair(), [(5, 7)], TypeError, "forward returns tuple, expected one array"),
    ],
)
def test_what_cannot_be_checked_says_why(module, inputs, error, words):
    with pytest.raises(error, match=words):
        tn.check_gradients(module, *inputs)


def test_extrapolation_is_of_sixth_order():
    def f(t):
        return np.array([np.sin(1 + t), np.exp(3 * t)])

    exact = np.array([np.cos(1), 3])
    errors = [np.abs(extrapolated(f, f(0), h)[0] - exact).max() for h in (0.4, 0.2)]
    assert 50 < errors[0] / errors[1] < 80
    assert np.abs(extrapolated(f, f(0), 1e-2)[0] - exact).max() < 1e-12
    for side in (-1e-2, 1e-2):
        derivative, rest = one_sided(f, f(0), side)
        assert np.abs(derivative - exact).max() < 1e-10 > np.abs(rest).max()


def test_no_kink_hides_from_both_signs_of_it():
    for kink in np.linspace(-1, 1, 401):
        derivative, *rests = extrapolated(
            lambda t, k=kink: np.maximum(t - k, 0), max(-kink, 0), 1.0
        )
        error = min(abs(derivative - 0.0), abs(derivative - 1.0))
        assert error <= 11 * sum(map(abs, rests)) + 1e-12


def test_the_main_lesson_on_real_digits(monkeypatch, capsys):
    net, digits = cli.gradcheck._main_lesson(0)
    if JIT_IS_OFF:
        digits = digits[:2]
    monkeypatch.setattr(cli.gradcheck, "_main_lesson", lambda seed: (net, digits))
    assert cli.main(["gradcheck"]) == 0
    table = capsys.readouterr().out
    assert table.count("  right\n") == 9 and table.endswith("All gradients are right.\n")
    net.layers[2].backward = lambda dy: 2 * type(net.layers[2]).backward(net.layers[2], dy)
    with pytest.raises(tn.GradientError):
        cli.main(["gradcheck"])


# ---- the command

FILE = """
import numpy as np
import tinynet as tn

class MyLayer(tn.Module):
    factor = 1

    def forward(self, x):
        self.keep(x)
        return x * np.abs(x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return dy * 2 * np.abs(x) * self.factor

class Wrong(MyLayer):
    factor = -1

class Scaled(MyLayer):
    def __init__(self, scale):
        self.scale = scale

class Crash(MyLayer):
    def forward(self, x):
        return x @ x

class Wave(tn.Module):
    def forward(self, x):
        self.keep(x)
        return np.sin(1e7 * x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return 1e7 * dy * np.cos(1e7 * x)

scaled = Scaled(3)

def loss():
    return tn.CrossEntropyLoss(label_smoothing=0.1)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my_layer.py"
    path.write_text(FILE)
    return path


def command(*arguments):
    from tinynet.__main__ import main

    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return stop.code


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("MyLayer", ["--shape", "5,7"]),
        ("MyLayer", ["--shape", "5", "--seed", "3"]),
        ("scaled", ["--shape", "2,3,4"]),
        ("loss", ["--shape", "6,4", "--labels"]),
    ],
)
def test_command_prints_the_table(file, capsys, name, options):
    assert command("gradcheck", f"{file}:{name}", *options) == 0
    assert "All gradients are right." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "options", "code", "words"),
    [
        ("my_layer.py:Wrong", ["--shape", "5,7"], 1, "wrong: Wrong(): input x["),
        ("my_layer.py:Wave", ["--shape", "2,2"], 1, "undecided: try another"),
        ("my_layer.py:Nothing", ["--shape", "5,7"], 1, "my_layer.py defines no Nothing"),
        ("my_layer.py:Scaled", ["--shape", "5,7"], 1, "cannot be made without arguments"),
        ("my_layer.py:Crash", ["--shape", "5,7"], 1, "my_layer.py, line 25: ValueError"),
        ("nowhere.py:MyLayer", ["--shape", "5,7"], 1, "nowhere.py does not exist"),
        ("my_layer.py:np", ["--shape", "5,7"], 1, "is not callable"),
        ("my_layer.py", ["--shape", "5,7"], 2, "not of the form my_layer.py:MyLayer"),
        ("my_layer.py:MyLayer", ["--shape", "5x7"], 2, "not a shape such as 5,7"),
        ("my_layer.py:MyLayer", ["--shape", "5,0"], 2, "not a shape such as 5,7"),
        ("my_layer.py:MyLayer", [], 2, "--shape"),
    ],
)
def test_command_says_in_one_line_what_is_wrong(file, capsys, target, options, code, words):
    assert command("gradcheck", file.parent / target, *options) == code
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in last


LAYER = """
import numpy as np
import tinynet as tn

class MyLayer(tn.Module):
    def forward(self, x):
        self.keep(x)
        return f(x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return dy * df(x)

if __name__ == "__main__":
    raise SystemExit("only when it is run")
"""
HELPERS = "import numpy as np\n\nf, df = np.sin, np.cos\n"


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Layer files in a package, in a package within it, and in folders that are none."""
    files = {
        "pkg_one/__init__.py": "from .layers import MyLayer\n",
        "pkg_one/helpers.py": HELPERS,
        "pkg_one/layers.py": f"from .helpers import f, df{LAYER}",
        "pkg_one/absolute.py": f"from pkg_one.helpers import f, df{LAYER}",
        "pkg_one/random.py": f"from .helpers import f, df{LAYER}",
        "pkg_one/my-layer.py": f"from .helpers import f, df{LAYER}",
        "pkg_one/v1.2.py": f"from .helpers import f, df{LAYER}",
        "pkg_one/sub/__init__.py": "",
        "pkg_one/sub/here.py": "import numpy as np\n\ndf = np.cos\n",
        "pkg_one/sub/deep.py": f"from ..helpers import f\nfrom .here import df{LAYER}",
        "plain/helpers_of_plain.py": HELPERS,
        "plain/random.py": f"from helpers_of_plain import f, df{LAYER}",
        "plain/my-layer.py": f"from helpers_of_plain import f, df{LAYER}",
        "plain/relative.py": f"from .helpers_of_plain import f, df{LAYER}",
        "plain/inner/__init__.py": "",
        "plain/inner/above.py": f"from ..helpers_of_plain import f, df{LAYER}",
        "plain/broken.py": "import numpy\n\ndef f(:\n",
        "plain/quits.py": "import sys\n\nsys.exit('done')\n",
        "plain/needs.py": "import numpy\nimport no_such_module\n",
        "plain/bug.py": "import tinynet as tn\n\nclass MyLayer(tn.Module):\n"
        "    def __init__(self):\n        self.n = 1 + 'a'\n",
        "plain/text.txt": LAYER,
        "json/__init__.py": "",
        "json/helpers.py": HELPERS,
        "json/layers.py": f"from .helpers import f, df{LAYER}",
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path)
    before = set(sys.modules), list(sys.path)
    yield tmp_path
    for name in set(sys.modules) - before[0]:
        if getattr(sys.modules[name], "__file__", None) and str(tmp_path) in str(
            sys.modules[name].__file__
        ):
            del sys.modules[name]
    sys.path[:] = before[1]


@pytest.mark.parametrize(
    "target",
    [
        *("pkg_one/layers.py", "pkg_one/__init__.py", "pkg_one/absolute.py", "pkg_one/random.py"),
        *("pkg_one/my-layer.py", "pkg_one/v1.2.py", "pkg_one/sub/deep.py"),
        *("plain/random.py", "plain/my-layer.py"),
    ],
)
def test_command_takes_files_of_packages_and_of_any_name(folders, capsys, target):
    import random

    assert command("gradcheck", f"{target}:MyLayer", "--shape", "5,7") == 0
    assert "All gradients are right." in capsys.readouterr().out
    assert sys.modules["random"] is random
    assert str(folders) not in sys.path[:1]


@pytest.mark.parametrize(
    ("target", "words"),
    [
        ("plain/relative.py", "plain is no package; put an empty __init__.py into it, or import w"),
        ("plain/inner/above.py", "plain is no package; put an empty __init__.py into it, or"),
        ("json/layers.py", "another json is imported already; rename the folder"),
        ("plain/broken.py", "SyntaxError: invalid syntax (broken.py, line 3)"),
        ("plain/quits.py", "ends the program when it is imported (SystemExit: done); put what it"),
        ("plain/needs.py", "needs.py, line 2: ModuleNotFoundError: No module named 'no_such_mod"),
        ("plain/bug.py", "bug.py, line 5: TypeError: unsupported operand"),
        ("plain/text.txt", "text.txt is no Python file; its name must end in .py"),
        ("plain", "plain is a folder; give a Python file in it"),
        ("plain/random", "plain/random does not exist; is it random.py?"),
        ("plain/nothing.py", "plain/nothing.py does not exist; give the path of your Python file"),
    ],
)
def test_command_says_why_a_file_cannot_be_imported(folders, capsys, target, words):
    assert command("gradcheck", f"{target}:MyLayer", "--shape", "5,7") == 1
    assert words in capsys.readouterr().err.strip().splitlines()[-1]


@pytest.mark.parametrize("target", ["plain/relative.py", "plain/inner/above.py"])
def test_what_the_command_advises_works(folders, capsys, target):
    (folders / "plain" / "__init__.py").write_text("")
    assert command("gradcheck", f"{target}:MyLayer", "--shape", "5,7") == 0


def test_command_lists_the_layers_of_a_file(file, capsys):
    assert command("gradcheck", f"{file}:Mylayer", "--shape", "5,7") == 1
    assert "it defines MyLayer, Wrong, Scaled, Crash, Wave, scaled" in capsys.readouterr().err


def test_command_runs_as_a_program(file):
    done = subprocess.run(
        [sys.executable, "-m", "tinynet", "gradcheck", "my_layer.py:Wrong", "--shape", "5,7"],
        cwd=file.parent,
        env=os.environ | {"PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "the sign is wrong" in done.stderr
    assert "WRONG" in done.stdout
    assert "Traceback" not in done.stderr
