"""The benchmarks compare the same training: every peer takes tinynet's steps; the commands run."""

import importlib
import json
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from cases import slow_but
from test_gallery import run_all, stored

import tinynet as tn

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
IN_PYTORCH = sorted(path.stem for path in (BENCHMARKS / "lessons").glob("[0-9]*.py"))
PEERS = (
    *("pytorch_course.PyTorchCourse", "pytorch_bare.PyTorchBare", "numpy_by_hand.NumpyByHand"),
    *("sklearn_mlp.SklearnMLP", "plain_c.PlainC", "plain_c_skipping_zeros.PlainCSkippingZeros"),
    *("tinynet_loop.TinynetLoop", "tinynet_loop_scored.TinynetLoopScored"),
    *("tinynet_loop_with_dx.TinynetLoopWithDx", "tinynet_fit_own_relu.TinynetFitOwnReLU"),
)
STEPS = 40


@pytest.fixture(scope="module")
def load():
    """Import a module of the benchmarks, and leave no trace of it."""
    folders = [str(BENCHMARKS / folder) for folder in (".", "peers", "lessons")]
    modules = set(sys.modules)
    sys.path[:0] = folders
    yield importlib.import_module
    for folder in folders:
        sys.path.remove(folder)
    for name in set(sys.modules) - modules:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture(scope="module")
def one_batch(load):
    """The task with 32 digits to learn from: their order within a batch makes no difference."""
    task = load("task").load_task()
    return task._replace(X=task.X[:32], y=task.y[:32], lr=0.1)


@pytest.fixture(scope="module")
def ours(load, one_batch):
    return learn(load, "tinynet_fit.TinynetFit", one_batch)


def learn(load, name, task):
    """A peer's losses of the first steps, and its guesses after them."""
    module, _, peer_class = name.partition(".")
    peer = getattr(load(module), peer_class)(task)
    return [peer.epoch() for _ in range(STEPS)], peer.guesses(task.X_test)


@pytest.mark.parametrize("name", slow_but(0, PEERS))
def test_every_peer_takes_the_same_steps(load, one_batch, ours, name):
    if name.startswith("plain_c") and shutil.which("cc") is None:
        pytest.skip("no C compiler")
    our_losses, our_guesses = ours
    losses, guesses = learn(load, name, one_batch)
    assert our_losses[-1] < 0.9 * our_losses[0]
    np.testing.assert_allclose(losses, our_losses, rtol=1e-4)
    assert (guesses == our_guesses).mean() > 0.995


OF_OTHER_NETWORKS = (
    ("tinynet_fit_autoencoder.TinynetFitAutoencoder", "pytorch_autoencoder.PyTorchAutoencoder"),
    ("tinynet_fit_batchnorm.TinynetFitBatchNorm", "pytorch_batchnorm.PyTorchBatchNorm"),
    ("tinynet_fit_dropout.TinynetFitDropout", "pytorch_dropout.PyTorchDropout"),
)


@pytest.mark.slow
@pytest.mark.parametrize("pair", OF_OTHER_NETWORKS, ids=lambda pair: pair[1])
def test_the_peers_of_other_networks_take_the_same_steps(load, one_batch, pair):
    peers = []
    for name in pair:
        module, _, peer_class = name.partition(".")
        peers.append(getattr(load(module), peer_class)(one_batch))
    (net, model) = peers[0].net, peers[1].model
    for layer in [layer for layer in (*net, *model) if type(layer).__name__ == "Dropout"]:
        layer.p = 0.0  # each draws its own masks, so none is drawn here
    ours, theirs = ([peer.epoch() for _ in range(STEPS)] for peer in peers)
    assert ours[-1] < 0.97 * ours[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-4)
    accuracies = [load("task").accuracy(peer, one_batch) for peer in peers]
    assert accuracies[0] == pytest.approx(accuracies[1], abs=0.5)


OF_PICTURES = {
    "the course's": ("tinynet_fit_cnn.TinynetFitCNN", "pytorch_cnn.PyTorchCNN"),
    "LeNet-5": ("tinynet_fit_lenet.TinynetFitLeNet", "pytorch_lenet.PyTorchLeNet"),
    "the course's, in JAX": ("pytorch_cnn.PyTorchCNN", "jax_scan_cnn.JaxScanCNN"),
}


