"""CSV files as programs write them: read where unambiguous, else named for what they are."""

import gzip
import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from test_datasets import HEADER, PLAIN_HEADER, small_table, spell_csv

from tinynet.datasets import DataError, load_csv, load_images_csv

TABLE = small_table()  # a label first, then pixels
PIXELS, LABELS = TABLE[:, 1:], TABLE[:, 0]
TEXT = spell_csv(TABLE)
LAST = np.roll(TABLE, -1, axis=1)  # the label stands last
MIDDLE = np.hstack([PIXELS[:, :400], TABLE[:, :1], PIXELS[:, 400:]])
NAMES = PLAIN_HEADER.split(",")
PLACES = [f"{row}x{column}" for row in range(1, 29) for column in range(1, 29)]


def with_index(text: str, first: str = "", start: int = 0) -> str:
    header, *lines = text.splitlines()
    rows = [f"{start + row},{line}" for row, line in enumerate(lines)]
    return "\n".join([f"{first},{header}", *rows]) + "\n"


def named(*names: str, table: np.ndarray = TABLE) -> str:
    return spell_csv(table, ",".join(names))


def floats(form: str) -> str:
    return "".join(",".join(form % value for value in row) + "\n" for row in TABLE)


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("_", ".") if "[" not in name else name, content)
    return buffer.getvalue()


