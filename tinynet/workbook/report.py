"""What a check says: a table of all exercises, one exercise in full, or JSON for teachers."""

import importlib
import inspect
import textwrap
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from tinynet.workbook import solutions
from tinynet.workbook.children import MADE, Result
from tinynet.workbook.grading import Verdict
from tinynet.workbook.ladder import Exercise
from tinynet.workbook.proof import RIGHT, UNWRITTEN

WIDTH = 88


def table(results: Sequence[Result]) -> str:
    """One line for each exercise, and how many are right."""
    titles = [f"{r.exercise.number:02d}  {r.exercise.title}" for r in results]
    width = max(map(len, titles))
    lines = []
    for title, result in zip(titles, results, strict=True):
        worst, state = result.worst, result.state
        words = worst.mistake if worst is not None and state != UNWRITTEN else ""
        room = max(30, WIDTH - width - 17)
        lines.append(f"{title:<{width}}  {state:<11}  {textwrap.shorten(words, room)}".rstrip())
    right = sum(result.state == RIGHT for result in results)
    return "\n".join([*lines, "", f"{right} of {len(results)} right"])


def in_full(result: Result, source: str) -> str:
    """Every claim of one exercise, and of each that fails the mistake and where it shows.

    Parameters
    ----------
    result : Result
    source : str
        The learner's file, in which the lecture's lines are counted.
    """
    exercise = result.exercise
    lines, told = [f"{exercise.file}: {exercise.title}"], set[str]()
    for verdict in result.verdicts:
        lines.append(f"  {verdict.state:<11}  {verdict.claim}")
        if verdict.mistake in told:
            lines += _wrapped("the same mistake as above")
        else:
            lines += _details(verdict, exercise, source)
        told |= {verdict.mistake} - {""}
    if result.uses and result.state not in (RIGHT, UNWRITTEN):
        lines += ["", f"It uses {', '.join(result.uses)}: what is wrong there, is wrong here."]
    if result.printed.strip():
        lines += ["", "printed:", textwrap.indent(result.printed.rstrip(), "  ")]
    if result.after:
        lines += ["", result.after.rstrip()]
    return "\n".join(lines)


def _details(verdict: Verdict, exercise: Exercise, source: str) -> Iterator[str]:
    if verdict.state in (RIGHT, UNWRITTEN):
        return
    at = f" ({verdict.line})" if verdict.line else ""
    yield from _wrapped(verdict.mistake + at)
    if verdict.wanted:
        yield from _wrapped(f"{verdict.place}: got {verdict.got}, expected {verdict.wanted}")
    if verdict.example:
        yield from _wrapped("the smallest example that fails:")
        yield textwrap.indent(verdict.example, " " * 17)
    if verdict.read:
        line, words = exercise.statement(verdict.read, source)
        where = f", line {line}" if line else ""
        yield from _wrapped(f"read again ({verdict.read}) in {exercise.file}{where}: {words}")


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH + 10, initial_indent=" " * 15, subsequent_indent=" " * 15,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def as_data(result: Result, source: str) -> dict[str, Any]:
    """A result for programs: plain dicts, lists, strings and numbers."""
    verdicts = []
    for verdict in result.verdicts:
        entry = asdict(verdict)
        if verdict.read:
            line, words = result.exercise.statement(verdict.read, source)
            entry["read"] = {"statement": verdict.read, "line": line, "words": words}
        else:
            entry["read"] = None
        verdicts.append(entry)
    return {
        "number": result.exercise.number,
        "file": result.exercise.file,
        "title": result.exercise.title,
        "state": result.state,
        "seconds": round(result.seconds, 3),
        "claims": verdicts,
        "uses": result.uses,
        "printed": result.printed,
        "after": result.after,
        "made": [f"{MADE}/{name}" for name in result.made],
    }


def solution(exercise: Exercise) -> str:
    """The library's own lines for an exercise; where it has none, the reference solution."""
    blocks = []
    for name in exercise.rung.library:
        module, _, path = name.partition(":")
        found: Any = importlib.import_module(module)
        for part in path.split("."):
            found = getattr(found, part)
        found = inspect.unwrap(getattr(found, "equation", found))
        lines, first = inspect.getsourcelines(found)
        blocks.append(f"# {module.replace('.', '/')}.py, line {first}\n" + _dedented(lines))
    return "\n\n".join(block.rstrip() for block in blocks) or reference(exercise)


def reference(exercise: Exercise, without: Collection[str] = ()) -> str:
    """The reference solution of an exercise, as a learner could have written it.

    Parameters
    ----------
    exercise : Exercise
    without : collection of str
        The parts to leave out.
    """
    names = [name for name in exercise.parts if name not in without]
    parts = [inspect.getsource(getattr(solutions, name)).rstrip() for name in names]
    imports = ["from numba import njit"] if any("@njit" in part for part in parts) else []
    return "\n\n\n".join([*imports, *parts])


def _dedented(lines: Sequence[str]) -> str:
    return textwrap.dedent("".join(lines))