@pytest.mark.slow
@pytest.mark.parametrize("pair", OF_PICTURES.values(), ids=OF_PICTURES)
def test_the_peers_of_pictures_take_the_same_steps(load, one_batch, monkeypatch, pair):
    peers = []
    for name in pair:
        module, _, peer_class = name.partition(".")
        if module.startswith("jax"):
            pytest.importorskip("jax")
        kind = getattr(load(module), peer_class)
        small = kind.network._replace(batch=32, digits=32)
        monkeypatch.setattr(kind, "network", small)
        peers.append(kind(one_batch))
    ours, theirs = ([peer.epoch() for _ in range(STEPS)] for peer in peers)
    assert ours[-1] < 0.95 * ours[0]
    np.testing.assert_allclose(ours, theirs, rtol=1e-3)
    seconds = [load("task").seconds_of_a_prediction(peer, one_batch, 3) for peer in peers]
    assert min(seconds) > 0
    memory = [load("task").memory_of_a_step(peer, one_batch, 64) for peer in peers]
    assert all(not m > 100 for m in memory)


OWN_LAYERS = (
    *("tinynet_fit_own_relu.OwnReLU", "tinynet_fit_own_tanh.OwnTanh"),
    "tinynet_fit_numpy_tanh.NumpyTanh",
)


@pytest.mark.parametrize("name", OWN_LAYERS)
def test_the_readers_layers_are_right(load, name):
    module, _, layer = name.partition(".")
    assert tn.check_gradients(getattr(load(module), layer)(), (5, 7)).passed


@pytest.mark.slow
def test_both_tanhs_take_the_same_steps(load, one_batch):
    one, other = (
        learn(load, f"tinynet_fit_{name}", one_batch)
        for name in ("own_tanh.TinynetFitOwnTanh", "numpy_tanh.TinynetFitNumpyTanh")
    )
    np.testing.assert_allclose(one[0], other[0], rtol=1e-4)
    assert one[0][-1] < 0.9 * one[0][0]


def result(peer, loss, accuracy):
    return SimpleNamespace(peer=peer, threads="default", losses=[9] * 4 + [loss], accuracy=accuracy)


@pytest.mark.parametrize(
    ("loss", "accuracy", "words"),
    [
        (0.53, 86.5, []),
        (0.53, 84.0, ["accuracy 84.00"]),
        (0.53, float("nan"), ["accuracy nan"]),
        (0.60, 87.0, ["loss 0.6000"]),
        (float("nan"), 10.0, ["accuracy 10.00", "loss nan"]),
    ],
)
@pytest.mark.parametrize("who", ["plain_c", "pytorch_autoencoder"])
def test_a_fast_wrong_answer_does_not_count(load, who, loss, accuracy, words):
    ours, other = result("tinynet_fit", 0.52, 87.0), result(who, loss, accuracy)
    if who != "plain_c":
        ours = result("tinynet_fit_autoencoder", 0.52, 87.0)
    found = load("training").faults([ours, other])
    for apart in ("tinynet_fit_numpy_tanh", "tinynet_fit_autoencoder"):
        assert load("training").faults([ours, result(apart, 9.0, 10.0)]) == []
    assert len(found) == len(words)
    for fault, word in zip(found, words):
        assert word in fault


@pytest.mark.parametrize(
    ("loss", "accuracy", "words"),
    [(0.055, 98.0, []), (0.055, 96.0, ["accuracy 96.00"]), (float("nan"), 98.0, ["loss nan"])],
)
def test_a_fast_wrong_answer_about_pictures_does_not_count(load, loss, accuracy, words):
    pictures = load("training_pictures")
    ours = result("tinynet_fit_cnn", 0.05, 98.2)
    assert pictures.faults([result("pytorch_lenet", 9.0, 10.0)]) == []
    found = pictures.faults([ours, result("jax_scan_cnn", loss, accuracy)])
    assert [word in fault for fault, word in zip(found, words, strict=True)] == [True] * len(words)


def test_the_tables_of_pictures(load, capsys):
    pictures, contest = load("training_pictures"), load("contest")
    seconds = dict(zip(pictures.NAMES, (1.0, 4.0, 20.0, 3.0, 9.0)))
    processes = [
        SimpleNamespace(
            **vars(result(peer, 0.05, 98.0)) | {"threads": threads},
            seconds=[seconds[peer] / share] * 3,
            predictions=[1e-5 * seconds[peer]] * 3,
        )
        for peer in seconds
        for threads, share in ((pictures.ONE, 1), (pictures.ALL, 2))
    ]
    pictures.print_results(contest.Results(processes, {"thinc": "missing"}, []), 3)
    printed = " ".join(capsys.readouterr().out.split())
    for row in (
        "| CNN: PyTorch, 1 thread / fit, 1 thread | 4.00 | 4.00 | >= 3 |",
        "| CNN: JAX, better / fit, default | 20.00 |",
        "| CNN: one digit, PyTorch / tinynet | 4.00 | 4.00 | >= 3 |",
        "| LeNet-5: PyTorch, default / fit, default | 3.00 |",
        "| LeNet-5: digits per second and core | 20,000 | 20,000 | >= 15,000 |",
        "skipped: thinc: missing",
    ):
        assert row in printed


