"""A stranger's layers, compiled: on kernels like tinynet's own, in plain NumPy between segments."""

import copy
import os
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
from cases import slow_but
from own_layers import KernelDropout, KernelLeaky, NumpyTanh

import tinynet as tn
from tinynet import kernels
from tinynet.compiler import CompiledSteps
from tinynet.compiler import steps as compiler_steps
from tinynet.compiler.recorded import record_layers
from tinynet.compiler.segment import Segment

X = np.random.default_rng(0).normal(size=(100, 20)).astype(np.float32)
Y = np.random.default_rng(1).integers(0, 5, 100)


def network(*between):
    rng = np.random.default_rng(2)
    return tn.Sequential(
        *(tn.Linear(20, 16, rng=rng), *between),
        *(tn.Linear(16, 5, rng=rng), tn.LogSoftmax()),
    )


def trained(net, compiled, epochs=3, optimizer=tn.Adam):
    loader = tn.DataLoader(X, Y, batch_size=8, shuffle=True, rng=3)
    history = tn.fit(
        *(net, tn.NLLLoss(), optimizer(net.parameters(), lr=0.01), loader, (X, Y), epochs),
        progress=False,
        compiled=compiled,
    )
    return history, {name: value.tobytes() for name, value in net.state_dict().items()}


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: network(KernelLeaky()), id="parameter", marks=pytest.mark.slow),
        pytest.param(lambda: network(KernelDropout(0.3), KernelLeaky()), id="state and option"),
    ],
)
@pytest.mark.parametrize("optimizer", slow_but(1, [tn.SGD, tn.Adam]))
def test_a_layer_on_kernels_trains_compiled_to_the_same_bits(make, optimizer):
    by_layers = trained(make(), False, optimizer=optimizer)
    assert trained(make(), True, optimizer=optimizer) == by_layers
    assert by_layers[0].train_loss[2] < by_layers[0].train_loss[0]


class Centred(tn.Module):
    """Plain NumPy, with a running mean that changes in place, and a count that is set anew."""

    buffers = ("mean",)

    def __init__(self):
        self.mean, self.calls = np.zeros(16, np.float32), 0

    def forward(self, x):
        self.mean += np.float32(0.1) * (x.mean(axis=0) - self.mean)
        self.calls += 1
        self.keep()
        return x - self.mean

    def backward(self, dy):
        (dy,) = self.kept(dy)
        return dy.copy()


def test_what_a_layer_in_numpy_moves_is_no_change_of_the_code_around_it():
    results = []
    for compiles in (True, False):
        net, loss_fn = network(Centred()), tn.NLLLoss()
        optimizer = tn.SGD(net.parameters(), lr=0.1)
        if compiles:
            tn.compile(net, loss_fn, optimizer)
            segments = net._compiled.segments
        losses = [step(net, loss_fn, optimizer) for _ in range(3)]
        results.append((losses, net[1].mean.tobytes(), net[1].calls))
        if compiles:
            assert net._compiled.segments is segments  # recorded once
    assert results[0] == results[1]


def test_its_kernels_stand_in_the_code_that_runs():
    net = network(KernelDropout(), KernelLeaky())
    source = tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters())).source
    assert "drop(state1, y0, 0.25, y1, mask1)" in source
    assert "leaky(y1, slope2, y2)" in source
    assert "# leaky is leaky of own_layers" in source
    assert "times(dy1, mask1, dy0)  # dy0 = dy1 * mask1" in source


