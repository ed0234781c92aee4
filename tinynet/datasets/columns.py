"""Which columns of a table of digits are pixels, and which one is the label.

A header line tells, if there is one; programs write it in many ways. Without one, the label stands
first, as in the files of Colab and Kaggle, unless the numbers speak against it.
"""

import re
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinynet.datasets.digits import PIXELS
from tinynet.datasets.idx import DataError
from tinynet.support.types import Labels

LabelColumn = int | str | None

COLUMNS = 1 + PIXELS
LABEL_NAMES = ("label", "labels", "class", "target", "digit", "letter", "y")
INDEX_NAMES = ("", "unnamed: 0", "index", "id", "imageid", "rowid")
MOST_CLASSES = 100  # a column with larger numbers is taken for pixels, if another one has smaller


class Columns(NamedTuple):
    """What the columns of a table hold."""

    width: int  # without the index
    label: int | None = None  # the position of the label among these
    indexed: bool = False  # whether a column before these numbers the rows
    told: bool = False  # by a header or by the caller, not by the number of columns alone


def check_label_column(owner: str, label_column: LabelColumn) -> None:
    """Refuse what cannot name a column.

    Raises
    ------
    TypeError
        If it is no int and no str.
    """
    named = isinstance(label_column, str | np.integer | int) and not isinstance(label_column, bool)
    if label_column is not None and not named:
        raise TypeError(
            f"{owner}: label_column = {label_column!r}, expected the position of a column (0 is "
            "the first, -1 the last), or its name in the header"
        )


def is_header(cells: list[str]) -> bool:
    """Whether the first line names the columns: by words, or by counting them as pandas does."""
    words: list[str] = []
    numbers: list[str] = []
    for cell in cells:
        (numbers if _is_number(cell) else words).append(cell)
    if not numbers:
        return any(words) and not any('"' in word for word in words)
    start = numbers[0]
    counted = start in ("0", "1") and numbers == [
        str(n) for n in range(int(start), int(start) + len(numbers))
    ]
    return counted and len(numbers) >= PIXELS - 1 and len(words) <= 2


def columns_of_header(
    names: list[str], label_column: LabelColumn, labels_wanted: bool, counts_rows: bool
) -> Columns | None:
    """What the columns are by their names; None if their number fits no table of digits.

    Parameters
    ----------
    names : list of str
    label_column : int, str or None
        Which one the caller says holds the labels.
    labels_wanted : bool
        Whether a table without labels is of no use.
    counts_rows : bool
        Whether the first column holds 0, 1, 2, ... down the rows, as the index of pandas does.

    Raises
    ------
    DataError
        If the names do not say which column holds the labels.
    """
    names = [name.strip().lstrip("# ").lower() for name in names]
    count = len(names)
    index = 0 if names[0] in INDEX_NAMES and count > PIXELS else None
    if index == 0 and names[0] == "" and count == COLUMNS and not counts_rows:
        if label_column is None:
            raise DataError(
                "line 1, column 1: the first of 785 columns has no name, and does not count the "
                "rows from 0; if it holds the labels, say label_column=0"
            )
        index = None
    if label_column is not None:
        label: int | None = _position(label_column, names)
        index = index if label != index else None
    else:
        label = _label_by_name(names, index, count - (index is not None))
    pixels = count - (index is not None) - (label is not None)
    if pixels == PIXELS and label is None and labels_wanted:
        index_note = f" and {names[index]!r}" if index is not None and names[index] else ""
        raise DataError(
            f"line 1, column {count}: the line has only 784 columns{index_note}: pixels without "
            "a label, which tinynet.datasets.load_images_csv reads"
        )
    if pixels != PIXELS:
        return None
    skipped = int(index is not None)
    told = label_column is not None or not all(map(str.isdigit, names[skipped:]))
    return Columns(count - skipped, None if label is None else label - skipped, bool(skipped), told)


def columns_by_count(count: int, label_column: LabelColumn, labels_wanted: bool) -> Columns:
    """What the columns of a table without a header are, by their number in the first line.

    Raises
    ------
    DataError
        If the caller names a column, or one that the table does not have.
    """
    if count == PIXELS and not labels_wanted and label_column is None:
        return Columns(PIXELS)
    if isinstance(label_column, str):
        raise DataError(
            f"line 1: there is no header line, so no column is named {label_column!r}; say "
            "label_column=0 for the first column, -1 for the last"
        )
    label = _position(0 if label_column is None else label_column, [""] * COLUMNS)
    return Columns(COLUMNS, label, told=label_column is not None)


def check_meaning(columns: Columns, images: NDArray[np.uint8], labels: Labels | None) -> None:
    """Refuse numbers that are in range, but cannot be what they are taken for.

    Raises
    ------
    DataError
        If the label seems to stand last, the labels count the rows, or the pixels are no levels.
    """
    if images.max() == 1:
        raise DataError(
            "all pixels are 0 or 1, expected 0 (background) to 255 (ink); multiply them by 255"
        )
    if columns.told or labels is None:
        return
    last = images[:, -1]
    no_labels = labels.max() >= MOST_CLASSES or bool((labels == 0).all())
    if no_labels and 0 < last.max() < MOST_CLASSES and (len(last) == 1 or last.min() < last.max()):
        raise DataError(
            f"it looks as if the label stood last: the first column holds {_few(labels)}, the last "
            f"one {_few(last)}; say label_column=-1, or label_column=0 if the first does hold the "
            "labels"
        )
    if len(labels) > MOST_CLASSES and np.array_equal(labels - labels[0], np.arange(len(labels))):
        raise DataError(
            f"the first column counts the rows ({_few(labels)}), expected labels; leave it out "
            "(in pandas: to_csv(..., index=False)), or say label_column=0 if these are labels"
        )


def _label_by_name(names: list[str], index: int | None, columns: int) -> int | None:
    # Pixels are named alike but for their numbers; which name is not?
    families = [re.sub(r"\d+", "", name) for name in names]
    counted = Counter(families)
    odd = [k for k, family in enumerate(families) if counted[family] == 1 and k != index]
    for candidates in (
        [k for k, name in enumerate(names) if name == "label"],
        [k for k, name in enumerate(names) if name in LABEL_NAMES and k != index],
        odd if columns == COLUMNS else [],
    ):
        if len(candidates) == 1:
            return candidates[0]
    if columns != COLUMNS:
        return None
    if all(name.isdigit() for k, name in enumerate(names) if k != index):
        return 0 if index is None else 1  # numbered, not named: as without a header
    raise DataError(
        f"line 1, column 1: the header ({names[0]!r}, {names[1]!r}, ..., {names[-1]!r}) does not "
        "say which of 785 columns holds the labels; say label_column=0 for the first, or the name "
        "of the column"
    )


def _position(label_column: int | str, names: list[str]) -> int:
    if isinstance(label_column, str):
        wanted = label_column.strip().lower()
        if names.count(wanted) != 1:
            raise DataError(
                f"line 1: {names.count(wanted)} columns are named {label_column!r}, expected one; "
                f"the header is {names[0]!r}, {names[1]!r}, ..., {names[-1]!r}"
            )
        return names.index(wanted)
    if not -len(names) <= label_column < len(names):
        raise DataError(
            f"line 1: there is no column {label_column}, the table has {len(names)}; count from 0, "
            "or from -1 backwards"
        )
    return int(label_column) % len(names)


def _few(values: NDArray[Any]) -> str:
    return ", ".join(map(str, values[:5])) + (", ..." if len(values) > 5 else "")


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
