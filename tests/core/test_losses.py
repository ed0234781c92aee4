"""Both losses compute what PyTorch's compute, for every combination of their options."""

import itertools

import numpy as np
import pytest
import torch
from bounds import cross_entropy_layer, rounding_bound
from hypothesis import given
from hypothesis import strategies as st
from strategies import (
    LAYOUTS,
    NOT_FINITE_ROWS,
    assert_close_to_torch,
    assert_within,
    batch_sizes,
    class_counts,
    fingerprint,
    logits,
    normal,
    one_hot,
    probabilities,
    same_bits,
    seeds,
)
from twins import tensor

import tinynet as tn

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # NaN and inf, with the JIT off

REDUCTIONS = ["mean", "sum", "none"]
SHAPES = [(1, 1), (1, 4), (3, 1), (4, 2), (5, 3), (33, 10)]
LOSSES = {"NLLLoss": tn.NLLLoss, "CrossEntropyLoss": tn.CrossEntropyLoss}
each_loss = pytest.mark.parametrize("make", LOSSES.values(), ids=LOSSES)
each_reduction = pytest.mark.parametrize("reduction", REDUCTIONS)


def class_weights(rng, C):
    """Some classes count more than others, and one, if there are several, nothing."""
    weight = rng.uniform(0.5, 2, C)
    weight[2:3] = 0
    return weight


def some_labels(rng, N, C, ignore_index=-100):
    """Labels of which the first counts, so that the gradient is never only what rounding left."""
    labels = rng.integers(C, size=N)
    labels[rng.random(N) < 0.3] = ignore_index
    labels[0] = 1 if ignore_index == 0 and C > 1 else 0
    return labels


def scores(make, rng, N, C, dtype=np.float64):
    """What the loss is called on: logits, or for NLLLoss their log-probabilities."""
    x = logits(rng, N, C, dtype)
    return tn.LogSoftmax()(x) if make is tn.NLLLoss else x


def upstream(rng, loss_fn, N):
    return normal(rng, N) if loss_fn.reduction == "none" else float(rng.normal())


def assert_agrees_with_torch(loss_fn, dy, x, target):
    """Compare value and gradient with those of PyTorch's loss of the same options."""
    options = {name: getattr(loss_fn, name) for name in ("ignore_index", "reduction")}
    if isinstance(loss_fn, tn.CrossEntropyLoss):
        options["label_smoothing"] = loss_fn.label_smoothing
    weight = None if loss_fn.weight is None else tensor(loss_fn.weight)
    other = getattr(torch.nn, type(loss_fn).__name__)(weight=weight, **options)
    leaf = tensor(x, requires_grad=True)
    loss, expected = loss_fn(x, target), other(leaf, tensor(target))
    assert_close_to_torch(loss, expected)
    assert isinstance(loss, np.ndarray if loss_fn.reduction == "none" else float)
    (expected * torch.tensor(dy, dtype=torch.float64)).sum().backward()
    assert_close_to_torch(loss_fn.backward(dy), leaf.grad)


GRID = list(itertools.product([False, True], [-100, -1, 0, "last"], REDUCTIONS))


