"""``train``: from a CSV file of digits to a model file.

The recipe is that of the main lesson: one tenth of the digits is laid aside as a test, pixels of
0..255 become 0..1, and plain SGD, or what ``--optimizer`` names, learns in batches of 32. The
pixels are always divided by 255, whatever is in the file, so `predict` knows how to scale without
being told.
"""

import argparse
import errno
import itertools
import math
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

import tinynet as tn
from tinynet.datasets import DataError
from tinynet.layers import ACTIVATIONS
from tinynet.rng import Rng
from tinynet.support.atomic import check_place, file_path
from tinynet.support.types import Array, Labels

PIXELS, CLASSES = 28 * 28, 10
MOST_CLASSES = 1000
BATCH_SIZE = 32
OPTIMIZERS = {"sgd": (tn.SGD, 0.01), "rmsprop": (tn.RMSprop, 0.001), "adam": (tn.Adam, 0.001)}
"""Each with its usual learning rate, as in lesson 8."""
FEW_STEPS = 5000  # in fewer, plain SGD hardly gets the network of the main lesson going


def add_to(commands: Any) -> None:
    """The command that trains a network on a CSV file."""
    parser = commands.add_parser(
        "train",
        help="train a network on a CSV file of digits, and save it",
        description="Train a network on a CSV file such as Colab's mnist_train_small.csv: in each "
        "line a label (0 to 9, or further for other classes) and 784 pixels (0 to 255). Pixels are "
        "divided by 255. A tenth of the digits is the test set, which the network does not learn "
        "from.",
    )
    parser.add_argument("data", metavar="DATA.csv", help="the digits to learn; - for stdin")
    add_label_column(parser)
    parser.add_argument(
        "--hidden",
        type=_widths,
        default=[64, 32, 32],
        metavar="64,32,32",
        help='units of the hidden layers (64,32,32); "" for none, a linear network',
    )
    parser.add_argument(
        "--activation",
        choices=ACTIVATIONS,
        default="relu",
        help="what stands behind each hidden layer (relu)",
    )
    parser.add_argument(
        "--epochs", type=_at_least(1), default=60, metavar="N", help="passes through the data (60)"
    )
    parser.add_argument(
        "--optimizer", choices=OPTIMIZERS, default="sgd", help="how steps are taken (sgd)"
    )
    parser.add_argument(
        "--lr",
        type=_learning_rate,
        metavar="LR",
        help="learning rate (0.01 of sgd, 0.001 of rmsprop and adam)",
    )
    parser.add_argument(
        "--seed", type=_at_least(0), default=0, metavar="N", help="of all random numbers (0)"
    )
    parser.add_argument(
        "--out",
        type=_file,
        default="model.safetensors",
        metavar="FILE",
        help="the model file to create or replace (model.safetensors)",
    )
    parser.set_defaults(run=run, parser=parser)


