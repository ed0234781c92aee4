"""First weights: how large the numbers are before anything is learned.

Each layer multiplies the spread of its inputs by about ``sqrt(fan_in) * std``: numbers that are a
little too large explode over ten layers, and a little too small vanish; so do the gradients on
their way back. Glorot's and He's rules choose std so that neither happens, the one for activations
like tanh, the other for those that cut off one half. Weights that are all equal stay equal: their
gradients are.

Every function fills one Parameter in place, whatever it held before, and returns it::

    tn.init.kaiming_normal(layer.W, nonlinearity="relu", rng=0)
"""

import math
from typing import Any

import numpy as np

from tinynet.module import Parameter
from tinynet.rng import Rng, TorchGenerator, as_generator
from tinynet.support.checks import number
from tinynet.support.types import Array


def uniform(
    parameter: Parameter, low: float = 0.0, high: float = 1.0, rng: Rng = None
) -> Parameter:
    """Numbers from the uniform distribution over [low, high).

    Parameters
    ----------
    parameter : Parameter
    low, high : float
        PyTorch's ``a`` and ``b``.
    rng : int, numpy.random.Generator, TorchGenerator or None
        With a TorchGenerator the numbers are PyTorch's, bit for bit if ``low == -high``.

    Returns
    -------
    Parameter
        The same object.

    Raises
    ------
    TypeError, ValueError
        If an argument is of a wrong type, a bound is not finite, or `high` is below `low`.

    Examples
    --------
    >>> W = tn.init.uniform(tn.Linear(3, 5).W, -0.1, 0.1, rng=0)
    >>> np.abs(W.data).max() <= 0.1
    np.True_
    """
    low, high = (number("init.uniform", n, v, -math.inf) for n, v in (("low", low), ("high", high)))
    if high < low:
        raise ValueError(f"init.uniform: high = {high:g} is below low = {low:g}")
    return _uniform("uniform", parameter, low, high, rng)


def normal(parameter: Parameter, mean: float = 0.0, std: float = 1.0, rng: Rng = None) -> Parameter:
    """Numbers from the normal distribution.

    Parameters
    ----------
    parameter : Parameter
    mean, std : float
    rng : int, numpy.random.Generator or None

    Returns
    -------
    Parameter
        The same object.

    Raises
    ------
    TypeError, ValueError
        If an argument is of a wrong type, a number is not finite, or `std` is negative.
    """
    mean = number("init.normal", "mean", mean, -math.inf)
    return _normal("normal", parameter, mean, number("init.normal", "std", std, 0), rng)


def constant(parameter: Parameter, value: float) -> Parameter:
    """The same number everywhere; zeros are the usual first biases.

    Parameters
    ----------
    parameter : Parameter
    value : float

    Returns
    -------
    Parameter
        The same object.

    Raises
    ------
    TypeError, ValueError
        If `value` is no finite number.
    """
    value = number("init.constant", "value", value, -math.inf)
    _array_of("constant", parameter)[...] = value
    return parameter


def xavier_uniform(parameter: Parameter, gain: float = 1.0, rng: Rng = None) -> Parameter:
    """Glorot's rule, uniform: within ``gain * sqrt(6 / (fan_in + fan_out))`` of 0.

    The variance is between the one that keeps the outputs' spread and the one that keeps the
    gradients'. (Glorot, Bengio 2010, "Understanding the difficulty of training deep feedforward
    neural networks", equation 16.)

    Parameters
    ----------
    parameter : Parameter
        Of at least two axes.
    gain : float
        See ``gain_of``.
    rng : int, numpy.random.Generator, TorchGenerator or None

    Returns
    -------
    Parameter
        The same object.

    Raises
    ------
    TypeError, ValueError
        If an argument is of a wrong type, or the parameter has fewer than two axes.

    Examples
    --------
    >>> W = tn.init.xavier_uniform(tn.Linear(3, 3).W, rng=0)
    >>> np.abs(W.data).max() <= 1  # sqrt(6 / (3 + 3))
    np.True_
    """
    bound = math.sqrt(3.0) * _xavier_std("xavier_uniform", parameter, gain)
    return _uniform("xavier_uniform", parameter, -bound, bound, rng)


def xavier_normal(parameter: Parameter, gain: float = 1.0, rng: Rng = None) -> Parameter:
    """Glorot's rule, normal: ``std = gain * sqrt(2 / (fan_in + fan_out))``.

    Parameters
    ----------
    parameter : Parameter
        Of at least two axes.
    gain : float
        See ``gain_of``.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    Parameter
        The same object.

    Raises
    ------
    TypeError, ValueError
        As ``xavier_uniform``, which also names the source.
    """
    std = _xavier_std("xavier_normal", parameter, gain)
    return _normal("xavier_normal", parameter, 0.0, std, rng)


def kaiming_uniform(
    parameter: Parameter,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: Rng = None,
) -> Parameter:
    """He's rule, uniform: within ``gain * sqrt(3 / fan)`` of 0.

    It keeps the spread through layers whose activation cuts off one half. (He, Zhang, Ren, Sun
    2015, "Delving deep into rectifiers", section 2.2.)

    Parameters
    ----------
    parameter : Parameter
        Of at least two axes.
    a : float
        The slope of a LeakyReLU where x is negative.
    mode : {"fan_in", "fan_out"}
        Whether the spread of outputs is kept, or that of gradients.
    nonlinearity : str
        What follows the layer: see ``gain_of``.
    rng : int, numpy.random.Generator, TorchGenerator or None

    Returns
    -------
    Parameter
        The same object.

    Raises
    ------
    TypeError, ValueError
        If an argument is of a wrong type or unknown, or the parameter has fewer than two axes.

    Examples
    --------
    >>> W = tn.init.kaiming_uniform(tn.Linear(6, 9).W, nonlinearity="relu", rng=0)
    >>> np.abs(W.data).max() <= 1  # sqrt(2) * sqrt(3 / 6)
    np.True_
    """
    bound = math.sqrt(3.0) * _kaiming_std("kaiming_uniform", parameter, a, mode, nonlinearity)
    return _uniform("kaiming_uniform", parameter, -bound, bound, rng)


