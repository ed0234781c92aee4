"""Ratios by processor: one file for each and the code it ran, and the table that shows them.

A command with ``--keep`` puts its ratios into the file of its processor, in place of those of the
same names; ``python benchmarks/run_all.py --tables`` writes the table of docs/benchmarks.md.
"""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from machine import describe, markdown

FOLDER = Path(__file__).parent / "results" / "processors"
LARGE = ("784-512-512-10, batches of 128", "784-1024-1024-10, batches of 256")
FIGURES = {
    "pytorch_course": ("an epoch of the main lesson", "PyTorch, the course's loop"),
    "pytorch_bare": ("an epoch of the main lesson", "PyTorch on bare tensors"),
    "jax_scan": ("an epoch of the main lesson", "JAX, one jitted scan"),
    "numpy_by_hand": ("an epoch of the main lesson", "NumPy by hand"),
    "plain_c": ("an epoch of the main lesson", "plain C"),
    "pytorch_batchnorm": ("an epoch of the lesson's network with BatchNorm1d", "PyTorch"),
    "pytorch_dropout": ("an epoch of the lesson's network with Dropout", "PyTorch"),
    "pytorch_autoencoder": ("an epoch of the autoencoder 784-250-50-250-784", "PyTorch"),
    "cnn, torch": ("an epoch of the course's CNN, all cores", "PyTorch on bare tensors"),
    "cnn, jax": ("an epoch of the course's CNN, all cores", "JAX, one jitted scan"),
    "lenet, torch": ("an epoch of LeNet-5, all cores", "PyTorch on bare tensors"),
    **{large: (f"an epoch of {large}, all cores", "PyTorch") for large in LARGE},
    "grid": ("a step, batches and widths from 1 to 4096, all cores", "PyTorch"),
    "estimator": ("`TinyNetClassifier`, 15 epochs of Adam", "scikit-learn's `MLPClassifier`"),
    "products": ("all products of one step of the lesson, one thread", "BLAS"),
    "wide, 0% zeros": ("dense products of wide layers, one thread", "OpenBLAS, its best kernels"),
    "wide, 50% zeros": (
        "products of wide layers, half zeros, one thread",
        "OpenBLAS, its best kernels",
    ),
    "wide, 0% zeros, MKL": ("dense products of wide layers, one thread", "MKL in PyTorch"),
    "wide, 50% zeros, MKL": ("products of wide layers, half zeros, one thread", "MKL in PyTorch"),
    "convolutions": ("kernels of convolutions and pools, one thread", "PyTorch"),
    "forward": ("the first forward pass ever, from `import tinynet` on", ""),
    "running": ("compiled steps running in a first run, from `import tinynet` on", ""),
    "compiling": ("compiling, in a first run", ""),
    "lesson": ("the main lesson's first run, above a later one", ""),
}
"""What is measured, and beside what, by the name of the ratio."""


def add_keep(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--keep",
        nargs="?",
        type=Path,
        const=FOLDER,
        metavar="FOLDER",
        help="put the ratios into this processor's file, here or in another folder",
    )


def keep(ratios: Mapping[str, str], folder: Path | None) -> None:
    """Put ratios into the file of this processor, if there is a folder for it."""
    if folder is None:
        return
    if strange := ratios.keys() - FIGURES.keys():
        raise KeyError(f"{strange}: not in FIGURES")
    machine = describe()
    head = {"processor": machine["cpu"], "LLVM": llvm.get_host_cpu_name(), "code": machine["code"]}
    words = re.findall(r"^\w+|(?<=family )\d+|(?<=model )\d+", machine["cpu"])
    words.append(machine["code"].replace("-", ""))
    path = folder / f"{'-'.join(words).lower()}.json"
    kept = json.loads(path.read_text(encoding="utf-8"))["figures"] if path.exists() else {}
    command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    for ratio, value in ratios.items():
        kept[ratio] = {"value": value, "day": machine["date"], "command": command}
        kept[ratio]["versions"] = machine["versions"]
    figures = {ratio: kept[ratio] for ratio in FIGURES if ratio in kept}
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(head | {"figures": figures}, indent=1) + "\n", encoding="utf-8")


def table(folder: Path = FOLDER) -> str:
    """All kept ratios in Markdown: a column for each processor and the code it ran."""
    files = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    rows = []
    for name, (what, beside) in FIGURES.items():
        found: list[Any] = [file["figures"].get(name) for file in files]
        if any(found):
            newest = max((figure for figure in found if figure), key=lambda figure: figure["day"])
            cells = [f"{figure['value']} ({figure['day']})" if figure else "" for figure in found]
            script = newest["command"].split()[1].removeprefix("benchmarks/")
            rows.append((what, beside, *cells, f"`{script}`"))
    columns = [f"{file['processor']}, {file['LLVM']}, {file['code']}" for file in files]
    return markdown(("what", "beside", *columns, "command"), rows)
