"""What a line that is no line of digits seems to be, for the error that names it."""

import math
from collections import Counter

from tinynet.datasets.forms import text_form_of


def hint_for(line: bytes, cells: list[bytes], first: bool) -> str:
    """The likely cause of a fault in this line, or nothing.

    Parameters
    ----------
    line : bytes
        As it stands in the file.
    cells : list of bytes
        What is read of it.
    first : bool
        Whether it is the first line with data.
    """
    if first:
        form = text_form_of(line)
        if form is not None:
            return f": this is {form}"
        if _renamed_by_pandas(cells):
            return (
                ": the line is the first digit, which pandas took for names of columns; read the "
                "original with header=None, and write it with header=False"
            )
        if len(cells) > 1 and not any(cell.strip(b' "').isdigit() for cell in cells):
            return f", and as a header the line has {len(cells)} columns, expected 785 or 784"
        side = math.isqrt(len(cells) - 1)
        if len(cells) != 785 and side > 1 and side * side == len(cells) - 1:
            return f": a label and {side} x {side} pixels? Only 28 x 28 pixels are read"
    numbers = _floats(cells)
    if any(number % 1 for number in numbers) and max(map(abs, numbers)) <= 10:
        return (
            ": the numbers of this line look scaled; write the pixels as they were, 0 (background) "
            "to 255 (ink)"
        )
    return ""


def _renamed_by_pandas(cells: list[bytes]) -> bool:
    """Whether equal numbers were told apart as 0, 0.1, 0.2, ..., as pandas does with names."""
    seen: Counter[bytes] = Counter()
    for cell in cells:
        number, _, repeated = cell.partition(b".")
        if (repeated or b"0") != b"%d" % seen[number]:
            return False
        seen[number] += 1
    return len(seen) < len(cells)


def _floats(cells: list[bytes]) -> list[float]:
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return []
