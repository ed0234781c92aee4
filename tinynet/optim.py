"""The optimizers: what to do with a gradient once it is known.

SGD steps down the gradient. Momentum lets the steps gather speed. RMSprop divides each step by the
root of the recent squared gradients, so that every weight moves at a like pace; Adam does both.
Each class can be read alone: ``update`` is its formula for one parameter, in the kernels' words.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinynet import kernels
from tinynet._checks import number
from tinynet._types import Array
from tinynet.module import Parameter

State = dict[str, Any]


class Optimizer:
    """The base of all optimizers: which parameters, and what is remembered of each.

    A subclass writes ``update(w, g, state)``, the step of one parameter.

    Attributes
    ----------
    parameters : list of Parameter
    state : list of dict
        One per parameter: the arrays and counts that the optimizer remembers of it, empty before
        its first step.
    lr : float
        The learning rate; may be changed between steps.
    """

    def __init__(self, parameters: Iterable[Parameter], lr: float) -> None:
        name = type(self).__name__
        if not isinstance(parameters, Iterable):
            raise TypeError(
                f"{name}: parameters is {type(parameters).__name__}, not a list of them; give it "
                "net.parameters()"
            )
        self.parameters = list(parameters)
        if not self.parameters:
            raise ValueError(f"{name}: no parameters; give it net.parameters()")
        for position, parameter in enumerate(self.parameters):
            if not isinstance(parameter, Parameter):
                raise TypeError(
                    f"{name}: parameters[{position}] is {type(parameter).__name__}, not a "
                    "Parameter; give it net.parameters()"
                )
            if any(parameter is other for other in self.parameters[:position]):
                raise ValueError(f"{name}: parameters[{position}] is listed twice; list it once")
        self.lr = number(name, "lr", lr, 0)
        self.state: list[State] = [{} for _ in self.parameters]

    def zero_grad(self) -> None:
        """Set every gradient to zeros; backward adds to it."""
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.grad[...] = 0

    def step(self) -> None:
        """Update every parameter by its gradient; one whose ``grad`` is None is left alone."""
        for parameter, state in zip(self.parameters, self.state, strict=True):
            if parameter.grad is not None:
                self.update(parameter.data, parameter.grad, state)

    def update(self, w: Array, g: Array, state: State) -> None:
        """One step of one parameter `w`, in place, by its gradient `g`."""
        raise NotImplementedError(f"{type(self).__name__} must define update")


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if wanted.

    ::

        w -= lr * g

        with momentum    v = momentum * v + (1 - dampening) * g      (first step: v = g)
                         w -= lr * v
        with nesterov    w -= lr * (g + momentum * v)

    where g is the gradient, its sign turned with `maximize`, plus ``weight_decay * w``.

    Parameters
    ----------
    parameters : iterable of Parameter
    lr : float
        The learning rate.
    momentum, dampening, weight_decay : float
    nesterov : bool
        Nesterov's momentum; needs momentum > 0 and dampening = 0 (Sutskever et al. 2013, "On the
        importance of initialization and momentum in deep learning").
    maximize : bool
        Step up instead of down.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        momentum: float = 0.0,
        dampening: float = 0.0,
        weight_decay: float = 0.0,
        nesterov: bool = False,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr)
        self.momentum = number("SGD", "momentum", momentum, 0)
        self.dampening = number("SGD", "dampening", dampening, -np.inf)
        self.weight_decay = number("SGD", "weight_decay", weight_decay, 0)
        if nesterov and (momentum == 0 or dampening != 0):
            raise ValueError(
                f"SGD: nesterov needs momentum > 0 and dampening = 0, got {momentum} and "
                f"{dampening}"
            )
        self.nesterov = nesterov
        self.maximize = maximize

    def update(self, w: Array, g: Array, state: State) -> None:
        if self.maximize:
            g = np.asarray(-g)  # NumPy's -g of a 0-d array is a scalar
        if self.weight_decay:
            g = _sum(g, self.weight_decay, w)  # g + weight_decay * w
        if self.momentum:
            if "velocity" in state:
                v = state["velocity"]
                kernels.track_velocity(v, g, self.momentum, 1 - self.dampening)
            else:
                v = state["velocity"] = g.copy()
            g = _sum(g, self.momentum, v) if self.nesterov else v
        kernels.descend(w, g, self.lr)  # w -= lr * g


class RMSprop(Optimizer):
    """Steps divided by the root of the recent squared gradients (Hinton 2012, lecture 6e).

    ::

        v = alpha * v + (1 - alpha) * g**2
        w -= lr * g / (sqrt(v) + eps)

        centered         m = alpha * m + (1 - alpha) * g,  and v - m**2 in place of v
        with momentum    b = momentum * b + g / (sqrt(v) + eps)
                         w -= lr * b

    where g is the gradient plus ``weight_decay * w``, and all memories start at 0.

    Parameters
    ----------
    parameters : iterable of Parameter
    lr : float
        The learning rate.
    alpha : float
        How much of the running mean is kept, in [0, 1].
    eps : float
        Added to the root, outside of it.
    weight_decay, momentum : float
    centered : bool
        Divide by the estimated standard deviation instead of the root mean square.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
    ) -> None:
        super().__init__(parameters, lr)
        self.alpha = number("RMSprop", "alpha", alpha, 0, 1)
        self.eps = number("RMSprop", "eps", eps, 0)
        self.weight_decay = number("RMSprop", "weight_decay", weight_decay, 0)
        self.momentum = number("RMSprop", "momentum", momentum, 0)
        self.centered = centered

    def update(self, w: Array, g: Array, state: State) -> None:
        if self.weight_decay:
            g = _sum(g, self.weight_decay, w)
        v, direction = _remembered(state, "square", w), np.empty_like(w)
        kernels.track_square(v, g, self.alpha)
        if self.centered:
            m, spread = _remembered(state, "mean", w), np.empty_like(w)
            kernels.track_mean(m, g, self.alpha)
            kernels.variance(v, m, spread)  # v - m**2
            v = spread
        kernels.rmsprop_direction(g, v, self.eps, direction)  # g / (sqrt(v) + eps)
        if self.momentum:
            b = _remembered(state, "velocity", w)
            kernels.track_velocity(b, direction, self.momentum, 1.0)
            direction = b
        kernels.descend(w, direction, self.lr)


