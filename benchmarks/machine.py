"""What all benchmarks share: what they ran on, their settings, and tables in Markdown."""

import argparse
import datetime
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

ONE_THREAD = {
    **{f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "BLIS", "NUMBA")},
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
    "TINYNET_THREADS": "1",
    "NPROC": "1",  # the size of XLA's thread pool
}
"""Environment variables that hold a process's numerical libraries to one thread."""

AS = {
    "avx2": {
        "NUMBA_CPU_NAME": "haswell",
        "NUMBA_CPU_FEATURES": "+avx,+avx2,+bmi,+bmi2,+fma,+lzcnt,+popcnt,+sse4.1,+sse4.2,+ssse3",
        "OPENBLAS_CORETYPE": "Haswell",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
    }
}
"""What makes numerical libraries, read at import, run their code for a lesser processor."""

PACKAGES = ("numpy", "numba", "torch", "jax", "scikit-learn", "thinc", "distributed")


def describe() -> dict[str, Any]:
    """The machine, the date, and the versions of whatever is installed here."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "cpu": _cpu(),
        "code": code(),
        "cores": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
    }


def headline() -> str:
    """The description as one line."""
    d = describe()
    versions = ", ".join(f"{name} {number}" for name, number in d["versions"].items())
    machine = f"{d['cpu']}, code for {d['code']}, {d['cores']} cores"
    return f"{d['date']}, {machine}, Python {d['python']}, {versions}"


def code() -> str:
    """The vectors that Numba compiles for here: of this processor, or of one that was asked for."""
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if features is None:
        features = llvm.get_host_cpu_features().flatten()
    if "+avx512f" in features.split(","):
        return "AVX-512"
    return "AVX2" if {"+avx2", "+fma"} <= set(features.split(",")) else platform.machine()


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """The options; with ``--as``, this process only starts another one that has its settings."""
    parser.add_argument("--as", dest="level", choices=AS, help="measure the code for this instead")
    options = parser.parse_args()
    if options.level and not AS[options.level].items() <= os.environ.items():
        environment = os.environ | AS[options.level]
        sys.exit(subprocess.run([sys.executable, *sys.argv], env=environment).returncode)
    return options


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table of values that are formatted already."""
    print(f"{markdown(header, rows)}\n", flush=True)


def markdown(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The lines of a Markdown table."""
    table = [list(map(str, row)) for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*table)]
    table.insert(1, ["-" * width for width in widths])
    lines = (" | ".join(cell.ljust(width) for cell, width in zip(row, widths)) for row in table)
    return "\n".join(f"| {line} |" for line in lines)


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
