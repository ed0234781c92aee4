"""What signatures of this package call their arrays."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""A floating-point array, float32 or float64; its shape stands in the docstring."""

Labels: TypeAlias = NDArray[np.int64]
"""Class labels, one per row: (N,)."""
