"""Dropout: what it draws, that all ways to run it draw the same, and that a run can be resumed."""

import copy
import itertools
import pickle
import re

import numpy as np
import pytest
import torch
from cases import slow_but
from hypothesis import given
from hypothesis import strategies as st
from own_layers import NumpyTanh
from strategies import same_bits, seeds

import tinynet as tn
from tinynet import kernels
from tinynet.kernels.masks import drawn
from tinynet.support.standing import generators_of, put_to, stand_of

X = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
Y = np.random.default_rng(1).integers(3, size=50)
ONES = np.ones((40, 50))


class OwnDropout(tn.Module):
    """As a reader writes it: it draws from NumPy's generator."""

    def __init__(self, p=0.5, rng=0):
        self.p, self.draws = p, np.random.default_rng(rng)

    def forward(self, x):
        mask = (self.draws.random(x.shape) >= self.p).astype(x.dtype)
        self.keep(mask)
        return x * mask if self.training else x.copy()

    def backward(self, dy):
        dy, mask = self.kept(dy)
        return dy * mask if self.training else dy.copy()


class RedrawsBackward(OwnDropout):
    """A mistake: backward draws another mask."""

    def backward(self, dy):
        dy, _ = self.kept(dy)
        return dy * (self.draws.random(dy.shape) >= self.p)


def network(*between, seed=5):
    between = between or (tn.Dropout(0.4, rng=seed),)
    return tn.Sequential(tn.Linear(6, 8, rng=0), *between, tn.Linear(8, 3, rng=1), tn.LogSoftmax())


def stands(net):
    return {name: str(stand_of(generator)) for name, generator in generators_of(net)}


class TestMask:
    def test_the_numbers_are_splitmix64_s(self):
        numbers = drawn(np.array([1234567], np.uint64), 5).tolist()
        assert numbers == [
            *(6457827717110365317, 3203168211198807973, 9817491932198370423),
            *(4593380528125082431, 16408922859458223821),
        ]

    @given(seed=seeds, size=st.integers(0, 70), p=st.sampled_from([0, 1e-17, 0.1, 0.5, 0.9, 1]))
    def test_loop_and_equation_give_the_same_bits(self, seed, size, p):
        state, mask = np.array([seed * 2**32 + 7], np.uint64), np.empty(size, np.float32)
        with np.errstate(all="ignore"):
            wanted, marks = kernels.keep_mask.reference(p, state, mask)
            kernels.keep_mask.loop(p, state, mask)
        assert same_bits(state, wanted) and same_bits(mask, marks.astype(np.float32))

    def test_a_call_goes_on_where_the_last_one_ended(self):
        one, two = tn.Dropout(rng=0), tn.Dropout(rng=0)
        whole = one(ONES)
        assert same_bits(np.vstack([two(ONES[:13]), two(ONES[13:])]), whole)

    @pytest.mark.parametrize("p", [0.1, 0.5, 0.75])
    def test_the_share_p_is_dropped_and_the_rest_is_scaled(self, p):
        y = tn.Dropout(p, rng=0)(np.ones((1000, 100)))
        assert set(np.unique(y)) == {0, 1 / (1 - p)}
        assert (y == 0).mean() == pytest.approx(p, abs=0.005)
        assert y.mean() == pytest.approx(1, abs=0.02)

    def test_neighbours_layers_and_calls_are_independent(self):
        rng = np.random.default_rng(0)
        layers = [tn.Dropout(rng=rng) for _ in range(2)]
        marks = np.array([layer(np.ones(10_000)) > 0 for layer in (*layers, *layers)])
        pairs = [*itertools.combinations(marks, 2), (marks[0, 1:], marks[0, :-1])]
        for one, other in pairs:
            assert (one == other).mean() == pytest.approx(0.5, abs=0.03)

    def test_where_the_seed_comes_from(self):
        first = [tn.Dropout(rng=seed)(ONES) for seed in (0, 0, np.random.default_rng(0), 1)]
        assert same_bits(first[0], first[1]) and same_bits(first[0], first[2])
        assert not same_bits(first[0], first[3])
        assert not same_bits(tn.Dropout()(ONES), tn.Dropout()(ONES))
        pair = [tn.Dropout(rng=tn.TorchGenerator(0))(ONES) for _ in range(2)]
        assert same_bits(*pair)


