"""What a disk, or the system's limit, refuses, whichever library notices it first.

    error ─► its causes ─► the system's number of it, or SQLite's or DuckDB's own words ─► Trouble
                                                    └─► it is about something else ─► None

SQLite says "disk I/O error" and "unable to open database file" of a full disk and of too many open
files, too: then the disk and the limit themselves are asked.
"""

import contextlib
import errno
import os
import resource
import shutil
import sqlite3
from enum import Enum
from pathlib import Path

from genai_orchestration.errors import causes

# what may be free once a write has failed: who could not write has given back what it had
NEARLY_FULL_BYTES = 4 * 1024 * 1024


class Trouble(Enum):
    """What is wrong with a place where something should be kept, and what a person can do."""

    FULL = "the disk is full", "free some space there"
    TOO_LARGE = (
        "a file has become larger than this process may write",
        "raise that limit (ulimit -f)",
    )
    TOO_MANY = (
        "too many files are open",
        "end other programs, or raise the limit of open files (ulimit -n)",
    )
    NOT_WRITABLE = "it may not be written", "make it writable for this user"
    DAMAGED = "a file is damaged", "check the disk, and restore the file from a backup"

    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = what, remedy


NUMBERS = {
    errno.ENOSPC: Trouble.FULL,
    errno.EDQUOT: Trouble.FULL,
    errno.EFBIG: Trouble.TOO_LARGE,
    errno.EMFILE: Trouble.TOO_MANY,
    errno.ENFILE: Trouble.TOO_MANY,
    errno.EROFS: Trouble.NOT_WRITABLE,
    errno.EACCES: Trouble.NOT_WRITABLE,
    errno.EPERM: Trouble.NOT_WRITABLE,
    errno.EIO: Trouble.DAMAGED,
}
WORDS = {
    **{os.strerror(number): trouble for number, trouble in NUMBERS.items()},
    "database or disk is full": Trouble.FULL,  # SQLite
    "attempt to write a readonly database": Trouble.NOT_WRITABLE,
    "database disk image is malformed": Trouble.DAMAGED,
    "file is not a database": Trouble.DAMAGED,
    "Corrupt database file": Trouble.DAMAGED,  # DuckDB
}
VAGUE = ("disk I/O error", "unable to open database file")  # SQLite


def trouble_with(error: BaseException, place: Path) -> Trouble | None:
    """The trouble behind an error that struck at `place`; None when it is about something else."""
    found = (_trouble(cause, place) for cause in causes(error))
    return next(filter(None, found), None)


def is_of_duckdb(error: BaseException) -> bool:
    """Whether the error is DuckDB's own, which takes a fifth of a second to import."""
    return type(error).__module__ in ("duckdb", "_duckdb")


def _trouble(error: BaseException, place: Path) -> Trouble | None:
    if isinstance(error, OSError):
        return NUMBERS.get(error.errno or 0)
    text = str(error)
    if isinstance(error, sqlite3.Error) and any(words in text for words in VAGUE):
        return _asked(place)
    if isinstance(error, sqlite3.Error) or is_of_duckdb(error):
        return next((trouble for words, trouble in WORDS.items() if words in text), None)
    return None


def _asked(place: Path) -> Trouble:
    """What is wrong at the place, tried just now."""
    nearest = next(p for p in (place, *place.parents) if p.is_dir())
    with contextlib.suppress(OSError):
        if shutil.disk_usage(nearest).free < NEARLY_FULL_BYTES:
            return Trouble.FULL
    if resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY:
        return Trouble.TOO_LARGE
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return Trouble.TOO_MANY
    return Trouble.DAMAGED if os.access(nearest, os.W_OK) else Trouble.NOT_WRITABLE
