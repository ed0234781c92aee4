"""Find the four files of MNIST or Fashion-MNIST, or download them, and trust no byte of them.

A network can fail in many ways: silence, half an answer, an error page, another file. All of them
end in one test: the SHA-256, of MNIST's unpacked content, or of Fashion-MNIST's files as they are.
What passes is stored by one rename, so that neither a kill nor a second process can leave half a
file behind. What fails is never stored.
"""

import hashlib
import io
import os
import time
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinynet.datasets.idx import GZIP_MAGIC, DataError, decode_idx, idx_header, open_data
from tinynet.datasets.sources import Source
from tinynet.support.atomic import write_atomically

KERAS = {  # the arrays in Keras' mnist.npz
    "train-images-idx3-ubyte": "x_train",
    "train-labels-idx1-ubyte": "y_train",
    "t10k-images-idx3-ubyte": "x_test",
    "t10k-labels-idx1-ubyte": "y_test",
}

TIMEOUT = (10.0, 20.0)  # seconds to wait for a connection, and for the next bytes
PATIENCE = 30.0  # seconds after which the average speed counts
SLOWEST = 1_000  # bytes per second
LARGEST = 2**26  # bytes in one answer; the largest file has 47 million unpacked


Home = str | os.PathLike[str] | None


def load_files(source: Source, data_home: Home, offline: bool) -> dict[str, NDArray[np.uint8]]:
    """Return the arrays of the four files by name, downloading what is not there.

    See `tinynet.datasets.mnist` for the parameters and errors.
    """
    arrays = {name: _find(source, name, data_home) for name in source.files}
    missing = [name for name, array in arrays.items() if array is None]
    if missing and offline:
        folders = " and ".join(str(folder / source.folder) for folder in _folders(data_home))
        there = f" ({4 - len(missing)} of 4 are there)" if len(missing) < 4 else ""
        raise FileNotFoundError(
            f"{source.function}(offline=True): {', '.join(missing)} not found in {folders}{there}. "
            f"Allow the download from {', '.join(source.mirrors)} with offline=False. "
            f"{_by_hand(source, data_home)}{_other_forms(source, data_home)}"
        )
    mirrors = list(source.mirrors)
    found = {name: array for name, array in arrays.items() if array is not None}
    return found | {name: _download(source, name, mirrors, data_home) for name in missing}


def _folders(data_home: Home) -> Iterator[Path]:
    """Yield the folders to look in; downloads go to the first."""
    if data_home is not None:
        yield Path(data_home).expanduser()
        return
    if named := os.environ.get("TINYNET_DATA"):
        yield Path(named).expanduser()
    yield _import_pooch().os_cache("tinynet")


def _find(source: Source, name: str, data_home: Home) -> NDArray[np.uint8] | None:
    for folder in _folders(data_home):
        for path in _candidates(source, folder, name):
            if not path.is_file():
                continue
            try:
                with open_data(path) as file:
                    if path.suffix == ".npz":
                        array = _from_keras(source, path, name)
                    else:
                        array = _verified(source, file, str(path), name)
            except DataError as error:
                # Not overwritten: Fashion-MNIST, for one, uses the same four names.
                raise DataError(
                    f"{error}. Move this file away, and {source.function}() downloads the right "
                    "one, or pass another data_home"
                ) from None
            if array is not None:
                return array
    return None


def _candidates(source: Source, folder: Path, name: str) -> Iterator[Path]:
    """Where a file may lie, and under which names, the usual one first."""
    if source.packed:
        yield from (folder / below / f"{name}.gz" for below in source.subfolders)
        return
    dotted = name.replace("-idx", ".idx")  # as some unpackers name it, and an archive of Kaggle's
    for below in source.subfolders:
        for stem in (name, dotted, f"{name}/{dotted}", f"{name}/{name}"):
            yield folder / below / f"{stem}.gz"
            yield folder / below / stem
    for below in source.subfolders:
        yield folder / below / source.keras


