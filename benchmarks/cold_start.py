"""How long until training starts: importing, compiling for the first time, starting again.

Every figure is of fresh processes. A first run has an empty folder for compiled code
(NUMBA_CACHE_DIR); the later ones, interleaved, find there what the last of these left. "started" is
when the first compiled step of the main lesson's network has been taken. First runs of the course's
CNN take turns with its own: their difference is what its layers take to compile.
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

from machine import headline, print_table

BATCH = 32


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


def first_step(cache: str, network: str = "lesson") -> dict[str, float]:
    run = subprocess.run(
        [sys.executable, __file__, network],
        env=os.environ | {"NUMBA_CACHE_DIR": cache},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return dict(json.loads(run.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="processes per figure (7)")
    parser.add_argument("--first-runs", type=int, default=3, help="with an empty cache (3)")
    parser.add_argument("network", nargs="?", choices=["lesson", "cnn"], help="of each process")
    options = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # Python keeps bytecode if nobody forbids it
    if options.network:
        train_first_step(pictures=options.network == "cnn")
        return
    print(f"{headline()}\n")
    with tempfile.TemporaryDirectory(prefix="tinynet-cold-") as folder:
        caches = [f"{folder}/{number}" for number in range(options.first_runs)]
        first_runs, of_cnn = [], []
        for cache in caches:
            first_runs.append(first_step(cache))
            of_cnn.append(first_step(f"{cache}-cnn", "cnn"))
        rounds = []
        for _ in range(options.rounds):
            row = {f"import {m}": seconds_to_import(m) for m in ("numba", "tinynet", "torch")}
            again = first_step(caches[-1])
            rounds.append(row | again)
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
    more = sorted(b["started"] - a["started"] for a, b in zip(first_runs, of_cnn))
    spread = f"{more[0]:.1f} to {more[-1]:.1f}"
    print(f"the course's CNN starts later by: median {statistics.median(more):.1f} s, {spread} s")


if __name__ == "__main__":
    main()