COUNTED = [str(n) for n in range(785)]
TAKEN: dict[str, str | bytes] = {
    "byte-order mark": b"\xef\xbb\xbf" + TEXT.encode(),
    "byte-order mark before a header": (HEADER + "\n" + TEXT).encode("utf-8-sig"),
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16, big-endian": b"\xfe\xff" + (HEADER + "\n" + TEXT).encode("utf-16-be"),
    "UTF-32": TEXT.encode("utf-32"),
    "label and 1x1": named("label", *PLACES),
    "quoted header": ",".join(f'"{name}"' for name in HEADER.split(",")) + "\n" + TEXT,
    "label last": named(*NAMES, "label", table=LAST),
    "class last": named(*NAMES, "class", table=LAST),
    "another name last": named(*NAMES, "figure", table=LAST),
    "label in the middle": named(*NAMES[:400], "Label", *NAMES[400:], table=MIDDLE),
    "label and numbers": named("label", *COUNTED[:784]),
    "columns counted by pandas": named(*COUNTED),
    "columns counted from 1": named(*COUNTED[1:], "785"),
    "NumPy's header": named("# label", *NAMES),
    "index of pandas": with_index(HEADER + "\n" + TEXT),
    "index of a part": with_index(HEADER + "\n" + TEXT, start=17),
    "index without names": with_index(named(*COUNTED)),
    "index read back": with_index(HEADER + "\n" + TEXT, "Unnamed: 0"),
    "id": with_index(HEADER + "\n" + TEXT, "id"),
    "comma at the end": TEXT.replace("\n", ",\n"),
    "comma at the end, header too": (HEADER + "\n" + TEXT).replace("\n", ",\n"),
    "comma at the end, not of the header": HEADER + "\n" + TEXT.replace("\n", ",\n"),
    "5.0": floats("%.1f"),
    "5.": floats("%d."),
    "5.000e+00": floats("%.3e"),
    "savetxt's own": floats("%.18e").replace(",", " "),
    "exponent": floats("%g").replace(",100,", ",1e2,"),
    "quotes": floats('"%d"'),
    "quoted floats": floats('"%.1f"'),
    "a space after each comma": TEXT.replace(",", ", "),
    "semicolons": TEXT.replace(",", ";"),
    "semicolons and a header": (HEADER + "\n" + TEXT).replace(",", ";"),
    "semicolons and decimal commas": floats("%.1f").replace(",", ";").replace(".", ","),
    "tabs": (HEADER + "\n" + TEXT).replace(",", "\t"),
    "spaces": TEXT.replace(",", " "),
    "columns of spaces": "".join(" ".join(f"{n:4}" for n in row) + "\n" for row in TABLE),
    "Excel's first line": "sep=;\n" + TEXT.replace(",", ";"),
    "blank lines at the end": TEXT + "\n  \n\n",
    "carriage returns": (HEADER + "\n" + TEXT).replace("\n", "\r"),
    "gzip": gzip.compress(TEXT.encode()),
    "gzip in two parts": gzip.compress(TEXT[:9].encode()) + gzip.compress(TEXT[9:].encode()),
    "zip": zipped(train_csv=TEXT.encode()),
    "zip with a note": zipped(read_me=b"digits", train_csv=TEXT.encode()),
    "zip of another name": zipped(digits_data=TEXT.encode()),
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_unambiguous_is_read(tmp_path: Path, name: str) -> None:
    content = TAKEN[name]
    path = tmp_path / "digits.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    digits = load_csv(path)
    images, labels = load_images_csv(path)
    for these in (digits.images, images):
        assert (these.dtype, these.shape) == (np.uint8, PIXELS.shape)
        assert (these == PIXELS).all()
    for those in (digits.labels, labels):
        assert those is not None and those.dtype == np.int64
        assert those.tolist() == LABELS.tolist()
    with open(path, "rb") as file:
        assert (load_csv(file).images == PIXELS).all()


PLAIN = spell_csv(PIXELS)
TAKEN_PLAIN: dict[str, str | bytes] = {
    "pixel1": named(*(f"pixel{n}" for n in range(1, 785)), table=PIXELS),
    "1x1": named(*PLACES, table=PIXELS),
    "counted": named(*COUNTED[:784], table=PIXELS),
    "byte-order mark": ("\ufeff" + PLAIN_HEADER + "\n" + PLAIN).encode(),
    "index of pandas": with_index(named(*NAMES, table=PIXELS)),
    "id": with_index(named(*NAMES, table=PIXELS), "ImageId", 1),
    "comma at the end": PLAIN.replace("\n", ",\n"),
    "floats": "".join(",".join(f"{n:.1f}" for n in row) + "\n" for row in PIXELS),
}


@pytest.mark.parametrize("name", TAKEN_PLAIN)
def test_pixels_without_labels_are_read_or_asked_for(tmp_path: Path, name: str) -> None:
    content = TAKEN_PLAIN[name]
    path = tmp_path / "test.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    images, labels = load_images_csv(path)
    assert labels is None
    assert (images == PIXELS).all()
    with pytest.raises(DataError, match=r"the line has only 784 columns|column 785: '' is not"):
        load_csv(path)


@pytest.mark.parametrize(
    ("rows", "column"),
    [(LAST, -1), (LAST, 784), (MIDDLE, 400), (MIDDLE, -385), (TABLE, 0), (TABLE, np.int64(-785))],
)
@pytest.mark.parametrize("header", [False, True])
def test_the_caller_names_the_column(
    tmp_path: Path, rows: np.ndarray, column: int, header: bool
) -> None:
    path = tmp_path / "digits.csv"
    names = [f"a{n}" for n in range(785)]
    names[column] = "What it is"
    path.write_text(spell_csv(rows, ",".join(names) if header else ""))
    columns = [column, "What it is"] if header else [column]
    for given in columns:
        assert (load_csv(path, label_column=given).images == PIXELS).all()
        images, labels = load_images_csv(path, given)
        assert (images == PIXELS).all() and (labels == LABELS).all()


@pytest.mark.parametrize("labels", [[0, 25, 7], [1, 26, 3], [46, 61, 0], [0, 500, 70_000]])
def test_any_number_of_classes(tmp_path: Path, labels: list[int]) -> None:
    path = tmp_path / "letters.csv"
    for form in ("%d", "%.2f"):
        np.savetxt(path, np.column_stack([labels, PIXELS]), form, ",")
        assert load_csv(path).labels.tolist() == labels
        assert (load_csv(path).images == PIXELS).all()


def digits_last(background: int = 0) -> np.ndarray:
    rows = np.full((5, 785), background)
    rows[:, 400] = 255 - background
    rows[:, 784] = [7, 2, 1, 0, 4]
    return rows


@pytest.mark.parametrize("rows", [digits_last(), digits_last(255), digits_last()[:1]])
@pytest.mark.parametrize("load", [load_csv, load_images_csv])
def test_a_label_that_stands_last_is_noticed(
    tmp_path: Path, rows: np.ndarray, load: Callable
) -> None:
    path = tmp_path / "last.csv"
    np.savetxt(path, rows, "%d", ",")
    with pytest.raises(DataError, match=r"last\.csv: it looks as if the label stood last.*=-1"):
        load(path)
    images, labels = load(path, label_column=-1)
    assert labels.tolist() == rows[:, -1].tolist()
    assert (images == rows[:, :-1]).all()
    assert load(path, label_column=0)[1].tolist() == rows[:, 0].tolist()


def test_digits_that_are_all_labelled_alike_are_read(tmp_path: Path) -> None:
    path = tmp_path / "one_class.csv"
    for label in (0, 7):
        for last in (0, 200):
            rows = np.column_stack([[label] * 3, PIXELS])
            rows[:, -1] = [0, last, last]
            np.savetxt(path, rows, "%d", ",")
            assert load_csv(path).labels.tolist() == [label] * 3


ROWS = np.column_stack([np.arange(300), np.resize(PIXELS, (300, 784))])
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
NPY = io.BytesIO()
np.save(NPY, TABLE)
NPZ = io.BytesIO()
np.savez(NPZ, a=TABLE)
NAMED: dict[str, tuple[str | bytes, str]] = {
    "PNG": (PNG, "this is a PNG picture.*load_pictures"),
    "gzipped PNG": (gzip.compress(PNG), "this is a PNG picture"),
    "JPEG": (b"\xff\xd8\xff\xe0" + bytes(40), "this is a JPEG picture"),
    "BMP": (b"BM\x36\0\0\0\0\0\0\0" + bytes(40), "this is a BMP picture"),
    "WebP": (b"RIFF\x10\0\0\0WEBPVP8 ", "this is a WebP picture"),
    "HEIC": (b"\0\0\0\x18ftypheic", "HEIC"),
    "PGM": (b"P5\n28 28\n255\n", "PNM picture"),
    "TIFF": (b"II*\0" + bytes(40), "TIFF"),
    "Parquet": (b"PAR1\x15\x04", "this is a Parquet file"),
    "Arrow": (b"ARROW1\0\0", "an Arrow"),
    "HDF5": (b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
    "NumPy": (NPY.getvalue(), "a NumPy array file"),
    "NumPy archive": (NPZ.getvalue(), r"a NumPy archive \(.npz\)"),
    "old Excel": (b"\xd0\xcf\x11\xe0\xa1\xb1", r"an old Excel workbook"),
    "Excel": (
        zipped(**{"[Content_Types].xml": b"<a/>", "xl/workbook.xml": b"<a/>"}),
        "an Excel workbook.*save it as CSV",
    ),
    "OpenDocument": (zipped(mimetype=b"a", content_xml=b"<a/>"), "an OpenDocument file"),
    "zip of two": (
        zipped(train_csv=TEXT.encode(), test_csv=b"1"),
        r"a zip archive of 2 files \(train\.csv, test\.csv\), expected one CSV",
    ),
    "empty zip": (zipped(), "PK|zip archive"),
    "damaged zip": (zipped(train_csv=TEXT.encode())[:-40], "the zip archive is damaged"),
    "cut gzip": (gzip.compress(TEXT.encode())[:-9], "gzip data is truncated"),
    "corrupt gzip": (gzip.compress(TEXT.encode())[:-8] + bytes(8), "gzip data is corrupt"),
    "bzip2": (b"BZh91AY&SY", "a bzip2 archive, which has to be unpacked first"),
    "xz": (b"\xfd7zXZ\0\0", "an xz archive"),
    "tar": (bytes(257) + b"ustar\0" + bytes(60), "a tar archive"),
    "pickle": (pickle.dumps({"a": 1}), "a pickle"),
    "IDX": (b"\0\0\x08\x01\0\0\0\x01\x05", "an IDX file, which tinynet.datasets.read_idx reads"),
    "safetensors": (b"\x40\0\0\0\0\0\0\0" + b'{"a": 1}', "a safetensors file"),
    "PDF": (b"%PDF-1.7\n", "a PDF document"),
    "HTML": ("<!DOCTYPE html>\n<html>", "line 1, column 1: .*this is an HTML page"),
    "HTML, indented": ("  <html><head>\n", "this is an HTML page"),
    "JSON": ('[{"label": 5, "pixels": [0, 0]}]', "this is a JSON file"),
    "XML": ("<?xml version='1.0'?>", "this is an XML file"),
    "ARFF": ("@relation mnist_784\n", "this is an ARFF file"),
    "Git LFS": ("version https://git-lfs.github.com/spec/v1\noid", "run git lfs pull"),
    "binary": (bytes(range(256)) * 4, "this is binary data"),
    "UTF-16 without a mark": (TEXT.encode("utf-16-le"), "binary data, or text in an encoding"),
    "cut UTF-16": (TEXT.encode("utf-16")[:-1], "UTF-16-LE text"),
    "scaled": (
        "5," + ",".join(f"{n / 255:.3f}" for n in PIXELS[0]), "line 1, column 2: .*look scaled"
    ),
    "standardised": (
        "5," + ",".join(f"{n / 100 - 0.42:.3f}" for n in PIXELS[0]), "look scaled"
    ),
    "7.9": (TEXT.replace(",160,", ",7.9,", 1), "line 1, column 2: '7.9' is not a whole"),
    "binarised": (spell_csv(TABLE % 2), "all pixels are 0 or 1.*multiply them by 255"),
    "sizes of 8 x 8": (
        "0," * 64 + "3\n", "the line has only 65 columns: a label and 8 x 8 pixels"
    ),
    "rows counted": (
        spell_csv(ROWS), r"the first column counts the rows \(0, 1, 2, 3, 4, ...\).*index=False"
    ),
    "785 pixels": (named(*NAMES, "pixel784"), "does not say which of 785 columns.*label_column=0"),
    "no name, and no index": (named("", *NAMES), "the first of 785 columns has no name.*column=0"),
    "comma missing at one end": (
        TEXT.replace("\n", ",\n", 1), "line 1, column 786: '' is not a whole number"
    ),
    "two labels": (named("label", "label", *NAMES[1:]), "columns"),
    "another separator in line 2": (
        TEXT.splitlines()[0] + "\n" + TEXT.splitlines()[1].replace(",", ";"), "line 2, column 1: "
    ),
    "thousands": (TEXT.replace(",", ',"1,234",', 1), "line 1, column 2: '\"1' is not"),
}  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
@pytest.mark.parametrize("load", [load_csv, load_images_csv])
def test_what_is_no_csv_of_digits_is_named(tmp_path: Path, name: str, load: Callable) -> None:
    content, words = NAMED[name]
    path = tmp_path / "digits.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError, match=words) as caught:
        load(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_a_digit_that_pandas_took_for_names(tmp_path: Path) -> None:
    """What `pd.read_csv(path).to_csv(path, index=False)` makes of a file without a header."""
    seen: dict[int, int] = {}
    names = []
    for value in TABLE[0].tolist():
        names.append(f"{value}.{seen[value]}" if value in seen else f"{value}")
        seen[value] = seen.get(value, 0) + 1
    path = tmp_path / "digits.csv"
    path.write_text(",".join(names) + "\n" + TEXT)
    with pytest.raises(DataError, match=r"pandas took for names.*header=None.*header=False"):
        load_csv(path)


@pytest.mark.parametrize(
    ("column", "error", "words"),
    [
        (785, DataError, "there is no column 785, the table has 785; count from 0"),
        (-786, DataError, "there is no column -786"),
        ("label", DataError, "no header line, so no column is named 'label'; say label_column=0"),
        (True, TypeError, "label_column = True, expected the position of a column"),
        (1.0, TypeError, r"label_column = 1\.0, expected"),
        ([0], TypeError, r"label_column = \[0\], expected"),
    ],
)
@pytest.mark.parametrize("load", [load_csv, load_images_csv])
def test_columns_that_are_not_there(
    tmp_path: Path, column: object, error: type[Exception], words: str, load: Callable
) -> None:
    path = tmp_path / "digits.csv"
    path.write_text(TEXT)
    with pytest.raises(error, match=words):
        load(path, label_column=column)
    path.write_text(HEADER + "\n" + TEXT)
    if column == "label":
        assert (load(path, label_column=column)[1] == LABELS).all()
        with pytest.raises(DataError, match="0 columns are named 'digit', expected one; the head"):
            load(path, label_column="digit")


def test_a_file_that_is_open_as_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="open as text, expected a path, or a file opened with"):
        load_csv(io.StringIO(TEXT))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="got int, expected a path"):
        load_csv(3)  # type: ignore[arg-type]
    assert load_csv(io.BytesIO(TEXT.encode())).labels.tolist() == LABELS.tolist()
    with pytest.raises(DataError, match="the open file: line 1, column 1: 'x'"):
        load_csv(io.BytesIO(b"x"))


def test_the_line_is_right_far_into_a_large_file(tmp_path: Path) -> None:
    path = tmp_path / "digits.csv"
    rows = ROWS % 256
    rows[:, 0] %= 10
    lines = (spell_csv(rows) * 5).splitlines()
    lines[1234] = lines[1234].replace(",", ",x", 1)
    for header in ([], [HEADER]):
        path.write_text("\n".join(header + lines))
        with pytest.raises(DataError, match=f"line {1235 + len(header)}, column 2: 'x"):
            load_csv(path)
