"""NumPy by hand: the same formulas as tinynet's, every product a BLAS call."""

import numpy as np
from task import BATCH, Floats, Ints, Task, run


class NumpyByHand:
    def __init__(self, task: Task) -> None:
        self.X, self.y, self.lr = task.X, task.y, task.lr
        self.weights = [(W.copy(), b.copy()) for W, b in task.weights]
        self.rng = np.random.default_rng(0)

    def forward(self, x: Floats) -> list[Floats]:
        """The input of every layer, then the log-probabilities."""
        values = [x]
        for W, b in self.weights:
            x = x @ W
            x += b
            values.append(x)
            if len(values) <= len(self.weights):
                np.maximum(x, 0, out=x)
        x -= x.max(axis=1, keepdims=True)
        x -= np.log(np.exp(x).sum(axis=1, keepdims=True))
        return values

    def epoch(self) -> float:
        batches, row = len(self.X) // BATCH, np.arange(BATCH)
        order = self.rng.permutation(len(self.X))[: batches * BATCH].reshape(batches, BATCH)
        total = 0.0
        for rows in order:
            labels = self.y[rows]
            *inputs, log_probs = self.forward(self.X[rows])
            total -= log_probs[row, labels].mean()
            dy = np.exp(log_probs)
            dy[row, labels] -= 1
            dy /= BATCH
            for layer in reversed(range(len(inputs))):
                x, (W, b) = inputs[layer], self.weights[layer]
                dW, db = x.T @ dy, dy.sum(axis=0)
                if layer:
                    dy = dy @ W.T
                    dy *= x > 0
                dW *= self.lr
                W -= dW
                b -= self.lr * db
        return float(total / batches)

    def guesses(self, X: Floats) -> Ints:
        return self.forward(X)[-1].argmax(axis=1)


if __name__ == "__main__":
    run(NumpyByHand)
