"""Peers that take turns: each in a process of its own, one epoch each in every round."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from machine import ONE_THREAD

HERE = Path(__file__).parent
PATIENCE = 60  # seconds for a peer's start and its first epoch, compilers included
EPOCHS = 5  # after these, accuracies are taken
FRESH_EVERY = 6  # rounds from one fresh process to the next
THREADS = {"1 thread": ONE_THREAD, "default": {}}


class Failed(Exception):
    """A peer that cannot take part, and why."""


class Process:
    """A peer in its own process, told by lines what to do."""

    def __init__(self, peer: str, threads: str, patience: float = PATIENCE) -> None:
        self.peer, self.threads, self.patience = peer, threads, patience
        self.seconds: list[float] = []
        self.predictions: list[float] = []
        self.losses: list[float] = []
        self.accuracy = float("nan")
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "peers" / f"{peer}.py"), "serve"],
            env=os.environ | THREADS[threads],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._errors: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def start(self) -> None:
        """Wait until it is ready, and let it compile in a first epoch, which is not timed."""
        start = time.monotonic()
        self._answer(self.patience)
        left = self.patience - (time.monotonic() - start)
        self.losses.append(self._ask("epoch", left)["loss"])

    def train(self) -> None:
        """One epoch; after the fifth, take the accuracy."""
        answer = self._ask("epoch", self.patience)
        self.seconds.append(answer["seconds"])
        self.losses.append(answer["loss"])
        if len(self.losses) == EPOCHS:
            self.accuracy = self._ask("accuracy", self.patience)["accuracy"]

    def predict(self) -> None:
        """Time predictions of one digit."""
        self.predictions.append(self._ask("prediction", self.patience)["prediction"])

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()

    def _ask(self, question: str, patience: float) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(f"{question}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # _answer tells why it died
        return self._answer(patience)

    def _answer(self, patience: float) -> dict[str, Any]:
        deadline = time.monotonic() + patience
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise Failed(f"no answer within {self.patience:g} s") from None
            if not line:
                self._process.wait()
                raise Failed(self._errors[-1] if self._errors else "it ended without a word")
            if line.startswith("{"):
                return dict(json.loads(line))

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line)
        self._lines.put("")

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if line.strip():
                self._errors.append(line.strip())


class Results(NamedTuple):
    """Who trained, who was skipped and why, and what fresh processes took (see `measure`)."""

    processes: list[Process]
    skipped: dict[str, str]
    fresh: list[dict[str, float]]


def measure(
    peers: list[str],
    rounds: int,
    fresh: str | None = None,
    patience: float = PATIENCE,
    predictions: bool = False,
) -> Results:
    """Train all peers for so many timed rounds.

    `fresh` is a program that measures itself: it is started anew in some of the rounds, and prints
    its figures as JSON. With `predictions`, each peer predicts single digits in every round.
    """
    processes: list[Process] = []
    figures: list[dict[str, float]] = []
    skipped: dict[str, str] = {}
    try:
        for peer in peers:
            for threads in THREADS:
                print(f"starting {peer}, {threads}", file=sys.stderr)
                process = Process(peer, threads, patience)
                processes.append(process)
                try:
                    process.start()
                except Failed as error:
                    skipped[f"{peer}, {threads}"] = str(error)
                    processes.pop().stop()
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            if fresh and number % FRESH_EVERY == 0:
                try:
                    figures.append(_figures_of(fresh))
                except Failed as error:
                    skipped[fresh] = str(error)
                    fresh = None
            for process in list(processes):
                try:
                    process.train()
                    if predictions:
                        process.predict()
                except Failed as error:
                    skipped[f"{process.peer}, {process.threads}"] = str(error)
                    processes.remove(process)
                    process.stop()
    finally:
        for process in processes:
            process.stop()
    return Results(processes, skipped, figures)


def _figures_of(program: str) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, str(HERE / "peers" / f"{program}.py")], capture_output=True, text=True
    )
    return figures_printed(done)


def figures_printed(done: "subprocess.CompletedProcess[str]") -> dict[str, float]:
    """The JSON of a program's last line."""
    if done.returncode:
        raise Failed((done.stderr.strip() or "it ended without a word").splitlines()[-1])
    return dict(json.loads(done.stdout.splitlines()[-1]))
