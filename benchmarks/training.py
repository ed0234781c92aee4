"""tinynet beside its peers: seconds per epoch of the main lesson, in interleaved rounds.

Every peer is a process of its own (``peers/``), once at one thread and once at its default. All are
kept alive, and in each round each trains one epoch, one after the other: a shared machine drifts,
but it drifts for all of them. Only the ratios count. A peer that has not learned after five epochs
what tinynet has learned fails the command.
"""

import argparse
import json
import os
import queue
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from machine import ONE_THREAD, describe, headline, print_table

HERE = Path(__file__).parent
RESULTS = HERE / "results"
PATIENCE = 60  # seconds for a peer's start and its first epoch, compilers included
EPOCHS = 5  # after these, accuracies are compared
ACCURACY_BAND = 2.0  # percentage points from tinynet's
LOSS_BAND = 0.05  # share of tinynet's loss

PEERS = {
    "tinynet_fit": "tinynet, `tn.fit`",
    "pytorch_course": "PyTorch, the course's loop",
    "pytorch_bare": "PyTorch, bare tensors",
    "pytorch_compile": "PyTorch, torch.compile",
    "jax_scan": "JAX, jitted lax.scan",
    "numpy_by_hand": "NumPy by hand, OpenBLAS",
    "sklearn_mlp": "scikit-learn, MLPClassifier",
    "thinc_mlp": "thinc",
    "plain_c": "plain C, dense",
    "plain_c_skipping_zeros": "plain C, skipping zeros",
}
THREADS = {"1 thread": ONE_THREAD, "default": {}}


class Failed(Exception):
    """A peer that cannot take part, and why."""


class Process:
    """A peer in its own process, told by lines what to do."""

    def __init__(self, peer: str, threads: str) -> None:
        self.peer, self.threads = peer, threads
        self.seconds: list[float] = []
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
        self._answer(PATIENCE)
        self.losses.append(self._ask("epoch", PATIENCE - (time.monotonic() - start))["loss"])

    def train(self) -> None:
        """One epoch; after the fifth, take the accuracy."""
        answer = self._ask("epoch", PATIENCE)
        self.seconds.append(answer["seconds"])
        self.losses.append(answer["loss"])
        if len(self.losses) == EPOCHS:
            self.accuracy = self._ask("accuracy", PATIENCE)["accuracy"]

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
                raise Failed(f"no answer within {PATIENCE} s") from None
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


def measure(peers: list[str], rounds: int) -> tuple[list[Process], dict[str, str]]:
    """Train all peers for so many timed rounds; also return who was skipped, and why."""
    processes: list[Process] = []
    skipped: dict[str, str] = {}
    try:
        for peer in peers:
            for threads in THREADS:
                print(f"starting {peer}, {threads}", file=sys.stderr)
                process = Process(peer, threads)
                processes.append(process)
                try:
                    process.start()
                except Failed as error:
                    skipped[f"{PEERS[peer]}, {threads}"] = str(error)
                    processes.pop().stop()
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr)
            for process in list(processes):
                try:
                    process.train()
                except Failed as error:
                    skipped[f"{PEERS[process.peer]}, {process.threads}"] = str(error)
                    processes.remove(process)
                    process.stop()
    finally:
        for process in processes:
            process.stop()
    return processes, skipped


def faults(processes: list[Process]) -> list[str]:
    """Who has not learned what tinynet has learned."""
    ours = next(p for p in processes if p.peer == "tinynet_fit")
    found = []
    for process in processes:
        loss, our_loss = process.losses[EPOCHS - 1], ours.losses[EPOCHS - 1]
        who = f"{PEERS[process.peer]} ({process.threads})"
        if not abs(process.accuracy - ours.accuracy) <= ACCURACY_BAND:
            found.append(f"{who}: accuracy {process.accuracy:.2f} %, tinynet's {ours.accuracy:.2f}")
        if not abs(loss - our_loss) <= LOSS_BAND * our_loss:
            found.append(f"{who}: loss {loss:.4f}, tinynet's {our_loss:.4f}")
    return found


def best(processes: list[Process]) -> dict[str, Process]:
    """Each peer at its faster thread setting."""
    chosen: dict[str, Process] = {}
    for process in sorted(processes, key=lambda p: statistics.median(p.seconds)):
        chosen.setdefault(process.peer, process)
    return chosen


