"""How time and memory grow: with digits, batches and widths, and beside PyTorch.

tinynet is `tn.fit` (compiled where it compiles); PyTorch is the bare loop of peers/pytorch_bare.py.
Both take turns in this process, and the table shows the median of the rounds.
"""

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from machine import ONE_THREAD, headline, parse, print_table
from numpy.typing import NDArray
from processors import LARGE, add_keep, keep

import tinynet as tn

HERE = Path(__file__).parent
LESSON = (784, 64, 32, 32, 10)
EPOCHS = 120_000  # digits that one call of fit trains on, in as many epochs as that takes
SIZES = (1, 4, 32, 128, 512, 4096)  # batches of the grid
WIDTHS = (1, 10, 64, 256, 1024, 4096)
Epoch = Callable[[], object]


def digits(count: int, pixels: int = 784) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """The bundled digits, repeated where more are wanted; of other widths, random numbers."""
    if pixels != 784:
        rng = np.random.default_rng(0)
        return rng.standard_normal((count, pixels), np.float32), rng.integers(0, 10, count)
    images, labels = tn.datasets.mnist_small()
    rows = np.arange(count) % len(images)
    return tn.data.minmax_scale(images[rows], 0, 255), labels[rows]


def tinynet_net(sizes: Sequence[int]) -> tn.Sequential:
    layers: list[tn.Module] = []
    for I, O in pairwise(sizes):
        layers += [tn.Linear(I, O, rng=0), tn.ReLU()]
    layers[-1] = tn.LogSoftmax()
    return tn.Sequential(*layers)


def torch_net(sizes: Sequence[int]) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for I, O in pairwise(sizes):
        layers += [torch.nn.Linear(I, O), torch.nn.ReLU()]
    layers[-1] = torch.nn.LogSoftmax(dim=1)
    return torch.nn.Sequential(*layers)


def tinynet_epoch(sizes: Sequence[int], batch: int, count: int, epochs: int = 1) -> Epoch:
    net, loss_fn = tinynet_net(sizes), tn.NLLLoss()
    optimizer = tn.SGD(net.parameters(), lr=0.01)
    loader = tn.DataLoader(*digits(count, sizes[0]), batch_size=batch, shuffle=True, rng=0)

    def train(compiled: bool | None = True) -> None:
        tn.fit(net, loss_fn, optimizer, loader, epochs=epochs, progress=False, compiled=compiled)

    try:
        train()
    except TypeError:  # a layer so large that BLAS takes its products
        return lambda: train(compiled=None)
    return train


