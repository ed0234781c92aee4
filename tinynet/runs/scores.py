"""How good a network's answers are: the accuracy, which we want, and the loss, which it can learn.

The accuracy counts right answers, so a small change of the weights mostly changes nothing: it has
no slope to walk down. The loss has one, and also asks how sure the network was. A loss that is not
over classes has no accuracy; a function of one's own can stand in its place.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinynet.data import DataLoader
from tinynet.module import Module
from tinynet.support.types import Array

Score = Callable[[Array, Any], float]


def evaluate(
    net: Module, loss_fn: Module, X: Array, y: Any = None, score: Score | None = None
) -> tuple[float, float | None]:
    """Loss and accuracy (percent) of `net` on a data set, in one piece and in evaluation.

    Nothing is changed, the mode that the network is in neither.

    Parameters
    ----------
    net : Module
    loss_fn : NLLLoss, CrossEntropyLoss, or a loss of one's own
        With a reduction other than "none".
    X : ndarray (n, features)
    y : ndarray (n,) of ints, or (n, C), or what the loss takes
    score : function, optional
        ``score(outputs, y)``, a float, in place of the accuracy.

    Returns
    -------
    tuple (float, float or None)
        The loss, and the score or the accuracy: None if there is no `score` and the loss has no
        method ``accuracy``. Both are NaN if no row counts.

    Raises
    ------
    TypeError, ValueError, IndexError
        If they do not fit each other, or `score` fails or gives no number.
    """
    check_loss("evaluate", loss_fn)
    if y is None:
        form = "loader.X, loader.y" if isinstance(X, DataLoader) else "X, y"
        raise TypeError(f"evaluate: y is missing; use tn.evaluate(net, loss_fn, {form})")
    outputs = net.predict(X)
    loss = one_loss("evaluate", loss_fn, loss_fn.predict(outputs, y))
    return loss, score_of(loss_fn, outputs, y, score)


def score_of(
    loss_fn: Module, outputs: Array, target: Any, score: Score | None = None
) -> float | None:
    """What `score` says of a batch, or the loss's own accuracy; None if it has none.

    Raises
    ------
    TypeError, ValueError
        If `score` fails, or gives no number.
    """
    if score is None:
        if not classifies(loss_fn):
            return None
        own: Any = loss_fn
        return one_float(f"{type(loss_fn).__name__}.accuracy", own.accuracy(outputs, target))
    name = f"score {score_name(score)}"
    try:
        value = score(outputs, target)
    except Exception as error:
        raise ValueError(
            f"{name} failed with {type(error).__name__}: {error}. It was called as score(outputs, "
            f"target) with arrays of shapes {np.shape(outputs)} and {np.shape(target)}"
        ) from error
    return one_float(name, value)


def check_loss(owner: str, loss_fn: Any) -> None:
    """Refuse what gives no single number to learn from."""
    if not isinstance(loss_fn, Module):
        name = loss_fn.__name__ if isinstance(loss_fn, type) else type(loss_fn).__name__
        raise TypeError(
            f"{owner}: loss_fn is {'the class ' if isinstance(loss_fn, type) else ''}{name}, "
            "expected a Module that gives the loss, such as tn.NLLLoss()"
        )
    if getattr(loss_fn, "reduction", "mean") == "none":
        raise ValueError(
            f'{owner}: a loss with reduction="none" is no single number; use "mean" or "sum"'
        )


def one_loss(owner: str, loss_fn: Module, loss: Any) -> float:
    """What a loss gave, as a float."""
    if type(loss) is float:  # no message to build: so it is in every step
        return loss
    return one_float(f"{owner}: the loss {loss_fn!r}", loss)


def one_float(owner: str, value: Any) -> float:
    """`value` as a float, if it is one number.

    Raises
    ------
    TypeError
        If it is something else.
    """
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "iuf":
        shape = f" of shape {array.shape}" if array.shape else ""
        raise TypeError(
            f"{owner} gave {type(value).__name__}{shape}, expected one float"
            + (", such as its mean" if shape else "")
        )
    return float(array.reshape(()))


def score_name(score: Score) -> str:
    """What a score is called in tables and plots: as the function is."""
    return str(getattr(score, "__name__", type(score).__name__))


def mean_of_those(values: Sequence[float]) -> float:
    """The mean of those that are not NaN: of the batches that have a loss, or a score."""
    numbers = [value for value in values if value == value]
    return float(np.mean(numbers)) if numbers else float("nan")


def classifies(loss_fn: Module) -> bool:
    """Whether it is a loss over classes: one that has an accuracy."""
    return callable(getattr(loss_fn, "accuracy", None))


def no_row_counts(loss_fn: Module, outputs: Array, target: Any) -> bool:
    """Whether the loss says that it leaves out every row."""
    weights = getattr(loss_fn, "row_weights", None)
    return callable(weights) and not np.any(weights(target, outputs.shape[-1]))
