"""fit under Ctrl-C, NaN and bad input: what was learned stays whole."""

import math
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from by_hand import learned, network, rows, train_by_hand
from cases import slow_but
from strategies import fingerprint

import tinynet as tn
from tinynet.rng import generator_state

both_ways = pytest.mark.parametrize("compiled", [False, True], ids=["by layers", "compiled"])


def parts(optimizer=lambda p: tn.SGD(p, lr=0.1, momentum=0.9), net=None, **loader):
    net = net or network()
    options = {"batch_size": 8, "shuffle": True, "rng": 5, **loader}
    return net, tn.NLLLoss(), optimizer(net.parameters()), tn.DataLoader(*rows(43), **options)


class CtrlC(tn.ReLU):
    """Presses Ctrl-C during its forward on the n-th batch of so many rows."""

    def __init__(self, batch, rows=8):
        self.countdown, self.rows = batch, rows

    def forward(self, x):
        if len(x) == self.rows:
            self.countdown -= 1
            if self.countdown == 0:
                signal.raise_signal(signal.SIGINT)
        return super().forward(x)


def with_layer(layer):
    net = network()
    return tn.Sequential(net.layers[0], layer, *net.layers[2:])


class TestCtrlC:
    """There are 6 batches in an epoch, 5 of 8 rows and one of 3."""

    @pytest.mark.parametrize("step", [1, 3, 5, 6, 8, 15])
    def test_the_step_is_finished_and_nothing_is_lost(self, step):
        before = signal.getsignal(signal.SIGINT)
        net, loss_fn, optimizer, loader = parts(net=with_layer(CtrlC(step)))
        with pytest.raises(KeyboardInterrupt) as caught:
            tn.fit(net, loss_fn, optimizer, loader, rows(19, seed=1), epochs=9, progress=False)
        epochs, rest = divmod(step - 1, 5)
        taken = 6 * epochs + rest + 1
        twin, loss_fn, twin_optimizer, loader = parts()
        history = train_by_hand(
            twin, loss_fn, twin_optimizer, loader, rows(19, seed=1), epochs=9, steps=taken
        )
        assert caught.value.history == history
        assert len(history) == epochs
        assert learned(net, optimizer) == learned(twin, twin_optimizer)
        assert signal.getsignal(signal.SIGINT) is before

    def test_while_the_last_test_set_is_scored(self):
        net, loss_fn, optimizer, loader = parts(net=with_layer(CtrlC(2, rows=19)))
        with pytest.raises(KeyboardInterrupt) as caught:
            tn.fit(net, loss_fn, optimizer, loader, rows(19, seed=1), epochs=2, progress=False)
        assert len(caught.value.history.test_loss) == 2
        twin, loss_fn, twin_optimizer, loader = parts()
        expected = train_by_hand(twin, loss_fn, twin_optimizer, loader, rows(19, seed=1), epochs=2)
        assert caught.value.history == expected
        assert learned(net, optimizer) == learned(twin, twin_optimizer)

    def test_training_can_go_on_afterwards(self):
        net, loss_fn, optimizer, loader = parts(net=with_layer(CtrlC(3)))
        with pytest.raises(KeyboardInterrupt):
            tn.fit(net, loss_fn, optimizer, loader, progress=False)
        history = tn.fit(net, loss_fn, optimizer, loader, epochs=2, progress=False)
        assert len(history) == 2

    @pytest.mark.parametrize("handler", [signal.SIG_IGN, lambda number, frame: None])
    def test_the_handler_of_before_is_put_back(self, handler):
        before = signal.signal(signal.SIGINT, handler)
        try:
            tn.fit(*parts(), progress=False)
            assert signal.getsignal(signal.SIGINT) is handler
            with pytest.raises(FloatingPointError):
                tn.fit(*parts(lambda p: tn.SGD(p, lr=1e30)), epochs=9, progress=False)
            assert signal.getsignal(signal.SIGINT) is handler
        finally:
            signal.signal(signal.SIGINT, before)

    def test_in_another_thread_fit_leaves_signals_alone(self):
        with ThreadPoolExecutor(1) as threads:
            history = threads.submit(tn.fit, *parts(), epochs=2, progress=False).result()
        assert history == train_by_hand(*parts(), epochs=2)

    @both_ways
    @pytest.mark.parametrize("seconds", [0.0, 0.02, 0.3])
    def test_at_any_moment_the_weights_are_those_after_some_step(self, seconds, compiled):
        def train(parts, epochs):
            return tn.fit(*parts, epochs=epochs, progress=False, compiled=compiled)

        net, loss_fn, optimizer, _ = parts()
        loader = CtrlCAfter(seconds)
        with pytest.raises(KeyboardInterrupt) as caught:
            train((net, loss_fn, optimizer, loader), epochs=10**7)
        loader.timer.join()
        epochs = len(caught.value.history)
        twin, loss_fn, twin_optimizer, loader = parts(shuffle=False)
        if epochs:
            history = train((twin, loss_fn, twin_optimizer, loader), epochs)
            assert caught.value.history == history
        goal = learned(net, optimizer)
        for xb, yb in loader:
            if learned(twin, twin_optimizer) != goal:
                loss_fn(twin(xb), yb)
                twin_optimizer.zero_grad()
                twin.backward(loss_fn.backward())
                twin_optimizer.step()
        assert learned(twin, twin_optimizer) == goal

    @pytest.mark.parametrize("prepared", slow_but(1, [True, False]))
    def test_from_the_keyboard(self, prepared):
        """A program that catches KeyboardInterrupt goes on; another one ends as programs do."""
        with subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(prepared)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,  # a buffer would take further lines with the third, and keep them
            cwd=Path(__file__).parents[1] / "support",
        ) as process:
            lines = [process.stdout.readline() for _ in range(3)]
            pressed = time.monotonic()
            process.send_signal(signal.SIGINT)
            output, errors = (text.decode() for text in process.communicate(timeout=60))
        assert all(line.startswith(b"epoch") for line in lines), errors
        assert time.monotonic() - pressed < 10
        if prepared:
            *more, last = output.splitlines()
            assert process.returncode == 0, errors
            assert last == f"{3 + len(more)} epochs, finite weights: True"
        else:
            assert process.returncode == -signal.SIGINT
            assert errors.rstrip().endswith("KeyboardInterrupt")


