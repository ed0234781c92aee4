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


def drop_reference(state, x, share, y, mask):
    numbers, seed = np.empty(x.size), int(state[0])
    for i in range(x.size):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        numbers[i] = (seed >> 40) / 2**24
    mask = (numbers >= share).reshape(x.shape).astype(x.dtype)
    return np.array([seed], np.uint64), x * mask, mask


@tn.kernel(drop_reference, updates=("state", "y", "mask"))
def drop(state, x, share, y, mask):
    inputs, outputs, marks = x.reshape(-1), y.reshape(-1), mask.reshape(-1)
    for i in range(inputs.size):
        state[0] = state[0] * np.uint64(6364136223846793005) + np.uint64(1442695040888963407)
        marks[i] = (state[0] >> np.uint64(40)) / 2**24 >= share
        outputs[i] = inputs[i] * marks[i]


def times_reference(dy, mask):
    return dy * mask


@tn.kernel(times_reference, equation="dx = dy * mask", flat=True)
def times(dy, mask, dx):
    for i in range(dy.size):
        dx[i] = dy[i] * mask[i]


class KernelDropout(tn.Module):
    """A share of the inputs becomes 0; the generator's state is an array, moved by a kernel."""

    buffers = ("state",)

    def __init__(self, share=0.25):
        self.share = share
        self.state = np.array([1], np.uint64)

    def forward(self, x):
        y, mask = np.empty_like(x), np.empty_like(x)
        drop(self.state, x, self.share, y, mask)
        self.keep(mask)
        return y

    def backward(self, dy):
        dy, mask = self.kept(dy)
        dx = np.empty_like(dy)
        times(dy, mask, dx)
        return dx
