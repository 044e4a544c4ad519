"""State is for its owner alone: 0700 for folders, 0600 for files, where the system has modes.

Prompts, prices, and what was sent for money are nobody else's. What an earlier version left open
is closed when it is next used, as far as it belongs to this user.
"""

import contextlib
import os
import stat
from pathlib import Path

OTHERS = stat.S_IRWXG | stat.S_IRWXO


def private_folder(folder: Path) -> Path:
    """The folder, made with its parents if need be, which only its owner may enter."""
    folder.mkdir(mode=stat.S_IRWXU, parents=True, exist_ok=True)
    close(folder)
    return folder


def close(path: Path) -> None:
    """Take others' rights to a file or a folder away; nothing happens to what is not one's own.

    A folder that everybody writes to by design, such as /tmp, stays as it is.
    """
    with contextlib.suppress(OSError):  # it is not there, or on a file system without modes
        found = path.stat()
        mode = stat.S_IMODE(found.st_mode)
        if found.st_uid == os.geteuid() and mode & OTHERS and not mode & stat.S_ISVTX:
            path.chmod(mode & ~OTHERS)


def is_open(path: Path) -> bool:
    """Whether others than its owner may read the file."""
    try:
        return bool(path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH))
    except OSError:
        return False
