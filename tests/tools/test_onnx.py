"""ONNX files: valid, computed by onnxruntime to the same numbers, and whole whatever strikes."""

import errno
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper
from strategies import Array, fingerprint, normal, same_bits
from survival import errors_in_a_full_folder, interrupted_at_every_line, kills_at_every_line
from test_exchange import Own, Residual, with_extra

import tinynet as tn

LINE = r"\A[^\n]+\Z"  # a message is one line
RNG = np.random.default_rng(0)
DTYPES = [np.float32, np.float64]


def digits_network(dtype: Any = np.float32) -> tn.Sequential:
    rng = np.random.default_rng(0)
    return tn.Sequential(
        tn.Linear(784, 64, rng=rng, dtype=dtype),
        tn.ReLU(),
        tn.Linear(64, 10, rng=rng, dtype=dtype),
        tn.LogSoftmax(),
    )


def nested(dtype: Any = np.float32) -> tn.Sequential:
    return tn.Sequential(
        tn.Softmax(axis=1),
        tn.Sequential(
            tn.Linear(5, 4, bias=False, rng=1, dtype=dtype), tn.Sequential(tn.ReLU(), tn.ReLU())
        ),
        tn.Linear(4, 3, rng=2, dtype=dtype),
        tn.LogSoftmax(axis=-2),
        tn.Softmax(axis=0),
    )


NETWORKS: dict[str, tuple[Any, list[str]]] = {
    "digits": (digits_network, ["Gemm", "Relu", "Gemm", "LogSoftmax"]),
    "nested": (nested, ["Softmax", "Gemm", "Relu", "Relu", "Gemm", "LogSoftmax", "Softmax"]),
    "one layer": (lambda dtype: tn.Linear(5, 3, rng=1, dtype=dtype), ["Gemm"]),
    "one layer, no bias": (lambda dtype: tn.Linear(5, 1, bias=False, dtype=dtype), ["Gemm"]),
}


def run_onnx(path: Path, x: Array) -> Array:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (y,) = session.run(["y"], {"x": x})
    return y


