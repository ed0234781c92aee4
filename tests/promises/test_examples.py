"""Lessons run as scripts, in short and in full; ``test_gallery.py`` runs them all, as notebooks."""

import functools
import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from matplotlib.image import imread

import tinynet as tn

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Expected:
    """What one lesson prints and draws, and the bounds of its claims in a full run."""

    table: str
    figures: tuple[str, ...]
    bounds: dict[str, tuple[float, float]] = field(default_factory=dict)
    pages: tuple[str, ...] = ()


LESSONS = {
    "01_networks": Expected(
        "for digits +922 +53,568",
        ("network", "fully_connected", "forward_and_backward", "digit_network"),
        {"units of the same layer that moved": (1, 1), "units of later layers that moved": (6, 6)},
    ),
    "02_about_mnist": Expected(
        r"2093 sevens, 2,189,278 pairs",
        (
            *("as_we_see", "as_the_network_sees", "twelve_sevens", "correlations"),
            *("average_seven", "averages", "error_rates"),
        ),
        {
            "most frequent correlation of two 7s": (0.4, 0.5),
            "errors of the linear network (%)": (4, 12),
            "errors of the feed-forward network (%)": (2, 7),
        },
    ),
    "03_ffn_on_mnist": Expected(
        r"epoch +train loss +test loss +train accuracy +test accuracy\n +1 +[12]\.\d+",
        (
            *("pixel_histograms", "learning_curves", "test_digit", "errors"),
            *("sevens", "right_and_wrong", "almost_errors"),
        ),
        {
            "fit and the loop by hand end with the same weights": (1, 1),
            "test accuracy (%)": (94, 100),
            "train accuracy (%)": (99.3, 100),
            "answers of the loaded network that differ": (0, 0),
        },
    ),
    "04_softmax_vs_log_softmax": Expected(
        r"gradient before learning +softmax +log-softmax +ratio\nLinear layer 1 +0\.\d+",
        ("curves", "first_gradient", "learning_curves", "each_digit"),
        {
            "test accuracy with softmax (%)": (10, 85),
            "test accuracy with log-softmax (%)": (94, 100),
            "log-softmax is better by (points)": (10, 80),
        },
    ),
    "05_binarized_mnist": Expected(
        r"different pixel values: 256 before, 2 after",
        ("pixel_histograms", "before_and_after", "versions", "learning_curves", "four_versions"),
        {"test accuracy, binarized (%)": (93, 100)},
    ),
    "06_normalization": Expected(
        r"Training data range 0 to 1\nTest data range 0 to 255\n",
        (
            *("curves_equal", "curves_train_only", "curves_test_only"),
            *("loss_against_accuracy", "class_directions", "brightness"),
        ),
        {
            "equal: test accuracy (%)": (94, 100),
            "train only: test accuracy (%)": (90, 100),
            "train only: test loss": (10, 100),
            "test only: train accuracy (%)": (99, 100),
            "test only: test accuracy (%)": (5, 75),
            "test only: test loss": (1.8, 2.4),
            "test only, biases set to 0: test accuracy (%)": (90, 100),
        },
    ),
    "07_write_your_own_layer": Expected(
        "All gradients are right",
        ("tanh", "learning_curves"),
        {
            "mistakes caught, of 5": (5, 5),
            "Tanh: test accuracy (%)": (94, 100),
            "PReLU: test accuracy (%)": (94, 100),
            "squared error: test accuracy (%)": (94, 100),
        },
    ),
    "08_optimizers": Expected(
        r"optimizer +epochs to 90 % +train accuracy +test accuracy\nSGD ",
        ("learning_curves", "adam_hides"),
        {
            "Adam: test accuracy (%)": (94, 100),
            "softmax: Adam is better than SGD by (points)": (10, 90),
        },
    ),
    "09_playground": Expected(
        r"layer +output +mean +spread +dead +\|dy\| +\|dW\| +update/W\n0 +Linear\(784, 64\)",
        ("trace",),
        {
            "test accuracy (%)": (94, 100),
            "loss of the batch, after over before": (0, 0.9),
            "largest page (MB)": (0.2, 2),
        },
        pages=("xray.html", "playground.html"),
    ),
    "10_scaling_out": Expected(
        r"learning rate +8 units +16 units +32 units +64 units\n0\.0001 ",
        ("heat_map",),
        {
            "scores that differ from those of a run without cluster, of 3": (0, 0),
            "best accuracy (%)": (94, 100),
            "64 units instead of 8 (points)": (2, 20),
        },
    ),
    "11_weight_distributions": Expected(
        r"92 of 784 pixels \(12 %\) are never lit",
        ("histograms", "moves", "units"),
        {
            "spread after over spread before, last layer": (1.5, 10),
            "moved weights of pixels that are never lit": (0, 0),
        },
    ),
    "12_breadth_and_depth": Expected(
        r"hidden layers +4 units +8 units +16 units +32 units +64 units\n1 ",
        ("breadth_and_depth", "chance"),
        {"64 units instead of 4, mean gain (points)": (5, 60)},
    ),
    "13_scrambled": Expected(
        r"scrambled by one rule +\d+\.\d+ % +\d+\.\d+ %",
        ("digits", "learning_curves", "weights"),
        {
            "scrambled by one rule: differs by (points)": (0, 1.5),
            "each by its own rule: test accuracy (%)": (5, 50),
        },
    ),
    "14_shifted": Expected(
        r"as they are +moved right +\d+\.\d+",
        ("digits", "accuracy", "correlation"),
        {
            "moved by 4 pixels (%)": (5, 60),
            "learned from shifted digits, moved by 2 pixels (%)": (90, 100),
        },
    ),
    "15_missing_seven": Expected(
        r"2093 sevens, all of them new",
        ("learning_curves", "taken_for", "sevens", "averages", "confidence"),
        {
            "test accuracy on the known digits (%)": (94, 100),
            "7s read as 7s (%)": (0, 0),
        },
    ),
    "16_backward_by_hand": Expected(
        r"dW1 +6 +0\.000\d +\d",
        ("network",),
        {
            "paper and NumPy differ by, at most (thousandths)": (0, 0.5),
            "NumPy and tinynet differ by (trillionths)": (0, 1),
            "loss before the step": (1.04, 1.05),
            "loss after it": (0.79, 0.8),
        },
        pages=("16_xray.html",),
    ),
    "17_first_weights": Expected(
        r"std 0\.01 +0\.010 +0\.06 +0\.06 +0\.06\nstd 1 ",
        (
            *("activations", "gradients", "accuracy", "all_equal"),
            *("standard_deviations", "while_learning"),
        ),
        {
            "ReLU, std 0.01: gradient times, per layer": (0, 0.1),
            "ReLU, He: gradient times, per layer": (0.8, 1.25),
            "ReLU, He: test accuracy (%)": (80, 100),
            "ReLU, Linear's own: test accuracy (%)": (5, 20),
            "weights all 1: different units of 64": (1, 1),
            "weights all 1: test accuracy (%)": (0, 40),
            "Adam, std 0.01: test accuracy (%)": (80, 100),
            "SGD, std 0.01: test accuracy (%)": (5, 20),
            "change where the loss falls fastest, over the last": (2, 20),
        },
    ),
    "18_more_data": Expected(
        r"noisy test digits \(%\) +600 +1,800 +6,000 +18,000\nas they are +\d",
        ("digits", "amount", "recall", "confusion", "scores"),
        {
            "18,000 digits instead of 600: gain (points)": (8, 30),
            "each twice: largest change (points)": (0, 2),
            "noisy digits, learned from clean ones (%)": (10, 80),
            "noisy digits, learned with noisy copies (%)": (92, 100),
            "doubled before the split: test accuracy (%)": (96, 100),
            "500 sevens: recall lost (points)": (2, 20),
            "500 sevens: precision lost (points)": (-5, 2),
            "four times: recall gained, mean of epochs (points)": (0.5, 10),
        },
    ),
    "19_freezing_and_transfer": Expected(
        r"2  Linear\(64, 32\) +\(N, 32\) +2,080 frozen",
        ("frozen", "moves", "samples", "few_samples"),
        {
            "frozen weights moved by (%)": (0, 0),
            "hidden layers frozen, halfway (%)": (5, 50),
            "hidden layers frozen, at the end (%)": (70, 95),
            "output layer frozen, halfway (%)": (55, 95),
            "copied and frozen or from scratch (points)": (0.5, 20),
            "copied and frozen or random (points)": (1, 30),
        },
    ),
    "20_overfitting": Expected(
        r"no remedy +0\.\d+ +\d+\.\d+ %   \d+\.\d+",
        ("plain", "dropped", "losses", "errors", "weights"),
        {
            "no remedy: train accuracy (%)": (99.9, 100),
            "no remedy: test loss, last over lowest": (1.15, 3),
            "mean of 10,000 ones after Dropout": (0.95, 1.05),
            "of these, changed in evaluation": (0, 0),
            "net.eval() forgotten costs (points)": (1, 20),
            "L2 by hand and built in differ by (millionths)": (0, 10),
            "early stop: test loss, over that without": (0.4, 0.92),
            "dropout: test loss, over that without": (0.4, 0.92),
            "decay: test loss, over that without": (0.4, 0.92),
            "L1: test loss, over that without": (0.4, 0.92),
            "dropout: test accuracy gained (points)": (0.2, 3),
            "decay: test accuracy gained (points)": (-1, 1),
            "5,000 digits: test accuracy gained (points)": (2.5, 8),
            "L1: weights below 0.001 (%)": (40, 100),
        },
    ),
    "21_xor_and_clouds": Expected(
        r"as most try first +\d+/20  0\.\d+ 0\.\d+",
        ("one_layer", "moving", "three_classes", "saturated", "stuck", "white"),
        {
            "one layer, left or right: right (%)": (97, 100),
            "one layer, XOR: right (%)": (0, 80),
            "8 hidden units, XOR: right (%)": (95, 100),
            "three rings: right (%)": (95, 100),
            "sure and wrong, mended by Sigmoid, BCELoss: right (%)": (0, 50),
            "sure and wrong, mended by BCEWithLogitsLoss: right (%)": (95, 100),
            "as most try first: solved, of 20": (0, 3),
            "+ Tanh, mended: solved, of 20": (19, 20),
            "mended, weights near 0: solved, of 20": (0, 1),
            "mended, weights all 0.5: solved, of 20": (0, 0),
        },
    ),
    "22_line_through_points": Expected(
        r"dw +by hand +-\d+\.\d+, by tinynet +-\d+\.\d+\ndb ",
        ("line", "landscapes", "curve", "residuals"),
        {
            "by hand and by tinynet differ by (trillionths)": (0, 1),
            "x as it is: distance from least squares": (0.02, 2),
            "x scaled: distance from least squares": (0, 0.001),
            "points that the best line hits, of 100": (0, 0),
            "best line: R squared": (0.7, 0.95),
            "line: R squared of the test points": (-1, 0.6),
            "network: R squared of the test points": (0.75, 1),
        },
    ),
    "23_autoencoders": Expected(
        r"error \(%\) +whole +noisy +barred\nnothing done +0\.0 ",
        ("whole", "noisy", "barred", "heat_map", "codes", "map"),
        {
            "rebuilt from 50 numbers: error (%)": (5, 16),
            "noise, repaired by A: error (%)": (60, 200),
            "noise, repaired by B: error (%)": (10, 40),
            "bars, repaired by C: error (%)": (10, 40),
            "500 hidden units, a code of 100: error (%)": (15, 35),
            "ReLU behind a code of 15 costs (points)": (3, 60),
            "right by the nearest code of 15 (%)": (92, 100),
            "tied: error (%)": (5, 16),
        },
    ),
    "24_cnn": Expected(
        r"Conv2d\(10, 20, 5, padding=1\) +\(N, 20, 11, 11\) +5,020",
        ("learning_curves", "filters", "maps", "saliency", "rolled", "error_rates"),
        {
            "NumPy and Conv2d differ by (millionths)": (0, 5),
            "feed-forward: errors (%)": (2, 6),
            "convolutional: errors (%)": (0.5, 3),
            "convolutional, moved: errors (%)": (0.2, 1.6),
            "rolled digits, feed-forward: test accuracy (%)": (50, 80),
            "rolled digits, convolutional: test accuracy (%)": (85, 99),
            "fewer upright digits by flips (points)": (0.2, 5),
        },
    ),
    "25_gan": Expected(
        r"written +it is sure of +\d+\.\d %; digits 0 to 9: \[",
        ("written", "game", "kinds", "nearest", "between"),
        {
            "gradient through both is off by (millionths)": (0, 10),
            "cosine of left-over and own gradient": (-1, -0.9),
            "D is right, last five epochs (%)": (60, 97),
            "written digits the reader is sure of (%)": (45, 100),
            "the same before G has learned (%)": (0, 10),
            "kinds of digits, of 10": (9, 10),
        },
    ),
    "26_batch_normalization": Expected(
        r"y -1\.8 0\.6 1\.4 3\.8 +dx 0\.104 -0\.128 -0\.072 0\.096\nnumerical check passed: True",
        ("before", "accuracy", "modes", "running"),
        {
            "NumPy and tinynet differ by (trillionths)": (0, 1),
            "without, best of all learning rates (%)": (5, 40),
            "normalised, learning rate 0.1 (%)": (91, 100),
            "normalised, worst of all first weights (%)": (85, 100),
            "training mode, 2 digits at once (%)": (10, 45),
            "training mode, 32 digits of one kind (%)": (5, 40),
            "running averages set back (%)": (5, 91),
            "after 60 batches, nothing learned (%)": (90, 100),
        },
    ),
    "27_workbook": Expected(
        r"wrong +dW is what differences give, for every shape\n +a mean over the batch",
        ("four_gradients",),
        {
            "mistakes named, of 3": (3, 3),
            "second tries that are right, of 3": (3, 3),
            "right dW (%)": (88, 100),
            "a mean over the batch (%)": (30, 94),
            "only the last row (%)": (30, 94),
            "wrong sign (%)": (0, 30),
        },
    ),
    "28_lab": Expected(
        r"learning rate 0\.1: loss [\d.]+; learning rate 1: [\d.]+",
        ("vanish", "planes"),
        {
            "XOR, hidden units 1: right (%)": (50, 85),
            "XOR, hidden units 4: right (%)": (94, 100),
            "learning rate 1: dead ReLUs, of 16": (1, 16),
            "learning rate 1: dead LeakyReLUs, of 16": (0, 0),
            "Sigmoid: dW of the last layer over the first": (1e4, 1e12),
            "Tanh, Xavier: dW of the last layer over the first": (0.01, 100),
            "learning rate 1: loss, times that of 0.1": (10, float("inf")),
            "L2 of 0: loss of new points": (0.9, 10),
            "L2 of 0.03: loss of new points": (0.2, 0.8),
        },
        pages=("28_lab.html", "28_own.html"),
    ),
}


