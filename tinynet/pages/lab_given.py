"""What a caller hands to the lab: checked, and put into the page's words."""

from itertools import pairwise
from typing import Any

import numpy as np

from tinynet import pages
from tinynet.layers import LeakyReLU, Linear, LogSoftmax
from tinynet.module import Module, Sequential
from tinynet.optim import Optimizer
from tinynet.support.checks import check_finite, unmasked
from tinynet.support.options import defaults_of, options_of
from tinynet.support.types import Array

ACTIVATIONS = ("ReLU", "LeakyReLU", "Sigmoid", "Tanh")
LOSSES = ("CrossEntropyLoss", "NLLLoss", "BCEWithLogitsLoss", "BCELoss", "MSELoss", "L1Loss")
LAST = {"NLLLoss": "LogSoftmax", "BCELoss": "Sigmoid"}  # what these need before them
OPTIMIZERS = {  # their options, in Python's and in the page's words
    "SGD": {"lr": "lr", "momentum": "momentum", "nesterov": "nesterov"},
    "RMSprop": {"lr": "lr", "alpha": "alpha", "eps": "eps"},
    "Adam": {"lr": "lr", "betas": "betas", "eps": "eps"},
}
MOST_LAYERS, MOST_UNITS, MOST_ROWS, MOST_CLASSES = 12, 16, 2000, 10
SIDES = range(8, 29)  # of pictures
ASIDE = 5  # without test data, every fifth row is one
Chain = list[tuple[Linear, Module | None]]  # each Linear, and the activation behind it
About = dict[str, Any]


# ---- Data ----------------------------------------------------------------------------------------


def given_data(
    data: Any, test: Any, loss: str | None, names: list[str] | None
) -> tuple[About, dict[str, Array]]:
    """What the data are, and their arrays, training and test, as the page takes them."""
    X, y = _pair("data", data)
    if test is not None:
        X_test, y_test = _pair("test", test)
        if X_test.shape[1] != X.shape[1]:
            raise ValueError(
                f"lab: X has {X.shape[1]} columns in data and {X_test.shape[1]} in test; give both "
                "the same"
            )
    else:
        if len(X) < ASIDE:
            raise ValueError(f"lab: data has {len(X)} rows; give at least {ASIDE}, or test=(X, y)")
        aside = np.arange(len(X)) % ASIDE == ASIDE - 1
        X, X_test, y, y_test = X[~aside], X[aside], y[~aside], y[aside]
    if len(X) + len(X_test) > MOST_ROWS:
        raise ValueError(
            f"lab: data and test have {len(X) + len(X_test)} rows, and {MOST_ROWS} are the most "
            f"that the page can watch; give some of them, such as X[:{MOST_ROWS}]"
        )
    side = pages.side_of(X.shape[1])
    if X.shape[1] > 2 and side not in SIDES:
        raise ValueError(
            f"lab: X has {X.shape[1]} columns; the page draws 1 or 2 features, or square pictures "
            f"of 8 x 8 to {SIDES[-1]} x {SIDES[-1]} pixels"
        )
    count, y, y_test = _targets(y, y_test, loss)
    if names is not None and len(names) != count:
        raise ValueError(
            f"lab: classes has {len(names)} names, and the data {count} classes; give one for each"
        )
    task = "classes" if count else "numbers"
    about = {"task": task, "inputs": X.shape[1], "classes": count, "side": side, "names": names}
    return about, {"x": X, "y": y, "test x": X_test, "test y": y_test}


