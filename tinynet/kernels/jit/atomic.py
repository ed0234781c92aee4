"""Words of memory that several threads read and write at once, each in one step.

In plain Python these are what the functions mean; ``atomic_llvm.py`` has the instructions. Names
are those of C11: what a thread wrote before it changes a word is seen by whoever reads the change.
"""

from typing import Any

import numpy as np

from tinynet.support.types import Array

WORDS = np.zeros(64, np.int64)
"""The words of this process, known to compiled code by the symbol ``tinynet_words``."""


def shared_words() -> Array:
    """`WORDS` itself; what Numba does with an array that a function names is to copy it."""
    return WORDS


def atomic_load(words: Array, place: int) -> Any:
    """The word at a place."""
    return words[place]


def atomic_store(words: Array, place: int, value: int) -> None:
    """Write a word."""
    words[place] = value


def fetch_add(words: Array, place: int, more: int) -> Any:
    """Add to a word, and return what it was."""
    words[place] += more
    return words[place] - more


def compare_exchange(words: Array, place: int, expected: int, new: int) -> bool:
    """Write a word if it is as expected, and say whether it was."""
    if words[place] != expected:
        return False
    words[place] = new
    return True


def pause() -> None:
    """Tell the processor that this is a loop that waits."""


def give_way() -> None:
    """Let another thread have this core, if one waits for it."""


def call_back(address: int) -> None:
    """Call a C function without arguments."""
    raise NotImplementedError("only compiled code calls by address")


def matrix_at(address: int, shape: tuple[int, int], strides: tuple[int, int], like: Array) -> Array:
    """The matrix that lies there, of the dtype of `like`; whoever owns it keeps it alive."""
    raise NotImplementedError("only compiled code reads memory by address")
