"""Lesson 11 in PyTorch: how far learning moves the weights, and which cannot move."""

import torch
from ffn import digits, learn, network

EPOCHS = 60


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    X_train, _, y_train, _ = digits(seed)
    net = network(seed)
    linear_layers = net[0:7:2]
    before = [layer.weight.detach().clone() for layer in linear_layers]
    learn(net, X_train, y_train, EPOCHS)
    after = [layer.weight.detach() for layer in linear_layers]
    unlit = X_train.amax(dim=0) == 0
    moved = (before[0] != after[0])[:, unlit]
    return {
        "spread after over spread before, last layer": (after[-1].std() / before[-1].std()).item(),
        "moved weights of pixels that are never lit": moved.sum().item(),
    }
