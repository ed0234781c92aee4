"""One process of ``test_fuzz_api.py``: the public API under arguments of all kinds.

``python fuzz_api.py N`` gives each target N drawn inputs and prints how many it took and refused.
An input is refused by one of the documented exceptions, with everything left as it was; or it is
taken, and the result has the right shape, dtype and, against NumPy in float64, values.
"""

import faulthandler
import json
import os
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from strategies import LAYOUTS, fingerprint

import tinynet as tn

REFUSALS = (TypeError, ValueError, IndexError, RuntimeError, FloatingPointError)
TARGETS: dict[str, Callable[[st.DataObject], bool]] = {}

DTYPES = [
    *(np.float32, np.float64, np.float16, np.longdouble, np.int8, np.int64, np.uint8, np.bool_),
    *(np.complex64, object, "U3", "S3", "M8[s]", "V4"),
]
ODD = [None, True, "3", b"3", [], [1.0], (2, 3), {}, object(), 1j, np.bool_(1), np.array([2])]
NUMBERS = [
    *(0, 1, 2, 3, 12, -1, -7, 2**31, 2**63, -(2**70), 10**400, 0.0, -0.0, 0.1, 0.5, 0.9, 1.0),
    *(1.5, -0.1, 1e-300, 1e300, np.nan, np.inf, -np.inf, np.float32(0.3), np.int8(2), np.uint8(3)),
]


def target(function: Callable[[st.DataObject], bool]) -> Callable[[st.DataObject], bool]:
    """`function` returns whether the drawn input was taken."""
    TARGETS[function.__name__] = function
    return function


def nearly(data: st.DataObject, right: list[Any], wrong: list[Any]) -> Any:
    return data.draw(st.sampled_from(right if data.draw(st.integers(0, 7)) else wrong))


def option(data: st.DataObject, right: list[Any]) -> Any:
    return nearly(data, right, NUMBERS + ODD)


def array(data: st.DataObject, shape: tuple[int, ...], dtype: Any = np.float32) -> Any:
    """An array of about this shape and dtype, in any layout, with stray values, or none at all."""
    kind = data.draw(st.integers(0, 15))
    if kind == 0:
        return data.draw(st.sampled_from([*ODD, *NUMBERS]))
    shapes = [(), (0,), (3,), (1, 1), shape[::-1], (*shape, 1), (0, *shape[1:]), (2, 3, 4)]
    shapes += [(shape[0] + 1, *shape[1:]), (*shape[:-1], shape[-1] + 1), (*shape[:-1], 0)]
    shape = nearly(data, [shape], shapes)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    if np.dtype(dtype).kind in "iu":
        values = rng.integers(0, data.draw(st.sampled_from([3, 3, 3, 3, 12])), shape)
    else:
        values = rng.standard_normal(shape) * data.draw(st.sampled_from([0, 1, 1, 1, 50]))
    values = np.asarray(values, np.float64)
    if kind == 1 and values.size:
        stray = data.draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e300, -1.0, 2.0**63]))
        values.flat[rng.integers(values.size)] = stray
    dtype = nearly(data, [dtype], DTYPES)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if np.dtype(dtype).kind == "M":
            values = np.zeros(shape)
        made = np.zeros(shape, dtype) if np.dtype(dtype).kind == "V" else values.astype(dtype)
    if kind == 2 and made.dtype.kind in "fiub" and made.ndim:
        made = LAYOUTS[data.draw(st.sampled_from(sorted(LAYOUTS)))](made)
    if kind == 3:
        made = data.draw(st.sampled_from([masked, np.asfortranarray, as_subclass]))(made)
    return made


class Subclass(np.ndarray):
    """Like np.memmap: an array of another type, with the same values."""


def as_subclass(values: np.ndarray) -> np.ndarray:
    return values.view(Subclass)


def masked(values: np.ndarray) -> np.ndarray:
    return np.ma.masked_array(values)


