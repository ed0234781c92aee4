"""Flatten and Unflatten: PyTorch's shapes and refusals, and pictures through every tool."""

import itertools
import re

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import normal, same_bits, seeds
from twins import assert_agrees_with_torch, tensor

import tinynet as tn
from tinynet.compiler.recorded import record_layers

PICTURES = np.random.default_rng(0).normal(size=(40, 1, 6, 6)).astype(np.float32)
LABELS = np.arange(40) % 4


def network(*first):
    return tn.Sequential(
        *first,
        tn.ReLU(),
        tn.Flatten(),
        *(tn.Linear(36, 8, rng=0), tn.Unflatten(1, (2, 2, 2)), tn.ReLU(), tn.Flatten(-3)),
        tn.Linear(8, 4, rng=1),
    )


def kinds():
    """A network and its data: pictures, and rows that become pictures."""
    return [(network(), PICTURES), (network(tn.Unflatten(1, (1, 6, 6))), PICTURES.reshape(40, 36))]


def outcome(call):
    """The shape that comes out, or that it is refused."""
    try:
        return tuple(call().shape)
    except (IndexError, RuntimeError, ValueError):
        return "refused"


shapes = st.lists(st.integers(0, 3), min_size=1, max_size=4)
axes = st.integers(-5, 4)


class TestAgainstPyTorch:
    @given(seed=seeds, shape=shapes, start=axes, end=axes)
    def test_flatten(self, seed, shape, start, end):
        rng = np.random.default_rng(seed)
        x, layer = normal(rng, *shape), tn.Flatten(start, end)
        theirs = outcome(lambda: torch.nn.Flatten(start, end)(tensor(x)))
        assert outcome(lambda: layer(x)) == theirs
        if theirs != "refused":
            assert_agrees_with_torch(layer, normal(rng, *theirs), x)

    @given(
        seed=seeds,
        shape=st.lists(st.sampled_from([1, 6, 12]), min_size=1, max_size=3),
        dim=st.integers(-4, 3),
        sizes=st.sampled_from(
            [(6,), (2, 3), (3, 2, 1), (12,), (2, -1), (-1, 3), (1, -1, 2), (-1,), (0,), (0, -1)]
        ),
    )
    def test_unflatten(self, seed, shape, dim, sizes):
        rng = np.random.default_rng(seed)
        x, layer = normal(rng, *shape), tn.Unflatten(dim, [*sizes])
        theirs = outcome(lambda: torch.nn.Unflatten(dim, sizes)(tensor(x)))
        assert outcome(lambda: layer(x)) == theirs
        if theirs != "refused":
            assert_agrees_with_torch(layer, normal(rng, *theirs), x)

    def test_no_rows_and_a_single_number(self):
        assert tn.Flatten()(np.zeros((0, 3, 2))).shape == (0, 6)
        assert tn.Unflatten(1, (3, 2))(np.zeros((0, 6))).shape == (0, 3, 2)
        filled_in = tn.Unflatten(-1, (3, -1, 2))
        assert outcome(lambda: filled_in(np.zeros((2, 12)))) == (2, 3, 2, 2)
        assert tn.Flatten(0)(np.ones(())).shape == torch.ones(()).flatten().shape == (1,)

    @pytest.mark.parametrize(
        "layer", [tn.Flatten(), tn.Flatten(2), tn.Flatten(0, 1), tn.Unflatten(-1, (3, -1))]
    )
    def test_there_and_back(self, layer):
        again = tn.from_torch(tn.to_torch(layer))
        assert repr(again) == repr(layer) == repr(eval(repr(layer), vars(tn)))


