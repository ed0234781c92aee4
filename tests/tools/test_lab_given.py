"""What tn.lab takes: networks with their data go in, and what the page cannot train is refused."""

import base64
import itertools
import json

import numpy as np
import pytest
from lab_page import Twin, lab_in_chromium

import tinynet as tn
from tinynet import pages
from tinynet.pages import lab_given

RNG = np.random.default_rng(0)
X = RNG.standard_normal((100, 2))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)


def network(*sizes, activation=tn.Tanh, last=(), dtype=np.float64):
    rng = np.random.default_rng(1)
    layers = [
        layer
        for I, O in itertools.pairwise(sizes)
        for layer in (tn.Linear(I, O, rng=rng, dtype=dtype), activation())
    ]
    return tn.Sequential(*layers[:-1], *last)


def frozen():
    net = network(2, 4, 2)
    net[0].W.requires_grad = False
    return net


def infinite():
    net = network(2, 4, 2)
    net[0].W.data[1, 2] = np.inf
    return net


def shared():
    net = network(2, 4, 4, 4, 2)
    net[4].W = net[2].W
    return net


class Mine(tn.ReLU):
    """A layer of one's own."""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    with lab_in_chromium(tmp_path_factory.mktemp("lab")) as opened:
        yield opened


@pytest.mark.slow
class TestGoesIn:
    @pytest.mark.parametrize(
        ("net", "data", "loss_fn", "expected"),
        [
            (network(2, 4, 2), (X, Y), None, "CrossEntropyLoss"),
            (network(2, 4, 2, last=[tn.LogSoftmax()]), (X, Y), None, "NLLLoss"),
            (network(2, 4, 1), (X, Y), None, "BCEWithLogitsLoss"),
            (
                network(2, 4, 1),
                (X, Y[:, None].astype(float)),
                tn.BCEWithLogitsLoss(),
                "BCEWithLogitsLoss",
            ),
            (network(2, 4, 1, last=[tn.Sigmoid()]), (X, Y > 0), None, "BCELoss"),
            (network(2, 4, 1, last=[tn.Sigmoid()]), (X, Y), tn.MSELoss(), "MSELoss"),
            (network(2, 4, 1), (X, X[:, 0] + X[:, 1]), None, "MSELoss"),
            (network(1, 3, 3, 1, activation=tn.ReLU), (X[:, :1], X[:, 1]), tn.L1Loss(), "L1Loss"),
            (
                network(64, 5, 3, dtype=np.float32),
                (RNG.random((30, 64)), np.arange(30) % 3),
                None,
                "CrossEntropyLoss",
            ),
            (
                network(2, 12, 2, activation=lambda: tn.LeakyReLU(0.3)),
                (X, Y),
                None,
                "CrossEntropyLoss",
            ),
            (tn.Linear(2, 2, rng=0, dtype=np.float64), (X, Y), None, "CrossEntropyLoss"),
        ],
    )
    def test_a_network_learns_there_as_fit_teaches_it(self, opened, net, data, loss_fn, expected):
        optimizer = tn.Adam(net.parameters(), lr=0.02, weight_decay=0.001)
        page, setup = opened(
            net=net, data=data, loss_fn=loss_fn, optimizer=optimizer, batch_size=16, seed=5
        )
        assert (setup["loss"], setup["batch"], setup["seed"]) == (expected, 16, 5)
        twin = Twin(page, setup)
        aside = np.arange(len(data[0])) % 5 == 4
        np.testing.assert_array_equal(twin.X, data[0][~aside])
        np.testing.assert_array_equal(twin.X_test, data[0][aside])
        layers = net.layers if isinstance(net, tn.Sequential) else [net]
        learner = tn.Sequential(*layers)
        np.testing.assert_array_equal(
            twin.net.predict(twin.X[:9]).argmax(axis=1),
            learner.predict(twin.X[:9].astype(layers[0].W.data.dtype)).argmax(axis=1),
        )
        for ours, theirs in zip(learner.parameters(), twin.net.parameters()):
            np.testing.assert_array_equal(ours.data, theirs.data)
        ours, theirs = twin.page_losses(), twin.fit()
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)

    def test_test_data_classes_and_options(self, opened):
        net = network(2, 3, 2, activation=tn.ReLU)
        optimizer = tn.SGD(net.parameters(), lr=0.25, momentum=0.5, nesterov=True)
        page, setup = opened(
            net=net, data=(X[:60], Y[:60]), test=(X[60:], Y[60:]), optimizer=optimizer,
            classes=["left", "right"], title="<Mine> & yours",
        )  # fmt: skip
        assert page.title == "<Mine> & yours"
        wanted = {"optimizer": "SGD", "lr": 0.25, "momentum": 0.5, "nesterov": True}
        assert setup.items() >= wanted.items()
        data = page.execute_script(
            "const { rows, test, names, kind } = makeRun(arguments[0]).data;"
            "return [rows, test.rows, names, kind]", setup,
        )  # fmt: skip
        assert data == [60, 40, ["left", "right"], "given"]

    def test_data_without_a_network_and_a_network_without_data(self, opened):
        page, setup = opened(data=(X, X[:, 0]))
        read = (
            "const { data, net } = makeRun(arguments[0]);"
            "return [data.kind, net.layers[0].text, data.task]"
        )
        assert page.execute_script(read, setup) == ["given", "Linear(2, 8)", "numbers"]
        for sizes, kind in (
            ((2, 4, 2), "moons"),
            ((2, 4, 3), "blobs"),
            ((1, 4, 1), "line"),
            ((64, 9, 10), "digits"),
        ):
            page, setup = opened(net=network(*sizes))
            assert page.execute_script(read, setup)[:2] == [kind, f"Linear({sizes[0]}, {sizes[1]})"]
        page, setup = opened(optimizer=tn.RMSprop(network(2, 2).parameters(), lr=0.5, alpha=0.5))
        assert (setup["optimizer"], setup["alpha"], setup["lr"]) == ("RMSprop", 0.5, 0.5)

    def test_lists_are_those_of_the_page_and_of_tinynet(self, opened):
        page, _ = opened()
        names = "[ACTIVATIONS, ...[LOSSES, OPTIMIZERS, LAYERS, INITIALISERS].map(Object.keys)]"
        *told, initialisers = page.execute_script(f"return {names}")
        ours = (lab_given.ACTIVATIONS, lab_given.LOSSES, lab_given.OPTIMIZERS)
        assert told[:3] == [[*names] for names in ours]
        assert all(hasattr(tn, name) for names in told for name in names)
        assert all(hasattr(tn.init, name) for name in initialisers if name != "default")

    def test_float64_travels_to_the_bit(self, opened):
        page, _ = opened()
        values = RNG.standard_normal(7)
        arrays = {
            "a": np.arange(3, dtype=np.int32),
            "b": values,
            "c": np.arange(2, dtype=np.uint8),
            "d": -values,
        }
        got = page.execute_async_script(
            "const [base64, done] = arguments;"
            "document.getElementById('data').textContent = base64;"
            "unpack().then(({ values }) => done(JSON.stringify([...values.b, ...values.d])))",
            base64.b64encode(pages.pack({"text": "odd"}, arrays)).decode(),
        )
        assert json.loads(got) == [*values, *-values]


