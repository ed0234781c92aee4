"""What an error of forward or backward tells: a wrong shape, or a refusal that is meant."""

import dis
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

_LIBRARIES = (Path(np.__file__).parent, Path(__file__).parents[1])
_LAYERS = Path(__file__).parents[1] / "layers"

_SHAPE = re.compile(r"\((\d+,|\d+(?:, ?\d+)+|)\)")
_OF_SHAPES = re.compile("shape|broadcast|core dimension|aligned|axis|axes|dimension")


def about_shapes(error: Exception, wanted: Sequence[tuple[int, ...]], rows: int) -> str:
    """What is missing or one too many, judging by the shapes in the message.

    Parameters
    ----------
    error : Exception
        What backward raised.
    wanted : sequence of tuple of int
        The shapes of the parameters: so must their gradients be.
    rows : int
        How many rows dy has.

    Returns
    -------
    str
        A clause to go on with, or nothing if the error is about something else.
    """
    if not isinstance(error, ValueError) or not _OF_SHAPES.search(str(error)):
        return ""
    shapes = [
        tuple(int(size) for size in found.split(",") if size.strip())
        for found in _SHAPE.findall(str(error))
    ]
    for right in (shape for shape in shapes if shape in wanted):
        for got in (shape for shape in shapes if shape != right):
            words = _between(got, right, rows)
            if words:
                return f"; {words}: a gradient has the shape of its array, here {right}"
    if "core dimension" in str(error) or "aligned" in str(error):
        return "; the factors of a product do not fit: a transpose is missing or one too many"
    return "; the shapes do not fit: a gradient has the shape of its array"


def _between(got: tuple[int, ...], right: tuple[int, ...], rows: int) -> str | None:
    """What makes `got` of a gradient that should be `right`."""
    extra = len(got) - len(right)
    if extra > 0 and got[extra:] == right:
        if got[0] == 1 != rows:
            return "an axis of length 1 is too many, as keepdims=True leaves it"
        if extra == 1:
            return "a sum over the rows is missing, .sum(axis=0)"
        axes = ", ".join(map(str, range(extra)))
        return f"a sum is missing, .sum(axis=({axes}))" if right else "a sum is missing, .sum()"
    if len(got) == 2 and got == right[::-1]:
        return "a transpose is missing or one too many"
    if got == (rows,) and len(right) == 1:
        return "the sum is over the wrong axis, sum over the rows, .sum(axis=0)"
    return None


def is_refusal(error: BaseException | None) -> bool:
    """Whether a ``raise`` in a layer's own code refuses the input: one row, for example.

    What comes from a library, from tinynet's checks, or from Python itself, is a crash.
    """
    if not isinstance(error, ValueError | AssertionError | NotImplementedError):
        return False
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    if at is None:
        return False
    code = at.tb_frame.f_code
    by_hand, file = code.co_code[at.tb_lasti] == dis.opmap["RAISE_VARARGS"], Path(code.co_filename)
    in_library = any(file.is_relative_to(p) for p in _LIBRARIES)
    return by_hand and (not in_library or file.is_relative_to(_LAYERS))
