"""Where random numbers come from: first weights and shuffled batches, always through `rng=`.

There is no global seed. An argument `rng` is an int (the same int gives the same numbers), a
generator that several layers and a loader share and draw from in turn, or None for fresh numbers.
Two programs that draw the same numbers in the same order start from the same weights and see the
same batches. `TorchGenerator` draws what PyTorch draws, so a tinynet program and a PyTorch one can
be compared side by side with no weights copied between them.
"""

import math
from collections.abc import Mapping
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
    """

    seed: int | None = None  # of a generator from a pickle of version 0.1

    def __init__(self, seed: int | np.integer[Any]) -> None:
        seed = _checked_int("seed", seed, "pass the int that torch.manual_seed gets")
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
        n = _checked_int("n", n, "pass the number of rows to order")
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
Rng: TypeAlias = int | np.integer[Any] | Generator | None


def as_generator(rng: Rng) -> Generator:
    """The generator that an argument `rng` stands for.

    Parameters
    ----------
    rng : int, numpy.random.Generator, TorchGenerator or None
        An int seeds a new `numpy.random.Generator`; a generator is returned as it is, so that
        whoever shares it draws from it in turn; None gives a new one with fresh entropy.

    Returns
    -------
    numpy.random.Generator or TorchGenerator

    Raises
    ------
    TypeError
        If `rng` is anything else, among it bool and the older `numpy.random.RandomState`.
    ValueError
        If `rng` is a negative int.
    """
    if isinstance(rng, np.random.Generator | TorchGenerator):
        return rng
    if rng is None:
        return np.random.default_rng()
    if isinstance(rng, np.random.RandomState):
        raise TypeError(
            "rng is a numpy.random.RandomState, expected a numpy.random.Generator: "
            "pass np.random.default_rng(seed)"
        )
    seed = _checked_int(
        "rng",
        rng,
        "pass a seed such as 0, np.random.default_rng(0), tn.TorchGenerator(0) "
        "(PyTorch's numbers), or None (fresh ones)",
    )
    if seed < 0:
        raise ValueError(f"rng = {seed} is negative: pass a seed of 0 or more")
    return np.random.default_rng(seed)


def seed_of(rng: Rng) -> str | None:
    """The seed that stands behind an argument `rng`, in words, as far as it can be seen.

    Parameters
    ----------
    rng : int, numpy.random.Generator, TorchGenerator or None

    Returns
    -------
    str or None
        None for None, and for a generator with fresh entropy: no second program gets the same.
    """
    if isinstance(rng, TorchGenerator):
        return None if rng.seed is None else f"TorchGenerator({rng.seed})"
    if not isinstance(rng, np.random.Generator):
        return None if rng is None else str(int(rng))
    sequence = getattr(rng.bit_generator, "seed_seq", None)
    entropy, spawned = (getattr(sequence, name, None) for name in ("entropy", "spawn_key"))
    if entropy is None or (isinstance(entropy, int) and entropy >= 2**64):
        return None  # fresh entropy is an int of 128 bits
    kind = type(rng.bit_generator).__name__
    place = f" spawned {spawned}" if spawned else ""
    return f"{'' if kind == 'PCG64' else f'{kind} '}{np.asarray(entropy).tolist()}{place}"


def linear_init(
    generator: Generator, in_features: int, out_features: int, bias: bool, dtype: DTypeLike
) -> tuple[Array, Array | None]:
    """The first W and b of a Linear layer, uniform between -1/sqrt(I) and 1/sqrt(I).

    The rule is PyTorch's for `torch.nn.Linear`: He's uniform initialisation with a = sqrt(5)
    (He et al. 2015, section 2.2) for the weights, whose bound is 1/sqrt(I) but for rounding.
    PyTorch holds W as (O, I) and draws it in that order, then b.

    Parameters
    ----------
    generator : numpy.random.Generator or TorchGenerator
        Advances by O * I draws for W, then O for b.
    in_features, out_features : int
        I and O, both at least 1.
    bias : bool
        Whether the layer has b. Without it nothing is drawn for b.
    dtype : float32 or float64

    Returns
    -------
    W : ndarray, shape (I, O)
        C-contiguous.
    b : ndarray, shape (O,), or None
    """
    # In float64 the order of these roundings shows in the last bit, so it follows PyTorch's.
    gain = math.sqrt(2.0 / (1.0 + math.sqrt(5.0) ** 2))
    w_bound = math.sqrt(3.0) * (gain / math.sqrt(in_features))
    W = _uniform(generator, w_bound, (out_features, in_features), dtype).T.copy(order="C")
    if not bias:
        return W, None
    return W, _uniform(generator, 1.0 / math.sqrt(in_features), (out_features,), dtype)


def epoch_permutation(generator: Generator, n: int) -> NDArray[np.int64]:
    """The order in which a shuffling loader visits n rows in its next epoch.

    Parameters
    ----------
    generator : numpy.random.Generator or TorchGenerator
        A Generator gives `generator.permutation(n)`. A TorchGenerator gives the order in which
        PyTorch's `DataLoader(shuffle=True)` goes through its next epoch.
    n : int
        Number of rows.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    if isinstance(generator, TorchGenerator):
        generator.random_int64()  # PyTorch draws a seed for worker processes, workers or none
        generator = TorchGenerator(generator.random_int64())
    return generator.permutation(n).astype(np.int64, copy=False)


