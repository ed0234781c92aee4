"""From arrays to batches: scaling, binarising, and the loader that deals out a new order per epoch.

Networks learn best from inputs of about the size of 1, so pixels of 0 to 255 are scaled first: by
one pair of constants for the whole data set, which the test set must share. The loader gathers rows
into small batches; the order is a fresh permutation per epoch, drawn from its own generator.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tinynet.rng import Rng, TorchGenerator, as_generator, epoch_permutation, foreseen, seed_of
from tinynet.support.checks import check_dataset, check_finite, number, unmasked
from tinynet.support.options import (
    Flag,
    OptionalFunction,
    OptionalNumber,
    WholeNumber,
    WithOptions,
    code,
)
from tinynet.support.transforms import named, transformed, unchanged
from tinynet.support.types import Array

Transform = Callable[[Array, np.random.Generator], Array]
"""What a DataLoader may do to the x of a batch before it is learned."""


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
        ``(data - minimum) / (maximum - minimum)``, in the shape of `data`.

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
    ndarray of float32, the shape of `data`

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
    transform : function, optional
        ``transform(x, rng)`` gives what is learned in place of the batch x, of the same shape and
        dtype: noise added, pictures moved or mirrored. x is a copy that it may change. It draws
        from `rng`, a numpy.random.Generator of this batch's own, which follows from the loader's
        `rng`, the epoch and the number of the batch: so the same seed gives the same batches, also
        after a resume, and the orders are those of a loader without a transform. What ``fit``
        scores is handed over as arrays, and never transformed.

    Attributes
    ----------
    epoch_seed : int or None
        What the generators of this epoch's batches follow from, once ``order()`` was called.
    seed : str or None
        What `rng` was made with, as far as it can be seen (see ``tinynet.rng.seed_of``).

    Raises
    ------
    ValueError
        If lengths differ, there is no batch to deal out, X is not at least 2-D, X or y holds NaN
        or infinity, `batch_size` is not a positive int, or `scale` is not finite.
    TypeError
        If X is neither float32 nor float64 and there is no `scale`, or an option is of a wrong
        type. What `transform` returns is looked at in every batch: it must be a finite array like
        x, and the data set must stay as it is.
    """

    batch_size, shuffle, drop_last = WholeNumber(1), Flag(), Flag()
    scale, transform = OptionalNumber(), OptionalFunction("x", "rng")
    epoch_seed: int | None = None
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
        transform: Transform | None = None,
    ) -> None:
        check_dataset("DataLoader", X, y, scale)
        self.X, self.y = X, y
        self.batch_size = batch_size
        self.shuffle, self.scale, self.transform = shuffle, scale, transform
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
        order = np.arange(len(self.X))
        if self.shuffle:
            order = epoch_permutation(self.rng, len(self.X))
        elif isinstance(self.rng, TorchGenerator):
            self.rng.random_int64()  # PyTorch's loader draws a seed per pass, shuffled or not
        elif self.transform is not None:
            self.rng.random()  # another epoch, other numbers
        self.epoch_seed = None if self.transform is None else foreseen(self.rng)
        return order

    def batch(self, order: NDArray[np.int64], number: int) -> tuple[Array, Any]:
        """Batch `number` of an epoch that deals out the rows in this order, transformed."""
        X, y = self.gather(order[number * self.batch_size : (number + 1) * self.batch_size])
        if self.transform is None:
            return X, y
        if self.epoch_seed is None:
            self.epoch_seed = foreseen(self.rng)
        rng = np.random.default_rng([self.epoch_seed, number])
        with unchanged("DataLoader: transform", self.X):
            made = self.transform(X, rng)
        return transformed("DataLoader: transform", made, X.shape, X.dtype), y

    def gather(self, rows: np.ndarray[Any, np.dtype[np.int64]]) -> tuple[Array, Any]:
        """These rows of X (converted, if there is a `scale`, and not transformed) and of y."""
        plain = type(self.X) is np.ndarray and self.X.flags.c_contiguous
        X = self.X.take(rows, axis=0) if plain else self.X[rows]
        if self.scale is not None:
            with np.errstate(all="ignore"):
                X = X.astype(np.float32) * np.float32(self.scale)
        return X, self.y[rows]

    def __repr__(self) -> str:
        transform = "" if self.transform is None else named(self.transform)
        return code(self, "X", "y", X="", y="", rng=self._rng_code, transform=transform)
