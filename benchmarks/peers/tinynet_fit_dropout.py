"""tinynet's `tn.fit` on the main lesson's network with Dropout behind each ReLU."""

from task import Task, run
from tinynet_fit import TinynetFit

import tinynet as tn


class TinynetFitDropout(TinynetFit):
    def __init__(self, task: Task) -> None:
        super().__init__(task._replace(lr=0.05))  # at 0.01 it has hardly begun after five epochs

    def between(self, width: int) -> list[tn.Module]:
        return [self.activation(), tn.Dropout(0.2, rng=width)]


if __name__ == "__main__":
    run(TinynetFitDropout)
