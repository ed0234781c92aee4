"""Run all benchmarks, or those named, and put what they print into README.md beside this file."""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
COMMANDS = (
    "training.py",
    "pictures",
    "learned.py",
    "kernels.py",
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
    "pictures": ("training.py", "--pictures"),
    "first_figure.py": ("first_figure.py", "--at", BEFORE, "--at", "HEAD", "--rounds", "3"),
}


def main() -> None:
    commands = sys.argv[1:] or COMMANDS
    for command in commands:
        if command not in COMMANDS:
            sys.exit(f"error: {command} is not one of {', '.join(COMMANDS)}")
    for command in commands:
        print(f"{command} ...", file=sys.stderr)
        program, *arguments = PROGRAMS.get(command, (command,))
        run = subprocess.run(
            [sys.executable, str(HERE / program), *arguments],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        readme = HERE / "README.md"
        begin, end = f"<!-- begin {command} -->", f"<!-- end {command} -->"
        text, found = re.subn(
            f"{begin}.*{end}",
            lambda _, run=run, begin=begin, end=end: f"{begin}\n{run.stdout.strip()}\n{end}",
            readme.read_text(),
            flags=re.DOTALL,
        )
        if not found:
            sys.exit(f"error: {readme} has no place for {command}: {begin} and {end}")
        readme.write_text(text)


if __name__ == "__main__":
    main()
