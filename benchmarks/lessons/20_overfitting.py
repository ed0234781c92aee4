"""Lesson 20 in PyTorch: early stopping, dropout, weight decay and L1 on 1,000 digits.

The digits of each network are those of the lesson; orders and first weights are PyTorch's own.
"""

import copy

import numpy as np
import torch
from torch import nn

import tinynet as tn

EPOCHS, NETWORKS = 30, 4
loss_fn = nn.CrossEntropyLoss()


def make_network(p_pixels, p_units):
    return nn.Sequential(
        *(nn.Dropout(p_pixels), nn.Linear(784, 256), nn.ReLU()),
        *(nn.Dropout(p_units), nn.Linear(256, 128), nn.ReLU()),
        *(nn.Dropout(p_units), nn.Linear(128, 10)),
    )


def score(net, X, y):
    """Loss and accuracy (%), in the mode that the network is in."""
    with torch.no_grad():
        outputs = net(X)
    right = (outputs.argmax(dim=1) == y).double().mean().item()
    return loss_fn(outputs, y).item(), 100 * right


def learn(digits, n=1000, epochs=EPOCHS, dropout=(0, 0), decay=None, l1=0.0, patience=None):
    """Train a network; it, the last train accuracy, and the test loss of every epoch."""
    X, y = digits
    net = make_network(*dropout)
    optimizer = torch.optim.Adam(net.parameters())
    if decay is not None:
        optimizer = torch.optim.AdamW(net.parameters(), weight_decay=decay)
    test_losses, best, waited, weights = [], float("inf"), 0, None
    for _ in range(epochs):
        net.train()
        right = 0
        for rows in torch.randperm(n).split(32):
            optimizer.zero_grad()
            outputs = net(X[rows])
            loss = loss_fn(outputs, y[rows])
            if l1:
                loss = loss + l1 * sum(w.abs().sum() for w in net.parameters())
            loss.backward()
            optimizer.step()
            right += (outputs.argmax(dim=1) == y[rows]).sum().item()
        net.eval()
        test_losses.append(score(net, X[-4000:-1000], y[-4000:-1000])[0])
        validation = score(net, X[-1000:], y[-1000:])[0]
        waited = 0 if validation < best else waited + 1
        if validation < best:
            best, weights = validation, copy.deepcopy(net.state_dict())
        if patience is not None and waited >= patience:
            break
    if patience is not None:
        net.load_state_dict(weights)
    return net, 100 * right / n, test_losses


VARIANTS = {
    "no remedy": {},
    "early stop": {"patience": 5},
    "dropout": {"dropout": (0.2, 0.5)},
    "decay": {"decay": 1.0},
    "L1": {"l1": 0.0001},
    "5,000 digits": {"n": 5000, "epochs": EPOCHS // 5},
}


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    digits = tn.datasets.mnist_small()
    scores = {name: [] for name in VARIANTS}
    found = {}
    for k in range(NETWORKS):
        order = np.random.default_rng([seed, k]).permutation(len(digits.labels))
        X = torch.tensor(digits.images[order]).float() / 255
        y = torch.tensor(digits.labels[order]).long()
        X_test, y_test = X[-4000:-1000], y[-4000:-1000]
        for name, options in VARIANTS.items():
            net, train_accuracy, test_losses = learn((X, y), **options)
            scores[name].append(score(net, X_test, y_test))
            if (k, name) == (0, "no remedy"):
                found["no remedy: train accuracy (%)"] = train_accuracy
                rise = test_losses[-1] / min(test_losses)
                found["no remedy: test loss, last over lowest"] = rise
            if (k, name) == (0, "dropout"):
                right = score(net, X_test, y_test)[1]
                forgotten = score(net.train(), X_test, y_test)[1]
                found["net.eval() forgotten costs (points)"] = right - forgotten
            if (k, name) == (0, "L1"):
                near = (net[1].weight.abs() < 0.001).double().mean().item()
                found["L1: weights below 0.001 (%)"] = 100 * near
    losses = {name: np.mean([loss for loss, _ in values]) for name, values in scores.items()}
    means = {name: np.mean([accuracy for _, accuracy in v]) for name, v in scores.items()}
    for name in ("early stop", "dropout", "decay", "L1"):
        found[f"{name}: test loss, over that without"] = losses[name] / losses["no remedy"]
    for name in ("dropout", "decay", "5,000 digits"):
        gained = means[name] - means["no remedy"]
        found[f"{name}: test accuracy gained (points)"] = gained
    return {claim: float(value) for claim, value in found.items()}
