"""The losses over numbers compute what PyTorch's do, in any shape, and refuse what it bends."""

import numpy as np
import pytest
import torch
from conftest import promised_by_loops
from hypothesis import given
from hypothesis import strategies as st
from strategies import LAYOUTS, assert_close_to_torch, fingerprint, same_bits, seeds
from twins import tensor

import tinynet as tn
from tinynet.compiler.compiled import CompiledSteps
from tinynet.compiler.recorded import record_layers

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NaN and inf, with the JIT off

LOSSES = {
    "MSELoss": tn.MSELoss,
    "L1Loss": tn.L1Loss,
    "BCELoss": tn.BCELoss,
    "BCEWithLogitsLoss": tn.BCEWithLogitsLoss,
}
REDUCTIONS = ["mean", "sum", "none"]
STRAYS = [np.nan, np.inf, -np.inf]
each_loss = pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES)
each_reduction = pytest.mark.parametrize("reduction", REDUCTIONS)
shapes = st.lists(st.integers(0, 5), min_size=1, max_size=4)


def example(make, rng, shape, dtype=np.float64, spread=3.0):
    """An output and a target that the loss takes; some of them equal, some at the ends."""
    x, y = (spread * rng.normal(size=shape) for _ in range(2))
    if make in (tn.BCELoss, tn.BCEWithLogitsLoss):
        y = rng.choice([0, 1, rng.random()], shape)
    if make is tn.BCELoss:
        x = rng.choice([0, 1, 1e-13, 1e-300, *rng.random(9)], shape)
    if make in (tn.MSELoss, tn.L1Loss):
        x = np.where(rng.random(shape) < 0.2, y, x)
    return np.asarray(x, dtype), np.asarray(y, dtype)


def some_weight(data, rng, shape):
    """A weight that broadcasts to `shape`, or None."""
    axes = data.draw(st.one_of(st.none(), st.lists(st.booleans(), max_size=len(shape))))
    if axes is None:
        return None
    kept = shape[len(shape) - len(axes) :]
    weight_shape = [size if keep else 1 for keep, size in zip(axes, kept, strict=True)]
    return rng.uniform(0, 3, weight_shape).round(1)


def upstream(rng, loss_fn, shape):
    return rng.normal(size=shape) if loss_fn.reduction == "none" else float(rng.normal())


def assert_agrees_with_torch(loss_fn, dy, x, y):
    names = ("reduction", "weight", "pos_weight")
    options = {name: getattr(loss_fn, name) for name in names if hasattr(loss_fn, name)}
    options = {k: tensor(v) if isinstance(v, np.ndarray) else v for k, v in options.items()}
    other = getattr(torch.nn, type(loss_fn).__name__)(**options)
    leaf = tensor(x, requires_grad=True)
    loss, expected = loss_fn(x, y), other(leaf, tensor(y))
    assert isinstance(loss, np.ndarray if loss_fn.reduction == "none" else float)
    assert_close_to_torch(loss, expected)
    (expected * torch.tensor(dy, dtype=torch.float64)).sum().backward()
    assert_close_to_torch(loss_fn.backward(dy), leaf.grad)


