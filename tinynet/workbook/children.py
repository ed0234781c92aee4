"""Exercises are graded in child processes, so that none can harm another, or the grader.

Each child is forked from this process, in which everything is imported already. It works in a
folder of its own, on copies of the learner's files, with bounds on time, memory and what it prints.
What it finds, it appends to a file, line by line; how it ends does not matter.
"""

import faulthandler
import gc
import io
import json
import multiprocessing
import os
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

from threadpoolctl import threadpool_limits

from tinynet.workbook.grading import LOADS, Verdict, grade, too_long
from tinynet.workbook.ladder import BY_FILE, Exercise
from tinynet.workbook.proof import RIGHT, STOPPED, UNWRITTEN, WRONG, warm_up

GRACE = 3.0
"""Seconds that a child has after its alarm, before it is killed."""

MEMORY, FILE = 4 << 30, 8 << 20
"""Bytes that a child may allocate beyond what it starts with, and that one file may have."""

MADE, MOST = "made", 8
"""The folder whose files a check leaves for the learner, and how many there may be."""

SHOWN = 4000
"""The characters that are shown of what an exercise prints."""


class Task(NamedTuple):
    """An exercise to grade, and the files it may need: name and content."""

    owner: str
    exercise: Exercise
    files: Mapping[str, bytes]


@dataclass
class Result:
    """What came of one exercise.

    Attributes
    ----------
    exercise : Exercise
    verdicts : list of Verdict
        One for each claim that was tried.
    uses : list of str
        The files of earlier exercises that it used.
    after : str
        What was measured or made once all claims held.
    made : dict of str to bytes
        The files that were made then.
    printed : str
        What the exercise printed.
    seconds : float
    """

    exercise: Exercise
    verdicts: list[Verdict] = field(default_factory=list)
    uses: list[str] = field(default_factory=list)
    after: str = ""
    made: dict[str, bytes] = field(default_factory=dict)
    printed: str = ""
    seconds: float = 0.0

    @property
    def state(self) -> str:
        """``right``, ``wrong``, ``not written`` or ``stopped``: the worst of its claims."""
        states = [verdict.state for verdict in self.verdicts] or [UNWRITTEN]
        return next(s for s in (STOPPED, WRONG, UNWRITTEN, RIGHT) if s in states)

    @property
    def worst(self) -> Verdict | None:
        """The first claim that does not hold; one that is wrong before one not yet written."""
        bad = [v for v in self.verdicts if v.state in (STOPPED, WRONG)]
        unwritten = [v for v in self.verdicts if v.state == UNWRITTEN]
        return next(iter(bad + unwritten), None)


def graded(tasks: Iterable[Task], jobs: int = 1) -> Iterator[tuple[Task, Result]]:
    """Grade every task, `jobs` of them at a time; each result as soon as it is there.

    Each child computes with one thread: several that wait for each other in a fork are slow.
    """
    warm_up()
    waiting, running = iter(tasks), list[_Child]()
    with tempfile.TemporaryDirectory(prefix="workbook-") as folder, threadpool_limits(1):
        try:
            while True:
                while len(running) < jobs and (task := next(waiting, None)) is not None:
                    running.append(_Child(task, Path(tempfile.mkdtemp(dir=folder))))
                if not running:
                    return
                wait([child.process.sentinel for child in running], timeout=0.2)
                for child in [child for child in running if child.is_over()]:
                    running.remove(child)
                    yield child.task, child.result()
        finally:
            for child in running:
                child.kill()


class _Child:
    """One process that grades one exercise."""

    def __init__(self, task: Task, folder: Path) -> None:
        self.task, self.folder = task, folder
        self.work = folder / "work"
        self.work.mkdir()
        for name, content in task.files.items():
            (self.work / name).write_bytes(content)
        kind = "fork" if sys.platform == "linux" else "spawn"
        context: Any = multiprocessing.get_context(kind)
        process = context.Process(
            target=_grade_here, args=(task.exercise.file, self.work, folder), daemon=False
        )
        with warnings.catch_warnings():  # of BLAS's threads, which the child does not use
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        self.process: BaseProcess = process
        self.start, self.late = time.monotonic(), False

    def is_over(self) -> bool:
        if self.process.exitcode is not None:
            return True
        self.late = time.monotonic() - self.start > self.task.exercise.rung.seconds + GRACE
        if self.late:
            self.kill()
        return self.late

    def kill(self) -> None:
        """End the process and what it has started."""
        if hasattr(os, "killpg") and self.process.pid is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
        self.process.kill()
        self.process.join()

    def result(self) -> Result:
        code, seconds = self.process.exitcode, time.monotonic() - self.start
        self.kill()
        result = Result(self.task.exercise, seconds=seconds)
        running = LOADS
        for what, value in self._lines():
            if what == "claim":
                running = value
            elif what == "verdict":
                result.verdicts.append(Verdict(**value))
                running = ""
            elif what == "uses":
                result.uses = value
            elif what == "after":
                result.after, result.made = value, self._made()
            elif what == "end":
                running = ""
        printed = self.folder / "printed.txt"
        if printed.exists():
            text = printed.read_text(encoding="utf-8", errors="replace")
            result.printed = text if len(text) <= SHOWN else f"{text[:SHOWN]}\n..."
        if running:
            limit = self.task.exercise.rung.seconds
            words = too_long(limit) if self.late else f"it ends the process ({_ending(code)})"
            result.verdicts.append(Verdict(running, STOPPED, words, named=True))
        shutil.rmtree(self.folder, ignore_errors=True)
        return result

    def _made(self) -> dict[str, bytes]:
        folder = self.work / MADE
        files = sorted(folder.iterdir()) if folder.is_dir() and not folder.is_symlink() else []
        files = [file for file in files if file.is_file() and not file.is_symlink()]
        return {file.name: file.read_bytes() for file in files[:MOST]}

    def _lines(self) -> Iterator[tuple[str, Any]]:
        """What the child has written; lines that it did not finish are left out."""
        file = self.folder / "results.txt"
        for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
            with suppress(ValueError):
                yield tuple(json.loads(line))


def _ending(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"exit code {code}"


def _grade_here(name: str, work: Path, folder: Path) -> None:
    """The program of a child."""
    results, write = folder / "results.txt", os.write

    def say(what: str, value: Any) -> None:
        file = os.open(results, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        write(file, (json.dumps([what, value]) + "\n").encode())
        os.close(file)

    if hasattr(os, "setsid"):
        os.setsid()
        os.register_at_fork(after_in_child=lambda: os._exit(0))  # one that forks would grade twice
        gc.freeze()  # what was imported is not searched for garbage: a sixth of a short check
    printed = os.open(folder / "printed.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(printed, stream)
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(n, "w", closefd=False), encoding="utf-8") for n in (1, 2)
    )
    faulthandler.disable()  # or a crash would be told where the parent's own are
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.chdir(work)
    sys.path.insert(0, str(work))
    _bound()
    grade(BY_FILE[name], work / name, say)
    say("end", None)
    with suppress(OSError, ValueError):
        sys.stdout.flush()


def _bound() -> None:
    """Bounds on memory and on files, where the system knows them."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
        resource.setrlimit(resource.RLIMIT_FSIZE, (FILE, FILE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
