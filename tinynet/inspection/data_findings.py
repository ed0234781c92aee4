"""What can be wrong with the data of a run: their scale, and whether two sets belong together.

Every threshold lies far from what healthy runs of the lessons show. What was measured of such runs
stands beside the number.
"""

import functools
import math
from collections.abc import Callable, Iterator

import numpy as np

from tinynet.inspection.case import Case, Finding
from tinynet.support.types import Array

LARGE_INPUT = 5.0  # root mean square; pixels of 0 to 1 have 0.3, standardised inputs 1
LARGE_SHARE = 0.01  # of the features
OUTWEIGHS = 2.0  # factor by which a few large features are longer than all others together
LISTED = 5  # columns that are named one by one
OTHER_SPREAD = 2.0  # factor between the standard deviations of two sets; of one source: 1.0
OTHER_MEAN = 1.0  # in standard deviations; of one source: 0.0
FIRST_EPOCHS = 2  # in which most rows are new to the network, as those of the other set are
LEARNING = 0.9  # of ln(C): a training loss that shows that there is something to be learned
WORSE = 1.3  # factor of an unseen set's loss over that of training in these epochs; healthy: 1.0
NEVER_LEARNED = 0.7  # of ln(C), above which a loss stays; healthy runs fall far below it
POOR = 0.7  # of the training set's accuracy
REPAIRED = 0.2  # more of the test set that is read right, once it is transposed, say


def unscaled_inputs(case: Case) -> Iterator[Finding]:
    X, large = case.X.reshape(len(case.X), -1), _large_features(case.X)
    if not large.any():
        return
    columns = np.flatnonzero(large).tolist()
    evidence = (
        f"they reach from {X.min():g} to {X.max():g}; {len(columns)} of {len(large)} features "
        f"have a root mean square above {LARGE_INPUT:g}"
    )
    if not _are_few(large):
        yield Finding(
            "unscaled inputs",
            "The inputs are not scaled.",
            f"{evidence}.",
            "bring them to about the size of 1, all sets by the same constants: "
            "tn.data.minmax_scale(X, 0, 255), or DataLoader(..., scale=1 / 255).",
        )
        return
    listed = "; ".join(_described(X, k) for k in columns)
    names = columns if len(columns) > 1 else columns[0]
    yield Finding(
        "unscaled inputs",
        "A few of the inputs are not scaled.",
        f"{evidence}: {listed}.",
        "bring these columns to about the size of 1, in all sets by the constants of the training "
        f"set: mean, std = X[:, {names}].mean(axis=0), X[:, {names}].std(axis=0); X[:, {names}] = "
        f"(X[:, {names}] - mean) / std. Leave out what only counts the rows, or never changes.",
    )


def _large_features(X: Array) -> Array:
    """Which features are far too large; none, if these are few and the others outweigh them."""
    squares = (X.reshape(len(X), -1).astype(np.float64) ** 2).mean(axis=0)
    large: Array = squares > LARGE_INPUT**2
    few = large.mean() < LARGE_SHARE
    if few and squares[large].sum() < OUTWEIGHS**2 * squares[~large].sum():
        large[:] = False
    return large


def _are_few(large: Array) -> bool:
    return not large.all() and int(large.sum()) <= LISTED


def _described(X: Array, column: int) -> str:
    values = X[:, column]
    counts = len(values) > 2 and len(np.unique(values)) == len(values)
    counts = counts and bool((values == values.round()).all())
    each = ", another whole number in each row, as row numbers are" if counts else ""
    return f"column {column}, from {values.min():g} to {values.max():g}{each}"


def other_scale(case: Case) -> Iterator[Finding]:
    if case.X_test is None:
        return
    large = _large_features(case.X)
    kept = ~large if _are_few(large) else slice(None)
    X, X_test = (a.reshape(len(a), -1)[:, kept] for a in (case.X, case.X_test))
    mean, spread = (float(f(X, dtype=np.float64)) for f in (np.mean, np.std))
    test_mean, test_spread = (float(f(X_test, dtype=np.float64)) for f in (np.mean, np.std))
    low, high = sorted((spread, test_spread))
    if high <= OTHER_SPREAD * low and abs(mean - test_mean) <= OTHER_MEAN * low:
        return
    yield Finding(
        "train and test on different scales",
        "The training set and the test set are on different scales.",
        f"training inputs reach from {X.min():g} to {X.max():g}, with mean {mean:.3g} and standard "
        f"deviation {spread:.3g}; test inputs from {X_test.min():g} to {X_test.max():g}, with mean "
        f"{test_mean:.3g} and standard deviation {test_spread:.3g}.",
        "scale both by the constants of the training set: tn.data.minmax_scale(X_test, low, high) "
        "with its low and high.",
    )


