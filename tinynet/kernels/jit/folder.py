"""Where compiled code lies: a folder whose name is a hash of all that its meaning depends on."""

import functools
import hashlib
import os
from pathlib import Path

from tinynet.kernels.jit.rung import COMPILES, RUNG, WHY_NOT_COMPILED

if COMPILES:
    import llvmlite.binding as llvm
    import numba
    from numba.core import config
    from numba.misc.appdirs import AppDirs


def cache_folder() -> Path:
    """The folder of compiled code: ``$NUMBA_CACHE_DIR`` if set, else the user's cache folder."""
    base = config.CACHE_DIR or AppDirs(appname="tinynet", appauthor=False).user_cache_dir
    return Path(base) / f"tinynet-{source_hash()[:16]}"


@functools.cache
def source_hash() -> str:
    """SHA-256 over the source of all kernels, their rung, and the Numba that compiles them."""
    digest = hashlib.sha256(f"{numba.__version__} {RUNG}".encode())
    for path in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


@functools.cache
def processor() -> str:
    """Its name, and what it can do."""
    return f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"


def state() -> str:
    """How kernels run here, in one line."""
    if not COMPILES:
        return f"{RUNG}, not compiled: {WHY_NOT_COMPILED}"
    if config.DISABLE_JIT:
        return f"{RUNG}, not compiled: NUMBA_DISABLE_JIT is set, so everything is very slow"
    folder = cache_folder()
    if not os.access(folder, os.W_OK):
        return f"{RUNG}, compiled anew in each process: {folder} cannot be written"
    sizes = [path.stat().st_size for path in folder.glob("*.nbc")]
    return f"{RUNG}, {len(sizes)} compiled, {sum(sizes) / 1e6:.1f} MB, kept in {folder}"
