"""tinynet's `tn.fit` on the autoencoder: what it learns is its own input."""

from task import AUTOENCODER, BATCH, Floats, Task, draw_weights, explained, run
from tinynet_fit import TinynetFit

import tinynet as tn


class TinynetFitAutoencoder(TinynetFit):
    def __init__(self, task: Task) -> None:
        layers = self.layers(draw_weights(AUTOENCODER))
        self.net = tn.Sequential(*layers, tn.Sigmoid())
        self.loss_fn = tn.MSELoss()
        self.optimizer = tn.Adam(self.net.parameters(), lr=0.001)
        self.loader = tn.DataLoader(
            task.X, task.X, batch_size=BATCH, shuffle=True, drop_last=True, rng=0
        )

    def rebuilt(self, X: Floats) -> Floats:
        return self.net.predict(X)

    def accuracy(self, task: Task) -> float:
        return explained(self.rebuilt(task.X_test), task.X_test)


if __name__ == "__main__":
    run(TinynetFitAutoencoder)