def hashed(value: Any) -> bytes:
    return value.tobytes() if isinstance(value, np.ndarray) else repr(value).encode()


def is_plain(*arrays: np.ndarray) -> bool:
    """Whether NumPy in float64 can say what the result must be."""
    return all(np.isfinite(a).all() and np.abs(a).max(initial=0) < 1e6 for a in arrays)


def close(ours: np.ndarray, reference: Any, *size: float) -> None:
    """Within rounding of `reference`, where intermediate sums are up to `size`."""
    reference = np.asarray(reference, np.float64)
    assert ours.shape == reference.shape, (ours.shape, reference.shape)
    largest = max(np.abs(reference).max(initial=0.0), 1e-30, *size)
    error = np.abs(ours - reference).max(initial=0.0)
    assert error <= 1000 * np.finfo(ours.dtype).eps * largest, (error, largest)


def softmax64(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def references(layer: tn.Module) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """What the layer computes, and (x, dy) -> dx, in NumPy."""
    match layer:
        case tn.Linear():
            W = layer.W.data.astype(np.float64)
            b = 0 if layer.b is None else layer.b.data.astype(np.float64)
            return lambda x: x @ W + b, lambda x, dy: dy @ W.T
        case tn.ReLU():
            return lambda x: np.maximum(x, 0), lambda x, dy: np.where(x > 0, dy, 0)
        case tn.Softmax():
            axis = layer.axis

            def dx(x: np.ndarray, dy: np.ndarray) -> np.ndarray:
                y = softmax64(x, axis)
                return y * (dy - (dy * y).sum(axis=axis, keepdims=True))

            return lambda x: softmax64(x, axis), dx
    axis = layer.axis

    def y(x: np.ndarray) -> np.ndarray:
        x = x - x.max(axis=axis, keepdims=True)
        return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))

    return y, lambda x, dy: dy - softmax64(x, axis) * dy.sum(axis=axis, keepdims=True)


@target
def layer_forward_and_backward(data: st.DataObject) -> bool:
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    layer = data.draw(
        st.sampled_from(
            [
                lambda: tn.Linear(4, 3, rng=0, dtype=dtype),
                lambda: tn.Linear(4, 3, bias=False, rng=0, dtype=dtype),
                tn.ReLU,
                lambda: tn.Softmax(axis=data.draw(st.sampled_from([-1, -1, 0, 1, 2]))),
                lambda: tn.LogSoftmax(axis=data.draw(st.sampled_from([-1, -1, 0, 1, 2]))),
            ]
        )
    )()
    x = array(data, (5, 4), dtype)
    before, state = hashed(x), fingerprint(layer)
    try:
        y = layer(x)
    except REFUSALS:
        assert fingerprint(layer) == state
        raise
    finally:
        assert hashed(x) == before
    forward, backward = references(layer)
    x64 = np.asarray(x, np.float64)
    assert y is not x and y.dtype == x.dtype.newbyteorder("=")
    with np.errstate(all="ignore"):
        assert y.shape == forward(x64).shape
    if is_plain(x64):
        close(y, forward(x64), np.abs(x64).max(initial=1.0))
    dy = array(data, y.shape or (1,), x.dtype.newbyteorder("="))
    before, state = hashed(dy), fingerprint(layer)
    try:
        dx = layer.backward(dy)
    except REFUSALS:
        assert fingerprint(layer) == state
        raise
    finally:
        assert hashed(dy) == before
    dy64 = np.asarray(dy, np.float64)
    assert dx.shape == x.shape and dx.dtype == y.dtype
    if is_plain(x64, dy64):
        close(dx, backward(x64, dy64), 10 * np.abs(dy64).max(initial=0.0))
        if isinstance(layer, tn.Linear):
            bound = len(x64) * np.abs(x64).max(initial=0.0) * np.abs(dy64).max(initial=0.0)
            close(layer.W.grad, x64.T @ dy64, bound)
    return True


