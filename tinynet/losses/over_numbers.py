"""The losses over numbers: how far each output is from its target, in any shape.

MSELoss and L1Loss compare numbers, BCELoss and BCEWithLogitsLoss the probability of a yes with what
was right. The mean is over all numbers, not over rows: of N rows of D numbers, each counts
1 / (N * D).
"""

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from tinynet import kernels
from tinynet.losses.loss import Loss
from tinynet.support.checks import float_array
from tinynet.support.options import Weights, code
from tinynet.support.types import Array


class NumberLoss(Loss):
    """What the losses over numbers share: output and target as rows, and how much a row counts."""

    _losses = "of the output's shape"

    def _as_rows(self, output: Array, target: Array) -> tuple[Array, Array]:
        """Both as arrays (N, D); with ``reduction="none"`` each number is a row of its own."""
        owner = type(self).__name__
        output = float_array(owner, output)
        target = float_array(f"{owner}: target", target, output.dtype)
        if output.shape != target.shape:
            raise ValueError(
                f"{owner}: the output has shape {output.shape}, the target {target.shape}; they "
                "must be equal: reshape the target, as in y.reshape(-1, 1)"
            )
        if output.ndim == 0:
            raise ValueError(f"{owner}: the output is a single number, expected an array of them")
        apart = self.reduction == "none"
        shape = (output.size, 1) if apart else (len(output), math.prod(output.shape[1:]))
        return output.reshape(shape), target.reshape(shape)

    def _finished(self, losses: Array, shape: tuple[int, ...], D: int, *kept: Any) -> Any:
        """Keep what backward needs, and reduce: each row holds D numbers."""
        counts = np.empty_like(losses)
        kernels.fill(float(D), len(losses), counts)
        self.keep(shape, *kept, counts)
        return losses.reshape(shape) if self.reduction == "none" else self._reduced(losses, counts)

    def __repr__(self) -> str:
        return code(self)


class MSELoss(NumberLoss):
    """The mean squared error.

    ::

        forward    loss = mean((x - t)**2)
        backward   dx = 2 * (x - t) / size

    where t is the target, and size how many numbers there are.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        One float, or with "none" the squared error of every number.
    """

    told = (
        "(x - t)**2 = ({x} - {target})**2 = {one}",
        "dx = 2 * (x - t) / {size} = 2 * ({x} - {target}) / {size} = {dx}",
    )

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, x: Array, target: Array) -> Any:  # type: ignore[override]
        """The loss.

        Parameters
        ----------
        x, target : ndarray of float32 or float64, any shape
            The output and the target, of one shape and dtype.

        Returns
        -------
        float, or ndarray of the shape of x with ``reduction="none"``

        Raises
        ------
        TypeError, ValueError
            If an array has the wrong dtype, or their shapes differ.
        """
        rows, right = self._as_rows(x, target)
        losses = np.empty(len(rows), rows.dtype)
        kernels.squared_errors(rows, right, losses)  # losses = ((x - target)**2).sum(axis=1)
        return self._finished(losses, x.shape, rows.shape[1], rows, right)

    def _gradient(self, dy: Array, shape: tuple[int, ...], rows: Array, right: Array) -> Array:
        dx = np.empty_like(rows)
        kernels.squared_errors_dx(dy, rows, right, dx)  # dx = dy * 2 * (x - target)
        return dx.reshape(shape)


