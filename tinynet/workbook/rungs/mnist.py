"""How 22_mnist.py is graded: the network with known weights, then its training, then 95 percent.

Learners choose much themselves, so no claim depends on it: what the network computes is asked with
weights that are put in here, and what training does is told by what can be seen of it.
"""

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st

from tinynet.datasets import mnist_small
from tinynet.inspection import tracing
from tinynet.losses import CrossEntropyLoss, NLLLoss
from tinynet.support.types import Array, Labels
from tinynet.workbook import earlier, solutions
from tinynet.workbook.children import MADE
from tinynet.workbook.proof import compare, observe
from tinynet.workbook.rung import Claim, Mistake, Parts, Rung, Values
from tinynet.workbook.wrapped import OptimizerOfTheirs, as_module

SIZES = (784, 64, 32, 32, 10)
TRAINED, FEW, SHOWN = 18_000, 512, 8
WANTED = 95.0
"""Percent of the digits that were held back."""

DIES, EXPLODES = 0.003, 100.0
"""The spread of the scores before training, outside of which no signal comes through."""

ROWS, STEP = 6, 1e-5
SHAPES = "the shapes of its parameters"


@functools.cache
def digits() -> tuple[Array, Labels]:
    """All 20,000, pixels from 0 to 1."""
    found = mnist_small()
    return found.images / 255.0, found.labels


def names() -> list[str]:
    """W1, b1, W2, ... as `parameters` lists them."""
    return [f"{name}{layer}" for layer in range(1, len(SIZES)) for name in "Wb"]


def is_own(thing: object) -> bool:
    """Whether its class stands in a file of the workbook."""
    module = type(thing).__module__
    return module.startswith("workbook ") or module == solutions.__name__


def shapes_of(arrays: Iterable[Array]) -> Values:
    return {SHAPES: ", ".join("x".join(map(str, array.shape)) for array in arrays)}


def run_build(parts: Parts) -> Values:
    net = parts.build(np.random.default_rng(0))
    own = all(map(is_own, [net, *net.layers]))
    return {"it is made of your own parts": own, **shapes_of(p.data for p in net.parameters())}


@contextlib.contextmanager
def evaluating(net: Any) -> Iterator[None]:
    """Within, no layer drops out anything."""
    before = [(layer, layer.training) for layer in net.layers if hasattr(layer, "training")]
    for layer, _ in before:
        layer.training = False
    yield
    for layer, training in before:
        layer.training = training


def known_weights() -> list[Array]:
    rng, found = np.random.default_rng(1), list[Array]()
    for I, O in pairwise(SIZES):
        found += [rng.standard_normal((I, O)) * np.sqrt(2 / I), rng.standard_normal(O) / 4]
    return found


def rows() -> tuple[Array, Array]:
    """Rows like digits, and what their log-probabilities count in a loss."""
    rng = np.random.default_rng(2)
    shape = ROWS, SIZES[0]
    x = np.where(rng.random(shape) < 0.2, rng.random(shape), 0)
    return x, rng.standard_normal((ROWS, SIZES[-1]))


def with_known_weights(parts: Parts) -> tuple[Any, Values]:
    """A network, if its parameters have the right shapes, and what shapes they have."""
    net, weights = parts.build(np.random.default_rng(0)), known_weights()
    shapes = shapes_of(p.data for p in net.parameters())
    if shapes != shapes_of(weights):
        return None, shapes
    for parameter, values in zip(net.parameters(), weights):
        parameter.data[...] = values
    return net, shapes


def log_probabilities(scores: Array) -> Array:
    """Of scores, or of log-probabilities, which it leaves as they are."""
    return solutions.log_softmax(np.asarray(scores, np.float64))


def run_forward(parts: Parts) -> Values:
    net, shapes = with_known_weights(parts)
    if net is None:
        return shapes
    with evaluating(net):
        return {**shapes, "the log-probabilities": log_probabilities(net.forward(rows()[0]))}


def right_output(x: Array, weights: Sequence[Array]) -> Array:
    """Log-probabilities, by matrix products alone."""
    for W, b in zip(weights[::2], weights[1::2]):
        x = x @ W + b
        if len(b) != SIZES[-1]:
            x = np.maximum(x, 0)
    return log_probabilities(x)


def true_forward() -> Values:
    weights = known_weights()
    return {**shapes_of(weights), "the log-probabilities": right_output(rows()[0], weights)}


def directions() -> list[Array]:
    """One for each parameter."""
    rng = np.random.default_rng(3)
    return [rng.standard_normal(w.shape) / np.sqrt(w.size) for w in known_weights()]