@target
def adding(data: st.DataObject) -> bool:
    a, b = array(data, (3, 4)), array(data, (3, 4))
    y = tn.Add()(a, b)
    assert y.shape == a.shape == b.shape and y.dtype == a.dtype.newbyteorder("=")
    if is_plain(np.asarray(a, np.float64), np.asarray(b, np.float64)):
        close(y, np.asarray(a, np.float64) + np.asarray(b, np.float64))
    return True


@target
def making_layers(data: st.DataObject) -> bool:
    kind = data.draw(st.integers(0, 4))
    if kind <= 1:
        dtypes = [np.float32, np.float64, "float32", "f8", *DTYPES, "nonsense", 3, None]
        sizes = [size for size in NUMBERS + ODD if not isinstance(size, int) or size < 2**31]
        I, O = (nearly(data, [1, 2, 5], sizes) for _ in range(2))
        bias, rng = data.draw(st.booleans()), option(data, [0, None, np.random.default_rng(0)])
        layer = tn.Linear(I, O, bias, rng, nearly(data, [np.float32], dtypes))
        assert layer.W.data.shape == (I, O) and np.isfinite(layer.W.data).all()
        assert (layer.b is not None) == bias
    elif kind == 2:
        axis = option(data, [-1, 0, 1])
        assert data.draw(st.sampled_from([tn.Softmax, tn.LogSoftmax]))(axis=axis).axis == axis
    elif kind == 3:
        values = array(data, (2, 3))
        parameter = tn.Parameter(values)
        assert parameter.data.tobytes() == np.array(values, parameter.data.dtype).tobytes()
        parameter.grad = array(data, (2, 3))
        assert parameter.grad is None or parameter.grad.shape == parameter.data.shape
    else:
        relu = tn.ReLU()
        parts = [tn.Linear(3, 3, rng=0), relu, relu, tn.ReLU, tn.Sequential(tn.ReLU()), *ODD]
        chosen = [nearly(data, parts[:2], parts) for _ in range(data.draw(st.integers(0, 3)))]
        assert tn.Sequential(*chosen).layers == chosen
    return True


@target
def losses(data: st.DataObject) -> bool:
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    right = [None, None, None, [1, 2, 0.5], np.array([1.0, 0, 2])]
    options = {
        "weight": nearly(data, right, [[1.0], [-1, 1, 1], [np.nan, 1, 1], "a", 3, [[1]], ["x"]]),
        "ignore_index": nearly(data, [-100, 1], NUMBERS + ODD),
        "reduction": nearly(data, ["mean", "sum", "none"], ["max", *ODD]),
    }
    fused = data.draw(st.booleans())
    smoothing = 0.0
    if fused:
        smoothing = options["label_smoothing"] = option(data, [0, 0.1, 1])
    loss_fn = (tn.CrossEntropyLoss if fused else tn.NLLLoss)(**options)
    x = array(data, (4, 3), dtype)
    soft = fused and data.draw(st.booleans())
    labels = array(data, (4, 3), dtype) if soft else array(data, (4,), np.int64)
    before = hashed(x), hashed(labels)
    try:
        loss = loss_fn(x, labels)
        dx = loss_fn.backward(array(data, (4,), dtype) if loss_fn.reduction == "none" else 1.0)
    finally:
        assert (hashed(x), hashed(labels)) == before
    x64 = np.asarray(x, np.float64)
    N, C = x64.shape
    assert dx.shape == x.shape and dx.dtype == x.dtype.newbyteorder("=")
    assert np.shape(loss) == ((N,) if loss_fn.reduction == "none" else ())
    weight = np.ones(C) if loss_fn.weight is None else loss_fn.weight
    plain_labels = np.asarray(labels, np.float64) if soft or labels.ndim == 2 else None
    if not is_plain(x64, *([] if plain_labels is None else [plain_labels])):
        return True
    log_probs = references(tn.LogSoftmax())[0](x64) if fused else x64
    if plain_labels is not None:
        q = (plain_labels * (1 - smoothing) + smoothing / C) * weight
        counts = np.ones(N)
    else:
        counted = labels.astype(np.int64) != loss_fn.ignore_index
        hot = labels[:, None].astype(np.int64) == np.arange(C)
        q = (hot * (1 - smoothing) + smoothing / C) * weight * counted[:, None]
        counts = (hot * weight).sum(axis=1) * counted
    rows = -(q * log_probs).sum(axis=1)
    size = float(np.abs(x64).max(initial=1) * max(1.0, np.abs(q).max(initial=0)) * N)
    if loss_fn.reduction == "none":
        close(loss, rows, size)
    elif loss_fn.reduction == "sum":
        close(np.asarray(loss, x.dtype.newbyteorder("=")), rows.sum(), size)
    elif counts.sum() == 0:
        assert np.isnan(loss)
    else:
        mean = np.asarray(loss, x.dtype.newbyteorder("="))
        close(mean, rows.sum() / counts.sum(), size / counts.sum())
    return True


