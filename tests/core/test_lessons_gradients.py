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
from twins import assert_gradients_agree, tensor, twin

import tinynet as tn

FFN = (784, 64, 32, 32, 10)


class Lesson(NamedTuple):
    """What a lesson trains: layer sizes, what follows the last one, the loss, and the pixels."""

    sizes: tuple[int, ...]
    last: type[tn.Module] | None
    loss: str
    prepare: Callable[[Array], Array]


def between(low: float, high: float) -> Callable[[Array], Array]:
    """Pixels scaled to this range."""
    return lambda pixels: pixels / 255 * (high - low) + low


SCRAMBLED = np.random.default_rng(0).permutation(784)

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
        layers += [tn.Linear(I, O, rng=rng, dtype=np.float64), tn.ReLU()]
    layers[-1:] = [] if lesson.last is None else [lesson.last()]
    net = tn.Sequential(*layers)
    other, leaf = twin(net), tensor(x, requires_grad=True)
    loss_fn, other_loss_fn = getattr(tn, lesson.loss)(), getattr(torch.nn, lesson.loss)()

    outputs, expected_outputs = net(x), other(leaf)
    loss, expected_loss = loss_fn(outputs, labels), other_loss_fn(expected_outputs, tensor(labels))
    expected_loss.backward()
    dx = net.backward(loss_fn.backward())

    assert_close_to_torch(outputs, expected_outputs)
    assert_close_to_torch(loss, expected_loss)
    assert_close_to_torch(dx, leaf.grad)
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