def run(*arguments):
    command = [sys.executable, str(BENCHMARKS / arguments[0]), *map(str, arguments[1:])]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


@pytest.mark.slow
def test_the_training_benchmark_runs(tmp_path):
    peers = ["numpy_by_hand", "jax_scan", "plain_c", "tinynet_loop", "tinynet_fit_numpy_tanh"]
    peers += ["tinynet_fit_autoencoder", "pytorch_autoencoder"]
    done = run("training.py", "--rounds", 4, "--results", tmp_path, "--peers", *peers)
    assert done.returncode == 0, done.stderr
    assert "| tinynet, `tn.fit` " in done.stdout
    saved = json.loads((tmp_path / "training.json").read_text())
    assert len(saved["peers"]["NumPy by hand, OpenBLAS"]["1 thread"]["seconds"]) == 4
    for ratio in ("NumPy by hand / your own loop", "fit with your NumPy Tanh / fit with ReLU"):
        assert f"| {ratio} " in done.stdout
    assert "| autoencoder 784-250-50-250-784 " in done.stdout
    assert saved["fits of a process"][0].keys() == {"first", "second", "long"}
    assert "| second fit of a process, 2 epochs / long fit, per epoch |" in done.stdout
    for who in ("JAX, jitted lax.scan", "plain C, dense"):  # ran, or skipped with a word
        assert who in saved["peers"] or saved["skipped"][f"{who}, default"]
    assert 5_000 < (tmp_path / "training.png").stat().st_size < 150_000


@pytest.mark.slow
def test_the_benchmark_of_pictures_runs(tmp_path):
    arguments = ("--pictures", "--rounds", 4, "--results", tmp_path)
    done = run("training.py", *arguments, "--peers", "tinynet_fit_cnn", "pytorch_cnn")
    assert done.returncode == 0, done.stderr
    assert "### The course's CNN" in done.stdout and "### LeNet-5" not in done.stdout
    saved = json.loads((tmp_path / "training_pictures.json").read_text())
    assert len(saved["peers"]["pytorch_cnn"]["1 thread"]["seconds"]) == 4
    assert "The course's CNN, 1024 digits" in saved["MiB of a step"]


def measured(name):
    """PyTorch's figures of a lesson, as they are stored: claim -> one for each seed."""
    text = (BENCHMARKS / "results" / f"{name}.json").read_text(encoding="utf-8")
    return json.loads(text)["measured"]


@pytest.mark.parametrize("name", IN_PYTORCH)
def test_what_pytorch_reaches_is_stored_by_the_claims_of_the_lesson(name):
    claims = run_all.measured_claims(stored(name))
    figures = measured(name)
    assert figures.keys() <= claims.keys()
    assert any(result.claim in figures for result in run_all.ENTRIES[name].results)
    assert all(len(values) == 3 and np.isfinite(values).all() for values in figures.values())


@pytest.mark.slow
def test_a_lesson_in_pytorch_measures_what_is_stored(load):
    name = "22_line_through_points"
    figures = load("lessons").measure(name, [0])
    assert {claim: values[0] for claim, values in measured(name).items()} == pytest.approx(
        {claim: value for claim, [value] in figures.items()}, abs=0.2
    )


GROWTH = ("growth.py", "--rounds", 1, "--mapped-rows", 20_000, "--batches", 1, 8, "--widths", 1, 64)
GROWTH += ("--only", "digits", "grid", "predictions", "memory", "mapped")
COLD = ("cold_start.py", "--rounds", 1, "--first-runs", 1, "--lesson", "22_line_through_points.py")
ON_X86 = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="AVX2 is a part of x86 processors"
)
AS_AVX2 = ("kernels.py", "--as", "avx2", "--rounds", 1, "--only", "wide")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "heading"),
    [
        (("kernels.py", "--rounds", 1, "--sizes", 10, 32), "### The border"),
        (("convolutions.py", "--rounds", 1), "| PyTorch / ours |"),
        pytest.param(AS_AVX2, "code for AVX2", marks=ON_X86),
        (("ladder.py", "--rounds", 1), "| `by_tinynet` "),
        (COLD, "| first forward pass "),
        (("workbook.py", "--rounds", 1, "--learners", 2), "| grade 2 workbooks, "),
        (("learned.py", "--epochs", 1, "--seeds", 2), "| accuracy (%) "),
        (GROWTH, "### A memory-mapped file"),
        (("estimator.py", "--epochs", 6, "--seeds", 1), "| sgd       | MLPClassifier "),
        (("scaling.py", "--seconds", 0.02, "--workers", 2), "Below 1, the cluster is slower"),
        (("lab.py", "--seconds", 1), "| 4 layers of 8 units, 500 points "),
    ],
)
def test_the_other_benchmarks_run(command, heading):
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert heading in done.stdout


