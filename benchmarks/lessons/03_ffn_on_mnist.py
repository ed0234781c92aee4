"""Lesson 3 in PyTorch: the course's network learns to read digits."""

import torch
from ffn import accuracy, digits, learn, network

EPOCHS = 60


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    X_train, X_test, y_train, y_test = digits(seed)
    net = network(seed)
    return {
        "train accuracy (%)": learn(net, X_train, y_train, EPOCHS),
        "test accuracy (%)": accuracy(net, X_test, y_test),
    }
