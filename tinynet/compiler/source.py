"""Generated code as real files: a debugger can step through them, a reader can open them.

Numba keeps compiled code only for functions that live in a file. So generated source is written to
the cache folder, under a name that hashes everything its meaning depends on: its text, the source
of all kernels, the versions of tinynet and Numba, and the processor.
"""

import hashlib
import os
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from tinynet.compiler.part import CannotRecord
from tinynet.kernels.jit.dependencies import meaning
from tinynet.kernels.jit.folder import cache_folder, processor, source_hash
from tinynet.kernels.jit.kernel import Kernel
from tinynet.kernels.jit.rung import COMPILES, WHY_NOT_COMPILED
from tinynet.support.atomic import write_atomically
from tinynet.version import __version__

_one_at_a_time = threading.Lock()  # another thread may not find a module half made
if hasattr(os, "register_at_fork"):  # a child would wait for ever for another thread's turn
    os.register_at_fork(
        before=_one_at_a_time.acquire,
        after_in_parent=_one_at_a_time.release,
        after_in_child=_one_at_a_time.release,
    )
_temporary: list[tempfile.TemporaryDirectory[str]] = []


def import_source(source: str, kernels: Mapping[str, Kernel]) -> ModuleType:
    """The module that `source` makes, from a file in the cache folder; the same for the same.

    Its ``__file__`` holds `source`, byte for byte. Kernels of other people's modules are handed
    over by the names that the source has for them. CannotRecord, if kernels are not compiled.
    """
    if not COMPILES:
        raise CannotRecord(f"kernels are not compiled, but run as equations: {WHY_NOT_COMPILED}")
    strangers = [f"{name} {meaning(kernel.runs)}" for name, kernel in sorted(kernels.items())]
    parts = "\0".join([source, source_hash(), __version__, processor(), *strangers])
    name = f"tinynet_steps_{hashlib.sha256(parts.encode()).hexdigest()[:16]}"
    with _one_at_a_time:
        return sys.modules.get(name) or _imported(name, source, kernels)


def _imported(name: str, source: str, kernels: Mapping[str, Kernel]) -> ModuleType:
    path = _written(f"{name}.py", source.encode())
    module = ModuleType(name)
    module.__file__ = str(path)
    vars(module).update(kernels)
    sys.modules[name] = module  # before it runs: Numba looks for a function's module by name
    try:
        exec(compile(source, path, "exec"), module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _written(name: str, content: bytes) -> Path:
    """A file with this content: in the cache folder, or in a temporary one."""
    path = cache_folder() / name
    try:
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
    except OSError:
        if not _temporary:
            _temporary.append(tempfile.TemporaryDirectory(prefix="tinynet-"))
        path = Path(_temporary[0].name) / name
        path.write_bytes(content)
    return path