def sets_apart(case: Case) -> Iterator[Finding]:
    """In its first epoch a network has not seen the training rows either: both losses are alike."""
    history, chance = case.history, case.chance
    if history is None or chance is None or not len(history):
        return
    repair = _repair(case)
    for part, losses in (("test", history.test_loss), ("validation", history.validation_loss)):
        if not len(losses) == len(history) == len(history.train_loss):
            continue
        first = list(zip(history.train_loss, losses, strict=True))[:FIRST_EPOCHS]
        shares: list[list[float]] = [getattr(history, f"{of}_accuracy") for of in ("train", part)]
        poor = not all(shares) or shares[1][-1] < POOR * shares[0][-1]
        apart = (
            poor
            and min(losses) > NEVER_LEARNED * chance
            and any(loss < LEARNING * chance and other > WORSE * loss for loss, other in first)
        )
        repaired = repair if part == "test" else None
        if repaired is None and (not apart or any(other_scale(case))):
            continue
        what, share, before, advice = repaired or ("", 0.0, 0.0, "")
        tried = f" {what}, {share:.0%} of the rows are read right instead of {before:.0%}."
        yield Finding(
            "sets that do not belong together",
            f"The {part} set does not belong to the training set.",
            f"after the first epoch the {part} loss was {losses[0]:.3g}, and that of training, "
            f"whose rows were as new to the network, {history.train_loss[0]:.3g}; now they are "
            f"{losses[-1]:.3g} and {history.train_loss[-1]:.3g}, and ln(C) = {chance:.3f} is that "
            f"of guessing.{tried if repaired else ''}",
            advice
            or "look at some rows of both sets with their labels; prepare both by the same steps "
            "(order of the pixels, dark and light, scale), and see that each label stands beside "
            "its row.",
        )
        return


def _repair(case: Case) -> tuple[str, float, float, str] | None:
    """What makes the network read a test set that it reads poorly: how many, before, and how."""
    if case.X_test is None:
        return None
    C = case.trace.output.shape[1]
    counted = (case.labels >= 0) & (case.labels < C) & (case.guesses >= 0)  # -1: NaN
    X, labels, guesses = case.X_test[counted], case.labels[counted], case.guesses[counted]
    predict = case.trace.net.predict
    before = _share(guesses, labels)
    if not len(X) or before >= POOR * _share(predict(case.X).argmax(axis=1), case.y):
        return None
    tries = [
        (what, _share(predict(change(X)).argmax(axis=1), labels), advice)
        for what, change, advice in _changes(case)
    ]
    classes = np.unique(labels)
    taken_for = np.array([np.bincount(guesses[labels == c]).argmax() for c in classes])
    if len(np.unique(taken_for)) == len(classes) > 2:
        names = ", ".join(f"{g} for {c}" for c, g in zip(classes, taken_for, strict=True))
        tries.append(
            (
                f"With other numbers for its classes ({names})",
                _share(guesses, taken_for[np.searchsorted(classes, labels)]),
                "number the classes of both sets by one table.",
            )
        )
    what, share, advice = max(tries, key=lambda one: one[1])
    return (what, share, before, advice) if share >= before + REPAIRED else None


def _share(guesses: Array, labels: Array) -> float:
    return float((guesses == labels).mean())


def _changes(case: Case) -> Iterator[tuple[str, Callable[[Array], Array], str]]:
    """What is done to one set of pictures, and forgotten for the other."""
    ends = float(case.X.min()) + float(case.X.max())
    yield (
        "With dark and light exchanged",
        lambda X: (ends - X).astype(X.dtype),
        "exchange dark and light in the test set, so that it is as in the training set: "
        f"{ends:g} - X_test.",
    )
    width = math.isqrt(case.X[0].size)
    if width * width != case.X[0].size:
        return
    turns: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
        ("transposed", ".transpose(0, 2, 1)", lambda pictures: pictures.transpose(0, 2, 1)),
        ("mirrored", "[:, :, ::-1]", lambda pictures: pictures[:, :, ::-1]),
        ("upside down", "[:, ::-1]", lambda pictures: pictures[:, ::-1]),
    )
    for what, code, turn in turns:
        yield (
            f"With its pictures {what}",
            functools.partial(_turned, turn, width),
            "bring both sets into one form: "
            f"X_test.reshape(-1, {width}, {width}){code}.reshape(X_test.shape).",
        )


def _turned(turn: Callable[[Array], Array], width: int, X: Array) -> Array:
    return np.ascontiguousarray(turn(X.reshape(-1, width, width)).reshape(X.shape))
