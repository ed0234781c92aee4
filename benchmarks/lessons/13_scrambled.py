"""Lesson 13 in PyTorch: digits as they are, scrambled by one rule, and each by its own rule."""

import torch
from ffn import accuracy, digits, learn, network

EPOCHS = 60


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    X_train, X_test, y_train, y_test = digits(seed)
    permutation = torch.randperm(784)

    def by_own_rules(X: torch.Tensor) -> torch.Tensor:
        return X.gather(1, torch.rand_like(X).argsort(dim=1))

    versions = {
        "as they are": (X_train, X_test),
        "by one rule": (X_train[:, permutation], X_test[:, permutation]),
        "by own rules": (by_own_rules(X_train), by_own_rules(X_test)),
    }
    scores = {}
    for name, (X, X_new) in versions.items():
        net = network(seed)
        learn(net, X, y_train, EPOCHS)
        scores[name] = accuracy(net, X_new, y_test)
    difference = abs(scores["as they are"] - scores["by one rule"])
    return {
        "scrambled by one rule: differs by (points)": difference,
        "each by its own rule: test accuracy (%)": scores["by own rules"],
    }
