"""How 15_momentum.py is graded: some steps with given gradients, on parameters of two shapes."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.support.types import Array
from tinynet.workbook import solutions
from tinynet.workbook.examples import array, number, numbers, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values
from tinynet.workbook.stand_ins import after_steps, after_zero_grad, held, take_steps

RATES = [1, 2, 0.5, 0.25]


@st.composite
def steps(draw: DrawFn) -> Example:
    """First values of two parameters, and their gradients in each of two or more steps."""
    shapes = [(draw(sizes()),), (draw(sizes()), draw(sizes()))]
    return {
        "values": [array(draw, *shape) for shape in shapes],
        "gradients": [
            [array(draw, *shape) for shape in shapes] for _ in range(draw(sizes(2, most=3)))
        ],
        "lr": number(draw, RATES),
        "momentum": number(draw, numbers(1, 0)),
    }


@st.composite
def two_rates(draw: DrawFn) -> Example:
    return {**draw(steps()), "later_lr": number(draw, RATES)}


def run_steps(
    parts: Parts, values: list[Array], gradients: list[list[Array]], lr: float, momentum: float
) -> Values:
    both = held(values)
    return after_steps(parts.Momentum(both, lr, momentum), both, gradients)


def run_two_rates(
    parts: Parts,
    values: list[Array],
    gradients: list[list[Array]],
    lr: float,
    momentum: float,
    later_lr: float,
) -> Values:
    b, W = held(values)
    optimizer = parts.Momentum([b, W], lr, momentum)
    for step in gradients:
        take_steps(optimizer, [b, W], [step])
        optimizer.lr = later_lr
    return {"b.data": b.data, "W.data": W.data}


def run_without(
    parts: Parts, values: list[Array], gradients: list[list[Array]], lr: float, momentum: float
) -> Values:
    """The second step without a gradient for b, and a third one with it."""
    b, W = held(values)
    optimizer = parts.Momentum([b, W], lr, momentum)
    seen = {}
    for count, step in enumerate([gradients[0], gradients[1], gradients[0]], 1):
        for parameter, gradient in zip([b, W], step, strict=True):
            parameter.receive(gradient)
        if count == 2:
            b.grad = None
        optimizer.step()
        seen[f"b.data after step {count}"] = b.data.copy()
        seen[f"W.data after step {count}"] = W.data.copy()
    return seen


def run_zero(
    parts: Parts, values: list[Array], gradients: list[list[Array]], lr: float, momentum: float
) -> Values:
    """Two steps, zero_grad, and a step without anything new."""
    both = held(values)
    return after_zero_grad(parts.Momentum(both, lr, momentum), both, gradients[:2])


class Form(solutions.Momentum):
    """The right one, parameter by parameter; each mistake overrides one of its methods."""

    def step(self) -> None:
        for position, p in enumerate(self.parameters):
            if p.grad is not None:
                self.move(p, position)

    def move(self, p, position):
        v = self.velocities[position] = self.new(self.velocities[position], p.grad)
        p.data -= self.lr * v

    def new(self, v, g):
        return self.momentum * v + g


class Forgets(Form):
    def new(self, v, g):
        return g


class OneForAll(Form):
    velocity = 0.0

    def move(self, p, position):
        self.velocity = self.new(self.velocity, p.grad)
        p.data -= self.lr * self.velocity


class Mean(Form):
    def new(self, v, g):
        return self.momentum * v + (1 - self.momentum) * g


class Interchanged(Form):
    def new(self, v, g):
        return v + self.momentum * g


class BothShares(Form):
    def new(self, v, g):
        return self.momentum * (v + g)


class WithoutFriction(Form):
    def new(self, v, g):
        return v + g


class NinetyPercent(Form):
    def new(self, v, g):
        return 0.9 * v + g


class Uphill(Form):
    def move(self, p, position):
        super().move(p, position)
        p.data += 2 * self.lr * self.velocities[position]


class Late(Form):
    def move(self, p, position):
        p.data -= self.lr * self.velocities[position]
        self.velocities[position] = self.new(self.velocities[position], p.grad)


class Nesterov(Form):
    def move(self, p, position):
        super().move(p, position)
        p.data -= (
            self.lr * (self.new(self.velocities[position], p.grad))
            - self.lr * (self.velocities[position])
        )


class RateInside(Form):
    def new(self, v, g):
        return self.momentum * v + self.lr * g

    def move(self, p, position):
        self.velocities[position] = self.new(self.velocities[position], p.grad)
        p.data -= self.velocities[position]


class RateTwice(Form):
    def new(self, v, g):
        return self.momentum * v + self.lr * g


class WithoutRate(Form):
    def move(self, p, position):
        v = self.velocities[position] = self.new(self.velocities[position], p.grad)
        p.data -= v


class Aliased(Form):
    """Its first velocity is the gradient's own array."""

    started: frozenset[int] = frozenset()

    def move(self, p, position):
        if position not in self.started:
            self.started |= {position}
            self.velocities[position] = p.grad
            p.data -= self.lr * p.grad
        else:
            super().move(p, position)


class AliasedInPlace(Aliased):
    """And is changed in place after that."""

    def new(self, v, g):
        v *= self.momentum
        v += g
        return v


class InTheGradient(Form):
    def new(self, v, g):
        g += self.momentum * v
        return g.copy()


class NewArray(Form):
    def move(self, p, position):
        v = self.velocities[position] = self.new(self.velocities[position], p.grad)
        p.data = p.data - self.lr * v


