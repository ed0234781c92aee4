"""Run all lessons, one per core, as notebooks; renew what they print and draw; print one table.

``python examples/run_all.py`` takes some minutes, and renews notebooks, gallery and README; with
names of lessons, such as ``07_write_your_own_layer``, it runs these alone. If a lesson fails, the
exit code is 1, and nothing is renewed. With ``--readme`` it runs none, and writes the README with
what is stored: the figures of the notebooks, and those of ``benchmarks/lessons.py``. With
``--seeds 0 1 2`` it runs the scripts for each of these seeds, renews nothing, and shows what came
out beside each other.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from course import course_table
from entries import ENTRIES, Result
from make_notebooks import (
    EXAMPLES,
    GALLERY,
    LessonFailed,
    colab_link,
    outputs_of,
    run_notebook,
    store,
    stored,
)
from nbformat import NotebookNode

README = EXAMPLES / "README.md"
MEASURED = EXAMPLES.parent / "benchmarks" / "results"
COURSE_TITLE = "## The course's notebooks on MNIST, and the lessons that reproduce them"
TRANSCRIPTS = "## Three exercises of the workbook, as a learner goes through them"
MARKS = "<!-- made by run_all.py: begin -->", "<!-- made by run_all.py: end -->"


class Run(NamedTuple):
    """One lesson's run: its notebook, None if it failed, what it printed, and its figures."""

    notebook: NotebookNode | None
    text: str
    seconds: float
    figures: Path


def run(name: str, folder: Path) -> Run:
    """Run one lesson in a folder of its own."""
    start = time.perf_counter()
    figures = folder / name / "figures"
    notebook, text = None, ""
    try:
        notebook = run_notebook(name, folder / name)
        text = outputs_of(notebook)[0]
    except LessonFailed as failure:
        print(f"{name} failed:\n{failure}", file=sys.stderr)
        notebook = None
    return Run(notebook, text, time.perf_counter() - start, figures)


def measured_claims(output: str) -> dict[str, str]:
    """Read the table that ends a lesson: claim -> measured value."""
    _, _, table = output.partition("\nclaim ")
    rows = (
        re.match(r"(.+?)  +(\S+)  .*  (holds|FAILS|not judged)$", row) for row in table.split("\n")
    )
    return {row[1]: row[2] for row in rows if row}


def pytorch(name: str, result: Result) -> str:
    """PyTorch's figures for a claim, one for each seed, as ``benchmarks/lessons.py`` has them."""
    path = MEASURED / f"{name}.json"
    measured = json.loads(path.read_text(encoding="utf-8"))["measured"] if path.exists() else {}
    values = (f"{value:.2f}" for value in measured.get(result.claim, ()))
    return ", ".join(values) or result.pytorch


def section(name: str, claims: dict[str, str]) -> str:
    """Write a lesson's part of the gallery."""
    entry = ENTRIES[name]
    title = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines()[1]
    rows = "\n".join(
        f"| {result.claim} | {claims[result.claim]} | {result.course} | {pytorch(name, result)} |"
        for result in entry.results
    )
    notebook = f"[notebook](notebooks/{name}.ipynb)"
    if colab := colab_link(name):
        notebook += f", [on Colab]({colab})"
    return f"""\
## {name[:2]} {title}

**{entry.question}** Script [{name}.py]({name}.py), {notebook}.

![{title}](gallery/{name[:2]}_{entry.figure}.png)

| result | tinynet | course | PyTorch |
| --- | --- | --- | --- |
{rows}
"""


def transcripts() -> str:
    """What lesson 27 prints of its exercises: skeleton, wrong try, message, hint, right try."""
    printed = outputs_of(stored("27_workbook"))[0]
    exercises, _, _ = printed[printed.index("=== ") :].partition("\nclaim ")
    exercises = exercises[: exercises.rindex("right  ")]  # what follows is the network's
    return f"{TRANSCRIPTS}\n\n````text\n{exercises.strip()}\n````"


