"""trace: every number of a step is the number that the step really had, and nothing is touched."""

import pickle
import re

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from by_hand import network, rows, train_by_hand
from strategies import fingerprint, same_bits

import tinynet as tn
from tinynet.pages.xray import _labels
from tinynet.support.calls import watching


class Residual(tn.Module):
    """A network that is no chain: the input goes around the first layer."""

    def __init__(self, rng=0):
        generator = np.random.default_rng(rng)
        self.block = tn.Sequential(tn.Linear(12, 12, rng=generator), tn.ReLU())
        self.add = tn.Add()
        self.last = tn.Linear(12, 4, rng=generator)
        self.logsoftmax = tn.LogSoftmax()

    def forward(self, x):
        return self.logsoftmax(self.last(self.add(x, self.block(x))))


class Scaled(tn.Module):
    """A layer with a parameter of its own and a layer inside: traced as one."""

    def __init__(self):
        self.scale = tn.Parameter(np.array([2.0], np.float32))
        self.inner = tn.Linear(4, 4, rng=0)

    def forward(self, x):
        y = self.inner(x)
        self.keep(y)
        return y * self.scale.data

    def backward(self, dy):
        dy, y = self.kept(dy)
        self.scale.accumulate()[0] += (dy * y).sum()
        return self.inner.backward(dy * self.scale.data)


class Plain(tn.Module):
    """A layer without words."""

    def forward(self, x):
        self.keep(x)
        return x**2

    def backward(self, dy):
        dy, x = self.kept(dy)
        return 2 * x * dy


class Halved(tn.Module):
    """It computes something between its layers, and writes the gradient of that itself."""

    def __init__(self):
        self.last = tn.Linear(12, 4, rng=0)

    def forward(self, x):
        return self.last(x / 2)

    def backward(self, dy):
        return self.last.backward(dy) / 2


class Forgetful(tn.Module):
    """Its backward leaves out a layer."""

    def __init__(self):
        self.relu = tn.ReLU()
        self.logsoftmax = tn.LogSoftmax()

    def forward(self, x):
        return self.logsoftmax(self.relu(x))

    def backward(self, dy):
        return self.logsoftmax.backward(dy)


def numbers(line):
    return [float(number) for number in re.findall(r"-?\d+\.?\d*(?:e[-+]\d+)?", line)]


def lines_of(text, beginning):
    """The lines of an explanation that begin with this, behind the name of the section."""
    found = [line[10:] for line in text.splitlines() if line[10:].startswith(beginning)]
    assert found, text
    return found