def generator_state(generator: Generator) -> dict[str, Any]:
    """What `set_generator_state` needs to draw the same numbers again from here on.

    Parameters
    ----------
    generator : numpy.random.Generator or TorchGenerator

    Returns
    -------
    dict
        A copy, in plain data: `"generator"`, the name of the class, and `"state"`, NumPy's nested
        dict of strings, ints and arrays for the bit generator.
    """
    return {"generator": type(generator).__name__, "state": generator.bit_generator.state}


def set_generator_state(generator: Generator, state: Mapping[str, Any]) -> None:
    """Put a generator where another of its kind was when `generator_state` looked at it.

    Parameters
    ----------
    generator : numpy.random.Generator or TorchGenerator
        Unchanged if an error is raised.
    state : dict
        From `generator_state`. Arrays in it may have become lists on the way, as in JSON.

    Raises
    ------
    ValueError
        If `state` is from another kind of generator, or damaged.
    """
    kind = type(generator).__name__
    saved_kind = state.get("generator") if isinstance(state, Mapping) else None
    if saved_kind != kind:
        raise ValueError(
            f"state is from {saved_kind!r}, expected {kind!r}: "
            "pass what generator_state returned for a generator of this kind"
        )
    trial = type(generator.bit_generator)()
    try:
        trial.state = state["state"]
        if isinstance(trial, np.random.MT19937):
            _check_twister(state["state"]["state"])
    except (TypeError, ValueError, LookupError, OverflowError) as error:
        raise ValueError(
            f"state of {kind} is damaged ({error}): pass what generator_state returned"
        ) from error
    generator.bit_generator.state = trial.state


def _uniform(generator: Generator, bound: float, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """Uniform numbers in [-bound, bound], of the given shape and dtype."""
    # PyTorch computes r * (hi - lo) + lo by a fused multiply-add. With hi = -lo = bound that is
    # bound * (2 * r - 1), where only the product rounds, so plain arithmetic gives the same bits.
    kind: Any = np.dtype(dtype)
    r: Array = generator.random(shape, kind)
    return bound * (2 * r - 1)


def _check_twister(state: Mapping[str, Any]) -> None:
    """Refuse what NumPy would take in silence, a wrong position being a read past the end."""
    if np.shape(state["key"]) != (624,):
        raise ValueError(f"key has shape {np.shape(state['key'])}, expected (624,)")
    if state["pos"] not in range(625):
        raise ValueError(f"pos = {state['pos']} is outside [0, 624]")


def _checked_int(name: str, value: object, fix: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        kind = type(value)
        raise TypeError(
            f"{name} is {value!r} ({kind.__module__}.{kind.__qualname__}), expected an int: {fix}"
        )
    return int(value)
