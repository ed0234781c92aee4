"""Models in files: the weights, and how the network is built, as plain data.

A file holds every weight under PyTorch's name and in PyTorch's layout, so that either library
reads what the other wrote. How the network is built stands in the file's metadata, as names of
layers and their options; a fixed table says which class a name stands for. So a file can only ever
name what tinynet has, and reading it runs nothing that came with it.
"""

import hashlib
import math
import os
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tinynet.formats.safetensors import ModelFileError, read, to_bytes
from tinynet.layers import Add, Linear, LogSoftmax, ReLU, Softmax
from tinynet.module import Module, Sequential
from tinynet.support.atomic import file_path, write_atomically
from tinynet.support.types import Array

FORMAT = "tinynet model 1"
DTYPES = ("float32", "float64")

OPTIONS: dict[type[Module], Callable[[Any], dict[str, Any]]] = {
    Sequential: lambda net: {"layers": [_architecture(layer) for layer in net.layers]},
    Linear: lambda layer: {
        "in_features": layer.W.data.shape[0],
        "out_features": layer.W.data.shape[1],
        "bias": layer.b is not None,
        "dtype": layer.W.data.dtype.name,
    },
    ReLU: lambda layer: {},
    Softmax: lambda layer: {"axis": layer.axis},
    LogSoftmax: lambda layer: {"axis": layer.axis},
    Add: lambda layer: {},
}
"""What to call each layer's class with, to make one like it."""

LAYERS = {layer.__name__: layer for layer in OPTIONS}


def save(net: Module, path: str | os.PathLike[str]) -> None:
    """Write a network to a file, in one step: a program that dies on the way leaves the old file.

    The format is safetensors, with the names and the ``(out, in)`` layout of PyTorch. A network
    made of tinynet's own layers can be loaded from the file alone. Of any other, the file holds the
    weights only, and a warning says so: keep its code, and load with ``tn.load(path, into=net)``.

    Parameters
    ----------
    net : Module
    path : str or path-like
        The file to create or replace; ``.safetensors`` is the usual ending. A link stays one, and
        its target gets the model; a device or a pipe is written to. A file keeps its mode and its
        owner; a hard link to it keeps the old content.

    Raises
    ------
    TypeError
        If `net` is not a Module, or `path` no path.
    ValueError
        If a weight is NaN or infinite; nothing is written.
    OSError
        If the file cannot be written, or the disk is full.
    """
    if not isinstance(net, Module):
        raise TypeError(f"save: net is {type(net).__name__}, not a Module; use tn.save(net, path)")
    path = file_path("save", path)
    weights = finite_weights("save", net)
    architecture: dict[str, Any] | None = _architecture(net)
    try:
        twin = _build(architecture)
        if [name for name, _ in twin.named_parameters()] != [
            name for name, _ in net.named_parameters()
        ]:
            raise ValueError("it has parameters beside its layers, or layers that share one")
    except ValueError as reason:
        architecture = None
        warnings.warn(
            f"save: {path} will hold the weights of {net!r}, but not how it is built ({reason}); "
            "keep the code that builds it, and use tn.load(path, into=net)",
            stacklevel=2,
        )
    document = {"format": FORMAT, "architecture": architecture}
    write_atomically(path, to_bytes(weights, document))


