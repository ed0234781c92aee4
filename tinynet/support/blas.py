"""When a product is handed over to BLAS, and that it runs on one thread there.

Large dense products are BLAS's home ground. Below the border, skipping zeros wins more: training
times of wide networks in ``benchmarks/growth.py`` set it. Above it, a row alone may differ in its
last bits from the row in a batch. One thread, because BLAS's threads fight over products of this
size, and because the bits would depend on their number.
"""

import functools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

LARGEST_OWN = 4_000_000  # weights of a Linear layer; up to here our kernels take its products

_lock = threading.Lock()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within, BLAS runs on one thread; afterwards on as many as before.

    Numbers that overflow or underflow are no errors here, whatever the program has told NumPy: our
    kernels, which take the smaller products, do not ask either.

    One Python thread at a time: the limit holds for the whole process, and threadpoolctl lets only
    the thread that set it take it back.
    """
    with _lock, _controller().limit(limits=1, user_api="blas"), np.errstate(all="ignore"):
        yield


@functools.cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController  # looks through all loaded libraries: once

    return ThreadpoolController()


if hasattr(os, "register_at_fork"):  # a lock that another thread holds would stay locked
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release
    )
