"""A stranger's layers in files, PyTorch and ONNX: as ours, or an error that says what to write."""

import ast
import copy
import json
import pickle
import re
import struct
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import onnxruntime
import pytest
import torch
from strangers import Leaky, Normalised
from strategies import Array, normal, same_bits
from test_serialization import flips, fuzz

import tinynet as tn
from tinynet.formats import safetensors, serialization
from tinynet.formats.architecture import OURS

nn = torch.nn
LINE = r"\A[^\n]+\Z"  # a message is one line
BOTH = [Normalised, Leaky]


def network(seed: int = 0) -> tn.Sequential:
    rng = np.random.default_rng(seed)
    return tn.Sequential(
        tn.Linear(4, 5, rng=rng),
        Normalised(5, eps=1e-3, momentum=0.25),
        tn.Sequential(Leaky(0.2), tn.Linear(5, 3, rng=rng)),
        tn.LogSoftmax(),
    )


def rows(seed: int = 1) -> Array:
    return normal(np.random.default_rng(seed), 9, 4, dtype=np.float32)


def trained() -> tn.Sequential:
    """A network whose parameters and state have moved."""
    net, loss_fn, labels = network(), tn.NLLLoss(), np.arange(9) % 3
    optimizer = tn.SGD(net.parameters(), lr=0.5)
    for seed in range(3):
        loss_fn(net(rows(seed)), labels)
        net.zero_grad()
        net.backward(loss_fn.backward())
        optimizer.step()
    assert net[1].count == 3 and (net[1].mean != 0).all()
    return net


def saved(net: tn.Module, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tn.save(net, path)


def assert_same(ours: tn.Module, other: tn.Module) -> None:
    a, b = ours.state_dict(), other.state_dict()
    assert list(a) == list(b)
    assert all(same_bits(a[name], b[name]) for name in a)
    assert same_bits(ours.predict(rows()), other.predict(rows()))


# Files


def test_saved_and_loaded_as_ours(tmp_path: Path) -> None:
    net, path = trained(), tmp_path / "net"
    saved(net, path)
    loaded: Any = tn.load(path, layers=BOTH)
    assert_same(loaded, net)
    assert (loaded[1].eps, loaded[1].momentum, loaded[2][0].slope) == (1e-3, 0.25, 0.2)
    saved(loaded, tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()
    into = network(seed=5)
    assert tn.load(path, into=into) is into
    assert_same(into, net)
    loss_fn = tn.NLLLoss()  # it goes on learning, state and all
    for one in (net, loaded):
        loss_fn(one(rows()), np.arange(9) % 3)
        one.zero_grad()
        one.backward(loss_fn.backward())
        tn.SGD(one.parameters(), lr=0.1).step()
    assert_same(loaded, net)


def test_state_is_in_the_state_dict_under_pytorchs_names() -> None:
    net = trained()
    state = net.state_dict()
    names = ["1.running_mean", "1.running_var", "1.num_batches_tracked"]
    assert list(state)[-3:] == names
    assert len(net.parameters()) == 6
    state["1.running_mean"][...] = 7  # a copy
    assert (net[1].mean != 7).all()
    other = network()
    other.load_state_dict(net.state_dict())
    assert_same(other, net)
    assert other[1].mean is not net[1].mean
    bad = net.state_dict() | {"1.running_var": np.ones(4, np.float32)}
    before = tn.fingerprint(other)
    with pytest.raises(ValueError, match=r"1\.running_var has shape \(4,\), expected \(5,\)"):
        other.load_state_dict(bad)
    assert tn.fingerprint(other) == before


def test_fingerprints_copies_and_pickles_hold_the_state() -> None:
    net = trained()
    for same in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert_same(same, net)
        assert tn.fingerprint(same) == tn.fingerprint(net)
        same[1].mean[2] += 1
        assert tn.fingerprint(same) != tn.fingerprint(net)


def test_checkpoints_hold_the_state(tmp_path: Path) -> None:
    def run(epochs: int) -> tn.Sequential:
        net = network()
        loader = tn.DataLoader(rows(), np.arange(9) % 3, batch_size=3, shuffle=True, rng=0)
        optimizer = tn.SGD(net.parameters(), lr=0.1)
        path = tmp_path / "run"
        tn.fit(net, tn.NLLLoss(), optimizer, loader, epochs=epochs, checkpoint=path, progress=False)
        return net

    run(2)
    resumed = run(4)
    (tmp_path / "run").unlink()
    assert_same(resumed, run(4))


class Scaled(tn.Module):
    """Options of every plain kind."""

    def __init__(
        self, by: float = 1.0, shape: Any = (1, 2), name: str | None = None, flip: bool = False
    ) -> None:
        self.by, self.shape, self.name, self.flip = by, shape, name, flip

    def forward(self, x: Any) -> Any:
        return x * np.float32(self.by)


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({}, [1, 2]),
        ({"by": 0.1, "shape": [[1], [3.5, "a", None, True]], "name": "\u00fc\n"}, None),
        ({"by": np.float32(0.1), "shape": (3, np.int64(4)), "flip": np.True_}, [3, 4]),
        ({"by": 3, "shape": np.float64, "name": ""}, "float64"),
        ({"shape": np.dtype(np.float32)}, "float32"),
    ],
)
def test_options_are_plain_data(options: dict[str, Any], shape: Any, tmp_path: Path) -> None:
    layer, path = Scaled(**options), tmp_path / "net"
    saved(layer, path)
    loaded: Any = tn.load(path, layers=[Scaled])
    assert (loaded.by, loaded.name, loaded.flip) == (layer.by, layer.name, layer.flip)
    assert loaded.shape == (layer.shape if shape is None else shape)


