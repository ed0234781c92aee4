"""Lesson 4 in PyTorch: the same network with softmax and with log-softmax as its last layer."""

import torch
from ffn import accuracy, digits, learn, network
from torch import nn

EPOCHS = 60


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    X_train, X_test, y_train, y_test = digits(seed)
    figures = {}
    for name, last in (("softmax", nn.Softmax(dim=1)), ("log-softmax", nn.LogSoftmax(dim=1))):
        net = network(seed, last)
        learn(net, X_train, y_train, EPOCHS)
        figures[f"test accuracy with {name} (%)"] = accuracy(net, X_test, y_test)
    return figures
