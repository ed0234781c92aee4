"""The cache of compiled kernels: it saves time, and never stops the program or spoils a result."""

import gc
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bounds import ROUNDINGS, rounding_bound
from conftest import JIT_IS_OFF
from strategies import assert_within, normal

import tinynet
from tinynet.kernels import PAIRS
from tinynet.kernels.jit.cache import _CheckedFiles

PACKAGE = Path(tinynet.__file__).parent

PROGRAM = """
import json, warnings
import numpy as np
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    from tinynet import kernels
    {before}
    results = []
    for dtype in {dtypes}:
        x = np.array([[-1.5, 0, 2.5]], dtype)
        y, dx = np.empty_like(x), np.empty_like(x)
        kernels.relu(x, y)
        kernels.relu_dx(x, y, dx)
        results.append([y.tolist(), dx.tolist()])
stats = [kernel.loop.loop.stats for kernel in (kernels.relu, kernels.relu_dx)]
print(json.dumps({{
    "results": results,
    "warnings": [str(warning.message) for warning in caught],
    "loaded": sum(sum(s.cache_hits.values()) for s in stats),
    "compiled": sum(sum(s.cache_misses.values()) for s in stats),
}}))
"""
RESULTS = [[[0, 0, 2.5]], [[0, 0, 2.5]]]
BOTH = ("float32", "float64")


def start(cache: Path, code: str = PROGRAM.format(dtypes=BOTH, before=""), **env: str) -> Any:
    """Another Python that runs `code`, with compiled kernels kept in `cache`."""
    own = {"NUMBA_CACHE_DIR": str(cache), "NUMBA_DISABLE_JIT": "0"}
    return subprocess.Popen(
        [sys.executable, "-P", "-c", code],
        env=os.environ | own | {"PYTHONPATH": str(PACKAGE.parent)} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: Any) -> Any:
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return json.loads(output)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """A cache folder that two processes filled at once, one for each dtype, and their reports."""
    cache = tmp_path_factory.mktemp("cache")
    programs = [PROGRAM.format(dtypes=(dtype,), before="") for dtype in BOTH]
    return cache, [finish(process) for process in [start(cache, code) for code in programs]]


def test_a_later_process_loads_what_earlier_ones_compiled_at_once(filled):
    cache, reports = filled
    for report in reports:
        assert (report["compiled"], report["loaded"]) == (2, 0)
        assert report["results"] == [RESULTS]
        assert report["warnings"] == []
    later = finish(start(cache))
    assert (later["compiled"], later["loaded"]) == (0, 4)
    assert later["results"] == [RESULTS, RESULTS]
    assert later["warnings"] == []


@pytest.mark.slow
def test_a_cache_that_cannot_be_written_costs_one_warning(tmp_path):
    (tmp_path / "file").touch()
    report = finish(start(tmp_path / "file" / "cache"))
    (warning,) = report["warnings"]
    assert "cannot be written" in warning
    assert "Set NUMBA_CACHE_DIR" in warning
    assert report["results"] == [RESULTS, RESULTS]


@pytest.mark.slow
def test_a_cache_that_goes_away_while_the_program_runs_costs_one_warning(tmp_path):
    take_away = (
        "import shutil; from tinynet.kernels.jit.folder import cache_folder; "
        "shutil.rmtree(cache_folder()); cache_folder().touch()"
    )
    report = finish(start(tmp_path, PROGRAM.format(dtypes=BOTH, before=take_away)))
    assert len(report["warnings"]) == 1
    assert report["results"] == [RESULTS, RESULTS]


@pytest.mark.slow
def test_a_damaged_cache_costs_one_warning(filled, tmp_path):
    shutil.copytree(filled[0], tmp_path, dirs_exist_ok=True)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(files) == 4
    for path, damaged in zip(
        files,
        (
            lambda content: content[:-1] + bytes([content[-1] ^ 1]),
            lambda content: content[: len(content) // 2],
            lambda content: b"",
            lambda content: np.random.default_rng(0).bytes(len(content)),
        ),
    ):
        path.write_bytes(damaged(path.read_bytes()))
    report = finish(start(tmp_path))
    (warning,) = report["warnings"]
    assert "damaged" in warning
    assert f"Delete {files[0].parent}" in warning
    assert report["loaded"] == 0
    assert report["results"] == [RESULTS, RESULTS]


def test_one_flipped_bit_anywhere_in_a_cache_file_is_noticed(tmp_path):
    files = _CheckedFiles(str(tmp_path), "relu-1", "")
    files.save(("float32",), ["machine code"])
    assert files.load(("float32",)) == ["machine code"]
    assert files.load(("float64",)) is None
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    for position in range(len(whole)):
        for bit in range(8):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match="damaged"):
                files.load(("float32",))


