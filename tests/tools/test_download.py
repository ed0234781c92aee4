"""mnist() against a real HTTPS server that misbehaves, and beside files that are already there."""

import contextlib
import gzip
import os
import pickle
import pty
import random
import re
import shutil
import signal
import socket
import sys
import termios
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from loopback import (  # noqa: F401
    ARRAYS,
    NAMES,
    RAW,
    SMALL_FILES,
    LoopbackServer,
    assert_small,
    certificate_fixture,
    contents,
    environment_fixture,
    fill,
    running,
    serve,
    server_fixture,
    shared_server_fixture,
)

from tinynet.datasets import DataError, download, mnist, mnist_small, sources

FULL = Path(__file__).parents[2] / "../shared/data/mnist"
needs_full_mnist = pytest.mark.skipif(
    not FULL.is_dir(), reason="the full MNIST files are not in ../shared/data/mnist"
)


# What works


def test_downloads_once_and_stores_four_whole_files(server: LoopbackServer, tmp_path: Path) -> None:
    assert_small(mnist(tmp_path / "new" / "home"))
    assert sorted(server.requests()) == sorted(f"good {name}" for name in NAMES)
    stored = contents(tmp_path / "new" / "home")
    assert {name.removesuffix(".gz"): gzip.decompress(data) for name, data in stored.items()} == RAW
    assert_small(mnist(tmp_path / "new" / "home", offline=True))
    assert_small(mnist(tmp_path / "new" / "home"))
    assert len(server.requests()) == 4


@needs_full_mnist
def test_all_70000_digits(
    certificate: Path, tmp_path: Path, environment: pytest.MonkeyPatch
) -> None:
    served = tmp_path / "served"
    shutil.copytree(FULL, served)
    served.chmod(0o755)
    server = LoopbackServer(certificate, served)
    serve(environment, server.mirror("good"))
    environment.setattr(download, "TIMEOUT", (5.0, 20.0))
    try:
        mnist(tmp_path / "home")
    finally:
        server.stop()
    train, test = mnist(tmp_path / "home", offline=True)
    assert train.images.shape == (60_000, 784)
    assert train.labels.shape == (60_000,)
    assert test.images.shape == (10_000, 784)
    assert test.labels.shape == (10_000,)
    small = mnist_small()
    assert (train.images[:20_000] == small.images).all()
    assert (train.labels[:20_000] == small.labels).all()
    assert np.bincount(test.labels)[:3].tolist() == [980, 1135, 1032]


