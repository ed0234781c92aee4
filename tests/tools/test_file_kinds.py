"""Files that are no models: each is called what it is, and the advice works."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import re
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import safetensors.torch
import torch
from strategies import fingerprint, same_bits

import tinynet as tn

LINE = r"\A[^\n]+\Z"


def small_net(dtype: Any = np.float32, rng: int = 0) -> tn.Sequential:
    return tn.Sequential(tn.Linear(4, 3, rng=rng, dtype=dtype), tn.LogSoftmax())


def small_torch() -> Any:
    return torch.nn.Sequential(torch.nn.Linear(4, 3))


def written(write: Callable[[Any], object]) -> bytes:
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


def zipped(**files: bytes) -> bytes:
    def write(buffer: Any) -> None:
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, content in files.items():
                archive.writestr(name, content)

    return written(write)


def tarred(buffer: Any) -> None:
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("model.safetensors"))


HTML = b"\n<!DOCTYPE html>\n<html><title>404</title></html>"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
FILES: dict[str, tuple[bytes, str, str]] = {
    "gzip": (gzip.compress(b"x" * 99), "is compressed with gzip", "gzip -dc < "),
    "bzip2": (bz2.compress(b"x" * 99), "is compressed with bzip2", "bzip2 -dc < "),
    "xz": (lzma.compress(b"x" * 99), "is compressed with xz", "xz -dc < "),
    "zstd": (b"\x28\xb5\x2f\xfd\x04\x00\x01", "is compressed with zstd", "zstd -dc < "),
    "zip": (zipped(a=b"model"), "is a zip archive", "unpack it"),
    "tar": (written(tarred), "is a tar archive", "tar -xf "),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(99), "is an HDF5 file", "h5py"),
    "Keras": (
        zipped(**{"metadata.json": b"{}", "model.weights.h5": b"\x89HDF"}),
        "is a model of Keras's",
        "get_weights()",
    ),
    "Git LFS": (LFS, "is a Git LFS pointer", "git lfs pull"),
    "npy": (written(lambda f: np.save(f, np.eye(3))), "is an array of NumPy's (.npy)", "np.load"),
    "npz": (
        written(lambda f: np.savez(f, a=np.eye(3))),
        "is an archive of NumPy's arrays (.npz)",
        "np.load",
    ),
    "compressed npz": (
        written(lambda f: np.savez_compressed(f, a=np.eye(3))),
        "is an archive of NumPy's arrays (.npz)",
        "np.load",
    ),
    "torch.save": (
        written(lambda f: torch.save(small_torch().state_dict(), f)),
        "is a pickle or an archive of them, as torch.save writes it",
        "safetensors.torch.save_file",
    ),
    "an old torch.save": (
        written(lambda f: torch.save({}, f, _use_new_zipfile_serialization=False)),
        "is a pickle or an archive of them, as torch.save writes it",
        "safetensors.torch.save_file",
    ),
    "pickle": (pickle.dumps(small_net()), "is a pickle or an archive", "tn.save(net, path)"),
    "pickle 2": (pickle.dumps({"a": 1}, 2), "is a pickle or an archive", "tn.save(net, path)"),
    "PNG": (b"\x89PNG\r\n\x1a\n" + bytes(30), "is a picture", "a model is what tn.save wrote"),
    "JPEG": (b"\xff\xd8\xff\xe0" + bytes(30), "is a picture", "a model is what tn.save wrote"),
    "JSON": (json.dumps({"a": [1, 2]}).encode(), "is a JSON file", "the path of the model"),
    "index": (
        json.dumps({"weight_map": {"a": "model-00001-of-2.safetensors"}}).encode(),
        "is the index of a model in several files",
        "net.load_state_dict",
    ),
    "HTML": (HTML, "is an HTML page", "the link that downloads"),
    "text": (b"label,pixel0\n7,0\n", "is a text file that begins 'label,pixel0'", "the path of"),
    "long text": (b"7,0,0\n" * 9999, "is a text file that begins '7,0,0'", "the path of"),
    "GGUF": (b"GGUF\x03\0\0\0" + bytes(90), "is a GGUF file", "safetensors form"),
    "TFLite": (b"\x1c\0\0\0TFL3" + bytes(90), "is a TensorFlow Lite model", "load_state_dict"),
    "IDX": (b"\0\0\x08\x03" + bytes(90), "is an IDX file", "tn.datasets"),
    "empty": (b"", "it is empty", "Copy or download it again"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_called_what_it_is(name: str, tmp_path: Path) -> None:
    content, what, advice = FILES[name]
    path, net = tmp_path / "a file", small_net()
    path.write_bytes(content)
    loader = tn.DataLoader(np.eye(4, dtype=np.float32), np.arange(4) % 3)
    before = fingerprint(net)

    def load_checkpoint() -> None:
        tn.load_checkpoint(path, net, tn.SGD(net.parameters()), loader, tn.History())

    for load in (lambda: tn.load(path), lambda: tn.load(path, into=net), load_checkpoint):
        with pytest.raises(tn.ModelFileError, match=LINE) as caught:
            load()
        for words in (str(path), what, advice):
            assert words in str(caught.value)
        assert "FILE" not in str(caught.value)
        assert name == "empty" or "bytes of header" not in str(caught.value)
    assert fingerprint(net) == before


def test_the_command_that_unpacks_works(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    net = small_net()
    tn.save(net, "plain")
    for number, pack in enumerate((gzip.compress, bz2.compress, lzma.compress)):
        path = tmp_path / f"packed {number}"
        path.write_bytes(pack(Path("plain").read_bytes()))
        with pytest.raises(tn.ModelFileError) as caught:
            tn.load(path)
        command = str(caught.value).split("unpack it: ")[1]
        subprocess.run(command, shell=True, check=True)
        assert tn.fingerprint(tn.load("model.safetensors")) == tn.fingerprint(net)


def test_the_arrays_of_an_onnx_file(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path, net, other = tmp_path / "net.onnx", small_net(), small_net(rng=1)
    tn.to_onnx(net, path)
    with pytest.raises(tn.ModelFileError, match="an ONNX model, which tinynet writes") as caught:
        tn.load(path)
    arrays = re.search(r"\{.*\}", str(caught.value))
    assert arrays
    other.load_state_dict(eval(arrays[0], {"onnx": onnx, "path": path}))
    assert tn.fingerprint(other) == tn.fingerprint(net)
    path.write_bytes(b"\x08\x08\x12\x07pytorch\x1a\x052.6.0")  # as PyTorch begins
    with pytest.raises(tn.ModelFileError, match="an ONNX model"):
        tn.load(path)


def test_devices_are_not_read(tmp_path: Path) -> None:
    for device in ("/dev/null", "/dev/zero"):
        if Path(device).is_char_device():
            with pytest.raises(tn.ModelFileError, match=f"{device} is a device"):
                tn.load(device)


# Weights of other dtypes


@pytest.mark.parametrize("kind", ["bfloat16", "float8_e4m3fn", "float8_e5m2"])
def test_numbers_that_numpy_does_not_know(kind: str, tmp_path: Path) -> None:
    path, new_path, net = tmp_path / "half", tmp_path / "new", small_net(rng=1)
    weights = {name: a.to(getattr(torch, kind)) for name, a in small_torch().state_dict().items()}
    safetensors.torch.save_file(weights, path)
    with pytest.raises(tn.ModelFileError, match=LINE) as caught:
        tn.load(path, into=net)
    message = str(caught.value)
    assert "is whole, but" in message and "like 1 others, which NumPy does not know" in message
    assert "again" not in message
    eval(message.split("load new_path: ")[1], {"safetensors": safetensors, "new_path": new_path})
    with pytest.warns(UserWarning, match="was not written by tinynet"):
        tn.load(new_path, into=net)
    for name, tensor in weights.items():
        assert same_bits(net.state_dict()[name], tensor.float().numpy())


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("float16", "float32"),
        ("float32", "float64"),
        ("float64", "float32"),
        ("float16", "float64"),
    ],
)
def test_a_file_of_another_precision(theirs: str, ours: str, tmp_path: Path) -> None:
    path, net = tmp_path / "net", small_net(np.dtype(ours))
    state = {name: a.astype(theirs) for name, a in small_net(rng=1).state_dict().items()}
    safetensors.numpy.save_file(state, path)
    before = fingerprint(net)
    with pytest.raises(tn.ModelFileError, match=LINE) as caught:
        tn.load(path, into=net)
    message = str(caught.value)
    assert f"0.weight is {theirs}, expected {ours}" in message
    assert "Build the network" not in message and fingerprint(net) == before
    conversion, source = message.split("Convert the state: ")[1].split(", where state is ")
    state = eval(source, {"safetensors": safetensors})
    net.load_state_dict(eval(conversion, {"np": np, "state": state}))
    for name, array in state.items():
        assert same_bits(net.state_dict()[name], array.astype(ours))


def test_a_model_of_tinynet_s_in_another_precision(tmp_path: Path) -> None:
    tn.save(small_net(), tmp_path / "net")
    with pytest.raises(tn.ModelFileError, match=r"float32, expected float64; .*np\.float64\)"):
        tn.load(tmp_path / "net", into=small_net(np.float64))


def test_states_of_mixed_precision_and_tensors() -> None:
    net = tn.Sequential(tn.Linear(2, 2, rng=0), tn.Linear(2, 2, rng=0, dtype=np.float64))
    tensors = {name: torch.ones(a.shape).half() for name, a in net.state_dict().items()}
    brain = {name: a.bfloat16().requires_grad_() for name, a in tensors.items()}
    for state in (tensors, {name: a.numpy() for name, a in tensors.items()}):
        with pytest.raises(ValueError, match="Convert the state") as caught:
            net.load_state_dict(state)
        names = {"np": np, "net": net, "state": state}
        net.load_state_dict(eval(str(caught.value).split("Convert the state: ")[1], names))
    single = small_net()
    brain = {name: torch.ones(a.shape).bfloat16() for name, a in single.state_dict().items()}
    graph = {name: torch.ones(a.shape).requires_grad_() for name, a in single.state_dict().items()}
    for state in (brain, graph):
        with pytest.raises(ValueError, match=r"0\.bias is no array") as caught:
            single.load_state_dict(state)
        single.load_state_dict(
            eval(str(caught.value).split("Convert the state: ")[1], {"state": state})
        )
        assert (single.state_dict()["0.weight"] == 1).all()


def test_the_network_is_blamed_only_where_names_or_shapes_differ() -> None:
    net = small_net()
    state = net.state_dict()
    cases: list[tuple[dict[str, Any], bool, bool]] = [
        ({"0.bias": state["0.bias"]}, True, False),
        (state | {"1.bias": state["0.bias"]}, True, False),
        (state | {"0.bias": np.ones(4, np.float32)}, True, False),
        (state | {"0.bias": np.ones(4)}, True, False),
        (state | {"0.bias": np.ones(3)}, False, True),
        (state | {"0.bias": np.full(3, np.nan, np.float32)}, False, False),
        (state | {"0.bias": np.ones(3, np.int64)}, False, False),
        (state | {"0.bias": "text"}, True, False),
    ]
    for wrong, build, convert in cases:
        with pytest.raises(ValueError, match="nothing was changed") as caught:
            net.load_state_dict(wrong)
        assert ("Build the network" in str(caught.value)) == build
        assert ("Convert the state" in str(caught.value)) == convert