def test_an_edited_kernel_never_runs_as_its_old_self(filled, tmp_path):
    copy = tmp_path / "tinynet"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("data_files", "__pycache__"))
    source = copy / "kernels" / "activations.py"
    line = "y[i] = 0 if x[i] <= 0 else x[i]"
    assert line in source.read_text()
    source.write_text(source.read_text().replace(line, line.replace("= 0 if", "= 7 if")))
    report = finish(start(filled[0], PYTHONPATH=str(tmp_path)))
    assert report["loaded"] == 0
    assert report["results"][0][0] == [[7, 7, 2.5]]


PRODUCT = """
import json
import numpy as np
from tinynet import kernels
y = np.empty((2, 1), np.float32)
x, W, b = (np.ones(shape, np.float32) for shape in ((2, 3), (3, 1), (1,)))
kernels.linear(x, W, b, y)
print(json.dumps({"y": y.tolist(), "loaded": sum(kernels.linear.loop.stats.cache_hits.values())}))
"""


@pytest.mark.slow
def test_a_part_that_kernels_call_by_address_may_be_lost_from_the_cache(tmp_path):
    assert finish(start(tmp_path, PRODUCT)) == {"y": [[4], [4]], "loaded": 0}
    assert finish(start(tmp_path, PRODUCT)) == {"y": [[4], [4]], "loaded": 1}
    (part,) = tmp_path.glob("*/shares.affine-*")
    part.unlink()
    assert finish(start(tmp_path, PRODUCT)) == {"y": [[4], [4]], "loaded": 1}
    assert part.exists()


NO_FMA = """
import json, sys
import numpy as np
from tinynet import kernels
from tinynet.kernels.simd.lanes_llvm import HAS_FMA
arrays = dict(np.load({path!r}))
x, W, b, dy, dW = (arrays[name] for name in ("x", "W", "b", "dy", "dW"))
y = np.empty((len(x), W.shape[1]), x.dtype)
kernels.linear(x, W, b, y)
kernels.linear_dW(x, dy, dW)
print(json.dumps({{"HAS_FMA": HAS_FMA, "linear": y.tolist(), "linear_dW": dW.tolist()}}))
"""


@pytest.mark.slow
@pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"),
    reason="only x86 processors may lack fused multiply-add",
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_processor_without_fused_multiply_add_gives_results_within_the_bound(tmp_path, dtype):
    rng = np.random.default_rng(0)
    x = normal(rng, 9, 33, dtype=dtype)
    x[5:] = normal(rng, 4, 33, dtype=dtype, density=0.2)
    W, b, dy = (normal(rng, *shape, dtype=dtype) for shape in ((33, 100), (100,), (9, 100)))
    np.savez(tmp_path / "arrays", x=x, W=W, b=b, dy=dy, dW=np.zeros_like(W))
    code = NO_FMA.format(path=str(tmp_path / "arrays.npz"))
    report = finish(
        start(tmp_path / "cache", code, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="")
    )
    assert report["HAS_FMA"] is False
    for kernel, arrays in (("linear", (x, W, b)), ("linear_dW", (x, dy))):
        exact = [array.astype(np.float64) for array in arrays]
        bound = rounding_bound(ROUNDINGS[kernel](*exact), dtype)
        assert_within(report[kernel], PAIRS[kernel].reference(*exact), bound)


@pytest.mark.skipif(JIT_IS_OFF, reason="nothing is compiled")
@pytest.mark.parametrize("on", [True, False])
def test_the_garbage_collector_is_as_it_was_after_compiling_and_after_an_error(on):
    from tinynet.kernels.jit import compile

    def loop(x):
        return x + 1

    one, other = compile.jit(loop), compile.jit(lambda x: no_such_name(x))  # noqa: F821
    before = gc.isenabled()
    (gc.enable if on else gc.disable)()
    try:
        assert one(1.0) == 2
        assert gc.isenabled() == on
        with pytest.raises(Exception, match="no_such_name"):
            other(1.0)
        assert gc.isenabled() == on
    finally:
        (gc.enable if before else gc.disable)()


@pytest.mark.skipif(JIT_IS_OFF, reason="nothing is compiled")
def test_the_garbage_collector_is_off_while_a_kernel_compiles():
    from numba.core.caching import NullCache

    from tinynet.kernels.jit import compile

    seen = []
    compiled = compile.jit(lambda x: x * 3)
    compiled._cache = NullCache()  # an earlier run has left its code there
    inside = compiled._compiler._compile_cached
    compiled._compiler._compile_cached = lambda *a: (seen.append(gc.isenabled()), inside(*a))[1]
    assert compiled(2.0) == 6
    assert seen == [False] and gc.isenabled()
