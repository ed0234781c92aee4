"""What signatures of this package call their arrays, and the layers of ``support/``."""

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
"""A floating-point array, float32 or float64; its shape stands in the docstring."""

Labels: TypeAlias = NDArray[np.int64]
"""Class labels, one per row: (N,)."""


class Layer(Protocol):
    """A Module, as far as the files of this folder use one; they cannot import it."""

    _kept: tuple[Any, ...] | None
    _output: tuple[Any, ...] | None
    _training: bool
    torch_layout: ClassVar[dict[str, tuple[str, Callable[[Array], Array]]]]

    def named_modules(
        self, prefix: str = "", above: frozenset[int] = frozenset()
    ) -> Iterator[tuple[str, "Layer"]]: ...
    def own_parameters(self) -> Iterator[tuple[str, Any]]: ...
    def keep(self, *values: Any) -> None: ...
    def forward(self, *inputs: Array) -> Array: ...
    def backward(self, dy: Array) -> Any: ...
