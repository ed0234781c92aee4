"""The bundled digits, IDX files and CSV files: right, or an error that says what is wrong."""

import csv
import gzip
import io
import random
import re
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinynet
from tinynet.datasets import (
    DataError,
    DataFileNotFoundError,
    Digits,
    load_csv,
    load_images_csv,
    mnist_small,
    read_idx,
)
from tinynet.datasets import digits as digits_module
from tinynet.datasets.idx import decode_idx

FULL = Path(__file__).parents[2] / "../shared/data/mnist"
needs_full_mnist = pytest.mark.skipif(
    not FULL.is_dir(), reason="the full MNIST files are not in ../shared/data/mnist"
)
DATA_FILES = Path(tinynet.__file__).with_name("data_files")


# The bundled digits


def test_bundled_digits_have_the_documented_form() -> None:
    digits = mnist_small()
    assert digits.images.shape == (20_000, 784)
    assert digits.images.dtype == np.uint8
    assert digits.labels.shape == (20_000,)
    assert digits.labels.dtype == np.int64
    counts = [1994, 2281, 1929, 2076, 1945, 1775, 1971, 2093, 1922, 2014]
    assert np.bincount(digits.labels).tolist() == counts
    assert digits.images.min() == 0
    assert digits.images.max() == 255


@needs_full_mnist
def test_bundled_digits_are_the_first_20000_of_the_training_set() -> None:
    digits = mnist_small()
    images = gzip.decompress((FULL / "train-images-idx3-ubyte.gz").read_bytes())[16:]
    labels = gzip.decompress((FULL / "train-labels-idx1-ubyte.gz").read_bytes())[8:]
    assert digits.images.tobytes() == images[: 20_000 * 784]
    assert bytes(digits.labels.astype(np.uint8)) == labels[:20_000]


def test_each_call_returns_arrays_of_its_own() -> None:
    first = mnist_small()
    first.images[:] = 7
    first.labels[:] = 7
    assert mnist_small().images[0].max() == 255
    assert len(set(mnist_small().labels.tolist())) == 10


def test_data_licence_names_authors_terms_and_selection() -> None:
    text = (DATA_FILES / "DATA_LICENSE").read_text()
    for words in (
        "Yann LeCun, Corinna Cortes and Christopher J.C. Burges",
        "CC BY-SA 3.0",
        "https://creativecommons.org/licenses/by-sa/3.0/",
        "the first 20,000 of the 60,000 images of the official training set",
    ):
        assert words in text
    for file in DATA_FILES.glob("*.gz"):
        assert file.name in text


def test_damaged_bundled_files_give_an_error_or_the_same_digits(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
) -> None:
    true = mnist_small()
    folder = tmp_path / "data_files"
    folder.mkdir()
    for file in DATA_FILES.glob("*.gz"):
        (folder / file.name).write_bytes(file.read_bytes())
    monkeypatch.setattr(digits_module, "DATA_FILES", folder)
    rng = random.Random(0)
    refused = tried = 0
    for file in folder.glob("*.gz"):
        whole = file.read_bytes()
        for position in [0, 3, 4, 9, *(rng.randrange(len(whole)) for _ in range(4))]:
            damaged = bytearray(whole)
            damaged[position] ^= 1 << rng.randrange(8)
            for content in (bytes(damaged), whole[:position]):
                file.write_bytes(content)
                tried += 1
                try:
                    digits = mnist_small()
                except DataError as error:
                    assert file.name in str(error)
                    refused += 1
                else:
                    assert (digits.images == true.images).all()
                    assert (digits.labels == true.labels).all()
        file.write_bytes(whole)
    assert refused > 16
    record_property("bundled digits: flips and cuts tried", tried)


# IDX files


def spell_idx(array: np.ndarray) -> bytes:
    header = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


def independent_reader(raw: bytes) -> tuple[tuple[int, ...], bytes] | None:
    """Say what the bytes of a plain IDX file spell, or None if they spell nothing."""
    if raw[:3] != b"\0\0\x08" or len(raw) < 4:
        return None
    start = 4 + 4 * raw[3]
    if len(raw) < start or raw[3] == 0:
        return None
    shape = tuple(int.from_bytes(raw[i : i + 4], "big") for i in range(4, start, 4))
    body = raw[start:]
    volume = 1
    for length in shape:
        volume *= length
    return (shape, body) if volume == len(body) > 0 else None