def run_backward(parts: Parts) -> Values:
    (net, shapes), (x, counts) = with_known_weights(parts), rows()
    if net is None:
        return shapes
    with evaluating(net):
        y = net.forward(x)
        net.backward(solutions.log_softmax_backward(counts, log_probabilities(y)))
    slopes = {
        f"the slope along a direction of {name}": (p.grad * direction).sum()
        for name, p, direction in zip(names(), net.parameters(), directions())
    }
    return {**shapes, **slopes}


def true_backward() -> Values:
    (x, counts), weights = rows(), known_weights()
    found = dict(shapes_of(weights))

    def loss(moved: int, by: Array) -> float:
        there = [w + by if n == moved else w for n, w in enumerate(weights)]
        return float((right_output(x, there) * counts).sum())

    for n, (name, direction) in enumerate(zip(names(), directions())):
        slope = (loss(n, STEP * direction) - loss(n, -STEP * direction)) / (2 * STEP)
        found[f"the slope along a direction of {name}"] = slope
    return found


def run_first_weights(parts: Parts) -> Values:
    one, again, other = (parts.build(np.random.default_rng(seed)) for seed in (0, 0, 1))
    weights = [[np.array(p.data) for p in net.parameters()] for net in (one, again, other)]
    same = all(np.array_equal(a, b) for a, b in zip(weights[0], weights[1]))
    differ = any(not np.array_equal(a, b) for a, b in zip(weights[0], weights[2]))
    matrices = [w for w in weights[0] if w.ndim == 2]
    with evaluating(one):
        scores = one.forward(rows()[0])
    spread = float((scores - scores.mean(axis=1, keepdims=True)).std())
    dies, explodes = spread < DIES, not spread < EXPLODES
    return {
        "all units of a layer begin differently": all(
            len(np.unique(W, axis=1).T) == W.shape[1] for W in matrices
        ),
        "the weights are drawn from rng": same and differ,
        "the signal": "dies away" if dies else "explodes" if explodes else "comes through",
    }


def true_first_weights() -> Values:
    return {
        "all units of a layer begin differently": True,
        "the weights are drawn from rng": True,
        "the signal": "comes through",
    }


class Watched:
    """What can be seen of training from outside, by a network's forward and backward.

    Attributes
    ----------
    stale : int
        How often backward began with the gradients of an earlier step.
    strange, turned : int
        How many rows were trained with a label that is not theirs, and how many away from theirs,
        of `known` ones.
    """

    def __init__(self, net: Any, X: Array, y: Labels) -> None:
        self.net, self.stale, self.strange, self.turned, self.known = net, 0, 0, 0, 0
        self._labels = {row.tobytes(): label for row, label in zip(X, y)}
        self._forward, self._backward = net.forward, net.backward
        self._x, self._weights = X[:0], self._now()
        net.forward, net.backward = self.forward, self.backward

    def end(self) -> None:
        del self.net.forward, self.net.backward

    def _now(self) -> Array:
        return np.array(self.net.parameters()[-1].data)

    def forward(self, x: Array) -> Array:
        self._x = x
        return self._forward(x)

    def backward(self, dy: Array) -> Any:
        parameter, weights = self.net.parameters()[-1], self._now()
        has_gradient = parameter.grad is not None and np.any(parameter.grad)
        self.stale += bool(has_gradient and not np.array_equal(weights, self._weights))
        self._weights = weights
        wants_more, wants_less = np.argmin(dy, axis=1), np.argmax(dy, axis=1)
        for row, more, less in zip(self._x, wants_more, wants_less):
            right = self._labels.get(np.ascontiguousarray(row).tobytes())
            if right is not None:
                self.known += 1
                self.strange += int(more != right)
                self.turned += int(less == right)
        return self._backward(dy)


class Trained(NamedTuple):
    net: Any
    values: dict[str, Any]


LEARNS = "it learns"
TROUBLE = {
    "a number is NaN or infinite": "the weights are NaN or infinite after training: the learning "
    "rate is too large",
    "no weight changes": "no weight has changed: train the net that you are given, not a new one, "
    "and take steps",
    "some weights never change": "some parameters never change; the optimizer gets "
    "net.parameters(), all of them",
    "gradients pile up": "the gradients of earlier steps are still there when backward begins; "
    "forget them before, as train_epoch does",
    "uphill": "it learns away from the labels: the gradient of the loss comes back with its sign "
    "turned round",
    "labels of other rows": "x and y are not shuffled alike: most rows are trained with the label "
    "of another row",
    "the loss does not fall": "weights change, but the loss does not fall: does each step go "
    "downhill, and is the learning rate small enough?",
}


def mean_loss(net: Any, X: Array, y: Labels) -> float:
    with evaluating(net):
        return solutions.nll(log_probabilities(net.forward(X)), y)


