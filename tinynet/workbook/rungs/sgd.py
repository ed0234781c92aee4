"""How 14_sgd.py is graded: some steps with given gradients, on parameters of several shapes."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.support.types import Array
from tinynet.workbook import solutions
from tinynet.workbook.examples import array, number, numbers, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values
from tinynet.workbook.stand_ins import after_steps, held, take_steps


@st.composite
def steps(draw: DrawFn) -> Example:
    """First values of two parameters, and their gradients in each of some steps."""
    shapes = [(draw(sizes()),), (draw(sizes()), draw(sizes()))]
    return {
        "values": [array(draw, *shape) for shape in shapes],
        "gradients": [
            [array(draw, *shape) for shape in shapes] for _ in range(draw(sizes(most=3)))
        ],
        "lr": number(draw, numbers(3, 0)),
    }


def run_steps(parts: Parts, values: list[Array], gradients: list[list[Array]], lr: float) -> Values:
    both = held(values)
    return after_steps(parts.SGD(both, lr), both, gradients)


def run_without(
    parts: Parts, values: list[Array], gradients: list[list[Array]], lr: float
) -> Values:
    b, W = held(values)
    b.grad, W.grad = None, gradients[0][1].copy()
    parts.SGD([b, W], lr).step()
    return {"b.data": b.data, "W.data": W.data}


def run_zero(parts: Parts, values: list[Array], gradients: list[list[Array]], lr: float) -> Values:
    b, W = held(values)
    optimizer = parts.SGD([b, W], lr)
    take_steps(optimizer, [b, W], gradients[:1])
    optimizer.zero_grad()
    return {"b.grad": b.grad, "W.grad": W.grad, "W.data": W.data}


class Variant(solutions.SGD):
    """The right one; each mistake overrides one of its methods."""


class Uphill(Variant):
    def step(self) -> None:
        for p in self.parameters:
            if p.grad is not None:
                p.data += self.lr * p.grad


class OfSign(Variant):
    def step(self) -> None:
        for p in self.parameters:
            if p.grad is not None:
                p.data -= self.lr * np.sign(p.grad)


class NewArray(Variant):
    def step(self) -> None:
        for p in self.parameters:
            if p.grad is not None:
                p.data = p.data - self.lr * p.grad


class WithoutRate(Variant):
    def step(self) -> None:
        for p in self.parameters:
            if p.grad is not None:
                p.data -= p.grad


class LocalName(Variant):
    def step(self) -> None:
        pass


class Forgets(Variant):
    def step(self) -> None:
        super().step()
        self.zero_grad()


class NoneIsNoArray(Variant):
    def step(self) -> None:
        for p in self.parameters:
            p.data -= self.lr * p.grad


class SetsNone(Variant):
    def zero_grad(self) -> None:
        for p in self.parameters:
            p.grad = None


class ZerosData(Variant):
    def zero_grad(self) -> None:
        for p in self.parameters:
            p.data[...] = 0


class OnlyFirst(Variant):
    def step(self) -> None:
        p = self.parameters[0]
        if p.grad is not None:
            p.data -= self.lr * p.grad


RUNG = Rung(
    claims=(
        Claim("step walks against the gradient", steps(), run_steps, 1),
        Claim("a parameter without gradient stays", steps(), run_without, 5),
        Claim("zero_grad makes zeros", steps(), run_zero, 4),
    ),
    mistakes=(
        Mistake("uphill: the gradient is added; take it away", {"SGD": Uphill}, 1),
        Mistake("a step of fixed length: only the sign of the gradient counts", {"SGD": OfSign}, 2),
        Mistake(
            "the layer does not see it: p.data is a new array; change the old one in place",
            {"SGD": NewArray},
            3,
        ),
        Mistake("lr is missing: the step is the whole gradient", {"SGD": WithoutRate}, 2),
        Mistake(
            "nothing changes: the new values go into a name of their own; change p.data in place",
            {"SGD": LocalName},
            3,
        ),
        Mistake("step forgets the gradient; only zero_grad does that", {"SGD": Forgets}, 4),
        Mistake(
            "None is no gradient: ask `if p.grad is not None` before you use it",
            {"SGD": NoneIsNoArray},
            5,
        ),
        Mistake("zero_grad sets None, where zeros are asked for", {"SGD": SetsNone}, 4),
        Mistake("zero_grad clears the data, not the gradient", {"SGD": ZerosData}, 4),
        Mistake("only the first parameter moves; go through all of them", {"SGD": OnlyFirst}, 1),
    ),
    hints=(
        "A loop over self.parameters; for each of them one line.",
        "The line takes lr times the gradient away from the data, in place; a grad of None first.",
        "for p in self.parameters: if p.grad is not None: p.data -= self.lr * p.grad",
    ),
    library=("tinynet.optim:SGD.update", "tinynet.kernels.updates:descend_reference"),
)
