"""Files are replaced in one step, and what a path is besides its content stays as it was."""

import contextlib
import errno
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import slow_but
from survival import small_disk

import tinynet as tn
from tinynet import pages
from tinynet.support.atomic import write_atomically

NEW = b"new content"
LINE = r"\A[^\n]+\Z"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="links, devices and modes of POSIX")


def net() -> tn.Sequential:
    return tn.Sequential(tn.Linear(4, 3, rng=0), tn.LogSoftmax())


def checkpoint(path: Any) -> None:
    model = net()
    loader = tn.DataLoader(np.eye(4, dtype=np.float32), np.array([0, 1, 2, 0]), rng=0)
    tn.save_checkpoint(path, model, tn.SGD(model.parameters()), loader, tn.History())


def onnx(path: Any) -> None:
    pytest.importorskip("onnx")
    tn.to_onnx(net(), path)


WRITERS: dict[str, Callable[[Any], None]] = {
    "model": lambda path: tn.save(net(), path),
    "checkpoint": checkpoint,
    "ONNX": onnx,
    "CSV": lambda path: tn.History(train_loss=[1.0], train_accuracy=[50.0]).to_csv(path),
    "page": lambda path: pages.Page(b"<html>").write(path),
}
writers = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A null device of one's own, so that no mistake can harm the machine's."""
    path = tmp_path / "null"
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        path.write_bytes(b"")
    except OSError:
        pytest.skip("only root makes devices")
    return path


def assert_alone(folder: Path, *names: str) -> None:
    assert sorted(os.listdir(folder)) == sorted(names)


@writers
def test_a_device_is_written_to_and_stays_one(write: Callable[[Any], None], device: Path) -> None:
    before = os.stat(device)
    write(device)
    after = os.stat(device)
    assert stat.S_ISCHR(after.st_mode) and after.st_rdev == before.st_rdev
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert_alone(device.parent, "null")


@writers
def test_a_link_stays_one_and_its_target_has_the_content(
    write: Callable[[Any], None], tmp_path: Path
) -> None:
    store, link = tmp_path / "store", tmp_path / "link"
    store.mkdir()
    (store / "m").touch()
    link.symlink_to("store/m")
    write(link)
    write(tmp_path / "plain")
    assert os.readlink(link) == "store/m"
    assert (store / "m").read_bytes() == (tmp_path / "plain").read_bytes() != b""
    assert_alone(tmp_path, "store", "link", "plain")
    assert_alone(store, "m")


def test_the_link_of_the_report_holds_a_model(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    os.mkdir("store")
    Path("store/m").touch()
    os.symlink("store/m", "link")
    tn.save(net(), "link")
    assert os.path.islink("link")
    assert tn.fingerprint(tn.load("store/m")) == tn.fingerprint(tn.load("link"))


def links(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Links and what they lead to."""
    folder, elsewhere = tmp_path / "folder", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    (tmp_path / "to_folder").symlink_to("elsewhere")
    for name, points_to, target in (
        ("dangling", "not_yet", folder / "not_yet"),
        ("absolute", elsewhere / "absolute", elsewhere / "absolute"),
        ("up", "../elsewhere/up", elsewhere / "up"),
        ("through", "../to_folder/../through", tmp_path / "through"),
        ("to_link", "dangling", folder / "not_yet"),
        ("to_link_to_link", "to_link", folder / "not_yet"),
    ):
        (folder / name).symlink_to(points_to)
        yield folder / name, target
    yield tmp_path / "to_folder" / "inside", elsewhere / "inside"


def test_links_of_all_kinds_are_followed(tmp_path: Path) -> None:
    for number, (link, target) in enumerate(links(tmp_path)):
        was = os.readlink(link) if link.is_symlink() else None
        for content in (NEW, b"%d" % number):
            write_atomically(link, content)
            assert target.read_bytes() == content
            assert not target.is_symlink()
            assert (os.readlink(link) if link.is_symlink() else None) == was
    assert not list(tmp_path.rglob("*.part"))


def test_a_link_to_another_disk(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        link = tmp_path / "link"
        link.symlink_to(disk / "file")
        for content in (b"old", NEW):
            write_atomically(link, content)
        assert link.is_symlink() and (disk / "file").read_bytes() == NEW
        with pytest.raises(OSError, match="No space left on device; make room") as caught:
            write_atomically(link, bytes(10**6))
        assert caught.value.errno == errno.ENOSPC
        assert (disk / "file").read_bytes() == NEW
        assert_alone(disk, "file")
    assert_alone(tmp_path, "disk", "link")


def test_a_pipe_gets_the_content(tmp_path: Path) -> None:
    pipe, read = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_atomically(pipe, NEW * 50_000)  # more than a pipe holds at once
    reader.join()
    assert read == [NEW * 50_000]
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)
    assert_alone(tmp_path, "pipe")