class L1Loss(NumberLoss):
    """The mean absolute error: an outlier counts as far as it lies, not by the square.

    ::

        forward    loss = mean(abs(x - t))
        backward   dx = sign(x - t) / size

    where t is the target, of the shape of x: any shape. Where x = t the slope counts as 0.

    Parameters
    ----------
    reduction : {"mean", "sum", "none"}
        One float, or with "none" the absolute error of every number.
    """

    told = (
        "abs(x - t) = abs({x} - {target}) = {one}",
        "dx = sign(x - t) / {size} = sign({x} - {target}) / {size} = {dx}",
    )

    def __init__(self, reduction: str = "mean") -> None:
        super().__init__(reduction)

    def forward(self, x: Array, target: Array) -> Any:  # type: ignore[override]
        """The loss of `x` and `target`; shapes, result and errors are those of ``MSELoss``."""
        rows, right = self._as_rows(x, target)
        losses = np.empty(len(rows), rows.dtype)
        kernels.absolute_errors(rows, right, losses)  # losses = abs(x - target).sum(axis=1)
        return self._finished(losses, x.shape, rows.shape[1], rows, right)

    def _gradient(self, dy: Array, shape: tuple[int, ...], rows: Array, right: Array) -> Array:
        dx = np.empty_like(rows)
        kernels.absolute_errors_dx(dy, rows, right, dx)  # dx = dy * sign(x - target)
        return dx.reshape(shape)


class BCELoss(NumberLoss):
    """Binary cross-entropy between probabilities, such as Sigmoid gives, and what was right.

    ::

        forward    loss = mean(-w * (t * log(x) + (1 - t) * log(1 - x)))
        backward   dx = w * (x - t) / max(x * (1 - x), 1e-12) / size

    where t is the target. Each logarithm is at least -100, as in PyTorch: a probability that
    rounded to 0 costs 100 and not infinity. But then the gradient is wrong, and a Sigmoid before it
    multiplies it by a slope that rounded to 0: nothing is learned. ``BCEWithLogitsLoss`` has
    neither fault.

    Parameters
    ----------
    weight : array, optional
        How much each number counts, w; any shape that broadcasts to that of the output.
    reduction : {"mean", "sum", "none"}
        One float, or with "none" the loss of every number. The mean divides by their number,
        whatever they weigh.
    """

    told = (
        "-w * (t * log(x) + (1 - t) * log(1 - x)) = {one}  (x = {x}, t = {target})",
        "dx = w * (x - t) / (x * (1 - x)) / {size} = {dx}",
    )
    weight = Weights()

    def __init__(self, weight: ArrayLike | None = None, reduction: str = "mean") -> None:
        super().__init__(reduction)
        self.weight = weight

    def forward(self, x: Array, target: Array) -> Any:  # type: ignore[override]
        """The loss.

        Parameters
        ----------
        x, target : ndarray of float32 or float64, any shape
            The probability of a yes, and whether it was one (0, 1, or between), of one shape.

        Returns
        -------
        float, or ndarray of the shape of x with ``reduction="none"``

        Raises
        ------
        TypeError, ValueError
            If an array has the wrong dtype, a number is outside [0, 1], or the shapes differ.
        """
        rows, right = self._as_rows(x, target)
        for name, values in (("output", rows), ("target", right)):
            outside = kernels.first_no_probability(values)
            if outside >= 0:
                fix = "; put a Sigmoid before it, or use BCEWithLogitsLoss" * (name == "output")
                raise ValueError(
                    f"BCELoss: the {name} has {values.reshape(-1)[outside]:g} at index "
                    f"{list(map(int, np.unravel_index(outside, x.shape)))}, expected numbers in "
                    f"[0, 1]{fix}"
                )
        weight = spread(self, "weight", self.weight, x.shape, rows)
        losses = np.empty(len(rows), rows.dtype)
        kernels.binary_cross_entropy(rows, right, weight, losses)
        return self._finished(losses, x.shape, rows.shape[1], rows, right, weight)

    def _gradient(
        self, dy: Array, shape: tuple[int, ...], rows: Array, right: Array, weight: Array
    ) -> Array:
        dx = np.empty_like(rows)
        # dx = dy * w * (x - target) / max(x * (1 - x), 1e-12)
        kernels.binary_cross_entropy_dx(dy, rows, right, weight, dx)
        return dx.reshape(shape)


