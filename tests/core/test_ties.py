"""Tied weights: one Parameter in two places, as it is or transposed, in training and every tool."""

import copy
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from strategies import assert_close_to_torch, normal, same_bits

import tinynet as tn
from tinynet.formats.safetensors import read, to_bytes
from tinynet.formats.serialization import FORMAT
from tinynet.support.ties import tie, ties_of

WIDE, NARROW, N = 12, 5, 43


def autoencoder(dtype: Any = np.float32) -> tn.Sequential:
    """An encoder, and a decoder on the same weights."""
    rng = np.random.default_rng(0)
    encoder = tn.Linear(WIDE, NARROW, rng=rng, dtype=dtype)
    return tn.Sequential(encoder, tn.Tanh(), encoder.transposed(rng=rng))


def twice(dtype: Any = np.float32) -> tn.Sequential:
    """Two layers on the same square weights, one after the other."""
    rng = np.random.default_rng(0)
    first, second = (tn.Linear(WIDE, WIDE, rng=rng, dtype=dtype) for _ in range(2))
    second.W = first.W
    return tn.Sequential(first, tn.Tanh(), second)


NETWORKS = {"transposed": autoencoder, "twice": twice}
both = pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)


def rows(dtype: Any = np.float32) -> Any:
    return normal(np.random.default_rng(1), N, WIDE, dtype=dtype, density=0.6)


def bits(net: tn.Module) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in net.state_dict().items()}


def untied(net: tn.Sequential) -> tn.Sequential:
    """The same numbers, with weights for each layer, all of them Linear."""
    layers: list[Any] = []
    for layer in net:
        if isinstance(layer, tn.Linear | tn.TransposedLinear):
            options = layer.options()
            plain = tn.Linear(**options)
            plain.load_state_dict(layer.state_dict())
            layers.append(plain)
        else:
            layers.append(copy.deepcopy(layer))
    return tn.Sequential(*layers)


class TestTransposedLinear:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("shape", [(7, 5, 3), (1, 33, 9), (3, 200, 130)])
    @pytest.mark.parametrize("bias", [True, False])
    def test_it_has_the_bits_of_a_linear_with_the_transpose(
        self, shape: tuple[int, int, int], bias: bool, dtype: Any
    ) -> None:
        n, I, O = shape
        layer = tn.TransposedLinear(I, O, bias, 3, dtype)
        plain = tn.Linear(I, O, bias, 3, dtype)
        assert same_bits(layer.W.data, np.ascontiguousarray(plain.W.data.T))
        rng = np.random.default_rng(0)
        x, dy = normal(rng, n, I, dtype=dtype, density=0.5), normal(rng, n, O, dtype=dtype)
        assert same_bits(layer(x), plain(x))
        assert same_bits(layer.backward(dy), plain.backward(dy))
        assert same_bits(np.asarray(layer.W.grad).T, plain.W.grad)
        if bias:
            assert same_bits(layer.b.grad, plain.b.grad)  # type: ignore[union-attr]
        assert same_bits(layer.predict(x), plain.predict(x))
        assert [*map(bytes, bits(layer).values())] == [*bits(plain).values()]

    def test_its_own_weights_are_checked_saved_and_told(self, tmp_path: Path) -> None:
        layer = tn.TransposedLinear(4, 3, rng=0, dtype=np.float64)
        assert tn.check_gradients(layer, (5, 4)).passed
        assert eval(repr(layer), vars(tn) | {"np": np}).options() == layer.options()
        net = tn.Sequential(layer, tn.ReLU())
        tn.save(net, tmp_path / "net")
        again = tn.load(tmp_path / "net")
        assert repr(again) == repr(net) and bits(again) == bits(net)
        module = tn.to_torch(net)
        assert type(module[0]) is torch.nn.Linear
        x = normal(np.random.default_rng(0), 6, 4)
        assert_close_to_torch(net.predict(x), module(torch.tensor(x)))
        assert type(tn.from_torch(module)[0]) is tn.Linear  # type: ignore[index]

    def test_what_does_not_fit_is_refused_as_by_linear(self) -> None:
        layer = tn.TransposedLinear(4, 3, rng=0)
        with pytest.raises(ValueError, match=r"TransposedLinear\(4, 3\): input has 3 features"):
            layer(np.ones((2, 3), np.float32))
        with pytest.raises(ValueError, match="in_features"):
            tn.TransposedLinear(0, 3)

    def test_a_sum_is_told_with_its_own_terms(self) -> None:
        net = tn.Sequential(tn.TransposedLinear(4, 3, rng=0), tn.LogSoftmax())
        twin = tn.Sequential(tn.Linear(4, 3, rng=0), tn.LogSoftmax())
        x = normal(np.random.default_rng(0), 2, 4, dtype=np.float32)
        texts = [
            tn.trace(n, tn.NLLLoss(), x, np.array([0, 2]), tn.SGD(n.parameters(), lr=0.1))
            .explain("0", unit=1)
            .split("\n")[1:]
            for n in (net, twin)
        ]
        assert any("dW" in line for line in texts[0])
        told = [[line for line in text if "@" not in line] for text in texts]
        assert told[0] == told[1]
        assert net.summary().layers[0].output_shape == (3,)


