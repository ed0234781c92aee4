"""A large product as a job for all cores: it is cut into shares, and every thread takes some.

Whoever has a large product writes down where its matrices lie and how many shares it has. From then
on each thread, that one too, takes the next share by adding one to a ticket, until there is none.
Nobody waits for a thread to begin: if no helper is there, the one with the product does it all. A
share is some rows of the result, or some columns. Each of its elements is summed as ever, so the
bits are the same for any number of threads. ``helpers.py`` has the helpers.
"""

from typing import Any

import numpy as np

from tinynet.kernels.gemm.loops import affine_alone, signature
from tinynet.kernels.gemm.masks import BLOCK
from tinynet.kernels.gemm.plan import WORTH_SHARING
from tinynet.kernels.jit.atomic import (
    atomic_load,
    atomic_store,
    call_back,
    compare_exchange,
    fetch_add,
    give_way,
    matrix_at,
    pause,
    shared_words,
)
from tinynet.kernels.jit.compile import inlined, jit
from tinynet.kernels.jit.shared import shared
from tinynet.support.types import Array

# Places of words; those that change often lie in cache lines of their own
TICKET = 0  # the number of the job, how many shares it has, and the next one: 32, 16 and 16 bits
DONE = 8  # shares that are done
OWNER = 16  # 1 while somebody has a job
HELPERS = 17  # threads that may help
ASLEEP = 18  # 1 if some of them must be woken,
WAKE = 19  # and the address of the function that does
FAILED = 20  # 1 if a helper has died
MATRICES = 24  # of the job, A, M, start, out: address, rows, columns, bytes to the next of each
ALPHA, SIZE, BY_ROWS, ITEMSIZE = range(44, 48)  # and all else

NONE = np.empty(0, np.int64)  # rows that are wanted next
EACH = 2  # shares for every thread: the others take over from one that is slow
IMPATIENT = 1000  # turns of a waiting loop, some 40 us, before others may have the core


@inlined
def _write_down(words: Array, place: int, A: Array) -> None:
    words[place] = A.ctypes.data
    words[place + 1], words[place + 2] = A.shape
    words[place + 3], words[place + 4] = A.strides


@inlined
def _written(words: Array, place: int, like: Array) -> Any:
    shape, strides = (words[place + 1], words[place + 2]), (words[place + 3], words[place + 4])
    return matrix_at(words[place], shape, strides, like)


@inlined
def _begin(A: Array, M: Array, start: Array, alpha: float, out: Array) -> None:
    """Make ``out = start + alpha * (A @ M)`` the job."""
    words = shared_words()
    threads, longer = words[HELPERS] + 1, max(out.shape[0], out.shape[1])
    units = -(-longer // BLOCK)
    size = BLOCK * -(-units // (EACH * threads))
    _write_down(words, MATRICES, A)
    _write_down(words, MATRICES + 5, M)
    _write_down(words, MATRICES + 10, start)
    _write_down(words, MATRICES + 15, out)
    words[ALPHA : ALPHA + 1].view(np.float64)[0] = alpha
    words[SIZE], words[BY_ROWS], words[ITEMSIZE] = size, longer == out.shape[0], out.itemsize
    number = ((atomic_load(words, TICKET) >> 32) + 1) & 0x7FFFFFFF
    atomic_store(words, DONE, 0)
    atomic_store(words, TICKET, (number << 32) | (-(-longer // size) << 16))


@shared(lambda t: (t[:, :],), jit)
def take_share(like: Array) -> int:
    """Take a share of the job, if it is one of the dtype of `like`.

    Returns
    -------
    int
        0 if there is none, 1 if one is done, or else what to look at again: the size of a number.
    """
    words = shared_words()
    ticket = atomic_load(words, TICKET)
    share, shares = ticket & 0xFFFF, (ticket >> 16) & 0xFFFF
    if share >= shares:
        return 0
    if words[ITEMSIZE] != like.itemsize:
        return words[ITEMSIZE]
    # whoever writes down another job has waited until this one is done; then nobody gets the ticket
    A, M = _written(words, MATRICES, like), _written(words, MATRICES + 5, like)
    start, out = _written(words, MATRICES + 10, like), _written(words, MATRICES + 15, like)
    alpha = like.dtype.type(words[ALPHA : ALPHA + 1].view(np.float64)[0])
    size, by_rows = words[SIZE], words[BY_ROWS]
    if not compare_exchange(words, TICKET, ticket, ticket + 1):
        return 1
    first = share * size
    if by_rows:
        rows = slice(first, first + size)
        begun = start if start.shape[0] == 1 else start[rows]
        affine_alone(A[rows], M, begun, alpha, out[rows], M, NONE)
    else:
        columns = slice(first, first + size)
        affine_alone(A, M[:, columns], start[:, columns], alpha, out[:, columns], M, NONE)
    fetch_add(words, DONE, 1)
    return 1


@shared(lambda t: signature(t)[:5], jit)
def affine(A: Array, M: Array, start: Array, alpha: float, out: Array) -> None:
    """The same as `affine_alone`, by all cores if it is worth that and no other product has them.

    Shares are small: who finds none left waits in a loop for those that others have taken.
    """
    words = shared_words()
    work = A.shape[0] * A.shape[1] * M.shape[1]
    if work < WORTH_SHARING or words[HELPERS] == 0 or not compare_exchange(words, OWNER, 0, 1):
        affine_alone(A, M, start, alpha, out, M, NONE)
        return
    _begin(A, M, start, alpha, out)
    if compare_exchange(words, ASLEEP, 1, 0):
        call_back(words[WAKE])
    while take_share(out) != 0:
        pass
    shares, turns = (atomic_load(words, TICKET) >> 16) & 0xFFFF, 0
    while atomic_load(words, DONE) < shares:
        if atomic_load(words, FAILED) != 0:
            raise RuntimeError("a thread that helped with a product has died; its error is above")
        turns += 1
        pause()
        if turns % IMPATIENT == 0:
            give_way()
    atomic_store(words, OWNER, 0)


@jit
def help_others(like: Array, patience: int) -> int:
    """Take shares of jobs until there were none for `patience` turns of waiting.

    Returns
    -------
    int
        0, or the size of the numbers of a job that are not of the dtype of `like`.
    """
    turns = 0
    while turns < patience:
        taken = take_share(like)
        if taken > 1:
            return taken
        turns = 0 if taken else turns + 1
        pause()
    return 0
