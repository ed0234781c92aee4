"""A checker that cannot fail is worth nothing: here it must find every planted mistake, by name."""

import copy
import hashlib
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tinynet as tn
from tinynet import cli
from tinynet.gradcheck.differences import extrapolated, one_sided

RNG = np.random.default_rng(7)
LABELS = np.array([0, 2, 1, 3, 3, 0])
REPO = Path(tn.__file__).parents[1]


class Dense(tn.Module):
    """A right layer, on plain NumPy; the wrong ones below change one line of it."""

    def __init__(self, inputs=7, outputs=3):
        rng = np.random.default_rng(1)
        self.W = tn.Parameter(rng.normal(size=(inputs, outputs)).astype(np.float32))
        self.b = tn.Parameter(rng.normal(size=outputs).astype(np.float32))

    def forward(self, x):
        self.keep(x)
        return x @ self.W.data + self.b.data

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.add_dW(x, dy)
        self.add_db(dy)
        return self.dx(x, dy)

    def add_dW(self, x, dy):
        self.W.grad += x.T @ dy

    def add_db(self, dy):
        self.b.grad += dy.sum(axis=0)

    def dx(self, x, dy):
        return dy @ self.W.data.T


class Square5(Dense):
    """Square weights, in which a transpose has the right shape."""

    def __init__(self):
        super().__init__(5, 5)


class Tanh(tn.Module):
    def forward(self, x):
        y = np.tanh(x)
        self.keep(y)
        return y

    def backward(self, dy):
        dy, y = self.kept(dy)
        return self.dx(dy, y)

    def dx(self, dy, y):
        return dy * (1 - y**2)


class LeakyReLU(tn.Module):
    def forward(self, x):
        self.keep(x > 0)
        return np.where(x > 0, x, 0.1 * x)

    def backward(self, dy):
        dy, on = self.kept(dy)
        return np.where(on, dy, 0.1 * dy)


class MyReLU(tn.Module):
    def forward(self, x):
        self.keep(x)
        return np.maximum(x, 0)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return np.where(x > 0, dy, 0)


