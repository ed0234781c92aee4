"""Conv2d and ConvTranspose2d: PyTorch's numbers, sizes and first weights, and its options."""

import numpy as np
import pytest
import torch
from cases import slow_but
from drawn_windows import drawn
from hypothesis import given, settings
from strategies import normal, same_bits, seeds
from twins import tensor

import tinynet as tn

KINDS = [tn.Conv2d, tn.ConvTranspose2d]
ROWS = (0, 1, 2, 5, 8, 17)


def layers(kind, seed):
    """A layer of random options in float64, PyTorch's with the same weights, and pictures."""
    rng = np.random.default_rng(seed)
    sizes = drawn(rng, ROWS)
    window = sizes.kernel_size, sizes.stride, sizes.padding
    options = {"dilation": sizes.dilation, "bias": bool(rng.random() < 0.8), "rng": 0}
    if kind is tn.ConvTranspose2d:
        apart = zip(sizes.stride, sizes.dilation, strict=True)
        options["output_padding"] = tuple(int(rng.integers(max(both))) for both in apart)
        C, O, size = sizes.O, sizes.C, sizes.places
    else:
        C, O, size = sizes.C, sizes.O, sizes.size
    ours = kind(C, O, *window, dtype=np.float64, **options)
    return ours, tn.to_torch(ours), normal(rng, sizes.N, C, *size), rng


def assert_close(ours, theirs):
    there = theirs.detach().numpy()
    assert ours.shape == there.shape
    largest = np.abs(there).max(initial=0)
    assert np.abs(ours - there).max(initial=0) <= 1e-11 * max(largest, 1e-3)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12)
@given(seed=seeds)
def test_forward_and_backward_are_pytorchs_for_all_options_and_shapes(kind, seed):
    ours, theirs, x, rng = layers(kind, seed)
    leaf = tensor(x, requires_grad=True)
    try:
        expected = theirs(leaf)
    except RuntimeError:  # nothing is left of the picture
        with pytest.raises(ValueError, match=r"leaves|smaller than the window"):
            ours(x)
        return
    y = ours(x)
    assert_close(y, expected)
    dy = normal(rng, *y.shape)
    expected.backward(tensor(dy))
    assert_close(ours.backward(dy), leaf.grad)
    assert_close(ours.W.grad, theirs.weight.grad)
    if ours.b is not None:
        assert_close(ours.b.grad, theirs.bias.grad)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=150)
@given(seed=seeds)
def test_forward_and_backward_are_pytorchs_in_many_cases(kind, seed):
    test_forward_and_backward_are_pytorchs_for_all_options_and_shapes.hypothesis.inner_test(
        kind, seed
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_weights_are_pytorchs(kind):
    for options in ({}, {"bias": False}, {"dtype": np.float64}):
        torch.manual_seed(3)
        there = {n: torch.float64 if n == "dtype" else v for n, v in options.items()}
        theirs = getattr(torch.nn, kind.__name__)(3, 5, (2, 4), **there)
        ours = kind(3, 5, (2, 4), rng=tn.TorchGenerator(3), **options)
        assert same_bits(ours.W.data, theirs.weight.detach().numpy())
        assert (ours.b is None) == (theirs.bias is None)
        if ours.b is not None:
            assert same_bits(ours.b.data, theirs.bias.detach().numpy())
        assert list(ours.state_dict()) == list(theirs.state_dict())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "options",
    slow_but(
        1,
        [
            {"stride": 2, "padding": (1, 0), "bias": False},
            {"dilation": (1, 2), "stride": (3, 1), "dtype": np.float64},
            {},
        ],
    ),
)
def test_it_moves_there_and_back_and_is_told_as_the_code_that_makes_it(kind, options, tmp_path):
    layer = kind(2, 3, (3, 2), rng=0, **options)
    again = eval(repr(layer), {"np": np, kind.__name__: kind})
    assert again.options() == layer.options()
    back = tn.from_torch(tn.to_torch(layer))
    assert repr(back) == repr(layer)
    x = normal(np.random.default_rng(0), 2, 2, 7, 6, dtype=layer.W.data.dtype)
    assert same_bits(back.predict(x), layer.predict(x))
    net = tn.Sequential(layer)
    tn.save(net, tmp_path / "net.safetensors")
    loaded = tn.load(tmp_path / "net.safetensors")
    assert repr(loaded) == repr(net) and tn.fingerprint(loaded) == tn.fingerprint(net)


@pytest.mark.parametrize("kind", KINDS)
def test_a_transposed_convolution_is_the_way_back_of_a_convolution(kind):
    conv = tn.Conv2d(2, 3, 3, 2, 1, rng=0, bias=False)
    turned = tn.ConvTranspose2d(3, 2, 3, 2, 1, output_padding=1, bias=False)
    turned.W.data = conv.W.data
    rng = np.random.default_rng(0)
    x, dy = normal(rng, 2, 2, 8, 8, dtype=np.float32), normal(rng, 2, 3, 4, 4, dtype=np.float32)
    y = conv(x)
    assert same_bits(turned(dy), conv.backward(dy))
    assert same_bits(turned.backward(x), y)
    assert same_bits(turned.W.grad, conv.W.grad)


