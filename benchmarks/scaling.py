"""Data-parallel training: steps per second by workers, batch and model, and what more would bring.

Measured: one step here in the driver, without a cluster, and one of `tinynet.distributed` with 1, 2
... workers, processes of this machine. From these come four constants: seconds per row, per step,
per call from one process to another, and per byte. The second table puts them into a formula for
clusters that we do not have. A network slower than this machine's loopback does worse.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from machine import ONE_THREAD, headline, print_table

os.environ |= ONE_THREAD

import dask.array as da
import numpy as np
from distributed import Client, LocalCluster

import tinynet as tn
from tinynet.distributed.cluster import Shares
from tinynet.distributed.share import Share

MODELS = {
    "784-32-10": (784, 32, 10),
    "784-128-128-10": (784, 128, 128, 10),
    "784-1024-10": (784, 1024, 10),
}
BATCHES = (256, 2048, 16384)
ROWS, BLOCK = 32768, 2048
WORKERS = (8, 64, 512)
LARGE = (256, 2048, 16384, 131_072, 1_048_576)


def network(sizes: tuple[int, ...]) -> tn.Sequential:
    layers: list[tn.Module] = []
    rng = np.random.default_rng(0)
    for I, O in pairwise(sizes):
        layers += [tn.Linear(I, O, rng=rng), tn.ReLU()]
    return tn.Sequential(*layers[:-1])


def size(net: tn.Module) -> int:
    """Bytes of its parameters."""
    return sum(parameter.data.nbytes for parameter in net.parameters())


def sparse_block(numbers: Any) -> Any:
    """Like digits: four of five numbers are 0."""
    return np.where(numbers < 0.2, 5 * numbers, 0).astype(np.float32)


def step_seconds(gradient: Callable[..., Any], batch_size: int, seconds: float) -> float:
    """The median of some steps; the first is left out."""
    batches, times = ROWS // batch_size, []
    start = time.perf_counter()
    for step in range(10_000):
        begin = time.perf_counter()
        gradient(1, step % batches, batches)
        times.append(time.perf_counter() - begin)
        if step >= 4 and time.perf_counter() - start > seconds:
            break
    return statistics.median(times[1:])


def measure(workers: list[int], seconds: float) -> dict[tuple[str, int, int], float]:
    """Seconds of a step by (model, batch size, workers); 0 workers is here, without a cluster."""
    generator = da.random.default_rng(0)
    X = generator.random((ROWS, 784), chunks=(BLOCK, 784)).map_blocks(
        sparse_block, dtype=np.float32
    )
    y = generator.integers(0, 10, ROWS, chunks=BLOCK)
    found = {}
    X_here, y_here = X.compute(), y.compute()
    for model, sizes in MODELS.items():
        net = network(sizes)
        share = Share(net, tn.CrossEntropyLoss(reduction="sum"), [0], [0], [X_here], [y_here], [])
        parameters = [parameter.data for parameter in net.parameters()]
        for batch in BATCHES:
            print(f"{model}, batches of {batch}, here", file=sys.stderr)
            found[model, batch, 0] = step_seconds(
                lambda *of, share=share, p=parameters: share.own_gradient(p, *of), batch, seconds
            )
    for count in workers:
        with (
            LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=":0") as cluster,
            Client(cluster) as client,
        ):
            client.wait_for_workers(count, timeout=60)
            X_there, y_there = client.persist([X, y])
            for model, sizes in MODELS.items():
                loss_fn = tn.CrossEntropyLoss()
                shares = Shares(network(sizes), loss_fn, X_there, y_there, client)
                shares.deal_out()
                if len(shares.workers) != count:
                    sys.exit(f"error: {len(shares.workers)} workers have shares, not {count}")
                for batch in BATCHES:
                    print(f"{model}, batches of {batch}, {count} workers", file=sys.stderr)
                    found[model, batch, count] = step_seconds(shares.gradient, batch, seconds)
                shares.release()
    return found


def line(x: list[float], y: list[float]) -> tuple[float, float]:
    """Slope and start of the line through the points, small values counting as much as large."""
    weights = 1 / np.array(y)
    slope, start = np.polyfit(x, y, 1, w=weights)
    return max(float(slope), 0.0), max(float(start), 0.0)


class Constants:
    """What a step costs, from the measured ones.

    With W workers: ``step + row * batch / W``, the share of each; ``call + 2 * byte * size``, from
    the driver to the first worker, parameters there and gradients back; and for each level of the
    tree below it, ``floor(log2(W))`` of them, ``call + 4 * byte * size``, since a worker serves its
    two children one after the other.
    """

    def __init__(self, found: dict[tuple[str, int, int], float]) -> None:
        self.row, self.step = {}, {}
        for model in MODELS:
            here = [found[model, batch, 0] for batch in BATCHES]
            self.row[model], self.step[model] = line(list(map(float, BATCHES)), here)
        extra = {
            model: statistics.median(
                max(found[model, batch, 1] - found[model, batch, 0], 1e-6) for batch in BATCHES[:2]
            )
            for model in MODELS
        }
        sizes = [float(2 * size(network(sizes))) for sizes in MODELS.values()]
        self.byte, self.call = line(sizes, list(extra.values()))

    def seconds(self, model: str, batch: int, workers: int) -> float:
        own = self.step[model] + self.row[model] * batch / max(workers, 1)
        if workers == 0:
            return own
        both_ways = 2 * self.byte * size(network(MODELS[model]))
        below = workers.bit_length() - 1
        return own + (self.call + both_ways) + below * (self.call + 2 * both_ways)


def print_measured(
    found: dict[tuple[str, int, int], float], constants: Constants, workers: list[int]
) -> None:
    rows = []
    for model, sizes in MODELS.items():
        for batch in BATCHES:
            here = found[model, batch, 0]
            cells = [f"{1 / here:.1f}"]
            for count in workers:
                seconds = found[model, batch, count]
                cells += [
                    f"{1 / seconds:.1f}",
                    f"{100 * here / (count * seconds):.0f}",
                    f"{1 / constants.seconds(model, batch, count):.1f}",
                ]
            rows.append((model, f"{size(network(sizes)) / 1e6:.1f}", f"{batch:,}", *cells))
    header = ["model", "MB", "batch", "without cluster"]
    for count in workers:
        who = f"{count} worker{'s' * (count > 1)}"
        header += [who, "efficiency (%)", "by the formula"]
    print("Steps per second:\n")
    print_table(header, rows)
    print("Efficiency: the speed, over that without a cluster times the number of workers.\n")


def print_extrapolated(constants: Constants) -> None:
    print(
        f"Constants: {1e3 * constants.call:.2f} ms per call, "
        f"{1e-9 / max(constants.byte, 1e-15):.2f} GB/s;"
    )
    for model in MODELS:
        print(
            f"{model}: {1e6 * constants.row[model]:.2f} us per row and "
            f"{1e3 * constants.step[model]:.2f} ms per step;"
        )
    print("\nBy the formula, speed over that of one process without a cluster (efficiency in %):\n")
    rows = []
    for model in MODELS:
        for batch in LARGE:
            here = constants.seconds(model, batch, 0)
            cells = []
            for count in WORKERS:
                gain = here / constants.seconds(model, batch, count)
                bold = "**" if gain >= 2 else ""
                cells.append(f"{bold}{gain:.2f}{bold} ({100 * gain / count:.1f})")
            rows.append((model, f"{batch:,}", *cells))
    print_table(("model", "batch", *(f"{count} workers" for count in WORKERS)), rows)
    print("Bold: at least twice as fast. Below 1, the cluster is slower than one process.\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="for each measurement (2)")
    default = list(range(1, (os.cpu_count() or 1) + 1))[:4]
    parser.add_argument("--workers", type=int, nargs="+", default=default, help=f"({default})")
    options = parser.parse_args()
    workers = sorted({1, *options.workers})
    found = measure(workers, options.seconds)
    constants = Constants(found)
    print(f"\n{headline()}\n")
    print_measured(found, constants, workers)
    print_extrapolated(constants)


if __name__ == "__main__":
    main()
