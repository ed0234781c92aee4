"""tinynet's `tn.fit` on the course's CNN."""

from collections.abc import Callable
from itertools import pairwise

from picture_networks import COURSE, KERNEL, POOL, Network, digits_of, first_weights
from task import Floats, Ints, Task, run

import tinynet as tn


class TinynetFitCNN:
    network: Network = COURSE

    def __init__(self, task: Task) -> None:
        self.net = make_net(self.network)
        self.loss_fn = tn.CrossEntropyLoss()
        self.optimizer = tn.Adam(self.net.parameters(), lr=self.network.lr)
        self.learn_from(*digits_of(self.network, task), self.network.batch)

    def learn_from(self, X: Floats, y: Ints, batch: int) -> None:
        self.loader = tn.DataLoader(X, y, batch_size=batch, shuffle=True, drop_last=True, rng=0)

    def epoch(self) -> float:
        history = tn.fit(
            *(self.net, self.loss_fn, self.optimizer, self.loader), progress=False, compiled=True
        )
        return history.train_loss[0]

    def guesses(self, X: Floats) -> Ints:
        return self.net.predict(X).argmax(axis=1)

    def predictor(self, X: Floats) -> Callable[[], Floats]:
        """What predicts these digits, whenever it is called."""
        return lambda: self.net.predict(X)


def make_net(network: Network) -> tn.Sequential:
    layers: list[tn.Module] = [tn.Unflatten(1, (1, 28, 28))]
    weights = iter(first_weights(network))
    for C, O in pairwise(network.channels):
        convolution = tn.Conv2d(C, O, KERNEL, padding=network.padding)
        convolution.W.data[:], convolution.b.data[:] = next(weights)
        layers += [convolution, tn.MaxPool2d(POOL), tn.ReLU()]
    layers.append(tn.Flatten())
    for I, O in pairwise(network.widths):
        linear = tn.Linear(I, O)
        linear.W.data[:], linear.b.data[:] = next(weights)
        layers += [linear, tn.ReLU()]
    return tn.Sequential(*layers[:-1])


if __name__ == "__main__":
    run(TinynetFitCNN)
