"""The checks at the border: what comes in is either right, or an error that says what to do.

Kernels trust their arguments, since Numba reads past the end of an array without a word. So every
public function checks its own, once, with the functions below, before it changes anything.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinynet.support.types import Array

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def unmasked(owner: str, values: Any) -> NDArray[Any]:
    """`values` as a plain ndarray; a masked array is refused, since what it hides would count.

    Raises
    ------
    TypeError
        If `values` is a masked array.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise TypeError(
            f"{owner}: got a masked array, expected a plain one; fill it with .filled(value), or "
            "drop the rows with masked values"
        )
    return np.asarray(values)


def float_array(owner: object, values: Any, dtype: Any = None, *, method: str = "") -> Array:
    """`values` as a C-contiguous, writeable float32 or float64 array in native byte order.

    An array that is all of this is returned as it is, any other is copied: Numba would compile
    every kernel once more for read-only or unaligned arrays.

    Parameters
    ----------
    owner : object
        Who asks, for the message.
    values : ndarray
    dtype : float32, float64 or None
        The dtype it must have; None: either.
    method : str
        Which method of the owner asks, such as ``".backward"``.

    Raises
    ------
    TypeError
        If `values` is not an array of that dtype. Nothing is converted silently: uint8 pixels, for
        one, wrap around in NumPy arithmetic.
    """
    if (
        type(values) is np.ndarray
        and values.flags.carray
        and values.dtype in (FLOATS if dtype is None else (dtype,))
    ):
        return values  # nothing to mend and no message to build: so it is at every layer's call
    owner = f"{owner}{method}"
    wanted = "float32 or float64" if dtype is None else np.dtype(dtype).name
    if not isinstance(values, np.ndarray):
        raise TypeError(
            f"{owner}: got {type(values).__name__}, expected a {wanted} array; convert it with "
            f"np.asarray(..., dtype=np.{wanted.split()[0]})"
        )
    values = unmasked(owner, values)
    native = values.dtype.newbyteorder("=")
    if native not in (FLOATS if dtype is None else (dtype,)):
        raise TypeError(
            f"{owner}: got dtype {values.dtype}, expected {wanted}{conversion(values.dtype, dtype)}"
        )
    return np.require(values, native, ["C", "A", "W"])


def float_array_like(owner: str, values: Any, model: Array) -> Array:
    """`values` as ``float_array`` gives them, with the dtype and the shape of `model`."""
    values = float_array(owner, values, model.dtype)
    if values.shape != model.shape:
        raise ValueError(f"{owner}: got shape {values.shape}, expected {model.shape}")
    return values


def feature_rows(owner: object, x: Any, features: int, dtype: Any) -> Array:
    """`x` as ``float_array`` gives it, if it is (N, features)."""
    x = float_array(owner, x, dtype)
    if x.ndim != 2:
        fix = "use x.reshape(1, -1) for one sample" if x.ndim == 1 else "use x.reshape(len(x), -1)"
        raise ValueError(f"{owner!r}: input has shape {x.shape}, expected (N, features); {fix}")
    if x.shape[1] != features:
        raise ValueError(
            f"{owner!r}: input has {x.shape[1]} features, expected {features} "
            f"(input shape {x.shape})"
        )
    return x


def conversion(given: np.dtype[Any], wanted: Any = None) -> str:
    """How to make numbers of `given` dtype floats, as the end of a message; "" if they are none."""
    name = np.dtype(np.float32 if wanted is None else wanted).name
    if given == np.uint8:
        to_64 = ".astype(np.float64)" if name == "float64" else ""
        return (
            f"; scale pixels by tn.data.minmax_scale(X, 0, 255){to_64}, and convert other numbers "
            f"with .astype(np.{name})"
        )
    if given.kind in "buif":
        return f"; convert with .astype(np.{name})"
    if given.kind == "c":
        return f"; take .real.astype(np.{name}), or .imag, or both as features"
    if given.kind in "OUS":
        return f"; if all entries are numbers, convert with .astype(np.{name})"
    return "; turn what it holds into numbers first"


def scores(owner: str, x: Any) -> Array:
    """`x` as ``float_array`` gives it, if it is (N, C): a number for every row and every class."""
    x = float_array(owner, x)
    if x.ndim != 2 or 0 in x.shape:
        raise ValueError(
            f"{owner}: input has shape {x.shape}, expected (N, C): N rows of C classes"
        )
    return x


def class_probabilities(owner: str, target: Any, x: Array, ignore_index: int) -> Array:
    """`target` as ``float_array`` gives it, if it fits the scores `x`, and no label is ignored."""
    target = float_array(f"{owner}: class probabilities", target, x.dtype)
    if ignore_index >= 0:
        raise ValueError(
            f"{owner}: ignore_index = {ignore_index} is for labels, but the target is class "
            "probabilities; leave it out, or leave out the rows"
        )
    if target.shape != x.shape:
        raise ValueError(
            f"{owner}: class probabilities have shape {target.shape}, expected {x.shape}, that of "
            "the input"
        )
    return target


