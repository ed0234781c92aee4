"""Parameters, networks of layers, and the backward pass that recorded calls give."""

import copy
import functools
import re
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from types import MappingProxyType

import numpy as np
import pytest
import torch
from strategies import LAYOUTS, assert_close_to_torch, fingerprint, same_bits

import tinynet as tn
from tinynet.support.calls import watching
from tinynet.support.held import named


class CourseNet(tn.Module):
    """The course's own class: layers as attributes, and nothing but a forward."""

    def __init__(self, rng, dtype=np.float32):
        self.fc1 = tn.Linear(12, 9, rng=rng, dtype=dtype)
        self.relu1 = tn.ReLU()
        self.fc2 = tn.Linear(9, 7, rng=rng, dtype=dtype)
        self.relu2 = tn.ReLU()
        self.fc3 = tn.Linear(7, 6, rng=rng, dtype=dtype)
        self.relu3 = tn.ReLU()
        self.fc4 = tn.Linear(6, 4, rng=rng, dtype=dtype)
        self.logsoftmax = tn.LogSoftmax()

    def forward(self, x):
        x = self.relu1(self.fc1(x))
        x = self.relu2(self.fc2(x))
        x = self.relu3(self.fc3(x))
        return self.logsoftmax(self.fc4(x))


def course_sequential(rng, dtype=np.float32):
    return tn.Sequential(*(layer for _, layer in CourseNet(rng, dtype).children()))


class Block(tn.Module):
    """A residual block: what the two layers compute is added to what came in."""

    def __init__(self, width, rng, dtype=np.float64):
        self.fc1 = tn.Linear(width, width, rng=rng, dtype=dtype)
        self.relu = tn.ReLU()
        self.fc2 = tn.Linear(width, width, rng=rng, dtype=dtype)
        self.add = tn.Add()

    def forward(self, x):
        return self.add(x, self.fc2(self.relu(self.fc1(x))))


class Chain(tn.Module):
    """Layers in a plain list, as PyTorch holds them in a ModuleList."""

    def __init__(self, *layers):
        self.blocks = list(layers)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


class Rule(tn.Module):
    """Three layers, and any forward that a test wants to try on them."""

    def __init__(self, rule):
        self.a = tn.Linear(3, 3, rng=1, dtype=np.float64)
        self.b = tn.Linear(3, 3, rng=2, dtype=np.float64)
        self.add = tn.Add()
        self.rule = rule

    def forward(self, *inputs):
        return self.rule(self, *inputs)


