"""A trained network as an ONNX file, which other programs run without tinynet or Python.

ONNX is a list of operations on named arrays: ``y = Gemm(x, weight, bias)``, ``Relu``, ``Softmax``,
``LogSoftmax``. A network of tinynet's layers is written down almost word for word; the number of
rows stays open.
"""

import os
from typing import Any

import numpy as np

from tinynet.formats.exchange import shared_layers
from tinynet.formats.serialization import finite_weights
from tinynet.layers import Linear, LogSoftmax, ReLU, Softmax
from tinynet.module import Module
from tinynet.support.atomic import file_path, write_atomically
from tinynet.version import __version__

OPSET = 13  # the oldest set of operations in which a softmax is along one axis, as here


def to_onnx(net: Module, path: str | os.PathLike[str]) -> None:
    """Write a network to an ONNX file, in one step: a program that dies on the way leaves the old.

    The model has one input `x` of shape (N, features) and one output `y`, of the dtype of the
    weights; N is free. Weights have the names and the layout of PyTorch. Needs the extra `onnx`.

    Parameters
    ----------
    net : Sequential
        Of Linear, ReLU, Softmax and LogSoftmax, with Sequentials within it, too; or one such layer.
    path : str or path-like
        The file to create or replace; ``.onnx`` is the usual ending.

    Raises
    ------
    TypeError
        If `net` or a layer in it is something else, or layers differ in dtype; the message names
        it.
    ValueError
        If layers do not fit each other, or share parameters, or a weight is NaN or infinite.
        Nothing is written.
    OSError
        If the file cannot be written, or the disk is full.
    ModuleNotFoundError
        If onnx is not installed.

    References
    ----------
    "ONNX Operators", onnx.ai/onnx/operators: Gemm, Relu, Softmax and LogSoftmax of opset 13.
    """
    try:
        import onnx
        from onnx import helper, numpy_helper
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"to_onnx needs {error.name}; from tinynet's folder run: python -m pip install "
            "'.[onnx]'"
        ) from error
    layers = shared_layers("to_onnx", net)
    weights = finite_weights("to_onnx", net)
    linear = [layer for _, layer in layers if isinstance(layer, Linear)]
    dtype = linear[0].W.data.dtype if linear else np.dtype(np.float32)
    features = linear[0].W.data.shape[0] if linear else 1
    outputs = net.predict(np.zeros((1, features), dtype)).shape[1]  # raises if layers do not fit
    nodes = []
    array = "x"
    for number, (place, layer) in enumerate(layers, 1):
        result = "y" if number == len(layers) else f"{place}.y"
        operation, names, options = _operation(place, layer)
        nodes.append(
            helper.make_node(operation, [array, *names], [result], name=place or "0", **options)
        )
        array = result
    element = helper.np_dtype_to_tensor_dtype(dtype)
    graph = helper.make_graph(
        nodes,
        "tinynet",
        [helper.make_tensor_value_info("x", element, ["N", features if linear else "features"])],
        [helper.make_tensor_value_info("y", element, ["N", outputs if linear else "features"])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    operations = [helper.make_opsetid("", OPSET)]
    model: onnx.ModelProto = helper.make_model(
        graph,
        opset_imports=operations,
        ir_version=helper.find_min_ir_version_for(operations),  # so that older programs read it
        producer_name="tinynet",
        producer_version=__version__,
    )
    write_atomically(file_path("to_onnx", path), model.SerializeToString(deterministic=True))


def _operation(place: str, layer: Module) -> tuple[str, list[str], dict[str, Any]]:
    """A layer's operation in ONNX, the names of its weights, and its options."""
    if isinstance(layer, Linear):
        keys = ["weight"] if layer.b is None else ["weight", "bias"]
        return "Gemm", [f"{place}.{key}" if place else key for key in keys], {"transB": 1}
    if isinstance(layer, ReLU):
        return "Relu", [], {}
    assert isinstance(layer, Softmax | LogSoftmax)
    return type(layer).__name__, [], {"axis": layer.axis}
