"""Every public name: a page of its own, a docstring that says all, and something that uses it."""

import ast
import doctest
import importlib
import inspect
import re
import textwrap
from pathlib import Path

import names
import numpy as np
import pytest
import readme
from numpydoc.docscrape import NumpyDocString
from numpydoc.validate import validate

import tinynet as tn

ROOT = Path(__file__).parents[2]
MODULES = (
    *("tinynet", "tinynet.data", "tinynet.datasets", "tinynet.init", "tinynet.plots"),
    *("tinynet.estimator", "tinynet.distributed", "tinynet.workbook"),
)
TASTE = {  # what numpydoc finds fault with, and why it may
    "GL01": "the first line stands behind the quotes, as PEP 257 allows",
    "GL02": "and the last before them, where there is one line only",
    "GL08": "a method without one has its base's: a test below",
    "SS05": "plural nouns end in s, too; a class is told in the third person",
    "ES01": "one sentence may be enough",
    "PR01": "of methods and results: two tests below",
    "PR07": "`net : Module` says all",
    "PR08": "dLoss/dx and alpha are no words",
    "RT01": "a method's one sentence says what it returns",
    "RT03": "`float` may say all",
    "RT04": "dLoss/dx is no word",
    "YD01": "as RT01",
    "SA01": "the pages stand by topic",
    "EX01": "a test below finds a use of every name",
}
UNUSED = {
    "tinynet.distributed.SchedulerLost": "only a cluster that dies raises it",
    "tinynet.distributed.WorkerLost": "only a worker that dies raises it",
}
SHAPE = re.compile(r"\([\w*+ ]+, ?[^)]*\)|\(\w+\)|\(\)|\bshapes?\b|broadcast")
ARRAY = re.compile(r"\b(nd)?arrays?\b")


def public():
    """All public names, in full, each object once, under the shortest of its names."""
    found = {}
    for module in MODULES:
        space = importlib.import_module(module)
        for name in getattr(space, "__all__", None) or _defined_in(space):
            thing = getattr(space, name)
            if not any(thing is other for other in found.values()):
                found[f"{module}.{name}"] = thing
    return found | {m: importlib.import_module(m) for m in MODULES[1:]}


def _defined_in(space):
    return [
        name
        for name, thing in vars(space).items()
        if name[0] != "_" and getattr(thing, "__module__", "").startswith(space.__name__)
    ]


PUBLIC = public()
CALLABLES = {name: thing for name, thing in PUBLIC.items() if callable(thing)}
CLASSES = {name: thing for name, thing in CALLABLES.items() if inspect.isclass(thing)}
METHODS = {
    f"{name}.{method}": value
    for name, thing in CLASSES.items()
    for method, value in vars(thing).items()
    if method[0] != "_"
    and isinstance(value, property | staticmethod | classmethod | type(public))
    and method not in names.context()["of_module"].split(", ")
}
EXPLAINED = CALLABLES | {name: method for name, method in METHODS.items() if method.__doc__}


def own_parameters(thing):
    """The names of what a function or method is called with, or a class made with."""
    if isinstance(thing, property):
        return []
    thing = getattr(thing, "__func__", thing)
    return [name for name in inspect.signature(thing).parameters if name not in ("self", "cls")]


def test_the_reference_lists_every_public_name_once():
    assert sorted(names.listed()) == sorted(PUBLIC)


@pytest.mark.parametrize("name", EXPLAINED)
def test_docstrings_are_numpydoc(name):
    faults = {code: text for code, text in validate(name)["errors"] if code not in TASTE}
    assert not faults


@pytest.mark.parametrize("name", CALLABLES)
def test_what_is_called_explains_each_parameter_in_order(name):
    thing = CALLABLES[name]
    if inspect.isclass(thing) and (
        issubclass(thing, Exception) or thing.__init__ is object.__init__
    ):
        return
    parsed = NumpyDocString(inspect.getdoc(thing))
    explained = [
        part.strip(" *")
        for section in ("Parameters", "Attributes")
        for parameter in parsed[section]
        for part in parameter.name.split(",")
    ]
    missing = [name for name in own_parameters(thing) if name not in explained]
    assert not missing


@pytest.mark.parametrize("name", CALLABLES)
def test_functions_say_what_they_return(name):
    thing = CALLABLES[name]
    if inspect.isfunction(thing) and inspect.signature(thing).return_annotation is not None:
        assert NumpyDocString(inspect.getdoc(thing))["Returns"]


