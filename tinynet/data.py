"""From arrays to batches: scaling, binarising, and the loader that deals out a new order per epoch.

Networks learn best from inputs of about the size of 1, so pixels of 0 to 255 are scaled first: by
one pair of constants for the whole data set, which the test set must share. The loader gathers rows
into small batches; the order is a fresh permutation per epoch, drawn from its own generator.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinynet.rng import Rng, TorchGenerator, as_generator, epoch_permutation, seed_of
from tinynet.support.checks import check_dataset, check_finite, number, unmasked
from tinynet.support.options import Flag, OptionalNumber, WholeNumber, WithOptions, code
from tinynet.support.types import Array


def minmax_scale(
    data: ArrayLike, minimum: float | None = None, maximum: float | None = None
) -> Array:
    """Scale `data` so that `minimum` becomes 0 and `maximum` becomes 1.

    Parameters
    ----------
    data : array of numbers, any shape
    minimum, maximum : float, optional
        One pair for all of `data`; default: its own smallest and largest value. Scale the test set
        by the constants of the training set.

    Returns
    -------
    ndarray of float32
        ``(data - minimum) / (maximum - minimum)``.

    Raises
    ------
    TypeError
        If `minimum` or `maximum` is not a number.
    ValueError
        If `data` is empty or holds NaN or infinity, or `maximum` is not above `minimum`.
    """
    values = unmasked("minmax_scale", data)
    if values.size == 0:
        raise ValueError("minmax_scale: data is empty")
    check_finite("minmax_scale", "data", values)
    low, high = (
        float(own()) if bound is None else number("minmax_scale", name, bound, -np.inf)
        for name, bound, own in (("minimum", minimum, values.min), ("maximum", maximum, values.max))
    )
    if not low < high:
        raise ValueError(
            f"minmax_scale: maximum {high:g} is not above minimum {low:g}; give both as constants"
        )
    kind = np.result_type(values, np.float32)
    with np.errstate(all="ignore"):  # too small for float32 is 0, whatever NumPy was told
        scaled: Array = np.asarray(np.subtract(values, low, dtype=kind))  # of a 0-d array, a number
        scaled /= high - low
        return scaled.astype(np.float32, copy=False)


def binarize(data: ArrayLike) -> Array:
    """1 where `data` is positive, 0 elsewhere.

    Parameters
    ----------
    data : array of numbers, any shape

    Returns
    -------
    ndarray of float32

    Raises
    ------
    ValueError
        If `data` holds NaN or infinity.
    """
    values = unmasked("binarize", data)
    check_finite("binarize", "data", values)
    return (values > 0).astype(np.float32)


class DataLoader(WithOptions):
    """Deals out a data set in batches ``(X[rows], y[rows])``.

    Parameters
    ----------
    X : ndarray (n, features) of float32 or float64, or of any real dtype if `scale` is given
    y : ndarray (n, ...)
        Labels (n,) of ints, or class probabilities (n, C).
    batch_size : int
    shuffle : bool
        A new order in every epoch.
    drop_last : bool
        Leave out the last batch if it is short.
    rng : int, numpy.random.Generator, TorchGenerator or None
        Draws the orders. With a TorchGenerator they are those of PyTorch's loader.
    scale : float, optional
        Batches are converted to float32 and multiplied by this; so pixels can stay uint8 in memory,
        or in a memory-mapped file.

    Attributes
    ----------
    seed : str or None
        What `rng` was made with, as far as it can be seen (see ``tinynet.rng.seed_of``).

    Raises
    ------
    ValueError
        If lengths differ, there is no batch to deal out, X is not at least 2-D, X or y holds NaN
        or infinity, `batch_size` is not a positive int, or `scale` is not finite.
    TypeError
        If X is neither float32 nor float64 and there is no `scale`, or an option is of a wrong
        type.
    """

    batch_size, shuffle, drop_last = WholeNumber(1), Flag(), Flag()
    scale = OptionalNumber()
    seed: str | None = None  # of a loader from a file of version 0.1
    _rng_code = "rng"

    def __init__(
        self,
        X: Array,
        y: Any,
        batch_size: int = 1,
        shuffle: bool = False,
        drop_last: bool = False,
        rng: Rng = None,
        scale: float | None = None,
    ) -> None:
        check_dataset("DataLoader", X, y, scale)
        self.X, self.y = X, y
        self.batch_size = batch_size
        self.shuffle, self.scale = shuffle, scale
        self.rng, self.seed = as_generator(rng), seed_of(rng)
        self._rng_code = "" if rng is None else "rng" if self.rng is rng else str(rng)
        self.drop_last = drop_last

    def _check_together(self, name: str, value: Any) -> None:
        if name == "scale" and value is not None and abs(value) > float(np.finfo(np.float32).max):
            raise ValueError(
                f"DataLoader: scale = {value:g} is infinite in float32, to which batches are "
                "converted; use a smaller one"
            )
        options = vars(self) | {name: value}
        if options.get("drop_last") and len(self.X) < options["batch_size"]:
            raise ValueError(
                f"DataLoader: {len(self.X)} rows make no batch of {options['batch_size']} with "
                "drop_last=True; use smaller batches"
            )

    def __len__(self) -> int:
        """Batches per epoch."""
        full, rest = divmod(len(self.X), self.batch_size)
        return full if self.drop_last or rest == 0 else full + 1

    def __iter__(self) -> Iterator[tuple[Array, Any]]:
        order = self.order()
        for batch in range(len(self)):
            yield self.batch(order, batch)

    def order(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The row numbers of the next epoch, in the order in which they will be dealt out."""
        if self.shuffle:
            return epoch_permutation(self.rng, len(self.X))
        if isinstance(self.rng, TorchGenerator):
            self.rng.random_int64()  # PyTorch's loader draws a seed per pass, shuffled or not
        return np.arange(len(self.X))

    def batch(self, order: NDArray[np.int64], number: int) -> tuple[Array, Any]:
        """Batch `number` of an epoch that deals out the rows in this order."""
        return self.gather(order[number * self.batch_size : (number + 1) * self.batch_size])

    def gather(self, rows: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[Array, Any]:
        """One batch: these rows of X (converted, if there is a `scale`) and of y."""
        plain = type(self.X) is np.ndarray and self.X.flags.c_contiguous
        X = self.X.take(rows, axis=0) if plain else self.X[rows]
        if self.scale is not None:
            with np.errstate(all="ignore"):
                X = X.astype(np.float32) * np.float32(self.scale)
        return X, self.y[rows]

    def __repr__(self) -> str:
        return code(self, "X", "y", X="", y="", rng=self._rng_code)
