"""What a person is told while kernels compile: which, how far it is, about how long it takes.

Numba announces every function that it compiles. What that function calls is compiled within it, so
its parts can be counted before they come. How long each takes goes with the length of its
bytecode, at a pace that the first parts show. Code that is loaded from disk is not compiled, and
nothing is said of it.
"""

import threading
import time
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any
from weakref import WeakValueDictionary

from numba.core import event

from tinynet.kernels.jit.cache import CheckedCache
from tinynet.support.waiting import Teller, teller

PATIENCE = 1.0  # seconds of compiling in this process before a word is said
AGAIN = 0.5  # seconds until the text is renewed
PACE = 1.3e-3  # seconds for a byte of bytecode, on a processor of 2023
TRUST = 3000  # bytes that must be compiled for their own pace to count as much as PACE

ours: WeakValueDictionary[FunctionType, Any] = WeakValueDictionary()
"""What compiles each function of ours; others that Numba compiles are somebody else's, and no word
is said of them."""


class Compiling:
    """A function that is being compiled, with all that it calls."""

    def __init__(self, dispatcher: Any, listener: Teller | None) -> None:
        self.name = dispatcher.py_func.__qualname__
        self.sizes = dict(_uncompiled(dispatcher, set()))  # bytes of bytecode, by function
        self.compiled: set[Any] = set()
        self.depth = 1
        self.started = time.perf_counter()
        self.over = threading.Event()
        self.listener = listener

    def seconds(self) -> float:
        """How long it has taken."""
        return time.perf_counter() - self.started

    def bytes(self) -> int:
        """How much of it is compiled."""
        return sum(self.sizes.get(function, 0) for function in self.compiled)

    def text(self, spent: float, finished: int) -> str:
        """What it is, how far it is, and about how long it takes; before it, others were."""
        mine, seconds = self.bytes(), self.seconds()
        pace = (PACE * TRUST + spent + seconds) / (TRUST + finished + mine)
        left = max(1.0, pace * (sum(self.sizes.values()) - mine))
        done = len(self.compiled & self.sizes.keys())
        of = f", {done} of {len(self.sizes)} functions" if len(self.sizes) > 1 else ""
        return f"compiling {self.name} (once){of}: about {left:.0f} s left"


class _Listener(event.Listener):
    """Hears Numba begin and end functions; those within another one are its parts."""

    def __init__(self) -> None:
        self.current: Compiling | None = None  # one at a time: Numba holds a lock
        self.spent, self.finished = 0.0, 0  # seconds and bytes, in this process
        self.ticking = threading.Thread()

    def on_start(self, event: Any) -> None:
        dispatcher = event.data["dispatcher"]
        if self.current is not None:
            self.current.depth += 1
        elif dispatcher.py_func in ours:
            self.current = Compiling(dispatcher, teller())
            if self.current.listener is not None:
                self.ticking = threading.Thread(target=self._tick, daemon=True)
                self.ticking.start()

    def on_end(self, event: Any) -> None:
        current = self.current
        if current is None:
            return
        current.compiled.add(event.data["dispatcher"].py_func)
        current.depth -= 1
        if current.depth == 0:
            self.current = None
            current.over.set()
            self.spent += current.seconds()
            self.finished += current.bytes()
            if current.listener is not None:
                self.ticking.join()
                current.listener.done(current.seconds())

    def _tick(self) -> None:
        current = self.current
        if current is None or current.listener is None:
            return  # it is over already
        wait = max(0.0, PATIENCE - self.spent)
        while not current.over.wait(wait):
            current.listener.tell(current.text(self.spent, self.finished))
            wait = AGAIN


def _uncompiled(dispatcher: Any, seen: set[Any]) -> Iterator[tuple[Any, int]]:
    """A function with its bytes, and so all that it calls and that is not compiled yet."""
    function = dispatcher.py_func
    seen.add(function)
    if dispatcher.targetoptions.get("inline") != "always":  # those are compiled where they stand
        yield function, len(function.__code__.co_code)
    names = function.__code__.co_names
    values = [cell.cell_contents for cell in function.__closure__ or ()]
    values += map(function.__globals__.get, names)
    modules = [value for value in values if isinstance(value, ModuleType)]
    values += [getattr(module, name, None) for module in modules for name in names]
    for value in values:
        loop = getattr(value, "runs", value)  # a kernel's
        called = getattr(loop, "py_func", loop)
        if not isinstance(called, FunctionType) or called in seen or called not in ours:
            continue
        cache = ours[called]._cache
        is_kept = isinstance(cache, CheckedCache) and cache.has_code()
        if not (ours[called].signatures or is_kept):
            yield from _uncompiled(ours[called], seen)


event.register("numba:compile", _Listener())