class BCEWithLogitsLoss(NumberLoss):
    """Sigmoid and BCELoss in one: binary cross-entropy of raw scores.

    ::

        forward    loss = mean(w * ((1 - t) * x + (1 + (p - 1) * t) * log(1 + exp(-x))))
        backward   dx = w * ((1 + (p - 1) * t) * sigmoid(x) - p * t) / size

    where t is the target and p `pos_weight`. With p = 1 the gradient is ``sigmoid(x) - t``: what
    the network believes, minus what is true.

    Why it exists: apart, ``log(sigmoid(x))`` of x = -800 is log(0), and the slope of the sigmoid is
    0, so that the worst mistakes teach nothing. In one piece, log(1 + exp(-x)) is computed as
    ``max(-x, 0) + log(1 + exp(-abs(x)))``, which never overflows, and the gradient is never larger
    than the error.

    Parameters
    ----------
    weight : array, optional
        How much each number counts, w; any shape that broadcasts to that of the output.
    reduction : {"mean", "sum", "none"}
        As in ``BCELoss``.
    pos_weight : array, optional
        How much a yes counts beside a no, p; any shape that broadcasts to that of the output.
        More than 1 finds more of them, less than 1 is surer of those that it finds.
    """

    told = (
        "w * ((1 - t) * x + (1 + (p - 1) * t) * log(1 + exp(-x))) = {one}  (x = {x}, t = {target})",
        "dx = w * ((1 + (p - 1) * t) * sigmoid(x) - p * t) / {size} = {dx}",
    )
    weight, pos_weight = Weights(), Weights()

    def __init__(
        self,
        weight: ArrayLike | None = None,
        reduction: str = "mean",
        pos_weight: ArrayLike | None = None,
    ) -> None:
        super().__init__(reduction)
        self.weight, self.pos_weight = weight, pos_weight

    def forward(self, x: Array, target: Array) -> Any:  # type: ignore[override]
        """The loss.

        Parameters
        ----------
        x, target : ndarray of float32 or float64, any shape
            Scores (logits), and whether it was a yes (0, 1, or between), of one shape.

        Returns
        -------
        float, or ndarray of the shape of x with ``reduction="none"``

        Raises
        ------
        TypeError, ValueError
            If an array has the wrong dtype, or their shapes differ.
        """
        rows, right = self._as_rows(x, target)
        weight = spread(self, "weight", self.weight, x.shape, rows)
        positive = spread(self, "pos_weight", self.pos_weight, x.shape, rows)
        losses = np.empty(len(rows), rows.dtype)
        kernels.logits_cross_entropy(rows, right, weight, positive, losses)
        return self._finished(losses, x.shape, rows.shape[1], rows, right, weight, positive)

    def _gradient(self, dy: Array, shape: tuple[int, ...], *kept: Any) -> Array:
        rows, right, weight, positive = kept
        dx = np.empty_like(rows)
        # dx = dy * w * ((1 + (p - 1) * target) * sigmoid(x) - p * target)
        kernels.logits_cross_entropy_dx(dy, rows, right, weight, positive, dx)
        return dx.reshape(shape)


def spread(
    loss: Loss, name: str, weight: Array | None, shape: tuple[int, ...], rows: Array
) -> Array:
    """A weight for every number of `rows`, (N, D), or (1, D) if all rows have the same."""
    if weight is None:
        return np.ones((1, rows.shape[1]), rows.dtype)
    try:
        np.broadcast_to(weight, shape)
    except ValueError:
        raise ValueError(
            f"{type(loss).__name__}: {name} has shape {weight.shape}, which does not broadcast to "
            f"{shape}, the shape of the output"
        ) from None
    of_rows = rows.shape == (shape[0], math.prod(shape[1:]))  # not of numbers, each a row
    alike = of_rows and (weight.ndim < len(shape) or weight.shape[0] == 1)
    there = np.broadcast_to(weight, (1, *shape[1:]) if alike else shape)
    with np.errstate(all="ignore"):
        return there.reshape(1 if alike else len(rows), rows.shape[1]).astype(rows.dtype)
