"""What a user of tinynet might write: layers and a loss in a file outside the package."""

import numpy as np

import tinynet as tn


class Gain(tn.Module):
    """With a parameter (gain), a state (mean) and an option (alpha); all that tools ask is told."""

    equations = "y = gain * leaky(x - mean)", "dgain = (dy * z * slope).sum(axis=0),  dx = ..."
    told = (
        "z = x - mean = {x} - {mean} = {z}\n"
        "y = gain * z * slope = {gain} * {z} * {slope} = {y}, or times {alpha}",
        "{side}\ndx = dy * gain * slope = {dy} * {steep} = {dx}\ndgain, all rows: {dgain}",
    )
    javascript = (
        "x.map((value, u) => ((z) => layer.gain[u] * z * (z > 0 ? 1 : layer.alpha))"
        "(value - layer.mean[u]))"
    )

    def __init__(self, features, alpha=0.25):
        self.gain = tn.Parameter(np.linspace(0.5, 1.5, features).astype(np.float32))
        self.mean = np.linspace(-0.5, 0.5, features).astype(np.float32)
        self.alpha = alpha

    def told_numbers(self, x, y, dy):
        z = x - self.mean
        slope = np.where(z > 0, 1, self.alpha)
        side = np.where(z > 0, "z > 0: all of it passes", "z <= 0: it leaks")
        return {"z": z, "slope": slope, "steep": self.gain.data * slope, "side": side}

    def piece_of(self, y):
        return 1 + (y > 0)  # never off

    def forward(self, x):
        z = x - self.mean.astype(x.dtype)
        slope = np.where(z > 0, 1, self.alpha).astype(x.dtype)
        self.keep(z, slope)
        return self.gain.data * z * slope

    def backward(self, dy):
        dy, z, slope = self.kept(dy)
        self.gain.accumulate((dy * z * slope).sum(axis=0))
        return dy * self.gain.data * slope

    def __repr__(self):
        return f"Gain({len(self.mean)}, alpha={self.alpha})"


class ReLU6(tn.Module):
    """Two kinks; below the first a unit is off, above the second it is not."""

    equations = "y = clip(x, 0, 6)", "dx = dy where 0 < y < 6, else 0"
    javascript = "x.map((value) => Math.min(Math.max(value, 0), 6))"

    def piece_of(self, y):
        return (y > 0) + 1 * (y >= 6)

    def forward(self, x):
        y = np.clip(x, 0, 6)
        self.keep(y)
        return y

    def backward(self, dy):
        dy, y = self.kept(dy)
        return dy * ((y > 0) & (y < 6))


class Softplus(tn.Module):
    """Plain NumPy, no parameters, and not a word for any tool."""

    def forward(self, x):
        self.keep(x)
        return np.logaddexp(x, 0)

    def backward(self, dy):
        dy, x = self.kept(dy)
        return dy / (1 + np.exp(-x))


class Dense(tn.Module):
    """A layer like Linear under other names, that says so."""

    equations = "y = x @ weights", "dweights = x.T @ dy,  dx = dy @ weights.T"
    wired_by = ("weights",)
    javascript = (
        "Array.from({length: layer.weights.length / x.length}, (_, o, O = layer.weights.length"
        " / x.length) => x.reduce((sum, value, i) => sum + value * layer.weights[i * O + o], 0))"
    )

    def __init__(self, I, O):
        rng = np.random.default_rng(I + O)
        self.weights = tn.Parameter((rng.standard_normal((I, O)) / I**0.5).astype(np.float32))

    def forward(self, x):
        self.keep(x)
        return x @ self.weights.data

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.weights.accumulate(x.T @ dy)
        return dy @ self.weights.data.T


class Likelihood(tn.Module):
    """A loss over classes that says what it is given."""

    expects = "log-probabilities"

    def forward(self, log_probs, labels):
        self.keep(log_probs, labels)
        return float(-log_probs[np.arange(len(labels)), labels].mean())

    def backward(self, dy=1.0):
        dy, log_probs, labels = self.kept(dy)
        gradient = np.zeros_like(log_probs)
        gradient[np.arange(len(labels)), labels] = -dy / len(labels)
        return gradient

    def accuracy(self, outputs, labels):
        return float(100 * (outputs.argmax(axis=1) == labels).mean())


class Doubled(Dense):
    """Another forward than that of the class above, whose words do not hold for it."""

    def forward(self, x):
        return 2 * super().forward(x)

    def backward(self, dy):
        return super().backward(2 * dy)
