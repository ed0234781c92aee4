"""TinyNetClassifier: scikit-learn's own checks, and that what it trains is what `fit` trains."""

import os
import pickle
import re
import subprocess
import sys
import tracemalloc
import warnings

import numpy as np
import pytest
from by_hand import rows
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import DataConversionWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from strategies import same_bits

import tinynet as tn
from tinynet.estimator import TinyNetClassifier, base, sparse_rows

FULL_BATCHES = TinyNetClassifier(dtype="float64", batch_size=10**6)
ONE_BATCH_IS_NEEDED = (
    "rows left out or repeated change which rows share a mini-batch, so other steps are taken; "
    "with one batch for all rows the check passes"
)
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": ONE_BATCH_IS_NEEDED,
    "check_sample_weight_equivalence_on_sparse_data": ONE_BATCH_IS_NEEDED,
}


@parametrize_with_checks([FULL_BATCHES])
def test_scikit_learns_checks_with_full_batches(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(
    [TinyNetClassifier()],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
    xfail_strict=True,
)
def test_scikit_learns_checks_with_defaults(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["TinyNetClassifier", "TinyNetRegressor"])
def test_scikit_learns_check_that_needs_an_environment_variable(name):
    code = (
        "from sklearn.utils.estimator_checks import check_array_api_input\n"
        f"from tinynet.estimator import {name}\n"
        f"check_array_api_input('{name}', {name}(epochs=2),\n"
        "    array_namespace='numpy', expect_only_array_outputs=False)\n"
    )
    environment = os.environ | {
        "SCIPY_ARRAY_API": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
    }
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=120)


def small(**options):
    return TinyNetClassifier(
        **{"hidden_layer_sizes": (9,), "epochs": 3, "batch_size": 8, "random_state": 0} | options
    )


X, y = rows(100)


def test_it_trains_as_fit_does():
    model = small(optimizer="sgd", momentum=0.9, weight_decay=1e-3, lr=0.1).fit(X, y)
    rng = np.random.default_rng(np.random.RandomState(0).randint(2**31 - 1))
    net = tn.Sequential(tn.Linear(12, 9, rng=rng), tn.ReLU(), tn.Linear(9, 4, rng=rng))
    optimizer = tn.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-3)
    loader = tn.DataLoader(X, y, batch_size=8, shuffle=True, rng=rng)
    history = tn.fit(net, tn.CrossEntropyLoss(), optimizer, loader, epochs=3, progress=False)
    assert tn.fingerprint(model.network_) == tn.fingerprint(net)
    assert model.history_ == history
    log_probs = tn.LogSoftmax()(net.predict(X))
    assert same_bits(model.predict_log_proba(X), log_probs)
    assert (model.predict(X) == log_probs.argmax(axis=1)).all()


def test_it_reads_digits():
    digits = tn.datasets.mnist_small()
    images = digits.images.reshape(len(digits.images), -1)[:4000] / 255
    model = TinyNetClassifier(epochs=8, random_state=0).fit(images[:3000], digits.labels[:3000])
    assert model.score(images[3000:], digits.labels[3000:4000]) > 0.88


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_every_optimizer_learns(optimizer):
    model = small(optimizer=optimizer, lr=0.1 if optimizer == "sgd" else 0.01, epochs=60)
    model.fit(X, y)
    assert model.history_.train_loss[-1] < 0.5 * model.history_.train_loss[0]


@pytest.mark.parametrize("sizes", [(), 5, (6, 4), [7], np.array([3, 2])])
def test_hidden_layer_sizes(sizes):
    model = small(hidden_layer_sizes=sizes).fit(X, y)
    linears = [layer for layer in model.network_.layers if isinstance(layer, tn.Linear)]
    widths = np.atleast_1d(sizes).astype(int).tolist()
    assert [layer.W.data.shape[1] for layer in linears] == [*widths, 4]


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["north", "east", "south", "west"])[y],
        np.array(["a", "b", "c", "d"], dtype=object)[y],
        np.array([-3.0, 0.0, 2.0, 8.0])[y],
        y == 1,
        (y + 250).astype(np.uint8),
        ["abcd"[label] for label in y],
    ],
    ids=["str", "object", "float", "bool", "uint8", "list"],
)
def test_labels_of_any_type(labels):
    model = small(epochs=40, lr=0.01).fit(X, labels)
    assert model.classes_.tolist() == sorted(set(np.asarray(labels).tolist()))
    assert model.predict(X).dtype == np.asarray(labels).dtype
    assert model.score(X, labels) > 0.7