class Turned(tn.Module):
    """Plain, without a constructor."""

    def forward(self, x: Any) -> Any:
        self.keep()
        return -x


class Deep(tn.Module):
    """A network of layers, by options; without `rng`, its weights are others each time."""

    def __init__(self, width: int, depth: int = 2, rng: Any = None) -> None:
        self.width, self.depth = width, depth
        self.blocks = [tn.Linear(width, width, rng=rng) for _ in range(depth)]
        self.end = Leaky()

    def forward(self, x: Any) -> Any:
        for block in self.blocks:
            x = block(x)
        return self.end(x)


def test_attributes_with_names_of_rows(tmp_path: Path) -> None:
    layer = Told([1, 2], buffers=4)
    saved(layer, tmp_path / "net")
    loaded: Any = tn.load(tmp_path / "net", layers=[Told])
    assert (loaded.sizes, loaded.buffers) == ([1, 2], 4)
    assert layer.state_dict() == {}


def test_networks_of_ones_own(tmp_path: Path) -> None:
    net, path = tn.Sequential(Turned(), Deep(4, depth=3)), tmp_path / "net"
    saved(net, path)
    assert_same(tn.load(path, layers=[Deep, Turned]), net)
    net[1].end = tn.ReLU()
    with pytest.warns(UserWarning, match="has other layers than its options make"):
        tn.save(net, path)
    with pytest.raises(tn.ModelFileError, match="but not how their network is built"):
        tn.load(path, layers=[Deep, Turned])


# What a file cannot hold is said by name, and the weights are saved


class Counting(tn.Module):
    def __init__(self) -> None:
        self.calls, self.seen = 0, np.zeros(2)

    def forward(self, x: Any) -> Any:
        self.calls += 1
        return x + 0


class Declared(Counting):
    buffers = ("seen",)
    unsaved = ("calls",)


class Hidden(tn.Module):
    def __init__(self, factor: float) -> None:
        self._f = factor

    def forward(self, x: Any) -> Any:
        return x * self._f


class Many(tn.Module):
    def __init__(self, *widths: int) -> None:
        self.widths = widths


class Sizes(tn.Module):
    """Its option has the name of a row, which is no value of it."""

    def __init__(self, sizes: int) -> None:
        self._size = sizes


