"""A kernel: one NumPy equation, and the loop that computes it.

A kernel is written twice: as one NumPy equation (the reference) and as a plain Python loop, which
Numba compiles the first time it is called. Where that is not fast enough, it is written a third
time: the fast loop then gives the bits of the plain one. Layers call the kernel as a function; so
does compiled code. Who wants to know which kernels a layer calls, and on what, listens: see
`listening`.
"""

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from tinynet.kernels.jit.compile import jit_kernel
from tinynet.kernels.jit.dependencies import is_own
from tinynet.kernels.jit.flat import Flat
from tinynet.kernels.jit.rung import RUNG


class Kernel:
    """An equation and the loop that computes it, to be called like the loop.

    Attributes
    ----------
    name : str
    reference : callable
        The equation, in NumPy.
    loop : callable
        The compiled loop.
    plain : callable
        The compiled loop that defines the bits of `loop`: itself, unless it is a fast one.
    runs : callable
        What a call runs, the equation or one of the loops: ``rung.py`` has the choice.
    updates : tuple of str
        The arguments that it changes, if it is not given an array for the result.
    equation : str
        The equation in one line, in the names of its arguments, such as ``y = maximum(x, 0)``.
    parameters : tuple of str
        The names of its arguments; the first `inputs` of them are those of the equation.
    outputs : tuple of str
        The arguments that it writes to.
    """

    def __init__(
        self,
        reference: Callable[..., Any],
        loop: Callable[..., Any],
        updates: tuple[str, ...],
        equation: str = "",
        plain: Callable[..., Any] | None = None,
    ) -> None:
        functools.update_wrapper(self, loop)
        self.reference, self.loop, self.updates = reference, loop, updates
        self.plain = plain or loop
        rungs = {"equations": self.by_equation, "plain": self.plain, "fast": loop}
        self.runs = rungs[RUNG]
        self.equation = equation
        self.name = loop.__qualname__
        self.parameters = tuple(inspect.signature(loop).parameters)
        self.inputs = len(inspect.signature(reference).parameters)
        self.outputs = updates or self.parameters[self.inputs :]

    def __call__(self, *arguments: Any) -> Any:
        listener = _ear.listener
        if listener is None:
            return self.runs(*arguments)
        return listener(self, arguments)

    def by_equation(self, *arguments: Any) -> Any:
        """What the loop writes and returns, computed by the equation."""
        with listening(None), np.errstate(all="ignore"):
            result = self.reference(*arguments[: self.inputs])
        results = list(result) if isinstance(result, tuple) else [result]
        for name in self.outputs:
            arguments[self.parameters.index(name)][...] = results.pop(0)
        return results[0] if results else None

    @property
    def _numba_type_(self) -> Any:
        """Compiled code that names a kernel calls the loop that runs."""
        return self.runs._numba_type_  # type: ignore[attr-defined]

    def __reduce__(self) -> str:
        return self.name

    def __deepcopy__(self, memo: Any) -> "Kernel":
        return self

    def __repr__(self) -> str:
        return f"<kernel {self.__module__}.{self.name}>"


Listener = Callable[[Kernel, tuple[Any, ...]], Any]


class _Ear(threading.local):
    listener: Listener | None = None


_ear = _Ear()


@contextmanager
def listening(listener: Listener | None) -> Iterator[None]:
    """Within, kernels that this thread calls are handed to `listener`, which gives their result.

    With None, they run as ever.
    """
    before, _ear.listener = _ear.listener, listener
    try:
        yield
    finally:
        _ear.listener = before


class Fusion(NamedTuple):
    """Two kernels in one: what the first makes is needed by the second alone, and never kept.

    Attributes
    ----------
    into : Kernel
        Takes what both take, under the same names; its first argument is what the second updates.
    ahead : Kernel
        The same, while the memory looks for the rows of the next batch.
    finite_if : str
        Whether what is not kept is finite, in the names of the first kernel's arguments.
    """

    into: Kernel
    ahead: Kernel
    finite_if: str


FUSED: dict[tuple[Kernel, Kernel], Fusion] = {}

