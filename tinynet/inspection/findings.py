"""What can be wrong with a training run, one function each, and how the doctor recognises it.

Every threshold lies far from what healthy runs of the lessons show, so that silence means health
and a finding means something. What was measured of such runs stands beside the number.
"""

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from tinynet.inspection.case import Case, Finding, kind_of_outputs, log_totals
from tinynet.inspection.data_findings import other_scale, sets_apart, unscaled_inputs
from tinynet.support.types import Array

if TYPE_CHECKING:
    from tinynet.inspection.tracing import LayerTrace

ALIKE = 0.05  # of the weights' size: how far a layer's units differ; when drawn at random, by 1.0
AT_CHANCE = 0.95  # of ln(C); lesson 3 is below it after three epochs, and by then it falls fast
STILL = 0.01  # of ln(C): what a loss that moves falls by in an epoch
DEAD = 0.7  # of a layer's units; healthy runs have up to 0.3, and 0.5 when they have just begun
LARGE_UPDATE = 0.5  # of the weights; a healthy first step of Adam or RMSprop reaches 0.4
SMALL_UPDATE = 1e-5  # of the weights, while the loss is high; healthy runs have 1e-4 to 1e-2
STEEP = 1e3  # factor between gradients at the first and the last layer; healthy runs: up to 15
OVERFITTED = 1.5  # test loss over its lowest; healthy runs end at 1.1 to 1.3
EPOCHS_OVERFITTED = 3  # in a row
EPOCHS_TO_LEAVE_CHANCE = 3
EPOCHS_TO_MEET_CLASSES = 5
ROWS_OF_A_CLASS = 10  # so many must be in the sample before it counts as never predicted
ROWS_TO_CALL_DEAD = 64


def softmax_into_loss(case: Case) -> Iterator[Finding]:
    loss_fn, y = case.trace.loss_fn, case.trace.output
    if loss_fn.expects is None or kind_of_outputs(y) != "probabilities":
        return
    name = type(loss_fn).__name__
    evidence = (
        f"the outputs lie in {y.min():.3g} to {y.max():.3g} and each row sums to 1, so they are "
        "probabilities"
    )
    if loss_fn.expects == "log-probabilities":
        yield Finding(
            f"softmax fed to {name}",
            f"{name} gets probabilities instead of their logarithms.",
            f"{evidence}; the loss is {case.trace.loss:.3g}, and its gradient for a class vanishes "
            "with the class's probability.",
            "end the network with LogSoftmax() instead of Softmax().",
        )
    elif loss_fn.expects == "logits":
        yield Finding(
            f"softmax fed to {name}",
            f"{name} gets probabilities instead of raw scores.",
            f"{evidence}; it takes the softmax once more, and its loss cannot fall below "
            f"{math.log(math.e + y.shape[1] - 1) - 1:.3g}.",
            "leave out the Softmax() at the end of the network.",
        )


def logits_into_loss(case: Case) -> Iterator[Finding]:
    loss_fn, y = case.trace.loss_fn, case.trace.output
    if loss_fn.expects != "log-probabilities" or kind_of_outputs(y) != "logits":
        return
    name, totals = type(loss_fn).__name__, log_totals(y.astype(np.float64))
    yield Finding(
        f"logits fed to {name}",
        f"{name} gets raw scores instead of log-probabilities.",
        f"log(exp(y).sum()) of the outputs is {totals.min():.3g} to {totals.max():.3g}, where "
        f"log-probabilities have 0; the loss is {case.trace.loss:.3g} and has no lowest value.",
        "end the network with LogSoftmax(), or use CrossEntropyLoss().",
    )


def stuck_at_chance(case: Case) -> Iterator[Finding]:
    history, chance = case.history, case.chance
    if history is None or chance is None or len(history) < EPOCHS_TO_LEAVE_CHANCE:
        return
    before, last = history.train_loss[-2:]
    if not (last >= AT_CHANCE * chance and before - last <= STILL * chance):  # or NaN
        return
    yield Finding(
        "loss still at ln(C)",
        "The loss is still at ln(C): the network does no better than chance.",
        f"after {len(history)} epochs the training loss is {last:.3f}, and ln(C) = {chance:.3f} "
        f"is that of giving every class the same probability; the last epoch lowered "
        f"it by {before - last:.3f}.",
        "another learning rate (ten times larger, ten times smaller), inputs scaled to about 1, "
        "labels that belong to their rows, or fewer layers.",
    )


