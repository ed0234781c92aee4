"""The compiled steps: the same bits as layer by layer, readable, kept on disk, never stale."""

import inspect
import itertools
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from cases import slow_but
from strategies import same_bits

import tinynet as tn
from tinynet.compiler import CompiledSteps
from tinynet.compiler.recorded import record_layers
from tinynet.compiler.source import import_source

ROWS, FEATURES, CLASSES = 100, 20, 5


def data(dtype=np.float32):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(ROWS, FEATURES)) * (rng.random((ROWS, FEATURES)) < 0.6)).astype(dtype)
    return X, rng.integers(0, CLASSES, ROWS)


def network(*last, dtype=np.float32, bias=True, width=17):
    rng = np.random.default_rng(1)
    return tn.Sequential(
        *(tn.Linear(FEATURES, width, rng=rng, dtype=dtype, bias=bias), tn.ReLU()),
        *(tn.Linear(width, CLASSES, rng=rng, dtype=dtype), *last),
    )


def trained(compiled, net, loss_fn, make_optimizer, X, y, epochs=2, **options):
    optimizer = make_optimizer(net.parameters())
    loader = tn.DataLoader(X, y, batch_size=8, shuffle=True, rng=2, **options)
    history = tn.fit(
        *(net, loss_fn, optimizer, loader),
        test=(X[:30].astype(net.parameters()[0].data.dtype), y[:30]),
        epochs=epochs,
        progress=False,
        compiled=compiled,
    )
    return history, net.state_dict(), optimizer.state, [p.grad for p in net.parameters()]


def assert_same_bits(make, loss_fn, make_optimizer, *data, **options):
    one, other = (
        trained(compiled, make(), loss_fn, make_optimizer, *data, **options)
        for compiled in (False, True)
    )
    assert one[0] == other[0]
    assert one[0].train_loss[0] != one[0].train_loss[1]  # it learned something
    for name, values in one[1].items():
        assert values.tobytes() == other[1][name].tobytes(), name
    for mine, theirs in zip(one[2], other[2], strict=True):
        assert mine.keys() == theirs.keys()
        for name in mine:
            assert np.asarray(mine[name]).tobytes() == np.asarray(theirs[name]).tobytes(), name
    for mine, theirs in zip(one[3], other[3], strict=True):
        # plain descent keeps no gradient, and leaves no old one
        plain = make_optimizer is OPTIMIZERS["SGD"]
        assert theirs is None if plain else same_bits(mine, theirs)


PROBABILITIES = np.random.default_rng(3).dirichlet(np.ones(CLASSES), ROWS).astype(np.float32)
WEIGHT = np.arange(1.0, CLASSES + 1)

OPTIMIZERS = {
    "SGD": lambda p: tn.SGD(p, lr=0.1),
    "SGD with all else": lambda p: tn.SGD(
        p, lr=0.02, momentum=0.9, dampening=0.2, weight_decay=0.01, maximize=True
    ),
    "SGD Nesterov": lambda p: tn.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "RMSprop": lambda p: tn.RMSprop(p, lr=0.01),
    "RMSprop with all else": lambda p: tn.RMSprop(
        *(p, 0.01),
        momentum=0.5,
        centered=True,
        weight_decay=0.1,
        alpha=0.9,
        eps=1e-5,
        maximize=True,
    ),
    "Adam": lambda p: tn.Adam(p, lr=0.01),
    "Adam with all else": lambda p: tn.Adam(
        p, lr=0.01, betas=(0.8, 0.95), eps=1e-5, weight_decay=0.1, amsgrad=True, maximize=True
    ),
    "AdamW": lambda p: tn.AdamW(p, lr=0.01, weight_decay=0.1, amsgrad=True),
    "AdamW upwards": lambda p: tn.AdamW(p, lr=0.01, weight_decay=0.1, maximize=True),
}
LOSSES = {
    "NLL": (tn.NLLLoss(), [tn.LogSoftmax()], None),
    "NLL weighted sum": (
        tn.NLLLoss(weight=WEIGHT, ignore_index=3, reduction="sum"),
        [tn.LogSoftmax(axis=1)],
        None,
    ),
    "NLL after Softmax": (tn.NLLLoss(), [tn.Softmax()], None),
    "cross-entropy": (tn.CrossEntropyLoss(), [], None),
    "cross-entropy with all else": (
        tn.CrossEntropyLoss(weight=WEIGHT, ignore_index=2, label_smoothing=0.2, reduction="sum"),
        [],
        None,
    ),
    "cross-entropy of probabilities": (
        tn.CrossEntropyLoss(weight=WEIGHT, label_smoothing=0.1),
        [tn.ReLU()],
        PROBABILITIES,
    ),
}
QUICK_OPTIMIZERS = ("SGD", "Adam with all else")
QUICK_LOSSES = ("NLL weighted sum",)