def test_integers_and_a_column_of_labels_are_converted():
    whole = (X * 10).astype(int)
    expected = small().fit(whole.astype(np.float32), y).predict_proba(whole)
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        model = small().fit(whole, y[:, None])
    assert same_bits(model.predict_proba(whole), expected)


def test_data_frames():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"column {k}" for k in range(12)])
    model = small().fit(frame, pandas.Series(y))
    assert model.feature_names_in_.tolist() == frame.columns.tolist()
    assert same_bits(model.predict_proba(frame), small().fit(X, y).predict_proba(X))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns={"column 0": "other"}))


class TestWeights:
    def test_rows_of_weight_zero_are_left_out(self):
        weights = np.random.default_rng(1).integers(0, 2, len(X))
        model = small().fit(X, y, sample_weight=3 * weights)
        ones = np.ones(weights.sum())
        expected = small().fit(X[weights > 0], y[weights > 0], sample_weight=ones)
        assert tn.fingerprint(model.network_) == tn.fingerprint(expected.network_)

    def test_weights_of_one_are_no_weights(self):
        weighted = small(dtype="float64").fit(X, y, sample_weight=np.full(len(X), 7))
        plain = small(dtype="float64").fit(X, y)
        np.testing.assert_allclose(weighted.predict_proba(X), plain.predict_proba(X), rtol=1e-9)

    def test_class_weight_multiplies_sample_weight(self):
        weights = np.random.default_rng(1).random(len(X))
        by_class = np.array([1.0, 5.0, 1.0, 0.5])
        model = small(class_weight={1: 5, 3: 0.5}).fit(X, y, sample_weight=weights)
        expected = small().fit(X, y, sample_weight=weights * by_class[y])
        assert tn.fingerprint(model.network_) == tn.fingerprint(expected.network_)

    def test_balanced_classes_weigh_the_same(self):
        few = np.flatnonzero((y != 2) | (np.arange(len(y)) % 4 == 0))
        model = small(class_weight="balanced").fit(X[few], y[few])
        counts = np.bincount(y[few])
        expected = small().fit(X[few], y[few], sample_weight=(len(few) / (4 * counts))[y[few]])
        assert tn.fingerprint(model.network_) == tn.fingerprint(expected.network_)
        plain = small(epochs=30).fit(X[few], y[few])
        balanced = small(epochs=30, class_weight="balanced").fit(X[few], y[few])
        taken_for_2 = [(m.predict(X) == 2).mean() for m in (plain, balanced)]
        assert taken_for_2[0] < taken_for_2[1]

    @pytest.mark.parametrize(
        "wrong", [-1, -0.5, np.nan, np.inf, -np.inf, "2", "x", None, [1], True]
    )
    @pytest.mark.parametrize("learn", ["fit", "partial_fit"])
    def test_a_class_weight_that_is_no_weight(self, wrong, learn):
        model = small(class_weight={0: wrong, 1: 2})
        classes = {"classes": range(4)} if learn == "partial_fit" else {}
        with pytest.raises(ValueError, match=r"class_weight\[0\] = "):
            getattr(model, learn)(X, y, **classes)
        assert not hasattr(model, "network_")

    def test_class_weights_mean_what_scikit_learn_says(self):
        from sklearn.utils import compute_class_weight

        for weights in (
            {0: 3},
            {0: 0, 2: 1},
            dict.fromkeys(range(4), 2) | {9: 5},
            {0: np.float32(2)},
        ):
            by_class = compute_class_weight(weights, classes=np.arange(4), y=y)
            model = small(class_weight=weights).fit(X, y)
            expected = small().fit(X, y, sample_weight=by_class[y])
            assert tn.fingerprint(model.network_) == tn.fingerprint(expected.network_)
        for wrong, words in (
            ({9: 1}, "not in class_weight"),
            ("even", "class_weight"),
            (2, "class_"),
        ):
            with pytest.raises(ValueError, match=words):
                small(class_weight=wrong).fit(X, y)

    @pytest.mark.parametrize("wrong", [-1, np.nan, np.inf, "x"])
    def test_a_sample_weight_that_is_no_weight(self, wrong):
        weights = np.ones(len(X)).tolist()
        weights[3] = wrong
        with pytest.raises(ValueError, match=r"sample_weight|'x'"):
            small().fit(X, y, sample_weight=weights)
        with pytest.raises(ValueError, match=r"at least one non-zero|every row has weight 0"):
            small().fit(X, y, sample_weight=np.zeros(len(X)))

    def test_balanced_without_a_class(self):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            model = small(class_weight="balanced").fit(X, y, sample_weight=1.0 * (y != 2))
        counted = small(class_weight={0: 1, 1: 1, 2: 0, 3: 1}).fit(X, y)
        assert np.isfinite(model.predict_proba(X)).all()
        assert len(model.history_) == len(counted.history_)


