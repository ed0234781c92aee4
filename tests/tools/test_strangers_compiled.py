"""A stranger's layers, compiled: on kernels like tinynet's own, in plain NumPy between segments."""

import copy
import warnings

import numpy as np
import pytest
from own_layers import KernelDropout, KernelLeaky, NumpyTanh

import tinynet as tn
from tinynet.compiler import steps as compiler_steps

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
    [lambda: network(KernelLeaky()), lambda: network(KernelDropout(0.3), KernelLeaky())],
    ids=["parameter", "state and option"],
)
@pytest.mark.parametrize("optimizer", [tn.SGD, tn.Adam])
def test_a_layer_on_kernels_trains_compiled_to_the_same_bits(make, optimizer):
    by_layers = trained(make(), False, optimizer=optimizer)
    assert trained(make(), True, optimizer=optimizer) == by_layers
    assert by_layers[0].train_loss[2] < by_layers[0].train_loss[0]


def test_its_kernels_stand_in_the_code_that_runs():
    net = network(KernelDropout(), KernelLeaky())
    source = tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters())).source
    assert "drop(state1, y0, 0.25, y1, mask1)" in source
    assert "leaky(y1, slope2, y2)" in source
    assert "# leaky is leaky of own_layers" in source
    assert "times(dy1, mask1, dy0)  # dy0 = dy1 * mask1" in source


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
            tn.compile(net, loss_fn, optimizer)
        losses = []
        for _ in range(3):
            losses.append(loss_fn(net(X), goal))
            net.zero_grad()
            net.backward(loss_fn.backward())
            optimizer.step()
        results.append((losses, [p.data.tobytes() for p in net.parameters()]))
    assert results[0] == results[1] and results[0][0][2] < results[0][0][0]


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
