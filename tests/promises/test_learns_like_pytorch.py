"""Networks of the course learn what PyTorch's learn: the same first weights, the same batches.

Three seeds each, on digits that come with tinynet. Both compute in float32 and add in other orders,
so that the weights drift apart. How far that may go, the seeds say: other first weights and another
order of the digits change the test loss, too. A difference that is small beside that is none that
anybody could see; a forgotten term, another epsilon or another default is larger. With Dropout both
draw masks of their own, so that they may differ more, but still less than two seeds do: without the
factor 1 / (1 - p), the loss is off by four times the seeds' standard deviation.
"""

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch

import tinynet as tn

pytestmark = pytest.mark.slow
SEEDS, EPOCHS, BATCH = (0, 1, 2), 3, 32
TRAINED, TESTED = 6000, 2000


class Learned(NamedTuple):
    """What a network has learned, by tinynet and by PyTorch: for each seed one number."""

    ours: np.ndarray
    theirs: np.ndarray

    def assert_same(self, share: float) -> None:
        """The two differ by no more than this share of the seeds' standard deviation."""
        spread = self.theirs.std(ddof=1)
        assert spread > 0
        differences = np.abs(self.ours - self.theirs)
        assert differences.max() <= share * spread, (self, spread)


@pytest.fixture(scope="module")
def digits() -> tuple[np.ndarray, np.ndarray]:
    small = tn.datasets.mnist_small()
    chosen = slice(0, TRAINED + TESTED)
    X = tn.data.minmax_scale(small.images[chosen], 0, 255).reshape(-1, 784)
    return X, small.labels[chosen]


@pytest.fixture(autouse=True)
def one_thread() -> Any:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def both(net, parts, their_parts, X, y, seed, epochs=EPOCHS):
    """Train `net` and its copy in PyTorch on the same batches; return both."""
    module = tn.to_torch(net).train()
    loss_fn, optimizer = parts(net)
    their_loss_fn, their_optimizer = their_parts(module)
    loader = tn.DataLoader(X, y, batch_size=BATCH, shuffle=True, rng=seed)
    again = tn.DataLoader(X, y, batch_size=BATCH, shuffle=True, rng=seed)
    tn.fit(net, loss_fn, optimizer, loader, epochs=epochs, progress=False)
    for _ in range(epochs):
        for xb, yb in again:
            loss = their_loss_fn(module(torch.tensor(xb)), torch.tensor(yb))
            their_optimizer.zero_grad()
            loss.backward()
            their_optimizer.step()
    return loss_fn, module.eval(), their_loss_fn


def test_the_autoencoder(digits):
    X = digits[0]
    losses = []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        net = tn.Sequential(
            *(tn.Linear(784, 250, rng=rng), tn.ReLU(), tn.Linear(250, 50, rng=rng), tn.ReLU()),
            *(tn.Linear(50, 250, rng=rng), tn.ReLU(), tn.Linear(250, 784, rng=rng), tn.Sigmoid()),
        )
        train, test = X[:TRAINED], X[TRAINED:]
        loss_fn, module, their_loss_fn = both(
            net,
            lambda net: (tn.MSELoss(), tn.Adam(net.parameters(), lr=0.001)),
            lambda module: (torch.nn.MSELoss(), torch.optim.Adam(module.parameters(), lr=0.001)),
            *(train, train, seed),
        )
        with torch.no_grad():
            theirs = float(their_loss_fn(module(torch.tensor(test)), torch.tensor(test)))
        losses.append((tn.evaluate(net, loss_fn, test, test)[0], theirs))
    learned = Learned(*np.transpose(losses))
    assert learned.ours.max() < 0.4 * test.var()  # it has learned more than the mean digit
    learned.assert_same(share=0.1)


def verdicts(net, module, loss_fn, their_loss_fn, X, y):
    """Loss and accuracy of the two on digits that they have not seen, ours and theirs of each."""
    with torch.no_grad():
        outputs, target = module(torch.tensor(X)), torch.tensor(y)
    loss, accuracy = tn.evaluate(net, loss_fn, X, y)
    right = (outputs.argmax(dim=1) == target).float().mean()
    return (loss, float(their_loss_fn(outputs, target))), (accuracy, 100 * float(right))


def lesson(digits, between):
    """Test loss and accuracy of the main lesson's network, with what stands between its layers."""
    X, y = digits
    train, test = slice(0, TRAINED), slice(TRAINED, None)
    losses, accuracies = [], []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        layers: list[tn.Module] = []
        for I, O in pairwise((784, 64, 32, 32)):
            layers += [tn.Linear(I, O, rng=rng), *between(O, rng)]
        net = tn.Sequential(*layers, tn.Linear(32, 10, rng=rng), tn.LogSoftmax())
        torch.manual_seed(seed)
        loss_fn, module, their_loss_fn = both(
            net,
            lambda net: (tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.1)),
            lambda module: (torch.nn.NLLLoss(), torch.optim.SGD(module.parameters(), lr=0.1)),
            *(X[train], y[train], seed),
        )
        loss, accuracy = verdicts(net, module, loss_fn, their_loss_fn, X[test], y[test])
        losses.append(loss)
        accuracies.append(accuracy)
    return Learned(*np.transpose(losses)), Learned(*np.transpose(accuracies))


def test_the_lesson_s_network_with_dropout(digits):
    def between(width, rng):
        return [tn.ReLU(), tn.Dropout(0.2, rng=rng)]

    losses, accuracies = lesson(digits, between)
    assert accuracies.ours.min() > 80
    losses.assert_same(share=0.5)  # seed by seed: first weights and batches are the same
    accuracies.assert_same(share=1)


def test_the_lesson_s_network_with_batch_norm(digits):
    losses, accuracies = lesson(digits, lambda width, rng: [tn.BatchNorm1d(width), tn.ReLU()])
    assert accuracies.ours.min() > 80
    losses.assert_same(share=0.2)
    accuracies.assert_same(share=0.2)


def test_the_course_s_cnn(digits):
    X, y = digits
    train, test = slice(0, 2000), slice(TRAINED, None)  # PyTorch takes two seconds for 1,000
    losses, accuracies = [], []
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        net = tn.Sequential(
            tn.Unflatten(1, (1, 28, 28)),
            *(tn.Conv2d(1, 10, 5, padding=1, rng=rng), tn.MaxPool2d(2), tn.ReLU()),
            *(tn.Conv2d(10, 20, 5, padding=1, rng=rng), tn.MaxPool2d(2), tn.ReLU()),
            *(tn.Flatten(), tn.Linear(500, 50, rng=rng), tn.ReLU(), tn.Linear(50, 10, rng=rng)),
        )
        loss_fn, module, their_loss_fn = both(
            net,
            lambda net: (tn.CrossEntropyLoss(), tn.Adam(net.parameters(), lr=0.001)),
            lambda module: (
                torch.nn.CrossEntropyLoss(),
                torch.optim.Adam(module.parameters(), lr=0.001),
            ),
            *(X[train], y[train], seed, 2),
        )
        loss, accuracy = verdicts(net, module, loss_fn, their_loss_fn, X[test], y[test])
        losses.append(loss)
        accuracies.append(accuracy)
    losses, accuracies = Learned(*np.transpose(losses)), Learned(*np.transpose(accuracies))
    assert accuracies.ours.min() > 80
    losses.assert_same(share=0.2)
    accuracies.assert_same(share=0.5)
