"""BatchNorm1d: PyTorch's numbers and states, in every way to run it, and its running averages."""

import copy
import pickle
import re
import warnings

import numpy as np
import pytest
import torch
from cases import slow_but
from hypothesis import given
from hypothesis import strategies as st
from own_layers import NumpyTanh
from strategies import assert_close_to_torch, normal, same_bits, seeds
from twins import tensor

import tinynet as tn
from tinynet.runs.rehearsal import check_by_rows

X = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
Y = np.random.default_rng(1).integers(3, size=50)


def network(*between, **options):
    between = between or (tn.BatchNorm1d(8, **options),)
    return tn.Sequential(tn.Linear(6, 8, rng=0), *between, tn.Linear(8, 3, rng=1), tn.LogSoftmax())


def state(net):
    return {name: (a.shape, a.dtype, a.tobytes()) for name, a in net.state_dict().items()}


def pair(C, rng, **options):
    """A layer with weights and averages of some kind, and PyTorch's with the same."""
    ours = tn.BatchNorm1d(C, dtype=np.float64, **options)
    theirs = torch.nn.BatchNorm1d(C, dtype=torch.float64, **options)
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
    @given(
        seed=seeds,
        N=st.sampled_from([0, 2, 3, 8, 33]),
        C=st.sampled_from([1, 2, 7, 16]),
        eps=st.sampled_from([1e-5, 0.5]),
        momentum=st.sampled_from([0.1, 0.0, 1.0, 0.37, None]),
        affine=st.booleans(),
        track_running_stats=st.booleans(),
        training=st.booleans(),
    )
    def test_forward_backward_and_states_over_some_batches(self, seed, N, C, training, **options):
        rng = np.random.default_rng(seed)
        ours, theirs = pair(C, rng, **options)
        ours.train(training)
        theirs.train(training)
        for batch in range(3):
            x, dy = normal(rng, N, C) * 3 + batch, normal(rng, N, C)
            leaf = tensor(x, requires_grad=True)
            y, expected = ours(x), theirs(leaf)
            assert_close_to_torch(y, expected)
            expected.backward(tensor(dy))
            dx = ours.backward(dy)
            largest = np.abs(leaf.grad.numpy()).max(initial=0)
            floor = np.abs(dy).max(initial=0) / np.sqrt(x.var(axis=0) + 1).max(initial=1)
            error = np.abs(dx - leaf.grad.numpy()).max(initial=0)
            assert error <= 1e-12 * max(largest, floor, 1e3 * largest * (N == 2))
            assert_same_state(ours, theirs)
        for name, parameter in ours.named_parameters():
            assert_close_to_torch(parameter.grad, dict(theirs.named_parameters())[name].grad)

    def test_one_row_in_training_is_an_error_there_and_here(self):
        row = np.ones((1, 3))
        for options in ({}, {"track_running_stats": False}):
            ours, theirs = pair(3, np.random.default_rng(0), **options)
            for training in (True, False):
                ours.train(training)
                theirs.train(training)
                if training or options:
                    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
                        theirs(tensor(row))
                    before = state(ours)
                    with pytest.raises(ValueError, match=r"expected more than 1 value per channel"):
                        ours(row)
                    assert state(ours) == before
                else:
                    assert_close_to_torch(ours(row), theirs(tensor(row)))

    def test_columns_far_from_zero_in_float32_lose_no_more_than_there(self):
        x = (np.random.default_rng(0).normal(size=(4096, 5)) + 1000).astype(np.float32)
        exact = (x - x.mean(axis=0, dtype=np.float64)) / x.std(axis=0, dtype=np.float64)
        ours = np.abs(tn.BatchNorm1d(5, eps=1e-12)(x) - exact).max()
        theirs = np.abs(
            torch.nn.BatchNorm1d(5, eps=1e-12)(torch.tensor(x)).detach().numpy() - exact
        )
        assert ours <= 2 * theirs.max() + 1e-4

    def test_there_and_back_with_all_options(self):
        for options in ({}, {"momentum": None}, {"affine": False}, {"track_running_stats": False}):
            net = network(tn.BatchNorm1d(8, eps=0.01, **options))
            net(X)
            net[1].eval()
            module = tn.to_torch(net)
            assert type(module[1]) is torch.nn.BatchNorm1d and not module[1].training
            assert module[1].momentum == net[1].momentum
            back = tn.from_torch(module)
            assert repr(back) == repr(net) and state(back) == state(net)
            assert same_bits(back.predict(X), net.predict(X))
        double = torch.nn.BatchNorm1d(4, affine=False, dtype=torch.float64)
        assert repr(tn.from_torch(double)) == "BatchNorm1d(4, affine=False, dtype=np.float64)"