@pytest.mark.slow
def test_plain_numpy_runs_between_segments_to_the_same_bits(monkeypatch):
    monkeypatch.setattr(compiler_steps, "COMPILE_FROM", 1)
    monkeypatch.setattr(compiler_steps, "LOOK_FROM", 1)
    monkeypatch.setattr(compiler_steps, "_said", set())
    by_layers = trained(network(NumpyTanh()), False)
    with pytest.warns(UserWarning, match=r"stays Python.*layer 1, NumpyTanh\(\): .*NumPy") as said:
        net = network(NumpyTanh())
        assert trained(net, None) == by_layers
    assert len(said) == 1
    kinds = [type(segment).__name__ for segment in net._compiled.segments]
    assert kinds == ["Segment", "NumpyTanh", "Segment"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it was said
        trained(network(NumpyTanh()), None)


def test_what_must_be_compiled_and_cannot_is_an_error_that_names_it():
    net = network(NumpyTanh())
    before = copy.deepcopy(net).state_dict()
    with pytest.raises(TypeError, match=r"compiled=True, but layer 1, NumpyTanh\(\)"):
        trained(net, True)
    assert all(np.array_equal(before[name], value) for name, value in net.state_dict().items())


def test_the_gradient_of_the_input_is_left_out_if_nobody_wants_it():
    twins = network(KernelLeaky()), network(KernelLeaky())
    tn.compile(twins[0], tn.NLLLoss(), tn.SGD(twins[0].parameters()))
    for net in twins:
        net(X)
        assert net.backward(np.ones((100, 5), np.float32), input_gradient=False) is None
        net(X)
        assert net.backward(np.ones((100, 5), np.float32)).shape == X.shape
    for one, other in zip(twins[0].parameters(), twins[1].parameters(), strict=True):
        assert one.grad.tobytes() == other.grad.tobytes()


SHORT = """
import sys, numpy as np, tinynet as tn
from tinynet.compiler import steps
steps.LOOK_FROM = 1
net = tn.Sequential(tn.Linear(4, 3, rng=0))
X = np.ones((16, 4), np.float32)
loader = tn.DataLoader(X, np.zeros(16, int), batch_size=4)
made = steps.Steps.compile
def compile(self, *args, **options):
    made(self, *args, **options)
    print("layers" if self.compiled is None else "compiled")
steps.Steps.compile = compile
for compiled in (None, True, None)[: int(sys.argv[1])]:
    tn.fit(net, tn.CrossEntropyLoss(), tn.SGD(net.parameters(), lr=0.5), loader,
           progress=False, compiled=compiled)
"""


@pytest.mark.slow
def test_a_short_fit_runs_code_that_is_compiled_already(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}

    def ways(fits):
        command = [sys.executable, "-c", SHORT, str(fits)]
        return subprocess.check_output(command, env=environment, text=True).split()

    assert ways(1) == ["layers"]
    assert ways(3) == ["layers", "compiled", "compiled"]
    assert ways(1) == ["compiled"]  # from the cache on disk


def test_a_segment_without_parameters_between_two_in_numpy():
    outputs = []
    for compiles in (True, False):
        rng = np.random.default_rng(0)
        net = tn.Sequential(tn.Linear(20, 5, rng=rng), NumpyTanh(), tn.ReLU(), NumpyTanh())
        if compiles:
            tn.compile(net, tn.CrossEntropyLoss(), tn.SGD(net.parameters()))
        y = net(X)
        net.backward(np.ones_like(y), input_gradient=False)
        outputs.append((y.tobytes(), net[0].W.grad.tobytes()))
    assert outputs[0] == outputs[1]


class Residual(tn.Module):
    """x + fc2(relu(fc1(x))): paths that part and meet again."""

    def __init__(self, width, rng):
        self.fc1, self.fc2 = tn.Linear(width, width, rng=rng), tn.Linear(width, width, rng=rng)
        self.relu, self.add = tn.ReLU(), tn.Add()

    def forward(self, x):
        return self.add(x, self.fc2(self.relu(self.fc1(x))))


@pytest.mark.parametrize("optimizer", slow_but(1, [tn.SGD, tn.Adam]))
def test_a_network_that_replays_its_calls_trains_compiled_to_the_same_bits(optimizer):
    def make():
        return network(Residual(16, np.random.default_rng(5)), tn.ReLU())

    by_layers = trained(make(), False, optimizer=optimizer)
    assert trained(make(), True, optimizer=optimizer) == by_layers
    net = make()
    source = tn.compile(net, tn.NLLLoss(), optimizer(net.parameters())).source
    assert re.search(r"^ +add\(\w+, \w+, dy0\)", source, re.MULTILINE)


class NumpyStep(tn.SGD):
    def update(self, w, g, state):
        w -= np.float32(self.lr) * g


def test_an_optimizer_in_plain_numpy_stays_python_and_is_named():
    results = []
    for compiles in (True, False):
        net, loss_fn = network(tn.ReLU()), tn.NLLLoss()
        optimizer = NumpyStep(net.parameters(), lr=0.1)
        if compiles:
            verbs = tn.compile(net, loss_fn, optimizer)
            assert verbs.python == [
                "the optimizer, NumpyStep: input w is changed by NumPy, not by a kernel"
            ]
        for _ in range(2):
            loss_fn(net(X), Y)
            optimizer.zero_grad()
            net.backward(loss_fn.backward())
            optimizer.step()
        results.append([p.data.tobytes() for p in net.parameters()])
    assert results[0] == results[1]


class Counting(KernelLeaky):
    """Counts its calls in an array, by a kernel whose result nobody else needs."""

    def __init__(self):
        super().__init__()
        self.calls, self.one = np.zeros(1, np.float32), np.ones(1, np.float32)

    def forward(self, x):
        tn.kernels.accumulate(self.calls, self.one)
        return super().forward(x)


def test_state_that_only_predict_changes_is_changed_by_compiled_predict():
    net = network(Counting())
    tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters()))
    assert isinstance(net._compiled.segments[0], Segment) and len(net._compiled.segments) == 1
    for _ in range(3):
        net.predict(X)
    net(X)
    assert net[1].calls.tolist() == [4]


