"""Mistakes that people make, written as they write them: one file an exercise.

Each is refused by the grader, which names it; ``tools/test_workbook.py`` asserts that. A `Try`
should be written in another way than the mistake in ``tinynet/workbook/rungs/``, for what is named
is what it does.
"""

import importlib
from typing import NamedTuple


class Try(NamedTuple):
    """A wrong solution.

    Attributes
    ----------
    title : str
        What is wrong with it, for those who read the tests.
    source : str
        The parts that are wrong; the others are right.
    says : str
        Words of the message that name the mistake. Empty: it has no name.
    place : str
        Where the message says that it shows, such as ``dW``; for one without a name.
    seen : str
        Where people made this mistake.
    """

    title: str
    source: str
    says: str = ""
    place: str = ""
    seen: str = ""


def tries_of(name: str) -> tuple[Try, ...]:
    """The wrong solutions of an exercise."""
    return importlib.import_module(f"wrong_solutions.{name}").TRIES