def _from_keras(source: Source, path: Path, name: str) -> NDArray[np.uint8] | None:
    """The array, or None if the archive has none of this name: it is somebody else's then."""
    try:
        with np.load(path) as arrays:
            if KERAS[name] not in arrays:
                return None
            array = np.ascontiguousarray(arrays[KERAS[name]])
    except (ValueError, TypeError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(
            f"{path}: not Keras' mnist.npz, or damaged: {KERAS[name]} cannot be read ({error})"
        ) from None
    shape, _ = source.files[name]
    if array.dtype != np.uint8 or array.shape != shape:
        raise DataError(
            f"{path}: {KERAS[name]} is {array.dtype} of shape {array.shape}, expected uint8 of "
            f"shape {shape}"
        )
    return _checked(source, array, f"{path}: {KERAS[name]}", name)


def _other_forms(source: Source, data_home: Home) -> str:
    """A sentence on files that may hold the data in a form that is not looked for."""
    others = [
        path
        for folder in _folders(data_home)
        for below in source.subfolders
        for path in sorted((folder / below).glob("*"))
        if path.suffix in (".parquet", ".csv") and ("mnist" in str(path).lower())
    ]
    if not others:
        return ""
    return (
        f". {others[0]} is there, too: of CSV files, tinynet.datasets.load_csv reads the digits; "
        "Parquet files are not read, convert them first"
    )


def _verified(source: Source, file: Any, place: str, name: str) -> NDArray[np.uint8]:
    """The array in an open file, if it is the right one; `place` names it in errors."""
    if not source.packed:
        return _checked(source, decode_idx(file, place, source.files[name][0]), place, name)
    content = file.read()
    _compare(source, hashlib.sha256(content), f"{place}: not {source.title}'s {name}.gz", name)
    return decode_idx(io.BytesIO(content), place, source.files[name][0])


def _checked(source: Source, array: Any, place: str, name: str) -> NDArray[np.uint8]:
    """The array, if its SHA-256 is that of the file's content."""
    digest = hashlib.sha256(idx_header(source.files[name][0]))
    digest.update(array.data)
    _compare(source, digest, f"{place}: not {source.title}'s {name}", name)
    return array


def _compare(source: Source, digest: Any, otherwise: str, name: str) -> None:
    expected, of = source.files[name][1], "the file" if source.packed else "its content"
    if digest.hexdigest() != expected:
        raise DataError(
            f"{otherwise}: the SHA-256 of {of} is {digest.hexdigest()}, expected {expected}"
        )


def _download(source: Source, name: str, mirrors: list[str], data_home: Home) -> NDArray[np.uint8]:
    failures = []
    for _ in range(len(mirrors)):
        url = f"{mirrors[0]}{name}.gz"
        try:
            content = _fetch(url, name)
            array = _verified(source, io.BytesIO(content), "the answer", name)
            break
        except (OSError, ValueError) as error:
            failures.append(f"{url} ({type(error).__name__}: {error})")
            mirrors.append(mirrors.pop(0))  # the files to come ask this mirror last
    else:
        raise ConnectionError(
            f"{source.function}(): {name}.gz could not be downloaded. Tried {'; '.join(failures)}. "
            f"{_by_hand(source, data_home)}"
        )
    folder = next(_folders(data_home)) / source.folder
    path = folder / (f"{name}.gz" if content.startswith(GZIP_MAGIC) else name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise OSError(
            error.errno,
            f"{source.function}(): {url} was downloaded, but {path} cannot be written: "
            f"{os.strerror(error.errno or 0)}. Make room there, or pass another data_home. "
            f"{_by_hand(source, data_home)}",
        ) from error
    return array


def _fetch(url: str, name: str) -> bytes:
    if not url.startswith("https://"):
        raise ValueError("only https is allowed")
    pooch = _import_pooch()
    from tqdm.auto import tqdm

    answer = _Answer()
    with tqdm(total=1, desc=name, unit="B", unit_scale=True, disable=None) as bar:
        pooch.HTTPDownloader(
            progressbar=bar,
            timeout=TIMEOUT,
            allow_redirects=False,  # a redirect might lead away from https
            headers={"Accept-Encoding": "identity"},
        )(url, answer, None)
    return answer.getvalue()


class _Answer(io.BytesIO):
    """The bytes received so far: in memory, so that only whole and verified files meet the disk."""

    def __init__(self) -> None:
        super().__init__()
        self.start = time.monotonic()

    def write(self, piece: Any) -> int:
        written = super().write(piece)
        seconds = time.monotonic() - self.start
        if self.tell() > LARGEST:
            raise DataError(f"the answer is longer than {LARGEST} bytes")
        if seconds > PATIENCE and self.tell() < SLOWEST * seconds:
            raise TimeoutError(f"only {self.tell()} bytes came in {seconds:.0f} s")
        return written


def _by_hand(source: Source, data_home: Home) -> str:
    names = ", ".join(f"{name}.gz" for name in source.files)
    folder = next(_folders(data_home)) / source.folder
    return (
        f"Or put the four files {names} into {folder} by hand, or use the "
        "20,000 digits that come with tinynet and need no network: tinynet.datasets.mnist_small()"
    )


def _import_pooch() -> Any:
    try:
        import pooch
        import tqdm  # noqa: F401
    except ImportError as error:
        raise ModuleNotFoundError(
            f"downloads of data need {error.name}; from tinynet's folder run: python -m "
            "pip install '.[data]'. Without it, tinynet.datasets.mnist_small() has 20,000 digits"
        ) from error
    return pooch