class TestNumbers:
    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize("make", [network, Residual], ids=["chain", "residual"])
    def test_are_those_of_the_network_itself(self, make, dtype):
        net = make() if make is Residual else network(dtype=dtype)
        X, y = rows(7, dtype=np.float32 if make is Residual else dtype)
        loss_fn = tn.NLLLoss()
        traced = tn.trace(net, loss_fn, X, y)
        with watching() as calls:
            output = net(X)
        assert traced.loss == loss_fn(output, y)
        net.zero_grad()
        net.backward(loss_fn.backward())
        outputs = {id(layer): result for layer, result in calls}
        for part in traced.layers:
            assert same_bits(part.output, outputs[id(part.layer)])
            assert part.layer is dict(net.named_modules())[part.name]
            for name, parameter in part.parameters.items():
                assert same_bits(parameter.value, getattr(part.layer, name).data)
                assert same_bits(parameter.grad, getattr(part.layer, name).grad)
                assert parameter.update is None
        assert same_bits(traced.output, output)
        named = [name for part in traced.layers for name in part.parameters]
        assert len(named) == len(net.parameters())

    def test_of_one_layer_are_the_inputs_and_gradients_of_the_next(self):
        traced = tn.trace(network(), tn.NLLLoss(), *rows(7))
        assert [part.name for part in traced.layers] == ["0", "1", "2", "3"]
        assert [part.sources for part in traced.layers] == [(-1,), (0,), (1,), (2,)]
        assert same_bits(traced.layers[0].input, traced.X)
        for before, after in zip(traced.layers, traced.layers[1:], strict=False):
            assert same_bits(after.input, before.output)
            assert same_bits(after.dx, before.dy)
        first = traced.layers[0]
        np.testing.assert_allclose(
            first.parameters["W"].grad, first.input.T @ first.dy, rtol=1e-4, atol=1e-7
        )
        np.testing.assert_allclose(
            first.dx, first.dy @ first.parameters["W"].value.T, rtol=1e-4, atol=1e-7
        )

    def test_of_a_residual_network_know_where_they_came_from(self):
        traced = tn.trace(Residual(), tn.NLLLoss(), *rows(5))
        names = [part.name for part in traced.layers]
        assert names == ["block.0", "block.1", "add", "last", "logsoftmax"]
        assert [part.sources for part in traced.layers] == [(-1,), (0,), (-1, 1), (2,), (3,)]
        add = traced.layers[2]
        assert same_bits(add.input[0], traced.X) and same_bits(
            add.input[1], traced.layers[1].output
        )
        assert same_bits(add.dx[0], add.dy) and same_bits(add.dx[1], add.dy)

    def test_of_a_layer_with_parameters_and_a_layer_inside_stand_under_one_name(self):
        net = tn.Sequential(Scaled(), tn.LogSoftmax())
        part = tn.trace(net, tn.NLLLoss(), *rows(5, features=4)).layers[0]
        assert set(part.parameters) == {"scale", "inner.W", "inner.b"}
        assert part.parameters["scale"].grad.any() and part.parameters["inner.W"].grad.any()
        assert part.name == "0"

    def test_of_what_is_computed_between_layers_come_from_nowhere(self, tmp_path):
        traced = tn.trace(Halved(), tn.CrossEntropyLoss(), *rows(5))
        assert traced.layers[0].sources == (None,)
        assert same_bits(traced.layers[0].input, traced.X / 2)
        text = traced.explain(0)
        assert "dx goes back to what the network computes between its layers" in text
        with pytest.raises(ValueError, match=r"layer 'last', Linear\(12, 4\), gets an array that"):
            traced.to_html(tmp_path / "page.html")

    def test_of_class_probabilities_and_of_a_single_layer(self):
        X, y = rows(5)
        q = np.eye(4, dtype=np.float32)[y]
        net = tn.Linear(12, 4, rng=0)
        by_labels = tn.trace(net, tn.CrossEntropyLoss(), X, y)
        by_rows = tn.trace(net, tn.CrossEntropyLoss(), X, q)
        assert by_labels.loss == pytest.approx(by_rows.loss, rel=1e-6)
        assert [part.name for part in by_rows.layers] == [""]

    def test_that_are_not_finite_are_shown_as_they_are(self):
        net = network()
        net.layers[0].W.data[0, 0] = np.inf
        X, y = rows(5)
        X[:, 0] = 1
        with np.errstate(invalid="ignore"):
            traced = tn.trace(net, tn.NLLLoss(), X, y)
            assert not np.isfinite(traced.layers[0].output).all()
            assert "inf" in str(traced) or "nan" in str(traced)


class TestSteps:
    @pytest.mark.parametrize(
        "optimizer",
        [
            lambda parameters: tn.SGD(parameters, lr=0.1, momentum=0.9),
            lambda parameters: tn.Adam(parameters, lr=0.01),
        ],
        ids=["SGD", "Adam"],
    )
    def test_are_those_of_a_loop_by_hand(self, optimizer):
        X, y = rows(9)
        net, by_hand = network(), network()
        given, other = optimizer(net.parameters()), optimizer(by_hand.parameters())
        loader = [(X, y)]
        train_by_hand(net, tn.NLLLoss(), given, loader, epochs=3)  # a memory to start from
        train_by_hand(by_hand, tn.NLLLoss(), other, loader, epochs=3)
        traced = tn.trace(net, tn.NLLLoss(), X, y, given, steps=4)
        assert traced.steps[0] is traced and len(traced.steps) == 4
        for step in traced.steps:
            for part in step.layers:
                layer = dict(by_hand.named_modules())[part.name]
                for name, parameter in part.parameters.items():
                    assert same_bits(parameter.value, getattr(layer, name).data)
            history = train_by_hand(by_hand, tn.NLLLoss(), other, loader)
            assert step.loss == history.train_loss[0]
            for part in step.layers:
                layer = dict(by_hand.named_modules())[part.name]
                for name, parameter in part.parameters.items():
                    assert same_bits(parameter.grad, getattr(layer, name).grad)
                    moved = getattr(layer, name).data - parameter.value
                    assert same_bits(parameter.update, moved)
                    assert moved.any()

    def test_end_with_fewer_steps_to_come(self):
        net = network()
        traced = tn.trace(net, tn.NLLLoss(), *rows(9), tn.SGD(net.parameters(), lr=0.1), steps=3)
        assert [len(step.steps) for step in traced.steps] == [3, 2, 1]

    def test_of_parameters_that_the_optimizer_does_not_hold_have_an_update_of_zeros(self):
        net = network()
        optimizer = tn.SGD(net.layers[0].parameters(), lr=0.1)
        traced = tn.trace(net, tn.NLLLoss(), *rows(9), optimizer)
        assert traced.layers[0].parameters["W"].update.any()
        assert not traced.layers[2].parameters["W"].update.any()


