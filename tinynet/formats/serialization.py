"""Models in files: the weights, and how the network is built, as plain data.

A file holds every weight under PyTorch's name and in PyTorch's layout, so that either library
reads what the other wrote. How the network is built stands in the file's metadata, as names of
layers and their options. A name stands for a layer of tinynet's or for a class that the reader
hands over, so reading a file runs nothing that came with it.
"""

import hashlib
import os
import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinynet.formats.architecture import OURS, build, kinds_for, refuse_size, told
from tinynet.formats.safetensors import Document, ModelFileError, read, to_bytes
from tinynet.module import Module
from tinynet.support.atomic import file_path, write_atomically
from tinynet.support.ties import tie, ties_of
from tinynet.support.types import Array

FORMAT = "tinynet model 1"


def save(net: Module, path: str | os.PathLike[str]) -> None:
    """Write a network to a file, in one step: a program that dies on the way leaves the old file.

    The format is safetensors, with the names and the ``(out, in)`` layout of PyTorch. A network
    made of tinynet's own layers can be loaded from the file alone. One with layers of your own is
    loaded with their classes, ``tn.load(path, layers=[Mine])``, if the constructor keeps its
    options as attributes of the same names, as plain data, and ``buffers`` in the class names the
    arrays that are state beside parameters. Of any other network, the file holds the weights only,
    and a warning says so and why: keep its code, and load with ``tn.load(path, into=net)``. Where a
    generator stands is in no file: a layer that draws begins anew; nor which parameters are frozen.
    Parameters that layers share are told, and shared by the layers of the loaded network.

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
    architecture: dict[str, Any] | None = None
    try:
        architecture = told(net, weights)
    except ValueError as reason:
        warnings.warn(
            f"save: {path} will hold the weights of {net!r}, but not how it is built ({reason}); "
            "keep the code that builds it, and use tn.load(path, into=net)",
            stacklevel=2,
        )
    document: Document = {"format": FORMAT, "architecture": architecture}
    if architecture is not None and (shared := ties_of(net)):
        document["ties"] = shared
    write_atomically(path, to_bytes(weights, document))


def load(
    path: str | os.PathLike[str],
    into: Module | None = None,
    layers: Iterable[type[Module]] = (),
) -> Module:
    """Read a network from a file that ``tn.save`` wrote, or weights from any safetensors file.

    Parameters
    ----------
    path : str or path-like
    into : Module, optional
        A network that takes over the weights; it needs the names, shapes and dtypes of the file.
        Without it, the network is built as the file says, which only files of ``tn.save`` do.
    layers : list of classes
        Your own layers that the file may name, such as ``[Mine]``. They are called with the options
        in the file, which are plain data, so their constructors must check what must be bounded.

    Returns
    -------
    Module
        The new network, or `into`.

    Raises
    ------
    ModelFileError
        A ValueError: if the file is damaged, or not a safetensors file, or does not fit `into`
        (the message lists all that differs), or does not say how to build a network. `into` is
        unchanged, and nothing from the file was run.
    TypeError, ValueError
        If `layers` is no list of classes of layers, each with a name of its own.
    OSError
        If the file cannot be read.

    Warns
    -----
    UserWarning
        If tinynet did not write the file: without a SHA-256, a changed byte goes unnoticed.
    """
    if into is not None and not isinstance(into, Module):
        raise TypeError(f"load: into is {type(into).__name__}, expected a Module, such as a layer")
    kinds = kinds_for("load", layers)
    if into is not None and len(kinds) > len(OURS):
        raise ValueError("load: into and layers are given; a network that is there needs no layers")
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
            refuse_size(architecture, kinds, weights)
            net = build(architecture, kinds)
            tie(net, [] if document is None else document.get("ties", []))
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
