"""Lesson 8 in PyTorch: SGD, RMSprop and Adam, and how Adam hides the wrong last layer."""

import torch
from ffn import accuracy, digits, learn, network
from torch import nn

EPOCHS = 30
OPTIMIZERS = {
    "SGD": lambda parameters: torch.optim.SGD(parameters, lr=0.01),
    "RMSprop": lambda parameters: torch.optim.RMSprop(parameters, lr=0.001),
    "Adam": lambda parameters: torch.optim.Adam(parameters, lr=0.001),
}


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    X_train, X_test, y_train, y_test = digits(seed)

    def score(optimizer: str, last: nn.Module) -> float:
        net = network(seed, last)
        learn(net, X_train, y_train, EPOCHS, OPTIMIZERS[optimizer](net.parameters()))
        return accuracy(net, X_test, y_test)

    figures = {
        f"{name}: test accuracy (%)": score(name, nn.LogSoftmax(dim=1)) for name in OPTIMIZERS
    }
    sgd, adam = (score(name, nn.Softmax(dim=1)) for name in ("SGD", "Adam"))
    figures["softmax: Adam is better than SGD by (points)"] = adam - sgd
    return figures
