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


def torch_slope(name: str, value: float, size: int, *more: Any) -> torch.Tensor:
    x = torch.full((size,), value, dtype=torch.float64, requires_grad=True)
    getattr(torch.nn, name)()(x, *more).sum().backward()
    assert x.grad is not None
    return x.grad


def slope(layer: tn.Module, value: float, *more: Any) -> Array:
    y = layer(array(value), *more)
    return layer.backward(np.ones_like(y) if isinstance(y, np.ndarray) else 1.0)


def refused_number(name: str, error: type[Exception] = ValueError, **options: Any) -> Refused:
    (option,) = options
    return Refused(
        f"{name}: {option} = {options[option]}",
        lambda: torch_optimizer(name, **{"lr": 0.1, **options}),
        lambda: optimizer(name, **{"lr": 0.1, **options}),
        error,
        option,
    )


def in_float32(name: str, **options: Any) -> Refused:
    (option,) = options
    return Refused(
        f"{name} in float32: {option} = {options[option]}",
        lambda: torch_optimizer(name, **options),
        lambda: getattr(tn, name)([tn.Parameter(np.zeros(2, np.float32))], **options),
        ValueError,
        "in float32",
    )


def refused_schedule(name: str, error: type[Exception] = ValueError, **options: Any) -> Refused:
    ((option, value),) = options.items()
    theirs = {"StepLR": "StepLR", "CosineLR": "CosineAnnealingLR"}[name]
    names = {"epochs": "T_max", "lr_min": "eta_min"}
    needed = {"StepLR": {"step_size": 2}, "CosineLR": {"epochs": 2}}[name]
    return Refused(
        f"{name}: {option} = {value!r}",
        lambda: getattr(torch.optim.lr_scheduler, theirs)(
            torch_optimizer("SGD"), **{names.get(k, k): v for k, v in (needed | options).items()}
        ),
        lambda: getattr(tn, name)(**needed | options),
        error,
        f"{option} = {value!r}",
    )


def torch_loader(**options: Any) -> Any:
    return torch.utils.data.DataLoader(torch.utils.data.TensorDataset(T, T), **options)