class BySum(KernelLeaky):
    """Python decides by the data, in a way that no trial input brings about."""

    def forward(self, x):
        if 0 < float(x.sum()) % 1e-3 < 9e-4 and len(x) == 8:
            return super().forward(-x)
        return super().forward(x)


def test_a_decision_that_recording_did_not_see_is_found_in_the_first_batch():
    by_layers = trained(network(BySum()), False)
    with pytest.warns(UserWarning, match="differ from the layers' own"):
        assert trained(network(BySum()), True) == by_layers


class OwnLoss(tn.Module):
    """The mean of the squares, in plain NumPy."""

    def forward(self, outputs, target):
        self.keep(outputs - target)
        return float(np.mean((outputs - target) ** 2))

    def backward(self):
        _, difference = self.kept(None)
        return (2 * difference / difference.size).astype(np.float32)


def test_a_loss_in_plain_numpy_leaves_the_layers_compiled():
    goal = np.random.default_rng(4).normal(size=(100, 5)).astype(np.float32)
    results = []
    for compiles in (True, False):
        net, loss_fn = network(tn.ReLU()), OwnLoss()
        optimizer = tn.SGD(net.parameters(), lr=0.1)
        if compiles:
            verbs = tn.compile(net, loss_fn, optimizer)
            assert (
                verbs.python
                == [
                    "the loss, OwnLoss(): it fails on a batch of 5 rows: operands could not be "
                    "broadcast together with shapes (5,5) (5,) "
                ]
                or "comes from NumPy" in verbs.python[0]
            )
        losses = []
        for _ in range(3):
            losses.append(loss_fn(net(X), goal))
            net.zero_grad()
            net.backward(loss_fn.backward())
            optimizer.step()
        results.append((losses, [p.data.tobytes() for p in net.parameters()]))
    assert results[0] == results[1] and results[0][0][2] < results[0][0][0]


def scaled_squares_reference(a, b, scale):
    return float(((a - b) ** 2 * scale).sum())


@tn.kernel(scaled_squares_reference)
def scaled_squares(a, b, scale):
    total = 0.0
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            total += (a[i, j] - b[i, j]) * (a[i, j] - b[i, j]) * scale[j]
    return total


def scaled_squares_da_reference(a, b, scale):
    return 2 * (a - b) * scale


@tn.kernel(scaled_squares_da_reference)
def scaled_squares_da(a, b, scale, da):
    for i in range(a.shape[0]):
        for j in range(a.shape[1]):
            da[i, j] = 2 * (a[i, j] - b[i, j]) * scale[j]


class ScaledSquares(tn.Module):
    """A loss on kernels, with an array of its own."""

    def __init__(self):
        self.scale = np.arange(5, dtype=np.float32)

    def forward(self, outputs, target):
        self.keep(outputs, target)
        return scaled_squares(outputs, target, self.scale)

    def backward(self):
        _, outputs, target = self.kept(None)
        dx = np.empty_like(outputs)
        scaled_squares_da(outputs, target, self.scale, dx)
        return dx


