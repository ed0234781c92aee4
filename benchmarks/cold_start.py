"""How long until training starts: importing, compiling for the first time, starting again.

Every figure is of fresh processes. A first run has an empty folder for compiled code
(NUMBA_CACHE_DIR); the later ones, interleaved, find there what the last of these left. "started" is
when the first compiled step of the main lesson's network has been taken. First runs of the course's
CNN take turns with its own: their difference is what its layers take to compile. "first forward
pass" is another process: import tinynet, make the network, and have its output of 32 digits. The
main lesson, `python examples/03_ffn_on_mnist.py`, is timed from beginning to end; first_figure.py
installs before, and tells when there is a first figure.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

from machine import headline, parse, print_table
from processors import add_keep, keep

BATCH = 32
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"


def first_forward() -> None:
    """Import tinynet, make the main lesson's network, and have its output of a batch."""
    start = time.perf_counter()
    import numpy as np

    import tinynet as tn

    layers: list[tn.Module] = []
    for I, O in pairwise((784, 64, 32, 32, 10)):
        layers += [tn.Linear(I, O, rng=0), tn.ReLU()]
    layers[-1] = tn.LogSoftmax()
    tn.Sequential(*layers)(np.ones((BATCH, 784), np.float32))
    print(json.dumps({"first forward pass": time.perf_counter() - start}))


def train_first_step(pictures: bool) -> None:
    """Import tinynet, load the digits, take one compiled step, then use everything else once."""
    times = {}
    start = time.perf_counter()
    import numpy as np

    import tinynet as tn

    times["import"] = time.perf_counter() - start
    digits = tn.datasets.mnist_small()
    X, y = tn.data.minmax_scale(digits.images), digits.labels
    times["digits loaded"] = time.perf_counter() - start
    rng = np.random.default_rng(0)
    layers: list[tn.Module] = []
    if pictures:
        layers = [tn.Unflatten(1, (1, 28, 28))]
        for C, O in ((1, 10), (10, 20)):
            convolution = tn.Conv2d(C, O, 5, padding=1, rng=rng)
            layers += [convolution, tn.MaxPool2d(2), tn.ReLU()]
        layers.append(tn.Flatten())
    sizes = (500, 50, 10) if pictures else (784, 64, 32, 32, 10)
    for I, O in pairwise(sizes):
        layers += [tn.Linear(I, O, rng=rng), tn.ReLU()]
    layers[-1] = tn.LogSoftmax()
    net, loss_fn = tn.Sequential(*layers), tn.NLLLoss()
    optimizer = tn.SGD(net.parameters(), lr=0.01)
    loader = tn.DataLoader(X[:BATCH], y[:BATCH], batch_size=BATCH, rng=0)
    before_fit = time.perf_counter()
    tn.fit(net, loss_fn, optimizer, loader, progress=False, compiled=True)
    times["started"] = time.perf_counter() - start
    times["first step"] = time.perf_counter() - before_fit
    tn.fit(net, loss_fn, optimizer, loader, progress=False, compiled=False)
    tn.evaluate(net, loss_fn, X[-2000:], y[-2000:])
    times["all used once"] = time.perf_counter() - start
    print(json.dumps(times))


def seconds_to_import(module: str) -> float:
    code = f"import time; t = time.perf_counter(); import {module}; print(time.perf_counter() - t)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return float(run.stdout)


def in_process(part: str, cache: str) -> dict[str, float]:
    run = subprocess.run(
        [sys.executable, __file__, part],
        env=os.environ | {"NUMBA_CACHE_DIR": cache},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return dict(json.loads(run.stdout.splitlines()[-1]))


def whole_lesson(lesson: str, cache: str) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as figures:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, str(EXAMPLES / lesson), "--figures", figures],
            env=os.environ | {"NUMBA_CACHE_DIR": cache},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=True,
        )
        return {lesson: time.perf_counter() - start}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="processes per figure (7)")
    parser.add_argument("--first-runs", type=int, default=3, help="with an empty cache (3)")
    parser.add_argument("--lesson", default="03_ffn_on_mnist.py", help="that runs as a whole")
    parser.add_argument("part", nargs="?", choices=["lesson", "cnn", "forward"], help="one process")
    add_keep(parser)
    options = parse(parser)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # Python keeps bytecode if nobody forbids it
    if options.part == "forward":
        first_forward()
        return
    if options.part:
        train_first_step(pictures=options.part == "cnn")
        return
    lesson = options.lesson
    print(f"{headline()}\n")
    with tempfile.TemporaryDirectory(prefix="tinynet-cold-") as folder:
        caches = [f"{folder}/{number}" for number in range(options.first_runs)]
        first_runs, of_cnn = [], []
        for cache in caches:
            forward = in_process("forward", f"{cache}-forward")
            whole = whole_lesson(lesson, f"{cache}-lesson")
            first_runs.append(in_process("lesson", cache) | forward | whole)
            of_cnn.append(in_process("cnn", f"{cache}-cnn"))
        rounds = []
        for _ in range(options.rounds):
            row = {f"import {m}": seconds_to_import(m) for m in ("numba", "tinynet", "torch")}
            row |= in_process("lesson", caches[-1])
            row |= in_process("forward", f"{caches[-1]}-forward")
            rounds.append(row | whole_lesson(lesson, f"{caches[-1]}-lesson"))
    rows = []
    first = {name: statistics.median(run[name] for run in first_runs) for name in first_runs[0]}
    for name in rounds[0]:
        values = [row[name] for row in rounds]
        spread = (f"{t:.2f}" for t in (statistics.median(values), min(values), max(values)))
        rows.append((name, f"{first[name]:.2f}" if name in first else "", *spread))
    print_table(("seconds", "first run: median", "later: median", "min", "max"), rows)
    ratio = statistics.median(row["import tinynet"] / row["import numba"] for row in rounds)
    print(f"import tinynet / import numba, median of the rounds' ratios: {ratio:.2f}")
    later = statistics.median(row["all used once"] for row in rounds)
    compiling = sorted(run["all used once"] - later for run in first_runs)
    spread = f"{compiling[0]:.1f} to {compiling[-1]:.1f} s in {len(compiling)} first runs"
    print(f"compiling, in a first run: median {statistics.median(compiling):.1f} s, {spread}")
    keep(
        {
            "compiling": f"{statistics.median(compiling):.1f} s",
            "forward": f"{first['first forward pass']:.1f} s",
            "running": f"{first['started']:.1f} s",
            "lesson": f"{first[lesson] - statistics.median(row[lesson] for row in rounds):.1f} s",
        },
        options.keep,
    )
    more = sorted(b["started"] - a["started"] for a, b in zip(first_runs, of_cnn))
    spread = f"{more[0]:.1f} to {more[-1]:.1f}"
    print(f"the course's CNN starts later by: median {statistics.median(more):.1f} s, {spread} s")


if __name__ == "__main__":
    main()