class Told(tn.Module):
    """Options, and attributes with names of rows, that mean something else."""

    def __init__(self, sizes: Any, buffers: int = 1) -> None:
        self.sizes, self.buffers, self.options = sizes, buffers, {"a": 1}

    def forward(self, x: Any) -> Any:
        return x * self.buffers


class Odd(tn.Module):
    def __init__(self, f: Any) -> None:
        self.f = f


class Rounding(tn.Module):
    def __init__(self, by: float) -> None:
        self.by = by / 2


def called() -> tn.Module:
    layer = Counting()
    layer.predict(np.ones(1))
    return layer


def seen() -> tn.Module:
    layer = Counting()
    layer.seen[1] = 1
    return layer


def two_of_one_name() -> tn.Module:
    other = type("Leaky", (Leaky,), {})
    return tn.Sequential(Leaky(), other())


class ReLU(tn.ReLU):
    def forward(self, x: Any) -> Any:  # type: ignore[override]
        return 2 * super().forward(x)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (called, r"is a Counting whose calls is neither .* unsaved = \('calls',\)"),
        (seen, r"is a Counting whose seen is neither .* in buffers = \('seen',\)"),
        (lambda: tn.Sequential(tn.ReLU(), seen()), r"\(1 is a Counting whose seen"),
        (
            lambda: Hidden(2.0),
            r"option factor: keep it as an attribute of that name in __init__, or",
        ),
        (lambda: Many(1, 2), r"option \*widths: .* write options\(self\) in class Many"),
        (lambda: Sizes(3), "Sizes does not tell its option sizes"),
        (lambda: Odd(np.tanh), r"Odd: option f is <ufunc 'tanh'>, and a file holds finite numbers"),
        (lambda: Odd(np.nan), "Odd: option f is nan"),
        (lambda: Odd({"a": 1}), "Odd: option f is {'a': 1}"),
        (lambda: Odd([1, [np.inf]]), "Odd: option f is inf"),
        (lambda: Rounding(1.0), "Rounding does not keep its option by as it is given"),
        (two_of_one_name, "it has two classes Leaky; rename one"),
        (
            lambda: tn.Sequential(ReLU()),
            r"ReLU is a class with the name of tinynet's own ReLU; ren",
        ),
        (lambda: Scaled(shape=(5000, 5000)), r"more than 16777216 numbers.* sizes = \(\.\.\.\)"),
    ],
)
def test_what_a_file_cannot_hold(make: Callable[[], tn.Module], words: str, tmp_path: Path) -> None:
    net, path = make(), tmp_path / "net"
    with pytest.warns(UserWarning, match=LINE) as caught:
        tn.save(net, path)
    assert len(caught) == 1 and caught[0].filename == __file__
    message = str(caught[0].message)
    assert re.search(words, message), message
    assert "tn.load(path, into=net)" in message
    into = make()
    assert tn.load(path, into=into) is into


def test_the_advice_holds(tmp_path: Path) -> None:
    layer, path = Declared(), tmp_path / "net"
    layer.predict(np.ones(1))
    layer.seen[1] = 4
    saved(layer, path)
    loaded: Any = tn.load(path, layers=[Declared])
    assert loaded.seen.tolist() == [0, 4] and loaded.calls == 0


@pytest.mark.parametrize("value", [0.0, [1.0], None, np.array("a"), np.array([None])])
def test_a_buffer_is_an_array_of_numbers(value: Any, tmp_path: Path) -> None:
    layer = Declared()
    layer.seen = value
    for use in (layer.state_dict, lambda: tn.save(layer, tmp_path / "net")):
        with pytest.raises(
            TypeError, match=r"Declared: seen, one of its buffers, is .*self\.seen ="
        ):
            use()
    assert not list(tmp_path.iterdir())


def test_a_buffer_has_a_name_of_its_own() -> None:
    class Twice(Declared):
        torch_layout: ClassVar[Any] = {"seen": ("weight", np.asarray)}

    layer = Twice()
    layer.weight = tn.Parameter(np.ones(2))
    with pytest.raises(ValueError, match="the buffer weight has the name of something else"):
        layer.state_dict()


