"""pytest for a workbook: each claim of each exercise is a test.

The workbook's own ``conftest.py`` imports the hook, so that no other run of pytest has it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tinynet.workbook.children import Result, graded
from tinynet.workbook.folder import Folder
from tinynet.workbook.grading import Verdict
from tinynet.workbook.ladder import BY_FILE, Exercise
from tinynet.workbook.proof import RIGHT, UNWRITTEN
from tinynet.workbook.report import in_full


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "ExerciseFile | None":
    """Take the file of an exercise; pytest calls this for every file."""
    if file_path.name not in BY_FILE:
        return None
    return ExerciseFile.from_parent(parent, path=file_path)


class ExerciseFile(pytest.File):
    """An exercise: it is graded once, in a child, when its first claim is asked for."""

    _result: Result | None = None

    @property
    def exercise(self) -> Exercise:
        return BY_FILE[self.path.name]

    def collect(self) -> "Iterator[ClaimItem]":
        for claim in self.exercise.rung.claims:
            yield ClaimItem.from_parent(self, name=claim.title)

    def result(self) -> Result:
        """What grading has found."""
        if self._result is None:
            folder = Folder(self.path.parent)
            task = folder.task(self.exercise)
            ((_, self._result),) = graded([task])
            folder.put_back(dict(task.files))
            folder.take(self._result)
        return self._result


class ClaimItem(pytest.Item):
    """A claim as a test."""

    def runtest(self) -> None:
        result = self._exercise_file().result()
        states = {verdict.claim: verdict for verdict in result.verdicts}
        verdict = states.get(self.name) or result.worst
        if verdict is None or verdict.state != RIGHT:
            raise ClaimFailed(verdict)

    def repr_failure(
        self, excinfo: "pytest.ExceptionInfo[BaseException]", style: object = None
    ) -> str:
        """The words for the mistake, in the place of a traceback."""
        if not isinstance(excinfo.value, ClaimFailed):
            return str(super().repr_failure(excinfo))
        verdict, file = excinfo.value.verdict, self._exercise_file()
        if verdict is None or verdict.state == UNWRITTEN:
            return f"{file.exercise.file}: not written yet"
        alone = Result(file.exercise, [verdict], printed=file.result().printed)
        return in_full(alone, Folder(self.path.parent).source(file.exercise))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}: {self.name}"

    def _exercise_file(self) -> ExerciseFile:
        assert isinstance(self.parent, ExerciseFile)
        return self.parent


class ClaimFailed(Exception):
    """A claim that does not hold; None: it was not reached."""

    def __init__(self, verdict: Verdict | None) -> None:
        super().__init__(verdict)
        self.verdict = verdict
