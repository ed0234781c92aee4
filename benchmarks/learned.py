"""What the course's CNN learns in ten epochs, beside PyTorch: `python benchmarks/learned.py`.

For each seed both start from the same weights and see the same batches: 18,000 of the digits that
come with tinynet; the other 2,000 test them. Both compute in float32 and add in other orders, so
that they drift apart, as two seeds do.
"""

import argparse
import statistics
import sys
from pathlib import Path

import numpy as np
import torch
from machine import headline, print_table

import tinynet as tn

sys.path.insert(0, str(Path(__file__).parent / "peers"))

from picture_networks import COURSE
from task import Task, load_task


def course_cnn(seed: int) -> tn.Sequential:
    rng = np.random.default_rng(seed)
    return tn.Sequential(
        tn.Unflatten(1, (1, 28, 28)),
        *(tn.Conv2d(1, 10, 5, padding=1, rng=rng), tn.MaxPool2d(2), tn.ReLU()),
        *(tn.Conv2d(10, 20, 5, padding=1, rng=rng), tn.MaxPool2d(2), tn.ReLU()),
        *(tn.Flatten(), tn.Linear(500, 50, rng=rng), tn.ReLU(), tn.Linear(50, 10, rng=rng)),
    )


def ours_and_theirs(task: Task, seed: int, epochs: int) -> tuple[tuple[float, float], ...]:
    """Test loss and accuracy (%) of tinynet and of PyTorch."""
    net = course_cnn(seed)
    module = tn.to_torch(net).train()
    loaders = [
        tn.DataLoader(task.X, task.y, batch_size=COURSE.batch, shuffle=True, rng=seed)
        for _ in range(2)
    ]
    optimizer = tn.Adam(net.parameters(), lr=COURSE.lr)
    loss_fn = tn.CrossEntropyLoss()
    tn.fit(net, loss_fn, optimizer, loaders[0], epochs=epochs, progress=False)

    theirs = torch.optim.Adam(module.parameters(), lr=COURSE.lr)
    cross_entropy = torch.nn.CrossEntropyLoss()
    for _ in range(epochs):
        for xb, yb in loaders[1]:
            loss = cross_entropy(module(torch.tensor(xb)), torch.tensor(yb))
            theirs.zero_grad()
            loss.backward()
            theirs.step()
    module.eval()
    with torch.no_grad():
        outputs, target = module(torch.tensor(task.X_test)), torch.tensor(task.y_test)
    right = (outputs.argmax(dim=1) == target).double().mean()
    verdict = float(cross_entropy(outputs, target)), 100 * float(right)
    return tn.evaluate(net, loss_fn, task.X_test, task.y_test), verdict


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error(f"--seeds {options.seeds}: one has no deviation; at least 2")
    task = load_task()
    learned = [ours_and_theirs(task, seed, options.epochs) for seed in range(options.seeds)]
    print(f"{headline()}\n")
    rows = []
    for which, score, digits in ((0, "loss", 4), (1, "accuracy (%)", 2)):
        for who, verdicts in zip(("tinynet", "PyTorch"), zip(*learned)):
            scores = [verdict[which] for verdict in verdicts]
            scores += [statistics.fmean(scores), statistics.stdev(scores)]
            rows.append((score, who, *(f"{each:.{digits}f}" for each in scores)))
    seeds = (f"seed {seed}" for seed in range(options.seeds))
    title = f"2,000 digits, after {options.epochs} epochs"
    print_table((title, "", *seeds, "mean", "deviation"), rows)


if __name__ == "__main__":
    main()