class TestLayer:
    @given(seed=seeds, shape=st.lists(st.integers(0, 5), min_size=1, max_size=4))
    def test_forward_and_backward_multiply_by_one_mask(self, seed, shape):
        rng = np.random.default_rng(seed)
        layer, x, dy = tn.Dropout(0.3, rng=seed), rng.normal(size=shape), rng.normal(size=shape)
        twin = copy.deepcopy(layer)
        mask = twin(np.ones(shape))
        assert same_bits(layer(x), x * mask) and same_bits(layer.backward(dy), dy * mask)

    @pytest.mark.parametrize("p", [0, 1])
    @pytest.mark.parametrize("training", [True, False])
    def test_the_ends_are_pytorch_s(self, p, training):
        x = np.array([[1.0, -2, 0, np.nan, np.inf]])
        theirs = torch.nn.Dropout(p).train(training)(torch.tensor(x)).numpy()
        ours = tn.Dropout(p).train(training)(x)
        np.testing.assert_array_equal(ours, theirs)

    def test_in_evaluation_all_pass_and_nothing_is_drawn(self):
        layer = tn.Dropout(0.9, rng=0)
        before = stands(layer)
        assert same_bits(layer.predict(X), X) and layer.predict(X) is not X
        y = layer.eval()(X)
        dx = layer.backward(X)
        assert same_bits(y, X) and same_bits(dx, X) and y is not X and dx is not X
        assert stands(layer) == before

    @pytest.mark.parametrize("p", [-0.1, 1.1, np.nan, "half", True, None])
    def test_what_is_no_probability_is_refused_whenever_it_is_set(self, p):
        with pytest.raises((ValueError, TypeError), match=r"^Dropout: p = "):
            tn.Dropout(p)
        layer = tn.Dropout()
        with pytest.raises((ValueError, TypeError), match=r"^Dropout: p = "):
            layer.p = p
        assert layer.p == 0.5

    def test_its_repr_makes_it(self):
        assert (
            repr(tn.Dropout()) == "Dropout(p=0.5)" and repr(tn.Dropout(0.25)) == "Dropout(p=0.25)"
        )

    def test_copies_and_pickles_draw_the_same(self):
        layer = tn.Dropout(rng=0)
        layer(ONES)
        twins = copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))
        expected = layer(ONES)
        assert all(same_bits(twin(ONES), expected) for twin in twins)


class TestGradientCheck:
    @pytest.mark.parametrize("layer", [tn.Dropout(0.3, rng=0), tn.Dropout(1), OwnDropout()])
    @pytest.mark.parametrize("training", [True, False])
    def test_random_layers_pass_in_either_mode_and_stay_as_they_are(self, layer, training):
        before = stands(layer)
        assert tn.check_gradients(layer.train(training), (5, 7)).passed
        assert stands(layer) == before

    def test_a_network_with_two_of_them_passes(self):
        net = network(tn.Dropout(0.3, rng=0), tn.Tanh(), OwnDropout())
        assert tn.check_gradients(net, (4, 6)).passed

    def test_a_mask_that_backward_draws_anew_is_wrong(self):
        with pytest.raises(tn.GradientError, match=r"input x\["):
            tn.check_gradients(RedrawsBackward(), (5, 7))

    def test_buffers_are_put_back_before_each_forward(self):
        class Drifts(tn.Module):
            buffers = ("times",)

            def __init__(self):
                self.times = np.ones(1)

            def forward(self, x):
                self.times += 1
                self.keep(self.times.copy())
                return x * self.times

            def backward(self, dy):
                dy, times = self.kept(dy)
                return dy * times

        layer = Drifts()
        assert tn.check_gradients(layer, (5, 7)).passed and layer.times == 1

    def test_what_draws_from_nowhere_to_be_seen_is_refused(self):
        class Global(OwnDropout):
            def forward(self, x):
                self.keep(np.random.random(x.shape) >= self.p)  # noqa: NPY002
                return x * self._kept[0]

        with pytest.raises(tn.GradientError, match=r"two outputs for one input; it draws"):
            tn.check_gradients(Global(), (5, 7))


