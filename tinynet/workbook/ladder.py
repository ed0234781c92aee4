"""The exercises in their order: the folder ``exercises/`` is the list.

``exercises/05_dW.py`` is what the learner gets: lecture and skeleton. ``rungs/dW.py`` says how it
is graded, and ``solutions.py`` defines the same names rightly.
"""

import ast
import importlib
import re
from functools import cached_property
from pathlib import Path

from tinynet.workbook.rung import Rung

EXERCISES = Path(__file__).parent / "exercises"

DEFINITION = ast.FunctionDef | ast.ClassDef


class Exercise:
    """One exercise as it stands in the package.

    Attributes
    ----------
    number : int
    name, file : str
        ``dW`` and ``05_dW.py``.
    source : str
        The text of the file: a lecture, and a skeleton with gaps.
    """

    def __init__(self, path: Path) -> None:
        self.file = path.name
        self.number, self.name = int(path.stem[:2]), path.stem[3:]
        self.source = path.read_text(encoding="utf-8")

    @property
    def lecture(self) -> str:
        return ast.get_docstring(ast.parse(self.source)) or ""

    @property
    def title(self) -> str:
        return self.lecture.splitlines()[0]

    @property
    def parts(self) -> tuple[str, ...]:
        """The functions and classes that the file must define."""
        body = ast.parse(self.source).body
        return tuple(n.name for n in body if isinstance(n, DEFINITION))

    def filled(self, source: str) -> str:
        """The file with the functions and classes of `source` in the place of its own.

        What else stands at the top of `source`, such as an import, goes in front of them.
        """
        given, lines = ast.parse(source), self.source.splitlines()
        own = {n.name: n for n in ast.parse(self.source).body if isinstance(n, DEFINITION)}
        new = {n.name: n for n in given.body if isinstance(n, DEFINITION)}
        for name, node in reversed(own.items()):
            if name in new:
                lines[_first_line(node) - 1 : node.end_lineno] = _lines(source, new[name])
        others = [n for n in given.body if not isinstance(n, DEFINITION) or n.name not in own]
        first = min(map(_first_line, own.values())) - 1
        lines[first:first] = [line for node in others for line in [*_lines(source, node), ""]]
        return "\n".join(lines) + "\n"

    @cached_property
    def rung(self) -> Rung:
        """How it is graded; needs hypothesis."""
        return importlib.import_module(f"tinynet.workbook.rungs.{self.name}").RUNG

    def statement(self, number: int, source: str) -> tuple[int, str]:
        """The line in `source` where the lecture's statement `number` begins, 0 if it is gone.

        The statement itself is the one in the package.
        """
        mark = f"({number}) "
        words = self.lecture[self.lecture.index(mark) + len(mark) :]
        words = re.split(r"\n\s*\n|\n\(\d+\) ", words)[0]
        lines = [n for n, line in enumerate(source.splitlines(), 1) if line.startswith(mark)]
        return (lines or [0])[0], " ".join(words.split())


def _first_line(node: ast.stmt) -> int:
    """Where a statement begins, its decorators included."""
    return min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])


def _lines(source: str, node: ast.stmt) -> list[str]:
    return source.splitlines()[_first_line(node) - 1 : node.end_lineno]


LADDER = tuple(map(Exercise, sorted(EXERCISES.glob("[0-9][0-9]_*.py"))))

BY_FILE = {exercise.file: exercise for exercise in LADDER}


def chosen(words: list[str]) -> list[Exercise]:
    """The exercises that are named by number, by name or by file; all of them if there is none.

    Raises
    ------
    ValueError
        If there is no such exercise; the message lists them.
    """
    found = []
    for word in words:
        stem = Path(word).name.removesuffix(".py")
        fits = [
            exercise
            for exercise in LADDER
            if stem in (exercise.name, f"{exercise.number:02d}_{exercise.name}")
            or (stem.isdecimal() and int(stem) == exercise.number)
        ]
        if not fits:
            numbers = f"{LADDER[0].number:02d} to {LADDER[-1].number:02d}"
            raise ValueError(f"there is no exercise {word!r}; they are numbered {numbers}")
        found += [exercise for exercise in fits if exercise not in found]
    return found or list(LADDER)