OPTIONS: dict[type[tn.Optimizer], dict[str, list[Any]]] = {
    tn.SGD: {"momentum": [0, 0.9], "dampening": [0, 0.1], "weight_decay": [0, 0.1]},
    tn.RMSprop: {"alpha": [0.9], "eps": [1e-8], "weight_decay": [0, 0.1], "momentum": [0, 0.9]},
    tn.Adam: {"betas": [(0.9, 0.99)], "eps": [1e-8], "weight_decay": [0, 0.1]},
    tn.AdamW: {"betas": [(0.9, 0.99)], "eps": [1e-8], "weight_decay": [0, 0.1]},
}
WRONG_BETAS = [(0.9,), (1, 1), (np.nan, 0.9), ("a", "b"), 0.9, None, [0.5, 10**400], (0.9, True)]


@target
def optimizers(data: st.DataObject) -> bool:
    kind = data.draw(st.sampled_from(sorted(OPTIONS, key=lambda kind: kind.__name__)))
    parameters = [tn.Parameter(np.full(3, 0.5, np.float32)), tn.Parameter(np.ones((2, 2)))]
    chosen = nearly(data, [parameters], [[], parameters * 2, parameters[0], None, [1], "ab", [ODD]])
    options = {
        name: nearly(data, right, WRONG_BETAS) if name == "betas" else option(data, right)
        for name, right in OPTIONS[kind].items()
        if data.draw(st.booleans())
    }
    lr = option(data, [0, 0.1, 1])
    optimizer = kind(chosen, lr, **options)
    for parameter in parameters:
        parameter.grad = array(data, parameter.data.shape, parameter.data.dtype)
    weights = [p.data.astype(np.float64) for p in parameters]
    gradients = [None if p.grad is None else p.grad.astype(np.float64) for p in parameters]
    with np.errstate(all="ignore"):
        optimizer.step()
    for parameter, w, g in zip(parameters, weights, gradients, strict=True):
        assert parameter.data.shape == w.shape
        plain = kind is tn.SGD and float(lr) < 1e6 and is_plain(*([] if g is None else [g]))
        if g is None:
            assert (parameter.data == w).all()
        elif plain and not options.get("weight_decay"):
            close(parameter.data, w - lr * g)  # the first step of momentum is a plain one
    return True


