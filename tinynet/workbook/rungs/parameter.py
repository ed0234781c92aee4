"""How 08_parameter.py is graded: Parameter for itself, then Linear against differences."""

from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.module import Parameter as Learned
from tinynet.support.types import Array
from tinynet.workbook import solutions
from tinynet.workbook.examples import array, by_differences, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values
from tinynet.workbook.wrapped import Backward


@st.composite
def arrays(draw: DrawFn) -> Example:
    """The first data of a parameter: floats or whole numbers, of one or two axes."""
    shape = [draw(sizes()) for _ in range(draw(sizes(most=2)))]
    of, dtype = draw(st.sampled_from([((), float), (range(-3, 4), int)]))
    return {"data": array(draw, *shape, of=of).astype(dtype)}


@st.composite
def sums(draw: DrawFn) -> Example:
    shape = [draw(sizes()) for _ in range(draw(sizes(most=2)))]
    return {
        "data": array(draw, *shape),
        "gradients": [array(draw, *shape) for _ in range(draw(sizes(most=3)))],
    }


@st.composite
def batches(draw: DrawFn) -> Example:
    N, I, O = (draw(sizes(most=3)) for _ in range(3))
    return {
        "x": array(draw, N, I),
        "W": array(draw, I, O),
        "b": array(draw, O),
        "dy": array(draw, N, O),
    }


@st.composite
def inputs(draw: DrawFn) -> Example:
    N, I, O = (draw(sizes(most=3)) for _ in range(3))
    return {"x": array(draw, N, I), "W": array(draw, I, O), "b": array(draw, O)}


@st.composite
def weights(draw: DrawFn) -> Example:
    I, O = draw(sizes()), draw(sizes())
    return {"W": array(draw, I, O), "b": array(draw, O)}


@st.composite
def two_batches(draw: DrawFn) -> Example:
    """Two batches of different length."""
    I, O = draw(sizes(most=3)), draw(sizes(most=3))
    N = [draw(sizes(most=3)) for _ in range(2)]
    return {
        "xs": [array(draw, n, I) for n in N],
        "W": array(draw, I, O),
        "b": array(draw, O),
        "dys": [array(draw, n, O) for n in N],
    }


def run_first(parts: Parts, data: Array) -> Values:
    parameter = parts.Parameter(data)
    return {
        "data": parameter.data,
        "grad": parameter.grad,
        "data is an array of floats": _holds_floats(parameter.data),
        "data is a copy": not _shares(parameter.data, data),
        "data and grad are two arrays": not _shares(parameter.data, parameter.grad),
    }


