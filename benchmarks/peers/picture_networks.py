"""The networks for pictures that peers learn: sizes, first weights, and digits, the same for all.

The course's CNN and LeNet-5 differ in sizes alone: convolutions of 5 x 5, each followed by a
max-pool of 2 and ReLU, then Linear layers with ReLU between, cross-entropy, Adam. Nothing here
imports tinynet or a peer's library.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from task import Floats, Ints, Task, draw_weights

KERNEL = 5
POOL = 2


class Network(NamedTuple):
    """A network for digits of 28 x 28, and how it learns.

    ``channels`` are those of the picture and of each convolution; ``widths`` those of the Linear
    layers, of what the last pool gives to the classes.
    """

    channels: tuple[int, ...]
    padding: int
    widths: tuple[int, ...]
    lr: float
    batch: int
    digits: int


COURSE = Network((1, 10, 20), 1, (500, 50, 10), lr=1e-3, batch=32, digits=18_000)
LENET = Network((1, 6, 16), 0, (256, 120, 84, 10), lr=3e-4, batch=128, digits=60_000)


def first_weights(network: Network) -> list[tuple[Floats, Floats]]:
    """W (O, C, K, K) and b (O,) of each convolution, W (I, O) and b (O,) of each Linear layer."""
    rng = np.random.default_rng(0)
    weights = []
    for C, O in pairwise(network.channels):
        bound = 1 / np.sqrt(C * KERNEL**2)
        W, b = rng.uniform(-bound, bound, (O, C, KERNEL, KERNEL)), rng.uniform(-bound, bound, O)
        weights.append((W.astype(np.float32), b.astype(np.float32)))
    return weights + draw_weights(network.widths)


def digits_of(network: Network, task: Task) -> tuple[Floats, Ints]:
    """As many digits as the network learns in an epoch; the task's are repeated if it has fewer."""
    rows = np.arange(network.digits) % len(task.X)
    return (task.X, task.y) if len(rows) == len(task.X) else (task.X[rows], task.y[rows])