class TestAgainstPyTorch:
    @each_reduction
    @pytest.mark.parametrize("shape", [(0, 5), (5, 0), (1, 1), (4,), (0,)])
    def test_weights_of_nothing_and_of_single_numbers(self, reduction, shape):
        rng = np.random.default_rng(0)
        for weight in (np.ones(1), np.full(shape[-1:], 2.0), np.full(shape, 3.0)):
            loss_fn = tn.BCEWithLogitsLoss(weight, reduction, pos_weight=weight)
            x, y = example(tn.BCEWithLogitsLoss, rng, shape)
            assert_agrees_with_torch(loss_fn, upstream(rng, loss_fn, shape), x, y)

    @each_loss
    @each_reduction
    @given(seed=seeds, shape=shapes, spread=st.sampled_from([1, 40, 900]), data=st.data())
    def test_any_shape_and_options(self, make, reduction, seed, shape, spread, data):
        rng = np.random.default_rng(seed)
        options = {
            name: some_weight(data, rng, shape)
            for name in ("weight", "pos_weight")
            if hasattr(make, name)
        }
        loss_fn = make(reduction=reduction, **options)
        x, y = example(make, rng, shape, spread=spread)
        assert_agrees_with_torch(loss_fn, upstream(rng, loss_fn, shape), x, y)

    @pytest.mark.parametrize("make", [tn.MSELoss, tn.L1Loss, tn.BCEWithLogitsLoss])
    @each_reduction
    @given(seed=seeds)
    def test_numbers_that_are_not_finite(self, make, reduction, seed):
        rng = np.random.default_rng(seed)
        loss_fn = make(reduction=reduction)
        x, y = example(make, rng, (4, 3))
        # where |x - y| is NaN, PyTorch's slope is 0
        x[rng.random(x.shape) < 0.3] = rng.choice(STRAYS[make is tn.L1Loss :])
        assert_agrees_with_torch(loss_fn, upstream(rng, loss_fn, x.shape), x, y)

    def test_a_probability_that_rounded_to_0_costs_100_and_its_slope_is_the_clamped_one(self):
        loss_fn = tn.BCELoss()
        x, y = np.array([0.0, 1.0]), np.array([1.0, 0.0])
        assert loss_fn(x, y) == 100.0
        assert same_bits(loss_fn.backward(), np.array([-0.5, 0.5]) / np.float32(1e-12))
        assert_agrees_with_torch(loss_fn, 1.0, x, y)

    def test_on_logits_the_worst_mistakes_teach_the_most(self):
        x, y = np.array([-800.0, 800.0]), np.array([1.0, 0.0])
        loss_fn = tn.BCEWithLogitsLoss()
        assert loss_fn(x, y) == 800.0
        assert same_bits(loss_fn.backward(), np.array([-0.5, 0.5]))
        sigmoid, apart = tn.Sigmoid(), tn.BCELoss()
        assert apart(sigmoid(x), y) == 100.0
        assert not sigmoid.backward(apart.backward()).any()


class TestGradients:
    @each_loss
    @each_reduction
    def test_the_gradient_check_passes(self, make, reduction):
        rng = np.random.default_rng(0)
        _, y = example(make, rng, (5, 3), spread=1)
        x = rng.uniform(0.1, 0.9, (5, 3))  # y, which may be 0 or 1, is not differentiated
        report = tn.check_gradients(make(reduction=reduction), x, y, rng=0)
        assert report.passed

    @each_loss
    def test_float32_stays_float32_and_close_to_float64(self, make):
        rng = np.random.default_rng(0)
        x, y = example(make, rng, (6, 4), np.float32, spread=1)
        loss_fn, exact = make(), make()
        loss, wanted = loss_fn(x, y), exact(x.astype(np.float64), y.astype(np.float64))
        dx, dX = loss_fn.backward(), exact.backward()
        assert dx.dtype == np.float32
        np.testing.assert_allclose(loss, wanted, rtol=1e-5)
        np.testing.assert_allclose(dx, dX, rtol=1e-3 if make is tn.BCELoss else 1e-5, atol=1e-8)


class TestProtocol:
    @each_loss
    def test_backward_before_forward_or_twice(self, make):
        loss_fn = make()
        x, y = example(make, np.random.default_rng(0), (3, 2))
        for _ in range(2):
            with pytest.raises(RuntimeError, match=make.__name__):
                loss_fn.backward()
            loss_fn(x, y)
            loss_fn.backward()

    @each_loss
    @pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
    def test_the_layout_in_memory_changes_no_bit_and_no_input(self, make, layout):
        x, y = example(make, np.random.default_rng(0), (4, 3))
        plain, other = make(), make()
        before = x.copy(), y.copy()
        assert plain(x, y) == other(layout(x), layout(y))
        assert same_bits(plain.backward(), other.backward())
        assert same_bits(x, before[0]) and same_bits(y, before[1])

    @each_loss
    def test_the_repr_makes_it_again(self, make):
        loss_fn = make(reduction="sum")
        assert repr(loss_fn) == f"{make.__name__}(reduction='sum')"
        assert repr(make()) == f"{make.__name__}()"


X, Y = np.array([[0.5], [0.25]]), np.array([[1.0], [0.0]])
FAULTS = {
    "a column and a row": (X, Y[:, 0], ValueError, [r"(2, 1)", "(2,)", "reshape"]),
    "another length": (X, Y[:1], ValueError, ["(2, 1)", "(1, 1)"]),
    "float32 beside float64": (X, Y.astype(np.float32), TypeError, ["float32", "float64"]),
    "labels": (X, np.array([[1], [0]]), TypeError, ["int64", ".astype(np.float64)"]),
    "a list": (X, Y.tolist(), TypeError, ["list", "np.asarray"]),
    "no array": ([0.5], Y, TypeError, ["list"]),
    "a number": (np.array(0.5), np.array(1.0), ValueError, ["single number"]),
}


