"""What a data file is, told by its first bytes, since names lie; and the text that is in it."""

import codecs
import gzip
import io
import os
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from tinynet.datasets.idx import DataError, open_data
from tinynet.support.magic import PICTURES, STARTS, kind_of

DataSource = str | os.PathLike[str] | BinaryIO

FORMS = {
    "png": "a PNG picture",
    "jpeg": "a JPEG picture",
    "gif": "a GIF picture",
    "tiff": "a TIFF picture",
    "bmp": "a BMP picture",
    "webp": "a WebP picture",
    "heif": "a HEIC or AVIF picture, or a film",
    "pnm": "a PNM picture",
    "parquet": "a Parquet file",
    "arrow": "an Arrow or Feather file",
    "hdf5": "an HDF5 file",
    "npy": "a NumPy array file",
    "xls": "an old Excel workbook (.xls)",
    "pdf": "a PDF document",
    "sqlite": "an SQLite database",
    "bzip2": "a bzip2 archive, which has to be unpacked first",
    "xz": "an xz archive, which has to be unpacked first",
    "zstd": "a Zstandard archive, which has to be unpacked first",
    "7z": "a 7z archive, which has to be unpacked first",
    "rar": "a RAR archive, which has to be unpacked first",
    "tar": "a tar archive, which has to be unpacked first",
    "pickle": "a pickle, which could run any code",
    "idx": "an IDX file, which tinynet.datasets.read_idx reads",
    "gguf": "a GGUF file, as of a language model",
    "tflite": "a TensorFlow Lite model",
    "lfs": "a pointer of Git LFS, not the file itself: run git lfs pull",
}
TEXTS = (
    (b"<!doctype html", "an HTML page; perhaps a download ended in an error page"),
    (b"<html", "an HTML page; perhaps a download ended in an error page"),
    (b"<?xml", "an XML file"),
    (b"<svg", "an SVG drawing"),
    (b"{", "a JSON file"),
    (b"[", "a JSON file"),
    (b"@relation", "an ARFF file"),
    (b"% ", "an ARFF file"),
)
CONTROLS = bytes({*range(32)} - set(b"\t\f"))
BYTE_ORDER_MARKS = (  # UTF-32's little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def read_content(source: DataSource) -> tuple[bytes, str]:
    """All bytes of a file, and the name that errors give it.

    Raises
    ------
    DataError
        If it cannot be opened.
    TypeError
        If it is neither a path nor a file that is open for reading bytes.
    """
    if isinstance(source, str | os.PathLike):
        with open_data(source) as file:
            return file.read(), str(source)
    content = source.read() if hasattr(source, "read") else None
    if not isinstance(content, bytes):
        what = "a file that is open as text" if content is not None else type(source).__name__
        raise TypeError(f"got {what}, expected a path, or a file opened with mode 'rb'")
    return content, str(getattr(source, "name", "the open file"))


def form_of(content: bytes) -> str | None:
    """What a file is by its first bytes, with an article; None: perhaps text."""
    if is_safetensors(content):
        return "a safetensors file, as of a saved network"
    return FORMS.get(kind_of(content) or "")


def is_picture(content: bytes) -> bool:
    """Whether the first bytes are those of a picture."""
    return kind_of(content) in PICTURES


def is_safetensors(head: bytes) -> bool:
    """Whether the first bytes are those of a safetensors file: a length, then JSON."""
    return head[8:10] == b'{"' and int.from_bytes(head[:8], "little") < 10**8


def text_form_of(line: bytes) -> str | None:
    """What a file is by its first line, which is no line of a CSV file."""
    controls = len(line) - len(line.translate(None, CONTROLS))
    if controls > len(line) / 20:
        return "binary data, or text in an encoding other than UTF-8"
    start = line.lstrip().lower()
    return next((form for magic, form in TEXTS if start.startswith(magic)), None)


def text_of(content: bytes, source: str) -> bytes:
    """The text in a file, in UTF-8, without what it is packed in.

    Raises
    ------
    DataError
        If the file holds something else; the message says what.
    """
    for _ in range(3):  # a gzipped file in a zip archive, at the most
        if content.startswith(STARTS["gzip"]):
            content = _gunzipped(content, source)
        elif content.startswith(STARTS["zip"]):
            content = _unzipped(content, source)
        else:
            break
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            body = content[len(mark) :]
            try:
                return body if encoding == "utf-8" else body.decode(encoding).encode()
            except UnicodeError as error:
                raise DataError(
                    f"{source}: starts as {encoding.upper()} text does, and is not: {error}; save "
                    "it anew as UTF-8"
                ) from None
    form = form_of(content)
    if form is not None:
        other = "; tinynet.datasets.load_pictures reads pictures" if "picture" in form else ""
        raise DataError(f"{source}: this is {form}, expected the text of a CSV file{other}")
    return content


def _gunzipped(content: bytes, source: str) -> bytes:
    try:
        return gzip.decompress(content)
    except EOFError:
        raise DataError(f"{source}: the gzip data is truncated; get the file again") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{source}: the gzip data is corrupt ({error}); get it again") from None


def _unzipped(content: bytes, source: str) -> bytes:
    """The one CSV file in a zip archive, or the one file."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [
                name
                for name in archive.namelist()
                if not name.endswith(("/", ".DS_Store")) and not name.startswith("__MACOSX/")
            ]
            form = next(_zipped_forms(names), None)
            tables = [name for name in names if name.lower().endswith((".csv", ".csv.gz", ".tsv"))]
            chosen = tables if tables else names
            if form is None and len(chosen) == 1:
                return archive.read(chosen[0])
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise DataError(f"{source}: the zip archive is damaged ({error}); get it again") from None
    except (RuntimeError, NotImplementedError) as error:
        raise DataError(f"{source}: the zip archive cannot be read ({error}); unpack it") from None
    if form is not None:
        raise DataError(f"{source}: this is {form}, expected the text of a CSV file")
    raise DataError(
        f"{source}: this is a zip archive of {len(chosen)} files ({', '.join(chosen[:4])}"
        f"{', ...' if len(chosen) > 4 else ''}), expected one CSV file; unpack it, and name one"
    )


def _zipped_forms(names: list[str]) -> Iterator[str]:
    if "[Content_Types].xml" in names:
        yield "an Excel workbook, or another Office file; save it as CSV"
    if "mimetype" in names:
        yield "an OpenDocument file; save it as CSV"
    if names and all(name.endswith(".npy") for name in names):
        yield "a NumPy archive (.npz), which numpy.load reads"
    if any(name.endswith("data.pkl") for name in names):
        yield "a file of torch.save's"
