"""The switch of rungs: equations, plain loops and fast ones, and a machine without Numba."""

import ast
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from child import PYTHONPATH, TESTS
from conftest import JIT_IS_OFF
from strategies import normal

import tinynet
from tinynet.kernels import PAIRS
from tinynet.kernels.jit import rung
from tinynet.kernels.jit.kernel import Kernel

PACKAGE = Path(tinynet.__file__).parent
WITHOUT_NUMBA = TESTS / "children" / "without_numba"
FAR = 1e-4  # how far rounding carries apart 60 epochs of float32 on two rungs


def child(code, *arguments, name="", without_numba=False, **env):
    """A process that runs `code` on a rung; with no name, that of a user who chose none."""
    path = f"{WITHOUT_NUMBA}{os.pathsep}{PYTHONPATH}" if without_numba else PYTHONPATH
    env = {"TINYNET_KERNELS": name, "NUMBA_DISABLE_JIT": "0", "PYTHONPATH": path, **env}
    return subprocess.run(
        [sys.executable, *code, *map(str, arguments)],
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=300,
    )


def small_run(folder, **how):
    done = child([str(TESTS / "children" / "small_run.py")], folder, **how)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def run_on(tmp_path_factory):
    """The same program on a rung, or "without" Numba, where it cannot be imported."""
    folder = tmp_path_factory.mktemp("runs")

    @functools.cache
    def run(name):
        return small_run(folder, **{"without_numba": True} if name == "without" else {"name": name})

    return run


EACH = ["fast", "equations", pytest.param("plain", marks=pytest.mark.slow)]  # compiles all anew


@pytest.mark.parametrize("name", EACH)
def test_each_rung_runs_when_it_is_asked_for(run_on, name):
    run = run_on(name)
    assert run["rung"] == name
    assert run["about"].startswith(f"{name}, ")
    assert run["warnings"] == []
    assert run["right"] and run["same"]


@pytest.mark.parametrize("name", [*EACH[1:], "without"])
def test_all_rungs_learn_the_same_up_to_rounding(run_on, name):
    losses, outputs = run_on("fast")["losses"], run_on("fast")["outputs"]
    assert losses[-1] < 0.8 * losses[0]
    np.testing.assert_allclose(run_on(name)["losses"], losses, rtol=FAR)
    np.testing.assert_allclose(run_on(name)["outputs"], outputs, rtol=0, atol=FAR)


@pytest.mark.slow
def test_plain_and_fast_loops_learn_the_same_bits(run_on):
    for what in ("losses", "outputs"):
        assert run_on("plain")[what] == run_on("fast")[what]


def test_only_loops_need_numba(run_on):
    assert run_on("equations")["imported"] == run_on("without")["imported"] == []
    assert run_on("fast")["imported"] == ["llvmlite", "numba"]


def test_without_numba_the_equations_run_and_one_line_says_so(run_on):
    run = run_on("without")
    assert run["rung"] == "equations" and run["right"] and run["same"]
    (line,) = run["warnings"]
    assert line.startswith("tinynet: Numba cannot be imported (No module named 'numba'), so ")
    assert "times as long" in line and line.endswith("pip install numba") and "\n" not in line


@pytest.mark.parametrize(
    ("name", "why"), [("equations", "TINYNET_KERNELS is equations"), ("without", "Numba cannot")]
)
def test_equations_are_not_compiled_and_say_why(run_on, name, why):
    run = run_on(name)
    assert why in run["about"]
    assert why in run["compile"]
    assert run["fit"].startswith("fit: compiled=True, but ") and why in run["fit"]


@pytest.mark.parametrize("name", ["fast", EACH[2]])
def test_loops_compile(run_on, name):
    assert run_on(name)["compile"] == ""


@pytest.mark.slow
def test_rungs_share_no_compiled_code(tmp_path):
    code = "import numpy as np, tinynet; x = np.zeros(3); tinynet.kernels.relu(x, np.empty(3))"
    for name in ("plain", "fast"):
        done = child(["-c", code], name=name, NUMBA_CACHE_DIR=str(tmp_path))
        assert done.returncode == 0, done.stderr
    assert len({path.parent for path in tmp_path.glob("*/*.nbc")}) == 2