class TestAgainstPyTorch:
    @pytest.mark.parametrize(("weighted", "ignore_index", "reduction"), GRID)
    def test_nll_over_all_options(self, weighted, ignore_index, reduction):
        for seed, (N, C) in enumerate(SHAPES):
            rng = np.random.default_rng(seed)
            ignored = C - 1 if ignore_index == "last" else ignore_index
            weight = class_weights(rng, C) if weighted else None
            loss_fn = tn.NLLLoss(weight, ignored, reduction)
            x = scores(tn.NLLLoss, rng, N, C)
            labels = some_labels(rng, N, C, ignored)
            assert_agrees_with_torch(loss_fn, upstream(rng, loss_fn, N), x, labels)

    @pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
    @pytest.mark.parametrize(("weighted", "ignore_index", "reduction"), GRID)
    def test_cross_entropy_over_all_options(self, smoothing, weighted, ignore_index, reduction):
        for seed, (N, C) in enumerate(SHAPES):
            rng = np.random.default_rng(seed)
            ignored = C - 1 if ignore_index == "last" else ignore_index
            weight = class_weights(rng, C) if weighted else None
            loss_fn = tn.CrossEntropyLoss(weight, ignored, reduction, smoothing)
            x = scores(tn.CrossEntropyLoss, rng, N, C)
            labels = some_labels(rng, N, C, ignored)
            assert_agrees_with_torch(loss_fn, upstream(rng, loss_fn, N), x, labels)

    @pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
    @pytest.mark.parametrize("weighted", [False, True])
    @each_reduction
    def test_cross_entropy_of_class_probabilities(self, smoothing, weighted, reduction):
        for seed, (N, C) in enumerate(SHAPES):
            rng = np.random.default_rng(seed)
            weight = class_weights(rng, C) if weighted else None
            loss_fn = tn.CrossEntropyLoss(
                weight, reduction=reduction, label_smoothing=smoothing
            )  # fmt: skip
            x, target = logits(rng, N, C), probabilities(rng, N, C)
            assert_agrees_with_torch(loss_fn, upstream(rng, loss_fn, N), x, target)

    @given(
        seed=seeds,
        N=batch_sizes,
        C=class_counts,
        weighted=st.booleans(),
        reduction=st.sampled_from(REDUCTIONS),
        smoothing=st.floats(0, 1),
    )
    def test_any_seed_and_any_smoothing(self, seed, N, C, weighted, reduction, smoothing):
        rng = np.random.default_rng(seed)
        weight = class_weights(rng, C) if weighted else None
        x, labels = logits(rng, N, C), some_labels(rng, N, C)
        fused = tn.CrossEntropyLoss(weight, -100, reduction, smoothing)
        assert_agrees_with_torch(fused, upstream(rng, fused, N), x, labels)
        nll = tn.NLLLoss(weight, -100, reduction)
        assert_agrees_with_torch(nll, upstream(rng, nll, N), tn.LogSoftmax()(x), labels)

    @each_loss
    @each_reduction
    @pytest.mark.parametrize("row", NOT_FINITE_ROWS.values(), ids=NOT_FINITE_ROWS)
    def test_rows_that_are_not_finite(self, make, reduction, row):
        rng = np.random.default_rng(0)
        x = np.stack([normal(rng, 3), row, normal(rng, 3)])
        loss_fn = make(reduction=reduction)
        dy = upstream(rng, loss_fn, 3)
        for label in (0, 1, 2):
            assert_agrees_with_torch(loss_fn, dy, x, np.array([2, label, 0]))

    @each_loss
    @each_reduction
    @pytest.mark.parametrize("smoothing", [0.0, 0.1])
    @pytest.mark.parametrize("row", NOT_FINITE_ROWS.values(), ids=NOT_FINITE_ROWS)
    def test_an_ignored_row_is_left_out_whatever_it_holds(self, make, reduction, smoothing, row):
        """PyTorch's CrossEntropyLoss hands on NaN to such a row; to the others, what we do."""
        rng = np.random.default_rng(0)
        options = {"ignore_index": -1, "reduction": reduction}
        if make is tn.CrossEntropyLoss:
            options["label_smoothing"] = smoothing
        x = np.stack([normal(rng, 3), row, normal(rng, 3)])
        labels = np.array([2, -1, 0])
        loss_fn = make(**options)
        dy = upstream(rng, loss_fn, 3)
        loss = loss_fn(x, labels)
        gradient = loss_fn.backward(dy)
        assert same_bits(gradient[1], np.zeros(3))
        if reduction == "none":
            assert loss[1] == 0
        leaf = tensor(x, requires_grad=True)
        other = getattr(torch.nn, make.__name__)(**options)(leaf, tensor(labels))
        assert_close_to_torch(loss, other)
        (other * torch.tensor(dy, dtype=torch.float64)).sum().backward()
        assert_close_to_torch(gradient[[0, 2]], leaf.grad[[0, 2]])

    @each_loss
    @each_reduction
    @pytest.mark.parametrize("row", NOT_FINITE_ROWS.values(), ids=NOT_FINITE_ROWS)
    def test_so_is_a_row_of_a_class_that_weighs_nothing(self, make, reduction, row):
        rng = np.random.default_rng(0)
        x = np.stack([normal(rng, 3), row, normal(rng, 3)])
        loss_fn = make(weight=[1.0, 0.0, 2.0], reduction=reduction)
        dy = upstream(rng, loss_fn, 3)
        loss, gradient = loss_fn(x, np.array([2, 1, 0])), loss_fn.backward(dy)
        without = loss_fn(x[[0, 2]], np.array([2, 0]))
        rest = loss_fn.backward(dy[[0, 2]] if reduction == "none" else dy)
        assert same_bits(gradient[1], np.zeros(3))
        assert same_bits(gradient[[0, 2]], rest)
        assert (
            np.array_equal(np.delete(loss, 1), without) if reduction == "none" else loss == without
        )

    def test_targets_that_sum_to_0_are_no_row_to_be_ignored(self):
        loss_fn, x = tn.CrossEntropyLoss(), np.array([[1.0, -1.0, 0.5]])
        assert_agrees_with_torch(loss_fn, 1.5, x, np.array([[1.0, -1.0, 0.0]]))

    def test_a_row_of_probabilities_that_are_all_0_is_left_out(self):
        loss_fn = tn.CrossEntropyLoss(reduction="none")
        x = np.array([[1.0, 2.0], [-np.inf, -np.inf], [np.nan, 0.0]])
        loss = loss_fn(x, np.array([[0.25, 0.75], [0.0, 0.0], [0.0, 0.0]]))
        gradient = loss_fn.backward(np.array([1.0, np.nan, np.inf]))
        assert np.isfinite(loss).all() and (loss[1:] == 0).all()
        assert np.isfinite(gradient).all() and (gradient[1:] == 0).all()

    @each_loss
    @each_reduction
    def test_nothing_counts(self, make, reduction):
        rng = np.random.default_rng(0)
        loss_fn = make(reduction=reduction)
        x = scores(make, rng, 3, 4)
        assert_agrees_with_torch(loss_fn, upstream(rng, loss_fn, 3), x, np.full(3, -100))

    @each_reduction
    def test_an_upstream_of_nan(self, reduction):
        rng = np.random.default_rng(0)
        loss_fn = tn.CrossEntropyLoss(reduction=reduction)
        dy = np.array([np.nan, 0.0, 1.0]) if reduction == "none" else np.nan
        assert_agrees_with_torch(loss_fn, dy, normal(rng, 3, 4), np.array([0, 1, 2]))


