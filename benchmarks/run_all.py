"""Run all benchmarks, or those named, and put what they print into README.md beside this file.

Their ratios are kept by processor (processors.py), and the table of docs/benchmarks.md is written
from these; ``--tables`` does that alone.
"""

import re
import subprocess
import sys
from pathlib import Path

import processors

HERE = Path(__file__).parent
COMMANDS = (
    "training.py",
    "pictures",
    "learned.py",
    "kernels.py",
    "avx2",
    "ladder.py",
    "convolutions.py",
    "cold_start.py",
    "workbook.py",
    "growth.py",
    "estimator.py",
    "scaling.py",
    "lab.py",
)
COMMANDS += ("first_figure.py",)
BEFORE = "73e2cb9"  # the last commit of version 0.2
PROGRAMS = {
    "training.py": ("training.py", "--keep"),
    "pictures": ("training.py", "--pictures", "--keep"),
    "kernels.py": ("kernels.py", "--keep"),
    "avx2": ("kernels.py", "--as", "avx2", "--only", "lesson", "wide", "--keep"),
    "convolutions.py": ("convolutions.py", "--keep"),
    "cold_start.py": ("cold_start.py", "--keep"),
    "growth.py": ("growth.py", "--keep"),
    "estimator.py": ("estimator.py", "--keep"),
    "first_figure.py": ("first_figure.py", "--at", BEFORE, "--at", "HEAD", "--rounds", "3"),
}


def put(page: Path, name: str, text: str) -> None:
    """Write the text between the page's two marks of that name."""
    begin, end = f"<!-- begin {name} -->", f"<!-- end {name} -->"
    written, found = re.subn(
        f"{begin}.*{end}",
        lambda _: f"{begin}\n{text.strip()}\n{end}",
        page.read_text(encoding="utf-8"),
        flags=re.DOTALL,
    )
    if not found:
        sys.exit(f"error: {page} has no place for {name}: {begin} and {end}")
    page.write_text(written, encoding="utf-8")


def main() -> None:
    tables_only = sys.argv[1:] == ["--tables"]
    commands = () if tables_only else tuple(sys.argv[1:]) or COMMANDS
    for command in commands:
        if command not in COMMANDS:
            sys.exit(f"error: {command} is not one of {', '.join(COMMANDS)}, or --tables alone")
    for command in commands:
        print(f"{command} ...", file=sys.stderr)
        program, *arguments = PROGRAMS.get(command, (command,))
        run = subprocess.run(
            [sys.executable, str(HERE / program), *arguments],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        put(HERE / "README.md", command, run.stdout)
    put(HERE.parent / "docs" / "benchmarks.md", "processors", processors.table())


if __name__ == "__main__":
    main()
