"""The archive behind fsspec: an object store such as S3, or anything else that fsspec speaks."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from genai_orchestration.archive.folder import PART, path_of, quarantined, sweep, temporary
from genai_orchestration.archive.refusals import ArchiveUnusable, translate_archive_errors


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
        with (
            translate_archive_errors(self._shown),
            temporary(self._staging.parent, self._staging.name) as file,
        ):
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
        with translate_archive_errors(self._shown):
            if self._size(key) is None:
                yield None
                return
            with self._filesystem.open(key, "rb") as file:
                yield file

    def quarantine(self, path: str) -> None:
        """A copy, then the object is removed: it is never nowhere."""
        here, there = f"{self._root}/{path}", f"{self._root}/{quarantined(path)}"
        with translate_archive_errors(self._shown), contextlib.suppress(FileNotFoundError):
            self._filesystem.cp_file(here, there)
            self._filesystem.rm_file(here)

    def sweep(self) -> int:
        """Remove temporary files of this computer that nobody has written to for hours."""
        with translate_archive_errors(self._shown):
            return sweep(self._staging.parent, self._staging.name)

    def check(self) -> None:
        """A small object, which is removed again."""
        key = f"{self._root}/{uuid.uuid4().hex}{PART}"
        with translate_archive_errors(self._shown):
            self._filesystem.pipe_file(key, b"a check of genai doctor")
            self._filesystem.rm_file(key)

    def _size(self, key: str) -> int | None:
        try:
            return int(self._filesystem.info(key)["size"])
        except FileNotFoundError:
            return None
