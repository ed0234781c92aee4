"""How 17_epoch.py is graded: on a small network, loss and optimizer that are handed in.

They are right, whatever the learner's own are. The network adds to its gradient, as a layer does,
and starts with one that was left there.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.support.types import Array
from tinynet.workbook import solutions
from tinynet.workbook.examples import array, number, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values
from tinynet.workbook.stand_ins import Held

BIAS = np.array([0, 0.01, 0.03])
"""Added to the outputs, so that no two of a row are equal and argmax is not a matter of taste.

For the same reason, no learning rate makes the outputs of two classes equal in one step.
"""


class Net:
    """A linear layer without a bias that is learned."""

    def __init__(self, W: Array, b: Array, left: Array) -> None:
        self.W, self.b = Held(W), b
        self.W.receive(left)
        self.backwards = 0

    def forward(self, x: Array) -> Array:
        self.x = x
        return x @ self.W.data + self.b

    def backward(self, dy: Array) -> Array:
        self.backwards += 1
        self.W.accumulate(self.x.T @ dy)
        return dy @ self.W.data.T

    def parameters(self) -> list[Held]:
        return [self.W]


class Optimizer(solutions.SGD):
    """Steps against the gradient, and counts them."""

    steps = 0

    def step(self) -> None:
        self.steps += 1
        super().step()


def half_square(y: Array, target: Array) -> float:
    """Half of the squared distance from 1 at the target and 0 elsewhere, the mean over rows."""
    return float(((y - np.eye(y.shape[1])[target]) ** 2).sum() / 2 / len(y))


def half_square_backward(y: Array, target: Array) -> Array:
    return (y - np.eye(y.shape[1])[target]) / len(y)


def labels(draw: DrawFn, count: int, classes: int) -> Array:
    return array(draw, count, of=range(classes)).astype(np.int64)


@st.composite
def epochs(draw: DrawFn) -> Example:
    """Weights, a gradient that was left there, and batches of unequal size."""
    inputs, classes = draw(sizes(1, 3)), draw(sizes(2, 3))
    counts = draw(st.lists(sizes(1, 3), min_size=1, max_size=3))
    return {
        "W": array(draw, inputs, classes),
        "b": BIAS[:classes],
        "left": array(draw, inputs, classes),
        "batches": [(array(draw, count, inputs), labels(draw, count, classes)) for count in counts],
        "lr": number(draw, [0.3, 0.7, 0.15]),
    }


@st.composite
def sets(draw: DrawFn) -> Example:
    count, inputs, classes = draw(sizes()), draw(sizes(1, 3)), draw(sizes(2, 3))
    return {
        "W": array(draw, inputs, classes),
        "b": BIAS[:classes],
        "left": array(draw, inputs, classes),
        "X": array(draw, count, inputs),
        "y": labels(draw, count, classes),
    }


def run_epoch(parts: Parts, W: Array, b: Array, left: Array, batches: Any, lr: float) -> Example:
    net = Net(W, b, left)
    optimizer = Optimizer(net.parameters(), lr)
    once = iter(batches)
    result = parts.train_epoch(net, half_square, half_square_backward, optimizer, once)
    return {
        **two(result),
        "W": net.W.data,
        "calls of net.backward": net.backwards,
        "calls of step": optimizer.steps,
        "batches left": len(list(once)),
    }


def two(result: Any) -> Example:
    """What is returned, by name; if it is no pair, as both."""
    pair = isinstance(result, tuple | list) and len(result) == 2
    loss, accuracy = result if pair else (result, result)
    return {"loss": loss, "accuracy": accuracy}


def run_weights(parts: Parts, **example: Any) -> Values:
    found = run_epoch(parts, **example)
    return {name: value for name, value in found.items() if name not in ("loss", "accuracy")}


def run_loss(parts: Parts, **example: Any) -> Values:
    return {"loss": run_epoch(parts, **example)["loss"]}


def run_accuracy(parts: Parts, **example: Any) -> Values:
    return {"accuracy": run_epoch(parts, **example)["accuracy"]}


def run_evaluate(parts: Parts, W: Array, b: Array, left: Array, X: Array, y: Array) -> Values:
    return two(parts.evaluate(Net(W, b, left), half_square, X, y))


def run_untouched(parts: Parts, W: Array, b: Array, left: Array, X: Array, y: Array) -> Values:
    net = Net(W, b, left)
    parts.evaluate(net, half_square, X, y)
    return {"W": net.W.data, "W's gradient": net.W.grad}


Totals = Callable[[list[Any], list[int]], Any]
"""Of one number for each batch, and of the batches' sizes."""


