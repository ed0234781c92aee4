"""Where tinynet answers otherwise than PyTorch, on purpose: all of it, as data that tests walk.

``REFUSED`` lists what PyTorch takes without a word and tinynet refuses, ``OTHER_VALUES`` where both
give a result and not the same one. Everything else is PyTorch's, to the last detail.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from strategies import Array

import tinynet as tn


class Refused(NamedTuple):
    what: str
    pytorch: Callable[[], Any]
    tinynet: Callable[[], Any]
    error: type[Exception]
    words: str


class OtherValue(NamedTuple):
    what: str
    pytorch: Callable[[], Any]
    tinynet: Callable[[], Any]
    theirs: Any
    ours: Any


NAN = float("nan")
INF = float("inf")


def array(*values: Any) -> Array:
    return np.array(values, np.float64)


def tensor(*values: Any) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def torch_loss(x: Any, target: Any, name: str = "CrossEntropyLoss", **options: Any) -> Any:
    target = torch.tensor(target) if isinstance(target, list) else target
    return getattr(torch.nn, name)(**options)(x, target)


def torch_optimizer(name: str, **options: Any) -> Any:
    return getattr(torch.optim, name)([torch.nn.Parameter(torch.zeros(2))], **options)


def optimizer(name: str, **options: Any) -> Any:
    return getattr(tn, name)([tn.Parameter(np.zeros(2))], **options)


def refused_number(name: str, error: type[Exception] = ValueError, **options: Any) -> Refused:
    (option,) = options
    return Refused(
        f"{name}: {option} = {options[option]}",
        lambda: torch_optimizer(name, **{"lr": 0.1, **options}),
        lambda: optimizer(name, **{"lr": 0.1, **options}),
        error,
        option,
    )


def shared_parameter(library: Any, parameter: Any) -> Any:
    return library.SGD([parameter, parameter], lr=0.1)


def shared_layer(library: Any, sequential: Any, x: Any) -> Any:
    layer = library.Linear(2, 2)
    return sequential(layer, layer)(x)


X = array([0.5, 1.0], [2.0, -1.0])
T = tensor([0.5, 1.0], [2.0, -1.0])
CERTAIN = [0.0, -INF]
TWO = np.array([0, 1])

REFUSED = [
    Refused(
        "label_smoothing = -0.1",
        lambda: torch_loss(T, [0, 1], label_smoothing=-0.1),
        lambda: tn.CrossEntropyLoss(label_smoothing=-0.1),
        ValueError,
        "label_smoothing = -0.1",
    ),
    Refused(
        "label_smoothing = NaN",
        lambda: torch_loss(T, [0, 1], label_smoothing=NAN),
        lambda: tn.CrossEntropyLoss(label_smoothing=NAN),
        ValueError,
        "label_smoothing = nan",
    ),
    Refused(
        "a misspelt reduction, at construction",
        lambda: torch.nn.NLLLoss(reduction="men"),
        lambda: tn.NLLLoss(reduction="men"),
        ValueError,
        "reduction = 'men'",
    ),
    Refused(
        "a negative class weight",
        lambda: torch_loss(T, [0, 1], weight=tensor(-1, 1)),
        lambda: tn.CrossEntropyLoss(weight=[-1, 1]),
        ValueError,
        "weight",
    ),
    Refused(
        "a class weight of NaN",
        lambda: torch_loss(T, [0, 1], weight=tensor(NAN, 1)),
        lambda: tn.CrossEntropyLoss(weight=[NAN, 1]),
        ValueError,
        "weight",
    ),
    Refused(
        "a loss over no rows",
        lambda: torch_loss(T[:0], torch.zeros(0, dtype=torch.int64)),
        lambda: tn.CrossEntropyLoss()(X[:0], TWO[:0]),
        ValueError,
        "shape (0, 2)",
    ),
    Refused(
        "a loss of one sample without its axis",
        lambda: torch_loss(T[0], torch.tensor(1)),
        lambda: tn.CrossEntropyLoss()(X[0], TWO[:1]),
        ValueError,
        "shape (2,)",
    ),
    Refused(
        "a loss over more axes than rows and classes",
        lambda: torch_loss(T[None], [[0, 1]]),
        lambda: tn.CrossEntropyLoss()(X[None], TWO[None]),
        ValueError,
        "shape (1, 2, 2)",
    ),
    Refused(
        "class probabilities in another dtype than the scores",
        lambda: torch_loss(T, torch.full((2, 2), 0.5)),
        lambda: tn.CrossEntropyLoss()(X, np.full((2, 2), 0.5, np.float32)),
        TypeError,
        "float32, expected float64",
    ),
    Refused(
        "softmax along an axis without elements",
        lambda: torch.softmax(T[:, :0], dim=1),
        lambda: tn.Softmax()(X[:, :0]),
        ValueError,
        "no classes",
    ),
    Refused(
        "softmax of a single number",
        lambda: torch.softmax(T[0, 0], dim=0),
        lambda: tn.Softmax(0)(np.ones(())),
        ValueError,
        "axis 0 is outside an input of shape ()",
    ),
    Refused(
        "a linear layer on one sample without its axis",
        lambda: torch.nn.Linear(2, 2, dtype=torch.float64)(T[0]),
        lambda: tn.Linear(2, 2, dtype=np.float64)(X[0]),
        ValueError,
        "x.reshape(1, -1)",
    ),
    Refused(
        "a linear layer on more than two axes",
        lambda: torch.nn.Linear(2, 2, dtype=torch.float64)(T[None]),
        lambda: tn.Linear(2, 2, dtype=np.float64)(X[None]),
        ValueError,
        "x.reshape(len(x), -1)",
    ),
    Refused(
        "a linear layer without inputs",
        lambda: torch.nn.Linear(0, 2),
        lambda: tn.Linear(0, 2),
        ValueError,
        "in_features = 0",
    ),
    Refused(
        "integers into ReLU",
        lambda: torch.relu(torch.tensor([1, -1])),
        lambda: tn.ReLU()(TWO),
        TypeError,
        "int64",
    ),
    Refused(
        "float16",
        lambda: torch.relu(T.half()),
        lambda: tn.ReLU()(X.astype(np.float16)),
        TypeError,
        "float16",
    ),
    Refused(
        "addition of unequal shapes",
        lambda: T + T[:1],
        lambda: tn.Add()(X, X[:1]),
        ValueError,
        "one shape",
    ),
    Refused(
        "one layer twice in a network",
        lambda: shared_layer(torch.nn, torch.nn.Sequential, T.float()),
        lambda: shared_layer(tn, tn.Sequential, X.astype(np.float32)),
        RuntimeError,
        "twice",
    ),
    Refused(
        "one parameter twice in an optimizer",
        lambda: shared_parameter(torch.optim, torch.nn.Parameter(torch.zeros(2))),
        lambda: shared_parameter(tn, tn.Parameter(np.zeros(2))),
        ValueError,
        "twice",
    ),
    refused_number("SGD", lr=NAN),
    refused_number("SGD", lr=INF),
    refused_number("SGD", momentum=NAN),
    refused_number("SGD", dampening=NAN),
    refused_number("SGD", weight_decay=NAN),
    refused_number("SGD", TypeError, momentum=True),
    refused_number("RMSprop", alpha=1.5),
    refused_number("RMSprop", momentum=INF),
]

OTHER_VALUES = [
    OtherValue(
        "a zero input hides a weight that is not finite",
        lambda: torch.relu(tensor([0.0, 1.0]) @ tensor([NAN], [2.0])),
        lambda: linear_with(array([NAN], [2.0]))(array([0.0, 1.0])),
        array([NAN]),
        array([2.0]),
    ),
    OtherValue(
        "a label whose class weighs 0 and has probability 0",
        lambda: torch_loss(tensor(CERTAIN), [1], "NLLLoss", weight=tensor(1, 0), reduction="sum"),
        lambda: tn.NLLLoss([1, 0], reduction="sum")(array(CERTAIN), TWO[1:]),
        NAN,
        0.0,
    ),
    OtherValue(
        "a class that is not wanted at all and has probability 0",
        lambda: torch_loss(tensor(CERTAIN), tensor([1.0, 0.0])),
        lambda: tn.CrossEntropyLoss()(array(CERTAIN), array([1.0, 0.0])),
        NAN,
        0.0,
    ),
    OtherValue(
        "the gradient of a mean in which all rows weigh 0",
        lambda: torch_gradient(weight=tensor(0, 1)),
        lambda: gradient(weight=[0, 1]),
        array([NAN, NAN], [NAN, NAN]),
        array([0.0, 0.0], [0.0, 0.0]),
    ),
]


def linear_with(W: Array) -> tn.Linear:
    layer = tn.Linear(*W.shape, bias=False, dtype=np.float64)
    layer.W.data = W
    return layer


def torch_gradient(**options: Any) -> Any:
    x = T.clone().requires_grad_()
    torch_loss(x, [0, 0], **options).backward()
    return x.grad


def gradient(**options: Any) -> Any:
    loss_fn = tn.CrossEntropyLoss(**options)
    loss_fn(X, np.array([0, 0]))
    return loss_fn.backward()
