"""Kernels of the reader's own: kept like tinynet's, and never run as their old self."""

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from numba.core.errors import TypingError

import tinynet as tn
from tinynet import kernels
from tinynet.kernels.jit.addresses import _known, _symbol
from tinynet.kernels.jit.compile import compiles_now
from tinynet.kernels.jit.dependencies import meaning

ROOT = Path(tn.__file__).parents[1]

KERNEL = """
import numba
import numpy as np
import tinynet as tn
import helpers
from helpers import curve, FACTORS

SHIFT = 0.0


def bent_reference(x):
    return 2 * x


def make(factor):
    @tn.kernel(bent_reference)
    def bent(x, y):
        for i in range(x.size):
            y[i] = factor * curve(2.0 * x[i]) * helpers.SCALE * FACTORS[0] + SHIFT
    return bent


bent = make(1.0)
"""
HELPERS = """
import numba
import numpy as np

SCALE = 1.0
FACTORS = np.array([1.0, 2.0])


@numba.njit
def deeper(x):
    return x * 1.0


@numba.njit
def curve(x):
    return deeper(x)
"""
PROGRAM = """
import json
import numpy as np
from own_kernel import bent
x = np.ones(3)
y = np.empty(3)
bent(x, y)
stats = bent.loop.stats
print(json.dumps([y[0], sum(stats.cache_hits.values())]))
"""


def run(folder, program=PROGRAM):
    """Run the kernel in a new process: what it gives for 1, and whether it came from the cache."""
    child = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ
        | {
            "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}",
            "NUMBA_CACHE_DIR": str(folder / "cache"),
            "NUMBA_DISABLE_JIT": "0",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert child.returncode == 0, child.stderr
    return json.loads(child.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the kernel, run once, so that its machine code is kept."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "own_kernel.py").write_text(KERNEL)
    (folder / "helpers.py").write_text(HELPERS)
    assert run(folder) == [2.0, 0]
    return folder


@pytest.mark.slow
def test_a_later_process_loads_it(folder):
    assert run(folder) == [2.0, 1]


@contextmanager
def added(folder, more):
    """More at the end of the file of the kernel, for a while."""
    source = (folder / "own_kernel.py").read_text()
    (folder / "own_kernel.py").write_text(source + more)
    try:
        yield
    finally:
        (folder / "own_kernel.py").write_text(source)


def edited(folder, file, old, new):
    """What the kernel gives after an edit, which is taken back."""
    source = (folder / file).read_text()
    assert source.count(old) == 1
    (folder / file).write_text(source.replace(old, new))
    try:
        return run(folder)
    finally:
        (folder / file).write_text(source)


@pytest.mark.slow
def test_an_edited_constant_is_noticed(folder):
    assert edited(folder, "own_kernel.py", "curve(2.0 * x[i])", "curve(3.0 * x[i])") == [3.0, 0]
    assert run(folder) == [2.0, 1], "the old machine code is still there for the old source"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "old", "new", "result"),
    [
        ("own_kernel.py", "SHIFT = 0.0", "SHIFT = 5.0", 7.0),
        ("own_kernel.py", "make(1.0)", "make(4.0)", 8.0),
        ("helpers.py", "x * 1.0", "x * 7.0", 14.0),
        ("helpers.py", "SCALE = 1.0", "SCALE = 0.5", 1.0),
        ("helpers.py", "[1.0, 2.0]", "[9.0, 2.0]", 18.0),
    ],
)
def test_an_edit_of_anything_it_names_is_noticed(folder, file, old, new, result):
    assert edited(folder, file, old, new) == [result, 0]


CALLING = """
def twice_reference(x):
    return 2 * x


@tn.kernel(twice_reference)
def by_two(x, y):
    two(x, y)


@tn.kernel(twice_reference)
def by_three(x, y):
    three(x, y)


two, three = make(1.0), make(1.5)
"""


@pytest.mark.slow
def test_code_from_the_cache_calls_the_kernel_that_it_was_compiled_with(folder):
    program = PROGRAM.replace("import bent", "import by_two, by_three").partition("bent(x, y)")[0]
    program += "by_three(x, y); three = y[0]; by_two(x, y)\n"
    program += "hits = [sum(k.loop.stats.cache_hits.values()) for k in (by_two, by_three)]\n"
    program += "print(json.dumps([y[0], three, *hits]))"
    with added(folder, CALLING):
        assert run(folder, program) == [2.0, 3.0, 0, 0]
        assert run(folder, program) == [2.0, 3.0, 1, 1]


def cell(source, number=1):
    """What a notebook's cell defines: its file is one that does not exist."""
    space = {"tn": tn, "np": np, "__name__": "__main__"}
    exec(compile(source, f"/tmp/ipykernel_{number}/1234.py", "exec"), space)
    return space


CELL = """
def relu_reference(x):
    return FACTOR * x

@tn.kernel(relu_reference)
def relu(x, y):
    for i in range(x.size):
        y[i] = FACTOR * x[i]
"""


def test_cells_that_change_and_the_name_of_one_of_ours():
    ours = kernels.PAIRS["relu"]
    x, y = np.ones(3), np.empty(3)
    for factor in ("3.0", "4.0", "3.0"):
        own = cell(CELL.replace("FACTOR", factor))
        own["relu"](x, y)
        assert y.tolist() == 3 * [float(factor)]
        assert own["relu"].reference is own["relu_reference"]
        assert kernels.PAIRS["__main__.relu"] is own["relu"]
        assert kernels.PAIRS["relu"] is ours and ours is kernels.relu
    net = tn.Sequential(tn.Linear(3, 4, rng=0), tn.ReLU(), tn.Linear(4, 2, rng=1), tn.LogSoftmax())
    x = np.ones((2, 3), np.float32)
    expected = net.predict(x)
    steps = tn.compile(net, tn.NLLLoss(), tn.SGD(net.parameters(), lr=0.1))
    assert "    relu,\n" in steps.source
    assert net.predict(x).tobytes() == expected.tobytes()