def test_one_by_one_it_is_a_linear_for_each_place():
    conv, linear = tn.Conv2d(5, 4, 1, rng=0), tn.Linear(5, 4, rng=0)
    conv.W.data, conv.b.data = linear.W.data.T.reshape(4, 5, 1, 1).copy(), linear.b.data
    x = normal(np.random.default_rng(0), 3, 5, 2, 2, dtype=np.float32)
    rows = np.ascontiguousarray(np.moveaxis(x, 1, -1)).reshape(-1, 5)
    y = np.moveaxis(conv(x), 1, -1).reshape(-1, 4)
    np.testing.assert_allclose(y, linear(rows), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_picture_alone_gets_the_bits_that_it_has_in_a_batch(kind, dtype):
    layer = kind(3, 7, (3, 5), (2, 1), 1, rng=0, dtype=dtype)
    x = normal(np.random.default_rng(0), 37, 3, 12, 13, dtype=dtype)
    together, dy = layer(x), normal(np.random.default_rng(1), 37, *layer(x).shape[1:], dtype=dtype)
    dx = layer.backward(dy)
    for first, last in ((0, 1), (3, 6), (20, 37)):
        assert same_bits(layer(x[first:last]), together[first:last])
        assert same_bits(layer.backward(dy[first:last]), dx[first:last])


def test_zeros_around_a_picture_take_part_in_what_is_not_finite():
    layer = tn.Conv2d(1, 1, 3, padding=1, rng=0)
    layer.W.data[0, 0, 0, 0] = np.inf
    with torch.no_grad():
        expected = tn.to_torch(layer)(torch.ones(2, 1, 4, 4)).numpy()
    y = layer(np.ones((2, 1, 4, 4), np.float32))
    assert np.isnan(y[:, :, 0]).all() and np.isnan(y[:, :, :, 0]).all()
    assert np.isposinf(y[:, :, 1:, 1:]).all() and np.isposinf(expected[:, :, 1:, 1:]).all()


@pytest.mark.parametrize("kind", KINDS)
class TestFaults:
    @pytest.mark.parametrize(
        ("shape", "words"),
        [
            ((4, 18), "Unflatten"),
            ((2, 3, 3), r"x\[None\]"),
            ((4, 3, 3, 3), "has 3 channels, expected 2"),
        ],
    )
    def test_other_inputs_are_refused_with_the_fix(self, kind, shape, words):
        layer = kind(2, 3, 2, rng=0)
        with pytest.raises(ValueError, match=words):
            layer(np.zeros(shape, np.float32))
        with pytest.raises(RuntimeError, match="backward"):
            layer.backward(np.zeros((1, 3, 2, 2), np.float32))

    @pytest.mark.parametrize("dtype", [np.uint8, np.float64, bool])
    def test_other_numbers_are_refused(self, kind, dtype):
        with pytest.raises(TypeError, match="expected float32"):
            kind(2, 3, 2, rng=0)(np.zeros((1, 2, 4, 4), dtype))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *(("in_channels", 0), ("out_channels", -1), ("in_channels", 2.0)),
            *(("kernel_size", 0), ("kernel_size", (2, 0)), ("kernel_size", 2.5)),
            *(("stride", 0), ("padding", -1), ("padding", "same"), ("dilation", 0)),
            ("dtype", np.float16),
        ],
    )
    def test_options_that_cannot_be_meant_are_refused_by_name(self, kind, name, value):
        options = {"in_channels": 2, "out_channels": 3, "kernel_size": 2} | {name: value}
        with pytest.raises((TypeError, ValueError), match=f"{kind.__name__}: {name}"):
            kind(**options)

    def test_options_of_pytorch_that_are_not_here_are_refused_by_name(self, kind):
        for options in ({"groups": 2}, {"padding_mode": "circular"}):
            if kind is tn.ConvTranspose2d and "padding_mode" in options:
                continue  # neither has it
            theirs = getattr(torch.nn, kind.__name__)(2, 2, 2, **options)
            with pytest.raises(TypeError, match=next(iter(options))):
                tn.from_torch(theirs)
        with pytest.raises(TypeError):
            kind(2, 2, 2, 1, 0, 1)  # there, the next place is that of another option


def test_output_padding_is_less_than_what_windows_are_apart():
    for stride, dilation, more in ((1, 1, 1), (2, 1, 2), ((2, 3), 1, 2)):
        with pytest.raises(ValueError, match=r"output_padding = .* must be smaller than stride"):
            tn.ConvTranspose2d(1, 1, 2, stride, output_padding=more, dilation=dilation)
    layer = tn.ConvTranspose2d(1, 1, 2, 3, output_padding=2)
    with pytest.raises(ValueError, match="output_padding"):
        layer.stride = 2
    assert layer.stride == (3, 3)


def test_what_padding_leaves_nothing_of_is_refused():
    with pytest.raises(ValueError, match=r"padding \(2, 2\) leaves -1 x -1"):
        tn.ConvTranspose2d(1, 1, 2, padding=2)(np.zeros((1, 1, 2, 2), np.float32))
    with pytest.raises(ValueError, match="smaller than the window, which spans 5 down"):
        tn.Conv2d(1, 1, 5)(np.zeros((1, 1, 4, 9), np.float32))


@pytest.mark.parametrize("kind", KINDS)
def test_gradients(kind):
    rng = np.random.default_rng(0)
    layer = kind(2, 3, (2, 3), (2, 1), 1, rng=0, dtype=np.float64)
    assert tn.check_gradients(layer, normal(rng, 3, 2, 4, 5), rng=0).passed
    assert layer.W.grad is not None
