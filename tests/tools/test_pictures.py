"""Pictures of one's own, made into what MNIST's digits are, and read by the lesson's network."""

import itertools
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cases import slow_but
from drawn_digits import WAYS, ink, on_paper
from PIL import Image

import tinynet as tn
from tinynet.datasets import DataError, DataFileNotFoundError, fit_picture, load_pictures
from tinynet.datasets.fitting import fit


@pytest.fixture(scope="module")
def reader() -> tn.Sequential:
    """The main lesson's network, after three epochs of Adam."""
    digits = tn.datasets.mnist_small()
    X = tn.data.minmax_scale(digits.images, 0, 255)
    rng = np.random.default_rng(0)
    layers = [
        layer
        for I, O in itertools.pairwise((784, 64, 32, 32, 10))
        for layer in (tn.Linear(I, O, rng=rng), tn.ReLU())
    ]
    net = tn.Sequential(*layers[:-1], tn.LogSoftmax())
    loader = tn.DataLoader(X, digits.labels, batch_size=32, shuffle=True, rng=0)
    tn.fit(net, tn.NLLLoss(), tn.Adam(net.parameters(), lr=0.003), loader, epochs=3, progress=False)
    return net


def read(net: tn.Sequential, images: np.ndarray) -> list[int]:
    return net.predict(tn.data.minmax_scale(images, 0, 255)).argmax(axis=1).tolist()


def plain(digit: int, side: int = 200, width: float = 12) -> np.ndarray:
    """Black on white, as an array."""
    return np.asarray(on_paper(ink(digit, side, width), 0, lambda x, y: 255 + 0 * x))


def centre_of_mass(image: np.ndarray) -> list[float]:
    image = image.reshape(28, 28).astype(float)
    index = np.arange(28)
    return [float(image.sum(axis=k) @ index / image.sum()) for k in (0, 1)]


@pytest.mark.parametrize("way", slow_but(3, WAYS))
def test_public_style_pictures_are_read_right(
    reader: tn.Sequential, tmp_path: Path, way: str
) -> None:
    paths = []
    for digit in range(10):
        paths.append(tmp_path / f"{digit}.png")
        WAYS[way](digit).save(paths[-1])
    images = load_pictures(paths)
    assert (images.dtype, images.shape) == (np.uint8, (10, 784))
    assert read(reader, images) == list(range(10))
    for image in images:
        square = image.reshape(28, 28)
        assert square.max() == 255 and square[:2].max() == square[:, :2].max() == 0
        assert centre_of_mass(square) == pytest.approx([14, 14], abs=0.15)
        lines, columns = (np.flatnonzero(square.any(axis=k)) for k in (1, 0))
        assert 20 <= max(np.ptp(lines), np.ptp(columns)) + 1 <= 21


def light_and_more() -> dict[str, Callable[[int], np.ndarray]]:
    def lit(light: Callable, tone: float = 20, grain: float = 3) -> Callable[[int], np.ndarray]:
        def draw(digit: int) -> np.ndarray:
            return np.asarray(on_paper(ink(digit, 300, 15, (0.2, 0.2), 0.6), tone, light, grain))

        return draw

    def dusty(digit: int) -> np.ndarray:
        picture = np.array(plain(digit))
        for row, column in np.random.default_rng(digit).integers(0, 190, (20, 2)):
            picture[row : row + 3, column : column + 3] = 30
        return picture

    return {
        "steep light": lit(lambda x, y: 60 + 190 * x, 30, 0),
        "a hard shadow": lit(lambda x, y: np.where(x + 0.5 * y > 0.9, 110, 210)),
        "dark corners": lit(lambda x, y: 220 - 250 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)),
        "the table beside the paper": lit(lambda x, y: np.where(x > 0.85, 60.0, 220.0)),
        "the table around the paper": lit(
            lambda x, y: np.where((x > 0.9) | (y > 0.9) | (x < 0.1) | (y < 0.08), 60.0, 220.0)
        ),
        "pencil on grainy paper": lit(lambda x, y: 200 + 0 * x, 120, 8),
        "faint squares": lit(
            lambda x, y: np.where(((x * 14) % 1 < 0.05) | ((y * 14) % 1 < 0.05), 215.0, 245.0)
        ),
        "dust": dusty,
        "a thin pen": lambda digit: plain(digit, 400, 5),
        "a thick pen": lambda digit: plain(digit, 200, 26),
        "28 x 28": lambda digit: plain(digit, 28, 2),
    }