class TestLayer:
    def test_what_comes_out_is_an_array_of_its_own_and_in_order(self):
        x = np.arange(24.0).reshape(1, 2, 3, 4)
        y = tn.Flatten()(x)
        assert same_bits(y, np.arange(24.0)[None]) and not np.shares_memory(x, y)
        turned = x.transpose(0, 1, 3, 2)  # not C-contiguous
        assert same_bits(tn.Flatten()(turned), turned.reshape(1, -1))

    def test_gradients_are_right(self):
        assert tn.check_gradients(tn.Flatten(), (3, 2, 2, 2)).passed
        assert tn.check_gradients(tn.Unflatten(1, (2, 3)), (3, 6)).passed

    @pytest.mark.parametrize(
        ("call", "error", "words"),
        [
            (lambda: tn.Flatten("1"), TypeError, "Flatten: start_dim = '1' is not an int"),
            (lambda: tn.Flatten(1, None), TypeError, "end_dim = None is not an int"),
            (lambda: tn.Flatten(True), TypeError, "start_dim = True"),
            (lambda: tn.Unflatten("features", (2, 3)), TypeError, "dim = 'features'"),
            (lambda: tn.Unflatten(1, 6), TypeError, r"a tuple of ints, such as \(1, 28, 28\)"),
            (lambda: tn.Unflatten(1, (2.0, 3)), TypeError, r"unflattened_size\[0\] = 2.0"),
            (lambda: tn.Unflatten(1, ()), ValueError, r"unflattened_size = \(\), expected sizes"),
            (lambda: tn.Unflatten(1, (-1, -1)), ValueError, "one of which may be -1"),
            (lambda: tn.Unflatten(1, (-2, 3)), ValueError, "at least 0"),
            (
                lambda: tn.Flatten()(np.ones(3)),
                ValueError,
                r"^Flatten\(\): axis 1 is outside an input of shape \(3,\)",
            ),
            (
                lambda: tn.Flatten(2, 1)(np.ones((2, 3, 4))),
                ValueError,
                "start_dim is axis 2, behind end_dim, axis 1; exchange them",
            ),
            (
                lambda: tn.Unflatten(1, (1, 28, 28))(np.ones((2, 783))),
                ValueError,
                r"axis 1 of an input of shape \(2, 783\) has 783 numbers, which do not make",
            ),
            (lambda: tn.Flatten()(np.ones((2, 2), int)), TypeError, "int64"),
            (lambda: tn.Unflatten(1, (2,))([[1.0, 2.0]]), TypeError, "got list"),
        ],
    )
    def test_what_it_does_not_take_is_named(self, call, error, words):
        with pytest.raises(error, match=words):
            call()


