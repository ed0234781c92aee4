"""PyTorch as a course writes it: DataLoader, modules, loss and accuracy of every batch kept."""

from collections.abc import Callable

import torch
from task import BATCH, Floats, Ints, Task, run
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def make_model(task: Task) -> nn.Sequential:
    return nn.Sequential(*linears(task.weights), nn.LogSoftmax(dim=1))


def relu(width: int) -> list[nn.Module]:
    return [nn.ReLU()]


def linears(
    weights: list[tuple[Floats, Floats]], between: Callable[[int], list[nn.Module]] = relu
) -> list[nn.Module]:
    """Linear layers with these weights, and what stands between two of a width."""
    layers: list[nn.Module] = []
    for W, b in weights:
        layers += between(len(W)) if layers else []
        linear = nn.Linear(*W.shape)
        linear.load_state_dict({"weight": torch.tensor(W.T), "bias": torch.tensor(b)})
        layers.append(linear)
    return layers


class PyTorchCourse:
    def __init__(self, task: Task) -> None:
        torch.manual_seed(0)
        self.model = make_model(task)
        self.loss_fn = nn.NLLLoss()
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=task.lr)
        digits = TensorDataset(torch.from_numpy(task.X), torch.from_numpy(task.y))
        self.loader = DataLoader(digits, batch_size=BATCH, shuffle=True, drop_last=True)

    def epoch(self) -> float:
        losses, accuracies = [], []
        for xb, yb in self.loader:
            log_probs = self.model(xb)
            loss = self.loss_fn(log_probs, yb)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            losses.append(loss.item())
            accuracies.append((log_probs.argmax(dim=1) == yb).float().mean().item())
        return sum(losses) / len(losses)

    def guesses(self, X: Floats) -> Ints:
        with torch.inference_mode():
            return self.model(torch.tensor(X)).argmax(dim=1).numpy()


if __name__ == "__main__":
    run(PyTorchCourse)
