"""The network and the optimizer that a classifier's options describe."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tinynet.layers import Linear, ReLU
from tinynet.module import Module, Sequential
from tinynet.optim import SGD, Adam, AdamW, Optimizer, RMSprop
from tinynet.support.checks import whole_number

OWNER = "TinyNetClassifier"
OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "rmsprop": RMSprop,
    "adam": Adam,
    "adamw": AdamW,
}


def hidden_sizes(given: Any) -> list[int]:
    """The option `hidden_layer_sizes` as a list."""
    sizes: list[int] = np.atleast_1d(given).tolist()
    for size in sizes:
        whole_number(OWNER, "hidden_layer_sizes", size, 1)
    return sizes


def optimizer_of(
    name: str, lr: float, momentum: float, weight_decay: float
) -> tuple[type[Optimizer], dict[str, Any]]:
    """An optimizer's class, and its options."""
    if name not in OPTIMIZERS:
        raise ValueError(f"{OWNER}: optimizer = {name!r}, expected one of {', '.join(OPTIMIZERS)}")
    options = {"lr": lr, "weight_decay": weight_decay}
    if name in ("sgd", "rmsprop"):
        options["momentum"] = momentum
    elif momentum:
        raise ValueError(
            f"{OWNER}: momentum = {momentum} is for sgd and rmsprop; {name} has its own, so leave "
            "it at 0"
        )
    return OPTIMIZERS[name], options


def feed_forward(sizes: Sequence[int], rng: np.random.Generator, dtype: Any) -> Sequential:
    """Linear layers of these sizes, from the inputs to the classes, with ReLU between them."""
    layers: list[Module] = []
    for I, O in pairwise(sizes):
        layers += [Linear(I, O, rng=rng, dtype=dtype), ReLU()]
    return Sequential(*layers[:-1])
