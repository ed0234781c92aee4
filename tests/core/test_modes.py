"""The mode to learn in, and evaluation: set as in PyTorch, read by layers, left alone by tools."""

import copy
import pickle
import threading

import numpy as np
import pytest
import torch

import tinynet as tn
from tinynet import kernels
from tinynet.compiler.compiled import CompiledSteps
from tinynet.compiler.recorded import record_layers

X = np.random.default_rng(0).normal(size=(64, 6)).astype(np.float32)
Y = np.random.default_rng(1).integers(3, size=64)


class Doubles(tn.Module):
    """y = x + x as it learns, and y = x in evaluation: all in kernels."""

    def forward(self, x):
        x = np.ascontiguousarray(x)
        y = np.empty_like(x)
        if self.training:
            kernels.add(x, x, y)
            self.keep(y, 2)
        else:
            kernels.copied(x, y)
            self.keep(y, 1)
        return y

    def backward(self, dy):
        dy, _, times = self.kept(dy)
        dx = np.empty_like(dy)
        if times == 2:
            kernels.add(dy, dy, dx)
        else:
            kernels.copied(dy, dx)
        return dx


class NumpyDoubles(Doubles):
    """The same, which stays Python."""

    def forward(self, x):
        self.keep(x, 2 if self.training else 1)
        return x * np.float32(2 if self.training else 1)


class Unmoved(tn.LeakyReLU):
    """y = x in both."""

    def __init__(self):
        super().__init__(1)


class Frozen(tn.Module):
    """Its own ``train`` keeps it in evaluation, as one writes it in PyTorch."""

    def __init__(self):
        self.inner = Doubles()

    def train(self, mode=True):
        return super().train(False)

    def forward(self, x):
        return self.inner(x)


def network(layer=Doubles):
    return tn.Sequential(tn.Linear(6, 5, rng=0), layer(), tn.Linear(5, 3, rng=1), tn.LogSoftmax())


def modes(net):
    return [module.training for _, module in net.named_modules()]


class TestSetting:
    def test_a_new_network_is_in_the_mode_to_learn_in(self):
        assert modes(network()) == [True] * 5

    def test_eval_and_train_reach_all_layers_and_return_the_network(self):
        net = tn.Sequential(tn.Sequential(Doubles()), Doubles())
        net.holds = [{"a": Doubles()}, (tn.ReLU(),)]
        assert net.eval() is net and modes(net) == [False] * 6
        assert net.train() is net and modes(net) == [True] * 6
        assert net.train(False) is net and modes(net) == [False] * 6
        assert net.train(True) is net and modes(net) == [True] * 6

    def test_the_attribute_sets_one_module_alone(self):
        net = network()
        net.training = False
        assert modes(net) == [False, True, True, True, True]
        net[1].training = False
        assert modes(net) == [False, True, False, True, True]
        net.train()
        assert modes(net) == [True] * 5

    def test_nothing_is_noted_in_a_network_that_learns_so_that_it_is_as_ever(self):
        net = network()
        before = [{*vars(module)} for _, module in net.named_modules()]
        net.eval().train()
        assert [{*vars(module)} for _, module in net.named_modules()] == before

    @pytest.mark.parametrize("wrong", [None, 1, "eval", np.ones(2)])
    def test_what_is_no_bool_is_refused_as_in_pytorch(self, wrong):
        with pytest.raises(ValueError, match=r"^Sequential: training mode is .* True or False$"):
            network().train(wrong)
        with pytest.raises(ValueError):
            torch.nn.ReLU().train(wrong)

    def test_a_layer_s_own_train_is_called(self):
        net = tn.Sequential(Frozen(), Doubles()).train()
        assert modes(net) == [True, False, False, True]

    def test_a_layer_that_holds_its_network_is_no_endless_walk(self):
        net = network()
        net[1].above = net
        assert modes(net.eval()) == [False] * 5
        assert modes(net.train()) == [True] * 5

    def test_copies_and_pickles_have_it(self):
        net = network()
        net[1].eval()
        for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net)), copy.copy(net)):
            assert modes(twin) == [True, True, False, True, True]

    def test_a_pickle_of_a_class_that_had_an_attribute_of_that_name(self):
        layer = Doubles()
        layer.__setstate__({"training": False})
        assert not layer.training and vars(layer) == {"_training": False}

    def test_files_do_not_have_it(self, tmp_path):
        net = tn.Sequential(tn.Linear(6, 3, rng=0)).eval()
        tn.save(net, tmp_path / "net")
        assert tn.load(tmp_path / "net").training
        assert tn.load(tmp_path / "net", into=net) is net and not net.training

    def test_pytorch_s_networks_bring_and_get_it(self):
        net = tn.Sequential(tn.Linear(6, 3, rng=0), tn.Sequential(tn.ReLU(), tn.Softmax()))
        net[1][0].eval()
        net.training = False
        module = tn.to_torch(net)
        assert [m.training for m in module.modules()] == modes(net)
        assert modes(tn.from_torch(module)) == modes(net) == [False, True, True, False, True]