@pytest.mark.parametrize(
    "to", slow_but(1, ["a pipe", "a file", "a deleted file", "the end of a file"])
)
def test_standard_output(to: str, tmp_path: Path) -> None:
    code = (
        "import tinynet as tn; print('first', flush=True); from tinynet.support.atomic import *\n"
    )
    code += "write_atomically(Path('/dev/stdout'), b'new content'); print(', last')"
    environment = os.environ | {"PYTHONPATH": str(Path(tn.__file__).parents[1])}
    command = [sys.executable, "-c", code]
    expected = b"first\nnew content, last\n"
    if to == "a pipe":
        done = subprocess.run(command, capture_output=True, env=environment, check=True)
        assert done.stdout == expected
        return
    with open(tmp_path / "out", "a+b" if to == "the end of a file" else "w+b") as out:
        if to == "a deleted file":
            os.unlink(tmp_path / "out")
        if to == "the end of a file":
            out.write(b"before ")
            out.flush()
            expected = b"before " + expected
        subprocess.run(command, stdout=out, env=environment, check=True)
        out.seek(0)
        assert out.read() == expected


def test_other_names_of_a_file_keep_the_old_content(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"old")
    os.link(tmp_path / "a", tmp_path / "b")
    write_atomically(tmp_path / "a", NEW)
    assert (tmp_path / "a").read_bytes() == NEW
    assert (tmp_path / "b").read_bytes() == b"old"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o444, 0o755])
def test_the_mode_of_a_file_stays(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    path.chmod(mode)
    if not os.access(path, os.W_OK):
        with pytest.raises(PermissionError, match="not yours to write"):
            write_atomically(path, NEW)
        return
    write_atomically(path, NEW)
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == NEW


def test_a_new_file_has_the_mode_that_the_mask_gives(tmp_path: Path) -> None:
    for mask, mode in ((0o022, 0o644), (0o077, 0o600)):
        before = os.umask(mask)
        try:
            write_atomically(tmp_path / str(mode), NEW)
        finally:
            os.umask(before)
        assert stat.S_IMODE((tmp_path / str(mode)).stat().st_mode) == mode


def test_the_owner_of_a_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with contextlib.suppress(PermissionError):
        os.chown(path, 12345, 54321)
    path.chmod(0o640)
    before = path.stat()
    if before.st_uid == os.getuid():
        pytest.skip("only root gives files away")
    write_atomically(path, NEW)
    after = path.stat()
    assert (after.st_uid, after.st_gid, after.st_mode) == (12345, 54321, before.st_mode)
    assert after.st_mtime_ns > before.st_mtime_ns


def test_attributes_of_a_file_stay(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    try:
        os.setxattr(path, "user.origin", b"lesson 3")
    except (OSError, AttributeError):
        pytest.skip("no attributes on this disk")
    write_atomically(path, NEW)
    assert os.getxattr(path, "user.origin") == b"lesson 3"


def test_at_no_time_can_others_read_a_private_file(tmp_path: Path, monkeypatch: Any) -> None:
    path, seen = tmp_path / "file", list[int]()
    path.write_bytes(b"old")
    path.chmod(0o600)
    synced = os.fsync

    def look(number: int) -> None:
        seen.extend(stat.S_IMODE(part.stat().st_mode) for part in tmp_path.glob(".*.part"))
        synced(number)

    monkeypatch.setattr(os, "fsync", look)
    write_atomically(path, NEW)
    assert seen == [0o600]


def test_a_name_as_long_as_the_disk_takes(tmp_path: Path) -> None:
    for name in ("n" * 255, "ü" * 127):
        write_atomically(tmp_path / name, NEW)
        assert (tmp_path / name).read_bytes() == NEW
    with pytest.raises(OSError, match="give a shorter name") as caught:
        write_atomically(tmp_path / ("n" * 256), NEW)
    assert caught.value.errno == errno.ENAMETOOLONG
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        (".", IsADirectoryError, "give the name of a file within it"),
        ("..", IsADirectoryError, "give the name of a file within it"),
        ("folder", IsADirectoryError, "give the name of a file within it"),
        ("folder/", IsADirectoryError, "give the name of a file within it"),
        ("folder/.", IsADirectoryError, "give the name of a file within it"),
        ("link_to_folder", IsADirectoryError, "give the name of a file within it"),
        ("new/", IsADirectoryError, "give the name of a file within it"),
        ("", FileNotFoundError, "path is empty"),
        ("nowhere/file", FileNotFoundError, "make its folder first"),
        ("to_nowhere", FileNotFoundError, "make its folder first"),
        ("file/below", NotADirectoryError, "a part of the path is a file"),
        ("loop", OSError, "leads back to itself"),
        ("n" * 300, OSError, "give a shorter name"),
        ("nul\0", OSError, "path has a NUL in it"),
        ("socket", OSError, "it is neither a file nor a pipe"),
        (None, TypeError, "path is NoneType, expected str or path-like"),
        (3, TypeError, "path is int, expected str or path-like"),
        (
            b"bytes",
            TypeError,
            r"path is bytes, .*; use os\.fsdecode\(path\)",
        ),
        (["a"], TypeError, "path is list"),
    ],
)
@writers
def test_what_is_no_place_for_a_file(
    write: Callable[[Any], None], path: Any, error: Any, words: str, tmp_path: Path
) -> None:
    import socket

    inside = tmp_path / "in"
    inside.mkdir()
    before = os.getcwd()
    os.chdir(inside)
    try:
        os.mkdir("folder")
        Path("file").write_bytes(b"old")
        os.symlink("folder", "link_to_folder")
        os.symlink("nowhere/file", "to_nowhere")
        os.symlink("loop", "loop")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind("socket")
            names = set(os.listdir())
            with pytest.raises(error, match=words) as caught:
                write(path)
            if isinstance(caught.value, OSError):
                assert re.match(LINE, caught.value.strerror)
                if path and path != "to_nowhere":
                    assert caught.value.filename == path
            assert set(os.listdir()) == names and os.listdir("folder") == []
        assert Path("file").read_bytes() == b"old"
    finally:
        os.chdir(before)


