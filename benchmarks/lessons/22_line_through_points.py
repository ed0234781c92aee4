"""Lesson 22 in PyTorch: a line by SGD beside least squares, and what no line can do."""

import numpy as np
import torch
from torch import nn


def least_squares(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    slope = np.mean((x - x.mean()) * (y - y.mean())) / np.var(x)
    return slope, y.mean() - slope * x.mean()


def descend(x: np.ndarray, y: np.ndarray, lr: float) -> float:
    """Learn a line from all points at once; return how far it is from least squares."""
    X, Y = torch.tensor(x), torch.tensor(y)
    line = nn.Linear(1, 1, dtype=torch.float64)
    nn.init.zeros_(line.weight)
    nn.init.zeros_(line.bias)
    optimizer = torch.optim.SGD(line.parameters(), lr=lr)
    for _ in range(300):
        optimizer.zero_grad()
        nn.functional.mse_loss(line(X), Y).backward()
        optimizer.step()
    slope, intercept = least_squares(x, y)
    return float(np.hypot(line.weight.item() - slope, line.bias.item() - intercept))


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    x = rng.uniform(0, 10, size=(100, 1))
    y = 0.8 * x + 4 + rng.normal(size=(100, 1))
    figures = {
        "x as it is: distance from least squares": descend(x, y, 0.02),
        "x scaled: distance from least squares": descend((x - x.mean()) / x.std(), y, 0.1),
    }

    x = rng.uniform(-3, 3, size=(300, 1)).astype(np.float32)
    y = (x / 2 + np.sin(2 * x) + rng.normal(0, 0.3, size=(300, 1))).astype(np.float32)
    X, Y = torch.tensor(x), torch.tensor(y)
    nets = {
        "line": nn.Linear(1, 1),
        "network": nn.Sequential(
            *(nn.Linear(1, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
        ),
    }
    for name, net in nets.items():
        optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
        for _ in range(100):
            for batch in torch.randperm(200).split(20):
                optimizer.zero_grad()
                nn.functional.mse_loss(net(X[batch]), Y[batch]).backward()
                optimizer.step()
        with torch.no_grad():
            residuals = (Y - net(X))[200:, 0].numpy()
        r_squared = 1 - np.mean(residuals**2) / np.var(y[200:])
        by_x = residuals[x[200:, 0].argsort()]
        figures[f"{name}: R squared of the test points"] = float(r_squared)
        alike = float(np.corrcoef(by_x[:-1], by_x[1:])[0, 1])
        figures[f"{name}: correlation of a residual with the next"] = alike
    return figures
