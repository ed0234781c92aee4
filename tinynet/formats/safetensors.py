"""Files of named arrays in which no changed byte goes unnoticed.

A safetensors file is a header in JSON, which says where each array lies, and then the bytes of the
arrays: nothing in it can run. The library takes a flipped byte or a name that stands there twice
without a word, so tinynet adds two things: a SHA-256 of all that a file says, and a strict reading
of the header, before the library sees it.
"""

import hashlib
import json
import math
import shlex
import stat
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from tinynet.formats.file_kinds import kind_of
from tinynet.support.types import Array

Document = dict[str, Any]

# One key, since the library writes several in another order each time.
KEY = "tinynet"
SIZES = {"BOOL": 1, "U8": 1, "I8": 1, "U16": 2, "I16": 2, "F16": 2}
SIZES |= {"U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8}
UNKNOWN_TO_NUMPY = {"BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
SIZES |= UNKNOWN_TO_NUMPY
MAX_DIMENSIONS = 64  # of a NumPy array


class ModelFileError(ValueError):
    """A model file or checkpoint cannot be used; the message says why, and nothing was changed.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("net.safetensors").write_text("no network")
    >>> tn.load("net.safetensors")
    Traceback (most recent call last):
        ...
    tinynet.ModelFileError: net.safetensors
    """


class _Inconvertible(ValueError):
    """The file is whole, but NumPy has no such numbers."""


def to_bytes(arrays: Mapping[str, Array], document: Document) -> bytes:
    """The content of a file that holds `arrays` and `document`, and their SHA-256.

    Parameters
    ----------
    arrays : mapping from str to ndarray
        In any memory layout or byte order.
    document : dict
        Plain data, as JSON knows it; goes into the file's metadata under one key.
    """
    # The library writes memory as it lies there: in Fortran order, the wrong values.
    plain = {
        name: np.asarray(array, array.dtype.newbyteorder("<"), order="C")
        for name, array in arrays.items()
    }
    signed = document | {"sha256": _sha256(plain, document)}
    return save(plain, {KEY: json.dumps(signed)})


def read(path: Path, form: str) -> tuple[dict[str, Array], Document | None]:
    """The arrays and the document in a file, after every check that needs no network.

    Parameters
    ----------
    path : Path
    form : str
        What the document must have under "format".

    Returns
    -------
    arrays : dict from str to ndarray
    document : dict or None
        None: the file is whole as far as one can see, but was not written by tinynet.

    Raises
    ------
    ModelFileError
        If the file is damaged, of another kind, or of another format.
    OSError
        If it cannot be read.
    """
    mode = path.stat().st_mode
    if stat.S_ISCHR(mode) or stat.S_ISBLK(mode):  # which may have no end
        raise ModelFileError(f"{path} is a device, expected a safetensors file")
    content = path.read_bytes()
    try:
        header = _checked_header(content)
        arrays = load(content)
        document = _checked_document(header.get("__metadata__") or {}, arrays)
    except _Inconvertible as error:
        raise ModelFileError(
            f"{path} is whole, but {error}, which NumPy does not know. Convert it in PyTorch, and "
            "load new_path: safetensors.torch.save_file({name: a.float() for name, a in "
            f"safetensors.torch.load_file({str(path)!r}).items()}}, new_path)"
        ) from error
    except (SafetensorError, ValueError, RecursionError) as error:
        kind = None if content[8:9] == b"{" else kind_of(content)
        if kind is not None:
            what, advice = kind
            raise ModelFileError(
                f"{path} is {what}, expected a safetensors file: "
                f"{advice.replace('FILE', shlex.quote(str(path)))}"
            ) from error
        raise ModelFileError(
            f"{path} is not a whole safetensors file: {error}. Copy or download it again"
        ) from error
    if document is not None and document.get("format") != form:
        raise ModelFileError(
            f"{path} is a {document.get('format')!r} file, expected {form!r}: tn.load reads "
            "models, tn.load_checkpoint reads checkpoints, both as this version writes them"
        )
    return arrays, document


def _sha256(arrays: Mapping[str, Array], document: Document) -> str:
    ordered = sorted(arrays.items())
    layout = [[name, array.dtype.str, array.shape] for name, array in ordered]
    digest = hashlib.sha256(json.dumps([document, layout], sort_keys=True).encode())
    for _, array in ordered:
        digest.update(array.data if array.size else b"")
    return digest.hexdigest()


def _checked_document(metadata: dict[str, str], arrays: dict[str, Array]) -> Document | None:
    if KEY not in metadata:
        return None
    document = _parsed(metadata[KEY])
    if document.pop("sha256", None) != _sha256(arrays, document):
        raise ValueError("its SHA-256 is not that of its content")
    return document


def _checked_header(content: bytes) -> Document:
    if not content:
        raise ValueError("it is empty: 0 bytes of header announced in a file of 0 bytes")
    size = int.from_bytes(content[:8], "little")
    if size > len(content) - 8:
        raise ValueError(f"{size} bytes of header announced in a file of {len(content)} bytes")
    header = _parsed(content[8 : 8 + size].decode())
    faults = list(_faults(header, len(content) - 8 - size))
    if faults:
        raise ValueError("; ".join(faults))
    kinds = {name: entry["dtype"] for name, entry in header.items() if name != "__metadata__"}
    strange = [(name, kind) for name, kind in kinds.items() if kind in UNKNOWN_TO_NUMPY]
    if strange:
        others = f", like {len(strange) - 1} others" if len(strange) > 1 else ""
        raise _Inconvertible(f"{strange[0][0]!r} has dtype {strange[0][1]!r}{others}")
    return header


def _parsed(text: str) -> Document:
    """A JSON object in which no name stands twice."""

    def unique(pairs: list[tuple[str, Any]]) -> Document:
        counts = Counter(name for name, _ in pairs)
        twice = [repr(name) for name, count in counts.items() if count > 1]
        if twice:
            raise ValueError(f"{', '.join(twice)} stands in its header more than once")
        return dict(pairs)

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} stands in its header, which is not JSON")

    parsed = json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    if not isinstance(parsed, dict):
        raise ValueError("its header is not a JSON object")
    return parsed


def _faults(header: Document, available: int) -> Iterator[str]:
    """What is wrong with the places of the arrays in `available` bytes of data."""
    spans = []
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        match entry:
            case {"dtype": str(dtype), "shape": [*shape], "data_offsets": [begin, end]} if (
                len(entry) == 3
                and len(shape) <= MAX_DIMENSIONS
                and all(type(n) is int and 0 <= n < 2**63 for n in (*shape, begin, end))
            ):
                needed = math.prod(shape) * SIZES.get(dtype, 0)
                if dtype not in SIZES:
                    yield f"{name!r} has dtype {dtype!r}, which is none of safetensors'"
                elif end - begin != needed:
                    yield (
                        f"{name!r} of {dtype} {shape} takes {needed} bytes, not {begin} to {end}"
                    )
                else:
                    spans.append((begin, end, name))
            case _:
                yield f"{name!r} has no proper dtype, shape and data_offsets, and only these"
    position = 0
    for begin, end, name in sorted(spans):
        if begin != position:
            yield f"{name!r} begins at byte {begin} of the data, expected {position}"
        position = max(position, end)
    if position != available:
        yield f"{position} bytes of data announced, {available} are there"