class TestAgainstEachOther:
    @given(
        seed=seeds,
        N=batch_sizes,
        C=class_counts,
        reduction=st.sampled_from(REDUCTIONS),
        weighted=st.booleans(),
    )
    def test_cross_entropy_is_log_softmax_and_nll(self, seed, N, C, reduction, weighted):
        rng = np.random.default_rng(seed)
        weight = class_weights(rng, C) if weighted else None
        x, labels = logits(rng, N, C), some_labels(rng, N, C)
        fused, nll = (make(weight, reduction=reduction) for make in reversed(LOSSES.values()))
        dy = upstream(rng, fused, N)
        layer = tn.LogSoftmax()
        assert_close_to_torch(nll(layer(x), labels), tensor(fused(x, labels)))
        assert_close_to_torch(layer.backward(nll.backward(dy)), tensor(fused.backward(dy)))

    @given(seed=seeds, N=batch_sizes, C=class_counts, smoothing=st.floats(0, 1))
    def test_labels_are_class_probabilities_of_1(self, seed, N, C, smoothing):
        rng = np.random.default_rng(seed)
        x, labels = logits(rng, N, C), rng.integers(C, size=N)
        loss_fn = tn.CrossEntropyLoss(reduction="none", label_smoothing=smoothing)
        by_label, dy = loss_fn(x, labels), normal(rng, N)
        gradient = loss_fn.backward(dy)
        assert_close_to_torch(loss_fn(x, one_hot(labels, C)), tensor(by_label))
        assert_close_to_torch(loss_fn.backward(dy), tensor(gradient))


@given(seed=seeds, N=batch_sizes, C=class_counts, smoothing=st.sampled_from([0.0, 0.1, 1.0]))
def test_float32_is_within_the_rounding_bound_of_float64(seed, N, C, smoothing):
    rng = np.random.default_rng(seed)
    x, labels = logits(rng, N, C, np.float32), rng.integers(C, size=N)
    X, q = x.astype(np.float64), (1 - smoothing) * one_hot(labels, C) + smoothing / C
    loss_roundings, dx_roundings = cross_entropy_layer(X, q)
    loss_fn = tn.CrossEntropyLoss(reduction="none", label_smoothing=smoothing)
    losses, dx = loss_fn(x, labels), loss_fn.backward(np.ones(N, np.float32))
    assert losses.dtype == dx.dtype == np.float32
    assert_within(losses, loss_fn(X, labels), rounding_bound(loss_roundings, np.float32))
    assert_within(dx, loss_fn.backward(np.ones(N)), rounding_bound(dx_roundings, np.float32))
    mean = tn.CrossEntropyLoss(label_smoothing=smoothing)
    bound = rounding_bound(loss_roundings, np.float32).mean()
    assert_within(mean(x, labels), loss_fn(X, labels).mean(), bound)
    # 1 / N is rounded, and so is the product with it
    bound = rounding_bound(dx_roundings + 2 * (1 + q), np.float32) / N
    loss_fn(X, labels)
    assert_within(mean.backward(), loss_fn.backward(np.full(N, 1 / N)), bound)


