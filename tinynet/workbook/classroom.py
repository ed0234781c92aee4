"""Many workbooks at once: a folder with one workbook for each learner, and a table of them all."""

import csv
import errno
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from tinynet.workbook.children import Result, Task, graded
from tinynet.workbook.folder import Folder
from tinynet.workbook.ladder import Exercise
from tinynet.workbook.proof import RIGHT, UNWRITTEN

Grades = dict[str, list[Result]]
"""The results of each learner, in the order of the exercises."""


def workbooks_in(path: Path) -> list[Folder]:
    """The workbooks that stand in a folder, by name.

    Raises
    ------
    FileNotFoundError
        If there are none.
    """
    found = [Folder(p) for p in sorted(path.iterdir()) if p.is_dir()] if path.is_dir() else []
    found = [folder for folder in found if folder.is_workbook()]
    if not found:
        raise FileNotFoundError(
            errno.ENOENT,
            "no folder in it is a workbook; give the folder that holds one for each learner",
            str(path),
        )
    return found


def grade_all(
    folders: Sequence[Folder],
    exercises: Sequence[Exercise],
    jobs: int,
    tell: Callable[[str, Result], None],
) -> Grades:
    """Grade every workbook, `jobs` exercises at a time; `tell` hears of each result."""
    held = {folder.path.name: folder.files() for folder in folders}
    tasks = [Task(name, exercise, files) for name, files in held.items() for exercise in exercises]
    found: dict[tuple[str, int], Result] = {}
    for task, result in graded(tasks, jobs):
        found[task.owner, task.exercise.number] = result
        tell(task.owner, result)
    for folder in folders:
        folder.put_back(held[folder.path.name])
    return {name: [found[name, e.number] for e in exercises] for name in held}


def write_csv(grades: Grades, exercises: Sequence[Exercise], file: TextIO) -> None:
    """One row for each learner: how many are right, and what is to be said of each exercise."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["workbook", "right", "of", *(e.file.removesuffix(".py") for e in exercises)])
    for name, results in grades.items():
        right = sum(result.state == RIGHT for result in results)
        writer.writerow([name, right, len(results), *map(_cell, results)])


def _cell(result: Result) -> str:
    worst = result.worst
    if worst is None or result.state == UNWRITTEN:
        return result.state
    return f"{result.state}: {worst.mistake}"