def kaiming_normal(
    parameter: Parameter,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    rng: Rng = None,
) -> Parameter:
    """He's rule, normal: ``std = gain / sqrt(fan)``.

    Parameters
    ----------
    parameter : Parameter
        Of at least two axes.
    a : float
    mode : {"fan_in", "fan_out"}
    nonlinearity : str
        As ``kaiming_uniform``, which also names the source.
    rng : int, numpy.random.Generator or None

    Returns
    -------
    Parameter
        The same object.

    Raises
    ------
    TypeError, ValueError
        As ``kaiming_uniform``.
    """
    std = _kaiming_std("kaiming_normal", parameter, a, mode, nonlinearity)
    return _normal("kaiming_normal", parameter, 0.0, std, rng)


def gain_of(nonlinearity: str, slope: float = 0.01) -> float:
    """How much larger weights must be because of what follows them.

    Parameters
    ----------
    nonlinearity : {"linear", "sigmoid", "tanh", "relu", "leaky_relu"}
        1, 1, 5/3, sqrt(2), and sqrt(2 / (1 + slope**2)), as in PyTorch. ReLU lets half of the
        variance through, and so needs twice as much before it.
    slope : float
        Of "leaky_relu".

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If the nonlinearity is none of these.

    Examples
    --------
    >>> round(tn.init.gain_of("relu"), 4)
    1.4142
    """
    slope = number("init.gain_of", "slope", slope, -math.inf)
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5.0 / 3, "relu": math.sqrt(2.0)}
    gains["leaky_relu"] = math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in gains:
        raise ValueError(
            f"init: nonlinearity = {nonlinearity!r}, expected one of {', '.join(map(repr, gains))}"
        )
    return gains[nonlinearity]


def fans(parameter: Parameter) -> tuple[int, int]:
    """How many numbers each output sums up, and in how many outputs each input takes part.

    Parameters
    ----------
    parameter : Parameter
        W of a Linear layer, (I, O), or weights of a convolution, (O, C, K, L).

    Returns
    -------
    tuple of int
        ``fan_in, fan_out``: I and O; or C * K * L and O * K * L.

    Raises
    ------
    ValueError
        If the parameter has fewer than two axes, as biases have.

    Examples
    --------
    >>> tn.init.fans(tn.Linear(3, 5).W)
    (3, 5)
    """
    shape = _array_of("fans", parameter).shape
    if len(shape) < 2:
        raise ValueError(
            f"init: a parameter of shape {shape} has no fan_in and fan_out; for biases use "
            "init.constant or init.uniform"
        )
    if len(shape) == 2:
        return shape
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _array_of(owner: str, parameter: Any) -> Array:
    """The array of a parameter, or an error that says how to give one."""
    if not isinstance(parameter, Parameter):
        raise TypeError(
            f"init.{owner}: got {type(parameter).__name__}, expected a Parameter, such as layer.W"
        )
    return parameter.data


def _xavier_std(owner: str, parameter: Parameter, gain: float) -> float:
    _array_of(owner, parameter)
    return number(f"init.{owner}", "gain", gain, 0) * math.sqrt(2.0 / sum(fans(parameter)))


def _kaiming_std(owner: str, parameter: Parameter, a: float, mode: str, nonlinearity: str) -> float:
    _array_of(owner, parameter)
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"init.{owner}: mode = {mode!r}, expected 'fan_in' or 'fan_out'")
    fan = fans(parameter)[mode == "fan_out"]
    return gain_of(nonlinearity, a) / math.sqrt(fan)


def _uniform(owner: str, parameter: Parameter, low: float, high: float, rng: Rng) -> Parameter:
    data, generator = _array_of(owner, parameter), as_generator(rng)
    kind: Any = data.dtype
    r = _drawn(data, generator.random(_drawn_as(data), kind))
    if low == -high:
        data[...] = high * (2 * r - 1)  # rounded once, as PyTorch's fused multiply-add is
    else:
        data[...] = r.astype(np.float64) * (high - low) + low
    return parameter


def _normal(owner: str, parameter: Parameter, mean: float, std: float, rng: Rng) -> Parameter:
    data, generator = _array_of(owner, parameter), as_generator(rng)
    if isinstance(generator, TorchGenerator):
        raise TypeError(
            f"init.{owner}: a TorchGenerator draws uniform numbers alone; use "
            f"init.{owner.replace('normal', 'uniform')}, or give an int as rng"
        )
    data[...] = mean + std * _drawn(data, generator.standard_normal(_drawn_as(data)))
    return parameter


def _drawn_as(data: Array) -> tuple[int, ...]:
    """The shape in which numbers are drawn: PyTorch holds W as (O, I)."""
    return data.shape[::-1] if data.ndim == 2 else data.shape


def _drawn(data: Array, draws: Array) -> Array:
    return draws.T if data.ndim == 2 else draws
