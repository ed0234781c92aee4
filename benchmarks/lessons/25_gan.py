"""Lesson 25 in PyTorch: a GAN of the same networks, and a third one that reads its digits."""

from itertools import pairwise

import numpy as np
import torch
from torch import nn

import tinynet as tn

torch.set_num_threads(1)


def make_network(sizes: tuple[int, ...], last: nn.Module) -> nn.Sequential:
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1], last)


def measure(seed: int) -> dict[str, float]:
    digits = tn.datasets.mnist_small()
    X = torch.as_tensor(digits.images / np.float32(127.5) - 1)
    y = torch.as_tensor(digits.labels)
    G = make_network((64, 256, 256, 784), nn.Tanh())
    D = make_network((784, 256, 256, 1), nn.Sigmoid())
    untrained = G(torch.randn(2000, 64)).detach()
    optimizer_G = torch.optim.Adam(G.parameters(), lr=0.0003, betas=(0.5, 0.999))
    optimizer_D = torch.optim.Adam(D.parameters(), lr=0.0003, betas=(0.5, 0.999))
    loss_fn, real, fake = nn.BCELoss(), torch.ones(100, 1), torch.zeros(100, 1)
    right = []
    for _ in range(50):
        for rows in torch.randperm(len(X)).split(100):
            of_real, of_fake = D(X[rows]), D(G(torch.randn(100, 64)).detach())
            loss = loss_fn(of_real, real) + loss_fn(of_fake, fake)
            optimizer_D.zero_grad()
            loss.backward()
            optimizer_D.step()

            loss = loss_fn(D(G(torch.randn(100, 64))), real)
            optimizer_G.zero_grad()
            loss.backward()
            optimizer_G.step()
            right.append(((of_real > 0.5).float().mean() + (of_fake < 0.5).float().mean()) / 2)

    reader, nll = make_network((784, 64, 32, 32, 10), nn.LogSoftmax(dim=1)), nn.NLLLoss()
    optimizer = torch.optim.Adam(reader.parameters())
    for _ in range(8):
        for rows in torch.randperm(len(X) - 2000).split(32):
            loss = nll(reader(X[rows]), y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        written = reader(G(torch.randn(2000, 64)))
        before = reader(untrained)

    def sure(log_probs: torch.Tensor) -> float:
        return 100 * (log_probs.max(dim=1).values > np.log(0.9)).float().mean().item()

    kinds = torch.bincount(written.argmax(dim=1), minlength=10)
    return {
        "D is right, last five epochs (%)": 100 * torch.stack(right[-1000:]).mean().item(),
        "written digits the reader is sure of (%)": sure(written),
        "the same before G has learned (%)": sure(before),
        "kinds of digits, of 10": float((kinds >= 20).sum()),
    }