class TorchBlock(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.fc1 = torch.nn.Linear(width, width, dtype=torch.float64)
        self.fc2 = torch.nn.Linear(width, width, dtype=torch.float64)

    def forward(self, x):
        return x + self.fc2(torch.relu(self.fc1(x)))


class TorchChain(torch.nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.blocks = torch.nn.ModuleList(layers)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return x


def torch_linear(I, O, bias=True):
    return torch.nn.Linear(I, O, bias=bias, dtype=torch.float64)


def linear(I, O, bias=True):
    return tn.Linear(I, O, bias=bias, rng=0, dtype=np.float64)


def twins(name):
    """A tinynet network and the PyTorch network it should be, with other weights."""
    if name == "sequential":
        ours = tn.Sequential(linear(5, 4), tn.ReLU(), linear(4, 3, bias=False), tn.LogSoftmax())
        theirs = torch.nn.Sequential(
            torch_linear(5, 4),
            torch.nn.ReLU(),
            torch_linear(4, 3, bias=False),
            torch.nn.LogSoftmax(dim=-1),
        )
    elif name == "nested":
        ours = tn.Sequential(
            tn.Sequential(linear(5, 4), tn.ReLU()), Block(4, 3), tn.Sequential(linear(4, 3))
        )
        theirs = torch.nn.Sequential(
            torch.nn.Sequential(torch_linear(5, 4), torch.nn.ReLU()),
            TorchBlock(4),
            torch.nn.Sequential(torch_linear(4, 3)),
        )
    else:
        ours = Chain(linear(5, 4), Block(4, 3), tn.Sequential(tn.ReLU(), linear(4, 4)), Block(4, 5))
        theirs = TorchChain(
            torch_linear(5, 4),
            TorchBlock(4),
            torch.nn.Sequential(torch.nn.ReLU(), torch_linear(4, 4)),
            TorchBlock(4),
        )
    return ours, theirs


NETWORKS = ["sequential", "nested", "module list"]


def normal(*shape, seed=0, dtype=np.float64):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def assert_gradients_match(ours, theirs, *inputs):
    """Forward, input gradients and parameter gradients against PyTorch's autograd."""
    ours.load_state_dict(theirs.state_dict())
    ours.zero_grad()
    tensors = [torch.tensor(x, requires_grad=True) for x in inputs]
    y, torch_y = ours(*inputs), theirs(*tensors)
    dy = normal(*y.shape, seed=99)
    dx = ours.backward(dy)
    torch_y.backward(torch.from_numpy(dy))
    assert_close_to_torch(y, torch_y)
    for gradient, tensor in zip(dx if isinstance(dx, tuple) else (dx,), tensors, strict=True):
        assert_close_to_torch(gradient, tensor.grad)
    assert_parameter_gradients_match(ours, theirs)


def assert_parameter_gradients_match(ours, theirs):
    layouts = {name: layout for name, _, layout in named(ours, tn.Parameter, tn.Module)}
    torch_parameters = dict(theirs.named_parameters())
    assert [name for name, _ in ours.named_parameters()] == list(torch_parameters)
    for name, parameter in ours.named_parameters():
        assert_close_to_torch(layouts[name](parameter.grad), torch_parameters[name].grad)


class TestParameter:
    def test_copies_its_values_and_starts_with_zero_gradient(self):
        values = normal(3, 4)
        parameter = tn.Parameter(values)
        kept = values.copy()
        values[:] = 7
        assert same_bits(parameter.data, kept)
        assert same_bits(parameter.grad, np.zeros((3, 4)))
        assert repr(parameter) == "Parameter(3x4, float64)"

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_takes_an_array_in_any_layout(self, layout):
        values = normal(3, 4, dtype=np.float32)
        parameter = tn.Parameter(LAYOUTS[layout](values))
        assert same_bits(parameter.data, values)
        assert parameter.data.flags.c_contiguous
        parameter.data = LAYOUTS[layout](2 * values)
        parameter.grad = LAYOUTS[layout](3 * values)
        assert same_bits(parameter.data, 2 * values)
        assert same_bits(parameter.grad, 3 * values)

    @pytest.mark.parametrize(
        ("values", "named"),
        [
            ([1.0, 2.0], "list"),
            (np.arange(3), "int64"),
            (np.ones(3, np.float16), "float16"),
            (np.ones(3, bool), "bool"),
            (None, "NoneType"),
        ],
    )
    def test_refuses_anything_but_float_arrays(self, values, named):
        with pytest.raises(TypeError, match=named):
            tn.Parameter(values)

    @pytest.mark.parametrize("attribute", ["data", "grad"])
    def test_keeps_its_shape_and_dtype(self, attribute):
        parameter = tn.Parameter(normal(2, 3))
        before = parameter.data.copy(), parameter.grad.copy()
        with pytest.raises(ValueError, match=rf"{attribute}.*\(3, 2\), expected \(2, 3\)"):
            setattr(parameter, attribute, normal(3, 2))
        with pytest.raises(TypeError, match=rf"{attribute}.*float32, expected float64"):
            setattr(parameter, attribute, normal(2, 3, dtype=np.float32))
        assert same_bits(parameter.data, before[0])
        assert same_bits(parameter.grad, before[1])

    def test_backward_allocates_a_gradient_that_was_set_to_none(self):
        layer, x, dy = linear(4, 3), normal(5, 4), normal(5, 3, seed=1)
        layer(x)
        layer.backward(dy)
        expected = layer.W.grad.copy(), layer.b.grad.copy()
        layer.W.grad = layer.b.grad = None
        layer.zero_grad()
        assert layer.W.grad is None
        layer(x)
        layer.backward(dy)
        assert same_bits(layer.W.grad, expected[0])
        assert same_bits(layer.b.grad, expected[1])


class TestNames:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_keys_order_and_shapes_are_those_of_pytorch(self, name):
        ours, theirs = twins(name)
        torch_state = theirs.state_dict()
        state = ours.state_dict()
        assert list(state) == list(torch_state)
        assert [name for name, _ in ours.named_parameters()] == list(torch_state)
        for key, value in state.items():
            assert value.shape == tuple(torch_state[key].shape)
            assert value.flags.c_contiguous
        assert ours.parameters() == [parameter for _, parameter in ours.named_parameters()]

    @pytest.mark.parametrize("name", NETWORKS)
    def test_modules_are_named_as_in_pytorch(self, name):
        ours, theirs = twins(name)
        with_weights = {key.rpartition(".")[0] for key in theirs.state_dict()}
        names = dict(ours.named_modules())
        assert names[""] is ours
        assert with_weights <= set(names)

    def test_parameters_before_layers_in_order_of_construction(self):
        class Net(tn.Module):
            def __init__(self):
                self.last = linear(2, 2)
                self.scale = tn.Parameter(np.ones(2))
                self.first = linear(2, 2)

        assert list(Net().state_dict()) == [
            "scale",
            "last.weight",
            "last.bias",
            "first.weight",
            "first.bias",
        ]

    def test_one_layer_under_two_names_has_its_parameters_once(self):
        class Net(tn.Module):
            def __init__(self):
                self.fc = linear(2, 2)
                self.alias = self.fc

        class TorchNet(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.fc = torch_linear(2, 2)
                self.alias = self.fc

        ours, theirs = Net(), TorchNet()
        assert list(ours.state_dict()) == list(theirs.state_dict())
        assert [name for name, _ in ours.named_parameters()] == ["fc.weight", "fc.bias"]
        ours.load_state_dict(theirs.state_dict())
        assert_close_to_torch(ours.fc.W.data.T, theirs.fc.weight)

    def test_children_are_layers_in_attributes_lists_and_tuples(self):
        class Net(tn.Module):
            def __init__(self):
                self.one = tn.ReLU()
                self.rest = [tn.Softmax(), "not a layer"]
                self.pair = (tn.Add(),)
                self.number = 3

        net = Net()
        assert list(net.children()) == [
            ("one", net.one),
            ("rest.0", net.rest[0]),
            ("pair.0", net.pair[0]),
        ]


class Listed(tn.Module):
    """A layer of the reader's own, with its parameters in a list."""

    def __init__(self):
        self.p = [tn.Parameter(normal(5, 3)), tn.Parameter(normal(3))]

    def forward(self, x):
        self.keep(x)
        return x @ self.p[0].data + self.p[1].data

    def backward(self, dy):
        dy, x = self.kept(dy)
        self.p[0].accumulate(x.T @ dy)
        self.p[1].accumulate(dy.sum(axis=0))
        return dy @ self.p[0].data.T


class Box:
    """An object of another class than Module."""

    def __init__(self, value):
        self.value = value


class Slots(tn.Module):
    __slots__ = ("W",)


def set_attribute(**attributes):
    def hold(module):
        vars(module).update(attributes)
        return module

    return hold


PLACES = {
    "list": (lambda W, b: {"p": [W, b]}, ["p.0", "p.1"]),
    "tuple": (lambda W, b: {"p": (W, b)}, ["p.0", "p.1"]),
    "dict": (lambda W, b: {"p": {"W": W, "b": b}}, ["p.W", "p.b"]),
    "list in dict": (lambda W, b: {"p": {"x": [W], "y": [3, b]}}, ["p.x.0", "p.y.1"]),
    "dicts in lists": (lambda W, b: {"p": [[{"W": W}], ({"b": b},)]}, ["p.0.0.W", "p.1.0.b"]),
    "beside other things": (
        lambda W, b: {"p": {"a.b": 1, 3: "x", "W": W}, "q": {7}, "b": b, "f": lambda x: x},
        ["p.W", "b"],
    ),
}


class TestWhereParametersMayStand:
    @pytest.mark.parametrize("place", PLACES)
    def test_parameters_in_lists_tuples_and_dicts_are_found_trained_and_saved(self, place):
        hold, names = PLACES[place]
        W, b = tn.Parameter(normal(5, 3)), tn.Parameter(normal(3))
        layer = set_attribute(**hold(W, b))(tn.Module())
        assert list(layer.state_dict()) == names
        assert [name for name, _ in layer.named_parameters()] == names
        assert layer.parameters() == [W, b]
        W.accumulate(np.ones((5, 3)))
        layer.zero_grad()
        assert not W.grad.any()

    @pytest.mark.parametrize(
        ("hold", "names"),
        [
            (lambda a, b: {"heads": {"x": a, "y": b}}, ["heads.x", "heads.y"]),
            (lambda a, b: {"blocks": [[a], [b]]}, ["blocks.0.0", "blocks.1.0"]),
            (lambda a, b: {"blocks": ({"deep": (a,)}, b)}, ["blocks.0.deep.0", "blocks.1"]),
        ],
    )
    def test_layers_in_nested_lists_and_dicts_are_found_as_pytorch_names_them(self, hold, names):
        a, b = linear(4, 3), linear(3, 3)
        net = set_attribute(**hold(a, b))(tn.Module())
        assert list(net.children()) == list(zip(names, (a, b), strict=True))
        assert [name for name, _ in net.named_modules()] == ["", *names]
        assert list(net.state_dict()) == [f"{n}.{w}" for n in names for w in ("weight", "bias")]
        assert net.parameters() == [a.W, a.b, b.W, b.b]

    def test_a_dict_of_heads_learns_and_is_loaded_as_in_pytorch(self):
        class Heads(tn.Module):
            def __init__(self):
                self.stem, self.add = linear(5, 4), tn.Add()
                self.heads = {"x": linear(4, 3), "y": linear(4, 3)}

            def forward(self, x):
                h = self.stem(x)
                return self.add(self.heads["x"](h), self.heads["y"](h))

        class TorchHeads(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.stem = torch_linear(5, 4)
                self.heads = torch.nn.ModuleDict({n: torch_linear(4, 3) for n in ("x", "y")})

            def forward(self, x):
                h = self.stem(x)
                return self.heads["x"](h) + self.heads["y"](h)

        assert_gradients_match(Heads(), TorchHeads(), normal(6, 5))
        net = Heads()
        before = net.state_dict()
        optimizer = tn.SGD(net.parameters(), lr=0.1)
        net(normal(6, 5))
        net.backward(normal(6, 3))
        optimizer.step()
        assert not any(same_bits(value, before[name]) for name, value in net.state_dict().items())
        assert "heads.x" in str(net.summary((5,)))

    def test_summary_trace_and_save_see_parameters_in_lists(self, tmp_path):
        net = tn.Sequential(Listed(), tn.LogSoftmax())
        assert [part.parameters for part in net.summary((5,)).layers] == [18, 0]
        X, y = normal(4, 5), np.array([0, 1, 2, 0])
        assert list(tn.trace(net, tn.NLLLoss(), X, y).layers[0].parameters) == ["p.0", "p.1"]
        with pytest.warns(UserWarning, match="keep the code"):
            tn.save(net, tmp_path / "net.safetensors")
        other = tn.Sequential(Listed(), tn.LogSoftmax())
        other.layers[0].p[0].data += 1
        tn.load(tmp_path / "net.safetensors", into=other)
        assert same_bits(other.layers[0].p[0].data, net.layers[0].p[0].data)

    HIDDEN = {
        "set": (lambda p: {"p": {p}}, r"p is .*stands in a set"),
        "frozenset in a list": (lambda p: {"p": [frozenset([p])]}, r"p\[0\] is .*in a frozenset"),
        "deque": (lambda p: {"p": deque([p])}, r"p\S* .*stands in a deque"),
        "number as key": (lambda p: {"p": {0: p}}, r"p\[0\] is .*under the key 0"),
        "dot in a key": (lambda p: {"p": {"a.b": p}}, r"p\['a.b'\] is .*under the key 'a.b'"),
        "empty key": (lambda p: {"p": {"": p}}, r"p\S* .*stands under the key ''"),
        "key itself": (lambda p: {"p": {p: 1}}, r"p\S* .*stands in a dict as a key"),
        "read-only dict": (
            lambda p: {"p": MappingProxyType({"a": p})},
            r"p\S* .*stands in a mappingproxy",
        ),
        "object": (lambda p: {"p": Box(p)}, r"p.value is .*in an object of class Box, which is no"),
        "list in an object": (lambda p: {"p": [Box([0, p])]}, r"p\[0\].value\[1\] is"),
        "closure": (lambda p: {"p": lambda x: x @ p.data}, r"p \(p\) is .*function's closure"),
        "default": (lambda p: {"p": lambda x, w=p: x}, r"p\S* .*stands in a function's default"),
        "partial": (
            lambda p: {"p": functools.partial(max, p)},
            r"p\S* .*stands in a functools.partial",
        ),
        "array": (
            lambda p: {"p": np.fromiter([p, None], object)},
            r"p\S* .*stands in an array of objects",
        ),
    }

    def test_long_lists_and_chains_of_objects_are_no_burden(self):
        chain = None
        for _ in range(3000):
            chain = Box(chain)
        net = set_attribute(chain=chain, numbers=list(range(10**5)))(linear(3, 3))
        assert len(net.parameters()) == 2
        net.chain.value.value.value = tn.Parameter(normal(3))
        with pytest.raises(ValueError, match=r"chain.value.value.value is Parameter"):
            net.parameters()

    @pytest.mark.parametrize("place", HIDDEN)
    @pytest.mark.parametrize("kind", ["parameter", "layer", "network"])
    def test_anywhere_else_they_are_an_error_that_says_where_they_may_stand(self, place, kind):
        hold, words = self.HIDDEN[place]
        made = {"parameter": lambda: tn.Parameter(normal(3)), "layer": lambda: linear(3, 3)}
        what = made.get(kind, lambda: tn.Sequential(tn.ReLU(), linear(3, 3)))()
        inner = set_attribute(**hold(what))(tn.Module())
        outer = set_attribute(body=[inner])(tn.Module())
        for ask in ("parameters", "state_dict"):
            with pytest.raises(ValueError, match=rf"^Module: {words}.*list, a tuple, or a dict"):
                getattr(inner, ask)()
            with pytest.raises(ValueError, match=rf"^Module: body.0.{words}"):
                getattr(outer, ask)()

    @pytest.mark.parametrize("place", HIDDEN)
    def test_a_second_way_to_a_parameter_that_is_found_is_no_error(self, place):
        parameter, layer = tn.Parameter(normal(3)), linear(3, 3)
        net = set_attribute(own=parameter, layer=[layer])(tn.Module())
        hold, _ = self.HIDDEN[place]
        net.first, net.second = hold(parameter)["p"], hold(layer)["p"]
        assert net.parameters() == [parameter, layer.W, layer.b]

    def test_a_parameter_on_the_class_or_in_slots_is_an_error(self):
        class OnClass(tn.Module):
            W = tn.Parameter(normal(3))

        class Mended(OnClass):
            def __init__(self):
                self.W = tn.Parameter(normal(3))

        slots = Slots()
        slots.W = tn.Parameter(normal(3))
        for module, why in ((OnClass(), "on the class"), (slots, "in __slots__")):
            with pytest.raises(ValueError, match=rf"W is Parameter.*stands {why}.*in __init__"):
                module.parameters()
        assert list(Mended().state_dict()) == ["W"]

    def test_functions_and_layers_without_parameters_may_stand_anywhere(self):
        relu = tn.ReLU()
        net = Rule(lambda net, x: relu(net.a(x)))
        net.helper = Box(tn.ReLU())
        assert len(net.parameters()) == 4

    def test_layers_without_parameters_are_not_lost_in_sets(self):
        with pytest.raises(ValueError, match=r"is ReLU\(\).*in a set"):
            set_attribute(layers={tn.ReLU()})(tn.Module()).parameters()

    def test_shared_parameters_and_layers_count_once(self):
        layer = linear(3, 3)
        net = set_attribute(p=[layer.W, layer.W], layers={"a": layer, "b": [layer]})(tn.Module())
        assert net.parameters() == [layer.W, layer.b]
        assert list(net.state_dict())[:3] == ["p.0", "p.1", "layers.a.weight"]

    def test_a_layer_may_hold_its_network_and_a_list_itself(self):
        net = Chain(linear(3, 3), linear(3, 3))
        for block in net.blocks:
            block.parent = [net]
        net.blocks.append(net.blocks)
        net.me = net
        names = ["blocks.0.weight", "blocks.0.bias", "blocks.1.weight", "blocks.1.bias"]
        assert list(net.state_dict()) == names
        assert len(net.parameters()) == 4
        net.blocks.pop()
        x, dy = normal(4, 3), normal(4, 3, seed=1)
        net(x)
        flat = Chain(linear(3, 3), linear(3, 3))
        flat(x)
        assert same_bits(net.backward(dy), flat.backward(dy))
        assert len(list(tn.trace(net, tn.CrossEntropyLoss(), x, np.arange(4) % 3).layers)) == 2

    def test_two_parameters_of_one_name_are_an_error(self):
        class Twice(tn.Linear):
            def __init__(self):
                super().__init__(3, 3, rng=0)
                self.weight = tn.Parameter(normal(3))

        with pytest.raises(ValueError, match="Twice: two parameters have the name weight; rename"):
            Twice().state_dict()

    def test_what_forward_kept_is_not_searched(self):
        net = Block(3, 0)
        net(normal(4, 3))
        assert len(net.parameters()) == 4
        layer = linear(3, 3)
        layer.keep({linear(3, 3)})
        assert len(layer.parameters()) == 2


class TestStateDict:
    @pytest.mark.parametrize("name", NETWORKS)
    def test_pytorch_weights_give_pytorch_outputs_and_gradients(self, name):
        ours, theirs = twins(name)
        assert_gradients_match(ours, theirs, normal(6, 5))

    @pytest.mark.parametrize("name", NETWORKS)
    def test_pytorch_loads_it_too(self, name):
        ours, theirs = twins(name)
        theirs.load_state_dict({key: torch.from_numpy(v) for key, v in ours.state_dict().items()})
        x = normal(6, 5)
        assert_close_to_torch(ours.predict(x), theirs(torch.from_numpy(x)))

    def test_is_a_copy_both_ways(self):
        net = course_sequential(0)
        state = net.state_dict()
        before = {key: value.copy() for key, value in state.items()}
        state["0.weight"][:] = 7
        assert same_bits(net.state_dict()["0.weight"], before["0.weight"])
        net.load_state_dict(state)
        state["0.weight"][:] = 8
        assert (net.state_dict()["0.weight"] == 7).all()
        net.load_state_dict(before)
        for layer in net.layers:
            for parameter in layer.parameters():
                parameter.data += 1
        assert all(same_bits(value, before[key]) for key, value in before.items())
        assert not same_bits(net.state_dict()["0.weight"], before["0.weight"])

    def test_loading_keeps_the_arrays_that_an_optimizer_may_hold(self):
        layer, other = linear(3, 2), tn.Linear(3, 2, rng=9, dtype=np.float64)
        data = layer.W.data
        layer.load_state_dict(other.state_dict())
        assert layer.W.data is data
        assert same_bits(data, other.W.data)

    @pytest.mark.parametrize("layout", LAYOUTS)
    def test_takes_arrays_in_any_layout(self, layout):
        net, other = CourseNet(0), CourseNet(1)
        net.load_state_dict({key: LAYOUTS[layout](v) for key, v in other.state_dict().items()})
        for key, value in other.state_dict().items():
            assert same_bits(net.state_dict()[key], value)

    def test_two_layers_can_swap_their_weights(self):
        net = tn.Sequential(tn.Linear(3, 3, rng=1), tn.Linear(3, 3, rng=2))
        before = net.state_dict()
        first, second = net.layers
        net.load_state_dict(
            {
                "0.weight": second.W.data.T,
                "0.bias": second.b.data,
                "1.weight": first.W.data.T,
                "1.bias": first.b.data,
            }
        )
        after = net.state_dict()
        for name in ("weight", "bias"):
            assert same_bits(after[f"0.{name}"], before[f"1.{name}"])
            assert same_bits(after[f"1.{name}"], before[f"0.{name}"])

    def test_lists_all_problems_at_once_and_changes_nothing(self):
        net = CourseNet(0)
        before = fingerprint(net)
        state = CourseNet(1).state_dict()
        state["fc1.weight"] = state["fc1.weight"].T
        state["fc1.bias"] = state["fc1.bias"].astype(np.float64)
        del state["fc2.weight"]
        state["fc5.weight"] = np.zeros((2, 2), np.float32)
        state["fc3.weight"][0, 1] = np.nan
        state["fc3.bias"][0] = -np.inf
        state["fc4.weight"] = [[1.0], [2.0, 3.0]]
        state["fc4.bias"] = torch.zeros(4, requires_grad=True)
        with pytest.raises(ValueError) as caught:
            net.load_state_dict(state)
        message = str(caught.value)
        for problem in (
            "fc1.weight has shape (12, 9), expected (9, 12)",
            "fc1.bias is float64, expected float32",
            "missing fc2.weight",
            "unknown fc5.weight",
            "fc3.weight holds NaN or inf",
            "fc3.bias holds NaN or inf",
            "fc4.weight is no array",
            "fc4.bias is no array",
        ):
            assert problem in message
        assert "fc2.bias" not in message
        assert "\n" not in message
        assert fingerprint(net) == before

    @pytest.mark.parametrize(
        "damage",
        [
            lambda state: state.pop("fc4.bias"),
            lambda state: state.update(extra=np.zeros(1, np.float32)),
            lambda state: state.update({"fc4.bias": np.zeros((4, 1), np.float32)}),
            lambda state: state.update({"fc4.bias": np.zeros(4)}),
            lambda state: state.update({"fc4.bias": np.array([1, 2, np.nan, 4], np.float32)}),
            lambda state: state.update({"fc4.bias": None}),
            lambda state: state.update({"fc4.bias": np.array(list("abcd"))}),
        ],
    )
    def test_one_problem_is_enough_to_change_nothing(self, damage):
        net = CourseNet(0)
        before = fingerprint(net)
        state = CourseNet(1).state_dict()
        damage(state)
        with pytest.raises(ValueError, match=r"CourseNet.load_state_dict.*nothing was changed"):
            net.load_state_dict(state)
        assert fingerprint(net) == before

    def test_something_that_is_no_mapping(self):
        net = CourseNet(0)
        with pytest.raises(TypeError, match=r"got list, expected a mapping"):
            net.load_state_dict(list(net.state_dict().items()))


class TestSequential:
    def test_runs_forward_in_order_and_backward_in_reverse(self):
        layers = [linear(5, 4), tn.ReLU(), linear(4, 3), tn.LogSoftmax()]
        x, dy = normal(6, 5), normal(6, 3, seed=1)
        expected = x
        for layer in layers:
            expected = layer(expected)
        dx = dy
        for layer in reversed(layers):
            dx = layer.backward(dx)
        gradients = [p.grad.copy() for layer in layers for p in layer.parameters()]
        net = tn.Sequential(*layers)
        net.zero_grad()
        assert same_bits(net(x), expected)
        assert same_bits(net.backward(dy), dx)
        for parameter, gradient in zip(net.parameters(), gradients, strict=True):
            assert same_bits(parameter.grad, gradient)

    def test_nested_equals_flat_bit_for_bit(self):
        flat = course_sequential(0)
        copies = copy.deepcopy(flat).layers
        nested = tn.Sequential(tn.Sequential(*copies[:3]), copies[3], tn.Sequential(*copies[4:]))
        x, dy = normal(5, 12, dtype=np.float32), normal(5, 4, seed=1, dtype=np.float32)
        assert same_bits(flat(x), nested(x))
        assert same_bits(flat.backward(dy), nested.backward(dy))
        for ours, theirs in zip(flat.parameters(), nested.parameters(), strict=True):
            assert same_bits(ours.grad, theirs.grad)

    def test_has_index_length_and_iteration(self):
        layers = [linear(5, 4), tn.ReLU(), linear(4, 3), tn.LogSoftmax()]
        net = tn.Sequential(*layers)
        assert len(net) == 4 and bool(net)
        assert all(a is b for a, b in zip(net, layers, strict=True))
        assert net[0] is layers[0] and net[-1] is layers[-1] and net[np.int64(2)] is layers[2]
        assert layers[1] in net and linear(5, 4) not in net
        x = normal(6, 5)
        for part, whole in ((net[:2], layers[:2]), (net[2:], layers[2:]), (net[::2], layers[::2])):
            assert type(part) is tn.Sequential and part.layers == whole
        assert same_bits(net[2:](net[:2](x)), net(x))
        assert net[:3].parameters() == net.parameters()

        class Net(tn.Sequential):
            def __init__(self):
                super().__init__(*layers)

        assert type(Net()[:2]) is tn.Sequential

    @pytest.mark.parametrize(
        ("index", "error", "words"),
        [
            (4, IndexError, "there is no layer 4; it has 4, 0 to 3"),
            (-5, IndexError, "there is no layer -5"),
            ("0", TypeError, "'0' is no index; give an int or a slice"),
            (1.0, TypeError, "1.0 is no index"),
            (slice(4, None), ValueError, "no layer is in slice(4, None, None) of its 4"),
        ],
    )
    def test_an_index_that_is_none(self, index, error, words):
        net = tn.Sequential(linear(5, 4), tn.ReLU(), linear(4, 3), tn.LogSoftmax())
        with pytest.raises(error, match=re.escape(words)):
            net[index]

    @pytest.mark.parametrize(
        ("wrap", "advice"),
        [
            (list, "Sequential(*layers)"),
            (tuple, "Sequential(*layers)"),
            (iter, "Sequential(*layers)"),
            (lambda layers: dict(zip("ab", layers, strict=True)), "Sequential(*layers.values())"),
        ],
    )
    def test_layers_that_must_be_unpacked(self, wrap, advice):
        with pytest.raises(TypeError, match=re.escape(f"unpack it with a star, as in {advice}")):
            tn.Sequential(wrap([linear(5, 4), tn.ReLU()]))

    @pytest.mark.parametrize("wrong", [[], [3], "layers", np.ones(2), 5, None])
    def test_no_advice_that_would_not_help(self, wrong):
        with pytest.raises(TypeError, match=r"not a Module$"):
            tn.Sequential(wrong)

    def test_shows_its_layers(self):
        net = tn.Sequential(
            tn.Linear(5, 4, rng=0), tn.Sequential(tn.ReLU(), linear(4, 3, bias=False))
        )
        assert repr(net) == (
            "Sequential(Linear(5, 4), "
            "Sequential(ReLU(), Linear(4, 3, bias=False, dtype=np.float64)))"
        )

    @pytest.mark.parametrize(
        "build",
        [
            lambda layer: tn.Sequential(layer, tn.ReLU(), layer),
            lambda layer: tn.Sequential(layer, layer),
            lambda layer: tn.Sequential(tn.Sequential(layer), tn.Sequential(layer)),
            lambda layer: tn.Sequential(layer, tn.Sequential(tn.ReLU(), Chain(layer))),
            lambda layer: tn.Sequential(Chain(layer), layer),
        ],
        ids=["apart", "next", "in two Sequentials", "outside and deep within", "within, then out"],
    )
    def test_the_same_layer_twice_is_an_error(self, build):
        message = r"Linear\(3, 3, dtype=np.float64\) stands in it twice.*make a second one"
        with pytest.raises(RuntimeError, match=message):
            build(linear(3, 3))

    @pytest.mark.parametrize(
        ("layers", "error", "message"),
        [
            ((), ValueError, "no layers"),
            ((tn.ReLU,), TypeError, r"layer 0 is .*ReLU.*call it to make a layer"),
            ((tn.ReLU(), "relu"), TypeError, r"layer 1 is 'relu', not a Module"),
            (([tn.ReLU()],), TypeError, r"layer 0 is \[ReLU\(\)\], not a Module"),
            ((tn.ReLU(), None), TypeError, "layer 1 is None"),
        ],
    )
    def test_refuses_what_is_no_layer(self, layers, error, message):
        with pytest.raises(error, match=message):
            tn.Sequential(*layers)

    def test_a_subclass_with_its_own_forward_has_that_forward_s_gradient(self):
        class WithHead(tn.Sequential):
            def __init__(self, *layers):
                super().__init__(*layers)
                self.head = linear(3, 3)

            def forward(self, x):
                return self.head(super().forward(x))

        class TorchWithHead(torch.nn.Sequential):
            def __init__(self, *layers):
                super().__init__(*layers)
                self.head = torch_linear(3, 3)

            def forward(self, x):
                return self.head(self[1](self[0](x)))

        ours = WithHead(linear(5, 3), tn.ReLU())
        theirs = TorchWithHead(torch_linear(5, 3), torch.nn.ReLU())
        assert_gradients_match(ours, theirs, normal(4, 5))


class TestForwardAndBackward:
    NETS = [
        lambda: linear(3, 3),
        lambda: tn.Sequential(linear(3, 3), tn.ReLU()),
        lambda: Chain(linear(3, 3), tn.ReLU()),
        lambda: Block(3, 0),
    ]

    @pytest.mark.parametrize("build", NETS)
    def test_backward_needs_a_forward_of_its_own(self, build):
        net, x, dy = build(), normal(4, 3), normal(4, 3, seed=1)
        before = fingerprint(net)
        with pytest.raises(RuntimeError, match=r"forward kept nothing.*call the layer on an input"):
            net.backward(dy)
        assert fingerprint(net) == before
        net(x)
        net.backward(dy)
        before = fingerprint(net)
        with pytest.raises(RuntimeError, match=r"forward kept nothing"):
            net.backward(dy)
        assert fingerprint(net) == before

    def test_the_error_names_the_layer(self):
        with pytest.raises(RuntimeError, match=r"^LogSoftmax\(\)\.backward"):
            tn.Sequential(linear(3, 3), tn.LogSoftmax()).backward(normal(4, 3))
        with pytest.raises(RuntimeError, match=r"^Chain\(\)\.backward"):
            Chain(linear(3, 3)).backward(normal(4, 3))

    @pytest.mark.parametrize("build", NETS)
    def test_the_latest_forward_counts(self, build):
        net, x, dy = build(), normal(4, 3), normal(4, 3, seed=1)
        net(x)
        dx = net.backward(dy)
        gradients = [parameter.grad.copy() for parameter in net.parameters()]
        net.zero_grad()
        net(normal(4, 3, seed=2))
        net(x)
        assert same_bits(net.backward(dy), dx)
        for parameter, gradient in zip(net.parameters(), gradients, strict=True):
            assert same_bits(parameter.grad, gradient)

    @pytest.mark.parametrize("build", NETS)
    def test_gradients_accumulate(self, build):
        net, x, dy = build(), normal(4, 3), normal(4, 3, seed=1)
        net(x)
        net.backward(dy)
        once = [parameter.grad.copy() for parameter in net.parameters()]
        net(x)
        net.backward(dy)
        for parameter, gradient in zip(net.parameters(), once, strict=True):
            assert same_bits(parameter.grad, 2 * gradient)
        net.zero_grad()
        assert all(same_bits(p.grad, np.zeros_like(p.data)) for p in net.parameters())

    @pytest.mark.parametrize("build", NETS)
    def test_a_wrong_dy_is_refused_and_can_be_mended(self, build):
        net, x, dy = build(), normal(4, 3), normal(4, 3, seed=1)
        net(x)
        before = fingerprint(net)
        with pytest.raises(ValueError, match=r"dy has shape \(3, 4\), expected \(4, 3\)"):
            net.backward(dy.T.copy())
        with pytest.raises(TypeError, match="float32, expected float64"):
            net.backward(dy.astype(np.float32))
        with pytest.raises(TypeError, match="float"):
            net.backward(1.0)
        assert fingerprint(net) == before
        net.backward(dy)

    @pytest.mark.parametrize("build", NETS)
    def test_predict_computes_the_same_and_keeps_nothing(self, build):
        net, x, dy = build(), normal(4, 3), normal(4, 3, seed=1)
        expected = net(x)
        dx = net.backward(dy)
        before = fingerprint(net)
        assert same_bits(net.predict(x), expected)
        assert fingerprint(net) == before
        with pytest.raises(RuntimeError, match="forward kept nothing"):
            net.backward(dy)
        net(x)
        net.predict(normal(7, 3, seed=2))
        assert same_bits(net.backward(dy), dx)

    @pytest.mark.parametrize("build", NETS)
    def test_inputs_and_upstream_stay_as_they_were(self, build):
        net, x, dy = build(), normal(4, 3), normal(4, 3, seed=1)
        x.flags.writeable = dy.flags.writeable = False
        x_before, dy_before = x.copy(), dy.copy()
        y = net(x)
        dx = net.backward(dy)
        assert same_bits(x, x_before)
        assert same_bits(dy, dy_before)
        assert not np.shares_memory(y, x)
        assert not np.shares_memory(dx, dy)
        assert y.flags.writeable

    def test_a_module_without_forward(self):
        with pytest.raises(NotImplementedError, match="Module must define forward"):
            tn.Module()(normal(2, 2))


class TestComposed:
    def train(self, net, dtype, steps=6):
        """A few steps by hand; every loss and input gradient, and the weights at the end."""
        rng = np.random.default_rng(5)
        loss_fn = tn.NLLLoss()
        optimizer = tn.SGD(net.parameters(), lr=0.1, momentum=0.9)
        results = []
        for _ in range(steps):
            x, labels = rng.standard_normal((7, 12)).astype(dtype), rng.integers(0, 4, 7)
            results.append(np.float64(loss_fn(net(x), labels)))
            optimizer.zero_grad()
            results.append(net.backward(loss_fn.backward()))
            optimizer.step()
        return results + [parameter.data for parameter in net.parameters()]

    @pytest.mark.parametrize("dtype", [np.float32, np.float64])
    @pytest.mark.parametrize(
        "compose",
        [
            lambda net: net,
            lambda net: Chain(*(layer for _, layer in net.children())),
            lambda net: tn.Sequential(net),
            lambda net: Chain(net),
            lambda net: Chain(
                tn.Sequential(Chain(net.fc1, net.relu1)), *list(vars(net).values())[2:]
            ),
        ],
        ids=["class", "list", "class in Sequential", "class in class", "three deep"],
    )
    def test_trains_exactly_as_the_sequential_does(self, compose, dtype):
        expected = self.train(course_sequential(3, dtype), dtype)
        for ours, theirs in zip(
            self.train(compose(CourseNet(3, dtype)), dtype), expected, strict=True
        ):
            assert same_bits(ours, theirs)

    def test_a_residual_block_is_right(self):
        assert_gradients_match(Block(5, 0), TorchBlock(5), normal(6, 5))

    def test_residual_blocks_in_a_row_are_right(self):
        ours = tn.Sequential(Block(5, 0), Block(5, 1), linear(5, 2))
        theirs = torch.nn.Sequential(TorchBlock(5), TorchBlock(5), torch_linear(5, 2))
        assert_gradients_match(ours, theirs, normal(6, 5))

    def test_an_array_that_goes_three_ways(self):
        class Fan(tn.Module):
            def __init__(self):
                self.stem = linear(5, 4)
                self.left, self.right = linear(4, 4), linear(4, 4)
                self.add1, self.add2 = tn.Add(), tn.Add()

            def forward(self, x):
                h = self.stem(x)
                return self.add2(self.add1(self.left(h), self.right(h)), h)

        class TorchFan(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.stem = torch_linear(5, 4)
                self.left, self.right = torch_linear(4, 4), torch_linear(4, 4)

            def forward(self, x):
                h = self.stem(x)
                return self.left(h) + self.right(h) + h

        assert_gradients_match(Fan(), TorchFan(), normal(6, 5))

    def test_one_array_twice_into_one_layer(self):
        net, dy = Rule(lambda net, x: net.b(net.add(*[net.a(x)] * 2))), normal(4, 3, seed=1)
        twice, x = Rule(lambda net, x: net.b(net.a(x))), normal(4, 3)
        net(x)
        dx = net.backward(dy)
        twice.a.W.data *= 2
        twice.a.b.data *= 2
        twice(x)
        assert same_bits(dx, twice.backward(dy))

    def test_two_inputs_get_two_gradients(self):
        class TorchRule(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.a, self.b = torch_linear(3, 3), torch_linear(3, 3)

            def forward(self, x, z):
                return self.a(x) + self.b(z) + x

        ours = Rule(lambda net, x, z: net.add(tn.Add()(net.a(x), net.b(z)), x))
        assert_gradients_match(ours, TorchRule(), normal(4, 3), normal(4, 3, seed=1))

    def test_the_same_array_as_both_inputs(self):
        net = Rule(lambda net, x, z: net.add(net.a(x), net.b(z)))
        x, dy = normal(4, 3), normal(4, 3, seed=1)
        net(x, x.copy())
        expected = net.backward(dy)
        net(x, x)
        dx = net.backward(dy)
        assert same_bits(dx[0], expected[0])
        assert same_bits(dx[1], expected[1])
        assert not same_bits(dx[0], dx[1])

    def test_blocks_within_blocks_are_right(self):
        ours = Chain(Chain(Block(4, 0), Chain(linear(4, 4))), tn.Sequential(Chain(Block(4, 1))))
        theirs = TorchChain(
            TorchChain(TorchBlock(4), TorchChain(torch_linear(4, 4))),
            torch.nn.Sequential(TorchChain(TorchBlock(4))),
        )
        assert_gradients_match(ours, theirs, normal(6, 4))

    def test_a_backward_written_by_hand_is_used(self):
        class Doubled(tn.Module):
            def __init__(self):
                self.inner = linear(3, 3)

            def forward(self, x):
                return 2 * self.inner(x)

            def backward(self, dy):
                return self.inner.backward(2 * dy)

        class TorchDoubled(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner = torch_linear(3, 3)

            def forward(self, x):
                return 2 * self.inner(x)

        assert_gradients_match(Doubled(), TorchDoubled(), normal(4, 3))
        assert_gradients_match(
            Chain(Doubled(), Doubled()), TorchChain(TorchDoubled(), TorchDoubled()), normal(4, 3)
        )

    def test_which_way_it_goes_may_differ_from_call_to_call(self):
        net = Rule(lambda net, x: net.a(x) if x[0, 0] > 0 else net.b(x))
        x, dy = normal(4, 3), normal(4, 3, seed=1)
        x[0, 0] = 1
        net(x)
        assert same_bits(net.backward(dy), (net.a(x), net.a.backward(dy))[1])
        x[0, 0] = -1
        net(x)
        assert same_bits(net.backward(dy), (net.b(x), net.b.backward(dy))[1])


class Echo(tn.Module):
    """A layer that hands out its input object."""

    def forward(self, x):
        return x

    def backward(self, dy):
        return dy


class Pair(tn.Module):
    def __init__(self, shared):
        self.left, self.right = tn.Sequential(shared), tn.Sequential(shared)

    def forward(self, x):
        return self.right(self.left(x))


def doubled_in_place(net, x):
    h = net.a(x)
    h *= 2
    return net.b(h)


def first_set_to_zero(net, x):
    h = net.a(x)
    h[0] = 0
    return net.b(h)


ARITHMETIC = r"no backward\. Make it a layer \(tn.Add adds two arrays\), or write backward by hand"
NO_LAYER = rf"Linear\(3, 3, .*is called on an array that no layer returned; .*{ARITHMETIC}"
NO_OUTPUT = rf"its result is not the output of a layer; .*{ARITHMETIC}"
IN_PLACE = rf"changes an array in place, which backward cannot see; .*{ARITHMETIC}"


class TestWhatARecordCannotExpress:
    @pytest.mark.parametrize(
        ("rule", "message"),
        [
            (lambda net, x: net.b(net.a(x) + 1), NO_LAYER),
            (lambda net, x: net.b(net.a(x) * net.a.W.data[0, 0]), NO_LAYER),
            (lambda net, x: net.b(np.tanh(net.a(x))), NO_LAYER),
            (lambda net, x: net.a(x - 1), NO_LAYER),
            (lambda net, x: net.b(net.a(x).copy()), NO_LAYER),
            (lambda net, x: net.b(net.a(x)[:]), NO_LAYER),
            (lambda net, x: net.b(net.a(x)[::-1]), NO_LAYER),
            (lambda net, x: net.b(net.a(x)[:2]), NO_LAYER),
            (lambda net, x: net.b(net.a(x).T), NO_LAYER),
            (lambda net, x: net.b(net.a(x).view()), NO_LAYER),
            (lambda net, x: net.b(np.ones((4, 3))), NO_LAYER),
            (lambda net, x: net.a(x) * 2, NO_OUTPUT),
            (lambda net, x: net.a(x) + x, NO_OUTPUT),
            (lambda net, x: net.a(x)[0], NO_OUTPUT),
            (lambda net, x: x, NO_OUTPUT),
            (lambda net, x: (net.a(x), net.b(x)), NO_OUTPUT),
            (lambda net, x: None, NO_OUTPUT),
            (doubled_in_place, IN_PLACE),
            (first_set_to_zero, IN_PLACE),
            (lambda net, x: np.maximum(h := net.a(x), 0, out=h), IN_PLACE),
            (lambda net, x: np.add(x, 1, out=x), IN_PLACE),
            (lambda net, x: net.a(x).sort(), IN_PLACE),
            (lambda net, x: (net.a(x), net.b(x))[1], r"output of Linear\(3.* is not used"),
            (lambda net, x: [h := net.a(x), net.b(h), h][2], r"output of Linear\(3.* is not used"),
            (lambda net, x: net.a(net.a(x)), r"Linear\(3.*is called twice; make a second layer"),
            (lambda net, x: net.add(net.a(x), net.a(x)), r"called twice"),
            (lambda net, x: tn.Sequential(net.a)(net.a(x)), r"Linear\(3.*is called twice"),
            (lambda net, x: net.b(Echo()(net.a(x))), r"Echo\(\) returns its input object"),
            (lambda net, x: net.a(Echo()(x)), r"Echo\(\) returns its input object"),
        ],
    )
    def test_is_an_error_that_says_what_to_do(self, rule, message):
        net, x = Rule(rule), normal(4, 3)
        before = x.copy()
        with pytest.raises(RuntimeError, match=rf"^Rule\(\)\.forward.*{message}"):
            net(x)
        assert same_bits(x, before)
        self.assert_nothing_lingers(net, x)

    def assert_nothing_lingers(self, net, x):
        """After an error the layers, and the same network with a right forward, work as ever."""
        net.rule = lambda net, x: net.b(net.a(x))
        flat = tn.Sequential(copy.deepcopy(net.a), copy.deepcopy(net.b))
        assert same_bits(net(x), flat(x))
        assert same_bits(net.backward(x), flat.backward(x))

    def test_an_input_that_is_not_used(self):
        net = Rule(lambda net, x, z: net.a(x))
        with pytest.raises(RuntimeError, match=r"input 1 is not used; leave it out, or use it"):
            net(normal(4, 3), normal(4, 3))

    def test_one_layer_in_two_networks_of_one_pass(self):
        with pytest.raises(RuntimeError, match=r"Pair\(\)\.forward: Linear\(3.*is called twice"):
            Pair(linear(3, 3))(normal(4, 3))

    def test_the_inner_network_is_the_one_named(self):
        outer = Chain(linear(3, 3), Rule(lambda net, x: net.a(x) + 1))
        with pytest.raises(RuntimeError, match=r"^Rule\(\)\.forward: its result"):
            outer(normal(4, 3))

    def test_predict_needs_no_record(self):
        net = Rule(lambda net, x: net.a(x) * 2)
        x = normal(4, 3)
        assert same_bits(net.predict(x), 2 * net.a.predict(x))

    @pytest.mark.parametrize("x", [[[1.0, 2.0, 3.0]], 3, None, "x"])
    def test_an_input_that_is_no_array(self, x):
        with pytest.raises(TypeError, match=rf"Chain.*input 0 is {type(x).__name__}, expected an"):
            Chain(linear(3, 3))(x)

    def test_an_output_that_is_no_array(self):
        class Total(tn.Module):
            def forward(self, x):
                return float(x.sum())

            def backward(self, dy):
                return dy

        net = Rule(lambda net, x: Total()(net.a(x)))
        with pytest.raises(TypeError, match=r"the output of Total.*is float, expected an array"):
            net(normal(4, 3))

    def test_an_ordinary_error_of_a_layer_passes_through(self):
        with pytest.raises(ValueError, match=r"Linear\(4, 4, .*has 3 features, expected 4"):
            Chain(linear(3, 3), linear(4, 4))(normal(2, 3))
        with pytest.raises(TypeError, match=r"Linear.*uint8.*float64"):
            Chain(linear(3, 3))(np.ones((2, 3), np.uint8))


class TestThreads:
    @pytest.mark.parametrize(
        "build",
        [lambda: course_sequential(0), lambda: CourseNet(0)],
        ids=["Sequential", "composed"],
    )
    def test_eight_predict_on_one_model_while_a_copy_learns(self, build):
        net, rounds = build(), 15
        xs = [normal(n + 1, 12, seed=n, dtype=np.float32) for n in range(8)]
        expected = [net.predict(x) for x in xs]
        before = fingerprint(net)
        start = threading.Barrier(9)

        def predict(x):
            start.wait()
            return [net.predict(x) for _ in range(rounds)]

        def learn(twin):
            start.wait()
            return TestComposed().train(twin, np.float32, steps=rounds)

        alone = TestComposed().train(copy.deepcopy(net), np.float32, steps=rounds)
        with ThreadPoolExecutor(9) as threads:
            learned = threads.submit(learn, copy.deepcopy(net))
            predicted = list(threads.map(predict, xs))
        for results, y in zip(predicted, expected, strict=True):
            assert all(same_bits(result, y) for result in results)
        for ours, theirs in zip(learned.result(), alone, strict=True):
            assert same_bits(ours, theirs)
        assert fingerprint(net) == before

    def test_a_prediction_under_way_does_not_reach_into_another_thread(self):
        entered, leave = threading.Event(), threading.Event()

        class Gate(tn.ReLU):
            def forward(self, x):
                entered.set()
                assert leave.wait(timeout=60)
                return super().forward(x)

        x, dy = normal(4, 3), normal(4, 3, seed=1)
        net = Chain(linear(3, 3))
        net(x)
        expected = net.backward(dy)
        with ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(Gate().predict, x)
            assert entered.wait(timeout=60)
            net(x)
            dx = net.backward(dy)
            leave.set()
            waiting.result()
        assert same_bits(dx, expected)


class TestWatching:
    def test_it_ends_with_its_block_also_by_an_error(self):
        layer, x = tn.ReLU(), np.ones((2, 3), np.float32)
        with watching() as outer:
            layer(x)
            with pytest.raises(KeyError), watching() as inner:
                layer(x)
                raise KeyError
            y = layer(x)
        layer(x)
        assert (len(outer), len(inner)) == (2, 1)
        assert outer[1][0] is layer and outer[1][1] is y
