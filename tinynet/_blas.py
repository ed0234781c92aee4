"""When a product is handed over to BLAS, and that it runs on one thread there.

Large dense products are BLAS's home ground; ``benchmarks/kernels.py`` sets the border. Above it, a
row alone may differ in its last bits from the row in a batch. One thread, because BLAS's threads
fight over products of this size, and because the bits would depend on their number.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

LARGEST_OWN = 2**17  # weights of a Linear layer; up to here our kernels take its products

_lock = threading.Lock()
_users = 0
_controller: Any = None
_limit: Any = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within, BLAS runs on one thread; the last to leave restores what was before."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _users, _controller, _limit
    with _lock:
        if _users == 0:
            if _controller is None:  # looks through all loaded libraries: a millisecond, once
                from threadpoolctl import ThreadpoolController

                _controller = ThreadpoolController()
            _limit = _controller.limit(limits=1, user_api="blas")
        _users += 1


def _leave() -> None:
    global _users
    with _lock:
        _users -= 1
        if _users == 0:
            _limit.restore_original_limits()


def _only_this_thread() -> None:
    """After a fork no other thread lives on in the child, so none is left to leave."""
    global _users
    if _users:
        _users = 0
        _limit.restore_original_limits()
    _lock.release()


if hasattr(os, "register_at_fork"):  # a lock that another thread holds would stay locked
    os.register_at_fork(
        before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_only_this_thread
    )
