"""Networks for pictures beside PyTorch and JAX: `python benchmarks/training.py --pictures`.

The rounds are those of training.py: all peers are kept alive, and each trains an epoch in turn. In
every round each predicts one digit some hundred times, too. What a training step takes of memory is
measured in processes of its own, one after the other.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from contest import EPOCHS, HERE, THREADS, Failed, Process, Results, figures_printed, measure
from machine import describe, headline, print_table
from processors import keep

PATIENCE = 240  # seconds; JAX's epoch takes half a minute, its compiler's not counted
ACCURACY_BAND = 1.0  # percentage points from tinynet's
LOSS_BAND = 0.15  # share of tinynet's loss: over orders of the digits, it varies by a twentieth
MANY = 1024  # digits at once, of which the arrays of a step are most of what is seen


class Contest(NamedTuple):
    """A network, and who learns it: tinynet's peer, PyTorch's, and others."""

    title: str
    digits: int
    batch: int
    ours: str
    torch: str
    others: tuple[str, ...] = ()

    @property
    def peers(self) -> tuple[str, ...]:
        return (self.ours, self.torch, *self.others)


CONTESTS = (
    Contest(
        "The course's CNN: Conv2d 1-10-20 (5 x 5, padding 1), Linear 500-50-10, batches of 32",
        *(18_000, 32, "tinynet_fit_cnn", "pytorch_cnn", ("jax_scan_cnn",)),
    ),
    Contest(
        "LeNet-5: Conv2d 1-6-16 (5 x 5), Linear 256-120-84-10, batches of 128",
        *(60_000, 128, "tinynet_fit_lenet", "pytorch_lenet"),
    ),
)
NAMES = {
    "tinynet_fit_cnn": "tinynet, `tn.fit`",
    "pytorch_cnn": "PyTorch, bare tensors",
    "jax_scan_cnn": "JAX, jitted lax.scan",
    "tinynet_fit_lenet": "tinynet, `tn.fit`",
    "pytorch_lenet": "PyTorch, bare tensors",
}
ONE, ALL = THREADS  # thread settings

KEPT = {
    "CNN: PyTorch, better / fit, default": "cnn, torch",
    "CNN: JAX, better / fit, default": "cnn, jax",
    "LeNet-5: PyTorch, default / fit, default": "lenet, torch",
}
"""The ratios that are kept by processor, and their names there."""
Measured = dict[tuple[str, str], Process]
Keys = list[tuple[str, str]]
Ratio = tuple[str, str, Keys, Keys, str]


def faults(processes: list[Process]) -> list[str]:
    """Who has not learned what tinynet has learned."""
    found = []
    for contest in CONTESTS:
        ours = [p for p in processes if p.peer == contest.ours]
        for p in (p for p in processes if ours and p.peer in contest.peers[1:]):
            losses = [each.losses[EPOCHS - 1] for each in (p, ours[0])]
            who = f"{p.peer} ({p.threads})"
            if not abs(p.accuracy - ours[0].accuracy) <= ACCURACY_BAND:
                found.append(
                    f"{who}: accuracy {p.accuracy:.2f} %, tinynet's {ours[0].accuracy:.2f}"
                )
            if not abs(losses[0] - losses[1]) <= LOSS_BAND * losses[1]:
                found.append(f"{who}: loss {losses[0]:.4f}, tinynet's {losses[1]:.4f}")
    return found


def print_results(results: Results, rounds: int) -> None:
    measured = {(p.peer, p.threads): p for p in results.processes}
    print(f"\n{headline()}\n")
    for contest in CONTESTS:
        rows = list(_rows(contest, measured))
        if rows:
            print(f"### {contest.title}\n")
            print(f"Seconds per epoch of {contest.digits:,} digits, {rounds} interleaved rounds:\n")
            times = ("median", "min", "max", "/ fit, 1 thread", "/ fit, default")
            each = ("digits per second", "one digit (us)", "loss", "accuracy (%)")
            print_table(("peer", "threads", *times, *each), rows)
    print("### What is asked of them\n")
    print_table(("ratio, in the same rounds", "median", "min / min", "asked for"), _asked(measured))
    print(
        "Default: as many threads as there are cores. One digit: a prediction of one. Loss of the\n"
        "fifth epoch, accuracy on 2,000 other digits after it. LeNet-5's 60,000 digits are the\n"
        "18,000, repeated.\n"
    )
    for who, why in results.skipped.items():
        print(f"skipped: {who}: {why}")


def _rows(contest: Contest, measured: Measured) -> Iterable[tuple[object, ...]]:
    ours = [measured.get((contest.ours, threads)) for threads in THREADS]
    for (peer, threads), p in measured.items():
        if peer in contest.peers:
            median = statistics.median(p.seconds)
            times = (f"{t:.3f}" for t in (median, min(p.seconds), max(p.seconds)))
            ratios = (f"{median / statistics.median(o.seconds):.2f}" if o else "" for o in ours)
            digit = f"{statistics.median(p.predictions) * 1e6:.1f}"
            learned = (f"{p.losses[EPOCHS - 1]:.4f}", f"{p.accuracy:.2f}")
            speed = f"{contest.digits / median:,.0f}"
            yield (NAMES[peer], threads, *times, *ratios, speed, digit, *learned)


def _asked(measured: Measured) -> Iterable[tuple[str, ...]]:
    """What the tables are for: who is how many times faster than whom, and than is asked."""
    cnn, lenet = CONTESTS

    def of(peer: str, *threads: str) -> list[tuple[str, str]]:
        return [(peer, each) for each in threads or THREADS]

    def epochs(what: str, above: Keys, below: Keys, asked: str = "") -> Ratio:
        return (what, "seconds", above, below, asked)

    ours, theirs, jax = cnn.peers
    ratios = [
        epochs("CNN: PyTorch, 1 thread / fit, 1 thread", of(theirs, ONE), of(ours, ONE), ">= 3"),
        epochs("CNN: PyTorch, default / fit, default", of(theirs, ALL), of(ours, ALL), ">= 2"),
        epochs("CNN: PyTorch, better / fit, default", of(theirs), of(ours, ALL)),
        epochs("CNN: JAX, better / fit, default", of(jax), of(ours, ALL)),
        ("CNN: one digit, PyTorch / tinynet", "predictions", of(theirs), of(ours), ">= 3"),
    ]
    for threads in THREADS:
        pair = of(lenet.torch, threads), of(lenet.ours, threads)
        ratios.append(epochs(f"LeNet-5: PyTorch, {threads} / fit, {threads}", *pair))
    for what, times, *keys, asked in ratios:
        sides = [
            [getattr(measured[key], times) for key in some if key in measured] for some in keys
        ]
        if all(sides):  # of several thread settings, the better one
            both = [[min(map(f, side)) for f in (statistics.median, min)] for side in sides]
            yield (what, *(f"{a / b:.2f}" for a, b in zip(*both)), asked)
    if p := measured.get((lenet.ours, ONE)):
        speeds = (lenet.digits / f(p.seconds) for f in (statistics.median, min))
        yield ("LeNet-5: digits per second and core", *(f"{s:,.0f}" for s in speeds), ">= 15,000")


def print_memory(contests: Iterable[Contest], runs: int) -> dict[str, Any]:
    """A table of what a step's arrays take, at one thread; return its figures."""
    rows, figures = [], {}
    for contest in contests:
        for batch in (contest.batch, MANY):
            pair = []
            for peer in (contest.ours, contest.torch):
                try:
                    pair.append(statistics.median(_memory(peer, batch) for _ in range(runs)))
                except Failed as error:
                    print(f"skipped: memory of {peer}: {error}", file=sys.stderr)
            if len(pair) == 2:
                title = contest.title.partition(":")[0]
                asked = "<= 1.5" if batch == MANY else ""
                ratio = f"{pair[0] / pair[1]:.2f}" if pair[1] else ""
                rows.append((title, batch, *(f"{each:.1f}" for each in pair), ratio, asked))
                figures[f"{title}, {batch} digits"] = pair
    if rows:
        print("### Memory of a training step\n")
        columns = ("tinynet (MiB)", "PyTorch (MiB)", "tinynet / PyTorch", "asked for")
        print_table(("network", "digits at once", *columns), rows)
        print(
            "By how much a process on one thread grows, at most, over what it held after steps on\n"
            f"single digits; the median of {runs}. What both hold already is not seen, so that\n"
            "small batches say little.\n"
        )
    return figures


