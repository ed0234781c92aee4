"""First weights have PyTorch's distribution, and with a TorchGenerator its very numbers."""

import math

import numpy as np
import pytest
import torch
from strategies import same_bits

import tinynet as tn

KINDS = [np.float32, np.float64]
SHAPES = {"W of a Linear": (30, 50), "a convolution": (6, 5, 3, 4)}
UNIFORM = {
    "xavier": (tn.init.xavier_uniform, torch.nn.init.xavier_uniform_, {}),
    "xavier, tanh": (tn.init.xavier_uniform, torch.nn.init.xavier_uniform_, {"gain": 5 / 3}),
    "kaiming": (tn.init.kaiming_uniform, torch.nn.init.kaiming_uniform_, {}),
    "kaiming, a": (tn.init.kaiming_uniform, torch.nn.init.kaiming_uniform_, {"a": math.sqrt(5)}),
    "kaiming, fan_out": (
        *(tn.init.kaiming_uniform, torch.nn.init.kaiming_uniform_),
        {"mode": "fan_out", "nonlinearity": "relu"},
    ),
}
NORMAL = {
    "xavier": (tn.init.xavier_normal, torch.nn.init.xavier_normal_, {"gain": 2.0}),
    "kaiming": (tn.init.kaiming_normal, torch.nn.init.kaiming_normal_, {"nonlinearity": "relu"}),
    "kaiming, fan_out": (
        *(tn.init.kaiming_normal, torch.nn.init.kaiming_normal_),
        {"mode": "fan_out", "nonlinearity": "tanh"},
    ),
}


def parameter(shape, dtype=np.float32):
    return tn.Parameter(np.full(shape, np.inf, dtype))


def pytorchs(function, shape, dtype, seed=None, **options):
    """PyTorch's weights, in tinynet's layout."""
    weight = torch.empty(shape[::-1] if len(shape) == 2 else shape, dtype=getattr(torch, dtype))
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    function(weight, generator=generator, **options)
    return weight.numpy().T if len(shape) == 2 else weight.numpy()


@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
@pytest.mark.parametrize("dtype", KINDS)
@pytest.mark.parametrize(("ours", "theirs", "options"), UNIFORM.values(), ids=UNIFORM)
def test_uniform_numbers_are_pytorchs_bit_for_bit(shape, dtype, ours, theirs, options):
    made = ours(parameter(shape, dtype), **options, rng=tn.TorchGenerator(3)).data
    expected = pytorchs(theirs, shape, np.dtype(dtype).name, seed=3, **options)
    assert same_bits(made, np.ascontiguousarray(expected))


@pytest.mark.parametrize("low_high", [(0.0, 1.0), (-0.25, 0.75), (-2.0, 2.0), (3.0, 3.0)])
def test_uniform_between_any_bounds(low_high):
    made = tn.init.uniform(parameter((40, 30)), *low_high, rng=tn.TorchGenerator(1)).data
    expected = pytorchs(
        torch.nn.init.uniform_, (40, 30), "float32", seed=1, a=low_high[0], b=low_high[1]
    )
    np.testing.assert_allclose(made, expected, rtol=0, atol=3e-7)


@pytest.mark.parametrize(("ours", "theirs", "options"), NORMAL.values(), ids=NORMAL)
@pytest.mark.parametrize("shape", [(300, 200), (30, 20, 10, 10)])
def test_normal_numbers_have_pytorchs_spread(ours, theirs, options, shape):
    made = ours(parameter(shape), **options, rng=0).data
    expected = pytorchs(theirs, shape, "float32", seed=0, **options)
    assert made.std() == pytest.approx(expected.std(), rel=0.02)
    assert abs(made.mean()) < 0.02 * made.std()
    assert 2.5 < abs(made).max() / made.std() < 7  # no uniform numbers


def test_normal_and_constant():
    made = tn.init.normal(parameter((300, 200)), 2.0, 0.5, rng=0).data
    assert made.mean() == pytest.approx(2, rel=0.01) and made.std() == pytest.approx(0.5, rel=0.02)
    assert (tn.init.constant(parameter((3,)), -1.5).data == -1.5).all()


@pytest.mark.parametrize("name", ["linear", "sigmoid", "tanh", "relu", "leaky_relu"])
def test_gains(name):
    assert tn.init.gain_of(name, 0.2) == pytest.approx(
        torch.nn.init.calculate_gain(name, 0.2 if name == "leaky_relu" else None)
    )


def test_one_seed_gives_one_result_in_place_and_two_give_two():
    layer = tn.Linear(4, 3, rng=0)
    assert tn.init.kaiming_normal(layer.W, rng=1) is layer.W
    again, other = (tn.init.kaiming_normal(parameter((4, 3)), rng=seed) for seed in (1, 2))
    assert same_bits(layer.W.data, again.data)
    assert not np.array_equal(again.data, other.data)


W, B = parameter((4, 3)), parameter((3,))
FAULTS = [
    (lambda: tn.init.kaiming_uniform(B), ValueError, r"shape \(3,\) .* init\.constant"),
    (lambda: tn.init.xavier_normal(np.ones((3, 3))), TypeError, r"ndarray, expected a Parameter"),
    (lambda: tn.init.kaiming_normal(W, mode="fan"), ValueError, "mode = 'fan', expected 'fan_in'"),
    (lambda: tn.init.kaiming_normal(W, nonlinearity="Tanh"), ValueError, "'Tanh', expected one of"),
    (lambda: tn.init.uniform(W, 1, 0), ValueError, "high = 0 is below low = 1"),
    (lambda: tn.init.uniform(W, 0, np.inf), ValueError, "init.uniform: high"),
    (lambda: tn.init.normal(W, std=-1), ValueError, "std"),
    (lambda: tn.init.constant(W, "0"), TypeError, "value"),
    (lambda: tn.init.xavier_uniform(W, gain=-1), ValueError, "gain"),
    (lambda: tn.init.normal(W, rng=tn.TorchGenerator(0)), TypeError, "use init.uniform"),
    (lambda: tn.init.normal(W, rng=True), TypeError, "rng"),
]


@pytest.mark.parametrize(("wrong", "error", "words"), FAULTS)
def test_bad_arguments_are_refused_and_nothing_is_changed(wrong, error, words):
    with pytest.raises(error, match=words):
        wrong()
    assert np.isinf(W.data).all() and np.isinf(B.data).all()
