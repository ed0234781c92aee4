"""Lesson 21 in PyTorch: clouds of points, with one layer and two; BCE with and without logits; XOR.

The clouds are those of the lesson, drawn by NumPy; orders and first weights are PyTorch's own.
"""

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 40
CORNERS = np.array([[-1, -1], [-1, 1], [1, -1], [1, 1]])
LABELS = {"left or right": [0.0, 0, 1, 1], "XOR": [0.0, 1, 1, 0]}
FOUR, XOR = torch.tensor(CORNERS > 0).float(), torch.tensor(LABELS["XOR"])[:, None]


def learn(net, loss_fn, X, y, epochs, lr=0.1):
    loader = DataLoader(TensorDataset(X, y), batch_size=20, shuffle=True)
    optimizer = torch.optim.SGD(net.parameters(), lr)
    for _ in range(epochs):
        for xb, yb in loader:
            optimizer.zero_grad()
            loss_fn(net(xb), yb).backward()
            optimizer.step()


def right(net, X, y, threshold):
    with torch.no_grad():
        return 100 * ((net(X) > threshold) == y).double().mean().item()


def solves_xor(units, activation, loss_fn, lr, *weights):
    first, last = nn.Linear(2, units), nn.Linear(units, 1)
    for linear in (first, last) if weights else ():
        nn.init.normal_(linear.weight, *weights)
        nn.init.zeros_(linear.bias)
    net = nn.Sequential(first, activation(), last, nn.Sigmoid())
    optimizer = torch.optim.SGD(net.parameters(), lr)
    for _ in range(25 * EPOCHS):
        p = net(FOUR)
        optimizer.zero_grad()
        loss_fn(p, XOR).backward()
        optimizer.step()
    return (p - XOR).abs().mean().item() < 0.25


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    points = rng.normal(np.repeat(CORNERS, 100, axis=0), 0.4, size=(2, 400, 2))
    X, X_test = torch.tensor(points).float()
    targets = {
        name: torch.tensor(four).repeat_interleave(100)[:, None] for name, four in LABELS.items()
    }
    found = {}
    for name, y in targets.items():
        net = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
        learn(net, nn.BCELoss(), X, y, EPOCHS)
        found[f"one layer, {name}: right (%)"] = right(net, X_test, y, 0.5)
    net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    learn(net, nn.BCEWithLogitsLoss(), X, targets["XOR"], EPOCHS)
    found["8 hidden units, XOR: right (%)"] = right(net, X_test, targets["XOR"], 0)

    y3 = np.repeat([0, 1, 2], 130)
    angle, radius = rng.uniform(0, 2 * np.pi, 390), y3 + rng.normal(0.5, 0.15, 390)
    rings = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    rings, y3 = torch.tensor(rings).float(), torch.tensor(y3)
    net = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 3))
    learn(net, nn.CrossEntropyLoss(), rings, y3, 4 * EPOCHS, lr=0.5)
    with torch.no_grad():
        hits = (net(rings).argmax(dim=1) == y3).double().mean().item()
    found["three rings: right (%)"] = 100 * hits

    for name, last, loss_fn in (
        ("Sigmoid, BCELoss", [nn.Sigmoid()], nn.BCELoss()),
        ("BCEWithLogitsLoss", [], nn.BCEWithLogitsLoss()),
    ):
        net = nn.Sequential(nn.Linear(2, 1), *last)
        net[0].weight.data, net[0].bias.data = torch.tensor([[-100.0, 0]]), torch.zeros(1)
        learn(net, loss_fn, X, targets["left or right"], EPOCHS, lr=0.5)
        share = right(net, X_test, targets["left or right"], 0.5 if last else 0)
        found[f"sure and wrong, mended by {name}: right (%)"] = share

    for name, case in {
        "as most try first": (2, nn.Sigmoid, nn.MSELoss(), 0.1),
        "mended, weights near 0": (8, nn.Tanh, nn.BCELoss(), 1, 0, 0.01),
        "mended, weights all 0.5": (8, nn.Tanh, nn.BCELoss(), 1, 0.5, 0),
        "+ Tanh, mended": (8, nn.Tanh, nn.BCELoss(), 1),
    }.items():
        found[f"{name}: solved, of 20"] = sum(solves_xor(*case) for _ in range(20))
    return found