def _memory(peer: str, batch: int) -> float:
    command = [sys.executable, str(HERE / "peers" / f"{peer}.py"), "memory", str(batch)]
    env = os.environ | THREADS[ONE]
    return figures_printed(subprocess.run(command, capture_output=True, text=True, env=env))["MiB"]


def save_json(results: Results, memory: dict[str, Any], path: Path) -> None:
    networks: dict[str, dict[str, Any]] = {}
    for p in results.processes:
        networks.setdefault(p.peer, {})[p.threads] = {
            "median_seconds": statistics.median(p.seconds),
            "seconds": [round(t, 5) for t in p.seconds],
            "seconds_of_a_prediction": statistics.median(p.predictions),
            "loss": p.losses[EPOCHS - 1],
            "accuracy": p.accuracy,
        }
    content = {"machine": describe(), "peers": networks}
    content |= {"MiB of a step": memory, "skipped": results.skipped}
    path.write_text(json.dumps(content, indent=1) + "\n")


def run(rounds: int, peers: Iterable[str] | None, folder: Path, kept: Path | None) -> None:
    """Measure, print the tables, save the figures and keep the ratios; a fault is an error."""
    chosen = [p for p in NAMES if not peers or p in peers]
    results = measure(chosen, rounds, patience=PATIENCE, predictions=True)
    print_results(results, rounds)
    whole = [c for c in CONTESTS if {c.ours, c.torch} <= set(chosen)]
    memory = print_memory(whole, runs=1 + rounds // 5)
    folder.mkdir(parents=True, exist_ok=True)
    save_json(results, memory, folder / "training_pictures.json")
    wrong = faults(results.processes)
    if wrong:
        sys.exit("error: a fast wrong answer does not count\n" + "\n".join(wrong))
    asked = _asked({(p.peer, p.threads): p for p in results.processes})
    keep({KEPT[what]: ratio for what, ratio, *_ in asked if what in KEPT}, kept)