class NoneIsNoArray(Form):
    def step(self) -> None:
        for position, p in enumerate(self.parameters):
            self.move(p, position)


class NoneGlides(Form):
    def step(self) -> None:
        for position, p in enumerate(self.parameters):
            g = np.zeros_like(p.data) if p.grad is None else p.grad
            v = self.velocities[position] = self.new(self.velocities[position], g)
            p.data -= self.lr * v


class NoneForgets(Form):
    def step(self) -> None:
        super().step()
        for position, p in enumerate(self.parameters):
            if p.grad is None:
                self.velocities[position] = np.zeros_like(p.data)


class ZerosVelocity(Form):
    def zero_grad(self) -> None:
        super().zero_grad()
        self.velocities = [np.zeros_like(p.data) for p in self.parameters]


class ZerosOnlyVelocity(Form):
    def zero_grad(self) -> None:
        self.velocities = [np.zeros_like(p.data) for p in self.parameters]


RUNG = Rung(
    claims=(
        Claim("each step adds to the velocity, and follows it", steps(), run_steps, 1),
        Claim("a new lr counts from the next step on", two_rates(), run_two_rates, 3),
        Claim("a parameter without gradient stays, its velocity too", steps(), run_without, 5),
        Claim("zero_grad makes zeros and keeps the velocity", steps(), run_zero, 5),
    ),
    mistakes=(
        Mistake(
            "no memory: in each step the velocity starts anew, so this is plain SGD; what self "
            "holds must change (`v = ...` alone only gives something the name v)",
            {"Momentum": Forgets},
            4,
        ),
        Mistake(
            "one velocity for all parameters: each needs its own, of its own shape",
            {"Momentum": OneForAll},
            4,
        ),
        Mistake(
            "a mean, where a sum is meant: only the share 1 - momentum of the new gradient counts; "
            "let it count in full",
            {"Momentum": Mean},
            1,
        ),
        Mistake(
            "momentum stands at the wrong term: it is the share of the old velocity that is kept",
            {"Momentum": Interchanged},
            1,
        ),
        Mistake(
            "momentum makes the new gradient smaller, too; only the old velocity loses by it",
            {"Momentum": BothShares},
            1,
        ),
        Mistake(
            "no friction: the old velocity is kept in full, so steps only grow; where is momentum?",
            {"Momentum": WithoutFriction},
            1,
        ),
        Mistake(
            "momentum is always 0.9, whatever is asked for: use self.momentum",
            {"Momentum": NinetyPercent},
            1,
        ),
        Mistake(
            "uphill: the step goes along the gradients, not against them; count the minus signs",
            {"Momentum": Uphill},
            2,
        ),
        Mistake(
            "one step late: the parameter follows the old velocity; make the new one first",
            {"Momentum": Late},
            2,
        ),
        Mistake(
            "Nesterov's momentum: the step looks one velocity ahead; here it is lr * v alone",
            {"Momentum": Nesterov},
            2,
        ),
        Mistake(
            "lr counts twice: in the velocity and in the step; it belongs to the step alone",
            {"Momentum": RateTwice},
            3,
        ),
        Mistake(
            "lr is within the velocity: there, the old lr goes on counting after a change; "
            "multiply the step by it, not the gradient",
            {"Momentum": RateInside},
            3,
        ),
        Mistake("lr is missing: the step is the whole velocity", {"Momentum": WithoutRate}, 3),
        Mistake(
            "the velocity is the gradient's own array, and changes with it; start with a new one",
            {"Momentum": Aliased},
            4,
        ),
        Mistake(
            "velocity and gradient are one array: what changes the one in place changes the "
            "other; start with a new array",
            {"Momentum": AliasedInPlace},
            4,
        ),
        Mistake(
            "step changes the gradient: what it adds up belongs into an array of its own",
            {"Momentum": InTheGradient},
            5,
        ),
        Mistake(
            "the layer does not see it: p.data is a new array; change the old one in place",
            {"Momentum": NewArray},
            5,
        ),
        Mistake(
            "None is no gradient: ask `if p.grad is not None` before you use it",
            {"Momentum": NoneIsNoArray},
            5,
        ),
        Mistake(
            "without a gradient the parameter glides on: None means that it does not take part",
            {"Momentum": NoneGlides},
            5,
        ),
        Mistake(
            "without a gradient the velocity is forgotten: it waits for the next one",
            {"Momentum": NoneForgets},
            5,
        ),
        Mistake(
            "zero_grad clears the velocity as well: only gradients are forgotten",
            {"Momentum": ZerosVelocity},
            5,
        ),
        Mistake(
            "zero_grad clears the velocity, and not the gradient",
            {"Momentum": ZerosOnlyVelocity},
            5,
        ),
    ),
    hints=(
        "In __init__, make a list with one array of zeros for each parameter; in step, go through "
        "parameters and velocities side by side.",
        "Two lines for each parameter: the new velocity, from the old one and the gradient; then "
        "the step of SGD, with the velocity in place of the gradient.",
        "v[...] = self.momentum * v + p.grad, then p.data -= self.lr * v. (`v = ...` would only "
        "give a new array the name v; the list would keep the old one.)",
    ),
    library=(
        "tinynet.optim:SGD.update",
        "tinynet.kernels.updates:track_velocity_reference",
        "tinynet.kernels.updates:descend_reference",
    ),
)