# Loading


def test_layers_that_load_refuses(tmp_path: Path) -> None:
    path = tmp_path / "net"
    saved(network(), path)
    for layers, error, words in (
        (Leaky, TypeError, r"layers is Leaky, expected a list of classes"),
        (5, TypeError, "layers is int, expected a list"),
        ("Leaky", TypeError, "layers is str, expected a list"),
        (
            [Leaky()],
            TypeError,
            r"layers holds Leaky\(\), expected classes .*; give its class, Leaky",
        ),
        ([int], TypeError, "expected classes of layers, each a tn.Module"),
        ([Leaky, Normalised, Leaky], ValueError, "two classes Leaky; give each name once"),
        ([tn.Linear], ValueError, "Linear, which is tinynet's own; leave it out"),
        ([ReLU], ValueError, r"test_strangers_files\.ReLU, a class with the name of .*; rename it"),
        ([Leaky], tn.ModelFileError, r"'Normalised' is not a .* with layers=\[Normalised\]"),
        ([], tn.ModelFileError, "'Normalised' is not a layer of tinynet's; hand its class over"),
    ):
        with pytest.raises(error, match=LINE) as caught:
            tn.load(path, layers=layers)
        assert re.search(words, str(caught.value)), caught.value
        if error is not tn.ModelFileError:
            with pytest.raises(error):
                tn.from_torch(nn.ReLU(), layers=layers)
    with pytest.raises(ValueError, match="into and layers are given"):
        tn.load(path, into=network(), layers=BOTH)
    assert_same(tn.load(path, layers=iter([*BOTH, Turned])), network())


class Careful(tn.Module):
    """Its constructor notes what it is called with."""

    calls: ClassVar[list[Any]] = []

    def __init__(self, size: int = 1, kind: str = "a") -> None:
        self.calls.append(size)
        if kind == "key":
            raise KeyError(kind)
        self.size, self.kind = size, kind


def written(path: Path, architecture: Any) -> Path:
    document = {"format": serialization.FORMAT, "architecture": architecture}
    path.write_bytes(safetensors.to_bytes({}, document))
    return path


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": {"a": 1}}, "Careful has an option of a wrong type: size"),
        ({"size": [{"layer": "ReLU"}]}, "Careful has an option of a wrong type: size"),
        ({"size": 2**24 + 1}, "its options may ask for more than 16777216 numbers"),
        ({"size": -(2**60)}, "its options may ask for more"),
        ({"size": [2**13, [2**13]]}, "its options may ask for more"),
        ({"size": 1e300}, "its options may ask for more"),
        ({"other": 1}, "Careful has an option of a wrong type or name, or lacks one: got an unexp"),
        ({"dtype": "(2,)f4"}, "is no data type of float32 or float64"),
        ({"size": 1}, "Careful lacks an option"),
        ({"size": 1, "kind": "key"}, "Careful: KeyError: 'key'"),
        ({"self": 1}, "of a wrong type or name"),
        ({"size": 1, "kind": "a", "layers": [2**30]}, "its options may ask for more"),
        ({"size": 1, "kind": "a", "layers": []}, "of a wrong type or name"),
    ],
)
def test_options_in_a_file_are_checked(options: Any, words: str, tmp_path: Path) -> None:
    path = written(tmp_path / "net", {"layer": "Careful"} | options)
    Careful.calls.clear()
    with pytest.raises(tn.ModelFileError, match=LINE) as caught:
        tn.load(path, layers=[Careful])
    assert words in str(caught.value)
    assert all(size == 1 for size in Careful.calls)


def test_many_small_sizes_are_one_large_one(tmp_path: Path) -> None:
    part = {"layer": "Careful", "size": 2**16, "kind": "a"}
    path = written(tmp_path / "net", {"layer": "Sequential", "layers": [part] * 257})
    with pytest.raises(tn.ModelFileError, match="may ask for more than 16777216 numbers"):
        tn.load(path, layers=[Careful])
    path = written(tmp_path / "net", {"layer": "Sequential", "layers": [part] * 9})
    assert len(tn.load(path, layers=[Careful])) == 9  # type: ignore[arg-type]


