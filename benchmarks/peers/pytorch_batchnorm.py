"""PyTorch on the main lesson's network with BatchNorm1d, as ``pytorch_bare`` in all else."""

import torch
from pytorch_bare import PyTorchBare
from pytorch_course import linears
from task import Task, run
from torch import nn


def between(width: int) -> list[nn.Module]:
    return [nn.BatchNorm1d(width), nn.ReLU()]


class PyTorchBatchNorm(PyTorchBare):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.model = nn.Sequential(*linears(task.weights, between), nn.LogSoftmax(dim=1))
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=task.lr)


if __name__ == "__main__":
    run(PyTorchBatchNorm)