ARRAY = np.random.default_rng(5).integers(0, 256, (3, 2, 4), np.uint8)
RAW = spell_idx(ARRAY)
ZIPPED = gzip.compress(RAW, mtime=0)


@given(
    st.lists(st.integers(1, 6), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
    st.sampled_from(["plain", "gzip", "gzip in two parts"]),
)
@settings(deadline=None)
def test_idx_round_trip(
    tmp_path_factory: pytest.TempPathFactory, shape: list[int], seed: int, form: str
) -> None:
    array = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    raw = spell_idx(array)
    if form == "gzip":
        raw = gzip.compress(raw)
    elif form == "gzip in two parts":
        raw = gzip.compress(raw[:7]) + gzip.compress(raw[7:])
    path = tmp_path_factory.getbasetemp() / "round_trip"
    path.write_bytes(raw)
    result = read_idx(path)
    assert result.dtype == np.uint8
    assert result.flags.writeable
    assert result.shape == array.shape
    assert (result == array).all()
    assert (read_idx(path, array.shape) == array).all()


IDX_FAULTS = {
    "empty": (b"", "the file is empty"),
    "text": (b"label,pixel0\n", "neither gzip nor IDX.*6c 61 62 65"),
    "HTML page": (b"\n<!DOCTYPE html><html>", "an HTML page"),
    "gzipped HTML page": (gzip.compress(b"<html></html>"), "an HTML page"),
    "swapped byte order": (RAW[3::-1] + RAW[4:], "neither gzip nor IDX"),
    "float32": (RAW[:2] + b"\x0d" + RAW[3:], "wrong magic number.*0x0d"),
    "no dimensions": (RAW[:3] + b"\x00" + RAW[4:], "wrong magic number: 0 dimensions"),
    "many dimensions": (RAW[:3] + b"\xff" + RAW[4:], "wrong magic number: 255 dimensions"),
    "cut in magic": (RAW[:3], "truncated inside the IDX header"),
    "cut in dimensions": (RAW[:11], "truncated inside the IDX header"),
    "cut in data": (RAW[:-1], r"truncated: the shape \(3, 2, 4\) needs 24 data bytes, 23 are"),
    "trailing byte": (RAW + b"\0", "trailing bytes"),
    "trailing byte in gzip": (gzip.compress(RAW + b"\0"), "trailing bytes"),
    "no data": (spell_idx(np.zeros((0, 28, 28), np.uint8)), "holds no data"),
    "huge declared size": (RAW[:4] + b"\xff" * 12 + RAW[16:], "truncated"),
    "huge declared size in gzip": (gzip.compress(RAW[:4] + b"\xff" * 12), "truncated"),
    "cut gzip": (ZIPPED[:-1], "gzip data is truncated"),
    "cut gzip header": (ZIPPED[:5], "gzip data is truncated"),
    "gzip with wrong checksum": (
        ZIPPED[:-8] + bytes([ZIPPED[-8] ^ 1]) + ZIPPED[-7:],
        "gzip data is corrupt",
    ),
    "rubbish after gzip": (ZIPPED + b"rubbish", "gzip data is corrupt"),
    "another compression": (ZIPPED[:2] + b"\x07" + ZIPPED[3:], "gzip data is corrupt"),
}


@pytest.mark.parametrize("name", IDX_FAULTS)
def test_idx_faults_are_named(tmp_path: Path, name: str) -> None:
    content, words = IDX_FAULTS[name]
    path = tmp_path / "digits.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_idx(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_labels_where_images_are_meant(tmp_path: Path, pack) -> None:
    path = tmp_path / "labels"
    path.write_bytes(pack(spell_idx(np.arange(9, dtype=np.uint8))))
    with pytest.raises(DataError, match=r"holds labels of shape \(9,\), expected images of shape"):
        read_idx(path, (9, 28, 28))
    path.write_bytes(pack(RAW))
    with pytest.raises(DataError, match=r"holds images of shape \(3, 2, 4\), expected labels"):
        read_idx(path, (3,))


@pytest.mark.parametrize("read", [read_idx, load_csv, load_images_csv])
def test_missing_file_is_both_errors(tmp_path: Path, read) -> None:
    with pytest.raises(DataFileNotFoundError, match=r"absent.*there is no such file") as caught:
        read(tmp_path / "absent")
    assert isinstance(caught.value, DataError)
    assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize("read", [read_idx, load_csv, load_images_csv])
def test_folder_in_place_of_a_file(tmp_path: Path, read) -> None:
    with pytest.raises(DataError, match=f"{tmp_path}: cannot be opened.*expected a file"):
        read(tmp_path)


def idx_outcome(content: bytes) -> np.ndarray | None:
    try:
        return decode_idx(io.BytesIO(content), "memory")
    except DataError:
        return None


def test_every_byte_of_a_gzipped_idx_changed_in_every_way(
    record_property: Callable[[str, object], None],
) -> None:
    same = refused = 0
    for position, old in enumerate(ZIPPED):
        for new in range(256):
            damaged = bytearray(ZIPPED)
            damaged[position] = new
            result = idx_outcome(bytes(damaged))
            if new == old or result is not None:
                assert (result == ARRAY).all()
                same += 1
            else:
                refused += 1
    assert refused > 200 * (len(ZIPPED) - 10)
    assert same >= len(ZIPPED)
    record_property("gzipped IDX: changed bytes tried", same + refused)


def test_every_byte_of_a_plain_idx_changed_in_every_way(
    record_property: Callable[[str, object], None],
) -> None:
    read = 0
    for position in range(len(RAW)):
        for new in range(256):
            damaged = bytearray(RAW)
            damaged[position] = new
            result = idx_outcome(bytes(damaged))
            spelled = independent_reader(bytes(damaged))
            assert (result is None) == (spelled is None)
            if result is not None and spelled is not None:
                assert (result.shape, result.tobytes()) == spelled
                read += 1
    assert read >= 256 * ARRAY.size
    record_property("plain IDX: changed bytes tried", 256 * len(RAW))


def test_every_truncation_of_an_idx(
    record_property: Callable[[str, object], None],
) -> None:
    files = RAW, ZIPPED, (DATA_FILES / "train-labels-20000-idx1-ubyte.gz").read_bytes()
    for whole in files:
        for length in range(len(whole)):
            assert idx_outcome(whole[:length]) is None
    record_property("IDX: cuts tried", sum(map(len, files)))


def test_every_byte_of_the_bundled_labels_flipped(
    record_property: Callable[[str, object], None],
) -> None:
    whole = (DATA_FILES / "train-labels-20000-idx1-ubyte.gz").read_bytes()
    true = read_idx(DATA_FILES / "train-labels-20000-idx1-ubyte.gz")
    rng = random.Random(1)
    for position in range(len(whole)):
        damaged = bytearray(whole)
        damaged[position] ^= rng.randrange(1, 256)
        result = idx_outcome(bytes(damaged))
        assert result is None or (result == true).all()
    record_property("bundled labels: flipped bytes tried", len(whole))


# CSV files

HEADER = ",".join(["label", *(f"pixel{i}" for i in range(784))])


def small_table(rows: int = 3) -> np.ndarray:
    table = np.random.default_rng(7).integers(0, 256, (rows, 785))
    table[:, 0] %= 10
    return table


def spell_csv(table: np.ndarray, header: str = "", end: str = "\n") -> str:
    lines = [header] if header else []
    return "".join(
        line + end for line in lines + [",".join(map(str, row)) for row in table.tolist()]
    )


def assert_equal(digits: Digits, table: np.ndarray) -> None:
    assert digits.images.dtype == np.uint8
    assert digits.labels.dtype == np.int64
    assert digits.images.flags.c_contiguous
    assert (digits.images == table[:, 1:]).all()
    assert (digits.labels == table[:, 0]).all()


@pytest.mark.slow
def test_csv_of_20000_rows(tmp_path: Path) -> None:
    digits = mnist_small()
    path = tmp_path / "mnist_train_small.csv"
    path.write_text(spell_csv(np.column_stack([digits.labels, digits.images])))
    result = load_csv(path)
    assert (result.images == digits.images).all()
    assert (result.labels == digits.labels).all()


@pytest.mark.parametrize("header", ["", HEADER, HEADER.replace("label", '"Label"')])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("rows", [1, 3])
def test_csv_variants(tmp_path: Path, header: str, end: str, rows: int) -> None:
    path = tmp_path / "digits.csv"
    text = spell_csv(small_table(rows), header, end)
    path.write_bytes(text.encode())
    assert_equal(load_csv(path), small_table(rows))
    path.write_bytes(text.removesuffix(end).encode())
    assert_equal(load_csv(str(path)), small_table(rows))


def edited(line: int, column: int, cell: str) -> str:
    """Spell the small table with one cell, counted from 1, replaced."""
    lines = [row.split(",") for row in spell_csv(small_table()).splitlines()]
    lines[line - 1][column - 1] = cell
    return "\n".join(",".join(row) for row in lines) + "\n"


LINES = spell_csv(small_table()).splitlines(keepends=True)
CSV_FAULTS = {
    "empty file": ("", "the file is empty"),
    "header only": (HEADER + "\n", "no data after the header"),
    "text cell": (edited(2, 17, "seven"), "line 2, column 17: 'seven' is not a whole number"),
    "text label": (edited(1, 1, "five"), "line 1, column 1: 'five' is not a whole number"),
    "after header": (HEADER + "\n" + edited(2, 17, "x"), "line 3, column 17: 'x'"),
    "long cell": (edited(2, 17, "y" * 99), "line 2, column 17: 'y{20}...' is not"),
    "not UTF-8": (edited(2, 17, "\xff"), "line 2, column 17: '\ufffd' is not"),
    "empty cell": (edited(3, 785, ""), "line 3, column 785: '' is not"),
    "fraction": (edited(2, 17, "7.9"), "line 2, column 17: '7.9' is not"),
    "sign": (edited(2, 17, "-1"), "line 2, column 17: '-1' is not"),
    "comment": (edited(2, 785, "1#2"), "line 2, column 785: '1#2' is not"),
    "nan": (edited(2, 17, "nan"), "line 2, column 17: 'nan' is not"),
    "pixel above 255": (edited(2, 17, "256"), "column 17: '256' is not .* from 0 to 255"),
    "enormous pixel": (edited(2, 17, "9" * 5000), "line 2, column 17: '9{20}...' is not"),
    "short row": (
        LINES[0] + LINES[1].rsplit(",", 1)[0] + "\n" + LINES[2],
        "line 2, column 785: the line has only 784 columns",
    ),
    "long row": (LINES[0] + "1," + LINES[1], "line 2, column 786: the line has 786 columns"),
    "one pixel too many in all": (
        "".join("1," + line for line in LINES),
        "line 1, column 786: the line has 786 columns",
    ),
    "empty line": (LINES[0] + "\n" + LINES[1], "line 2, column 1: the line is empty"),
    "short header": (HEADER[:-9] + "\n" + LINES[0], "line 1, column 1: 'label' is not"),
    "HTML page": ("<!DOCTYPE html>\n<html>", "line 1, column 1: '<!DOCTYPE html>' is not"),
}


@pytest.mark.parametrize("name", CSV_FAULTS)
def test_csv_faults_are_named_with_line_and_column(tmp_path: Path, name: str) -> None:
    text, words = CSV_FAULTS[name]
    path = tmp_path / "digits.csv"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(DataError, match=words) as caught:
        load_csv(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == text.encode("latin-1")


def test_leading_zeros_are_digits(tmp_path: Path) -> None:
    path = tmp_path / "digits.csv"
    table = small_table()
    table[1, 16] = 7
    path.write_text(edited(2, 17, "0" * 6000 + "7"))
    assert_equal(load_csv(path), table)


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def csv_module_reads(content: bytes) -> list[list[int]] | None:
    """Say what the standard library's csv module finds, or None if that is no table of digits."""
    csv.field_size_limit(2**20)
    rows = list(csv.reader(io.StringIO(content.decode("latin-1"), newline="")))
    while rows and not "".join(rows[-1]).strip():
        del rows[-1]
    if rows and len(rows[0]) in (785, 786) and not any(map(is_number, rows[0])):
        del rows[0]
    if all(row[-1:] == [""] for row in rows):
        rows = [row[:-1] for row in rows]
    try:
        table = [[int(cell) for cell in row] for row in rows]
    except ValueError:
        return None
    in_form = all(len(row) == 785 and min(row) >= 0 and max(row[1:]) <= 255 for row in table)
    return table if table and in_form else None


@st.composite
def damaged_csv(draw: st.DrawFn) -> bytes:
    header = draw(st.sampled_from(["", HEADER]))
    content = bytearray(spell_csv(small_table(2), header).encode())
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(content)))
        stop = draw(st.sampled_from([start, start + 1, start + 2, len(content)]))
        content[start:stop] = draw(
            st.sampled_from([b"", b",", b"\n", b"\r", b'"', b" ", b"1", b"0", b"\0", b"label"])
            | st.binary(min_size=1, max_size=3)
        )
    return bytes(content)


