"""Without a command: what tinynet runs on, and that it works.

First the versions, threads and compiled kernels, which belong into every report of a fault. Then
the network of the main lesson learns the bundled digits for half as long as in the lesson, some
five seconds once the kernels are compiled, and reads three that it has never seen.
"""

import argparse
import platform
import time
from importlib.metadata import PackageNotFoundError, version

import numpy as np
from threadpoolctl import threadpool_info

import tinynet as tn
from tinynet.cli.train import BATCH_SIZE, network, scaled, score_table
from tinynet.kernels.jit.folder import state
from tinynet.support.types import Array

EPOCHS = 30
OPTIONAL = ("matplotlib", "scikit-learn", "torch", "onnx", "dask")
INK = " .:-=+*#%@"  # from paper to black


def run(options: argparse.Namespace) -> int:
    """Print what tinynet runs on, train, and print what the network reads."""
    print("\n".join(f"{name:<9} {value}" for name, value in environment().items()))
    demonstrate()
    return 0


def environment() -> dict[str, str]:
    """Versions, threads and the state of the compiled kernels, each as one line."""
    blas = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    products = ", ".join(f"{pool['internal_api']} {pool['version']}" for pool in blas)
    return {
        "tinynet": tn.__version__,
        "Python": f"{platform.python_version()}, {platform.platform()}",
        "packages": ", ".join(map(_version, ("numpy", "numba", "llvmlite", "safetensors"))),
        "optional": ", ".join(map(_version, OPTIONAL)),
        "threads": f"large products {tn.get_num_threads()}, very large ones 1 of BLAS ({products})",
        "kernels": state(),
    }


def demonstrate() -> None:
    """Train the main lesson's network, and draw three digits with what it takes them for."""
    digits = tn.datasets.mnist_small()
    X, y = scaled(digits.images), digits.labels
    X_train, y_train, X_test, y_test = X[:18_000], y[:18_000], X[18_000:], y[18_000:]
    rng = np.random.default_rng(0)
    net = network([64, 32, 32], rng)
    print(f"\n784-64-32-32-10 learns 18,000 digits, and is tested on 2,000 others: {EPOCHS} epochs")
    start = time.perf_counter()
    history = tn.fit(
        net,
        tn.NLLLoss(),
        tn.SGD(net.parameters(), lr=0.01),
        tn.DataLoader(X_train, y_train, BATCH_SIZE, shuffle=True, drop_last=True, rng=rng),
        test=(X_test, y_test),
        epochs=EPOCHS,
    )
    print(f"\n{score_table(history)}\n\ntrained in {time.perf_counter() - start:.1f} s\n")
    print("\n".join(map("  ".join, zip(*map(_drawing, X_test[:3]), strict=True))))
    probabilities = np.exp(net.predict(X_test[:3]))
    captions = [
        f"a {label}, read as {p.argmax()} ({p.max():.1%})".ljust(28)
        for label, p in zip(y_test, probabilities, strict=False)
    ]
    print("  ".join(captions).rstrip())


def _drawing(pixels: Array) -> list[str]:
    """A digit as 14 lines of text: a letter is about twice as high as it is wide."""
    ink = pixels.reshape(14, 2, 28).mean(axis=1) * (len(INK) - 1)
    return ["".join(INK[round(float(value))] for value in row) for row in ink]


def _version(package: str) -> str:
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return f"no {package}"
