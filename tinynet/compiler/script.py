"""From recorded calls to lines of source: names for arrays and numbers, and what can be left out.

In the code, layer i turns its input into ``y{i}``; ``dy{i}`` is the derivative of the loss with
respect to that; ``W{i}`` is its parameter W, and ``dW{i}`` its gradient.
"""

import functools
import operator
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from tinynet.compiler.part import Name, Number, Part, Shape
from tinynet.compiler.recorded import Updates
from tinynet.compiler.recording import parameters_of, states_of
from tinynet.compiler.source import import_source
from tinynet.compiler.trials import free
from tinynet.kernels.jit.dependencies import is_own
from tinynet.kernels.jit.kernel import Kernel
from tinynet.module import Module, Parameter
from tinynet.support.types import Array

Getter = Callable[[], Array]


class Placed(NamedTuple):
    """A part that stands in the code."""

    part: Part
    names: dict[Any, str]  # what its arrays, and the numbers that its calls return, are called
    suffix: str = ""  # of further names: the number of a layer


class Row(NamedTuple):
    """One call in the code."""

    kernel: Kernel
    arguments: dict[str, str]  # by the kernel's names
    result: str = ""  # the number that it returns to the code, if anybody asks for it
    looked_at: Any = None  # what it returned to Python whenever it was recorded

    @property
    def reads(self) -> set[str]:
        written = {*self.kernel.outputs} - {*self.kernel.updates}
        return words(" ".join(text for name, text in self.arguments.items() if name not in written))

    @property
    def writes(self) -> set[str]:
        return {self.arguments[name].partition(".")[0] for name in self.kernel.outputs}

    def renamed(self, old: str, new: str) -> "Row":
        """The same call with another array."""
        by = {old: new}
        return self._replace(arguments={k: replaced(v, by) for k, v in self.arguments.items()})


class Code:
    """Compiled functions, and where the arrays are that each is handed last."""

    def __init__(self, source: str, module: Any, handed: dict[str, list[Getter]]) -> None:
        self.source, self.module, self.handed = source, module, handed
        self.path = str(module.__file__)
        self._calls = {name: (getattr(module, name), arrays) for name, arrays in handed.items()}

    def run(self, name: str, *given: Any) -> Any:
        """Run a function."""
        function, arrays = self._calls[name]
        return function(*given, *map(operator.call, arrays))


