"""A trained network as an ONNX file, which other programs run without tinynet or Python.

ONNX is a list of operations on named arrays: ``y = Gemm(x, weight, bias)``, ``Relu``, ``Softmax``,
``LogSoftmax``. A network is written down almost word for word, each layer as its class says:
``onnx_operation``, ``onnx_attributes`` and ``onnx_inputs``. The number of rows stays open.
"""

import copy
import os
from typing import Any

import numpy as np

from tinynet.formats.architecture import OURS
from tinynet.formats.elsewhere import at, shared_layers
from tinynet.formats.serialization import finite_weights
from tinynet.module import Module
from tinynet.support.atomic import file_path, write_atomically
from tinynet.support.checks import checked_shape
from tinynet.support.options import signature
from tinynet.support.types import Array
from tinynet.version import __version__

OPSET = 13  # the oldest set of operations in which a softmax is along one axis, as here


def to_onnx(
    net: Module, path: str | os.PathLike[str], input_shape: tuple[int, ...] | None = None
) -> None:
    """Write a network to an ONNX file, in one step: a program that dies on the way leaves the old.

    The model has one input `x` of shape (N, features), or (N, channels, height, width), and one
    output `y`, of the dtype of the weights; N is free. How many features x has is the option
    `in_features` or `num_features` of the first layer that takes one, or what that layer says by
    `row_shape`; without it, they are free, too. Weights have the names and the layout of PyTorch;
    one that layers share is written for each. Needs the extra `onnx`. A network with layers of your
    own is computed once as ONNX says, and must give the same numbers.

    Parameters
    ----------
    net : Sequential
        Of layers whose classes say what they are in ONNX (Linear, ReLU, Softmax and LogSoftmax do,
        and so may yours), with Sequentials within it, too; or one such layer.
    path : str or path-like
        The file to create or replace; ``.onnx`` is the usual ending.
    input_shape : tuple of int, optional
        The shape of one row of x, such as (1, 28, 28), of a network whose layers take pictures of
        any size: where one turns into a row of numbers, the model is of that size.

    Raises
    ------
    TypeError
        If `net` or a layer in it is something else, or layers differ in dtype; the message names
        it.
    ValueError
        If layers do not fit each other, or a weight is NaN or infinite, or a
        class says of its layer what is no operation of ONNX's, or another one. Nothing is written.
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
    layers = shared_layers("to_onnx", net, "onnx_operation")
    weights = finite_weights("to_onnx", net)
    strangers = [type(layer).__name__ for _, layer in layers if type(layer) not in OURS.values()]
    parameters = net.parameters()
    dtype = parameters[0].data.dtype if parameters else np.dtype(np.float32)
    row = _row(layers) if input_shape is None else checked_shape("to_onnx", input_shape)
    if row is not None and None in row:
        raise ValueError(
            f"to_onnx: {layers[0][1]!r} takes pictures of any size; say of which, as in "
            "to_onnx(net, path, input_shape=(1, 28, 28))"
        )
    x = np.random.default_rng(0).normal(size=(3, *(row or (1,)))).astype(dtype)
    before = [x]
    try:
        for _, layer in layers:  # raises if they do not fit
            before.append(layer.predict(before[-1]))
    except ValueError as error:
        if row or not strangers:
            raise
        raise ValueError(
            f"{error}; to_onnx tried inputs of one feature, since no layer takes an option "
            "in_features; call what says the width so"
        ) from error
    y = before[-1]
    rows = ["N" if len(y) == len(x) else "rows", *(y.shape[1:] if row else ["features"])]
    nodes, used = [], set[str]()
    array = "x"
    for number, (place, layer) in enumerate(layers, 1):
        result = "y" if number == len(layers) else f"{place}.y"
        operation, names, attributes = _operation(place, layer)
        for name, value in _valued(layer, layer.onnx_constants, before[number - 1]).items():
            names.append(f"{place}.{name}" if place else name)
            weights[names[-1]] = np.asarray(value, dtype if isinstance(value, float) else None)
        try:
            _refuse_unknown(onnx.defs, operation, len(names) + 1, attributes)
        except ValueError as error:
            raise ValueError(
                f"to_onnx: {at(place, 'net')} is {layer!r}, of which class {type(layer).__name__} "
                f"says {error}"
            ) from error
        nodes.append(
            helper.make_node(operation, [array, *names], [result], name=place or "0", **attributes)
        )
        array, used = result, used | set(names)
    element = helper.np_dtype_to_tensor_dtype(dtype)
    graph = helper.make_graph(
        nodes,
        "tinynet",
        [helper.make_tensor_value_info("x", element, ["N", *(row or ["features"])])],
        [helper.make_tensor_value_info("y", element, rows)],
        [numpy_helper.from_array(a, name) for name, a in weights.items() if name in used],
    )
    operations = [helper.make_opsetid("", OPSET)]
    model: onnx.ModelProto = helper.make_model(
        graph,
        opset_imports=operations,
        ir_version=helper.find_min_ir_version_for(operations),  # so that older programs read it
        producer_name="tinynet",
        producer_version=__version__,
    )
    if strangers:
        _refuse_other_numbers(model, x, y, " or ".join(dict.fromkeys(strangers)))
    write_atomically(file_path("to_onnx", path), model.SerializeToString(deterministic=True))


def _row(layers: list[tuple[str, Module]]) -> tuple[Any, ...] | None:
    """The shape of a row of x; None: any number of features."""
    for _, layer in layers:
        if shape := layer.row_shape():
            return shape
        for name in ("in_features", "num_features"):
            if name in signature(type(layer)).parameters:
                return (int(type(layer).options(layer)[name]),)
    return None


def _operation(place: str, layer: Module) -> tuple[str, list[str], dict[str, Any]]:
    """A layer's operation in ONNX, the names of its inputs after x, and its attributes."""
    kind = type(layer)
    inputs = kind.onnx_inputs
    if inputs is None:
        inputs = tuple(name for name, _ in layer.own_parameters())
    names = [kind.torch_layout.get(own, (own,))[0] for own in inputs]
    if missing := [name for name in names if name not in layer.state_dict()]:
        raise ValueError(
            f"to_onnx: {at(place, 'net')} is {layer!r}, of which class {kind.__name__} says "
            f"onnx_inputs = {inputs!r}, and {missing[0]} is neither a parameter nor a buffer"
        )
    attributes = _valued(layer, kind.onnx_attributes)
    return str(kind.onnx_operation), [f"{place}.{n}" if place else n for n in names], attributes