def test_a_cell_that_runs_again_leaves_the_code_that_others_call():
    def library():
        own = cell(CELL.replace("FACTOR", "7.0"))
        own["relu"](np.ones(3), np.empty(3))
        (symbol,) = {
            _symbol(own["relu"].loop.py_func, types) for types in own["relu"].loop.overloads
        }
        return _known[symbol].library

    assert library() is library()


def test_the_same_source_means_the_same():
    one, other = (cell(CELL.replace("FACTOR", "3.0"), number)["relu"] for number in (1, 2))
    assert meaning(one) == meaning(other) != meaning(cell(CELL.replace("FACTOR", "5.0"))["relu"])


def test_functions_that_call_each_other_and_all_kinds_of_constants():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    def member(x):
        return x in {"a", "b", "c"} and np.float32(TEXT[0]) > len(SIZES)  # noqa: F821

    member.__globals__.update(TEXT=("1", 2, b"3"), SIZES=[1, None])
    assert meaning(even) == meaning(even) != meaning(odd)
    assert meaning(member) == meaning(member)
    before = meaning(member)
    member.__globals__["SIZES"] = [1, 2]
    assert meaning(member) != before
    del member.__globals__["SIZES"], member.__globals__["TEXT"]


def equation(x, factor):
    return factor * x


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ("a, factor, y", {}, r"takes \(a, factor, y\), expected the arguments of equation, \(x, "),
        ("x", {}, "and then the array of the result"),
        ("x, factor, y, z", {}, "and then the array of the result"),
        ("x, factor, y", {"updates": ("x",)}, r"takes \(x, factor, y\), expected"),
        ("x, factor", {"updates": ("w",)}, "updates names w, but the arguments of equation are"),
    ],
)
def test_a_loop_that_does_not_fit_its_equation(arguments, options, words):
    loop = eval(f"lambda {arguments}: None")
    with pytest.raises(TypeError, match=words):
        tn.kernel(equation, **options)(loop)


def test_something_that_is_no_equation():
    with pytest.raises(TypeError, match=r"is no plain function; use @tn\.kernel"):
        tn.kernel(np.tanh)(lambda x, y: None)


def halved_reference(x, share):
    return x * share


@tn.kernel(halved_reference, flat=True)
def halved(x, share, y):
    for i in range(x.size):
        y[i] = x[i] * share


@tn.kernel(lambda x: x / 4)
def quartered(x, y):
    halved(x, 0.5, y)
    halved(y, 0.5, y)


SHAPES = ((), (0,), (3,), (2, 0, 4), (2, 3), (2, 1, 3, 4))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_flat_kernel_takes_arrays_of_any_shape(shape, dtype):
    x = np.arange(np.prod(shape, dtype=int), dtype=dtype).reshape(shape)
    for kernel, more, factor in ((halved, (0.5,), 0.5), (quartered, (), 0.25)):
        y = np.full_like(x, np.nan)
        kernel(x, *more, y)
        np.testing.assert_array_equal(y, x * factor)


@pytest.mark.skipif(not compiles_now(), reason="nothing is compiled")
def test_a_flat_kernel_is_compiled_once_for_all_shapes():
    for shape in SHAPES:
        x = np.zeros(shape, np.float32)
        halved(x, 0.5, x)
        quartered(x, x)
    kinds = [types for types in halved.loop.loop.overloads if "float32" in str(types)]
    assert len(kinds) == 1
    assert kinds[0][0].ndim == 1


def test_a_flat_kernel_refuses_arrays_that_it_cannot_see_as_a_row():
    x, y = np.ones((3, 2)), np.full((3, 4), 7.0)
    for arguments in ((x, 0.5, y[:, ::2]), (x.T, 0.5, y[:2, :3]), (x[0], 0.5, y[0, ::2])):
        with pytest.raises(TypeError, match=r"halved: an array of shape .* np.ascontiguousarray"):
            halved(*arguments)
    assert (y == 7).all()


@pytest.mark.skipif(not compiles_now(), reason="nothing is compiled")
def test_compiled_code_refuses_them_too():
    @tn.kernel(lambda x: x.T / 2)
    def turned(x, y):
        halved(x.T, 0.5, y)

    @tn.kernel(lambda x: x[::2] / 2)
    def every_other(x, y):
        halved(x[::2], 0.5, y)

    given = (turned, np.ones((3, 2)), np.ones((2, 3))), (every_other, np.ones(4), np.ones(2))
    for kernel, x, y in given:
        with pytest.raises(TypingError, match=r"halved: array.* np.ascontiguousarray"):
            kernel(x, y)


@pytest.mark.parametrize("name", ["all_finite", "squares"])
def test_no_kernel_reads_the_neighbours_of_a_part(name):
    numbers = np.ones(400, np.float32)
    numbers[1::2] = np.nan
    with pytest.raises(TypeError, match=f"{name}: an array of shape .200,. does not lie"):
        kernels.PAIRS[name](numbers[::2])
    assert kernels.PAIRS[name](numbers[::2].copy()) == kernels.PAIRS[name].reference(numbers[::2])
