"""Digits of one's own: from a picture file, or an array, to 28 x 28 pixels as MNIST has them."""

import os
import warnings
from collections.abc import Callable, Iterable
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from tinynet.datasets.digits import PIXELS
from tinynet.datasets.fitting import fit
from tinynet.datasets.idx import DataError, open_data
from tinynet.datasets.ink import ink_of
from tinynet.support.types import Array

Picture = str | os.PathLike[str] | NDArray[Any]

GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601: how bright red, green and blue look


def load_pictures(pictures: Picture | Iterable[Picture]) -> NDArray[np.uint8]:
    """Read pictures of single digits: photographs, scans or drawings.

    Each becomes what MNIST's digits are: the ink, dark on light or light on dark, without paper,
    shadows and dust, fitted into 20 x 20 pixels, its centre of mass in the middle of 28 x 28. There
    must be more paper than ink, so leave some around the digit, and no lines or boxes on it. A
    network that learned MNIST is given them as it was given MNIST, most often by
    ``tn.data.minmax_scale(images, 0, 255)``.

    Needs Pillow, of the extra `data`, unless all pictures are arrays.

    Parameters
    ----------
    pictures : str, path-like or array, or several of these
        Files of any form that Pillow reads (PNG, JPEG, GIF, BMP, TIFF, WebP, ...), or arrays as
        `fit_picture` takes them. What a camera notes about the way it was held is heeded;
        transparent parts are white.

    Returns
    -------
    ndarray of uint8, shape (N, 784)
        Pixels row by row, 0 (background) to 255 (ink).

    Raises
    ------
    DataError
        If a file is no picture or is damaged, or shows no digit or several; the message names the
        file. A missing file raises DataFileNotFoundError, which is also a FileNotFoundError.
    ValueError
        If there are no pictures.
    TypeError
        If a picture is neither a path nor an array.
    ModuleNotFoundError
        If Pillow is needed and not installed.

    Examples
    --------
    >>> from PIL import Image
    >>> paper = np.full((60, 40), 255, np.uint8)
    >>> paper[10:50, 18:22] = 0  # a one
    >>> Image.fromarray(paper).save("one.png")
    >>> tn.datasets.load_pictures(["one.png", "one.png"]).shape
    (2, 784)
    """
    if isinstance(pictures, np.ndarray):
        listed: list[Any] = list(pictures) if pictures.ndim == 4 else [pictures]
    else:
        listed = [pictures] if isinstance(pictures, str | os.PathLike) else list(pictures)
    if not listed:
        raise ValueError("load_pictures: there are no pictures; give one path, or more")
    images = np.empty((len(listed), PIXELS), np.uint8)
    for k, picture in enumerate(listed):
        if isinstance(picture, str | os.PathLike):
            source = os.fspath(picture)
            with open_data(picture) as file:
                images[k] = _named(source, _grey_of_file, file)
        else:
            images[k] = _named(f"load_pictures: picture {k}", _grey_of_array, picture)
    return images