def _valued(layer: Module, data: dict[str, Any], *x: Array) -> dict[str, Any]:
    """A row of a class with the numbers of one layer: functions of it, or of it and x, are called.

    The last arguments of a function may be left out.
    """
    arguments = layer, *x
    return {
        name: value(*arguments[: _takes(value)]) if callable(value) else value
        for name, value in data.items()
    }


def _takes(function: Any) -> int:
    """How many arguments a function takes: one, if it does not say."""
    code = getattr(function, "__code__", None)
    return 1 if code is None else int(code.co_argcount)


def _refuse_unknown(defs: Any, operation: str, inputs: int, attributes: dict[str, Any]) -> None:
    """Refuse what is no operation of ONNX's, or not called like that."""
    try:
        schema = defs.get_schema(operation, OPSET)
    except defs.SchemaError as error:
        raise ValueError(
            f"onnx_operation = {operation!r}, and ONNX has none of that name in opset {OPSET}"
        ) from error
    if not schema.min_input <= inputs <= schema.max_input:
        raise ValueError(
            f"onnx_operation = {operation!r}, which takes {schema.min_input} to "
            f"{schema.max_input} inputs, x among them, and gets {inputs}; say which in onnx_inputs"
        )
    for name in attributes:
        if name not in schema.attributes:
            raise ValueError(
                f"onnx_attributes with {name!r}, expected {', '.join(schema.attributes) or 'none'}"
            )


def _refuse_other_numbers(model: Any, x: Array, y: Array, whose: str) -> None:
    """Refuse a model that computes something else than the network, by ONNX's own interpreter."""
    from onnx.reference import ReferenceEvaluator

    # It takes a BatchNormalization of before opset 14 for one in training.
    later = copy.deepcopy(model)
    later.opset_import[0].version = 15
    there: Any
    try:
        (there,) = ReferenceEvaluator(later).run(None, {"x": x})
    except Exception as error:  # of an operation that does not fit its inputs
        raise ValueError(
            f"to_onnx: ONNX cannot compute the network ({error}); correct onnx_operation, "
            f"onnx_attributes or onnx_inputs in class {whose}"
        ) from error
    if there.shape != y.shape or not np.allclose(there, y, rtol=1e-3, atol=1e-4, equal_nan=True):
        raise ValueError(
            "to_onnx: computed by ONNX, the network gives other numbers; correct onnx_operation, "
            f"onnx_attributes or onnx_inputs in class {whose}"
        )