class CtrlCAfter(tn.DataLoader):
    """Presses Ctrl-C so many seconds after training has begun."""

    def __init__(self, seconds):
        super().__init__(*rows(43), batch_size=8)
        self.timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))

    def order(self):
        if self.timer.ident is None:
            self.timer.start()
        return super().order()


PROGRAM = """
import sys
import numpy as np
import tinynet as tn
from by_hand import network, rows

net = network()
loader = tn.DataLoader(*rows(4000), batch_size=8)
try:
    tn.fit(net, tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.1, momentum=0.9), loader, epochs=10**6)
except KeyboardInterrupt as stop:
    if sys.argv[1] == "False":
        raise
    finite = all(np.isfinite(parameter.data).all() for parameter in net.parameters())
    print(f"{len(stop.history)} epochs, finite weights: {finite}")
"""


def steps_until_stray(net, loss_fn, optimizer, loader):
    """Train by hand until a loss is not finite; return the weights before that step, and where."""
    for epoch in range(1, 100):
        for batch, (xb, yb) in enumerate(loader, 1):
            before = learned(net, optimizer)
            loss = loss_fn(net(xb), yb)
            if not math.isfinite(loss):
                return before, epoch, batch
            optimizer.zero_grad()
            net.backward(loss_fn.backward())
            optimizer.step()
    raise AssertionError("the loss stays finite")


