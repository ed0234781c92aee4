"""``gradcheck``: is the backward pass of a layer right, in a file of the reader's?"""

import argparse
import importlib
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import tinynet as tn
from tinynet.cli.train import network


def add_to(commands: Any) -> None:
    """The command that checks a backward pass in a file of the reader's."""
    parser = commands.add_parser(
        "gradcheck",
        help="check the backward pass of your own layer, or of the main lesson's network",
        description="Check the backward pass of a layer, a loss or a network in a Python file.",
    )
    parser.add_argument(
        "target",
        nargs="?",
        metavar="FILE:NAME",
        type=_target,
        help="a Module in the file, or a class or function that makes one without arguments; "
        "default: the main lesson's network, on 32 digits",
    )
    parser.add_argument(
        "--shape",
        action="append",
        default=[],
        type=_shape,
        metavar="5,7",
        help="the shape of an input, rows first; once for each input",
    )
    parser.add_argument(
        "--labels",
        action="store_true",
        help="for a loss: add random class labels as the last input, one for each row",
    )
    parser.add_argument("--seed", type=int, default=0, help="of all random numbers (0)")
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """Check one layer, print the table, and say on stderr what is wrong."""
    if options.target is None:
        print(tn.check_gradients(*_main_lesson(options.seed), rng=options.seed))
        return 0
    file, name = options.target
    inputs = list(options.shape)
    if not inputs:
        options.parser.error("--shape is missing: give the shape of the input, such as 5,7")
    if options.labels:
        rows, classes = options.shape[0][0], options.shape[0][-1]
        inputs.append(np.random.default_rng(options.seed).integers(classes, size=rows))
    try:
        report = tn.check_gradients(_load(file, name), *inputs, rng=options.seed)
    except tn.GradientError as error:
        print(error.report)
        print(f"\nwrong: {error}", file=sys.stderr)
        return 1
    except Exception as error:
        print(f"error: {_where(error, file)}{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    print(report)
    if not report.passed:
        print("\nundecided: try another --seed or --shape", file=sys.stderr)
    return 0 if report.passed else 1


def _main_lesson(seed: int) -> tuple[tn.Module, Any]:
    """The untrained 784-64-32-32-10 network, and 32 digits scaled to 0..1."""
    digits = tn.datasets.mnist_small().images[:32]
    return network([64, 32, 32], np.random.default_rng(seed)), tn.data.minmax_scale(digits)


def _load(file: Path, name: str) -> Any:
    """The module `name` of a Python file, made if it is a class or a function."""
    source = _imported(file)
    if not hasattr(source, name):
        modules = [n for n, value in vars(source).items() if _is_checkable(value, source)]
        hint = f"; it defines {', '.join(modules)}" if modules else ""
        raise AttributeError(f"{file} defines no {name}{hint}")
    found = getattr(source, name)
    if isinstance(found, tn.Module):
        return found
    if not callable(found):
        raise TypeError(
            f"{name} in {file} is not callable and no Module; give a Module, or a class or "
            "function that makes one"
        )
    try:
        inspect.signature(found).bind()
    except TypeError as error:
        raise TypeError(
            f"{name} cannot be made without arguments ({error}); add a line such as "
            f"my_layer = {name}(...) to {file}, and check my_layer"
        ) from error
    return found()


def _imported(file: Path) -> ModuleType:
    """A Python file as a module: of its package, if its folder is one, as Python imports it."""
    if file.is_dir():
        raise IsADirectoryError(f"{file} is a folder; give a Python file in it")
    if not file.is_file():
        hint = "give the path of your Python file"
        if file.with_name(f"{file.name}.py").is_file():
            hint = f"is it {file.name}.py?"
        raise FileNotFoundError(f"{file} does not exist; {hint}")
    if file.suffix != ".py":
        raise ImportError(f"{file} is no Python file; its name must end in .py")
    folder, package = _package(file)
    name = file.stem.replace(".", "_")
    sys.path.insert(0, str(folder))  # where the file's own imports look first
    try:
        if package and _is_at(importlib.import_module(package), file.resolve().parent):
            if file.name == "__init__.py":
                return sys.modules[package]
            return sys.modules.get(f"{package}.{name}") or _run(f"{package}.{name}", file)
        return _run(f"checked_{name}", file)
    except ImportError as error:
        if "relative import" not in str(error):
            raise
        hint = f"{folder} is no package; put an empty __init__.py into it"
        if package and "beyond" not in str(error):
            hint = f"another {package} is imported already; rename the folder"
        raise ImportError(f"{error}: {hint}, or import without leading dots").with_traceback(
            error.__traceback__
        ) from error
    except SystemExit as stop:
        raise ImportError(
            f"{file} ends the program when it is imported (SystemExit: {stop}); put what it runs "
            'below if __name__ == "__main__":'
        ) from stop
    finally:
        sys.path.remove(str(folder))
        sys.path.append(str(folder))  # for imports later on, but no longer before Python's own


def _package(file: Path) -> tuple[Path, str]:
    """The folder to import from, and the dotted name of the package that the file is in, or ""."""
    folder, names = file.resolve().parent, list[str]()
    while (folder / "__init__.py").is_file() and "." not in folder.name:
        names.insert(0, folder.name)
        folder = folder.parent
    return folder, ".".join(names)


def _is_at(package: ModuleType, folder: Path) -> bool:
    """Whether a package is the one in `folder`, and not another one of its name."""
    return folder in [Path(path).resolve() for path in getattr(package, "__path__", ())]


def _run(name: str, file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None, f"{file} ends in .py"
    source = importlib.util.module_from_spec(spec)
    sys.modules[name] = source
    spec.loader.exec_module(source)
    return source


def _is_checkable(value: object, source: ModuleType) -> bool:
    is_layer = isinstance(value, type) and issubclass(value, tn.Module)
    return isinstance(value, tn.Module) or (is_layer and value.__module__ == source.__name__)


def _where(error: BaseException, file: Path) -> str:
    """The last line of the reader's file that took part in an error."""
    if isinstance(error, SyntaxError):
        return ""  # its own message names file and line
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if Path(frame.filename).resolve() == file.resolve():
            return f"{file}, line {frame.lineno}: "
    return ""


def _target(text: str) -> tuple[Path, str]:
    file, _, name = text.rpartition(":")
    if not file or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form my_layer.py:MyLayer")
    return Path(file), name


def _shape(text: str) -> tuple[int, ...]:
    sizes = text.split(",")
    if not all(size.strip().isdecimal() and int(size) for size in sizes):
        raise argparse.ArgumentTypeError(f"{text!r} is not a shape such as 5,7")
    return tuple(map(int, sizes))