def refused_loader(error: type[Exception], **options: Any) -> Refused:
    ((option, value),) = options.items()
    return Refused(
        f"DataLoader: {option} = {value!r}",
        lambda: list(torch_loader(**options)),
        lambda: tn.DataLoader(X, TWO, **options),
        error,
        f"{option} = {value!r}",
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
NUMBERS = [
    *(("SGD", option) for option in ("lr", "momentum", "dampening", "weight_decay")),
    *(("RMSprop", option) for option in ("lr", "alpha", "eps", "weight_decay", "momentum")),
    *((name, option) for name in ("Adam", "AdamW") for option in ("lr", "eps", "weight_decay")),
]
FLAGS = [
    *(("SGD", "maximize"), ("RMSprop", "centered"), ("RMSprop", "maximize")),
    *((name, option) for name in ("Adam", "AdamW") for option in ("amsgrad", "maximize")),
]

REFUSED = [
    *(
        Refused(
            f"{name} of one picture without its axis",
            lambda name=name: getattr(torch.nn, name)(2)(torch.zeros(1, 4, 4)),
            lambda name=name: getattr(tn, name)(2)(np.zeros((1, 4, 4))),
            ValueError,
            "use x[None] for one picture",
        )
        for name in ("MaxPool2d", "AvgPool2d")
    ),
    *(
        Refused(
            f"{name} that takes half windows at the border, too",
            lambda name=name: getattr(torch.nn, name)(2, ceil_mode=True)(torch.zeros(1, 1, 5, 5)),
            lambda name=name: getattr(tn, name)(2, ceil_mode=True),
            TypeError,
            "ceil_mode",
        )
        for name in ("MaxPool2d", "AvgPool2d")
    ),
    Refused(
        "MaxPool2d that hands over places, too",
        lambda: torch.nn.MaxPool2d(2, return_indices=True)(torch.zeros(1, 1, 4, 4)),
        lambda: tn.MaxPool2d(2, return_indices=True),
        TypeError,
        "return_indices",
    ),
    Refused(
        "AvgPool2d that divides by another number",
        lambda: torch.nn.AvgPool2d(2, divisor_override=3)(torch.zeros(1, 1, 4, 4)),
        lambda: tn.AvgPool2d(2, divisor_override=3),
        TypeError,
        "divisor_override",
    ),
    Refused(
        "options of a pool after its padding, by position",
        lambda: torch.nn.MaxPool2d(2, 2, 0, 1)(torch.zeros(1, 1, 4, 4)),
        lambda: tn.MaxPool2d(2, 2, 0, 1),
        TypeError,
        "positional",
    ),
    Refused(
        "a padding of a pool of more than half a window, at construction",
        lambda: torch.nn.MaxPool2d(2, padding=2),
        lambda: tn.MaxPool2d(2, padding=2),
        ValueError,
        "padding = 2 is more than half",
    ),
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
        "a third axis into BatchNorm1d",
        lambda: torch.nn.BatchNorm1d(2)(torch.zeros(3, 2, 4)),
        lambda: tn.BatchNorm1d(2)(np.zeros((3, 2, 4), np.float32)),
        ValueError,
        "expected (N, C)",
    ),
    Refused(
        "a momentum of BatchNorm1d above 1",
        lambda: torch.nn.BatchNorm1d(2, momentum=1.5),
        lambda: tn.BatchNorm1d(2, momentum=1.5),
        ValueError,
        "momentum = 1.5",
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
    *(refused_number(name, **{option: INF}) for name, option in NUMBERS if option != "alpha"),
    *(refused_number(name, TypeError, **{option: True}) for name, option in NUMBERS),
    *(refused_number(name, TypeError, **{flag: "no"}) for name, flag in FLAGS),
    *(refused_number(name, TypeError, **{flag: None}) for name, flag in FLAGS),
    *(refused_number("SGD", **{option: NAN}) for name, option in NUMBERS if name == "SGD"),
    *(refused_number("SGD", TypeError, dampening=value) for value in ("0.1", None, [0.1])),
    refused_number("RMSprop", alpha=1.5),
    refused_number("RMSprop", alpha=1),
    refused_number("Adam", betas=(0.9, 0.99, 0.999)),
    *(refused_number(name, eps=0) for name in ("RMSprop", "Adam", "AdamW")),
    *(in_float32(name, eps=1e-200) for name in ("RMSprop", "Adam", "AdamW")),
    *(in_float32(name, lr=1e39) for name in ("SGD", "RMSprop", "Adam", "AdamW")),
    in_float32("SGD", weight_decay=1e39),
    Refused(
        "a learning rate of NaN, set later",
        lambda: torch_optimizer("SGD", lr=0.1).param_groups[0].update(lr=NAN),
        lambda: setattr(optimizer("SGD", lr=0.1), "lr", NAN),
        ValueError,
        "SGD: lr = nan",
    ),
    Refused(
        "a learning rate in quotes, set later",
        lambda: torch_optimizer("SGD", lr=0.1).param_groups[0].update(lr="1e-3"),
        lambda: setattr(optimizer("SGD", lr=0.1), "lr", "1e-3"),
        TypeError,
        "SGD: lr = '1e-3'",
    ),
    *(refused_schedule("StepLR", step_size=value) for value in (0, -1, 1.5, True, NAN)),
    *(refused_schedule("StepLR", gamma=value) for value in (1.5, -0.1, NAN, INF)),
    refused_schedule("StepLR", TypeError, gamma="0.1"),
    *(refused_schedule("CosineLR", epochs=value) for value in (0, -1, 1.5, True, NAN)),
    *(refused_schedule("CosineLR", lr_min=value) for value in (-0.1, NAN, INF)),
    refused_schedule("CosineLR", TypeError, lr_min="0.1"),
    Refused(
        "label_smoothing = True",
        lambda: torch_loss(T, [0, 1], label_smoothing=True),
        lambda: tn.CrossEntropyLoss(label_smoothing=True),
        TypeError,
        "label_smoothing = True",
    ),
    Refused(
        "a linear layer without outputs",
        lambda: torch.nn.Linear(2, 0),
        lambda: tn.Linear(2, 0),
        ValueError,
        "out_features = 0",
    ),
    Refused(
        "a linear layer of True inputs",
        lambda: torch.nn.Linear(True, 2),
        lambda: tn.Linear(True, 2),
        TypeError,
        "in_features = True",
    ),
    Refused(
        "a linear layer of float16",
        lambda: torch.nn.Linear(2, 2, dtype=torch.float16),
        lambda: tn.Linear(2, 2, dtype=np.float16),
        TypeError,
        "float16",
    ),
    Refused(
        "softmax over no axis in particular",
        lambda: torch.nn.Softmax()(T),
        lambda: tn.Softmax(None),
        TypeError,
        "axis",
    ),
    *(
        Refused(
            f"{name} of a column and a row, which PyTorch spreads to a square",
            lambda name=name: getattr(torch.nn, name)()(tensor([0.5], [0.25]), tensor(1.0, 0.0)),
            lambda name=name: getattr(tn, name)()(array([0.5], [0.25]), array(1.0, 0.0)),
            ValueError,
            "reshape the target",
        )
        for name in ("MSELoss", "L1Loss")
    ),
    Refused(
        "a target of another dtype",
        lambda: torch.nn.MSELoss()(tensor(0.5), tensor(1.0).float()),
        lambda: tn.MSELoss()(array(0.5), array(1.0).astype(np.float32)),
        TypeError,
        "got dtype float32, expected float64",
    ),
    Refused(
        "a negative weight",
        lambda: torch.nn.BCELoss(tensor(-1.0))(tensor(0.5), tensor(1.0)),
        lambda: tn.BCELoss([-1.0]),
        ValueError,
        "non-negative",
    ),
    *(refused_loader(TypeError, shuffle=value) for value in ("no", None, 2)),
    refused_loader(ValueError, batch_size=None),
    Refused(
        "a loader that has no batch",
        lambda: torch_loader(batch_size=3, drop_last=True),
        lambda: tn.DataLoader(X, TWO, batch_size=3, drop_last=True),
        ValueError,
        "2 rows make no batch of 3",
    ),
]

OTHER_VALUES = [
    OtherValue(
        "the slope of ReLU6 at NaN, which in PyTorch depends on the place in memory",
        lambda: torch_slope("ReLU6", NAN, 64)[:1],
        lambda: slope(tn.ReLU6(), NAN),
        [0.0],
        [1.0],
    ),
    OtherValue(
        "the slope of L1Loss at NaN",
        lambda: torch_slope("L1Loss", NAN, 1, tensor(0.0)),
        lambda: slope(tn.L1Loss(), NAN, array(0.0)),
        [0.0],
        [NAN],
    ),
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
        "the gradient of a row that is ignored and holds no finite number",
        lambda: torch_gradient([[INF, 0.0], [0.0, 0.0]], [-100, 0]),
        lambda: gradient([[INF, 0.0], [0.0, 0.0]], [-100, 0]),
        array([NAN, NAN], [-0.5, 0.5]),
        array([0.0, 0.0], [-0.5, 0.5]),
    ),
    OtherValue(
        "the gradient of a row whose class weighs 0 and that holds no finite number",
        lambda: torch_gradient([[NAN, 0.0], [0.0, 0.0]], [0, 1], weight=tensor(0, 1)),
        lambda: gradient([[NAN, 0.0], [0.0, 0.0]], [0, 1], weight=[0, 1]),
        array([NAN, NAN], [0.5, -0.5]),
        array([0.0, 0.0], [0.5, -0.5]),
    ),
    OtherValue(
        "a row of class probabilities that are all 0, where a class has probability 0",
        lambda: torch_loss(tensor(CERTAIN), tensor([0.0, 0.0])),
        lambda: tn.CrossEntropyLoss()(array(CERTAIN), array([0.0, 0.0])),
        NAN,
        0.0,
    ),
    OtherValue(
        "the gradient of a mean in which all rows weigh 0",
        lambda: torch_gradient(X, [0, 0], weight=tensor(0, 1)),
        lambda: gradient(X, [0, 0], weight=[0, 1]),
        array([NAN, NAN], [NAN, NAN]),
        array([0.0, 0.0], [0.0, 0.0]),
    ),
    OtherValue(
        "the cosine after its last epoch",
        lambda: torch_cosine(epochs=2, epoch=4),
        lambda: tn.CosineLR(2).at(4, 1.0),
        1.0,
        0.0,
    ),
    OtherValue(
        "a step after a parameter with a gradient was frozen",
        lambda: frozen_step(torch.optim, torch.nn.Parameter(tensor(1)), tensor(1)),
        lambda: frozen_step(tn, tn.Parameter(array(1)), array(1)),
        array(0.5),
        array(1.0),
    ),
]


def frozen_step(library: Any, w: Any, g: Any) -> Any:
    w.grad = g
    w.requires_grad = False
    library.SGD([w], lr=0.5).step()
    return w.data


def torch_cosine(epochs: int, epoch: int) -> torch.Tensor:
    optimizer = torch_optimizer("SGD", lr=1.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epoch):
        optimizer.step()
        schedule.step()
    return tensor(optimizer.param_groups[0]["lr"])[0]


def linear_with(W: Array) -> tn.Linear:
    layer = tn.Linear(*W.shape, bias=False, dtype=np.float64)
    layer.W.data = W
    return layer


def torch_gradient(x: Any, labels: list[int], **options: Any) -> Any:
    leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    torch_loss(leaf, labels, **options).backward()
    return leaf.grad


def gradient(x: Any, labels: list[int], **options: Any) -> Any:
    loss_fn = tn.CrossEntropyLoss(**options)
    loss_fn(np.array(x, np.float64), np.array(labels))
    return loss_fn.backward()
