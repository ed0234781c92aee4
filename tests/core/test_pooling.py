"""MaxPool2d and AvgPool2d: PyTorch's numbers and slopes, in every way to run and to read them."""

import itertools
import math

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import assert_close_to_torch, normal, same_bits, seeds
from twins import assert_agrees_with_torch, tensor, twin

import tinynet as tn
from tinynet.compiler.recorded import record_layers
from tinynet.compiler.segment import can_be_split
from tinynet.inspection.told import told_arrays
from tinynet.kernels import PAIRS

NAN, INF = np.nan, np.inf
X = np.random.default_rng(0).normal(size=(24, 2, 7, 6)).astype(np.float32)
Y = np.arange(24) % 3
pairs = st.tuples(st.integers(1, 4), st.integers(1, 4))


@st.composite
def pools(draw):
    """A pool of some options, and a size of pictures that it takes."""
    kernel_size, stride = draw(pairs), draw(st.one_of(st.none(), pairs))
    padding = tuple(draw(st.integers(0, k // 2)) for k in kernel_size)
    if draw(st.booleans()):
        dilation = draw(st.sampled_from([(1, 1), (1, 1), (2, 1), (1, 3)]))
        layer = tn.MaxPool2d(kernel_size, stride, padding, dilation=dilation)
    else:
        include = draw(st.booleans())
        dilation = (1, 1)
        layer = tn.AvgPool2d(kernel_size, stride, padding, count_include_pad=include)
    spans = (d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True))
    least = [max(1, s - p) for s, p in zip(spans, padding, strict=True)]
    return layer, tuple(n + draw(st.integers(0, 6)) for n in least)


def winners(x, **options):
    """What each window gives, and where dy goes back to, of one channel."""
    layer = tn.MaxPool2d(**{"kernel_size": len(x)} | options)
    y = layer(np.array(x, np.float64)[None, None])
    return y, layer.backward(np.ones_like(y))[0, 0]


class TestAgainstPyTorch:
    @given(seed=seeds, pool=pools(), N=st.sampled_from([0, 1, 2, 3]), C=st.sampled_from([1, 2, 3]))
    def test_forward_and_backward(self, seed, pool, N, C):
        layer, size = pool
        rng = np.random.default_rng(seed)
        x = normal(rng, N, C, *size)
        shape = twin(layer)(tensor(x)).shape
        assert_agrees_with_torch(layer, normal(rng, *shape), x)

    @given(seed=seeds, pool=pools(), dtype=st.sampled_from([np.float32, np.float64]))
    def test_equal_and_stray_numbers_win_as_there(self, seed, pool, dtype):
        layer, size = pool
        rng = np.random.default_rng(seed)
        x = rng.choice([0.0, -0.0, 1.0, 1.0, -INF, -INF, INF, NAN], (2, 2, *size)).astype(dtype)
        leaf = torch.tensor(x, requires_grad=True)
        y, theirs = layer(x), twin(layer)(leaf)
        np.testing.assert_array_equal(y, theirs.detach().numpy())
        if isinstance(layer, tn.MaxPool2d):
            dy = rng.integers(1, 9, y.shape).astype(dtype)
            theirs.backward(torch.tensor(dy))
            np.testing.assert_array_equal(layer.backward(dy), leaf.grad.numpy())

    @pytest.mark.parametrize(
        ("row", "largest", "place"),
        [
            ([1, 2, 2, 1], 2, 1),
            ([0.0, -0.0, -0.0, -1], 0, 0),
            ([-INF, -INF, -INF, -INF], -INF, 0),
            ([-INF, -INF, 1, 1], 1, 2),
            ([NAN, 5, INF, 1], NAN, 0),
            ([NAN, 5, NAN, 1], NAN, 2),
            ([1, 5, NAN, NAN], NAN, 3),
        ],
    )
    def test_which_of_equal_numbers_wins(self, row, largest, place):
        y, dx = winners(np.reshape(row, (2, 2)))
        np.testing.assert_array_equal(y.ravel(), [largest])
        assert dx.ravel().nonzero()[0].tolist() == [place]

    def test_what_lies_beyond_the_border_never_wins(self):
        y, dx = winners(np.full((2, 2), -INF), padding=1, stride=1)
        assert (y == -INF).all() and dx.tolist() == [[4, 2], [2, 1]]

    @pytest.mark.parametrize("kind", [tn.MaxPool2d, tn.AvgPool2d])
    def test_windows_lie_side_by_side_unless_told_otherwise(self, kind):
        theirs = getattr(torch.nn, kind.__name__)
        for options in ((2,), ((3, 2),), (3, 1), (3, (2, 1), 1)):
            x = X.astype(np.float64)
            assert_close_to_torch(kind(*options).predict(x), theirs(*options)(tensor(x)))

    def test_there_and_back(self):
        for layer in (
            tn.MaxPool2d(2),
            tn.MaxPool2d((3, 2), 1, (1, 0), dilation=2),
            tn.AvgPool2d((2, 3), (2, 1), 1, count_include_pad=False),
        ):
            again = tn.from_torch(tn.to_torch(layer))
            assert repr(again) == repr(layer) == repr(eval(repr(layer), vars(tn)))
        assert repr(tn.from_torch(torch.nn.MaxPool2d(2, 2, 1))) == "MaxPool2d(2, padding=1)"
        with pytest.raises(TypeError, match=r"ceil_mode=True, which MaxPool2d has no option for"):
            tn.from_torch(torch.nn.MaxPool2d(2, ceil_mode=True))
        with pytest.raises(TypeError, match=r"divisor_override=2, which AvgPool2d has no option"):
            tn.from_torch(torch.nn.AvgPool2d(2, divisor_override=2))


class TestKernels:
    @given(seed=seeds, pool=pools(), dtype=st.sampled_from([np.float32, np.float64]))
    def test_the_fast_loop_has_the_bits_of_the_plain_one(self, seed, pool, dtype):
        layer, size = pool
        rng = np.random.default_rng(seed)
        x = normal(rng, 3, 2, *size, dtype=dtype)
        strays = rng.random(x.shape) < 0.3
        x[strays] = rng.choice([0.0, -0.0, -INF, INF, NAN], strays.sum())
        shape = layer.predict(x).shape
        kernel_size, stride, padding = layer.kernel_size, layer.stride, layer.padding
        found = []
        for loop in (PAIRS["max_pool"].loop, PAIRS["max_pool"].plain):
            dilation = getattr(layer, "dilation", (1, 1))
            y, won = np.zeros(shape, dtype), np.zeros(shape, np.int32)
            loop(x, kernel_size, stride, padding, dilation, y, won)
            found.append((y.tobytes(), won.tobytes()))
        assert found[0] == found[1]

    @pytest.mark.parametrize("stray", [1.0, INF, NAN])
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    def test_so_it_has_for_windows_of_four_with_equal_numbers(self, stray, dtype):
        rng = np.random.default_rng(0)
        numbers = [0.0, -0.0, 1.0, -1.0, -INF, stray]
        for size, stride in itertools.product([(2, 2), (5, 4), (9, 12)], [(2, 2), (1, 2)]):
            x = rng.choice(numbers, (40, 2, *size)).astype(dtype)
            shape = tn.MaxPool2d(2, stride).predict(x).shape
            found = []
            for loop in (PAIRS["max_pool"].loop, PAIRS["max_pool"].plain):
                y, won = np.zeros(shape, dtype), np.zeros(shape, np.int32)
                loop(x, (2, 2), stride, (0, 0), (1, 1), y, won)
                found.append((y.tobytes(), won.tobytes()))
            assert found[0] == found[1]

    @given(seed=seeds, pool=pools())
    def test_a_row_alone_gives_the_bits_that_it_has_in_a_batch(self, seed, pool):
        layer, size = pool
        rng = np.random.default_rng(seed)
        x = normal(rng, 5, 3, *size, dtype=np.float32)
        y = layer(x)
        dy = normal(rng, *y.shape, dtype=np.float32)
        dx = layer.backward(dy)
        for n in range(5):
            assert same_bits(layer(x[n : n + 1]), y[n : n + 1])
            assert same_bits(layer.backward(dy[n : n + 1]), dx[n : n + 1])


POOLS = [
    tn.MaxPool2d(2),
    tn.MaxPool2d(3, 2, 1),
    tn.MaxPool2d(2, 1, dilation=(2, 1)),
    tn.AvgPool2d(2),
    tn.AvgPool2d(3, 2, 1, count_include_pad=False),
]


def network(pool):
    size = math.prod(pool.predict(X[:1]).shape)
    return tn.Sequential(
        *(tn.Linear(84, 84, rng=0), tn.Unflatten(1, (2, 7, 6)), pool, tn.Flatten()),
        tn.Linear(size, 3, rng=1),
    )


each_pool = pytest.mark.parametrize("pool", POOLS, ids=repr)


class TestLayer:
    @each_pool
    def test_its_gradients_are_right(self, pool):
        assert tn.check_gradients(pool, (3, 2, 7, 6)).passed

    @pytest.mark.parametrize("kind", [tn.MaxPool2d, tn.AvgPool2d])
    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"kernel_size": 0}, "kernel_size = 0"),
            ({"kernel_size": (2, 2, 2)}, r"kernel_size = \(2, 2, 2\), expected an int, or two"),
            ({"kernel_size": 2.0}, "kernel_size = 2.0"),
            ({"stride": 0}, "stride = 0"),
            ({"stride": (1, True)}, r"stride\[1\] = True"),
            ({"padding": -1}, "padding = -1"),
            ({"padding": 2}, "padding = 2 is more than half of the window; take at most 1"),
            ({"padding": (0, 2)}, r"padding = \(0, 2\) is more than half"),
        ],
    )
    def test_options_out_of_range_are_refused(self, kind, options, words):
        with pytest.raises(ValueError, match=rf"^{kind.__name__}: {words}"):
            kind(**{"kernel_size": 3} | options)
        layer = kind(3)
        (option,) = options
        with pytest.raises(ValueError, match=words):
            setattr(layer, option, options[option])
        assert repr(layer) == repr(kind(3))

    def test_options_of_one_kind_alone_are_refused(self):
        with pytest.raises(ValueError, match="MaxPool2d: dilation = 0"):
            tn.MaxPool2d(2, dilation=0)
        with pytest.raises(TypeError, match="AvgPool2d: count_include_pad = 'no'"):
            tn.AvgPool2d(2, count_include_pad="no")

    @each_pool
    @pytest.mark.parametrize(
        ("x", "error", "words"),
        [
            (np.ones((3, 84)), ValueError, r"let tn.Unflatten\(1, \(C, H, W\)\) make pictures"),
            (np.ones((2, 7, 6)), ValueError, r"use x\[None\] for one picture"),
            (np.ones((3, 2, 7, 6), int), TypeError, "int64"),
            (np.ones((3, 2, 1, 0)), ValueError, "smaller than the window"),
        ],
    )
    def test_inputs_that_it_does_not_take_are_named(self, pool, x, error, words):
        with pytest.raises(error, match=words):
            pool(x)

    def test_it_takes_pictures_that_do_not_lie_in_a_row_and_changes_none(self):
        for pool in POOLS:
            turned = np.asfortranarray(X)
            before = turned.tobytes()
            assert same_bits(pool.predict(turned), pool.predict(X)) and turned.tobytes() == before