class TestFewRows:
    """Each class needs a row to learn from and one that is laid aside."""

    @pytest.mark.parametrize(
        ("counts", "fraction", "words"),
        [
            ([5, 5, 5, 5], 0.1, "= 0.1 of 20 rows, which is 2 and leaves 18, .* the 4 classes"),
            ([5, 5, 5, 5], 0.9, "which is 18 and leaves 2"),
            ([5, 5, 5, 5], 0, "which is 0 and leaves 20"),
            ([9, 9, 9, 1], 0.2, "class 3 has 1 row; give it more, or early_stopping=False"),
            ([1], 0.5, "class 0 has 1 row"),
            ([2, 2], 0.1, "validation_fraction=0.5"),
            ([3, 3, 3], 0.1, r"validation_fraction=0\.334"),
            ([7] * 97, 0.1, r"validation_fraction=0\.143"),
            ([7] * 97, 0.95, r"validation_fraction=0\.857"),
        ],
    )
    def test_the_message_says_what_to_do_and_it_works(self, counts, fraction, words):
        labels = np.repeat(np.arange(len(counts)), counts)
        data = np.random.default_rng(0).random((len(labels), 3))
        options = {"early_stopping": True, "epochs": 1}
        with pytest.raises(ValueError, match=words) as caught:
            small(validation_fraction=fraction, **options).fit(data, labels)
        assert "test_size" not in str(caught.value) and "train_size" not in str(caught.value)
        advised = re.search(r"or validation_fraction=([\d.]+)", str(caught.value))
        if advised:
            small(validation_fraction=float(advised[1]), **options).fit(data, labels)
        small(validation_fraction=fraction, epochs=1).fit(data, labels)

    def test_two_rows_of_each_class_are_enough(self):
        labels = np.repeat(["a", "b", "c"], 2)
        data = np.random.default_rng(0).random((6, 3))
        small(early_stopping=True, validation_fraction=0.5).fit(data, labels)
        with pytest.raises(ValueError, match="class b has 1 row"):
            small(early_stopping=True, validation_fraction=0.5).fit(data[:3], labels[[0, 1, 2]])

    def test_rows_of_weight_0_do_not_count(self):
        weights = np.ones(8)
        weights[5:] = 0
        with pytest.raises(ValueError, match="of 5 rows"):
            small(early_stopping=True, validation_fraction=0.5).fit(
                np.eye(8), np.arange(8) % 4, sample_weight=weights
            )


class TestPartialFit:
    def test_each_call_is_an_epoch(self):
        model = small()
        for _ in range(3):
            model.partial_fit(X, y, classes=range(4))
        expected = small().fit(X, y)
        assert tn.fingerprint(model.network_) == tn.fingerprint(expected.network_)
        assert model.history_ == expected.history_

    def test_it_goes_on_after_fit(self):
        model = small(epochs=2).fit(X, y).partial_fit(X, y)
        assert tn.fingerprint(model.network_) == tn.fingerprint(small().fit(X, y).network_)

    def test_it_goes_on_after_pickling(self):
        model = small(epochs=2, optimizer="adam").fit(X, y)
        copied = pickle.loads(pickle.dumps(model)).partial_fit(X, y)
        assert tn.fingerprint(copied.network_) == tn.fingerprint(small().fit(X, y).network_)

    def test_weights_are_taken_as_they_are(self):
        options = {"optimizer": "sgd", "batch_size": 200, "dtype": "float64"}
        start = small(**options, lr=0.0).fit(X, y)
        steps = []
        for lr, weight in [(0.1, 3.0), (0.3, 1.0)]:
            model = pickle.loads(pickle.dumps(start))
            model._optimizer.lr = lr
            model.partial_fit(X, y, sample_weight=np.full(len(X), weight))
            steps.append(model.predict_proba(X))
        np.testing.assert_allclose(*steps, rtol=1e-12)
        assert np.abs(steps[0] - start.predict_proba(X)).max() > 1e-3

    @pytest.mark.parametrize(
        ("options", "arguments", "message"),
        [
            ({}, {}, "classes are missing in the first partial_fit"),
            ({}, {"classes": [0, 1, 2]}, r"y holds \[3\], none of the classes \[0 1 2\]"),
            ({"class_weight": "balanced"}, {"classes": range(4)}, "needs all rows at once"),
            ({"optimizer": "lion"}, {"classes": range(4)}, "optimizer = 'lion'"),
        ],
    )
    def test_what_it_refuses_leaves_it_unfitted(self, options, arguments, message):
        model = small(**options)
        with pytest.raises(ValueError, match=message):
            model.partial_fit(X, y, **arguments)
        with pytest.raises(NotFittedError):
            model.predict(X)
        assert not hasattr(model, "classes_")

    def test_other_classes_later_are_refused(self):
        model = small().partial_fit(X, y, classes=range(4))
        with pytest.raises(ValueError, match="are not those of the first call"):
            model.partial_fit(X, y, classes=range(5))