class TestDivergence:
    @both_ways
    @pytest.mark.parametrize("lr", [1e3, 1e10, 1e30])
    def test_a_learning_rate_far_too_large(self, lr, compiled):
        def optimizer(parameters):
            return tn.SGD(parameters, lr=lr)

        with np.errstate(all="ignore"):
            before, epoch, batch = steps_until_stray(*parts(optimizer))
        net, loss_fn, ours, loader = parts(optimizer)
        with pytest.raises(FloatingPointError) as caught:
            tn.fit(net, loss_fn, ours, loader, epochs=99, progress=False, compiled=compiled)
        message = str(caught.value)
        assert message.startswith(
            f"fit: the loss is not finite in epoch {epoch}, batch {batch}, with lr = {lr:g}; "
            "the first layer with an output that is not finite is "
        )
        assert "The weights are those before this step" in message
        assert "\n" not in message
        assert learned(net, ours) == before
        assert len(caught.value.history) == epoch - 1

    @pytest.mark.parametrize("position", [0, 2])
    def test_names_the_first_stray_layer_of_a_sequential(self, position):
        net = network(last=None)
        net.layers[position].W.data[...] = 3e38
        message = self.stray_message(net)
        layer = net.layers[position]
        assert (
            f"the first layer with an output that is not finite is {position}, {layer!r}" in message
        )

    def test_names_it_within_nested_and_composed_networks(self):
        class Block(tn.Module):
            def __init__(self):
                self.inner = tn.Sequential(tn.Linear(12, 12, rng=0), tn.Linear(12, 12, rng=0))
                self.add = tn.Add()

            def forward(self, x):
                return self.add(self.inner(x), x)

        net = tn.Sequential(tn.Linear(12, 12, rng=0), Block(), tn.Linear(12, 4, rng=0))
        net.layers[1].inner.layers[1].W.data[...] = 3e38
        assert "is 1.inner.1, Linear(12, 12)" in self.stray_message(net)

    def test_names_a_network_of_one_layer(self):
        net = tn.Linear(12, 4, rng=0)
        net.b.data[1] = 3e38
        net.W.data[...] = 3e38
        assert "not finite is Linear(12, 4). " in self.stray_message(net)

    def stray_message(self, net):
        loader = tn.DataLoader(np.ones((8, 12), np.float32), np.zeros(8, int), batch_size=4)
        optimizer = tn.Adam(net.parameters(), lr=0.1)
        before = learned(net, optimizer)
        with pytest.raises(FloatingPointError) as caught:
            tn.fit(net, tn.CrossEntropyLoss(), optimizer, loader, progress=False)
        assert learned(net, optimizer) == before
        assert "epoch 1, batch 1, with lr = 0.1; " in str(caught.value)
        return str(caught.value)

    @both_ways
    def test_a_gradient_that_overflows_under_a_finite_loss(self, compiled):
        def parts():
            X, y = rows(16)
            X[:, 0] = np.where(np.arange(16) < 8, 0, 3e38)  # the weights it meets are 0
            net = network()
            net.layers[0].W.data[0] = 0
            net.layers[2].W.data *= 100
            loader = tn.DataLoader(X, y, batch_size=8)
            return net, tn.NLLLoss(), tn.SGD(net.parameters(), lr=1e-4), loader

        net, loss_fn, ours, loader = parts()
        with pytest.raises(FloatingPointError) as caught:
            tn.fit(net, loss_fn, ours, loader, progress=False, compiled=compiled)
        assert "a gradient is not finite in epoch 1, batch 2" in str(caught.value)
        assert "all layers' outputs are finite" in str(caught.value)
        twin, loss_fn, twin_optimizer, loader = parts()
        train_by_hand(twin, loss_fn, twin_optimizer, loader, steps=1)
        assert learned(net, ours) == learned(twin, twin_optimizer)

    def test_a_nan_from_a_backward_pass(self):
        class Leaky(tn.ReLU):
            def backward(self, dy):
                dx = super().backward(dy)
                dx[0, 0] = np.nan
                return dx

        net, loss_fn, optimizer, loader = parts(net=with_layer(Leaky()))
        before = learned(net, optimizer)
        with pytest.raises(FloatingPointError) as caught:
            tn.fit(net, loss_fn, optimizer, loader, progress=False)
        assert str(caught.value).startswith(
            "fit: a gradient is not finite in epoch 1, batch 1, with lr = 0.1; "
            "all layers' outputs are finite. The weights are those before this step"
        )
        assert learned(net, optimizer) == before


