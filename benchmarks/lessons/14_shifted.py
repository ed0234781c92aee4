"""Lesson 14 in PyTorch: test digits out of place, learned from digits in place and from shifted."""

import torch
from ffn import accuracy, digits, learn, network
from torch import Tensor
from torch.nn import functional as F

EPOCHS, COPIES = 60, 5
DIRECTIONS = (1, 0), (-1, 0), (0, 1), (0, -1)


def shifted(X: Tensor, right: int, down: int) -> Tensor:
    """Move images by whole pixels; what leaves the frame is lost, black comes in."""
    return F.pad(X.view(-1, 28, 28), (right, -right, down, -down)).flatten(1)


def shifted_at_random(X: Tensor) -> Tensor:
    """Move each image by up to two pixels in each direction."""
    moved, steps = torch.empty_like(X), torch.randint(-2, 3, (len(X), 2))
    for right in range(-2, 3):
        for down in range(-2, 3):
            chosen = (steps == torch.tensor([right, down])).all(dim=1)
            moved[chosen] = shifted(X[chosen], right, down)
    return moved


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    X_train, X_test, y_train, y_test = digits(seed)
    X_moved = torch.cat([shifted_at_random(X_train) for _ in range(COPIES)])
    centred, moved = network(seed), network(seed)
    learn(centred, X_train, y_train, EPOCHS)
    learn(moved, X_moved, y_train.repeat(COPIES), EPOCHS // COPIES)

    def score(net: torch.nn.Module, far: int) -> float:
        """Mean of the test accuracies by direction."""
        copies = [shifted(X_test, right * far, down * far) for right, down in DIRECTIONS]
        return sum(accuracy(net, X, y_test) for X in copies) / len(copies)

    return {
        "moved by 4 pixels (%)": score(centred, 4),
        "learned from shifted digits, moved by 2 pixels (%)": score(moved, 2),
    }