class TestSparse:
    @pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array, sparse.csc_array])
    @pytest.mark.parametrize("weighted", [False, True])
    def test_the_same_bits_as_dense(self, kind, weighted):
        weights = np.arange(len(X)) % 3 if weighted else None
        model = small().fit(kind(X), y, sample_weight=weights)
        dense = small().fit(X, y, sample_weight=weights)
        assert tn.fingerprint(model.network_) == tn.fingerprint(dense.network_)
        assert same_bits(model.predict_proba(kind(X)), dense.predict_proba(X))

    def test_early_stopping_as_with_dense_rows(self, monkeypatch):
        dense = small(early_stopping=True, epochs=40, lr=0.05).fit(X, y)
        monkeypatch.setattr(sparse_rows, "NUMBERS_AT_ONCE", 40)
        model = small(early_stopping=True, epochs=40, lr=0.05).fit(sparse.csr_array(X), y)
        for name, scores in vars(dense.history_).items():
            np.testing.assert_allclose(getattr(model.history_, name), scores, rtol=1e-5)
        assert len(model.history_) < 40
        assert tn.fingerprint(model.network_) == tn.fingerprint(dense.network_)

    def test_its_epochs_are_counted_as_with_dense_rows(self, capsys):
        lines = []
        for rows_of in (np.asarray, sparse.csr_array):
            small(early_stopping=True, verbose=True).fit(rows_of(X), y)
            lines.append(capsys.readouterr().out)
        assert lines[0] == lines[1]
        assert re.findall(r"epoch +(\d/\d)", lines[1]) == ["1/3", "2/3", "3/3"]

    @pytest.mark.parametrize("early_stopping", [False, True])
    def test_never_dense_as_a_whole(self, early_stopping):
        wide = sparse.random_array((1500, 50_000), density=1e-4, format="csr", rng=0)
        as_float32 = 4 * wide.shape[0] * wide.shape[1]  # 300 MB
        labels = np.arange(1500) % 2
        model = small(hidden_layer_sizes=(), batch_size=50, epochs=1, early_stopping=early_stopping)
        tracemalloc.start()
        model.fit(wide, labels)
        assert model.predict(wide).shape == (1500,)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < as_float32 / 5