def test_a_loss_that_holds_an_array_is_handed_it():
    goal = np.zeros((100, 5), np.float32)
    results = []
    for compiled in (False, True):
        net, loss_fn = network(tn.ReLU()), ScaledSquares()
        optimizer = tn.SGD(net.parameters(), lr=1e-3)
        if compiled:
            assert tn.compile(net, loss_fn, optimizer).python == []
        losses = [loss_fn(net(X), goal)]
        loader = tn.DataLoader(X, goal, batch_size=8)
        history = tn.fit(net, loss_fn, optimizer, loader, progress=False, compiled=compiled)
        loss_fn.scale += 1
        losses.append(loss_fn(net(X), goal))
        results.append((losses, history, net[0].W.data.tobytes()))
    assert results[0] == results[1]


def test_class_weights_changed_in_place_are_noticed():
    twins = [(network(tn.ReLU()), tn.NLLLoss(weight=np.ones(5))) for _ in range(2)]
    tn.compile(*twins[0], tn.SGD(twins[0][0].parameters()))
    losses = []
    for net, loss_fn in twins:
        before = loss_fn(net(X), Y)
        loss_fn.weight[:] = [1, 2, 3, 4, 5]
        losses.append((before, loss_fn(net(X), Y)))
    assert losses[0] == losses[1] and losses[0][0] != losses[0][1]


@pytest.mark.parametrize("change", ["option", "parameter", "layer", "mode"])
def test_what_is_replaced_later_is_noticed(change):
    twins = network(KernelLeaky(), KernelDropout()), network(KernelLeaky(), KernelDropout())
    tn.compile(twins[0], tn.NLLLoss(), tn.SGD(twins[0].parameters()))
    outputs = []
    for net in twins:
        net(X)
        if change == "option":
            net[2].share = 0.75
        elif change == "parameter":
            net[1].slope = tn.Parameter(np.array([2.0], np.float32))
        elif change == "layer":
            net.layers[1] = tn.ReLU()
        else:
            net[1].training = False
        outputs.append(net(X).tobytes())
    assert outputs[0] == outputs[1]


@pytest.mark.parametrize("what", ["Sequential", "NLLLoss", "Adam"])
def test_what_runs_in_python_again_says_so_once(what):
    net, loss_fn = network(KernelDropout()), tn.NLLLoss()
    optimizer = tn.Adam(net.parameters(), lr=0.01)
    tn.compile(net, loss_fn, optimizer)

    def step():
        loss_fn(net(X), Y)
        net.backward(loss_fn.backward())
        optimizer.step()

    step()
    if what == "Sequential":
        net[1].share = 0.75
    elif what == "NLLLoss":
        loss_fn.ignore_index = 3
    else:
        step()
        optimizer.eps = 1e-6
    with pytest.warns(UserWarning, match=f"{what}: .*(replaced|changed).*Call tn.compile again"):
        step()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        step()


def twins(optimizer=tn.SGD, *between):
    """Two networks with loss and optimizer: the first is compiled."""
    both = []
    for compiles in (True, False):
        net, loss_fn = network(*map(copy.deepcopy, between)), tn.NLLLoss()
        parts = net, loss_fn, optimizer(net.parameters(), lr=0.01)
        if compiles:
            tn.compile(*parts)
        both.append(parts)
    return both


def step(net, loss_fn, optimizer):
    loss = loss_fn(net(X), Y)
    optimizer.zero_grad()
    net.backward(loss_fn.backward())
    optimizer.step()
    return loss, [parameter.data.tobytes() for parameter in net.parameters()]


@pytest.mark.parametrize("optimizer", [tn.SGD, tn.Adam])
def test_a_loop_by_hand_gives_the_same_bits(optimizer):
    one, other = twins(optimizer, KernelLeaky())
    for _ in range(3):
        assert step(*one) == step(*other)


def test_a_parameter_that_sat_out_a_step_has_a_count_of_its_own():
    one, other = twins(tn.Adam, tn.ReLU())
    for net, loss_fn, optimizer in (one, other):
        loss_fn(net(X), Y)
        net.backward(loss_fn.backward())
        net[2].b.grad = None
        optimizer.step()
    for _ in range(2):
        assert step(*one) == step(*other)
    assert [state["step"] for state in one[2].state] == [3, 3, 3, 2]


def test_an_option_of_the_loss_that_is_set_later_is_noticed():
    losses = []
    for net, loss_fn, optimizer in twins():
        step(net, loss_fn, optimizer)
        loss_fn.ignore_index = 3
        losses.append(loss_fn(net(X), Y))
    assert losses[0] == losses[1]