def run(options: argparse.Namespace) -> int:
    """Train, save, and print the scores."""
    out: str = options.out
    _check_out(options)
    print(f"reading {options.data} ...", file=sys.stderr, flush=True)
    digits = tn.datasets.load_csv(opened(options.data), options.label_column)
    if len(digits.labels) < 2:
        raise DataError(
            f"{options.data}: holds 1 digit, expected at least 2: one to learn from, one for the "
            "test"
        )
    rng = np.random.default_rng(options.seed)
    X, y = scaled(digits.images), digits.labels
    classes = _classes(y, options.data)
    test, train = np.split(rng.permutation(len(y)), [max(1, len(y) // 10)])
    try:
        net = network(options.hidden, rng, classes, options.activation)
    except (MemoryError, ValueError) as error:
        options.parser.error(f"--hidden {','.join(map(str, options.hidden))}: {error}")
    kind, usual_lr = OPTIMIZERS[options.optimizer]
    optimizer = kind(net.parameters(), lr=options.lr or usual_lr)
    name = "-".join(map(str, [PIXELS, *options.hidden, classes]))
    print(
        f"{name} learns {len(train):,} digits, and is tested on {len(test):,} others: "
        f"{kind.__name__}, lr {optimizer.lr:g}, batches of {BATCH_SIZE}, seed {options.seed}",
        flush=True,
    )
    start = time.perf_counter()
    history = tn.fit(
        net,
        tn.NLLLoss(),
        optimizer,
        tn.DataLoader(X[train], y[train], batch_size=BATCH_SIZE, shuffle=True, rng=rng),
        test=(X[test], y[test]),
        epochs=options.epochs,
    )
    seconds = time.perf_counter() - start
    tn.save(net, out)
    print(f"\n{score_table(history)}\n")
    print(f"{out}: fingerprint {tn.fingerprint(net)}, trained in {seconds:.1f} s")
    steps = options.epochs * -(-len(train) // BATCH_SIZE)
    if history.train_accuracy[-1] < 50 and steps < FEW_STEPS:
        print(f"\nhint: {_hint(options, steps)}", file=sys.stderr)
    return 0


def _hint(options: argparse.Namespace, steps: int) -> str:
    """What is said of a network that has hardly learned, since it took few steps."""
    epochs = options.epochs * -(-FEW_STEPS // steps)
    faster = "" if options.optimizer == "adam" else ", or faster ones: --optimizer adam"
    return (
        f"the network has hardly learned; {steps:,} steps are few for so many layers. Let it take "
        f"more: --epochs {epochs}{faster}"
    )


def _classes(labels: Labels, source: str) -> int:
    """How many outputs the network needs: ten, or more if a label is larger."""
    largest = int(labels.max())
    if largest >= MOST_CLASSES:
        raise DataError(
            f"{source}: the largest label is {largest}, expected classes numbered from 0, at most "
            f"{MOST_CLASSES}; is it the right column? --label-column says which one"
        )
    return max(CLASSES, largest + 1)


def network(
    hidden: list[int], rng: Rng, classes: int = CLASSES, activation: str = "relu"
) -> tn.Sequential:
    """An untrained network for digits: Linear and activation by hidden layer, LogSoftmax last."""
    layers: list[tn.Module] = []
    for I, O in itertools.pairwise([PIXELS, *hidden, classes]):
        layers += [tn.Linear(I, O, rng=rng), ACTIVATIONS[activation]()]
    return tn.Sequential(*layers[:-1], tn.LogSoftmax())


def scaled(images: Array) -> Array:
    """Pixels of 0..255 as the network sees them, 0..1."""
    return tn.data.minmax_scale(images, 0, 255)


def score_table(history: tn.History) -> str:
    """The scores after epochs 1, 2, 5, 10, 20, 50 and so on, and after the last."""
    score, form = history.score_name or "accuracy", "{:.4g}" if history.score_name else "{:.2f} %"
    parts = ("train", "test")
    columns = [(f"{part} loss", history.losses(part), "{:.3f}") for part in parts]
    columns += [(f"{part} {score}", history.scores(part), form) for part in parts]
    columns = [column for column in columns if column[1]]
    rows = ["  ".join(["epoch", *(head for head, _, _ in columns)])]
    for epoch in range(1, len(history) + 1):
        if str(epoch).rstrip("0") in ("1", "2", "5") or epoch == len(history):
            cells = (form.format(v[epoch - 1]).rjust(len(head)) for head, v, form in columns)
            rows.append("  ".join([f"{epoch:>5}", *cells]))
    return "\n".join(rows)


def _check_out(options: argparse.Namespace) -> None:
    """Find out before the training, and not after it, that its result has no place."""
    out, data = Path(options.out), Path(options.data)
    if options.data != "-" and out.exists() and data.exists() and out.samefile(data):
        options.parser.error(f"--out {out} is the file of the digits; give another name")
    if out.is_dir():
        raise IsADirectoryError(errno.EISDIR, "--out is a folder, expected a file", str(out))
    if not out.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, "no folder that can be written", str(out.parent))
    check_place(file_path("--out", options.out))


def add_label_column(parser: argparse.ArgumentParser) -> None:
    """The option that says which column of a CSV file holds the labels."""
    parser.add_argument(
        "--label-column",
        type=lambda text: int(text) if text.lstrip("-").isdecimal() else text,
        metavar="COLUMN",
        help="where the labels stand: 0 is the first column, -1 the last, or its name in the "
        "header (the column named label, or else the first)",
    )


def opened(data: str) -> str | BinaryIO:
    """What to read the digits from: a path, or stdin if it is -."""
    return sys.stdin.buffer if data == "-" else data


def _file(text: str) -> str:
    if text == "-":
        raise argparse.ArgumentTypeError(
            "the model cannot go to stdout, where the scores go; name a file (./- is one named -)"
        )
    return text


def _widths(text: str) -> list[int]:
    if not text.strip():
        return []
    parts = text.split(",")
    if not all(part.strip().isdecimal() and int(part) for part in parts):
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of layers such as 64,32,32")
    return list(map(int, parts))


def _learning_rate(text: str) -> float:
    try:
        lr = float(text)
    except ValueError:
        lr = math.nan
    if not 0 < lr < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive number such as 0.01")
    return lr


def _at_least(low: int) -> Any:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < low:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {low} up")
        return int(text)

    return parse
