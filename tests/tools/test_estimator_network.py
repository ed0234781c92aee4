"""What the network of both estimators is made of, by their options."""

import functools
import pickle
import re

import numpy as np
import pytest
from by_hand import rows
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from strategies import same_bits

import tinynet as tn
from tinynet.estimator import TinyNetClassifier, TinyNetRegressor
from tinynet.layers import ACTIVATIONS, activations

X, y = rows(100)
ONE_FOR_ALL = tn.ReLU()
ESTIMATORS = [TinyNetClassifier, TinyNetRegressor]


@pytest.fixture(params=ESTIMATORS, ids=lambda kind: kind.__name__)
def small(request):
    given = {"hidden_layer_sizes": (9, 5), "epochs": 3, "batch_size": 8, "random_state": 0}
    return lambda **options: request.param(**given | options)


def test_every_activation_of_the_library_has_a_name():
    there = {kind for kind in vars(activations).values() if isinstance(kind, type)}
    there = {kind for kind in there if kind.__module__ == activations.__name__}
    assert set(ACTIVATIONS.values()) == there
    for name, kind in ACTIVATIONS.items():
        assert re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).lower() in (
            name,
            name.replace("relu", "re_lu"),
        )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_it_stands_behind_every_hidden_layer_and_the_weights_are_linears(small, name):
    kind = ACTIVATIONS[name]
    model = small(activation=name, lr=1e-9, epochs=1).fit(X, y)
    between = list(model.network_)[1::2]
    assert [type(layer) for layer in between] == [kind, kind]
    assert between[0] is not between[1]
    assert type(model.network_[-1]) is tn.Linear
    rng = np.random.default_rng(np.random.RandomState(0).randint(2**31 - 1))
    sizes = [12, 9, 5, model.network_[-1].W.data.shape[1]]
    for layer, I, O in zip(list(model.network_)[::2], sizes, sizes[1:], strict=False):
        fresh = tn.Linear(I, O, rng=rng)
        np.testing.assert_allclose(layer.W.data, fresh.W.data, atol=1e-7)
        np.testing.assert_allclose(layer.b.data, fresh.b.data, atol=1e-7)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_it_learns(small, name):
    losses = small(activation=name, epochs=60, lr=0.03).fit(X, y).history_.train_loss
    assert losses[-1] < 0.5 * losses[0]


def test_a_class_and_a_function_make_layers_too(small):
    by_name = small(activation="leaky_relu").fit(X, y)
    by_class = small(activation=tn.LeakyReLU).fit(X, y)
    assert tn.fingerprint(by_name.network_) == tn.fingerprint(by_class.network_)
    steep = small(activation=functools.partial(tn.LeakyReLU, 0.3)).fit(X, y)
    assert steep.network_[1].negative_slope == steep.network_[3].negative_slope == 0.3
    for model in (by_class, steep):
        assert same_bits(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))
        again = clone(model).fit(X, y)
        assert tn.fingerprint(again.network_) == tn.fingerprint(model.network_)


def test_a_grid_search_over_activations(small):
    search = GridSearchCV(small(), {"activation": ["tanh", tn.Sigmoid]}, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 2


class TestDropout:
    def test_it_stands_behind_every_activation(self, small):
        model = small(dropout=0.25).fit(X, y)
        kinds = [type(layer) for layer in model.network_]
        assert kinds == [*[tn.Linear, tn.ReLU, tn.Dropout] * 2, tn.Linear]
        assert [layer.p for layer in model.network_ if type(layer) is tn.Dropout] == [0.25] * 2
        assert all(type(layer) is not tn.Dropout for layer in small().fit(X, y).network_)
        alone = small(dropout=0.25, hidden_layer_sizes=()).fit(X, y)
        assert [type(layer) for layer in alone.network_] == [tn.Linear]

    def test_it_drops_as_fit_does_and_random_state_says_what(self, small):
        model, again, other = (
            small(dropout=0.5, random_state=state).fit(X, y) for state in (0, 0, 1)
        )
        fingerprints = [tn.fingerprint(m.network_) for m in (model, again, other)]
        assert fingerprints[0] == fingerprints[1] != fingerprints[2]
        masks = [layer.state.copy() for layer in model.network_ if type(layer) is tn.Dropout]
        assert masks[0] != masks[1]
        rng = np.random.default_rng(np.random.RandomState(0).randint(2**31 - 1))
        O = model.network_[-1].W.data.shape[1]
        net = tn.Sequential(
            *(tn.Linear(12, 9, rng=rng), tn.ReLU(), tn.Dropout(0.5, rng=rng)),
            *(tn.Linear(9, 5, rng=rng), tn.ReLU(), tn.Dropout(0.5, rng=rng)),
            tn.Linear(5, O, rng=rng),
        )
        target, loss_fn = (y, tn.CrossEntropyLoss()) if O > 1 else (y[:, None], tn.MSELoss())
        target = target if O > 1 else target.astype(np.float32)
        loader = tn.DataLoader(X, target, batch_size=8, shuffle=True, rng=rng)
        optimizer = tn.Adam(net.parameters(), lr=0.003)
        tn.fit(net, loss_fn, optimizer, loader, epochs=3, progress=False)
        assert tn.fingerprint(net) == fingerprints[0]

    def test_predict_drops_nothing(self, small):
        model = small(dropout=0.5).fit(X, y)
        found = model.predict(X)
        assert same_bits(found, model.predict(X))
        x = X
        for layer in model.network_:
            x = x if type(layer) is tn.Dropout else layer.predict(x)
        assert same_bits(x, model.network_.predict(X))

    def test_a_pickle_goes_on_with_the_same_masks(self, small):
        model = small(dropout=0.5).fit(X, y)
        copy = pickle.loads(pickle.dumps(model))
        for each in (model, copy):
            each.partial_fit(X, y)
        assert tn.fingerprint(copy.network_) == tn.fingerprint(model.network_)

    @pytest.mark.parametrize("wrong", [-0.1, 1, 1.5, float("nan"), "half", None])
    def test_what_is_no_probability(self, small, wrong):
        model = small(dropout=wrong)
        with pytest.raises((ValueError, TypeError), match=r"dropout = "):
            model.fit(X, y)
        assert not hasattr(model, "network_")


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        ("swish", ValueError, "activation = 'swish', expected one of relu, leaky_relu, relu6, sig"),
        (tn.ReLU(), TypeError, r"activation = ReLU\(\) is one layer, and .* give the class ReLU"),
        (None, TypeError, "activation = None, expected one of relu, .* or the class of a layer"),
        (lambda: 3, TypeError, "made 3, expected a layer"),
        (lambda: ONE_FOR_ALL, RuntimeError, "stands in it twice"),
    ],
)
def test_what_is_no_activation(small, wrong, error, message):
    model = small(activation=wrong)
    with pytest.raises(error, match=message):
        model.fit(X, y)
    assert not hasattr(model, "network_")
