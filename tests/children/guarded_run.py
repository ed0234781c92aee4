"""One process of ``test_kernels.py``: products of arrays beside memory that nobody may touch.

Vectors of lanes are not seen by Numba's check of bounds. Here each array ends where a forbidden
page begins, or begins where one ends: a lane that reaches beyond it kills the process.
``python guarded_run.py N`` prints how many products were right.
"""

import ctypes
import mmap
import sys
from typing import Any

import numpy as np
from strategies import normal

from tinynet import kernels

SIZES = [1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 65, 80, 96, 97, 128, 129, 300]
PAGE = mmap.PAGESIZE
_protect = ctypes.CDLL(None, use_errno=True).mprotect


def guarded(values: Any, at_end: bool) -> Any:
    """A copy between two pages that may not be touched, at the end of its room or at the start."""
    pages = -(-values.nbytes // PAGE)
    room = np.frombuffer(mmap.mmap(-1, (pages + 2) * PAGE), np.uint8)
    for page in (0, pages + 1):
        if _protect(ctypes.c_void_p(room.ctypes.data + page * PAGE), PAGE, 0) != 0:
            raise OSError(ctypes.get_errno(), "mprotect")
    start = PAGE + (pages * PAGE - values.nbytes if at_end else 0)
    copy = room[start : start + values.nbytes].view(values.dtype).reshape(values.shape)
    copy[...] = values
    return copy


def products(N: int, I: int, O: int, dtype: Any, density: float, seed: int, at_end: bool) -> int:
    rng = np.random.default_rng(seed)
    x, dy = (normal(rng, N, width, dtype=dtype, density=density) for width in (I, O))
    W, b = normal(rng, I, O, dtype=dtype), normal(rng, O, dtype=dtype)
    given = {"x": x, "dy": dy, "W": W, "b": b}
    arrays = {name: guarded(values, at_end) for name, values in given.items()}
    results = {
        "linear": (("x", "W", "b"), x @ W + b),
        "linear_dx": (("dy", "W"), dy @ W.T),
        "linear_dW": (("x", "dy"), x.T @ dy),
    }
    for kernel, (names, expected) in results.items():
        out = guarded(np.full(expected.shape, np.nan, dtype), at_end)
        getattr(kernels, kernel)(*(arrays[name] for name in names), out)
        np.testing.assert_allclose(out, expected, rtol=0, atol=1e4 * np.finfo(dtype).eps)
    fetching = arrays["x"], guarded(rng.integers(N, size=N), at_end)
    steps = (kernels.linear_descend, ()), (kernels.linear_descend_fetching, fetching)
    for step, more in steps:
        W_moved = guarded(W, at_end)
        step(W_moved, arrays["x"], arrays["dy"], 0.5, *more)
        moved = W - 0.5 * (x.T @ dy)
        np.testing.assert_allclose(W_moved, moved, rtol=0, atol=1e4 * np.finfo(dtype).eps)
    return len(results) + len(steps)


def main() -> None:
    rng, right = np.random.default_rng(0), 0
    for seed in range(int(sys.argv[1])):
        N, I, O = (int(size) for size in rng.choice(SIZES, 3))
        dtype = rng.choice([np.float32, np.float64])
        density = rng.choice([1.0, 0.9, 0.5, 0.2, 0.0])
        right += products(N, I, O, dtype, density, seed, at_end=bool(seed % 2))
    print(right)


if __name__ == "__main__":
    main()
