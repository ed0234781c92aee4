"""What a short `tn.fit` costs in a process: the first one, the second, and a long one, per epoch.

The networks are new each time, as in a notebook whose cell is run again; fit decides by itself what
it compiles. A first fit reads compiled code from disk if an earlier process left it there.
"""

import json
import time

from task import load_task
from tinynet_fit import TinynetFit

import tinynet as tn

SHORT, LONG = 2, 10  # epochs


def seconds_per_epoch(run: TinynetFit, epochs: int) -> float:
    start = time.perf_counter()
    tn.fit(run.net, run.loss_fn, run.optimizer, run.loader, epochs=epochs, progress=False)
    return (time.perf_counter() - start) / epochs


def main() -> None:
    task = load_task()
    figures = {
        name: seconds_per_epoch(TinynetFit(task), epochs)
        for name, epochs in (("first", SHORT), ("second", SHORT), ("long", LONG))
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
