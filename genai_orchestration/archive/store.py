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
import re
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import fsspec

from genai_orchestration.archive.folder import (
    PART,
    check_no_link,
    folder,
    open_file,
    size_of,
    sweep,
    temporary,
)
from genai_orchestration.archive.refusals import ArchiveUnusable
from genai_orchestration.doors.private import private_folder
from genai_orchestration.providers.refusals import NO_REASON, shown
from genai_orchestration.settings import ARCHIVE_VARIABLE, Settings
from genai_orchestration.warehouse.storage_errors import trouble_with

INCOMING = ".incoming"  # the folder of temporary files
QUARANTINE = "quarantine"  # what came later under an id whose content must not change
CREDENTIALS = re.compile(r"\S*@\S*")  # an address that holds some
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


def path_of(sha256: str, extension: str) -> str:
    """Where content is kept, below the archive's address."""
    return f"{sha256[:2]}/{sha256}.{extension}"


def quarantined(path: str) -> str:
    """Where it is kept when it is out of the way."""
    return f"{QUARANTINE}/{path}"


class LocalStore:
    """An archive in a folder of this computer, or of one that is mounted."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextlib.contextmanager
    def incoming(self) -> Iterator[BinaryIO]:
        """A temporary file on the archive's own disk."""
        with _in_words(str(self._root)):
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
        with _in_words(str(self._root)), contextlib.ExitStack() as stack:
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
            _in_words(str(self._root)),
            contextlib.suppress(FileNotFoundError),
            folder(self._root, *folders, make=False) as here,
            folder(self._root, *aside) as there,
        ):
            os.replace(name, name, src_dir_fd=here, dst_dir_fd=there)
            os.fsync(there)
            os.fsync(here)

    def sweep(self) -> int:
        """Remove temporary files that nobody has written to for hours."""
        with _in_words(str(self._root)):
            return sweep(self._root, INCOMING)

    def check(self) -> None:
        """A temporary file, in the nearest folder that there is."""
        with _in_words(str(self._root)):
            for name in (INCOMING, QUARANTINE):
                check_no_link(self._root / name)
            nearest = next(path for path in (self._root, *self._root.parents) if path.exists())
            tempfile.TemporaryFile(dir=nearest).close()


class ObjectStore:
    """An archive behind fsspec: an object store, or anything else that fsspec speaks."""

    def __init__(self, filesystem: Any, root: str, staging: Path) -> None:
        self._filesystem = filesystem
        self._root = root.rstrip("/")
        self._shown = self._root.rpartition("@")[2]  # without a key in the address
        self._staging = staging

    @contextlib.contextmanager
    def incoming(self) -> Iterator[BinaryIO]:
        """A temporary file on this computer's disk."""
        with _in_words(self._shown), temporary(self._staging.parent, self._staging.name) as file:
            yield file

    def keep(self, file: BinaryIO, sha256: str, extension: str, *, quarantine: bool = False) -> str:
        """One PUT: the object is there as a whole, or not at all."""
        plain = path_of(sha256, extension)
        path = quarantined(plain) if quarantine else plain
        key = f"{self._root}/{path}"
        file.flush()
        size = os.fstat(file.fileno()).st_size
        if self._size(key) != size:
            self._filesystem.put_file(file.name, key)
            if (stored := self._size(key)) != size:
                raise ArchiveUnusable(
                    f"The archive {self._shown} has kept {stored or 0:,} of {size:,} bytes of "
                    f"{path}: see what is wrong there, and archive it again."
                )
        return path

    @contextlib.contextmanager
    def open(self, path: str) -> Iterator[BinaryIO | None]:
        """The object, a piece at a time."""
        key = f"{self._root}/{path}"
        with _in_words(self._shown):
            if self._size(key) is None:
                yield None
                return
            with self._filesystem.open(key, "rb") as file:
                yield file

    def quarantine(self, path: str) -> None:
        """A copy, then the object is removed: it is never nowhere."""
        here, there = f"{self._root}/{path}", f"{self._root}/{quarantined(path)}"
        with _in_words(self._shown), contextlib.suppress(FileNotFoundError):
            self._filesystem.cp_file(here, there)
            self._filesystem.rm_file(here)

    def sweep(self) -> int:
        """Remove temporary files of this computer that nobody has written to for hours."""
        with _in_words(self._shown):
            return sweep(self._staging.parent, self._staging.name)

    def check(self) -> None:
        """A small object, which is removed again."""
        key = f"{self._root}/{uuid.uuid4().hex}{PART}"
        with _in_words(self._shown):
            self._filesystem.pipe_file(key, b"a check of genai doctor")
            self._filesystem.rm_file(key)

    def _size(self, key: str) -> int | None:
        try:
            return int(self._filesystem.info(key)["size"])
        except FileNotFoundError:
            return None


@contextlib.contextmanager
def _in_words(where: str) -> Iterator[None]:
    """Trouble with the disk or the object store, as a sentence without its credentials."""
    try:
        yield
    except Exception as error:
        modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
        if not (isinstance(error, OSError) or modules & {"botocore", "aiohttp"}):
            raise
        trouble = trouble_with(error, Path(where))
        words = CREDENTIALS.sub("***", shown(str(error))) or NO_REASON
        raise ArchiveUnusable(
            f"The archive {where} cannot be written ({getattr(error, 'strerror', None) or words}): "
            f"{trouble.remedy if trouble else 'correct that'}, or set {ARCHIVE_VARIABLE} to a "
            "folder or an address that can be written to."
        ) from None
