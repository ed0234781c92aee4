"""A small network, trained, checked, saved and loaded: printed as JSON, one line."""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import tinynet as tn
    from tinynet import cli
    from tinynet.kernels.jit import rung


def network(seed):
    rng = np.random.default_rng(seed)
    first, last = tn.Linear(6, 8, rng=rng), tn.Linear(8, 3, rng=rng)
    return tn.Sequential(first, tn.ReLU(), last, tn.LogSoftmax())


def refused(action):
    """What the error says that an action raises."""
    try:
        action()
    except TypeError as error:
        return str(error)
    return ""


def main(folder):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(64, 6)).astype(np.float32), rng.integers(3, size=64)
    net, loss_fn = network(1), tn.NLLLoss()
    optimizer = tn.Adam(net.parameters(), lr=0.01)
    loader = tn.DataLoader(X, y, batch_size=8, rng=2)
    run = net, loss_fn, optimizer, loader
    history = tn.fit(*run, epochs=60, progress=False)
    print(
        json.dumps(
            {
                "rung": rung.RUNG,
                "imported": sorted({"numba", "llvmlite"} & sys.modules.keys()),
                "losses": history.train_loss,
                "outputs": net.predict(X).astype(float).tolist(),
                "right": tn.check_gradients(network(3), X[:5].astype(np.float64)).passed,
                "same": same_after_loading(net, X, Path(folder) / "net.safetensors"),
                "compile": refused(lambda: tn.compile(*run[:3])),
                "fit": rung.COMPILES or refused(lambda: tn.fit(*run, compiled=True)),
                "about": cli.about.environment()["kernels"],
                "warnings": [str(warning.message) for warning in caught],
            }
        )
    )


def same_after_loading(net, X, path):
    tn.save(net, path)
    return bool((tn.load(path).predict(X) == net.predict(X)).all())


if __name__ == "__main__":
    main(sys.argv[1])