class TestProtocol:
    @each_loss
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
    def test_the_layout_in_memory_changes_no_bit(self, make, dtype, layout):
        rng = np.random.default_rng(0)
        x, labels = scores(make, rng, 5, 4, dtype), some_labels(rng, 5, 4)
        dy = normal(rng, 5, dtype=dtype)
        loss_fn = make(reduction="none")
        losses, dx = loss_fn(x, labels), loss_fn.backward(dy)
        assert same_bits(loss_fn(layout(x), layout(labels)), losses)
        assert same_bits(loss_fn.backward(layout(dy)), dx)

    @pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
    def test_the_layout_of_class_probabilities_changes_no_bit(self, layout):
        rng = np.random.default_rng(0)
        x, target = logits(rng, 5, 4), probabilities(rng, 5, 4)
        loss_fn = tn.CrossEntropyLoss()
        loss, dx = loss_fn(x, target), loss_fn.backward()
        assert loss_fn(layout(x), layout(target)) == loss
        assert same_bits(loss_fn.backward(), dx)

    @each_loss
    @pytest.mark.parametrize("integer", ["i1", "u1", "<i2", ">i4", ">i8", "<u8"])
    def test_labels_of_any_integer_dtype(self, make, integer):
        rng = np.random.default_rng(0)
        x, labels = scores(make, rng, 5, 4), rng.integers(4, size=5)
        loss_fn = make()
        assert loss_fn(x, labels.astype(integer)) == loss_fn(x, labels)

    @each_loss
    @each_reduction
    def test_arrays_handed_in_are_not_changed_and_not_handed_back(self, make, reduction):
        rng = np.random.default_rng(0)
        targets = [some_labels(rng, 5, 4)]
        if make is tn.CrossEntropyLoss:
            targets.append(probabilities(rng, 5, 4))
        for target in targets:
            loss_fn = make(class_weights(rng, 4), reduction=reduction)
            x = scores(make, rng, 5, 4)
            dy = upstream(rng, loss_fn, 5)
            before = [np.copy(array) for array in (x, target, dy, loss_fn.weight)]
            loss = loss_fn(x, target)
            dx = loss_fn.backward(dy)
            for array, copy in zip((x, target, dy, loss_fn.weight), before, strict=True):
                assert same_bits(array, copy)
            for array in (x, target, dy, loss):
                assert not np.shares_memory(dx, array)
            assert not np.shares_memory(loss, x)

    @each_loss
    def test_the_weights_are_copied(self, make):
        rng = np.random.default_rng(0)
        weight = class_weights(rng, 4)
        loss_fn = make(weight)
        x, labels = scores(make, rng, 5, 4), rng.integers(4, size=5)
        loss = loss_fn(x, labels)
        weight[:] = 7
        assert loss_fn(x, labels) == loss

    @each_loss
    @each_reduction
    def test_backward_before_forward_or_twice_names_the_loss(self, make, reduction):
        rng = np.random.default_rng(0)
        x, labels = scores(make, rng, 5, 4), rng.integers(4, size=5)
        loss_fn = make(reduction=reduction)
        dy = upstream(rng, loss_fn, 5)
        for _ in range(2):
            with pytest.raises(RuntimeError, match=rf"{make.__name__}.*backward.*forward"):
                loss_fn.backward(dy)
            loss_fn(x, labels)
            loss_fn.backward(dy)

    @each_loss
    def test_the_latest_input_is_the_one_that_counts(self, make):
        rng = np.random.default_rng(0)
        loss_fn = make()
        loss_fn(scores(make, rng, 5, 4), rng.integers(4, size=5))
        x, labels = scores(make, rng, 3, 4), rng.integers(4, size=3)
        assert_agrees_with_torch(loss_fn, 1.0, x, labels)

    @each_loss
    def test_backward_without_dy_is_the_derivative_of_the_loss_itself(self, make):
        rng = np.random.default_rng(0)
        x, labels = scores(make, rng, 5, 4), rng.integers(4, size=5)
        loss_fn = make()
        loss_fn(x, labels)
        dx = loss_fn.backward()
        loss_fn(x, labels)
        assert same_bits(loss_fn.backward(1.0), dx)
        loss_fn(x, labels)
        assert not loss_fn.backward(0.0).any()

    @each_loss
    def test_predict_gives_the_loss_and_keeps_nothing(self, make):
        rng = np.random.default_rng(0)
        x, labels = scores(make, rng, 5, 4), rng.integers(4, size=5)
        loss_fn = make()
        loss = loss_fn(x, labels)
        before = fingerprint(loss_fn)
        assert loss_fn.predict(x, labels) == loss
        loss_fn.predict(scores(make, rng, 3, 4), rng.integers(4, size=3))
        assert fingerprint(loss_fn) == before
        loss_fn.backward()
        loss_fn.predict(x, labels)
        with pytest.raises(RuntimeError):
            loss_fn.backward()


@pytest.mark.parametrize("make", [tn.NLLLoss, tn.CrossEntropyLoss])
def test_a_row_that_is_ignored_does_not_listen_to_its_upstream(make):
    loss_fn = make(reduction="none")
    x = np.random.default_rng(0).normal(size=(3, 4))
    loss_fn(x, np.array([1, -100, 2]))
    gradient = loss_fn.backward(np.array([1.5, np.nan, -0.5]))
    assert (gradient[1] == 0).all()
    assert np.isfinite(gradient).all() and (gradient[[0, 2]] != 0).any(axis=1).all()