def _holds_floats(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _shares(one: Any, other: Any) -> bool:
    return isinstance(one, np.ndarray) and np.shares_memory(one, other)


def run_sum(parts: Parts, data: Array, gradients: list[Array]) -> Values:
    parameter = parts.Parameter(data)
    for gradient in gradients:
        parameter.accumulate(gradient)
    return {"grad": parameter.grad, "data": parameter.data}


def run_zero(parts: Parts, data: Array, gradients: list[Array]) -> Values:
    parameter = parts.Parameter(data)
    for gradient in gradients:
        parameter.accumulate(gradient)
    parameter.zero_grad()
    zeros = parameter.grad if parameter.grad is None else np.array(parameter.grad)
    parameter.accumulate(gradients[0])
    return {
        "grad after zero_grad": zeros,
        "grad after one accumulate more": parameter.grad,
        "data": parameter.data,
    }


def run_forward(parts: Parts, x: Array, W: Array, b: Array) -> Values:
    layer = parts.Linear(W, b)
    first = layer.forward(x)
    layer.W.data += 1
    layer.b.data = layer.b.data - 1
    return {"y": first, "y after a step": layer.forward(x)}


def true_forward(x: Array, W: Array, b: Array) -> Values:
    return {
        "y": solutions.linear(x, W, b),
        "y after a step": solutions.linear(x, W + 1, b - 1),
    }


def run_backward(parts: Parts, x: Array, W: Array, b: Array, dy: Array) -> Values:
    layer = parts.Linear(W, b)
    layer.forward(x)
    dx = layer.backward(dy)
    return {
        "dx": dx,
        "W.grad": layer.W.grad,
        "b.grad": layer.b.grad,
        "W.data": layer.W.data,
        "b.data": layer.b.data,
    }


def true_backward(x: Array, W: Array, b: Array, dy: Array) -> Values:
    return {**_slopes(x=x, W=W, b=b, dy=dy), "W.data": W, "b.data": b}


_slopes = by_differences(solutions.linear, dx="x", **{"W.grad": "W", "b.grad": "b"})


def run_two(parts: Parts, xs: list[Array], W: Array, b: Array, dys: list[Array]) -> Values:
    layer = parts.Linear(W, b)
    dxs = []
    for x, dy in zip(xs, dys, strict=True):
        layer.forward(x)
        dxs.append(layer.backward(dy))
    return {"W.grad": layer.W.grad, "b.grad": layer.b.grad, "dx of the second batch": dxs[1]}


def true_two(xs: list[Array], W: Array, b: Array, dys: list[Array]) -> Values:
    one, two = (_slopes(x=x, W=W, b=b, dy=dy) for x, dy in zip(xs, dys, strict=True))
    return {
        "W.grad": one["W.grad"] + two["W.grad"],
        "b.grad": one["b.grad"] + two["b.grad"],
        "dx of the second batch": two["dx"],
    }


def run_parameters(parts: Parts, W: Array, b: Array) -> Values:
    layer = parts.Linear(W, b)
    names = {"W": layer.W, "b": layer.b, "W.data": layer.W.data, "b.data": layer.b.data}

    def name_of(value: Any) -> str:
        return next((n for n, v in names.items() if v is value), f"another {type(value).__name__}")

    found = layer.parameters()
    return {"parameters()": None if found is None else f"[{', '.join(map(name_of, found))}]"}


def module(parts: Parts) -> tuple[Any, ...]:
    class Linear(Backward):
        W: Learned
        b: Learned

        def forward(self, x: Array) -> Array:
            self.keep(x)
            return solutions.linear(x, self.W.data, self.b.data)

        def backward(self, dy: Array) -> Array:
            dy, x = self.kept(dy)
            layer = parts.Linear(self.W.data, self.b.data)
            layer.forward(x)
            dx = layer.backward(dy)
            self.W.accumulate(np.asarray(layer.W.grad))
            self.b.accumulate(np.asarray(layer.b.grad))
            return np.asarray(dx)

    return Linear(W=(3, 4), b=(4,)), (5, 3)


class Variant(solutions.Parameter):
    """The right one; each mistake overrides one of its methods."""


class KeepsAsItIs(Variant):
    def __init__(self, data):
        super().__init__(data)
        self.data = data


class KeepsWholeNumbers(Variant):
    def __init__(self, data):
        self.data = np.array(data)
        self.grad = np.zeros_like(self.data)


class SharesFloats(Variant):
    def __init__(self, data):
        super().__init__(data)
        self.data = np.asarray(data, dtype=float)


class StartsWithNone(Variant):
    def __init__(self, data):
        super().__init__(data)
        self.grad = None


class StartsWithNumber(Variant):
    def __init__(self, data):
        super().__init__(data)
        self.grad = 0.0


class StartsWithData(Variant):
    def __init__(self, data):
        super().__init__(data)
        self.grad = self.data.copy()


class OneForBoth(Variant):
    def __init__(self, data):
        super().__init__(data)
        self.grad = self.data
        self.grad[...] = 0


class Replaces(Variant):
    def accumulate(self, gradient):
        self.grad = gradient.copy()


class ReplacesByIt(Variant):
    def accumulate(self, gradient):
        self.grad = gradient


class KeepsTheFirst(Variant):
    def accumulate(self, gradient):
        if not self.grad.any():
            self.grad = gradient
        else:
            self.grad += gradient


class TakesAway(Variant):
    def accumulate(self, gradient):
        self.grad = self.grad - gradient


class AddsToData(Variant):
    def accumulate(self, gradient):
        self.data = self.data + gradient


class OnlySays(Variant):
    def accumulate(self, gradient):
        return self.grad + gradient


class ZeroIsNone(Variant):
    def zero_grad(self):
        self.grad = None

    def accumulate(self, gradient):
        self.grad = gradient.copy() if self.grad is None else self.grad + gradient


class ZeroIsNumber(Variant):
    def zero_grad(self):
        self.grad = 0.0

    def accumulate(self, gradient):
        self.grad = self.grad + gradient


class ZeroesData(Variant):
    def zero_grad(self):
        self.data = np.zeros_like(self.data)


class ZeroesBoth(Variant):
    def zero_grad(self):
        self.data, self.grad = np.zeros_like(self.data), np.zeros_like(self.data)


class ZeroesNothing(Variant):
    def zero_grad(self):
        pass


class Layer(solutions.Linear):
    """The right one; each mistake overrides some of its methods."""


class OfTheBeginning(Layer):
    def __init__(self, W, b):
        super().__init__(W, b)
        self.first = self.W.data.copy(), self.b.data.copy()

    def forward(self, x):
        self.x = x
        return solutions.linear(x, *self.first)


class OfTheBeginningInPlace(Layer):
    def __init__(self, W, b):
        super().__init__(W, b)
        self.first = self.W.data, self.b.data

    def forward(self, x):
        self.x = x
        return solutions.linear(x, *self.first)


class WithoutBias(Layer):
    def forward(self, x):
        self.x = x
        return x @ self.W.data


class KeepsOutput(Layer):
    def forward(self, x):
        self.x = super().forward(x)
        return self.x


class KeepsOutputAndBroadcasts(KeepsOutput):
    def backward(self, dy):
        self.W.grad = self.W.grad + solutions.grad_W(dy, self.x)
        self.b.accumulate(solutions.grad_b(dy))
        return solutions.grad_x(dy, self.W.data)


class KeepsFirst(Layer):
    def forward(self, x):
        kept = getattr(self, "x", x)
        y = super().forward(x)
        self.x = kept
        return y


class SetsGradients(Layer):
    def backward(self, dy):
        self.W.zero_grad()
        self.b.zero_grad()
        return super().backward(dy)


class ForgetsBias(Layer):
    def backward(self, dy):
        self.W.accumulate(solutions.grad_W(dy, self.x))
        return solutions.grad_x(dy, self.W.data)


class ForgetsBoth(Layer):
    def backward(self, dy):
        return solutions.grad_x(dy, self.W.data)


class HandsBack(Layer):
    def backward(self, dy):
        super().backward(dy)
        return dy


class ReturnsdW(Layer):
    def backward(self, dy):
        super().backward(dy)
        return solutions.grad_W(dy, self.x)


class StepsAfter(Layer):
    def backward(self, dy):
        dx = super().backward(dy)
        self.W.data -= self.W.grad
        self.b.data -= self.b.grad
        return dx


class StepsBefore(Layer):
    def backward(self, dy):
        self.W.accumulate(solutions.grad_W(dy, self.x))
        self.b.accumulate(solutions.grad_b(dy))
        self.W.data -= self.W.grad
        self.b.data -= self.b.grad
        return solutions.grad_x(dy, self.W.data)


class GivesArrays(Layer):
    def parameters(self):
        return [self.W.data, self.b.data]


class GivesWeights(Layer):
    def parameters(self):
        return [self.W]


class GivesBiasFirst(Layer):
    def parameters(self):
        return [self.b, self.W]


class GivesCopies(Layer):
    def parameters(self):
        return [solutions.Parameter(self.W.data), solutions.Parameter(self.b.data)]


RUNG = Rung(
    claims=(
        Claim(
            "a Parameter begins with a copy of the data, and zeros",
            arrays(),
            run_first,
            1,
            tries=30,
        ),
        Claim("accumulate adds", sums(), run_sum, 2, tries=20),
        Claim("zero_grad makes zeros", sums(), run_zero, 3, tries=20),
        Claim(
            "forward is x @ W + b, with the data of now",
            inputs(),
            run_forward,
            5,
            true_forward,
            tries=20,
        ),
        Claim(
            "backward gives what differences give",
            batches(),
            run_backward,
            6,
            true_backward,
            1e-7,
            tries=20,
        ),
        Claim(
            "the gradients of two batches add up",
            two_batches(),
            run_two,
            2,
            true_two,
            1e-7,
            tries=12,
        ),
        Claim("parameters() returns W and b", weights(), run_parameters, 7, tries=10),
    ),
    mistakes=(
        Mistake(
            "data stays an array of whole numbers where it was one, and grad with it; steps are "
            "no whole numbers: make it floats",
            {"Parameter": KeepsWholeNumbers},
            1,
        ),
        Mistake(
            "data is the caller's own array where that has floats; then a step changes it too: "
            "copy it always",
            {"Parameter": SharesFloats},
            1,
        ),
        Mistake(
            "data is the caller's own array, neither copied nor made floats",
            {"Parameter": KeepsAsItIs},
            1,
        ),
        Mistake(
            "grad is None at first, as in PyTorch; here it starts as zeros in the shape of data",
            {"Parameter": StartsWithNone},
            2,
        ),
        Mistake(
            "grad is one number at first; it starts as an array of zeros in the shape of data",
            {"Parameter": StartsWithNumber},
            2,
        ),
        Mistake(
            "grad starts as the data; before anything was said about them, it is zeros",
            {"Parameter": StartsWithData},
            2,
        ),
        Mistake(
            "data and grad are one array under two names: what is written to one is in the other",
            {"Parameter": OneForBoth},
            2,
        ),
        Mistake(
            "the gradient handed in is kept, and the next one added to it: the caller's array "
            "changes; add to an array of your own",
            {"Parameter": KeepsTheFirst},
            4,
        ),
        Mistake(
            "accumulate replaces the gradient by the new one, and keeps that array; it must add to "
            "what is there",
            {"Parameter": ReplacesByIt},
            2,
        ),
        Mistake(
            "accumulate replaces the gradient by the new one; it must add to what is there",
            {"Parameter": Replaces},
            2,
        ),
        Mistake(
            "accumulate takes the gradient away; downhill is the optimizer's direction, here it is "
            "added",
            {"Parameter": TakesAway},
            2,
        ),
        Mistake(
            "accumulate adds to data; it is grad that collects, and data is the optimizer's",
            {"Parameter": AddsToData},
            3,
        ),
        Mistake(
            "accumulate computes the sum and forgets it: grad stays as it was",
            {"Parameter": OnlySays},
            2,
        ),
        Mistake("zero_grad sets None, where zeros are asked for", {"Parameter": ZeroIsNone}, 3),
        Mistake(
            "zero_grad sets one number, where an array in the shape of data is asked for",
            {"Parameter": ZeroIsNumber},
            3,
        ),
        Mistake("zero_grad clears the data, not the gradient", {"Parameter": ZeroesData}, 3),
        Mistake(
            "zero_grad clears the data too; all that was learned would be gone",
            {"Parameter": ZeroesBoth},
            3,
        ),
        Mistake(
            "zero_grad changes nothing; set self.grad, not a name of its own",
            {"Parameter": ZeroesNothing},
            3,
        ),
        Mistake("b is missing in forward: y = x @ W alone", {"Linear": WithoutBias}, 5),
        Mistake(
            "forward computes with the arrays of the beginning, so it never learns: read the data "
            "of the Parameters each time",
            {"Linear": OfTheBeginning},
            5,
        ),
        Mistake(
            "forward computes with arrays that were once the data: read .data of the Parameters "
            "each time, for it may be a new array",
            {"Linear": OfTheBeginningInPlace},
            5,
        ),
        Mistake("forward keeps y; dW needs its x", {"Linear": KeepsOutput}, 5),
        Mistake(
            "forward keeps y, which it returns; dW needs the x that came in",
            {"Linear": KeepsOutputAndBroadcasts},
            5,
        ),
        Mistake(
            "the x of the very first forward is kept for ever; backward needs that of the last one",
            {"Linear": KeepsFirst},
            5,
        ),
        Mistake(
            "each backward starts anew: the second batch's gradients replace those of the first, "
            "where they are to be added",
            {"Linear": SetsGradients},
            2,
        ),
        Mistake(
            "b's gradient is missing: its grad stays zeros, so b would never learn",
            {"Linear": ForgetsBias},
            6,
        ),
        Mistake(
            "only dx is computed: the grads of W and b stay zeros, so nothing would learn",
            {"Linear": ForgetsBoth},
            6,
        ),
        Mistake(
            "dy is returned as it came; the layer before needs its own dy, which is dx",
            {"Linear": HandsBack},
            6,
        ),
        Mistake(
            "dW is returned; that belongs into W.grad: the layer before needs dx",
            {"Linear": ReturnsdW},
            6,
        ),
        Mistake(
            "the data change before dx is computed, so dx is that of other weights; backward "
            "makes no step, the optimizer does",
            {"Linear": StepsBefore},
            3,
        ),
        Mistake(
            "backward changes the data; to make a step is the optimizer's work",
            {"Linear": StepsAfter},
            3,
        ),
        Mistake(
            "the arrays are returned, without their gradients; return the Parameters that hold "
            "them",
            {"Linear": GivesArrays},
            7,
        ),
        Mistake("b is missing in parameters(): it would never learn", {"Linear": GivesWeights}, 7),
        Mistake("the order is [b, W]; W comes first", {"Linear": GivesBiasFirst}, 7),
        Mistake(
            "new Parameters are returned; an optimizer would change them, and the layer its own "
            "never",
            {"Linear": GivesCopies},
            7,
        ),
    ),
    hints=(
        "A Parameter is two arrays of one shape. A Linear is two Parameters, and the x of the last "
        "forward. Which of them changes in accumulate, in forward, in backward?",
        "np.array(data, dtype=float) copies; += adds in place. backward hands dW to "
        "self.W.accumulate, db to self.b.accumulate, and returns dx.",
        "forward: self.x = x, return mine.linear(x, self.W.data, self.b.data). backward: "
        "self.W.accumulate(mine.grad_W(dy, self.x)), self.b.accumulate(mine.grad_b(dy)), return "
        "mine.grad_x(dy, self.W.data).",
    ),
    library=(
        "tinynet.module:Parameter.accumulate",
        "tinynet.layers.linear:Linear.forward",
        "tinynet.layers.linear:Linear.backward",
    ),
    module=module,
)
