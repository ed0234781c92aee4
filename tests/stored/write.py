"""Write what this version writes into a folder named after it: ``python tests/stored/write.py``.

Each release adds its folder once, before it changes anything; ``test_stored.py`` reads
them all for ever. Only public names are used, so that the script runs with every version.
"""

import json
import pickle
from pathlib import Path

import numpy as np

import tinynet as tn
from tinynet.estimator import TinyNetClassifier

ROWS, FEATURES, CLASSES = 24, 6, 3
NAMES = np.array(["four", "nine", "seven"])


def data(dtype=np.float32):
    """Rows that need no random numbers, and the class of each."""
    X = np.sin(np.arange(ROWS * FEATURES, dtype=dtype)).reshape(ROWS, FEATURES)
    return X, np.arange(ROWS) * 7 % CLASSES


def network(dtype=np.float32):
    return tn.Sequential(
        tn.Sequential(tn.Linear(FEATURES, 5, rng=1, dtype=dtype), tn.ReLU()),
        tn.Linear(5, CLASSES, bias=False, rng=2, dtype=dtype),
        tn.LogSoftmax(),
    )


def new_run():
    """All that the stored checkpoints are taken of, as it is at the beginning of the run."""
    X, y = data()
    net = network()
    return {
        "net": net,
        "loss_fn": tn.NLLLoss(weight=[1, 2, 1]),
        "optimizer": tn.Adam(net.parameters(), lr=0.05),
        "loader": tn.DataLoader(X, y, batch_size=7, shuffle=True, rng=3),
        "validation": (X[::-1].copy(), y),
        "schedule": tn.CosineLR(9),
        "early_stopping": tn.EarlyStopping(patience=8),
    }


def write_finished_epochs(path, epochs):
    """The checkpoint that fit leaves after some epochs."""
    run = new_run()
    tn.fit(**run, epochs=epochs, progress=False, checkpoint=path)


def write_running_epoch(path, batches):
    """The checkpoint of a loop of one's own with momentum, within its first epoch."""
    run = new_run()
    net, loss_fn, loader = run["net"], run["loss_fn"], run["loader"]
    optimizer = tn.SGD(net.parameters(), lr=0.1, momentum=0.9)
    running = tn.RunningEpoch(loader.order())
    for batch in range(batches):
        own_step(net, loss_fn, optimizer, *loader.batch(running.order, batch), running)
    tn.save_checkpoint(path, net, optimizer, loader, tn.History(), running)


def own_step(net, loss_fn, optimizer, xb, yb, running):
    outputs = net(xb)
    running.losses.append(loss_fn(outputs, yb))
    running.accuracies.append(tn.accuracy(outputs, yb))
    optimizer.zero_grad()
    net.backward(loss_fn.backward())
    optimizer.step()


def classifier():
    X, y = data()
    model = TinyNetClassifier(
        hidden_layer_sizes=(5,),
        epochs=4,
        batch_size=8,
        early_stopping=tn.EarlyStopping(patience=3),
        validation_fraction=0.25,
        random_state=0,
    )
    return model.fit(X, NAMES[y])


def main():
    folder = Path(__file__).parent / tn.__version__
    folder.mkdir()
    X, _ = data()
    float32, float64 = network(), network(np.float64)
    tn.save(float32, folder / "float32.safetensors")
    tn.save(float64, folder / "float64.safetensors")
    write_finished_epochs(folder / "finished.checkpoint", epochs=2)
    write_running_epoch(folder / "running.checkpoint", batches=2)
    model = classifier()
    (folder / "classifier.pickle").write_bytes(pickle.dumps(model))
    (folder / "network.pickle").write_bytes(pickle.dumps(float32))
    expected = {
        "fingerprints": {"float32": tn.fingerprint(float32), "float64": tn.fingerprint(float64)},
        "outputs": float32.predict(X).tolist(),
        "probabilities": model.predict_proba(X).tolist(),
        "losses": model.history_.train_loss,
    }
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
