"""The machine room: every equation of this library, once for the reader and once for the machine.

A kernel is a pair. ``linear_reference`` is the equation, in NumPy; ``linear`` is the loop that
Numba compiles, which the layers call. Pairs stand together: ``products.py`` has the matrix products
of Linear, ``convolution.py`` and ``pooling.py`` windows over pictures, ``activations.py`` what
stands between them, ``rows.py`` batches and softmax, ``columns.py`` statistics of features,
``channels.py`` those of pictures' channels, ``masks.py`` random masks, ``losses.py`` the losses
over classes, ``errors.py`` those over numbers, ``updates.py`` the optimizers' steps, ``steps.py``
one of them that needs no gradient. The folders are for later: ``gemm/`` is the one sum that all
products share, ``threads/`` shares it out among all cores if it is large, ``conv/`` the fast way of
a convolution, ``simd/`` the vectors and register tiles of both, and ``jit/`` compiles the pairs,
ties them, and chooses what runs: equations, plain loops or fast ones (``rung.py``).

Kernels expect C-contiguous arrays of one dtype and of matching shapes, and labels in range: layers
and losses see to that. Results go into arrays that the caller hands over, always the last argument.
"""

from tinynet.kernels.activations import leaky_relu, leaky_relu_dx, relu, relu6, relu6_dx, relu_dx
from tinynet.kernels.activations import sigmoid, sigmoid_dx, tanh, tanh_dx
from tinynet.kernels.channels import by_channel_deviation, channel_mean, channel_products
from tinynet.kernels.channels import channel_sums, channel_variance, normalize_channels
from tinynet.kernels.channels import normalize_channels_dx, scale_and_shift_channels, scale_channels
from tinynet.kernels.columns import by_deviation, column_mean, column_products, column_variance
from tinynet.kernels.columns import count_one, cumulative_average, running_average, unbiased
from tinynet.kernels.columns import normalize, normalize_dx, scale_and_shift, scale_columns
from tinynet.kernels.convolution import conv2d, conv2d_dw, conv2d_dx
from tinynet.kernels.convolution import conv_transpose2d, conv_transpose2d_dx
from tinynet.kernels.errors import absolute_errors, absolute_errors_dx, first_no_probability
from tinynet.kernels.errors import binary_cross_entropy, binary_cross_entropy_dx
from tinynet.kernels.errors import logits_cross_entropy, logits_cross_entropy_dx
from tinynet.kernels.errors import squared_errors, squared_errors_dx
from tinynet.kernels.steps import linear_descend, linear_descend_fetching
from tinynet.kernels.jit.kernel import PAIRS
from tinynet.kernels.jit.rung import COMPILES
from tinynet.kernels.losses import as_labels, counted_labels, counted_rows, fill, first_outside
from tinynet.kernels.losses import cross_entropy, cross_entropy_dx, most_likely, nll, nll_dx
from tinynet.kernels.losses import label_targets, label_weights, probability_targets
from tinynet.kernels.losses import percent_right, row_mean, row_mean_dx, total
from tinynet.kernels.masks import keep_mask, multiply
from tinynet.kernels.pooling import avg_pool, avg_pool_dx, max_pool, max_pool_dx
from tinynet.kernels.products import linear, linear_db, linear_dW, linear_dx
from tinynet.kernels.rows import add, copied, gather, gather_scaled, transposed
from tinynet.kernels.rows import log_softmax, log_softmax_dx, softmax, softmax_dx
from tinynet.kernels.simd.lanes import room
from tinynet.kernels.updates import accumulate, add_scaled, all_finite, negative, squares
from tinynet.kernels.updates import adam_direction, descend, rmsprop_direction, shrink, variance
from tinynet.kernels.updates import track_highest, track_mean, track_square, track_velocity

if COMPILES:
    from tinynet.kernels.jit import atomic_llvm  # what words mean to LLVM
    from tinynet.kernels.simd import lanes_llvm, tile_llvm  # and vectors and tiles