def _pair(name: str, pair: Any) -> tuple[Array, Array]:
    """X (n, I) as float64, and y (n,), or an error that says what is expected."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise TypeError(f"lab: {name} is {type(pair).__name__}, expected two arrays: {name}=(X, y)")
    X, y = unmasked("lab", pair[0]), unmasked("lab", pair[1])
    for which, array in (("X", X), ("y", y)):
        if array.dtype.kind not in "biuf":
            raise TypeError(f"lab: {which} of {name} is {array.dtype}, expected numbers")
        check_finite("lab", f"{which} of {name}", array)
    if X.ndim != 2 or 0 in X.shape:
        raise ValueError(
            f"lab: X of {name} has shape {X.shape}, expected rows (n, features); reshape it, as in "
            "X.reshape(len(X), -1)"
        )
    if y.shape not in ((len(X),), (len(X), 1)):
        raise ValueError(
            f"lab: y of {name} has shape {y.shape}, expected ({len(X)},): one class or number for "
            "each row of X"
        )
    return X.astype(np.float64), y.reshape(-1)


def _targets(y: Array, y_test: Array, loss: str | None) -> tuple[int, Array, Array]:
    """How many classes there are, 0 for numbers; and both targets as the page takes them."""
    together = np.concatenate([y, y_test])
    if y.dtype.kind == "f" or y_test.dtype.kind == "f":
        if loss not in ("BCEWithLogitsLoss", "BCELoss"):
            return 0, y.astype(np.float64), y_test.astype(np.float64)
        if not np.isin(together, (0, 1)).all():
            raise ValueError(f"lab: y holds other numbers than 0 and 1, which {loss} compares with")
    if together.min() < 0 or together.max() >= MOST_CLASSES:
        raise ValueError(
            f"lab: y holds {together.min():g} to {together.max():g}, expected classes from 0 to "
            f"{MOST_CLASSES - 1}; for a regression give floats, as y.astype(float)"
        )
    count = max(2, int(together.max()) + 1)
    return count, y.astype(np.int32), y_test.astype(np.int32)


# ---- Network -------------------------------------------------------------------------------------


def chain_of(net: Any) -> tuple[Chain, Module | None]:
    """Each Linear of a network with the activation behind it, and the LogSoftmax at the end."""
    layers = list(_flat(net))
    last = layers.pop() if layers and isinstance(layers[-1], LogSoftmax) else None
    chain: Chain = []
    for k, layer in enumerate(layers):
        kind = type(layer).__name__
        if type(layer) is Linear:
            chain.append((_checked(k, layer, [linear for linear, _ in chain]), None))
        elif kind not in ACTIVATIONS or type(layer).__module__ != LeakyReLU.__module__:
            raise TypeError(
                f"lab: layer {k} is {layer!r}, which the page cannot train; it knows Linear, "
                f"{', '.join(ACTIVATIONS)}, and LogSoftmax at the end"
            )
        elif not chain or chain[-1][1] is not None:
            raise ValueError(
                f"lab: layer {k}, {layer!r}, stands behind no Linear; the page takes at most one "
                "activation behind each"
            )
        else:
            chain[-1] = chain[-1][0], layer
    if not chain:
        raise ValueError("lab: the network has no Linear layer, so there is nothing to learn")
    hidden = [linear.W.data.shape[1] for linear, _ in chain[:-1]]
    if len(hidden) > MOST_LAYERS or max(hidden, default=0) > MOST_UNITS:
        raise ValueError(
            f"lab: the hidden layers have {hidden} units; the page draws at most {MOST_LAYERS} "
            f"layers of {MOST_UNITS}"
        )
    for (before, _), (after, _) in pairwise(chain):
        if before.W.data.shape[1] != after.W.data.shape[0]:
            raise ValueError(f"lab: {before!r} leads to {after!r}; make their sizes equal")
    slopes = {layer.negative_slope for _, layer in chain if isinstance(layer, LeakyReLU)}
    if len(slopes) > 1:
        raise ValueError(
            f"lab: its LeakyReLUs have the slopes {sorted(slopes)}, and the page has one for all"
        )
    return chain, last


def _flat(net: Any) -> list[Module]:
    if not isinstance(net, Module):
        raise TypeError(f"lab: net is {type(net).__name__}, expected a tn.Sequential")
    if type(net) is not Sequential:
        return [net]
    return [layer for part in net.layers for layer in _flat(part)]


def _checked(k: int, layer: Linear, before: list[Linear]) -> Linear:
    if layer.b is None:
        raise ValueError(f"lab: layer {k}, {layer!r}, has no bias; the page needs bias=True")
    if any(other.W is layer.W or other.b is layer.b for other in before):
        raise ValueError(f"lab: layer {k} shares weights with another, which the page cannot do")
    for name, parameter in (("W", layer.W), ("b", layer.b)):
        if not parameter.requires_grad:
            raise ValueError(
                f"lab: {name} of layer {k} is frozen, and the page trains all; set its "
                "requires_grad = True"
            )
        check_finite("lab", f"{name} of layer {k}", parameter.data)
    return layer


def network_setup(chain: Chain) -> tuple[About, list[Array]]:
    """The network in the page's words, and its weights W, b, W, b, ..."""
    kinds = [None if layer is None else type(layer).__name__ for _, layer in chain]
    slopes = [layer.negative_slope for _, layer in chain if isinstance(layer, LeakyReLU)]
    setup: About = {
        "hidden": [linear.W.data.shape[1] for linear, _ in chain[:-1]],
        "activation": kinds[:-1],
        "last": kinds[-1],
        "weights": "given",
    }
    weights = [p.data.astype(np.float64) for linear, _ in chain for p in (linear.W, linear.b) if p]
    return setup | ({"slope": slopes[0]} if slopes else {}), weights


