"""Wrong layers, each with the words that must name its mistake."""

import importlib

import numpy as np
from right_layers import (
    LABELS,
    SIGNS,
    CutWeights,
    Dense,
    Elementwise,
    Hinge,
    LayerNorm,
    LeakyReLU,
    Listed,
    MyLogSoftmax,
    MyReLU,
    MySoftmax,
    PReLU,
    Product,
    ShiftByMax,
    Sort,
    Square5,
    SquaredError,
    Tanh,
    sigmoid,
)

import tinynet as tn

# ---- planted mistakes: (class, inputs, whose gradient, words)


RNG = np.random.default_rng(7)


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
        dx = super().backward(dy)
        return dx * len(dx)


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


class ReLU6(MyReLU):
    """The cut at 6 is forgotten in backward."""

    def forward(self, x):
        self.keep(x)
        return np.clip(x, 0, 6)


def wrong(forward, slope):
    """An elementwise layer whose backward has the slope of another function."""
    return lambda: Elementwise(forward, slope)


class DividedByColumns(Dense):
    def dx(self, x, dy):
        return super().dx(x, dy) / x.shape[1]


class FiveTimes(Dense):
    """A factor that is the number of rows or columns by chance only."""

    def add_dW(self, x, dy):
        self.W.grad += 5 * x.T @ dy


class FiveTimesListed(Listed):
    def dW(self, x, dy):
        return 5 * x.T @ dy


class MissingSum(Dense):
    def add_db(self, dy):
        self.b.grad += dy


class MissingSumAssigned(Dense):
    def add_db(self, dy):
        self.b.grad = dy


class MissingSumAccumulated(Dense):
    def add_db(self, dy):
        self.b.accumulate(dy)


class KeptAxis(Dense):
    def add_db(self, dy):
        self.b.grad += dy.sum(axis=0, keepdims=True)


class OtherAxis(Dense):
    def add_db(self, dy):
        self.b.grad += dy.sum(axis=1)


class MissingSumOfAll(PReLU):
    def backward(self, dy):
        dy, x = self.kept(dy)
        self.slope.accumulate(dy * np.minimum(x, 0))
        return np.where(x > 0, dy, self.slope.data * dy)


class MissingTranspose(Dense):
    def dx(self, x, dy):
        return dy @ self.W.data


class UndefinedName(Dense):
    def dx(self, x, dy):
        return dy @ weights.T  # noqa: F821


class UndefinedAttribute(Dense):
    def dx(self, x, dy):
        return dy @ self.weights.T


class MissingModule(Dense):
    def dx(self, x, dy):
        return importlib.import_module("no_such_module").dx(x, dy)


class MissingKey(Dense):
    def dx(self, x, dy):
        return dy @ {}["shape"]


class LossWithoutUpstream(SquaredError):
    def backward(self, dy=1.0):
        _, x, target = self.kept(None)
        return self.dx(x, target)


class HingeWithoutUpstream(Hinge):
    def backward(self, dy=1.0):
        return super().backward(1.0)


class SumOverColumns(Square5):
    def add_db(self, dy):
        self.b.grad += dy.sum(axis=1)


class ForgottenCut(CutWeights):
    """Weights beyond 6 do not act, and yet get a gradient."""

    def inside(self):
        return 1