def test_a_class_that_says_its_sizes_is_held_to_them(tmp_path: Path) -> None:
    architecture = {"layer": "Normalised", "in_features": 3, "eps": 0.1, "momentum": 0.1}
    with pytest.raises(tn.ModelFileError, match="more weights than the file"):
        tn.load(written(tmp_path / "net", architecture), layers=[Normalised])

    class Seeded(Careful):
        sizes = ()

    layer = Seeded(2**40)
    saved(layer, tmp_path / "net")
    loaded: Any = tn.load(tmp_path / "net", layers=[Seeded])
    assert loaded.size == 2**40


def test_a_network_of_ours_is_written_as_ever(tmp_path: Path) -> None:
    net = tn.Sequential(tn.Linear(2, 1, rng=0), tn.ReLU(), tn.Softmax(1), tn.Add())
    saved(net, tmp_path / "net")
    content = (tmp_path / "net").read_bytes()
    header = json.loads(content[8 : 8 + struct.unpack("<Q", content[:8])[0]])
    assert header["__metadata__"]["tinynet"].startswith(
        '{"format": "tinynet model 1", "architecture": {"layer": "Sequential", "layers": ['
        '{"layer": "Linear", "in_features": 2, "out_features": 1, "bias": true, '
        '"dtype": "float32"}, {"layer": "ReLU"}, {"layer": "Softmax", "axis": 1}, '
        '{"layer": "Add"}]}, "sha256": "'
    )


def test_every_changed_byte_is_refused_or_harmless(tmp_path: Path) -> None:
    net, path = network(), tmp_path / "net"
    saved(net, path)
    content = path.read_bytes()

    def load() -> tn.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return tn.load(path, layers=BOTH)

    changes = flips(content, [1, 0x20])
    refused = fuzz(path, changes, load, lambda result: assert_same(result, net))
    assert refused > 0.95 * len(changes)


def test_no_file_in_formats_knows_a_layer_by_name() -> None:
    names, read = {*OURS} - {"Sequential"}, 0
    assert {"Linear", "ReLU", "Softmax"} <= names
    for path in (Path(tn.__file__).parent / "formats").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            used = [node.id] if isinstance(node, ast.Name) else []
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tinynet"):
                used = [alias.name for alias in node.names]
                read += 1
            if isinstance(node, ast.Compare):
                parts = [node.left, *node.comparators]
                used = [part.value for part in parts if isinstance(part, ast.Constant)]
            assert not names.intersection(one for one in used if isinstance(one, str)), path
    assert read > 20


# PyTorch


def torch_output(module: Any, x: Array) -> Array:
    with torch.no_grad():
        return module.eval()(torch.from_numpy(x)).numpy()


def test_to_pytorch_and_back() -> None:
    net = trained()
    torch.manual_seed(0)
    expected = torch.rand(2)
    torch.manual_seed(0)
    module: Any = tn.to_torch(net)
    assert torch.equal(torch.rand(2), expected)
    assert [type(one).__name__ for one in module] == [
        *("Linear", "SyncBatchNorm", "Sequential", "LogSoftmax")
    ]
    assert (module[1].eps, module[1].momentum, module[2][0].alpha) == (1e-3, 0.25, 0.2)
    assert module[1].num_batches_tracked == 3
    np.testing.assert_allclose(torch_output(module, rows()), net.predict(rows()), atol=1e-5)
    back: Any = tn.from_torch(module, layers=BOTH)
    assert_same(back, net)
    assert (back[1].eps, back[1].momentum, back[2][0].slope) == (1e-3, 0.25, 0.2)
    module[1].running_mean += 1
    back[1].mean -= 1
    assert_same(tn.from_torch(tn.to_torch(net), layers=BOTH), net)