def by_samples(values: list[Any], counts: list[int]) -> Any:
    """Of means."""
    return sum(v * n for v, n in zip(values, counts)) / sum(counts)


def hits(y: Array, target: Array) -> Any:
    return np.sum(y.argmax(axis=1) == target)


def hits_of_all(values: list[Any], counts: list[int]) -> Any:
    return 100 * sum(values) / sum(counts)


def epoch(
    verbs: str = "forward loss hits zero backward step",
    before: str = "",
    after: str = "",
    loss_of: Totals = by_samples,
    hits_of: Totals = hits_of_all,
    hit: Callable[[Array, Array], Any] = hits,
    turned: bool = False,
    stop: int | None = None,
) -> dict[str, Any]:
    """A train_epoch that does `verbs` in each batch; with the defaults, the right one."""

    def train_epoch(net, loss, loss_backward, optimizer, batches):
        losses, right, counts = [], [], []
        y = None

        def do(words, x=None, target=None):
            nonlocal y
            for verb in words.split():
                if verb == "forward":
                    y = net.forward(x)
                elif verb == "loss":
                    losses.append(loss(y, target))
                elif verb == "hits":
                    right.append(hit(y, target))
                elif verb == "zero":
                    optimizer.zero_grad()
                elif verb == "backward":
                    net.backward(loss_backward(y, target))
                elif verb == "outputs-backward":
                    net.backward(y)
                elif verb == "step":
                    optimizer.step()

        do(before)
        for x, target in batches:
            do(verbs, x, target)
            counts.append(len(x))
            if len(counts) == stop:
                break
        do(after)
        result = loss_of(losses, counts), hits_of(right, counts)
        return result[::-1] if turned else result

    return {"train_epoch": train_epoch}


def measured_afterwards(net, loss, loss_backward, optimizer, batches):
    batches = list(batches)
    solutions.train_epoch(net, loss, loss_backward, optimizer, batches)
    X = np.concatenate([x for x, _ in batches])
    return solutions.evaluate(net, loss, X, np.concatenate([target for _, target in batches]))


def evaluation(
    loss_of: Callable[..., Any] = lambda loss, y, target: loss(y, target),
    accuracy_of: Callable[[Array, Array], Any] = lambda y, t: 100 * np.mean(y.argmax(axis=1) == t),
    turned: bool = False,
) -> dict[str, Any]:
    def evaluate(net, loss, X, y):
        outputs = net.forward(X)
        result = loss_of(loss, outputs, y), accuracy_of(outputs, y)
        return result[::-1] if turned else result

    return {"evaluate": evaluate}


def evaluation_with(*verbs: str) -> dict[str, Any]:
    """An evaluate that also does what training does."""

    def evaluate(net, loss, X, y):
        outputs = net.forward(X)
        for verb in verbs:
            if verb == "zero":
                net.W.zero_grad()
            else:
                net.backward(half_square_backward(outputs, y))
        return loss(outputs, y), 100 * np.mean(outputs.argmax(axis=1) == y)

    return {"evaluate": evaluate}


