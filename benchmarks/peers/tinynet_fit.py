"""tinynet as a user calls it: `tn.fit`, one epoch per call, its accuracies and checks included."""

from collections.abc import Callable

from task import BATCH, Floats, Ints, Task, run

import tinynet as tn


class TinynetFit:
    activation: Callable[[], tn.Module] = tn.ReLU
    compiled: bool | None = True

    def __init__(self, task: Task) -> None:
        layers = self.layers(task.weights)
        self.net = tn.Sequential(*layers, tn.LogSoftmax())
        self.loss_fn = tn.NLLLoss()
        self.optimizer = tn.SGD(self.net.parameters(), lr=task.lr)
        self.loader = tn.DataLoader(
            task.X, task.y, batch_size=BATCH, shuffle=True, drop_last=True, rng=0
        )

    def layers(self, weights: list[tuple[Floats, Floats]]) -> list[tn.Module]:
        layers: list[tn.Module] = []
        for W, b in weights:
            layers += self.between(len(W)) if layers else []
            linear = tn.Linear(*W.shape)
            linear.W.data[:], linear.b.data[:] = W, b
            layers.append(linear)
        return layers

    def between(self, width: int) -> list[tn.Module]:
        """What stands between two Linear layers."""
        return [self.activation()]

    def epoch(self) -> float:
        history = tn.fit(
            *(self.net, self.loss_fn, self.optimizer, self.loader),
            progress=False,
            compiled=self.compiled,
        )
        return history.train_loss[0]

    def guesses(self, X: Floats) -> Ints:
        return self.net.predict(X).argmax(axis=1)


if __name__ == "__main__":
    run(TinynetFit)
