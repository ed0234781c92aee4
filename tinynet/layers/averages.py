"""What layers that normalise over the batch share: options, running averages, how they are told.

Forward and backward stand in ``normalization.py``. As the network learns, such a layer goes by the
batch, and lets running averages take in the batch's mean and variance; in evaluation it goes by
these averages, so that a row's answer does not depend on its company.
"""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike

from tinynet import kernels
from tinynet.module import Module, Parameter
from tinynet.support.checks import check_float_dtype, check_size
from tinynet.support.options import Flag, Number, OptionalNumber, WithOptions, code
from tinynet.support.types import Array


class BatchNorm(Module, WithOptions):
    """All of a batch norm but its forward and backward; ``BatchNorm1d`` says what options mean."""

    over: ClassVar[tuple[int, ...]]
    """The axes of x that mean and variance go over: all but that of C."""

    buffers = ("running_mean", "running_var", "num_batches_tracked")
    sizes = ("num_features",)
    onnx_attributes = {"epsilon": lambda layer: layer.eps}
    onnx_inputs = ()
    onnx_constants = {  # all four are needed there, also those that are None here
        "weight": lambda layer: layer.evaluated()[2],
        "bias": lambda layer: layer.evaluated()[3],
        "running_mean": lambda layer: layer.evaluated()[0],
        "running_var": lambda layer: layer.evaluated()[1],
    }
    told = (
        "z = (x - mean) / sqrt(var + eps) = ({x} - {mean}) / sqrt({var} + {eps}) = {z}\n"
        "y = z * weight + bias = {z} * {weight} + {bias} = {y}",
        "dz = dy * weight = {dy} * {weight} = {dz}\n"
        "{way}\ndx = ({dz} - {through_mean} - {z} * {through_var}) / sqrt({var} + {eps}) = {dx}",
    )

    eps, momentum = Number(5e-324), OptionalNumber(0, 1)  # of 0 / 0 nothing could be learned
    affine, track_running_stats = Flag(), Flag()
    running_mean: Array | None = None
    running_var: Array | None = None
    num_batches_tracked: Array | None = None

    def told_numbers(self, x: Array, y: Array, dy: Array) -> dict[str, Array]:
        by_batch = self._goes_by_batch()
        mean, var = (x.mean(self.over), x.var(self.over)) if by_batch else self.evaluated()[:2]
        mean, var, weight, bias = (
            numbers.reshape(-1, *[1] * (x.ndim - 2)) for numbers in self.evaluated(mean, var)
        )
        z = (x - mean) / np.sqrt(var + self.eps)
        dz = dy * weight
        told = {"mean": mean, "var": var, "z": z, "weight": weight, "bias": bias, "dz": dz}
        told["through_mean"] = dz.mean(self.over, keepdims=True) * by_batch
        told["through_var"] = (dz * z).mean(self.over, keepdims=True) * by_batch
        batch = "dx = (dz - dz.mean() - z * (dz * z).mean()) / sqrt(var + eps)"
        told["way"] = np.array(batch if by_batch else "dx = dz / sqrt(var + eps): in evaluation")
        return told

    @property
    def javascript(self) -> str | None:  # type: ignore[override]
        if self.running_mean is None:
            return None
        i = "Math.floor(i * layer.num_features / x.length)" if len(self.over) > 1 else "i"
        return (
            f"x.map((value, i) => (value - layer.running_mean[{i}])"
            f" / Math.sqrt(layer.running_var[{i}] + layer.eps)"
            f" * (layer.weight ? layer.weight[{i}] : 1) + (layer.bias ? layer.bias[{i}] : 0))"
        )

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: DTypeLike = np.float32,
    ) -> None:
        check_size(type(self).__name__, "num_features", num_features)
        check_float_dtype(type(self).__name__, dtype)
        C = self.num_features = int(num_features)
        self.eps, self.momentum = eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(np.ones(C, dtype)) if self.affine else None
        self.bias = Parameter(np.zeros(C, dtype)) if self.affine else None
        if self.track_running_stats:
            self.running_mean, self.running_var = np.zeros(C, dtype), np.ones(C, dtype)
            self.num_batches_tracked = np.zeros((), np.int64)

    def _track(self, mean: Array, var: Array, M: int) -> None:
        """Let the running averages take in those of a batch, which are over M numbers."""
        kernels.count_one(self.num_batches_tracked)
        if M == 0:
            return
        unbiased = np.empty_like(var)
        kernels.unbiased(var, M, unbiased)  # var * M / (M - 1)
        for running, latest in ((self.running_mean, mean), (self.running_var, unbiased)):
            if self.momentum is None:
                kernels.cumulative_average(running, latest, self.num_batches_tracked)
            else:
                kernels.running_average(running, latest, self.momentum)

    def _goes_by_batch(self) -> bool:
        return self.training or self.running_mean is None

    def _refuse_one(self, x: Array) -> Array:
        """`x`, unless its statistics would be those of a single number."""
        if x.size == self.num_features and self._goes_by_batch():
            raise ValueError(
                f"{self!r}: expected more than 1 value per channel when training, got input of "
                f"shape {x.shape}: the variance of one {'row' if x.ndim == 2 else 'number'} is 0"
            )
        return x

    def _dtype(self) -> Any:
        """That of its arrays; None if it has none."""
        known = self.running_mean if self.weight is None else self.weight.data
        return None if known is None else known.dtype

    def evaluated(self, *statistics: Array | None) -> tuple[Array, Array, Array, Array]:
        """Mean, variance, weight and bias as evaluation uses them: all arrays.

        Raises
        ------
        ValueError
            If there are no running averages: evaluation goes by the batch.
        """
        mean, var = statistics or (self.running_mean, self.running_var)
        if mean is None or var is None:
            raise ValueError(
                f"{self!r} has no running averages, so that its answers depend on the batch; make "
                "it with track_running_stats=True"
            )
        weight = np.ones_like(mean) if self.weight is None else self.weight.data
        bias = np.zeros_like(mean) if self.bias is None else self.bias.data
        return mean, var, weight, bias

    def options(self) -> dict[str, Any]:
        return {
            "num_features": self.num_features,
            "eps": self.eps,
            "momentum": self.momentum,
            "affine": self.affine,
            "track_running_stats": self.track_running_stats,
            "dtype": "float32" if self._dtype() is None else self._dtype().name,
        }

    def __repr__(self) -> str:
        dtype = "" if self.options()["dtype"] == "float32" else "np.float64"
        return code(self, str(self.num_features), num_features="", dtype=dtype)
