"""Lesson 12 in PyTorch: 1, 2 or 3 hidden layers of 4 to 64 units."""

from itertools import pairwise

import numpy as np
import torch
from ffn import accuracy, digits, learn
from torch import nn

EPOCHS, REPEATS = 10, 2
DEPTHS, BREADTHS = (1, 2, 3), (4, 8, 16, 32, 64)


def network(seed: int, depth: int, breadth: int) -> nn.Sequential:
    torch.manual_seed(seed)
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise((784, *[breadth] * depth, 10)):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.LogSoftmax(dim=1))


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    X_train, X_test, y_train, y_test = digits(seed)

    def mean_accuracy(depth: int, breadth: int) -> float:
        scores = []
        for repeat in range(REPEATS):
            net = network(REPEATS * seed + repeat, depth, breadth)
            learn(net, X_train, y_train, EPOCHS, torch.optim.Adam(net.parameters(), lr=0.001))
            scores.append(accuracy(net, X_test, y_test))
        return sum(scores) / REPEATS

    means = np.array([[mean_accuracy(depth, breadth) for breadth in BREADTHS] for depth in DEPTHS])
    depth_gain = np.abs(means[2] - means[0])[-2:].mean()
    return {
        "64 units instead of 4, mean gain (points)": float((means[:, -1] - means[:, 0]).mean()),
        "3 layers or 1, at 32 and 64 units, differ by (points)": float(depth_gain),
        "best mean accuracy (%)": float(means.max()),
    }
