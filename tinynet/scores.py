"""How good a network's answers are: the accuracy, which we want, and the loss, which it can learn.

The accuracy counts right answers, so a small change of the weights mostly changes nothing: it has
no slope to walk down. The loss has one, and also asks how sure the network was.
"""

import numpy as np

from tinynet._checks import unmasked
from tinynet._types import Array
from tinynet.losses import Loss
from tinynet.module import Module


def accuracy(outputs: Array, target: Array) -> float:
    """The share of rows whose highest output is the right class, in percent.

    Parameters
    ----------
    outputs : ndarray (N, C)
        Scores, probabilities or log-probabilities.
    target : ndarray (N,) of ints, or (N, C) of class probabilities

    Raises
    ------
    TypeError, ValueError
        If one is not an array, or there are no rows, or the shapes do not fit each other.
    """
    for name, array in (("outputs", outputs), ("target", target)):
        if not isinstance(array, np.ndarray):
            raise TypeError(
                f"accuracy: {name} is {type(array).__name__}, expected an array; use np.asarray"
            )
        unmasked(f"accuracy: {name}", array)
    if outputs.ndim != 2 or 0 in outputs.shape:
        raise ValueError(f"accuracy: outputs have shape {outputs.shape}, expected (N, C)")
    if target.shape not in (outputs.shape[:1], outputs.shape):
        raise ValueError(
            f"accuracy: target has shape {target.shape}, expected {outputs.shape[:1]} or "
            f"{outputs.shape}; use .ravel() on a column of labels"
        )
    labels = target if target.ndim == 1 else target.argmax(axis=1)
    return float((outputs.argmax(axis=1) == labels).mean() * 100)


def evaluate(net: Module, loss_fn: Loss, X: Array, y: Array) -> tuple[float, float]:
    """Loss and accuracy (percent) of `net` on a data set, in one piece; nothing is changed.

    Parameters
    ----------
    net : Module
    loss_fn : NLLLoss or CrossEntropyLoss
        With a reduction other than "none".
    X : ndarray (n, features)
    y : ndarray (n,) of ints, or (n, C)

    Returns
    -------
    tuple of two floats
    """
    outputs = net.predict(X)
    return float(loss_fn.predict(outputs, y)), accuracy(outputs, y)
