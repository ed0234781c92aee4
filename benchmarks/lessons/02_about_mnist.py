"""Lesson 2 in PyTorch: how alike the 7s are, and the errors with and without hidden layers."""

import torch
from ffn import accuracy, digits, learn, network
from torch import nn

EPOCHS = 30


def most_frequent_correlation(images: torch.Tensor) -> float:
    """The middle of the fullest of 50 bins."""
    i, j = torch.triu_indices(len(images), len(images), offset=1)
    counts, edges = torch.histogram(torch.corrcoef(images)[i, j], bins=50)
    fullest = counts.argmax()
    return edges[fullest : fullest + 2].mean().item()


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    X_train, X_test, y_train, y_test = digits(seed)
    sevens = torch.cat([X_train[y_train == 7], X_test[y_test == 7]])
    linear = nn.Sequential(nn.Linear(784, 10), nn.LogSoftmax(dim=1))
    feed_forward = network(seed)
    for net in (linear, feed_forward):
        learn(net, X_train, y_train, EPOCHS)
    return {
        "most frequent correlation of two 7s": most_frequent_correlation(sevens),
        "errors of the linear network (%)": 100 - accuracy(linear, X_test, y_test),
        "errors of the feed-forward network (%)": 100 - accuracy(feed_forward, X_test, y_test),
    }
