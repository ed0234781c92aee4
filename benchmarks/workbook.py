"""How long the workbook takes to answer: from a cold start, one exercise, a class of thirty.

A cold start has neither compiled kernels nor bytecode. The thirty workbooks are those of a class at
work: in each, most exercises are solved, some are not written yet, and some are wrong, with the
mistakes of ``tests/support/wrong_solutions``. The exercise that trains is timed apart.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from machine import headline, print_table

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))
from wrong_solutions import tries_of

from tinynet.workbook.folder import Folder
from tinynet.workbook.ladder import LADDER
from tinynet.workbook.report import reference

LEARNERS = 30


def of_learner(k, exercise):
    """What learner `k` has made of an exercise: right, wrong or nothing yet."""
    if (k + exercise.number) % 6 == 0:
        tries = tries_of(exercise.name)
        return exercise.filled(
            f"import numpy as np\nfrom numba import njit\n{tries[k % len(tries)].source}"
        )
    if exercise.number > 10 + k % 14:
        return exercise.source
    return exercise.filled(reference(exercise))


def seconds_of(*words, **environment):
    """How long a command takes, as a whole process."""
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "tinynet", "workbook", *map(str, words)],
        env=os.environ | environment,
        stdout=subprocess.DEVNULL,
        check=False,  # 1: an exercise is wrong
    )
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="of each measurement (3)")
    parser.add_argument("--learners", type=int, default=LEARNERS, help=f"in a class ({LEARNERS})")
    options = parser.parse_args()
    graded = [exercise for exercise in LADDER if not exercise.rung.trains]
    training = [exercise for exercise in LADDER if exercise.rung.trains]
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        workbook = Folder(place / "solved")
        workbook.write()
        for exercise in LADDER:
            (workbook.path / exercise.file).write_text(exercise.filled(reference(exercise)))
        for k in range(options.learners):
            folder = Folder(place / "class" / f"learner_{k:02d}")
            folder.write()
            for exercise in LADDER:
                (folder.path / exercise.file).write_text(of_learner(k, exercise))
        cold = [
            seconds_of(
                *("check", workbook.path, "05"),
                NUMBA_CACHE_DIR=str(place / f"kernels-{k}"),
                PYTHONPYCACHEPREFIX=str(place / f"bytecode-{k}"),
            )
            for k in range(options.rounds)
        ]
        warm = {
            e.file: [seconds_of("check", workbook.path, e.number) for _ in range(options.rounds)]
            for e in LADDER
        }
        of_class = seconds_of("grade", place / "class", *(e.number for e in graded))
    print(f"{headline()}\n")
    slowest = max((e.file for e in graded), key=lambda file: statistics.median(warm[file]))
    rows = [
        ["first check, from a cold start", *_cells(cold)],
        *([f"check of {e.file}, which trains", *_cells(warm[e.file])] for e in training),
        [f"slowest other check, {slowest}", *_cells(warm[slowest])],
        ["check of 05_dW.py", *_cells(warm["05_dW.py"])],
        [
            f"grade {options.learners} workbooks, {len(graded)} exercises each",
            f"{of_class:.1f}",
            "",
        ],
    ]
    print_table(["what", "seconds", "from, to"], rows)


def _cells(seconds):
    return f"{statistics.median(seconds):.2f}", f"{min(seconds):.2f}, {max(seconds):.2f}"


if __name__ == "__main__":
    main()