def large_gradients():
    """Finite gradients of about 1e24: their squares are beyond float32."""
    X, y = rows(43)
    return tn.DataLoader(X * np.float32(1e24), y, batch_size=8, shuffle=True, rng=5)


SMALLER_LR = "Try a smaller learning rate, or inputs scaled to about 1"
FATAL_STEPS = {
    "RMSprop, lr": (lambda p: tn.RMSprop(p, lr=1e38), "0.weight", SMALLER_LR),
    "SGD, momentum": (
        lambda p: tn.SGD(p, lr=1e-38, momentum=2),
        "2.bias",
        "momentum = 2 is not below 1, so that steps grow; use one such as 0.9",
    ),
    "RMSprop, momentum": (
        lambda p: tn.RMSprop(p, lr=1e-38, momentum=2),
        "0.weight",
        "momentum = 2 is not below 1",
    ),
    "SGD, decay": (
        lambda p: tn.SGD(p, lr=0.1, weight_decay=3e38),
        "",
        "weight_decay = 3e+38 times lr is 3e+37: each step turns the weights' signs",
    ),
    "AdamW, decay": (
        lambda p: tn.AdamW(p, lr=1e-3, weight_decay=1e6),
        "",
        "weight_decay = 1e+06 times lr is 1000: each step turns the weights' signs",
    ),
    "SGD, upwards": (
        lambda p: tn.SGD(p, lr=0.5, maximize=True),
        "",
        "maximize=True climbs, and a loss has no highest value; leave it out",
    ),
    "Adam, upwards and lr": (
        lambda p: tn.Adam(p, lr=1e37, maximize=True),
        "",
        f"leave it out. {SMALLER_LR}",
    ),
}