class TestNothingIsTouched:
    def everything(self, net, loss_fn, optimizer, X, y):
        return fingerprint(net, loss_fn), pickle.dumps((optimizer.state, X, y)), net._compiled

    def test_in_network_loss_optimizer_and_data(self):
        X, y = rows(9)
        net, loss_fn = network(), tn.NLLLoss()
        optimizer = tn.Adam(net.parameters(), lr=0.01)
        train_by_hand(net, loss_fn, optimizer, [(X, y)], epochs=2)
        tn.compile(net, loss_fn, optimizer)
        loss_fn(net(X), y)  # a backward is due
        before = self.everything(net, loss_fn, optimizer, X, y)
        with watching() as calls:
            tn.trace(net, loss_fn, X, y, optimizer, steps=3)
        assert calls == []
        assert self.everything(net, loss_fn, optimizer, X, y) == before
        net.backward(loss_fn.backward())

    def test_nor_later_by_training_on(self):
        X, y = rows(9)
        net = network()
        optimizer = tn.SGD(net.parameters(), lr=0.1)
        traced = tn.trace(net, tn.NLLLoss(), X, y, optimizer)
        before = pickle.dumps(
            [(p.output, p.dy, p.parameters["W"].value) for p in traced.layers[::2]]
        )
        train_by_hand(net, tn.NLLLoss(), optimizer, [(X, y)])
        X[...] = 0
        after = pickle.dumps(
            [(p.output, p.dy, p.parameters["W"].value) for p in traced.layers[::2]]
        )
        assert after == before and traced.X.any()


class TestTable:
    def test_has_a_row_for_each_layer_with_its_numbers(self):
        net = network()
        traced = tn.trace(net, tn.NLLLoss(), *rows(9), tn.SGD(net.parameters(), lr=0.5))
        head, *body, last = str(traced).splitlines()
        assert head.split() == [
            "layer",
            "output",
            "mean",
            "spread",
            "dead",
            "|dy|",
            "|dW|",
            "update/W",
        ]
        assert len(body) == 4 and last == f"loss {traced.loss:.6g}, NLLLoss() of 9 rows"
        first = traced.layers[0]
        both = np.concatenate([p.grad.ravel() for p in first.parameters.values()])
        values = np.concatenate([p.value.ravel() for p in first.parameters.values()])
        name, text, *cells = re.split(r"  +", body[0])
        assert (name, text, cells[0]) == ("0", "Linear(12, 9)", "9 x 9")
        wanted = [
            first.output.mean(), first.output.std(), np.linalg.norm(first.dy),
            np.linalg.norm(both), 0.5 * np.linalg.norm(both) / np.linalg.norm(values),
        ]  # fmt: skip
        np.testing.assert_allclose([float(cell) for cell in cells[1:]], wanted, rtol=0.06)
        assert repr(traced) == str(traced)

    def test_counts_dead_units(self):
        net = network()
        net.layers[0].b.data[:3] = -1e3  # never active
        traced = tn.trace(net, tn.NLLLoss(), *rows(9))
        never = (traced.layers[1].output <= 0).all(axis=0)
        assert never[:3].all() and traced.layers[1].dead == never.mean()
        assert f" {100 * never.mean():.0f} % " in str(traced).splitlines()[2]
        assert traced.layers[0].dead is None


@pytest.fixture(scope="module")
def traced():
    net = network()
    return tn.trace(net, tn.NLLLoss(), *rows(9), tn.SGD(net.parameters(), lr=0.5))


