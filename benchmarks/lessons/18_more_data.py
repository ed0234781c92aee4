"""More data in PyTorch: noisy copies, doubled rows, few sevens."""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import train_test_split
from torch import Tensor, nn

import tinynet as tn

EPOCHS, SIZES, NETWORKS = 30, (600, 1800, 6000, 18000), 5


def learn(
    X: Tensor,
    y: Tensor,
    epochs: int,
    optimizer: type[torch.optim.Optimizer] = torch.optim.SGD,
    batch_size: int = 20,
    every_epoch: Callable[[nn.Module], None] = lambda net: None,
) -> nn.Module:
    """Train 784-64-32-32-10."""
    net = nn.Sequential(
        *(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU()),
        *(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 10)),
    )
    loss_fn, steps = nn.CrossEntropyLoss(), optimizer(net.parameters(), lr=0.01)
    for _ in range(epochs):
        for rows in torch.randperm(len(X)).split(batch_size):
            if len(rows) < batch_size:
                break
            loss = loss_fn(net(X[rows]), y[rows])
            steps.zero_grad()
            loss.backward()
            steps.step()
        every_epoch(net)
    return net


@torch.no_grad()
def guesses(net: nn.Module, X: Tensor) -> Tensor:
    return net(X).argmax(dim=1)


def accuracy(net: nn.Module, X: Tensor, y: Tensor) -> float:
    return float(100 * (guesses(net, X) == y).float().mean())


def noisy(X: Tensor) -> Tensor:
    return X + torch.rand_like(X) / 2


def amounts(X: Tensor, y: Tensor, X_test: Tensor, y_test: Tensor) -> dict[str, float]:
    """The networks that learn from more or fewer digits, and more or fewer rows."""
    X_noisy, most = noisy(X_test), EPOCHS * SIZES[-1]
    nets = {
        (size, n): learn(X[:size].repeat(n, 1), y[:size].repeat(n), most // (n * size))
        for size in SIZES
        for n in (1, 2)
    }
    plain, twice = (
        np.array([accuracy(nets[size, n], X_test, y_test) for size in SIZES]) for n in (1, 2)
    )
    augmented = learn(torch.cat([X, noisy(X)]), y.repeat(2), EPOCHS // 2)
    X_some, X_aside, y_some, y_aside = train_test_split(
        X[:2000].repeat(2, 1), y[:2000].repeat(2), test_size=0.1, random_state=0
    )
    trapped = learn(X_some, y_some, most // len(X_some))
    return {
        "18,000 digits instead of 600: gain (points)": plain[-1] - plain[0],
        "each twice: largest change (points)": np.abs(twice - plain).max(),
        "noisy digits, learned from clean ones (%)": accuracy(nets[SIZES[-1], 1], X_noisy, y_test),
        "noisy digits, learned with noisy copies (%)": accuracy(augmented, X_noisy, y_test),
        "doubled before the split: test accuracy (%)": accuracy(trapped, X_aside, y_aside),
        "the same network, new digits (%)": accuracy(trapped, X_test, y_test),
    }


def few_sevens(X: Tensor, y: Tensor, X_test: Tensor, y_test: Tensor) -> dict[str, float]:
    sevens, others = torch.nonzero(y == 7).flatten(), torch.nonzero(y != 7).flatten()
    precision, recall, of_epochs = {}, {}, {}
    for name, parts in {"all": [sevens], "few": [sevens[:500]], "more": [sevens[:500]] * 4}.items():
        rows, confusion, found = torch.cat([others, *parts]), np.zeros((10, 10)), []
        for _ in range(NETWORKS):

            def note(net: nn.Module, found: list[float] = found) -> None:
                found.append(accuracy(net, X_test[y_test == 7], y_test[y_test == 7]))

            net = learn(X[rows], y[rows], 10, torch.optim.Adam, 32, note)
            confusion += confusion_matrix(y_test, guesses(net, X_test))
        precision[name] = 100 * confusion[7, 7] / confusion[:, 7].sum()
        recall[name] = 100 * confusion[7, 7] / confusion[7].sum()
        of_epochs[name] = np.mean(found)
    return {
        "500 sevens: recall lost (points)": recall["all"] - recall["few"],
        "500 sevens: precision lost (points)": precision["all"] - precision["few"],
        "four times: recall gained, mean of epochs (points)": float(
            of_epochs["more"] - of_epochs["few"]
        ),
    }


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    digits = tn.datasets.mnist_small()
    X, X_test, y, y_test = map(
        torch.from_numpy,
        train_test_split(
            tn.data.minmax_scale(digits.images),
            digits.labels.astype(np.int64),
            test_size=0.1,
            random_state=seed,
        ),
    )
    return amounts(X, y, X_test, y_test) | few_sevens(X, y, X_test, y_test)
