"""A learner's workbook: a folder with one file an exercise, and how far its owner has come.

Nothing in it is ever overwritten but ``progress.json``, which holds what was right when, how often
an exercise was tried, and how many hints were read; and what a check has made, by a later check.
"""

import datetime
import errno
import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from tinynet.support.atomic import write_atomically
from tinynet.workbook.children import MADE, Result, Task
from tinynet.workbook.ladder import EXERCISES, LADDER, Exercise
from tinynet.workbook.loading import NAME

PROGRESS = "progress.json"
CONFTEST = '''"""pytest grades the exercises in this folder: run ``pytest`` here."""

from tinynet.workbook.pytest_hooks import pytest_collect_file  # noqa: F401
'''


class Folder:
    """A workbook at `path`.

    Raises
    ------
    NotADirectoryError, FileNotFoundError
        By `opened`, if there is no workbook.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def opened(cls, path: Path) -> "Folder":
        """A workbook that is there."""
        if not path.exists():
            raise FileNotFoundError(
                errno.ENOENT,
                f"no such folder; python -m tinynet workbook {path} makes it",
                str(path),
            )
        if not cls(path).is_workbook():
            raise NotADirectoryError(
                errno.ENOTDIR,
                "no workbook; it has none of the exercises. Give the folder that "
                "python -m tinynet workbook wrote",
                str(path),
            )
        return cls(path)

    def is_workbook(self) -> bool:
        return any((self.path / exercise.file).is_file() for exercise in LADDER)

    def write(self) -> list[str]:
        """Make the folder and every file that is not there yet; return their names.

        Raises
        ------
        FileExistsError
            If there is a file of that name, or a folder with other things in it.
        """
        if self.path.exists() and not self.path.is_dir():
            raise FileExistsError(
                errno.EEXIST, "it is a file; give the name of a new folder", str(self.path)
            )
        if self.path.is_dir() and any(self.path.iterdir()) and not self.is_workbook():
            raise FileExistsError(
                errno.EEXIST,
                "it holds other files, and no workbook; give the name of a new folder",
                str(self.path),
            )
        self.path.mkdir(parents=True, exist_ok=True)
        files = {exercise.file: exercise.source for exercise in LADDER}
        files |= {"README.md": _readme(), "conftest.py": CONFTEST}
        written = []
        for name, text in files.items():
            with suppress(FileExistsError), open(self.path / name, "x", encoding="utf-8") as file:
                file.write(text)
                written.append(name)
        return written

    def reset(self, exercise: Exercise) -> Path | None:
        """Write an exercise anew; return where its old file stands now, beside the new one."""
        file, old = self.path / exercise.file, None
        if file.exists():
            old = next(
                path
                for count in range(1, 10_000)
                for path in [file.with_name(f"{file.stem}.old-{count}.py")]
                if not path.exists()
            )
            os.rename(file, old)
        with open(file, "x", encoding="utf-8") as new:
            new.write(exercise.source)
        return old

    def task(self, exercise: Exercise) -> Task:
        """What is needed to grade an exercise: all files as they are now."""
        return Task(str(self.path), exercise, self.files())

    def files(self) -> dict[str, bytes]:
        """Every exercise that is there, by its name."""
        return {
            path.name: path.read_bytes()
            for path in sorted(self.path.iterdir())
            if NAME.fullmatch(path.name) and path.is_file()
        }

    def put_back(self, files: dict[str, bytes]) -> list[str]:
        """Write again what an exercise has deleted; return the names."""
        gone = [name for name in files if not (self.path / name).exists()]
        for name in gone:
            self.path.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_bytes(files[name])
        return gone

    def take(self, result: Result) -> list[str]:
        """Put what a check has made into ``made/``; return what it leaves alone.

        A file is written anew only if it is as an earlier check left it.
        """
        if not result.made:
            return []
        known, left = self.progress(), []
        sums = known.setdefault(result.exercise.file, {}).setdefault("made", {})
        for name, content in result.made.items():
            file = self.path / MADE / name
            if os.path.lexists(file) and _sum(file) != sums.get(name, ""):
                left.append(f"{MADE}/{name}")
                continue
            file.parent.mkdir(exist_ok=True)
            write_atomically(file, content)
            sums[name] = _sum(file)
        self._store(known)
        return left

    def source(self, exercise: Exercise) -> str:
        """The learner's file; nothing if it is gone."""
        try:
            return (self.path / exercise.file).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""

    def progress(self) -> dict[str, dict[str, Any]]:
        """What is known of each exercise, by the name of its file.

        Raises
        ------
        OSError
            If the file was damaged; the message says what to do.
        """
        file = self.path / PROGRESS
        if not file.exists():
            return {}
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
            return {name: dict(found[name]) for name in found}
        except (ValueError, TypeError) as error:
            raise OSError(
                errno.EINVAL,
                f"damaged ({error}); move it away, progress then starts anew",
                str(file),
            ) from error

    def note(self, result: Result) -> None:
        """Keep what a check has found."""
        now = datetime.datetime.now().isoformat(timespec="seconds")
        known = self.progress()
        entry = known.setdefault(result.exercise.file, {})
        entry["tries"] = entry.get("tries", 0) + 1
        entry["state"], entry["checked"] = result.state, now
        if result.state == "right":
            entry.setdefault("right_since", now)
        else:
            entry.pop("right_since", None)
        self._store(known)

    def next_hint(self, exercise: Exercise) -> tuple[int, str]:
        """The next of the three hints, and its number; the last one again after all."""
        known = self.progress()
        entry = known.setdefault(exercise.file, {})
        entry["hints"] = min(entry.get("hints", 0) + 1, len(exercise.rung.hints))
        self._store(known)
        return entry["hints"], exercise.rung.hints[entry["hints"] - 1]

    def _store(self, known: dict[str, dict[str, Any]]) -> None:
        text = json.dumps(dict(sorted(known.items())), indent=1) + "\n"
        write_atomically(self.path / PROGRESS, text.encode())


def _sum(file: Path) -> str | None:
    """By which a file is known again; None of what is no file."""
    if file.is_symlink() or not file.is_file():
        return None
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _readme() -> str:
    """How a workbook works, and the map of its exercises."""
    text = (EXERCISES / "README.md").read_text(encoding="utf-8")
    rows = [f"| {e.number:02d} | [{e.title}]({e.file}) |" for e in LADDER]
    return text.replace("<!-- the map -->", "\n".join(["| | exercise |", "| --- | --- |", *rows]))
