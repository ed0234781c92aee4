"""``gradcheck``: is the backward pass of a layer right, in a file of the reader's?"""

import argparse
import importlib.util
import sys
import traceback
from pathlib import Path
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
    if not file.is_file():
        raise FileNotFoundError(f"{file} does not exist; give the path of your Python file")
    spec = importlib.util.spec_from_file_location(f"checked_{file.stem}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is no Python file; its name must end in .py")
    sys.path.insert(0, str(file.parent.resolve()))
    source = importlib.util.module_from_spec(spec)
    sys.modules[source.__name__] = source
    spec.loader.exec_module(source)
    if not hasattr(source, name):
        raise AttributeError(f"{file} defines no {name}")
    found = getattr(source, name)
    if isinstance(found, tn.Module):
        return found
    try:
        return found()
    except TypeError as error:
        raise TypeError(
            f"{name} cannot be made without arguments ({error}); add a line such as "
            f"my_layer = {name}(...) to {file}, and check my_layer"
        ) from error


def _where(error: Exception, file: Path) -> str:
    """The last line of the reader's file that took part in an error."""
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
