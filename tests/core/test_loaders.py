"""What fit takes for a loader, and what it says of all the rest."""

import itertools

import numpy as np
import pytest
import torch
from by_hand import learned, network, rows

import tinynet as tn

X, Y = rows(16)
BATCHES = [(X[:8], Y[:8]), (X[8:], Y[8:])]
USE = r"use tn\.DataLoader\(X, y, batch_size=32, shuffle=True\)"


class Fresh:
    """Begins anew in every epoch."""

    def __iter__(self):
        yield from BATCHES


class Rewinds:
    """Is its own iterator, and begins anew."""

    def __iter__(self):
        self.left = list(BATCHES)
        return self

    def __next__(self):
        if not self.left:
            raise StopIteration
        return self.left.pop(0)


class RunsDry(Rewinds):
    """Is its own iterator, and gives so many batches in all."""

    def __init__(self, batches):
        self.left = batches * BATCHES[:1]

    def __iter__(self):
        return self


class ByNumber:
    """The old protocol of sequences."""

    def __getitem__(self, number):
        return BATCHES[number]


class Pair(tuple):
    """Not the tuple that one expects."""


def fit(loader, net=None, **options):
    net = network() if net is None else net
    optimizer = tn.SGD(net.parameters(), lr=0.1)
    options = {"epochs": 3, "progress": False} | options
    return tn.fit(net, tn.NLLLoss(), optimizer, loader, **options), learned(net, optimizer)


def generator(batches=BATCHES):
    yield from batches


def frame():
    return pytest.importorskip("pandas").DataFrame(X)


def dask_array():
    return pytest.importorskip("dask.array").from_array(X)


def torch_loader():
    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    return torch.utils.data.DataLoader(data, batch_size=8)


RIGHT = {
    "a list": lambda: BATCHES,
    "a tuple": lambda: tuple(BATCHES),
    "a list of lists": lambda: [list(batch) for batch in BATCHES],
    "a list of other pairs": lambda: [Pair(batch) for batch in BATCHES],
    "an object": Fresh,
    "one that rewinds": Rewinds,
    "one that is indexed": ByNumber,
    "PyTorch's, with arrays": lambda: torch.utils.data.DataLoader(
        list(zip(X, Y, strict=True)),
        batch_size=8,
        collate_fn=lambda rows: tuple(map(np.array, zip(*rows, strict=True))),
    ),
}


@pytest.mark.parametrize("make", RIGHT.values(), ids=RIGHT)
def test_whatever_begins_anew_is_a_loader(make):
    history, weights = fit(make())
    expected, expected_weights = fit(tn.DataLoader(X, Y, batch_size=8))
    assert history == expected and weights == expected_weights


@pytest.mark.parametrize("make", [generator, lambda: iter(BATCHES), lambda: map(tuple, BATCHES)])
def test_one_epoch_may_come_from_an_iterator(make):
    loader = make()
    assert fit(loader, epochs=1) == fit(tn.DataLoader(X, Y, batch_size=8), epochs=1)
    with pytest.raises(ValueError, match="gives no batch in epoch 1: it is empty, or an iterator"):
        fit(loader, epochs=1)


ONCE = {
    "generator": generator,
    "list_iterator": lambda: iter(BATCHES),
    "zip": lambda: zip([X], [Y], strict=True),
    "map": lambda: map(tuple, BATCHES),
    "chain": lambda: itertools.chain(BATCHES),
}


@pytest.mark.parametrize("kind", ONCE)
def test_an_iterator_is_refused_for_several_epochs(kind):
    net = network()
    before = learned(net, tn.SGD(net.parameters()))
    message = (
        f"fit: loader is a {kind}, which gives its batches once, but epochs = 3; {USE}, a list"
    )
    with pytest.raises(TypeError, match=message):
        fit(ONCE[kind](), net)
    assert learned(net, tn.SGD(net.parameters())) == before


@pytest.mark.parametrize("batches", [1, 2])
def test_a_loader_that_runs_dry_is_named_with_its_epoch(batches):
    """What was learned before stays, and so does its history."""
    net = network()
    message = r"fit: the loader gives no batch in epoch 2: .* does not begin anew; use .* a list of"
    with pytest.raises(ValueError, match=message) as caught:
        fit(RunsDry(batches), net)
    assert len(caught.value.history) == 1
    assert np.isfinite(caught.value.history.train_loss).all()
    twin = network()
    fit(BATCHES[:1] * batches, twin, epochs=1)
    assert learned(net, tn.SGD(net.parameters())) == learned(twin, tn.SGD(twin.parameters()))


