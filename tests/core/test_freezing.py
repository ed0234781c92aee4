"""Frozen parameters: no gradient, no step, in every way of training and in every tool."""

import copy
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from by_hand import network, rows, train_by_hand
from cases import slow_but
from strategies import same_bits

import tinynet as tn
from tinynet import training


def frozen(*places: int) -> tn.Sequential:
    """A network whose layers at these places are frozen."""
    net = network()
    for place in places:
        net[place].requires_grad_(False)
    return net


def weights(net: tn.Module) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in net.state_dict().items()}


def gradients(net: tn.Module, seed: int = 0) -> Any:
    """dLoss/dx of one batch; gradients are added to ``.grad``."""
    X, y = rows(8, seed=seed)
    loss_fn = tn.NLLLoss()
    loss_fn(net(X), y)
    return net.backward(loss_fn.backward())


def loader() -> tn.DataLoader:
    return tn.DataLoader(*rows(43), batch_size=8, shuffle=True, rng=5)


OPTIMIZERS = {
    "momentum": lambda p: tn.SGD(p, lr=0.1, momentum=0.9, weight_decay=0.1),
    "SGD": lambda p: tn.SGD(p, lr=0.1),
    "AdamW": lambda p: tn.AdamW(p, lr=0.01),
}


class TestParameter:
    def test_it_has_no_gradient_until_it_learns_again(self) -> None:
        p = tn.Parameter(np.ones(3))
        p.accumulate(np.ones(3))
        p.requires_grad = False
        assert p.grad is None and not p.requires_grad
        p.accumulate(np.ones(3))
        assert p.grad is None
        p.requires_grad = True
        assert same_bits(p.grad, np.zeros(3))
        p.accumulate(np.ones(3))
        assert same_bits(p.grad, np.ones(3))

    def test_true_once_more_changes_nothing(self) -> None:
        p = tn.Parameter(np.ones(2))
        p.accumulate(np.ones(2))
        p.requires_grad = True
        assert same_bits(p.grad, np.ones(2))
        p.grad = None
        p.requires_grad = True
        assert p.grad is None

    def test_what_accumulate_returns_is_thrown_away(self) -> None:
        p = tn.Parameter(np.ones(2), requires_grad=False)
        p.accumulate()[...] += 1
        assert p.grad is None and same_bits(p.accumulate(), np.zeros(2))

    def test_a_gradient_for_a_frozen_one_is_an_error(self) -> None:
        p = tn.Parameter(np.ones(2), requires_grad=False)
        with pytest.raises(ValueError, match="it is frozen; set its requires_grad = True first"):
            p.grad = np.ones(2)
        p.grad = None

    @pytest.mark.parametrize("flag", [None, "no", 2, np.zeros(2)])
    def test_a_flag_is_true_or_false(self, flag: Any) -> None:
        p = tn.Parameter(np.ones(2))
        with pytest.raises((TypeError, ValueError)):
            p.requires_grad = flag
        assert p.requires_grad and p.grad is not None

    def test_repr_copies_and_pickles_have_the_flag(self) -> None:
        p = tn.Parameter(np.ones(2), requires_grad=False)
        assert repr(p) == "Parameter(2, float64, requires_grad=False)"
        for twin in (copy.deepcopy(p), pickle.loads(pickle.dumps(p))):
            assert not twin.requires_grad and twin.grad is None

    def test_a_module_freezes_all_it_holds_and_returns_itself(self) -> None:
        net = network()
        assert net.requires_grad_(False) is net
        assert not any(p.requires_grad for p in net.parameters())
        net.requires_grad_()
        assert all(p.requires_grad and p.grad is not None for p in net.parameters())