class TestFatalSteps:
    """R11: finite gradients, and a step that would leave NaN or infinity behind."""

    def stopped(self, make, compiled, loader=None, **options):
        net, loss_fn, optimizer, usual = parts(make)
        if compiled == "verbs":
            tn.compile(net, loss_fn, optimizer)
        with pytest.raises(FloatingPointError) as caught:
            tn.fit(
                *(net, loss_fn, optimizer, loader or usual),
                epochs=300,
                progress=False,
                compiled=False if compiled == "verbs" else compiled,
                **options,
            )
        assert "\n" not in str(caught.value)
        return str(caught.value), caught.value.history, net, optimizer

    @pytest.mark.parametrize("name", slow_but(2, FATAL_STEPS))
    def test_all_ways_stop_in_front_of_the_same_step_and_say_what_helps(self, name):
        make, where, advice = FATAL_STEPS[name]
        (words, history, net, optimizer), *others = (
            self.stopped(make, compiled) for compiled in (False, True, "verbs")
        )
        for words_too, history_too, net_too, optimizer_too in others:
            assert words_too == words
            assert history_too == history
            assert learned(net_too, optimizer_too) == learned(net, optimizer)
            assert fingerprint(net_too) == fingerprint(net)
        assert all(np.isfinite(p.data).all() for p in net.parameters())
        for state in optimizer.state:
            assert all(np.isfinite(value).all() for value in state.values())
        assert "The weights are those before this step" in words
        assert words.endswith(advice) or advice in words
        assert SMALLER_LR in words or advice != SMALLER_LR
        if where:
            assert f"this step would put NaN or infinity into {where}" in words

    @both_ways
    def test_the_step_is_the_first_that_is_not_finite(self, compiled):
        def make(p):
            return tn.SGD(p, lr=1e-38, momentum=2)

        words, history, net, optimizer = self.stopped(make, compiled)
        twin, loss_fn, twin_optimizer, loader = parts(make)
        before, steps = None, 0
        with np.errstate(all="ignore"):
            while all(
                np.isfinite(value).all() for s in twin_optimizer.state for value in s.values()
            ):
                for xb, yb in loader:
                    before = learned(twin, twin_optimizer)
                    loss_fn(twin(xb), yb)
                    twin_optimizer.zero_grad()
                    twin.backward(loss_fn.backward())
                    twin_optimizer.step()
                    steps += 1
                    if not all(np.isfinite(s["velocity"]).all() for s in twin_optimizer.state):
                        break
        epoch, batch = divmod(steps - 1, 6)
        assert steps > 100
        assert f"in epoch {epoch + 1}, batch {batch + 1}, with lr = 1e-38. " in words
        assert len(history) == epoch
        assert learned(net, optimizer) == before

    @both_ways
    @pytest.mark.parametrize("optimizer_class", [tn.RMSprop, tn.Adam, tn.AdamW])
    def test_squares_beyond_the_dtype(self, optimizer_class, compiled):
        net, *_ = parts()
        before = learned(net, tn.SGD(net.parameters()))

        def make(p):
            return optimizer_class(p, lr=1e-30)

        words, _, net, optimizer = self.stopped(make, compiled, large_gradients())
        assert "would put NaN or infinity into the optimizer's 'square' of " in words
        assert "epoch 1, batch 1, " in words
        assert learned(net, optimizer) == before
        assert optimizer.state == [{}] * 4

    @both_ways
    def test_what_was_not_finite_before(self, compiled):
        """Where the input is always 0, a weight of NaN does not reach the loss."""
        X, y = rows(43)
        X[:, 3] = 0
        loader = tn.DataLoader(X, y, batch_size=8)
        net = network()
        net.layers[0].W.data[3, 2] = np.nan
        optimizer = tn.SGD(net.parameters(), lr=0.1)
        before = learned(net, optimizer)
        with pytest.raises(
            FloatingPointError, match=r"0\.weight holds NaN or infinity before"
        ) as e:
            tn.fit(net, tn.NLLLoss(), optimizer, loader, progress=False, compiled=compiled)
        assert "epoch 1, batch 1, with lr = 0.1" in str(e.value)
        assert "Start from weights that are finite" in str(e.value)
        assert learned(net, optimizer) == before

    def test_an_optimizer_of_one_s_own(self):
        class Sums(tn.Optimizer):
            def update(self, w, g, state):
                state["steps"] = state.get("steps", 0) + 1
                state["sum"] = np.asfortranarray(state.get("sum", 0) + g)
                state["largest"] = float(abs(state["sum"]).max()) * (
                    np.inf if state["steps"] == 9 else 1
                )
                w -= np.asarray(self.lr * state["sum"], w.dtype)

        words, _, net, optimizer = self.stopped(lambda p: Sums(p, lr=0.01), None)
        assert "into the optimizer's 'largest' of 0.weight, in epoch 2, batch 3, with" in words
        twin, loss_fn, twin_optimizer, loader = parts(lambda p: Sums(p, lr=0.01))
        train_by_hand(twin, loss_fn, twin_optimizer, loader, epochs=2, steps=8)
        assert learned(net, optimizer) == learned(twin, twin_optimizer)

    def test_a_batch_at_a_time(self, tmp_path):
        """Checkpoints between the steps are of finite weights, and end in front of the last."""
        path = tmp_path / "run"
        words, *_ = self.stopped(
            lambda p: tn.SGD(p, lr=1e-38, momentum=2), True, checkpoint=path, checkpoint_every=2
        )
        again, *_ = self.stopped(
            lambda p: tn.SGD(p, lr=1e-38, momentum=2), False, checkpoint=path, checkpoint_every=2
        )
        assert again == words


X, Y = rows(43)
X_TEST, Y_TEST = rows(19, seed=1)
LABEL_TOO_LARGE = np.where(np.arange(43) == 40, 4, Y)
ROW_WITH_NAN = np.where(np.arange(19)[:, None] == 7, np.float32(np.nan), X_TEST)


def change(**changes):
    """Arguments of a fit that works, but for these."""
    arguments = dict(zip(("net", "loss_fn", "optimizer", "loader"), parts(), strict=True))
    data = {name: changes.pop(name) for name in ("X", "y") if name in changes}
    if data:
        arguments["loader"] = tn.DataLoader(
            data.get("X", X), data.get("y", Y), batch_size=8, shuffle=True, rng=5
        )
    arguments |= {"test": (X_TEST, Y_TEST), "epochs": 2, "progress": False}
    return arguments | changes