class TestLayer:
    def test_its_state_has_pytorch_s_names_and_its_parameters_are_two(self):
        layer = tn.BatchNorm1d(4)
        assert list(layer.state_dict()) == list(torch.nn.BatchNorm1d(4).state_dict())
        assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
        bare = tn.BatchNorm1d(4, affine=False, track_running_stats=False)
        assert bare.state_dict() == {} and bare.parameters() == []

    def test_predict_and_evaluation_move_nothing(self):
        net = network()
        net(X)
        before = state(net)
        expected = net.predict(X)
        tn.evaluate(net, tn.NLLLoss(), X, Y)
        tn.trace(net, tn.NLLLoss(), X, Y)
        tn.check_gradients(net, (5, 6))
        assert same_bits(net.eval()(X), expected) and state(net) == before
        assert all(same_bits(net.predict(X[n : n + 1])[0], expected[n]) for n in range(50))

    @pytest.mark.parametrize("training", [True, False])
    @pytest.mark.parametrize(
        "options", [{}, {"affine": False}, {"track_running_stats": False}, {"momentum": None}]
    )
    def test_its_gradients_are_right(self, options, training):
        layer = tn.BatchNorm1d(3, **options)
        layer(np.random.default_rng(0).normal(size=(9, 3)).astype(np.float32))
        before = state(layer)
        assert tn.check_gradients(layer.train(training), (5, 3)).passed
        assert state(layer) == before

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"num_features": 0}, "num_features = 0"),
            ({"eps": -1}, "eps = -1"),
            ({"eps": 0}, "eps = 0"),
            ({"momentum": 1.5}, "momentum = 1.5"),
            ({"momentum": "half"}, "momentum = 'half'"),
            ({"affine": "no"}, "affine = 'no'"),
            ({"dtype": np.float16}, "dtype = float16"),
        ],
    )
    def test_options_out_of_range_are_refused(self, options, words):
        with pytest.raises((ValueError, TypeError), match=rf"^BatchNorm1d: {words}"):
            tn.BatchNorm1d(**({"num_features": 3} | options))

    @pytest.mark.parametrize(
        ("x", "error", "words"),
        [
            (np.ones((4, 5)), ValueError, "input has 5 features, expected 3"),
            (np.ones(3), ValueError, r"use x.reshape\(1, -1\)"),
            (np.ones((4, 3, 2)), ValueError, r"\(N, C, L\), use x.transpose\(0, 2, 1\)"),
            (np.ones((4, 3), np.float32), TypeError, "float32, expected float64"),
            (np.ones((4, 3), int), TypeError, "int64"),
        ],
    )
    def test_inputs_that_it_does_not_take_are_named(self, x, error, words):
        layer = tn.BatchNorm1d(3, dtype=np.float64)
        before = state(layer)
        with pytest.raises(error, match=rf"^BatchNorm1d\(3, dtype=np.float64\).*{words}"):
            layer(x)
        assert state(layer) == before

    def test_the_way_that_pytorch_s_third_axis_is_told_to_go_is_right(self):
        x = np.random.default_rng(0).normal(size=(4, 3, 2))
        y = tn.BatchNorm1d(3, dtype=np.float64)(x.transpose(0, 2, 1).reshape(-1, 3))
        theirs = torch.nn.BatchNorm1d(3, dtype=torch.float64)(tensor(x)).detach().numpy()
        np.testing.assert_allclose(y, theirs.transpose(0, 2, 1).reshape(-1, 3), atol=1e-12)

    def test_copies_and_pickles_go_their_own_way(self):
        layer = tn.BatchNorm1d(6)
        layer(X)
        twins = copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))
        before = state(layer)
        for twin in twins:
            assert state(twin) == before
            twin(X)
            assert state(twin) != before
        assert state(layer) == before


