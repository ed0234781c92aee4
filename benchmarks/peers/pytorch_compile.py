"""Bare PyTorch with forward, loss and backward through `torch.compile`."""

import torch
from pytorch_bare import PyTorchBare
from task import Task, run


class PyTorchCompile(PyTorchBare):
    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.loss = torch.compile(self.loss)  # type: ignore[method-assign]


if __name__ == "__main__":
    run(PyTorchCompile)