@target
def loaders(data: st.DataObject) -> bool:
    X, y = array(data, (7, 3)), array(data, (7,), np.int64)
    options = {
        "batch_size": option(data, [1, 2, 7, 9]),
        "shuffle": data.draw(st.booleans()),
        "drop_last": data.draw(st.booleans()),
        "rng": option(data, [0, None, np.random.default_rng(0), tn.TorchGenerator(0)]),
        "scale": option(data, [None, None, 1 / 255]),
    }
    loader = tn.DataLoader(X, y, **options)
    size, n = int(options["batch_size"]), len(X)
    with np.errstate(all="ignore"):
        batches = list(loader)
    assert len(batches) == len(loader) == (n // size if options["drop_last"] else -(-n // size))
    together = np.concatenate([xb for xb, _ in batches])
    scaled = X.astype(X.dtype.newbyteorder("="))  # as np.concatenate makes it
    if options["scale"] is not None:
        with np.errstate(all="ignore"):
            scaled = X.astype(np.float32) * np.float32(options["scale"])
    assert together.dtype == scaled.dtype and together.shape[1:] == X.shape[1:]
    if not options["shuffle"]:
        assert hashed(np.array(together)) == hashed(np.array(scaled[: len(together)], order="C"))
    elif not options["drop_last"]:
        assert sorted(map(hashed, together)) == sorted(map(hashed, np.array(scaled)))
    return True


@target
def scaling(data: st.DataObject) -> bool:
    values = array(data, (4, 3), data.draw(st.sampled_from([np.float32, np.float64, np.uint8])))
    if data.draw(st.booleans()):
        result = tn.data.binarize(values)
        assert (result == (np.asarray(values) > 0)).all()
    else:
        low, high = option(data, [None, 0]), option(data, [None, 255])
        result = tn.data.minmax_scale(values, low, high)
        given64 = np.asarray(values, np.float64)
        low = float(given64.min() if low is None else low)
        high = float(given64.max() if high is None else high)
        if is_plain(given64, np.array([low, high])) and high - low > 1e-3 * max(abs(low), 1e-3):
            close(result, (given64 - low) / (high - low), abs(low) / (high - low))
    assert result.dtype == np.float32 and result.shape == np.shape(values)
    return True


def small_net(rng: int = 0) -> tn.Sequential:
    generator = np.random.default_rng(rng)
    return tn.Sequential(
        *(tn.Linear(4, 5, rng=generator), tn.ReLU()),
        *(tn.Linear(5, 3, rng=generator), tn.LogSoftmax()),
    )


@target
def fitting(data: st.DataObject) -> bool:
    net = small_net()
    loss_fn = data.draw(st.sampled_from([tn.NLLLoss(), tn.CrossEntropyLoss()]))
    right = tn.SGD(net.parameters(), lr=data.draw(st.sampled_from([0.1, 0.1, 0.1, 1e3, 1e30])))
    loader = tn.DataLoader(
        array(data, (9, 4)),
        array(data, (9,), np.int64),
        4,
        rng=0,
        drop_last=data.draw(st.booleans()),
    )
    test = data.draw(st.booleans())
    arguments = {
        "loss_fn": nearly(data, [loss_fn], [tn.NLLLoss(reduction="none"), tn.NLLLoss([1, 2])]),
        "optimizer": nearly(data, [right], [tn.SGD(small_net().parameters())]),
        "test": (array(data, (4, 4)), array(data, (4,), np.int64)) if test else None,
        "epochs": option(data, [1, 2]) if data.draw(st.integers(0, 3)) == 0 else 2,
        "compiled": data.draw(st.sampled_from([False, False, None, True])),
    }
    if arguments["epochs"] in (2**31, 2**63, 12, 10**400):
        arguments["epochs"] = 3
    before = hashed(net.layers[0].W.data), hashed(net.layers[2].W.data)
    try:
        with np.errstate(all="ignore"):
            history = tn.fit(net, loader=loader, progress=False, **arguments)
    except FloatingPointError:
        assert all(np.isfinite(p.data).all() for p in net.parameters())
        raise
    except REFUSALS:
        assert (hashed(net.layers[0].W.data), hashed(net.layers[2].W.data)) == before
        raise
    assert len(history) == arguments["epochs"]
    assert np.isfinite(history.train_loss).all()
    assert len(history.test_loss) == (len(history) if test else 0)
    return True


COMPILED = small_net(1)


@target
def predicting_compiled(data: st.DataObject) -> bool:
    if COMPILED._compiled is None:
        tn.compile(COMPILED, tn.NLLLoss(), tn.SGD(COMPILED.parameters()))
    x = array(data, (5, 4))
    y = COMPILED.predict(x)
    assert y.shape == (len(x), 3) and y.dtype == np.float32
    assert y.tobytes() == tn.Sequential(*COMPILED.layers).predict(x).tobytes()
    return True


@target
def state_dicts(data: st.DataObject) -> bool:
    net = small_net()
    before = tn.fingerprint(net)
    state: Any = {
        name: array(data, values.shape) if data.draw(st.integers(0, 3)) == 0 else values + 1
        for name, values in net.state_dict().items()
        if data.draw(st.integers(0, 15))
    }
    if data.draw(st.integers(0, 15)) == 0:
        state = data.draw(st.sampled_from([*ODD, {"0.weight": None}, {3: np.ones(2)}]))
    try:
        net.load_state_dict(state)
    except REFUSALS:
        assert tn.fingerprint(net) == before
        raise
    for name, values in net.state_dict().items():
        assert values.dtype == np.float32
        assert (values == np.asarray(state[name])).all()
    return True


@target
def scores(data: st.DataObject) -> bool:
    outputs = array(data, (5, 3))
    labels = array(data, (5, 3)) if data.draw(st.booleans()) else array(data, (5,), np.int64)
    if data.draw(st.booleans()):
        loss, percent = tn.evaluate(tn.ReLU(), tn.CrossEntropyLoss(), outputs, labels)
        assert isinstance(loss, float)
    else:
        percent = tn.accuracy(outputs, labels)
    right = labels if labels.ndim == 1 else labels.argmax(axis=1)
    shown = np.maximum(outputs, 0) if "loss" in locals() else outputs
    assert len(outputs) == len(right)
    counted = labels != -100 if labels.ndim == 1 else (labels != 0).any(axis=1)
    hits = (np.argmax(shown, axis=1) == right) & ~np.isnan(shown).any(axis=1)
    expected = 100 * np.mean(hits[counted]) if counted.any() else np.nan
    assert np.isclose(percent, expected, rtol=1e-12, equal_nan=True)
    return True


@target
def generators(data: st.DataObject) -> bool:
    generator = tn.TorchGenerator(option(data, [0, 1, 2**32]))
    n = option(data, [0, 1, 5])
    if isinstance(n, int) and n > 10**6:
        n = -n
    if data.draw(st.booleans()):
        assert sorted(generator.permutation(n)) == list(range(n))
    else:
        numbers = generator.random(n, nearly(data, [np.float32, np.float64], DTYPES))
        assert ((numbers >= 0) & (numbers < 1)).all()
    return True


@target
def model_files(data: st.DataObject) -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "net")
        net = small_net()
        net.layers[0].b.data[...] = data.draw(st.sampled_from([0, 0, 1e30, np.nan, np.inf]))
        tn.save(nearly(data, [net], [*ODD, tn.ReLU, net.layers[0].W]), path)
        into = nearly(data, [None, small_net(2)], [tn.Linear(4, 5, rng=0), tn.ReLU, *ODD[1:]])
        assert tn.fingerprint(tn.load(path, into)) == tn.fingerprint(net)
    return True


def fuzz(attempt: Callable[[st.DataObject], bool], examples: int) -> Counter[str]:
    """Draw inputs for one target; count those taken and refused."""
    count: Counter[str] = Counter()

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate, Phase.shrink],
    )
    @given(st.data())
    def run(data: st.DataObject) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                attempt(data)
        except REFUSALS as error:
            assert str(error), f"{type(error).__name__} without a message"
            count["refused"] += 1
        else:
            count["taken"] += 1

    run()
    return count


def main(examples: int) -> None:
    faulthandler.enable()
    counts = {}
    for name, attempt in TARGETS.items():
        try:
            counts[name] = fuzz(attempt, examples)
        except Exception:
            print(f"\nthe target {name} failed", file=sys.stderr)
            traceback.print_exc()
    print(json.dumps(counts))
    sys.exit(len(counts) < len(TARGETS))


if __name__ == "__main__":
    main(int(sys.argv[1]))