PAIRS: dict[str, Kernel] = {}
"""Every kernel: tinynet's by its name, others by module and name, so that none takes another's
place. The tests walk all of tinynet's and compare equation and loop."""


def kernel(
    reference: Callable[..., Any],
    *,
    updates: tuple[str, ...] = (),
    equation: str = "",
    plain: Callable[..., Any] | None = None,
    flat: bool = False,
) -> Callable[[Callable[..., Any]], Kernel]:
    """Compile a loop and tie it to the NumPy equation that says what it computes.

    The loop takes the arguments of the equation, under the same names, and then the array that it
    writes the result to::

        def tanh_reference(x):
            return np.tanh(x)

        @tn.kernel(tanh_reference, flat=True)
        def tanh(x, y):
            for i in range(x.size):
                y[i] = np.tanh(x[i])

    A layer calls ``tanh(x, y)`` with C-contiguous arrays (``np.ascontiguousarray`` makes one) of
    matching shapes; with other shapes Numba reads past the end without a word. It compiles at the
    first call for a dtype, without fast-math, and the machine code is kept on disk for later
    processes: until the loop changes, or anything that it calls or names.

    Parameters
    ----------
    reference : callable
        The equation: a function of arrays and numbers that returns the result.
    updates : tuple of str, optional
        Instead of writing a result, the loop changes the arguments of these names, as an
        optimizer's step does. A result that is one number is returned, be it the only one or the
        second.
    equation : str
        The equation in one line, in the names of the loop's arguments, such as ``y = tanh(x)``. It
        stands as a comment beside each call in compiled steps.
    plain : callable, optional
        A second loop of the same arguments, for a loop that is long because it is fast: the plain
        one says which bits the fast one must give, and your test compares them.
    flat : bool
        For loops that work number by number: all arrays reach them as rows of numbers (of shape
        (size,)), whatever their shape, so that ``y[i]`` is a number.

    Returns
    -------
    callable
        A decorator. What it makes is called like the loop; its ``reference`` is the equation.

    Raises
    ------
    TypeError
        If the arguments of the loop are not those of the equation and one for the result, those of
        `plain` are not the loop's, or `updates` names something else.
    """

    def tie(loop: Callable[..., Any]) -> Kernel:
        _check_arguments(reference, loop, updates)
        if plain is not None:
            _check_plain(plain, loop)
        compiled = [jit_kernel(each) for each in (loop, plain) if each]
        runs = [Flat(each) for each in compiled] if flat else compiled
        made = Kernel(reference, runs[0], updates, equation, runs[-1])
        name = loop.__qualname__
        PAIRS[name if is_own(loop) else f"{loop.__module__}.{name}"] = made
        return made

    return tie


def _check_arguments(reference: Any, loop: Any, updates: tuple[str, ...]) -> None:
    for function in (reference, loop):
        if not inspect.isfunction(function):
            raise TypeError(
                f"kernel: {function!r} is no plain function; use @tn.kernel(equation) above the "
                "loop, where equation is the NumPy function of the same arguments"
            )
    wanted, given = (list(inspect.signature(f).parameters) for f in (reference, loop))
    if unknown := set(updates) - set(wanted):
        raise TypeError(
            f"kernel: updates names {', '.join(sorted(unknown))}, but the arguments of "
            f"{reference.__name__} are {', '.join(wanted)}"
        )
    if given[: len(wanted)] != wanted or len(given) > len(wanted) + (not updates):
        last = "" if updates else ", and then the array of the result"
        raise TypeError(
            f"kernel: {loop.__name__} takes ({', '.join(given)}), expected the arguments of "
            f"{reference.__name__}, ({', '.join(wanted)}){last}"
        )


def _check_plain(plain: Any, loop: Any) -> None:
    if not inspect.isfunction(plain):
        raise TypeError(
            f"kernel: plain is {plain!r}, no plain function; hand over a Python loop of the "
            f"arguments of {loop.__name__}, which is compiled here"
        )
    given, wanted = (list(inspect.signature(f).parameters) for f in (plain, loop))
    if given != wanted:
        raise TypeError(
            f"kernel: {plain.__name__} takes ({', '.join(given)}), expected the arguments of "
            f"{loop.__name__}, ({', '.join(wanted)})"
        )
