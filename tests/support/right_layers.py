"""Right layers of many kinds, as people write them: the gradient check must pass every one."""

import numpy as np

import tinynet as tn

LABELS = np.array([0, 2, 1, 3, 3, 0])


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


# ---- what people write beside these: switches, orders, pools, norms, and constants


class Elementwise(tn.Module):
    """y = f(x), dx = dy * df(x)."""

    def __init__(self, f, df):
        self.f, self.df = f, df

    def forward(self, x):
        self.keep(x)
        return self.f(x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return dy * self.df(x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu_slope(x):
    a, b = np.sqrt(2 / np.pi), 0.044715
    t = np.tanh(a * (x + b * x**3))
    return 0.5 * (1 + t) + 0.5 * x * (1 - t**2) * a * (1 + 3 * b * x**2)


ELEMENTWISE = {
    "ReLU by a mask": (lambda x: x * (x > 0), lambda x: x > 0),
    "abs": (np.abs, np.sign),
    "square": (np.square, lambda x: 2 * x),
    "cube": (lambda x: x**3, lambda x: 3 * x**2),
    "sine": (np.sin, np.cos),
    "exp": (np.exp, np.exp),
    "gauss": (lambda x: np.exp(-(x**2)), lambda x: -2 * x * np.exp(-(x**2))),
    "sigmoid": (sigmoid, lambda x: sigmoid(x) * (1 - sigmoid(x))),
    "swish": (
        lambda x: x * sigmoid(x),
        lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))),
    ),
    "softsign": (lambda x: x / (1 + np.abs(x)), lambda x: 1 / (1 + np.abs(x)) ** 2),
    "softplus": (lambda x: np.logaddexp(x, 0), sigmoid),
    "softplus, straight above 20": (
        lambda x: np.where(x > 20, x, np.log1p(np.exp(np.minimum(x, 20)))),
        lambda x: np.where(x > 20, 1.0, sigmoid(x)),
    ),
    "ELU": (
        lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
        lambda x: np.where(x > 0, 1.0, np.exp(np.minimum(x, 0))),
    ),
    "GELU": (
        lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        gelu_slope,
    ),
    "ReLU6": (lambda x: np.clip(x, 0, 6), lambda x: (x > 0) & (x < 6)),
    "clip, bounds included": (lambda x: np.clip(x, 0, 1), lambda x: (x >= 0) & (x <= 1)),
    "hardtanh": (lambda x: np.clip(x, -1, 1), lambda x: (x > -1) & (x < 1)),
    "cut at -4": (lambda x: np.maximum(x, -4), lambda x: x > -4),
    "hard sigmoid": (
        lambda x: np.clip(x / 6 + 0.5, 0, 1),
        lambda x: np.where(np.abs(x) < 3, 1 / 6, 0),
    ),
    "hard swish": (
        lambda x: x * np.clip(x + 3, 0, 6) / 6,
        lambda x: np.where(x > 3, 1, np.where(x < -3, 0, (2 * x + 3) / 6)),
    ),
    "soft shrink": (
        lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
        lambda x: np.abs(x) > 0.5,
    ),
    "threshold with a jump": (lambda x: np.where(x > 0.5, x, -2.0), lambda x: x > 0.5),
    "step": (lambda x: (x > 0).astype(x.dtype), lambda x: 0 * x),
    "large and small": (lambda x: 1e6 * x + 3e6, lambda x: 1e6 + 0 * x),
    "tiny": (lambda x: 1e-9 * np.sin(x), lambda x: 1e-9 * np.cos(x)),
    "fast far out": (lambda x: np.sin(x**3), lambda x: 3 * x**2 * np.cos(x**3)),
}
POSITIVE = {
    "logarithm": (np.log, lambda x: 1 / x),
    "root": (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "reciprocal": (lambda x: 1 / x, lambda x: -1 / x**2),
}


class SeededDropout(tn.Module):
    """As PyTorch's own: it multiplies by a mask."""

    def forward(self, x):
        mask = (np.random.default_rng(3).random(x.shape) > 0.5) * 2.0
        self.keep(mask)
        return x * mask

    def backward(self, dy):
        dy, mask = self.kept(dy)
        return dy * mask


class ByIndex(tn.Module):
    """y takes elements of each row of x; dx puts dy back where they were."""

    def backward(self, dy):
        dy, index, shape = self.kept(dy)
        dx = np.zeros(shape, dy.dtype)
        np.put_along_axis(dx, index, dy, axis=1)
        return dx


class Sort(ByIndex):
    def forward(self, x):
        self.keep(np.argsort(x, axis=1), x.shape)
        return np.sort(x, axis=1)


class TopTwo(ByIndex):
    def forward(self, x):
        index = np.argsort(-x, axis=1)[:, :2]
        self.keep(index, x.shape)
        return np.take_along_axis(x, index, axis=1)


class RowMax(ByIndex):
    def forward(self, x):
        index = x.argmax(axis=1)[:, None]
        self.keep(index, x.shape)
        return np.take_along_axis(x, index, axis=1)


class RowMin(ByIndex):
    def forward(self, x):
        index = x.argmin(axis=1)[:, None]
        self.keep(index, x.shape)
        return np.take_along_axis(x, index, axis=1)


class Median(tn.Module):
    def forward(self, x):
        order, middle = np.argsort(x, axis=1), x.shape[1] // 2
        self.keep(order[:, (x.shape[1] - 1) // 2 : middle + 1], x.shape)
        return np.median(x, axis=1)

    def backward(self, dy):
        dy, index, shape = self.kept(dy)
        dx = np.zeros(shape, dy.dtype)
        np.put_along_axis(dx, index, dy[:, None] / index.shape[1], axis=1)
        return dx


class CumulativeMax(tn.Module):
    def forward(self, x):
        y = np.maximum.accumulate(x, axis=1)
        self.keep(np.maximum.accumulate(np.where(x == y, np.arange(x.shape[1]), 0), axis=1))
        return y

    def backward(self, dy):
        dy, index = self.kept(dy)
        dx = np.zeros_like(dy)
        np.add.at(dx, (np.arange(len(dy))[:, None], index), dy)
        return dx


class ShiftByMax(tn.Module):
    def forward(self, x):
        self.keep(x.argmax(axis=1))
        return x - x.max(axis=1, keepdims=True)

    def backward(self, dy):
        dy, index = self.kept(dy)
        dx = dy.copy()
        dx[np.arange(len(dy)), index] -= dy.sum(axis=1)
        return dx


class MaxPool(tn.Module):
    """The largest of every two neighbours, by a mask; ties share."""

    def forward(self, x):
        pairs = x.reshape(len(x), -1, 2)
        y = pairs.max(axis=2)
        mask = pairs == y[:, :, None]
        self.keep(mask / mask.sum(axis=2, keepdims=True))
        return y

    def backward(self, dy):
        dy, mask = self.kept(dy)
        return (dy[:, :, None] * mask).reshape(len(dy), -1)


class Maxout(tn.Module):
    """The largest of k products."""

    def __init__(self):
        self.W = tn.Parameter(np.random.default_rng(2).normal(size=(3, 6, 4)))

    def forward(self, x):
        z = np.einsum("ni,kio->kno", x, self.W.data)
        self.keep(x, z.argmax(axis=0))
        return z.max(axis=0)

    def backward(self, dy):
        dy, x, winner = self.kept(dy)
        dz = np.where(winner == np.arange(3)[:, None, None], dy, 0)
        self.W.accumulate(np.einsum("ni,kno->kio", x, dz))
        return np.einsum("kno,kio->ni", dz, self.W.data)


class Larger(tn.Module):
    def forward(self, a, b):
        self.keep(a > b)
        return np.maximum(a, b)

    def backward(self, dy):
        dy, first = self.kept(dy)
        return dy * first, dy * ~first


class GLU(tn.Module):
    def forward(self, x):
        a, b = np.split(x, 2, axis=1)
        self.keep(a, sigmoid(b))
        return a * sigmoid(b)

    def backward(self, dy):
        dy, a, s = self.kept(dy)
        return np.concatenate([dy * s, dy * a * s * (1 - s)], axis=1)


class LayerNorm(tn.Module):
    def __init__(self, size=7, eps=1e-5):
        self.gamma, self.beta = tn.Parameter(np.linspace(0.5, 2, size)), tn.Parameter(np.ones(size))
        self.eps = eps
        self.axis = 1

    def forward(self, x):
        std = np.sqrt(x.var(axis=self.axis, keepdims=True) + self.eps)
        z = (x - x.mean(axis=self.axis, keepdims=True)) / std
        self.keep(z, std)
        return z * self.gamma.data + self.beta.data

    def backward(self, dy):
        dy, z, std = self.kept(dy)
        self.gamma.accumulate((dy * z).sum(axis=0))
        self.beta.accumulate(dy.sum(axis=0))
        dz = dy * self.gamma.data
        mean = dz.mean(axis=self.axis, keepdims=True)
        return (dz - mean - z * (dz * z).mean(axis=self.axis, keepdims=True)) / std


class BatchNorm(LayerNorm):
    """With a running mean, and like PyTorch's not for one row."""

    def __init__(self, size=7):
        super().__init__(size)
        self.axis, self.mean = 0, np.zeros(size)

    def forward(self, x):
        if len(x) < 2:
            raise ValueError("expected more than 1 row when training")
        self.mean = 0.9 * self.mean + 0.1 * x.mean(axis=0)
        return super().forward(x)


class BatchNormOfOne(BatchNorm):
    def forward(self, x):
        self.mean = 0.9 * self.mean + 0.1 * x.mean(axis=0)
        return LayerNorm.forward(self, x)


class Standardized(tn.Module):
    """Constants of several kinds; what backward writes down is no gradient of them."""

    def __init__(self, size=7):
        rng = np.random.default_rng(4)
        self.mean, self.scale = rng.normal(size=size), rng.uniform(0.5, 2, size)
        self.tables = {"shift": [rng.normal(size=(1, size))], "factor": 1.5}

    def forward(self, x):
        self.keep()
        return (x - self.mean) / self.scale * self.tables["factor"] + self.tables["shift"][0]

    def backward(self, dy):
        (dy,) = self.kept(dy)
        self.norms = np.linalg.norm(dy, axis=0)
        self.dx = dy / self.scale * self.tables["factor"]
        return self.dx.copy()


class Positions(tn.Module):
    """A fixed table of the input's own shape, and a record of what came by."""

    def __init__(self):
        self.table = np.random.default_rng(4).normal(size=(3, 4))

    def forward(self, x):
        self.x = x
        self.keep()
        return x + self.table

    def backward(self, dy):
        (self.dy,) = self.kept(dy)
        self.dx = self.dy.copy()
        return self.dx


class RandomFeatures(tn.Module):
    """Fixed square weights; what backward writes has their shape for seven rows only."""

    def __init__(self):
        self.W = np.random.default_rng(4).normal(size=(7, 7))

    def forward(self, x):
        y = np.tanh(x @ self.W)
        self.keep(y)
        return y

    def backward(self, dy):
        dy, y = self.kept(dy)
        self.between = dy * (1 - y**2)
        return self.between @ self.W.T


class RowNorm(tn.Module):
    def forward(self, x):
        norm = np.linalg.norm(x, axis=1, keepdims=True)
        self.keep(x / norm, norm)
        return x / norm

    def backward(self, dy):
        dy, y, norm = self.kept(dy)
        return (dy - y * (dy * y).sum(axis=1, keepdims=True)) / norm


class Masked(tn.Module):
    """A mask of integers or bools as a second input."""

    def forward(self, x, mask):
        self.keep(mask, x)
        return np.where(mask, x**2, x)

    def backward(self, dy):
        dy, mask, x = self.kept(dy)
        return np.where(mask, 2 * x * dy, dy)


class Rows(tn.Module):
    """An embedding: integers choose rows of W."""

    def __init__(self):
        self.W = tn.Parameter(np.random.default_rng(5).normal(size=(4, 3)))

    def forward(self, index):
        self.keep(index)
        return self.W.data[index]

    def backward(self, dy):
        dy, index = self.kept(dy)
        dW = np.zeros_like(dy, shape=self.W.data.shape)
        np.add.at(dW, index, dy)
        self.W.accumulate(dW)


class PReLU(tn.Module):
    def __init__(self):
        self.slope = tn.Parameter(np.array(0.25))

    def forward(self, x):
        self.keep(x)
        return np.where(x > 0, x, self.slope.data * x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.slope.accumulate((dy * np.minimum(x, 0)).sum())
        return np.where(x > 0, dy, self.slope.data * dy)


class CutWeights(tn.Module):
    """Weights that act up to 6 only."""

    def __init__(self):
        self.w = tn.Parameter(np.linspace(-2, 2, 7))

    def forward(self, x):
        self.keep(x)
        return x * np.clip(self.w.data, -6, 6)

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.w.accumulate((dy * x).sum(axis=0) * self.inside())
        return dy * np.clip(self.w.data, -6, 6)

    def inside(self):
        return np.abs(self.w.data) < 6


class Hinge(tn.Module):
    """A loss with a margin, for labels of -1 and 1."""

    def forward(self, scores, signs):
        self.keep(scores, signs)
        return float(np.maximum(0, 1 - scores * signs).mean())

    def backward(self, dy=1.0):
        dy, scores, signs = self.kept(dy)
        return dy * np.where(scores * signs < 1, -signs, 0) / scores.size


class Huber(tn.Module):
    def forward(self, x, target):
        self.keep(x - target)
        rest = np.abs(x - target)
        return float(np.where(rest < 1, rest**2 / 2, rest - 0.5).sum())

    def backward(self, dy=1.0):
        dy, rest = self.kept(dy)
        return dy * np.clip(rest, -1, 1)


class BinaryCrossEntropy(tn.Module):
    """Of probabilities, kept away from 0 and 1, which an input within [0, 1] never leaves."""

    def forward(self, p, labels):
        p = np.clip(p, 1e-12, 1 - 1e-12)
        self.keep(p, labels)
        return float(-np.where(labels == 1, np.log(p), np.log(1 - p)).mean())

    def backward(self, dy=1.0):
        dy, p, labels = self.kept(dy)
        return dy * (p - labels) / (p * (1 - p)) / p.size


class Running(tn.Module):
    """Sums and products along a row."""

    def forward(self, x):
        self.keep(x)
        return np.cumsum(x, axis=1) + x.prod(axis=1, keepdims=True)

    def backward(self, dy):
        dy, x = self.kept(dy)
        others = np.stack([np.delete(x, j, axis=1).prod(axis=1) for j in range(x.shape[1])], axis=1)
        return dy[:, ::-1].cumsum(axis=1)[:, ::-1] + dy.sum(axis=1, keepdims=True) * others


class Listed(Dense):
    """Its parameters stand in a list and a dict."""

    def __init__(self):
        super().__init__()
        self.p = [vars(self).pop("W"), {"b": vars(self).pop("b")}]

    def forward(self, x):
        self.keep(x)
        return x @ self.p[0].data + self.p[1]["b"].data

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.p[0].accumulate(self.dW(x, dy))
        self.p[1]["b"].accumulate(dy.sum(axis=0))
        return dy @ self.p[0].data.T

    def dW(self, x, dy):
        return x.T @ dy


class Heads(tn.Module):
    def __init__(self):
        self.stem, self.add = Dense(5, 4), tn.Add()
        self.heads = {"x": Dense(4, 3), "y": [Dense(4, 3)]}

    def forward(self, x):
        h = self.stem(x)
        return self.add(self.heads["x"](h), self.heads["y"][0](h))


SIGNS = np.random.default_rng(6).choice([-1, 1], (6, 4))
KINDS = {
    **{name: (Elementwise(*rules), (5, 7)) for name, rules in ELEMENTWISE.items()},
    **{f"{name} of 1": (Elementwise(*rules), (2, 1)) for name, rules in ELEMENTWISE.items()},
    **{
        name: (Elementwise(*rules), np.random.default_rng(8).uniform(0.2, 3, (5, 7)))
        for name, rules in POSITIVE.items()
    },
    "seeded dropout": (SeededDropout(), (5, 7)),
    "sort": (Sort(), (5, 7)),
    "top two": (TopTwo(), (5, 7)),
    "row max": (RowMax(), (5, 7)),
    "row min": (RowMin(), (5, 7)),
    "median of 7": (Median(), (5, 7)),
    "median of 6": (Median(), (5, 6)),
    "cumulative max": (CumulativeMax(), (5, 7)),
    "shift by max": (ShiftByMax(), (5, 7)),
    "max pool": (MaxPool(), (5, 6)),
    "maxout": (Maxout(), (5, 6)),
    "larger of two": (Larger(), (5, 7), (5, 7)),
    "GLU": (GLU(), (5, 6)),
    "layer norm": (LayerNorm(), (5, 7)),
    "batch norm": (BatchNorm(), (5, 7)),
    "batch norm of one row, too": (BatchNormOfOne(), (5, 7)),
    "constants": (Standardized(), (5, 7)),
    "a fixed table": (Positions(), (5, 3, 4)),
    "random features": (RandomFeatures(), (7, 7)),
    "row norm": (RowNorm(), (5, 7)),
    "mask of integers": (Masked(), (5, 7), np.arange(35).reshape(5, 7) % 2),
    "mask of bools": (Masked(), (5, 7), np.arange(35).reshape(5, 7) % 3 == 0),
    "rows by integers": (Rows(), np.array([0, 2, 2, 1])),
    "PReLU": (PReLU(), (5, 7)),
    "cut weights": (CutWeights(), (5, 7)),
    "hinge": (Hinge(), (6, 4), SIGNS),
    "Huber": (Huber(), (6, 4), (6, 4)),
    "binary cross entropy": (
        BinaryCrossEntropy(),
        np.random.default_rng(9).uniform(0.05, 0.95, 12),
        np.arange(12) % 2,
    ),
    "sums and products": (Running(), (4, 5)),
    "parameters in a list": (Listed(), (5, 7)),
    "layers in a dict": (Heads(), (6, 5)),
}
RIGHT |= KINDS
"""By name: the module, and its inputs."""
