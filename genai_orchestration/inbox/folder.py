"""A watched folder: which files it holds, and whether that has changed since the last tick.

    folder ─► plain files ─┬─ touched a moment ago: still being written, the next tick takes it
                           └─ the others, by name ─► mark: a hash of names, sizes and times

Links are never followed: they may lead to what whoever put them there must not read. Sub-folders
and names that begin with a dot or `~$`, or end as unfinished downloads do, are left alone.
"""

import errno
import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from genai_orchestration.errors import UserError

SETTLED = 5.0  # seconds without a write until a file counts as complete
LARGEST = 32 * 1024 * 1024  # bytes; a file of some 100,000 requests is read in seconds
UNFINISHED = (".tmp", ".part", ".partial", ".crdownload", ".download", ".swp")
FOREIGN = (".", "~$")  # hidden files, and what Excel and Word put beside an open one


class InboxUnreadable(UserError):
    """The folder or the table cannot be read; the text says what to do."""


@dataclass(frozen=True, order=True)
class Listed:
    """A file as its folder lists it."""

    name: str
    size: int
    modified: int  # nanoseconds


@dataclass(frozen=True)
class Listing:
    """The files that are complete, by name; the names of those still being written, and links."""

    files: tuple[Listed, ...]
    writing: tuple[str, ...]
    links: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """Another text whenever a complete file appears, changes or goes."""
        return mark_of([repr(each) for each in self.files])


def listing(folder: Path, now: float) -> Listing:
    """What the folder holds at `now` (seconds since 1970); InboxUnreadable."""
    try:
        names = [name for name in os.listdir(folder) if not _ignored(name.lower())]
    except FileNotFoundError:
        raise _unreadable(folder, "is not there: make it") from None
    except OSError as error:
        raise _unreadable(folder, f"cannot be listed ({error.strerror}): fix that") from None
    found = [file for name in names if (file := listed(folder / name))]
    # a time far ahead is another computer's clock: no reason to wait until then
    new = {each.name for each in found if abs(now - each.modified / 1e9) < SETTLED}
    complete = (each for each in found if each.name not in new)
    links = (name for name in names if (folder / name).is_symlink())
    return Listing(tuple(sorted(complete)), tuple(sorted(new)), tuple(sorted(links)))


def listed(path: Path) -> Listed | None:
    """A file as its folder lists it now; None for one that is gone, and for what is no file."""
    try:
        found = path.lstat()
    except OSError:  # it went away, or nobody may read it
        return None
    plain = stat.S_ISREG(found.st_mode)  # a pipe would be waited for
    return Listed(path.name, found.st_size, found.st_mtime_ns) if plain else None


def content_of(path: Path) -> bytes:
    """A plain file's content, a byte more than the largest at most; OSError for anything else.

    What was listed as a file may be a link, or a pipe, by the time it is opened.
    """
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    with open(os.open(path, flags | getattr(os, "O_BINARY", 0)), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is no plain file")
        return file.read(LARGEST + 1)


def _ignored(name: str) -> bool:
    return name.startswith(FOREIGN) or name.endswith(UNFINISHED)


def mark_of(texts: list[str]) -> str:
    """A short hash of some texts, in their order."""
    return hashlib.sha256("\n".join(texts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _unreadable(folder: Path, what: str) -> InboxUnreadable:
    return InboxUnreadable(f"The folder {folder} {what}, or set another folder in [requests].")