class TestTraining:
    def test_backward_goes_through_to_the_bits_of_a_learning_layer(self) -> None:
        net, twin = frozen(0), network()
        dx, expected = gradients(net), gradients(twin)
        assert same_bits(dx, expected)
        assert [p.grad for p in net[0].parameters()] == [None, None]
        for mine, theirs in zip(net[2].parameters(), twin[2].parameters(), strict=True):
            assert same_bits(mine.grad, theirs.grad)
        net.zero_grad()
        assert net[0].parameters()[0].grad is None

    @pytest.mark.parametrize(
        ("name", "places"),
        slow_but(1, [(name, (place,)) for place in (0, 2) for name in OPTIMIZERS]),
    )
    def test_every_way_of_training_leaves_it_alone(self, name: str, places: tuple[int]) -> None:
        results = []
        for way in ("part", "loop", "verbs", "layers", "compiled"):
            net = network() if way == "part" else frozen(*places)
            learning = [p for n in (0, 2) if n not in places for p in net[n].parameters()]
            optimizer = OPTIMIZERS[name](learning if way == "part" else net.parameters())
            before, loss_fn = weights(net[places[0]]), tn.NLLLoss()
            if way == "verbs":
                tn.compile(net, loss_fn, optimizer)
            if way in ("layers", "compiled", "part"):
                options = {"progress": False, "epochs": 2, "compiled": way == "compiled"}
                tn.fit(net, loss_fn, optimizer, loader(), **options)
            else:
                batches, epochs = loader(), 2
                with warnings.catch_warnings():
                    warnings.simplefilter("error")
                    for _ in range(epochs):
                        for xb, yb in batches:
                            loss_fn(net(xb), yb)
                            optimizer.zero_grad()
                            net.backward(loss_fn.backward())
                            optimizer.step()
            assert weights(net[places[0]]) == before
            if way != "part":
                assert all(not p.requires_grad for p in net[places[0]].parameters())
                assert optimizer.state[places[0]] == optimizer.state[places[0] + 1] == {}
            results.append(weights(net))
        assert all(result == results[0] for result in results)

    def test_compiled_steps_compute_nothing_for_it(self) -> None:
        net, loss_fn = frozen(0), tn.NLLLoss()
        optimizer = tn.Adam(net.parameters(), lr=0.01)
        source = tn.compile(net, loss_fn, optimizer).source
        assert "dW2" in source or "dW1" in source
        assert "dW0" not in source and "db0" not in source and "dy0" not in source
        alone = net._compiled.source.partition("def backward_alone")[2]
        assert "linear_dW" in alone and alone.count("linear_d") == 2  # dW and db of the last

    def test_a_flag_set_after_compiling_is_noticed(self) -> None:
        net, twin, loss_fn = network(), frozen(0), tn.NLLLoss()
        optimizer = tn.SGD(net.parameters(), lr=0.1)
        tn.compile(net, loss_fn, optimizer)
        gradients(net)
        optimizer.zero_grad()
        net[0].requires_grad_(False)
        with pytest.warns(UserWarning, match="requires_grad was changed since it was compiled"):
            dx = gradients(net)
        assert same_bits(dx, gradients(twin))
        optimizer.step()
        tn.SGD(twin.parameters(), lr=0.1).step()
        assert weights(net) == weights(twin)
        net[0].requires_grad_()
        net.zero_grad()
        twin = copy.deepcopy(net)
        gradients(net)
        gradients(twin)
        optimizer.step()
        tn.SGD(twin.parameters(), lr=0.1).step()
        assert weights(net) == weights(twin)

    @pytest.mark.filterwarnings("ignore:.*requires_grad was changed")
    def test_what_learns_again_after_compiling_is_stepped(self) -> None:
        results = []
        for compiles in (True, False):
            net = frozen(0)
            optimizer = tn.SGD(net.parameters(), lr=0.1)
            if compiles:
                tn.compile(net, tn.NLLLoss(), optimizer)
            for learns in (False, True):
                net[0].requires_grad_(learns)
                optimizer.zero_grad()
                gradients(net)
                optimizer.step()
            results.append(weights(net))
        assert results[0] == results[1]

    @pytest.mark.parametrize("make", slow_but(1, [tn.Adam, tn.AdamW]))
    def test_a_parameter_that_learns_again_counts_its_own_steps(
        self, make: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Adam remembers nothing of it yet, and counts its steps from 1: in compiled steps, too."""
        results, by_layers = [], []
        layers_step = training.step

        def counted(*arguments: Any) -> Any:
            by_layers.append(way)
            return layers_step(*arguments)

        monkeypatch.setattr(training, "step", counted)
        for way in ("layers", "compiled", "verbs"):
            net, loss_fn, batches = frozen(0), tn.NLLLoss(), loader()
            optimizer = make(net.parameters(), lr=0.01)
            for _ in range(2):
                if way == "verbs":
                    tn.compile(net, loss_fn, optimizer)
                    assert train_by_hand(net, loss_fn, optimizer, batches).train_loss
                else:
                    options = {"progress": False, "compiled": way == "compiled"}
                    tn.fit(net, loss_fn, optimizer, batches, **options)
                net.requires_grad_()
            results.append((weights(net), [state["step"] for state in optimizer.state]))
        assert results[0] == results[1] == results[2]
        assert results[0][1] == [6, 6, 12, 12]
        assert by_layers.count("compiled") == 2  # those that bring memories into being

    def test_a_flag_set_by_a_score_is_noticed_within_a_run(self) -> None:
        results = []
        for compiled in (False, True):
            net, calls = network(), []

            def score(outputs: Any, yb: Any, net: Any = net, calls: Any = calls) -> float:
                calls.append(len(yb))
                if calls.count(43) == 2:  # the test set: before the run, and after an epoch
                    net[0].requires_grad_(False)
                return 0.0

            optimizer = tn.SGD(net.parameters(), lr=0.1, momentum=0.5)
            tn.fit(
                *(net, tn.NLLLoss(), optimizer, loader()),
                test=rows(43),
                epochs=3,
                progress=False,
                compiled=compiled,
                score=score,
            )
            results.append(weights(net))
            assert not net[0].W.requires_grad and weights(net[0]) != weights(network()[0])
        assert results[0] == results[1]

    def test_memories_stay_with_their_parameters_when_the_first_is_frozen(self) -> None:
        results = []
        for compiled in (False, True):
            rng = np.random.default_rng(0)
            layers = [tn.Linear(12, 12, rng=rng), tn.ReLU(), tn.Linear(12, 12, rng=rng)]
            net = tn.Sequential(*layers, tn.LogSoftmax())
            optimizer = tn.SGD(net.parameters(), lr=0.1, momentum=0.9)
            batches = loader()
            for _ in range(2):
                tn.fit(*(net, tn.NLLLoss(), optimizer, batches), progress=False, compiled=compiled)
                net[0].requires_grad_(False)
            results.append(
                (weights(net), [state["velocity"].tobytes() for state in optimizer.state])
            )
        assert results[0] == results[1]

    def test_a_network_with_nothing_to_learn_is_an_error(self) -> None:
        net = network().requires_grad_(False)
        optimizer = tn.SGD(net.parameters(), lr=0.1)
        before = weights(net)
        with pytest.raises(ValueError, match="every parameter that the optimizer holds is frozen"):
            tn.fit(net, tn.NLLLoss(), optimizer, loader(), progress=False)
        assert weights(net) == before

    def test_a_layer_of_one_s_own_need_not_know(self) -> None:
        from own_layers import KernelLeaky

        results = []
        for compiled in (False, True):
            net = network()
            net.layers[1] = KernelLeaky()
            net.layers[1].requires_grad_(False)
            optimizer = tn.SGD(net.parameters(), lr=0.1, momentum=0.5)
            tn.fit(net, tn.NLLLoss(), optimizer, loader(), progress=False, compiled=compiled)
            assert net.layers[1].slope.data == 0.25
            results.append(weights(net))
        assert results[0] == results[1]


class TestFiles:
    def run(self, net: tn.Sequential, epochs: int, path: Path, **options: Any) -> dict[str, bytes]:
        optimizer = tn.Adam(net.parameters(), lr=0.01)
        arguments = (net, tn.NLLLoss(), optimizer, loader())
        tn.fit(*arguments, epochs=epochs, progress=False, checkpoint=path, **options)
        return weights(net)

    def test_a_resumed_run_has_the_same_bits(self, tmp_path: Path) -> None:
        whole = self.run(frozen(0), 3, tmp_path / "whole")
        self.run(frozen(0), 1, tmp_path / "part")
        assert self.run(frozen(0), 3, tmp_path / "part") == whole

    def test_another_layer_frozen_is_another_run_or_a_change(self, tmp_path: Path) -> None:
        self.run(frozen(0), 1, tmp_path / "run")
        with pytest.raises(ValueError, match=r"requires_grad is None, the file's False of 0\.w"):
            self.run(network(), 2, tmp_path / "run")
        net, before = network(), weights(frozen(0)[0])
        self.run(net, 2, tmp_path / "run", changed=["requires_grad"])
        assert weights(net[0]) != before

    def test_a_file_holds_weights_and_no_flags_as_pytorch_s(self, tmp_path: Path) -> None:
        net = frozen(0)
        tn.save(net, tmp_path / "net")
        twin = tn.load(tmp_path / "net")
        assert weights(twin) == weights(net)
        assert all(p.requires_grad for p in twin.parameters())
        tn.load(tmp_path / "net", into=net)
        assert [p.requires_grad for p in net.parameters()] == [False, False, True, True]

    def test_pytorch_has_the_flags(self) -> None:
        net = frozen(0)
        module = tn.to_torch(net)
        flags = [False, False, True, True]
        assert [p.requires_grad for p in module.parameters()] == flags
        assert [p.requires_grad for p in tn.from_torch(module).parameters()] == flags


class TestTools:
    def test_the_check_takes_it_for_a_constant(self) -> None:
        report = tn.check_gradients(frozen(0), (5, 12))
        assert report.passed
        assert [row.argument for row in report.rows] == ["2.W", "2.b", "input x"]
        assert "constants: 0.W (12, 9), frozen" in str(report)

    def test_the_summary_counts_what_learns(self) -> None:
        net = frozen(0)
        net[2].b.requires_grad = False  # type: ignore[attr-defined]
        summary = net.summary()
        learned = net[2].parameters()[0].data.size
        assert summary.frozen == summary.parameters - learned
        assert [layer.frozen for layer in summary.layers if layer.parameters] == [
            sum(p.data.size for p in net[0].parameters()),
            net[2].parameters()[1].data.size,
        ]
        text = str(summary)
        assert " frozen" in text.split("\n")[1] and f"{learned:,} of them learn" in text
        assert "frozen" not in str(network().summary())

    def test_a_trace_has_its_gradient_and_no_update(self) -> None:
        net, twin = frozen(0), network()
        X, y = rows(8)
        for steps in (1, 2):
            trace, other = (
                tn.trace(n, tn.NLLLoss(), X, y, tn.SGD(n.parameters(), lr=0.1), steps)
                for n in (net, twin)
            )
            for mine, theirs in zip(trace.steps[0].layers, other.steps[0].layers, strict=True):
                for name, parameter in mine.parameters.items():
                    assert same_bits(parameter.grad, theirs.parameters[name].grad)
            for step in trace.steps:
                assert not step.layers[0].parameters["W"].update.any()  # type: ignore[union-attr]
                assert step.layers[2].parameters["W"].update.any()  # type: ignore[union-attr]
        assert not net[0].parameters()[0].requires_grad
