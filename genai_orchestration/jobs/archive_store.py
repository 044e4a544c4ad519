"""The archive: files by their content, below a folder or any address that fsspec knows.

    incoming() ─► a temporary name ─► the caller fills and checks it ─► keep()
        local     fsync, rename to <sha256[:2]>/<sha256>.<extension>, fsync of the folder
        elsewhere one PUT to that key, and its size compared

A name appears in one step with all of its bytes: a rename does that on a disk, and object stores
(S3, GCS, Azure) show an object only when its PUT, in parts or not, is complete, so that they need
no temporary key. What a crash leaves has a temporary name on the local disk, and is swept once
nobody has written to it for some hours. A name says what is in it: writing it twice is harmless.
"""

import contextlib
import os
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import fsspec

from genai_orchestration.jobs.archive_refusals import ArchiveUnusable
from genai_orchestration.private import private_folder
from genai_orchestration.settings import ARCHIVE_VARIABLE, Settings

STALE = 6 * 3600.0  # seconds without a write: a download is given up long before
PART = ".part"
QUARANTINE = "quarantine"  # what came later under an id whose content must not change
EXTRAS = {"s3": "s3"}  # protocols whose library is an extra of this project


class Store(Protocol):
    """Where finished files are kept."""

    def incoming(self) -> contextlib.AbstractContextManager[BinaryIO]:
        """A new empty file under a temporary name, gone after the with block unless kept."""

    def keep(self, file: BinaryIO, sha256: str, extension: str, *, quarantine: bool = False) -> str:
        """Put the complete file in its place; the path below the archive's address."""

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


def _place(sha256: str, extension: str, quarantine: bool) -> str:
    path = f"{sha256[:2]}/{sha256}.{extension}"
    return f"{QUARANTINE}/{path}" if quarantine else path


class LocalStore:
    """An archive in a folder of this computer, or of one that is mounted."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._staging = root / ".incoming"

    @contextlib.contextmanager
    def incoming(self) -> Iterator[BinaryIO]:
        """A temporary file on the archive's own disk."""
        with _in_words(str(self._root)):
            if not self._root.exists():  # a folder that is there already may be shared on purpose
                private_folder(self._root)
            with _temporary(self._staging) as file:
                yield file

    def keep(self, file: BinaryIO, sha256: str, extension: str, *, quarantine: bool = False) -> str:
        """On the disk before its name is: a crash leaves either all of it or no name."""
        path = _place(sha256, extension, quarantine)
        final = self._root / path
        file.flush()
        os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            if final.stat().st_size == os.fstat(file.fileno()).st_size:
                return path  # the same content is there
        final.parent.mkdir(parents=True, exist_ok=True)
        os.replace(file.name, final)
        _sync_folder(final.parent)
        return path

    def sweep(self) -> int:
        """Remove temporary files that nobody has written to for hours."""
        return _sweep(self._staging)

    def check(self) -> None:
        """A temporary file, in the nearest folder that there is."""
        with _in_words(str(self._root)):
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
        with _in_words(self._shown), _temporary(self._staging) as file:
            yield file

    def keep(self, file: BinaryIO, sha256: str, extension: str, *, quarantine: bool = False) -> str:
        """One PUT: the object is there as a whole, or not at all."""
        path = _place(sha256, extension, quarantine)
        key = f"{self._root}/{path}"
        file.flush()
        size = os.fstat(file.fileno()).st_size
        if self._size(key) != size:
            self._filesystem.put_file(file.name, key)
            if (stored := self._size(key)) != size:
                raise OSError(f"{stored} of {size} bytes are there")
        return path

    def sweep(self) -> int:
        """Remove temporary files of this computer that nobody has written to for hours."""
        return _sweep(self._staging)

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
def _temporary(folder: Path) -> Iterator[BinaryIO]:
    folder.mkdir(parents=True, exist_ok=True)
    name = str(folder / f"{uuid.uuid4().hex}{PART}")
    try:
        with open(name, "x+b") as file:
            yield file
    finally:
        with contextlib.suppress(FileNotFoundError):  # it has become an archived one
            os.unlink(name)


@contextlib.contextmanager
def _in_words(where: str) -> Iterator[None]:
    """Trouble with the disk or the object store, as a sentence without its credentials."""
    try:
        yield
    except Exception as error:
        modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
        if not (isinstance(error, OSError) or modules & {"botocore", "aiohttp"}):
            raise
        cause = getattr(error, "strerror", None) or type(error).__name__
        raise ArchiveUnusable(
            f"The archive {where} cannot be written ({cause}): mend that, or "
            f"set {ARCHIVE_VARIABLE} to a folder or an address that can be written to."
        ) from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(folder: Path) -> int:
    swept = 0
    for path in folder.glob(f"*{PART}"):
        with contextlib.suppress(FileNotFoundError):  # another process sweeps, too
            if time.time() - path.stat().st_mtime > STALE:
                path.unlink()
                swept += 1
    return swept
