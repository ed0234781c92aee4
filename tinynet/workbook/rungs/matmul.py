"""How 20_matmul.py is graded: as plain Python against NumPy, and then compiled against itself.

In plain Python an index outside of an array is an error; compiled code would read on.
"""

import platform
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tinynet.kernels.jit.compile import NumbaError, compiles_now
from tinynet.support.types import Array
from tinynet.workbook.examples import array, sizes
from tinynet.workbook.rung import Claim, Example, Mistake, Parts, Rung, Values

SPECIAL = (0.0, 1.0, np.nan, np.inf)
SIZE, REPEATS = 400, 5

Product = Callable[[Array, Array], Array]


@st.composite
def matrices(draw: DrawFn) -> Example:
    I, K, J = draw(sizes()), draw(sizes()), draw(sizes())
    return {"A": array(draw, I, K), "B": array(draw, K, J)}


@st.composite
def special_matrices(draw: DrawFn) -> Example:
    """With zeros, NaN and infinities, and negative numbers in A."""
    I, K, J = draw(sizes()), draw(sizes()), draw(sizes())
    A = array(draw, I, K, of=(*SPECIAL, -1.0, 0.0, 0.0))
    return {"A": A, "B": array(draw, K, J, of=(*SPECIAL, 2.0))}


def as_python(function: Any) -> Product:
    """What @njit was put on."""
    return getattr(function, "py_func", function)


def run_plain(parts: Parts, A: Array, B: Array) -> Values:
    return {"C": as_python(parts.matmul)(A, B)}


def run_skipping(parts: Parts, A: Array, B: Array) -> Values:
    return {"C": as_python(parts.matmul_skipping_zeros)(A, B)}


def run_compiled(parts: Parts, A: Array, B: Array) -> Values:
    functions = [parts.matmul, parts.matmul_skipping_zeros]
    expected = [as_python(function)(A, B) for function in functions]
    decorated = not compiles_now() or all(hasattr(f, "py_func") for f in functions)
    found: dict[str, Any] = {"both have @njit": bool(decorated)}
    for name, function, plain in zip(SKIPPING, functions, expected):
        try:
            compiled = function(A, B)
        except NumbaError as error:
            raise NumbaCannotCompile(in_short(error)) from None
        same = np.shape(plain) == np.shape(compiled)
        same = same and np.allclose(plain, compiled, equal_nan=True)
        found[f"{name} gives the same when compiled"] = bool(same)
    return found


class NumbaCannotCompile(TypeError):
    """Numba's words, in short."""


def in_short(error: NumbaError) -> str:
    """What Numba does not know, and where it stands, out of a page of text."""
    text = str(error)
    lines = [line.strip() for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith(("Failed in", "[1]", "During"))]
    where = re.search(r'File "([^"]*)", line (\d+)', text)
    place = f" ({Path(where[1]).name}, line {where[2]})" if where else ""
    return f"{told[0] if told else 'no reason given'}{place}"


def product(A: Array, B: Array) -> Values:
    return {"C": (A[:, :, None] * B).sum(axis=1)}


def product_without_zeros(A: Array, B: Array) -> Values:
    return {"C": np.where(A[:, :, None] == 0, 0, A[:, :, None] * B).sum(axis=1)}


def product_compiled(A: Array, B: Array) -> Values:
    same = {f"{name} gives the same when compiled": True for name in SKIPPING}
    return {"both have @njit": True, **same}


def compiled_in_words(values: Values) -> str:
    if not values["both have @njit"]:
        return "@njit is missing: without it the loops are not compiled"
    return "compiled, it gives other numbers than plain Python does: is a number kept as an int?"


SKIPPING = {"matmul": False, "matmul_skipping_zeros": True}
"""Both parts, and whether they skip zeros."""


def both(of: Callable[[bool], Product]) -> dict[str, Product]:
    """A mistake in both parts."""
    return {name: of(skips) for name, skips in SKIPPING.items()}


def one_by_one(term: Callable[[Array, Array, int, int, int], float]) -> Product:
    """The sum over k of what `term` gives."""

    def product(A: Array, B: Array) -> Array:
        C = np.zeros((A.shape[0], B.shape[1]))
        for i, j in np.ndindex(C.shape):
            for k in range(A.shape[1]):
                C[i, j] += term(A, B, i, k, j)
        return C

    return product


