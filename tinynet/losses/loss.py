"""What all losses share: the reduction to one number, and where the gradient starts."""

from typing import Any

import numpy as np

from tinynet import kernels
from tinynet.module import Module
from tinynet.support.checks import float_array
from tinynet.support.options import Choice, WithOptions
from tinynet.support.types import Array


class Loss(Module, WithOptions):
    """A loss whose forward keeps, at the end, how much each of its rows counts in the mean."""

    reduction = Choice("mean", "sum", "none")
    _losses = "(N,)"  # what is returned if they are not reduced

    def __init__(self, reduction: str) -> None:
        self.reduction = reduction

    def backward(self, dy: Any = 1.0) -> Array:
        """dLoss/dinput.

        Parameters
        ----------
        dy : float, or ndarray with ``reduction="none"``
            The derivative of whatever follows with respect to this loss; an array has the shape of
            the losses.

        Returns
        -------
        ndarray
            The shape of forward's first argument.

        Raises
        ------
        RuntimeError
            If there was no forward since the last backward.
        """
        if self.reduction == "none":
            if not isinstance(dy, np.ndarray):
                raise ValueError(
                    f'{self!r}.backward: with reduction="none" it needs dy, an array '
                    f"{self._losses}: the derivative with respect to each loss"
                )
            _, *kept, counts = self.kept(dy)
            share = float_array(self, dy, counts.dtype).reshape(-1)
            return self._gradient(share, *kept)
        if not isinstance(dy, (int, float, np.integer, np.floating)):
            raise ValueError(f"{self!r}.backward: dy is the derivative of one number; give a float")
        _, *kept, counts = self.kept(dy)
        share = np.empty_like(counts)
        if self.reduction == "mean":
            kernels.row_mean_dx(float(dy), counts, share)  # share = dy / counts.sum()
        else:
            kernels.fill(float(dy), len(share), share)
        return self._gradient(share, *kept)

    def _gradient(self, dy: Array, *kept: Any) -> Array:
        """dLoss/dinput, where dy has one number for each row, (N,)."""
        raise NotImplementedError

    def _reduced(self, losses: Array, counts: Array) -> Any:
        """The loss, where row n counts `counts[n]` in the mean (NaN if nothing counts)."""
        if self.reduction == "none":
            return losses
        if self.reduction == "sum":
            return kernels.total(losses)
        return kernels.row_mean(losses, counts)  # losses.sum() / counts.sum()