def shape(value: Any) -> list[Any]:
    return [size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", NETWORKS)
def test_onnxruntime_computes_the_same(name: str, dtype: Any, tmp_path: Path) -> None:
    make, operations = NETWORKS[name]
    net, path = make(dtype=dtype), tmp_path / "net.onnx"
    before = fingerprint(net)
    assert tn.to_onnx(net, path) is None
    assert fingerprint(net) == before
    assert os.listdir(tmp_path) == ["net.onnx"]
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [node.op_type for node in model.graph.node] == operations
    weights = {array.name: numpy_helper.to_array(array) for array in model.graph.initializer}
    assert list(weights) == list(net.state_dict())
    for key, array in net.state_dict().items():
        assert same_bits(weights[key], array)
    features = 784 if name == "digits" else 5
    (x_info,), (y_info,) = model.graph.input, model.graph.output
    assert shape(x_info) == ["N", features]
    for N in (1, 2, 33):
        x = normal(RNG, N, features, dtype=dtype)
        y, expected = run_onnx(path, x), net.predict(x)
        assert y.dtype == expected.dtype == dtype
        assert shape(y_info) == ["N", expected.shape[1]]
        np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("layer", [tn.ReLU(), tn.Softmax(axis=0), tn.LogSoftmax()], ids=repr)
def test_layers_without_weights_take_any_number_of_features(
    layer: tn.Module, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    tn.to_onnx(tn.Sequential(layer), path)
    onnx.checker.check_model(path, full_check=True)
    for N, features in ((1, 1), (3, 7), (5, 2)):
        x = normal(RNG, N, features, dtype=np.float32)
        np.testing.assert_allclose(run_onnx(path, x), layer.predict(x), rtol=1e-5, atol=1e-5)


def test_a_trained_network_reads_the_same_digits(tmp_path: Path) -> None:
    digits = tn.datasets.mnist_small()
    X, y = tn.data.minmax_scale(digits.images[:2500]), digits.labels[:2500]
    net, path = digits_network(), tmp_path / "digits.onnx"
    loader = tn.DataLoader(X[:2000], y[:2000], batch_size=32, shuffle=True, rng=0)
    tn.fit(net, tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.1), loader, epochs=5, progress=False)
    expected = net.predict(X[2000:])
    assert tn.accuracy(expected, y[2000:]) > 80
    tn.to_onnx(net, str(path))
    there = run_onnx(path, X[2000:])
    np.testing.assert_allclose(there, expected, rtol=1e-5, atol=1e-5)
    assert (there.argmax(axis=1) == expected.argmax(axis=1)).all()


def test_every_softmax_is_along_its_axis_and_others_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    x = normal(RNG, 4, 3, dtype=np.float32)
    for axis in (-2, -1, 0, 1):
        tn.to_onnx(tn.Sequential(tn.Linear(3, 3, rng=0), tn.Softmax(axis)), path)
        sums = run_onnx(path, x).sum(axis=axis)
        np.testing.assert_allclose(sums, np.ones_like(sums), rtol=1e-5)
    for axis in (-3, 2):
        with pytest.raises(ValueError, match=f"axis {axis} is outside"):
            tn.to_onnx(tn.Sequential(tn.Linear(3, 3, rng=0), tn.LogSoftmax(axis)), path)


def test_the_same_network_gives_the_same_file_that_old_programs_read(tmp_path: Path) -> None:
    for name in ("a", "b"):
        tn.to_onnx(nested(), tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    model = onnx.load(tmp_path / "a")
    assert [(o.domain, o.version) for o in model.opset_import] == [("", 13)]
    assert model.ir_version == 7
    assert (model.producer_name, model.producer_version) == ("tinynet", tn.__version__)


def with_nan() -> tn.Module:
    net = tn.Sequential(tn.Linear(3, 3, rng=0))
    net.layers[0].b.data[1] = np.nan
    return net


def misfits() -> tn.Module:
    return tn.Sequential(tn.Linear(3, 4, rng=0), tn.ReLU(), tn.Linear(5, 2, rng=0))


def two_dtypes() -> tn.Module:
    return tn.Sequential(tn.Linear(3, 4, rng=0), tn.Linear(4, 2, rng=0, dtype=np.float64))


@pytest.mark.parametrize(
    ("net", "error", "words"),
    [
        (Residual(), TypeError, "to_onnx: net is Residual, expected Sequential, "),
        (tn.Sequential(tn.ReLU(), Residual()), TypeError, "to_onnx: layer 1 is Residual"),
        (tn.Sequential(tn.Add()), TypeError, "to_onnx: layer 0 is Add"),
        (Own(tn.ReLU()), TypeError, "to_onnx: net is Own"),
        (tn.CrossEntropyLoss(), TypeError, "to_onnx: net is CrossEntropyLoss"),
        ([tn.ReLU()], TypeError, "to_onnx: net is list, not a Module"),
        (with_extra(), ValueError, "parameters beside its layers"),
        (with_nan(), ValueError, "0.bias holds NaN or inf"),
        (misfits(), ValueError, "Linear(5, 2): input has 4 features, expected 5"),
        (two_dtypes(), TypeError, "got dtype float32, expected float64"),
    ],
)
def test_what_cannot_be_written_leaves_the_old_file(
    net: Any, error: Any, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(b"old")
    with pytest.raises(error, match=LINE) as caught:
        tn.to_onnx(net, path)
    assert words in str(caught.value)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["net.onnx"]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        tn.to_onnx(nested(), tmp_path / "nowhere" / "net.onnx")


def test_without_onnx(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match=LINE) as caught:
        tn.to_onnx(nested(), tmp_path / "net.onnx")
    assert re.match(r"to_onnx needs onnx; .* pip install '\.\[onnx\]'", str(caught.value))


EXPORT = """
import onnx
nets = [tn.Sequential(tn.Linear(3, width, rng=0), tn.ReLU()) for width in (4, 5)]

def write(path, which):
    tn.to_onnx(nets[which], path)

def read(path):
    onnx.checker.check_model(onnx.load(path))
"""


@pytest.mark.slow
def test_killed_at_every_line_of_to_onnx(tmp_path: Path) -> None:
    kills, new = kills_at_every_line(EXPORT, tmp_path, "support/atomic formats/onnx_export")
    assert kills > 25
    assert 0 < new < 10


@pytest.mark.slow
def test_interrupted_at_every_line_of_to_onnx(tmp_path: Path) -> None:
    stops, new = interrupted_at_every_line(EXPORT, tmp_path, "support/atomic formats/onnx_export")
    assert stops > 25
    assert 0 < new < 10


def test_full_disk(tmp_path: Path) -> None:
    big = tn.Linear(200, 200, rng=0)

    def write(path: Path) -> None:
        tn.to_onnx(nested(), path)

    code = errors_in_a_full_folder(tmp_path, write, lambda path: tn.to_onnx(big, path))
    assert code == errno.ENOSPC
