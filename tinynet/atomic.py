"""Replace a file in one step.

A program can be killed between any two instructions, and a disk can fill up between any two bytes.
So new content goes to a temporary file in the same folder, is forced onto the disk, and only then
takes the place of the old file, by one rename. Whoever reads sees the old file or the new one,
whole, and never a half.
"""

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`, all of it or nothing.

    Parameters
    ----------
    path : Path
        The file to create or replace. Its folder must exist.
    content : bytes
        What the file holds afterwards.

    Raises
    ------
    OSError
        If the folder cannot be written or the disk is full; `path` is then as it was before.
    """
    # Not tempfile.mkstemp: its files are closed to other users, and rename keeps that.
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # elsewhere a folder cannot be opened, so the rename cannot be synced
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
