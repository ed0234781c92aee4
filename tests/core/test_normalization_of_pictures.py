"""BatchNorm2d: PyTorch's numbers and states, and BatchNorm1d's on a row for each position."""

import re

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import assert_close_to_torch, normal, same_bits, seeds
from twins import tensor

import tinynet as tn

OTHERS = {"eps": 1e-5, "affine": True, "track_running_stats": True}
OPTIONS = [{}, {"momentum": None}, {"affine": False}, {"track_running_stats": False}]


def drawn(*shape, dtype=np.float32, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


X, Y = drawn(24, 3, 4, 5), np.random.default_rng(1).integers(3, size=24)


def state(net):
    return {name: (a.shape, a.dtype, a.tobytes()) for name, a in net.state_dict().items()}


def pair(C, rng, **options):
    """A layer with weights and averages of some kind, and PyTorch's with the same."""
    ours = tn.BatchNorm2d(C, dtype=np.float64, **options)
    theirs = torch.nn.BatchNorm2d(C, dtype=torch.float64, **options)
    for name, array in ours.state_dict().items():
        if array.dtype.kind == "f":
            array[...] = normal(rng, C) if name != "running_var" else rng.uniform(0.1, 3, C)
            theirs.state_dict()[name].copy_(tensor(array))
            ours.load_state_dict(ours.state_dict() | {name: array})
    return ours, theirs


def assert_same_state(ours, theirs):
    there = theirs.state_dict()
    assert list(ours.state_dict()) == list(there)
    for name, array in ours.state_dict().items():
        if array.dtype.kind == "f":
            assert_close_to_torch(array, there[name])
        else:
            assert same_bits(array, there[name].numpy())


class TestAgainstPyTorch:
    @example(seed=0, N=32, C=3, H=9, W=11, momentum=0.1, training=True, **OTHERS)
    @example(seed=0, N=1, C=2, H=3, W=3, momentum=0.1, training=True, **OTHERS)
    @example(seed=0, N=0, C=3, H=2, W=2, momentum=None, training=True, **OTHERS)
    @given(
        seed=seeds,
        N=st.sampled_from([0, 1, 2, 3, 8]),
        C=st.sampled_from([1, 2, 7]),
        H=st.sampled_from([1, 2, 5, 8]),
        W=st.sampled_from([1, 3, 7]),
        eps=st.sampled_from([1e-5, 0.5]),
        momentum=st.sampled_from([0.1, 0.0, 1.0, 0.37, None]),
        affine=st.booleans(),
        track_running_stats=st.booleans(),
        training=st.booleans(),
    )
    def test_forward_backward_and_states_over_some_batches(
        self, seed, N, C, H, W, training, **options
    ):
        rng = np.random.default_rng(seed)
        ours, theirs = pair(C, rng, **options)
        ours.train(training)
        theirs.train(training)
        by_batch = training or not ours.track_running_stats
        for batch in range(3):
            x, dy = normal(rng, N, C, H, W) * 3 + batch, normal(rng, N, C, H, W)
            if N * H * W == 1 and by_batch:
                with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
                    theirs(tensor(x))
                before = state(ours)
                with pytest.raises(ValueError, match="expected more than 1 value per channel"):
                    ours(x)
                assert state(ours) == before
                return
            leaf = tensor(x, requires_grad=True)
            y, expected = ours(x), theirs(leaf)
            assert_close_to_torch(y, expected)
            expected.backward(tensor(dy))
            dx, largest = ours.backward(dy), np.abs(leaf.grad.numpy()).max(initial=0)
            # of two numbers, dx is what eps leaves of a difference of equals
            spread = x.var(axis=(0, 2, 3)) if N else np.zeros(C)
            floor = np.abs(dy).max(initial=0) / np.sqrt(spread + 1).max()
            error = np.abs(dx - leaf.grad.numpy()).max(initial=0)
            assert error <= 1e-12 * max(largest, floor, 1e3 * largest * (N * H * W == 2))
            assert_same_state(ours, theirs)
        for name, parameter in ours.named_parameters():
            assert_close_to_torch(parameter.grad, dict(theirs.named_parameters())[name].grad)

    def test_channels_far_from_zero_in_float32_lose_no_more_than_there(self):
        x = drawn(64, 5, 16, 16) + np.float32(1000)
        wide = x.astype(np.float64)
        exact = (wide - wide.mean((0, 2, 3), keepdims=True)) / wide.std((0, 2, 3), keepdims=True)
        ours = np.abs(tn.BatchNorm2d(5, eps=1e-12)(x) - exact).max()
        theirs = torch.nn.BatchNorm2d(5, eps=1e-12)(torch.tensor(x)).detach().numpy()
        assert ours <= 2 * np.abs(theirs - exact).max() + 1e-4

    @pytest.mark.parametrize("options", OPTIONS)
    def test_there_and_back(self, options):
        net = tn.Sequential(tn.BatchNorm2d(3, eps=0.01, **options))
        net(X)
        net[0].eval()
        module = tn.to_torch(net)
        assert type(module[0]) is torch.nn.BatchNorm2d and not module[0].training
        back = tn.from_torch(module)
        assert repr(back) == repr(net) and state(back) == state(net)
        assert same_bits(back.predict(X), net.predict(X))


class TestLayer:
    @pytest.mark.parametrize("training", [True, False])
    def test_it_is_batch_norm_1d_on_a_row_for_each_position(self, training):
        def rows(pictures):
            return np.ascontiguousarray(pictures.transpose(0, 2, 3, 1).reshape(-1, 3))

        ours, other = tn.BatchNorm2d(3), tn.BatchNorm1d(3)
        ours.train(training)
        other.train(training)
        dy = drawn(*X.shape, seed=1)
        np.testing.assert_allclose(rows(ours(X)), other(rows(X)), rtol=1e-5, atol=1e-6)
        dx, expected = ours.backward(dy), other.backward(rows(dy))
        np.testing.assert_allclose(rows(dx), expected, rtol=1e-5, atol=1e-6)
        for name, array in ours.state_dict().items():
            np.testing.assert_allclose(array, other.state_dict()[name], rtol=1e-6, err_msg=name)
        for one, two in zip(ours.parameters(), other.parameters(), strict=True):
            np.testing.assert_allclose(one.grad, two.grad, rtol=1e-4, atol=1e-5)

    @pytest.mark.parametrize("training", [True, False])
    @pytest.mark.parametrize("options", OPTIONS)
    def test_its_gradients_are_right(self, options, training):
        layer = tn.BatchNorm2d(3, **options)
        layer(X)
        before = state(layer)
        assert tn.check_gradients(layer.train(training), (3, 3, 2, 3)).passed
        assert state(layer) == before

    @pytest.mark.parametrize(
        ("options", "words"),
        [({"num_features": 0}, "num_features = 0"), ({"momentum": 1.5}, "momentum = 1.5")],
    )
    def test_options_out_of_range_are_refused(self, options, words):
        with pytest.raises(ValueError, match=rf"^BatchNorm2d: {words}"):
            tn.BatchNorm2d(**({"num_features": 3} | options))

    @pytest.mark.parametrize(
        ("x", "error", "words"),
        [
            (np.ones((4, 5, 2, 2)), ValueError, "input has 5 channels, expected 3"),
            (np.ones((4, 3)), ValueError, r"expected \(N, C, H, W\); let tn.Unflatten"),
            (np.ones((3, 2, 2)), ValueError, r"use x\[None\] for one picture"),
            (np.ones((1, 3, 1, 1)), ValueError, "the variance of one number is 0"),
            (np.ones((4, 3, 2, 2), np.float32), TypeError, "float32, expected float64"),
            (np.ones((4, 3, 2, 2), np.uint8), TypeError, "uint8"),
        ],
    )
    def test_inputs_that_it_does_not_take_are_named(self, x, error, words):
        layer = tn.BatchNorm2d(3, dtype=np.float64)
        before = state(layer)
        with pytest.raises(error, match=rf"^BatchNorm2d\(3, dtype=np.float64\).*{words}"):
            layer(x)
        assert state(layer) == before

    def test_no_input_is_changed_and_any_layout_is_taken(self):
        x, dy = drawn(6, 2, 4, 3), drawn(6, 2, 4, 3, seed=1)
        copies = x.copy(), dy.copy()
        layer, other = tn.BatchNorm2d(2), tn.BatchNorm2d(2)
        y, dx = layer(x), layer.backward(dy)
        assert same_bits(x, copies[0]) and same_bits(dy, copies[1])
        strided = np.asfortranarray(x), np.asfortranarray(dy)
        assert same_bits(other(strided[0]), y) and same_bits(other.backward(strided[1]), dx)


class TestTools:
    @pytest.mark.parametrize("options", [{}, {"affine": False}])
    @pytest.mark.parametrize("training", [True, False])
    def test_it_is_told_with_its_numbers(self, options, training):
        net = tn.Sequential(tn.BatchNorm2d(3, **options), tn.Flatten(), tn.Linear(60, 3, rng=0))
        net(X)
        net[0].train(training)
        trace = tn.trace(net, tn.CrossEntropyLoss(), X, Y)
        part = trace.layer(0)
        x, y, dx = (a.reshape(24, -1)[3, 25] for a in (part.input, part.output, part.dx))
        text = trace.explain(0, 3, 25)
        assert f"= {y:.5g}" in text and f"= {dx:.5g}" in text
        mean = part.input[:, 1].mean() if training else net[0].running_mean[1]
        assert f"({x:.5g} - {mean:.5g})" in text
        assert ("in evaluation" in text) != training

    @pytest.mark.parametrize("options", OPTIONS[:3])
    def test_onnx_evaluates_it(self, options, tmp_path):
        onnxruntime = pytest.importorskip("onnxruntime")
        net = network(**options)
        net(3 * X.reshape(24, -1) + 1)
        tn.to_onnx(net, tmp_path / "net.onnx")
        (y,) = onnxruntime.InferenceSession(tmp_path / "net.onnx").run(
            None, {"x": X.reshape(24, -1)}
        )
        np.testing.assert_allclose(y, net.predict(X.reshape(24, -1)), rtol=1e-5, atol=1e-6)

    def test_files_and_summary(self, tmp_path):
        net = network()
        net(X.reshape(24, -1))
        tn.save(net, tmp_path / "net")
        again = tn.load(tmp_path / "net")
        assert repr(again) == repr(net) and state(again) == state(net)
        assert re.search(r"BatchNorm2d\(3\) +\(N, 3, 4, 5\) +6 ", str(net.summary()))


def network(**options):
    return tn.Sequential(
        *(tn.Unflatten(1, (3, 4, 5)), tn.BatchNorm2d(3, **options), tn.ReLU()),
        *(tn.Flatten(), tn.Linear(60, 3, rng=0)),
    )


class TestSameBits:
    @pytest.mark.slow
    @pytest.mark.parametrize("options", OPTIONS)
    def test_compiled_or_layer_by_layer(self, options):
        found = []
        for compiled in (True, False):
            net = network(**options)
            parts = net, tn.CrossEntropyLoss(), tn.SGD(net.parameters(), lr=0.1)
            loader = tn.DataLoader(X.reshape(24, -1), Y, batch_size=7, shuffle=True, rng=0)
            history = tn.fit(*parts, loader, epochs=2, progress=False, compiled=compiled)
            found.append((history.train_loss, state(net), net.predict(X.reshape(24, -1)).tobytes()))
        assert found[0] == found[1]