def equal_weights(case: Case) -> Iterator[Finding]:
    found = []
    wired = [(layer, layer.wires) for layer in case.trace.layers if layer.wires is not None]
    for layer, (weights, _) in wired[:-1]:
        W, gradients = weights.value, layer.parameters.values()
        size, apart = (
            float(np.sqrt((a.astype(np.float64) ** 2).mean()))
            for a in (W, W - W.mean(axis=1, keepdims=True))
        )
        # Weights that are all 0 learn, if what lies above tells the units apart.
        alike = all(_same_columns(p.value) and _same_columns(p.grad) for p in gradients)
        if min(W.shape) > 1 and (apart < ALIKE * size or (size == 0 and alike)):
            differ = (
                f"differ by {apart / size:.2g} of their size" if apart else f"are all {W[0, 0]:g}"
            )
            found.append(f"those of the {W.shape[1]} units of layer {_named(layer)} {differ}")
    if found:
        yield Finding(
            "equal weights",
            "All units of a layer have the same weights, so that all learn the same.",
            f"{'; '.join(found)}. What is equal gets equal gradients, and stays equal.",
            "random initial weights, as tn.Linear(in_features, out_features, rng=0) draws them, in "
            "all layers but the last.",
        )


def dead_units(case: Case) -> Iterator[Finding]:
    untrained = case.history is not None and not len(case.history)
    if untrained or len(case.trace.X) < ROWS_TO_CALL_DEAD:
        return
    dead = [layer for layer in case.trace.layers if layer.dead is not None and layer.dead >= DEAD]
    if not dead:
        return
    listed = ", ".join(
        f"{round((layer.dead or 0) * layer.output[0].size)} of {layer.output[0].size} in layer "
        f"{_named(layer)}"
        for layer in dead
    )
    yield Finding(
        "dead units",
        "Most units are dead, in some layers.",
        f"0 for every one of {len(case.trace.X)} rows, so that no gradient passes, are {listed}.",
        "a smaller learning rate from the start (dead units do not come back), or inputs scaled to "
        "about 1.",
    )


def update_sizes(case: Case) -> Iterator[Finding]:
    largest: dict[str, tuple[float, LayerTrace]] = {}
    at_0 = {layer.name for layer in case.trace.layers if _starts_at_0(layer)}
    for step in case.trace.steps:
        for layer in step.layers:
            ratio = layer.update_ratio
            if (
                layer.name not in at_0
                and ratio is not None
                and not ratio <= largest.get(layer.name, (-1.0,))[0]
            ):
                largest[layer.name] = ratio, layer
    large = [(ratio, layer) for ratio, layer in largest.values() if not ratio <= LARGE_UPDATE]
    if large:
        listed = ", ".join(f"{ratio:.2g} in layer {_named(layer)}" for ratio, layer in large)
        yield Finding(
            "updates too large",
            "The updates are far too large for the weights.",
            f"a step changes the weights by this share of their own size: {listed}. Healthy steps "
            "change them by about 0.001.",
            "a learning rate ten times smaller, or a hundred times.",
        )
        return
    ratio = max((ratio for ratio, _ in largest.values()), default=math.inf)
    if case.chance is None or case.trace.loss < case.chance / 2 or ratio > SMALL_UPDATE:
        return
    yield Finding(
        "updates too small",
        "The updates are far too small for the weights.",
        f"no step changes any layer by more than {ratio:.2g} of its weights' size, though the loss "
        f"is still {case.trace.loss:.3g}. Healthy steps change them by about 0.001.",
        "a learning rate ten times larger, or a hundred times; if the weights have become huge, a "
        "new start with a smaller one.",
    )