class Script:
    """What the code is made of: arrays that it is handed, or makes, and calls of kernels."""

    def __init__(self) -> None:
        self.arrays: dict[str, tuple[Shape, Any]] = {}  # all
        self.given: dict[str, Getter] = {}  # those handed, and where they are then
        self.kernels: dict[Kernel, str] = {}
        self.parameters: dict[Parameter, str] = {}
        self._numbers: set[str] = set()
        self._handed: dict[str, list[Getter]] = {}  # by function
        self._body: list[str] = []

    def free(self, name: str) -> str:
        """`name`, or one like it, that nothing has yet."""
        return free(name, {*self.arrays, *self.kernels.values(), *self._numbers, *RESERVED})

    def take(self, text: str, row: tuple[int, ...], dtype: Any) -> None:
        """Let the code have an array of N such rows."""
        self.arrays[text] = ((1, True), *((n, False) for n in row)), dtype

    def give(self, text: str, part: Part, name: Name, array: Getter) -> None:
        """Let the code be handed an array."""
        self.given.setdefault(text, array)
        self.arrays[text] = part.arrays[name]

    def hold(self, part: Part, module: Module, suffix: str = "", adds: bool = False) -> Placed:
        """Let the code be handed what a layer or a loss holds.

        With `adds`, that is also the gradients; else the code makes them anew. A parameter that
        several layers share has one name.
        """
        names: dict[Any, str] = {}
        for key, parameter in parameters_of(module):
            w, dw = Name("parameter", key), Name("gradient", key)
            names[w] = self.parameters.setdefault(parameter, self.free(f"{key}{suffix}"))
            names[dw] = f"grad_{names[w]}" if adds else f"d{names[w]}"
            self.give(names[w], part, w, functools.partial(getattr, parameter, "_data"))
            if parameter.requires_grad:
                self.arrays[names[dw]] = part.arrays[dw]
            if parameter.requires_grad and adds:
                self.give(names[dw], part, dw, parameter.accumulate)
        for key, array in states_of(module):
            name = names[Name("state", key)] = self.free(f"{key}{suffix}")
            self.give(name, part, Name("state", key), array)
        return Placed(part, names, suffix)

    def rows(self, placed: Placed, verb: str, result: str = "") -> tuple[list[Row], str]:
        """The lines of one verb of a part, and its result, named `result` if the part makes it."""
        part, names, _ = placed
        returns, rows = part.results[verb], []
        made = getattr(returns, "name", None)
        if result and made and returns.shape is None and made.role == "made" and made not in names:
            names[made], self.arrays[result] = result, part.arrays[made]
        for call in part.calls[verb]:
            arguments = {
                parameter: self.text(placed, operand)
                for parameter, operand in zip(call.kernel.parameters, call.operands, strict=True)
            }
            number, asked = "", part.asks_for(call)
            if asked or call.looked_at is not None:
                told = {"forward": "loss"}.get(verb, verb)
                number = self.free(told if returns == Number("result", call.number) else "number")
                names[call.number] = number
                self._numbers.add(number)
            rows.append(Row(call.kernel, arguments, number, None if asked else call.looked_at))
        return rows, self.text(placed, returns) if result else ""

    def forward(self, layers: list[Placed], verb: str = "forward") -> tuple[list[Row], str]:
        """The lines of all layers' forward or predict, and their output."""
        rows, y = list[Row](), "x"
        for layer in layers:
            layer.names[Name("input", "0")] = y
            more, y = self.rows(layer, verb, f"y{layer.suffix}")
            rows += more
        return rows, y

    def backward(self, layers: list[Placed], dy: str) -> tuple[list[Row], str]:
        """The lines of all layers' backward, and dx."""
        rows, before = list[Row](), [self.free("dx"), *(f"dy{layer.suffix}" for layer in layers)]
        for layer, dx in reversed([*zip(layers, before, strict=False)]):
            layer.names[Name("upstream", "0")] = dy
            more, dy = self.rows(layer, "backward", dx)
            rows += more
        return rows, dy

    def update(self, updates: Updates, position: int, w: str) -> list[Row]:
        """The lines of one parameter's step; the parameter is `w` in the code."""
        part, names = updates.parts[position], {Name("input", "w"): w, Name("input", "g"): f"d{w}"}
        for key in updates.memories:
            names[Name("state", key)] = f"{key}_{w}"
            memory = functools.partial(updates.memory, position, key)
            self.give(f"{key}_{w}", part, Name("state", key), memory)
        rows = self.rows(Placed(part, names, f"_{w}"), "update")[0]
        return [row.renamed("t", f"t[{position}]") for row in rows]  # each counts its own steps

    def text(self, placed: Placed, operand: Any) -> str:
        """An array or a number in the code."""
        part, names, suffix = placed
        if type(operand) is tuple:
            return f"({', '.join(self.text(placed, each) for each in operand)},)"
        if isinstance(operand, Number):
            if operand.kind == "literal":
                return literal(operand.value)
            if operand.kind == "N":
                return axis_text((operand.value, True))
            return names[operand.value] if operand.kind == "result" else operand.kind
        name, shape = operand
        if name not in names:
            base = re.sub(r"_\d+$", "", name.key)  # the part's own count: the code has another
            text = names[name] = self.free(f"{base}{suffix}")
            self.arrays[text] = part.arrays[name]
            if name.role == "constant":
                self.given[text] = lambda: part.constants[name]
        return names[name] if shape is None else f"{names[name]}.reshape({shape_text(shape)})"

    def called(self, kernel: Kernel) -> str:
        """The name of a kernel in the code."""
        if kernel not in self.kernels:
            self.kernels[kernel] = self.free(kernel.name.rpartition(".")[2])
        return self.kernels[kernel]

    def lines(self, rows: list[Row], otherwise: Sequence[str] = ()) -> list[str]:
        """Rows as source; `otherwise` is done if a kernel says what it did not say before."""
        lines = []
        for row in rows:
            result = f"{row.result} = " if row.result else ""
            call = f"{self.called(row.kernel)}({', '.join(row.arguments.values())})"
            lines.append(f"{result}{call}{self._comment(row)}")
            if row.looked_at is not None:
                lines.append(f"if {row.result} != {row.looked_at!r}:")
                lines += [f"    {line}" for line in otherwise]
        return lines

    def _comment(self, row: Row) -> str:
        equation = row.kernel.equation
        told = replaced(equation, row.arguments)
        if "@" in equation:
            known = {name: self.arrays.get(text) for name, text in row.arguments.items()}
            shapes = {name: shape_text(kind[0]) for name, kind in known.items() if kind}
            told += f": {replaced(equation.partition('= ')[2], shapes)}"
        return f"  # {told}" if equation else ""

    def rooms(self, used: set[str]) -> list[str]:
        """How the code makes the arrays that are used, and not handed."""
        lines = []
        for name, (shape, dtype) in self.arrays.items():
            if name in used and name not in self.given:
                kind = f"np.{np.dtype(dtype).name}"
                if len(shape) == 2 and np.dtype(dtype).kind == "f":
                    rows, columns = map(axis_text, shape)
                    lines.append(f"{name} = room({rows}, {columns}, {kind})")
                else:
                    lines.append(f"{name} = np.empty({shape_text(shape)}, {kind})")
        return lines

    def function(self, name: str, takes: list[str], lines: list[str], N: str = "") -> None:
        """Write a function; it is handed what its lines name and is given, and makes the rest."""
        named = words_of(lines) - {*takes}
        given = [array for array in self.given if array in named]
        self._handed[name] = [self.given[array] for array in given]
        lines = [*self.rooms(named), *lines]
        if "N" in words_of(lines):
            lines = [f"N = {N or f'{takes[0]}.shape[0]'}", *lines]
        head = textwrap.wrap(f"def {name}({', '.join([*takes, *given])}):", 96)
        self._body += ["", "", "@jit", head[0], *(f"{' ' * 8}{more}" for more in head[1:])]
        self._body += [f"    {line}".rstrip() for line in lines]

    def compiled(self, title: list[str]) -> Code:
        """The functions that were written."""
        strangers = {name: k for k, name in self.kernels.items() if not is_own(k.loop)}
        own = sorted({*self.kernels.values(), "room"} - strangers.keys())
        notes = [f"# {name} is {k.name} of {k.__module__}" for name, k in strangers.items()]
        opening = [f'"""{title[0]}', *title[1:], '"""'] if title[1:] else [f'"""{title[0]}"""']
        opening += ["", "import numpy as np", ""]
        imports = ["from tinynet.kernels import (", *(f"    {name}," for name in own), ")", *notes]
        imports += ["from tinynet.kernels.jit.compile import jit"]
        source = "\n".join([*opening, *imports, *self._body]) + "\n"
        return Code(source, import_source(source, strangers), self._handed)


RESERVED = {
    *("x", "X", "N", "n", "t", "lr", "rows", "order", "target", "batch", "first", "last"),
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


def words(text: str) -> set[str]:
    """The names in a piece of source."""
    return set(re.findall(r"[A-Za-z_]\w*", text))


def words_of(lines: list[str]) -> set[str]:
    """The names in lines of source, comments left out."""
    return words("\n".join(line.partition("#")[0] for line in lines))


def replaced(equation: str, by: dict[str, str]) -> str:
    """A piece of source with other names."""
    return re.sub(r"[A-Za-z_]\w*", lambda word: by.get(word[0], word[0]), equation)


def literal(value: Any) -> str:
    """A number as source; one whose type Numba does not take for that very number."""
    if isinstance(value, bool | np.bool_):
        return f"np.bool_({bool(value)})"
    if isinstance(value, float):
        return re.sub("nan|inf", r"np.\g<0>", repr(float(value)))
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