def integer_labels(owner: str, labels: Any, rows: int, classes: int) -> NDArray[Any]:
    """`labels`, if they are integers (N,): one for each row.

    Raises
    ------
    TypeError
        If they are not integers.
    ValueError
        If they are not one per row.
    """
    if not isinstance(labels, np.ndarray):
        raise TypeError(
            f"{owner}: labels are {type(labels).__name__}, expected an integer array (N,); convert "
            "with np.asarray(labels)"
        )
    labels = unmasked(f"{owner}: labels", labels)
    if labels.ndim == 2 and labels.shape[1] == 1:
        raise ValueError(f"{owner}: labels have shape {labels.shape}, expected (N,); use .ravel()")
    if labels.ndim == 2 and labels.shape[1] == classes:
        raise ValueError(
            f"{owner}: labels have shape {labels.shape} (one-hot?), expected (N,); "
            "use .argmax(axis=1)"
        )
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"{owner}: labels have dtype {labels.dtype}, expected integers; use .astype(int)"
        )
    if labels.shape != (rows,):
        raise ValueError(
            f"{owner}: labels have shape {labels.shape}, expected ({rows},), one for "
            "each row of the input"
        )
    return labels


def number(
    owner: str, name: str, value: Any, low: float, high: float = math.inf, *, below: bool = False
) -> float:
    """`value` as a finite float in [low, high], or in [low, high) with `below`.

    Raises
    ------
    TypeError
        If it is not a number.
    ValueError
        If it is out of range or NaN.
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
        raise TypeError(f"{owner}: {name} = {value!r} is not a number")
    try:
        as_float = float(value)
    except OverflowError:  # an int beyond all floats
        as_float = math.copysign(math.inf, value > 0 or -1)
    inside = low <= as_float < high if below or high == math.inf else low <= as_float <= high
    if not inside or as_float == -math.inf:
        closing = ")" if below or high == math.inf else "]"
        opening = "(" if low == -math.inf else "["
        raise ValueError(
            f"{owner}: {name} = {value} is outside {opening}{low:g}, {high:g}{closing}"
        )
    return as_float


def whole_number(owner: str, name: str, value: Any, low: int) -> int:
    """`value` as an int of at least `low`.

    Raises
    ------
    ValueError
        If it is not an int, or below `low`.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
        raise ValueError(f"{owner}: {name} = {value!r}, expected an int of at least {low}")
    return int(value)


def integer(owner: str, name: str, value: Any) -> int:
    """`value` as an int, of either sign.

    Raises
    ------
    TypeError
        If it is not one.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError(f"{owner}: {name} = {value!r} is not an int")
    return int(value)


def checked_shape(owner: str, shape: Any) -> tuple[int, ...]:
    """An argument `input_shape`, the shape of one row; a number is that of a row of so many.

    Raises
    ------
    ValueError
        If it is no shape.
    """
    sizes = shape if isinstance(shape, tuple | list) else (shape,)
    if not all(isinstance(n, int | np.integer) and n > 0 and n is not True for n in sizes):
        raise ValueError(
            f"{owner}: input_shape = {shape!r}, expected the shape of one row without N, such as "
            "(784,)"
        )
    return tuple(map(int, sizes))


def check_size(owner: str, name: str, value: Any) -> None:
    """Refuse what is no number of features: an int of at least 1."""
    if integer(owner, name, value) < 1:
        raise ValueError(f"{owner}: {name} = {value} must be at least 1")


def check_float_dtype(owner: str, dtype: Any) -> None:
    """Refuse what is neither float32 nor float64."""
    if np.dtype(dtype) not in FLOATS:
        raise TypeError(f"{owner}: dtype = {np.dtype(dtype)}, expected float32 or float64")


def check_dataset(owner: str, X: Any, y: Any, scale: float | None = None) -> None:
    """Refuse a data set that no network can learn from: see ``tn.DataLoader``."""
    for name, array in (("X", X), ("y", y)):
        if not isinstance(array, np.ndarray) or array.ndim == 0:
            raise TypeError(
                f"{owner}: {name} is {type(array).__name__}, expected an array; use np.asarray"
            )
        unmasked(f"{owner}: {name}", array)
    if len(X) != len(y):
        raise ValueError(f"{owner}: X has {len(X)} rows but y has {len(y)}; they must pair up")
    if len(X) == 0:
        raise ValueError(f"{owner}: X has 0 rows; there is nothing to learn from")
    if X.ndim == 1:
        raise ValueError(
            f"{owner}: X has shape {X.shape}, expected (n, features); use X.reshape(-1, 1) for one "
            "feature"
        )
    if scale is None and X.dtype.newbyteorder("=") not in (np.float32, np.float64):
        in_batches = ", or DataLoader(..., scale=1 / 255)" if X.dtype == np.uint8 else ""
        raise TypeError(
            f"{owner}: X has dtype {X.dtype}, expected float32 or float64{conversion(X.dtype)}"
            f"{in_batches}"
        )
    if X.dtype.kind not in "buif":
        raise TypeError(f"{owner}: X has dtype {X.dtype}, expected numbers")
    check_finite(owner, "X", X)
    check_finite(owner, "y", y)


def check_finite(owner: str, name: str, array: NDArray[Any]) -> None:
    """Refuse NaN and infinity, naming the first row and column that holds one."""
    if array.dtype.kind != "f":
        return
    rows = np.atleast_1d(array)
    for start in range(0, len(rows), 4096):  # in parts: no boolean copy of a large data set
        part = rows[start : start + 4096]
        finite = np.isfinite(part)
        if not finite.all():
            row, *columns = first = tuple(np.argwhere(~finite)[0])
            place = "".join(f", column {column}" for column in columns)
            raise ValueError(
                f"{owner}: {name} holds {part[first]} at row {start + row}{place}; repair or drop "
                "such rows first"
            )
