"""What works on networks knows no layer and no loss by name: it reads what their classes say.

So a layer that is added touches its own file, and a layer of one's own is treated as ours are. This
test reads the syntax trees: no import of such a class, no comparison with it, and none with its
name as text; `Sequential` apart. The text of a message may name one.

The lab stands apart: it works on no network of Python's, but is a second implementation, in another
language, of the few layers and losses that its menus offer. ``tools/test_lab_engine.py`` compares
all of them with the library.
"""

import ast
import inspect
import re
from pathlib import Path

import pytest

import tinynet
from tinynet import layers, losses
from tinynet.module import Module

PACKAGE = Path(tinynet.__file__).parent
NAMES = {
    name
    for module in (layers, losses)
    for name, value in inspect.getmembers(module, inspect.isclass)
    if issubclass(value, Module) and value is not Module
}
FOLDERS = ["formats", "compiler", "inspection", "pages", "plots", "gradcheck"]
LISTS_THEM_ALL = "architecture.py"  # a file may name any layer: this one goes through the package
THE_LAB = "lab"  # as its files begin
COMMENTS = re.compile(r"//[^\n]*")


def by_name(source: str) -> list[str]:
    """The lines of a Python source that know a layer or a loss."""
    found = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module="tinynet.layers" | "tinynet.losses"):
                known = {alias.name for alias in node.names}
            case ast.ImportFrom(module=module) if (module or "").startswith("tinynet."):
                in_layers = (module or "").startswith("tinynet.layers.")
                imported = {alias.name for alias in node.names}
                known = imported if in_layers else imported & NAMES
            case ast.ImportFrom(module="tinynet"):
                known = {alias.name for alias in node.names} & {*NAMES, "layers", "losses"}
            case ast.Import():
                known = {
                    a.name for a in node.names if re.match(r"tinynet\.(layers|losses)", a.name)
                }
            case ast.Name(id=name) | ast.Attribute(attr=name):
                known = {name} & NAMES
            case ast.Constant(value=str(text)):
                known = {text} & NAMES
            case _:
                continue
        found += [f"line {node.lineno}: {name}" for name in sorted(known)]
    return found


def in_javascript(source: str) -> list[str]:
    words = set(re.findall(r"\w+", COMMENTS.sub("", source)))
    return sorted(words & NAMES)


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_layer_or_loss_is_known_by_name(folder):
    paths = sorted((PACKAGE / folder).rglob("*.py"))
    assert paths, f"there is no folder {folder}"
    found = {path.name: by_name(path.read_text(encoding="utf-8")) for path in paths}
    for path in (PACKAGE / folder).rglob("*.js"):
        found[path.name] = in_javascript(path.read_text(encoding="utf-8"))
    found = {name: lines for name, lines in found.items() if not name.startswith(THE_LAB)}
    listed = [line.partition(": ")[2] for line in found.pop(LISTS_THEM_ALL, ["0: layers"])]
    assert listed == ["layers"]
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_all_are_looked_for():
    assert {"Linear", "ReLU", "Softmax", "LogSoftmax", "Add", "NLLLoss", "Loss"} <= NAMES
    assert not {"Sequential", "Module"} & NAMES


@pytest.mark.parametrize(
    "source",
    [
        "from tinynet.layers import ReLU as R",
        "from tinynet.layers.linear import Linear",
        "from tinynet.losses import Loss",
        "from tinynet import layers",
        "import tinynet.layers",
        "isinstance(layer, tn.ReLU)",
        "type(layer) in (Linear, Add)",
        "type(layer).__name__ == 'Softmax'",
        "{'Linear': 1}[kind]",
        "match layer:\n    case ReLU(): pass",
    ],
)
def test_each_way_to_know_one_is_seen(source):
    assert by_name(source)


@pytest.mark.parametrize(
    "source",
    [
        "from tinynet.module import Module, Sequential",
        "isinstance(net, Sequential)",
        "raise ValueError(f'{net!r}: end it with LogSoftmax()')",
        "'''As Linear does.'''",
    ],
)
def test_what_is_allowed_is_not(source):
    assert by_name(source) == []


def test_pages_are_read_without_their_comments():
    assert in_javascript('// as Linear does\nif (kind === "ReLU") { x => Add[kind] }') == [
        "Add", "ReLU",
    ]  # fmt: skip