@given(damaged_csv())
@settings(deadline=None, max_examples=300)
def test_damaged_csv_is_refused_or_read_as_the_csv_module_reads_it(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.csv"
    path.write_bytes(content)
    try:
        digits = load_csv(path)
    except DataError as error:
        assert re.search(r"line \d+, column \d+: |the file is empty|no data after", str(error))
    else:
        assert_equal(digits, np.array(csv_module_reads(content)))


# CSV files that may have no labels

PLAIN_HEADER = HEADER.removeprefix("label,")


@pytest.mark.parametrize("header", ["", PLAIN_HEADER, PLAIN_HEADER.replace("pixel0", '"Pixel0"')])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("rows", [1, 3])
def test_images_without_labels(tmp_path: Path, header: str, end: str, rows: int) -> None:
    path = tmp_path / "test.csv"
    pixels = small_table(rows)[:, 1:]
    path.write_bytes(spell_csv(pixels, header, end).encode())
    images, labels = load_images_csv(path)
    assert labels is None
    assert (images.dtype, images.shape) == (np.uint8, (rows, 784))
    assert images.flags.c_contiguous
    assert (images == pixels).all()


@pytest.mark.parametrize("header", ["", HEADER])
def test_images_with_labels(tmp_path: Path, header: str) -> None:
    path = tmp_path / "digits.csv"
    path.write_text(spell_csv(small_table(), header))
    images, labels = load_images_csv(path)
    assert labels is not None
    assert_equal(Digits(images, labels), small_table())


PAPER = np.hstack([np.zeros((3, 1), int), small_table()[:, 2:]])  # the corner of a digit is 0
PLAIN_LINES = spell_csv(PAPER).splitlines(keepends=True)
PLAIN_FAULTS = {
    "empty file": ("", "the file is empty, expected lines of 785 or 784 numbers"),
    "header only": (PLAIN_HEADER, "no data after the header, expected lines of 784 numbers"),
    "labels from line 2": (PLAIN_LINES[0] + LINES[1], "line 2, column 785: the line has 785"),
    "no label in line 2": (LINES[0] + PLAIN_LINES[1], "line 2, column 785: the line has only 784"),
    "first pixel above 255": (
        "300," + PLAIN_LINES[0].split(",", 1)[1],
        "line 1, column 1: '300' is not a whole number from 0 to 255; each line must be 784 pix",
    ),
    "text after a header": (PLAIN_HEADER + "\nx\n", "line 2, column 1: 'x' is not a whole number"),
    "one pixel short": (PLAIN_LINES[0].rsplit(",", 1)[0], "column 784: the line has only 783"),
    "the other header": (HEADER + "\n" + PLAIN_LINES[0], "line 2, column 785: .* only 784"),
}


@pytest.mark.parametrize("name", PLAIN_FAULTS)
def test_faults_of_images_without_labels(tmp_path: Path, name: str) -> None:
    text, words = PLAIN_FAULTS[name]
    path = tmp_path / "test.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=words) as caught:
        load_images_csv(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


def test_load_csv_wants_labels(tmp_path: Path) -> None:
    path = tmp_path / "test.csv"
    path.write_text(PLAIN_LINES[0])
    with pytest.raises(DataError, match="line 1, column 785: the line has only 784 columns"):
        load_csv(path)
