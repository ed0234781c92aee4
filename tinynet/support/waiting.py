"""What a person who waits is told: a line that is written anew, or nothing where output is off.

Whatever takes long asks ``teller()`` for somebody to tell it to. That is a line on stderr, unless
a progress bar listens, or ``told_by(None)`` wants silence.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Protocol

IN_A_LOG = 10.0  # seconds between two lines, where none can be written anew


class Teller(Protocol):
    """Shows a person what takes long."""

    def tell(self, text: str) -> None:
        """Show a text in the place of the last one."""

    def done(self, seconds: float) -> None:
        """It is over, after so many seconds: take the text away."""


def is_watched() -> bool:
    """Whether a person looks at stderr: on a terminal, or in a notebook."""
    return sys.stderr is not None and (sys.stderr.isatty() or "ipykernel" in sys.modules)


class Line:
    """A line on stderr, written anew in its place; in a log, a line of its own now and then."""

    def __init__(self) -> None:
        self.length = 0
        self.last = -IN_A_LOG

    def tell(self, text: str) -> None:
        """Write it in the place of the last text."""
        if is_watched():
            print(f"\r{text:<{self.length}}", end="", file=sys.stderr, flush=True)
            self.length = len(text)
        elif sys.stderr is not None and time.monotonic() - self.last >= IN_A_LOG:
            self.last = time.monotonic()
            print(text, file=sys.stderr, flush=True)

    def done(self, seconds: float = 0.0) -> None:
        """Leave an empty line, or in a log what stands there."""
        if self.length:
            print(f"\r{'':<{self.length}}\r", end="", file=sys.stderr, flush=True)
        self.length = 0


LINE = Line()
_teller: ContextVar[Teller | None] = ContextVar("teller", default=LINE)


def teller() -> Teller | None:
    """Who shows what takes long in this thread; None for nobody."""
    return _teller.get()


@contextmanager
def told_by(someone: Teller | None) -> Iterator[None]:
    """Within, `someone` shows what takes long; with None, nobody does."""
    before = _teller.set(someone)
    try:
        yield
    finally:
        _teller.reset(before)