class TestExplain:
    @pytest.mark.parametrize("layer, sample, unit", [(0, 0, 3), (0, 8, 0), ("2", 4, 1)])
    def test_linear(self, traced, layer, sample, unit):
        text = traced.explain(layer, sample, unit, terms=3)
        part = traced.layer(layer)
        W, b, x, dy = part.parameters["W"], part.parameters["b"], part.input[sample], part.dy
        products = x * W.value[:, unit]
        order = np.argsort(-np.abs(products))[:3]
        terms = [line for line in text.splitlines() if "(input" in line]
        for i, line in zip(order, terms, strict=True):
            wanted = [x[i], W.value[i, unit], products[i], i]
            np.testing.assert_allclose(numbers(line), wanted, rtol=1e-4)
        (rest,) = lines_of(text, "the other")
        count, value = numbers(rest)
        assert count == len(x) - 3
        assert value == pytest.approx(np.delete(products, order).sum(), rel=1e-3, abs=1e-6)
        assert numbers(lines_of(text, "b =")[0]) == pytest.approx([b.value[unit]], rel=1e-4)
        assert numbers(lines_of(text, "y =")[-1]) == pytest.approx(
            [part.output[sample, unit]], rel=1e-4
        )
        summed = sum(numbers(line)[2] for line in terms) + value + b.value[unit]
        assert summed == pytest.approx(part.output[sample, unit], rel=1e-3)

        assert numbers(lines_of(text, "dy =")[0])[0] == pytest.approx(dy[sample, unit], rel=1e-4)
        for i, line in zip(order, lines_of(text, "dW["), strict=True):
            update = W.update[i, unit]
            wanted = [
                i, x[i], dy[sample, unit], x[i] * dy[sample, unit], W.grad[i, unit],
                update, W.value[i, unit], W.value[i, unit] + update,
            ]  # fmt: skip
            np.testing.assert_allclose(numbers(line), wanted, rtol=1e-4, atol=1e-9)
        (db,) = lines_of(text, "db =")
        assert numbers(db)[:2] == pytest.approx([dy[sample, unit], b.grad[unit]], rel=1e-4)
        for i, line in zip(order, lines_of(text, "dx["), strict=True):
            w = W.value[i, unit]
            wanted = [i, w, dy[sample, unit], w * dy[sample, unit], part.dx[sample, i]]
            np.testing.assert_allclose(numbers(line), wanted, rtol=1e-4, atol=1e-9)

    def test_relu_passes_or_blocks(self, traced):
        part = traced.layers[1]
        for wanted, verdict in ((True, "it passes: dx = dy"), (False, "it blocks: dx = 0")):
            sample, unit = np.argwhere((part.output > 0) == wanted)[0]
            text = traced.explain(1, sample, unit)
            assert verdict in text
            x, zero, y = numbers(lines_of(text, "y = max(x, 0)")[0].rsplit("= max", 1)[1])
            assert (x, zero) == (pytest.approx(part.input[sample, unit], rel=1e-4), 0)
            assert y == pytest.approx(part.output[sample, unit], rel=1e-4)
            assert numbers(lines_of(text, "dx =")[0]) == pytest.approx(
                [part.dx[sample, unit]], rel=1e-4
            )

    @pytest.mark.parametrize("unit", range(4))
    def test_log_softmax(self, traced, unit):
        part = traced.layers[3]
        text = traced.explain("3", 2, unit)
        p, dy = np.exp(part.output[2, unit]), part.dy[2]
        line = lines_of(text, "y = x")[0].split(".sum()) =")[1].replace(" - ", " ")
        x, y = part.input[2], part.output[2, unit]
        wanted = [x[unit], np.log(np.exp(x).sum()), y]
        np.testing.assert_allclose(numbers(line), wanted, rtol=1e-4)
        wanted = [dy[unit], p, dy.sum(), part.dx[2, unit]]
        line = lines_of(text, "dx =")[1].replace(" - ", " ")
        np.testing.assert_allclose(numbers(line), wanted, rtol=1e-4, atol=1e-9)

    def test_softmax(self):
        net = network(last=tn.Softmax)
        traced = tn.trace(net, tn.NLLLoss(), *rows(9))
        part = traced.layers[3]
        text = traced.explain(3, 1, 2)
        y, dy = part.output[1], part.dy[1]
        line = lines_of(text, "dx =")[1].replace(" - ", " ")
        wanted = [y[2], dy[2], (dy * y).sum(), part.dx[1, 2]]
        np.testing.assert_allclose(numbers(line), wanted, rtol=1e-4)
        x, total, shown = numbers(lines_of(text, "y = exp")[0].split("sum() =")[1])
        np.testing.assert_allclose(
            [x, total, shown], [part.input[1, 2], np.exp(part.input[1]).sum(), y[2]], rtol=1e-4
        )

    def test_add_and_where_numbers_go(self):
        traced = tn.trace(Residual(), tn.NLLLoss(), *rows(5))
        text = traced.explain("add", 1, 2)
        a, b = (x[1, 2] for x in traced.layer("add").input)
        np.testing.assert_allclose(
            numbers(lines_of(text, "y =")[0].split("b =")[1]), [a, b, a + b], rtol=1e-4
        )
        assert "handed back by layer 'last', Linear(12, 4)" in text
        assert "goes back to the network's input and layer 'block.1', ReLU()" in text
        assert "handed back by the loss, NLLLoss()" in traced.explain("logsoftmax")

    def test_softmax_over_another_axis(self):
        """Its sums run over the batch: the terms are those of the unit's column."""
        net = tn.Sequential(tn.Linear(4, 4, rng=0), tn.Softmax(axis=0), tn.LogSoftmax(axis=0))
        traced = tn.trace(net, tn.NLLLoss(), *rows(5, features=4))
        softmax, log_softmax = traced.layers[1:]
        x, y, dy = softmax.input[:, 2], softmax.output[:, 2], softmax.dy[:, 2]
        text = traced.explain(1, 3, 2)
        shown = numbers(lines_of(text, "y = exp")[0].split("sum() =")[1])
        np.testing.assert_allclose(shown, [x[3], np.exp(x).sum(), y[3]], rtol=1e-4)
        shown = numbers(lines_of(text, "dx =")[1].replace(" - ", " "))
        wanted = [y[3], dy[3], (dy * y).sum(), softmax.dx[3, 2]]
        np.testing.assert_allclose(shown, wanted, rtol=1e-4, atol=1e-9)
        x, y, dy = log_softmax.input[:, 2], log_softmax.output[:, 2], log_softmax.dy[:, 2]
        text = traced.explain(2, 3, 2)
        shown = numbers(lines_of(text, "y = x")[0].split(".sum()) =")[1].replace(" - ", " "))
        np.testing.assert_allclose(shown, [x[3], np.log(np.exp(x).sum()), y[3]], rtol=1e-4)
        shown = numbers(lines_of(text, "dx =")[1].replace(" - ", " "))
        wanted = [dy[3], np.exp(y[3]), dy.sum(), log_softmax.dx[3, 2]]
        np.testing.assert_allclose(shown, wanted, rtol=1e-4, atol=1e-9)

    @pytest.mark.parametrize(
        "loss_fn",
        [tn.NLLLoss(weight=[1, 2, 0.5, 1]), tn.CrossEntropyLoss(), tn.NLLLoss()],
        ids=repr,
    )
    def test_a_loss_over_classes(self, loss_fn):
        last = tn.LogSoftmax if loss_fn.expects == "log-probabilities" else None
        traced = tn.trace(network(last=last), loss_fn, *rows(9))
        assert traced.layer("loss") is traced.at_loss
        assert loss_fn(traced.output, traced.y) == traced.loss
        gradient = loss_fn.backward()
        for sample in range(9):
            for unit in {traced.y[sample], 2}:
                text = traced.explain("loss", sample, unit)
                assert text.startswith(f"the loss, {loss_fn!r}, sample {sample}, output {unit}\n")
                (told,) = lines_of(text, "loss[n] =")
                alone = -tn.LogSoftmax().predict(traced.output)[sample, traced.y[sample]]
                counts = loss_fn.row_weights(traced.y, 4)
                assert numbers(told)[-1] == pytest.approx(counts[sample] * alone, rel=1e-4)
                *_, line, _ = lines_of(text, "d")
                assert numbers(line)[-1] == pytest.approx(gradient[sample, unit], rel=1e-4)
                (whole,) = lines_of(text, "loss = ")[-1:]
                assert numbers(whole) == [pytest.approx(traced.loss, rel=1e-4), 9]
                assert text.endswith(
                    f"goes back to layer {traced.layers[-1].name!r}, {traced.layers[-1].layer!r}"
                )

    @pytest.mark.parametrize("loss_fn", [tn.MSELoss(), tn.L1Loss()], ids=repr)
    def test_a_loss_over_numbers(self, loss_fn):
        y = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
        traced = tn.trace(network(last=None), loss_fn, rows(6)[0], y)
        text = traced.explain("loss", 5, 1)
        error = traced.output[5, 1] - y[5, 1]
        power = 2 if isinstance(loss_fn, tn.MSELoss) else 1
        (told,) = (
            line for line in lines_of(text, "") if f"{y[5, 1]:.5g}" in line and "dx" not in line
        )
        assert numbers(told)[-1] == pytest.approx(abs(error) ** power, rel=1e-4)
        assert numbers(lines_of(text, "dx =")[-1])[-1] == pytest.approx(
            2 * error / 24 if power == 2 else np.sign(error) / 24, rel=1e-4
        )

    @pytest.mark.parametrize("layer", [Scaled(), Plain()], ids=["own", "without parameters"])
    def test_a_layer_that_has_no_words_by_its_numbers(self, layer):
        net = tn.Sequential(layer, tn.LogSoftmax())
        traced = tn.trace(net, tn.NLLLoss(), *rows(5, features=4))
        part = traced.layers[0]
        text = traced.explain(0, 3, 2)
        assert f"by {type(layer).__name__}.forward" in text
        assert numbers(lines_of(text, "y =")[0])[0] == pytest.approx(part.output[3, 2], rel=1e-4)
        assert numbers(lines_of(text, "dx =")[0])[0] == pytest.approx(part.dx[3, 2], rel=1e-4)
        assert "a row of shape (4,) becomes one of (4,)" in text
        assert f"write them in class {type(layer).__name__}: equations = " in text
        for name, parameter in part.parameters.items():
            shown = numbers(lines_of(text, f"d{name},")[0])[-1]
            assert shown == pytest.approx(np.linalg.norm(parameter.grad), rel=1e-4)

    @pytest.mark.parametrize(
        "where, error, says",
        [
            ({"layer": 4}, IndexError, "no layer 4; there are 4"),
            ({"layer": "fc"}, KeyError, "no layer is named 'fc'"),
            ({"layer": 0, "sample": 9}, IndexError, r"sample = 9 is outside \[0, 9\)"),
            ({"layer": 0, "unit": -1}, IndexError, r"unit = -1 is outside \[0, 9\) of layer '0'"),
            (
                {"layer": "loss", "sample": -1},
                IndexError,
                r"outside \[0, 9\) of what NLLLoss\(\) gets",
            ),
            ({"layer": "loss", "unit": 4}, IndexError, r"unit = 4 is outside \[0, 4\) of what NLL"),
            ({"layer": 0, "terms": 0}, ValueError, "terms = 0, expected an int of at least 1"),
        ],
    )
    def test_refuses_what_is_not_there(self, traced, where, error, says):
        with pytest.raises(error, match=says):
            traced.explain(**where)


