"""What a file is, told by its first bytes, since names lie.

What is to be done about it, those say who expected something else: ``datasets/forms.py`` where data
were meant, ``_file_kinds.py`` where a model was.
"""

STARTS = {
    "gzip": b"\x1f\x8b",
    "bzip2": b"BZh",
    "xz": b"\xfd7zXZ\0",
    "zstd": b"\x28\xb5\x2f\xfd",
    "7z": b"7z\xbc\xaf\x27\x1c",
    "rar": b"Rar!",
    "zip": b"PK\x03\x04",
    "png": b"\x89PNG\r\n\x1a\n",
    "jpeg": b"\xff\xd8\xff",
    "gif": b"GIF8",
    "pdf": b"%PDF",
    "hdf5": b"\x89HDF\r\n\x1a\n",
    "npy": b"\x93NUMPY",
    "parquet": b"PAR1",
    "arrow": b"ARROW1",
    "sqlite": b"SQLite format 3\0",
    "xls": b"\xd0\xcf\x11\xe0",
    "idx": b"\0\0\x08",
    "gguf": b"GGUF",
    "lfs": b"version https://git-lfs",
}
PICTURES = ("png", "jpeg", "gif", "tiff", "bmp", "webp", "heif", "pnm")


def kind_of(content: bytes) -> str | None:
    """A short name for what these first bytes (300 are enough) are; None: perhaps text."""
    for kind, start in STARTS.items():
        if content.startswith(start):
            return kind
    if content.startswith((b"II*\0", b"MM\0*")):
        return "tiff"
    if content[:1] == b"\x80" and content[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        return "pickle"
    if content[:2] == b"BM" and content[6:10] == bytes(4):
        return "bmp"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    if content[4:8] == b"ftyp":
        return "heif"
    if content[4:8] == b"TFL3":
        return "tflite"
    if content[257:262] == b"ustar":
        return "tar"
    if content[:2] in (b"P1", b"P2", b"P3", b"P4", b"P5", b"P6") and content[2:3].isspace():
        return "pnm"
    return None
