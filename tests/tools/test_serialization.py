"""Models in files: what is saved comes back to the bit, and no damage goes unnoticed."""

import errno
import hashlib
import json
import os
import pickle
import re
import struct
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from hypothesis import given
from hypothesis import strategies as st
from strategies import LAYOUTS, Array, fingerprint, normal, same_bits, seeds
from survival import (
    SAVING,
    errors_in_a_full_folder,
    interrupted_at_every_line,
    kills_at_every_line,
)

import tinynet as tn
from tinynet.formats import safetensors as _safetensors
from tinynet.formats import serialization
from tinynet.formats.architecture import OURS
from tinynet.losses import Loss

RNG = np.random.default_rng(0)
TEXT = r"\A[^\n]+\Z"  # a message is one line


class Residual(tn.Module):
    def __init__(self, rng: int = 0) -> None:
        self.block = tn.Sequential(tn.Linear(3, 3, rng=rng), tn.ReLU())
        self.add = tn.Add()

    def forward(self, x: Array) -> Array:  # type: ignore[override]
        return self.add(x, self.block(x))


class Own(tn.Sequential):
    pass


class Untold(Residual):
    """Its option stands under no name."""

    def __init__(self, depth: int = 1, rng: int = 0) -> None:
        super().__init__(rng)


NETWORKS: dict[str, Callable[[], tn.Module]] = {
    "one layer": lambda: tn.Linear(5, 3, rng=1),
    "no weights": lambda: tn.Sequential(tn.ReLU(), tn.Softmax(axis=1)),
    "MLP": lambda: tn.Sequential(
        tn.Linear(7, 5, rng=1), tn.ReLU(), tn.Linear(5, 3, rng=2), tn.LogSoftmax(axis=-1)
    ),
    "float64, no bias": lambda: tn.Sequential(
        tn.Linear(4, 6, bias=False, rng=1, dtype=np.float64),
        tn.Softmax(axis=-2),
        tn.Linear(6, 2, rng=2, dtype=np.float64),
    ),
    "two dtypes": lambda: tn.Sequential(
        tn.Sequential(tn.Linear(2, 2, rng=1), tn.Linear(2, 2, rng=3, dtype=np.float64)), tn.Add()
    ),
    "nested": lambda: tn.Sequential(
        tn.Sequential(tn.Linear(3, 4, rng=1), tn.Sequential(tn.ReLU())),
        tn.Sequential(tn.Sequential(tn.Linear(4, 2, bias=False, rng=2)), tn.LogSoftmax()),
    ),
}


def small_net() -> tn.Sequential:
    return tn.Sequential(
        tn.Linear(2, 3, rng=1), tn.ReLU(), tn.Linear(3, 2, bias=False, rng=2), tn.LogSoftmax()
    )


def assert_same_network(ours: tn.Module, other: tn.Module) -> None:
    assert [type(m) for _, m in ours.named_modules()] == [type(m) for _, m in other.named_modules()]
    assert repr(ours) == repr(other)
    a, b = ours.state_dict(), other.state_dict()
    assert list(a) == list(b)
    for name in a:
        assert same_bits(a[name], b[name])


def quiet_load(path: Path, into: tn.Module | None = None) -> tn.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return tn.load(path, into=into)


