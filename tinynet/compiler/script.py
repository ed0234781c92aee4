"""From recorded calls to lines of source: names for arrays and numbers, and what can be left out.

In the code, layer i turns its input into ``y{i}``; ``dy{i}`` is the derivative of the loss with
respect to that; ``W{i}`` is its parameter W, and ``dW{i}`` its gradient.
"""

import functools
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from tinynet.compiler.part import Name, Number, Part, Shape
from tinynet.compiler.recorded import Update
from tinynet.compiler.recording import parameters_of, states_of
from tinynet.kernels.jit.dependencies import is_own
from tinynet.kernels.jit.kernel import FUSED, Fusion, Kernel
from tinynet.module import Module
from tinynet.support.types import Array


class Row(NamedTuple):
    """One call in the code.

    Attributes
    ----------
    kernel : Kernel
    arguments : dict of str to str
        By the kernel's names.
    result : str
        The number that the call returns to the code; "" if nobody asks for it.
    looked_at : number or None
        What it returned to Python whenever it was recorded.
    """

    kernel: Kernel
    arguments: dict[str, str]
    result: str = ""
    looked_at: Any = None

    @property
    def reads(self) -> set[str]:
        kernel = self.kernel
        given = {
            text
            for name, text in self.arguments.items()
            if name not in kernel.outputs or name in kernel.updates
        }
        return {word for text in given for word in words(text)}

    @property
    def writes(self) -> set[str]:
        return {self.arguments[name].partition(".")[0] for name in self.kernel.outputs}