def fit(net, compiled, X=X, epochs=3, **options):
    loader = tn.DataLoader(X, Y, batch_size=8, shuffle=True, rng=0)
    parts = tn.NLLLoss(), tn.Adam(net.parameters(), lr=0.01)
    history = tn.fit(
        *(net, *parts, loader), test=(X, Y), epochs=epochs, progress=False, compiled=compiled,
        **options,
    )  # fmt: skip
    return vars(history), tn.fingerprint(net), stands(net)


def loop(net, compiles):
    loss_fn, optimizer = tn.NLLLoss(), tn.Adam(net.parameters(), lr=0.01)
    if compiles:
        tn.compile(net, loss_fn, optimizer)
    losses = []
    for first in range(0, 48, 8):
        losses.append(loss_fn(net(X[first : first + 8]), Y[first : first + 8]))
        optimizer.zero_grad()
        net.backward(loss_fn.backward())
        optimizer.step()
        losses.append(net.predict(X).tobytes())
    return losses, tn.fingerprint(net), stands(net)


class TestSameBits:
    def test_fit_compiled_or_layer_by_layer(self):
        results = [fit(network(), compiled) for compiled in (True, False)]
        assert results[0] == results[1]
        assert results[0] != fit(network(seed=6), False)

    @pytest.mark.parametrize("numpy_too", slow_but(1, [False, True]))
    def test_a_loop_by_verbs_and_segments(self, numpy_too):
        between = [tn.Dropout(0.4, rng=2), *[NumpyTanh()] * numpy_too, tn.Dropout(0.2, rng=3)]
        one, other = (loop(network(*copy.deepcopy(between)), c) for c in (True, False))
        assert one == other

    def test_a_new_p_is_noticed(self):
        outputs = []
        for compiles in (True, False):
            net = network()
            if compiles:
                tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters()))
            net(X)
            net[1].p = 0.9
            outputs.append(net(X).tobytes())
        assert outputs[0] == outputs[1]

    @pytest.mark.parametrize("compiled", [True, False])
    def test_a_step_that_is_not_taken_draws_nothing(self, compiled):
        huge = X.copy()
        huge[31] = 3e38
        net, started = network(), network()
        loader = tn.DataLoader(huge, Y, batch_size=8)
        parts = tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.1)
        with pytest.raises(FloatingPointError, match=r"batch 4, .* finite is 1, Dropout"):
            tn.fit(net, *parts, loader, progress=False, compiled=compiled)
        optimizer, loss_fn = tn.SGD(started.parameters(), lr=0.1), tn.NLLLoss()
        for first in (0, 8, 16):
            loss_fn(started(X[first : first + 8]), Y[first : first + 8])
            optimizer.zero_grad()
            started.backward(loss_fn.backward())
            optimizer.step()
        assert stands(net) == stands(started) and tn.fingerprint(net) == tn.fingerprint(started)

    def test_a_trace_takes_the_step_that_comes_next_and_moves_nothing(self):
        net = network()
        before = stands(net)
        traces = [tn.trace(net, tn.NLLLoss(), X, Y) for _ in range(2)]
        assert stands(net) == before
        assert same_bits(traces[0].output, traces[1].output)
        assert same_bits(traces[0].output, net(X))


def DROPOUT():
    return (tn.Dropout(0.4, rng=5),)


class Stop(Exception):
    pass


def stopped_after(batches, net, path, compiled):
    """A run that ends in a crash after so many batches, with a checkpoint at each."""
    seen = []

    def score(outputs, target):
        seen.append(len(outputs))
        if len(seen) > batches:
            raise Stop
        return 0.0

    score.__name__ = "score"
    try:
        fit(net, compiled, checkpoint=path, checkpoint_every=1, score=score)
    except (Stop, ValueError):
        return True
    return False