@pytest.mark.parametrize("name", slow_but(2, light_and_more()))
def test_light_paper_and_pen_do_not_matter(reader: tn.Sequential, name: str) -> None:
    draw = light_and_more()[name]
    answers = read(reader, load_pictures([draw(digit) for digit in range(10)]))
    assert sum(answer == digit for digit, answer in enumerate(answers)) >= 9


@pytest.mark.parametrize(
    ("name", "least"),
    [("steep light", 0.9), ("dark corners", 0.9), ("dust", 0.9), ("a hard shadow", 0.7)],
)
def test_ink_is_what_it_is_without_shadows_and_dust(name: str, least: float) -> None:
    expected = fit_picture(plain(3) if name == "dust" else plain(3, 300, 22.5))
    image = fit_picture(light_and_more()[name](3))
    assert np.corrcoef(image, expected)[0, 1] > least


def test_digits_of_mnist_stay_what_they_are(reader: tn.Sequential) -> None:
    digits = tn.datasets.mnist_small()
    X, y = digits.images[18_000:18_200], digits.labels[18_000:18_200]
    fitted = load_pictures(X.reshape(-1, 28, 28, 1))
    right, before = (np.mean(read(reader, images) == y) for images in (fitted, X))
    assert right >= before - 0.02
    assert np.corrcoef(fitted.ravel(), X.ravel())[0, 1] > 0.9
    inverted = load_pictures(list(255 - X.reshape(-1, 28, 28)))
    assert np.abs(inverted.astype(int) - fitted).max() <= 1


def test_fitting_by_hand() -> None:
    """Twice as large as the box, so that four pixels become one."""
    ink = np.zeros((50, 60))
    ink[5:45, 10:30] = 1
    ink[20:45, 16:30] = 0
    ink[5:7, 10:12] = [[0, 1], [0.5, 0.5]]
    fitted = fit(ink)
    lines = ink.sum(axis=1) @ (np.arange(50) + 0.5) / ink.sum()
    columns = ink.sum(axis=0) @ (np.arange(60) + 0.5) / ink.sum()
    padded = np.zeros((880, 880))  # ten times as fine as the result, with a wide rim
    top, left = round(445 - 5 * lines), round(445 - 5 * columns)
    padded[top : top + 250, left : left + 300] = np.kron(ink, np.ones((5, 5)))
    padded = padded[300:580, 300:580]
    means = padded.reshape(28, 10, 28, 10).mean(axis=(1, 3))
    np.testing.assert_allclose(fitted, means / means.max(), atol=0.06)
    assert fitted.max() == 1


# Forms of files and arrays

SEVEN = plain(7)
GREY = Image.fromarray(SEVEN)


def transparent(tone: int) -> Image.Image:
    picture = Image.new("LA", GREY.size, tone)
    picture.putalpha(Image.fromarray(255 - SEVEN))
    return picture


def with_orientation(path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: turn it back clockwise
    GREY.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95)


def sixteen_bits(path: Path) -> None:
    Image.fromarray(SEVEN.astype(np.uint16) * 16 + 100).save(path)  # of 12 bits, say