class Script:
    """What the code is made of: names, arrays that it makes, arrays that it is handed.

    Attributes
    ----------
    rooms : dict of str to (Shape, dtype)
        The arrays that the code makes.
    given : dict of str to callable
        The arrays that the code is handed, and how to get at each when it is called.
    kernels : dict of str to Kernel
        Those that the code calls, by their names there.
    """

    def __init__(self) -> None:
        self.rooms: dict[str, tuple[Shape, Any]] = {}
        self.given: dict[str, Callable[[], Array]] = {}
        self.kernels: dict[str, Kernel] = {}
        self.shapes: dict[str, str] = {}
        self.handed: dict[str, list[Callable[[], Array]]] = {}
        self.numbers: set[str] = set()
        self._numbers: dict[tuple[str, int], str] = {}

    def free(self, name: str) -> str:
        """`name`, or one like it, that nothing has yet."""
        taken = (
            self.rooms.keys() | self.given.keys() | self.kernels.keys() | self.numbers | RESERVED
        )
        names = itertools.chain([name], (f"{name}_{n}" for n in itertools.count(2)))
        return next(name for name in names if name not in taken)

    def rows(self, part: Part, verb: str, names: dict[Name, str], suffix: str) -> list[Row]:
        """The lines of one verb of a part; new names are added to `names`."""
        position = sum(
            len(calls)
            for v, calls in itertools.takewhile(lambda item: item[0] != verb, part.calls.items())
        )
        rows = []
        for number, call in enumerate(part.calls[verb], position):
            arguments = {
                parameter: self.text(part, operand, names, suffix)
                for parameter, operand in zip(call.kernel.parameters, call.operands, strict=True)
            }
            asked, result = _is_asked_for(part, number), ""
            looked_at = None if asked else call.looked_at
            if asked or looked_at is not None:
                is_result = part.results[verb] == Number("result", number)
                told = {"forward": "loss"}.get(verb, verb) if is_result else "number"
                result = self._numbers[suffix, number] = self.free(told)
                self.numbers.add(result)
            rows.append(Row(call.kernel, arguments, result, looked_at))
        return rows

    def give(self, text: str, part: Part, name: Name, array: Callable[[], Array]) -> None:
        """Let the code be handed an array."""
        self.given.setdefault(text, array)
        self.shapes[text] = shape_text(part.arrays[name][0])

    def hold(self, layer: Module, part: Part, i: int, texts: dict[int, str]) -> dict[Name, str]:
        """Let the code be handed what layer i holds; return its names there.

        `texts` has the name of each parameter, by id: one that several layers share has one.
        """
        names = {}
        for key, parameter in parameters_of(layer):
            text = texts.setdefault(id(parameter), f"{key}{i}")
            names[Name("parameter", key)], names[Name("gradient", key)] = text, f"d{text}"
            data = functools.partial(getattr, parameter, "_data")
            self.give(text, part, Name("parameter", key), data)
        for key, array in states_of(layer):
            names[Name("state", key)] = f"{key}{i}"
            self.give(f"{key}{i}", part, Name("state", key), array)
        return names

    def update_rows(self, update: Update, w: str) -> list[Row]:
        """The lines of one parameter's step; the parameter is `w` in the code."""
        names = {Name("input", "w"): w, Name("input", "g"): f"d{w}"}
        for key, array in update.memories.items():
            names[Name("state", key)] = f"{key}_{w}"
            self.give(f"{key}_{w}", update.part, Name("state", key), array)
        return self.rows(update.part, "update", names, f"_{w}")

    def make(self, text: str, part: Part, name: Name, names: dict[Name, str]) -> None:
        """Let the code make an array."""
        names[name] = text
        self.rooms[text] = part.arrays[name]
        self.shapes[text] = shape_text(part.arrays[name][0])

    def text(self, part: Part, operand: Any, names: dict[Name, str], suffix: str) -> str:
        if isinstance(operand, Number):
            if operand.kind == "literal":
                return literal(operand.value)
            if operand.kind == "N":
                return "N" if operand.value == 1 else f"{operand.value} * N"
            if operand.kind == "result":
                return self._numbers[suffix, operand.value]
            return operand.kind
        name = operand.name
        if name not in names:
            base = re.sub(r"_\d+$", "", name.key)  # the part's own count: the code has another
            text = names[name] = self.free(f"{base}{suffix}")
            if name.role == "made":
                self.make(text, part, name, names)
            else:
                constant = part.constants[name]
                self.give(text, part, name, lambda: constant)
        text = names[name]
        return text if operand.shape is None else f"{text}.reshape({shape_text(operand.shape)})"

    def called(self, kernel: Kernel) -> str:
        """The name of a kernel in the code."""
        for name, known in self.kernels.items():
            if known is kernel:
                return name
        name = self.free(kernel.name.rpartition(".")[2])
        self.kernels[name] = kernel
        return name

    def line(self, row: Row) -> str:
        """A row as source."""
        call = f"{self.called(row.kernel)}({', '.join(row.arguments.values())})"
        result = f"{row.result} = " if row.result else ""
        comment = self._comment(row)
        return f"{result}{call}{comment}"

    def _comment(self, row: Row) -> str:
        equation = row.kernel.equation
        if not equation:
            return ""
        told = replaced(equation, row.arguments)
        if "@" in equation:
            shapes = {name: self.shapes.get(text, text) for name, text in row.arguments.items()}
            told += f": {replaced(equation.partition('= ')[2], shapes)}"
        return f"  # {told}"

    def room_line(self, name: str) -> str:
        """How the code makes an array."""
        shape, dtype = self.rooms[name]
        axes = [axis_text(axis) for axis in shape]
        if len(shape) == 2 and np.dtype(dtype).kind == "f":
            return f"{name} = room({', '.join(axes)}, np.{np.dtype(dtype).name})"
        return f"{name} = np.empty({shape_text(shape)}, np.{np.dtype(dtype).name})"

    def foresee(self, part: Part, verb: str, names: dict[Name, str], text: str) -> None:
        """Give a verb's result its name, if the part makes it."""
        result = part.results[verb]
        if result.shape is None and result.name.role == "made" and result.name not in names:
            self.make(text, part, result.name, names)

    def function(self, name: str, rows: list[Row], takes: list[str], gives: str) -> Iterator[str]:
        """The lines of a function; `handed` then says which arrays it is given besides `takes`."""
        used = {word for row in rows for word in row.reads | row.writes}
        handed = [text for text in self.given if text in used and text not in takes]
        self.handed[name] = [self.given[text] for text in handed]
        yield from ["", "", "@jit", f"def {name}({', '.join([*takes, *handed])}):"]
        rooms = [self.room_line(text) for text in self.rooms if text in used - {*takes}]
        if "N" in used | words(" ".join(rooms)):
            yield f"    N = {takes[0]}.shape[0]"
        yield from (f"    {line}" for line in rooms)
        for row in rows:
            yield f"    {self.line(row)}"
            if row.looked_at is not None:
                yield f"    if {row.result} != {row.looked_at!r}:"
                yield f"        return {gives.replace('(True, loss', '(False, 0.0', 1)}"
        yield f"    return {gives}".rstrip()

    def module(self, title: list[str], body: list[str]) -> str:
        """The source of a module with these lines."""
        opening = [f'"""{title[0]}', *title[1:], '"""'] if title[1:] else [f'"""{title[0]}"""']
        lines = [*opening, "", "import numpy as np", "", *self.imports()]
        return "\n".join([*lines, "from tinynet.kernels.jit.compile import jit", *body]) + "\n"

    def strangers(self) -> dict[str, Kernel]:
        """The kernels that are not tinynet's, by their names in the code."""
        return {name: k for name, k in self.kernels.items() if not is_own(k.loop)}

    def imports(self) -> Iterator[str]:
        """The lines that import the kernels of the code."""
        own = self.kernels.keys() - self.strangers().keys()
        yield "from tinynet.kernels import ("
        yield from (f"    {name}," for name in sorted({*own, "room"}))
        yield ")"
        for name, kernel in self.strangers().items():
            yield f"# {name} is {kernel.name} of {kernel.__module__}"