def learned(pool, way):
    """What a few steps make of a network and its losses."""
    net = network(pool)
    rows = X.reshape(24, 84)
    loss_fn, optimizer = tn.CrossEntropyLoss(), tn.SGD(net.parameters(), lr=0.1)
    loader = tn.DataLoader(rows, Y, batch_size=8)
    if way in ("fit", "fit by layers"):
        history = tn.fit(
            *(net, loss_fn, optimizer, loader), epochs=2, progress=False, compiled=way == "fit"
        )
        return tn.fingerprint(net), history.train_loss
    if way == "verbs":
        tn.compile(net, loss_fn, optimizer)
        assert net._compiled.python == []
    losses = []
    for xb, yb in [*loader, *loader]:
        losses.append(loss_fn(net(xb), yb))
        optimizer.zero_grad()
        net.backward(loss_fn.backward())
        optimizer.step()
    return tn.fingerprint(net), losses


class TestTools:
    @each_pool
    def test_it_is_recorded_and_can_be_split(self, pool):
        parts = [layer.recorded for layer in record_layers(network(pool))]
        assert all(map(can_be_split, parts))

    @pytest.mark.slow
    @each_pool
    def test_all_ways_to_run_it_have_the_same_bits(self, pool):
        assert learned(pool, "fit") == learned(pool, "fit by layers")
        assert learned(pool, "verbs") == learned(pool, "layers")

    @each_pool
    def test_onnx_and_files_give_the_same_numbers(self, pool, tmp_path):
        net = tn.Sequential(tn.ReLU(), pool)
        tn.save(net, tmp_path / "net")
        assert repr(tn.load(tmp_path / "net")) == repr(net)
        with pytest.raises(ValueError, match=r"any size; say of which, as in .*input_shape=\(1, 2"):
            tn.to_onnx(net, tmp_path / "net.onnx")
        tn.to_onnx(net, tmp_path / "net.onnx", input_shape=(2, 7, 6))
        session = onnxruntime.InferenceSession(tmp_path / "net.onnx")
        if pool.padding == (1, 1) and isinstance(pool, tn.AvgPool2d):
            assert session.get_outputs()[0].shape == ["N", 2, 4, 3]
        (y,) = session.run(None, {"x": X})
        np.testing.assert_allclose(y, net.predict(X), rtol=1e-5, atol=1e-6)

    @each_pool
    def test_it_is_told_with_its_numbers(self, pool):
        net = network(pool)
        trace = tn.trace(net, tn.CrossEntropyLoss(), X.reshape(24, 84), Y)
        part, unit = trace.layer(2), 3  # the second row of windows, or the first
        Q = part.output.shape[3]
        n, c, p, q = 4, 0, unit // Q, unit % Q
        told = trace.explain(2, sample=n, unit=unit)
        y, dy = part.output[n, c, p, q], part.dy[n, c, p, q]
        numbers = {name: array[n, c, p, q] for name, array in told_arrays(part).items()}
        if isinstance(pool, tn.MaxPool2d):
            h, w = np.argwhere(part.input[n, c] == y)[0]
            assert f"x[0, {h}, {w}] = {y:.5g}, the largest" in told
            assert f"dx[0, {h}, {w}] = dy = {dy:.5g}, with all units" in told
            assert (numbers["h"], numbers["w"]) == (h, w)
        else:
            count = {2: 4, 3: 6}[pool.kernel_size[0]]
            assert f"* {1 / count:.5g} = " in told and f"y = {y:.5g}" in told
            assert numbers["count"] == count
            np.testing.assert_allclose(numbers["sum"] / count, y, rtol=1e-5)
            np.testing.assert_allclose(numbers["share"], dy / count, rtol=1e-5)

    @given(seed=seeds, pool=pools())
    def test_its_windows_are_those_that_it_computes_with(self, seed, pool):
        layer, size = pool
        x = normal(np.random.default_rng(seed), 1, 2, *size)
        y = layer.predict(x)
        for place in np.ndindex(*y.shape[1:]):
            window = layer.told_window(x.shape[1:], place)
            read = x[0][window.reads]
            told = read.max(initial=-INF) if window.largest else (read * window.weights).sum()
            np.testing.assert_allclose(told, y[0][place], rtol=1e-12, atol=1e-12)

    @each_pool
    def test_summary_playground_and_doctor(self, pool):
        net = network(pool)
        shape = ", ".join(map(str, pool.predict(X).shape[1:]))
        assert f"(N, {shape})" in str(net.summary())
        names = [f"x{n}" for n in range(84)]
        with pytest.raises(ValueError, match="64 sliders are the most"):
            tn.playground(net, features=names)
        small = tn.Sequential(tn.Unflatten(1, (2, 3, 4)), tn.MaxPool2d(2, 1), tn.Flatten())
        assert tn.playground(small) is not None
        data = X.reshape(24, 84), Y
        assert tn.diagnose(tn.History(), net, data, loss_fn=tn.CrossEntropyLoss()) is not None

    def test_compile_asks_for_the_size_of_pictures(self):
        net = tn.Sequential(tn.MaxPool2d(2), tn.Flatten(), tn.Linear(18, 3, rng=0))
        parts = tn.CrossEntropyLoss(), tn.SGD(net.parameters())
        with pytest.raises(TypeError, match=r"pictures of any size; say of which, as in tn.comp"):
            tn.compile(net, *parts)
        source = tn.compile(net, *parts, input_shape=(2, 7, 6)).source
        assert "max_pool(x, (np.int64(2), np.int64(2),)" in source
        assert "?" in str(net.summary()) and "(N, 2, 3, 3)" in str(net.summary((2, 7, 6)))
