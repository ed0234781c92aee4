"""Read digits from CSV files, as Colab, Kaggle, pandas, NumPy and spreadsheets write them.

What is unambiguous is read; anything else is an error that names the line and the column. The
numbers are parsed by NumPy, a thousand lines at a time, so that memory is needed for the file and
its digits only.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tinynet.datasets.columns import (
    COLUMNS,
    Columns,
    LabelColumn,
    check_label_column,
    check_meaning,
    columns_by_count,
    columns_of_header,
    is_header,
)
from tinynet.datasets.digits import PIXELS, Digits
from tinynet.datasets.forms import DataSource, read_content, text_of
from tinynet.datasets.hints import hint_for
from tinynet.datasets.idx import DataError
from tinynet.support.types import Labels

AT_ONCE = 1000  # lines
LARGEST_LABEL = 2**31 - 1
NUMBER = re.compile(rb"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


def load_csv(path: DataSource, label_column: LabelColumn = None) -> Digits:
    """Read digits from a CSV file: in each line a label and 784 pixels.

    Google Colab's `sample_data/mnist_train_small.csv` and Kaggle's `train.csv` are such files. A
    header line is recognised, and may say where the label stands; so are an index column of pandas
    (without a name, or named "id"), commas, semicolons, tabs or spaces between the numbers, a
    separator at the end of every line, numbers in quotes or as floats (``5.0``, ``5.000e+00``),
    UTF-8 with a byte-order mark, UTF-16, and files packed by gzip or, alone, by zip.

    Parameters
    ----------
    path : str, path-like, or a file opened for reading bytes
    label_column : int or str, optional
        Which column holds the labels: its position (0 is the first, -1 the last) or its name in
        the header. Default: the one that the header names "label" or the like; without a header,
        the first.

    Returns
    -------
    Digits
        images (N, 784) uint8, labels (N,) int64: of any number of classes, numbered from 0.

    Raises
    ------
    DataError
        If a line is not 785 numbers in range, naming file, line and column, if there is no data,
        if the file is no CSV file, or if it is not clear where the labels stand. A missing file
        raises DataFileNotFoundError, which is also a FileNotFoundError.
    TypeError
        If `path` or `label_column` is of another type.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("digits.csv").write_text("7" + ",0" * 784)
    >>> images, labels = tn.datasets.load_csv("digits.csv")
    >>> images.shape, labels
    ((1, 784), array([7]))
    """
    check_label_column("load_csv", label_column)
    images, labels = _read(path, label_column, labels_wanted=True)
    assert labels is not None
    return Digits(images, labels)


def load_images_csv(
    path: DataSource, label_column: LabelColumn = None
) -> tuple[NDArray[np.uint8], Labels | None]:
    """Read digits from a CSV file that may have no labels: as `load_csv`, or 784 pixels a line.

    Kaggle's `test.csv` is such a file. The first line decides whether there are labels.

    Parameters
    ----------
    path : str, path-like, or a file opened for reading bytes
    label_column : int or str, optional
        As for `load_csv`; if it is given, there must be labels.

    Returns
    -------
    images : ndarray of uint8, shape (N, 784)
    labels : ndarray of int64, shape (N,), or None

    Raises
    ------
    DataError, TypeError
        As for `load_csv`.

    Examples
    --------
    >>> from pathlib import Path
    >>> _ = Path("digits.csv").write_text("0" + ",0" * 783)
    >>> images, labels = tn.datasets.load_images_csv("digits.csv")
    >>> images.shape, labels is None
    ((1, 784), True)
    """
    check_label_column("load_images_csv", label_column)
    return _read(path, label_column, labels_wanted=False)


class _Table(NamedTuple):
    """The lines of a CSV file that hold numbers, and how they are to be read."""

    lines: list[bytes]
    first_line: int  # in the file, counted from 1
    separator: bytes | None  # None: any number of spaces
    ends: bool  # whether a separator stands at the end of each line, too
    columns: Columns


def _read(
    path: DataSource, label_column: LabelColumn, labels_wanted: bool
) -> tuple[NDArray[np.uint8], Labels | None]:
    content, source = read_content(path)
    lines = text_of(content, source).splitlines()
    del content
    while lines and not lines[-1].strip():
        del lines[-1]
    wanted = f"{COLUMNS}" if labels_wanted else f"{COLUMNS} or {PIXELS}"
    if not lines:
        raise DataError(f"{source}: the file is empty, expected lines of {wanted} numbers")
    try:
        table = _understood(lines, label_column, labels_wanted)
        images, labels = _parsed(table, labels_wanted)
        check_meaning(table.columns, images, labels)
    except DataError as error:
        raise DataError(f"{source}: {error}") from None
    return images, labels


def _understood(lines: list[bytes], label_column: LabelColumn, labels_wanted: bool) -> _Table:
    """How to read the file, by its first lines."""
    start = 0
    excel = re.fullmatch(rb"sep=([,;\t])", lines[0].lower())  # a line that Excel reads, and writes
    if excel and len(lines) > 1:
        start = 1
    separator = excel[1] if excel else _separator(lines[0])
    cells = _cells(lines[start], separator)
    columns = None
    if is_header(cells):
        counts = cells[0] == "" and all(
            line.split(separator, 1)[0].strip(b'"') == b"%d" % row
            for row, line in enumerate(lines[start + 1 :])
        )
        columns = columns_of_header(cells, label_column, labels_wanted, counts)
    if columns is None:
        columns = columns_by_count(len(cells), label_column, labels_wanted)
    else:
        start += 1
        if start == len(lines):
            raise DataError(f"no data after the header, expected lines of {columns.width} numbers")
    rows = lines[start:]
    marks = rows[0].count(separator) if separator else 0
    ends = marks == columns.width + columns.indexed and all(
        row.endswith(separator or b"") for row in rows
    )
    return _Table(rows, start + 1, separator, ends, columns)


def _separator(line: bytes) -> bytes | None:
    commas, semicolons, tabs = (line.count(mark) for mark in (b",", b";", b"\t"))
    if semicolons and semicolons + 1 >= commas:  # as in 5,0;3,0: the comma is a decimal point
        return b";"
    if commas or tabs:
        return b"," if commas > tabs else b"\t"
    return None if len(line.split()) >= PIXELS else b","


def _cells(line: bytes, separator: bytes | None) -> list[str]:
    """The cells of a header, or of a line that may be one; without an empty one at the end."""
    line = line.replace(b",", b".") if separator == b";" else line
    cells = line.decode(errors="replace").split(separator.decode() if separator else None)
    cells = [re.sub(r'\s*"([^"]*)"\s*', r"\1", cell).strip() for cell in cells]
    return cells[:-1] if len(cells) > 1 and cells[-1] == "" else cells


def _parsed(table: _Table, labels_wanted: bool) -> tuple[NDArray[np.uint8], Labels | None]:
    """All images and labels.

    Raises
    ------
    DataError
        Naming the first line and column at fault.
    """
    N, label = len(table.lines), table.columns.label
    images = np.empty((N, PIXELS), np.uint8)
    labels = None if label is None else np.empty(N, np.int64)
    for start in range(0, N, AT_ONCE):
        lines = [_bare(line, table) for line in table.lines[start : start + AT_ONCE]]
        numbers = _numbers(lines, table)
        if numbers is None:
            fault = next(_faults(lines, table, start))
            left_out = "" if labels_wanted else "; either all lines have a label, or none"
            what = "" if label is None else "a label (0, 1, 2, ...) and "
            raise DataError(
                f"{fault}; each line must be {what}{PIXELS} pixels (0 to 255), in digits, with "
                f"commas between{left_out}"
            )
        part = slice(start, start + len(lines))
        if labels is not None and label is not None:
            labels[part] = numbers[:, label]
            numbers = numbers[:, 1:] if label == 0 else np.delete(numbers, label, axis=1)
        images[part] = numbers
    return images, labels


def _bare(line: bytes, table: _Table) -> bytes:
    """A line with nothing but numbers and what separates them, if it is right."""
    if table.columns.indexed:
        line = b"".join(line.split(table.separator, 1)[1:])
    if table.ends and table.separator:
        line = line.removesuffix(table.separator)
    if b'"' in line:
        line = re.sub(rb'(?<![^,;\t ])"([^,;\t "]*)"(?![^,;\t ])', rb"\1", line)
    return line.replace(b",", b".") if table.separator == b";" else line


def _numbers(lines: list[bytes], table: _Table) -> NDArray[Any] | None:
    """The numbers in some lines, (N, columns), or None if any is at fault."""
    separator, label = table.separator, table.columns.label
    whole = b"0123456789+- \t" + (separator or b"")
    is_whole = not any(line.translate(None, whole) for line in lines)
    allowed = is_whole or not any(line.translate(None, whole + b".eE") for line in lines)
    if not allowed or not all(map(bytes.strip, lines)):
        return None  # NumPy's reader would read "nan", and skip empty lines
    try:
        numbers = np.loadtxt(
            (line.decode() for line in lines),
            np.dtype(np.int64 if is_whole else np.float64),
            delimiter=separator.decode() if separator else None,
            comments=None,
            ndmin=2,
        )
    except ValueError:
        return None
    if numbers.shape[1] != table.columns.width:
        return None
    tops = np.full(numbers.shape[1], 255)
    if label is not None:
        tops[label] = LARGEST_LABEL
    in_range = numbers.min() >= 0 and (numbers.max(axis=0) <= tops).all()
    return numbers if in_range and (is_whole or not (numbers % 1).any()) else None


def _faults(lines: list[bytes], table: _Table, start: int) -> Iterator[str]:
    """What is wrong, line by line and cell by cell."""
    count, label, skipped = table.columns.width, table.columns.label, int(table.columns.indexed)
    for row, line in enumerate(lines, start):
        place = f"line {table.first_line + row}, column"
        hint = hint_for(table.lines[row], line.split(table.separator), first=row == 0)
        if not line.strip():
            yield f"{place} 1: the line is empty"
        cells = line.split(table.separator)
        for column, cell in enumerate(cells):
            top = LARGEST_LABEL if column == label else 255
            if not NUMBER.fullmatch(cell) or not 0 <= float(cell) <= top or float(cell) % 1:
                shown = cell[:20].decode(errors="replace") + ("..." if len(cell) > 20 else "")
                yield (
                    f"{place} {column + skipped + 1}: {shown!r} is not a whole number from 0 to "
                    f"{top}{hint}"
                )
        if len(cells) != count:
            only, first = ("only ", len(cells)) if len(cells) < count else ("", count)
            yield (
                f"{place} {first + skipped + 1}: the line has {only}{len(cells) + skipped} columns"
                f"{hint}"
            )
