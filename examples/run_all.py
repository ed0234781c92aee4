"""Run all lessons as the site does; renew what they print and draw; print one table of claims.

``python examples/run_all.py`` builds the site into ``site/``, for which sphinx-gallery runs every
lesson, and then renews what is stored of them: what they print (``results/``), the pictures of the
gallery, and README. It takes some minutes; with names of lessons, such as
``07_write_your_own_layer``, it runs these alone, and builds no site. If a lesson fails, the exit
code is 1, and nothing is renewed. With ``--readme`` it runs none, and writes the README with what
is stored. With ``--seeds 0 1 2`` it runs the scripts for each of these seeds, renews nothing, and
shows what came out beside each other.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from course import course_table
from entries import ENTRIES, Result

EXAMPLES = Path(__file__).parent
ROOT = EXAMPLES.parent
RESULTS, GALLERY, README = EXAMPLES / "results", EXAMPLES / "gallery", EXAMPLES / "README.md"
MEASURED = ROOT / "benchmarks" / "results"
LESSONS, MADE = ROOT / "docs" / "lessons", ROOT / "docs" / "made"
"""Where the site has a page for each lesson, and its figures."""

COURSE_TITLE = "## The course's notebooks on MNIST, and the lessons that reproduce them"
TRANSCRIPTS = "## Three exercises of the workbook, as a learner goes through them"
MARKS = "<!-- made by run_all.py: begin -->", "<!-- made by run_all.py: end -->"
PRINTED = re.compile(
    r"^\.\. rst-class:: sphx-glr-script-out\n\n \.\. code-block:: none\n\n((?: {4}.*\n|\s*\n)+)",
    re.MULTILINE,
)


def printed(page: str) -> str:
    """What a lesson prints, read from the page that sphinx-gallery has made of it."""
    parts = (textwrap.dedent(part).rstrip("\n") for part in PRINTED.findall(page))
    return "\n".join(parts) + "\n"


def stored(name: str) -> str:
    """What a lesson prints, as it is in the repository."""
    return (RESULTS / f"{name}.txt").read_text(encoding="utf-8")


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
    """Write a lesson's part of the README."""
    entry = ENTRIES[name]
    title = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8").splitlines()[1]
    rows = "\n".join(
        f"| {result.claim} | {claims[result.claim]} | {result.course} | {pytorch(name, result)} |"
        for result in entry.results
    )
    return f"""\
## {name[:2]} {title}

**{entry.question}** Script [{name}.py]({name}.py), [what it prints](results/{name}.txt).

![{title}](gallery/{name[:2]}_{entry.figure}.png)

| result | tinynet | course | PyTorch |
| --- | --- | --- | --- |
{rows}
"""


def transcripts() -> str:
    """What lesson 27 prints of its exercises: skeleton, wrong try, message, hint, right try."""
    text = stored("27_workbook")
    exercises, _, _ = text[text.index("=== ") :].partition("\nclaim ")
    exercises = exercises[: exercises.rindex("right  ")]  # what follows is the network's
    return f"{TRANSCRIPTS}\n\n````text\n{exercises.strip()}\n````"


def readme() -> str:
    """The README, with the figures of what is stored."""
    claims = {name: measured_claims(stored(name)) for name in ENTRIES}

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


def build(names: list[str], site: Path) -> None:
    """Build the site; of the lessons, run those named.

    Raises
    ------
    SystemExit
        If a lesson fails, or Sphinx warns.
    """
    settings = {
        "sphinx_gallery_conf.run_stale_examples": "1",
        "sphinx_gallery_conf.filename_pattern": rf"/({'|'.join(names)})\.py$",
    }
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "-c", "docs", ".", str(site)]
    command += [word for key, value in settings.items() for word in ("-D", f"{key}={value}")]
    if subprocess.run(command, cwd=ROOT, check=False).returncode:
        sys.exit("failed: see above")


def renew(name: str) -> None:
    """Store what a lesson has printed, and its picture in the gallery."""
    page = (LESSONS / f"{name}.rst").read_text(encoding="utf-8")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.txt").write_text(printed(page), encoding="utf-8")
    picture = f"{name[:2]}_{ENTRIES[name].figure}.png"
    shutil.copy(MADE / name / picture, GALLERY / picture)


def run_script(name: str, seed: int, folder: Path) -> tuple[str, bool]:
    """Run one lesson as a script; what it printed, and whether its claims held."""
    start = time.perf_counter()
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), "--seed", str(seed)]
    command += ["--figures", str(folder / f"{name}-{seed}")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
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
    print_table(names, {f"seed {s}": {n: claims[n, s] for n in names} for s in seeds})
    return 0 if all(held for _, held in done.values()) else 1


def print_table(names: list[str], columns: dict[str, dict[str, dict[str, str]]]) -> None:
    """Print the claims of lessons, a column for each run, beside the course's and PyTorch's."""
    heads = "".join(f"{head:>10}" for head in columns)
    print(f"\n{'lesson':<26} {'result':<60}{heads}  {'course':<19}  PyTorch")
    for name in names:
        for result in ENTRIES[name].results:
            values = (claims[name].get(result.claim, "") for claims in columns.values())
            cells = "".join(f"{value:>10}" for value in values)
            theirs = f"{result.course:<19}  {pytorch(name, result)}"
            print(f"{name:<26} {result.claim:<60}{cells}  {theirs}")


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
    if not options.readme:
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as nowhere:
            build(names, Path(nowhere) if options.lessons else ROOT / "site")
        for name in names:
            renew(name)
        print_table(names, {"tinynet": {name: measured_claims(stored(name)) for name in names}})
        print(f"{time.perf_counter() - start:.0f} seconds in all, on {os.cpu_count()} cores")
    README.write_text(readme(), encoding="utf-8")


if __name__ == "__main__":
    main()
