"""The steps of an epoch, each with the gradient that the workers of a cluster add up."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinynet import kernels
from tinynet.data import DataLoader
from tinynet.distributed.cluster import Shares
from tinynet.distributed.share import Total
from tinynet.rng import Rng, as_generator, seed_of
from tinynet.runs.guard import Guard, advice_after_divergence
from tinynet.runs.progress import polite_interrupt
from tinynet.runs.rehearsal import nothing_counts
from tinynet.runs.run import RunningEpoch, TrainingRun
from tinynet.support.checks import whole_number


class Rows(DataLoader):
    """What a checkpoint has to know of the data: their shapes, the batch size, the generator."""

    def __init__(self, X: Any, y: Any, batch_size: int, rng: Rng) -> None:
        self.X, self.y = X, y
        self.batch_size = whole_number("distributed.fit", "batch_size", batch_size, 1)
        self.shuffle, self.drop_last, self.scale, self.transform = True, False, None, None
        self.rng, self.seed = as_generator(rng), seed_of(rng)

    def next_seed(self) -> int:
        """Of the next epoch's orders."""
        return int(self.rng.random(1, np.float64)[0] * 2**53)


class ClusterSteps:
    """Forward, loss and backward run on the workers; zero_grad and step here.

    Parameters
    ----------
    run : TrainingRun
        Its loader is Rows.
    shares : Shares
        The workers' rows.
    """

    def __init__(self, run: TrainingRun, shares: Shares) -> None:
        self.run, self.shares = run, shares
        self.guard = Guard(run.owner, run.net, run.optimizer)
        self.seed = 0

    def start(self) -> RunningEpoch:
        """A new epoch, for which every worker makes the orders of its blocks from one seed."""
        self.shares.take_in_newcomers()
        self.seed = self.run.loader.next_seed()
        return RunningEpoch(np.empty(0, np.int64))

    def __call__(
        self, epoch: int, running: RunningEpoch, every: int | None
    ) -> Iterator[tuple[list[float], list[float]]]:
        batches = len(self.run.loader)
        for batch in range(batches):
            total = self.shares.gradient(self.seed, batch, batches)
            if total.rows == 0:
                continue  # of fewer rows than blocks, no block may have one to give
            loss = self._take_over(total, epoch, batch)
            with polite_interrupt() as pressed:  # elsewhere Ctrl-C need not wait: for workers, say
                self.guard.step(epoch, batch)
            yield [loss], [100 * total.hits / total.scored if total.scored else float("nan")]
            if pressed():
                raise KeyboardInterrupt

    def _take_over(self, total: Total, epoch: int, batch: int) -> float:
        """Make the workers' sums the gradients here; their mean loss, or NaN if no row counts."""
        net, loss_fn, optimizer = self.run.net, self.run.loss_fn, self.run.optimizer
        if not total.anything:
            raise nothing_counts(self.run.owner, loss_fn)
        divisor = total.count if loss_fn.reduction == "mean" else 1.0
        loss = total.loss / divisor if divisor else float("nan")
        optimizer.zero_grad()
        gradients = [p.accumulate() for p in net.parameters() if p.requires_grad]
        with np.errstate(all="ignore"):  # too small a number is 0, whatever NumPy was told
            for gradient, summed in zip(gradients, total.gradients, strict=True):
                gradient[...] = summed / (divisor or 1.0)
        counts = loss_fn.reduction == "sum" or divisor != 0
        if not ((np.isfinite(loss) or not counts) and all(map(kernels.all_finite, gradients))):
            raise FloatingPointError(
                f"distributed.fit: the loss or a gradient is not finite in epoch {epoch + 1}, "
                f"batch {batch + 1}, with lr = {optimizer.lr:g}. The weights are those before this "
                f"step. {advice_after_divergence(optimizer)}"
            )
        return loss
