"""From clone to the first figure, as one who has never had tinynet here: seconds for each part.

In a temporary folder, the repository is cloned, and the README's lesson command is run word for
word, with empty caches for pip, Numba, matplotlib and the rest; the bytecode is compiled anew, too.
A second environment of the same clone then finds pip's downloads, so that what the network takes
stands apart. With ``--at`` the same is done for other commits, in turns: old ones must have a
README with that command. What is not committed is not cloned.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from machine import headline, print_table

REPOSITORY = Path(__file__).resolve().parents[1]
COMMAND = re.compile(r"<!-- lesson command -->\n```bash\n(.+)\n```")
CURVES = "03_learning_curves.png"  # the figure that the README shows
CACHES = ("XDG_CACHE_HOME", "PIP_CACHE_DIR", "NUMBA_CACHE_DIR", "MPLCONFIGDIR")
SETTINGS = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHOME", "VIRTUAL_ENV", "TINYNET_KERNELS")
PARTS = (
    *("git clone", "virtual environment", "pip install, nothing downloaded yet"),
    *("lesson: until its first figure", "lesson: until the learning curves"),
    *("lesson: until it ends", "from clone to the first figure", "from clone to the end"),
    "pip install again, downloads at hand",
)


def lesson_command(readme: str) -> tuple[str, str, str]:
    """The three parts of the README's command: environment, installation, lesson."""
    found = COMMAND.search(readme)
    parts = found[1].split(" && ") if found else []
    if len(parts) != 3:
        sys.exit("error: this README has no lesson command of three parts joined by &&")
    return parts[0], parts[1], parts[2]


def empty_caches(folder: Path) -> dict[str, str]:
    """The environment of a process whose caches are in `folder`, where there are none yet."""
    kept = {name: value for name, value in os.environ.items() if name not in SETTINGS}
    return kept | {name: str(folder / name.lower()) for name in CACHES}


def seconds_of(command: str, folder: Path, env: dict[str, str]) -> float:
    """Run a line of the shell, and wait for it."""
    start = time.perf_counter()
    done = subprocess.run(
        command, shell=True, cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        sys.exit(f"error: {command}\n{done.stdout}{done.stderr}")
    return time.perf_counter() - start


def seconds_to_figures(command: str, folder: Path, env: dict[str, str]) -> tuple[float, ...]:
    """Run a lesson: until there is a first figure, until the learning curves, until it ends."""
    start, seen = time.perf_counter(), dict[str, float]()
    with tempfile.TemporaryFile("w+") as output:
        running = subprocess.Popen(
            command, shell=True, cwd=folder, env=env, stdout=output, stderr=output
        )
        while running.poll() is None:
            for path in (folder / "figures").glob("*.png"):
                seen.setdefault(path.name, time.perf_counter() - start)
            time.sleep(0.02)
        end = time.perf_counter() - start
        if running.returncode != 0 or CURVES not in seen:
            output.seek(0)
            sys.exit(f"error: {command}\n{output.read()}")
    return min(seen.values()), seen[CURVES], end


def measure(commit: str) -> Iterator[float]:
    """The seconds of each of PARTS, for one commit."""
    with tempfile.TemporaryDirectory(prefix="tinynet-first-") as name:
        folder = Path(name)
        clone, env = folder / "tinynet", empty_caches(folder)
        line = f"git clone --quiet --no-local '{REPOSITORY}' tinynet"
        line += f" && git -C tinynet checkout --quiet --detach {commit}"
        cloned = seconds_of(line, folder, env)
        make, install, lesson = lesson_command((clone / "README.md").read_text(encoding="utf-8"))
        made = seconds_of(make, clone, env)
        installed = seconds_of(install, clone, env)
        first, curves, end = seconds_to_figures(lesson, clone, env)
        before = cloned + made + installed
        yield from (cloned, made, installed, first, curves, end, before + first, before + end)
        seconds_of(f"rm -r .venv && {make}", clone, env)
        yield seconds_of(install, clone, env)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--at", action="append", metavar="COMMIT", help="instead of HEAD, or more")
    parser.add_argument("--rounds", type=int, default=1, help="of all commits in turns (1)")
    options = parser.parse_args()
    names = {}
    for commit in options.at or ["HEAD"]:
        line = ["git", "-C", str(REPOSITORY), "rev-parse", "--verify", f"{commit}^{{commit}}"]
        found = subprocess.run(line, capture_output=True, text=True, check=False)
        if found.returncode != 0:
            sys.exit(f"error: {commit} is no commit of this repository")
        names[found.stdout.strip()] = commit
    print(f"{headline()}\n", flush=True)
    runs: dict[str, list[list[float]]] = {commit: [] for commit in names}
    for _ in range(options.rounds):
        for commit in names:
            runs[commit].append(list(measure(commit)))
    columns = [
        [f"{statistics.median(run[k] for run in found):.1f}" for k in range(len(PARTS))]
        for found in runs.values()
    ]
    print_table(("seconds", *names.values()), list(zip(PARTS, *columns, strict=True)))


if __name__ == "__main__":
    main()