class TestFaults:
    @pytest.mark.parametrize(
        "change, error, says",
        [
            ({"loss_fn": tn.NLLLoss(reduction="none")}, ValueError, 'reduction="none"'),
            ({"steps": 2}, ValueError, "steps = 2 needs an optimizer"),
            ({"steps": 0}, ValueError, "steps = 0, expected an int of at least 1"),
            ({"optimizer": tn.SGD(network().parameters())}, ValueError, "no parameter of this"),
            ({"X": np.zeros((9, 11), np.float32)}, ValueError, "11 features, expected 12"),
            ({"X": np.zeros((9, 12), np.uint8)}, TypeError, "X has dtype uint8"),
            ({"X": np.zeros((0, 12), np.float32), "y": np.zeros(0, int)}, ValueError, "0 rows"),
            ({"y": np.full(9, 4)}, IndexError, r"labels\[0\] = 4 is outside"),
            ({"net": Forgetful()}, RuntimeError, r"layer relu, ReLU\(\), but the network's back"),
        ],
    )  # fmt: skip
    def test_are_named(self, change, error, says):
        X, y = rows(9)
        with pytest.raises(error, match=says):
            tn.trace(**{"net": network(), "loss_fn": tn.NLLLoss(), "X": X, "y": y} | change)


class TestPlot:
    def test_draws_every_layer_and_the_pictures_of_a_first_layer(self):
        net = tn.Sequential(tn.Linear(16, 9, rng=0), tn.ReLU(), tn.Linear(9, 4, rng=0))
        traced = tn.trace(net, tn.CrossEntropyLoss(), *rows(6, features=16))
        figure = traced.plot()
        W = traced.layers[0].parameters["W"]
        pictures = [ax for ax in figure.axes if ax.images]
        assert len(figure.axes) - len(pictures) == 2 * 3 and len(pictures) == 2 * 8
        for ax, below in zip(pictures[:8], pictures[8:], strict=True):
            unit = int(ax.get_title().removeprefix("unit "))
            assert same_bits(ax.images[0].get_array().data.ravel(), W.value[:, unit])
            assert same_bits(below.images[0].get_array().data.ravel(), W.grad[:, unit])
        relu = figure.axes[2]
        output = traced.layers[1].output
        assert sum(bar.get_height() for bar in relu.patches) == np.count_nonzero(output)
        assert relu.texts[0].get_text() == f"{100 * (output == 0).mean():.0f} % are 0"
        plt.close(figure)

    def test_draws_no_pictures_where_there_are_none(self):
        figure = tn.trace(network(), tn.NLLLoss(), *rows(6)).plot()
        assert len(figure.axes) == 2 * 4 and not any(ax.images for ax in figure.axes)
        plt.close(figure)