def file_of(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def signed(arrays: dict[str, Array], **changes: Any) -> bytes:
    """A file of which the hash is right, whatever else is not."""
    document = {"format": serialization.FORMAT, "architecture": None} | changes
    return _safetensors.to_bytes(arrays, document)


# There and back


@pytest.mark.parametrize("name", NETWORKS)
def test_what_is_saved_comes_back(name: str, tmp_path: Path) -> None:
    net, path = NETWORKS[name](), tmp_path / "net.safetensors"
    before = fingerprint(net)
    tn.save(net, path)
    assert fingerprint(net) == before
    assert os.listdir(tmp_path) == [path.name]
    assert_same_network(quiet_load(path), net)
    other = NETWORKS[name]()
    for parameter in other.parameters():
        parameter.data += 1
    assert quiet_load(path, into=other) is other
    assert_same_network(other, net)
    first = path.read_bytes()
    tn.save(quiet_load(path), str(path))
    assert path.read_bytes() == first


@pytest.mark.slow
def test_the_same_network_gives_the_same_file_in_any_process(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    tn.save(small_net(), path)
    code = f"""
import tinynet as tn
net = tn.Sequential(
    tn.Linear(2, 3, rng=1), tn.ReLU(), tn.Linear(3, 2, bias=False, rng=2), tn.LogSoftmax()
)
tn.save(net, {str(path)!r})
"""
    contents = {path.read_bytes()}
    for seed in ("1", "2"):
        environment = os.environ | {
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        subprocess.run([sys.executable, "-c", code], env=environment, cwd=tmp_path, check=True)
        contents.add(path.read_bytes())
    assert len(contents) == 1


@given(seed=seeds, layout=st.sampled_from(sorted(LAYOUTS)), float64=st.booleans())
def test_any_memory_layout_is_saved_right(seed: int, layout: str, float64: bool) -> None:
    rng = np.random.default_rng(seed)
    dtype = np.float64 if float64 else np.float32
    shapes = [(4, 3), (1, 5), (6,), (2, 3, 4), (), (0, 3)]
    arrays = {f"a{n}": normal(rng, *shape, dtype=dtype) for n, shape in enumerate(shapes)}
    laid = {name: LAYOUTS[layout](a) if a.ndim else a for name, a in arrays.items()}
    content = _safetensors.to_bytes(laid, {})
    assert content == _safetensors.to_bytes(arrays, {})
    read = safetensors.numpy.load(content)
    assert read.keys() == arrays.keys()
    assert all(same_bits(read[name], arrays[name]) for name in arrays)


def test_fortran_order_and_big_endian_weights(tmp_path: Path) -> None:
    net, path = tn.Sequential(tn.Linear(3, 4, rng=0)), tmp_path / "net"
    W = normal(RNG, 3, 4, dtype=np.float32)
    for values in (np.asfortranarray(W), W.astype(">f4")):
        net.layers[0].W.data = values
        tn.save(net, path)
        assert same_bits(safetensors.numpy.load_file(path)["0.weight"], W.T)
        assert same_bits(tn.load(path).state_dict()["0.weight"], W.T)


# PyTorch


def twins(dtype: Any = np.float32) -> tuple[tn.Sequential, torch.nn.Sequential]:
    nn = torch.nn
    kind = torch.float32 if dtype == np.float32 else torch.float64
    ours = tn.Sequential(
        tn.Linear(6, 5, rng=1, dtype=dtype),
        tn.ReLU(),
        tn.Sequential(tn.Linear(5, 4, bias=False, rng=2, dtype=dtype), tn.ReLU()),
        tn.Linear(4, 3, rng=3, dtype=dtype),
        tn.LogSoftmax(),
    )
    theirs = nn.Sequential(
        nn.Linear(6, 5, dtype=kind),
        nn.ReLU(),
        nn.Sequential(nn.Linear(5, 4, bias=False, dtype=kind), nn.ReLU()),
        nn.Linear(4, 3, dtype=kind),
        nn.LogSoftmax(dim=-1),
    )
    return ours, theirs


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pytorch_reads_what_tinynet_saves(dtype: Any, tmp_path: Path) -> None:
    ours, theirs = twins(dtype)
    path = tmp_path / "net.safetensors"
    tn.save(ours, path)
    theirs.load_state_dict(safetensors.torch.load_file(path))
    x = normal(RNG, 8, 6, dtype=dtype)
    expected = theirs(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(
        ours.predict(x),
        expected,
        rtol=1e-5 if dtype == np.float32 else 0,
        atol=1e-6 if dtype == np.float32 else 1e-14,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tinynet_reads_what_pytorch_saves(dtype: Any, tmp_path: Path) -> None:
    ours, theirs = twins(dtype)
    path = tmp_path / "net.safetensors"
    safetensors.torch.save_file(theirs.state_dict(), path)
    with pytest.warns(UserWarning, match="was not written by tinynet and has no SHA-256") as caught:
        assert tn.load(path, into=ours) is ours
    assert len(caught) == 1
    assert re.match(TEXT, str(caught[0].message))
    assert caught[0].filename == __file__
    for name, tensor in theirs.state_dict().items():
        assert same_bits(ours.state_dict()[name], tensor.numpy())
    tn.save(ours, path)
    assert_same_network(quiet_load(path), ours)


def test_a_foreign_file_that_does_not_fit_raises_and_does_not_warn(tmp_path: Path) -> None:
    ours, theirs = twins()
    path = tmp_path / "net.safetensors"
    state = theirs.state_dict() | {"5.weight": torch.zeros(2), "3.bias": torch.zeros(4)}
    state["0.weight"] = state["0.weight"].double()
    state["0.bias"][1] = torch.nan
    del state["2.0.weight"]
    safetensors.torch.save_file(state, path)
    before = fingerprint(ours)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(tn.ModelFileError, match=TEXT) as caught:
            tn.load(path, into=ours)
    assert fingerprint(ours) == before
    for words in (
        str(path),
        "missing 2.0.weight",
        "unknown 5.weight",
        "3.bias has shape (4,)",
        "0.weight is float64",
        "0.bias holds NaN",
        "nothing was changed",
    ):
        assert words in str(caught.value)


def test_a_foreign_file_alone_is_no_network(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    safetensors.torch.save_file(twins()[1].state_dict(), path)
    with pytest.raises(tn.ModelFileError, match=r"not how .* built; build it, and use tn\.load\("):
        tn.load(path)


# Networks that a file cannot build


def with_extra() -> tn.Module:
    net = tn.Sequential(tn.Linear(3, 3, rng=0))
    net.scale = tn.Parameter(np.ones(3, np.float32))
    return net


@pytest.mark.parametrize(
    "make, words",
    [
        (Untold, "Untold does not tell its option depth: keep it as an attribute of that name"),
        (lambda: tn.Sequential(tn.ReLU(), Untold()), "or write options(self) in class Untold"),
        (lambda: Own(Untold()), "Untold does not tell its option depth"),
        (with_extra, "parameters beside its layers"),
    ],
)
def test_weights_of_own_networks(make: Callable[[], tn.Module], words: str, tmp_path: Path) -> None:
    net, other, path = make(), make(), tmp_path / "net"
    with pytest.warns(UserWarning, match=TEXT) as caught:
        tn.save(net, path)
    assert len(caught) == 1
    assert caught[0].filename == __file__
    for part in (words, str(path), "tn.load(path, into=net)"):
        assert part in str(caught[0].message)
    with pytest.raises(tn.ModelFileError, match="not how their network is built"):
        tn.load(path)
    for parameter in other.parameters():
        parameter.data += 1
    assert quiet_load(path, into=other) is other
    assert_same_network(other, net)


@pytest.mark.parametrize(
    ("make", "needed"),
    [
        (Residual, Residual),
        (lambda: tn.Sequential(tn.ReLU(), Residual()), Residual),
        (lambda: Own(tn.Linear(3, 3, rng=0)), Own),
    ],
)
def test_own_networks_are_loaded_with_their_classes(
    make: Callable[[], tn.Module], needed: type[tn.Module], tmp_path: Path
) -> None:
    net, path = make(), tmp_path / "net"
    for parameter in net.parameters():
        parameter.data += 1
    tn.save(net, path)
    name = needed.__name__
    words = f"'{name}' is not a layer of tinynet's; hand its class over with layers=[{name}]"
    with pytest.raises(tn.ModelFileError, match=re.escape(words)):
        tn.load(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_same_network(tn.load(path, layers=[needed]), net)
    other = make()
    assert quiet_load(path, into=other) is other
    assert_same_network(other, net)


def test_every_layer_of_tinynet_can_be_built_from_a_file() -> None:
    exported = {value for value in vars(tn).values() if isinstance(value, type)}
    layers = {kind for kind in exported if issubclass(kind, tn.Module)}
    losses = {kind for kind in layers if issubclass(kind, Loss)}
    assert len(losses) == 6
    assert layers - losses - {tn.Module} == set(OURS.values())


# Damage


def fuzz(
    path: Path, changes: list[bytes], load: Callable[[], Any], check: Callable[[Any], None]
) -> int:
    """Load every changed content; return how many were refused."""
    refused = 0
    with open(path, "r+b", buffering=0) as file:  # one file for all: making thousands is slow
        for changed in changes:
            file.seek(0)
            file.write(changed)
            file.truncate()
            try:
                result = load()
            except tn.ModelFileError as error:
                assert str(path) in str(error) and re.match(TEXT, str(error))
                refused += 1
            else:
                check(result)
    return refused


def flips(content: bytes, masks: Any) -> list[bytes]:
    return [
        content[:n] + bytes([byte ^ mask]) + content[n + 1 :]
        for n, byte in enumerate(content)
        for mask in masks
    ]


def flip_and_cut(tmp_path: Path, masks: Any, record: Callable[[str, object], None]) -> None:
    net, path = small_net(), tmp_path / "net.safetensors"
    tn.save(net, path)
    content = path.read_bytes()
    changes = flips(content, masks)

    def load() -> tn.Module:
        return quiet_load(path)

    def check(result: tn.Module) -> None:
        assert_same_network(result, net)

    refused = fuzz(path, changes, load, check)
    assert refused > 0.95 * len(changes)
    cuts = [content[:n] for n in range(len(content))]
    cuts += [content[n:] for n in range(1, len(content))] + [content + b"\0", content + b"{}"]
    assert fuzz(path, cuts, load, check) == len(cuts)
    record("model file: bytes", len(content))
    record("model file: flips and cuts tried", len(changes) + len(cuts))


BITS = [1 << bit for bit in range(8)]


def test_every_bit_flip_and_every_cut_is_refused_or_harmless(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    flip_and_cut(tmp_path, [*BITS, 0xFF], record_property)


@pytest.mark.slow
def test_many_other_bytes_in_every_place_are_refused_or_harmless(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    flip_and_cut(tmp_path, range(3, 256, 6), record_property)


def test_flips_in_a_file_read_into_a_network(tmp_path: Path) -> None:
    net, path = small_net(), tmp_path / "net.safetensors"
    tn.save(net, path)
    content = path.read_bytes()
    target = small_net()
    foreign = 0

    def load() -> tn.Module:
        nonlocal foreign
        for parameter in target.parameters():
            parameter.data[...] = 7
        before = fingerprint(target)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                tn.load(path, into=target)
            except tn.ModelFileError:
                assert not caught
                assert fingerprint(target) == before
                raise
        foreign += len(caught)
        return target

    changes = flips(content, [1, 0x20])
    assert fuzz(path, changes, load, lambda result: assert_same_network(result, net)) > len(content)
    # a file that lost the name under which tinynet's hash stands counts as one from elsewhere
    assert foreign == 2 * len(_safetensors.KEY)


ONE = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
ZEROS = bytes(4)
BAD_FILES: dict[str, tuple[bytes, list[str]]] = {
    "empty": (b"", ["0 bytes of header announced in a file of 0 bytes"]),
    "seven bytes": (b"\0" * 7, ["file of 7 bytes"]),
    "header larger than the file": (struct.pack("<Q", 2**63) + b"{}", [f"{2**63} bytes of header"]),
    "no JSON": (file_of(b"not JSON"), ["Expecting value"]),
    "not UTF-8": (file_of(b'{"\xff": 1}'), ["utf-8"]),
    "UTF-16": (file_of(json.dumps({"a": ONE}).encode("utf-16"), ZEROS), ["utf-8"]),
    "a list": (file_of(b"[]"), ["not a JSON object"]),
    "NaN": (file_of(b'{"__metadata__": NaN}'), ["NaN stands in its header"]),
    "deep": (file_of(b'{"a":' * 10**5), ["recursion"]),
    "a number of 5000 digits": (file_of(b'{"a": ' + b"9" * 5000 + b"}"), ["integer"]),
    "duplicate name": (
        file_of(f'{{"a": {json.dumps(ONE)}, "a": {json.dumps(ONE)}}}'.encode(), ZEROS),
        ["'a' stands in its header more than once"],
    ),
    "duplicate field": (
        file_of(
            b'{"a": {"dtype": "F32", "shape": [1], "shape": [1], "data_offsets": [0, 4]}}', ZEROS
        ),
        ["'shape' stands in its header more than once"],
    ),
    "duplicate metadata": (
        file_of(b'{"__metadata__": {"tinynet": "{}", "tinynet": "{}"}}'),
        ["'tinynet' stands in its header more than once"],
    ),
    "metadata is a number": (file_of({"__metadata__": 5}), ["while deserializing"]),
    "metadata holds a number": (file_of({"__metadata__": {"a": 1}}), ["while deserializing"]),
    "unknown dtype": (file_of({"a": ONE | {"dtype": "F33"}}, ZEROS), ["'a' has dtype 'F33'"]),
    "bfloat16": (
        file_of({"a": ONE | {"dtype": "BF16", "shape": [2]}}, ZEROS),
        ["'a' has dtype 'BF16'"],
    ),
    "size and shape differ": (
        file_of({"a": ONE | {"shape": [2]}}, ZEROS),
        ["'a' of F32 [2] takes 8 bytes, not 0 to 4"],
    ),
    "more bytes announced": (
        file_of({"a": ONE | {"shape": [10**9], "data_offsets": [0, 4 * 10**9]}}, ZEROS),
        ["4000000000 bytes of data announced, 4 are there"],
    ),
    "trailing bytes": (
        file_of({"a": ONE}, ZEROS + b"\n"),
        ["4 bytes of data announced, 5 are there"],
    ),
    "overlap": (file_of({"a": ONE, "b": ONE}, ZEROS), ["'b' begins at byte 0", "expected 4"]),
    "gap": (
        file_of({"a": ONE, "b": ONE | {"data_offsets": [8, 12]}}, bytes(12)),
        ["'b' begins at byte 8", "expected 4"],
    ),
    "backwards": (file_of({"a": ONE | {"data_offsets": [4, 0]}}, ZEROS), ["not 4 to 0"]),
    "negative": (file_of({"a": ONE | {"shape": [-1, -1]}}, ZEROS), ["'a' has no proper"]),
    "float": (file_of({"a": ONE | {"shape": [1.0]}}, ZEROS), ["'a' has no proper"]),
    "bool": (file_of({"a": ONE | {"shape": [True]}}, ZEROS), ["'a' has no proper"]),
    "no shape": (file_of({"a": {"dtype": "F32", "data_offsets": [0, 4]}}, ZEROS), ["no proper"]),
    "extra field": (file_of({"a": ONE | {"x": 1}}, ZEROS), ["'a' has no proper", "only these"]),
    "65 dimensions": (file_of({"a": ONE | {"shape": [1] * 65}}, ZEROS), ["'a' has no proper"]),
    "empty but huge": (
        file_of({"a": ONE | {"shape": [0, 2**62, 8], "data_offsets": [0, 0]}}),
        ["array is too big"],
    ),
    "lone surrogate": (
        file_of(b'{"\\ud800": ' + json.dumps(ONE).encode() + b"}", ZEROS),
        ["while deserializing"],
    ),
    "all at once": (
        file_of({"a": ONE | {"dtype": "F33"}, "b": ONE | {"shape": [2]}, "c": 5}, bytes(9)),
        ["'a' has dtype 'F33'", "'b' of F32", "'c' has no proper", "0 bytes of data announced"],
    ),
    "document is no JSON": (file_of({"__metadata__": {"tinynet": "x"}}), ["Expecting value"]),
    "document without hash": (file_of({"__metadata__": {"tinynet": "{}"}}), ["SHA-256"]),
    "a pickle": (pickle.dumps({"a": np.zeros(4)}), ["is a pickle", "safetensors.torch.save_file"]),
    "another version": (signed({}, format="tinynet model 2"), ["'tinynet model 2'"]),
    "a checkpoint": (signed({}, format="tinynet checkpoint 1"), ["tn.load_checkpoint reads"]),
    "no format": (_safetensors.to_bytes({}, {}), ["is a None file"]),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_file(name: str, tmp_path: Path) -> None:
    content, words = BAD_FILES[name]
    path, net = tmp_path / "net.safetensors", small_net()
    path.write_bytes(content)
    before = fingerprint(net)
    for into in (None, net):
        with pytest.raises(ValueError, match=TEXT) as caught:
            quiet_load(path, into=into)
        assert type(caught.value) is tn.ModelFileError
        for part in (*words, str(path)):
            assert part in str(caught.value)
    assert fingerprint(net) == before
    assert path.read_bytes() == content


def test_a_file_of_torch_save(tmp_path: Path) -> None:
    path = tmp_path / "net.pt"
    for new_form in (True, False):
        torch.save(twins()[1].state_dict(), path, _use_new_zipfile_serialization=new_form)
        with pytest.raises(tn.ModelFileError, match="is a pickle or an archive of them"):
            tn.load(path, into=twins()[0])


LINEAR = {"layer": "Linear", "in_features": 2, "out_features": 1, "bias": False, "dtype": "float32"}
WEIGHT = {"weight": np.ones((1, 2), np.float32)}
BAD_NETWORKS: dict[str, tuple[Any, str]] = {
    "a number": (5, "None is not a layer"),
    "a list": ([LINEAR], "None is not a layer"),
    "unknown": ({"layer": "Conv4d"}, "'Conv4d' is not a layer of tinynet's"),
    "path of a class": ({"layer": "os.system"}, "'os.system' is not a layer of tinynet's"),
    "a loss": ({"layer": "NLLLoss"}, "'NLLLoss' is not a layer"),
    "no name": ({"layer": ["Linear"]}, "is not a layer"),
    "no layers": ({"layer": "Sequential"}, "no layers"),
    "empty": ({"layer": "Sequential", "layers": []}, "no layers"),
    "layers by name": ({"layer": "Sequential", "layers": {"0": LINEAR}}, "option of a wrong type"),
    "not even layers": ({"layer": "Sequential", "layers": [LINEAR, None]}, "None is not a layer"),
    "missing option": ({"layer": "Softmax"}, "Softmax lacks an option"),
    "missing size": ({"layer": "Linear", "in_features": 2}, "out_features"),
    "unknown option": (LINEAR | {"x": 1}, "'x'"),
    "generator": (LINEAR | {"rng": 1}, "Linear lacks an option"),
    "option of another layer": ({"layer": "ReLU", "axis": 1}, "ReLU"),
    "layers in a layer": ({"layer": "ReLU", "layers": []}, "option of a wrong type"),
    "float": (LINEAR | {"in_features": 2.0}, "option of a wrong type"),
    "a size that is a dtype": (LINEAR | {"in_features": "float32"}, "in_features"),
    "zero": (LINEAR | {"in_features": 0}, "at least 1"),
    "negative": (LINEAR | {"in_features": -2, "out_features": -1}, "at least 1"),
    "dtype": (LINEAR | {"dtype": "(2,)f4"}, "option of a wrong type"),
    "dtype number": (LINEAR | {"dtype": 1}, "data type"),
    "axis": ({"layer": "Softmax", "axis": True}, "axis"),
    "huge": (LINEAR | {"in_features": 10**9, "out_features": 10**9}, "more weights than the file"),
    "many": ({"layer": "Sequential", "layers": [LINEAR] * 2}, "more weights than the file"),
    "negative and huge": (
        {
            "layer": "Sequential",
            "layers": [
                LINEAR | {"in_features": 10**9, "out_features": 10**9},
                LINEAR | {"in_features": -(10**9), "out_features": 10**9},
            ],
        },
        "more weights than the file",
    ),
    "other weights": (LINEAR | {"in_features": 1}, "weight has shape (1, 2), expected (1, 1)"),
    "more weights": ({"layer": "ReLU"}, "unknown weight"),
}


@pytest.mark.parametrize("name", BAD_NETWORKS)
def test_bad_architecture_under_a_right_hash(name: str, tmp_path: Path) -> None:
    architecture, words = BAD_NETWORKS[name]
    path = tmp_path / "net.safetensors"
    path.write_bytes(signed(WEIGHT, architecture=architecture))
    with pytest.raises(tn.ModelFileError, match=TEXT) as caught:
        tn.load(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)
    linear = tn.Linear(2, 1, bias=False, rng=0)
    assert same_bits(quiet_load(path, into=linear).state_dict()["weight"], WEIGHT["weight"])


def test_an_architecture_nested_too_deep(tmp_path: Path) -> None:
    depth, path = 1000, tmp_path / "net.safetensors"
    architecture: Any = LINEAR
    for _ in range(depth):
        architecture = {"layer": "Sequential", "layers": [architecture]}
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20 * depth)
    try:
        content = signed({"0." * depth + "weight": WEIGHT["weight"]}, architecture=architecture)
    finally:
        sys.setrecursionlimit(limit)
    path.write_bytes(content)
    with pytest.raises(tn.ModelFileError, match="recursion"):
        tn.load(path)


def test_right_names_and_hash_but_weights_that_no_load_accepts(tmp_path: Path) -> None:
    path = tmp_path / "net.safetensors"
    for bad in (np.nan, np.inf):
        path.write_bytes(signed({"weight": np.array([[1, bad]], np.float32)}, architecture=LINEAR))
        with pytest.raises(tn.ModelFileError, match="weight holds NaN or inf"):
            tn.load(path)


@given(data=st.data())
def test_bytes_that_have_nothing_to_do_with_models(data: st.DataObject) -> None:
    content = data.draw(st.binary(max_size=200) | st.builds(file_of, st.binary(max_size=100)))
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"tinynet-fuzz-{os.getpid()}"
    path.write_bytes(content)
    try:
        with pytest.raises(tn.ModelFileError, match=TEXT):
            tn.load(path)
    finally:
        path.unlink()


# Bad arguments


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    path = tmp_path / "net"
    for not_a_net in (str(path), {"a": 1}, tn.Linear):
        with pytest.raises(TypeError, match=r"save: net is .*, not a Module; use tn\.save\(net"):
            tn.save(not_a_net, small_net())  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="load: into is"):
        tn.load(path, into={})  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match=re.escape(str(path))):
        tn.load(path)
    with pytest.raises(IsADirectoryError):
        tn.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        tn.save(small_net(), tmp_path / "nowhere" / "net")
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_not_saved(bad: float, tmp_path: Path) -> None:
    net, path = small_net(), tmp_path / "net"
    tn.save(net, path)
    good = path.read_bytes()
    net.layers[0].b.data[1] = bad
    with pytest.raises(ValueError, match=r"save: 0\.bias holds NaN or inf"):
        tn.save(net, path)
    net.layers[2].W.data[1] = bad
    with pytest.raises(ValueError, match=r"save: 0\.bias, 2\.weight hold NaN or inf"):
        tn.save(net, path)
    assert path.read_bytes() == good


# Nothing from a file is run


AUDIT = """
import os, pathlib, pickle, subprocess, sys, warnings
import tinynet as tn
warnings.simplefilter("ignore")
good, *others = map(pathlib.Path, sys.argv[1:])
net = tn.load(good)
try:
    tn.load(others[0])
except ValueError:
    pass
WATCHED = ("pickle.find_class", "exec", "compile", "import", "os.system", "os.exec",
           "os.posix_spawn", "os.fork", "subprocess.Popen", "ctypes.dlopen", "socket.connect")
seen, armed = [], True
def hook(event, arguments):
    if armed and event in WATCHED:
        seen.append((event, arguments))
sys.addaudithook(hook)
refused = 0
for path in [good, *others]:
    for into in (None, net):
        try:
            tn.load(path, into=into)
        except tn.ModelFileError:
            refused += 1
armed = False
assert not seen, seen
armed = True
for provoke in (lambda: pickle.loads(pickle.dumps(Exception)), lambda: exec("1"),
                lambda: os.system("true"), lambda: subprocess.run(["true"]), lambda: eval("1")):
    before = len(seen)
    provoke()
    assert len(seen) > before
print(refused)
"""


def test_loading_runs_nothing(tmp_path: Path) -> None:
    good = tmp_path / "good"
    tn.save(small_net(), good)
    marker = tmp_path / "executed"

    class Evil:
        def __reduce__(self) -> Any:
            return os.system, (f"touch {marker}",)

    evil = [pickle.dumps(Evil()), pickle.dumps(Evil(), protocol=0)]
    for architecture in ("__import__('os').system('true')", LINEAR | {"dtype": "(2,)f4"}):
        evil.append(signed(WEIGHT, architecture=architecture))
        evil.append(signed(WEIGHT, architecture={"layer": architecture}))
    contents = [*evil, *(content for content, _ in BAD_FILES.values())]
    contents += flips(good.read_bytes(), [4])
    paths = [good]
    for number, content in enumerate(contents):
        paths.append(tmp_path / str(number))
        paths[-1].write_bytes(content)
    torch.save(Evil(), tmp_path / "evil.pt")
    command = [sys.executable, "-c", AUDIT, *map(str, paths), str(tmp_path / "evil.pt")]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > len(contents)
    assert not marker.exists()


def test_no_module_that_reads_data_or_models_knows_pickle() -> None:
    own = [p for p in Path(tn.__file__).parent.rglob("*.py") if p.parent.name != "jit"]
    assert len(own) > 100
    for source in own:  # Numba's own cache is pickled
        words = re.findall(r"^\s*(?:import|from) (\w+)", source.read_text(), re.MULTILINE)
        assert not {"pickle", "shelve", "marshal", "dill", "cloudpickle", "joblib"} & set(words)
        assert "allow_pickle" not in source.read_text()


# Kills, Ctrl-C, full disks


SAVE = """
nets = [tn.Sequential(tn.Linear(3, 2, rng=seed), tn.ReLU()) for seed in (0, 1)]
def write(path, which):
    tn.save(nets[which], path)
def read(path):
    tn.load(path)
"""


@pytest.mark.slow
def test_killed_at_every_line_of_save(
    tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    kills, new = kills_at_every_line(SAVE, tmp_path, SAVING)
    assert kills > 60
    assert 0 < new < 10
    record_property("save: kills survived", kills)


@pytest.mark.slow
def test_interrupted_at_every_line_of_save(tmp_path: Path) -> None:
    stops, new = interrupted_at_every_line(SAVE, tmp_path, SAVING)
    assert stops > 60
    assert 0 < new < 10


def test_full_disk(tmp_path: Path) -> None:
    big = tn.Linear(200, 200, rng=0)

    def write(path: Path) -> None:
        tn.save(small_net(), path)

    assert errors_in_a_full_folder(tmp_path, write, lambda path: tn.save(big, path)) == errno.ENOSPC


def test_a_fingerprint_changes_with_every_bit_and_name() -> None:
    net, same = small_net(), small_net()
    first = tn.fingerprint(net)
    assert re.fullmatch("[0-9a-f]{12}", first)
    assert tn.fingerprint(same) == first
    seen = {first, tn.fingerprint(tn.Sequential(net))}
    for parameter in same.parameters():
        bits = parameter.data.view(np.uint8).reshape(-1)
        for byte in range(len(bits)):
            bits[byte] ^= 1
            seen.add(tn.fingerprint(same))
            bits[byte] ^= 1
    assert len(seen) == 2 + sum(p.data.nbytes for p in same.parameters())
    assert tn.fingerprint(same) == first
    with pytest.raises(TypeError, match=r"fingerprint: net is dict, not a Module"):
        tn.fingerprint(net.state_dict())  # type: ignore[arg-type]


def test_the_hash_covers_names_dtypes_shapes_architecture_and_bytes() -> None:
    a = np.arange(4, dtype=np.float32)
    variants = [
        ({"a": a}, {}),
        ({"b": a}, {}),
        ({"a": a.view(np.int32)}, {}),
        ({"a": a.reshape(2, 2)}, {}),
        ({"a": a[::-1]}, {}),
        ({"a": a}, {"architecture": 1}),
        ({"a": a, "b": a[:0]}, {}),
    ]
    found = set()
    for arrays, document in variants:
        content = _safetensors.to_bytes(arrays, document)
        size = struct.unpack("<Q", content[:8])[0]
        header = json.loads(content[8 : 8 + size])
        found.add(json.loads(header["__metadata__"]["tinynet"])["sha256"])
    assert len(found) == len(variants)
    assert all(re.fullmatch("[0-9a-f]{64}", sha) for sha in found)
    assert hashlib.sha256(b"").hexdigest() not in found