def read_by(A_at: Callable[..., Any], B_at: Callable[..., Any]) -> dict[str, Product]:
    """Indices of A and of B, from i, k and j."""

    def of(skips: bool) -> Product:
        def term(A: Array, B: Array, i: int, k: int, j: int) -> float:
            a = A[A_at(i, k, j)]
            return 0.0 if skips and a == 0 else a * B[B_at(i, k, j)]

        return one_by_one(term)

    return both(of)


def within(first: int, last: int) -> dict[str, Product]:
    """A sum that begins and ends too early or too late."""

    def of(skips: bool) -> Product:
        def product(A: Array, B: Array) -> Array:
            ks = slice(first, A.shape[1] - last)
            right = product_without_zeros if skips else globals()["product"]
            return right(A[:, ks], B[ks])["C"]

        return product

    return both(of)


def overwritten(skips: bool) -> Product:
    def product(A: Array, B: Array) -> Array:
        C = np.zeros((A.shape[0], B.shape[1]))
        for i, k in np.ndindex(A.shape):
            if not skips or A[i, k] != 0:
                C[i] = A[i, k] * B[k]
        return C

    return product


def carried(per_row: bool) -> Callable[[bool], Product]:
    """The sum is set to 0 once for each row, or once at all."""

    def of(skips: bool) -> Product:
        def product(A: Array, B: Array) -> Array:
            C, total = np.zeros((A.shape[0], B.shape[1])), 0.0
            for i, j in np.ndindex(C.shape):
                if per_row and j == 0:
                    total = 0.0
                for k in range(A.shape[1]):
                    if not skips or A[i, k] != 0:
                        total += A[i, k] * B[k, j]
                C[i, j] = total
            return C

        return product

    return of


def rounded(skips: bool) -> Product:
    def product(A: Array, B: Array) -> Array:
        C = np.zeros((A.shape[0], B.shape[1]), np.int64)
        for i, j in np.ndindex(C.shape):
            for k in range(A.shape[1]):
                if not skips or A[i, k] != 0:
                    C[i, j] += A[i, k] * B[k, j]
        return C

    return product


def with_shape_of_A(skips: bool) -> Product:
    def product(A: Array, B: Array) -> Array:
        C = np.zeros(A.shape)
        for i in range(A.shape[0]):
            for j in range(B.shape[1]):
                for k in range(A.shape[1]):
                    if not skips or A[i, k] != 0:
                        C[i, j] += A[i, k] * B[k, j]
        return C

    return product


def breaks(A: Array, B: Array) -> Array:
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            if A[i, k] == 0:
                break
            C[i] += A[i, k] * B[k]
    return C


def returns(A: Array, B: Array) -> Array:
    C = np.zeros((A.shape[0], B.shape[1]))
    for i in range(A.shape[0]):
        for k in range(A.shape[1]):
            if A[i, k] == 0:
                return C
            C[i] += A[i, k] * B[k]
    return C


def take(which: Callable[[float, float], bool]) -> Product:
    """The products of those numbers alone."""

    def term(A: Array, B: Array, i: int, k: int, j: int) -> float:
        return A[i, k] * B[k, j] if which(A[i, k], B[k, j]) else 0.0

    return one_by_one(term)


def after(parts: Parts) -> str:
    """Both beside each other, and NumPy's, on a half-empty A."""
    if not compiles_now():
        return "Numba is absent or switched off: nothing was compiled, so nothing was measured."
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((SIZE, SIZE)), rng.standard_normal((SIZE, SIZE))
    A[rng.random(A.shape) < 0.5] = 0
    functions = {name: getattr(parts, name) for name in SKIPPING} | {"NumPy's A @ B": np.matmul}
    times = {name: fastest(function, A, B) for name, function in functions.items()}
    plain, skipping = (times[name] for name in SKIPPING)
    rows = [f"  {name:<22} {1000 * seconds:8.2f} ms" for name, seconds in times.items()]
    factor = plain / skipping
    verdict = (
        f"Skipping zeros is {factor:.1f} times as fast."
        if factor >= 1.05
        else "Skipping zeros does not pay here. To ask for each product, and not once for each\n"
        "A[i, k], costs as much as it saves; read (2) and (3) again."
    )
    return "\n".join(
        [
            f"Half of A is zeros, A and B are ({SIZE}, {SIZE}), the best of {REPEATS}, on one core",
            f"({processor()}):",
            *rows,
            verdict,
            "How tinynet goes on from here (blocks that fit into the cache, several numbers at",
            "a time) stands in tinynet/kernels/gemm/.",
        ]
    )


