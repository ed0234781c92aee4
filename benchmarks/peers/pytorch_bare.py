"""PyTorch with nothing around it: bare tensors, one gather per batch, the losses summed unread."""

import torch
from pytorch_course import make_model
from task import BATCH, Floats, Ints, Task, run
from torch.nn import functional as F


class PyTorchBare:
    def __init__(self, task: Task) -> None:
        torch.manual_seed(0)
        self.X, self.y = torch.from_numpy(task.X), torch.from_numpy(task.y)
        self.model = make_model(task)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=task.lr)

    def loss(self, xb: torch.Tensor, yb: torch.Tensor) -> torch.Tensor:
        return F.nll_loss(self.model(xb), yb)

    def epoch(self) -> float:
        batches = len(self.X) // BATCH
        order = torch.randperm(len(self.X))[: batches * BATCH].view(batches, BATCH)
        total = torch.zeros(())
        for rows in order:
            loss = self.loss(self.X[rows], self.y[rows])
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.detach()
        return total.item() / batches

    def guesses(self, X: Floats) -> Ints:
        self.model.eval()
        with torch.inference_mode():
            guesses = self.model(torch.tensor(X)).argmax(dim=1).numpy()
        self.model.train()
        return guesses


if __name__ == "__main__":
    run(PyTorchBare)
