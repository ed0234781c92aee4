"""The table of a network, and the ways in which it is shown."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
from by_hand import network
from strategies import fingerprint
from test_training import Composed

import tinynet as tn


def rows_of(summary):
    return [(row.name, row.output_shape, row.parameters, row.nbytes) for row in summary.layers]


def test_the_main_lesson_s_network():
    sizes = (784, 64, 32, 32, 10)
    layers = [tn.Linear(i, o, rng=0) for i, o in pairwise(sizes)]
    net = tn.Sequential(*(part for layer in layers for part in (layer, tn.ReLU())))
    summary = net.summary()
    expected = []
    for k, (i, o) in enumerate(pairwise(sizes)):
        expected += [(str(2 * k), (o,), i * o + o, 4 * (i * o + o)), (str(2 * k + 1), (o,), 0, 0)]
    assert rows_of(summary) == expected
    assert summary.parameters == sum(p.data.size for p in net.parameters()) == 53_706
    assert summary.nbytes == 4 * 53_706
    assert summary.row_nbytes == 4 * 2 * sum(sizes[1:])
    lines = str(summary).splitlines()
    assert lines[1].split() == ["0", "Linear(784,", "64)", "(N,", "64)", "50,240", "201.0", "kB"]
    assert lines[-2:] == [
        "53,706 parameters, 214.8 kB, and as much for gradients",
        "outputs of all layers: 1.1 kB per row of a batch",
    ]
    assert len({len(line) for line in lines[:-2]}) == 1
    assert repr(summary) == str(summary)


def test_shapes_are_those_of_forward_at_any_depth():
    inner = tn.Sequential(tn.Linear(12, 5, bias=False, dtype=np.float64), tn.ReLU())
    net = tn.Sequential(inner, tn.Linear(5, 3, dtype=np.float64), tn.LogSoftmax())
    assert rows_of(net.summary()) == [
        ("0.0", (5,), 60, 480), ("0.1", (5,), 0, 0), ("1", (3,), 18, 144), ("2", (3,), 0, 0),
    ]  # fmt: skip
    y = net.predict(np.zeros((1, 12)))
    assert net.summary().layers[-1].output_shape == y.shape[1:]


def test_a_composed_network_in_the_order_of_its_calls():
    class Backwards(Composed):
        def __init__(self):
            super().__init__()
            self.scale = tn.Parameter(np.ones(4, np.float32))
            self.unused = tn.Linear(2, 2)

        def forward(self, x):
            return super().forward(x)

    names = [row[:3] for row in rows_of(Backwards().summary())]
    assert names == [
        ("fc1", (12,), 156), ("relu", (12,), 0), ("add", (12,), 0), ("fc2", (4,), 52),
        ("logsoftmax", (4,), 0), ("", (4,), 4), ("unused", None, 6),
    ]  # fmt: skip
    assert Backwards().summary().parameters == 218


def test_a_shared_parameter_is_counted_once():
    first, second = tn.Linear(4, 4, rng=0), tn.Linear(4, 4, rng=1)
    second.W = first.W
    summary = tn.Sequential(first, second).summary()
    assert [row.parameters for row in summary.layers] == [20, 4]
    assert summary.parameters == 24


def test_the_input_shape_can_be_given():
    class Flatten(tn.Module):
        def forward(self, x):
            return x.reshape(len(x), -1)

        def backward(self, dy):
            raise NotImplementedError

    net = tn.Sequential(Flatten(), tn.Linear(784, 3, rng=0))
    shapes = [row.output_shape for row in net.summary((28, 28)).layers]
    assert shapes == [(784,), (3,)]
    assert tn.ReLU().summary(7).layers[0].output_shape == (7,)
    with pytest.raises(ValueError, match="784"):
        net.summary((3, 3))
    for wrong in ((0,), (-1, 3), ("784",), (2.5,), True):
        with pytest.raises(ValueError, match=r"summary: input_shape = .*without N"):
            net.summary(wrong)


def test_where_no_shape_is_known_the_rest_is_shown():
    class TwoInputs(tn.Module):
        def __init__(self):
            self.fc = tn.Linear(3, 2, rng=0)
            self.add = tn.Add()

        def forward(self, a, b):
            return self.fc(self.add(a, b))

    for net, parameters in ((TwoInputs(), 8), (tn.ReLU(), 0), (tn.NLLLoss(), 0)):
        summary = net.summary()
        assert summary.parameters == parameters
        assert {row.output_shape for row in summary.layers} == {None}
        assert summary.row_nbytes is None
        assert str(summary).endswith("use net.summary(input_shape=...)")


def test_changes_nothing():
    for net in (network(), Composed()):
        x = np.random.default_rng(0).standard_normal((5, 12)).astype(np.float32)
        loss_fn = tn.NLLLoss()
        loss_fn(net(x), np.zeros(5, int))
        before, kept = fingerprint(net), [module._kept for _, module in net.named_modules()]
        net.summary()
        net._repr_html_()
        assert fingerprint(net) == before
        after = [module._kept for _, module in net.named_modules()]
        assert all(a is b for a, b in zip(kept, after, strict=True))
        net.backward(loss_fn.backward())  # of the forward before


def test_in_a_notebook():
    class Odd(tn.ReLU):
        def __repr__(self):
            return "<Odd & more>"

    net = tn.Sequential(tn.Linear(12, 3, rng=0), Odd())
    html = net._repr_html_()
    assert html == net.summary()._repr_html_()
    page = ElementTree.fromstring(f"<div>{html}</div>".replace("<br>", "<br/>"))
    cells = [[cell.text or "" for cell in row] for row in page.iter("tr")]
    text = [re.split("  +", line.strip()) for line in str(net.summary()).splitlines()[:-2]]
    assert [[cell for cell in row if cell] for row in cells] == text
    assert cells[2][1] == "<Odd & more>"
    assert tn.ReLU()._repr_html_() is None
    assert tn.NLLLoss()._repr_html_() is None


def test_repr_of_a_network_builds_one_like_it():
    net = tn.Sequential(
        tn.Sequential(tn.Linear(12, 9), tn.ReLU()),
        tn.Linear(9, 4, bias=False, dtype=np.float64),
        tn.Softmax(axis=0),
        tn.LogSoftmax(),
    )
    names = {name: getattr(tn, name) for name in ("Sequential", "Linear", "ReLU", "Softmax")}
    twin = eval(repr(net), {**names, "LogSoftmax": tn.LogSoftmax, "np": np})
    assert repr(twin) == repr(net)
    forms = [{n: (w.shape, w.dtype) for n, w in m.state_dict().items()} for m in (net, twin)]
    assert forms[0] == forms[1]