def test_a_rung_that_is_none_is_an_error_that_lists_the_three():
    done = child(["-c", "import tinynet"], name="Fast")
    assert "ValueError: TINYNET_KERNELS is 'Fast', expected one of equations, plain, fast" in (
        done.stderr
    )


@pytest.mark.parametrize("name", ["plain", "fast"])
def test_loops_that_are_asked_for_are_an_error_without_numba(name):
    done = child(["-c", "import tinynet"], name=name, without_numba=True)
    assert f"ImportError: TINYNET_KERNELS is {name}, but Numba cannot be imported" in done.stderr
    assert "pip install numba" in done.stderr


def test_numba_is_imported_in_two_rooms_alone():
    importers = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            if {name.split(".")[0] for name in names} & {"numba", "llvmlite"}:
                importers.add(path.relative_to(PACKAGE).parent.as_posix())
    assert importers == {"kernels/jit", "kernels/simd"}


class TestByEquation:
    """A kernel that computes by its equation writes and returns what its loop does."""

    def test_a_result(self):
        x, y = normal(np.random.default_rng(0), 3, 4, dtype=np.float32), np.empty((3, 4), "f4")
        assert PAIRS["relu"].by_equation(x, y) is None
        assert y.tolist() == np.maximum(x, 0).tolist()

    def test_an_array_that_it_updates(self):
        w, direction = np.ones(3, np.float32), np.arange(3, dtype=np.float32)
        assert PAIRS["descend"].by_equation(w, direction, 0.5) is None
        assert w.tolist() == [1, 0.5, 0]

    def test_a_number(self):
        assert PAIRS["total"].by_equation(np.arange(4.0)) == 6

    def test_an_array_and_a_number(self):
        x = np.empty((2, 2))
        rows = np.array([2, 0])
        assert PAIRS["gather"].by_equation(np.array([[1.0, 2], [9, 9], [3, 4]]), rows, x) == 30
        assert x.tolist() == [[3, 4], [1, 2]]

    def test_numbers_that_overflow_are_no_errors_as_in_loops(self):
        y = np.empty((1, 2))
        with np.errstate(all="raise"):
            PAIRS["add"].by_equation(np.full((1, 2), 1e308), np.full((1, 2), 1e308), y)
        assert np.isinf(y).all()


def test_a_call_runs_what_the_rung_chose():
    for kernel in PAIRS.values():
        forms = {"equations": kernel.by_equation, "plain": kernel.plain, "fast": kernel.loop}
        assert kernel.runs == forms[rung.RUNG]


@pytest.mark.parametrize("name", rung.RUNGS)
def test_a_kernel_of_ones_own_runs_on_each_rung(name, monkeypatch):
    monkeypatch.setattr("tinynet.kernels.jit.kernel.RUNG", name)
    said = []

    def reference(x):
        said.append("equations")
        return 2 * x

    def form(word):
        def loop(x, y):
            said.append(word)
            y[:] = 2 * x

        return loop

    kernel = Kernel(reference, form("fast"), (), plain=form("plain"))
    y = np.empty(2)
    kernel(np.ones(2), y)
    assert (said, y.tolist()) == ([name], [2, 2])


@pytest.mark.skipif(JIT_IS_OFF, reason="nothing is compiled")
@pytest.mark.parametrize("name", ["plain", "fast"])
def test_compiled_code_that_names_a_kernel_calls_what_the_rung_chose(name, monkeypatch):
    from numba import njit

    monkeypatch.setattr("tinynet.kernels.jit.kernel.RUNG", name)
    fast, plain = njit(lambda y: y.fill(1)), njit(lambda y: y.fill(2))
    kernel = Kernel(lambda y: y, fast, ("y",), plain=plain)

    @njit
    def calls_it(y):
        kernel(y)

    y = np.zeros(2)
    calls_it(y)
    assert y.tolist() == {"fast": [1, 1], "plain": [2, 2]}[name]