def slow_unless(names, quick):
    return [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in names]


@pytest.mark.parametrize("name", slow_unless(OPTIMIZERS, QUICK_OPTIMIZERS))
def test_every_optimizer_gives_the_bits_of_the_layers(name):
    X, y = data()
    make = OPTIMIZERS[name]
    assert_same_bits(lambda: network(tn.LogSoftmax()), tn.NLLLoss(), make, X, y)


def test_a_layer_of_whole_lanes_gives_the_bits_of_the_layers():
    X, y = data()
    make = OPTIMIZERS["SGD"]
    assert_same_bits(lambda: network(tn.LogSoftmax(), width=32), tn.NLLLoss(), make, X, y)


@pytest.mark.parametrize("name", slow_unless(LOSSES, QUICK_LOSSES))
def test_every_loss_gives_the_bits_of_the_layers(name):
    X, y = data()
    loss_fn, last, target = LOSSES[name]
    make = OPTIMIZERS["SGD"]
    y = y if target is None else target
    assert_same_bits(lambda: network(*last, bias=False), loss_fn, make, X, y, drop_last=True)


@pytest.mark.slow
def test_float64_gives_the_bits_of_the_layers():
    X, y = data(np.float64)
    assert_same_bits(
        lambda: network(dtype=np.float64), tn.CrossEntropyLoss(), OPTIMIZERS["Adam"], X, y
    )


def test_pixels_scaled_batch_by_batch_give_the_bits_of_the_layers(tmp_path):
    pixels = np.memmap(tmp_path / "pixels", np.uint8, "w+", shape=(ROWS, FEATURES))
    pixels[:] = np.random.default_rng(0).integers(0, 256, pixels.shape)
    pixels.flush()
    read_only = np.memmap(tmp_path / "pixels", np.uint8, "r", shape=pixels.shape)
    y = data()[1]
    assert_same_bits(
        lambda: network(tn.LogSoftmax()), tn.NLLLoss(), OPTIMIZERS["SGD"], read_only, y,
        scale=1 / 255,
    )  # fmt: skip


def test_columns_of_a_wider_array_give_the_bits_of_the_layers():
    X = np.repeat(data()[0], 2, axis=1)[:, ::2]
    assert not X.flags.c_contiguous
    assert_same_bits(
        lambda: network(tn.LogSoftmax()), tn.NLLLoss(), OPTIMIZERS["SGD"], X, data()[1]
    )


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_random_networks_give_the_bits_of_the_layers(seed):
    rng = np.random.default_rng(seed)
    X, y = data()
    widths = [FEATURES, *rng.integers(1, 70, rng.integers(0, 4)).tolist(), CLASSES]
    between = [tn.ReLU, tn.Softmax, tn.LogSoftmax]

    def make():
        draw, layers = np.random.default_rng(seed), []
        for wide, narrow in itertools.pairwise(widths):
            layers += [tn.Linear(wide, narrow, bool(draw.integers(2)), rng=draw)]
            layers += [between[draw.integers(3)]()]
        return tn.Sequential(*([tn.ReLU()] if seed % 2 else []), *layers)

    assert_same_bits(make, tn.CrossEntropyLoss(), OPTIMIZERS["SGD"], X, y)


def compiled_steps(rows=ROWS, lr=0.1):
    X, y = data()
    net = network(tn.LogSoftmax())
    loss_fn, optimizer = tn.NLLLoss(), tn.SGD(net.parameters(), lr=lr)
    loader = tn.DataLoader(X[:rows], y[:rows], batch_size=8, rng=0)
    return net, loss_fn, optimizer, loader


