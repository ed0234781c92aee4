"""Pages to open in a browser: one HTML file each, which needs no server and no network.

A page is put together from the plain .html, .css and .js files of this folder. Its numbers travel
as one block of bytes, zipped: a JSON head that names the arrays, and the arrays, one after the
other. The page's own security policy forbids it to load anything.
"""

import base64
import gzip
import html
import json
import math
import os
from collections.abc import Sequence
from importlib.resources import files
from string import Template
from typing import Any

import numpy as np

from tinynet.support.atomic import file_path, write_atomically
from tinynet.support.types import Array

LARGEST = 2_000_000  # bytes of a page
SMALLEST_SIDE = 8  # pixels of a picture that has no shape: scikit-learn's digits are 8 x 8
NAMES = {"float64": "f8", "float32": "f4", "float16": "f2", "uint8": "u1", "int32": "i4"}


class Page:
    """One HTML file, complete: written to a path, or shown by a notebook in a frame of its own.

    Attributes
    ----------
    content : bytes
        The file.
    height : int
        Of the frame, in pixels.
    """

    def __init__(self, content: bytes, height: int = 900) -> None:
        self.content, self.height = content, height

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the file, all of it or nothing."""
        write_atomically(file_path("the page", path), self.content)

    def _repr_html_(self) -> str:
        # A sandbox without the notebook's origin: scripts of the page run and reach nothing else.
        # But what was learned in the lab may be saved.
        return (
            '<iframe sandbox="allow-scripts allow-downloads" '
            f'style="width: 100%; height: {self.height}px; border: 0" '
            f'srcdoc="{html.escape(self.content.decode("utf-8"))}"></iframe>'
        )

    def __repr__(self) -> str:
        return f"<page of {len(self.content) / 1e6:.2f} MB; a notebook shows it, write(path) saves>"


def names_of(owner: str, what: str, names: Sequence[str] | None, count: int) -> list[str] | None:
    """The names of `count` features or classes, checked; None if none are given."""
    if names is None:
        return None
    if isinstance(names, str) or not all(isinstance(name, str) for name in names):
        raise TypeError(f"{owner}: {what} = {names!r}, expected a list of names, each a str")
    if len(names) != count:
        raise ValueError(
            f"{owner}: {what} has {len(names)} names, and the network has {count} {what}; give "
            "one for each"
        )
    return [str(name) for name in names]


def side_of(count: int) -> int | None:
    """How wide the square picture of so many pixels is; None if so many numbers are no picture."""
    side = math.isqrt(count)
    return side if side * side == count and side >= SMALLEST_SIDE else None


def fill(
    name: str,
    title: str,
    head: dict[str, Any],
    arrays: dict[str, Array],
    code: Sequence[str] = (),
) -> Page:
    """The page `name` with its numbers.

    Parameters
    ----------
    name : str
        Of its files in this folder: name.html, name.css, and all scripts that begin with it.
    title : str
    head : dict
        What JSON can hold.
    arrays : dict of str to ndarray
        float64, float32, float16, uint8 or int32.
    code : sequence of str
        JavaScript that runs before the page's own, each in a script element of its own, so that a
        slip in one is no other's; without what would end such an element.
    """
    read = {
        part.name: part.read_text(encoding="utf-8")
        for part in files(__name__).iterdir()
        if part.name.endswith((".html", ".css", ".js"))
    }
    scripts = sorted(part for part in read if part.startswith(name) and part.endswith(".js"))
    page = Template(read["page.html"]).substitute(
        title=html.escape(title),
        css=read["common.css"] + read[f"{name}.css"],
        body=Template(read[f"{name}.html"]).substitute(title=html.escape(title)),
        js="\n</script>\n<script>\n".join(
            [*code, "\n".join(read[part] for part in ["common.js", "sheets.js", *scripts])]
        ),
        data=base64.b64encode(pack(head, arrays)).decode("ascii"),
    )
    return Page(page.encode("utf-8"))


def pack(head: dict[str, Any], arrays: dict[str, Array]) -> bytes:
    """Head and arrays as one zipped block; the page's ``unpack`` reads it.

    Four bytes with the length of the head, the head with spaces up to a multiple of 4, and each
    array, little-endian, with zeros up to a multiple of 4.
    """
    entries = [
        {"name": name, "dtype": NAMES[array.dtype.name], "shape": array.shape}
        for name, array in arrays.items()
    ]
    text = json.dumps({**head, "arrays": entries}).encode("utf-8")
    text += b" " * (-len(text) % 4)
    blocks = [len(text).to_bytes(4, "little"), text]
    for array in arrays.values():
        block = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
        blocks.append(block + b"\0" * (-len(block) % 4))
    return gzip.compress(b"".join(blocks), mtime=0)  # no clock: the same page is the same bytes