@pytest.mark.parametrize("name", METHODS)
def test_methods_say_what_they_take(name):
    method = METHODS[name]
    owner = CLASSES[name.rpartition(".")[0]]
    short = name.rpartition(".")[2]
    if method.__doc__ is None:
        bases = [vars(base)[short] for base in owner.__mro__[1:] if short in vars(base)]
        inherited = any(base.__doc__ for base in bases)
        attribute = isinstance(method, property) and re.search(rf"\b{short}\b", owner.__doc__)
        assert inherited or attribute or short == "forward"
        return
    unnamed = [p for p in own_parameters(method) if not re.search(rf"\b{p}\b", method.__doc__)]
    assert not unnamed


def raised_by(thing):
    """The exceptions that a function's own lines raise."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(thing)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            yield ast.unparse(node.exc.func)


@pytest.mark.parametrize("name", CALLABLES | METHODS)
def test_docstrings_name_the_errors_that_are_raised(name):
    thing = (CALLABLES | METHODS)[name]
    text = thing.__doc__ or CLASSES[name.rpartition(".")[0]].__doc__
    if inspect.isclass(thing):
        thing = vars(thing).get("__init__")
    function = getattr(thing, "fget", getattr(thing, "__func__", thing))
    if inspect.isfunction(function) and function.__code__.co_filename != "<string>":
        raised = set(raised_by(function)) - {"NotImplementedError"}
        assert [error for error in raised if error not in text] == []


@pytest.mark.parametrize("name", CALLABLES)
def test_arrays_have_their_shape_beside_them(name):
    parsed = NumpyDocString(inspect.getdoc(CALLABLES[name]))
    for section in ("Parameters", "Attributes", "Returns"):
        for parameter in parsed[section]:
            text = f"{parameter.name} : {parameter.type} {' '.join(parameter.desc)}"
            assert SHAPE.search(text) or not ARRAY.search(parameter.type), text


def names_in(source, known):
    """Which names of tinynet a program uses, in full."""
    tree, known, found = ast.parse(source), dict(known), set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {alias.asname: alias.name for alias in node.names if alias.asname}
        elif isinstance(node, ast.ImportFrom):
            known |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    for node in ast.walk(tree):
        parts = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if isinstance(node, ast.Name) and node.id in known:
            found.add(".".join([known[node.id], *reversed(parts)]))
    return found


def doctests():
    """Every docstring of tinynet that has examples, and those of the reference's own pages."""
    finder, parser = doctest.DocTestFinder(exclude_empty=True), doctest.DocTestParser()
    for path in sorted((ROOT / "tinynet").rglob("*.py")):
        if ">>>" in path.read_text():
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found = finder.find(importlib.import_module(module.removesuffix(".__init__")))
            yield from (test for test in found if test.examples)
    for page in names.LISTS:
        text = (ROOT / page).read_text()
        if ">>>" in text:
            yield parser.get_doctest(text, {}, page, page, 0)


DOCTESTS = list(doctests())


@pytest.mark.parametrize("example", DOCTESTS, ids=lambda example: example.name)
def test_examples_print_what_they_show(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    example.globs = {"tn": tn, "np": np}
    flags = doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
    printed = []
    result = doctest.DocTestRunner(optionflags=flags).run(example, out=printed.append)
    assert not result.failed, "".join(printed)


def test_every_name_is_used_by_a_lesson_a_page_or_an_example():
    known = {"tn": "tinynet", "tinynet": "tinynet"}
    folders = ("examples", "tinynet/workbook/exercises")
    lessons = [path.read_text() for f in folders for path in (ROOT / f).glob("[0-9]*.py")]
    pages = [b.source for p in readme.PAGES for b in readme.blocks(p) if b.language == "python"]
    examples = ["".join(e.source for e in test.examples) for test in DOCTESTS]
    used = set().union(*(names_in(source, known) for source in lessons + pages + examples))
    used |= {test.name for test in DOCTESTS}
    unused = {
        name
        for name, thing in PUBLIC.items()
        if not any(f"{use}.".startswith(f"{name}.") for use in used)
        and f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', '')}" not in used
    }
    assert unused == UNUSED.keys()


class TestWhatIsSeen:
    """Faults that the tests above must find."""

    def test_a_name_that_is_used(self):
        source = "import tinynet as t\nfrom tinynet.plots import bars as b\nt.Linear(2, 3)\nb(1)"
        assert names_in(source, {}) == {"tinynet", "tinynet.Linear", "tinynet.plots.bars"}

    def test_an_error_that_is_raised(self):
        def f():
            raise KeyError("no")

        assert list(raised_by(f)) == ["KeyError"]

    def test_an_array_without_a_shape(self):
        assert not SHAPE.search("x : ndarray of float32 What comes in.")
        for text in ("x : ndarray (N, I)", "y : array (n,)", "any shape", "ndarray (N, C, H, W)"):
            assert SHAPE.search(text), text
