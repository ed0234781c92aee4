"""How 16_adam.py is graded: some steps with given gradients, also with an eps that one can see."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.support.types import Array
from tinynet.workbook import solutions
from tinynet.workbook.examples import array, number, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values
from tinynet.workbook.stand_ins import after_steps, after_zero_grad, held

RATES = [1, 2, 0.5, 0.25]
BETAS = [(0.5, 0.75), (0.75, 0.5), (0.9, 0.999), (0.0, 0.5)]


def steps(eps: list[float]) -> st.SearchStrategy[Example]:
    """Values of two parameters, their gradients in some steps, and the options."""

    @st.composite
    def drawn(draw: DrawFn) -> Example:
        shapes = [(draw(sizes()),), (draw(sizes()), draw(sizes()))]
        return {
            "values": [array(draw, *shape) for shape in shapes],
            "gradients": [[array(draw, *shape) for shape in shapes] for _ in range(draw(sizes()))],
            "lr": number(draw, RATES),
            "betas": draw(st.sampled_from(BETAS)),
            "eps": number(draw, eps),
        }

    return drawn()


def run_steps(
    parts: Parts,
    values: list[Array],
    gradients: list[list[Array]],
    lr: float,
    betas: tuple[float, float],
    eps: float,
) -> Values:
    both = held(values)
    return after_steps(parts.Adam(both, lr, betas, eps), both, gradients)


def run_without(
    parts: Parts,
    values: list[Array],
    gradients: list[list[Array]],
    lr: float,
    betas: tuple[float, float],
    eps: float,
) -> Values:
    """b has no gradient in any step; and lr is another one in the second step."""
    b, W = held(values)
    b.grad = None
    optimizer = parts.Adam([b, W], lr, betas, eps)
    for _, gradient in gradients:
        W.receive(gradient)
        optimizer.step()
        optimizer.lr = lr / 2
    return {"b.data": b.data, "W.data": W.data}


def run_zero(
    parts: Parts,
    values: list[Array],
    gradients: list[list[Array]],
    lr: float,
    betas: tuple[float, float],
    eps: float,
) -> Values:
    """Some steps, zero_grad, and a step without anything new."""
    both = held(values)
    return after_zero_grad(parts.Adam(both, lr, betas, eps), both, gradients)


class Form(solutions.Adam):
    """The right one, in pieces; each mistake overrides one of its methods."""

    def step(self) -> None:
        self.t += 1
        for position, p in enumerate(self.parameters):
            if p.grad is not None:
                self.move(p, position)

    def move(self, p, position):
        self.track(position, p.grad)
        p.data -= self.lr * self.direction(self.means[position], self.squares[position])

    def track(self, position, g):
        (beta1, beta2), m, v = self.betas, self.means[position], self.squares[position]
        self.means[position] = beta1 * m + (1 - beta1) * g
        self.squares[position] = beta2 * v + (1 - beta2) * g * g

    def direction(self, m, v):
        m, v = self.corrected(m, v)
        return m / (np.sqrt(v) + self.eps)

    def corrected(self, m, v):
        beta1, beta2 = self.betas
        return m / (1 - beta1**self.t), v / (1 - beta2**self.t)


class Uncorrected(Form):
    def corrected(self, m, v):
        return m, v


class OnlyMean(Form):
    def corrected(self, m, v):
        return m / (1 - self.betas[0] ** self.t), v


class OnlySquare(Form):
    def corrected(self, m, v):
        return m, v / (1 - self.betas[1] ** self.t)


class WithoutPower(Form):
    def corrected(self, m, v):
        return m / (1 - self.betas[0]), v / (1 - self.betas[1])


class TimesTheStep(Form):
    def corrected(self, m, v):
        return m / (1 - self.betas[0] * self.t), v / (1 - self.betas[1] * self.t)


class Multiplied(Form):
    def corrected(self, m, v):
        return m * (1 - self.betas[0] ** self.t), v * (1 - self.betas[1] ** self.t)


class CountsParameters(Form):
    def step(self) -> None:
        for position, p in enumerate(self.parameters):
            if p.grad is not None:
                self.t += 1
                self.move(p, position)


class FromZero(Form):
    def corrected(self, m, v):
        self.t -= 1
        m, v = super().corrected(m, v)
        self.t += 1
        return m, v


class OneAhead(Form):
    def corrected(self, m, v):
        self.t += 1
        m, v = super().corrected(m, v)
        self.t -= 1
        return m, v


class CorrectedStays(Form):
    def move(self, p, position):
        self.track(position, p.grad)
        m, v = self.corrected(self.means[position], self.squares[position])
        self.means[position], self.squares[position] = m, v
        p.data -= self.lr * m / (np.sqrt(v) + self.eps)


class NotSquared(Form):
    def track(self, position, g):
        super().track(position, g)
        beta2 = self.betas[1]
        self.squares[position] += (1 - beta2) * (g - g * g)


class WithoutRoot(Form):
    def direction(self, m, v):
        m, v = self.corrected(m, v)
        return m / (v + self.eps)


class EpsInside(Form):
    def direction(self, m, v):
        m, v = self.corrected(m, v)
        return m / np.sqrt(v + self.eps)


class EpsFirst(Form):
    def direction(self, m, v):
        beta1, beta2 = self.betas
        root = (np.sqrt(v) + self.eps) / np.sqrt(1 - beta2**self.t)
        return m / (1 - beta1**self.t) / root


class WithoutEps(Form):
    def direction(self, m, v):
        m, v = self.corrected(m, v)
        return m / np.sqrt(v)


class FixedEps(Form):
    def direction(self, m, v):
        m, v = self.corrected(m, v)
        return m / (np.sqrt(v) + 1e-8)


class BetasInterchanged(Form):
    def __init__(self, parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(parameters, lr, betas[::-1], eps)


class FixedBetas(Form):
    def __init__(self, parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(parameters, lr, (0.9, 0.999), eps)


class SharesInterchanged(Form):
    def track(self, position, g):
        (beta1, beta2), m, v = self.betas, self.means[position], self.squares[position]
        self.means[position] = (1 - beta1) * m + beta1 * g
        self.squares[position] = (1 - beta2) * v + beta2 * g * g


class SumsUp(Form):
    def track(self, position, g):
        (beta1, beta2), m, v = self.betas, self.means[position], self.squares[position]
        self.means[position] = beta1 * m + g
        self.squares[position] = beta2 * v + g * g


class Forgets(Form):
    def move(self, p, position):
        self.means[position] = np.zeros_like(p.data)
        self.squares[position] = np.zeros_like(p.data)
        super().move(p, position)


class OneForAll(Form):
    def __init__(self, parameters, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
        super().__init__(parameters, lr, betas, eps)
        self.means, self.squares = [0.0], [0.0]

    def move(self, p, position):
        self.track(0, p.grad)
        p.data -= self.lr * self.direction(self.means[0], self.squares[0])


class GradientForMean(Form):
    def move(self, p, position):
        self.track(position, p.grad)
        _, v = self.corrected(self.means[position], self.squares[position])
        p.data -= self.lr * p.grad / (np.sqrt(v) + self.eps)


class Uphill(Form):
    def direction(self, m, v):
        return -super().direction(m, v)


class NewArray(Form):
    def move(self, p, position):
        p.data = p.data.copy()
        super().move(p, position)


class NoneIsNoArray(Form):
    def step(self) -> None:
        self.t += 1
        for position, p in enumerate(self.parameters):
            self.move(p, position)


class ZerosMeans(Form):
    def zero_grad(self) -> None:
        super().zero_grad()
        self.means = [np.zeros_like(p.data) for p in self.parameters]
        self.squares = [np.zeros_like(p.data) for p in self.parameters]


RUNG = Rung(
    claims=(
        Claim(
            "steps are of the usual size of the gradient", steps([1e-8]), run_steps, 5, None, 1e-5
        ),
        Claim("eps stands beside the root", steps([0.5, 1, 0.25]), run_steps, 5),
        Claim("None is left alone, a new lr counts at once", steps([0.5, 1]), run_without, 6),
        Claim("zero_grad makes zeros and keeps the means", steps([0.5, 1]), run_zero, 6),
    ),
    mistakes=(
        Mistake("neither mean is corrected for its start at 0", {"Adam": Uncorrected}, 2),
        Mistake(
            "m is corrected for its start at 0, and v is not: do the same with beta2",
            {"Adam": OnlyMean},
            2,
        ),
        Mistake(
            "v is corrected for its start at 0, and m is not: do the same with beta1",
            {"Adam": OnlySquare},
            2,
        ),
        Mistake(
            "the correction is the same in every step: t is missing in it",
            {"Adam": WithoutPower},
            2,
        ),
        Mistake(
            "beta * t in the correction, where a power is meant: beta**t",
            {"Adam": TimesTheStep},
            2,
        ),
        Mistake(
            "the correction goes the wrong way: the means are too small, and it makes them smaller",
            {"Adam": Multiplied},
            2,
        ),
        Mistake(
            "t counts parameters, not steps: let it grow once in step, outside of the loop",
            {"Adam": CountsParameters},
            3,
        ),
        Mistake(
            "t is one behind, and 0 in the first step: 1 - beta**0 is 0; count before you correct",
            {"Adam": FromZero},
            3,
        ),
        Mistake("t is one ahead: it is 1 in the first step", {"Adam": OneAhead}, 3),
        Mistake(
            "the corrected means are kept, and corrected again in the next step; give them names "
            "of their own",
            {"Adam": CorrectedStays},
            4,
        ),
        Mistake("v is a mean of gradients, not of their squares", {"Adam": NotSquared}, 1),
        Mistake(
            "the root is missing: v is of the size of a squared gradient",
            {"Adam": WithoutRoot},
            5,
        ),
        Mistake(
            "eps stands under the root: add it to the root",
            {"Adam": EpsInside},
            5,
        ),
        Mistake(
            "eps is corrected along with v: first correct v, then take the root, then add eps",
            {"Adam": EpsFirst},
            5,
        ),
        Mistake(
            "eps is missing: where all gradients were 0, this is 0 / 0", {"Adam": WithoutEps}, 5
        ),
        Mistake("eps is always 1e-8, whatever is asked for", {"Adam": FixedEps}, 5),
        Mistake(
            "beta1 and beta2 are interchanged: the first is for m, the second for v",
            {"Adam": BetasInterchanged},
            1,
        ),
        Mistake(
            "the betas are always 0.9 and 0.999, whatever is asked for", {"Adam": FixedBetas}, 1
        ),
        Mistake(
            "the shares are interchanged: beta is the share of the old mean that is kept",
            {"Adam": SharesInterchanged},
            1,
        ),
        Mistake(
            "sums, where means are meant: the new gradient comes in with the share 1 - beta",
            {"Adam": SumsUp},
            1,
        ),
        Mistake(
            "no memory: both means start anew in each step; keep them in self",
            {"Adam": Forgets},
            4,
        ),
        Mistake(
            "all parameters share one m and one v: each needs its own, of its own shape",
            {"Adam": OneForAll},
            4,
        ),
        Mistake(
            "the step goes along the gradient, not along its mean m", {"Adam": GradientForMean}, 5
        ),
        Mistake("uphill: the step is added; take it away", {"Adam": Uphill}, 5),
        Mistake(
            "the layer does not see it: p.data is a new array; change the old one in place",
            {"Adam": NewArray},
            6,
        ),
        Mistake(
            "None is no gradient: ask `if p.grad is not None` before you use it",
            {"Adam": NoneIsNoArray},
            6,
        ),
        Mistake(
            "zero_grad clears the means as well: only gradients are forgotten",
            {"Adam": ZerosMeans},
            6,
        ),
    ),
    hints=(
        "In __init__: super().__init__(parameters, lr), the options, t = 0, and two lists of zeros "
        "with one array for each parameter. In step: t grows first, then comes the loop.",
        "For each parameter: new m, new v; m / (1 - beta1**t) and v / (1 - beta2**t) under names "
        "of their own; then one step.",
        "p.data -= lr * m_hat / (sqrt(v_hat) + eps), where m_hat = m / (1 - beta1**t) and "
        "v_hat = v / (1 - beta2**t), after m = beta1 * m + (1 - beta1) * g and "
        "v = beta2 * v + (1 - beta2) * g * g.",
    ),
    library=(
        "tinynet.optim:Adam.update",
        "tinynet.kernels.updates:track_mean_reference",
        "tinynet.kernels.updates:track_square_reference",
        "tinynet.kernels.updates:adam_direction_reference",
    ),
)
