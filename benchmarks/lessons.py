"""What PyTorch reaches in the lessons: `python benchmarks/lessons.py 18_more_data --seeds 0 1 2`.

For each lesson here, ``lessons/`` has a file of the same name that does in PyTorch what the lesson
does, and measures what the lesson claims. What it measured is kept in ``results/``, from where
``examples/run_all.py`` takes its column *PyTorch*.
"""

import argparse
import json
import sys
import time
from importlib import import_module
from pathlib import Path

import torch
from machine import describe, headline, print_table

HERE = Path(__file__).parent
LESSONS = sorted(path.stem for path in (HERE / "lessons").glob("[0-9]*.py"))


def measure(name: str, seeds: list[int]) -> dict[str, list[float]]:
    """Each claim of a lesson, measured for each seed."""
    lesson = import_module(name)
    runs = []
    for seed in seeds:
        torch.manual_seed(seed)
        start = time.perf_counter()
        runs.append(lesson.measure(seed))
        print(f"{name}, seed {seed}: {time.perf_counter() - start:.0f} s", file=sys.stderr)
    return {claim: [run[claim] for run in runs] for claim in runs[0]}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("lessons", nargs="*", metavar="lesson", help="only these; all if none")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    options = parser.parse_args()
    names = options.lessons or LESSONS
    if unknown := set(names) - set(LESSONS):
        parser.error(f"no lesson {', '.join(sorted(unknown))}; there are {', '.join(LESSONS)}")
    sys.path.insert(0, str(HERE / "lessons"))
    print(f"{headline()}\n")
    rows = []
    for name in names:
        measured = measure(name, options.seeds)
        kept = {"machine": describe(), "seeds": options.seeds, "measured": measured}
        path = HERE / "results" / f"{name}.json"
        path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        rows += [(name, claim, *(f"{v:.2f}" for v in values)) for claim, values in measured.items()]
    print_table(("lesson", "PyTorch", *(f"seed {seed}" for seed in options.seeds)), rows)


if __name__ == "__main__":
    main()
