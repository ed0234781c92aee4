"""mnist() where folders are full or closed, processes meet, and kill -9 strikes at every line."""

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loopback import (  # noqa: F401
    ARRAYS,
    NAMES,
    LoopbackServer,
    assert_small,
    certificate_fixture,
    contents,
    environment_fixture,
    fill,
    running,
    server_fixture,
    shared_server_fixture,
)

from tinynet.datasets import download, mnist, sources
from tinynet.support import atomic
from tinynet.support.atomic import write_atomically

# Folders that cannot take the files


def assert_cannot_write(caught: pytest.ExceptionInfo[OSError], home: Path) -> None:
    assert "\n" not in str(caught.value)
    for words in (
        "cannot be written",
        sources.MNIST.mirrors[0],
        str(home),
        *NAMES,
        "mnist_small()",
    ):
        assert words in str(caught.value)


def test_folder_below_a_file(server: LoopbackServer, tmp_path: Path) -> None:
    blocking = tmp_path / "file"
    blocking.write_bytes(b"mine")
    for home in (blocking, blocking / "home"):
        with pytest.raises(OSError, match="cannot be written") as caught:
            mnist(home)
        assert_cannot_write(caught, home)
    assert blocking.read_bytes() == b"mine"


@contextlib.contextmanager
def mounted(folder: Path, options: str) -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_read_only_folder(server: LoopbackServer, tmp_path: Path) -> None:
    with mounted(tmp_path / "mount", "ro") as mount:
        for home in (mount, mount / "home"):
            with pytest.raises(OSError, match="Read-only file system") as caught:
                mnist(home)
            assert caught.value.errno == errno.EROFS
            assert_cannot_write(caught, home)
            assert server.requests() == [f"good {NAMES[0]}"]
            server.log.write_text("")


def test_full_folder_keeps_what_it_has_and_can_be_continued(
    server: LoopbackServer, tmp_path: Path
) -> None:
    with mounted(tmp_path / "mount", "size=64k") as mount:
        (mount / "ballast").write_bytes(bytes(44 * 1024))  # leaves room for three small files
        with pytest.raises(OSError, match="No space left on device") as caught:
            mnist(mount)
        assert caught.value.errno == errno.ENOSPC
        assert_cannot_write(caught, mount)
        assert sorted(contents(mount)) == sorted(["ballast", *NAMES[:3]])
        (mount / "ballast").unlink()
        assert_small(mnist(mount))
        assert sorted(contents(mount)) == sorted(NAMES)


