"""Replace a file in one step.

A program can be killed between any two instructions, and a disk can fill up between any two bytes.
So new content goes to a temporary file in the same folder, is forced onto the disk, and only then
takes the place of the old file, by one rename. Whoever reads sees the old file or the new one,
whole, and never a half.

What a path is, besides its content, stays. A link still points to its file, which has the new
content; the file keeps its mode, its owner and its attributes. Devices and pipes cannot be
replaced, and are written to. Only a hard link is parted: the other names of a file keep the old
content, since a change in place could be seen half done.
"""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO, NoReturn

LINKS_IN_A_ROW = 40  # as many as Linux follows
ADVICE = {
    errno.ENOENT: "make its folder first, or give another path",
    errno.ENOTDIR: "a part of the path is a file, not a folder; give another path",
    errno.EISDIR: "it is a folder; give the name of a file within it",
    errno.ELOOP: "it is a link that leads back to itself; remove it, or give another path",
    errno.EACCES: "it, or its folder, is not yours to write; give another path",
    errno.EPERM: "it, or its folder, is protected; give another path",
    errno.EROFS: "its disk is read-only; give another path",
    errno.EBUSY: "it is mounted by itself, so nothing can take its place; mount its folder instead",
    errno.ENAMETOOLONG: "give a shorter name",
    errno.ENOSPC: "make room there, or give another path",
    errno.EINVAL: "it is neither a file nor a pipe; give the path of a file",
}


def file_path(owner: str, path: str | os.PathLike[str]) -> Path:
    """`path` as a Path.

    Raises
    ------
    TypeError
        If it is no path.
    OSError
        If it can only be that of a folder, or of nothing.
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else path
    if not isinstance(text, str):
        fix = "; use os.fsdecode(path)" if isinstance(text, bytes) else ""
        raise TypeError(f"{owner}: path is {type(path).__name__}, expected str or path-like{fix}")
    if not text:
        raise OSError(errno.ENOENT, f"{owner}: path is empty; give the name of a file", text)
    if "\0" in text:
        raise OSError(errno.EINVAL, f"{owner}: path has a NUL in it; give another", text)
    # A Path would drop the slash at the end, and a file would be written where a folder was meant.
    if os.path.basename(text) in ("", ".", ".."):
        _refuse(errno.EISDIR, text)
    return Path(text)


def check_place(path: Path) -> tuple[Path, os.stat_result | None]:
    """Whether a file can be written, before there is anything to write.

    Parameters
    ----------
    path : Path

    Returns
    -------
    target : Path
        What `path` leads to, its links followed.
    found : os.stat_result or None
        None: there is nothing yet.

    Raises
    ------
    OSError
        If it cannot; the message says what to do.
    """
    try:
        found = os.stat(path)
    except FileNotFoundError:
        found = None
    except OSError as error:
        _refuse(error.errno, path)
    target = _followed(path)
    if found is None and not target.parent.is_dir():
        _refuse(errno.ENOENT, target)
    mode = stat.S_IFREG if found is None else found.st_mode
    if stat.S_ISDIR(mode):
        _refuse(errno.EISDIR, path)
    if stat.S_ISBLK(mode) or stat.S_ISSOCK(mode):  # bytes written to a disk destroy what is on it
        _refuse(errno.EINVAL, path)
    replaced = stat.S_ISREG(mode) and _descriptor(target) is None
    needed = ([] if found is None else [path]) + ([target.parent] if replaced else [])
    for place in needed:
        if not os.access(place, os.W_OK):
            read_only = os.statvfs(place).f_flag & os.ST_RDONLY if os.name == "posix" else 0
            _refuse(errno.EROFS if read_only else errno.EACCES, path)
    return target, found


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` to `path`, all of it or nothing.

    Parameters
    ----------
    path : Path
        The file to create or replace, or a link to it; its folder must exist. Or a device or a
        pipe, which gets the content. Bytes on their way through a pipe cannot be taken back.
    content : bytes
        What the file holds afterwards.

    Raises
    ------
    OSError
        If the folder cannot be written or the disk is full; `path` is then as it was before.
    """
    target, found = check_place(path)
    if found is not None and (not stat.S_ISREG(found.st_mode) or _descriptor(target) is not None):
        with _opened(target) as stream:
            stream.write(content)
        return
    # Not tempfile.mkstemp: its files are closed to other users, and rename keeps that.
    temporary = target.with_name(f".{target.name[:40]}.{secrets.token_hex(8)}.part")
    create = partial(os.open, mode=0o666 if found is None else 0o600)
    try:
        with open(temporary, "xb", opener=create) as file:
            if found is not None:
                _dress(temporary, target, found)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        _refuse(error.errno, path, error)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # elsewhere a folder cannot be opened, so the rename cannot be synced
        with suppress(PermissionError):  # a folder that can be written, but not read
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _followed(path: Path) -> Path:
    """What a link leads to in the end; or the last link, if that stands for an open file."""
    for _ in range(LINKS_IN_A_ROW):
        if not path.is_symlink() or _descriptor(path) is not None:
            break
        path = path.parent / os.readlink(path)
    return path


def _descriptor(path: Path) -> int | None:
    """The number of an open file of this process, if that is what `path` stands for."""
    if not path.name.isdecimal() or path.parent.name != "fd":
        return None
    folder = os.path.realpath(path.parent)
    return int(path.name) if folder in ("/dev/fd", f"/proc/{os.getpid()}/fd") else None


def _opened(path: Path) -> BinaryIO:
    number = _descriptor(path)
    if number is not None:  # the open file itself: what stands in it already is not overwritten
        return os.fdopen(os.dup(number), "wb")
    return open(path, "wb", opener=lambda name, _: os.open(name, os.O_WRONLY))


def _dress(temporary: Path, target: Path, found: os.stat_result) -> None:
    """Give the new file what the old one had, as far as this user and this disk can."""
    steps: list[Callable[[], object]] = []
    if hasattr(os, "chown"):  # the group first: who gave a file away cannot change it any more
        steps += [partial(os.chown, temporary, -1, found.st_gid)]
        steps += [partial(os.chown, temporary, found.st_uid, -1)]
    steps += [partial(shutil.copystat, target, temporary)]  # access lists and attributes
    steps += [partial(os.chmod, temporary, stat.S_IMODE(found.st_mode))]
    for step in steps:
        with suppress(OSError):
            step()


def _refuse(number: int | None, path: object, cause: OSError | None = None) -> NoReturn:
    """Raise the OSError of this kind, with what to do."""
    number = number or errno.EIO
    advice = ADVICE.get(number)
    text = os.strerror(number) + (f"; {advice}" if advice else "")
    raise OSError(number, text, str(path)) from cause