def mistakes() -> Iterator[Mistake]:
    """Those of the loop first, then those of what it returns."""
    yield Mistake(
        "zero_grad is missing: each gradient is added to all those before it",
        epoch("forward loss hits backward step"),
        1,
    )
    yield Mistake(
        "zero_grad once, before the loop: it is due before the backward of each batch",
        epoch("forward loss hits backward step", before="zero"),
        1,
    )
    yield Mistake(
        "zero_grad comes after the step, so the first backward adds to what was left before; "
        "zero before each backward",
        epoch("forward loss hits backward step zero"),
        1,
    )
    yield Mistake(
        "the step finds zeros, and nothing is learned: backward must come after zero_grad and "
        "before step",
        epoch("forward loss hits backward zero step"),
        1,
    )
    yield Mistake(
        "the step comes before its backward: it follows the gradient of the batch before",
        epoch("forward loss hits step zero backward"),
        2,
    )
    yield Mistake(
        "the step is missing: gradients are computed, and nothing follows them",
        epoch("forward loss hits zero backward"),
        2,
    )
    yield Mistake(
        "one step for the whole epoch, from the last batch alone: each batch takes its own",
        epoch("forward loss hits zero backward", after="step"),
        2,
    )
    yield Mistake(
        "one step for the whole epoch, from all gradients added up: each batch takes its own",
        epoch("forward loss hits backward", before="zero", after="step"),
        2,
    )
    yield Mistake(
        "backward is missing, so the step goes by gradients that were there before",
        epoch("forward loss hits step"),
        1,
    )
    yield Mistake(
        "backward is missing: after zero_grad the step finds zeros",
        epoch("forward loss hits zero step"),
        1,
    )
    yield Mistake(
        "backward is handed y, the outputs: it wants dLoss/dy, what loss_backward returns",
        epoch("forward loss hits zero outputs-backward step"),
        1,
    )
    yield Mistake(
        "only the first batch: return belongs behind the loop, not in it", epoch(stop=1), 2
    )
    yield Mistake(
        "accuracy and loss are interchanged: return (loss, accuracy)", epoch(turned=True), 3
    )
    yield Mistake(
        "a mean over batches: in a smaller one, a sample counts for more; weigh each batch's "
        "loss by its size",
        epoch(loss_of=lambda values, counts: np.mean(values)),
        4,
    )
    yield Mistake(
        "the sum of the batches' means is divided by the number of samples: a mean times the "
        "batch's size is its sum",
        epoch(loss_of=lambda values, counts: sum(values) / sum(counts)),
        4,
    )
    yield Mistake(
        "the loss is a sum over all samples; divide by how many there were",
        epoch(loss_of=lambda values, counts: sum(v * n for v, n in zip(values, counts))),
        4,
    )
    yield Mistake(
        "the loss is a sum of the batches' means; it is to be a mean over all samples",
        epoch(loss_of=lambda values, counts: sum(values)),
        4,
    )
    yield Mistake(
        "the loss is that of the last batch alone",
        epoch(loss_of=lambda values, counts: values[-1]),
        3,
    )
    yield Mistake(
        "every batch is taken to be as large as the first: count the samples of each",
        epoch(loss_of=lambda values, counts: np.mean(values) * len(counts) * counts[0])
        | epoch(loss_of=lambda v, n: sum(v) * n[0] / sum(n)),
        4,
    )
    yield Mistake(
        "measured after the step: a second forward sees weights that have learned from this "
        "very batch",
        epoch("forward zero backward step forward loss hits"),
        3,
    )
    yield Mistake(
        "measured at the end of the epoch, by the last weights: collect the numbers on the way",
        {"train_epoch": measured_afterwards},
        3,
    )
    yield Mistake(
        "a fraction, where percent are meant",
        epoch(hits_of=lambda values, counts: sum(values) / sum(counts)),
        5,
    )
    yield Mistake(
        "a mean of the batches' accuracies: in a smaller batch, a sample counts for more; count "
        "right answers and samples",
        epoch(
            hits_of=lambda values, counts: 100 * np.mean([v / n for v, n in zip(values, counts)])
        ),
        4,
    )
    yield Mistake(
        "a fraction, and a mean over batches: count right answers and samples, then make percent",
        epoch(hits_of=lambda values, counts: np.mean([v / n for v, n in zip(values, counts)])),
        4,
    )
    yield Mistake(
        "the number of right answers, where their share is meant, in percent",
        epoch(hits_of=lambda values, counts: sum(values)),
        5,
    )
    yield Mistake(
        "the accuracy is that of the last batch alone",
        epoch(hits_of=lambda values, counts: 100 * values[-1] / counts[-1]),
        4,
    )
    yield Mistake(
        "the smallest output of each row is taken for the answer",
        epoch(hit=lambda y, target: np.sum(y.argmin(axis=1) == target)),
        5,
    )
    yield Mistake(
        "argmax goes down the columns, over the rows of the batch: the classes are the other axis",
        epoch(hit=lambda y, target: np.sum(y.argmax(axis=0) == target)),
        5,
    )
    yield Mistake(
        "argmax without an axis: one answer for the whole batch, where each row has its own",
        epoch(hit=lambda y, target: np.sum(y.argmax() == target)),
        5,
    )
    yield Mistake(
        "wrong answers are counted, where right ones are meant",
        epoch(hit=lambda y, target: np.sum(y.argmax(axis=1) != target)),
        5,
    )
    yield Mistake(
        "evaluate returns a fraction, where percent are meant",
        evaluation(accuracy_of=lambda y, target: np.mean(y.argmax(axis=1) == target)),
        5,
    )
    yield Mistake(
        "evaluate returns the number of right answers, where their share is meant, in percent",
        evaluation(accuracy_of=hits),
        5,
    )
    yield Mistake(
        "evaluate takes argmax over the rows: the classes are the other axis",
        evaluation(accuracy_of=lambda y, target: 100 * np.mean(y.argmax(axis=0) == target)),
        5,
    )
    yield Mistake(
        "evaluate takes one argmax for all rows, where each row has its own answer",
        evaluation(accuracy_of=lambda y, target: 100 * np.mean(y.argmax() == target)),
        5,
    )
    yield Mistake(
        "evaluate interchanges accuracy and loss: return (loss, accuracy)",
        evaluation(turned=True),
        6,
    )
    yield Mistake(
        "evaluate divides the loss by the number of rows, but the loss is a mean already",
        evaluation(loss_of=lambda loss, y, target: loss(y, target) / len(y)),
        6,
    )
    yield Mistake(
        "evaluate multiplies the loss by the number of rows: it is to be the mean",
        evaluation(loss_of=lambda loss, y, target: loss(y, target) * len(y)),
        6,
    )
    yield Mistake(
        "evaluate changes gradients: no zero_grad there, and no backward",
        evaluation_with("zero"),
        6,
    )
    yield Mistake(
        "evaluate calls backward, which adds to the gradients: forward and loss are enough",
        evaluation_with("backward"),
        6,
    )


RUNG = Rung(
    claims=(
        Claim("each batch takes one step, by its own gradient", epochs(), run_weights, 2),
        Claim("the loss is the mean over samples, on the way", epochs(), run_loss, 4),
        Claim("the accuracy is the share of right answers", epochs(), run_accuracy, 5),
        Claim("evaluate gives loss and accuracy", sets(), run_evaluate, 6),
        Claim("evaluate changes nothing", sets(), run_untouched, 6),
    ),
    mistakes=tuple(mistakes()),
    hints=(
        "In the loop: forward, the loss, zero_grad, backward, step. What you collect is counted "
        "before the step; what you return is computed behind the loop.",
        "Three sums: of loss(y, target) * len(x), of right answers, and of samples. A row's answer "
        "is y.argmax(axis=1).",
        "y = net.forward(x); optimizer.zero_grad(); net.backward(loss_backward(y, target)); "
        "optimizer.step(). Then (losses / samples, 100 * hits / samples).",
    ),
    library=("tinynet.training:step", "tinynet.runs.scores:evaluate"),
)