class TestRatiosByProcessor:
    def test_the_page_has_what_the_files_give(self, load):
        page = (BENCHMARKS.parent / "docs" / "benchmarks.md").read_text(encoding="utf-8")
        table = load("processors").table()
        assert f"<!-- begin processors -->\n{table}\n<!-- end processors -->" in page

    def test_a_ratio_takes_the_place_of_an_older_one(self, load, tmp_path, monkeypatch):
        processors = load("processors")
        monkeypatch.setattr(sys, "argv", ["/some/kernels.py", "--rounds", "3"])
        processors.keep({"products": "4.00", "wide, 0% zeros": "1.01"}, tmp_path)
        processors.keep({"products": "4.50"}, tmp_path)
        (path,) = tmp_path.iterdir()
        figures = json.loads(path.read_text(encoding="utf-8"))["figures"]
        assert {name: figure["value"] for name, figure in figures.items()} == {
            "products": "4.50",
            "wide, 0% zeros": "1.01",
        }
        assert figures["products"]["command"] == "python benchmarks/kernels.py --rounds 3"
        assert "| 4.50 (" in processors.table(tmp_path)
        with pytest.raises(KeyError, match="product"):
            processors.keep({"product": "4.50"}, tmp_path)

    @pytest.mark.slow
    def test_a_command_keeps_its_ratios(self, tmp_path):
        done = run("kernels.py", "--rounds", 1, "--only", "lesson", "--keep", tmp_path)
        assert done.returncode == 0, done.stderr
        (path,) = tmp_path.iterdir()
        kept = json.loads(path.read_text(encoding="utf-8"))
        assert kept["code"] in done.stdout and "products" in kept["figures"]


class TestFirstFigure:
    def test_takes_the_readmes_command_apart(self, load):
        readme = (BENCHMARKS.parent / "README.md").read_text(encoding="utf-8")
        make, install, lesson = load("first_figure").lesson_command(readme)
        assert make.endswith("-m venv .venv") and '".[lessons]"' in install
        assert lesson.endswith("python examples/03_ffn_on_mnist.py")
        with pytest.raises(SystemExit, match="no lesson command"):
            load("first_figure").lesson_command("# tinynet")

    def test_sees_each_figure_when_it_is_there(self, load, tmp_path):
        lesson = tmp_path / "lesson.py"
        lesson.write_text(
            "import pathlib, time\n"
            "pathlib.Path('figures').mkdir()\n"
            "for name in ('02_a', '03_learning_curves', '01_b'):\n"
            "    pathlib.Path(f'figures/{name}.png').touch(); time.sleep(0.4)\n"
        )
        module = load("first_figure")
        env = module.empty_caches(tmp_path)
        command = f"{sys.executable} lesson.py"
        first, curves, end = module.seconds_to_figures(command, tmp_path, env)
        assert first + 0.3 < curves < end - 0.7
        lesson.write_text("raise SystemExit('no digits')")
        with pytest.raises(SystemExit, match="no digits"):
            module.seconds_to_figures(command, tmp_path, env)

    def test_no_cache_of_this_process_is_seen(self, load, tmp_path, monkeypatch):
        monkeypatch.setenv("NUMBA_CACHE_DIR", "elsewhere")
        monkeypatch.setenv("PYTHONPATH", "elsewhere")
        env = load("first_figure").empty_caches(tmp_path)
        assert "elsewhere" not in env.values() and not list(tmp_path.iterdir())
        assert {"PIP_CACHE_DIR", "MPLCONFIGDIR", "NUMBA_CACHE_DIR"} <= env.keys()

    def test_names_what_is_no_commit(self):
        done = run("first_figure.py", "--at", "no-such-commit")
        assert done.returncode == 1 and "no-such-commit is no commit of this" in done.stderr
