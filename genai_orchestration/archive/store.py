"""The archive: files by their content, below a folder or any address that fsspec knows.

    incoming() ─► a temporary name ─► the caller fills and checks it ─► keep()
        local     fsync, rename to <sha256[:2]>/<sha256>.<extension>, fsync of the folder
        elsewhere one PUT to that key, and its size compared

No symbolic link inside the archive is followed: what is behind one is not the archive's. The
archive's own folder may be reached by one.

A name appears in one step with all of its bytes: a rename does that on a disk, and object stores
(S3, GCS, Azure) show an object only when its PUT, in parts or not, is complete, so that they need
no temporary key. What a crash leaves has a temporary name on the local disk, and is swept once
nobody has written to it for some hours. A name says what is in it: writing it twice is harmless.
"""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

import fsspec

from genai_orchestration.archive.folder import (
    QUARANTINE,
    check_no_link,
    folder,
    open_file,
    path_of,
    quarantined,
    size_of,
    sweep,
    temporary,
)
from genai_orchestration.archive.object_store import ObjectStore
from genai_orchestration.archive.refusals import ArchiveUnusable, translate_archive_errors
from genai_orchestration.doors.private import private_folder
from genai_orchestration.settings import ARCHIVE_VARIABLE, Settings

INCOMING = ".incoming"  # the folder of temporary files
EXTRAS = {"s3": "s3"}  # protocols whose library is an extra of this project


class Store(Protocol):
    """Where finished files are kept."""

    def incoming(self) -> contextlib.AbstractContextManager[BinaryIO]:
        """A new empty file under a temporary name, gone after the with block unless kept."""

    def keep(self, file: BinaryIO, sha256: str, extension: str, *, quarantine: bool = False) -> str:
        """Put the complete file in its place; the path below the archive's address."""

    def open(self, path: str) -> contextlib.AbstractContextManager[BinaryIO | None]:
        """What is kept under that path, to be read; None when there is nothing."""

    def quarantine(self, path: str) -> None:
        """Move what is kept under that path out of the way; nothing happens where nothing is."""

    def sweep(self) -> int:
        """Remove the temporary files of processes that died; how many."""

    def check(self) -> None:
        """ArchiveUnusable says why nothing could be kept here; nothing is left behind."""


def open_store(settings: Settings) -> Store:
    """The configured archive; ArchiveUnusable says why there is none."""
    address = settings.archive
    if "://" not in address:
        return LocalStore(Path(address))
    protocol = address.partition("://")[0]
    try:
        filesystem, root = fsspec.url_to_fs(
            address, use_listings_cache=False, skip_instance_cache=True
        )
    except (ImportError, ValueError):
        known = EXTRAS.get(protocol)
        package = f"'genai_orchestration[{known}]'" if known else "fsspec's package for it"
        raise ArchiveUnusable(
            f"The archive's protocol {protocol}:// is not installed: run pip install {package}, "
            f"or set {ARCHIVE_VARIABLE} to a folder."
        ) from None
    if protocol in ("file", "local"):
        return LocalStore(Path(root))
    return ObjectStore(filesystem, root, settings.home / "incoming")


class LocalStore:
    """An archive in a folder of this computer, or of one that is mounted."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextlib.contextmanager
    def incoming(self) -> Iterator[BinaryIO]:
        """A temporary file on the archive's own disk."""
        with translate_archive_errors(str(self._root)):
            if not self._root.exists():  # a folder that is there already may be shared on purpose
                private_folder(self._root)
            with temporary(self._root, INCOMING) as file:
                yield file

    def keep(self, file: BinaryIO, sha256: str, extension: str, *, quarantine: bool = False) -> str:
        """On the disk before its name is: a crash leaves either all of it or no name."""
        plain = path_of(sha256, extension)
        path = quarantined(plain) if quarantine else plain
        *folders, name = path.split("/")
        file.flush()
        os.fsync(file.fileno())
        with folder(self._root, *folders) as there, folder(self._root, INCOMING) as incoming:
            if size_of(name, there) != os.fstat(file.fileno()).st_size:
                temporary = os.path.basename(file.name)
                os.replace(temporary, name, src_dir_fd=incoming, dst_dir_fd=there)
                os.fsync(there)
        return path

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[BinaryIO | None]:
        """The file, which is no link, nor behind one."""
        *folders, name = path.split("/")
        found = None
        with translate_archive_errors(str(self._root)), contextlib.ExitStack() as stack:
            with contextlib.suppress(FileNotFoundError):
                handle = stack.enter_context(folder(self._root, *folders, make=False))
                if size_of(name, handle) is not None:
                    found = stack.enter_context(open_file(self._root / path, handle, "rb"))
            yield found

    def quarantine(self, path: str) -> None:
        """One rename: another process finds it at either place."""
        *folders, name = path.split("/")
        aside = quarantined(path).split("/")[:-1]
        with (
            translate_archive_errors(str(self._root)),
            contextlib.suppress(FileNotFoundError),
            folder(self._root, *folders, make=False) as here,
            folder(self._root, *aside) as there,
        ):
            os.replace(name, name, src_dir_fd=here, dst_dir_fd=there)
            os.fsync(there)
            os.fsync(here)

    def sweep(self) -> int:
        """Remove temporary files that nobody has written to for hours."""
        with translate_archive_errors(str(self._root)):
            return sweep(self._root, INCOMING)

    def check(self) -> None:
        """A temporary file, in the nearest folder that there is."""
        with translate_archive_errors(str(self._root)):
            for name in (INCOMING, QUARANTINE):
                check_no_link(self._root / name)
            nearest = next(path for path in (self._root, *self._root.parents) if path.exists())
            tempfile.TemporaryFile(dir=nearest).close()