class MySoftmax(tn.Module):
    def forward(self, x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        self.keep(y)
        return y

    def backward(self, dy):
        dy, y = self.kept(dy)
        return self.dx(dy, y)

    def dx(self, dy, y):
        return y * (dy - (dy * y).sum(axis=1, keepdims=True))


class MyLogSoftmax(tn.Module):
    def forward(self, x):
        shifted = x - x.max(axis=1, keepdims=True)
        y = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        self.keep(y)
        return y

    def backward(self, dy):
        dy, y = self.kept(dy)
        return self.dx(dy, y)

    def dx(self, dy, y):
        return dy - np.exp(y) * dy.sum(axis=1, keepdims=True)


class Product(tn.Module):
    """Two inputs, told apart."""

    def forward(self, a, b):
        self.keep(a, b)
        return a * np.sin(b)

    def backward(self, dy):
        dy, a, b = self.kept(dy)
        return dy * np.sin(b), dy * a * np.cos(b)


class SquaredError(tn.Module):
    """A loss of the course's kind: a number, and a backward without arguments."""

    def forward(self, x, target):
        self.keep(x, target)
        return float(((x - target) ** 2).mean())

    def backward(self):
        _, x, target = self.kept(None)
        return self.dx(x, target)

    def dx(self, x, target):
        return 2 * (x - target) / x.size


class Residual(tn.Module):
    """A composite that writes only forward: a block and a path around it."""

    def __init__(self, size=4):
        self.inner = tn.Sequential(tn.Linear(size, 6, rng=1), tn.ReLU(), tn.Linear(6, size, rng=2))
        self.add = tn.Add()
        self.last = tn.LogSoftmax()

    def forward(self, x):
        return self.last(self.add(x, self.inner(x)))


class Tied(tn.Module):
    """One Parameter in two layers."""

    def __init__(self):
        self.first, self.relu, self.second = Square5(), Tanh(), Square5()
        self.second.W = self.first.W

    def forward(self, x):
        return self.second(self.relu(self.first(x)))


class Shift(tn.Module):
    """Every option at once: 3-D, no parameter of two axes, a number as parameter."""

    def __init__(self):
        self.scale = tn.Parameter(np.array(1.5))

    def forward(self, x):
        self.keep(x)
        return self.scale.data * np.cos(x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.scale.grad += (dy * np.cos(x)).sum()
        return -dy * self.scale.data * np.sin(x)


def logits(*shape, scale=30.0):
    return np.random.default_rng(3).uniform(-scale, scale, shape)


RIGHT = {
    "Linear": (tn.Linear(7, 3, rng=0), (5, 7)),
    "Linear without bias": (tn.Linear(4, 4, bias=False, rng=0), (4, 4)),
    "Linear one by one": (tn.Linear(1, 1, rng=0), (3, 1)),
    "Linear float64, one row": (tn.Linear(3, 2, rng=0, dtype=np.float64), (1, 3)),
    "ReLU": (tn.ReLU(), (5, 7)),
    "ReLU 3-D": (tn.ReLU(), (2, 3, 4)),
    "ReLU 1-D": (tn.ReLU(), (6,)),
    "Softmax": (tn.Softmax(), (5, 4)),
    "Softmax axis 0": (tn.Softmax(axis=0), (5, 4)),
    "Softmax 3-D": (tn.Softmax(axis=1), (2, 3, 2)),
    "Softmax of one class": (tn.Softmax(), (5, 1)),
    "Softmax of large logits": (tn.Softmax(), logits(6, 4)),
    "LogSoftmax": (tn.LogSoftmax(), (5, 4)),
    "LogSoftmax axis 0": (tn.LogSoftmax(axis=0), (5, 4)),
    "LogSoftmax of large logits": (tn.LogSoftmax(), logits(6, 4)),
    "LogSoftmax of one class": (tn.LogSoftmax(), (3, 1)),
    "Add": (tn.Add(), (3, 4), (3, 4)),
    "Sequential": (
        tn.Sequential(tn.Linear(5, 8, rng=0), tn.ReLU(), tn.Linear(8, 4, rng=1), tn.LogSoftmax()),
        (6, 5),
    ),
    "Sequential into Softmax": (tn.Sequential(tn.Linear(5, 3, rng=0), tn.Softmax()), (4, 5)),
    "composite with Add": (Residual(), (5, 4)),
    "tied weights": (Tied(), (4, 5)),
    "own Dense": (Dense(), (5, 7)),
    "own Tanh": (Tanh(), (5, 7)),
    "own LeakyReLU": (LeakyReLU(), (5, 7)),
    "own ReLU": (MyReLU(), (5, 7)),
    "own Softmax": (MySoftmax(), (5, 4)),
    "own LogSoftmax": (MyLogSoftmax(), (5, 4)),
    "own two inputs": (Product(), (5, 7), (5, 7)),
    "own loss": (SquaredError(), (5, 7), (5, 7)),
    "own 3-D": (Shift(), (2, 3, 2)),
    "a Sequential of own layers": (tn.Sequential(Dense(), Tanh(), LeakyReLU()), (5, 7)),
}
for reduction in ("mean", "sum", "none"):
    for weight in (None, [1, 2.5, 0.5, 3]):
        for ignored in (-100, 3):
            options = {"reduction": reduction, "weight": weight, "ignore_index": ignored}
            name = f"{reduction} {weight} {ignored}"
            RIGHT[f"NLLLoss {name}"] = (tn.NLLLoss(**options), (6, 4), LABELS)
            for smoothing in (0.0, 0.3):
                RIGHT[f"CrossEntropyLoss {name} {smoothing}"] = (
                    tn.CrossEntropyLoss(**options, label_smoothing=smoothing),
                    (logits(6, 4) if smoothing else (6, 4)),
                    LABELS,
                )
    RIGHT[f"CrossEntropyLoss of probabilities {reduction}"] = (
        tn.CrossEntropyLoss(reduction=reduction, label_smoothing=0.1),
        (6, 4),
        np.random.default_rng(0).dirichlet(np.ones(4), 6),
    )


@pytest.mark.parametrize("name", RIGHT)
def test_right_layers_pass(name):
    module, *inputs = RIGHT[name]
    report = tn.check_gradients(module, *inputs)
    assert report.passed and report, str(report)
    assert "All gradients are right." in str(report)


# ---- planted mistakes: (class, inputs, whose gradient, words)


class Overwrites(Dense):
    def add_dW(self, x, dy):
        self.W.grad = x.T @ dy


class LeaksOldGradient(Dense):
    def add_db(self, dy):
        self.b.grad *= 1 - 1e-9
        self.b.grad += dy.sum(axis=0)


class OverwritesInLoop(Dense):
    def add_dW(self, x, dy):
        dW = np.zeros_like(self.W.grad)
        for n in range(len(x)):
            dW[...] = np.outer(x[n], dy[n])
        self.W.grad += dW


class FirstInputForever(Dense):
    first = None

    def forward(self, x):
        if self.first is None or self.first.shape != x.shape:
            self.first = x
        return super().forward(x)

    def add_dW(self, x, dy):
        self.W.grad += self.first.T @ dy


class OneBehind(Tanh):
    behind = None

    def forward(self, x):
        y = super().forward(x)
        self.used = y if self.behind is None or self.behind.shape != y.shape else self.behind
        self.behind = y
        return y

    def dx(self, dy, y):
        return dy * (1 - self.used**2)


class WeightsOfOldTimes(Dense):
    def __init__(self):
        super().__init__()
        self.transpose = None

    def dx(self, x, dy):
        if self.transpose is None:
            self.transpose = self.W.data.T.copy()
        return dy @ self.transpose


class WeightsOfBirth(Dense):
    def __init__(self):
        super().__init__()
        self.transpose = self.W.data.T.astype(np.float64)

    def dx(self, x, dy):
        return dy @ self.transpose


class WeightsOfTheInput(Dense):
    """Remembers the transpose as long as the input stays the same."""

    seen = None

    def forward(self, x):
        if self.seen is None or not np.array_equal(self.seen, x):
            self.seen, self.transpose = x, self.W.data.T.copy()
        return super().forward(x)

    def dx(self, x, dy):
        return dy @ self.transpose


class DividedByRows(Dense):
    def add_dW(self, x, dy):
        self.W.grad += x.T @ dy / len(x)


class MissingMean(SquaredError):
    def dx(self, x, target):
        return 2 * (x - target)


class MissingOneOverN(tn.NLLLoss):
    def backward(self, dy=1.0):
        return super().backward(dy) * 6


class WeightedMeanByN(tn.NLLLoss):
    def backward(self, dy=1.0):
        return super().backward(dy) * 9.5 / 6


class WrongSign(Dense):
    def add_db(self, dy):
        self.b.grad -= dy.sum(axis=0)


class SignAndN(SquaredError):
    def dx(self, x, target):
        return -2 * (x - target)


class TransposedSquare(Square5):
    def add_dW(self, x, dy):
        self.W.grad += dy.T @ x


class TransposedReshaped(Dense):
    def add_dW(self, x, dy):
        self.W.grad += (dy.T @ x).reshape(self.W.grad.shape)


class TransposedShapes(Dense):
    def add_dW(self, x, dy):
        self.W.grad += dy.T @ x


class UntransposedWeights(Square5):
    def dx(self, x, dy):
        return dy @ self.W.data


class TransposedInputGradient(Tanh):
    def dx(self, dy, y):
        return (dy * (1 - y**2)).T.copy()


class DiagonalSoftmax(MySoftmax):
    def dx(self, dy, y):
        return dy * y * (1 - y)


class SoftmaxForSumZero(MyLogSoftmax):
    def dx(self, dy, y):
        return dy.copy()


class LogSoftmaxForOnes(MyLogSoftmax):
    def dx(self, dy, y):
        return dy - np.exp(y) * y.shape[1]


class SoftmaxOfTheLoss(MySoftmax):
    def dx(self, dy, y):
        return y - 1 / y.shape[1]


class IgnoresUpstream(Tanh):
    def dx(self, dy, y):
        return 1 - y**2


class OnlyUpstream(Tanh):
    def dx(self, dy, y):
        return dy.copy()


class OnlyWrongWhereUpstreamIsOne(Tanh):
    """Right for an upstream of ones: the sum in place of the mean hides there."""

    def dx(self, dy, y):
        return (1 - y**2) * dy.mean(axis=1, keepdims=True)


class NeverQuiteZero(Tanh):
    def dx(self, dy, y):
        return super().dx(dy, y) + 1e-15


class DividesByUpstream(Tanh):
    def dx(self, dy, y):
        scale = np.abs(dy).max()
        return super().dx(dy / scale, y) * scale


class MultipliesMask(MyReLU):
    def backward(self, dy):
        dy, x = self.kept(dy)
        return dy * (x > 0)


class OneAtZero(MyReLU):
    def backward(self, dy):
        dy, x = self.kept(dy)
        return np.where(x >= 0, dy, 0)


class HalfAtZero(MyReLU):
    def backward(self, dy):
        dy, x = self.kept(dy)
        return np.where(x > 0, dy, np.where(x == 0, 0.5 * dy, 0))


class LeakyTwoAtZero(LeakyReLU):
    def forward(self, x):
        self.zero = x == 0
        return super().forward(x)

    def backward(self, dy):
        return np.where(self.zero, 2 * dy, super().backward(dy))


class CastsForward(Dense):
    def forward(self, x):
        self.keep(x)
        y = x.astype(np.float32) @ self.W.data + self.b.data
        return y.astype(np.float64)


class CastsWeights(Dense):
    def forward(self, x):
        self.keep(x)
        return x @ self.W.data.astype(np.float32) + self.b.data


class ReturnsFloat32(Tanh):
    def forward(self, x):
        return super().forward(x).astype(np.float32)


class CastsBackward(Dense):
    def add_dW(self, x, dy):
        self.W.grad += x.T.astype(np.float32) @ dy.astype(np.float32)


class ReturnsFloat32Gradient(Tanh):
    def dx(self, dy, y):
        return super().dx(dy, y).astype(np.float32)


class MutatesInput(Tanh):
    def forward(self, x):
        np.tanh(x, out=x)
        self.keep(x)
        return x.copy()


class MutatesUpstream(Tanh):
    def dx(self, dy, y):
        dy *= 1 - y**2
        return dy.copy()


class MutatesWeights(Dense):
    def dx(self, x, dy):
        dx = super().dx(x, dy)
        self.W.data -= 0.01 * self.W.grad
        return dx


class ReturnsInput(MyReLU):
    def forward(self, x):
        self.keep(x)
        return x

    def backward(self, dy):
        dy, _ = self.kept(dy)
        return dy.copy()


class ReturnsUpstream(ReturnsInput):
    def forward(self, x):
        super().forward(x)
        return x.copy()

    def backward(self, dy):
        return self.kept(dy)[0]


class WrongForOneRow(Dense):
    def add_db(self, dy):
        self.b.grad += dy.squeeze().sum(axis=0)


class CrashesForOneRow(Dense):
    def forward(self, x):
        return super().forward(x.squeeze())


class WrongForNonSquare(Tanh):
    def dx(self, dy, y):
        side = min(dy.shape) if len(dy) > 1 else dy.shape[1]
        dx = np.zeros_like(dy)
        dx[:, :side] = super().dx(dy, y)[:, :side]
        return dx


class WrongForMoreRows(Dense):
    def add_db(self, dy):
        self.b.grad += dy[0]


class WrongForFortran(Tanh):
    def forward(self, x):
        super().forward(x)
        self.memory = x.ravel(order="K")
        return np.tanh(x)

    def dx(self, dy, y):
        return (dy.ravel() * (1 - np.tanh(self.memory) ** 2)).reshape(dy.shape)


class WrongForStrided(Tanh):
    def forward(self, x):
        y = np.tanh(x)
        self.keep(y / 2 if x.strides[-1] == 2 * x.itemsize else y)
        return y


class OneOfMany(Dense):
    def __init__(self):
        super().__init__(40, 30)

    def add_dW(self, x, dy):
        dW = x.T @ dy
        dW[17, 4] *= 1.5
        self.W.grad += dW


class LastColumnForgotten(Dense):
    def add_dW(self, x, dy):
        self.W.grad[:, :-1] += (x.T @ dy)[:, :-1]


class ForgetsBias(Dense):
    def add_db(self, dy):
        pass


class OneBiasOnly(Dense):
    def add_db(self, dy):
        self.b.grad += dy.sum()


class SkipsArgument(Product):
    def backward(self, dy):
        return super().backward(dy)[0]


class ZeroForArgument(Product):
    def backward(self, dy):
        da, db = super().backward(dy)
        return da, 0 * db


class SwapsArguments(Product):
    def backward(self, dy):
        return super().backward(dy)[::-1]


class OffByRounding(Dense):
    def add_dW(self, x, dy):
        self.W.grad += x.T @ dy * (1 + 1e-8)


class OffByAHair(Dense):
    def add_dW(self, x, dy):
        self.W.grad += x.T @ dy * (1 + 1e-12)


class ForgetsReturn(Dense):
    def dx(self, x, dy):
        return None


class ReturnsSum(Dense):
    def dx(self, x, dy):
        return super().dx(x, dy).sum(axis=0)


class ReturnsTranspose(Dense):
    def dx(self, x, dy):
        return super().dx(x, dy).T


class ReturnsList(Dense):
    def dx(self, x, dy):
        return float(super().dx(x, dy).sum())


class Dropout(tn.Module):
    def forward(self, x):
        mask = RNG.random(x.shape) > 0.5
        self.keep(mask)
        return np.where(mask, x, 0)

    def backward(self, dy):
        dy, mask = self.kept(dy)
        return np.where(mask, dy, 0)


class AddsWeightDecay(Dense):
    def add_dW(self, x, dy):
        self.W.grad += x.T @ dy + 1e-3 * self.W.data


class UnusedParameter(Dense):
    def __init__(self):
        super().__init__()
        self.extra = tn.Parameter(np.ones(2))

    def add_db(self, dy):
        super().add_db(dy)
        self.extra.grad += dy.sum()


class DividesByZero(Dense):
    def add_db(self, dy):
        self.b.grad += dy.sum(axis=0) * 0 / 0.0


PLANTED = [
    (Overwrites, [(5, 7)], "W", "overwritten instead of accumulated"),
    (LeaksOldGradient, [(5, 7)], "b", "does not add what the first one did"),
    (OverwritesInLoop, [(5, 7)], "W", "only the last row of the batch counts: overwritten"),
    (FirstInputForever, [(5, 7)], "W", "a stale cache"),
    (OneBehind, [(5, 7)], "input x", "a stale cache"),
    (WeightsOfOldTimes, [(5, 7)], "input x", "a stale cache"),
    (WeightsOfBirth, [(5, 7)], "input x", "after the weights changed in place"),
    (WeightsOfTheInput, [(5, 7)], "input x", "after the weights changed in place"),
    (DividedByRows, [(5, 7)], "W", "too small by a constant factor, 5: divided by N"),
    (
        MissingMean,
        [(5, 7), (5, 7)],
        "input x",
        "too large by a constant factor, 35: a missing 1/(N",
    ),
    (MissingOneOverN, [(6, 4), LABELS], "input log_probs", "a missing 1/(N)"),
    (WeightedMeanByN, [(6, 4), LABELS], "input log_probs", "must be multiplied by 0.6315789"),
    (WrongSign, [(5, 7)], "b", "the sign is wrong"),
    (SignAndN, [(5, 7), (5, 7)], "input x", "a missing 1/(N * C), and its sign is wrong"),
    (TransposedSquare, [(3, 5)], "W", "rows and columns are interchanged"),
    (TransposedReshaped, [(5, 7)], "W", "rows and columns are interchanged"),
    (TransposedShapes, [(5, 7)], None, "a transpose is missing or one too many"),
    (UntransposedWeights, [(3, 5)], "input x", "uses W where its transpose W.T is meant"),
    (TransposedInputGradient, [(5, 5)], "input x", "rows and columns are interchanged"),
    (DiagonalSoftmax, [(5, 4)], "input x", "only the diagonal is there"),
    (SoftmaxForSumZero, [(5, 4)], "input x", "it is just dy"),
    (LogSoftmaxForOnes, [(5, 4)], "input x", "right only where dy is all ones"),
    (SoftmaxOfTheLoss, [(5, 4)], "input x", "does not depend on dy"),
    (IgnoresUpstream, [(5, 7)], "input x", "does not depend on dy"),
    (OnlyUpstream, [(5, 7)], "input x", "just dy; the layer's own derivative is missing"),
    (OnlyWrongWhereUpstreamIsOne, [(5, 7)], "input x", "right only where dy is all ones"),
    (NeverQuiteZero, [(5, 7)], "input x", "gradient 1e-15 from an upstream of zeros"),
    (DividesByUpstream, [(5, 7)], "input x", "gradient nan from an upstream of zeros"),
    (MultipliesMask, [(5, 7)], "input x", "0 * NaN is NaN"),
    (OneAtZero, [(5, 7)], "input x", "at exactly 0"),
    (
        HalfAtZero,
        [(5, 7)],
        "input x",
        "is the mean of both slopes; expected 0, the slope of",
    ),
    (LeakyTwoAtZero, [(5, 7)], "input x", "which is no slope of either side"),
    (CastsForward, [(5, 7)], "input x", "rounds input x"),
    (CastsWeights, [(5, 7)], "W", "rounds W"),
    (ReturnsFloat32, [(5, 7)], None, "returns float32 for float64"),
    (CastsBackward, [(5, 7)], "W", "as after a rounding to float32"),
    (ReturnsFloat32Gradient, [(5, 7)], "input x", "returns float32 for input x"),
    (MutatesInput, [(5, 7)], "input x", "forward changes input x in place"),
    (MutatesUpstream, [(5, 7)], None, "changes dy, its upstream"),
    (MutatesWeights, [(5, 7)], "W", "backward changes W in place"),
    (ReturnsInput, [(5, 7)], "input x", "forward returns the object input x itself"),
    (ReturnsUpstream, [(5, 7)], None, "backward returns dy, its upstream, itself"),
    (WrongForOneRow, [(5, 7)], "b", "for one row (N = 1)"),
    (CrashesForOneRow, [(5, 7)], None, "(for one row (N = 1))"),
    (WrongForNonSquare, [(5, 5)], "input x", "for 4 rows"),
    (WrongForMoreRows, [(1, 7)], "b", "for 2 rows"),
    (WrongForFortran, [(5, 7)], "input x", "wrong for Fortran-order arrays"),
    (WrongForStrided, [(5, 7)], "input x", "wrong for strided arrays"),
    (OneOfMany, [(4, 40)], "W", "only this coordinate is wrong"),
    (LastColumnForgotten, [(5, 7)], "W", "only index 2 of axis 1 is wrong"),
    (ForgetsBias, [(5, 7)], "b", "b is forgotten"),
    (OneBiasOnly, [(5, 7)], "b", "summed over all axes"),
    (SkipsArgument, [(5, 7), (5, 7)], None, "returns 1 gradient(s), expected 2"),
    (ZeroForArgument, [(5, 7), (5, 7)], "input b", "input b is forgotten"),
    (SwapsArguments, [(5, 7), (5, 7)], "input a", "swapped: input b gets the gradient of input a"),
    (OffByRounding, [(5, 7)], "W", "must be multiplied by 0.99999999"),
    (OffByAHair, [(5, 7)], "W", "expected exactly"),
    (ForgetsReturn, [(5, 7)], "input x", "returns None for input x"),
    (ReturnsSum, [(5, 7)], "input x", "shape (7,) for input x, expected (5, 7)"),
    (ReturnsTranspose, [(5, 7)], "input x", "a transpose is missing or one too many"),
    (ReturnsList, [(5, 7)], "input x", "returns float for input x"),
    (Dropout, [(5, 7)], None, "two outputs for one input"),
    (AddsWeightDecay, [(5, 7)], "W", "no simple mistake fits"),
    (UnusedParameter, [(5, 7)], "extra", "forward does not depend on it"),
    (DividesByZero, [(5, 7)], "b", "not finite"),
]


@pytest.mark.parametrize(("wrong", "inputs", "argument", "words"), PLANTED)
def test_planted_mistakes_are_caught_and_named(wrong, inputs, argument, words):
    with pytest.raises(tn.GradientError) as caught:
        tn.check_gradients(wrong(), *inputs)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.argument == argument
    assert not caught.value.report.passed


def fingerprint(module, x):
    parameters = [(p.data, p.grad) for p in module.parameters()]
    return hashlib.sha256(pickle.dumps([parameters, x, module])).hexdigest()


@pytest.mark.parametrize("module", [Residual(), Overwrites(4, 4), DiagonalSoftmax()])
def test_module_and_inputs_stay_as_they_are(module):
    x, dy = RNG.normal(size=(2, 5, 4)).astype(np.float32)
    for parameter in module.parameters():
        parameter.grad = RNG.normal(size=parameter.grad.shape).astype(np.float32)
    twin = copy.deepcopy(module)
    assert np.array_equal(module(x), twin(x))
    before = fingerprint(module, x)
    try:
        tn.check_gradients(module, x)
    except tn.GradientError:
        assert not isinstance(module, Residual)
    assert fingerprint(module, x) == before
    assert np.array_equal(module.backward(dy), twin.backward(dy))  # what forward kept is there yet


def test_the_wrong_coordinate_and_both_values_are_right():
    x = RNG.normal(size=(4, 40))
    with pytest.raises(tn.GradientError) as caught:
        tn.check_gradients(tn.Sequential(OneOfMany(), tn.Softmax()), x)
    error = caught.value
    assert (error.argument, error.coordinate) == ("0.W", (17, 4))
    assert error.analytic == pytest.approx(1.5 * error.numeric, rel=1e-8)
    assert "0.W[17, 4] gets the gradient" in str(error)
    assert f"{error.numeric:.9g}" in str(error)
    assert [row.verdict for row in error.report.rows] == ["WRONG", "right", "right"]


def test_every_wrong_argument_is_marked():
    class TwoMistakes(Dense):
        def add_db(self, dy):
            self.b.grad -= dy.sum(axis=0)

        def dx(self, x, dy):
            return 2 * super().dx(x, dy)

    with pytest.raises(tn.GradientError, match="the sign") as caught:
        tn.check_gradients(TwoMistakes(), (5, 7))
    verdicts = [line.split()[-1] for line in str(caught.value.report).splitlines()[3:6]]
    assert verdicts == ["right", "WRONG", "WRONG"]


@pytest.mark.parametrize("factor", [1 + 1e-8, 1 - 1e-9])
def test_nine_digits_are_not_enough(factor):
    class Nearly(Tanh):
        def dx(self, dy, y):
            return super().dx(dy, y) * factor

    with pytest.raises(tn.GradientError, match=r"must be multiplied by (0\.99999999|1\.000000001)"):
        tn.check_gradients(Nearly(), (5, 7))


class Wave(tn.Module):
    """So fast a wave that no step is small enough."""

    def forward(self, x):
        self.keep(x)
        return np.sin(1e7 * x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return 1e7 * dy * np.cos(1e7 * x)


class Absolute(tn.Module):
    """A kink that no ReLU layer shows."""

    def forward(self, x):
        self.keep(x)
        return np.abs(x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return dy * np.sign(x)


def test_undecided_is_printed_and_never_passes():
    report = tn.check_gradients(Wave(), (2, 3))
    assert not report.passed and not report
    assert "undecided (6 of 6)" in str(report)
    assert "All gradients are right" not in str(report)


def test_one_undecided_probe_or_rule_is_enough():
    report = tn.check_gradients(Dense(), (5, 7))
    undecided = report.rows[1].probes[2]._replace(verdict="undecided")
    probes = [*report.rows[1].probes[:2], undecided]
    rows = [report.rows[0], replace(report.rows[1], probes=probes), report.rows[2]]
    assert replace(report, rows=report.rows).passed
    assert not replace(report, rows=rows).passed
    assert not replace(report, rules=report.rules | {"one row": "undecided for W"}).passed
    assert not replace(report, rules=report.rules | {"one row": "BROKEN"}).passed
    assert not tn.GradientReport("nothing checked").passed


def test_only_a_point_on_a_kink_is_undecided():
    x = RNG.normal(size=(3, 4))
    x[1, 2] = 0
    report = tn.check_gradients(Absolute(), x)
    assert [probe.verdict for probe in report.rows[0].probes].count("undecided") == 1
    assert "undecided (1 of 12)" in str(report)
    assert not report.passed


@pytest.mark.parametrize("beside", [1e-3, -1e-3, 1e-5, -1e-5])
def test_a_point_on_a_kink_beside_another_kink_is_undecided_too(beside):
    """A direction crosses the other kink on one side; the slope of the free side is no proof."""
    x = RNG.normal(size=(3, 4))
    x[1, 2], x[0, 1] = 0, beside
    report = tn.check_gradients(Absolute(), x)
    assert [probe.verdict for probe in report.rows[0].probes].count("undecided") == 1
    assert "undecided" in report.rules["another number of rows is right"]


def test_a_relu_layer_that_stands_at_exactly_zero_counts_as_off():
    x = RNG.normal(size=(3, 4))
    x[1, 2] = 0
    assert tn.check_gradients(tn.ReLU(), x).passed


class Distance(tn.Module):
    """One parameter that moves all rows at once."""

    def __init__(self):
        self.center = tn.Parameter(np.zeros(1))

    def forward(self, x):
        self.keep(x)
        return np.abs(x - self.center.data)

    def backward(self, dy):
        dy, x = self.kept(dy)
        dx = dy * np.sign(x - self.center.data)
        self.center.grad -= dx.sum(axis=0)
        return dx


def test_kinks_on_both_sides_are_told_apart_row_by_row():
    x = np.array([[1e-5], [-1e-5], [0.7], [2.0]])
    assert tn.check_gradients(Distance(), x).passed


def test_a_mistake_between_two_kinks_is_found():
    class Wrong(Distance):
        def backward(self, dy):
            dx = super().backward(dy)
            self.center.grad *= 1 + 1e-6
            return dx

    with pytest.raises(tn.GradientError, match="center"):
        tn.check_gradients(Wrong(), np.array([[1e-5], [-1e-5], [0.7], [2.0]]))


@pytest.mark.parametrize("distance", [3e-3, -6e-4, 2e-5, 1e-6])
@pytest.mark.parametrize("layer", [Absolute, LeakyReLU, MyReLU, tn.ReLU])
def test_a_kink_nearby_does_not_mislead(layer, distance):
    x = RNG.normal(size=(3, 4))
    x[1, 2] = distance
    assert tn.check_gradients(layer(), x).passed


@pytest.mark.parametrize("distance", [3e-3, -6e-4, 2e-5, 1e-6])
def test_a_mistake_beside_a_kink_is_found(distance):
    class OneWrong(Absolute):
        def backward(self, dy):
            dx = super().backward(dy)
            dx.flat[6] *= 1 + 1e-6
            return dx

    x = RNG.normal(size=(3, 4))
    x[1, 2] = distance
    with pytest.raises(tn.GradientError, match=r"input x\[1, 2\].*only this coordinate"):
        tn.check_gradients(OneWrong(), x)


def test_a_mistake_is_located_although_another_row_stands_on_a_kink():
    class OneWrong(Absolute):
        def backward(self, dy):
            dx = super().backward(dy)
            dx[20, 2] *= 1 + 1e-6
            return dx

    x = RNG.normal(size=(30, 8))
    x[3, 3] = 0
    with pytest.raises(tn.GradientError, match=r"input x\[20, 2\].*only this coordinate"):
        tn.check_gradients(OneWrong(), x)


def test_a_net_with_many_kinks_is_decided():
    """Wide and many rows: hardly a probe of the first layer crosses no kink."""
    net = tn.Sequential(Dense(3, 30), tn.ReLU(), Dense(30, 1))
    assert tn.check_gradients(net, (15, 3)).passed


@pytest.mark.parametrize(
    ("layer", "verdict"),
    [
        (tn.ReLU, "takes 0, the flat side"),
        (LeakyReLU, "takes the left-hand slope"),
        (Absolute, "takes the mean of both slopes"),
        (Tanh, "no kink at 0"),
    ],
)
def test_the_convention_at_exactly_zero_is_told(layer, verdict):
    assert tn.check_gradients(layer(), (5, 7)).rules["the slope at exactly 0"] == verdict


def test_small_integers_are_compared_bit_for_bit():
    net = tn.Sequential(tn.Linear(5, 4, rng=0), tn.ReLU(), tn.Linear(4, 3, rng=1))
    exact = tn.check_gradients(net, (6, 5)).rules["small integers, bit for bit"]
    assert exact == "holds for 0.W, 0.b, 2.W, 2.b, input x"


def test_the_report_is_a_table():
    lines = str(tn.check_gradients(tn.Linear(40, 6, rng=0), (2, 40))).splitlines()
    assert lines[0] == "Linear(40, 6)"
    assert lines[2].split("  ")[0] == "parameter or input"
    assert lines[3].split() == ["W", "(40,", "6)", "6", "directions", lines[3].split()[5], "right"]
    assert lines[4].split()[:4] == ["b", "(6,)", "every", "coordinate"]
    assert lines[5].split()[:6] == ["input", "x", "(2,", "40)", "every", "coordinate"]
    assert float(lines[3].split()[5]) < 1e-11


def test_the_same_seed_gives_the_same_report():
    reports = [str(tn.check_gradients(tn.Softmax(), (3, 4), rng=seed)) for seed in (5, 5, 6)]
    assert reports[0] == reports[1] != reports[2]
    generator = np.random.default_rng(5)
    assert str(tn.check_gradients(tn.Softmax(), (3, 4), rng=generator)) == reports[0]


class Only32(tn.Module):
    def forward(self, x):
        if x.dtype != np.float32:
            raise TypeError(f"got {x.dtype}")
        self.keep()
        return 2 * x

    def backward(self, dy):
        return 2 * self.kept(dy)[0]


class Logarithm(tn.Module):
    def forward(self, x):
        self.keep(x)
        return np.log(x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return dy / x


class Pair(Tanh):
    def forward(self, x):
        return super().forward(x), x


def test_a_layer_for_positive_numbers_can_be_checked():
    assert tn.check_gradients(Logarithm(), RNG.uniform(0.2, 3, (4, 5))).passed


@pytest.mark.parametrize(
    ("module", "inputs", "error", "words"),
    [
        (tn.ReLU, [(5, 7)], TypeError, "expected a Module; call it"),
        ("relu", [(5, 7)], TypeError, "expected a Module"),
        (tn.ReLU(), [[1.0, 2.0]], TypeError, "input 0 is list, expected an array"),
        (tn.ReLU(), [np.array([1, np.nan])], ValueError, "input 0 holds NaN or inf"),
        (tn.ReLU(), [np.arange(3)], ValueError, "nothing to differentiate"),
        (tn.Linear(4, 3), [(5, 7)], ValueError, "input has 7 features, expected 4"),
        (tn.NLLLoss(), [(2, 3), np.array([0, 3])], IndexError, "labels"),
        (Only32(), [(5, 7)], TypeError, "works on float32, but not on the float64 copies"),
        (Logarithm(), [-np.ones((2, 3))], ValueError, "is not finite, so it has no derivative"),
        (Pair(), [(5, 7)], TypeError, "forward returns tuple, expected one array"),
    ],
)
def test_what_cannot_be_checked_says_why(module, inputs, error, words):
    with pytest.raises(error, match=words):
        tn.check_gradients(module, *inputs)


def test_extrapolation_is_of_sixth_order():
    def f(t):
        return np.array([np.sin(1 + t), np.exp(3 * t)])

    exact = np.array([np.cos(1), 3])
    errors = [np.abs(extrapolated(f, f(0), h)[0] - exact).max() for h in (0.4, 0.2)]
    assert 50 < errors[0] / errors[1] < 80
    assert np.abs(extrapolated(f, f(0), 1e-2)[0] - exact).max() < 1e-12
    for side in (-1e-2, 1e-2):
        derivative, rest = one_sided(f, f(0), side)
        assert np.abs(derivative - exact).max() < 1e-10 > np.abs(rest).max()


def test_no_kink_hides_from_both_signs_of_it():
    for kink in np.linspace(-1, 1, 401):
        derivative, *rests = extrapolated(
            lambda t, k=kink: np.maximum(t - k, 0), max(-kink, 0), 1.0
        )
        error = min(abs(derivative - 0.0), abs(derivative - 1.0))
        assert error <= 11 * sum(map(abs, rests)) + 1e-12


def test_the_main_lesson_on_real_digits(monkeypatch, capsys):
    net, digits = cli.gradcheck._main_lesson(0)
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        digits = digits[:2]
    monkeypatch.setattr(cli.gradcheck, "_main_lesson", lambda seed: (net, digits))
    assert cli.main(["gradcheck"]) == 0
    table = capsys.readouterr().out
    assert table.count("  right\n") == 9 and table.endswith("All gradients are right.\n")
    net.layers[2].backward = lambda dy: 2 * type(net.layers[2]).backward(net.layers[2], dy)
    with pytest.raises(tn.GradientError):
        cli.main(["gradcheck"])


# ---- the command

FILE = """
import numpy as np
import tinynet as tn

class MyLayer(tn.Module):
    factor = 1

    def forward(self, x):
        self.keep(x)
        return x * np.abs(x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return dy * 2 * np.abs(x) * self.factor

class Wrong(MyLayer):
    factor = -1

class Scaled(MyLayer):
    def __init__(self, scale):
        self.scale = scale

class Crash(MyLayer):
    def forward(self, x):
        return x @ x

class Wave(tn.Module):
    def forward(self, x):
        self.keep(x)
        return np.sin(1e7 * x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return 1e7 * dy * np.cos(1e7 * x)

scaled = Scaled(3)

def loss():
    return tn.CrossEntropyLoss(label_smoothing=0.1)
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "my_layer.py"
    path.write_text(FILE)
    return path


def command(*arguments):
    from tinynet.__main__ import main

    try:
        return main([str(argument) for argument in arguments])
    except SystemExit as stop:
        return stop.code


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("MyLayer", ["--shape", "5,7"]),
        ("MyLayer", ["--shape", "5", "--seed", "3"]),
        ("scaled", ["--shape", "2,3,4"]),
        ("loss", ["--shape", "6,4", "--labels"]),
    ],
)
def test_command_prints_the_table(file, capsys, name, options):
    assert command("gradcheck", f"{file}:{name}", *options) == 0
    assert "All gradients are right." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("target", "options", "code", "words"),
    [
        ("my_layer.py:Wrong", ["--shape", "5,7"], 1, "wrong: Wrong(): input x["),
        ("my_layer.py:Wave", ["--shape", "2,2"], 1, "undecided: try another"),
        ("my_layer.py:Nothing", ["--shape", "5,7"], 1, "my_layer.py defines no Nothing"),
        ("my_layer.py:Scaled", ["--shape", "5,7"], 1, "cannot be made without arguments"),
        ("my_layer.py:Crash", ["--shape", "5,7"], 1, "my_layer.py, line 25: ValueError"),
        ("nowhere.py:MyLayer", ["--shape", "5,7"], 1, "nowhere.py does not exist"),
        ("my_layer.py:np", ["--shape", "5,7"], 1, "is not callable"),
        ("my_layer.py", ["--shape", "5,7"], 2, "not of the form my_layer.py:MyLayer"),
        ("my_layer.py:MyLayer", ["--shape", "5x7"], 2, "not a shape such as 5,7"),
        ("my_layer.py:MyLayer", ["--shape", "5,0"], 2, "not a shape such as 5,7"),
        ("my_layer.py:MyLayer", [], 2, "--shape"),
    ],
)
def test_command_says_in_one_line_what_is_wrong(file, capsys, target, options, code, words):
    assert command("gradcheck", file.parent / target, *options) == code
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert words in last


def test_command_runs_as_a_program(file):
    done = subprocess.run(
        [sys.executable, "-m", "tinynet", "gradcheck", "my_layer.py:Wrong", "--shape", "5,7"],
        cwd=file.parent,
        env=os.environ | {"PYTHONPATH": str(REPO)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 1
    assert "the sign is wrong" in done.stderr
    assert "WRONG" in done.stdout
    assert "Traceback" not in done.stderr