@functools.cache
def tried(build: Callable[..., Any], train: Callable[..., Any]) -> str:
    """What can be seen of a training on few digits, the first thing that goes wrong."""
    X, y = (part[:FEW] for part in digits())
    net = build(np.random.default_rng(4))
    before, first = mean_loss(net, X, y), [np.array(p.data) for p in net.parameters()]
    watched = Watched(net, X, y)
    train(net, X.copy(), y.copy(), np.random.default_rng(5))
    watched.end()
    now = [p.data for p in net.parameters()]
    stayed = [np.array_equal(a, b) for a, b in zip(first, now)]
    found = {
        "a number is NaN or infinite": not all(np.isfinite(p).all() for p in now),
        "no weight changes": all(stayed),
        "some weights never change": any(stayed),
        "gradients pile up": watched.stale > 0,
        "uphill": 2 * watched.turned > watched.known,
        "labels of other rows": 2 * watched.strange > watched.known,
        "the loss does not fall": not mean_loss(net, X, y) < before,
    }
    return next((trouble for trouble, is_so in found.items() if is_so), LEARNS)


def run_few(parts: Parts) -> Values:
    return {"training": tried(parts.build, parts.train)}


def few_in_words(values: Values) -> str:
    return TROUBLE[values["training"]]


@functools.cache
def trained(build: Callable[..., Any], train: Callable[..., Any]) -> Trained:
    """The network after training on all digits, and how well it reads."""
    X, y = digits()
    net, start = build(np.random.default_rng(6)), time.perf_counter()
    with contextlib.redirect_stdout(sys.__stdout__):  # what it prints is shown
        train(net, X[:TRAINED].copy(), y[:TRAINED].copy(), np.random.default_rng(7))
    seconds = time.perf_counter() - start
    with evaluating(net):
        right = net.forward(X).argmax(axis=1) == y
    percent = [round(100 * float(part.mean()), 2) for part in (right[TRAINED:], right[:TRAINED])]
    values = {
        "percent right of the new digits": min(percent[0], WANTED),
        "new": percent[0],
        "own": percent[1],
        "seconds": seconds,
    }
    return Trained(net, values)


def run_training(parts: Parts) -> Values:
    sound = [holds(claim, parts) for claim in RUNG.claims[:-2]]
    if tried(parts.build, parts.train) != LEARNS or not all(sound):
        return {"percent right of the new digits": 0.0, "new": None}
    return trained(parts.build, parts.train).values


def holds(claim: Claim, parts: Parts) -> bool:
    wanted = claim.truth() if claim.truth is not None else claim.run(solutions)
    return compare(observe(claim, parts, {}), wanted, claim.tolerance) is None


def training_in_words(values: Values) -> str:
    new, own = values["new"], values.get("own")
    if new is None:
        return "not tried: what stands above comes first"
    told = f"{new} % of the new digits are right, and {own} % of those it has learned from"
    if new < 30:
        return f"{told}: that is little more than guessing; try a smaller learning rate"
    if own - new > 3:
        return f"{told}: it knows its own by heart; fewer epochs, or dropout"
    return f"{told}: it has not learned enough yet; more epochs, or another learning rate (5)"


class Foreign(solutions.ReLU):
    """A layer that stands in no file of the workbook."""


class Softmax(solutions.LogSoftmax):
    """Probabilities, and no logarithms."""

    def forward(self, x: Array) -> Array:
        return np.exp(super().forward(x))

    def backward(self, dy: Array) -> Array:
        return super().backward(dy * np.exp(self.y))


def built(
    sizes: Sequence[int] = SIZES,
    W: Callable[[int, int, Any], Array] = solutions.he,
    between: Callable[[], Any] = solutions.ReLU,
    without: Sequence[int] = (),
    last: Sequence[Callable[[], Any]] = (solutions.LogSoftmax,),
) -> dict[str, Callable[..., Any]]:
    """A build that differs; no ReLU stands after the layers `without`."""

    def build(rng: Any) -> Any:
        layers: list[Any] = []
        for n, (I, O) in enumerate(pairwise(sizes)):
            layers.append(solutions.Linear(W(I, O, rng), np.zeros(O)))
            if n not in without and n < len(sizes) - 2:
                layers.append(between())
        return solutions.Sequential([*layers, *(layer() for layer in last)])

    return {"build": build}


def one_for_all(rng: Any) -> Any:
    shared = solutions.ReLU()
    return built(between=lambda: shared)["build"](rng)


def normal(spread: float) -> Callable[[int, int, Any], Array]:
    return lambda I, O, rng: spread * rng.standard_normal((I, O))


