"""TinyNetClassifier beside scikit-learn's MLPClassifier: seconds per fit, and what they learn.

Same digits, architecture, optimizer, batches, epochs and threads (one, which is the better setting
for both); each seed draws other first weights and orders. The two take turns, so that a drift of
the machine hits both. A first fit of each is not among the seeds: it compiles. The exit code is 1
if tinynet's accuracy is worse.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from machine import ONE_THREAD, headline, parse, print_table
from processors import add_keep, keep

os.environ |= ONE_THREAD
sys.path.insert(0, str(Path(__file__).parent / "peers"))

import warnings

from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from task import BATCH, SIZES, Task, load_task

from tinynet.estimator import TinyNetClassifier

EPOCHS = 15
BAND = 0.5  # points by which the mean over the seeds may lie below, from chance
ENOUGH = 5  # seeds: accuracies of one network vary by half a point and more
RATES = {"adam": 0.001, "sgd": 0.01}
HIDDEN = SIZES[1:-1]


def tinynet(solver: str, epochs: int, seed: int) -> Any:
    momentum = {"momentum": 0.9} if solver == "sgd" else {}
    return TinyNetClassifier(
        HIDDEN,
        optimizer=solver,
        lr=RATES[solver],
        batch_size=BATCH,
        epochs=epochs,
        random_state=seed,
        **momentum,
    )


def sklearn_mlp(solver: str, epochs: int, seed: int) -> Any:
    return MLPClassifier(
        HIDDEN,
        solver=solver,
        alpha=0,
        learning_rate_init=RATES[solver],
        momentum=0.9,
        nesterovs_momentum=False,
        batch_size=BATCH,
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        random_state=seed,
    )


MAKERS = {"TinyNetClassifier": tinynet, "MLPClassifier": sklearn_mlp}


def measure(task: Task, solver: str, epochs: int, seeds: range) -> dict[str, list[Any]]:
    """Per classifier its (seconds, accuracy in percent) of every seed."""
    results: dict[str, list[Any]] = {name: [] for name in MAKERS}
    for seed in seeds:
        for name, make in MAKERS.items():
            print(f"{solver}, seed {seed}, {name}", file=sys.stderr)
            model = make(solver, epochs, seed)
            start = time.perf_counter()
            model.fit(task.X, task.y)
            seconds = time.perf_counter() - start
            results[name].append((seconds, 100 * model.score(task.X_test, task.y_test)))
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"of each fit ({EPOCHS})")
    parser.add_argument("--seeds", type=int, default=5, help="fits of each (5)")
    add_keep(parser)
    options = parse(parser)
    warnings.simplefilter("ignore", ConvergenceWarning)  # so few epochs are what is compared
    task = load_task()
    print(f"\n{headline()}\n\n{options.epochs} epochs, {options.seeds} seeds, in turns:\n")
    rows, faults = [], []
    for solver in RATES:
        measure(task, solver, options.epochs, range(1000, 1001))
        results = measure(task, solver, options.epochs, range(options.seeds))
        ours = [seconds for seconds, _ in results["TinyNetClassifier"]]
        means = {}
        for name, fits in results.items():
            seconds, accuracies = zip(*fits)
            ratio = statistics.median(theirs / own for theirs, own in zip(seconds, ours))
            if (solver, name) == ("adam", "MLPClassifier"):
                kept = f"{ratio:.2f}"
            means[name] = statistics.mean(accuracies)
            times = (f"{t:.2f}" for t in (statistics.median(seconds), min(seconds), max(seconds)))
            spread = f"{min(accuracies):.2f} to {max(accuracies):.2f}"
            rows.append((solver, name, *times, f"{ratio:.2f}", f"{means[name]:.2f}", spread))
        if means["TinyNetClassifier"] < means["MLPClassifier"] - BAND:
            faults.append(f"{solver}: {means}")
    header = ("optimizer", "classifier", "seconds, median", "min", "max")
    print_table((*header, "/ tinynet", "accuracy, mean (%)", "of the seeds"), rows)
    if options.seeds < ENOUGH:
        print(f"\n{options.seeds} seeds are too few to compare accuracies; that takes {ENOUGH}.")
    elif faults:
        sys.exit(f"error: less is learned: {'; '.join(faults)}")
    keep({"estimator": kept}, options.keep)


if __name__ == "__main__":
    main()