def run(script: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script as a reader does, on the tinynet that these tests import."""
    paths = [str(Path(tn.__file__).parents[1]), str(EXAMPLES), os.environ.get("PYTHONPATH", "")]
    return subprocess.run(
        [sys.executable, str(script), *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )


def run_lesson(name: str, folder: Path, *arguments: object) -> str:
    done = run(EXAMPLES / f"{name}.py", "--figures", folder, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def claims_of(output: str) -> dict[str, tuple[float, str]]:
    """Read the last table: claim -> (measured value, verdict)."""
    lines = output[output.index("\nclaim ") :].splitlines()[2:]
    rows = [re.match(r"(.+?)  +(-?[\d.]+)  .*  (holds|FAILS|not judged)$", line) for line in lines]
    return {row[1]: (float(row[2]), row[3]) for row in rows if row}


def check_figures(name: str, folder: Path) -> None:
    expected = {f"{name[:2]}_{figure}.png" for figure in LESSONS[name].figures}
    assert {path.name for path in folder.iterdir()} == expected | set(LESSONS[name].pages)
    for path in folder.glob("*.png"):
        height, width = imread(path).shape[:2]
        assert 400 <= width <= 1600 and 400 <= height <= 2400, path.name
        assert 1_000 < path.stat().st_size < 400_000, path.name


def test_table_has_every_lesson():
    assert sorted(LESSONS) == sorted(path.stem for path in EXAMPLES.glob("[0-9]*.py"))


LINES = {
    "03_ffn_on_mnist": 240,
    "06_normalization": 210,
    "07_write_your_own_layer": 280,
    "23_autoencoders": 240,
    "24_cnn": 225,
}  # whose figures, mistakes and networks are many


@pytest.mark.parametrize("name", LESSONS)
def test_lesson_has_the_form_of_a_lesson(name):
    text = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LINES.get(name, 200)
    assert re.match(r'"""\n.+\n=+\n\n', text), "a title in the docstring"
    assert text.count("\n# %%\n# ") >= 5, "cells that begin with prose"
    assert "matplotlib" not in text, "figures belong to tinynet.plots"


@pytest.fixture(scope="module")
def short_run(tmp_path_factory):
    """Run a lesson for one epoch, once for all tests; tell what it prints, and its figures."""

    @functools.cache
    def run(name):
        folder = tmp_path_factory.mktemp(name) / "figures"
        return run_lesson(name, folder, "--epochs", 1), folder

    return run


SHORT = ("01_networks", "03_ffn_on_mnist", "08_optimizers", "13_scrambled")


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORT)
def test_short_run(name, short_run):
    output, folder = short_run(name)
    assert re.search(LESSONS[name].table, output), output
    assert "FAILS" not in output
    assert set(LESSONS[name].bounds) <= set(claims_of(output))
    check_figures(name, folder)