def test_the_source_is_a_file_and_is_what_runs():
    net, loss_fn, optimizer, loader = compiled_steps()
    steps = tn.compile(net, loss_fn, optimizer)
    assert Path(steps.path).read_text() == steps.source
    training = CompiledSteps(net, loss_fn, optimizer, record_layers(net), loader)
    assert training.source == steps.source
    assert inspect.getsource(inspect.getmodule(training._code.module.train.py_func)) == steps.source
    for line in (
        "linear(x, W0, b0, y0)  # y0 = x @ W0 + b0: (N, 20) @ (20, 17) + (17,)",
        "relu(y0, y1)  # y1 = maximum(y0, 0)",
        "linear_descend_fetching(W0, x, dy0, lr, X, following)  # W0 -= lr * (x.T @ dy0)",
        "linear_descend(W2, y1, dy2, lr)  # W2 -= lr * (y1.T @ dy2)",
        "descend(b2, db2, lr)  # b2 -= lr * db2",
    ):
        assert line in steps.source
    with_momentum = tn.compile(net, loss_fn, tn.SGD(net.parameters(), momentum=0.9)).source
    assert "linear_dW(y1, dy2, dW2)  # dW2 = y1.T @ dy2" in with_momentum
    assert "descend(W2, velocity_W2, lr)  # W2 -= lr * velocity_W2" in with_momentum
    assert "linear_dx(dy0" not in steps.source  # nothing in front of the first layer asks for it


@pytest.mark.slow
def test_a_damaged_file_is_written_again(tmp_path):
    code = (
        "import tinynet as tn; n = tn.Sequential(tn.Linear(3, 2, rng=0));"
        "s = tn.compile(n, tn.CrossEntropyLoss(), tn.SGD(n.parameters())); print(s.path)"
    )
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}

    def path():
        command = [sys.executable, "-c", code]
        return Path(subprocess.check_output(command, env=environment, text=True).strip())

    source = path().read_text()
    path().write_text("raise SystemExit('damaged')")
    assert path().read_text() == source


def test_predict_runs_compiled_with_the_same_bits_until_the_layers_change():
    X, _ = data()
    net, loss_fn, optimizer, _ = compiled_steps()
    expected = net.predict(X)
    tn.compile(net, loss_fn, optimizer)
    assert net.predict(X).tobytes() == expected.tobytes()
    assert net.predict(X[::2]).tobytes() == expected[::2].tobytes()  # not contiguous: by the layers
    with pytest.raises(ValueError, match=r"19 features, expected 20"):
        net.predict(X[:, 1:])
    with pytest.raises(TypeError, match="float64"):
        net.predict(X.astype(np.float64))
    net.layers[0].W.data *= 2
    doubled = net.predict(X)
    assert doubled.tobytes() == net(X).tobytes() != expected.tobytes()
    net.layers.pop()
    assert np.abs(net.predict(X).sum(axis=1)).max() > 0
    assert net.predict(X).tobytes() == net(X).tobytes() != doubled.tobytes()


class OwnChain(tn.Sequential):
    pass


class Keyed(tn.Module):
    def __init__(self, rng):
        self.parts = {"1 a-b": tn.Linear(FEATURES, CLASSES, rng=rng)}

    def forward(self, x):
        return self.parts["1 a-b"](x)


@pytest.mark.parametrize(
    "make",
    [
        lambda rng: tn.Linear(FEATURES, CLASSES, rng=rng),
        lambda rng: OwnChain(tn.Linear(FEATURES, CLASSES, rng=rng), tn.LeakyReLU()),
        Keyed,
    ],
    ids=["a layer", "a subclass of Sequential", "a dict with a key that is no name"],
)
def test_a_network_that_is_one_part_runs_as_without(make):
    X, y = data()
    results = []
    for compiled in (False, True):
        net, loss_fn = make(0), tn.CrossEntropyLoss()
        optimizer = tn.SGD(net.parameters(), lr=0.1)
        if compiled:
            assert "linear(" in tn.compile(net, loss_fn, optimizer).source
        losses = []
        for x in (X, X[::2], np.asfortranarray(X), X):  # usual rows, and unusual ones
            losses.append(loss_fn(net(x), y[: len(x)]))
            optimizer.zero_grad()
            own = {"input_gradient": len(losses) > 2} if isinstance(net, tn.Sequential) else {}
            net.backward(loss_fn.backward(), **own)
            optimizer.step()
        losses += [net.predict(X[::2]).tobytes(), net.predict(X).tobytes()]
        with pytest.raises(TypeError, match="float64"):
            net.predict(X.astype(np.float64))
        fitted = tn.fit(net, loss_fn, optimizer, tn.DataLoader(X, y), progress=False)
        results.append((losses, fitted, net.predict(X[::2]).tobytes()))
    assert results[0] == results[1]


