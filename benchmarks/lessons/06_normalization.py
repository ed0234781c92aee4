"""Lesson 6 in PyTorch: pixels of 0 to 1 or of 0 to 255, for the training and the test digits."""

import torch
from ffn import accuracy, digits, learn, network
from torch import nn

EPOCHS = 60
CASES = {"equal": (1, 1), "train only": (1, 255), "test only": (255, 1)}  # brightest pixels


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    X_train, X_test, y_train, y_test = digits(seed)
    loss_fn = nn.CrossEntropyLoss()
    trained, tested, losses = {}, {}, {}
    for name, (train_range, test_range) in CASES.items():
        net = network(seed)[:-1]  # the scores as they are, without LogSoftmax
        trained[name] = learn(net, X_train * train_range, y_train, EPOCHS, loss_fn=loss_fn)
        tested[name] = accuracy(net, X_test * test_range, y_test)
        with torch.no_grad():
            losses[name] = loss_fn(net(X_test * test_range), y_test).item()
    return {
        "equal: test accuracy (%)": tested["equal"],
        "train only: test accuracy (%)": tested["train only"],
        "train only: test loss": losses["train only"],
        "test only: train accuracy (%)": trained["test only"],
        "test only: test accuracy (%)": tested["test only"],
        "test only: test loss": losses["test only"],
    }
