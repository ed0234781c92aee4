"""The same network in PyTorch, in float64, and the comparison of one forward and backward pass."""

from typing import Any

import numpy as np
import torch
from strategies import Array, assert_close_to_torch

import tinynet as tn


def tensor(values: Array, requires_grad: bool = False) -> torch.Tensor:
    return torch.tensor(np.array(values, order="C"), requires_grad=requires_grad)


class Sum(torch.nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a + b


def twin(module: tn.Module) -> torch.nn.Module:
    """PyTorch's layer or network with the same weights."""
    match module:
        case tn.Sequential():
            return torch.nn.Sequential(*map(twin, module.layers))
        case tn.Linear():
            I, O = module.W.data.shape
            linear = torch.nn.Linear(I, O, bias=module.b is not None, dtype=torch.float64)
            linear.load_state_dict({k: tensor(v) for k, v in module.state_dict().items()})
            return linear
        case tn.TransposedLinear() | tn.Conv2d():
            return tn.to_torch(module)
        case tn.ReLU():
            return torch.nn.ReLU()
        case tn.LeakyReLU():
            return torch.nn.LeakyReLU(module.negative_slope)
        case tn.ReLU6() | tn.Sigmoid() | tn.Tanh():
            return getattr(torch.nn, type(module).__name__)()
        case tn.BatchNorm1d() | tn.BatchNorm2d():
            kind = getattr(torch.nn, type(module).__name__)
            norm = kind(module.num_features, module.eps, module.momentum)
            norm = norm.double().train(module.training)
            norm.load_state_dict({k: tensor(v) for k, v in module.state_dict().items()})
            return norm
        case tn.Dropout():
            return torch.nn.Dropout(module.p).train(module.training)
        case tn.Softmax():
            return torch.nn.Softmax(dim=module.axis)
        case tn.LogSoftmax():
            return torch.nn.LogSoftmax(dim=module.axis)
        case tn.Flatten():
            return torch.nn.Flatten(module.start_dim, module.end_dim)
        case tn.Unflatten():
            return torch.nn.Unflatten(module.dim, module.unflattened_size)
        case tn.MaxPool2d() | tn.AvgPool2d():
            return getattr(torch.nn, type(module).__name__)(**module.options())
        case tn.Add():
            return Sum()
    raise NotImplementedError(f"say in twins.py what {module!r} is in PyTorch")


def assert_agrees_with_torch(module: tn.Module, dy: Array, *inputs: Array) -> None:
    """Compare output, input gradients and parameter gradients with autograd's."""
    other = twin(module)
    leaves = [tensor(x, requires_grad=True) for x in inputs]
    y, expected = module(*inputs), other(*leaves)
    assert_close_to_torch(y, expected)
    expected.backward(tensor(dy))
    dx = module.backward(dy)
    for part, leaf in zip(dx if isinstance(dx, tuple) else (dx,), leaves, strict=True):
        assert_close_to_torch(part, leaf.grad)
    assert_gradients_agree(module, other)


def assert_gradients_agree(module: tn.Module, other: torch.nn.Module) -> None:
    theirs = dict(other.named_parameters())
    ours = dict(module.named_parameters())
    assert ours.keys() == theirs.keys()
    layouts = {
        id(parameter): layer.torch_layout[name][1]
        for _, layer in module.named_modules()
        for name, parameter in layer.own_parameters()
        if name in layer.torch_layout
    }
    for name, parameter in ours.items():
        gradient: Any = parameter.grad
        layout = layouts.get(id(parameter), np.asarray)
        assert_close_to_torch(layout(gradient), theirs[name].grad)