class Doubled(tn.ReLU):
    """A user's layer: what it does is not known to the writer."""

    def forward(self, x):
        return 2 * super().forward(x)

    def backward(self, dy):
        return super().backward(2 * dy)


@pytest.mark.slow
def test_what_cannot_be_written_out_trains_by_the_layers():
    X, y = data()
    rng = np.random.default_rng(0)
    strange = tn.Sequential(tn.Linear(FEATURES, 8, rng=rng), Doubled(), tn.Linear(8, 5, rng=rng))
    loader = tn.DataLoader(X, y, batch_size=10)
    optimizer = tn.SGD(strange.parameters(), lr=0.1)
    verbs = tn.compile(strange, tn.CrossEntropyLoss(), optimizer)
    assert verbs.python == ["layer 1, Doubled(): an array comes from NumPy, not from a kernel"]
    with pytest.raises(TypeError, match=r"compiled=True, but layer 1, Doubled"):
        tn.fit(strange, tn.CrossEntropyLoss(), optimizer, loader, progress=False, compiled=True)
    with pytest.warns(UserWarning, match=r"stays Python.*layer 1, Doubled\(\): .*NumPy"):
        history = tn.fit(
            strange, tn.CrossEntropyLoss(), optimizer, loader, epochs=301, progress=False
        )  # 3010 batches: it would be compiled if it could be
    assert history.train_loss[-1] < history.train_loss[0] / 2


def tied():
    first, second = tn.Linear(5, 5, rng=0), tn.Linear(5, 5, rng=1)
    second.W = first.W
    return tn.Sequential(first, tn.ReLU(), second)


@pytest.mark.parametrize(
    ("net", "reason"),
    [
        (tn.Sequential(tn.Linear(2200, 1900, rng=0)), r"layer 0, Linear\(2200, 1900\): .*NumPy"),
        (
            tn.Sequential(tn.Linear(3, 4, rng=0), tn.Linear(5, 6, rng=0)),
            r"Linear\(5, 6\): input has 4 features, expected 5",
        ),
    ],
)
def test_the_reason_why_it_cannot_be_written_out_is_said(net, reason):
    with pytest.raises(TypeError, match=reason):
        tn.compile(net, tn.CrossEntropyLoss(), tn.SGD(net.parameters()))


@pytest.mark.parametrize("optimizer", slow_but(1, ["SGD", "Adam"]))
def test_another_order_of_parameters_gives_the_bits_of_the_layers(optimizer):
    X, y = data()
    results = []
    for compiled in (False, True):
        net = network(tn.LogSoftmax())
        steps = OPTIMIZERS[optimizer](net.parameters()[::-1])
        loader = tn.DataLoader(X, y, batch_size=8, shuffle=True, rng=2)
        history = tn.fit(
            net, tn.NLLLoss(), steps, loader, progress=False, compiled=compiled, epochs=2
        )
        results.append((history, {name: w.tobytes() for name, w in net.state_dict().items()}))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "optimizer",
    slow_but(1, [lambda p: tn.SGD(p, 0.1), lambda p: tn.SGD(p, 0.1, 0.5), OPTIMIZERS["Adam"]]),
    ids=["SGD", "momentum", "Adam"],
)
def test_a_parameter_in_two_layers_gives_the_bits_of_the_layers(optimizer):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(ROWS, 5)).astype(np.float32), data()[1]
    assert_same_bits(tied, tn.CrossEntropyLoss(), optimizer, X, y)


def test_an_optimizer_over_some_parameters_leaves_the_others_alone():
    X, y = data()
    results = []
    for compiled in (False, True):
        net = network(tn.LogSoftmax())
        optimizer = tn.Adam(net[2].parameters(), lr=0.01)
        loader = tn.DataLoader(X, y, batch_size=8, shuffle=True, rng=2)
        history = tn.fit(
            net, tn.NLLLoss(), optimizer, loader, progress=False, compiled=compiled, epochs=2
        )
        results.append((history, {name: w.tobytes() for name, w in net.state_dict().items()}))
    assert results[0] == results[1]
    steps = tn.compile(net, tn.NLLLoss(), optimizer)
    assert "dW0" not in steps.source and "dy0" not in steps.source  # what is frozen


