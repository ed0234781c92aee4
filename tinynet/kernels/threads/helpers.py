"""The helpers: threads that take shares of large products, started when the first one comes.

They are threads of Python that run compiled code without the GIL. A helper that finds no work for a
while falls asleep; whoever has a product wakes it, and does not wait for it. Nothing starts when
tinynet is imported. In a process that another one has started to share its work, such as joblib's
and Dask's, nobody helps, since each core has a process already; nor after a fork.
"""

import ctypes
import multiprocessing
import os
import threading
import warnings
from typing import NoReturn

import numpy as np

from tinynet.kernels.jit.atomic import WORDS
from tinynet.kernels.jit.compile import compiles_now
from tinynet.kernels.jit.rung import RUNG, WHY_NOT_COMPILED
from tinynet.kernels.threads.shares import ASLEEP, FAILED, HELPERS, OWNER, TICKET, WAKE, help_others
from tinynet.support.checks import whole_number

PATIENCE = 5000  # turns of waiting for work, some 200 us, before a helper falls asleep

SHARES = RUNG == "fast" and compiles_now()
_OTHERS = WHY_NOT_COMPILED or (
    "NUMBA_DISABLE_JIT is set" if RUNG == "fast" else f"TINYNET_KERNELS is {RUNG}"
)

_awake = threading.Event()
_started: list[threading.Thread] = []


def get_num_threads() -> int:
    """How many threads share a large product, this one among them: see `set_num_threads`.

    Returns
    -------
    int
    """
    return int(WORDS[HELPERS]) + 1


def set_num_threads(number: int) -> None:
    """Let so many threads share each large product of matrices; with 1, nobody helps.

    Without it there are as many as the environment variable ``TINYNET_THREADS`` says. Where that is
    not set, as many as this process may use cores (its affinity mask), and one if another process
    has started this one to share its work, as it does with joblib's and Dask's workers. After a
    fork there is one. Results have the same bits for every number. Products that are small (the
    lesson's are) stay on one thread.

    Parameters
    ----------
    number : int
        At least 1. Only the fast kernels share: with others there is one thread, and a warning
        says so if this is more.

    Raises
    ------
    ValueError
        If it is no such number.

    Examples
    --------
    >>> before = tn.get_num_threads()
    >>> tn.set_num_threads(1)
    >>> tn.get_num_threads()
    1
    >>> tn.set_num_threads(before)
    """
    number = whole_number("set_num_threads", "number", number, 1)
    if number > 1 and not SHARES:
        warnings.warn(
            f"set_num_threads: {number} threads are wanted, but one runs: only compiled fast "
            f"kernels share a product, and {_OTHERS}",
            RuntimeWarning,
            stacklevel=2,
        )
    WORDS[HELPERS] = number - 1 if SHARES else 0


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _at_first() -> int:
    """How many threads there are until somebody sets another number."""
    asked = os.environ.get("TINYNET_THREADS", "")
    if not asked:
        return usable_cores() if SHARES and not multiprocessing.parent_process() else 1
    if not asked.isdecimal() or int(asked) < 1:
        raise ValueError(
            f"TINYNET_THREADS is {asked!r}, expected a number of threads, at least 1; set it "
            "before tinynet is imported, or leave it out: there are as many as cores then"
        )
    return int(asked)


def _wake() -> None:
    """What compiled code calls if there is work, and some helpers sleep."""
    while len(_started) < WORDS[HELPERS]:
        number = len(_started) + 1
        helper = threading.Thread(
            target=_help, args=(number,), name=f"tinynet helper {number}", daemon=True
        )
        _started.append(helper)
        helper.start()
    _awake.set()


def _help(number: int) -> NoReturn:
    like = np.empty((0, 0), np.float32)
    while True:
        try:
            itemsize = help_others(like, PATIENCE) if number <= WORDS[HELPERS] else 0
        except BaseException:
            WORDS[FAILED] = 1  # nobody may wait for this share for ever
            raise
        if itemsize:
            like = np.empty((0, 0), f"f{itemsize}")
        else:
            _awake.clear()
            WORDS[ASLEEP] = 1
            _awake.wait()


def _alone_again() -> None:
    """After a fork there is one thread; what another one was about to do is no more."""
    global _awake
    _awake = threading.Event()
    _started.clear()
    WORDS[TICKET], WORDS[OWNER], WORDS[ASLEEP], WORDS[HELPERS] = 0, 0, 1, 0


_called = ctypes.CFUNCTYPE(None)(_wake)
WORDS[WAKE] = ctypes.cast(_called, ctypes.c_void_p).value or 0
WORDS[ASLEEP] = 1
set_num_threads(_at_first())
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_alone_again)
