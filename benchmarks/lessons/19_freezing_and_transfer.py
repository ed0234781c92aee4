"""Lesson 19 in PyTorch: layers frozen for half of a run, and convolutions from another network."""

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

import tinynet as tn

HALF = 50
WAYS = ("copied and frozen", "copied", "from scratch", "random and frozen")
NUMBERS = (3, 10, 30, 100)
DRAWS = 3


def ffn() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU()),
        *(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)),
    )


def cnn(classes: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        *(nn.Conv2d(1, 10, 5, padding=1), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(10, 20, 5, padding=1), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(500, 50), nn.ReLU(), nn.Linear(50, classes)),
    )


def learn(
    net: nn.Sequential,
    optimizer: torch.optim.Optimizer,
    X: Tensor,
    y: Tensor,
    batch: int,
    steps: int,
) -> None:
    loss_fn = nn.CrossEntropyLoss()
    per_epoch = max(1, len(X) // batch)
    for step in range(steps):
        if step % per_epoch == 0:
            order = torch.randperm(len(X))
        rows = order[step % per_epoch * batch :][:batch]
        optimizer.zero_grad()
        loss_fn(net(X[rows]), y[rows]).backward()
        optimizer.step()


@torch.no_grad()
def accuracy(net: nn.Module, X: Tensor, y: Tensor) -> float:
    return 100 * float((net(X).argmax(dim=1) == y).double().mean())


def freezing(places: tuple[int, ...], data: list[Tensor]) -> tuple[float, float]:
    """Test accuracy halfway and at the end."""
    X, X_test, y, y_test = data
    net = ffn()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001)
    scores = []
    for learns in (False, True):
        for place in places:
            net[place].requires_grad_(learns)
        learn(net, optimizer, X, y, 32, HALF * (len(X) // 32))
        scores.append(accuracy(net, X_test, y_test))
    return scores[0], scores[1]


def transfer(source: nn.Sequential, data: list[Tensor]) -> dict[str, Tensor]:
    """Test accuracies by number of samples, for each way."""
    X, X_test, y, y_test = data
    scores = torch.zeros(len(WAYS), len(NUMBERS), DRAWS)
    for j, number in enumerate(NUMBERS):
        for draw in range(DRAWS):
            kinds = [torch.where(y == k)[0] for k in range(5)]
            rows = torch.cat([kind[torch.randperm(len(kind))[:number]] for kind in kinds])
            for i, way in enumerate(WAYS):
                net = cnn(5)
                if way.startswith("copied"):
                    net[:7].load_state_dict(source[:7].state_dict())
                if way.endswith("frozen"):
                    net[:7].requires_grad_(False)
                optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
                learn(net, optimizer, X[rows], y[rows], 25, 400)
                scores[i, j, draw] = accuracy(net, X_test, y_test)
    return dict(zip(WAYS, scores.mean(dim=2), strict=True))


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    digits = tn.datasets.mnist_small()
    pixels = digits.images / np.float32(255)
    parts = train_test_split(pixels, digits.labels, test_size=0.1, random_state=seed)
    data = [torch.from_numpy(part) for part in parts]
    hidden, output = freezing((0, 2, 4), data), freezing((6,), data)

    X, X_test, y, y_test = data
    source = cnn(5)
    optimizer = torch.optim.Adam(source.parameters(), lr=0.001)
    learn(source, optimizer, X[y < 5], y[y < 5], 25, 1500)
    high, high_test = y >= 5, y_test >= 5
    scores = transfer(source, [X[high], X_test[high_test], y[high] - 5, y_test[high_test] - 5])
    frozen, _, scratch, random = (float(scores[way].mean()) for way in WAYS)
    return {
        "hidden layers frozen, halfway (%)": hidden[0],
        "hidden layers frozen, at the end (%)": hidden[1],
        "output layer frozen, halfway (%)": output[0],
        "10 of each, copied and frozen (%)": float(scores["copied and frozen"][1]),
        "10 of each, from scratch (%)": float(scores["from scratch"][1]),
        "copied and frozen or from scratch (points)": frozen - scratch,
        "copied and frozen or random (points)": frozen - random,
    }
