"""Lesson 17 in PyTorch: ten layers under five rules for the first weights, and the weights' way."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from torch import nn

import tinynet as tn

Fill = Callable[[torch.Tensor], object]
TEN_LAYERS, FFN = (784, *[64] * 9, 10), (784, 64, 32, 32, 10)


def make_network(sizes: tuple[int, ...], activation: Callable[[], nn.Module], fill: Fill):
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        linear = nn.Linear(n_in, n_out)
        fill(linear.weight)
        nn.init.zeros_(linear.bias)
        layers += [linear, activation()]
    return nn.Sequential(*layers[:-1])


def gradient_factor(net: nn.Sequential, X: torch.Tensor, y: torch.Tensor) -> float:
    """By how much a hidden layer multiplies the gradient on its way back."""
    outputs = []
    for layer in net:
        X = layer(X)
        if isinstance(layer, nn.Linear):
            X.retain_grad()
            outputs.append(X)
    nn.functional.cross_entropy(X, y).backward()
    sizes = [output.grad.abs().mean().item() for output in outputs]
    return (sizes[0] / sizes[8]) ** (1 / 8)


def measure(seed: int) -> dict[str, float]:
    torch.set_num_threads(1)
    digits = tn.datasets.mnist_small()
    X = tn.data.minmax_scale(digits.images)
    split = train_test_split(X, digits.labels, test_size=0.1, random_state=seed)
    X_train, X_test, y_train, y_test = map(torch.tensor, split)

    def learn(net: nn.Module, optimizer: torch.optim.Optimizer, epochs: int = 2) -> list[float]:
        """Train; return the mean loss of each epoch."""
        losses = []
        for _ in range(epochs):
            total, batches = 0.0, torch.randperm(len(X_train)).split(32)
            batches = [batch for batch in batches if len(batch) == 32]
            for batch in batches:
                loss = nn.functional.cross_entropy(net(X_train[batch]), y_train[batch])
                if not loss.isfinite():
                    return losses
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += loss.item()
            losses.append(total / len(batches))
        return losses

    @torch.no_grad()
    def accuracy(net: nn.Module) -> float:
        return 100 * (net(X_test).argmax(1) == y_test).float().mean().item()

    def normal(std: float) -> Fill:
        return lambda weight: nn.init.normal_(weight, std=std)

    def equal(value: float) -> Fill:
        return lambda weight: nn.init.constant_(weight, value)

    def he(weight: torch.Tensor) -> object:
        return nn.init.kaiming_normal_(weight, nonlinearity="relu")

    def own(weight: torch.Tensor) -> object:
        return weight

    figures = {}
    for text, activation, fill in (
        ("ReLU, std 0.01", nn.ReLU, normal(0.01)),
        ("ReLU, std 1", nn.ReLU, normal(1)),
        ("ReLU, He", nn.ReLU, he),
        ("Sigmoid, Glorot", nn.Sigmoid, nn.init.xavier_normal_),
    ):
        net = make_network(TEN_LAYERS, activation, fill)
        figure = gradient_factor(net, X_train[:500], y_train[:500])
        figures[f"{text}: gradient times, per layer"] = figure
    for text, fill in (("ReLU, He", he), ("ReLU, Linear's own", own)):
        net = make_network(TEN_LAYERS, nn.ReLU, fill)
        learn(net, torch.optim.SGD(net.parameters(), lr=0.01))
        figures[f"{text}: test accuracy (%)"] = accuracy(net)
    for text, fill in (("all 0", equal(0)), ("all 1", equal(1)), ("random", he)):
        net = make_network(FFN, nn.ReLU, fill)
        learn(net, torch.optim.Adam(net.parameters(), lr=0.01))
        units = np.unique(net[0].weight.detach().numpy(), axis=0)
        figures[f"weights {text}: different units of 64"] = len(units)
        figures[f"weights {text}: test accuracy (%)"] = accuracy(net)
    stds = [float(std) for std in np.geomspace(0.0001, 10, 16)]
    for name, std, optimizer in (
        ("Adam, std 0.01", stds[6], torch.optim.Adam),
        ("SGD, std 0.01", stds[6], torch.optim.SGD),
        ("SGD, std 2", stds[13], torch.optim.SGD),
    ):
        net = make_network(FFN, nn.ReLU, normal(std))
        learn(net, optimizer(net.parameters(), lr=0.01))
        figures[f"{name}: test accuracy (%)"] = accuracy(net)

    net = make_network(FFN, nn.ReLU, own)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001)
    losses, weights = [math.log(10)], [net[0].weight.detach().clone()]
    for _ in range(50):
        losses += learn(net, optimizer, epochs=1)
        weights.append(net[0].weight.detach().clone())
    changes = [(new - old).norm().item() for old, new in pairwise(weights)]
    ratio = changes[int(np.argmin(np.diff(losses)))] / changes[-1]
    figures["change where the loss falls fastest, over the last"] = ratio
    ratio = (torch.linalg.cond(weights[-1]) / torch.linalg.cond(weights[0])).item()
    figures["condition number of layer 1, after over before"] = ratio
    return figures
