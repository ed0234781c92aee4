"""TinyNetRegressor: scikit-learn's own checks, and that what it trains is what `fit` trains."""

import functools
import pickle
import re
import warnings

import numpy as np
import pytest
from by_hand import rows
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from strategies import same_bits
from test_estimator import EXPECTED_FAILURES

import tinynet as tn
from tinynet.compiler.compiled import CompiledSteps
from tinynet.compiler.recorded import record_layers
from tinynet.estimator import TinyNetRegressor, sparse_rows
from tinynet.estimator.weights import (
    WeightedRows,
    target_alone,
    weighted_mean,
    weighted_mean_dx,
)

FULL_BATCHES = TinyNetRegressor(dtype="float64", batch_size=10**6)


@pytest.mark.slow
@parametrize_with_checks([FULL_BATCHES])
def test_scikit_learns_checks_with_full_batches(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [TinyNetRegressor()],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
    xfail_strict=True,
)
def test_scikit_learns_checks_with_defaults(estimator, check):
    check(estimator)


def small(**options):
    return TinyNetRegressor(
        **{"hidden_layer_sizes": (9,), "epochs": 3, "batch_size": 8, "random_state": 0} | options
    )


X, _ = rows(100)
Y = np.column_stack([X[:, 0] - 2 * X[:, 1], np.abs(X[:, 2])])
y = Y[:, 0]


class Quartic(tn.Module):
    """A loss of one's own, in plain NumPy, without the option `reduction`."""

    def forward(self, x, target):
        self.keep(x - target)
        return float(((x - target) ** 4).mean())

    def backward(self, dy=1.0):
        dy, rest = self.kept(dy)
        return dy * 4 * rest**3 / rest.size


LOSSES = {"mse": tn.MSELoss, "l1": tn.L1Loss, Quartic: Quartic}


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("targets", [y, Y], ids=["one output", "two"])
@pytest.mark.filterwarnings("ignore:.*Quartic")
def test_it_trains_as_fit_does(loss, targets):
    model = small(loss=loss, optimizer="sgd", momentum=0.9, lr=1e-4).fit(X, targets)
    rng = np.random.default_rng(np.random.RandomState(0).randint(2**31 - 1))
    columns = targets.reshape(100, -1)
    O = columns.shape[1]
    net = tn.Sequential(tn.Linear(12, 9, rng=rng), tn.ReLU(), tn.Linear(9, O, rng=rng))
    optimizer = tn.SGD(net.parameters(), lr=1e-4, momentum=0.9)
    loader = tn.DataLoader(X, columns, batch_size=8, shuffle=True, rng=rng)
    history = tn.fit(net, LOSSES[loss](), optimizer, loader, epochs=3, progress=False)
    assert tn.fingerprint(model.network_) == tn.fingerprint(net)
    assert model.history_ == history and history.train_accuracy == []
    predicted = model.predict(X)
    assert predicted.dtype == np.float64 and predicted.shape == targets.shape
    assert np.array_equal(predicted, net.predict(X).reshape(targets.shape))


def test_it_learns_a_curve():
    x = np.linspace(-3, 3, 400, dtype=np.float32)[:, None]
    model = TinyNetRegressor(activation="tanh", epochs=200, lr=0.01, random_state=0)
    assert model.fit(x, np.sin(2 * x[:, 0])).score(x, np.sin(2 * x[:, 0])) > 0.99


def test_an_outlier_pulls_squares_more_than_distances():
    x = np.ones((50, 1), np.float32)
    target = np.r_[np.zeros(45), np.full(5, 10.0)]
    found = [
        small(loss=loss, hidden_layer_sizes=(), epochs=400, lr=0.01, batch_size=50)
        .fit(x, target)
        .predict(x[:1])[0]
        for loss in ("mse", "l1")
    ]
    assert found == pytest.approx([1, 0], abs=0.05)  # the mean, and the median


@pytest.mark.parametrize("shape", [(100,), (100, 1), (100, 2)])
def test_predictions_have_the_shape_of_y(shape):
    targets = np.resize(y, shape)
    assert small().fit(X, targets).predict(X[:7]).shape == (7, *shape[1:])


