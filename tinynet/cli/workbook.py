"""``workbook``: write a workbook of exercises, check it, or grade those of a class."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tinynet.workbook.children import Result
    from tinynet.workbook.folder import Folder
    from tinynet.workbook.ladder import Exercise

USAGE = """python -m tinynet workbook DIR [--reset 04]
       python -m tinynet workbook check DIR [04 ...] [--hint | --solution] [--jobs N] [--json]
       python -m tinynet workbook grade FOLDER [04 ...] [--csv FILE] [--jobs N] [--json]"""


def add_to(commands: Any) -> None:
    """The command for the workbook."""
    parser = commands.add_parser(
        "workbook",
        usage=USAGE,
        help="exercises in which you write each gradient, and have every mistake named",
        description="Write a workbook into a new folder; check the exercises in it, all or those "
        "that are named; or grade a folder that holds one workbook for each learner. Files that "
        "are there are never overwritten.",
        epilog="exit codes: 0 what was asked for is done, or right; 1 an exercise is wrong or not "
        "written yet, or a file cannot be used; 2 a command that cannot be understood",
    )
    parser.add_argument("words", nargs="+", metavar="DIR", help="see above; ./check is a folder")
    parser.add_argument(
        "--reset", metavar="04", help="write an exercise anew; its old file is kept beside it"
    )
    parser.add_argument("--hint", action="store_true", help="show the next of three hints")
    parser.add_argument("--solution", action="store_true", help="show the library's own lines")
    parser.add_argument("--json", action="store_true", help="results as JSON")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the grades of a class")
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="exercises at a time; default: one for each core"
    )
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """Write, check or grade."""
    if find_spec("hypothesis") is None:
        raise ModuleNotFoundError(
            "the workbook needs hypothesis, which is not installed; pip install hypothesis"
        )
    os.environ.setdefault("HYPOTHESIS_NO_PLUGINS", "1")  # other packages' take long to import
    first, *rest = options.words
    commands = {"check": check, "grade": grade}
    if first in commands and not rest:
        options.parser.error(f"{first} needs a folder: {USAGE}")
    allowed = {
        "check": {"hint", "solution", "json", "jobs"},
        "grade": {"csv", "json", "jobs"},
    }.get(first, {"reset"})
    given = {
        name
        for name in ("reset", "hint", "solution", "json", "csv", "jobs")
        if getattr(options, name) not in (None, False)
    }
    if given - allowed:
        options.parser.error(f"--{min(given - allowed)} does not go with {first}")
    if options.jobs is not None and options.jobs < 1:
        options.parser.error(f"--jobs {options.jobs}: give a whole number from 1 up")
    options.jobs = options.jobs or os.cpu_count() or 1
    if first in commands:
        return commands[first](options, Path(rest[0]), rest[1:])
    if rest:
        options.parser.error(f"unexpected {rest[0]}; usage: {USAGE}")
    return write(options, Path(first))


def write(options: argparse.Namespace, path: Path) -> int:
    """Write what is not there, or one exercise anew."""
    from tinynet.workbook.folder import Folder
    from tinynet.workbook.ladder import LADDER

    if options.reset:
        folder = Folder.opened(path)
        for exercise in _chosen(options, [options.reset]):
            old = folder.reset(exercise)
            print(f"{path / exercise.file} is as new" + (f"; yours is {old}" if old else ""))
        return 0
    written = Folder(path).write()
    if not written:
        print(f"{path} has all its files; nothing was written")
        return 0
    print(
        f"{path}: {len(written)} files, {len(LADDER)} exercises. Begin with README.md and "
        f"{LADDER[0].file};\npython -m tinynet workbook check {path} {LADDER[0].number:02d} says "
        "whether it is right."
    )
    return 0


def check(options: argparse.Namespace, path: Path, words: Sequence[str]) -> int:
    """Grade exercises, give a hint, or show a solution."""
    from tinynet.workbook.folder import Folder
    from tinynet.workbook.report import solution

    exercises, folder = _chosen(options, words), Folder.opened(path)
    if options.hint or options.solution:
        if len(exercises) != 1:
            options.parser.error("--hint and --solution are of one exercise; give its number")
        if options.solution:
            print(solution(exercises[0]))
        else:
            number, words_of_hint = folder.next_hint(exercises[0])
            print(f"hint {number} of {len(exercises[0].rung.hints)}: {words_of_hint}")
        return 0
    return _check(options, folder, exercises, in_detail=bool(words))


def _check(
    options: argparse.Namespace,
    folder: "Folder",
    exercises: "Sequence[Exercise]",
    in_detail: bool,
) -> int:
    from tinynet.workbook.children import graded
    from tinynet.workbook.proof import RIGHT, UNWRITTEN
    from tinynet.workbook.report import as_data, in_full, table

    files = folder.files()
    results: dict[int, Result] = {}
    for task, result in graded([folder.task(e) for e in exercises], options.jobs):
        results[task.exercise.number] = result
        folder.note(result)
        for name in folder.take(result):
            print(
                f"note: {folder.path / name} is not from an earlier check, so it stays as it is; "
                "move it away to get a new one",
                file=sys.stderr,
            )
        for name in folder.put_back(files):
            print(f"note: {task.exercise.file} deleted {name}; it was put back", file=sys.stderr)
    ordered = [results[exercise.number] for exercise in exercises]
    if options.json:
        data = [as_data(r, folder.source(r.exercise)) for r in ordered]
        print(json.dumps(data, indent=1))
    elif in_detail:
        print("\n\n".join(in_full(r, folder.source(r.exercise)) for r in ordered))
    else:
        print(table(ordered))
        wrong = next((r for r in ordered if r.state not in (RIGHT, UNWRITTEN)), None)
        if wrong is not None:
            print(f"\n{in_full(wrong, folder.source(wrong.exercise))}")
    return 0 if all(result.state == RIGHT for result in ordered) else 1


def grade(options: argparse.Namespace, path: Path, words: Sequence[str]) -> int:
    """Grade the workbooks of a class."""
    from tinynet.workbook.classroom import grade_all, workbooks_in, write_csv
    from tinynet.workbook.proof import RIGHT
    from tinynet.workbook.report import as_data

    exercises, folders = _chosen(options, words), workbooks_in(path)
    done = 0

    def tell(owner: str, result: "Result") -> None:
        nonlocal done
        done += 1
        if sys.stderr.isatty():
            print(f"\r{done} of {len(folders) * len(exercises)}", end="", file=sys.stderr)

    grades = grade_all(folders, exercises, options.jobs, tell)
    if options.csv is not None:
        with open(options.csv, "w", encoding="utf-8", newline="") as file:
            write_csv(grades, exercises, file)
    if options.json:
        data = {name: [as_data(r, "") for r in results] for name, results in grades.items()}
        print(json.dumps(data, indent=1))
    else:
        width = max(map(len, grades))
        for name, results in grades.items():
            right = sum(result.state == RIGHT for result in results)
            print(f"{name:<{width}}  {right:>2} of {len(results)} right")
    return 0


def _chosen(options: argparse.Namespace, words: Sequence[str]) -> "list[Exercise]":
    from tinynet.workbook.ladder import chosen

    try:
        return chosen(list(words))
    except ValueError as error:
        raise SystemExit(options.parser.error(str(error))) from error
