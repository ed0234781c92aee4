"""Train from a memory-mapped uint8 file: `mapped.py FILE ROWS`; growth.py runs this.

Prints the seconds of an epoch and how much memory the process had to itself at most (RssAnon of
Linux), to which the pages of the file, which the system may drop at any time, do not count.
"""

import json
import re
import sys
import threading
import time
from pathlib import Path

import numpy as np

import tinynet as tn


class PrivateMemory:
    """Watches RssAnon of this process from a thread; `peak` in MiB."""

    def __init__(self) -> None:
        self.peak = 0.0
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            found = re.search(r"RssAnon:\s+(\d+)", Path("/proc/self/status").read_text())
            self.peak = max(self.peak, int(found[1]) / 2**10 if found else float("nan"))
            time.sleep(0.01)


def main() -> None:
    memory = PrivateMemory()
    rows = int(sys.argv[2])
    X = np.memmap(sys.argv[1], np.uint8, "r", shape=(rows, 784))
    y = np.arange(rows) % 10
    rng = np.random.default_rng(0)
    net = tn.Sequential(tn.Linear(784, 64, rng=rng), tn.ReLU(), tn.Linear(64, 10, rng=rng))
    loss_fn, optimizer = tn.CrossEntropyLoss(), tn.SGD(net.parameters(), lr=0.01)
    few = tn.DataLoader(X[:64], y[:64], batch_size=32, scale=1 / 255)
    tn.fit(net, loss_fn, optimizer, few, progress=False, compiled=True)  # compiles
    before = memory.peak
    loader = tn.DataLoader(X, y, batch_size=32, shuffle=True, scale=1 / 255, rng=0)
    start = time.perf_counter()
    tn.fit(net, loss_fn, optimizer, loader, progress=False, compiled=True)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "before": before, "peak": memory.peak}))


if __name__ == "__main__":
    main()