class TestFaults:
    @each_loss
    @pytest.mark.parametrize(("x", "y", "error", "words"), FAULTS.values(), ids=FAULTS)
    def test_what_pytorch_broadcasts_or_converts_is_refused(self, make, x, y, error, words):
        loss_fn = make()
        loss_fn(X, Y)
        before = fingerprint(loss_fn)
        with pytest.raises(error) as caught:
            loss_fn(x, y)
        for word in (make.__name__, *words):
            assert word in str(caught.value)
        assert fingerprint(loss_fn) == before

    @pytest.mark.parametrize("value", [-1e-9, 1.5, np.nan, np.inf])
    @pytest.mark.parametrize("which", ["output", "target"])
    def test_bce_takes_probabilities_alone_and_names_the_place(self, value, which):
        arrays = {"output": X.copy(), "target": Y.copy()}
        arrays[which][1, 0] = value
        with pytest.raises(ValueError, match=rf"BCELoss: the {which} has .* at index \[1, 0\]"):
            tn.BCELoss()(*arrays.values())

    @pytest.mark.parametrize("make", [tn.BCELoss, tn.BCEWithLogitsLoss])
    @pytest.mark.parametrize("weight", [[-1.0], [np.nan], np.ones(3)])
    def test_weights(self, make, weight):
        with pytest.raises(ValueError, match=rf"{make.__name__}: weight"):
            make(weight)(X, Y)

    @each_loss
    def test_reduction_and_dy(self, make):
        with pytest.raises(ValueError, match="reduction"):
            make(reduction="average")
        loss_fn = make(reduction="none")
        loss_fn(X, Y)
        with pytest.raises(ValueError, match="needs dy"):
            loss_fn.backward()
        with pytest.raises(ValueError, match="shape"):
            loss_fn.backward(np.ones(3))
        loss_fn.backward(np.ones((2, 1)))


@pytest.mark.slow
@promised_by_loops
@pytest.mark.parametrize("make", [tn.MSELoss, tn.L1Loss, tn.BCELoss, tn.BCEWithLogitsLoss])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fit_and_own_loop_give_the_bits_of_the_layers(make, dtype):
    """Compiled steps and verbs, on targets of numbers."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 5)).astype(dtype)
    Y = rng.choice([0.0, 1.0], (60, 3)).astype(dtype)

    def parts():
        last = [tn.Sigmoid()] if make is tn.BCELoss else []
        net = tn.Sequential(
            *(tn.Linear(5, 7, rng=0, dtype=dtype), tn.Tanh(), tn.Linear(7, 3, rng=1, dtype=dtype)),
            *last,
        )
        return net, make(), tn.Adam(net.parameters(), lr=0.01)

    def loader():
        return tn.DataLoader(X, Y, batch_size=7, shuffle=True, rng=1)

    runs = []
    for compiled in (False, True):
        net, loss_fn, optimizer = parts()
        history = tn.fit(
            *(net, loss_fn, optimizer, loader(), (X, Y), 2),
            progress=False,
            compiled=compiled,
        )
        runs.append((history.train_loss, history.test_loss, tn.fingerprint(net)))
        assert history.train_accuracy == [] or set(history.train_accuracy) == {None}
    for compiled in (False, True):
        net, loss_fn, optimizer = parts()
        if compiled:
            tn.compile(net, loss_fn, optimizer)
        batches = loader()
        for _ in range(2):
            for xb, yb in batches:
                loss_fn(net(xb), yb)
                optimizer.zero_grad()
                net.backward(loss_fn.backward(), input_gradient=False)
                optimizer.step()
        runs.append((*runs[0][:2], tn.fingerprint(net)))
    assert runs[0] == runs[1] == runs[2] == runs[3]


@promised_by_loops
def test_what_nobody_needs_is_left_out_where_a_loss_has_no_accuracy():
    X, Y = np.zeros((6, 5), np.float32), np.zeros((6, 3), np.float32)
    net, loss_fn = tn.Sequential(tn.Linear(5, 3, rng=0)), tn.MSELoss()
    optimizer = tn.SGD(net.parameters(), lr=0.1, momentum=0.9)
    loader = tn.DataLoader(X, Y, batch_size=3)
    source = CompiledSteps(net, loss_fn, optimizer, record_layers(net), loader, None).source
    assert "squared_errors_dx(" in source and "linear_dx(" not in source
