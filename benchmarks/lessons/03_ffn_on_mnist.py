"""Lesson 3 in PyTorch: the course's network learns to read digits, is saved and loaded."""

import tempfile
from pathlib import Path

import torch
from ffn import accuracy, digits, learn, network

EPOCHS = 60


def saved_and_loaded(net: torch.nn.Module) -> torch.nn.Module:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "digits.pt")
        torch.save(net.state_dict(), path)
        loaded = network(seed=0)
        loaded.load_state_dict(torch.load(path))
    return loaded


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    X_train, X_test, y_train, y_test = digits(seed)
    net = network(seed)
    train_accuracy = learn(net, X_train, y_train, EPOCHS)
    loaded = saved_and_loaded(net)
    with torch.no_grad():
        differ = (loaded(X_test) != net(X_test)).sum().item()
    return {
        "train accuracy (%)": train_accuracy,
        "test accuracy (%)": accuracy(net, X_test, y_test),
        "answers of the loaded network that differ": differ,
    }
