"""Learning rates that change with the epochs: large steps first, small ones to finish.

Large steps get far, but at the end they jump to and fro across the lowest point. A schedule makes
them smaller as the run goes on: by a factor every few epochs, or along half a wave of the cosine.
It says one number per epoch; all steps of an epoch use it.
"""

import math

from tinynet.optim import Optimizer
from tinynet.support.checks import number
from tinynet.support.options import Number, WholeNumber, WithOptions


class Schedule(WithOptions):
    """The base of all schedules. A subclass writes ``at(epoch, start_lr)``.

    ``tn.fit(..., schedule=...)`` sets the optimizer's `lr` before every epoch, and leaves it as it
    was in the last one. A loop of one's own calls ``begin`` once, and then
    ``optimizer.lr = schedule.lr(epoch)``.

    Attributes
    ----------
    start_lr : float or None
        The learning rate that the optimizer had when the run began.

    Examples
    --------
    >>> class Halving(tn.Schedule):
    ...     def at(self, epoch, start_lr):
    ...         return start_lr / 2**epoch
    >>> halving = Halving()
    >>> halving.begin(tn.SGD(tn.Linear(2, 2).parameters(), lr=0.4))
    >>> [halving.lr(epoch) for epoch in range(3)]
    [0.4, 0.2, 0.1]
    """

    start_lr: float | None = None

    def begin(self, optimizer: Optimizer) -> None:
        """Start from the optimizer's present learning rate."""
        self.start_lr = float(optimizer.lr)

    def set_lr(self, optimizer: Optimizer, epoch: int) -> None:
        """Give the optimizer the learning rate of an epoch, counted from 0."""
        optimizer.lr = lr = self.lr(epoch)
        optimizer._scheduled = float(self.start_lr or 0), lr

    def lr(self, epoch: int) -> float:
        """The learning rate of an epoch.

        Parameters
        ----------
        epoch : int
            Counted from 0.

        Raises
        ------
        RuntimeError
            If the schedule was not begun.
        TypeError, ValueError
            If it gives what no learning rate can be.
        """
        if self.start_lr is None:
            raise RuntimeError(f"{self!r} has no start_lr; call its begin(optimizer) first")
        return number(repr(self), f"lr of epoch {epoch + 1}", self.at(epoch, self.start_lr), 0)

    def at(self, epoch: int, start_lr: float) -> float:
        """The learning rate of an epoch, counted from 0, in a run that starts from `start_lr`."""
        raise NotImplementedError(f"{type(self).__name__} must define at")

    def __repr__(self) -> str:
        options = (f"{k}={v!r}" for k, v in vars(self).items() if k != "start_lr")
        return f"{type(self).__name__}({', '.join(options)})"


class StepLR(Schedule):
    """Multiplies the learning rate by `gamma` after every `step_size` epochs.

    ::

        lr = start_lr * gamma ** (epoch // step_size)

    Parameters
    ----------
    step_size : int
        In epochs.
    gamma : float
        In [0, 1].

    Examples
    --------
    >>> schedule = tn.StepLR(step_size=2, gamma=0.1)
    >>> schedule.begin(tn.SGD(tn.Linear(2, 2).parameters(), lr=0.5))
    >>> [round(schedule.lr(epoch), 4) for epoch in range(5)]
    [0.5, 0.5, 0.05, 0.05, 0.005]
    """

    step_size, gamma = WholeNumber(1), Number(0, 1)

    def __init__(self, step_size: int, gamma: float = 0.1) -> None:
        self.step_size, self.gamma = step_size, gamma

    def at(self, epoch: int, start_lr: float) -> float:
        return start_lr * self.gamma ** (epoch // self.step_size)


class CosineLR(Schedule):
    """Lowers the learning rate along half a cosine wave (Loshchilov and Hutter 2017, SGDR).

    ::

        lr = lr_min + (start_lr - lr_min) * (1 + cos(pi * epoch / epochs)) / 2

    Slowly at first, fastest half-way, slowly at the end; from then on it stays at `lr_min`.

    Parameters
    ----------
    epochs : int
        How many epochs it takes: usually those of the run.
    lr_min : float
    """

    epochs, lr_min = WholeNumber(1), Number(0)

    def __init__(self, epochs: int, lr_min: float = 0.0) -> None:
        self.epochs, self.lr_min = epochs, lr_min

    def at(self, epoch: int, start_lr: float) -> float:
        wave = math.cos(math.pi * min(epoch, self.epochs) / self.epochs)
        return self.lr_min + (start_lr - self.lr_min) * (1 + wave) / 2