class Theirs(nn.Module):
    """A module of the user's own, and its layer here, in float64."""

    def __init__(self, power: int) -> None:
        super().__init__()
        self.power, self.w = power, nn.Parameter(torch.ones(2, 3))

    def forward(self, x: Any) -> Any:
        return x**self.power @ self.w.T


class Power(tn.Module):
    torch_layer = Theirs
    torch_layout: ClassVar[Any] = {"W": ("w", np.transpose)}

    def __init__(self, power: int) -> None:
        self.power, self.W = power, tn.Parameter(np.ones((3, 2)))

    def forward(self, x: Any) -> Any:
        return x**self.power @ self.W.data


def test_a_module_of_ones_own() -> None:
    layer, x = Power(2), normal(np.random.default_rng(0), 5, 3)
    layer.W.data[...] = normal(np.random.default_rng(1), 3, 2)
    module = tn.to_torch(layer)
    assert type(module) is Theirs
    np.testing.assert_allclose(torch_output(module, x), layer.predict(x), atol=1e-12)
    back = tn.from_torch(module, layers=[Power])
    assert same_bits(back.predict(x), layer.predict(x))


def with_row(base: type[tn.Module] = Leaky, **row: Any) -> type[tn.Module]:
    return type("Mine", (base,), row)


@pytest.mark.parametrize(
    ("kind", "error", "words"),
    [
        (
            with_row(),
            TypeError,
            r"Mine, expected Sequential, .*, write torch_layer = \.\.\. in",
        ),
        (
            with_row(torch_layer="Leaky"),
            TypeError,
            "Mine has torch_layer = 'Leaky', expected a name",
        ),
        (with_row(torch_layer="functional"), TypeError, "expected a name in torch.nn or a class"),
        (with_row(torch_layer=int), TypeError, "torch_layer = <class 'int'>, expected a name"),
        (
            with_row(torch_layer="ELU", torch_options={}),
            TypeError,
            r"ELU does not take its options \(.*slope.*\); .* class Mine, in torch_options",
        ),
        (
            with_row(torch_layer="PReLU", torch_options={"slope": "init"}),
            ValueError,
            r"with no weights, and PyTorch's PReLU has weight \(1,\); .* in torch_layout",
        ),
    ],
)
def test_rows_that_pytorch_does_not_have(kind: Any, error: Any, words: str) -> None:
    with pytest.raises(error, match=LINE) as caught:
        tn.to_torch(tn.Sequential(tn.ReLU(), kind()))
    assert re.search(words, str(caught.value)), caught.value


@pytest.mark.parametrize(
    ("module", "layers", "error", "words"),
    [
        (
            nn.ELU(),
            [],
            TypeError,
            r"module is ELU, expected plain .* layers=\[\.\.\.\]",
        ),
        (
            nn.ReLU(),
            [Turned],
            TypeError,
            r"Turned, which does not say .* write torch_layer = \.\.\.",
        ),
        (nn.ReLU(), [with_row()], TypeError, "Mine, which does not say what it is in PyTorch"),
        (nn.ReLU(), [with_row(torch_layer="ReLU")], ValueError, "Mine, and ReLU is PyTorch's ReLU"),
        (nn.ReLU(), [with_row(torch_layer="Sequential")], ValueError, "Sequential, too"),
        (
            nn.ReLU(),
            [Leaky, with_row(torch_layer="ELU")],
            ValueError,
            "layers holds Mine, and Leaky is PyTorch's ELU, too; leave one out",
        ),
        (
            nn.Softplus(beta=2),
            [with_row(Turned, torch_layer="Softplus")],
            TypeError,
            "module is Softplus with beta=2.*, which Mine has no option for",
        ),
        (
            nn.Softplus(),
            [with_row(torch_layer="Softplus", torch_options={})],
            TypeError,
            "Softplus, which has no slope; .* option slope in class Mine, in torch_options",
        ),
        (nn.SyncBatchNorm(3, affine=False), [Normalised], TypeError, "affine=False, which Norm"),
        (nn.SyncBatchNorm(3).double(), [Normalised], ValueError, r"weight is float64, expected"),
        (
            nn.SyncBatchNorm(3, momentum=None),
            [Normalised],
            ValueError,
            r"leaves its momentum open; say which, such as momentum=0\.1",
        ),
        (nn.SyncBatchNorm(0), [Normalised], None, ""),
        (
            nn.PReLU(),
            [with_row(torch_layer="PReLU", torch_options={"slope": "init"})],
            TypeError,
            "with weight, exp",
        ),
    ],
)
def test_modules_that_a_row_does_not_fit(module: Any, layers: Any, error: Any, words: str) -> None:
    if error is None:
        assert isinstance(tn.from_torch(module, layers=layers), tn.Module)
        return
    with pytest.raises(error, match=LINE) as caught:
        tn.from_torch(module, layers=layers)
    assert re.search(words, str(caught.value)), caught.value