NO_LOADERS = {
    "X and y": (lambda: (X, Y), TypeError, rf"loader is a tuple \(X, y\), expected batches.*{USE}"),
    "X and y in a list": (lambda: [X, Y], TypeError, r"loader is a list \(X, y\), expected"),
    "an array": (lambda: X, TypeError, rf"loader is ndarray, expected a DataLoader.*{USE}"),
    "a dict": (lambda: {"X": X, "y": Y}, TypeError, "loader is dict, expected a DataLoader"),
    "None": (lambda: None, TypeError, "loader is NoneType, expected"),
    "a number": (lambda: 32, TypeError, "loader is int, expected"),
    "a string": (lambda: "mnist", TypeError, "loader is str, expected"),
    "a class": (lambda: tn.DataLoader, TypeError, "loader is the class DataLoader, expected"),
    "a data frame": (frame, TypeError, "loader is DataFrame, expected"),
    "a tensor": (lambda: torch.tensor(X), TypeError, "loader is Tensor, expected"),
    "a dask array": (dask_array, TypeError, r"loader is dask's Array; use tn\.distributed\.fit\("),
    "PyTorch's loader": (
        torch_loader,
        TypeError,
        r"batch 1 of epoch 1 holds PyTorch's tensors.*xb",
    ),
    "no batches": (list, ValueError, "loader is an empty list, without a batch"),
    "triples": (
        lambda: [(X, Y, Y)],
        TypeError,
        r"loader\[0\] is tuple of 3, expected a batch \(xb",
    ),
    "arrays": (lambda: [X, X, X], TypeError, r"loader\[0\] is ndarray, expected a batch"),
    "half a batch": (lambda: [(X, Y), (X,)], TypeError, r"loader\[1\] is tuple of 1, expected"),
    "dicts": (lambda: [{"x": X, "y": Y}], TypeError, r"loader\[0\] is dict, expected a batch"),
    "an object of triples": (
        lambda: Stream((X, Y, Y)),
        TypeError,
        "epoch 1 is tuple of 3, expected",
    ),
    "an object of arrays": (
        lambda: Stream(X[:2]),
        TypeError,
        "epoch 1 is ndarray, expected a pair",
    ),
    "an object of numbers": (
        lambda: Stream(1.0),
        TypeError,
        "batch 1 of epoch 1 is float, expected",
    ),
    "an object of words": (lambda: Stream("ab"), TypeError, "batch 1 of epoch 1 is str, expected"),
    "batches without rows": (
        lambda: [(X[:0], Y[:0])],
        ValueError,
        "batch 1 of epoch 1 has no rows",
    ),
    "an object without batches": (lambda: Stream(), ValueError, "gives no batch in epoch 1"),
}