RESERVED = {
    *("x", "X", "N", "t", "lr", "rows", "order", "target", "batch", "first", "last"),
    *("all_losses", "all_scores", "scale", "outputs", "batch_size", "np", "room", "jit", "labels"),
    *("dy", "following", "train", "predict", "update"),
}


def needed(rows: list[Row], wanted: set[str], lasting: set[str]) -> list[Row]:
    """The rows that lead to what is wanted, or change what lasts."""
    wanted, kept = set(wanted), []
    for row in reversed(rows):
        if row.writes & (wanted | lasting) or row.result in wanted or row.looked_at is not None:
            kept.append(row)
            wanted |= row.reads
    return kept[::-1]


def fused(rows: list[Row], update: list[Row], gradient: str) -> tuple[Row, Fusion] | None:
    """The one row that makes a gradient and descends along it, if there is a kernel for both."""
    makers = [row for row in rows if gradient in row.writes]
    if len(update) != 1 or len(makers) != 1:
        return None
    maker, step = makers[0], update[0]
    fusion = FUSED.get((maker.kernel, step.kernel))
    if fusion is None or any(gradient in row.reads for row in rows):
        return None
    into, (moved,) = fusion.into, step.kernel.updates
    known = maker.arguments | step.arguments | {into.parameters[0]: step.arguments[moved]}
    return Row(into, {name: known[name] for name in into.parameters}), fusion


def words(text: str) -> set[str]:
    """The names in a piece of source."""
    return set(re.findall(r"[A-Za-z_]\w*", text))


def _is_asked_for(part: Part, number: int) -> bool:
    operands = [o for calls in part.calls.values() for call in calls for o in call.operands]
    return any(
        isinstance(o, Number) and o.kind == "result" and o.value == number
        for o in [*operands, *part.results.values()]
    )


def replaced(equation: str, by: dict[str, str]) -> str:
    return re.sub(r"[A-Za-z_]\w*", lambda word: by.get(word[0], word[0]), equation)


def literal(value: Any) -> str:
    """A number as source; one whose type Numba does not take for that very number."""
    if isinstance(value, bool | np.bool_):
        return f"np.bool_({bool(value)})"
    if isinstance(value, float):
        if np.isnan(value):
            return "np.nan"
        return repr(float(value)) if np.isfinite(value) else f"{'-' * (value < 0)}np.inf"
    if isinstance(value, np.number):
        return f"np.{value.dtype.name}({value.item()!r})"
    return f"np.int64({value!r})"


def axis_text(axis: tuple[int, bool]) -> str:
    size, times_N = axis
    if not times_N:
        return str(size)
    return "N" if size == 1 else f"{size} * N"


def shape_text(shape: Shape) -> str:
    axes = [axis_text(axis) for axis in shape]
    return f"({axes[0]},)" if len(axes) == 1 else f"({', '.join(axes)})"