def fingerprints(output: str) -> list[str]:
    return re.findall(r"^fingerprint of the weights: ([0-9a-f]{12})$", output, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORT[1:])
def test_a_second_run_ends_with_the_same_weights(name, short_run, tmp_path):
    first = fingerprints(short_run(name)[0])
    assert first == fingerprints(run_lesson(name, tmp_path, "--epochs", 1)) != []


@pytest.mark.slow
def test_another_seed_ends_with_other_weights(short_run, tmp_path):
    first = fingerprints(short_run("03_ffn_on_mnist")[0])
    other_seed = run_lesson("03_ffn_on_mnist", tmp_path, "--epochs", 1, "--seed", 1)
    assert set(first).isdisjoint(fingerprints(other_seed))


def check_claims(name: str, output: str) -> None:
    claims = claims_of(output)
    assert {verdict for _, verdict in claims.values()} == {"holds"}
    for claim, (low, high) in LESSONS[name].bounds.items():
        assert low <= claims[claim][0] <= high, (claim, claims[claim])


@pytest.mark.slow
@pytest.mark.parametrize(("name", "seed"), [("03_ffn_on_mnist", 1)])
def test_claims_hold_in_a_full_run(name, seed, tmp_path):  # of all: test_gallery.py, on the site
    check_claims(name, run_lesson(name, tmp_path / "figures", "--seed", seed))
    check_figures(name, tmp_path / "figures")