def fit(net, compiled, epochs=3, drop_last=True, **options):
    loader = tn.DataLoader(X, Y, batch_size=8, shuffle=True, drop_last=drop_last, rng=0)
    parts = tn.NLLLoss(), tn.Adam(net.parameters(), lr=0.01)
    history = tn.fit(
        net, *parts, loader, (X, Y), epochs, progress=False, compiled=compiled, **options
    )
    return vars(history), state(net)


def loop(net, compiles):
    loss_fn, optimizer = tn.NLLLoss(), tn.Adam(net.parameters(), lr=0.01)
    if compiles:
        tn.compile(net, loss_fn, optimizer)
    found = []
    for first in range(0, 48, 8):
        net.train(first != 24)
        found.append(loss_fn(net(X[first : first + 8]), Y[first : first + 8]))
        optimizer.zero_grad()
        net.backward(loss_fn.backward())
        optimizer.step()
        found += [net.predict(X).tobytes(), net.predict(X[:1]).tobytes()]
    return found, state(net)


OPTIONS = [{}, {"momentum": None}, {"affine": False}, {"track_running_stats": False}]


class TestSameBits:
    @pytest.mark.parametrize("drop_last", [True, False])
    @pytest.mark.parametrize("options", slow_but(1, OPTIONS[:2]))
    def test_fit_compiled_or_layer_by_layer(self, options, drop_last):
        one, other = (fit(network(**options), c, drop_last=drop_last) for c in (True, False))
        assert one == other

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("options", slow_but(1, OPTIONS))
    @pytest.mark.parametrize("numpy_too", slow_but(1, [False, True]))
    def test_a_loop_by_verbs_and_segments_that_changes_the_mode(self, options, numpy_too):
        between = [tn.BatchNorm1d(8, **options), *[NumpyTanh()] * numpy_too]
        one, other = (outcome(copy.deepcopy(between), compiles) for compiles in (True, False))
        assert one == other

    def test_compiled_predict_takes_one_row(self, monkeypatch):
        net = network()
        net(X)
        expected = net.predict(X)
        tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters()))
        with monkeypatch.context() as patch:  # so that only compiled code can answer
            patch.setattr(tn.BatchNorm1d, "forward", lambda *_: pytest.fail("layer by layer"))
            assert same_bits(net.predict(X[:1]), expected[:1])
        with pytest.raises(ValueError, match="more than 1 value"):
            net(X[:1])

    @pytest.mark.parametrize("compiled", [True, False])
    def test_a_step_that_is_not_taken_moves_no_average(self, compiled):
        huge = X.copy()
        huge[31] = 3e38
        net, started = network(), network()
        parts = tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.1)
        with pytest.raises(FloatingPointError, match=r"into running_var, .*, batch 4"):
            loader = tn.DataLoader(huge, Y, batch_size=8)
            tn.fit(net, *parts, loader, progress=False, compiled=compiled)
        fit_by_hand(started, 3)
        assert state(net) == state(started)

    def test_a_run_stopped_and_resumed_and_its_best_weights(self, tmp_path):
        held = {"validation": (X, Y), "early_stopping": tn.EarlyStopping(5)}
        whole = fit(network(), None, epochs=4, **held)
        fit(network(), None, epochs=2, checkpoint=tmp_path / "c", **held)
        held["early_stopping"] = tn.EarlyStopping(5)
        assert fit(network(), None, epochs=4, checkpoint=tmp_path / "c", **held) == whole
        assert "1.running_mean" in held["early_stopping"].best_weights


def outcome(between, compiles):
    """What a loop gives, or the error of the first row that is alone."""
    try:
        return loop(network(*between), compiles)
    except ValueError as error:
        return str(error)


def fit_by_hand(net, batches):
    optimizer, loss_fn = tn.SGD(net.parameters(), lr=0.1), tn.NLLLoss()
    for first in range(0, 8 * batches, 8):
        loss_fn(net(X[first : first + 8]), Y[first : first + 8])
        optimizer.zero_grad()
        net.backward(loss_fn.backward())
        optimizer.step()


