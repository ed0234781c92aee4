"""The task that every peer does, and how a peer is run: alone by a reader, or told by training.py.

784-64-32-32-10 with ReLU between and log-softmax at the end learns 18,000 digits: NLL loss, batches
of 32, a new order in every epoch, the short last batch dropped, plain SGD at 0.01, float32. All
peers start from the same weights; they differ in the order of the digits alone. Nothing here
imports tinynet, so that a peer's process holds only what the peer needs.

Some peers learn another network, and come in pairs: theirs is compared with tinynet's on the same.
"""

import gzip
import json
import statistics
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

DIGITS = Path(__file__).parents[2] / "tinynet" / "data_files"

SIZES = (784, 64, 32, 32, 10)
AUTOENCODER = (784, 250, 50, 250, 784)
BATCH = 32
TRAINING_DIGITS = 18_000
EPOCHS = 5  # after these, every peer must have learned the same


class Task(NamedTuple):
    """Scaled digits to learn from and to be tested on, and how to start.

    ``weights`` has a pair for every layer: W (inputs, outputs) and b (outputs,).
    """

    X: Floats
    y: Ints
    X_test: Floats
    y_test: Ints
    weights: list[tuple[Floats, Floats]]
    lr: float = 0.01


class Peer(Protocol):
    """What each file in this folder defines."""

    def epoch(self) -> float:
        """Train on all digits once; return the mean of the batches' losses."""

    def guesses(self, X: Floats) -> Ints:
        """The most likely digit for each row."""


def load_task() -> Task:
    """Load the digits that come with tinynet, and draw the initial weights."""
    X = _read_idx("train-images-20000-idx3-ubyte.gz", 16).reshape(-1, 784) / np.float32(255)
    y = _read_idx("train-labels-20000-idx1-ubyte.gz", 8).astype(np.int64)
    n = TRAINING_DIGITS
    return Task(X[:n], y[:n], X[n:], y[n:], draw_weights(SIZES))


def draw_weights(sizes: tuple[int, ...]) -> list[tuple[Floats, Floats]]:
    """First weights of a network of these sizes, always the same."""
    rng = np.random.default_rng(0)
    weights = []
    for I, O in pairwise(sizes):
        bound = 1 / np.sqrt(I)
        W, b = rng.uniform(-bound, bound, (I, O)), rng.uniform(-bound, bound, O)
        weights.append((W.astype(np.float32), b.astype(np.float32)))
    return weights


def _read_idx(name: str, header: int) -> NDArray[np.uint8]:
    return np.frombuffer(gzip.decompress((DIGITS / name).read_bytes()), np.uint8, offset=header)


def explained(rebuilt: Floats, X: Floats) -> float:
    """The share of the pixels' variance that a rebuilt digit has, in percent."""
    return float((1 - ((rebuilt - X) ** 2).mean() / X.var()) * 100)


def accuracy(peer: Peer, task: Task) -> float:
    """The share of the 2,000 test digits that are read rightly, in percent, or the peer's own."""
    own = getattr(peer, "accuracy", None)
    if own is not None:
        return float(own(task))
    return float((peer.guesses(task.X_test) == task.y_test).mean() * 100)


def run(make: Callable[[Task], Any]) -> None:
    """Train five epochs and print each; or, with the argument "serve", whenever a line says so.

    With "memory" and a number of digits, print what a training step on so many takes.
    """
    task = load_task()
    peer = make(task)
    if "memory" in sys.argv[1:]:
        print(json.dumps({"MiB": memory_of_a_step(peer, task, int(sys.argv[-1]))}))
        return
    if "serve" in sys.argv[1:]:
        _serve(peer, task)
        return
    for number in range(1, EPOCHS + 1):
        start = time.perf_counter()
        loss = peer.epoch()
        print(f"epoch {number}: {time.perf_counter() - start:.4f} s, loss {loss:.4f}")
    print(f"accuracy on {len(task.y_test)} test digits: {accuracy(peer, task):.2f} %")
    print(f"peak memory: {peak_memory():.0f} MiB")


def peak_memory() -> float:
    """The most memory that this process has held, in MiB; NaN where there is no /proc."""
    return memory_of("VmHWM")


def memory_of(name: str) -> float:
    """A line of /proc/self/status, in MiB."""
    # Not resource.getrusage: on Linux its ru_maxrss starts at that of the process that started us.
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return float("nan")
    return int(status.partition(f"{name}:")[2].split()[0]) / 2**10


def memory_of_a_step(peer: Any, task: Task, digits: int) -> float:
    """How much more a process holds, at most, while it trains on so many digits at once, in MiB.

    Steps on one digit come first: with them, all code is compiled and loaded.
    """
    peer.learn_from(task.X[:1], task.y[:1], 1)
    peer.epoch(), peer.epoch()
    rows = np.arange(digits) % len(task.X)
    peer.learn_from(task.X[rows], task.y[rows], digits)
    before = memory_of("VmRSS")
    try:
        Path("/proc/self/clear_refs").write_text("5")  # the most so far is what it holds now
    except OSError:
        return float("nan")
    peer.epoch(), peer.epoch()
    return memory_of("VmHWM") - before


def seconds_of_a_prediction(peer: Any, task: Task, times: int = 200) -> float:
    """The median time that a prediction of one digit takes."""
    predict = peer.predictor(task.X_test[:1])
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        predict()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _serve(peer: Any, task: Task) -> None:
    _answer(ready=True)
    for line in sys.stdin:
        if line.strip() == "epoch":
            start = time.perf_counter()
            loss = peer.epoch()
            _answer(seconds=time.perf_counter() - start, loss=loss)
        elif line.strip() == "prediction":
            _answer(prediction=seconds_of_a_prediction(peer, task))
        else:
            _answer(accuracy=accuracy(peer, task))


def _answer(**values: Any) -> None:
    print(json.dumps(values), flush=True)
