"""``predict``: what a saved network reads in a CSV file of digits.

The answers go to stdout, as CSV again, one line for each digit; a table of how often each digit was
read goes to stderr, and of how often rightly, if the file has labels. Pixels are divided by 255, as
`train` and the lessons do.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import tinynet as tn
from tinynet._types import Array, Labels
from tinynet.cli.train import CLASSES, PIXELS, scaled


def add_to(commands: Any) -> None:
    """The command that reads digits with a saved network."""
    parser = commands.add_parser(
        "predict",
        help="read the digits in a CSV file with a saved network",
        description="Read digits with a network that train or tn.save wrote, and print them as "
        "CSV: row, digit and probability, and the label if the file has one. Pixels are divided by "
        "255, as in train.",
    )
    parser.add_argument("model", type=Path, metavar="MODEL.safetensors", help="the network")
    parser.add_argument(
        "data",
        type=Path,
        metavar="DIGITS.csv",
        help="in each line 784 pixels (0 to 255), or a label (0 to 9) and 784 pixels",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print one line for each digit, and the table."""
    net = tn.load(options.model)
    print(f"reading {options.data} ...", file=sys.stderr, flush=True)
    images, labels = tn.datasets.load_images_csv(options.data)
    probabilities = _probabilities(net, images, options.model)
    digits = probabilities.argmax(axis=1)
    lines = ["row,digit,probability"]
    for row, (digit, p) in enumerate(zip(digits, probabilities.max(axis=1), strict=True), 1):
        lines.append(f"{row},{digit},{p:.4f}")
    if labels is not None:
        lines = [f"{line},{label}" for line, label in zip(lines, ["label", *labels], strict=True)]
    sys.stdout.write("\n".join(lines) + "\n")
    print(f"\n{_table(digits, labels)}", file=sys.stderr)
    return 0


def _probabilities(net: tn.Module, images: NDArray[np.uint8], source: Path) -> Array:
    """What the network gives each of the ten digits, (N, 10)."""
    dtypes = [parameter.data.dtype for parameter in net.parameters()]
    X = scaled(images).astype(dtypes[0] if dtypes else np.float32, copy=False)
    try:
        outputs = net.predict(X)
    except (TypeError, ValueError) as error:
        raise tn.ModelFileError(
            f"{source} holds a network that cannot read digits of {PIXELS} pixels: {error}"
        ) from error
    if outputs.shape[1] != CLASSES:
        raise tn.ModelFileError(
            f"{source} holds a network with {outputs.shape[1]} outputs, expected {CLASSES}, one "
            "for each digit"
        )
    *_, (_, last) = net.named_modules()
    # Softmax of log-probabilities gives the probabilities; of scores, too.
    return outputs if isinstance(last, tn.Softmax) else tn.Softmax().predict(outputs)


def _table(digits: Labels, labels: Labels | None) -> str:
    """How often each digit was read and, if there are labels, how many of a digit rightly."""
    rows = ["digit     read" + ("  labelled  read rightly" if labels is not None else "")]
    for digit in [*range(CLASSES), None]:
        name = "all" if digit is None else digit
        read = len(digits) if digit is None else (digits == digit).sum()
        row = f"{name:>5}  {read:>7,}"
        if labels is not None:
            meant = np.full(len(labels), True) if digit is None else labels == digit
            share = (digits == labels)[meant].mean() * 100 if meant.any() else None
            row += f"  {meant.sum():>8,}  " + ("-" if share is None else f"{share:.2f} %").rjust(12)
        rows.append(row)
    return "\n".join(rows)
