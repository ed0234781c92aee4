"""What several lessons share: the digits, the course's network, and its loop, in PyTorch."""

from typing import Any

import torch
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

import tinynet as tn

Split = tuple[Tensor, Tensor, Tensor, Tensor]


def split(images: Any, labels: Any, seed: int) -> Split:
    """X_train, X_test, y_train, y_test: the lessons' own split, as tensors."""
    parts = train_test_split(images, labels, test_size=0.1, random_state=seed)
    X_train, X_test, y_train, y_test = map(torch.as_tensor, parts)
    return X_train, X_test, y_train, y_test


def digits(seed: int) -> Split:
    """The digits with pixels from 0 to 1."""
    bundled = tn.datasets.mnist_small()
    return split(tn.data.minmax_scale(bundled.images), bundled.labels, seed)


def network(seed: int, last: nn.Module | None = None) -> nn.Sequential:
    """784-64-32-32-10: the same seed gives the same weights, and then the same order of digits."""
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Linear(784, 64),
        nn.ReLU(),
        nn.Linear(64, 32),
        nn.ReLU(),
        nn.Linear(32, 32),
        nn.ReLU(),
        nn.Linear(32, 10),
        last or nn.LogSoftmax(dim=1),
    )


def learn(
    net: nn.Module,
    X: Tensor,
    y: Tensor,
    epochs: int,
    optimizer: torch.optim.Optimizer | None = None,
    loss_fn: nn.Module | None = None,
) -> float:
    """Train by SGD and NLLLoss, or as told; return the train accuracy of the last epoch."""
    optimizer = optimizer or torch.optim.SGD(net.parameters(), lr=0.01)
    loss_fn = loss_fn or nn.NLLLoss()
    for _ in range(epochs):
        batches = [rows for rows in torch.randperm(len(X)).split(32) if len(rows) == 32]
        right = torch.tensor(0)
        for rows in batches:
            outputs = net(X[rows])
            loss = loss_fn(outputs, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            right += (outputs.argmax(dim=1) == y[rows]).sum()
    return 100 * right.item() / (32 * len(batches))


@torch.no_grad()
def accuracy(net: nn.Module, X: Tensor, y: Tensor) -> float:
    return 100 * (net(X).argmax(dim=1) == y).float().mean().item()
