"""What is built installs: wheel and sdist, each in a fresh environment, away from the repository.

Dependencies are those of the environment that runs the tests, which the fresh one sees behind its
own packages. So nothing is downloaded.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path
from typing import NamedTuple

import pytest

import tinynet as tn
from tinynet.workbook.ladder import LADDER

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow

STEP = """
import numpy as np, tinynet as tn

digits = tn.datasets.mnist_small()
assert digits.images.shape == (20_000, 784), digits.images.shape
X, y = tn.data.minmax_scale(digits.images[:32], 0, 255), digits.labels[:32]
net = tn.Sequential(tn.Linear(784, 10, rng=0), tn.LogSoftmax())
loss_fn, optimizer = tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.01)
loader = tn.DataLoader(X, y, batch_size=32, rng=0)
before = net[0].W.data.copy()
tn.fit(net, loss_fn, optimizer, loader, epochs=1, progress=False)
assert np.isfinite(net[0].W.data).all() and (net[0].W.data != before).any()
tn.trace(net, loss_fn, X[:5], y[:5], optimizer).to_html("xray.html")
"""


class Installed(NamedTuple):
    """A fresh environment with tinynet in it, and an empty folder to work in."""

    environment: Path
    folder: Path

    def run(self, *arguments, code=0):
        """Run its Python, and return what it prints."""
        python = self.environment / ("Scripts" if os.name == "nt" else "bin") / "python"
        own = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        run = subprocess.run(
            [python, *arguments],
            cwd=self.folder,
            env=own,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == code, run.stdout + run.stderr
        return run.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The wheel and the sdist, by name."""
    folder = tmp_path_factory.mktemp("built")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    (wheel,), (sdist,) = folder.glob("*.whl"), folder.glob("*.tar.gz")
    return {"wheel": wheel, "sdist": sdist}


@pytest.fixture(scope="module", params=["wheel", "sdist"])
def installed(request, built, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    environment, work = folder / "environment", folder / "work"
    work.mkdir()
    venv.create(environment)
    (packages,) = environment.glob("[Ll]ib/**/site-packages")
    others = [path for path in sys.path if Path(path).name == "site-packages"]
    (packages / "others.pth").write_text("\n".join(others) + "\n")  # their .pth files are not read
    made = Installed(environment, work)
    options = ["--quiet", "--ignore-installed", "--no-deps", "--no-index", "--no-build-isolation"]
    made.run("-m", "pip", "install", *options, built[request.param])
    return made


def test_it_is_the_installed_one_that_is_imported(installed):
    printed = installed.run("-c", "import tinynet; print(tinynet.__version__, tinynet.__file__)")
    version, file = printed.split()
    assert version == tn.__version__
    assert Path(file).is_relative_to(installed.environment)


def test_it_has_its_digits_learns_and_draws_the_x_ray(installed):
    installed.run("-c", STEP)
    page = (installed.folder / "xray.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>") and len(page) > 50_000


def test_it_writes_the_workbook_and_grades_it(installed):
    installed.run("-m", "tinynet", "workbook", "mine")
    mine = installed.folder / "mine"
    assert {path.name for path in mine.glob("[0-9]*.py")} == {e.file for e in LADDER}
    for exercise in LADDER:
        assert (mine / exercise.file).read_text(encoding="utf-8") == exercise.source
    assert "# The tinynet workbook" in (mine / "README.md").read_text(encoding="utf-8")
    assert "not written" in installed.run("-m", "tinynet", "workbook", "check", "mine", code=1)
