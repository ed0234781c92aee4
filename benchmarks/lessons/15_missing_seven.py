"""Lesson 15 in PyTorch: 7s, read by a network that has never seen one."""

import torch
from ffn import accuracy, digits, learn, network

EPOCHS = 60


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    X_train, X_test, y_train, y_test = digits(seed)
    sevens = torch.cat([X_train[y_train == 7], X_test[y_test == 7]])
    known, known_test = y_train != 7, y_test != 7
    net = network(seed)
    learn(net, X_train[known], y_train[known], EPOCHS)
    with torch.no_grad():
        sure, guess = net(sevens).exp().max(dim=1)
    return {
        "test accuracy on the known digits (%)": accuracy(
            net, X_test[known_test], y_test[known_test]
        ),
        "7s read as 7s (%)": 100 * (guess == 7).float().mean().item(),
        "sure of 7s, all wrong (%)": 100 * (sure > 0.9).float().mean().item(),
    }