class TestTools:
    @pytest.mark.parametrize("compiled", [True, False])
    def test_fit_refuses_a_last_batch_of_one_row_beforehand(self, compiled):
        net = network()
        before = state(net)

        def run(**options):
            loader = tn.DataLoader(X[:49], Y[:49], batch_size=8, **options)
            parts = tn.NLLLoss(), tn.SGD(net.parameters())
            return tn.fit(net, *parts, loader, progress=False, compiled=compiled)

        words = r"^fit: the last batch of each epoch has one row; use drop_last=True: BatchNorm1d"
        with pytest.raises(ValueError, match=words):
            run()
        assert state(net) == before
        assert len(run(drop_last=True)) == 1

    def test_fit_refuses_batches_of_one_row_but_where_the_layer_evaluates(self):
        net = network()
        parts = tn.NLLLoss(), tn.SGD(net.parameters())
        loader = tn.DataLoader(X[:4], Y[:4], batch_size=1)
        with pytest.raises(ValueError, match=r"^fit: batch_size = 1; use a larger one: BatchNorm"):
            tn.fit(net, *parts, loader, progress=False)
        net[1].eval()
        assert len(tn.fit(net, *parts, loader, progress=False)) == 1

    @pytest.mark.parametrize("layer", [tn.BatchNorm1d(8), tn.Dropout()])
    def test_parts_of_a_batch_on_several_machines_are_refused_by_name(self, layer):
        net = network(layer)
        before = state(net)
        with pytest.raises(
            TypeError, match=rf"^fit: layer 1, {type(layer).__name__}\(.*layer.eval"
        ):
            check_by_rows("fit", net, X[:1])
        net[1].eval()
        check_by_rows("fit", net, X[:1])
        check_by_rows("fit", network(tn.ReLU()), X[:1])
        assert state(net) == before

    @pytest.mark.parametrize("options", OPTIONS)
    def test_files_hold_all_of_it(self, options, tmp_path):
        net = network(**options)
        net(X)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tn.save(net, tmp_path / "net")
        again = tn.load(tmp_path / "net")
        assert repr(again) == repr(net) and state(again) == state(net)

    @pytest.mark.parametrize("options", [{}, {"affine": False}, {"eps": 0.1}])
    @pytest.mark.parametrize("alone", [True, False])
    def test_onnx_evaluates_it(self, options, alone, tmp_path):
        onnxruntime = pytest.importorskip("onnxruntime")
        net = tn.Sequential(tn.BatchNorm1d(6, **options)) if alone else network(**options)
        net(3 * X + 1)
        tn.to_onnx(net, tmp_path / "net.onnx")
        (y,) = onnxruntime.InferenceSession(tmp_path / "net.onnx").run(None, {"x": X})
        np.testing.assert_allclose(y, net.predict(X), rtol=1e-5, atol=1e-6)

    def test_onnx_and_the_playground_refuse_what_goes_by_the_batch(self, tmp_path):
        net = network(track_running_stats=False)
        with pytest.raises(ValueError, match=r"no running averages.*track_running_stats=True"):
            tn.to_onnx(net, tmp_path / "net.onnx")
        with pytest.raises(TypeError, match="cannot run on the page"):
            tn.playground(net, features=list("abcdef"))
        assert not (tmp_path / "net.onnx").exists()

    @pytest.mark.parametrize("options", [{}, {"affine": False}])
    @pytest.mark.parametrize("training", [True, False])
    def test_it_is_told_with_its_numbers(self, options, training):
        net = network(**options)
        net(X)
        net[1].train(training)
        trace = tn.trace(net, tn.NLLLoss(), X[:20], Y[:20])
        part = trace.layer(1)
        text = trace.explain(1, 3, 2)
        assert f"= {part.output[3, 2]:.5g}" in text and f"= {part.dx[3, 2]:.5g}" in text
        mean = part.input[:, 2].mean() if training else net[1].running_mean[2]
        assert f"({part.input[3, 2]:.5g} - {mean:.5g})" in text
        assert ("in evaluation" in text) != training

    def test_summary_playground_and_doctor(self):
        net = network()
        net(X)
        assert re.search(r"BatchNorm1d\(8\) +\(N, 8\) +16 ", str(net.summary()))
        assert tn.playground(net, features=list("abcdef")) is not None
        assert tn.diagnose(tn.History(), net, (X, Y), loss_fn=tn.NLLLoss()) is not None