def fastest(function: Product, A: Array, B: Array) -> float:
    def once() -> float:
        start = time.perf_counter()
        function(A, B)
        return time.perf_counter() - start

    return min(once() for _ in range(REPEATS))


def processor() -> str:
    """Its name, as far as the system tells it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor() or platform.machine()


RUNG = Rung(
    claims=(
        Claim("matmul is A @ B, for every shape", matrices(), run_plain, 1, product),
        Claim("NaN and infinity come through matmul", special_matrices(), run_plain, 4, product),
        Claim(
            "matmul_skipping_zeros is A @ B, for every shape", matrices(), run_skipping, 1, product
        ),
        Claim(
            "zeros of A are skipped, even where B is NaN or infinite",
            special_matrices(),
            run_skipping,
            4,
            product_without_zeros,
        ),
        Claim(
            "compiled, both give the same",
            matrices(),
            run_compiled,
            5,
            product_compiled,
            tries=5,
            words=compiled_in_words,
        ),
    ),
    mistakes=(
        Mistake(
            "B is read the other way round: A's last index and B's first must be the same",
            read_by(lambda i, k, j: (i, k), lambda i, k, j: (j, k)),
            1,
        ),
        Mistake(
            "A is read the other way round: its row is the row of C",
            read_by(lambda i, k, j: (k, i), lambda i, k, j: (k, j)),
            1,
        ),
        Mistake(
            "number by number: A[i, j] meets B[i, j], as in A * B; a row of A should meet a column",
            read_by(lambda i, k, j: (i, j), lambda i, k, j: (i, j)),
            1,
        ),
        Mistake(
            "the sum over k is missing: each product overwrites the one before",
            both(overwritten),
            1,
        ),
        Mistake(
            "the sum goes on from one number of C to the next; each begins with 0",
            both(carried(per_row=True)),
            1,
        ),
        Mistake(
            "the sum goes on through all of C; each number begins with 0",
            both(carried(per_row=False)),
            1,
        ),
        Mistake("the last k is left out: range(K) ends at K - 1 by itself", within(0, 1), 1),
        Mistake("the first k is left out: indices begin with 0", within(1, 0), 1),
        Mistake(
            "C holds whole numbers only and drops what comes after the point; make it of floats",
            both(rounded),
            1,
        ),
        Mistake(
            "C has the shape of A; it has the rows of A and the columns of B",
            both(with_shape_of_A),
            1,
        ),
        Mistake(
            "no zero is skipped: 0 * NaN and 0 * inf are NaN here",
            {"matmul_skipping_zeros": lambda A, B: product(A, B)["C"]},
            4,
        ),
        Mistake(
            "the plain product skips zeros, too; there NaN and infinity must come through",
            {"matmul": lambda A, B: product_without_zeros(A, B)["C"]},
            4,
        ),
        Mistake(
            "at the first zero the rest of the row is dropped: skip one k, and go on",
            {"matmul_skipping_zeros": breaks},
            3,
        ),
        Mistake(
            "at the first zero all that follows is dropped: skip one k, and go on",
            {"matmul_skipping_zeros": returns},
            3,
        ),
        Mistake(
            "negative numbers of A are skipped as well; only 0 adds nothing",
            {"matmul_skipping_zeros": take(lambda a, b: a > 0)},
            3,
        ),
        Mistake(
            "zeros of B are skipped, not those of A",
            {"matmul_skipping_zeros": take(lambda a, b: b != 0)},
            4,
        ),
        Mistake(
            "zeros of B are skipped as well; only those of A are",
            {"matmul_skipping_zeros": take(lambda a, b: a != 0 and b != 0)},
            4,
        ),
        Mistake(
            "NaN and infinity are skipped wherever they stand; ask whether A[i, k] is 0 instead",
            {"matmul_skipping_zeros": take(lambda a, b: bool(np.isfinite(a * b)))},
            4,
        ),
    ),
    hints=(
        "Three loops, over i, k and j, around one line that adds a product to a number of C.",
        "C = np.zeros((A.shape[0], B.shape[1])), and the line is C[i, j] += A[i, k] * B[k, j]. "
        "For the second function, put the loops in an order in which A[i, k] stands still while "
        "the innermost one runs.",
        "for i in range(I): for k in range(K): if A[i, k] != 0: for j in range(J): "
        "C[i, j] += A[i, k] * B[k, j]. Without the `if`, it is the plain product.",
    ),
    library=("tinynet.kernels.products:add_product",),
    after=after,
    seconds=20.0,
)
