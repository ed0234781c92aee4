"""Whether a file is whole, old or new, whatever strikes while it is replaced.

The code under test is a string that defines ``write(path, which)``, for two different contents, and
``read(path)``, which raises unless the file is whole. It runs in a process of its own.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import tinynet

WRITING = "support/atomic"  # whose lines are struck: those that touch files, or all
SAVING = " ".join(
    [WRITING]
    + [f"formats/{name}" for name in ("safetensors", "serialization", "checkpoint")]
    + ["formats/checkpoint_parts"]
)

START = """
import os, pathlib, signal, sys
import numpy as np
import tinynet as tn
package, root = pathlib.Path(tn.__file__).parent, pathlib.Path(sys.argv[1])
TRACED = {str(package / f"{name}.py") for name in sys.argv[2].split()}

def struck_at(line, strike, action):
    "Run `action`; strike at the `line`-th line of the traced modules that it comes to."
    seen = 0
    def trace(frame, event, arg):
        nonlocal seen
        if frame.f_code.co_filename not in TRACED:
            return None
        if event == "line":
            seen += 1
            if seen == line:
                strike()
        return trace
    sys.settrace(trace)
    try:
        action()
    finally:
        sys.settrace(None)

def forked(action):
    child = os.fork()
    if child == 0:
        try:
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""

STRIKES = """
path, contents = root / "file", []
for which in (1, 0):
    write(path, which)
    contents.append(path.read_bytes())
new, old = contents
assert new != old

def check(leftovers):
    content = path.read_bytes()
    assert content in (old, new)
    read(path)
    parts = [name for name in os.listdir(root) if name != "file"]
    assert len(parts) <= leftovers and all(name.endswith(".part") for name in parts), parts
    for name in parts:
        os.unlink(root / name)
    path.write_bytes(old)
    return content == new

struck = replaced = 0
while True:
    line = struck + 1
    if sys.argv[3] == "kill":
        kill = lambda: os.kill(os.getpid(), signal.SIGKILL)
        code = forked(lambda: struck_at(line, kill, lambda: write(path, 1)))
        done, leftovers = code == 0, 1
        assert code in (0, -signal.SIGKILL), code
    else:
        done, leftovers = True, 0
        try:
            struck_at(line, lambda: os.kill(os.getpid(), signal.SIGINT), lambda: write(path, 1))
        except KeyboardInterrupt:
            done = False
    is_new = check(leftovers)
    if done:
        assert is_new
        break
    struck += 1
    replaced += is_new
print(struck, replaced)
"""


def run_in_process(code: str, *arguments: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(Path(tinynet.__file__).parents[1])}
    command = [sys.executable, "-c", START + code, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def kills_at_every_line(code: str, root: Path, modules: str) -> tuple[int, int]:
    """Kill -9 at every line; return how often, and after how many the new file was there."""
    return _struck(code, root, modules, "kill")


def interrupted_at_every_line(code: str, root: Path, modules: str) -> tuple[int, int]:
    """Ctrl-C at every line, after which nothing else may be left in the folder."""
    return _struck(code, root, modules, "interrupt")


def _struck(code: str, root: Path, modules: str, how: str) -> tuple[int, int]:
    output = run_in_process(code + STRIKES, str(root), modules, how)
    struck, replaced = map(int, output.split())
    return struck, replaced


@contextlib.contextmanager
def small_disk(folder: Path, options: str = "size=64k") -> Iterator[Path]:
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def errors_in_a_full_folder(
    tmp_path: Path, write: Callable[[Path], None], write_too_much: Callable[[Path], None]
) -> int | None:
    """The errno of writing too much to a small disk; the earlier file must be as it was."""
    with small_disk(tmp_path / "disk") as disk:
        path = disk / "file"
        write(path)
        before = path.read_bytes()
        with pytest.raises(OSError) as caught:
            write_too_much(path)
        assert path.read_bytes() == before
        assert os.listdir(disk) == ["file"]
        write(path)
    return caught.value.errno
