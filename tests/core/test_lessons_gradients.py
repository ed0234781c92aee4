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
