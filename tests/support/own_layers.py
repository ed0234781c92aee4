"""Layers as a reader writes them: one on kernels of its own, two in plain NumPy."""

import numpy as np

import tinynet as tn


def leaky_reference(x, slope):
    return np.where(x > 0, x, slope * x)


@tn.kernel(leaky_reference)
def leaky(x, slope, y):
    inputs, outputs = x.reshape(-1), y.reshape(-1)
    for i in range(inputs.size):
        outputs[i] = inputs[i] if inputs[i] > 0 else slope[0] * inputs[i]


def leaky_dx_reference(dy, x, slope):
    return np.where(x > 0, dy, slope * dy)


@tn.kernel(leaky_dx_reference)
def leaky_dx(dy, x, slope, dx):
    upstream, inputs, results = dy.reshape(-1), x.reshape(-1), dx.reshape(-1)
    for i in range(inputs.size):
        results[i] = upstream[i] if inputs[i] > 0 else slope[0] * upstream[i]


def leaky_dslope_reference(dy, x):
    return np.where(x > 0, 0, dy * x).sum(keepdims=True).reshape(1)


@tn.kernel(leaky_dslope_reference)
def leaky_dslope(dy, x, dslope):
    upstream, inputs = dy.reshape(-1), x.reshape(-1)
    dslope[0] = 0
    for i in range(inputs.size):
        if inputs[i] <= 0:
            dslope[0] += upstream[i] * inputs[i]


class KernelLeaky(tn.Module):
    """y = where(x > 0, x, slope * x) with a slope that is learned, all in kernels."""

    def __init__(self, dtype=np.float32):
        self.slope = tn.Parameter(np.array([0.25], dtype))

    def forward(self, x):
        x = np.ascontiguousarray(x)
        y = np.empty_like(x)
        leaky(x, self.slope.data, y)
        self.keep(x)
        return y

    def backward(self, dy):
        dy, x = self.kept(dy)
        dx, dslope = np.empty_like(x), np.empty_like(self.slope.data)
        leaky_dx(dy, x, self.slope.data, dx)
        leaky_dslope(dy, x, dslope)
        self.slope.accumulate(dslope)
        return dx


class NumpyTanh(tn.Module):
    """y = tanh(x), in plain NumPy."""

    def forward(self, x):
        y = np.tanh(x)
        self.keep(y)
        return y

    def backward(self, dy):
        dy, y = self.kept(dy)
        return dy * (1 - y**2)


class NumpyLeaky(KernelLeaky):
    """The same as KernelLeaky, in plain NumPy."""

    def forward(self, x):
        self.keep(x)
        return np.where(x > 0, x, self.slope.data * x)

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.slope.accumulate(np.where(x > 0, 0, dy * x).sum(keepdims=True).reshape(1))
        return np.where(x > 0, dy, self.slope.data * dy)