@pytest.mark.parametrize("behaviour", ["without_length", "encoded", "slow"])
def test_unusual_but_right_answers(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    serve(monkeypatch, server.mirror(behaviour))
    assert_small(mnist(tmp_path))
    assert_small(mnist(tmp_path, offline=True))
    suffix = "" if behaviour == "encoded" else ".gz"
    assert {f"{name}{suffix}" for name in RAW} <= set(contents(tmp_path))


def test_looks_in_tinynet_data_then_in_the_cache(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache" / "tinynet"
    named = tmp_path / "named"
    assert_small(mnist())
    assert sorted(contents(cache)) == sorted(NAMES)
    monkeypatch.setenv("TINYNET_DATA", str(named))
    assert_small(mnist(offline=True))
    assert not named.exists()
    shutil.rmtree(cache)
    assert_small(mnist())
    assert sorted(contents(named)) == sorted(NAMES)
    assert not cache.exists()
    shutil.move(named / NAMES[0], fill(cache) / NAMES[0])  # one here, three there
    for name in NAMES[1:]:
        (cache / name).unlink()
    assert_small(mnist(offline=True))
    assert len(server.requests()) == 8
    with pytest.raises(FileNotFoundError):
        mnist(tmp_path / "elsewhere", offline=True)


@pytest.mark.parametrize(
    ("form", "suffix"),
    [
        (lambda raw: gzip.compress(raw, 1), ".gz"),
        (lambda raw: raw, ""),
        (lambda raw: raw, ".gz"),
        (gzip.compress, ""),
    ],
    ids=["compressed again", "unpacked", "unpacked under the old name", "name without .gz"],
)
def test_content_decides_not_form(
    server: LoopbackServer, tmp_path: Path, form: Callable[[bytes], bytes], suffix: str
) -> None:
    assert_small(mnist(fill(tmp_path / "home", form, suffix)))
    assert server.requests() == []


OTHER_NAMES: dict[str, str] = {
    "dots": "{dotted}",
    "dots, gzipped": "{dotted}.gz",
    "torchvision, from its root": "MNIST/raw/{name}",
    "torchvision, gzipped": "MNIST/raw/{name}.gz",
    "torchvision, from its MNIST": "raw/{name}",
    "a folder mnist": "mnist/{dotted}.gz",
    "Kaggle's folders": "{name}/{name}",
    "Kaggle's folders, dots": "{name}/{dotted}",
}


@pytest.mark.parametrize("form", OTHER_NAMES)
def test_mnist_under_its_other_names(server: LoopbackServer, tmp_path: Path, form: str) -> None:
    paths = []
    for name, raw in RAW.items():
        path = tmp_path / OTHER_NAMES[form].format(name=name, dotted=name.replace("-idx", ".idx"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
        paths.append(path)
    assert_small(mnist(tmp_path, offline=True))
    assert_small(mnist(tmp_path))
    damaged, last = paths[-1].read_bytes()[:-1], paths[-1]
    last.write_bytes(damaged)
    with pytest.raises(DataError, match=f"{last}: .*truncated.*Move this file away"):
        mnist(tmp_path, offline=True)
    assert last.read_bytes() == damaged
    last.unlink()
    with pytest.raises(
        FileNotFoundError, match=r"train-images-idx3-ubyte not .*\(3 of 4 are there"
    ):
        mnist(tmp_path, offline=True)
    assert server.requests() == []
    assert_small(mnist(tmp_path))
    assert server.requests() == [f"good {NAMES[-1]}"]


KERAS = {"x_train": "train-images-idx3-ubyte", "y_train": "train-labels-idx1-ubyte",
         "x_test": "t10k-images-idx3-ubyte", "y_test": "t10k-labels-idx1-ubyte"}  # fmt: skip


def test_keras_archive(server: LoopbackServer, tmp_path: Path) -> None:
    arrays = {key: ARRAYS[name] for key, name in KERAS.items()}
    path = tmp_path / "mnist.npz"
    np.savez(path, **arrays)
    assert_small(mnist(tmp_path, offline=True))
    np.savez_compressed(path, **arrays)
    assert_small(mnist(tmp_path, offline=True))
    whole = path.read_bytes()
    changed = arrays["x_test"] ^ np.uint8(1)
    pickled = np.array([{}], object)
    for wrong, words in (
        (arrays | {"x_test": changed}, "x_test: not MNIST's t10k-images.*SHA-256"),
        (arrays | {"y_test": arrays["y_test"].astype(int)}, "y_test is int64 of shape"),
        (arrays | {"x_train": arrays["x_train"][:3]}, r"x_train is uint8 of shape \(3, 28, 28\)"),
        (arrays | {"y_test": pickled}, "y_test cannot be read"),
    ):
        np.savez(path, **wrong)
        with pytest.raises(DataError, match=f"{path}: .*Move this file away") as caught:
            mnist(tmp_path, offline=True)
        assert re.search(words, str(caught.value))
    for content in (whole[:-30], whole[:200], b"", b"PK\x03\x04", pickle.dumps(arrays)):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"{path}: .*Move this file away"):
            mnist(tmp_path, offline=True)
    np.save(path.open("wb"), ARRAYS["t10k-images-idx3-ubyte"])
    with pytest.raises(DataError, match="cannot be read"):
        mnist(tmp_path, offline=True)
    np.savez(path, somebody_elses=changed)
    assert server.requests() == []
    assert_small(mnist(tmp_path))


def test_forms_that_are_not_read_are_named(server: LoopbackServer, tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "train-00000-of-00001.parquet").touch()
    with pytest.raises(FileNotFoundError, match=r"00001\.parquet is there, too.*load_csv"):
        mnist(tmp_path, offline=True)


def test_only_what_is_missing_is_downloaded(server: LoopbackServer, tmp_path: Path) -> None:
    before = contents(fill(tmp_path))
    (tmp_path / NAMES[2]).unlink()
    assert_small(mnist(tmp_path))
    assert server.requests() == [f"good {NAMES[2]}"]
    after = contents(tmp_path)
    assert {name: after[name] for name in NAMES if name != NAMES[2]} == {
        name: before[name] for name in NAMES if name != NAMES[2]
    }


@pytest.mark.slow
def test_progress_bar_on_a_terminal_only(server: LoopbackServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    code = f"mnist({str(home)!r})"
    controller, terminal = pty.openpty()
    termios.tcsetwinsize(terminal, (24, 120))
    with running(code, server, "slow", stderr=terminal) as process:
        process.communicate()
        assert process.returncode == 0
    os.close(terminal)
    shown = b""
    with contextlib.suppress(OSError):  # how Linux reports the end of a terminal
        while piece := os.read(controller, 4096):
            shown += piece
    os.close(controller)
    assert b"train-images-idx3-ubyte" in shown
    assert b"100%" in shown
    shutil.rmtree(home)
    with running(code, server, "slow") as process:
        assert process.communicate() == ("", "")
        assert process.returncode == 0


# Bad mirrors

BAD_ANSWERS = {
    "error_page": "DataError: the answer: this is an HTML page",
    "missing": "HTTPError: 404",
    "broken": "HTTPError: 503",
    "redirect": "DataError: the answer: the file is empty",
    "wrong_content": "DataError: the answer: not MNIST's .*: the SHA-256 of its content is",
    "other_file": "DataError: the answer: holds",
    "truncated": "Error",
    "length_too_short": "DataError: the answer: the gzip data is truncated",
    "length_too_long": "Error",
    "length_nonsense": "InvalidHeader|ValueError",
    "stall": "timed out",
    "silent": "timed out",
    "trickle": "TimeoutError: only .* bytes came in",
    "endless": "DataError: the answer is longer than",
    "reset": "Error",
}


@pytest.mark.parametrize("behaviour", BAD_ANSWERS)
def test_a_bad_mirror_is_named_and_the_next_one_asked(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, behaviour: str
) -> None:
    if behaviour == "trickle":
        monkeypatch.setattr(download, "PATIENCE", 0.1)
        monkeypatch.setattr(download, "SLOWEST", 10_000)
    elif behaviour == "endless":
        monkeypatch.setattr(download, "LARGEST", 2**18)
    bad, good = server.mirror(behaviour), server.mirror("good")
    home = fill(tmp_path / "home")
    for name in NAMES[2:]:
        (home / name).unlink()
    before = contents(home)
    first = NAMES[2]
    serve(monkeypatch, bad)
    with pytest.raises(ConnectionError, match=BAD_ANSWERS[behaviour]) as caught:
        mnist(home)
    message = str(caught.value)
    assert "\n" not in message
    for words in (bad + first, str(home), *NAMES, "mnist_small()"):
        assert words in message
    assert contents(home) == before
    serve(monkeypatch, bad, good)
    server.log.write_text("")
    assert_small(mnist(home))
    assert server.requests()[:2] == [f"{behaviour} {first}", f"good {first}"]
    assert server.requests()[2:] == [f"good {NAMES[3]}"]  # the bad one is not asked again
    assert_small(mnist(home, offline=True))


def test_mirrors_are_asked_in_order_until_all_have_failed(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    behaviours = ["missing", "error_page", "wrong_content"]
    mirrors = tuple(server.mirror(behaviour) for behaviour in behaviours)
    serve(monkeypatch, *mirrors)
    with pytest.raises(ConnectionError) as caught:
        mnist(tmp_path / "home")
    assert server.requests() == [f"{behaviour} {NAMES[0]}" for behaviour in behaviours]
    places = [str(caught.value).index(mirror + NAMES[0]) for mirror in mirrors]
    assert places == sorted(places)


def test_server_killed_half_way(
    server: LoopbackServer, certificate: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = LoopbackServer(certificate, fill(tmp_path / "served"))
    home = tmp_path / "home"
    try:
        serve(monkeypatch, dying.mirror("killed"), server.mirror("good"))
        assert_small(mnist(home))
        assert dying.process.wait() == -signal.SIGKILL
        shutil.rmtree(home)
        serve(monkeypatch, dying.mirror("killed"))  # where nobody listens any more
        with pytest.raises(ConnectionError, match="mnist_small"):
            mnist(home)
    finally:
        dying.stop()
    assert contents(home) == {}


def test_no_network_names_the_real_mirrors(environment: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def no_network(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    environment.setattr(socket, "getaddrinfo", no_network)
    with pytest.raises(ConnectionError) as caught:
        mnist(tmp_path / "home")
    for words in (
        "https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz",
        "https://storage.googleapis.com/cvdf-datasets/mnist/t10k-labels-idx1-ubyte.gz",
        "https://raw.githubusercontent.com/fgnt/mnist/master/t10k-labels-idx1-ubyte.gz",
        str(tmp_path / "home"),
        *NAMES,
        "mnist_small()",
    ):
        assert words in str(caught.value)


class PlainServer:
    """Count the requests that arrive over plain http."""

    def __enter__(self) -> "PlainServer":
        self.requests: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(self.path)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(gzip.compress(RAW[self.path.split("/")[-1].removesuffix(".gz")]))

            def log_message(self, *args: object) -> None:
                pass

        self.server = HTTPServer(("localhost", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *args: object) -> None:
        self.server.shutdown()
        self.server.server_close()


def test_never_plain_http(
    environment: pytest.MonkeyPatch, certificate: Path, tmp_path: Path
) -> None:
    serve(environment, files=SMALL_FILES)
    with PlainServer() as plain:
        serve(environment, f"http://localhost:{plain.port}/good/")
        with pytest.raises(ConnectionError, match="only https is allowed"):
            mnist(tmp_path / "home")
        redirecting = LoopbackServer(certificate, fill(tmp_path / "served"), plain.port)
        serve(environment, redirecting.mirror("redirect"))
        try:
            with pytest.raises(ConnectionError):
                mnist(tmp_path / "home")
            assert redirecting.requests() == [f"redirect {NAMES[0]}"]
        finally:
            redirecting.stop()
        assert plain.requests == []
    assert contents(tmp_path / "home") == {}


def test_a_certificate_that_nobody_signed_is_refused(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    with pytest.raises(ConnectionError, match=r"(?i)certificate.verify.failed"):
        mnist(tmp_path / "home")
    assert server.requests() == []


# Files that are already there


def test_offline_names_files_folders_mirrors_and_the_alternative(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TINYNET_DATA", str(tmp_path / "named"))
    with pytest.raises(FileNotFoundError) as caught:
        mnist(offline=True)
    for words in (
        *NAMES,
        str(tmp_path / "named"),
        str(tmp_path / "cache" / "tinynet"),
        *sources.MNIST.mirrors,
        "mnist_small()",
    ):
        assert words in str(caught.value)
    assert server.requests() == []


@pytest.mark.parametrize("offline", [True, False])
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-1], "the gzip data is truncated"),
        (lambda data: b"", "the file is empty"),
        (lambda data: b"<html></html>", "an HTML page"),
        (lambda data: gzip.compress(RAW["t10k-labels-idx1-ubyte"]), "holds labels of shape"),
        (
            lambda data: gzip.compress(gzip.decompress(data)[:-1] + b"?"),
            "not MNIST's train-images-idx3-ubyte: the SHA-256 of its content is",
        ),
    ],
    ids=["truncated", "empty", "HTML", "labels for images", "other images"],
)
def test_a_wrong_file_is_refused_and_left_alone(
    server: LoopbackServer,
    tmp_path: Path,
    offline: bool,
    change: Callable[[bytes], bytes],
    words: str,
) -> None:
    wrong = fill(tmp_path) / "train-images-idx3-ubyte.gz"
    wrong.write_bytes(change(wrong.read_bytes()))
    before = contents(tmp_path)
    with pytest.raises(DataError, match=f"{wrong}: .*{words}.*Move this file away"):
        mnist(tmp_path, offline)
    assert contents(tmp_path) == before
    assert server.requests() == []
    wrong.unlink()
    assert_small(mnist(tmp_path))


@pytest.mark.parametrize("form", [gzip.compress, bytes], ids=["gzip", "plain"])
def test_flipped_and_truncated_files_give_an_error_or_the_same_data(
    server: LoopbackServer,
    tmp_path: Path,
    form: Callable[[bytes], bytes],
    record_property: Callable[[str, object], None],
) -> None:
    rng = random.Random(3)
    fill(tmp_path, form)
    refused = tried = 0
    for name in NAMES:
        path = tmp_path / name
        whole = path.read_bytes()
        positions = {*range(20), *(rng.randrange(len(whole)) for _ in range(60))}
        for position in positions & set(range(len(whole))):
            damaged = bytearray(whole)
            damaged[position] ^= rng.randrange(1, 256)
            for content in (bytes(damaged), whole[:position]):
                path.write_bytes(content)
                tried += 1
                try:
                    assert_small(mnist(tmp_path, offline=True))
                except DataError as error:
                    assert str(path) in str(error)
                    refused += 1
        path.write_bytes(whole)
    assert refused > 200
    record_property("mnist(): flips and cuts tried", tried)
    assert server.requests() == []


# Without the extra


def test_without_pooch_mnist_says_what_to_install(
    server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pooch", None)
    for data_home in (None, tmp_path / "home"):
        with pytest.raises(ImportError, match=r"pooch.*pip install '\.\[data\]'.*mnist_small\(\)"):
            mnist(data_home)
    assert_small(mnist(fill(tmp_path / "home")))
    monkeypatch.setenv("TINYNET_DATA", str(tmp_path / "home"))
    assert_small(mnist())


def test_import_does_not_load_the_network_libraries(server: LoopbackServer) -> None:
    code = "print({'pooch', 'requests', 'tqdm', 'platformdirs'} & set(sys.modules))"
    with running(code, server) as process:
        assert process.communicate() == ("set()\n", "")
