"""thinc's layers, its SGD and its shuffling `multibatch`."""

from itertools import pairwise

import numpy as np
from task import BATCH, SIZES, Floats, Ints, Task, run
from thinc.api import SGD, Relu, Softmax, chain


class ThincMLP:
    def __init__(self, task: Task) -> None:
        self.X, self.targets = task.X, np.eye(10, dtype=np.float32)[task.y]
        hidden = [Relu(O, I) for I, O in pairwise(SIZES[:-1])]
        self.model = chain(*hidden, Softmax(SIZES[-1], SIZES[-2])).initialize()
        for layer, (W, b) in zip(self.model.layers, task.weights):
            layer.set_param("W", np.ascontiguousarray(W.T))
            layer.set_param("b", b.copy())
        self.optimizer = SGD(task.lr, L2=0, grad_clip=0)
        np.random.seed(0)  # noqa: NPY002  multibatch draws from NumPy's global generator

    def epoch(self) -> float:
        losses = []
        batches = self.model.ops.multibatch(BATCH, self.X, self.targets, shuffle=True)
        for x, targets in batches:
            if len(x) < BATCH:
                break
            probabilities, backward = self.model.begin_update(x)
            losses.append(-np.log(probabilities[targets == 1]).mean())
            backward((probabilities - targets) / BATCH)
            self.model.finish_update(self.optimizer)
        return float(np.mean(losses))

    def guesses(self, X: Floats) -> Ints:
        return self.model.predict(X).argmax(axis=1)


if __name__ == "__main__":
    run(ThincMLP)