def print_results(processes: list[Process], skipped: dict[str, str], rounds: int) -> None:
    print(f"\n{headline()}\n\nSeconds per epoch, {rounds} interleaved rounds:\n")
    chosen = best(processes)
    ours = statistics.median(chosen["tinynet_fit"].seconds)
    fastest = min(chosen["tinynet_fit"].seconds)
    rows = []
    for p in processes:
        median = statistics.median(p.seconds)
        ratio, of_fastest = f"{median / ours:.2f}", f"{min(p.seconds) / fastest:.2f}"
        times = (f"{t:.4f}" for t in (median, min(p.seconds), max(p.seconds)))
        learned = (f"{p.losses[EPOCHS - 1]:.4f}", f"{p.accuracy:.2f}")
        if chosen[p.peer] is p:
            ratio = f"**{ratio}**"
        rows.append((PEERS[p.peer], p.threads, *times, ratio, of_fastest, *learned))
    times_of = ("median", "min", "max", "/ tinynet", "min / min")
    print_table(("peer", "threads", *times_of, "loss", "accuracy (%)"), rows)
    print(
        "Loss of the fifth epoch, accuracy on 2,000 other digits after it. Bold: the better\n"
        "thread setting of each peer, over tinynet's better one. min / min: the same of the\n"
        "fastest epochs, which a neighbour on a shared machine has disturbed least.\n"
    )
    for who, why in skipped.items():
        print(f"skipped: {who}: {why}")


def save_json(processes: list[Process], skipped: dict[str, str], path: Path) -> None:
    peers: dict[str, dict[str, Any]] = {}
    for p in processes:
        peers.setdefault(PEERS[p.peer], {})[p.threads] = {
            "median_seconds": statistics.median(p.seconds),
            "seconds": [round(t, 5) for t in p.seconds],
            "loss": p.losses[EPOCHS - 1],
            "accuracy": p.accuracy,
        }
    content = {"machine": describe(), "peers": peers, "skipped": skipped}
    path.write_text(json.dumps(content, indent=1) + "\n")


def save_figure(processes: list[Process], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    chosen = sorted(best(processes).values(), key=lambda p: -statistics.median(p.seconds))
    medians = [statistics.median(p.seconds) for p in chosen]
    ours = statistics.median(best(processes)["tinynet_fit"].seconds)
    spread = [
        [m - min(p.seconds) for m, p in zip(medians, chosen)],
        [max(p.seconds) - m for m, p in zip(medians, chosen)],
    ]
    names = [PEERS[p.peer].replace("`", "") for p in chosen]
    colours = ["tab:orange" if p.peer == "tinynet_fit" else "tab:blue" for p in chosen]
    figure, axes = plt.subplots(figsize=(8, 4.2), layout="constrained")
    axes.barh(names, medians, xerr=spread, color=colours, ecolor="0.4", capsize=2)
    longest = max(max(p.seconds) for p in chosen)
    for row, (p, median) in enumerate(zip(chosen, medians)):
        label = f"{median:.3f} s, {median / ours:.1f}x"
        axes.text(max(p.seconds) + longest / 60, row, label, va="center")
    axes.set_xlim(0, longest * 1.3)
    axes.set_xlabel("seconds per epoch: median, and the range of all rounds")
    axes.set_title("784-64-32-32-10, one epoch of 18,000 digits in batches of 32, CPU")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=31, help="timed epochs of each peer (31)")
    parser.add_argument("--peers", nargs="+", choices=PEERS, help="only these, beside tinynet_fit")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of JSON and figure")
    options = parser.parse_args()
    if options.rounds < EPOCHS - 1:
        parser.error(
            f"--rounds {options.rounds}: accuracy is compared after {EPOCHS} epochs; at least 4"
        )
    peers = [p for p in PEERS if not options.peers or p in ("tinynet_fit", *options.peers)]
    processes, skipped = measure(peers, options.rounds)
    if not any(p.peer == "tinynet_fit" for p in processes):
        sys.exit(f"error: tinynet itself did not run: {skipped}")
    print_results(processes, skipped, options.rounds)
    options.results.mkdir(parents=True, exist_ok=True)
    save_json(processes, skipped, options.results / "training.json")
    save_figure(processes, options.results / "training.png")
    wrong = faults(processes)
    if wrong:
        sys.exit("error: a fast wrong answer does not count\n" + "\n".join(wrong))


if __name__ == "__main__":
    main()