def test_a_trace_says_that_a_gradient_is_of_several_layers() -> None:
    net, x = autoencoder(), rows()
    trace = tn.trace(net, tn.MSELoss(), x, x, tn.SGD(net.parameters(), lr=0.1))
    first, last = (layer.parameters for layer in trace.layers if layer.parameters)
    assert first["W"].tied and last["W"].tied and last["W"].T.tied
    assert not first["b"].tied and not last["b"].tied
    assert same_bits(first["W"].grad, last["W"].grad)
    words = "rows of the batch, and with what the other layers on this W add"
    assert words in trace.explain("0", unit=1) and words in trace.explain("2", unit=1)
    alone = tn.trace(untied(net), tn.MSELoss(), x, x)
    assert "other layers on this W" not in alone.explain("0", unit=1)


class TestTraining:
    @both
    def test_the_gradient_is_the_sum_of_both(self, make: Callable[..., Any]) -> None:
        net = make(np.float64)
        plain = untied(net)
        x, dy = rows(np.float64), normal(np.random.default_rng(2), N, WIDE)
        assert same_bits(net(x), plain(x))
        assert same_bits(net.backward(dy), plain.backward(dy))
        first, second = (layer.W.grad for layer in (plain[0], plain[2]))  # type: ignore[attr-defined]
        total = second.T.copy() if make is autoencoder else second.copy()
        total += first
        assert same_bits(net[0].W.grad, total) and net[2].W is net[0].W
        assert len(net.parameters()) == 3

    @both
    def test_it_is_pytorch_s(self, make: Callable[..., Any]) -> None:
        net = make(np.float64)
        module, X = tn.to_torch(net), rows(np.float64)
        optimizer = tn.Adam(net.parameters(), lr=0.01)
        theirs, loss_fn = torch.optim.Adam(module.parameters(), lr=0.01), tn.MSELoss()
        for _ in range(3):
            loss_fn(net(X), X)
            optimizer.zero_grad()
            net.backward(loss_fn.backward())
            optimizer.step()
            theirs.zero_grad()
            torch.nn.MSELoss()(module(torch.tensor(X)), torch.tensor(X)).backward()
            theirs.step()
        assert len([*module.parameters()]) == 3
        for layer, other in ((net[0], module[0]), (net[2], module[2])):
            assert_close_to_torch(layer.state_dict()["weight"], other.weight)
            assert_close_to_torch(layer.state_dict()["bias"], other.bias)

    @both
    @pytest.mark.parametrize(
        "lr_and_momentum", [(0.1, 0.9), pytest.param((0.1, 0.0), marks=pytest.mark.slow)]
    )
    def test_every_way_of_training_has_the_same_bits(
        self, make: Callable[..., Any], lr_and_momentum: tuple[float, float]
    ) -> None:
        X, results = rows(), []
        for way in ("loop", "verbs", "layers", "compiled"):
            net, loss_fn = make(), tn.MSELoss()
            lr, momentum = lr_and_momentum
            optimizer = tn.SGD(net.parameters(), lr=lr, momentum=momentum)
            loader = tn.DataLoader(X, X, batch_size=8, shuffle=True, rng=5)
            if way == "verbs":
                tn.compile(net, loss_fn, optimizer)
            if way in ("layers", "compiled"):
                options = {"progress": False, "compiled": way == "compiled"}
                tn.fit(net, loss_fn, optimizer, loader, **options)
            else:
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    for xb, yb in loader:
                        loss_fn(net(xb), yb)
                        optimizer.zero_grad()
                        net.backward(loss_fn.backward())
                        optimizer.step()
            results.append(bits(net))
        assert all(result == results[0] for result in results)

    @both
    def test_a_frozen_one_stays_in_both(self, make: Callable[..., Any]) -> None:
        net, X = make(), rows()
        net[0].W.requires_grad = False
        before = net[2].W.data.copy()
        optimizer = tn.SGD(net.parameters(), lr=0.1)
        loader = tn.DataLoader(X, X, batch_size=8)
        tn.fit(net, tn.MSELoss(), optimizer, loader, progress=False, compiled=True)
        assert same_bits(net[0].W.data, before)


