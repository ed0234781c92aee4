"""Normalisation: each feature at mean 0 and variance 1, whatever the layers before it do.

What a layer learns then need not follow every change of those before it. As the network learns,
mean and variance are those of the batch; in evaluation they are running averages of these, which
``averages.py`` keeps.
"""

import numpy as np

from tinynet import kernels
from tinynet.layers.averages import BatchNorm
from tinynet.support.checks import feature_rows, float_array
from tinynet.support.types import Array
from tinynet.support.windows import pictures


class BatchNorm1d(BatchNorm):
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

    over = (0,)
    torch_layer, onnx_operation = "BatchNorm1d", "BatchNormalization"
    equations = (
        "y = (x - mean) / sqrt(var + eps) * weight + bias",
        "dx = (dz - dz.mean() - z * (dz * z).mean()) / sqrt(var + eps),  dz = dy * weight",
    )
    told, told_numbers, javascript = BatchNorm.told, BatchNorm.told_numbers, BatchNorm.javascript

    def row_shape(self) -> tuple[int | None, ...]:
        return (self.num_features,)

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

    def _checked(self, x: Array) -> Array:
        if isinstance(x, np.ndarray) and x.ndim == 3:
            raise ValueError(
                f"{self!r}: input has shape {x.shape}, expected (N, C); of PyTorch's (N, C, L), "
                "use x.transpose(0, 2, 1).reshape(-1, C)"
            )
        x = float_array(self, x, self._dtype())
        return self._refuse_one(feature_rows(self, x, self.num_features, x.dtype))


class BatchNorm2d(BatchNorm):
    """Normalises each channel of pictures over the batch, then scales and shifts it.

    ::

        forward    mean = x.mean(axis=(0, 2, 3))                                 (C,)
                   var  = ((x - mean)**2).mean(axis=(0, 2, 3))                   (C,)
                   z  = (x - mean) / sqrt(var + eps)                             (N, C, H, W)
                   y  = z * weight + bias                                        (N, C, H, W)
        backward   dweight += (dy * z).sum(axis=(0, 2, 3))                       (C,)
                   dbias   += dy.sum(axis=(0, 2, 3))                             (C,)
                   dz = dy * weight                                              (N, C, H, W)
                   dx = (dz - dz.mean(axis=(0, 2, 3))
                            - z * (dz * z).mean(axis=(0, 2, 3))) / sqrt(var + eps)

    Beside pictures, a (C,) stands as (C, 1, 1): one number for all positions of a channel.

    This is BatchNorm1d with M = N * H * W rows in place of N. The filter that made a channel is the
    same at every position, so each position of each picture is one more sample of what it finds.
    And so the derivation is that of BatchNorm1d, for one channel with s = sqrt(var + eps), where m
    counts its M numbers: x_m reaches the loss by z_m itself, ``dz_m / s``; by the mean, of which it
    is one M-th, ``-dz.mean() / s``; and by the variance, ``-z_m * (dz * z).mean() / s``. The last
    two come back from all positions of all pictures: dx at one corner of a digit depends on dy at
    the other corner, and at those of its neighbours in the batch.

    Since M is large, a small batch gives good statistics, even a single picture does. In evaluation
    ``dx = dz / s``. (Ioffe, Szegedy 2015, "Batch normalization", section 3.2.)

    Parameters
    ----------
    num_features : int
        C, the number of channels.
    eps : float
    momentum : float or None
    affine : bool
    track_running_stats : bool
    dtype : numpy.float32 or numpy.float64
        All as for BatchNorm1d.

    Attributes
    ----------
    weight, bias : Parameter or None
        (C,), ones and zeros at first.
    running_mean, running_var : ndarray (C,) or None
        The averages, that of the variance unbiased: of ``var * M / (M - 1)``.
    num_batches_tracked : ndarray () of int64 or None

    Raises
    ------
    ValueError
        From forward, if the statistics of a channel are those of a single number.
    """

    over = (0, 2, 3)
    torch_layer, onnx_operation = "BatchNorm2d", "BatchNormalization"
    equations = (
        "y = (x - mean) / sqrt(var + eps) * weight + bias",
        "dx = (dz - dz.mean() - z * (dz * z).mean()) / sqrt(var + eps),  dz = dy * weight",
    )
    told, told_numbers, javascript = BatchNorm.told, BatchNorm.told_numbers, BatchNorm.javascript

    def row_shape(self) -> tuple[int | None, ...]:
        return self.num_features, None, None

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        x = self._checked(x)
        N, C, H, W = x.shape
        mean, var = np.empty_like(x, shape=C), np.empty_like(x, shape=C)
        by_batch, z = self._goes_by_batch(), np.empty_like(x)
        if not by_batch:
            kernels.copied(self.running_mean, mean)
            kernels.copied(self.running_var, var)
        elif x.size:
            kernels.channel_mean(x, mean)  # mean = x.mean(axis=(0, 2, 3))
            kernels.channel_variance(x, mean, var)  # ((x - mean)**2).mean(axis=(0, 2, 3))
        if self.training and self.track_running_stats:
            self._track(mean, var, N * H * W)
        kernels.normalize_channels(x, mean, var, self.eps, z)  # z = (x - mean) / sqrt(var + eps)
        self.keep(z, var, by_batch)
        if self.weight is None or self.bias is None:
            return z
        y = np.empty_like(z)  # y = z * weight + bias
        kernels.scale_and_shift_channels(z, self.weight.data, self.bias.data, y)
        return y

    def backward(self, dy: Array) -> Array:
        dy, z, var, by_batch = self.kept(dy)
        dz = dy
        if self.weight is not None and self.bias is not None:
            dweight, dbias = np.empty_like(var), np.empty_like(var)
            kernels.channel_products(dy, z, dweight)  # (dy * z).sum(axis=(0, 2, 3))
            kernels.channel_sums(dy, dbias)  # dbias = dy.sum(axis=(0, 2, 3))
            self.weight.accumulate(dweight)
            self.bias.accumulate(dbias)
            dz = np.empty_like(dy)
            kernels.scale_channels(dy, self.weight.data, dz)  # dz = dy * weight
        dx = np.empty_like(z)
        if by_batch:
            # dx = (dz - dz.mean() - z * (dz * z).mean()) / sqrt(var + eps), channel by channel
            kernels.normalize_channels_dx(dz, z, var, self.eps, dx)
        else:
            kernels.by_channel_deviation(dz, var, self.eps, dx)  # dx = dz / sqrt(var + eps)
        return dx

    def _checked(self, x: Array) -> Array:
        return self._refuse_one(pictures(self, x, self.num_features, self._dtype()))