class ArrayWeights(tn.Module):
    """All in plain arrays, as in a first course."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.W, self.b = rng.normal(size=(7, 3)), np.zeros(3)

    def forward(self, x):
        self.keep(x)
        return x @ self.W + self.b

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.dW, self.db = self.gradients(x, dy)
        return dy @ self.W.T

    def gradients(self, x, dy):
        return x.T @ dy, dy.sum(axis=0)


class ArrayWeightsWrong(ArrayWeights):
    def gradients(self, x, dy):
        return 5 * x.T @ np.abs(dy), dy.sum(axis=0)


class ArrayWeightsInDicts(ArrayWeights):
    def __init__(self):
        super().__init__()
        self.weights = {"W": vars(self).pop("W"), "b": [vars(self).pop("b")]}
        self.found = {"one": None}

    def forward(self, x):
        self.keep(x)
        return x @ self.weights["W"] + self.weights["b"][0]

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.found["one"] = -3 * x.T @ dy
        return dy @ self.weights["W"].T


class ArrayWeightsLearnAlone(ArrayWeights):
    def backward(self, dy):
        dx = super().backward(dy)
        self.W = self.W - 0.01 * vars(self).pop("dW")
        del self.db
        return dx


class FloatWeight(tn.Module):
    """A slope that is a float, and learned."""

    def __init__(self):
        self.slope = 0.25

    def forward(self, x):
        self.keep(x)
        return np.where(x > 0, x, self.slope * x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.of_slope = float((dy * np.minimum(x, 0)).sum())
        return np.where(x > 0, dy, self.slope * dy)


class Weight:
    def __init__(self, value):
        self.value, self.grad = value, np.zeros_like(value)


class OwnParameterClass(ArrayWeights):
    def __init__(self):
        super().__init__()
        self.W, self.b = Weight(self.W), Weight(self.b)

    def forward(self, x):
        self.keep(x)
        return x @ self.W.value + self.b.value

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.W.grad += x.T @ dy
        self.b.grad += dy.sum(axis=0)
        return dy @ self.W.value.T


class SortedWrong(Sort):
    def forward(self, x):
        self.keep(np.argsort(np.argsort(x, axis=1), axis=1), x.shape)
        return np.sort(x, axis=1)


class ShiftWithoutMax(ShiftByMax):
    def backward(self, dy):
        return self.kept(dy)[0].copy()


class LayerNormWithoutMean(LayerNorm):
    def backward(self, dy):
        dy, z, std = self.kept(dy)
        self.gamma.accumulate((dy * z).sum(axis=0))
        self.beta.accumulate(dy.sum(axis=0))
        return dy * self.gamma.data / std


FAR = [
    (ReLU6, "wrong only where input x is above 6 (1 * dy there, 0 * dy is right)"),
    (
        wrong(lambda x: np.where(x > 0, x, 0.1 * x), lambda x: x > 0),
        "wrong only where input x is negative (0 * dy there, 0.1 * dy is right)",
    ),
    (
        wrong(lambda x: np.where(x > 0, 2 * x, x), lambda x: 1 + 0 * x),
        "wrong only where input x is positive (1 * dy there, 2 * dy is right)",
    ),
    (
        wrong(lambda x: np.maximum(x, -4), lambda x: 1 + 0 * x),
        "wrong only where input x is below -4 (1 * dy there, 0 * dy is right)",
    ),
    (
        wrong(lambda x: np.clip(x, -10, 10), lambda x: 1 + 0 * x),
        "wrong only where input x is below -10 (1 * dy there, 0 * dy is right) and above 10",
    ),
    (
        wrong(lambda x: np.clip(x, -10, 10), lambda x: x > -10),
        "wrong only where input x is above 10 (1 * dy there",
    ),
    (
        wrong(lambda x: np.clip(x, -1, 1), lambda x: 1 + 0 * x),
        "is below -1 (1 * dy there, 0 * dy is right) and above 1 (1 * dy there, 0 * dy",
    ),
    (
        wrong(
            lambda x: x * np.clip(x + 3, 0, 6) / 6, lambda x: np.where(x < -3, 0, (2 * x + 3) / 6)
        ),
        "wrong only where input x is above 3",
    ),
    (
        wrong(
            lambda x: np.where(x > 20, x, np.logaddexp(x, 0)),
            lambda x: np.where(x > 20, 0, sigmoid(x)),
        ),
        "wrong only where input x is above 20 (0 * dy there, 1 * dy is right)",
    ),
    (
        wrong(lambda x: np.where(np.abs(x) > 30, -x, x), lambda x: np.where(x > 30, -1, 1)),
        "wrong only where input x is below -30 (1 * dy there, -1 * dy is right)",
    ),
    (
        wrong(lambda x: np.where((x > 7) & (x < 30), 3 * x, x), lambda x: 1 + 0 * x),
        "wrong only where input x is between 7 and 30 (1 * dy there, 3 * dy is right)",
    ),
]


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
    (DividedByColumns, [(5, 7)], "input x", "too small by a constant factor, 7: divided by C"),
    (FiveTimes, [(6, 7)], "W", "a constant factor: all of it must be multiplied by 0.2"),
    (FiveTimes, [(5, 7)], "W", "a constant factor: all of it must be multiplied by 0.2"),
    (FiveTimesListed, [(6, 7)], "p.0", "a constant factor: all of it must be multiplied by 0.2"),
    (MissingSum, [(5, 7)], None, "a sum over the rows is missing, .sum(axis=0)"),
    (MissingSumAssigned, [(5, 7)], None, "a sum over the rows is missing, .sum(axis=0)"),
    (MissingSumAccumulated, [(5, 7)], None, "a sum over the rows is missing, .sum(axis=0)"),
    (KeptAxis, [(5, 7)], None, "as keepdims=True leaves it"),
    (OtherAxis, [(5, 7)], None, "the sum is over the wrong axis"),
    (SumOverColumns, [(5, 5)], "b", "summed over the columns of dy; sum over its rows"),
    (MissingSumOfAll, [(5, 7)], None, "a sum is missing, .sum()"),
    (MissingTranspose, [(5, 7)], None, "a product do not fit: a transpose is missing"),
    (LossWithoutUpstream, [(5, 7), (5, 7)], "input x", "it does not depend on dy"),
    (HingeWithoutUpstream, [(6, 4), SIGNS], "input scores", "it does not depend on dy"),
    (ForgottenCut, [(5, 7)], "w", "wrong only where w is"),
    (ArrayWeights, [(5, 7)], "W", "W is learned but is no Parameter"),
    (ArrayWeightsWrong, [(5, 7)], "W", "backward writes its gradient into dW"),
    (ArrayWeightsInDicts, [(5, 7)], "weights.W", "backward writes its gradient into found.one"),
    (ArrayWeightsLearnAlone, [(5, 7)], "W", "backward changes it"),
    (FloatWeight, [(5, 7)], "slope", "backward writes its gradient into of_slope"),
    (OwnParameterClass, [(5, 7)], "W.value", "backward writes its gradient into W.grad"),
    (SortedWrong, [(5, 7)], "input x", "the right numbers in another order"),
    (ShiftWithoutMax, [(5, 7)], "input x", "it is just dy"),
    (LayerNormWithoutMean, [(5, 7)], "input x", "no simple mistake fits"),
    *[(layer, [shape], "input x", words) for layer, words in FAR for shape in [(5, 7), (12,)]],
]
"""The class or what makes a layer, the inputs, whose gradient is wrong, and the words."""

CRASHES = [
    (UndefinedName, "backward raises NameError: name 'weights' is not defined"),
    (UndefinedAttribute, "backward raises AttributeError: 'UndefinedAttribute' object has no"),
    (MissingModule, "backward raises ModuleNotFoundError: No module named 'no_such_module'"),
    (MissingKey, "backward raises KeyError: 'shape'"),
]
"""Mistakes that are about no shapes, and the end of what is said."""