class Adam(Optimizer):
    """Momentum and RMSprop in one, both corrected for their start at 0 (Kingma and Ba 2015).

    ::

        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        w -= lr / (1 - beta1**t) * m / (sqrt(v / (1 - beta2**t)) + eps)

    where g is the gradient plus ``weight_decay * w``, and t counts the steps of this parameter.

    Parameters
    ----------
    parameters : iterable of Parameter
    lr : float
        The learning rate.
    betas : tuple of two floats
        beta1 and beta2, each in [0, 1).
    eps : float
        Added to the root, outside of it.
    weight_decay : float
    amsgrad : bool
        Divide by the largest v so far (Reddi, Kale and Kumar 2018, "On the convergence of Adam and
        beyond").
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(parameters, lr)
        name = type(self).__name__
        if not isinstance(betas, tuple | list) or len(betas) != 2:
            raise ValueError(f"{name}: betas = {betas!r}, expected two numbers in [0, 1)")
        self.betas = (
            number(name, "betas[0]", betas[0], 0, 1, below=True),
            number(name, "betas[1]", betas[1], 0, 1, below=True),
        )
        self.eps = number(name, "eps", eps, 0)
        self.weight_decay = number(name, "weight_decay", weight_decay, 0)
        self.amsgrad = amsgrad

    def update(self, w: Array, g: Array, state: State) -> None:
        if self.weight_decay:
            g = self._decay(w, g)
        t = state["step"] = state.get("step", 0) + 1
        m, v = _remembered(state, "mean", w), _remembered(state, "square", w)
        kernels.track_mean(m, g, self.betas[0])
        kernels.track_square(v, g, self.betas[1])
        if self.amsgrad:
            highest = _remembered(state, "highest_square", w)
            kernels.track_highest(highest, v)
            v = highest
        direction = np.empty_like(w)
        kernels.adam_direction(m, v, float(t), *self.betas, self.eps, direction)
        kernels.descend(w, direction, self.lr)

    def _decay(self, w: Array, g: Array) -> Array:
        return _sum(g, self.weight_decay, w)


class AdamW(Adam):
    """Adam whose weight decay does not enter the gradient (Loshchilov and Hutter 2019).

    ::

        w -= lr * weight_decay * w
        then Adam's step, from the gradient alone

    Parameters
    ----------
    parameters : iterable of Parameter
    lr, betas, eps, amsgrad
        As for Adam.
    weight_decay : float
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, amsgrad)

    def _decay(self, w: Array, g: Array) -> Array:
        kernels.shrink(w, 1 - self.lr * self.weight_decay)
        return g


def _sum(a: Array, factor: float, b: Array) -> Array:
    result = np.empty_like(a)
    kernels.add_scaled(a, b, factor, result)  # a + factor * b
    return result


def _remembered(state: State, name: str, w: Array) -> Array:
    if name not in state:
        state[name] = np.zeros_like(w)
    return state[name]
