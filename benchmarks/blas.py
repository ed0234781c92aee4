"""The three products by BLAS libraries: in this process, and in others with settings of their own.

OpenBLAS reads which processor's kernels it takes when NumPy loads it, and PyTorch brings MKL, so
each of them has a process (``python benchmarks/blas.py numpy`` or ``torch``). It reads a case per
line, and answers with the seconds of a product.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from machine import ONE_THREAD
from numpy.typing import NDArray

from tinynet.support.memory import on_cache_lines

Floats = NDArray[np.float32]
Loop = Callable[..., Any]
Question = tuple[str, int, int, int, float]  # a product, N, I, O and the share of zeros

MOST_ELEMENTS = 2**17  # in the batches that a loop goes over: they fit the L2 cache, as in training
LEAST_SECONDS = 2e-3  # how long a timed loop runs at least


class Case(NamedTuple):
    """Inputs and upstream gradients of some batches (batches, N, features), and the weights."""

    x: Floats
    dy: Floats
    W: Floats
    b: Floats


def linear(times: int, x: Any, dy: Any, W: Any, b: Any, out: Any, matmul: Loop = np.matmul) -> None:
    for t in range(times):
        matmul(x[t % len(x)], W, out=out)


def dW(times: int, x: Any, dy: Any, W: Any, b: Any, out: Any, matmul: Loop = np.matmul) -> None:
    for t in range(times):
        matmul(x[t % len(x)].T, dy[t % len(x)], out=out)


def dx(times: int, x: Any, dy: Any, W: Any, b: Any, out: Any, matmul: Loop = np.matmul) -> None:
    for t in range(times):
        matmul(dy[t % len(x)], W.T, out=out)


PRODUCTS: dict[str, Loop] = {"x @ W": linear, "x.T @ dy": dW, "dy @ W.T": dx}


def random_case(N: int, I: int, O: int, zeros: float) -> Case:
    """Normal numbers, of which this share is 0 in x and in dy."""
    rng = np.random.default_rng(0)
    batches = max(1, min(8, MOST_ELEMENTS // (N * max(I, O))))

    def draw(*shape: int) -> Floats:
        values = rng.standard_normal(shape, np.float32)
        values[rng.random(shape) < zeros] = 0
        return on_cache_lines(values)

    W = on_cache_lines(rng.standard_normal((I, O), np.float32) / np.float32(np.sqrt(I)))
    return Case(draw(batches, N, I), draw(batches, N, O), W, np.zeros(O, np.float32))


def room_for(product: str, case: Case) -> Floats:
    """An array for the result."""
    (N, I), O = case.x.shape[1:], case.W.shape[1]
    shape = {"x @ W": (N, O), "x.T @ dy": (I, O), "dy @ W.T": (N, I)}[product]
    return on_cache_lines(np.zeros(shape, np.float32))


class Timer:
    """A loop that takes so many turns that they can be timed."""

    def __init__(self, loop: Loop, arguments: tuple[Any, ...]) -> None:
        self.loop, self.arguments, self.count = loop, arguments, 2
        loop(1, *arguments)  # compiles
        self.count = 1 + int(LEAST_SECONDS / min(self.seconds() for _ in range(5)))

    def seconds(self) -> float:
        """Of one turn."""
        start = time.perf_counter()
        self.loop(self.count, *self.arguments)
        return (time.perf_counter() - start) / self.count

    def warm_seconds(self) -> float:
        """Of one turn, after one that brings the operands back into the caches."""
        self.loop(1, *self.arguments)
        return self.seconds()


class Library:
    """A library in a process of its own, on one thread."""

    def __init__(self, package: str, settings: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, __file__, package],
            env=os.environ | ONE_THREAD | settings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def seconds(self, question: Question) -> float:
        """One round of this product: the seconds of one turn."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{json.dumps(question)}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit("error: a BLAS's process has ended")
        return float(answer)

    def stop(self) -> None:
        self._process.communicate()


@contextlib.contextmanager
def libraries(
    settings: Mapping[str, tuple[str, Mapping[str, str]]],
) -> Iterator[dict[str, Library]]:
    """The processes of some libraries, by name, which end with this block."""
    running = {name: Library(*given) for name, given in settings.items()}
    try:
        yield running
    finally:
        for library in running.values():
            library.stop()


def serve(package: str) -> None:
    """Answer questions until there are no more."""
    asked: Question | None = None
    for line in sys.stdin:
        product, N, I, O, zeros = question = json.loads(line)
        if question != asked:
            case = random_case(N, I, O, zeros)
            arguments: tuple[Any, ...] = (*case, room_for(product, case))
            if package == "torch":
                import torch

                torch.set_num_threads(1)
                arguments = (*map(torch.from_numpy, arguments), torch.matmul)
            timer, asked = Timer(PRODUCTS[product], arguments), question
        print(timer.warm_seconds(), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
