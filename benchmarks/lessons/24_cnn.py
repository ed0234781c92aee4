"""Lesson 24 in PyTorch: linear, feed-forward, convolutional; moved, rolled and flipped digits."""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import tinynet as tn

Transform = Callable[[Tensor], Tensor]

EPOCHS = 10


def ffn() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU()),
        *(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)),
    )


def cnn() -> nn.Sequential:
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        *(nn.Conv2d(1, 10, 5, padding=1), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(10, 20, 5, padding=1), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(500, 50), nn.ReLU(), nn.Linear(50, 10)),
    )


def moved(x: Tensor, far: int) -> Tensor:
    steps = torch.randint(-far, far + 1, (len(x), 2)).tolist()
    pictures = zip(x.reshape(-1, 28, 28), steps, strict=True)
    return torch.stack([torch.roll(p, step, (0, 1)) for p, step in pictures]).reshape(-1, 784)


def upside_down(x: Tensor) -> Tensor:
    return x.reshape(-1, 28, 28).flip(1).reshape(-1, 784)


def flipped(x: Tensor) -> Tensor:
    return torch.where(torch.rand(len(x), 1) < 0.5, upside_down(x), x)


def learn(
    net: nn.Sequential,
    X: Tensor,
    y: Tensor,
    epochs: int = EPOCHS,
    transform: Transform | None = None,
    cosine: bool = False,
) -> nn.Sequential:
    batches = DataLoader(TensorDataset(X, y), batch_size=32, shuffle=True, drop_last=True)
    loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters(), lr=0.001)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for xb, yb in batches:
            optimizer.zero_grad()
            loss_fn(net(xb if transform is None else transform(xb)), yb).backward()
            optimizer.step()
        if cosine:
            schedule.step()
    return net


@torch.no_grad()
def accuracy(net: nn.Module, X: Tensor, y: Tensor) -> float:
    return 100 * float((net(X).argmax(dim=1) == y).double().mean())


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    digits = tn.datasets.mnist_small()
    X_train, X_test, y_train, y_test = map(
        torch.from_numpy,
        train_test_split(
            *(digits.images / np.float32(255), digits.labels), test_size=0.1, random_state=seed
        ),
    )

    def moved_by_one(x: Tensor) -> Tensor:
        return moved(x, 1)

    nets = {
        "linear": learn(nn.Sequential(nn.Linear(784, 10)), X_train, y_train, 3 * EPOCHS),
        "feed-forward": learn(ffn(), X_train, y_train, 3 * EPOCHS),
        "convolutional": learn(cnn(), X_train, y_train),
        "convolutional, moved": learn(
            cnn(), X_train, y_train, 2 * EPOCHS, moved_by_one, cosine=True
        ),
    }
    measured = {
        f"{name}: errors (%)": 100 - accuracy(net, X_test, y_test) for name, net in nets.items()
    }
    X_rolled, X_test_rolled = moved(X_train, 10), moved(X_test, 10)
    rolled_ffn = learn(ffn(), X_rolled, y_train, 3 * EPOCHS)
    rolled_cnn = learn(cnn(), X_rolled, y_train)
    flip_cnn = learn(cnn(), X_train, y_train, transform=flipped)
    return measured | {
        "rolled digits, feed-forward: test accuracy (%)": accuracy(
            rolled_ffn, X_test_rolled, y_test
        ),
        "rolled digits, convolutional: test accuracy (%)": accuracy(
            rolled_cnn, X_test_rolled, y_test
        ),
        "fewer upright digits by flips (points)": accuracy(nets["convolutional"], X_test, y_test)
        - accuracy(flip_cnn, X_test, y_test),
    }
