"""Listening to parts: what is recorded of them, and what is heard to come from no kernel."""

import random

import numpy as np
import pytest
from own_layers import KernelDropout, KernelLeaky, NumpyLeaky, NumpyTanh

import tinynet as tn
from tinynet import kernels
from tinynet.compiler.part import CannotRecord, Name, Number, Use
from tinynet.compiler.recorded import record_layers, recorded_loss, recorded_updates
from tinynet.compiler.recording import record_layer
from tinynet.kernels.jit.kernel import listening

F32 = np.dtype(np.float32)


def calls(part, verb):
    return [call.kernel.name for call in part.calls[verb]]


def test_a_layer_on_kernels_is_recorded_with_its_parameter_and_its_gradient():
    part = record_layer(KernelLeaky(), (6,), dtype=F32)
    assert calls(part, "forward") == ["leaky"]
    assert calls(part, "backward") == ["leaky_dx", "leaky_dslope", "accumulate"]
    leaky = part.calls["forward"][0]
    assert leaky.operands == (
        Use(Name("input", "0")),
        Use(Name("parameter", "slope")),
        Use(Name("made", "y")),
    )
    assert part.arrays[Name("made", "y")][0] == ((1, True), (6, False))
    assert part.calls["backward"][2].operands[0] == Use(Name("gradient", "slope"))
    assert part.kept == (Use(Name("input", "0")),)


def test_state_and_options_are_inputs_of_a_recording():
    part = record_layer(KernelDropout(share=0.5), (6,), dtype=F32)
    state, _, share, *_ = part.calls["forward"][0].operands
    assert state == Use(Name("state", "state"))
    assert share == Number("literal", 0.5)


def shifted_reference(x, by):
    return x * by[0] + by[1]


@tn.kernel(shifted_reference, equation="y = x * by[0] + by[1]")
def shifted(x, by, y):
    inputs, outputs = x.reshape(-1), y.reshape(-1)
    for i in range(inputs.size):
        outputs[i] = inputs[i] * by[0] + by[1]


class Shifted(tn.Module):
    def forward(self, x):
        y = np.empty_like(x)
        shifted(x, (2, 3), y)
        self.keep()
        return y

    def backward(self, dy):
        (dy,) = self.kept(dy)
        dx = np.empty_like(dy)
        shifted(dy, (2, 0), dx)
        return dx


def test_a_kernel_is_handed_a_tuple():
    part = record_layer(Shifted(), (6,), dtype=F32)
    assert part.calls["forward"][0].operands[1] == (Number("literal", 2), Number("literal", 3))
    assert Number("literal", 3) in part.operands()
    net = tn.Sequential(tn.Linear(3, 4, rng=0), Shifted(), tn.Linear(4, 2, rng=1))
    x = np.ones((2, 3), np.float32)
    alone = net(x)
    tn.compile(net, tn.CrossEntropyLoss(), tn.SGD(net.parameters(), lr=0.1))
    assert net(x).tobytes() == alone.tobytes()


def test_the_size_of_the_batch_shows_itself():
    part = recorded_loss(tn.NLLLoss(reduction="sum"), (5,), F32, np.zeros(1, np.int64))
    (fill, _) = part.calls["backward"]
    assert fill.operands[1] == Number("N", 1)


def test_what_a_loss_looks_at_is_known():
    part = recorded_loss(tn.NLLLoss(), (5,), F32, np.zeros(1, np.int64))
    assert [call.looked_at for call in part.calls["forward"]] == [-1, None, None, None]


def test_numbers_that_change_from_step_to_step_are_known():
    net = tn.Sequential(tn.Linear(3, 2, rng=0))
    updates = recorded_updates(net, tn.AdamW(net.parameters(), lr=0.25))
    kinds = {
        (call.kernel.name, parameter): operand
        for call in updates.parts[0].calls["update"]
        for parameter, operand in zip(call.kernel.parameters, call.operands, strict=True)
    }
    assert kinds["descend", "lr"] == kinds["shrink", "lr"] == Number("lr", None)
    assert kinds["adam_direction", "t"] == Number("t", None)
    assert kinds["adam_direction", "beta2"] == Number("literal", 0.999)
    assert (updates.memories, updates.counts) == (("mean", "square"), ("step",))


