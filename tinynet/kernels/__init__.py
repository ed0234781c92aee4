"""The machine room: every equation of this library, once for the reader and once for the machine.

A kernel is a pair. ``linear_reference`` is the equation, in NumPy; ``linear`` is the loop that
Numba compiles, which the layers call. Pairs stand together: ``products.py`` has the matrix products
of Linear, ``rows.py`` batches and activations, ``losses.py`` the losses, ``updates.py`` the
optimizers' steps. The folders are for later: ``gemm/`` is the one sum that all products share,
``simd/`` its vectors and register tiles, and ``jit/`` compiles the pairs and ties them.

Kernels expect C-contiguous arrays of one dtype and of matching shapes, and labels in range: layers
and losses see to that. Results go into arrays that the caller hands over, always the last argument.
"""

from tinynet.kernels.gemm.steps import linear_descend, linear_descend_fetching
from tinynet.kernels.jit.kernel import PAIRS
from tinynet.kernels.losses import as_labels, counted_labels, counted_rows, fill, first_outside
from tinynet.kernels.losses import cross_entropy, cross_entropy_dx, most_likely, nll, nll_dx
from tinynet.kernels.losses import label_targets, label_weights, probability_targets
from tinynet.kernels.losses import percent_right, row_mean, row_mean_dx, total
from tinynet.kernels.products import linear, linear_db, linear_dW, linear_dx
from tinynet.kernels.rows import add, copied, gather, gather_scaled, relu, relu_dx
from tinynet.kernels.rows import log_softmax, log_softmax_dx, softmax, softmax_dx
from tinynet.kernels.simd import lanes_llvm, tile_llvm  # what vectors and tiles mean to LLVM
from tinynet.kernels.simd.lanes import room
from tinynet.kernels.updates import accumulate, add_scaled, all_finite, negative, squares
from tinynet.kernels.updates import adam_direction, descend, rmsprop_direction, shrink, variance
from tinynet.kernels.updates import track_highest, track_mean, track_square, track_velocity
