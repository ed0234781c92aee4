"""Every lesson's network has PyTorch's gradients, on the first real digits and in float64.

A new lesson joins by one line in ``LESSONS``.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
import torch
from strategies import Array, assert_close_to_torch
from twins import assert_agrees_with_torch, assert_gradients_agree, tensor, twin

import tinynet as tn

FFN = (784, 64, 32, 32, 10)
TEN_LAYERS = (784, *[64] * 9, 10)


class Lesson(NamedTuple):
    """What a lesson trains: sizes, what follows the last layer, loss, pixels, and activation."""

    sizes: tuple[int, ...]
    last: type[tn.Module] | None
    loss: str
    prepare: Callable[[Array], Array]
    activation: Callable[[], tn.Module] = tn.ReLU


def between(low: float, high: float) -> Callable[[Array], Array]:
    """Pixels scaled to this range."""
    return lambda pixels: pixels / 255 * (high - low) + low


SCRAMBLED = np.random.default_rng(0).permutation(784)
NOISE = np.random.default_rng(0).random((32, 784)) / 2

LESSONS = {
    "02 linear classifier": Lesson((784, 10), tn.LogSoftmax, "NLLLoss", between(0, 1)),
    "03 log-softmax": Lesson(FFN, tn.LogSoftmax, "NLLLoss", between(0, 1)),
    "04 softmax": Lesson(FFN, tn.Softmax, "NLLLoss", between(0, 1)),
    "05 binarized": Lesson(FFN, tn.LogSoftmax, "NLLLoss", lambda pixels: 1.0 * (pixels > 0)),
    "05 inverted": Lesson(FFN, tn.LogSoftmax, "NLLLoss", between(1, 0)),
    "06 0..1": Lesson(FFN, None, "CrossEntropyLoss", between(0, 1)),
    "06 0..255": Lesson(FFN, None, "CrossEntropyLoss", between(0, 255)),
    "06 -1..0": Lesson(FFN, None, "CrossEntropyLoss", between(-1, 0)),
    "06 10..15": Lesson(FFN, None, "CrossEntropyLoss", between(10, 15)),
    "12 broad": Lesson((784, 250, 10), tn.LogSoftmax, "NLLLoss", between(0, 1)),
    "12 deep": Lesson((784, 50, 50, 50, 10), tn.LogSoftmax, "NLLLoss", between(0, 1)),
    "13 scrambled": Lesson(
        FFN, tn.LogSoftmax, "NLLLoss", lambda pixels: pixels[:, SCRAMBLED] / 255
    ),
    "17 Sigmoid": Lesson(TEN_LAYERS, None, "CrossEntropyLoss", between(0, 1), tn.Sigmoid),
    "17 Tanh": Lesson(TEN_LAYERS, None, "CrossEntropyLoss", between(0, 1), tn.Tanh),
    "17 ReLU": Lesson(TEN_LAYERS, None, "CrossEntropyLoss", between(0, 1)),
    "17 LeakyReLU": Lesson(
        TEN_LAYERS, None, "CrossEntropyLoss", between(0, 1), lambda: tn.LeakyReLU(0.1)
    ),
    "18 noise": Lesson(FFN, None, "CrossEntropyLoss", lambda pixels: pixels / 255 + NOISE),
}


@pytest.fixture(scope="module")
def first_batch():
    digits = tn.datasets.mnist_small()
    return digits.images[:32].astype(np.float64), digits.labels[:32]


@pytest.mark.parametrize("lesson", LESSONS.values(), ids=LESSONS)
def test_all_gradients_of_the_first_batch(lesson, first_batch):
    pixels, labels = first_batch
    x = lesson.prepare(pixels)
    rng = np.random.default_rng(0)
    layers: list[tn.Module] = []
    for I, O in zip(lesson.sizes, lesson.sizes[1:]):
        layers += [tn.Linear(I, O, rng=rng, dtype=np.float64), lesson.activation()]
    layers[-1:] = [] if lesson.last is None else [lesson.last()]
    assert_all_gradients_agree(tn.Sequential(*layers), lesson.loss, x, labels)


def test_a_frozen_layer_of_lesson_19(first_batch):
    pixels, labels = first_batch
    net = tn.Sequential(
        *(tn.Linear(784, 64, rng=0, dtype=np.float64), tn.ReLU()),
        *(tn.Linear(64, 32, rng=1, dtype=np.float64), tn.ReLU()),
        tn.Linear(32, 10, rng=2, dtype=np.float64),
    )
    net[2].requires_grad_(False)
    other = tn.to_torch(net)
    torch.nn.CrossEntropyLoss()(other(tensor(pixels / 255)), tensor(labels)).backward()
    loss_fn = tn.CrossEntropyLoss()
    loss_fn(net(pixels / 255), labels)
    net.backward(loss_fn.backward())
    for place in (0, 4):
        assert_close_to_torch(net[place].W.grad, other[place].weight.grad.T)
        assert_close_to_torch(net[place].b.grad, other[place].bias.grad)
    assert net[2].W.grad is net[2].b.grad is other[2].weight.grad is other[2].bias.grad is None


def test_the_convolutional_network_of_lesson_24(first_batch):
    pixels, labels = first_batch
    rng = np.random.default_rng(0)
    options = {"rng": rng, "dtype": np.float64}
    net = tn.Sequential(
        tn.Unflatten(1, (1, 28, 28)),
        *(tn.Conv2d(1, 10, 5, padding=1, **options), tn.MaxPool2d(2), tn.ReLU()),
        *(tn.Conv2d(10, 20, 5, padding=1, **options), tn.MaxPool2d(2), tn.ReLU()),
        *(tn.Flatten(), tn.Linear(500, 50, **options), tn.ReLU(), tn.Linear(50, 10, **options)),
    )
    assert_all_gradients_agree(net, "CrossEntropyLoss", between(0, 1)(pixels), labels)


def assert_all_gradients_agree(net: tn.Sequential, loss: str, x: Array, labels: Array) -> None:
    other, leaf = twin(net), tensor(x, requires_grad=True)
    loss_fn, other_loss_fn = getattr(tn, loss)(), getattr(torch.nn, loss)()

    outputs, expected_outputs = net(x), other(leaf)
    value, expected = loss_fn(outputs, labels), other_loss_fn(expected_outputs, tensor(labels))
    expected.backward()
    dx = net.backward(loss_fn.backward())

    assert_close_to_torch(outputs, expected_outputs)
    assert_close_to_torch(value, expected)
    assert_close_to_torch(dx, leaf.grad)
    assert_gradients_agree(net, other)


@pytest.mark.parametrize("sizes", [(1, 1), (1, 32, 32, 1)])
def test_the_line_and_the_network_of_lesson_22(sizes):
    rng = np.random.default_rng(0)
    x, y = rng.uniform(-3, 3, size=(20, 1)), rng.normal(size=(20, 1))
    layers: list[tn.Module] = []
    for I, O in pairwise(sizes):
        layers += [tn.Linear(I, O, rng=rng, dtype=np.float64), tn.ReLU()]
    net = tn.Sequential(*layers[:-1])
    other, loss_fn = twin(net), tn.MSELoss()
    loss, expected_loss = loss_fn(net(x), y), torch.nn.MSELoss()(other(tensor(x)), tensor(y))
    expected_loss.backward()
    net.backward(loss_fn.backward())
    assert_close_to_torch(loss, expected_loss)
    assert_gradients_agree(net, other)


def test_the_step_of_lesson_16():
    X, labels = np.array([[1.0, 0], [0, 1], [1, 1], [-1, 1]]), np.array([0, 0, 1, 1])
    net = tn.Sequential(
        *(tn.Linear(2, 3, dtype=np.float64), tn.ReLU()),
        *(tn.Linear(3, 2, dtype=np.float64), tn.LogSoftmax()),
    )
    net[0].W.data[:], net[0].b.data[:] = [[1, -1, 1], [1, 1, -1]], [-0.5, 0.5, 0.5]
    net[2].W.data[:], net[2].b.data[:] = [[1, -1], [0, 1], [1, 0]], 0
    other = twin(net)
    optimizer = torch.optim.SGD(other.parameters(), lr=0.5)
    losses = []
    for _ in range(2):
        optimizer.zero_grad()
        loss = torch.nn.NLLLoss()(other(tensor(X)), tensor(labels))
        loss.backward()
        losses.append(round(loss.item(), 2))
        optimizer.step()
    assert losses == [1.05, 0.79]  # what examples/run_all.py says of PyTorch
    step = tn.SGD(net.parameters(), lr=0.5)
    traced = tn.trace(net, tn.NLLLoss(), X, labels, step, steps=2)
    assert [round(each.loss, 2) for each in traced.steps] == losses


@pytest.mark.parametrize("tied", [False, True])
def test_the_autoencoders_of_lesson_23(tied, first_batch):
    x, rng = first_batch[0] / 255, np.random.default_rng(0)
    outer, inner, up, out = (
        tn.Linear(I, O, rng=rng, dtype=np.float64)
        for I, O in ((784, 250), (250, 50), (50, 250), (250, 784))
    )
    if tied:
        up, out = inner.transposed(rng=rng), outer.transposed(rng=rng)
    net = tn.Sequential(
        *(outer, tn.ReLU(), inner, tn.ReLU(), up, tn.ReLU(), out),
        tn.Sigmoid(),
    )
    loss_fn = tn.MSELoss()
    loss = loss_fn(net(x), x)
    net.backward(loss_fn.backward())

    leaves = {
        id(p): tensor(p.data, requires_grad=True) for layer in net[::2] for p in (layer.W, layer.b)
    }
    y = tensor(x)
    for layer, activation in zip(net[::2], (torch.relu,) * 3 + (torch.sigmoid,)):
        W = leaves[id(layer.W)]
        y = activation(y @ (W.T if tied and layer in (up, out) else W) + leaves[id(layer.b)])
    expected = torch.nn.functional.mse_loss(y, tensor(x))
    expected.backward()
    assert len(leaves) == len(list(net.parameters())) == (6 if tied else 8)
    assert_close_to_torch(loss, expected)
    for parameter in net.parameters():
        assert_close_to_torch(parameter.grad, leaves[id(parameter)].grad)


def test_the_network_of_lesson_26(first_batch):
    pixels, labels = first_batch
    rng = np.random.default_rng(0)
    layers: list[tn.Module] = []
    for I in (784, *[32] * 9):
        linear = tn.Linear(I, 32, bias=False, rng=rng, dtype=np.float64)
        layers += [linear, tn.BatchNorm1d(32, dtype=np.float64), tn.ReLU()]
    net = tn.Sequential(*layers, tn.Linear(32, 10, rng=rng, dtype=np.float64))
    loss_fn, x = tn.CrossEntropyLoss(), pixels / 255
    loss_fn(net(x), labels)
    dy = loss_fn.backward()
    net.zero_grad()
    assert_agrees_with_torch(net, dy, x)


LESSON_21 = {
    "one layer": ((2, 1), tn.Sigmoid, "BCELoss"),
    "8 hidden units": ((2, 8, 1), None, "BCEWithLogitsLoss"),
    "as most try first": ((2, 2, 1), tn.Sigmoid, "MSELoss"),
    "mended": ((2, 8, 1), tn.Sigmoid, "BCELoss"),
}


@pytest.mark.parametrize("sizes, last, loss", LESSON_21.values(), ids=LESSON_21)
def test_the_networks_of_lesson_21(sizes, last, loss):
    rng = np.random.default_rng(0)
    layers: list[tn.Module] = []
    for I, O in pairwise(sizes):
        layers += [tn.Linear(I, O, rng=rng, dtype=np.float64), tn.Tanh()]
    layers[-1:] = [] if last is None else [last()]
    net = tn.Sequential(*layers)
    x, target = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
    other, leaf = twin(net), tensor(x, requires_grad=True)
    loss_fn = getattr(tn, loss)()
    value, expected = (
        loss_fn(net(x), target),
        getattr(torch.nn, loss)()(other(leaf), tensor(target)),
    )
    expected.backward()
    assert_close_to_torch(value, expected)
    assert_close_to_torch(net.backward(loss_fn.backward()), leaf.grad)
    assert_gradients_agree(net, other)


@pytest.mark.parametrize("l1", [0, 1e-4], ids=["no remedy, dropout and decay", "L1"])
def test_the_network_of_lesson_20(l1, first_batch):
    """Dropout in PyTorch is given tinynet's masks, since both draw their own."""
    pixels, labels = first_batch
    x, rng, p = pixels / 255, np.random.default_rng(0), (0.2, 0.5, 0.5)
    linears = [tn.Linear(I, O, rng=rng, dtype=np.float64) for I, O in pairwise((784, 256, 128, 10))]
    drops = [tn.Dropout(each, rng=rng) for each in p]
    net = tn.Sequential(
        *(drops[0], linears[0], tn.ReLU(), drops[1], linears[1], tn.ReLU(), drops[2], linears[2])
    )
    copies = [tn.Dropout(drop.p) for drop in drops]
    for drop, copied in zip(drops, copies):
        copied.state = drop.state.copy()
    masks = [
        tensor(copied(np.ones((len(x), size)))) for copied, size in zip(copies, (784, 256, 128))
    ]
    other = twin(tn.Sequential(*linears))
    leaf = tensor(x, requires_grad=True)
    hidden = torch.relu(other[0](leaf * masks[0])) * masks[1]
    outputs = other[2](torch.relu(other[1](hidden)) * masks[2])
    loss = torch.nn.CrossEntropyLoss()(outputs, tensor(labels))
    penalty = l1 * sum(w.abs().sum() for w in other.parameters())
    (loss + penalty).backward()

    loss_fn = tn.CrossEntropyLoss()
    assert_close_to_torch(loss_fn(net(x), labels), loss)
    assert_close_to_torch(net.backward(loss_fn.backward()), leaf.grad)
    for parameter in net.parameters():
        parameter.grad += l1 * np.sign(parameter.data)
    assert_gradients_agree(tn.Sequential(*linears), other)


def test_the_gradient_of_lesson_25_goes_through_one_network_into_the_other():
    rng = np.random.default_rng(0)

    def network(*sizes: int, last: tn.Module) -> tn.Sequential:
        layers: list[tn.Module] = []
        for I, O in pairwise(sizes):
            layers += [tn.Linear(I, O, rng=rng, dtype=np.float64), tn.LeakyReLU(0.2)]
        return tn.Sequential(*layers[:-1], last)

    G = network(64, 256, 256, 784, last=tn.Tanh())
    D = network(784, 256, 256, 1, last=tn.Sigmoid())
    other_G, other_D = twin(G), twin(D)
    noise, real = rng.standard_normal((100, 64)), np.ones((100, 1))
    loss_fn = tn.BCELoss()
    loss = loss_fn(D(G(noise)), real)
    expected_loss = torch.nn.BCELoss()(other_D(other_G(tensor(noise))), tensor(real))
    expected_loss.backward()

    G.backward(D.backward(loss_fn.backward()))

    assert_close_to_torch(loss, expected_loss)
    assert_gradients_agree(G, other_G)
    assert_gradients_agree(D, other_D)