@pytest.mark.slow
def test_main_lesson_learns_from_a_csv_file(tmp_path):
    digits = tn.datasets.mnist_small()
    rows = [
        (label, *image) for label, image in zip(digits.labels, digits.images[:1500], strict=False)
    ]
    path = tmp_path / "digits.csv"
    path.write_text("\n".join(",".join(map(str, row)) for row in rows) + "\n")
    output = run_lesson("03_ffn_on_mnist", tmp_path, "--epochs", 1, "--csv", path)
    assert "1350 digits to learn from, 150 to be tested on" in output


@pytest.fixture
def new_lesson(monkeypatch):
    """Make a Lesson of five epochs as the command line given here would."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    from lesson import Lesson

    def make(*arguments: object) -> Lesson:
        monkeypatch.setattr(sys, "argv", ["lesson", *map(str, arguments)])
        return Lesson("A title", epochs=5)

    return make


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("--epochs", 0), "--epochs: 0 is below 1"),
        (("--seed", "x"), "--seed: invalid whole number value: 'x'"),
        (("--lr", 1), "unrecognized arguments: --lr 1"),
    ],
)
def test_wrong_options_end_with_one_line(arguments, message, new_lesson, capsys):
    with pytest.raises(SystemExit) as stop:
        new_lesson(*arguments)
    assert stop.value.code == 2
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_missing_csv_file_is_named(new_lesson):
    with pytest.raises(SystemExit, match=r"error: .*nowhere\.csv"):
        new_lesson("--csv", "nowhere.csv").digits()


@pytest.mark.parametrize(
    "value, epochs, code, verdict",
    [
        (95.0, 5, None, "holds"),
        (94.9, 5, 1, "FAILS"),
        (float("nan"), 5, 1, "FAILS"),
        (94.9, 4, None, "not judged"),
    ],
)
def test_a_false_claim_fails_a_full_run_only(value, epochs, code, verdict, new_lesson, capsys):
    lesson = new_lesson("--epochs", epochs)
    lesson.claim("accuracy", value, at_least=95)
    if code is None:
        lesson.finish()
    else:
        with pytest.raises(SystemExit) as stop:
            lesson.finish()
        assert stop.value.code == code
    output = capsys.readouterr().out
    assert output.splitlines()[2].endswith(verdict)
    assert ("A run of 4 epochs is too short" in output) == (epochs == 4)


def test_untrained_claims_are_judged_in_short_runs_too(new_lesson):
    lesson = new_lesson("--epochs", 1)
    lesson.claim("first loss", 3.0, at_most=2.4, trained=False)
    with pytest.raises(SystemExit):
        lesson.finish()
