"""PyTorch's random numbers on the CPU, made by NumPy's Mersenne Twister."""

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tinynet.support.types import Array

# From here on PyTorch takes two draws per swap instead of one.
_TORCH_PERMUTATION_LIMIT = (2**32 - 1) // 20


class TorchGenerator:
    """The random numbers that PyTorch draws on the CPU after `torch.manual_seed(seed)`.

    Hand one TorchGenerator to every layer, in the order in which the PyTorch program builds them,
    and then to the loader: initial weights and batches are PyTorch's, bit for bit.

    Both libraries use the Mersenne Twister (Matsumoto and Nishimura 1998, MT19937), seeded by the
    recipe of that paper. What differs is how its 32-bit draws become floats and orders. A float
    is PyTorch's to the last bit where PyTorch uses fused multiply-add, as it does on x86
    processors with AVX2. The tests compare with PyTorch 2.13.

    A PyTorch loader with `shuffle=False` also draws one seed per pass. Call `random_int64` once
    for each such pass to stay in step with a program that has one, such as a test set's loader.

    Parameters
    ----------
    seed : int
        In [0, 2**64), as given to `torch.manual_seed`. PyTorch uses its low 32 bits only.

    Attributes
    ----------
    seed : int

    Raises
    ------
    TypeError
        If `seed` is not an int.
    ValueError
        If `seed` is outside [0, 2**64).

    Examples
    --------
    >>> rng = tn.TorchGenerator(0)
    >>> net = tn.Sequential(tn.Linear(2, 3, rng=rng), tn.ReLU(), tn.Linear(3, 1, rng=rng))
    >>> net[2].W.data.round(4).ravel()  # as after torch.manual_seed(0), and the same two layers
    array([ 0.1528, -0.1745, -0.1135], dtype=float32)
    """

    seed: int | None = None  # of a generator from a pickle of version 0.1

    def __init__(self, seed: int | np.integer[Any]) -> None:
        seed = as_int("seed", seed, "pass the int that torch.manual_seed gets")
        if not 0 <= seed < 2**64:
            raise ValueError(f"seed = {seed} is outside [0, 2**64): pass a non-negative int")
        # Only RandomState still offers the seeding of the 1998 paper; its draws are not used here.
        seeded: Any = np.random.RandomState(seed % 2**32).get_state(legacy=False)
        self.bit_generator = np.random.MT19937()
        self.bit_generator.state = seeded
        self.seed = seed

    def random(self, size: int | tuple[int, ...], dtype: DTypeLike = np.float32) -> Array:
        """Uniform numbers in [0, 1): `torch.rand(size, dtype=dtype)`.

        Parameters
        ----------
        size : int or tuple of int
            Shape of the result.
        dtype : float32 or float64
            float32 takes 24 bits of one draw for each number, float64 takes 53 bits of two.

        Returns
        -------
        ndarray
            Of shape `size`, in C order.

        Raises
        ------
        TypeError
            If `dtype` is neither float32 nor float64.
        """
        dtype = np.dtype(dtype)
        count = math.prod(np.atleast_1d(size).tolist())
        if dtype == np.float32:
            fractions = (self._draws32(count) % 2**24) * 2.0**-24
        elif dtype == np.float64:
            fractions = (self._draws64(count) % 2**53) * 2.0**-53
        else:
            raise TypeError(f"dtype is {dtype}, expected float32 or float64: pass np.float32")
        return fractions.astype(dtype).reshape(size)

    def random_int64(self) -> int:
        """One integer in [0, 2**63): `torch.empty((), dtype=torch.int64).random_().item()`."""
        return int(self._draws64(1)[0]) % 2**63

    def permutation(self, n: int) -> NDArray[np.int64]:
        """The integers 0 to n - 1 in random order: `torch.randperm(n)`.

        Fisher and Yates's shuffle: place i swaps with one of the places i to n - 1.

        Parameters
        ----------
        n : int
            In [0, 214748364). For more PyTorch draws differently, and such an order is not
            supported.

        Returns
        -------
        ndarray of int64, shape (n,)

        Raises
        ------
        TypeError
            If `n` is not an int.
        ValueError
            If `n` is negative or too large.
        """
        n = as_int("n", n, "pass the number of rows to order")
        if not 0 <= n < _TORCH_PERMUTATION_LIMIT:
            raise ValueError(
                f"n = {n} is outside [0, {_TORCH_PERMUTATION_LIMIT}): "
                "for more rows use np.random.default_rng(seed).permutation(n)"
            )
        places = np.arange(max(n - 1, 0))
        partners = places + self._draws32(len(places)) % (n - places)
        # Each swap sees the ones before it, so this loop stays one; lists are its fast case.
        order = list(range(n))
        for i, j in enumerate(partners.tolist()):
            order[i], order[j] = order[j], order[i]
        return np.array(order, dtype=np.int64)

    def _draws32(self, count: int) -> NDArray[np.int64]:
        return np.asarray(self.bit_generator.random_raw(count)).astype(np.int64)

    def _draws64(self, count: int) -> NDArray[np.uint64]:
        pairs: NDArray[np.uint64] = np.asarray(self.bit_generator.random_raw((count, 2)))
        return (pairs[:, 0] << np.uint64(32)) | pairs[:, 1]


Generator: TypeAlias = np.random.Generator | TorchGenerator


def as_int(name: str, value: object, fix: str) -> int:
    """`value` as an int; `fix` says what to pass instead of what is none."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        kind = type(value)
        raise TypeError(
            f"{name} is {value!r} ({kind.__module__}.{kind.__qualname__}), expected an int: {fix}"
        )
    return int(value)
