"""A real HTTPS server on loopback, four small files in MNIST's place, and a clean environment.

A test module imports all four fixtures, since they need each other.
"""

import contextlib
import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from child import TESTS

from tinynet.datasets import Digits, download, sources
from tinynet.datasets.idx import idx_header

NAMES = [f"{name}.gz" for name in sources.MNIST.files]
RNG = np.random.default_rng(0)
ARRAYS = {  # the four files in small: 12 and 5 digits
    "t10k-labels-idx1-ubyte": RNG.integers(0, 10, 5, np.uint8),
    "train-labels-idx1-ubyte": RNG.integers(0, 10, 12, np.uint8),
    "t10k-images-idx3-ubyte": RNG.integers(0, 256, (5, 28, 28), np.uint8),
    "train-images-idx3-ubyte": RNG.integers(0, 256, (12, 28, 28), np.uint8),
}
RAW = {name: idx_header(array.shape) + array.tobytes() for name, array in ARRAYS.items()}
SMALL_FILES = {
    name: (array.shape, hashlib.sha256(RAW[name]).hexdigest()) for name, array in ARRAYS.items()
}

# Prepares a process of its own as the fixtures below prepare this one; then comes the test's code.
PROCESS = """
import json, os, signal, sys
from pathlib import Path
from tinynet.datasets import download, mnist, sources
given = json.loads(sys.argv[1])
sources.MNIST = sources.MNIST._replace(
    files={name: (tuple(shape), sha) for name, (shape, sha) in given["files"].items()},
    mirrors=tuple(given["mirrors"]),
)
download.TIMEOUT = (5.0, given["silence"])
"""


class LoopbackServer:
    """The process of `https_server.py`, its address, and its log."""

    def __init__(self, certificate: Path, folder: Path, plain_port: int = 9) -> None:
        self.log = folder / "log"
        self.log.touch()
        script = TESTS / "children" / "https_server.py"
        self.process = subprocess.Popen(
            [sys.executable, script, certificate, folder, self.log],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PLAIN_PORT": str(plain_port)},
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def mirror(self, behaviour: str) -> str:
        return f"https://localhost:{self.port}/{behaviour}/"

    def requests(self) -> list[str]:
        return self.log.read_text().splitlines()

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="session", name="certificate")
def certificate_fixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command to make the loopback server's certificate")
    folder = tmp_path_factory.mktemp("certificate")
    command = (
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "
        "/CN=localhost -addext subjectAltName=DNS:localhost -keyout key.pem -out cert.pem"
    )
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    both = folder / "both.pem"
    both.write_bytes((folder / "key.pem").read_bytes() + (folder / "cert.pem").read_bytes())
    return both


@pytest.fixture(scope="session", name="shared_server")
def shared_server_fixture(
    certificate: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LoopbackServer]:
    folder = tmp_path_factory.mktemp("served")
    for name, raw in RAW.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(raw))
    server = LoopbackServer(certificate, folder)
    yield server
    server.stop()


@pytest.fixture(name="environment")
def environment_fixture(
    certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> pytest.MonkeyPatch:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setenv("NO_PROXY", "localhost")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TINYNET_DATA", raising=False)
    monkeypatch.setattr(download, "TIMEOUT", (5.0, 0.4))
    return monkeypatch


def serve(patch: pytest.MonkeyPatch, *mirrors: str, **known: Any) -> None:
    """Let mnist() download from these mirrors; and know files, if they are told, by others."""
    patch.setattr(sources, "MNIST", sources.MNIST._replace(mirrors=mirrors, **known))


@pytest.fixture(name="server")
def server_fixture(
    shared_server: LoopbackServer, environment: pytest.MonkeyPatch
) -> Iterator[LoopbackServer]:
    """Serve the four small files, on a mirror that is good; the log is empty."""
    serve(environment, shared_server.mirror("good"), files=SMALL_FILES)
    shared_server.log.write_text("")
    yield shared_server
    assert shared_server.process.poll() is None


@contextlib.contextmanager
def running(
    code: str, server: LoopbackServer, *behaviours: str, silence: float = 20.0, **options: object
) -> Iterator[subprocess.Popen[str]]:
    given = {
        "files": SMALL_FILES,
        "mirrors": [server.mirror(behaviour) for behaviour in behaviours],
        "silence": silence,
    }
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", PROCESS + code, json.dumps(given)]
    environment = os.environ | {"PYTHONPATH": str(root)}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    with subprocess.Popen(command, env=environment, text=True, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def assert_small(result: tuple[Digits, Digits]) -> None:
    for digits, part in zip(result, ("train", "t10k"), strict=True):
        images = ARRAYS[f"{part}-images-idx3-ubyte"]
        assert digits.images.dtype == np.uint8
        assert digits.labels.dtype == np.int64
        assert digits.images.shape == (len(images), 784)
        assert (digits.images == images.reshape(-1, 784)).all()
        assert (digits.labels == ARRAYS[f"{part}-labels-idx1-ubyte"]).all()


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()} if folder.exists() else {}


def fill(folder: Path, form: Callable[[bytes], bytes] = gzip.compress, suffix: str = ".gz") -> Path:
    """Put the four small files into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, raw in RAW.items():
        (folder / f"{name}{suffix}").write_bytes(form(raw))
    return folder
