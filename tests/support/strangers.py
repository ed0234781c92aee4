"""Layers as a user writes them, in a file outside of tinynet that no tool knows."""

from typing import Any

import numpy as np

import tinynet as tn


class Normalised(tn.Module):
    """Each feature by its running mean and variance: y = (x - mean) / sqrt(var + eps) * g + b.

    It has parameters, state and options; PyTorch's SyncBatchNorm computes the same in evaluation.
    """

    buffers = ("mean", "var", "count")
    sizes = ("in_features",)
    torch_layer = "SyncBatchNorm"
    torch_options = {"in_features": "num_features"}
    torch_layout = {
        "g": ("weight", np.asarray),
        "b": ("bias", np.asarray),
        "mean": ("running_mean", np.asarray),
        "var": ("running_var", np.asarray),
        "count": ("num_batches_tracked", np.asarray),
    }
    onnx_operation = "BatchNormalization"
    onnx_attributes = {"epsilon": lambda layer: layer.eps}
    onnx_inputs = ("g", "b", "mean", "var")

    def __init__(self, in_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        self.in_features, self.eps, self.momentum = in_features, eps, momentum
        self.g = tn.Parameter(np.ones(in_features, np.float32))
        self.b = tn.Parameter(np.zeros(in_features, np.float32))
        self.mean = np.zeros(in_features, np.float32)
        self.var = np.ones(in_features, np.float32)
        self.count = np.array(0)

    def forward(self, x: Any) -> Any:
        std = np.sqrt(self.var + np.float32(self.eps))
        self.keep(x, std)
        return (x - self.mean) / std * self.g.data + self.b.data

    def backward(self, dy: Any) -> Any:
        dy, x, std = self.kept(dy)
        self.g.accumulate((dy * (x - self.mean) / std).sum(axis=0))
        self.b.accumulate(dy.sum(axis=0))
        m = np.float32(self.momentum)
        self.mean = (1 - m) * self.mean + m * x.mean(axis=0)
        self.var = (1 - m) * self.var + m * x.var(axis=0)
        self.count = self.count + 1  # of a 0-d array: a number
        return dy * self.g.data / std


class Leaky(tn.Module):
    """An ELU, ``y = where(x > 0, x, slope * (exp(x) - 1))``, in plain NumPy, without parameters."""

    torch_layer = "ELU"
    torch_options = {"slope": "alpha"}
    onnx_operation = "Elu"
    onnx_attributes = {"alpha": lambda layer: layer.slope}

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def forward(self, x: Any) -> Any:
        self.keep(x)
        return np.where(x > 0, x, np.float32(self.slope) * np.expm1(np.minimum(x, 0)))

    def backward(self, dy: Any) -> Any:
        dy, x = self.kept(dy)
        return np.where(x > 0, dy, np.float32(self.slope) * np.exp(np.minimum(x, 0)) * dy)