def readme() -> str:
    """The README, with the figures of all stored notebooks."""
    claims = {name: measured_claims(outputs_of(stored(name))[0]) for name in ENTRIES}

    def figures(name: str, claim: str) -> tuple[str, str]:
        return claims[name][claim], pytorch(name, Result(claim))

    parts = [COURSE_TITLE, course_table(figures)]
    parts += [section(name, claims[name]).strip() for name in ENTRIES]
    parts += [transcripts()]
    begin, end = MARKS
    before, _, rest = README.read_text(encoding="utf-8").partition(begin)
    _, _, after = rest.partition(end)
    body = "\n\n".join(parts)
    return f"{before}{begin}\n\n{body}\n\n{end}{after}"


def renew(name: str, done: Run) -> None:
    """Store a lesson's notebook, and its picture in the gallery."""
    store(name, done.notebook)
    picture = f"{name[:2]}_{ENTRIES[name].figure}.png"
    shutil.copy(done.figures / picture, GALLERY / picture)


def run_script(name: str, seed: int, folder: Path) -> tuple[str, bool]:
    """Run one lesson as a script; what it printed, and whether its claims held."""
    start = time.perf_counter()
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--seed", str(seed)]
    command += ["--figures", str(folder / f"{name}-{seed}")]
    done = subprocess.run(command, capture_output=True, text=True)
    verdict = "FAILS" if done.returncode else "holds"
    print(f"{name}, seed {seed}: {verdict} ({time.perf_counter() - start:.0f} s)", flush=True)
    if done.returncode:
        print(done.stdout[-2000:] + done.stderr, file=sys.stderr)
    return done.stdout, not done.returncode


def compare_seeds(names: list[str], seeds: list[int]) -> int:
    """Run the scripts for several seeds, and print their results beside each other."""
    tasks = [(name, seed) for name in names for seed in seeds]
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        done = dict(zip(tasks, pool.map(lambda task: run_script(*task, Path(folder)), tasks)))
    claims = {task: measured_claims(text) for task, (text, _) in done.items()}
    columns = "".join(f"{f'seed {seed}':>10}" for seed in seeds)
    print(f"\n{'lesson':<26} {'result':<60}{columns}  {'course':<19}  PyTorch")
    for name in names:
        for result in ENTRIES[name].results:
            values = (claims[name, seed].get(result.claim, "") for seed in seeds)
            cells = "".join(f"{value:>10}" for value in values)
            theirs = f"{result.course:<19}  {pytorch(name, result)}"
            print(f"{name:<26} {result.claim:<60}{cells}  {theirs}")
    return 0 if all(held for _, held in done.values()) else 1


def main() -> None:
    """Run the lessons; renew what belongs to them if none failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="lesson", help="only these; all if none")
    parser.add_argument("--seeds", nargs="+", type=int, help="as scripts, for each of these seeds")
    parser.add_argument("--readme", action="store_true", help="write the README anew, run nothing")
    options = parser.parse_args()
    names = options.lessons or list(ENTRIES)
    if unknown := set(names) - set(ENTRIES):
        parser.error(f"no lesson {', '.join(sorted(unknown))}; there are {', '.join(ENTRIES)}")
    if options.seeds:
        sys.exit(compare_seeds(names, options.seeds))
    if options.readme:
        README.write_text(readme(), encoding="utf-8")
        return
    table, runs = [], {}
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, done in zip(names, pool.map(lambda name: run(name, Path(folder)), names)):
            verdict = "FAILS" if done.notebook is None else "holds"
            print(f"{name}: {verdict} ({done.seconds:.0f} s)", flush=True)
            runs[name] = done
        if failed := [name for name, done in runs.items() if done.notebook is None]:
            sys.exit(f"failed: {', '.join(failed)}")
        for name, done in runs.items():
            claims = measured_claims(done.text)
            table += [(name, result, claims[result.claim]) for result in ENTRIES[name].results]
            renew(name, done)

    README.write_text(readme(), encoding="utf-8")
    print(f"\n{'lesson':<26} {'result':<60} {'tinynet':>8}  {'course':<19}  PyTorch")
    for name, result, value in table:
        theirs = f"{result.course:<19}  {pytorch(name, result)}"
        print(f"{name:<26} {result.claim:<60} {value:>8}  {theirs}")
    print(f"{time.perf_counter() - start:.0f} seconds in all, on {os.cpu_count()} cores")
    print(f"renewed: {README}, {GALLERY}, and the notebooks")


if __name__ == "__main__":
    main()