def data_for(chain: Chain) -> tuple[About, About]:
    """Data of the page that fit a network that came without, and what they are."""
    inputs, outputs = chain[0][0].W.data.shape[0], chain[-1][0].W.data.shape[1]
    kinds = {(1, 1): ("line", 0), (2, 1): ("moons", 2), (2, 2): ("moons", 2), (2, 3): ("blobs", 3)}
    kind, classes = (kinds | {(64, 10): ("digits", 10)}).get((inputs, outputs), (None, 0))
    if kind is None:
        raise ValueError(
            f"lab: the page has no data for a network from {inputs} to {outputs} numbers; give its "
            "own, as data=(X, y)"
        )
    task = "classes" if classes else "numbers"
    return {"kind": kind}, {"task": task, "inputs": inputs, "classes": classes}


# ---- Loss and optimizer --------------------------------------------------------------------------


def name_of_loss(loss_fn: Any) -> str:
    """The name of a loss that the page has."""
    kind = type(loss_fn)
    if kind.__name__ not in LOSSES or not kind.__module__.startswith("tinynet.losses"):
        raise TypeError(f"lab: loss_fn is {loss_fn!r}, expected one of tn's {', '.join(LOSSES)}")
    if repr(loss_fn) != f"{kind.__name__}()":
        raise ValueError(
            f"lab: the page has no options of losses, and got {loss_fn!r}; give {kind.__name__}()"
        )
    return kind.__name__


def fitting_loss(
    name: str | None, chain: Chain | None, log_softmax: Module | None, about: About
) -> str:
    """The loss given, or one that fits, once network and data fit it."""
    task, classes = about["task"], about["classes"]
    if chain is None:
        outputs, end = None, None
    else:
        outputs = chain[-1][0].W.data.shape[1]
        end = type(log_softmax or chain[-1][1]).__name__
        if chain[0][0].W.data.shape[0] != about["inputs"]:
            raise ValueError(
                f"lab: X has {about['inputs']} columns, and the network's first layer is "
                f"{chain[0][0]!r}; make them equal"
            )
    if name is None:
        one = "BCELoss" if end == "Sigmoid" else "BCEWithLogitsLoss"
        many = "NLLLoss" if end == "LogSoftmax" else "CrossEntropyLoss"
        name = "MSELoss" if task == "numbers" else one if outputs == 1 else many
    if task == "numbers" and name not in ("MSELoss", "L1Loss"):
        raise ValueError(
            f"lab: {name} is for classes, and y holds floats; give ints as classes, or "
            "loss_fn=tn.MSELoss()"
        )
    if name in ("BCEWithLogitsLoss", "BCELoss") and classes != 2:
        raise ValueError(f"lab: {name} is for two classes, and the data have {classes}")
    needed = classes if name in ("CrossEntropyLoss", "NLLLoss") or classes > 2 else 1
    if outputs not in (None, needed):
        raise ValueError(
            f"lab: the network has {outputs} outputs, and {name} on these data needs {needed}; "
            "change its last layer, or the loss"
        )
    need = LAST.get(name)
    if chain is not None and ((need and end != need) or (end == "LogSoftmax" and end != need)):
        fix = f"end it with tn.{need}()" if need else "leave it out, or take tn.NLLLoss()"
        raise ValueError(f"lab: the network ends with {end}, and the loss is {name}; {fix}")
    if need == "LogSoftmax" and chain is not None and chain[-1][1] is not None:
        raise ValueError(
            f"lab: {chain[-1][1]!r} stands before LogSoftmax, which the page does not do; leave it "
            "out"
        )
    return name


def optimizer_setup(optimizer: Any) -> About:
    """An optimizer's options in the page's words."""
    kind = type(optimizer).__name__
    if kind not in OPTIMIZERS or not isinstance(optimizer, Optimizer):
        raise TypeError(f"lab: optimizer is {kind}, expected tn.{', tn.'.join(OPTIMIZERS)}")
    words = OPTIMIZERS[kind] | {"weight_decay": "weightDecay"}
    options, usual = options_of(optimizer), defaults_of(optimizer)
    for name, value in usual.items():
        if name not in words and options[name] != value:
            raise ValueError(
                f"lab: the page has no {name} of {kind}, and it is {options[name]!r}; leave it at "
                f"{value!r}"
            )
    return {"optimizer": kind} | {page: options[name] for name, page in words.items()}