def test_quota_on_file_size(server: LoopbackServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    code = f"""
import resource, sys
sys.dont_write_bytecode = True  # of what is imported from here on: it would be cut off, too
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
try:
    mnist({str(home)!r})
except OSError as error:
    print(error)
"""
    with running(code, server, "good") as process:
        output, errors = process.communicate()
    assert errors == ""
    for words in ("cannot be written: File too large", str(home), *NAMES, "mnist_small()"):
        assert words in output
    assert sorted(contents(home)) == sorted(NAMES[:3])


# Other processes, signals and kills


@pytest.mark.slow
def test_two_processes_at_once(server: LoopbackServer, tmp_path: Path) -> None:
    home = tmp_path / "home"
    code = f"train, test = mnist({str(home)!r}); print(train.images.sum(), test.images.sum())"
    with running(code, server, "slow") as one, running(code, server, "slow") as two:
        outputs = [process.communicate() for process in (one, two)]
    sums = [ARRAYS[f"{part}-images-idx3-ubyte"].sum() for part in ("train", "t10k")]
    assert outputs == [(f"{sums[0]} {sums[1]}\n", "")] * 2
    assert sorted(contents(home)) == sorted(NAMES)
    assert_small(mnist(home, offline=True))


def test_ctrl_c_in_a_stalled_download_leaves_nothing_behind(
    server: LoopbackServer, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    code = f"""
try:
    mnist({str(home)!r})
except KeyboardInterrupt:
    print("interrupted")
"""
    with running(code, server, "stall") as process:
        deadline = time.monotonic() + 20
        while not server.requests() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=10) == ("interrupted\n", "")
    assert contents(home) == {}


KILLS = """
files, names, root = given["traced"], given["names"], Path(given["root"])

def forked(work):
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def killed_at(line, home):
    seen = 0
    def trace(frame, event, arg):
        nonlocal seen
        if frame.f_code.co_filename not in files:
            return None
        if event == "line":
            seen += 1
            if seen == line:
                os.kill(os.getpid(), signal.SIGKILL)
        return trace
    sys.settrace(trace)
    mnist(home)

def assert_whole(home):
    "Each file is whole under its own name; there is at most one half, under a name of no use."
    there = sorted(os.listdir(home)) if home.exists() else []
    assert set(given["before"]) <= set(there), there
    halves = [name for name in there if name not in names]
    assert len(halves) <= 1 and all(name.endswith(".part") for name in halves), there
    for name in set(there) & set(names):
        with open(home / name, "rb") as file:
            download._verified(sources.MNIST, file, name, name.removesuffix(".gz"))

import pooch, requests, tqdm.auto
kills = stored = 0
mended = set()  # which files there were
for line in range(1, 10_000):
    home = root / str(line)
    home.mkdir()
    for name in given["before"]:
        os.link(root / name, home / name)
    code = forked(lambda: killed_at(line, home))
    assert_whole(home)
    if code == 0:
        break
    assert code == -signal.SIGKILL, code
    kills += 1
    stored += len(set(os.listdir(home)) & set(names)) > len(given["before"])
    there = frozenset(os.listdir(home))
    if there in mended and line % 10:
        continue
    mended.add(there)
    assert forked(lambda: mnist(home)) == 0
    assert_whole(home)
    assert set(names) <= set(os.listdir(home))
print(kills, stored)
"""


def kill_at_lines(
    server: LoopbackServer, root: Path, before: list[str], traced: list[str]
) -> tuple[int, int]:
    fill(root)
    given = {"traced": traced, "names": NAMES, "root": str(root), "before": before}
    code = f"given |= json.loads({json.dumps(given)!r})\n{KILLS}"
    with running(code, server, "good") as process:
        output, errors = process.communicate()
    assert process.returncode == 0, errors
    kills, stored = map(int, output.split())
    return kills, stored


@pytest.mark.slow
def test_killed_at_every_line_of_storing(
    server: LoopbackServer, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    kills, stored = kill_at_lines(server, tmp_path, NAMES[:3], [atomic.__file__])
    assert kills > 10
    record_property("storing: kills survived", kills)
    assert 0 < stored < kills


@pytest.mark.slow
def test_killed_at_every_line_of_four_downloads(
    server: LoopbackServer, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    traced = [atomic.__file__, download.__file__]
    kills, stored = kill_at_lines(server, tmp_path, [], traced)
    assert kills > 200
    record_property("four downloads: kills survived", kills)
    assert 0 < stored < kills


# Writing


def test_a_reader_meets_only_whole_files(tmp_path: Path) -> None:
    path = tmp_path / "file"
    size = 2**20
    write_atomically(path, b"0" * size)

    def write(letter: bytes) -> None:
        for _ in range(20):
            write_atomically(path, letter * size)

    writers = [threading.Thread(target=write, args=(letter,)) for letter in (b"1", b"2")]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        seen.add(path.read_bytes())
    assert seen <= {letter * size for letter in (b"0", b"1", b"2")}
    assert len(seen) > 1
    assert os.listdir(tmp_path) == ["file"]


def test_a_failed_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")
    for step in ("fsync", "replace"):
        with monkeypatch.context() as patch:

            def fail(*args: object) -> None:
                raise OSError(errno.EIO, "Input/output error")

            patch.setattr(os, step, fail)
            with pytest.raises(OSError, match="Input/output error"):
                write_atomically(path, b"new")
        assert contents(tmp_path) == {"file": b"old"}
    write_atomically(path, b"new")
    assert contents(tmp_path) == {"file": b"new"}
    mask = os.umask(0o022)
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o666 & ~mask