class TestTools:
    @both
    def test_the_check_differentiates_by_the_shared_array(self, make: Callable[..., Any]) -> None:
        report = tn.check_gradients(make(), (3, WIDE))
        assert report.passed
        assert [row.argument for row in report.rows] == ["0.W", "0.b", "2.b", "input x"]

    def test_a_layer_that_forgets_its_part_is_caught(self) -> None:
        class Overwrites(tn.TransposedLinear):
            def backward(self, dy: Any) -> Any:
                before = self.W.accumulate().copy()
                dx = super().backward(dy)
                self.W.grad = before  # nothing of its own
                return dx

        net = autoencoder()
        layer = Overwrites(NARROW, WIDE, rng=0)
        layer.W = net[0].W  # type: ignore[attr-defined]
        net.layers[2] = layer
        with pytest.raises(tn.GradientError, match="W"):
            tn.check_gradients(net, (3, WIDE))

    @both
    def test_copies_and_pickles_stay_tied(self, make: Callable[..., Any]) -> None:
        net = make()
        for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
            assert twin[2].W is twin[0].W is not net[0].W

    @both
    def test_the_state_has_pytorch_s_names_and_goes_into_its_layers(
        self, make: Callable[..., Any]
    ) -> None:
        net = make()
        state = net.state_dict()
        assert [*state] == ["0.weight", "0.bias", "2.weight", "2.bias"]
        sizes = (WIDE, NARROW, WIDE) if make is autoencoder else (WIDE, WIDE, WIDE)
        module = torch.nn.Sequential(
            torch.nn.Linear(*sizes[:2]), torch.nn.Tanh(), torch.nn.Linear(*sizes[1:])
        )
        module.load_state_dict({name: torch.tensor(array) for name, array in state.items()})
        np.testing.assert_allclose(
            net.predict(rows()), module(torch.tensor(rows())).detach(), rtol=1e-5, atol=1e-6
        )

    @both
    def test_a_state_in_which_both_differ_is_refused(self, make: Callable[..., Any]) -> None:
        net = make()
        state = net.state_dict()
        state["2.weight"][1, 2] += 1
        before = bits(net)
        words = r"2\.weight differs from 0\.weight, which is the same parameter here; nothing was"
        with pytest.raises(ValueError, match=words):
            net.load_state_dict(state)
        assert bits(net) == before

    @both
    def test_a_file_keeps_the_tie(self, make: Callable[..., Any], tmp_path: Path) -> None:
        net = make()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tn.save(net, tmp_path / "net")
        twin: Any = tn.load(tmp_path / "net")
        assert twin[2].W is twin[0].W and bits(twin) == bits(net)
        assert repr(twin) == repr(net)
        tn.load(tmp_path / "net", into=make())

    @both
    def test_a_resumed_run_has_the_same_bits(
        self, make: Callable[..., Any], tmp_path: Path
    ) -> None:
        X = rows()

        def run(epochs: int, file: str) -> dict[str, bytes]:
            net = make()
            loader = tn.DataLoader(X, X, batch_size=8, shuffle=True, rng=5)
            optimizer = tn.Adam(net.parameters(), lr=0.01)
            options = {"progress": False, "checkpoint": tmp_path / file}
            tn.fit(net, tn.MSELoss(), optimizer, loader, epochs=epochs, **options)
            return bits(net)

        whole = run(3, "whole")
        run(1, "part")
        assert run(3, "part") == whole

    @both
    def test_to_pytorch_and_back(self, make: Callable[..., Any]) -> None:
        net = make()
        module: Any = tn.to_torch(net)
        shared = module[0].weight
        there = module[2].parametrizations.weight.original if make is autoencoder else module[2]
        assert shared is (there if make is autoencoder else there.weight)
        twin: Any = tn.from_torch(module)
        assert repr(twin) == repr(net) and bits(twin) == bits(net)
        assert twin[2].W is twin[0].W

    def test_a_transpose_may_come_first(self) -> None:
        net = autoencoder()
        other = tn.Sequential(net[2], tn.Tanh(), net[0])
        module: Any = tn.to_torch(other)
        assert module[2].parametrizations.weight.original is module[0].weight
        twin: Any = tn.from_torch(module)
        assert twin[0].W is twin[2].W and bits(twin) == bits(other)
        x = normal(np.random.default_rng(0), 4, NARROW, dtype=np.float32)
        np.testing.assert_allclose(
            other.predict(x), module(torch.tensor(x)).detach(), rtol=1e-5, atol=1e-6
        )
        assert same_bits(twin.predict(x), other.predict(x))

    def test_a_module_that_stands_twice_is_two_layers_that_share_all(self) -> None:
        layer = torch.nn.Linear(3, 3)
        net: Any = tn.from_torch(torch.nn.Sequential(layer, torch.nn.ReLU(), layer))
        assert net[0].W is net[2].W and net[0].b is net[2].b and net[0] is not net[2]

    def test_other_parametrizations_are_refused_as_ever(self) -> None:
        module = torch.nn.Sequential(torch.nn.Linear(4, 3))
        torch.nn.utils.parametrizations.weight_norm(module[0])
        with pytest.raises(TypeError, match="remove_parametrizations"):
            tn.from_torch(module)

    @both
    def test_onnx_computes_the_same(self, make: Callable[..., Any], tmp_path: Path) -> None:
        runtime = pytest.importorskip("onnxruntime")
        layers = list(make())
        layers[1] = tn.ReLU()
        net = tn.Sequential(*layers)
        tn.to_onnx(net, tmp_path / "net.onnx")
        session = runtime.InferenceSession(str(tmp_path / "net.onnx"))
        (y,) = session.run(None, {"x": rows()})
        np.testing.assert_allclose(y, net.predict(rows()), rtol=1e-5, atol=1e-6)

    @both
    def test_the_summary_counts_it_once(self, make: Callable[..., Any]) -> None:
        net = make()
        assert net.summary().parameters == sum(p.data.size for p in net.parameters())


