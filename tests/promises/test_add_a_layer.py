"""A layer is added where its equations stand: its file, its kernels, the public lists. No more.

In a copy of the package Softplus is added as CONTRIBUTING.md says, and a process that imports the
copy takes it through every tool.
"""

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from child import PATHS, TESTS

import tinynet

PACKAGE = Path(tinynet.__file__).parent

LAYER = '''

class Softplus(Module):
    """A ReLU without a kink. Any shape.

    ::

        forward    y  = log(1 + exp(x))
        backward   dx = dy * (1 - exp(-y))
    """

    torch_layer = "Softplus"
    onnx_operation = "Softplus"
    equations = "y = log(1 + exp(x))", "dx = dy * (1 - exp(-y))"
    told = (
        "y = log(1 + exp(x)) = log(1 + exp({x})) = {y}",
        "dx = dy * (1 - exp(-y)) = {dy} * (1 - exp(-{y})) = {dx}",
    )
    javascript = "x.map((value) => Math.log1p(Math.exp(-Math.abs(value))) + Math.max(value, 0))"

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        x = float_array("Softplus", x)
        y = np.empty_like(x)
        kernels.softplus(x, y)  # y = log(1 + exp(x))
        self.keep(y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, y = self.kept(dy)
        dx = np.empty_like(y)
        kernels.softplus_dx(dy, y, dx)  # dx = dy * (1 - exp(-y))
        return dx

    def __repr__(self) -> str:
        return "Softplus()"
'''

KERNELS = """

def softplus_reference(x: Array) -> Array:
    return np.logaddexp(x, 0)


@kernel(softplus_reference, equation="y = log(1 + exp(x))")
def softplus(x: Array, y: Array) -> None:
    inputs, outputs = x.reshape(-1), y.reshape(-1)
    for i in range(inputs.size):
        outputs[i] = max(inputs[i], 0) + np.log1p(np.exp(-abs(inputs[i])))


def softplus_dx_reference(dy: Array, y: Array) -> Array:
    return dy * -np.expm1(-y)


@kernel(softplus_dx_reference, equation="dx = dy * (1 - exp(-y))")
def softplus_dx(dy: Array, y: Array, dx: Array) -> None:
    upstream, outputs, results = dy.reshape(-1), y.reshape(-1), dx.reshape(-1)
    for i in range(outputs.size):
        results[i] = upstream[i] * -np.expm1(-outputs[i])
"""

EDITS = {
    "layers/activations.py": [("", LAYER)],
    "kernels/activations.py": [("", KERNELS)],
    "kernels/__init__.py": [
        (
            "from tinynet.kernels.activations import sigmoid, sigmoid_dx, tanh, tanh_dx\n",
            "from tinynet.kernels.activations import softplus, softplus_dx\n",
        )
    ],
    "layers/__init__.py": [
        (
            "from tinynet.layers.activations import ReLU as ReLU\n",
            "from tinynet.layers.activations import Softplus as Softplus\n",
        )
    ],
    "__init__.py": [
        ("    Softmax,\n", "    Softplus,\n"),
        ('    "Softmax",\n', '    "Softplus",\n'),
    ],
}
"""By file: the text after which something is added (none: at the end), and what."""

TOOLS = (
    *("gradient_check", "fit", "own_loop", "trace", "playground", "summary"),
    *("files", "pickles", "pytorch", "onnx", "doctor", "estimator"),
)


def with_additions(text: str, additions: list[tuple[str, str]]) -> str:
    for after, addition in additions:
        assert not after or text.count(after) == 1, f"{after!r} stands {text.count(after)} times"
        head, middle, tail = text.partition(after) if after else (text, "", "")
        text = head + middle + addition + tail
    return text


def touched(copy: Path) -> list[str]:
    """The files of a copy that differ from the package's, or are new."""
    files = {path.relative_to(copy) for path in copy.rglob("*") if path.is_file()}
    files = {path for path in files if "__pycache__" not in path.parts}
    return sorted(
        path.as_posix()
        for path in files
        if not (PACKAGE / path).is_file()
        or not filecmp.cmp(PACKAGE / path, copy / path, shallow=False)
    )


@pytest.mark.slow
def test_softplus_is_added_by_its_file_its_kernels_and_the_public_lists(tmp_path: Path) -> None:
    copy = tmp_path / "tinynet"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert touched(copy) == []
    for name, additions in EDITS.items():
        path = copy / name
        path.write_text(with_additions(path.read_text("utf-8"), additions), "utf-8")
    (tmp_path / "written").mkdir()
    paths = [str(tmp_path), *PATHS[1:]]
    run = subprocess.run(
        [sys.executable, TESTS / "children" / "with_softplus.py", tmp_path / "written"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    lines = run.stdout.splitlines()
    assert lines[0] == f"tinynet of {tmp_path}"
    assert [line for line in lines if line.startswith("taken by")] == [
        f"taken by {tool}" for tool in TOOLS
    ]
    print("touched:", *touched(copy), sep="\n  ")
    assert touched(copy) == [
        *("__init__.py", "kernels/__init__.py", "kernels/activations.py"),
        *("layers/__init__.py", "layers/activations.py"),
    ]