class TestPicturesInTools:
    @pytest.mark.parametrize("which", [0, pytest.param(1, marks=pytest.mark.slow)])
    def test_compiled_fit_and_verbs_have_the_bits_of_the_layers(self, which):
        found = []
        for compiled in (True, False):
            net, X = kinds()[which]
            parts = tn.CrossEntropyLoss(), tn.SGD(net.parameters(), lr=0.1)
            loader = tn.DataLoader(X, LABELS, batch_size=8, shuffle=True, rng=0)
            history = tn.fit(net, *parts, loader, epochs=2, progress=False, compiled=compiled)
            found.append((tn.fingerprint(net), history.train_loss))
        assert found[0] == found[1]
        for compiled in (True, False):
            net, X = kinds()[which]
            loss_fn, optimizer = tn.CrossEntropyLoss(), tn.SGD(net.parameters(), lr=0.1)
            if compiled:
                tn.compile(net, loss_fn, optimizer)
            losses = []
            for xb, yb in tn.DataLoader(X, LABELS, batch_size=8):
                losses.append(loss_fn(net(xb), yb))
                optimizer.zero_grad()
                net.backward(loss_fn.backward())
                optimizer.step()
            if compiled:
                assert net._compiled._row == X.shape[1:] and net._compiled.python == []
                assert net._compiled.segments[0].inputs == X.shape[1:]
            found.append((tn.fingerprint(net), losses))
        assert found[2] == found[3]

    def test_pictures_that_do_not_lie_in_a_row_are_refused_with_the_fix(self):
        net = network()
        parts = tn.CrossEntropyLoss(), tn.SGD(net.parameters())
        turned = np.asfortranarray(PICTURES)
        with pytest.raises(TypeError, match=r"hand over np.ascontiguousarray\(X\)"):
            tn.fit(net, *parts, tn.DataLoader(turned, LABELS, 8), compiled=True, progress=False)

    def test_compile_is_told_the_shape_or_guesses_it(self):
        net = network()
        source = tn.compile(
            net, tn.CrossEntropyLoss(), tn.SGD(net.parameters()), input_shape=(1, 6, 6)
        ).source
        assert "gather(X, rows, x.reshape((N, 36)))" in source
        with pytest.raises(ValueError, match=r"^compile: input_shape = \(0,\)"):
            tn.compile(net, tn.CrossEntropyLoss(), tn.SGD(net.parameters()), input_shape=(0,))
        assert [layer.outputs for layer in record_layers(net)][:2] == [(36,), (36,)]

    def test_a_layer_that_changes_the_number_of_rows_is_not_recorded(self):
        net = tn.Sequential(tn.Linear(3, 4, rng=0), tn.Flatten(0))
        (first, last) = record_layers(net)
        assert first.part is not None and last.part is None and "number of rows" in last.reason

    def test_summary_trace_files_and_the_page(self, tmp_path):
        for net, X in kinds():
            text = str(net.summary(X.shape[1:]))
            assert re.search(r"Unflatten\(1, \(2, 2, 2\)\) +\(N, 2, 2, 2\) ", text)
            trace = tn.trace(net, tn.CrossEntropyLoss(), X[:3], LABELS[:3])
            made = len(net) - 4  # the layer that makes pictures
            told = trace.explain(made, sample=2, unit=5)
            number = f"{trace.layers[made].input[2, 5]:.5g}"
            assert f"number 5 of the row stays what it is = {number}\n" in told
            assert f"number 5 of the row = {trace.layers[made].dx[2, 5]:.5g}\n" in told
            trace.to_html(tmp_path / "xray.html")
            tn.save(net, tmp_path / "net")
            again = tn.load(tmp_path / "net")
            assert repr(again) == repr(net) and same_bits(again.predict(X), net.predict(X))
            assert same_bits(tn.from_torch(tn.to_torch(net)).predict(X), net.predict(X))
            assert tn.playground(net) is not None
            diagnosis = tn.diagnose(tn.History(), net, (X, LABELS), loss_fn=tn.CrossEntropyLoss())
            assert diagnosis.findings == []
        assert re.search(r"Unflatten\(1, \(1, 6, 6\)\) +\(N, 1, 6, 6\) ", str(net.summary()))

    def test_a_row_alone_gives_its_bits_in_the_batch(self):
        for net, X in kinds():
            together = net.predict(X)
            assert all(same_bits(net.predict(X[n : n + 1])[0], together[n]) for n in range(5))

    @pytest.mark.parametrize(
        "layers",
        [
            [tn.Flatten()],
            [tn.Flatten(2)],
            [tn.Flatten(1, 2), tn.Unflatten(1, (2, -1))],
            [tn.Flatten(-2), tn.Unflatten(-1, (4, 3)), tn.Flatten(0, 1)],
            [tn.Unflatten(0, (-1, 1))],
        ],
    )
    def test_onnx_gives_the_same_numbers_for_any_number_of_rows(self, layers, tmp_path):
        net = tn.Sequential(*layers)
        tn.to_onnx(net, tmp_path / "net.onnx", input_shape=(2, 3, 4))
        session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
        for N in (1, 4):
            x = normal(np.random.default_rng(N), N, 2, 3, 4, dtype=np.float32)
            (y,) = session.run(None, {"x": x})
            assert same_bits(y, net.predict(x))

    def test_onnx_knows_the_shape_by_the_first_layer(self, tmp_path):
        for (net, X), shape in itertools.zip_longest(kinds(), [(1, 6, 6)]):
            tn.to_onnx(net, tmp_path / "net.onnx", shape)
            session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
            assert session.get_inputs()[0].shape == ["N", *X.shape[1:]]
            assert session.get_outputs()[0].shape == ["N", 4]
            (y,) = session.run(None, {"x": X})
            np.testing.assert_allclose(y, net.predict(X), rtol=1e-5, atol=1e-6)
