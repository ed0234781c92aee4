"""``predict``: what a saved network reads in a CSV file of digits, or in pictures of digits.

The answers go to stdout, as CSV again, one line for each digit; a table of how often each digit was
read goes to stderr, and of how often rightly, if the file has labels. Pixels are divided by 255, as
`train` and the lessons do.
"""

import argparse
import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinynet as tn
from tinynet.cli.train import PIXELS, add_label_column, opened, scaled
from tinynet.datasets.forms import is_picture, is_safetensors
from tinynet.support.types import Array, Labels

PICTURE_NAMES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic"}


def add_to(commands: Any) -> None:
    """The command that reads digits with a saved network."""
    parser = commands.add_parser(
        "predict",
        help="read digits in a CSV file, or in pictures, with a saved network",
        description="Read digits with a network that train or tn.save wrote, and print them as "
        "CSV: for a CSV file row, digit and probability, and the label if the file has one; for "
        "pictures of one digit each file, digit and probability. Pixels are divided by 255, as in "
        "train; pictures are first fitted and centred as MNIST's digits are.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL.safetensors", help="the network")
    parser.add_argument(
        "data",
        nargs="+",
        metavar="DIGITS.csv",
        help="one CSV file: in each line 784 pixels (0 to 255), and perhaps a label; - for stdin. "
        "Or one picture or more: PNG, JPEG and the like",
    )
    add_label_column(parser)
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """Print one line for each digit, and the table."""
    pictures = [name for name in options.data if _is_picture(name)]
    _check_arguments(options, pictures)
    net = tn.load(options.model)
    names = ", ".join(options.data[:3]) + (", ..." if len(options.data) > 3 else "")
    print(f"reading {names} ...", file=sys.stderr, flush=True)
    labels: Labels | None = None
    if pictures:
        images = tn.datasets.load_pictures(pictures)
        columns, keys = ["file", "digit", "probability"], pictures
    else:
        images, labels = tn.datasets.load_images_csv(opened(options.data[0]), options.label_column)
        columns, keys = ["row", "digit", "probability"], [str(n + 1) for n in range(len(images))]
    probabilities = _probabilities(net, images, options.model)
    digits = probabilities.argmax(axis=1)
    answers = zip(keys, digits, [f"{p:.4f}" for p in probabilities.max(axis=1)], strict=True)
    rows = [columns, *map(list, answers)]
    if labels is not None:
        rows = [[*row, label] for row, label in zip(rows, ["label", *labels], strict=True)]
    csv.writer(sys.stdout, lineterminator="\n").writerows(rows)
    print(f"\n{_table(digits, labels, probabilities.shape[1])}", file=sys.stderr)
    return 0


def _is_picture(name: str) -> bool:
    """Whether a file is a picture by its content, or means to be one by its name."""
    return name != "-" and (is_picture(_head(name)) or Path(name).suffix.lower() in PICTURE_NAMES)


def _head(name: str | Path) -> bytes:
    try:
        with open(name, "rb") as file:
            return file.read(512)
    except OSError:  # whoever reads the file says why
        return b""


def _check_arguments(options: argparse.Namespace, pictures: list[str]) -> None:
    model, data = options.model, options.data
    if str(model) == "-":
        options.parser.error("the network cannot come from stdin; name its file")
    if not is_safetensors(_head(model)) and _head(model):
        models = [name for name in data if is_safetensors(_head(name))]
        if models:
            options.parser.error(
                f"{models[0]} is the network, and {model} is none; the network stands first: "
                f"predict {models[0]} {model}"
            )
    if len(data) > 1 and len(pictures) < len(data):
        other = next(name for name in data if name not in pictures)
        options.parser.error(
            f"{other} is no picture; give one CSV file alone, or pictures, and call predict once "
            "for each"
        )
    if pictures and options.label_column is not None:
        options.parser.error("--label-column is for CSV files; pictures have no labels")


def _probabilities(net: tn.Module, images: NDArray[np.uint8], source: Path) -> Array:
    """What the network gives each of its classes, (N, classes)."""
    dtypes = [parameter.data.dtype for parameter in net.parameters()]
    X = scaled(images).astype(dtypes[0] if dtypes else np.float32, copy=False)
    try:
        outputs = net.predict(X)
    except (TypeError, ValueError) as error:
        raise tn.ModelFileError(
            f"{source} holds a network that cannot read digits of {PIXELS} pixels: {error}"
        ) from error
    if outputs.shape[1] < 2:
        raise tn.ModelFileError(
            f"{source} holds a network with 1 output, expected one for each of 2 or more classes"
        )
    *_, (_, last) = net.named_modules()
    # Softmax of log-probabilities gives the probabilities; of scores, too.
    return outputs if isinstance(last, tn.Softmax) else tn.Softmax().predict(outputs)


def _table(digits: Labels, labels: Labels | None, classes: int) -> str:
    """How often each class was read and, if there are labels, how many of a class rightly."""
    rows = ["digit     read" + ("  labelled  read rightly" if labels is not None else "")]
    unread = [] if labels is None else np.unique(labels[labels >= classes]).tolist()
    for digit in [*range(classes), *unread, None]:
        name = "all" if digit is None else digit
        read = len(digits) if digit is None else (digits == digit).sum()
        row = f"{name:>5}  {read:>7,}"
        if labels is not None:
            meant = np.full(len(labels), True) if digit is None else labels == digit
            share = (digits == labels)[meant].mean() * 100 if meant.any() else None
            row += f"  {meant.sum():>8,}  " + ("-" if share is None else f"{share:.2f} %").rjust(12)
        rows.append(row)
    return "\n".join(rows)