FORMS: dict[str, Callable[[Path], Any]] = {
    "grey.png": GREY.save,
    "colour.png": lambda path: GREY.convert("RGB").save(path),
    "palette.png": lambda path: GREY.convert("P").save(path),
    "palette.gif": lambda path: GREY.save(path),
    "one_bit.png": lambda path: GREY.convert("1").save(path),
    "transparent.png": lambda path: transparent(0).save(path),
    "white_on_transparent.png": lambda path: transparent(255).save(path),
    "transparent_colour.png": lambda path: transparent(30).convert("RGBA").save(path),
    "transparent_palette.png": lambda path: transparent(0).convert("RGBA").quantize(32).save(path),
    "sixteen_bits.png": sixteen_bits,
    "photograph.jpg": lambda path: GREY.save(path, quality=60),
    "cmyk.jpg": lambda path: GREY.convert("CMYK").save(path, quality=90),
    "turned.jpg": with_orientation,
    "scan.tif": lambda path: GREY.save(path),
    "float.tif": lambda path: Image.fromarray(SEVEN / np.float32(255)).save(path),
    "bitmap.bmp": GREY.save,
    "web.webp": lambda path: GREY.convert("RGB").save(path, quality=80),
    "grey.pgm": GREY.save,
    "no_ending": lambda path: GREY.save(path, format="PNG"),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_a_picture_gives_the_same_digit(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    FORMS[name](path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images = load_pictures(path)
    assert images.shape == (1, 784)
    expected = fit_picture(SEVEN)
    assert np.corrcoef(images[0], expected)[0, 1] > 0.98
    assert (load_pictures(str(path)) == images).all()


ARRAYS: dict[str, np.ndarray] = {
    "int64": SEVEN.astype(np.int64),
    "uint16": SEVEN.astype(np.uint16) * 257,
    "floats to 1": SEVEN / 255,
    "float32 to 255": SEVEN.astype(np.float32),
    "bool": SEVEN > 127,
    "light on dark": 255 - SEVEN,
    "(H, W, 1)": SEVEN[:, :, None],
    "(H, W, 3)": np.stack([SEVEN] * 3, axis=2),
    "(H, W, 4)": np.dstack([SEVEN, SEVEN, SEVEN, np.full_like(SEVEN, 255)]),
    "opacity only": np.dstack([0 * SEVEN, 0 * SEVEN, 0 * SEVEN, 255 - SEVEN]) / 255,
    "fainter": 200 - (255 - SEVEN) // 4,
    "Fortran order": np.asfortranarray(SEVEN),
    "read-only": np.broadcast_to(SEVEN, SEVEN.shape),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_of_every_form(name: str) -> None:
    given = ARRAYS[name].copy(order="K")
    image = fit_picture(ARRAYS[name])
    assert (image.dtype, image.shape) == (np.uint8, (784,))
    assert np.corrcoef(image, fit_picture(SEVEN))[0, 1] > 0.99
    assert (load_pictures(ARRAYS[name])[0] == image).all()
    assert (ARRAYS[name] == given).all()


def test_several_at_once_keep_their_order(tmp_path: Path) -> None:
    GREY.save(tmp_path / "7.png")
    three = plain(3)
    expected = np.stack([fit_picture(three), fit_picture(SEVEN)])
    assert (load_pictures([three, tmp_path / "7.png"]) == expected).all()
    assert (load_pictures(iter([three, str(tmp_path / "7.png")])) == expected).all()
    assert (load_pictures(np.stack([three, SEVEN])[..., None]) == expected).all()


# Faults


def several(path: Path) -> None:
    Image.fromarray(np.hstack([plain(1), plain(4)])).save(path)


def animation(path: Path) -> None:
    GREY.save(path, save_all=True, append_images=[Image.fromarray(plain(3))])


def cut(path: Path) -> None:
    GREY.save(path)
    path.write_bytes(path.read_bytes()[:-700])


def noise(path: Path) -> None:
    grain = np.random.default_rng(0).normal(200, 6, (300, 300)).clip(0, 255)
    Image.fromarray(grain.astype(np.uint8)).save(path)


def specks(path: Path) -> None:
    paper = np.full((400, 400), 250, np.uint8)
    paper[30:33, 50:52] = 0
    Image.fromarray(paper).save(path)


def slope(path: Path) -> None:
    Image.fromarray(np.tile(np.linspace(50, 250, 300), (200, 1)).astype(np.uint8)).save(path)


FAULTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "white.png": (lambda path: Image.new("L", (90, 90), 255).save(path), "is blank: no ink differ"),
    "black.png": (lambda path: Image.new("RGB", (90, 90)).save(path), "the picture is blank"),
    "clear.png": (lambda path: Image.new("RGBA", (90, 90)).save(path), "the picture is blank"),
    "noise.png": (noise, "the picture is blank"),
    "slope.png": (slope, "the picture is blank"),
    "specks.png": (specks, "blank but for specks"),
    "two.png": (several, "there seem to be several digits in the picture; cut it"),
    "animation.gif": (animation, "holds 2 pictures, an animation or pages; expected one"),
    "pages.tif": (animation, "holds 2 pictures"),
    "cut.png": (cut, "the picture is damaged"),
    "empty.png": (lambda path: path.write_bytes(b""), "the file is empty, no picture that Pillow"),
    "text.png": (lambda path: path.write_text("7"), "not a picture that Pillow reads; expected"),
    "page.jpg": (lambda path: path.write_text("<html></html>"), "not a picture that Pillow reads"),
    "tiny.png": (lambda path: Image.new("L", (8, 8)).save(path), "only 8 x 8 pixels, expected 14"),
    "folder.png": (Path.mkdir, "cannot be opened"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    write, words = FAULTS[name]
    path, good = tmp_path / name, tmp_path / "good.png"
    write(path)
    GREY.save(good)
    with pytest.raises(DataError, match=words) as caught:
        load_pictures([good, path])
    assert str(caught.value).startswith(f"{path}: ") and str(caught.value).count(str(path)) == 1


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataFileNotFoundError, match=r"absent\.png: there is no such file"):
        load_pictures(tmp_path / "absent.png")


@pytest.mark.parametrize(
    ("picture", "error", "words"),
    [
        (np.zeros(784), ValueError, r"got shape \(784,\), expected \(H, W\).*reshape\(-1, 28, 28"),
        (np.zeros((5, 28, 28)), ValueError, r"got shape \(5, 28, 28\)"),
        (np.zeros((0, 28)), ValueError, r"got shape \(0, 28\)"),
        (np.full((30, 30), np.nan), ValueError, "got levels from nan to nan, expected 0 to 1"),
        (np.full((30, 30), -1.0), ValueError, "got levels from -1 to -1"),
        (np.full((30, 30), 300), ValueError, "got levels from 300 to 300, expected 0 to 255"),
        (np.full((30, 30), "a"), TypeError, "got dtype <U1, expected numbers"),
        ([[0, 1], [1, 0]], TypeError, "got list, expected an array"),
    ],
)
def test_arrays_that_are_no_pictures(picture: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=f"fit_picture: the picture: {words}"):
        fit_picture(picture)
    with pytest.raises(error, match=f"load_pictures: picture 1: {words}"):
        load_pictures([SEVEN, picture])


def test_no_pictures_at_all() -> None:
    with pytest.raises(ValueError, match="there are no pictures; give one path, or more"):
        load_pictures([])
    with pytest.raises(TypeError, match="picture 0: got int, expected an array"):
        load_pictures([3])  # type: ignore[list-item]


def test_without_pillow_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    GREY.save(tmp_path / "7.png")
    expected = load_pictures(tmp_path / "7.png")
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ModuleNotFoundError, match=r"Pillow.*pip install '\.\[data\]'.*fit_picture"):
        load_pictures(os.fspath(tmp_path / "7.png"))
    assert (load_pictures(SEVEN) == expected).all()