def load(path: str | os.PathLike[str], into: Module | None = None) -> Module:
    """Read a network from a file that ``tn.save`` wrote, or weights from any safetensors file.

    Parameters
    ----------
    path : str or path-like
    into : Module, optional
        A network that takes over the weights; it needs the names, shapes and dtypes of the file.
        Without it, the network is built as the file says, which only files of ``tn.save`` do.

    Returns
    -------
    Module
        The new network, or `into`.

    Warns
    -----
    UserWarning
        If tinynet did not write the file: without a SHA-256, a changed byte goes unnoticed.

    Raises
    ------
    ModelFileError
        A ValueError: if the file is damaged, or not a safetensors file, or does not fit `into`
        (the message lists all that differs), or does not say how to build a network. `into` is
        unchanged, and nothing from the file was run.
    OSError
        If the file cannot be read.
    """
    if into is not None and not isinstance(into, Module):
        raise TypeError(f"load: into is {type(into).__name__}, expected a Module, such as a layer")
    path = file_path("load", path)
    weights, document = read(path, FORMAT)
    architecture = None if document is None else document.get("architecture")
    if into is not None:
        net = into
    elif architecture is None:
        raise ModelFileError(
            f"{path} holds weights, but not how their network is built; build it, and use "
            "tn.load(path, into=net)"
        )
    else:
        try:
            if _size(architecture) > sum(array.size for array in weights.values()):
                raise ValueError("it would have more weights than the file")
            net = _build(architecture)
        except (ValueError, RecursionError) as error:
            raise ModelFileError(
                f"{path} holds no network that tinynet can build: {error}. Build it yourself, and "
                "use tn.load(path, into=net)"
            ) from error
    try:
        net.load_state_dict(weights)
    except ValueError as error:
        read_again = f", where state is safetensors.numpy.load_file({str(path)!r})"
        read_again = read_again if "Convert the state" in str(error) else ""
        raise ModelFileError(f"{path}: {error}{read_again}") from error
    if document is None:
        warnings.warn(
            f"load: {path} was not written by tinynet and has no SHA-256 of its content: its form "
            "is right, but a changed byte would go unnoticed; tn.save(net, path) adds one",
            stacklevel=2,
        )
    return net


def fingerprint(net: Module) -> str:
    """A short name for the weights of a network, in which no bit can change unnoticed.

    Parameters
    ----------
    net : Module

    Returns
    -------
    str
        The first 12 hexadecimal digits of the SHA-256 over names, shapes, dtypes and bytes of
        ``net.state_dict()``.

    Raises
    ------
    TypeError
        If `net` is not a Module.
    """
    if not isinstance(net, Module):
        raise TypeError(
            f"fingerprint: net is {type(net).__name__}, not a Module; use tn.fingerprint(net)"
        )
    digest = hashlib.sha256()
    for name, array in net.state_dict().items():
        digest.update(f"{name} {array.shape} {array.dtype}\n".encode())
        digest.update(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes())
    return digest.hexdigest()[:12]


def finite_weights(owner: str, net: Module) -> dict[str, Array]:
    """The state dict of `net`, or a ValueError that names the weights with NaN or inf."""
    weights = net.state_dict()
    stray = [name for name, array in weights.items() if not np.isfinite(array).all()]
    if stray:
        raise ValueError(
            f"{owner}: {', '.join(stray)} hold{'s' * (len(stray) == 1)} NaN or inf, which no load "
            "would accept; nothing was written. Go back to weights from before training diverged"
        )
    return weights


def _architecture(net: Module) -> dict[str, Any]:
    """How `net` is built: the name of its class and the options to call it with."""
    kind = type(net)
    if kind not in OPTIONS or "forward" in vars(net):
        return {"layer": f"{kind.__module__}.{kind.__qualname__}"}
    return {"layer": kind.__name__} | OPTIONS[kind](net)


def _build(architecture: Any) -> Module:
    """The network that `_architecture` describes.

    Raises
    ------
    ValueError
        If it is not what `_architecture` would say of the result.
    """
    options = dict(architecture) if isinstance(architecture, dict) else {}
    name = options.pop("layer", None)
    if not isinstance(name, str) or name not in LAYERS:
        raise ValueError(f"{name!r} is not a layer of tinynet's")
    layers = options.pop("layers", []) if name == "Sequential" else []
    plain = all(type(value) in (int, bool) or value in DTYPES for value in options.values())
    if not plain or not isinstance(layers, list):
        raise ValueError(f"{name} has an option of a wrong type")
    try:
        net = LAYERS[name](*map(_build, layers), **options)
    except TypeError as error:
        raise ValueError(f"{name}: {error}") from error
    if _architecture(net) != architecture:
        raise ValueError(f"{name} lacks an option")
    return net


def _size(architecture: Any) -> int:
    """How many weights a network would have: a small file must not ask for all memory."""
    if not isinstance(architecture, dict):
        return 0
    layers = architecture.get("layers")
    sizes = [value for value in architecture.values() if type(value) is int]
    own = max(0, math.prod(sizes)) if architecture.get("layer") == "Linear" else 0
    return own + sum(map(_size, layers if isinstance(layers, list) else []))
