"""How 13_chain.py is graded: Sequential with small layers of the grader, against differences.

So what is wrong in an earlier exercise does not count against Sequential. These layers have one
number each, or none; in another order, they give another y and other gradients.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.support.types import Array
from tinynet.workbook import solutions
from tinynet.workbook.examples import array, by_differences, number, numbers, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values

SMALL = numbers(2)
NOT_ZERO = [q for q in numbers() if q]
"""Where the ReLU has a slope, and differences find it."""


class Given:
    """A layer of the grader with one parameter, a number, or none."""

    def __init__(self, value: float | None = None) -> None:
        self.learned = [] if value is None else [SimpleNamespace(data=value, grad=0.0)]

    def parameters(self) -> list[Any]:
        return list(self.learned)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{p.data:g}' for p in self.learned)})"


class Times(Given):
    """y = x * p"""

    def forward(self, x: Array) -> Array:
        self.x = x
        return x * self.learned[0].data

    def backward(self, dy: Array) -> Array:
        self.learned[0].grad += (dy * self.x).sum()
        return dy * self.learned[0].data


class Plus(Given):
    """y = x + p"""

    def forward(self, x: Array) -> Array:
        return x + self.learned[0].data

    def backward(self, dy: Array) -> Array:
        self.learned[0].grad += dy.sum()
        return dy + 0


class Square(Given):
    """y = x * x"""

    def forward(self, x: Array) -> Array:
        self.x = x
        return x * x

    def backward(self, dy: Array) -> Array:
        return 2 * self.x * dy


class Total(Given):
    """y = the sum of each row, (N, 1)"""

    def forward(self, x: Array) -> Array:
        self.shape = x.shape
        return x.sum(axis=1, keepdims=True)

    def backward(self, dy: Array) -> Array:
        return dy * np.ones(self.shape)


def _layers(draw: DrawFn, least: int = 1) -> list[Given]:
    """Some layers, at most one Square and one Total."""
    kinds = draw(st.lists(st.sampled_from([Plus, Times]), min_size=least, max_size=3))
    layers: list[Given] = [kind(number(draw, SMALL)) for kind in kinds]
    for kind in (Square, Total):
        if draw(st.booleans()):
            layers.insert(draw(st.integers(0, len(layers))), kind())
    return layers


@st.composite
def chains(draw: DrawFn) -> Example:
    layers = _layers(draw)
    N, I = draw(sizes(most=2)), draw(sizes(most=3))
    O = 1 if any(isinstance(layer, Total) for layer in layers) else I
    return {
        "layers": layers,
        "x": array(draw, N, I, of=SMALL),
        "dy": array(draw, N, O, of=SMALL),
    }


@st.composite
def nested(draw: DrawFn) -> Example:
    return {"layers": _layers(draw, least=2), "x": array(draw, 2, 2, of=SMALL)}


@st.composite
def pairs(draw: DrawFn) -> Example:
    """What two layers of one kind are handed: x and dy of each."""
    shapes = [(draw(sizes(most=3)), draw(sizes(most=3))) for _ in range(2)]
    return {
        "xs": [array(draw, *shape, of=NOT_ZERO) for shape in shapes],
        "dys": [array(draw, *shape) for shape in shapes],
    }


def run_relu(parts: Parts, xs: list[Array], dys: list[Array]) -> Values:
    return _run_pair(parts.ReLU, xs, dys)


def run_log_softmax(parts: Parts, xs: list[Array], dys: list[Array]) -> Values:
    return _run_pair(parts.LogSoftmax, xs, dys)


def _run_pair(kind: Any, xs: list[Array], dys: list[Array]) -> Values:
    """Two layers of one kind: both forward, then both backward."""
    layers = [kind() for _ in xs]
    ys = [layer.forward(x) for layer, x in zip(layers, xs, strict=True)]
    dxs = [layer.backward(dy) for layer, dy in zip(layers, dys, strict=True)]
    learned = layers[0].parameters()
    return {
        "y of the first layer": ys[0],
        "dx of the first layer": dxs[0],
        "dx of the second layer": dxs[1],
        "how many parameters it has": None if learned is None else len(list(learned)),
    }


def true_relu(xs: list[Array], dys: list[Array]) -> Values:
    return _true_pair(solutions.relu, xs, dys)


def true_log_softmax(xs: list[Array], dys: list[Array]) -> Values:
    return _true_pair(solutions.log_softmax, xs, dys)


def _true_pair(function: Any, xs: list[Array], dys: list[Array]) -> Values:
    slopes = by_differences(function, dx="x")
    dxs = [slopes(x=x, dy=dy)["dx"] for x, dy in zip(xs, dys, strict=True)]
    return {
        "y of the first layer": function(xs[0]),
        "dx of the first layer": dxs[0],
        "dx of the second layer": dxs[1],
        "how many parameters it has": 0,
    }


def run_forward(parts: Parts, layers: list[Given], x: Array, dy: Array) -> Values:
    return {"y": parts.Sequential(layers).forward(x)}


def true_forward(layers: list[Given], x: Array, dy: Array) -> Values:
    return {"y": _composed(x, _values(layers), layers)}


def _values(layers: list[Given]) -> Array:
    """The number that each layer has learned, 0 for those that have none."""
    return np.array([layer.learned[0].data if layer.learned else 0.0 for layer in layers])


def _composed(x: Array, values: Array, layers: list[Any]) -> Array:
    for value, layer in zip(values, layers, strict=True):
        x = type(layer)(value).forward(x)
    return x


def run_backward(parts: Parts, layers: list[Given], x: Array, dy: Array) -> Values:
    net = parts.Sequential(layers)
    net.forward(x)
    dx = net.backward(dy)
    return {
        **{_of(k): g for k, g in enumerate(_gradients(layers)) if layers[k].learned},
        "dx": dx,
    }


def true_backward(layers: list[Given], x: Array, dy: Array) -> Values:
    found = _slopes(x=x, values=_values(layers), layers=layers, dy=dy)
    return {
        **{_of(k): g for k, g in enumerate(found["gradients"]) if layers[k].learned},
        "dx": found["dx"],
    }


_slopes = by_differences(_composed, gradients="values", dx="x")


def _of(position: int) -> str:
    return f"the gradient of layers[{position}]"


def _gradients(layers: list[Given]) -> list[float]:
    return [float(layer.learned[0].grad) if layer.learned else 0.0 for layer in layers]


def run_again(parts: Parts, layers: list[Given], x: Array, dy: Array) -> Values:
    """Forward and backward, and the same once more."""
    net = parts.Sequential(layers)
    net.forward(x)
    net.backward(dy)
    before = np.array(_gradients(layers))
    y = net.forward(x + 1)
    dx = net.backward(dy)
    return {
        "y of the second time": y,
        "dx of the second time": dx,
        "the gradients of the second time": np.array(_gradients(layers)) - before,
    }


def true_again(layers: list[Given], x: Array, dy: Array) -> Values:
    found = _slopes(x=x + 1, values=_values(layers), layers=layers, dy=dy)
    return {
        "y of the second time": _composed(x + 1, _values(layers), layers),
        "dx of the second time": found["dx"],
        "the gradients of the second time": found["gradients"],
    }


def run_parameters(parts: Parts, layers: list[Given], x: Array) -> Values:
    return {"parameters()": _told(parts.Sequential(layers).parameters(), layers)}


def true_parameters(layers: list[Given], x: Array) -> Values:
    return {"parameters()": _told([p for layer in layers for p in layer.learned], layers)}


def _told(found: Any, layers: list[Given]) -> str | None:
    """A list of parameters in words, each by the layer that it belongs to."""
    names = {id(p): f"that of layers[{k}]" for k, layer in enumerate(layers) for p in layer.learned}
    if found is None:
        return None
    words = (names.get(id(p), f"a {type(p).__name__}") for p in found)
    return f"[{', '.join(words)}]"


def run_nested(parts: Parts, layers: list[Given], x: Array) -> Values:
    """The layers but the first stand in a Sequential of their own."""
    net = parts.Sequential([layers[0], parts.Sequential(layers[1:])])
    told = _told(net.parameters(), layers)
    y = net.forward(x)
    dx = net.backward(np.ones_like(y))
    return {
        "parameters()": told,
        "y": y,
        "dx": dx,
        "the gradients of the layers": np.array(_gradients(layers)),
    }


class Rectifier(solutions.ReLU):
    """The right one; each mistake overrides some of its methods."""


class InPlace(Rectifier):
    def forward(self, x):
        self.x = x
        x[x < 0] = 0
        return x


class PassesAll(Rectifier):
    def backward(self, dy):
        return dy * 1


class OfDy(Rectifier):
    def backward(self, dy):
        return solutions.relu_backward(dy, dy)


class OfValue(Rectifier):
    def backward(self, dy):
        return dy * solutions.relu(self.x)


class MaskAlone(Rectifier):
    def backward(self, dy):
        return 1.0 * (self.x > 0)


class Interchanged(Rectifier):
    def backward(self, dy):
        return solutions.relu_backward(self.x, dy)


class InTheClass(Rectifier):
    def forward(self, x):
        InTheClass.x = x
        return solutions.relu(x)


class Probabilities(solutions.LogSoftmax):
    """The right one; each mistake overrides some of its methods."""


class KeepsInput(Probabilities):
    def forward(self, x):
        self.y = x
        return solutions.log_softmax(x)


class KeepsExp(Probabilities):
    def forward(self, x):
        y = solutions.log_softmax(x)
        self.y = np.exp(y)
        return y


class YFirst(Probabilities):
    def backward(self, dy):
        return solutions.log_softmax_backward(self.y, dy)


class PassesDy(Probabilities):
    def backward(self, dy):
        return dy * 1


class ReturnsExp(Probabilities):
    def forward(self, x):
        y = solutions.log_softmax(x)
        self.y = y
        return np.exp(y)


class YInTheClass(Probabilities):
    def forward(self, x):
        YInTheClass.y = solutions.log_softmax(x)
        return YInTheClass.y


class Chain(solutions.Sequential):
    """The right one; each mistake overrides some of its methods."""


class EachHasX(Chain):
    def forward(self, x):
        for layer in self.layers:
            y = layer.forward(x)
        return y


class ForwardReversed(Chain):
    def forward(self, x):
        for layer in reversed(self.layers):
            x = layer.forward(x)
        return x


class ForwardAdded(Chain):
    def forward(self, x):
        return sum(layer.forward(x) for layer in self.layers)


class ForwardWithoutLast(Chain):
    def forward(self, x):
        for layer in self.layers[:-1]:
            x = layer.forward(x)
        return x


class ForwardOfFirst(Chain):
    def forward(self, x):
        return self.layers[0].forward(x)


class InForwardOrder(Chain):
    def backward(self, dy):
        for layer in self.layers:
            dy = layer.backward(dy)
        return dy


class EachHasDy(Chain):
    def backward(self, dy):
        for layer in reversed(self.layers):
            dx = layer.backward(dy)
        return dx


class EachHasDyInForwardOrder(Chain):
    def backward(self, dy):
        for layer in self.layers:
            dx = layer.backward(dy)
        return dx


class Added(Chain):
    def backward(self, dy):
        dx = 0
        for layer in reversed(self.layers):
            dx = dx + layer.backward(dy)
        return dx


class GivesDy(Chain):
    def backward(self, dy):
        super().backward(dy)
        return dy


class WithoutFirst(Chain):
    def backward(self, dy):
        for layer in self.layers[:0:-1]:
            dy = layer.backward(dy)
        return dy


class WithoutLast(Chain):
    def backward(self, dy):
        for layer in self.layers[-2::-1]:
            dy = layer.backward(dy)
        return dy


class OnlyLast(Chain):
    def backward(self, dy):
        return self.layers[-1].backward(dy)


class TurnsList(Chain):
    def backward(self, dy):
        self.layers.reverse()
        for layer in self.layers:
            dy = layer.backward(dy)
        return dy


class UsesUp(Chain):
    def backward(self, dy):
        while self.layers:
            dy = self.layers.pop().backward(dy)
        return dy


class Lists(Chain):
    def parameters(self):
        return [layer.parameters() for layer in self.layers]


class OnlyFilledLists(Chain):
    def parameters(self):
        return [layer.parameters() for layer in self.layers if layer.parameters()]


class OfFirst(Chain):
    def parameters(self):
        return self.layers[0].parameters()


class OfLast(Chain):
    def parameters(self):
        for layer in self.layers:
            found = layer.parameters()
        return found


class Empty(Chain):
    def parameters(self):
        return []


class FromTheEnd(Chain):
    def parameters(self):
        return [p for layer in reversed(self.layers) for p in layer.parameters()]


class TheLayers(Chain):
    def parameters(self):
        return list(self.layers)


RUNG = Rung(
    claims=(
        Claim(
            "ReLU is a layer, and each keeps its own x",
            pairs(),
            run_relu,
            1,
            true_relu,
            1e-7,
            tries=20,
        ),
        Claim(
            "LogSoftmax is a layer, and each keeps its own y",
            pairs(),
            run_log_softmax,
            1,
            true_log_softmax,
            1e-7,
            tries=20,
        ),
        Claim(
            "forward hands on from layer to layer", chains(), run_forward, 3, true_forward, tries=30
        ),
        Claim(
            "backward gives what differences give",
            chains(),
            run_backward,
            4,
            true_backward,
            1e-7,
            tries=30,
        ),
        Claim(
            "it can be done again",
            chains(),
            run_again,
            6,
            true_again,
            1e-7,
            tries=20,
        ),
        Claim(
            "parameters() has those of all layers",
            nested(),
            run_parameters,
            7,
            true_parameters,
            tries=20,
        ),
        Claim("a Sequential may stand in another", nested(), run_nested, 5, tries=20),
    ),
    mistakes=(
        Mistake(
            "ReLU's forward sets numbers of x itself to 0, in place, and returns it; others still "
            "need x: make a new array",
            {"ReLU": InPlace},
            1,
        ),
        Mistake(
            "x is kept in the class or in a global name, where the next ReLU overwrites it: keep "
            "it in self",
            {"ReLU": InTheClass},
            2,
        ),
        Mistake(
            "the sign of dy decides in ReLU's backward; it is the sign of x that does",
            {"ReLU": OfDy},
            1,
        ),
        Mistake(
            "x and dy are interchanged: relu_backward takes dy first",
            {"ReLU": Interchanged},
            1,
        ),
        Mistake(
            "dy is multiplied by the value of the ReLU, where its slope is meant, 0 or 1",
            {"ReLU": OfValue},
            1,
        ),
        Mistake(
            "dy is missing: it is the slope of the ReLU alone; multiply by what comes back (the "
            "chain rule)",
            {"ReLU": MaskAlone},
            1,
        ),
        Mistake(
            "ReLU's backward lets all of dy pass; where x was negative, nothing did",
            {"ReLU": PassesAll},
            1,
        ),
        Mistake(
            "y is kept in the class or in a global name, where the next LogSoftmax overwrites it: "
            "keep it in self",
            {"LogSoftmax": YInTheClass},
            2,
        ),
        Mistake(
            "LogSoftmax keeps its x, but log_softmax_backward takes y, what forward returned",
            {"LogSoftmax": KeepsInput},
            1,
        ),
        Mistake(
            "LogSoftmax keeps probabilities, but log_softmax_backward takes their logarithms, what "
            "forward returned",
            {"LogSoftmax": KeepsExp},
            1,
        ),
        Mistake(
            "y and dy are interchanged: log_softmax_backward takes dy first",
            {"LogSoftmax": YFirst},
            1,
        ),
        Mistake(
            "LogSoftmax's backward lets dy pass as it is; each x moves all log-probabilities of "
            "its row",
            {"LogSoftmax": PassesDy},
            1,
        ),
        Mistake(
            "forward returns probabilities; the layer's y are their logarithms",
            {"LogSoftmax": ReturnsExp},
            1,
        ),
        Mistake(
            "the list of layers itself is turned round, so the next forward runs from the end to "
            "the beginning; go through it in reverse, but leave it",
            {"Sequential": TurnsList},
            6,
        ),
        Mistake(
            "the list of layers is used up, so the next forward finds none; go through it, but "
            "leave it",
            {"Sequential": UsesUp},
            6,
        ),
        Mistake(
            "forward does not hand on: every layer gets the network's x; the second needs what the "
            "first returned",
            {"Sequential": EachHasX},
            3,
        ),
        Mistake(
            "forward goes through the layers last first; that is the way back",
            {"Sequential": ForwardReversed},
            3,
        ),
        Mistake(
            "forward adds what the layers make of x; they stand one after the other, each with "
            "what the last one returned",
            {"Sequential": ForwardAdded},
            3,
        ),
        Mistake(
            "forward stops before the last layer; look at where the loop ends",
            {"Sequential": ForwardWithoutLast},
            3,
        ),
        Mistake(
            "forward returns after the first layer; let the loop come to its end",
            {"Sequential": ForwardOfFirst},
            3,
        ),
        Mistake(
            "backward goes through the layers first to last; dy belongs to the last one",
            {"Sequential": InForwardOrder},
            4,
        ),
        Mistake(
            "backward does not hand on: every layer gets the same dy; the one before needs what "
            "this one returned",
            {"Sequential": EachHasDy},
            4,
        ),
        Mistake(
            "backward does not hand on, and goes first to last: every layer gets the same dy",
            {"Sequential": EachHasDyInForwardOrder},
            4,
        ),
        Mistake(
            "backward adds up what the layers return; in a chain, what one returns is handed to "
            "the one before",
            {"Sequential": Added},
            4,
        ),
        Mistake(
            "backward leaves the first layer out, so that it never learns; look at where the loop "
            "ends",
            {"Sequential": WithoutFirst},
            4,
        ),
        Mistake(
            "backward leaves the last layer out; look at where the loop begins",
            {"Sequential": WithoutLast},
            4,
        ),
        Mistake(
            "backward asks the last layer only; let the loop come to its end",
            {"Sequential": OnlyLast},
            4,
        ),
        Mistake(
            "dy is returned as it came; what the first layer returned is dx",
            {"Sequential": GivesDy},
            5,
        ),
        Mistake(
            "parameters() is a list of lists; an optimizer goes through one flat list",
            {"Sequential": Lists},
            7,
        ),
        Mistake(
            "parameters() is a list of lists, without the empty ones; an optimizer goes through "
            "one flat list",
            {"Sequential": OnlyFilledLists},
            7,
        ),
        Mistake(
            "parameters() has those of the first layer only; the others would never learn",
            {"Sequential": OfFirst},
            7,
        ),
        Mistake(
            "parameters() has those of the last layer only; collect them all",
            {"Sequential": OfLast},
            7,
        ),
        Mistake(
            "parameters() is always empty; ask each layer for its own",
            {"Sequential": Empty},
            7,
        ),
        Mistake(
            "the layers themselves are returned; ask each of them for its parameters",
            {"Sequential": TheLayers},
            7,
        ),
        Mistake(
            "parameters() begins with the last layer; the order is that of the layers",
            {"Sequential": FromTheEnd},
            7,
        ),
    ),
    hints=(
        "Both ways are a loop over the layers in which one name is assigned anew: what a layer "
        "returns is what the next one gets.",
        "ReLU keeps x and LogSoftmax keeps y, in self. backward of Sequential is its forward with "
        "dy in the place of x, and with reversed(self.layers).",
        "forward: for layer in self.layers: x = layer.forward(x). backward: for layer in "
        "reversed(self.layers): dy = layer.backward(dy). parameters: two loops, one within the "
        "other.",
    ),
    library=("tinynet.module:Sequential.forward", "tinynet.module:Sequential.backward"),
)
