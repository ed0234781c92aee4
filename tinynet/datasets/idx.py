"""Read IDX files, the format in which MNIST is published.

An IDX file is one array: a short header, then the elements. The header is two zero bytes, a type
code (8 for unsigned bytes), the number of dimensions, and each dimension as a big-endian 32-bit
number; MNIST's labels are (N,), its images (N, 28, 28). Reading is strict: every byte must be
accounted for, so that two files with equal arrays are equal files.
"""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08
MAX_DIMENSIONS = 64  # of a NumPy array


class DataError(ValueError):
    """A data file does not hold what it should; the message says where and what.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("labels.idx").write_bytes(b"no digits")
    >>> tn.datasets.read_idx("labels.idx")
    Traceback (most recent call last):
        ...
    tinynet.datasets.DataError: labels.idx
    """


class DataFileNotFoundError(DataError, FileNotFoundError):
    """A data file does not exist.

    Examples
    --------
    >>> tn.datasets.load_csv("nowhere.csv")
    Traceback (most recent call last):
        ...
    tinynet.datasets.DataFileNotFoundError: nowhere.csv
    """


def open_data(path: str | os.PathLike[str]) -> BinaryIO:
    """Open a data file for reading; a DataError says why if that fails."""
    path = Path(path)
    try:
        return open(path, "rb")
    except FileNotFoundError:
        raise DataFileNotFoundError(
            f"{path}: there is no such file; check the path and the working folder"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be opened: {error.strerror}; expected a file") from error


def read_idx(
    path: str | os.PathLike[str], shape: tuple[int, ...] | None = None
) -> NDArray[np.uint8]:
    """Read an IDX file of unsigned bytes, plain or gzipped.

    Whether the file is gzipped is decided by its content, not by its name.

    Parameters
    ----------
    path : str or path-like
        The file.
    shape : tuple of int, optional
        The shape that the array must have, such as (60000, 28, 28). By default any shape will do.

    Returns
    -------
    ndarray of uint8
        An array of the shape that the header declares.

    Raises
    ------
    DataError
        If the file is not IDX, is damaged, is longer or shorter than its header says, or holds
        another shape. A missing file raises DataFileNotFoundError, which is also a
        FileNotFoundError.

    References
    ----------
    "The IDX file format", section of LeCun, Cortes and Burges, "The MNIST database of handwritten
    digits".

    Examples
    --------
    >>> from pathlib import Path
    >>> header = bytes([0, 0, 8, 1]) + bytes([0, 0, 0, 3])  # of bytes, one axis; of 3 numbers
    >>> _ = Path("labels.idx").write_bytes(header + bytes([7, 2, 1]))
    >>> tn.datasets.read_idx("labels.idx")
    array([7, 2, 1], dtype=uint8)
    """
    with open_data(path) as file:
        return decode_idx(file, str(path), shape)


def decode_idx(
    file: BinaryIO, source: str, shape: tuple[int, ...] | None = None
) -> NDArray[np.uint8]:
    """Read an IDX array from an open file; `source` names it in errors. See `read_idx`."""
    is_gzip = file.read(2) == GZIP_MAGIC
    file.seek(0)
    if not is_gzip:
        return _decode(file, source, shape)
    try:
        with gzip.GzipFile(fileobj=file) as stream:
            return _decode(stream, source, shape)
    except EOFError:
        raise DataError(f"{source}: the gzip data is truncated; get the file again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{source}: the gzip data is corrupt ({error}); get it again") from None


def idx_header(shape: tuple[int, ...]) -> bytes:
    """Spell the header that stands before an array of unsigned bytes of this shape."""
    return bytes([0, 0, UNSIGNED_BYTE, len(shape)]) + struct.pack(f">{len(shape)}I", *shape)


def _decode(
    stream: BinaryIO | gzip.GzipFile, source: str, shape: tuple[int, ...] | None
) -> NDArray[np.uint8]:
    magic = stream.read(4)
    if not magic:
        raise DataError(f"{source}: the file is empty, expected IDX data; get it again")
    if magic.lstrip().startswith(b"<"):
        raise DataError(
            f"{source}: this is an HTML page, not IDX data; perhaps a download ended in an error "
            "page, so get the file again"
        )
    if magic[:2] != b"\0\0":
        raise DataError(
            f"{source}: neither gzip nor IDX: starts with the bytes {magic.hex(' ')}, expected "
            "1f 8b (gzip) or 00 00 08 (IDX)"
        )
    if len(magic) < 4:
        raise DataError(f"{source}: truncated inside the IDX header; get the file again")
    if magic[2] != UNSIGNED_BYTE:
        raise DataError(
            f"{source}: wrong magic number: IDX type code 0x{magic[2]:02x}, expected 0x08 "
            "(unsigned bytes)"
        )
    if not 1 <= magic[3] <= MAX_DIMENSIONS:
        raise DataError(
            f"{source}: wrong magic number: {magic[3]} dimensions, expected 1 (labels) or 3 "
            "(images)"
        )
    dimensions = stream.read(4 * magic[3])
    if len(dimensions) < 4 * magic[3]:
        raise DataError(f"{source}: truncated inside the IDX header; get the file again")
    found = struct.unpack(f">{magic[3]}I", dimensions)
    if shape is not None and found != shape:
        raise DataError(f"{source}: holds {_kind(found)}, expected {_kind(shape)}")
    if 0 in found:
        raise DataError(f"{source}: holds no data: its header declares the shape {found}")
    size = math.prod(found)
    body = _read(stream, size + 1)
    if len(body) != size:
        problem = "truncated" if len(body) < size else "trailing bytes"
        there = f"{len(body)} are there" if len(body) < size else "there are more"
        raise DataError(
            f"{source}: {problem}: the shape {found} needs {size} data bytes, {there}; "
            "get the file again"
        )
    return np.frombuffer(body, np.uint8).reshape(found)


def _kind(shape: tuple[int, ...]) -> str:
    return f"{'labels' if len(shape) == 1 else 'images'} of shape {shape}"


def _read(stream: BinaryIO | gzip.GzipFile, size: int) -> bytearray:
    # Piece by piece, since `size` may be a lie: memory grows with what is there, not with what is
    # declared.
    body = bytearray()
    while piece := stream.read(min(size - len(body), 2**20)):
        body += piece
    return body
