"""PyTorch on the course's CNN, with nothing around it, as in ``pytorch_bare``."""

from collections.abc import Callable
from itertools import pairwise

import torch
from picture_networks import COURSE, KERNEL, POOL, Network, digits_of, first_weights
from pytorch_course import linears
from task import Floats, Ints, Task, run
from torch import nn
from torch.nn import functional as F


class PyTorchCNN:
    network: Network = COURSE

    def __init__(self, task: Task) -> None:
        torch.manual_seed(0)
        self.model = make_model(self.network)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=self.network.lr)
        self.learn_from(*digits_of(self.network, task), self.network.batch)

    def learn_from(self, X: Floats, y: Ints, batch: int) -> None:
        self.X, self.y, self.batch = torch.from_numpy(X), torch.from_numpy(y), batch

    def epoch(self) -> float:
        batches = len(self.X) // self.batch
        order = torch.randperm(len(self.X))[: batches * self.batch].view(batches, self.batch)
        total = torch.zeros(())
        for rows in order:
            loss = F.cross_entropy(self.model(self.X[rows]), self.y[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
        return total.item() / batches

    def guesses(self, X: Floats) -> Ints:
        return self.predictor(X)().argmax(dim=1).numpy()

    def predictor(self, X: Floats) -> Callable[[], torch.Tensor]:
        """What predicts these digits, whenever it is called."""
        x, model = torch.tensor(X), self.model
        return torch.inference_mode()(lambda: model(x))


def make_model(network: Network) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Unflatten(1, (1, 28, 28))]
    weights = first_weights(network)
    sizes = list(pairwise(network.channels))
    for (C, O), (W, b) in zip(sizes, weights, strict=False):
        convolution = nn.Conv2d(C, O, KERNEL, padding=network.padding)
        convolution.load_state_dict({"weight": torch.tensor(W), "bias": torch.tensor(b)})
        layers += [convolution, nn.MaxPool2d(POOL), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), *linears(weights[len(sizes) :]))


if __name__ == "__main__":
    run(PyTorchCNN)