def test_divergence_is_found_by_both_ways_in_the_same_step():
    messages, weights = [], []
    for compiled in (False, True):
        net, loss_fn, optimizer, loader = compiled_steps(lr=1e18)
        with pytest.raises(FloatingPointError) as stop:
            tn.fit(net, loss_fn, optimizer, loader, progress=False, compiled=compiled)
        messages.append(str(stop.value))
        weights.append({name: w.tobytes() for name, w in net.state_dict().items()})
        assert len(stop.value.history) == 0
    assert messages[0] == messages[1]
    assert "epoch 1, batch" in messages[0]
    assert weights[0] == weights[1]


@pytest.mark.parametrize(
    ("what", "change"),
    [
        ("weights", lambda net: setattr(net[0], "W", tn.Parameter(2 * net[0].W.data))),
        ("no bias", lambda net: setattr(net[0], "b", None)),
        ("a layer", lambda net: net.layers.__setitem__(0, tn.Linear(5, 6, rng=9))),
        ("an option", lambda net: setattr(net[3], "axis", 0)),
        ("a longer list", lambda net: net.layers.append(tn.Softmax())),
        ("values in place", lambda net: net[2].W.data.__imul__(3)),
        ("values by assignment", lambda net: setattr(net[2].W, "data", 3 * net[2].W.data)),
        (
            "a loaded state",
            lambda net: net.load_state_dict(
                tn.Sequential(*net).state_dict() | {"0.bias": np.ones(6, np.float32)}
            ),
        ),
    ],
)
def test_predict_notices_what_was_replaced_since(what, change):
    X = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
    net = tn.Sequential(tn.Linear(5, 6, rng=0), tn.ReLU(), tn.Linear(6, 3, rng=1), tn.LogSoftmax())
    tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters()))
    before = net.predict(X)
    change(net)
    layers = X
    for layer in net:
        layers = layer.predict(layers)
    assert net.predict(X).tobytes() == layers.tobytes() != before.tobytes(), what


def test_ctrl_c_stops_compiled_training_between_two_steps():
    net, loss_fn, optimizer, loader = compiled_steps()
    for _ in range(2):  # the second compiles what the first left: how the network predicts
        tn.fit(net, loss_fn, optimizer, loader, progress=False, compiled=True)
    threading.Timer(0.3, signal.raise_signal, [signal.SIGINT]).start()
    with pytest.raises(KeyboardInterrupt) as stop:
        tn.fit(
            *(net, loss_fn, optimizer, loader),
            epochs=10**6,
            progress=False,
            compiled=True,
        )
    assert 1 <= len(stop.value.history) < 10**6
    assert all(np.isfinite(w).all() for w in net.state_dict().values())


EDITED = """
import numpy as np, tinynet as tn
net = tn.Sequential(tn.Linear(4, 3, rng=0))
X = np.ones((8, 4), np.float32)
loader = tn.DataLoader(X, np.zeros(8, int), batch_size=4)
history = tn.fit(net, tn.CrossEntropyLoss(), tn.SGD(net.parameters(), lr=0.5), loader,
                 progress=False, compiled=True)
print(float(net.layers[0].W.data.sum()))
"""


@pytest.mark.slow
def test_an_edited_kernel_gives_new_steps(tmp_path):
    package = Path(tn.__file__).parent
    subprocess.run(["cp", "-r", package, tmp_path / "tinynet"], check=True)
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    environment["PYTHONPATH"] = str(tmp_path)

    def weights():
        command = [sys.executable, "-c", EDITED]
        return float(subprocess.check_output(command, env=environment, text=True, cwd=tmp_path))

    first = weights()
    assert weights() == first  # from the cache
    updates = tmp_path / "tinynet" / "kernels" / "updates.py"
    source = updates.read_text()
    edited = source.replace("w[i] = fma(step, direction[i]", "w[i] = fma(2 * step, direction[i]")
    assert edited != source
    updates.write_text(edited)
    assert weights() != first


def test_no_thread_finds_a_module_of_steps_half_made():
    source = "import time\n\ntime.sleep(0.2)\nmade = True\n"
    with ThreadPoolExecutor(4) as pool:
        modules = list(pool.map(lambda _: import_source(source, {}).made, range(4)))
    assert modules == [True] * 4
