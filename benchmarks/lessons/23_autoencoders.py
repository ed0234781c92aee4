"""Autoencoders in PyTorch: damaged digits, the largest of the heat map, a small code, tied."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import torch
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor, nn
from torch.nn import functional as F

import tinynet as tn

EPOCHS, BATCH = 10, 32


def autoencoder(hidden: int, code: int) -> nn.Sequential:
    """784-hidden-code-hidden-784."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise((784, hidden, code, hidden, 784)):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1], nn.Sigmoid())


class Tied(nn.Module):
    """784-250-50-250-784, the decoder on the encoder's weights."""

    def __init__(self) -> None:
        super().__init__()
        self.outer, self.inner = nn.Linear(784, 250), nn.Linear(250, 50)
        self.b = nn.Parameter(torch.empty(250).uniform_(-1, 1) / 50**0.5)
        self.out = nn.Parameter(torch.empty(784).uniform_(-1, 1) / 250**0.5)

    def forward(self, x: Tensor) -> Tensor:
        code = torch.relu(self.inner(torch.relu(self.outer(x))))
        h = torch.relu(F.linear(code, self.inner.weight.T, self.b))
        return torch.sigmoid(F.linear(h, self.outer.weight.T, self.out))


def noisy(x: Tensor) -> Tensor:
    return (x + 0.5 * torch.randn_like(x)).clamp(0, 1)


def barred(x: Tensor) -> Tensor:
    start, line = torch.randint(4, 21, (len(x), 1)), torch.arange(28)
    bar = (line >= start) & (line < start + 4)
    across = torch.rand(len(x), 1, 1) < 0.5
    covered = torch.where(across, bar[:, :, None], bar[:, None, :])
    return torch.where(covered, 1.0, x.reshape(-1, 28, 28)).reshape(x.shape)


def learn(
    net: Any, X: Tensor, epochs: int, damage: Callable[[Tensor], Tensor] = lambda x: x
) -> Any:
    loss_fn, optimizer = nn.MSELoss(), torch.optim.Adam(net.parameters(), lr=0.001)
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(BATCH):
            if len(rows) < BATCH:
                break
            loss = loss_fn(net(damage(X[rows])), X[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return net


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    digits = tn.datasets.mnist_small()
    X, X_test, y, y_test = train_test_split(
        tn.data.minmax_scale(digits.images), digits.labels, test_size=0.1, random_state=seed
    )
    X, X_test = torch.from_numpy(X), torch.from_numpy(X_test)
    mean_digit = X.mean(dim=0)

    @torch.no_grad()
    def error(net: Any, x: Tensor = X_test) -> float:
        return float(100 * F.mse_loss(net(x), X_test) / ((mean_digit - X_test) ** 2).mean())

    noise, bars = noisy(X_test), barred(X_test)
    whole = learn(autoencoder(250, 50), X, EPOCHS)
    by_noise = learn(autoencoder(250, 50), X, EPOCHS, noisy)
    by_bars = learn(autoencoder(250, 50), X, EPOCHS, barred)
    largest = learn(autoencoder(500, 100), X, epochs=1)
    with_relu, without = autoencoder(150, 15), autoencoder(150, 15)
    del without[3]
    for net in with_relu, without:
        learn(net, X, EPOCHS)
    with torch.no_grad():
        codes, test_codes = without[:3](X), without[:3](X_test)
    nearest = KNeighborsClassifier(1).fit(codes, y).score(test_codes, y_test)
    tied = learn(Tied(), X, EPOCHS)
    n_tied, n_whole = (sum(p.numel() for p in net.parameters()) for net in (tied, whole))
    return {
        "rebuilt from 50 numbers: error (%)": error(whole),
        "noise, repaired by A: error (%)": error(whole, noise),
        "noise, repaired by B: error (%)": error(by_noise, noise),
        "bars, repaired by C: error (%)": error(by_bars, bars),
        "500 hidden units, a code of 100: error (%)": error(largest),
        "ReLU behind a code of 15 costs (points)": error(with_relu) - error(without),
        "right by the nearest code of 15 (%)": 100 * nearest,
        "tied: numbers to learn, of all (%)": 100 * n_tied / n_whole,
        "tied: error (%)": error(tied),
    }
