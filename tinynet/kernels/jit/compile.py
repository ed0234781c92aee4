"""How a loop becomes machine code: no fast-math, the GIL released, the result kept on disk."""

import functools
import gc
from collections.abc import Callable
from typing import Any, TypeVar, cast

from tinynet.kernels.jit.rung import COMPILES

if COMPILES:
    import numba
    from numba.core import config
    from numba.core.errors import NumbaError as NumbaError

    from tinynet.kernels.jit.addresses import by_address
    from tinynet.kernels.jit.cache import CheckedCache, keep_on_disk
    from tinynet.kernels.jit.folder import cache_folder
    from tinynet.kernels.jit.waiting import ours

else:

    class NumbaError(Exception):  # type: ignore[no-redef]
        """Why Numba cannot compile something; never raised where it is absent."""


Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """Compile `function` at its first call: no fast-math, the GIL released, the result cached."""
    return _compiled(function)


def jit_kernel(function: Function) -> Function:
    """The same for a kernel: compiled code that names it calls its one and only copy."""
    compiled = _compiled(function)
    return by_address(compiled) if compiles_now() else compiled


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


def njit(function: Function) -> Function:
    """Numba's own decorator, as a learner uses it; without Numba, the function as it is."""
    return cast(Function, numba.njit(function)) if COMPILES else function


def _compiled(function: Function, **options: Any) -> Function:
    if not COMPILES:
        return function
    options |= {"nogil": True, "no_cfunc_wrapper": True}
    compiled = numba.njit(error_model="numpy", **options)(function)
    if not config.DISABLE_JIT:
        ours[compiled.py_func] = compiled  # while it compiles, a person is told
        keep_on_disk(compiled, cache_folder())
        compiled._compiler.compile = _without_gc(compiled._compiler.compile)
    return compiled


def _without_gc(compile: Function) -> Function:
    """Looking for garbage takes a tenth of the time: so much of what a compiler makes is needed."""

    @functools.wraps(compile)
    def compiling(*arguments: Any) -> Any:
        was_on = gc.isenabled()
        gc.disable()
        try:
            return compile(*arguments)
        finally:
            if was_on:
                gc.enable()

    return cast(Function, compiling)


def is_kept(compiled: Any) -> bool:
    """Whether the cache on disk has code of a compiled function, for some types."""
    cache = compiled._cache
    return isinstance(cache, CheckedCache) and cache.has_code()


def compiles_now() -> bool:
    """Whether functions are compiled: not if Numba is absent, or told to compile nothing."""
    return COMPILES and not config.DISABLE_JIT
