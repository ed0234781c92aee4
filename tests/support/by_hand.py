"""The training loop written out by hand, which `fit` must equal bit for bit."""

import numpy as np

import tinynet as tn


def train_by_hand(net, loss_fn, optimizer, loader, test=None, epochs=1, steps=None):
    """What `fit` promises to do; with `steps`, stop after so many, in the middle of an epoch."""
    history, taken = tn.History(), 0
    for _ in range(epochs):
        losses, accuracies = [], []
        for xb, yb in loader:
            if taken == steps:
                return history
            outputs = net(xb)
            losses.append(loss_fn(outputs, yb))
            optimizer.zero_grad()
            net.backward(loss_fn.backward())
            optimizer.step()
            accuracies.append(percent_right(outputs, yb, loss_fn))
            taken += 1
        history.train_loss.append(np.mean(losses))
        history.train_accuracy.append(np.mean(accuracies))
        if test is not None:
            X, y = test
            outputs = net.predict(X)
            history.test_loss.append(loss_fn.predict(outputs, y))
            history.test_accuracy.append(percent_right(outputs, y, loss_fn))
    return history


def percent_right(outputs, target, loss_fn):
    """The accuracy among the rows that the loss does not ignore."""
    labels = target if target.ndim == 1 else target.argmax(axis=1)
    counts = labels != loss_fn.ignore_index
    return 100 * (outputs[counts].argmax(axis=1) == labels[counts]).mean()


def learned(net, optimizer):
    """All that training changes, as bytes: weights, and what the optimizer remembers."""
    return [parameter.data.tobytes() for parameter in net.parameters()] + [
        value.tobytes() if isinstance(value, np.ndarray) else value
        for state in optimizer.state
        for _, value in sorted(state.items())
    ]


def rows(n, features=12, classes=4, seed=0, dtype=np.float32):
    """Normal numbers, half of them 0 as in pictures, and labels that depend on them."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, features)) * (rng.random((n, features)) < 0.5)
    y = np.abs(X[:, :classes]).argmax(axis=1)
    return X.astype(dtype), y


def network(rng=0, dtype=np.float32, last=tn.LogSoftmax):
    generator = np.random.default_rng(rng)
    return tn.Sequential(
        tn.Linear(12, 9, rng=generator, dtype=dtype),
        tn.ReLU(),
        tn.Linear(9, 4, rng=generator, dtype=dtype),
        *([last()] if last else []),
    )
