"""A short training run, written by hand, that writes a checkpoint after every batch.

It is imported by the tests of checkpoints, and run by them in processes that get killed.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import tinynet as tn

EPOCHS, BATCHES = 2, 3
STEPS = EPOCHS * BATCHES

OPTIMIZERS: dict[str, Callable[[list[tn.Parameter]], tn.Optimizer]] = {
    "SGD": lambda p: tn.SGD(p, 0.1),
    "SGD with momentum": lambda p: tn.SGD(p, 0.1, momentum=0.9, dampening=0.1, weight_decay=0.01),
    "SGD with Nesterov": lambda p: tn.SGD(p, 0.1, momentum=0.9, nesterov=True),
    "RMSprop": lambda p: tn.RMSprop(p, 0.01, momentum=0.5, centered=True),
    "Adam": lambda p: tn.Adam(p, 0.01),
    "AdamW": lambda p: tn.AdamW(p, 0.01, betas=(0.8, 0.99), amsgrad=True),
}
GENERATORS: dict[str, Callable[[], Any]] = {
    "PCG64": lambda: np.random.default_rng(3),
    "MT19937": lambda: np.random.Generator(np.random.MT19937(3)),
    "Philox": lambda: np.random.Generator(np.random.Philox(3)),
    "SFC64": lambda: np.random.Generator(np.random.SFC64(3)),
    "TorchGenerator": lambda: tn.TorchGenerator(3),
}


class Run:
    """Everything that a run consists of, as it is before the first step."""

    def __init__(
        self,
        optimizer: str = "AdamW",
        generator: str = "PCG64",
        dtype: Any = np.float32,
        shuffle: bool = True,
        drop_last: bool = False,
        planned: bool = False,
    ) -> None:
        rng = np.random.default_rng(0)
        rows = 13
        X = rng.standard_normal((rows, 5)).astype(dtype)
        y = rng.integers(0, 3, rows)
        self.rng = GENERATORS[generator]()
        self.net = tn.Sequential(
            tn.Linear(5, 4, rng=self.rng, dtype=dtype),
            tn.ReLU(),
            tn.Linear(4, 3, bias=False, rng=self.rng, dtype=dtype),
            tn.LogSoftmax(),
        )
        self.loss_fn = tn.NLLLoss()
        self.optimizer = OPTIMIZERS[optimizer](self.net.parameters())
        size = 4 if drop_last else 5  # three batches of 4, or two of 5 and one of 3
        self.loader = tn.DataLoader(X, y, size, shuffle, drop_last, rng=self.rng)
        self.history = tn.History()
        self.running: tn.RunningEpoch | None = None
        self.schedule = tn.CosineLR(EPOCHS) if planned else None
        self.early_stopping = tn.EarlyStopping(EPOCHS) if planned else None
        if self.schedule is not None:
            self.schedule.begin(self.optimizer)

    def parts(self) -> tuple[Any, ...]:
        return self.net, self.optimizer, self.loader, self.history

    def resume(self, path: Path) -> None:
        plan = self.schedule, self.early_stopping
        self.running = tn.load_checkpoint(path, *self.parts(), *plan)

    def save(self, path: Path) -> None:
        plan = self.schedule, self.early_stopping
        tn.save_checkpoint(path, *self.parts(), self.running, *plan)

    def train(self, path: Path, event: Callable[[str], None] = lambda what: None) -> None:
        """Train to the end; `event` hears of each step that was taken and each that was saved."""
        net, optimizer, loader, history = self.parts()
        for epoch in range(len(history), EPOCHS):
            if self.schedule is not None:
                optimizer.lr = self.schedule.lr(epoch)
            if self.running is None:
                self.running = tn.RunningEpoch(loader.order())
            running = self.running
            for batch in range(len(running.losses), len(loader)):
                rows = running.order[batch * loader.batch_size : (batch + 1) * loader.batch_size]
                xb, yb = loader.gather(rows)
                outputs = net(xb)
                loss = self.loss_fn(outputs, yb)
                optimizer.zero_grad()
                net.backward(self.loss_fn.backward())
                optimizer.step()
                running.losses.append(float(loss))
                running.accuracies.append(tn.accuracy(outputs, yb))
                event("step")
                self.save(path)
                event("saved")
            history.train_loss.append(float(np.mean(running.losses)))
            history.train_accuracy.append(float(np.mean(running.accuracies)))
            history.test_loss.append(tn.evaluate(net, tn.NLLLoss(), loader.X, loader.y)[0])
            if self.early_stopping is not None:
                test = loader.X[:4], loader.y[:4]
                history.validation_loss.append(tn.evaluate(net, tn.NLLLoss(), *test)[0])
                self.early_stopping.watch(net, history)
            if self.schedule is None:
                optimizer.lr *= 0.9
            self.running = None
        self.save(path)