def test_a_label_that_is_no_class_is_found_once_compiled():
    wrong = np.where(np.arange(100) == 98, 5, Y)
    for net, loss_fn, _ in twins():
        with pytest.raises(IndexError, match=r"NLLLoss: labels\[98\] = 5 is outside \[0, 5\)"):
            loss_fn(net(X), wrong)
    net = network()
    parts = net, tn.NLLLoss(), tn.SGD(net.parameters())
    with pytest.raises(IndexError, match=r"labels\[98\] = 5 is outside"):
        CompiledSteps(*parts, record_layers(net), tn.DataLoader(X, wrong, batch_size=8))


def test_a_layer_that_was_called_alone_since_goes_back_to_that_call():
    gradients = []
    for net, _, _ in twins(tn.SGD, KernelLeaky()):
        hidden = net[0].predict(X)
        net(X)
        net[1](-hidden)
        net.backward(np.ones((100, 5), np.float32))
        gradients.append([parameter.grad.tobytes() for parameter in net.parameters()])
    assert gradients[0] == gradients[1]


def above_reference(x, limit):
    return bool((x > limit).any())


@tn.kernel(above_reference)
def above(x, limit):
    found = False
    for number in x.reshape(-1):
        found |= number > limit
    return found


class Looks(tn.Module):
    """The rectifier; a batch with a huge number it passes on as it is."""

    def forward(self, x):
        y = np.empty_like(x)
        if above(x, 1e7):
            kernels.copied(x, y)
        else:
            kernels.relu(x, y)
        self.keep(y)
        return y

    def backward(self, dy):
        dy, y = self.kept(dy)
        dx = np.empty_like(y)
        kernels.relu_dx(dy, y, dx)
        return dx


@pytest.mark.slow
def test_what_a_layer_decides_by_a_kernel_is_asked_in_each_step():
    results = []
    for compiled in (True, False):
        net = tn.Sequential(Looks(), tn.Linear(20, 5, rng=0))
        huge = np.where(np.arange(100)[:, None] == 50, X * np.float32(1e9), X)
        history = tn.fit(
            *(net, tn.CrossEntropyLoss(), tn.SGD(net.parameters(), lr=1e-9)),
            tn.DataLoader(huge, Y, batch_size=8),
            progress=False,
            compiled=compiled,
        )
        results.append((history, net[1].W.data.tobytes()))
    assert results[0] == results[1]


class Pairs(tn.ReLU):
    """A rectifier that needs two rows, as a batch norm does."""

    def forward(self, x):
        if len(x) < 2:
            raise ValueError("Pairs() needs two rows")
        return super().forward(x)


@pytest.mark.slow
def test_a_layer_that_needs_two_rows_says_so_once_compiled():
    net = network(Pairs())
    parts = net, tn.NLLLoss(), tn.SGD(net.parameters())
    loader = tn.DataLoader(X[:9], Y[:9], batch_size=8)
    with pytest.raises(ValueError, match="needs two rows"):
        tn.fit(*parts, loader, progress=False, compiled=True)
    steps = CompiledSteps(*parts, record_layers(net), loader)
    taken = [len(steps.take(np.arange(9), first, 2)[0]) for first in (0, 1)]
    assert taken == [1, 0]  # the second is left to the layers
    tn.compile(*parts)
    with pytest.raises(ValueError, match="needs two rows"):
        net(X[:1])
    with pytest.raises(ValueError, match="needs two rows"):
        net.predict(X[:1])


def relu_reference(x):
    return np.where(x > 0, 2 * x, 0)


@tn.kernel(relu_reference)
def relu(x, y):
    inputs, outputs = x.reshape(-1), y.reshape(-1)
    for i in range(inputs.size):
        outputs[i] = 2 * inputs[i] if inputs[i] > 0 else 0


class Doubled(Looks):
    """Twice the rectifier, by a kernel that has the name of one of tinynet's."""

    def forward(self, x):
        y = np.empty_like(x)
        relu(x, y)
        self.keep(y)
        return y


@pytest.mark.slow
def test_two_kernels_of_one_name_are_told_apart():
    net = network(tn.ReLU(), Doubled())
    expected = net.predict(X)
    source = tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters())).source
    assert "relu(y0, y1)" in source and "relu_2(y1, y2)" in source
    assert net.predict(X).tobytes() == net(X).tobytes() == expected.tobytes()