class TestBadInput:
    @both_ways
    @pytest.mark.parametrize(
        ("changes", "error", "message"),
        [
            ({"epochs": 0}, ValueError, "fit: epochs = 0, expected an int of at least 1"),
            ({"epochs": -1}, ValueError, "epochs = -1"),
            ({"epochs": 1.5}, ValueError, "epochs = 1.5"),
            ({"epochs": True}, ValueError, "epochs = True"),
            (
                {"loss_fn": tn.NLLLoss(reduction="none")},
                ValueError,
                r'fit: a loss with reduction="none" is no single number; use "mean" or "sum"',
            ),
            (
                {"optimizer": tn.SGD(network().parameters(), lr=0.1)},
                ValueError,
                r"fit: the optimizer holds no parameter of this network; .*net.parameters\(\)",
            ),
            ({"test": X_TEST}, TypeError, r"fit: test is ndarray, expected a pair \(X, y\)"),
            ({"test": (X_TEST,)}, TypeError, r"test is tuple, expected a pair \(X, y\)"),
            ({"test": (X_TEST, Y_TEST[:3])}, ValueError, "test: X has 19 rows but y has 3"),
            ({"test": (X_TEST[:0], Y_TEST[:0])}, ValueError, "test: X has 0 rows"),
            ({"test": (ROW_WITH_NAN, Y_TEST)}, ValueError, "test: X holds nan at row 7, column 0"),
            (
                {"test": (X_TEST[:, :5], Y_TEST)},
                ValueError,
                r"Linear\(12, 9\).*5 features, expected 12",
            ),
            ({"test": (X_TEST.astype(float), Y_TEST)}, TypeError, "float64, expected float32"),
            ({"test": (X_TEST.astype(np.uint8), Y_TEST)}, TypeError, "test: X has dtype uint8"),
            ({"test": (X_TEST, Y_TEST + 1)}, IndexError, r"labels\[\d+\] = 4 is outside \[0, 4\)"),
            ({"test": (X_TEST, -Y_TEST - 1)}, IndexError, r"labels\[0\] = -\d is outside \[0, 4\)"),
            ({"test": (X_TEST, Y_TEST * 1.0)}, TypeError, r"float64.*use .astype\(int\)"),
            ({"test": (X_TEST, Y_TEST > 1)}, TypeError, "dtype bool"),
            ({"test": (X_TEST, Y_TEST[:, None])}, ValueError, r"use .ravel\(\)"),
            ({"test": (X_TEST, np.eye(4)[Y_TEST])}, ValueError, r"use .argmax\(axis=1\)"),
            ({"y": LABEL_TOO_LARGE}, IndexError, r"labels\[40\] = 4 is outside \[0, 4\)"),
            ({"y": Y * 1.0}, TypeError, r"float64.*use .astype\(int\)"),
            ({"y": Y > 1}, TypeError, "dtype bool"),
            ({"y": Y[:, None]}, ValueError, r"use .ravel\(\)"),
            ({"y": np.eye(4)[Y]}, ValueError, r"use .argmax\(axis=1\)"),
            ({"X": X[:, :5]}, ValueError, r"Linear\(12, 9\): input has 5 features, expected 12"),
            ({"X": X.astype(np.float64)}, TypeError, "float64, expected float32"),
            ({"X": X.reshape(43, 3, 4)}, ValueError, r"use x.reshape\(len\(x\), -1\)"),
        ],
    )
    def test_is_refused_before_anything_changes(self, changes, error, message, compiled):
        arguments = change(**changes)
        net, optimizer, loader = (arguments[name] for name in ("net", "optimizer", "loader"))
        before = fingerprint(net), learned(net, optimizer), generator_state(loader.rng)
        with pytest.raises(error, match=message) as caught:
            tn.fit(**arguments, compiled=compiled)
        assert "\n" not in str(caught.value)
        assert (fingerprint(net), learned(net, optimizer), generator_state(loader.rng)) == before

    def test_the_same_call_without_a_fault_learns(self):
        arguments = change()
        before = learned(arguments["net"], arguments["optimizer"])
        assert len(tn.fit(**arguments)) == 2
        assert learned(arguments["net"], arguments["optimizer"]) != before