def gradient_sizes(case: Case) -> Iterator[Finding]:
    layers = [layer for layer in case.trace.layers if layer.parameters]
    sizes = [float(np.linalg.norm(layer.dy.astype(np.float64))) for layer in layers]
    if len(sizes) < 2 or sizes[-1] == 0 or any(map(_starts_at_0, layers)):
        return
    last = f"{sizes[-1]:.2g} at the last, {_named(layers[-1])}"
    vanished = [k for k, size in enumerate(sizes) if size * STEEP < sizes[-1]]
    grown = [k for k, size in enumerate(sizes) if not size <= STEEP * sizes[-1]]
    if vanished:
        first = vanished[0]
        yield Finding(
            "vanishing gradients",
            "The gradients vanish on their way back.",
            f"in {len(vanished)} of {len(layers)} layers with weights; the length of dy is "
            f"{sizes[first]:.2g} at layer {_named(layers[first])}, and {last}.",
            "fewer layers, a larger spread of the first weights, or Add layers around blocks; if "
            "the units between are dead, a smaller learning rate.",
        )
    if grown:
        first = grown[0]
        yield Finding(
            "exploding gradients",
            "The gradients explode on their way back.",
            f"in {len(grown)} of {len(layers)} layers with weights; the length of dy is "
            f"{sizes[first]:.2g} at layer {_named(layers[first])}, and {last}.",
            "smaller first weights, and a smaller learning rate.",
        )


def overfitting(case: Case) -> Iterator[Finding]:
    history = case.history
    if history is None or any(other_scale(case)):  # a loss on another scale says nothing
        return
    for part, losses in (("test", history.test_loss), ("validation", history.validation_loss)):
        if not losses or not len(losses) == len(history) == len(history.train_loss):
            continue
        lowest = int(np.argmin(losses))
        train, train_then = history.train_loss[-1], history.train_loss[lowest]
        lately = min(losses[-EPOCHS_OVERFITTED:])  # one bad epoch is no trend
        if not 0 < losses[lowest] * OVERFITTED < lately or train >= train_then:
            continue
        yield Finding(
            "overfitting",
            "The network learns its training set by heart.",
            f"since epoch {lowest + 1} the {part} loss has risen from {losses[lowest]:.3g} to "
            f"{losses[-1]:.3g}, while the training loss fell from {train_then:.3g} to {train:.3g}.",
            "fit(..., validation=(X, y), early_stopping=tn.EarlyStopping()), more data, a smaller "
            "network, or weight decay.",
        )
        return


def class_never_predicted(case: Case) -> Iterator[Finding]:
    if case.history is not None and len(case.history) < EPOCHS_TO_MEET_CLASSES:
        return
    counted = case.labels != getattr(case.trace.loss_fn, "ignore_index", None)
    classes, counts = np.unique(case.labels[counted], return_counts=True)
    predicted = set(np.unique(case.guesses).tolist())
    often = zip(classes.tolist(), counts.tolist(), strict=True)
    never = [(c, n) for c, n in often if n >= ROWS_OF_A_CLASS and c not in predicted]
    if not never or any(stuck_at_chance(case)):
        return
    listed = ", ".join(f"class {c} ({n} rows)" for c, n in never)
    yield Finding(
        "class never predicted",
        "The network never predicts some of the classes.",
        f"of {len(case.labels)} rows none is taken for {listed}.",
        "what the other findings say; then whether the training set holds these classes, and "
        "what share of it they are: NLLLoss(weight=...) makes rare ones count more.",
    )


CHECKS: list[Callable[[Case], Iterator[Finding]]] = [
    *(unscaled_inputs, sets_apart, other_scale, softmax_into_loss, logits_into_loss),
    *(equal_weights, stuck_at_chance, dead_units, update_sizes, gradient_sizes, overfitting),
    class_never_predicted,
]
_SLOW = "loss still at ln(C)", "updates too small", "class never predicted"
EXPLAINS = {
    "unscaled inputs": _SLOW,
    "sets that do not belong together": (
        *("train and test on different scales", "overfitting", "class never predicted"),
    ),
    "equal weights": (
        *(*_SLOW, "dead units", "updates too large", "vanishing gradients", "exploding gradients"),
    ),
    "dead units": ("updates too small",),
}
"""What a finding is the cause of: not told beside it, since its own advice would mislead."""


def findings_of(case: Case) -> list[Finding]:
    """What is wrong, causes first, without what they explain."""
    found = [finding for check in CHECKS for finding in check(case)]
    explained = {effect for finding in found for effect in EXPLAINS.get(finding.name, ())}
    return [finding for finding in found if finding.name not in explained]


def _named(layer: "LayerTrace") -> str:
    return f"{layer.name}, {layer.layer!r}" if layer.name else repr(layer.layer)


def _starts_at_0(layer: "LayerTrace") -> bool:
    """Weights without a size, which updates or gradients could be compared with."""
    return any(not p.value.any() for p in layer.parameters.values() if p.value.ndim > 1)


def _same_columns(a: Array) -> bool:
    return bool((a == a[..., :1]).all())
