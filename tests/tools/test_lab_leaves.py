"""The lab in headless Chromium: where a run begins, and what of it leaves for Python."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from child import PYTHONPATH
from lab_page import LOSS_IDS, LOSSES, MAKE, SMALL, VARIANTS, Twin, lab_in_chromium, saved, worst_of

import tinynet as tn

pytestmark = pytest.mark.slow

KINDS = ["moons", "circles", "spirals", "xor", "blobs", "line", "wave", "digits"]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    with lab_in_chromium(tmp_path_factory.mktemp("lab")) as opened:
        yield opened()[0]


class TestData:
    @pytest.mark.parametrize("kind", KINDS)
    def test_are_what_was_asked_for(self, page, kind):
        asked = {"kind": kind, "points": 60, "test": 40, "noise": 0.1, "seed": 3}
        read = (
            "const plain = (_, value) => (ArrayBuffer.isView(value) ? [...value] : value);"
            "return JSON.stringify(makeData(arguments[0]), plain)"
        )
        data, again, other = (
            json.loads(page.execute_script(read, asked | {"seed": seed})) for seed in (3, 3, 4)
        )
        assert data == again and (data["x"] != other["x"])
        assert (data["rows"], data["test"]["rows"]) == (60, 40)
        assert len(data["x"]) == 60 * data["inputs"] and len(data["test"]["y"]) == 40
        assert data["x"][:2] != data["test"]["x"][:2]
        if data["task"] == "classes":
            assert set(data["y"]) == set(range(data["classes"]))
        if kind != "digits":
            x = np.array(data["x"]).reshape(60, -1)
            assert (x > data["low"]).all() and (x < data["high"]).all()
            assert 0.5 < x.std() < 2

    def test_digits_are_tinynets_shrunk(self, page):
        images = tn.datasets.mnist_small().images[:500].reshape(500, 28, 28)
        labels = tn.datasets.mnist_small().labels[:500]
        read = "const d = makeData({ kind: 'digits', points: 400, test: 100, noise: 0 }); return"
        pixels = page.execute_script(f"{read} [Array.from(d.x.slice(0, 64)), Array.from(d.test.y)]")
        block = images[0][2:26, 2:26].reshape(8, 3, 8, 3).mean(axis=(1, 3)).round() / 255
        np.testing.assert_allclose(np.array(pixels[0]).reshape(8, 8), block)
        assert pixels[1] == labels[400:].tolist()

    def test_own_points_go_in(self, page):
        rows = [[0.1 * k, -0.1 * k, k % 2] for k in range(10)]
        made = (
            "const { rows, x, test } = makeData(arguments[0]);"
            "return [rows, test.rows, [...x], [...test.y]]"
        )
        own = {"kind": "own", "task": "classes", "classes": 2, "rows": rows}
        kept = [row for k, row in enumerate(rows) if k % 5 != 4]
        assert page.execute_script(made, own) == [8, 2, [v for r in kept for v in r[:2]], [0, 1]]
        numbers = {"kind": "own", "task": "numbers", "rows": [[0, 1], [1, 2], [2, 0]]}
        page.execute_script(MAKE, {"data": numbers, "loss": "MSELoss", "hidden": [3]})
        assert page.execute_script("return R.step(50) && R.steps") == 50

    @pytest.mark.parametrize(
        ("setup", "says"),
        [
            ({"data": {"kind": "rings"}}, "choose one of moons"),
            ({"data": {"kind": "given"}}, "choose other data"),
            ({"data": {"points": 2001}}, "points is 2001: give a whole number from 2 to 2000"),
            ({"data": {"kind": "digits", "points": 401}}, "has 400 digits to learn from"),
            ({"data": {"kind": "digits", "test": 101}}, "and 100 to test: ask for no more"),
            ({"data": {"noise": None}}, "noise is null"),
            ({"data": {"kind": "own", "rows": [[0, 0, 1]]}}, "Draw at least two points"),
            ({"data": {"kind": "own", "rows": [[0, 0, 1], [1, 1, 2]]}}, "classes are 0 to 1"),
            ({"data": {"kind": "own", "rows": [[0, 0, 1], [1, 1]]}}, "give 3 finite numbers"),
            ({"loss": "HuberLoss"}, "choose one of CrossEntropyLoss"),
            ({"loss": "BCELoss", "data": {"kind": "blobs"}}, "The loss"),
            ({"optimizer": "Lion"}, "choose one of SGD, RMSprop, Adam"),
            ({"activation": "GELU"}, "choose one of ReLU"),
            ({"activation": ["ReLU"]}, "give one for each"),
            ({"init": "orthogonal"}, "choose one of default"),
            ({"hidden": [17]}, "Units of hidden layer 1 is 17"),
            ({"hidden": [4] * 13}, "12 are the most"),
            ({"lr": -1}, "lr is -1"),
            ({"lr": "fast"}, "lr is fast"),
            ({"nesterov": True}, "raise it"),
            ({"batch": 0}, "batch is 0"),
            ({"seed": 0.5}, "seed is 0.5"),
            ({"betas": [0.9, 1]}, "beta is 1"),
        ],
    )
    def test_what_cannot_be_is_refused(self, page, setup, says):
        told = "try { makeRun(arguments[0]); return ''; } catch (error) { return error.message; }"
        assert says in page.execute_script(told, setup)

    @pytest.mark.parametrize("change", [{"lr": -1}, {"batch": 3}, {"nesterov": True}])
    def test_so_is_a_change_that_cannot_be(self, page, change):
        page.execute_script(MAKE, SMALL)
        told = "try { R.set(arguments[0]); return ''; } catch (error) { return error.message; }"
        assert page.execute_script(told, change)
        assert page.execute_script("return R.options.lr") == 0.1


class TestFirstWeights:
    @pytest.mark.parametrize(
        "init", ["xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal", "normal"]
    )
    def test_vary_as_those_of_tn_init(self, page, init):
        drawn = page.execute_script(
            "return Array.from({ length: 60 }, (_, seed) => [..."
            "makeRun({ hidden: [16, 5], init: arguments[0], seed }).net.layers[2].W.value]).flat()",
            init,
        )
        parameter = tn.Linear(16, 5, dtype=np.float64).W
        ours = [getattr(tn.init, init)(parameter, rng=k).data.copy() for k in range(60)]
        assert abs(np.mean(drawn)) < 4 * np.std(ours) / np.sqrt(len(drawn))
        assert np.var(drawn) == pytest.approx(np.var(ours), rel=0.1)
        if "uniform" in init:
            assert np.max(np.abs(drawn)) == pytest.approx(np.max(np.abs(ours)), rel=0.01)
        biases = "return [...makeRun({ init: arguments[0] }).net.layers[2].b.value]"
        assert not any(page.execute_script(biases, init))

    def test_by_default_are_linears(self, page):
        drawn = page.execute_script(
            "return Array.from({ length: 60 }, (_, seed) => makeRun({ hidden: [16, 5], seed })"
            ".net.layers[2]).map(({ W, b }) => [[...W.value], [...b.value]])"
        )
        for values in (np.array([W for W, _ in drawn]), np.array([b for _, b in drawn])):
            assert 0.95 < 4 * np.abs(values).max() <= 1
            assert np.var(values) == pytest.approx(1 / 16 / 3, rel=0.2)


class TestLeavesForPython:
    @pytest.mark.parametrize("variant", VARIANTS)
    @pytest.mark.parametrize("steps", [0, 41])
    def test_the_code_goes_on_with_the_same_losses(self, page, tmp_path, variant, steps):
        page.execute_script(MAKE, SMALL | VARIANTS[variant] | {"activation": "LeakyReLU"})
        self.check(page, tmp_path, steps)

    @pytest.mark.parametrize(("loss", "data"), LOSSES, ids=LOSS_IDS)
    def test_so_does_that_of_every_loss(self, page, tmp_path, loss, data):
        page.execute_script(MAKE, SMALL | {"loss": loss, "data": data, "seed": 77})
        self.check(page, tmp_path, 5)

    def test_so_does_that_of_orders_given(self, page, tmp_path):
        orders = [np.random.default_rng(k).permutation(90).tolist() for k in range(2)]
        page.execute_script(
            "globalThis.R = makeRun(arguments[0], { orders: arguments[1] })", SMALL, orders
        )
        self.check(page, tmp_path, 4)

    def check(self, page, folder, steps):
        page.execute_script("R.step(arguments[0])", steps)
        (folder / "lab.py").write_text(page.execute_script("return R.toPython()"))
        net = tn.load(saved(page, "toFile", folder / "lab_net.safetensors"))
        saved(page, "toRunFile", folder / "lab_run.safetensors")
        X = np.array(page.execute_script("return [...R.data.x]"))
        ours = page.execute_script("return [...R.forward(R.data.x, R.data.rows).at(-1)]")
        assert worst_of(ours, net.predict(X.reshape(-1, net[0].W.data.shape[0]))) < 1e-12
        result = subprocess.run(
            [sys.executable, "lab.py"],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": PYTHONPATH},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert result.returncode == 0, result.stderr
        *lines, test = result.stdout.splitlines()
        page.execute_script("R.step(200)")
        losses = page.execute_script("return R.batchLosses.slice(arguments[0])", steps)
        told = [line.removeprefix("step ").split(": loss ") for line in lines]
        assert [int(step) for step, _ in told] == list(range(steps, steps + 200))
        assert worst_of([float(loss) for _, loss in told], losses) < 1e-5
        measured = page.execute_script("return R.measure().test")
        assert float(test.split(": ")[1]) == pytest.approx(measured, rel=1e-5)

    def test_the_file_is_what_save_writes(self, page, tmp_path):
        twin = Twin(page, SMALL | {"loss": "NLLLoss", "activation": "LeakyReLU", "slope": 1e-7})
        loaded = tn.load(saved(page, "toFile", tmp_path / "page.safetensors"))
        assert repr(loaded) == repr(twin.net)
        assert tn.fingerprint(loaded) == tn.fingerprint(twin.net)
        broken = bytearray((tmp_path / "page.safetensors").read_bytes())
        broken[-1] ^= 1
        (tmp_path / "broken.safetensors").write_bytes(broken)
        with pytest.raises(tn.ModelFileError, match="SHA-256"):
            tn.load(tmp_path / "broken.safetensors")

    @pytest.mark.parametrize(
        "value", [0.01, 1, -0.5, 1e-5, 1e-7, 123456.75, 1e22, 1e16, 0.1 + 0.2, 3e-320]
    )
    def test_numbers_are_written_as_python_does(self, page, value):
        told = page.execute_script("return pythonNumber(arguments[0])", value)
        assert float(told) == value and told.removesuffix(".0") == repr(value).removesuffix(".0")