class TestReading:
    def test_forward_and_backward_go_by_it(self):
        layer = Doubles()
        dy = np.ones_like(X)
        assert np.array_equal(layer(X), 2 * X) and np.array_equal(layer.backward(dy), 2 * dy)
        layer.eval()
        assert np.array_equal(layer(X), X) and np.array_equal(layer.backward(dy), dy)

    def test_predict_and_evaluate_never_train_and_leave_it(self):
        net, once = network(), tn.Sequential(*network()).eval()
        expected = once(X)
        assert np.array_equal(net.predict(X), expected)
        assert not np.array_equal(net(X), expected)
        assert tn.evaluate(net, tn.NLLLoss(), X, Y) == tn.evaluate(once, tn.NLLLoss(), X, Y)
        assert modes(net) == [True] * 5 and modes(once) == [False] * 5

    def test_a_prediction_in_another_thread_does_not_touch_this_one(self):
        seen, waits, goes = [], threading.Event(), threading.Event()

        class Slow(Doubles):
            def forward(self, x):
                seen.append(self.training)
                if threading.current_thread() is not threading.main_thread():
                    waits.set()
                    goes.wait(10)
                    seen.append(self.training)
                return super().forward(x)

        layer = Slow()
        other = threading.Thread(target=layer.predict, args=(X,))
        other.start()
        assert waits.wait(10)
        assert np.array_equal(layer(X), 2 * X)
        goes.set()
        other.join()
        assert seen == [False, True, False]

    def test_a_trace_is_in_the_network_s_mode(self):
        net = network()
        for twin in (net, copy.deepcopy(net).eval()):
            trace = tn.trace(twin, tn.NLLLoss(), X, Y)
            assert np.array_equal(trace.output, copy.deepcopy(twin)(X))
            assert np.array_equal(trace.layers[1].dx, trace.layers[1].dy * (1 + twin.training))

    def test_the_gradient_check_is_in_it_too(self):
        assert tn.check_gradients(Doubles(), (5, 7)).passed
        assert tn.check_gradients(Doubles().eval(), (5, 7)).passed


def trained(net, compiled, **options):
    loader = tn.DataLoader(X, Y, batch_size=8, shuffle=True, rng=0)
    parts = tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.1)
    history = tn.fit(net, *parts, loader, (X, Y), 3, progress=False, compiled=compiled, **options)
    return vars(history), tn.fingerprint(net)


class TestFit:
    def test_it_learns_in_one_and_scores_in_the_other(self):
        seen = []

        class Watched(Doubles):
            def forward(self, x):
                seen.append((len(x), self.training))
                return super().forward(x)

        trained(network(Watched), False)
        assert {mode for rows, mode in seen if rows == 8} == {True}
        assert {mode for rows, mode in seen if rows == 64} == {False}

    def test_it_refuses_a_network_in_evaluation_and_takes_layers_that_are(self):
        with pytest.raises(ValueError, match=r"^fit: the network is in evaluation mode; call net"):
            trained(network().eval(), False)
        net = network()
        net[1].eval()
        assert trained(net, False) == trained(network(Unmoved), False)

    @pytest.mark.parametrize("frozen", [False, True])
    def test_compiled_steps_give_the_layers_bits_in_either_mode(self, frozen):
        nets = [network(), network(), network(NumpyDoubles)]
        for net in nets:
            net[1].training = not frozen
        results = [trained(net, compiled) for net, compiled in zip(nets, (True, False, None))]
        assert results[0] == results[1] == results[2]

    def test_steps_that_were_compiled_in_another_mode_are_left_to_the_layers(self):
        net = network()
        parts = net, tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.1)
        steps = CompiledSteps(*parts, record_layers(net), tn.DataLoader(X, Y, batch_size=8))
        order = np.arange(64)
        assert len(steps.take(order, 0, 1)[0]) == 1
        net[1].eval()
        assert len(steps.take(order, 1, 2)[0]) == 0
        net[1].train()
        assert len(steps.take(order, 1, 2)[0]) == 1

    @pytest.mark.parametrize("what", ["layer", "optimizer", "frozen"])
    def test_options_that_change_within_a_run_are_noticed(self, what):
        results = []
        for compiled in (False, True):
            net = network(lambda: tn.Dropout(0.2, rng=0))
            optimizer, calls = tn.SGD(net.parameters(), lr=0.1, momentum=0.5), []

            def score(outputs, y, net=net, optimizer=optimizer, calls=calls):
                calls.append(len(outputs))
                if calls.count(len(X)) == 2:  # the test set: before the run, and after an epoch
                    if what == "layer":
                        net[1].p = 0.9
                    elif what == "optimizer":
                        optimizer.momentum = 0.9
                    else:
                        net[0].requires_grad_(False)
                return 0.0

            loader = tn.DataLoader(X, Y, batch_size=8)
            history = tn.fit(
                *(net, tn.NLLLoss(), optimizer, loader, (X, Y), 4),
                progress=False,
                compiled=compiled,
                score=score,
            )
            results.append((history, net[0].W.data.tobytes()))
        assert results[0] == results[1]