class TestEarlyStopping:
    def test_it_stops_and_keeps_the_best_epoch(self):
        noise = np.random.default_rng(0).integers(0, 4, len(y))  # nothing to be learned for others
        model = small(early_stopping=True, epochs=60, lr=0.02).fit(X, noise)
        losses = model.history_.validation_loss
        assert 6 <= len(losses) < 60
        assert len(losses) == np.argmin(losses) + 1 + tn.EarlyStopping().patience
        best = small(epochs=int(np.argmin(losses)) + 1, early_stopping=True, lr=0.02).fit(X, noise)
        assert tn.fingerprint(best.network_) == tn.fingerprint(model.network_)

    def test_a_part_of_each_class_is_laid_aside(self):
        model = small(early_stopping=True, validation_fraction=0.25, epochs=1)
        seen = []
        original = tn.DataLoader

        def watched(X, y, *args, **kwargs):
            seen.append(y)
            return original(X, y, *args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(base, "DataLoader", watched)
            model.fit(X, y)
        share = np.bincount(seen[0]) / np.bincount(y)
        assert len(seen[0]) == 75 and np.abs(share - 0.75).max() < 0.06

    def test_ones_own_object_stays_as_it_is(self):
        stopping = tn.EarlyStopping(patience=2)
        model = small(early_stopping=stopping, epochs=100, lr=0.05)
        assert clone(model).early_stopping.patience == 2
        model.fit(X, y)
        assert stopping.best_weights == {}
        losses = model.history_.validation_loss
        assert len(losses) == min(100, np.argmin(losses) + 3)


class TestWithinScikitLearn:
    def test_random_state(self):
        probabilities = [small(random_state=s).fit(X, y).predict_proba(X) for s in (3, 3, 4)]
        assert same_bits(*probabilities[:2]) and not same_bits(*probabilities[1:])
        shared = np.random.RandomState(3)
        first, second = (small(random_state=shared).fit(X, y).predict_proba(X) for _ in "ab")
        assert same_bits(first, probabilities[0]) and not same_bits(first, second)

    def test_pipeline_and_grid_search(self):
        search = GridSearchCV(
            make_pipeline(StandardScaler(), small(epochs=20)),
            {"tinynetclassifier__lr": [0.0001, 0.02], "tinynetclassifier__batch_size": [8, 16]},
            cv=3,
        ).fit(X, y)
        assert search.best_params_["tinynetclassifier__lr"] == 0.02
        assert search.best_score_ > 0.5

    def test_cross_validation_passes_weights_on(self):
        scores = cross_val_score(small(), X, y, cv=3, params={"sample_weight": np.ones(len(X))})
        assert scores.shape == (3,)

    def test_pickles_hold_no_compiled_code(self):
        model = small(epochs=1).fit(X, y)
        tn.compile(model.network_, tn.CrossEntropyLoss(), model._optimizer)
        copied = pickle.loads(pickle.dumps(model))
        assert same_bits(copied.predict_proba(X), model.predict_proba(X))

    def test_predictions_in_blocks_are_the_same_bits(self, monkeypatch):
        model = small().fit(X, y)
        whole = model.predict_log_proba(X)
        monkeypatch.setattr(sparse_rows, "NUMBERS_AT_ONCE", 25)
        assert same_bits(model.predict_log_proba(X), whole)

    def test_fit_anew_forgets(self):
        model = small().fit(X[:50, :5], y[:50] > 1)
        model.fit(X, y)
        assert tn.fingerprint(model.network_) == tn.fingerprint(small().fit(X, y).network_)

    def test_verbose_shows_the_epochs(self, capsys):
        small(verbose=True).fit(X, y)
        assert capsys.readouterr().out.count("train loss") == 3


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "epochs = 0, expected an int of at least 1"),
        ({"batch_size": 2.5}, ValueError, "batch_size = 2.5"),
        ({"hidden_layer_sizes": (8, 0)}, ValueError, "hidden_layer_sizes = 0"),
        ({"lr": -1}, ValueError, "lr = -1"),
        ({"lr": "fast"}, TypeError, "lr = 'fast' is not a number"),
        ({"optimizer": "lion"}, ValueError, "expected one of sgd, rmsprop, adam, adamw"),
        ({"momentum": 0.9}, ValueError, "adam has its own, so leave it at 0"),
        ({"dtype": "float16"}, ValueError, "dtype = 'float16', expected 'float32' or 'float64'"),
        ({"dtype": "single precision"}, TypeError, "single precision"),
        ({"validation_fraction": 1, "early_stopping": True}, ValueError, "validation_fraction = 1"),
        ({"class_weight": dict.fromkeys(range(4), 0)}, ValueError, "every row has weight 0"),
        (
            {"early_stopping": True, "validation_fraction": 0.01},
            ValueError,
            r"validation_fraction = 0\.01 of 100 rows, which is 1 and leaves 99",
        ),
    ],
)
def test_options_that_make_no_sense(options, error, message):
    model = small(**options)
    with pytest.raises(error, match=message):
        model.fit(X, y)
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.zeros(len(X)), "at least one non-zero"),
        (-np.ones(len(X)), "Negative"),
        (np.ones(3), "inconsistent|shape"),
    ],
)
def test_weights_that_make_no_sense(weights, message):
    with pytest.raises(ValueError, match=message):
        small().fit(X, y, sample_weight=weights)


def test_a_run_that_diverges_says_so():
    with (
        warnings.catch_warnings(),
        pytest.raises(FloatingPointError, match="Try a smaller learning rate"),
    ):
        warnings.simplefilter("ignore")
        small(optimizer="sgd", lr=1e30, epochs=20).fit(X, y)