class TestCheckpoints:
    @pytest.mark.parametrize(
        ("make", "compiled"),
        [(DROPOUT, True), (DROPOUT, False), (lambda: (OwnDropout(),), False)],
    )
    def test_a_run_stopped_at_any_batch_ends_with_the_same_bits(self, make, compiled, tmp_path):
        def score(outputs, target):
            return 0.0

        whole = fit(network(*make()), compiled, score=score)
        for batches in (3, 9, 12):
            path = tmp_path / str(batches)
            assert stopped_after(batches, network(*make()), path, compiled)
            again = network(*make())
            again(X)  # wherever it stands, the file says where it stood
            assert fit(again, compiled, score=score, checkpoint=path) == whole

    def written(self, tmp_path, net):
        loader = tn.DataLoader(X, Y, batch_size=8, shuffle=True, rng=0)
        optimizer = tn.SGD(net.parameters())
        tn.save_checkpoint(tmp_path / "c", net, optimizer, loader, tn.History())
        return tmp_path / "c", optimizer, loader

    def test_one_of_a_version_without_generators_loads_with_a_warning(self, tmp_path, monkeypatch):
        net = network()
        with monkeypatch.context() as patch:
            patch.setattr("tinynet.formats.checkpoint.generators_of", lambda net: ())
            path, *parts = self.written(tmp_path, net)
        before = stands(net)
        with pytest.warns(UserWarning, match=r"earlier version, without generator 1\.state"):
            tn.load_checkpoint(path, net, *parts, tn.History())
        assert stands(net) == before

    def test_one_of_other_generators_is_refused_and_nothing_changed(self, tmp_path):
        path, *_ = self.written(tmp_path, network(OwnDropout()))
        net = network(OwnDropout())
        net[1].draws = np.random.Generator(np.random.MT19937(0))
        before = stands(net)
        optimizer = tn.SGD(net.parameters())
        loader = tn.DataLoader(X, Y, batch_size=8, shuffle=True, rng=0)
        with pytest.raises(tn.ModelFileError, match=r"generator 1\.draws: state"):
            tn.load_checkpoint(path, net, optimizer, loader, tn.History())
        assert stands(net) == before

    @pytest.mark.parametrize("stand", [None, {}, {"generator": "(1,) uint64", "state": ["x"]}])
    def test_a_damaged_state_is_an_error(self, stand):
        layer = tn.Dropout(rng=0)
        before = stands(layer)
        with pytest.raises(ValueError, match="generator"):
            put_to(layer.state, stand)
        assert stands(layer) == before


class TestTools:
    def test_it_is_told_with_its_numbers(self):
        net = network(tn.ReLU(), tn.Dropout(0.5, rng=0))
        part = tn.trace(net, tn.NLLLoss(), X, Y).layer(2)
        for x, y, text in (
            (True, True, r"it is kept: mask = 2\n"),
            (True, False, r"it is dropped: mask = 0\n"),
            (False, False, r"x = 0 gives 0: mask is 0 or 2\n"),
        ):
            n, c = np.argwhere(((part.input != 0) == x) & ((part.output != 0) == y))[0]
            told = tn.trace(net, tn.NLLLoss(), X, Y).explain(2, n, c)
            assert re.search(text, told), told
            assert f"= {part.dx[n, c]:.5g}" in told
        told = tn.trace(net.eval(), tn.NLLLoss(), X, Y).explain(2)
        assert "in evaluation nothing is dropped: mask = 1" in told

    def test_files_have_its_options_and_not_where_it_stands(self, tmp_path):
        net = network(tn.Dropout(0.3, rng=0))
        tn.save(net, tmp_path / "net")
        again = tn.load(tmp_path / "net")
        assert repr(again) == repr(net) and same_bits(again.predict(X), net.predict(X))
        assert tn.fingerprint(again) == tn.fingerprint(net)
        assert list(net.state_dict()) == ["0.weight", "0.bias", "2.weight", "2.bias"]

    def test_pytorch_and_back(self):
        net = network(tn.Dropout(0.3, rng=0)).eval()
        module = tn.to_torch(net)
        assert isinstance(module[1], torch.nn.Dropout) and module[1].p == 0.3
        with torch.no_grad():
            np.testing.assert_allclose(module(torch.tensor(X)).numpy(), net(X), rtol=1e-5)
        assert repr(tn.from_torch(module)) == repr(net)

    def test_onnx_passes_all(self, tmp_path):
        onnxruntime = pytest.importorskip("onnxruntime")
        net = network(tn.Dropout(0.3, rng=0))
        tn.to_onnx(net, tmp_path / "net.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
        np.testing.assert_allclose(session.run(None, {"x": X})[0], net.predict(X), rtol=1e-5)

    def test_summary_playground_and_doctor(self):
        net = network()
        assert "Dropout(p=0.4)  (N, 8)" in str(net.summary())
        before = stands(net)
        assert tn.playground(net, features=list("abcdef")) is not None
        tn.diagnose(tn.History(), net, (X, Y), loss_fn=tn.NLLLoss())
        assert stands(net) == before