class TestVerbs:
    def steps(self, net, compiles, layer_alone=False):
        """Losses, gradients and outputs of a loop that changes the mode."""
        loss_fn, optimizer = tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.1)
        if compiles:
            tn.compile(net, loss_fn, optimizer)
        found = []
        for training in (True, True, False, False, True, False, True):
            (net[1] if layer_alone else net).train(training)
            outputs = net(X)
            found += [outputs.tobytes(), net.predict(X).tobytes(), loss_fn(outputs, Y)]
            optimizer.zero_grad()
            net.backward(loss_fn.backward())
            found += [parameter.grad.tobytes() for parameter in net.parameters()]
            optimizer.step()
        return found

    @pytest.mark.filterwarnings("error")
    @pytest.mark.parametrize("layer_alone", [False, True])
    @pytest.mark.parametrize("layer", [Doubles, NumpyDoubles])
    def test_a_loop_that_changes_the_mode_gives_the_layers_bits(self, layer, layer_alone):
        one, other = (self.steps(network(layer), c, layer_alone) for c in (True, False))
        assert one == other
        assert one[0] != one[1]

    def test_each_mode_has_its_code_which_is_made_once(self):
        net = network()
        verbs = tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters()))
        verbs = net._compiled
        sources = []
        for training in (True, False, True, False):
            net.train(training)(X)
            sources.append(verbs.source)
            assert len(verbs.segments) == 1
        assert "add(y0, y0, y1)" in sources[0] and "add(" not in sources[1].partition("def ")[2]
        assert sources[:2] == sources[2:]
        segments = verbs.segments
        net.train()(X)
        net.eval()(X)
        assert verbs.segments is segments

    def test_backward_is_that_of_the_forward_before_it(self):
        gradients = []
        for compiles in (True, False):
            net = network()
            if compiles:
                tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters()))
            net(X)
            net.eval()
            net.backward(np.ones((64, 3), np.float32))
            gradients.append([parameter.grad.tobytes() for parameter in net.parameters()])
        assert gradients[0] == gradients[1]

    def test_a_layer_that_does_not_ask_is_compiled_once(self):
        net = network(tn.ReLU)
        tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters()))
        segments = net._compiled.segments
        net.eval()(X)
        assert net._compiled.segments is segments

    def test_a_loss_that_asks_is_recorded_in_its_mode(self):
        class Louder(tn.MSELoss):
            def forward(self, x, y):
                return super().forward(x + x if self.training else x, y)

        losses = []
        for compiles in (True, False):
            net, loss_fn = network(), tn.MSELoss()
            loss_fn.__class__ = Louder
            if compiles:
                tn.compile(net, loss_fn, tn.SGD(net.parameters()))
            goal = np.zeros((64, 3), np.float32)
            found = [loss_fn.train(mode)(X[:, :3], goal) for mode in (True, False, True)]
            losses.append(found)
        assert losses[0] == losses[1] and losses[0][0] == pytest.approx(4 * losses[0][1])


def test_the_layer_that_is_named_after_a_nan_is_found_in_the_step_s_mode():
    class Breaks(Doubles):
        def forward(self, x):
            return super().forward(x) * np.float32(np.nan if self.training else 1)

    with pytest.raises(FloatingPointError, match=r"not finite is 1, Breaks\(\)"):
        trained(network(Breaks), False)
