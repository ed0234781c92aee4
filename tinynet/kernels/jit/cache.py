"""Where compiled code is kept: on disk, under everything that its meaning depends on.

tinynet's kernels lie in a folder whose name is a hash of the source of them all; the code of a
kernel of your own has all that it depends on in its file's name. So an edited kernel can never run
as its old self. A cache that cannot be written, or that was damaged, costs one warning and some
time.
"""

import functools
import glob
import hashlib
import inspect
import os
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba.core.caching import FunctionCache, IndexDataCacheFile

from tinynet.kernels.jit.addresses import make_known, named_in
from tinynet.kernels.jit.dependencies import is_own, meaning


def keep_on_disk(dispatcher: Any, folder: Path) -> None:
    """Cache what `dispatcher` compiles in `folder`, or warn once that it cannot be kept."""
    if _writable(folder):
        dispatcher._cache = CheckedCache(dispatcher.py_func, folder)


@functools.cache
def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        _warn_once(f"cannot be written ({error})", "Set NUMBA_CACHE_DIR to one that can")
        return False
    return True


_warned = False


def _warn_once(problem: str, fix: str) -> None:
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(
            f"tinynet: the folder of compiled kernels {problem}; kernels are compiled anew in each "
            f"process. {fix}",
            RuntimeWarning,
            stacklevel=2,
        )


class _Locator:
    """Tells Numba where a function's compiled code lies."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._py_file = inspect.getfile(function)
        self._folder = folder
        self._line = function.__code__.co_firstlineno

    def get_cache_path(self) -> str:
        return os.fspath(self._folder)

    def get_disambiguator(self) -> str:
        return str(self._line)

    def ensure_cache_path(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)


class _CheckedFiles(IndexDataCacheFile):
    """One file per signature, a SHA-256 before the data: damaged machine code must not run.

    Numba numbers its files in an index; two processes that compile at once can mix those numbers
    up, and then float64 code meets float32 arrays. Here a file is named after what is in it.
    """

    def save(self, key: Any, data: Any) -> None:
        content = self._dump(data)
        content = self._dump((named_in(content), content))
        with self._open_for_write(self._path(key)) as file:
            file.write(hashlib.sha256(content).digest() + content)

    def load(self, key: Any) -> Any:
        import pickle  # Numba's own format; read only from the user's cache folder

        path = Path(self._path(key))
        if not path.exists():
            return None
        stored = path.read_bytes()
        digest, content = stored[:32], stored[32:]
        if hashlib.sha256(content).digest() != digest:
            raise ValueError(f"{path.name} is damaged")
        named, code = pickle.loads(content)
        make_known(named)
        return pickle.loads(code)

    def _path(self, key: Any) -> str:
        signature = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        return self._data_path(f"{Path(self._index_name).stem}.{signature}.nbc")


class CheckedCache(FunctionCache):
    """Numba's cache of one function, which never stops the program it serves."""

    def __init__(self, function: Callable[..., Any], folder: Path) -> None:
        self._py_func = function
        self._name = repr(function)
        self._folder = folder
        self._impl = self._impl_class.__new__(self._impl_class)
        self._impl._locator = _Locator(function, folder)
        self._impl._lineno = function.__code__.co_firstlineno
        module = Path(inspect.getfile(function)).stem
        self._impl._filename_base = self._impl.get_filename_base(
            f"{module}.{function.__qualname__}", ""
        )
        self._cache_path = os.fspath(folder)
        self._cache_file = _CheckedFiles(self._cache_path, self._impl.filename_base, "")
        self.enable()

    def has_code(self) -> bool:
        """Whether code was kept, for some types of the arguments."""
        name = glob.escape(Path(self._cache_file._index_name).stem)
        return any(self._folder.glob(f"{name}.*.nbc"))

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        key = super()._index_key(sig, codegen)
        return key if is_own(self._py_func) else (*key, meaning(self._py_func))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except Exception as error:
            self._give_up(error)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        problem = f"has unusable content ({type(error).__name__}: {error})"
        _warn_once(problem, f"Delete {self._folder}; it is made again")
        self.disable()