class TestIsRefused:
    """With what to do instead; nothing is written."""

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"data": (X, Y.astype(str))}, "expected numbers"),
            ({"data": X}, r"data=\(X, y\)"),
            ({"data": (X, Y), "classes": [1, 2]}, "list of names"),
            (
                {"net": tn.Sequential(tn.Conv2d(1, 2, 3))},
                "which the page cannot train; it knows Linear",
            ),
            ({"net": network(2, 4, 2, last=[tn.Dropout()])}, "layer 3 is Dropout"),
            ({"net": network(2, 4, 2, activation=Mine)}, "which the page cannot train"),
            ({"net": "mine"}, "expected a tn.Sequential"),
            ({"data": (X, Y), "loss_fn": tn.MSELoss}, "expected one of tn's CrossEntropyLoss"),
            (
                {"optimizer": tn.AdamW(network(2, 2).parameters())},
                "expected tn.SGD, tn.RMSprop, tn.Adam",
            ),
            ({"batch_size": 2.5}, "not an int"),
        ],
    )
    def test_what_is_of_another_kind(self, tmp_path, options, says):
        with pytest.raises(TypeError, match=f"^lab.*{says}"):
            tn.lab(tmp_path / "lab.html", **options)
        assert not (tmp_path / "lab.html").exists()

    @pytest.mark.parametrize(
        ("options", "says"),
        [
            ({"data": (np.zeros((2001, 2)), np.zeros(2001))}, "2000 are the most"),
            ({"data": (X, Y), "test": (np.zeros((1950, 2)), np.zeros(1950, int))}, "2050 rows"),
            ({"data": (X[:, 0], Y)}, r"reshape\(len\(X\), -1\)"),
            ({"data": (X, Y[:50])}, r"y of data has shape \(50,\), expected \(100,\)"),
            ({"data": (RNG.random((9, 5)), Y[:9])}, "5 columns; the page draws 1 or 2"),
            ({"data": (RNG.random((9, 900)), Y[:9])}, "900 columns"),
            ({"data": (np.where(X > 1, np.nan, X), Y)}, "X of data holds nan at row"),
            ({"data": (X, np.where(Y > 0, np.inf, 0))}, "y of data holds inf"),
            ({"data": (X, Y + 20)}, "for a regression give floats"),
            ({"data": (X, Y - 1)}, "expected classes from 0 to 9"),
            ({"data": (X[:3], Y[:3])}, r"give at least 5, or test=\(X, y\)"),
            ({"data": (X, Y), "test": (X[:, :1], Y)}, "give both the same"),
            ({"data": (X, Y), "classes": ["one"]}, "1 names, and the data 2 classes"),
            ({"test": (X, Y)}, r"give data=\(X, y\)"),
            ({"net": tn.Sequential(tn.ReLU(), tn.Linear(2, 2))}, "stands behind no Linear"),
            ({"net": tn.Sequential(tn.LogSoftmax())}, "nothing to learn"),
            (
                {"net": network(2, 4, 2, activation=lambda: tn.Sequential(tn.Tanh(), tn.ReLU()))},
                "at most one",
            ),
            ({"net": tn.Sequential(tn.Linear(2, 4, bias=False), tn.Linear(4, 2))}, "bias=True"),
            ({"net": tn.Sequential(tn.Linear(2, 4), tn.Linear(3, 2))}, "make their sizes equal"),
            ({"net": network(2, 32, 2)}, "12 layers of 16"),
            ({"net": network(*[2] * 15)}, "12 layers of 16"),
            (
                {
                    "net": tn.Sequential(
                        tn.Linear(2, 4),
                        tn.LeakyReLU(0.1),
                        tn.Linear(4, 4),
                        tn.LeakyReLU(0.2),
                        tn.Linear(4, 2),
                    )
                },
                "one for all",
            ),
            ({"net": shared()}, "shares weights"),
            ({"net": frozen()}, "requires_grad = True"),
            ({"net": infinite()}, "W of layer 0 holds inf at row 1"),
            ({"net": network(3, 4, 2)}, r"give its own, as data=\(X, y\)"),
            ({"net": network(3, 4, 2), "data": (X, Y)}, "make them equal"),
            ({"net": network(2, 4, 3), "data": (X, Y)}, "needs 2; change its last layer"),
            ({"net": network(2, 4, 2), "loss_fn": tn.NLLLoss()}, r"end it with tn.LogSoftmax\(\)"),
            (
                {"net": network(2, 4, 2, last=[tn.LogSoftmax()]), "loss_fn": tn.CrossEntropyLoss()},
                "take tn.NLLLoss",
            ),
            ({"net": network(2, 4, 2, last=[tn.Tanh(), tn.LogSoftmax()])}, "leave it out"),
            (
                {"data": (X, Y), "loss_fn": tn.CrossEntropyLoss(label_smoothing=0.1)},
                "no options of losses",
            ),
            ({"data": (X, X[:, 0]), "loss_fn": tn.CrossEntropyLoss()}, "is for classes"),
            ({"data": (X, X[:, 0]), "loss_fn": tn.BCELoss()}, "other numbers than 0 and 1"),
            ({"data": (X, np.arange(100) % 3), "loss_fn": tn.BCELoss()}, "is for two classes"),
            (
                {"optimizer": tn.Adam(network(2, 2).parameters(), amsgrad=True)},
                "no amsgrad of Adam",
            ),
            (
                {"optimizer": tn.RMSprop(network(2, 2).parameters(), momentum=0.1)},
                "no momentum of RMSprop",
            ),
            ({"batch_size": 0}, "batch_size = 0, expected 1 to 2000"),
            ({"seed": -1}, "seed = -1"),
            ({"data": (RNG.random((1900, 784)), np.zeros(1900, int))}, "give fewer rows"),
        ],
    )
    def test_what_does_not_fit(self, tmp_path, options, says):
        with pytest.raises(ValueError, match=f"^lab.*{says}"):
            tn.lab(tmp_path / "lab.html", **options)
        assert not (tmp_path / "lab.html").exists()
