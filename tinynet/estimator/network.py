"""The network and the optimizer that an estimator's options describe."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tinynet.layers import ACTIVATIONS, Dropout, Linear
from tinynet.module import Module, Sequential
from tinynet.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from tinynet.support.checks import number, whole_number

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}


def hidden_sizes(owner: str, given: Any) -> list[int]:
    """The option `hidden_layer_sizes` as a list."""
    sizes: list[int] = np.atleast_1d(given).tolist()
    for size in sizes:
        whole_number(owner, "hidden_layer_sizes", size, 1)
    return sizes


def optimizer_of(
    owner: str, name: str, lr: float, momentum: float, weight_decay: float
) -> tuple[type[Optimizer], dict[str, Any]]:
    """An optimizer's class, and its options."""
    if name not in OPTIMIZERS:
        raise ValueError(f"{owner}: optimizer = {name!r}, expected one of {', '.join(OPTIMIZERS)}")
    options = {"lr": lr, "weight_decay": weight_decay}
    if name in ("sgd", "rmsprop"):
        options["momentum"] = momentum
    elif momentum:
        raise ValueError(
            f"{owner}: momentum = {momentum} is for sgd and rmsprop; {name} has its own, so leave "
            "it at 0"
        )
    return OPTIMIZERS[name], options


def feed_forward(
    owner: str,
    sizes: Sequence[int],
    activation: Any,
    dropout: float,
    rng: np.random.Generator,
    dtype: Any,
) -> Sequential:
    """Linear layers of these sizes; behind each but the last, its activation and a Dropout."""
    p = number(owner, "dropout", dropout, 0, 1, below=True)
    layers: list[Module] = []
    for I, O in pairwise(sizes[:-1]):
        layers += [Linear(I, O, rng=rng, dtype=dtype), activation_of(owner, activation)]
        if p > 0:
            layers.append(Dropout(p, rng=rng))
    *_, I, O = sizes
    return Sequential(*layers, Linear(I, O, rng=rng, dtype=dtype))


def activation_of(owner: str, given: Any) -> Module:
    """A new layer as the option `activation` says.

    Raises
    ------
    ValueError, TypeError
        If it is no name of one, or nothing that makes a layer.
    """
    names = ", ".join(ACTIVATIONS)
    if isinstance(given, str):
        if given not in ACTIVATIONS:
            raise ValueError(
                f"{owner}: activation = {given!r}, expected one of {names}, or the class of a layer"
            )
        return ACTIVATIONS[given]()
    if isinstance(given, Module):
        raise TypeError(
            f"{owner}: activation = {given!r} is one layer, and each hidden layer needs its own; "
            f"give the class {type(given).__name__}, or functools.partial of it with its options"
        )
    if not callable(given):
        raise TypeError(
            f"{owner}: activation = {given!r}, expected one of {names}, or the class of a layer"
        )
    made = given()
    if not isinstance(made, Module):
        raise TypeError(
            f"{owner}: activation = {given!r} made {made!r}, expected a layer, a tn.Module"
        )
    return made
