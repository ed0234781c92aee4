"""PyTorch on the autoencoder, with nothing around it, as in ``pytorch_bare``."""

import torch
from pytorch_bare import PyTorchBare
from pytorch_course import linears
from task import AUTOENCODER, Floats, Task, draw_weights, explained, run
from torch import nn
from torch.nn import functional as F


class PyTorchAutoencoder(PyTorchBare):
    def __init__(self, task: Task) -> None:
        torch.manual_seed(0)
        self.X = self.y = torch.from_numpy(task.X)
        layers = linears(draw_weights(AUTOENCODER))
        self.model = nn.Sequential(*layers, nn.Sigmoid())
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.001)

    def loss(self, xb: torch.Tensor, yb: torch.Tensor) -> torch.Tensor:
        return F.mse_loss(self.model(xb), yb)

    def rebuilt(self, X: Floats) -> Floats:
        with torch.inference_mode():
            return self.model(torch.tensor(X)).numpy()

    def accuracy(self, task: Task) -> float:
        return explained(self.rebuilt(task.X_test), task.X_test)


if __name__ == "__main__":
    run(PyTorchAutoencoder)
