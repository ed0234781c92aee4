"""The live pages of the site: the lab; X-ray and playground of the main lesson's network and a CNN.

``python docs/live_pages.py FOLDER`` writes the five pages, in some ten seconds. All seeds are
fixed, so that `traces` gives the numbers of the pages again: ``tests/promises/test_site.py``
compares them.
"""

import sys
from pathlib import Path

import numpy as np

import tinynet as tn

TRAINING = 18_000
"""As many digits are learned from; the others are looked at."""


def main_network() -> tn.Sequential:
    """Make the network of lesson 3."""
    rng = np.random.default_rng(0)
    return tn.Sequential(
        *(tn.Linear(784, 64, rng=rng), tn.ReLU(), tn.Linear(64, 32, rng=rng), tn.ReLU()),
        *(tn.Linear(32, 32, rng=rng), tn.ReLU(), tn.Linear(32, 10, rng=rng), tn.LogSoftmax()),
    )


def cnn() -> tn.Sequential:
    """Make the convolutional network of lesson 24."""
    rng = np.random.default_rng(0)
    return tn.Sequential(
        tn.Unflatten(1, (1, 28, 28)),
        *(tn.Conv2d(1, 10, 5, padding=1, rng=rng), tn.MaxPool2d(2), tn.ReLU()),
        *(tn.Conv2d(10, 20, 5, padding=1, rng=rng), tn.MaxPool2d(2), tn.ReLU()),
        *(tn.Flatten(), tn.Linear(500, 50, rng=rng), tn.ReLU(), tn.Linear(50, 10, rng=rng)),
    )


def learned(net: tn.Module, loss_fn: tn.Module, epochs: int) -> tn.Module:
    """Train a network by Adam."""
    X, y = digits()
    loader = tn.DataLoader(X[:TRAINING], y[:TRAINING], 32, shuffle=True, drop_last=True, rng=0)
    optimizer = tn.Adam(net.parameters(), lr=0.002)
    tn.fit(net, loss_fn, optimizer, loader, epochs=epochs, progress=False)
    return net


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Load the bundled digits, scaled to numbers from 0 to 1."""
    loaded = tn.datasets.mnist_small()
    return tn.data.minmax_scale(loaded.images, 0, 255), loaded.labels


def trace(net: tn.Module, loss_fn: tn.Module, lr: float, rows: int, steps: int) -> tn.Trace:
    """Trace steps on new digits: one half are misread, and the others are read."""
    X, y = (array[TRAINING:] for array in digits())
    right = net.predict(X).argmax(axis=1) == y
    some = np.concatenate([np.flatnonzero(~right)[: rows // 2], np.flatnonzero(right)[: rows // 2]])
    optimizer = tn.SGD(net.parameters(), lr)
    return tn.trace(net, loss_fn, X[some], y[some], optimizer, steps=steps)


def traces() -> dict[str, tuple[tn.Module, tn.Trace]]:
    """Each network by the name of its pages, trained, with the trace that its X-ray shows."""
    ffn, ffn_loss = main_network(), tn.NLLLoss()
    pictures, pictures_loss = cnn(), tn.CrossEntropyLoss()
    learned(ffn, ffn_loss, 10)
    learned(pictures, pictures_loss, 2)
    return {
        "network": (ffn, trace(ffn, ffn_loss, lr=0.05, rows=20, steps=8)),
        "cnn": (pictures, trace(pictures, pictures_loss, lr=0.005, rows=10, steps=2)),
    }


def write(folder: Path) -> None:
    """Write the five pages."""
    folder.mkdir(parents=True, exist_ok=True)
    tn.lab(folder / "lab.html")
    for name, (net, traced) in traces().items():
        traced.to_html(folder / f"{name}_xray.html")
        tn.playground(net, folder / f"{name}_playground.html", black=0, white=1)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
