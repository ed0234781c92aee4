"""fashion_mnist() against a real HTTPS server, and beside files that are already there."""

import gzip
import hashlib
from pathlib import Path

import pytest
from loopback import (  # noqa: F401
    ARRAYS,
    NAMES,
    RAW,
    LoopbackServer,
    assert_small,
    certificate_fixture,
    contents,
    environment_fixture,
    fill,
    server_fixture,
    shared_server_fixture,
)

from tinynet.datasets import FASHION_CLASSES, DataError, fashion_mnist, mnist, sources

PACKED = {name: gzip.compress(raw, mtime=0) for name, raw in RAW.items()}


def packed(raw: bytes) -> bytes:
    return gzip.compress(raw, mtime=0)


@pytest.fixture(name="fashion")
def fashion_fixture(
    certificate: Path, server: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> LoopbackServer:
    """Serve four small files in Fashion-MNIST's place, known by what is packed."""
    served = LoopbackServer(certificate, fill(tmp_path / "served", packed))
    files = {name: (ARRAYS[name].shape, hashlib.sha256(PACKED[name]).hexdigest()) for name in RAW}
    mirrors = (served.mirror("good"),)
    monkeypatch.setattr(
        sources, "FASHION_MNIST", sources.FASHION_MNIST._replace(files=files, mirrors=mirrors)
    )
    yield served
    served.stop()


def test_it_is_stored_beside_mnist_whose_files_have_the_same_names(
    fashion: LoopbackServer, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    assert_small(fashion_mnist(home))
    assert sorted(contents(home / "fashion-mnist")) == sorted(NAMES)
    assert_small(mnist(home))
    assert_small(fashion_mnist(home, offline=True))
    assert sorted(fashion.requests()) == sorted(f"good {name}" for name in NAMES)
    assert sorted(path.name for path in home.iterdir()) == sorted([*NAMES, "fashion-mnist"])


@pytest.mark.parametrize("folder", ["FashionMNIST/raw", "fashion"])
def test_files_of_others_are_found_if_they_are_packed(
    fashion: LoopbackServer, tmp_path: Path, folder: str
) -> None:
    fill(tmp_path / folder, packed)
    fill(tmp_path / folder, bytes, suffix="")
    assert_small(fashion_mnist(tmp_path, offline=True))
    for name in NAMES:
        (tmp_path / folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=r"^fashion_mnist\(offline=True\): .*-ubyte\.gz"):
        fashion_mnist(tmp_path, offline=True)


def test_one_wrong_byte_is_refused_here_and_there(
    fashion: LoopbackServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = (fashion.mirror("wrong_content"), fashion.mirror("encoded"), fashion.mirror("missing"))
    source = sources.FASHION_MNIST._replace(mirrors=wrong)
    monkeypatch.setattr(sources, "FASHION_MNIST", source)
    with pytest.raises(ConnectionError) as caught:
        fashion_mnist(tmp_path / "home")
    assert str(caught.value).startswith("fashion_mnist(): ") and not contents(tmp_path / "home")
    assert str(caught.value).count("SHA-256 of the file is") == 2
    assert str(tmp_path / "home" / "fashion-mnist") in str(caught.value)
    home = fill(tmp_path / "home" / "fashion-mnist", packed)
    (home / NAMES[2]).write_bytes(PACKED[NAMES[3].removesuffix(".gz")])
    before = contents(home)
    words = f"not Fashion-MNIST's {NAMES[2]}: .*and fashion_mnist\\(\\) downloads the right one"
    with pytest.raises(DataError, match=words):
        fashion_mnist(tmp_path / "home")
    assert contents(home) == before


def test_where_it_is_published() -> None:
    source = sources.FASHION_MNIST
    assert all(mirror.startswith("https://") for mirror in source.mirrors)
    assert list(source.files) == list(sources.MNIST.files)
    for name, (shape, sha) in source.files.items():
        assert shape == sources.MNIST.files[name][0]
        assert len(bytes.fromhex(sha)) == 32 and sha != sources.MNIST.files[name][1]
    assert len(FASHION_CLASSES) == 10 and FASHION_CLASSES[9] == "Ankle boot"