class Stream:
    def __init__(self, *batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


@pytest.mark.parametrize(("make", "error", "message"), NO_LOADERS.values(), ids=NO_LOADERS)
def test_what_is_no_loader_is_named_before_anything_is_learned(make, error, message):
    net = network()
    before = learned(net, tn.SGD(net.parameters()))
    with pytest.raises(error, match=f"^fit: .*{message}") as caught:
        fit(make(), net)
    assert "\n" not in str(caught.value)
    assert learned(net, tn.SGD(net.parameters())) == before


def test_the_advice_works():
    data = torch.tensor(X), torch.tensor(Y)
    loader = tn.DataLoader(data[0].numpy(), data[1].numpy(), batch_size=32, shuffle=True)
    assert len(fit(loader)[0]) == 3

    class Converted:
        def __iter__(self):
            return ((xb.numpy(), yb.numpy()) for xb, yb in torch_loader())

    assert fit(Converted()) == fit(BATCHES)


@pytest.mark.parametrize("part", ["test", "validation"])
def test_a_data_loader_is_no_test_set_but_has_one(part):
    loader = tn.DataLoader(X, Y)
    message = rf"fit: {part} is a DataLoader, expected a pair \(X, y\); .* use {part}=\(d.X, d.y\)"
    with pytest.raises(TypeError, match=message):
        fit(BATCHES, **{part: loader})
    assert len(fit(BATCHES, **{part: (loader.X, loader.y)})[0]) == 3
    pixels = (np.abs(X) * 50).astype(np.uint8)
    d = tn.DataLoader(pixels, Y, scale=1 / 255)
    with pytest.raises(TypeError, match=rf"use {part}=d\.gather\(np\.arange\(len\(d\.X\)\)\)$"):
        fit(BATCHES, **{part: d})
    assert len(fit(BATCHES, **{part: d.gather(np.arange(len(d.X)))})[0]) == 3


@pytest.mark.parametrize("given", [(), ("a", "b", "c"), generator, "ab", 7])
def test_other_things_are_no_test_set(given):
    with pytest.raises(TypeError, match=r"fit: test (is \w+|: X is str), expected|fit: test: X is"):
        fit(BATCHES, test=given() if callable(given) else given)


def test_evaluate_says_how_to_give_a_loader_s_data():
    loader = tn.DataLoader(X, Y)
    message = r"evaluate: y is missing; use tn.evaluate\(net, loss_fn, loader.X, loader.y\)"
    with pytest.raises(TypeError, match=message):
        tn.evaluate(network(), tn.NLLLoss(), loader)
    assert tn.evaluate(network(), tn.NLLLoss(), loader.X, loader.y)[1] >= 0
    with pytest.raises(TypeError, match=r"use tn.evaluate\(net, loss_fn, X, y\)"):
        tn.evaluate(network(), tn.NLLLoss(), X)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (BATCHES, "data is list of batches, expected a DataLoader or a pair"),
        (generator(), "data is generator, expected a DataLoader or a pair"),
        (X, "data is ndarray, expected"),
    ],
)
def test_the_doctor_needs_a_data_loader_or_a_pair(data, message):
    with pytest.raises(TypeError, match=message):
        tn.diagnose(None, network(), data, loss_fn=tn.NLLLoss())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"checkpoint": "run"}, "checkpoint needs a DataLoader without an __iter__ of its own"),
        ({"compiled": True}, "compiled=True needs a DataLoader, got list"),
        ({"doctor": True}, "doctor=True needs a DataLoader, got list"),
    ],
)
def test_what_needs_a_data_loader_says_so_before_anything_is_learned(
    options, message, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    net = network()
    before = learned(net, tn.SGD(net.parameters()))
    with pytest.raises(TypeError, match=f"^fit: {message}"):
        fit(BATCHES, net, **options)
    assert learned(net, tn.SGD(net.parameters())) == before and not list(tmp_path.iterdir())


class TestSubclasses:
    class Twice(tn.DataLoader):
        """Deals out every batch with its mirror image."""

        def __iter__(self):
            for xb, yb in super().__iter__():
                yield xb, yb
                yield xb[:, ::-1].copy(), yb

    class Doubled(tn.DataLoader):
        """Changes every batch."""

        def gather(self, rows):
            xb, yb = super().gather(rows)
            return 2 * xb, yb

    def test_its_own_iter_is_what_deals_out(self):
        by_hand = [pair for xb, yb in BATCHES for pair in ((xb, yb), (xb[:, ::-1].copy(), yb))]
        assert fit(self.Twice(X, Y, batch_size=8)) == fit(by_hand)

    def test_its_own_batches_are_what_is_learned(self):
        assert fit(self.Doubled(X, Y, batch_size=8)) == fit([(2 * xb, yb) for xb, yb in BATCHES])

    @pytest.mark.parametrize(("make", "method"), [(Twice, "__iter__"), (Doubled, "gather")])
    def test_it_is_not_compiled(self, make, method):
        with pytest.raises(TypeError, match=f"{make.__name__} has its own {method}; leave it out"):
            fit(make(X, Y, batch_size=8), compiled=True)

    def test_one_without_its_order_has_no_checkpoint(self, tmp_path):
        with pytest.raises(TypeError, match=r"without an __iter__ of its own.*got Twice"):
            fit(self.Twice(X, Y, batch_size=8), checkpoint=tmp_path / "run")