def test_the_step_in_which_memories_begin_is_the_layers():
    for make in (tn.AdamW, lambda p: tn.SGD(p, momentum=0.9, dampening=0.5)):
        net = tn.Sequential(tn.Linear(3, 2, rng=0))
        optimizer = make(net.parameters())
        updates = recorded_updates(net, optimizer)
        assert not updates.have_begun()  # SGD's first velocity is the gradient, not dampened
        optimizer.step()
        assert updates.have_begun()
        optimizer.parameters[0].grad = None
        optimizer.step()
        assert updates.have_begun()
        assert updates.steps().tolist() == ([1, 2] if make is tn.AdamW else [])


class OnKernels(tn.Module):
    """The rectifier; subclasses spoil it."""

    def forward(self, x):
        y = np.empty_like(x)
        kernels.relu(x, y)
        self.keep(y)
        return y

    def backward(self, dy):
        dy, y = self.kept(dy)
        dx = np.empty_like(y)
        kernels.relu_dx(dy, y, dx)
        return dx


class ChangesInPlace(OnKernels):
    def forward(self, x):
        y = super().forward(x)
        y *= 2
        return y


class ReadsAhead(OnKernels):
    def forward(self, x):
        y = np.empty_like(x)
        kernels.relu(x + 1, y)
        self.keep(y)
        return y


class NumberOfTheData(OnKernels):
    def forward(self, x):
        y = np.empty_like(x)
        kernels.add_scaled(x, x, float(x.max()), y)
        self.keep(y)
        return y


class ByTheData(OnKernels):
    def forward(self, x):
        if x.max() > 100:
            return super().forward(x)
        y = np.empty_like(x)
        kernels.copied(x, y)
        self.keep(y)
        return y


class Counts(OnKernels):
    calls = None

    def forward(self, x):
        self.calls = len(x) if self.calls is None else self.calls + 1
        return super().forward(x)


class Columns(OnKernels):
    def forward(self, x):
        y = np.empty_like(x)
        kernels.relu(x[:, :2], y[:, :2])
        self.keep(y)
        return y


class Rows(OnKernels):
    def forward(self, x):
        y = np.empty_like(x)
        kernels.relu(x[:4], y[:4])
        self.keep(y)
        return y


class OfItsParameter(OnKernels):
    def __init__(self):
        self.p = tn.Parameter(np.ones(6, np.float32))

    def forward(self, x):
        y = np.empty_like(x)
        kernels.linear(x, np.diag(self.p.data), np.zeros(6, np.float32), y)
        self.keep(y)
        return y


class AddsByNumpy(OfItsParameter):
    def forward(self, x):
        return OnKernels.forward(self, x)

    def backward(self, dy):
        self.p.grad += 1
        return super().backward(dy)


class Noise:
    def __init__(self):
        self.rng = np.random.default_rng(0)


class OfAGenerator(OnKernels):
    """A number that changes with each call, and not with the input."""

    def __init__(self):
        self.rng, self.inside, self.calls = np.random.default_rng(0), Noise(), [0]

    def factor(self):
        return float(self.rng.random())

    def forward(self, x):
        y = np.empty_like(x)
        kernels.add_scaled(x, x, self.factor(), y)
        self.keep(y)
        return y


class OfAnObject(OfAGenerator):
    def factor(self):
        return float(self.inside.rng.random())


class OfAListOfCounts(OfAGenerator):
    def factor(self):
        self.calls[0] += 1
        return float(self.calls[0])


class AsBits(OnKernels):
    def forward(self, x):
        bits = np.empty(x.shape, np.int32)
        kernels.copied(x.view(np.int32), bits)
        kernels.relu(x, y := np.empty_like(x))
        self.keep(y)
        return y


class OutOfNumpy(OnKernels):
    def backward(self, dy):
        return super().backward(dy) * 1


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (NumpyTanh(), "comes from NumPy, not from a kernel"),
        (NumpyLeaky(), "comes from NumPy, not from a kernel"),
        (ChangesInPlace(), "the array y is changed by NumPy"),
        (ReadsAhead(), "the array x comes from NumPy|changes with other inputs|comes from NumPy"),
        (NumberOfTheData(), "the number factor of add_scaled changes with the input"),
        (ByTheData(), "it calls other kernels with other inputs"),
        (Counts(), "it sets its attribute calls anew with each batch"),
        (Columns(), "not C-contiguous|a part of an array"),
        (Rows(), "a part of an array"),
        (OfItsParameter(), "the array W comes from NumPy"),
        (AddsByNumpy(), r"gradient p is changed by NumPy.*call self\.p\.accumulate"),
        (OfAGenerator(), "the number factor of add_scaled changes"),
        (OfAnObject(), "the number factor of add_scaled changes"),
        (OfAListOfCounts(), "the number factor of add_scaled changes"),
        (AsBits(), "read as another dtype"),
        (OutOfNumpy(), "comes from NumPy, not from a kernel"),
        (tn.Softmax(axis=0), "comes from NumPy, not from a kernel"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, tn.Module) else "",
)
def test_what_comes_from_no_kernel_is_heard(layer, reason):
    with pytest.raises(CannotRecord, match=reason):
        record_layer(layer, (6,), dtype=F32)