class SquaredError(tn.Module):
    """A loss of one's own, which is not over classes; it may weigh its rows."""

    def __init__(self, weights=None):
        self.weights = weights

    def forward(self, y, target):
        error = y - target.reshape(len(y), -1)
        weights = 1 if self.weights is None else self.weights[:, None]
        self.keep((2 * weights * error / error.size).astype(y.dtype))
        return float((weights * error**2).mean())

    def backward(self, dy=1.0):
        dy, gradient = self.kept(dy)
        return (dy * gradient).astype(gradient.dtype)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shape", [(6, 4), (6, 1), (6,), (6, 2, 2), (6, 4, 1)], ids=str)
def test_any_loss_and_any_target(shape, weighted, tmp_path):
    """Trace, table, chain rule, plot and page of a loss that is not over classes."""
    net, (X, _) = network(last=None), rows(6)
    rng = np.random.default_rng(0)
    y, weights = rng.normal(size=shape), rng.random(6) if weighted else None
    loss_fn = SquaredError(weights)
    optimizer = tn.SGD(net.parameters(), lr=0.1)
    traced = tn.trace(net, loss_fn, X, y, optimizer, steps=3)
    error = net.predict(X) - y.reshape(6, -1)
    expected = ((1 if weights is None else weights[:, None]) * error**2).mean()
    assert traced.loss == pytest.approx(expected)
    assert traced.steps[-1].loss < traced.loss
    assert str(traced).endswith(f"loss {traced.loss:.6g}, SquaredError() of 6 rows")
    assert "handed back by the loss, SquaredError()" in traced.explain(-1)
    told = traced.explain("loss", 5, 3)
    assert f"loss = {traced.loss:.5g}, of the batch of 6" in told and "(4,) becomes one num" in told
    gradient = 2 * (1 if weights is None else weights[5]) * error[5, 3] / error.size
    assert numbers(lines_of(told, "dy[5, 3] =")[0])[-1] == pytest.approx(gradient, rel=1e-4)
    assert 'write them in class SquaredError: equations = "loss = ..."' in told
    plt.close(traced.plot())
    traced.to_html(tmp_path / "page.html")
    assert (tmp_path / "page.html").stat().st_size > 10_000


def test_integer_targets_of_such_a_loss_are_no_classes():
    X, y = rows(6)
    targets = tn.trace(network(last=None), SquaredError(), X, 100 * y)
    assert _labels(targets) == [None] * 6
    y[2] = -1
    classes = tn.trace(network(), tn.NLLLoss(ignore_index=-1), X, y)
    assert _labels(classes) == [*y[:2], None, *y[3:]]
