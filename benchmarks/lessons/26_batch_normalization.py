"""Lesson 26 in PyTorch: ten hidden layers with and without batch normalisation, and its modes."""

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import nn

import tinynet as tn

torch.set_num_threads(1)


def make_network(normalised: bool, scale: float = 1) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_in in (784, *[32] * 9):
        linear = nn.Linear(n_in, 32, bias=not normalised)
        with torch.no_grad():
            linear.weight.mul_(scale)
        layers += [linear, nn.BatchNorm1d(32), nn.ReLU()] if normalised else [linear, nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(32, 10))


def accuracy(net: nn.Module, X: torch.Tensor, y: torch.Tensor) -> float:
    """In the mode that the network is in."""
    with torch.no_grad():
        return 100 * (net(X).argmax(dim=1) == y).float().mean().item()


def measure(seed: int) -> dict[str, float]:
    digits = tn.datasets.mnist_small()
    parts = train_test_split(
        digits.images / np.float32(255), digits.labels, test_size=0.1, random_state=seed
    )
    X_train, X_test, y_train, y_test = (torch.as_tensor(part) for part in parts)

    def learn(net: nn.Module, lr: float) -> float:
        loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr)
        for _ in range(5):
            for rows in torch.randperm(len(X_train)).split(32):
                if len(rows) == 32:
                    loss = loss_fn(net(X_train[rows]), y_train[rows])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
        net.eval()
        reached = accuracy(net, X_test, y_test)
        net.train()
        return reached

    plain = [learn(make_network(False), lr) for lr in (0.001, 0.01, 0.1, 1)]
    scaled = [learn(make_network(True, scale), 0.1) for scale in (0.01, 0.1, 1, 3, 10)]
    net = make_network(True)
    evaluated = learn(net, 0.1)

    def in_training_mode(rows: torch.Tensor, size: int) -> float:
        batches = torch.tensor_split(rows, len(rows) // size)
        return float(np.mean([accuracy(net, X_test[n], y_test[n]) for n in batches]))

    mixed = torch.arange(len(y_test))
    by_kind = torch.cat([torch.nonzero(y_test == digit)[:128, 0] for digit in range(10)])
    training_mode = in_training_mode(mixed, 2), in_training_mode(by_kind, 32)
    for layer in net:
        if isinstance(layer, nn.BatchNorm1d):
            layer.reset_running_stats()
    net.eval()
    set_back = accuracy(net, X_test, y_test)
    net.train()
    for k in range(60):
        accuracy(net, X_train[32 * k : 32 * k + 32], y_train[32 * k : 32 * k + 32])
    net.eval()
    return {
        "without, best of all learning rates (%)": max(plain),
        "normalised, learning rate 0.1 (%)": evaluated,
        "normalised, worst of all first weights (%)": min(scaled),
        "training mode, 2 digits at once (%)": training_mode[0],
        "training mode, 32 digits of one kind (%)": training_mode[1],
        "running averages set back (%)": set_back,
        "after 60 batches, nothing learned (%)": accuracy(net, X_test, y_test),
    }