def after(parts: Parts) -> str:
    """The X-ray of a step that the trained network would take next."""
    net, values = trained(parts.build, parts.train)
    X, y = (part[TRAINED:] for part in digits())
    with evaluating(net):
        scores = net.forward(X)
        is_right = scores.argmax(axis=1) == y
        wrong = np.flatnonzero(~is_right)[: SHOWN // 2]
        some = np.union1d(wrong, np.flatnonzero(is_right)[: SHOWN - len(wrong)])
        module = as_module(net)
        is_log = np.allclose(np.exp(scores[some]).sum(axis=1), 1)
        loss = NLLLoss() if is_log else CrossEntropyLoss()
        optimizer: Any = OptimizerOfTheirs(earlier(parts.__file__).SGD, module, lr=0.01)
        trace = tracing.trace(module, loss, X[some], y[some], optimizer)
    Path(MADE).mkdir(exist_ok=True)
    classes = [str(digit) for digit in range(10)]
    trace.to_html(f"{MADE}/xray.html", "X-ray of a step of your own network", classes=classes)
    return (
        f"{values['new']} % of 2,000 new digits are right, after {values['seconds']:.1f} s of "
        f"training.\n\n{MADE}/xray.html shows one step of your own network: your layers forward "
        f"and\nbackward, and your SGD, on {len(some)} of the new digits; {len(wrong)} of them it "
        "takes for others.\nOpen it in a browser, and click a unit."
    )


NOTHING = st.just(dict[str, Any]())

RUNG = Rung(
    claims=(
        Claim(
            "build makes 784-64-32-32-10 of your own parts", NOTHING, run_build, 1, tries=1
        ),
        Claim(
            "its forward is right", NOTHING, run_forward, 1, true_forward, 1e-4, tries=1
        ),
        Claim(
            "its gradients are what differences give",
            NOTHING, run_backward, 2, true_backward, 1e-4, tries=1,
        ),
        Claim(
            "its first weights are random, and let the signal through",
            NOTHING, run_first_weights, 3, true_first_weights, tries=1,
        ),
        Claim(
            "train learns, tried on a few digits",
            NOTHING, run_few, 4, lambda: {"training": LEARNS}, tries=1, words=few_in_words,
        ),
        Claim(
            "at least 95 percent of 2,000 new digits are right",
            NOTHING, run_training, 5, lambda: {"percent right of the new digits": WANTED}, tries=1,
            words=training_in_words,
        ),
    ),
    mistakes=(
        Mistake(
            "not all of it is yours: take the classes of your exercises, mine.Linear and so on",
            built(between=Foreign),
            1,
        ),
        Mistake(
            "no ReLU stands between the Linears: four matrices are no more than one",
            built(without=range(4)),
            1,
        ),
        Mistake(
            "a ReLU stands after the last Linear: no score can be negative then",
            built(last=(solutions.ReLU, solutions.LogSoftmax)),
            1,
        ),
        Mistake("no ReLU stands after the first Linear", built(without=[0]), 1),
        Mistake("no ReLU stands after the second Linear", built(without=[1]), 1),
        Mistake("no ReLU stands after the third Linear", built(without=[2]), 1),
        Mistake(
            "it ends with probabilities; nll takes their logarithms, LogSoftmax's",
            built(last=[Softmax]),
            1,
        ),
        Mistake(
            "one ReLU stands in several places, and keeps only the last x; make one for each",
            {"build": one_for_all},
            2,
        ),
        Mistake(
            "a Linear is missing: there are four, one of 32 to 32 among them",
            built((784, 64, 32, 10)),
            1,
        ),
        Mistake(
            "W stands the other way round: it is (I, O), and x @ W",
            built(W=lambda I, O, rng: solutions.he(O, I, rng)),
            1,
        ),
        Mistake(
            "all weights begin alike, as 0 or so: every unit of a layer is the same, and stays so",
            built(W=lambda I, O, rng: np.full((I, O), 1 / I)),
            3,
        ),
        Mistake(
            "the first weights are too large: the scores explode from layer to layer",
            built(W=normal(1.0)),
            3,
        ),
        Mistake(
            "the first weights are too small: the signal dies away from layer to layer",
            built(W=normal(0.01)),
            3,
        ),
        Mistake(
            "the weights do not come from the rng that build is given",
            {"build": lambda rng: solutions.build(np.random.default_rng(0))},
            3,
        ),
    ),
    hints=(
        "Build: a list of layers, in the order of the drawing. mine.he(784, 64, rng) are the first "
        "weights of the first Linear. Train: an optimizer, and a loop over epochs.",
        "One epoch: order = rng.permutation(len(X)); the batches are (X[rows], y[rows]) for some "
        "dozens of rows of it at a time; mine.train_epoch(net, mine.nll, mine.nll_backward, "
        "optimizer, batches) does the rest.",
        "mine.Momentum(net.parameters(), lr=0.02), batches of 32 rows, 10 epochs, and a tenth of "
        "lr for the last three. np.array_split(order, len(X) // 32 + 1) cuts the rows.",
    ),
    after=after,
    seconds=180.0,
    trains=True,
)  # fmt: skip