def test_a_disk_is_not_written_to(tmp_path: Path) -> None:
    path = tmp_path / "disk"
    try:
        os.mknod(path, 0o666 | stat.S_IFBLK, os.makedev(7, 250))
    except PermissionError:
        pytest.skip("only root makes devices")
    with pytest.raises(OSError, match="neither a file nor a pipe"):
        write_atomically(path, NEW)
    assert stat.S_ISBLK(os.stat(path).st_mode)


def test_a_device_without_room(tmp_path: Path) -> None:
    path = tmp_path / "full"
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        with open(path, "wb"):
            pass
    except OSError:
        pytest.skip("only root makes devices")
    with pytest.raises(OSError) as caught:
        write_atomically(path, NEW)
    assert caught.value.errno == errno.ENOSPC
    assert stat.S_ISCHR(os.stat(path).st_mode)


def test_a_disk_that_is_read_only(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        write_atomically(disk / "file", b"old")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        for name in ("file", "another"):
            with pytest.raises(OSError, match="its disk is read-only") as caught:
                write_atomically(disk / name, NEW)
            assert caught.value.errno == errno.EROFS
        assert (disk / "file").read_bytes() == b"old"


def test_a_file_that_is_mounted_by_itself(tmp_path: Path) -> None:
    file, mounted = tmp_path / "file", tmp_path / "mounted"
    file.write_bytes(b"old")
    mounted.touch()
    command = ["mount", "--bind", str(file), str(mounted)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting is not permitted here")
    try:
        with pytest.raises(OSError, match="mount its folder instead"):
            write_atomically(mounted, NEW)
        assert mounted.read_bytes() == b"old"
        assert_alone(tmp_path, "file", "mounted")
    finally:
        subprocess.run(["umount", str(mounted)], check=True)


@pytest.mark.parametrize("place", slow_but(0, ["device", "link", "dangling", "file"]))
def test_train_writes_to_what_is_there(place: str, device: Path, tmp_path: Path) -> None:
    rows = np.zeros((20, 785), int)
    rows[:, 0], rows[:, 400] = np.arange(20) % 10, 255
    np.savetxt(tmp_path / "digits.csv", rows, "%d", ",")
    out = device if place == "device" else tmp_path / place
    if place in ("link", "dangling"):
        out.symlink_to("target")
    if place == "link":
        (tmp_path / "target").touch()
    if place == "file":
        out.touch()
        out.chmod(0o600)
    before = os.stat(out) if out.exists() else None
    command = [sys.executable, "-m", "tinynet", "train", "digits.csv", "--hidden", "2"]
    environment = os.environ | {"PYTHONPATH": str(Path(tn.__file__).parents[1])}
    done = subprocess.run(
        [*command, "--epochs", "1", "--out", str(out)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert out.is_symlink() == (place in ("link", "dangling"))
    if before is not None:
        assert os.stat(out).st_mode == before.st_mode
    if place != "device":
        assert len(tn.load(out).parameters()) == 4


@pytest.mark.slow
def test_train_to_a_folder_that_is_not_there_yet(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(tn.__file__).parents[1])}
    command = [sys.executable, "-m", "tinynet", "train", "digits.csv", "--out", "models/"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "error: models/: Is a directory; it is a folder; give the name of a" in done.stderr
    assert os.listdir(tmp_path) == []
