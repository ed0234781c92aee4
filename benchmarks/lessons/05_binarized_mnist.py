"""Lesson 5 in PyTorch: digits without grey."""

import torch
from ffn import accuracy, digits, learn, network

EPOCHS = 60


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    X_train, X_test, y_train, y_test = digits(seed)
    net = network(seed)
    learn(net, (X_train > 0).float(), y_train, EPOCHS)
    figure = accuracy(net, (X_test > 0).float(), y_test)
    return {"test accuracy, binarized (%)": figure}
