"""How a kernel becomes machine code, and where that code is kept.

A kernel is written twice: as one NumPy equation (the reference) and as a plain Python loop. Numba
compiles the loop the first time it is called; the compiled code is then kept on disk, in a folder
whose name is a hash of the source of all of tinynet's kernels; the code of a kernel of your own has
all that it depends on in its file's name. So an edited kernel can never run as its old self. A
cache that cannot be written, or that was damaged, costs one warning and some time.
"""

import functools
import hashlib
import inspect
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numba
from numba.core import config
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.misc.appdirs import AppDirs

from tinynet.kernels.jit.dependencies import is_own, meaning

Function = TypeVar("Function", bound=Callable[..., Any])


def cache_folder() -> Path:
    """The folder of compiled code: ``$NUMBA_CACHE_DIR`` if set, else the user's cache folder."""
    base = config.CACHE_DIR or AppDirs(appname="tinynet", appauthor=False).user_cache_dir
    return Path(base) / f"tinynet-{source_hash()[:16]}"


@functools.cache
def source_hash() -> str:
    """SHA-256 over the source of all kernels and the version of Numba that compiles them."""
    digest = hashlib.sha256(numba.__version__.encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


def jit(function: Function) -> Function:
    """Compile `function` at its first call: no fast-math, the GIL released, the result cached."""
    return _compiled(function)


def inner(function: Function) -> Function:
    """The same for a part of kernels, which compiled code alone calls.

    It makes no arrays, and so counts no references to the views that it takes of its arguments:
    Numba would count up and down around every loop over a block.
    """
    return _compiled(function, no_cpython_wrapper=True, _nrt=False)


def inlined(function: Function) -> Function:
    """A part of an inner loop, where a call would cost more than its work: it is copied there.

    Numba copies it before it compiles, and so LLVM sees it once, not for itself as well.
    """
    return _compiled(function, no_cpython_wrapper=True, _nrt=False, inline="always")


def _compiled(function: Function, **options: Any) -> Function:
    options |= {"nogil": True, "no_cfunc_wrapper": True}
    compiled = numba.njit(error_model="numpy", **options)(function)
    if not config.DISABLE_JIT:
        keep_on_disk(compiled, cache_folder())
    return compiled


before_loading: list[Callable[[bytes], None]] = []
"""What is called with compiled code from the cache before it is loaded."""


class Pair(NamedTuple):
    """A kernel: the equation that says what it computes, and the loop that runs.

    Attributes
    ----------
    reference : callable
        The equation, in NumPy.
    loop : callable
        The compiled loop.
    updates : tuple of str
        The arguments that it changes, if it is not given an array for the result.
    """

    reference: Callable[..., Any]
    loop: Callable[..., Any]
    updates: tuple[str, ...]


PAIRS: dict[str, Pair] = {}
"""Every kernel: tinynet's by its name, others by module and name, so that none takes another's
place. The tests walk all of tinynet's and compare equation and loop."""


def kernel(
    reference: Callable[..., Any], *, updates: tuple[str, ...] = ()
) -> Callable[[Function], Function]:
    """Compile a loop and tie it to the NumPy equation that says what it computes.

    The loop takes the arguments of the equation, under the same names, and then the array that it
    writes the result to::

        def tanh_reference(x):
            return np.tanh(x)

        @tn.kernel(tanh_reference)
        def tanh(x, y):
            inputs, outputs = x.reshape(-1), y.reshape(-1)
            for i in range(inputs.size):
                outputs[i] = np.tanh(inputs[i])

    A layer calls ``tanh(x, y)`` with C-contiguous arrays (``np.ascontiguousarray`` makes one) of
    matching shapes; with other shapes Numba reads past the end without a word. It compiles at the
    first call for a dtype, without fast-math, and the machine code is kept on disk for later
    processes: until the loop changes, or anything that it calls or names.

    Parameters
    ----------
    reference : callable
        The equation: a function of arrays and numbers that returns the result.
    updates : tuple of str, optional
        Instead of writing a result, the loop changes the arguments of these names, as an
        optimizer's step does. A result that is one number is returned, be it the only one or the
        second.

    Returns
    -------
    callable
        A decorator. What it makes has the equation as its ``pair.reference``.

    Raises
    ------
    TypeError
        If the arguments of the loop are not those of the equation and one for the result, or
        `updates` names something else.
    """

    def tie(loop: Function) -> Function:
        _check_arguments(reference, loop, updates)
        compiled = jit(loop)
        pair = Pair(reference, compiled, updates)
        name = loop.__qualname__
        PAIRS[name if is_own(loop) else f"{loop.__module__}.{name}"] = pair
        compiled.pair = pair  # type: ignore[attr-defined]
        return compiled

    return tie


def _check_arguments(reference: Any, loop: Any, updates: tuple[str, ...]) -> None:
    for function in (reference, loop):
        if not inspect.isfunction(function):
            raise TypeError(
                f"kernel: {function!r} is no plain function; use @tn.kernel(equation) above the "
                "loop, where equation is the NumPy function of the same arguments"
            )
    wanted, given = (list(inspect.signature(f).parameters) for f in (reference, loop))
    if unknown := set(updates) - set(wanted):
        raise TypeError(
            f"kernel: updates names {', '.join(sorted(unknown))}, but the arguments of "
            f"{reference.__name__} are {', '.join(wanted)}"
        )
    if given[: len(wanted)] != wanted or len(given) > len(wanted) + (not updates):
        last = "" if updates else ", and then the array of the result"
        raise TypeError(
            f"kernel: {loop.__name__} takes ({', '.join(given)}), expected the arguments of "
            f"{reference.__name__}, ({', '.join(wanted)}){last}"
        )


def keep_on_disk(dispatcher: Any, folder: Path) -> None:
    """Cache what `dispatcher` compiles in `folder`, or warn once that it cannot be kept."""
    if _writable(folder):
        dispatcher._cache = _CheckedCache(dispatcher.py_func, folder)


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


class _Patience:
    """Says that kernels are being compiled, when that has taken more than a second."""

    def __init__(self) -> None:
        self.started: list[float] = []
        self.seconds = 0.0
        self.said = False

    def start(self) -> None:
        self.started.append(time.perf_counter())
        watched = sys.stderr is not None and (sys.stderr.isatty() or "ipykernel" in sys.modules)
        spent = self.seconds + time.perf_counter() - self.started[0]
        if spent > 1 and watched and not self.said:
            self.said = True
            print("compiling kernels (once) ...", file=sys.stderr, flush=True)

    def stop(self) -> None:
        seconds = time.perf_counter() - self.started.pop() if self.started else 0.0
        if not self.started:  # kernels that call kernels compile within each other
            self.seconds += seconds


_patience = _Patience()


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
        for prepare in before_loading:
            prepare(content)
        return pickle.loads(content)

    def _path(self, key: Any) -> str:
        signature = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
        return self._data_path(f"{Path(self._index_name).stem}.{signature}.nbc")


class _CheckedCache(FunctionCache):
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

    def _index_key(self, sig: Any, codegen: Any) -> Any:
        key = super()._index_key(sig, codegen)
        return key if is_own(self._py_func) else (*key, meaning(self._py_func))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            found = super().load_overload(sig, target_context)
        except Exception as error:
            self._give_up(error)
            found = None
        if found is None:
            _patience.start()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        _patience.stop()
        try:
            super().save_overload(sig, data)
        except Exception as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        problem = f"has unusable content ({type(error).__name__}: {error})"
        _warn_once(problem, f"Delete {self._folder}; it is made again")
        self.disable()