def test_partial_fit_is_an_epoch():
    model = small()
    for _ in range(3):
        model.partial_fit(X, Y)
    assert tn.fingerprint(model.network_) == tn.fingerprint(small().fit(X, Y).network_)
    assert len(model.history_) == 3
    before = tn.fingerprint(model.network_)
    for other in (y, np.column_stack([Y, y])):
        with pytest.raises(ValueError, match=r"expected \(100, 2\) as in the first call"):
            model.partial_fit(X, other)
    assert tn.fingerprint(model.network_) == before


class TestWeights:
    def test_rows_of_weight_zero_are_left_out(self):
        weights = np.random.default_rng(1).integers(0, 2, len(X))
        model = small().fit(X, Y, sample_weight=3 * weights)
        ones = np.ones(weights.sum())
        expected = small().fit(X[weights > 0], Y[weights > 0], sample_weight=ones)
        assert tn.fingerprint(model.network_) == tn.fingerprint(expected.network_)

    @pytest.mark.parametrize("loss", ["mse", "l1"])
    def test_weights_of_one_are_no_weights(self, loss):
        weighted = small(dtype="float64", loss=loss).fit(X, Y, sample_weight=np.full(len(X), 7))
        plain = small(dtype="float64", loss=loss).fit(X, Y)
        np.testing.assert_allclose(weighted.predict(X), plain.predict(X), rtol=1e-9)
        np.testing.assert_allclose(weighted.history_.train_loss, plain.history_.train_loss)

    def test_a_heavy_row_is_several(self):
        weights = np.random.default_rng(1).integers(1, 4, len(X))
        options = {"dtype": "float64", "batch_size": 10**6, "optimizer": "sgd", "lr": 0.1}
        weighted = small(**options).fit(X, Y, sample_weight=weights)
        repeated = small(**options).fit(np.repeat(X, weights, axis=0), np.repeat(Y, weights, 0))
        np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), rtol=1e-9)

    @pytest.mark.slow
    def test_the_weighted_loss_is_compiled_to_the_same_bits(self):
        target = np.abs(np.random.default_rng(0).normal(size=(5, 4))).astype(np.float32)
        found = []
        for compiled in (True, False):  # compiled in full, or it is an error
            net = tn.Sequential(tn.Linear(12, 3, rng=0))
            loss, loader = WeightedRows(tn.MSELoss("none")), tn.DataLoader(X[:5], target, 2)
            options = {"epochs": 3, "progress": False, "compiled": compiled}
            history = tn.fit(net, loss, tn.SGD(net.parameters(), lr=0.1), loader, **options)
            found.append((tn.fingerprint(net), history.train_loss))
        assert found[0] == found[1]

    def test_the_weighted_loss_has_the_right_gradient(self):
        target = np.abs(np.random.default_rng(0).normal(size=(5, 4)))
        loss = WeightedRows(tn.MSELoss(reduction="none"))
        assert tn.check_gradients(loss, (5, 3), target).passed
        x = np.random.default_rng(1).normal(size=(5, 3))
        expected = ((x - target[:, :3]) ** 2 * target[:, 3:]).mean()
        assert loss(x, target) == pytest.approx(expected, rel=1e-12)

    def test_its_array_dx_is_not_taken_for_that_of_the_first_layer(self):
        net = tn.Sequential(tn.Linear(12, 3, rng=0))
        loader = tn.DataLoader(X, np.ones((100, 4), np.float32), batch_size=8)
        parts = net, WeightedRows(tn.MSELoss(reduction="none")), tn.SGD(net.parameters(), lr=0.1)
        source = CompiledSteps(*parts, record_layers(net), loader).source
        assert re.search(r"squared_errors_dx\(.*, dx\)", source)
        assert re.findall(r"^ +dx = (.*)$", source, re.MULTILINE) == ["room(3 * N, 1, np.float32)"]

    def test_its_kernels_do_what_their_equations_say(self):
        rng = np.random.default_rng(0)
        for dtype in (np.float32, np.float64):
            losses = rng.random((6, 3)).astype(dtype)
            target = rng.random((6, 4)).astype(dtype)
            right, share = np.empty_like(losses), np.empty_like(losses)
            target_alone(target, right)
            assert same_bits(right, np.ascontiguousarray(target_alone.reference(target)))
            mean = weighted_mean.reference(losses, target)
            assert weighted_mean(losses, target) == pytest.approx(mean, rel=1e-6)
            weighted_mean_dx(0.5, target, share)
            np.testing.assert_allclose(share, weighted_mean_dx.reference(0.5, target), rtol=1e-6)

    def test_a_loss_that_cannot_be_weighted(self):
        model = small(loss=Quartic)
        with pytest.raises(ValueError, match="takes reduction = 'none', which Quartic"):
            model.fit(X, y, sample_weight=np.ones(len(X)))
        assert not hasattr(model, "network_")

    def test_weights_that_make_no_sense(self):
        for wrong, words in ((-1, "Negative"), (np.nan, "NaN"), (0, "non-zero|weight 0")):
            with pytest.raises(ValueError, match=words):
                small().fit(X, y, sample_weight=np.full(len(X), wrong, float))


