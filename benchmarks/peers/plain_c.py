"""Plain C at -O3 -march=native, compiled on the spot: `plain_c.c` does all the work of an epoch."""

import ctypes
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from task import Floats, Ints, Task, run


def build(*options: str) -> ctypes.CDLL:
    compiler = shutil.which("cc")
    if compiler is None:
        sys.exit("no C compiler: there is no cc on the PATH")
    folder = tempfile.TemporaryDirectory(prefix="tinynet-c-")
    library = f"{folder.name}/plain_c.so"
    source = str(Path(__file__).with_name("plain_c.c"))
    flags = ["-O3", "-march=native", "-shared", "-fPIC", *options]
    subprocess.run([compiler, *flags, source, "-o", library, "-lm"], check=True)
    loaded = ctypes.CDLL(library)
    loaded.epoch.restype = ctypes.c_double
    folder.cleanup()
    return loaded


def pointer(array: np.ndarray[Any, Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.ctypes.data)


class PlainC:
    options: tuple[str, ...] = ()

    def __init__(self, task: Task) -> None:
        self.library = build(*self.options)
        self.X, self.y, self.lr = task.X, task.y, task.lr
        self.order, self.seed = np.arange(len(task.X)), np.array([1], np.uint64)
        self.weights = np.concatenate([w.ravel() for pair in task.weights for w in pair])

    def epoch(self) -> float:
        arrays = map(pointer, (self.weights, self.X, self.y, self.order))
        rows, lr = ctypes.c_int64(len(self.X)), ctypes.c_float(self.lr)
        return float(self.library.epoch(*arrays, rows, pointer(self.seed), lr))

    def guesses(self, X: Floats) -> Ints:
        guess = np.empty(len(X), np.int64)
        rows = ctypes.c_int64(len(X))
        self.library.guesses(pointer(self.weights), pointer(X), rows, pointer(guess))
        return guess


if __name__ == "__main__":
    run(PlainC)