# ONNX


def run_onnx(path: Path, x: Array) -> Array:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (y,) = session.run(["y"], {"x": x})
    return y


def test_onnxruntime_computes_the_same(tmp_path: Path) -> None:
    net, path = trained(), tmp_path / "net.onnx"
    before = tn.fingerprint(net)
    tn.to_onnx(net, path)
    assert tn.fingerprint(net) == before
    for N in (1, 9):
        np.testing.assert_allclose(run_onnx(path, rows()[:N]), net.predict(rows()[:N]), atol=1e-5)
    tn.to_onnx(Leaky(0.3), path)
    np.testing.assert_allclose(run_onnx(path, rows()), Leaky(0.3).predict(rows()), rtol=1e-6)


class Slope(tn.Module):
    """Its width is no option, and its operation takes no other."""

    onnx_operation = "PRelu"

    def __init__(self) -> None:
        self.a = tn.Parameter(np.ones(4, np.float32))

    def forward(self, x: Any) -> Any:
        if x.shape[1] != 4:
            raise ValueError(f"Slope: input has {x.shape[1]} features, expected 4")
        return np.where(x > 0, x, self.a.data * x)


@pytest.mark.parametrize(
    ("layer", "error", "words"),
    [
        (
            Turned(),
            TypeError,
            r"layer 1 is Turned, expected .* write onnx_operation = \.\.\. in class",
        ),
        (with_row()(), TypeError, "layer 1 is Mine, expected Sequential, "),
        (with_row(onnx_operation="Leaky")(), ValueError, "'Leaky', and ONNX has none of that name"),
        (with_row(onnx_operation="Gelu")(), ValueError, "has none of that name in opset 13"),
        (
            with_row(onnx_operation="Relu")(),
            ValueError,
            "onnx_attributes with 'alpha', expected none",
        ),
        (with_row(onnx_operation="PRelu", onnx_attributes={})(), ValueError, "takes 2 to 2 inputs"),
        (
            with_row(onnx_operation="Elu", onnx_inputs=("slope",))(),
            ValueError,
            "onnx_inputs = .* and slope is neither a parameter nor a buffer",
        ),
        (
            with_row(onnx_operation="Elu", onnx_attributes={})(0.5),
            ValueError,
            "the network gives other numbers; correct .* in class Mine",
        ),
        (with_row(onnx_operation="Det", onnx_attributes={})(), ValueError, "ONNX cannot compute"),
        (
            Slope(),
            ValueError,
            "tried inputs of one feature, since no layer takes an .* in_features",
        ),
    ],
)
def test_rows_that_onnx_does_not_have(layer: Any, error: Any, words: str, tmp_path: Path) -> None:
    first = tn.ReLU() if isinstance(layer, Slope) else tn.Linear(4, 4, rng=0)
    with pytest.raises(error, match=LINE) as caught:
        tn.to_onnx(tn.Sequential(first, layer), tmp_path / "net.onnx")
    assert re.search(words, str(caught.value)), caught.value
    assert not list(tmp_path.iterdir())