def test_sparse_rows_are_the_same_rows(monkeypatch):
    options = {"early_stopping": True, "epochs": 30, "lr": 0.05}
    whole = small(**options).fit(X, Y)
    monkeypatch.setattr(sparse_rows, "NUMBERS_AT_ONCE", 40)
    model = small(**options).fit(sparse.csr_array(X), Y)
    assert tn.fingerprint(model.network_) == tn.fingerprint(whole.network_)
    losses = [m.history_.validation_loss for m in (model, whole)]
    np.testing.assert_allclose(*losses, rtol=1e-5)
    assert np.array_equal(model.predict(sparse.csr_array(X)), whole.predict(X))


def test_early_stopping_keeps_the_best_epoch():
    noise = np.random.default_rng(0).normal(size=len(X))  # nothing to be learned for others
    model = small(early_stopping=True, epochs=80, lr=0.02, validation_fraction=0.25).fit(X, noise)
    losses = model.history_.validation_loss
    best = int(np.argmin(losses))
    assert len(losses) == best + 1 + tn.EarlyStopping().patience < 80
    options = {"early_stopping": True, "lr": 0.02, "validation_fraction": 0.25}
    again = small(epochs=best + 1, **options).fit(X, noise)
    assert tn.fingerprint(model.network_) == tn.fingerprint(again.network_)


def test_within_scikit_learn():
    search = GridSearchCV(
        make_pipeline(StandardScaler(), small(epochs=30)),
        {"tinynetregressor__lr": [1e-5, 0.02], "tinynetregressor__loss": ["mse", "l1"]},
        cv=3,
    ).fit(X, y)
    assert search.best_params_["tinynetregressor__lr"] == 0.02
    assert search.best_score_ > 0.7
    model = small(activation=functools.partial(tn.LeakyReLU, 0.2)).fit(X, Y)
    again = pickle.loads(pickle.dumps(model))
    assert same_bits(again.predict(X), model.predict(X))
    assert tn.fingerprint(clone(model).fit(X, Y).network_) == tn.fingerprint(model.network_)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "TinyNetRegressor: epochs = 0"),
        ({"batch_size": 2.5}, ValueError, "TinyNetRegressor: batch_size = 2.5"),
        ({"hidden_layer_sizes": (8, 0)}, ValueError, "TinyNetRegressor: hidden_layer_sizes = 0"),
        ({"optimizer": "lion"}, ValueError, "TinyNetRegressor: optimizer = 'lion'"),
        ({"loss": "huber"}, ValueError, "loss = 'huber', expected 'mse' or 'l1'"),
        ({"loss": tn.MSELoss()}, TypeError, r"loss = MSELoss\(\), expected .* class of a loss"),
        ({"loss": 3}, TypeError, "loss = 3"),
        ({"loss": lambda: 3}, TypeError, "made 3, expected a loss"),
        (
            {"early_stopping": True, "validation_fraction": 0},
            ValueError,
            "which is 0 and leaves 100; .* another validation_fraction",
        ),
        (
            {"early_stopping": True, "validation_fraction": 0.999},
            ValueError,
            "which is 100 and leaves 0",
        ),
    ],
)
def test_options_that_make_no_sense(options, error, message):
    model = small(**options)
    with pytest.raises(error, match=message):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_numbers_that_cannot_be_learned():
    for wrong, words in ((1e300, "too large for float32"), (np.nan, "NaN"), ("x", "convert")):
        targets = y.astype(object)
        targets[3] = wrong
        with pytest.raises(ValueError, match=words):
            small().fit(X, targets)
    with (
        warnings.catch_warnings(),
        pytest.raises(FloatingPointError, match="Try a smaller learning rate"),
    ):
        warnings.simplefilter("ignore")
        small(optimizer="sgd", lr=1e30, epochs=20).fit(X, y)
