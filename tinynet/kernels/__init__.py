"""The machine room: every equation of this library, once for the reader and once for the machine.

A kernel is a pair. ``linear_reference`` is the equation, in NumPy; ``linear`` is the loop that
Numba compiles, which the layers call. Pairs stand together: ``products.py`` has the matrix products
of Linear, ``rows.py`` activations and losses, ``updates.py`` the optimizers' steps. Behind them,
``blocks.py`` is the one sum that the products share, block by block, and ``sums.py`` the sum of a
block; ``nonzeros.py`` finds what it must not skip, ``panels.py`` copies what it reads often, and
``one_row.py`` takes a row alone. ``lanes.py`` is the vector type of the loops, ``lanes_llvm.py``
what that means to the compiler. ``jit.py`` compiles the kernels, keeps them, and ties them to their
equation; ``shared.py`` compiles a part once for all.

Kernels expect C-contiguous arrays of one dtype and of matching shapes, and labels in range: layers
and losses see to that. Results go into arrays that the caller hands over, always the last argument.
"""

from tinynet.kernels.jit.kernel import PAIRS as PAIRS
from tinynet.kernels.losses import as_labels as as_labels
from tinynet.kernels.losses import counted_labels as counted_labels
from tinynet.kernels.losses import counted_rows as counted_rows
from tinynet.kernels.losses import cross_entropy as cross_entropy
from tinynet.kernels.losses import cross_entropy_dx as cross_entropy_dx
from tinynet.kernels.losses import fill as fill
from tinynet.kernels.losses import first_outside as first_outside
from tinynet.kernels.losses import label_targets as label_targets
from tinynet.kernels.losses import label_weights as label_weights
from tinynet.kernels.losses import most_likely as most_likely
from tinynet.kernels.losses import nll as nll
from tinynet.kernels.losses import nll_dx as nll_dx
from tinynet.kernels.losses import percent_right as percent_right
from tinynet.kernels.losses import probability_targets as probability_targets
from tinynet.kernels.losses import row_mean as row_mean
from tinynet.kernels.losses import row_mean_dx as row_mean_dx
from tinynet.kernels.losses import total as total
from tinynet.kernels.products import linear as linear
from tinynet.kernels.products import linear_db as linear_db
from tinynet.kernels.products import linear_descend as linear_descend
from tinynet.kernels.products import linear_descend_fetching as linear_descend_fetching
from tinynet.kernels.products import linear_dW as linear_dW
from tinynet.kernels.products import linear_dx as linear_dx
from tinynet.kernels.rows import add as add
from tinynet.kernels.rows import copied as copied
from tinynet.kernels.rows import gather as gather
from tinynet.kernels.rows import gather_scaled as gather_scaled
from tinynet.kernels.rows import log_softmax as log_softmax
from tinynet.kernels.rows import log_softmax_dx as log_softmax_dx
from tinynet.kernels.rows import relu as relu
from tinynet.kernels.rows import relu_dx as relu_dx
from tinynet.kernels.rows import softmax as softmax
from tinynet.kernels.rows import softmax_dx as softmax_dx
from tinynet.kernels.simd import lanes_llvm as lanes_llvm
from tinynet.kernels.simd.lanes import room as room
from tinynet.kernels.updates import accumulate as accumulate
from tinynet.kernels.updates import adam_direction as adam_direction
from tinynet.kernels.updates import add_scaled as add_scaled
from tinynet.kernels.updates import all_finite as all_finite
from tinynet.kernels.updates import descend as descend
from tinynet.kernels.updates import negative as negative
from tinynet.kernels.updates import rmsprop_direction as rmsprop_direction
from tinynet.kernels.updates import shrink as shrink
from tinynet.kernels.updates import squares as squares
from tinynet.kernels.updates import track_highest as track_highest
from tinynet.kernels.updates import track_mean as track_mean
from tinynet.kernels.updates import track_square as track_square
from tinynet.kernels.updates import track_velocity as track_velocity
from tinynet.kernels.updates import variance as variance
