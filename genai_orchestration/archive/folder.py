"""Folders of the archive on a disk, by handles: no symbolic link inside of it is followed.

    root ─► folder ─► folder ─► a file of it      each one opened in the one before, and no link
    └ may be reached by a link: it is the person's own choice

What the names mean does not belong here.
"""

import contextlib
import os
import stat
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from genai_orchestration.archive.refusals import ArchiveUnusable
from genai_orchestration.settings import ARCHIVE_VARIABLE

STALE = 6 * 3600.0  # seconds without a write: a download is given up long before
PART = ".part"
QUARANTINE = "quarantine"  # what came later under an id whose content must not change


def path_of(sha256: str, extension: str) -> str:
    """Where content is kept, below the archive's address."""
    return f"{sha256[:2]}/{sha256}.{extension}"


def quarantined(path: str) -> str:
    """Where it is kept when it is out of the way."""
    return f"{QUARANTINE}/{path}"


@contextlib.contextmanager
def folder(root: Path, *names: str, make: bool = True) -> Iterator[int]:
    """A handle of the folder below `root`; ArchiveUnusable for a link in its place.

    It is made where it is missing; without `make`, it is FileNotFoundError.
    """
    if make:
        root.mkdir(parents=True, exist_ok=True)
    handle = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for number, name in enumerate(names, start=1):
            check_no_link(root.joinpath(*names[:number]))
            if make:
                _make(name, handle)
            inside = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=handle)
            os.close(handle)
            handle = inside
        yield handle
    finally:
        os.close(handle)


def _make(name: str, handle: int) -> None:
    with contextlib.suppress(FileExistsError):
        os.mkdir(name, dir_fd=handle)
        os.fsync(handle)


def check_no_link(path: Path) -> None:
    """ArchiveUnusable when there is a symbolic link at that path."""
    if path.is_symlink():
        raise ArchiveUnusable(
            f"{path} is a symbolic link, and none inside the archive is followed: put a folder in "
            f"its place, or set {ARCHIVE_VARIABLE} to the folder that it leads to."
        )


def size_of(name: str, handle: int) -> int | None:
    """Bytes of the file of that name in the folder; None where there is none, but a link, say."""
    try:
        found = os.stat(name, dir_fd=handle, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None


def open_file(path: Path, handle: int, mode: str) -> BinaryIO:
    """The file of that path, opened in its folder; OSError for a link."""

    def opener(_: str, flags: int) -> int:
        return os.open(path.name, flags | os.O_NOFOLLOW, 0o666, dir_fd=handle)

    file: Any = open(path, mode, opener=opener)  # noqa: SIM115 the caller closes it
    opened: BinaryIO = file
    return opened


@contextlib.contextmanager
def temporary(root: Path, name: str) -> Iterator[BinaryIO]:
    """A new empty file in the folder of that name, gone after the with block unless it is moved."""
    part = root / name / f"{uuid.uuid4().hex}{PART}"
    with folder(root, name) as handle:
        try:
            with open_file(part, handle, "x+b") as file:
                yield file
        finally:
            with contextlib.suppress(FileNotFoundError):  # it has become an archived one
                os.unlink(part.name, dir_fd=handle)


def sweep(root: Path, name: str) -> int:
    """Remove temporary files of that folder that nobody has written to for hours; how many."""
    if not os.path.lexists(root / name):
        return 0
    swept = 0
    with folder(root, name) as handle:
        for part in os.listdir(handle):
            with contextlib.suppress(FileNotFoundError):  # another process sweeps, too
                written = os.stat(part, dir_fd=handle, follow_symlinks=False).st_mtime
                if part.endswith(PART) and time.time() - written > STALE:
                    os.unlink(part, dir_fd=handle)
                    swept += 1
    return swept