class TestTies:
    def test_places_in_lists_and_dicts(self) -> None:
        class Held(tn.Module):
            def __init__(self) -> None:
                self.p = [tn.Parameter(np.ones(2)), tn.Parameter(np.zeros(2))]
                self.d = {"a": tn.Parameter(np.zeros(2)), "b": tn.Parameter(np.zeros(3))}

        module = Held()
        assert ties_of(module) == []
        tie(module, [["p.0", "p.1", "d.a"]])
        assert module.p[0] is module.p[1] is module.d["a"]
        assert ties_of(module) == [["p.0", "p.1", "d.a"]]

    @pytest.mark.parametrize(
        ("groups", "words"),
        [
            ("0.W", "its ties are '0.W', expected lists of places"),
            ([["0.W", 2]], "expected lists of places"),
            ([[]], "expected lists of places"),
            ([["0.W", "7.W"]], "7.W, which is tied, is no parameter"),
            ([["0.W", "2.b"]], "differ in shape or dtype"),
            ([["0.b", "0.b"], ["0.W", "0.b"]], "differ in shape or dtype"),
        ],
    )
    def test_what_is_wrong_is_told_and_nothing_changes(self, groups: Any, words: str) -> None:
        net = tn.Sequential(tn.Linear(3, 3, rng=0), tn.ReLU(), tn.Linear(3, 3, rng=1))
        before = [*net.named_parameters()]
        with pytest.raises(ValueError, match=words):
            tie(net, groups)
        assert [*net.named_parameters()] == before and ties_of(net) == []

    def test_a_tuple_cannot_be_tied(self) -> None:
        class Held(tn.Module):
            def __init__(self) -> None:
                self.p = (tn.Parameter(np.ones(2)), tn.Parameter(np.zeros(2)))

        with pytest.raises(ValueError, match="stand in a tuple"):
            tie(Held(), [["p.0", "p.1"]])

    def test_a_file_that_ties_what_differs_is_refused(self, tmp_path: Path) -> None:
        net = autoencoder()
        tn.save(net, tmp_path / "net")
        weights, document = read(tmp_path / "net", FORMAT)
        for ties, words in (
            ([["0.W", "2.b"]], "0.W and 2.b are tied, and differ in shape or dtype"),
            ([["0.b", "3.b"]], "3.b, which is tied, is no parameter"),
            ({"0.W": "2.W"}, "expected lists of places"),
        ):
            (tmp_path / "bad").write_bytes(to_bytes(weights, {**(document or {}), "ties": ties}))
            with pytest.raises(tn.ModelFileError, match=words):
                tn.load(tmp_path / "bad")
        weights["2.weight"] += 1
        (tmp_path / "bad").write_bytes(to_bytes(weights, document or {}))
        with pytest.raises(tn.ModelFileError, match=r"2\.weight differs from 0\.weight"):
            tn.load(tmp_path / "bad")