def torch_epoch(sizes: Sequence[int], batch: int, count: int) -> Epoch:
    net = torch_net(sizes)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    X, y = map(torch.from_numpy, digits(count, sizes[0]))

    def epoch() -> None:
        for rows in torch.randperm(count).split(batch):
            loss = torch.nn.functional.nll_loss(net(X[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    return epoch


def take_turns(functions: Sequence[Epoch], rounds: int) -> list[float]:
    """The median seconds of each function; every one is called once before."""
    for function in functions:
        function()
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(rounds):
        for function, times in zip(functions, seconds):
            start = time.perf_counter()
            function()
            times.append(time.perf_counter() - start)
    return list(map(statistics.median, seconds))


def print_digits(rounds: int) -> None:
    print("### Digits: the main lesson's network, batches of 32\n")
    counts = (5_000, 10_000, 20_000, 40_000, 60_000)
    alone = take_turns([tinynet_epoch(LESSON, 32, n) for n in counts], rounds)
    together = take_turns([tinynet_epoch(LESSON, 32, n, EPOCHS // n) for n in counts], rounds)
    columns = []
    for times, trained in ((alone, counts), (together, [EPOCHS // n * n for n in counts])):
        each = [seconds / n * 1e6 for seconds, n in zip(times, trained)]
        columns += [[f"{us:.2f}" for us in each], [f"{us / each[0]:.2f}" for us in each]]
    rows = list(zip((f"{n:,}" for n in counts), *columns))
    title = "us per digit, one epoch per call", f"of {EPOCHS:,} digits per call"
    print_table(("digits", title[0], "/ that of 5,000", title[1], "/ that of 5,000"), rows)


def print_against_torch(
    title: str, cases: Sequence[tuple[str, Sequence[int], int, int]], rounds: int
) -> dict[str, str]:
    """A table of cases (name, sizes, batch, digits per epoch), on one thread and on all.

    Return how much longer PyTorch takes than tinynet on all.
    """
    print(f"### {title}\n")
    cores = tn.get_num_threads()
    rows = []
    ratios = {}
    for name, sizes, batch, count in cases:
        ours, theirs = tinynet_epoch(sizes, batch, count), torch_epoch(sizes, batch, count)
        times = take_turns(
            [
                on_threads(threads, set_threads, epoch)
                for epoch, set_threads in (
                    (ours, tn.set_num_threads),
                    (theirs, torch.set_num_threads),
                )
                for threads in (1, cores)
            ],
            rounds,
        )
        each = (f"{seconds / count * 1e6:.2f}" for seconds in times)
        better = f"{min(times[2:]) / times[0]:.2f}", f"{min(times[2:]) / times[1]:.2f}"
        rows.append((name, *each, *better))
        ratios[name] = better[1]
    tn.set_num_threads(cores)
    columns = [f"{name}, {n}" for name in ("tinynet", "PyTorch") for n in (1, cores)]
    columns += [f"better PyTorch / tinynet, {n}" for n in (1, cores)]
    print("Microseconds per digit, by the number of threads.\n")
    print_table(("", *columns), rows)
    return ratios


def steps_of_grid(batch: int, width: int) -> int:
    """So many that they take a tenth of a second or so, and their rows no more than 64 MB."""
    arithmetic, memory = 5 * batch * width**2 / 5e10, 32 * width**2 / 2e10
    seconds = 2e-5 + max(arithmetic, memory)
    return max(1, min(2000, int(0.1 / seconds), 2**24 // (batch * width)))


def print_grid(batches: Sequence[int], widths: Sequence[int], rounds: int) -> dict[str, str]:
    """One step by batch and width, all cores, PyTorch at its better threads; return the share."""
    print("### Steps of width-width-width-10, all cores: better PyTorch / tinynet\n")
    cores = tn.get_num_threads()
    ratios = {}
    for batch, width in itertools.product(batches, widths):
        steps = steps_of_grid(batch, width)
        case = (width, width, width, 10), batch, steps * batch
        theirs = torch_epoch(*case)
        turns = [tinynet_epoch(*case)]
        turns += [on_threads(n, torch.set_num_threads, theirs) for n in sorted({1, cores})]
        print(f"batch {batch}, width {width}: {steps} steps", file=sys.stderr)
        times = take_turns(turns, 1 if batch * width == 4096**2 else rounds)
        ratios[batch, width] = min(times[1:]) / times[0]
    rows = [[f"**{b}**", *(f"{ratios[b, w]:.2f}" for w in widths)] for b in batches]
    print_table(("batch \\ width", *map(str, widths)), rows)
    ahead = sum(ratio > 1 for ratio in ratios.values())
    worst = sorted(ratios, key=lambda cell: ratios[cell])[:4]
    told = ", ".join(f"{ratios[b, w]:.2f} (batches of {b}, width {w})" for b, w in worst)
    print(f"tinynet is ahead in {ahead} of {len(ratios)} cells; the worst: {told}.\n")
    share = f"ahead in {ahead} of {len(ratios)}, worst {min(ratios.values()):.2f}"
    return {"grid": share}


def on_threads(number: int, set_threads: Callable[[int], None], epoch: Epoch) -> Epoch:
    """The epoch on so many threads."""

    def run() -> None:
        set_threads(number)
        epoch()

    return run


def print_predictions(rounds: int) -> None:
    print("### Predictions of the main lesson's network\n")
    print("Compiled, as `tn.fit` leaves a network after 3,000 batches, and by its layers.\n")
    net, by_layers, other = tinynet_net(LESSON), tinynet_net(LESSON), torch_net(LESSON)
    tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters()))
    X, _ = digits(10_000)
    threads = torch.get_num_threads()
    rows = []
    for count, repeats in ((1, 1000), (32, 300), (10_000, 3)):
        x = X[:count]
        tensor = torch.from_numpy(x)

        def ours(x: NDArray[np.float32] = x, repeats: int = repeats, net: tn.Module = net) -> None:
            for _ in range(repeats):
                net.predict(x)

        def ours_by_layers(ours: Callable[..., None] = ours) -> None:
            ours(net=by_layers)

        def theirs(t: torch.Tensor = tensor, repeats: int = repeats, threads: int = 1) -> None:
            torch.set_num_threads(threads)
            with torch.inference_mode():
                for _ in range(repeats):
                    other(t)

        def theirs_default(theirs: Callable[..., None] = theirs) -> None:
            theirs(threads=threads)

        times = take_turns((ours, ours_by_layers, theirs, theirs_default), rounds)
        each = (f"{seconds / repeats * 1e6:.1f}" for seconds in times)
        ratios = (f"{min(times[2:]) / time:.2f}" for time in times[:2])
        rows.append((f"{count:,}", *each, *ratios))
    torch.set_num_threads(1)
    peers = "PyTorch, 1 thread", f"PyTorch, {threads} threads"
    ratios = "PyTorch / compiled", "PyTorch / by layers"
    print_table(("digits", "compiled (us)", "layer by layer (us)", *peers, *ratios), rows)


def print_memory() -> None:
    print("### Peak memory of a process that trains the main lesson's network for 5 epochs\n")
    rows = []
    for name, peer in (
        ("tinynet", "tinynet_fit"),
        ("PyTorch, the course's loop", "pytorch_course"),
    ):
        for _ in range(2):  # tinynet's first run may compile
            output = _run([str(HERE / "peers" / f"{peer}.py")])
        rows.append((name, output.rpartition(":")[2].strip()))
    print_table(("", "peak memory"), rows)


def print_mapped(rows: int) -> None:
    print("### A memory-mapped file of uint8 images, `DataLoader(X, y, scale=1 / 255)`\n")
    images, _ = tn.datasets.mnist_small()
    with tempfile.TemporaryDirectory(prefix="tinynet-mapped-") as folder:
        path = Path(folder) / "images"
        with path.open("wb") as file:
            for start in range(0, rows, len(images)):
                file.write(images[: rows - start].tobytes())
        result = json.loads(_run([str(HERE / "mapped.py"), str(path), str(rows)]))
        size = path.stat().st_size / 2**20
    memory = f"{result['before']:.0f}", f"{result['peak']:.0f}"
    each = f"{result['seconds'] / rows * 1e6:.2f}"
    header = (
        "digits",
        "file (MiB)",
        "as float32",
        "private memory before",
        "at most",
        "us per digit",
    )
    print_table(header, [(f"{rows:,}", f"{size:.0f}", f"{4 * size:.0f}", *memory, each)])


def _run(command: list[str]) -> str:
    run = subprocess.run(
        [sys.executable, *command],
        env=os.environ | ONE_THREAD,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return run.stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="timed rounds (7)")
    parser.add_argument("--mapped-rows", type=int, default=600_000, help="of the mapped file")
    parts = ["digits", "batches", "widths", "grid", "large", "predictions", "memory", "mapped"]
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--batches", type=int, nargs="+", default=SIZES, help="of the grid")
    parser.add_argument("--widths", type=int, nargs="+", default=WIDTHS, help="of the grid")
    add_keep(parser)
    options = parse(parser)
    print(f"{headline()}\n")
    rounds = options.rounds
    if "predictions" in options.only:
        print_predictions(rounds)
    if "digits" in options.only:
        print_digits(rounds)
    if "batches" in options.only:
        sizes = (1, 4, 16, 32, 64, 256, 1024, 4096)
        cases = [(str(n), LESSON, n, min(8192, max(512, 256 * n))) for n in sizes]
        print_against_torch("Batch sizes: the main lesson's network", cases, rounds)
    if "widths" in options.only:
        widths = (1, 10, 32, 64, 128, 256, 512, 1024, 4096)
        cases = [(str(w), (784, w, 10), 32, 4096 if w <= 256 else 512) for w in widths]
        print_against_torch("Widths: 784-width-10, batches of 32", cases, rounds)
    if "grid" in options.only:
        keep(print_grid(options.batches, options.widths, rounds), options.keep)
    if "large" in options.only:
        cases = [
            (LARGE[0], (784, 512, 512, 10), 128, 4096),
            (LARGE[1], (784, 1024, 1024, 10), 256, 4096),
        ]
        keep(print_against_torch("Large", cases, rounds), options.keep)
    if "memory" in options.only:
        print_memory()
    if "mapped" in options.only:
        print_mapped(options.mapped_rows)


if __name__ == "__main__":
    main()
