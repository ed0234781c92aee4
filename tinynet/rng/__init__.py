"""Where random numbers come from: first weights and shuffled batches, always through `rng=`.

There is no global seed. An argument `rng` is an int (the same int gives the same numbers), a
generator that several layers and a loader share and draw from in turn, or None for fresh numbers.
Two programs that draw the same numbers in the same order start from the same weights and see the
same batches. `TorchGenerator` draws what PyTorch draws, so a tinynet program and a PyTorch one can
be compared side by side with no weights copied between them.
"""

import copy
import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tinynet.rng.state import generator_state as generator_state
from tinynet.rng.state import set_generator_state as set_generator_state
from tinynet.rng.torch_generator import Generator, as_int
from tinynet.rng.torch_generator import TorchGenerator as TorchGenerator
from tinynet.support.types import Array

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
    seed = as_int(
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


def as_seed(rng: Rng) -> int:
    """64 bits that an argument `rng` draws, for a generator within a kernel to begin with."""
    generator = as_generator(rng)
    if isinstance(generator, TorchGenerator):
        return generator.random_int64()
    return int(generator.integers(2**64, dtype=np.uint64))


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
    W, b = kernel_init(generator, (out_features, in_features), out_features if bias else 0, dtype)
    return W.T.copy(order="C"), b


def kernel_init(
    generator: Generator, shape: tuple[int, ...], biases: int, dtype: DTypeLike
) -> tuple[Array, Array | None]:
    """The first weights and biases of a layer with kernels, by the same rule.

    Both are uniform between -1/sqrt(F) and 1/sqrt(F), where F is the product of all sizes but the
    first: a weight's fan-in, as PyTorch counts it.

    Parameters
    ----------
    generator : numpy.random.Generator or TorchGenerator
        Draws the weights in PyTorch's order, then the biases.
    shape : tuple of int
        Of the weights: (O, C, K, L) of a Conv2d, (I, O, K, L) of a ConvTranspose2d.
    biases : int
        How many there are; 0: none are drawn.
    dtype : float32 or float64

    Returns
    -------
    W : ndarray of that shape
    b : ndarray (biases,) or None
    """
    # In float64 the order of these roundings shows in the last bit, so it follows PyTorch's.
    gain, fan_in = math.sqrt(2.0 / (1.0 + math.sqrt(5.0) ** 2)), math.prod(shape[1:])
    W = _uniform(generator, math.sqrt(3.0) * (gain / math.sqrt(fan_in)), shape, dtype)
    if not biases:
        return W, None
    return W, _uniform(generator, 1.0 / math.sqrt(fan_in), (biases,), dtype)


def foreseen(generator: Generator) -> int:
    """A seed that follows from where a generator stands, which stays there."""
    return int(copy.deepcopy(generator).random(1, np.float64)[0] * 2**53)


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


def _uniform(generator: Generator, bound: float, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """Uniform numbers in [-bound, bound], of the given shape and dtype."""
    # PyTorch computes r * (hi - lo) + lo by a fused multiply-add. With hi = -lo = bound that is
    # bound * (2 * r - 1), where only the product rounds, so plain arithmetic gives the same bits.
    kind: Any = np.dtype(dtype)
    r: Array = generator.random(shape, kind)
    return bound * (2 * r - 1)
