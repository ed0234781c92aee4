"""`tn.fit` with a Tanh of one's own in plain NumPy, in three places."""

import numpy as np
from task import Floats, Task, run
from tinynet_fit import TinynetFit

import tinynet as tn


class NumpyTanh(tn.Module):
    def forward(self, x: Floats) -> Floats:
        y = np.tanh(x)
        self.keep(y)
        return y

    def backward(self, dy: Floats) -> Floats:
        dy, y = self.kept(dy)
        return dy * (1 - y**2)


class TinynetFitNumpyTanh(TinynetFit):
    activation = NumpyTanh
    compiled = None  # what is NumPy stays Python, between pieces of compiled code

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        tn.compile(self.net, self.loss_fn, self.optimizer)  # as a long fit does by itself


if __name__ == "__main__":
    run(TinynetFitNumpyTanh)