def test_nothing_of_the_part_itself_is_changed():
    layer = KernelDropout()
    layer.keep(3)
    record_layer(layer, (6,), dtype=F32)
    assert layer.state.tolist() == [1] and layer._kept == (3,)


class NoisyStep(tn.SGD):
    def __init__(self, parameters, lr):
        super().__init__(parameters, lr)
        self.rng = np.random.default_rng(0)

    def update(self, w, g, state):
        kernels.descend(w, g, self.lr * float(self.rng.random()))


def test_recording_an_optimizer_draws_nothing_from_its_generator():
    net = tn.Sequential(tn.Linear(3, 2, rng=0))
    optimizer = NoisyStep(net.parameters(), lr=0.1)
    with pytest.raises(CannotRecord, match="the number lr of descend changes"):
        recorded_updates(net, optimizer)
    assert optimizer.rng.random() == np.random.default_rng(0).random()


class OfTheGlobalGenerators(OfAGenerator):
    def factor(self):
        return random.random() + float(np.random.rand())  # noqa: NPY002


def test_recording_leaves_the_global_generators_as_they_were():
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002
    expected = random.Random(1).random(), np.random.RandomState(1).rand()
    net = tn.Sequential(tn.Linear(6, 6, rng=0), OfTheGlobalGenerators())
    layers = record_layers(net)
    assert "the number factor of add_scaled changes" in layers[1].reason
    assert (random.random(), np.random.rand()) == expected  # noqa: NPY002


class OwnStep(tn.SGD):
    def step(self):
        super().step()


class NumpyStep(tn.Optimizer):
    def update(self, w, g, state):
        w -= self.lr * g


class NumpyDecay(tn.Optimizer):
    def update(self, w, g, state):
        w *= 0.99
        kernels.descend(w, g, self.lr)


class Forgets(tn.SGD):
    def update(self, w, g, state):
        state["now"] = np.empty_like(w)
        kernels.copied(g, state["now"])
        kernels.descend(w, state["now"], self.lr)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (OwnStep, "OwnStep has its own step"),
        (NumpyStep, "NumpyStep: input w is changed by NumPy"),
        (NumpyDecay, "NumpyDecay: input w is changed by NumPy"),
        (Forgets, "Forgets: it makes new arrays to remember"),
    ],
)
def test_an_optimizer_that_cannot_be_recorded_is_named(kind, reason):
    net = tn.Sequential(tn.Linear(3, 2, rng=0))
    with pytest.raises(CannotRecord, match=reason):
        recorded_updates(net, kind(net.parameters(), lr=0.1))


def test_what_is_remembered_of_a_part_is_of_its_options():
    """Recordings of tinynet's parts are used again, for parts with the same options only."""
    net = tn.Sequential(tn.Linear(3, 2, rng=0))
    kinds = [
        [call.kernel.name for call in recorded_updates(net, optimizer).parts[0].calls["update"]]
        for nesterov in (False, True)
        for optimizer in [tn.SGD(net.parameters(), momentum=0.9, nesterov=nesterov)]
    ]
    assert kinds == [["track_velocity", "descend"], ["track_velocity", "add_scaled", "descend"]]
    for weight in ([1.0, 2.0], [3.0, 4.0]):
        part = recorded_loss(tn.NLLLoss(weight=weight), (2,), F32, np.zeros(1, np.int64))
        assert [array.tolist() for array in part.constants.values()] == [weight]


def test_a_parameter_of_another_network_is_named():
    net = tn.Sequential(tn.Linear(3, 2, rng=0))
    optimizer = tn.SGD([*net.parameters(), tn.Parameter(np.zeros(2, np.float32))])
    with pytest.raises(CannotRecord, match=r"optimizer\.parameters\[2\] is not the network's"):
        recorded_updates(net, optimizer)


def test_a_listener_hears_what_its_thread_calls_and_nothing_after():
    heard = []
    x, y = np.ones((2, 3), np.float32), np.zeros((2, 3), np.float32)
    with listening(lambda kernel, arguments: heard.append((kernel, arguments))):
        kernels.relu(x, y)
    assert heard == [(kernels.relu, (x, y))] and not y.any()
    kernels.relu(x, y)
    assert len(heard) == 1 and y.all()
