"""The optimizers: what to do with a gradient once it is known.

SGD steps down the gradient. Momentum lets the steps gather speed. RMSprop divides each step by the
root of the recent squared gradients, so that every weight moves at a like pace; Adam does both.
Each class can be read alone: ``update`` is its formula for one parameter, in the kernels' words.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinynet import kernels
from tinynet.module import Parameter
from tinynet.support.learned import check_rounded, listed
from tinynet.support.memory import writable
from tinynet.support.options import Flag, Number, Pair, WithOptions, code
from tinynet.support.types import Array

State = dict[str, Any]


class Optimizer(WithOptions):
    """The base of all optimizers: which parameters, and what is remembered of each.

    A subclass writes ``update(w, g, state)``, the step of one parameter. Options may be changed
    between steps; they are checked then as they are in the constructor.

    Attributes
    ----------
    parameters : list of Parameter
    state : list of dict
        One per parameter: the arrays and counts that the optimizer remembers of it, empty before
        its first step.
    lr : float
        The learning rate.
    """

    lr = Number(0)
    _scheduled: tuple[float, float] | None = None
    _compiled: Any = None  # set by tn.compile

    def __init__(self, parameters: Iterable[Parameter], lr: float) -> None:
        self.parameters = listed(type(self).__name__, parameters, Parameter)
        self.lr = lr
        self.state: list[State] = [{} for _ in self.parameters]

    def zero_grad(self) -> None:
        """Set every gradient to zeros; backward adds to it."""
        if self._compiled is not None and self._compiled.zero_grad():
            return
        for parameter in self.parameters:
            if parameter.grad is not None:
                parameter.grad[...] = 0

    def step(self) -> None:
        """Update every parameter by its gradient; one whose ``grad`` is None is left alone."""
        if self._compiled is not None and self._compiled.step():
            return
        for parameter, state in zip(self.parameters, self.state, strict=True):
            if parameter.grad is not None:
                self.update(parameter.data, parameter.grad, state)

    def __getstate__(self) -> dict[str, Any]:
        """What copies and pickles hold: no compiled code."""
        return {name: value for name, value in vars(self).items() if name != "_compiled"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """What a pickle holds, its memories writable: joblib hands over large arrays read-only."""
        super().__setstate__(state)
        self.state = [{k: writable(v) for k, v in known.items()} for known in self.state]

    def update(self, w: Array, g: Array, state: State) -> None:
        """Take a step of one parameter `w`, in place, by its gradient `g` and its `state`."""
        raise NotImplementedError(f"{type(self).__name__} must define update")

    @property
    def _start_lr(self) -> float:
        """`lr`, unless a schedule has set it since: then what that started from."""
        start, last = self._scheduled or (self.lr, self.lr)
        return start if self.lr == last else self.lr

    def _check_together(self, name: str, value: Any) -> None:
        if isinstance(value, float):
            check_rounded(type(self).__name__, name, value, self.parameters)

    def __repr__(self) -> str:
        return code(self, "net.parameters()", always=("lr",), parameters="")


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

    momentum, dampening, weight_decay = Number(0), Number(-np.inf), Number(0)
    nesterov, maximize = Flag(), Flag()

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
        self.momentum, self.dampening = momentum, dampening
        self.weight_decay = weight_decay
        self.nesterov, self.maximize = nesterov, maximize

    def _check_together(self, name: str, value: Any) -> None:
        super()._check_together(name, value)
        options = vars(self) | {name: value}
        if options.get("nesterov") and (options["momentum"] == 0 or options["dampening"] != 0):
            raise ValueError(
                f"{type(self).__name__}: nesterov needs momentum > 0 and dampening = 0, got "
                f"{options['momentum']} and {options['dampening']}"
            )

    def update(self, w: Array, g: Array, state: State) -> None:
        if self.maximize:
            g = _negative(g)
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

    where g is the gradient, its sign turned with `maximize`, plus ``weight_decay * w``, and all
    memories start at 0.

    Parameters
    ----------
    parameters : iterable of Parameter
    lr : float
        The learning rate.
    alpha : float
        How much of the running mean is kept, in [0, 1): with 1 it would stay 0 for ever.
    eps : float
        Added to the root, outside of it; above 0 in the parameters' dtype.
    weight_decay, momentum : float
    centered : bool
        Divide by the estimated standard deviation instead of the root mean square.
    maximize : bool
        Step up instead of down.
    """

    alpha, eps = Number(0, 1, below=True), Number(0)
    weight_decay, momentum = Number(0), Number(0)
    centered, maximize = Flag(), Flag()

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr)
        self.alpha, self.eps = alpha, eps
        self.weight_decay, self.momentum = weight_decay, momentum
        self.centered, self.maximize = centered, maximize

    def update(self, w: Array, g: Array, state: State) -> None:
        if self.maximize:
            g = _negative(g)
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

    where g is the gradient, its sign turned with `maximize`, plus ``weight_decay * w``, and t
    counts the steps of this parameter.

    Parameters
    ----------
    parameters : iterable of Parameter
    lr : float
        The learning rate.
    betas : tuple of two floats
        beta1 and beta2, each in [0, 1).
    eps : float
        Added to the root, outside of it; above 0 in the parameters' dtype.
    weight_decay : float
    amsgrad : bool
        Divide by the largest v so far (Reddi, Kale and Kumar 2018, "On the convergence of Adam and
        beyond").
    maximize : bool
        Step up instead of down.
    """

    betas, eps, weight_decay = Pair(), Number(0), Number(0)
    amsgrad, maximize = Flag(), Flag()

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr)
        self.betas, self.eps, self.weight_decay = betas, eps, weight_decay
        self.amsgrad, self.maximize = amsgrad, maximize

    def update(self, w: Array, g: Array, state: State) -> None:
        if self.maximize:
            g = _negative(g)
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
    lr, betas, eps : float, tuple of two floats, float
        As for Adam.
    weight_decay : float
    amsgrad, maximize : bool
        As for Adam.
    """

    def __init__(
        self,
        parameters: Iterable[Parameter],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(parameters, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)

    def _decay(self, w: Array, g: Array) -> Array:
        kernels.shrink(w, self.lr, self.weight_decay)
        return g


def _negative(g: Array) -> Array:
    result = np.empty_like(g)
    kernels.negative(g, result)  # -g
    return result


def _sum(a: Array, factor: float, b: Array) -> Array:
    result = np.empty_like(a)
    kernels.add_scaled(a, b, factor, result)  # a + factor * b
    return result


def _remembered(state: State, name: str, w: Array) -> Array:
    if name not in state:
        state[name] = np.zeros_like(w)
    return state[name]
