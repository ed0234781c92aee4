"""PyTorch on the main lesson's network with Dropout behind each ReLU, as in ``pytorch_bare``."""

import torch
from pytorch_bare import PyTorchBare
from pytorch_course import linears
from task import Task, run
from torch import nn


def between(width: int) -> list[nn.Module]:
    return [nn.ReLU(), nn.Dropout(0.2)]


class PyTorchDropout(PyTorchBare):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.model = nn.Sequential(*linears(task.weights, between), nn.LogSoftmax(dim=1))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.05)


if __name__ == "__main__":
    run(PyTorchDropout)
