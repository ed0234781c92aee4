"""Softmax and its logarithm: scores of classes become probabilities that sum to 1."""

import numpy as np

from tinynet import kernels
from tinynet.module import Module
from tinynet.support.axes import as_before, rows_along
from tinynet.support.checks import integer
from tinynet.support.types import Array


class Softmax(Module):
    """Turns scores into probabilities that sum to 1 along `axis`.

    ::

        forward    y  = exp(x) / exp(x).sum()
        backward   dx = y * (dy - (dy * y).sum())

    x may have any shape. Every output depends on every input of its row:
    dy_i/dx_j = y_i * ((i == j) - y_j), and dx sums that over i.

    Parameters
    ----------
    axis : int
        The axis of the classes.
    """

    torch_layer = "Softmax"
    torch_options = {"axis": "dim"}
    onnx_operation = "Softmax"
    onnx_attributes = {"axis": lambda layer: layer.axis}
    equations = "y = exp(x) / exp(x).sum()", "dx = y * (dy - (dy * y).sum())"
    told = (
        "y = exp(x) / exp(x).sum() = exp({x}) / {total} = {y}",
        "dx = y * (dy - (dy * y).sum())\ndx = {y} * ({dy} - {sum}) = {dx}",
    )

    def told_numbers(self, x: Array, y: Array, dy: Array) -> dict[str, Array]:
        total = _exp_total(x, self.axis)
        return {"total": total, "sum": (dy * y).sum(self.axis, np.float64, keepdims=True)}

    @property
    def javascript(self) -> str | None:  # type: ignore[override]
        if self.axis not in (-1, 1):
            return None
        return (
            "((highest = Math.max(...x), powers = x.map((value) => Math.exp(value - highest)),"
            " total = powers.reduce((sum, power) => sum + power, 0))"
            " => powers.map((power) => power / total))()"
        )

    def __init__(self, axis: int = -1) -> None:
        self.axis = integer(type(self).__name__, "axis", axis)

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        rows = rows_along(self, x, self.axis)
        y = np.empty_like(rows)
        kernels.softmax(rows, y)  # y = exp(x) / exp(x).sum()
        self.keep(y)
        return as_before(y, x.shape, self.axis)

    def backward(self, dy: Array) -> Array:
        dy, y = self.kept(dy)
        dy_rows, dx = rows_along(self, dy, self.axis), np.empty_like(y)
        kernels.softmax_dx(dy_rows, y, dx)  # dx = y * (dy - (dy * y).sum())
        return as_before(dx, dy.shape, self.axis)

    def __repr__(self) -> str:
        return "Softmax()" if self.axis == -1 else f"Softmax(axis={self.axis})"


class LogSoftmax(Module):
    """The logarithm of Softmax, without ever computing a probability that rounds to 0.

    ::

        forward    y  = x - log(exp(x).sum())
        backward   dx = dy - exp(y) * dy.sum()

    x may have any shape. dy_i/dx_j = (i == j) - exp(y_j): the derivative of log(exp(x).sum()) is
    the softmax.

    Parameters
    ----------
    axis : int
        The axis of the classes.
    """

    torch_layer = "LogSoftmax"
    torch_options = {"axis": "dim"}
    onnx_operation = "LogSoftmax"
    onnx_attributes = {"axis": lambda layer: layer.axis}
    equations = "y = x - log(exp(x).sum())", "dx = dy - exp(y) * dy.sum()"
    told = (
        "y = x - log(exp(x).sum()) = {x} - {log} = {y}\np = exp(y) = {p}",
        "dx = dy - p * dy.sum()\ndx = {dy} - {p} * {sum} = {dx}",
    )

    def told_numbers(self, x: Array, y: Array, dy: Array) -> dict[str, Array]:
        log, p = np.log(_exp_total(x, self.axis)), np.exp(y)
        return {"log": log, "p": p, "sum": dy.sum(self.axis, np.float64, keepdims=True)}

    @property
    def javascript(self) -> str | None:  # type: ignore[override]
        if self.axis not in (-1, 1):
            return None
        return (
            "((highest = Math.max(...x),"
            " total = x.reduce((sum, value) => sum + Math.exp(value - highest), 0))"
            " => x.map((value) => value - highest - Math.log(total)))()"
        )

    def __init__(self, axis: int = -1) -> None:
        self.axis = integer(type(self).__name__, "axis", axis)

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        rows = rows_along(self, x, self.axis)
        y = np.empty_like(rows)
        kernels.log_softmax(rows, y)  # y = x - log(exp(x).sum())
        self.keep(y)
        return as_before(y, x.shape, self.axis)

    def backward(self, dy: Array) -> Array:
        dy, y = self.kept(dy)
        dy_rows, dx = rows_along(self, dy, self.axis), np.empty_like(y)
        kernels.log_softmax_dx(dy_rows, y, dx)  # dx = dy - exp(y) * dy.sum()
        return as_before(dx, dy.shape, self.axis)

    def __repr__(self) -> str:
        return "LogSoftmax()" if self.axis == -1 else f"LogSoftmax(axis={self.axis})"


def _exp_total(x: Array, axis: int) -> Array:
    total: Array = np.exp(x.astype(np.float64)).sum(axis, keepdims=True)
    return total
