"""Normalisation: each feature at mean 0 and variance 1, whatever the layers before it do.

What a layer learns then need not follow every change of those before it. As the network learns,
mean and variance are those of the batch; in evaluation they are running averages of these, so that
a row's answer does not depend on its company.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinynet import kernels
from tinynet.module import Module, Parameter
from tinynet.support.checks import check_float_dtype, check_size, feature_rows, float_array
from tinynet.support.options import Flag, Number, OptionalNumber, WithOptions, code
from tinynet.support.types import Array


class BatchNorm1d(Module, WithOptions):
    """Normalises each feature over the batch, then scales and shifts it as it learns to.

    ::

        forward    mean = x.mean(axis=0),  var = ((x - mean)**2).mean(axis=0)    (C,)
                   z  = (x - mean) / sqrt(var + eps)                             (N, C)
                   y  = z * weight + bias                                        (N, C)
        backward   dweight += (dy * z).sum(axis=0),  dbias += dy.sum(axis=0)     (C,)
                   dz = dy * weight                                              (N, C)
                   dx = (dz - dz.mean(axis=0) - z * (dz * z).mean(axis=0)) / sqrt(var + eps)

    Where dx comes from, for one feature with s = sqrt(var + eps): x_n reaches the loss in three
    ways, and dx_n is the sum of what comes back through each.

    1. By z_n = (x_n - mean) / s itself: ``dz_n / s``.
    2. By the mean, of which x_n is one N-th. Raised by 1, it lowers every z by 1 / s, so it gets
       ``-dz.sum() / s``, and hands x_n ``-dz.mean() / s``. (It moves the variance, too, but not at
       first order: the differences x - mean sum to 0.)
    3. By the variance. Since z is (x - mean) * (var + eps)**(-1/2), it gets ``-(dz * z).sum() / (2
       * s**2)``. x_n raises it by ``2 * (x_n - mean) / N``, which is ``2 * s * z_n / N``, and gets
       ``-z_n * (dz * z).mean() / s``.

    In evaluation mean and var are numbers that do not depend on x: 1. alone is left, ``dx = dz /
    s``. (Ioffe, Szegedy 2015, "Batch normalization", section 3.)

    Parameters
    ----------
    num_features : int
        C.
    eps : float
        Added to the variance, within the root.
    momentum : float or None
        How much of the latest batch goes into the running averages, ``running = (1 - momentum) *
        running + momentum * latest``; None: they are the means over all batches so far.
    affine : bool
        Whether there are `weight` and `bias`.
    track_running_stats : bool
        Whether there are running averages; without them, evaluation goes by the batch, too.
    dtype : numpy.float32 or numpy.float64

    Attributes
    ----------
    weight, bias : Parameter or None
        (C,), ones and zeros at first.
    running_mean, running_var : ndarray (C,) or None
        The averages, that of the variance unbiased: of ``var * N / (N - 1)``.
    num_batches_tracked : ndarray () of int64 or None

    Raises
    ------
    ValueError
        From forward, if the statistics are those of a single row: its variance is 0.
    """

    buffers = ("running_mean", "running_var", "num_batches_tracked")
    sizes = ("num_features",)
    torch_layer = "BatchNorm1d"
    onnx_operation = "BatchNormalization"
    onnx_attributes = {"epsilon": lambda layer: layer.eps}
    onnx_inputs = ()
    onnx_constants = {  # all four are needed there, also those that are None here
        "weight": lambda layer: layer.evaluated()[2],
        "bias": lambda layer: layer.evaluated()[3],
        "running_mean": lambda layer: layer.evaluated()[0],
        "running_var": lambda layer: layer.evaluated()[1],
    }
    equations = (
        "y = (x - mean) / sqrt(var + eps) * weight + bias",
        "dx = (dz - dz.mean() - z * (dz * z).mean()) / sqrt(var + eps),  dz = dy * weight",
    )
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
        mean, var, by_batch = x.mean(axis=0), x.var(axis=0), self._goes_by_batch()
        if not by_batch:
            mean, var = self.evaluated()[:2]
        _, _, weight, bias = self.evaluated(mean, var)
        z = (x - mean) / np.sqrt(var + self.eps)
        dz = dy * weight
        told = {"mean": mean, "var": var, "z": z, "weight": weight, "bias": bias, "dz": dz}
        told["through_mean"] = dz.mean(axis=0) * by_batch
        told["through_var"] = (dz * z).mean(axis=0) * by_batch
        batch = "dx = (dz - dz.mean() - z * (dz * z).mean()) / sqrt(var + eps)"
        told["way"] = np.array(batch if by_batch else "dx = dz / sqrt(var + eps): in evaluation")
        return told

    def row_shape(self) -> tuple[int]:
        return (self.num_features,)

    @property
    def javascript(self) -> str | None:  # type: ignore[override]
        if self.running_mean is None:
            return None
        return (
            "x.map((value, i) => (value - layer.running_mean[i])"
            " / Math.sqrt(layer.running_var[i] + layer.eps)"
            " * (layer.weight ? layer.weight[i] : 1) + (layer.bias ? layer.bias[i] : 0))"
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
        check_size("BatchNorm1d", "num_features", num_features)
        check_float_dtype("BatchNorm1d", dtype)
        C = self.num_features = int(num_features)
        self.eps, self.momentum = eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        self.weight = Parameter(np.ones(C, dtype)) if self.affine else None
        self.bias = Parameter(np.zeros(C, dtype)) if self.affine else None
        if self.track_running_stats:
            self.running_mean, self.running_var = np.zeros(C, dtype), np.ones(C, dtype)
            self.num_batches_tracked = np.zeros((), np.int64)

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        x = self._checked(x)
        mean, var = np.empty_like(x, shape=x.shape[1]), np.empty_like(x, shape=x.shape[1])
        by_batch, z = self._goes_by_batch(), np.empty_like(x)
        if not by_batch:
            kernels.copied(self.running_mean, mean)
            kernels.copied(self.running_var, var)
        elif len(x):
            kernels.column_mean(x, mean)  # mean = x.mean(axis=0)
            kernels.column_variance(x, mean, var)  # var = ((x - mean)**2).mean(axis=0)
        if self.training and self.track_running_stats:
            self._track(mean, var, len(x))
        kernels.normalize(x, mean, var, self.eps, z)  # z = (x - mean) / sqrt(var + eps)
        self.keep(z, var, by_batch)
        if self.weight is None or self.bias is None:
            return z
        y = np.empty_like(z)
        kernels.scale_and_shift(z, self.weight.data, self.bias.data, y)  # y = z * weight + bias
        return y

    def backward(self, dy: Array) -> Array:
        dy, z, var, by_batch = self.kept(dy)
        dz = dy
        if self.weight is not None and self.bias is not None:
            dweight, dbias = np.empty_like(var), np.empty_like(var)
            kernels.column_products(dy, z, dweight)  # dweight = (dy * z).sum(axis=0)
            kernels.linear_db(dy, dbias)  # dbias = dy.sum(axis=0)
            self.weight.accumulate(dweight)
            self.bias.accumulate(dbias)
            dz = np.empty_like(dy)
            kernels.scale_columns(dy, self.weight.data, dz)  # dz = dy * weight
        dx = np.empty_like(z)
        if by_batch:
            # dx = (dz - dz.mean(axis=0) - z * (dz * z).mean(axis=0)) / sqrt(var + eps)
            kernels.normalize_dx(dz, z, var, self.eps, dx)
        else:
            kernels.by_deviation(dz, var, self.eps, dx)  # dx = dz / sqrt(var + eps)
        return dx

    def _track(self, mean: Array, var: Array, rows: int) -> None:
        """Let the running averages take in a batch."""
        kernels.count_one(self.num_batches_tracked)
        if rows == 0:
            return
        unbiased = np.empty_like(var)
        kernels.unbiased(var, rows, unbiased)  # var * N / (N - 1)
        for running, latest in ((self.running_mean, mean), (self.running_var, unbiased)):
            if self.momentum is None:
                kernels.cumulative_average(running, latest, self.num_batches_tracked)
            else:
                kernels.running_average(running, latest, self.momentum)

    def _goes_by_batch(self) -> bool:
        return self.training or self.running_mean is None

    def _checked(self, x: Array) -> Array:
        known = self.running_mean if self.weight is None else self.weight.data
        if isinstance(x, np.ndarray) and x.ndim == 3:
            raise ValueError(
                f"{self!r}: input has shape {x.shape}, expected (N, C); of PyTorch's (N, C, L), "
                "use x.transpose(0, 2, 1).reshape(-1, C)"
            )
        x = float_array(self, x, None if known is None else known.dtype)
        x = feature_rows(self, x, self.num_features, x.dtype)
        if len(x) == 1 and self._goes_by_batch():
            raise ValueError(
                f"{self!r}: expected more than 1 value per channel when training, got input of "
                f"shape {x.shape}: the variance of one row is 0"
            )
        return x

    def evaluated(self, *statistics: Array) -> tuple[Array, Array, Array, Array]:
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
        known = self.running_mean if self.weight is None else self.weight.data
        dtype = "float32" if known is None else known.dtype.name
        return {
            "num_features": self.num_features,
            "eps": self.eps,
            "momentum": self.momentum,
            "affine": self.affine,
            "track_running_stats": self.track_running_stats,
            "dtype": dtype,
        }

    def __repr__(self) -> str:
        dtype = "" if self.options()["dtype"] == "float32" else "np.float64"
        return code(self, str(self.num_features), num_features="", dtype=dtype)