def fit_picture(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Make of an array what MNIST's digits are: see `load_pictures`.

    Parameters
    ----------
    picture : ndarray, shape (H, W), (H, W, 3) or (H, W, 4)
        Grey levels, or red, green, blue and opacity: integers from 0 to the largest of their
        dtype, bools, or floats from 0 to 1 or to 255. Dark ink on light paper, or the reverse.

    Returns
    -------
    ndarray of uint8, shape (784,)

    Raises
    ------
    DataError
        If there is no digit in it, or more than one.
    ValueError
        If it has another shape, or numbers out of range.
    TypeError
        If it is no array of numbers.

    Examples
    --------
    >>> paper = np.full((60, 40), 255, np.uint8)
    >>> paper[10:50, 18:22] = 0  # a one
    >>> digit = tn.datasets.fit_picture(paper)
    >>> digit.shape, digit.min(), digit.max()
    ((784,), np.uint8(0), np.uint8(255))
    """
    return _named("fit_picture: the picture", _grey_of_array, picture)


def _named(source: str, grey_of: Callable[[Any], Array], picture: Any) -> NDArray[np.uint8]:
    """The fitted picture; errors begin with its name."""
    try:
        return np.rint(255 * fit(ink_of(grey_of(picture)))).astype(np.uint8).ravel()
    except (TypeError, ValueError) as error:
        raise type(error)(f"{source}: {error}") from None


def _grey_of_array(picture: Any) -> Array:
    """An array of any form as grey levels, 0 to 255."""
    if not isinstance(picture, np.ndarray):
        raise TypeError(
            f"got {type(picture).__name__}, expected an array; load_pictures takes paths, too"
        )
    if picture.dtype.kind not in "buif":
        raise TypeError(f"got dtype {picture.dtype}, expected numbers")
    if picture.ndim == 3 and picture.shape[2] == 1:
        picture = picture[:, :, 0]
    colours = picture.shape[2] if picture.ndim == 3 else 1
    if picture.ndim not in (2, 3) or colours not in (1, 3, 4) or 0 in picture.shape:
        raise ValueError(
            f"got shape {picture.shape}, expected (H, W), (H, W, 3) or (H, W, 4); rows "
            "of 784 pixels are pictures already: use .reshape(-1, 28, 28), and one at a time"
        )
    if picture.dtype.kind == "f":
        levels = picture.astype(np.float64)
        if not (levels.min() >= 0 and levels.max() <= 255):  # NaN is not, either
            raise ValueError(
                f"got levels from {levels.min():g} to {levels.max():g}, expected 0 to 1, "
                "or 0 to 255"
            )
        top = 1 if levels.max() <= 1 else 255
    else:
        top = 1 if picture.dtype.kind == "b" else np.iinfo(picture.dtype).max
        if picture.dtype.itemsize > 2 or picture.dtype.kind == "i":  # an int64 array of bytes
            top = 255
        if picture.min() < 0 or picture.max() > top:
            raise ValueError(
                f"got levels from {picture.min()} to {picture.max()}, expected 0 to {top}"
            )
        levels = picture.astype(np.float64)
    levels *= 255 / top
    if colours == 1:
        return levels
    grey: Array = levels[:, :, :3] @ GREY
    return _on_paper(grey, levels[:, :, 3] / 255) if colours == 4 else grey


def _on_paper(grey: Array, opacity: Array) -> Array:
    """The picture on white paper; if nothing is to be seen there, on black."""
    on_white = 255 + (grey - 255) * opacity
    return on_white if np.ptp(on_white) > 1 else grey * opacity


def _grey_of_file(file: BinaryIO) -> Array:
    """The grey levels of a picture file, 0 to 255, the right way up."""
    try:
        from PIL import Image, ImageOps, UnidentifiedImageError
    except ImportError as error:
        raise ModuleNotFoundError(
            "load_pictures needs Pillow; from tinynet's folder run: python -m pip install "
            "'.[data]'. Without it, arrays of pixels can be fitted: tinynet.datasets.fit_picture"
        ) from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        try:
            image = Image.open(file)
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":  # a photograph with a preview of itself
                raise DataError(f"holds {frames} pictures, an animation or pages; expected one")
            upright = ImageOps.exif_transpose(image)
            if upright.mode.startswith(("I", "F")):
                return _stretched(np.asarray(upright, np.float64))
            return _grey_of_array(np.asarray(upright.convert("RGBA")))
        except UnidentifiedImageError:
            what = "not a picture" if file.seek(0, os.SEEK_END) else "the file is empty, no picture"
            raise DataError(f"{what} that Pillow reads; expected PNG, JPEG or the like") from None
        except DataError:
            raise
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise DataError(f"the picture is damaged, or too large: {error}") from None


def _stretched(levels: Array) -> Array:
    """Levels of 16 or 32 bits, of which often only some are used, as 0 to 255."""
    low, high = float(levels.min()), float(levels.max())
    return (levels - low) * (255 / (high - low)) if high > low else levels * 0
