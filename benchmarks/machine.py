"""What all benchmarks share: what they ran on, their thread settings, and tables in Markdown."""

import datetime
import os
import platform
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

ONE_THREAD = {
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA")},
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "TINYNET_THREADS": "1",
    "NPROC": "1",  # the size of XLA's thread pool
}
"""Environment variables that hold a process's numerical libraries to one thread."""

PACKAGES = ("numpy", "numba", "torch", "jax", "scikit-learn", "thinc", "distributed")


def describe() -> dict[str, Any]:
    """The machine, the date, and the versions of whatever is installed here."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def headline() -> str:
    """The description as one line."""
    d = describe()
    versions = ", ".join(f"{name} {number}" for name, number in d["versions"].items())
    return f"{d['date']}, {d['cpu']}, {d['cores']} cores, Python {d['python']}, {versions}"


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table of values that are formatted already."""
    table = [list(map(str, row)) for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*table)]
    table.insert(1, ["-" * width for width in widths])
    for row in table:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
    print(flush=True)


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = {key.strip(): value for key, _, value in (line.partition(": ") for line in lines)}
    name = fields.get("model name", platform.machine())
    if "cpu family" in fields:
        name += f" (family {fields['cpu family']}, model {fields['model']})"
    return name


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"
