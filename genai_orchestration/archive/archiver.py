"""Finished files into the archive: 16 at a time, each one checked, kept once, with a row.

    Wanted ─► its addresses, one after the other ─► fetched to a temporary name ─► what is it?
                                                                                      │
     row: archived ◄── kept by its content ◄── the same as ever under its id? ◄───────┤
     row: refused  ◄── it, or where it is, is not what it should be ◄─────────────────┤
     row: failed   ◄── it could not be had this time, or not all of it ◄──────────────┤
     row: failed, at the tenth run refused ◄── a server's words in place of it ◄──────┘

What an earlier version kept of a file, half of it, makes way for the whole one: the half goes to
quarantine, whether the file's content may change or not.

Whose files, and which of them are there already, does not belong here.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, MutableMapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from genai_orchestration.archive.checks import Content, content_of
from genai_orchestration.archive.fetch import Fetched, Fetcher
from genai_orchestration.archive.folder import path_of, quarantined
from genai_orchestration.archive.refusals import (
    UNEXPECTED_RUNS,
    FileRefused,
    NotFetched,
    UnexpectedAnswer,
)
from genai_orchestration.archive.rows import FileRow
from genai_orchestration.archive.store import Store
from genai_orchestration.errors import UserError
from genai_orchestration.providers.files import RemoteFile, strip_query

AT_ONCE = 16
AHEAD = 2 * AT_ONCE  # files that are taken from the list before one of them is done


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A file to be archived, and the job that made it."""

    job_id: str
    kind: str
    file: RemoteFile
    request_key: str | None = None
    date_created: datetime | None = None
    before: FileRow | None = None  # what became of it so far
    trouble: UserError | None = None  # why its addresses are not known


@dataclass(frozen=True, kw_only=True)
class Archiver:
    """Where files come from and go to. `known` is the content behind each file id so far."""

    fetcher: Fetcher
    store: Store
    known: MutableMapping[str, str]
    now: Callable[[], datetime]

    def archive(self, wanted: Iterable[Wanted]) -> Iterator[FileRow]:
        """A row for each file, as they are done; the list is read no further than it has to be."""
        running: set[Future[FileRow]] = set()
        executor = ThreadPoolExecutor(AT_ONCE)
        try:
            for each in wanted:
                running.add(executor.submit(self._row, each))
                if len(running) >= AHEAD:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:  # an interrupt does not wait for what is being fetched
            executor.shutdown(wait=False, cancel_futures=True)

    def _row(self, wanted: Wanted) -> FileRow:
        try:
            if wanted.trouble:
                raise wanted.trouble
            return self._from_any(wanted)
        except FileRefused as error:
            return self._not_kept(wanted, "refused", str(error))
        except UnexpectedAnswer as error:
            final = _runs(wanted) >= UNEXPECTED_RUNS
            return self._not_kept(wanted, "refused" if final else "failed", str(error))
        except NotFetched as error:
            return self._not_kept(wanted, "failed", str(error))

    def _from_any(self, wanted: Wanted) -> FileRow:
        """From the first address that has it; the reasons of all when none has."""
        errors: list[FileRefused | NotFetched] = []
        for source in wanted.file.sources:
            try:
                return self._from(source, wanted)
            except (FileRefused, NotFetched) as error:
                errors.append(error)
        if not errors:
            raise UnexpectedAnswer("The provider gives no address of it.")
        kinds = [FileRefused, UnexpectedAnswer, NotFetched]  # the mildest of them is the verdict
        verdict = max(map(type, errors), key=kinds.index)
        raise verdict(" ".join(dict.fromkeys(map(str, errors))))

    def _from(self, source: str, wanted: Wanted) -> FileRow:
        with self.store.incoming() as file:
            fetched = self.fetcher.fetch(source, file)
            content = _content(file, wanted.file, fetched)
            halves = self._halves(wanted, fetched, file, content.extension)
            path = self.store.keep(file, fetched.sha256, content.extension)
        for half in halves:
            self.store.quarantine(half)
        kept: dict[str, Any] = {
            "sha256": fetched.sha256,
            "bytes": fetched.bytes,
            "content_type": content.content_type,
            "width": content.width,
            "height": content.height,
            "archived_path": path,
        }
        first = wanted.before.archived_at if wanted.before else None
        return dataclasses.replace(
            self._bare(wanted, source), archived_at=first or self.now(), **kept
        )

    def _halves(
        self, wanted: Wanted, fetched: Fetched, file: BinaryIO, extension: str
    ) -> Sequence[str]:
        """Paths of what was kept of the file before and is cut off: the new content replaces it.

        FileRefused, with the new content in quarantine, when other whole content was seen under
        an id whose content never changes.
        """
        before, kept = wanted.before, dict[str, str]()
        if before and before.sha256 and before.archived_path:
            kept[before.sha256] = before.archived_path
        id_ = wanted.file.file_id if wanted.file.constant else None
        first = self.known.setdefault(id_, fetched.sha256) if id_ else fetched.sha256
        if first != fetched.sha256:
            kept.setdefault(first, path_of(first, extension))
        kept.pop(fetched.sha256, None)
        halves = {sha: path for sha, path in kept.items() if self._is_half(path, wanted.file)}
        if id_ and first != fetched.sha256:
            if first not in halves:
                path = self.store.keep(file, fetched.sha256, extension, quarantine=True)
                raise FileRefused(
                    f"The content of {id_}, which never changes, has changed: it was {first[:12]}, "
                    f"and is {fetched.sha256[:12]} now, which is kept as {path}. Ask the provider."
                )
            self.known[id_] = fetched.sha256
        return list(halves.values())

    def _is_half(self, path: str, file: RemoteFile) -> bool:
        """Whether what is kept, or is in quarantine, under that path is cut off."""
        for place in (path, quarantined(path)):
            with self.store.open(place) as kept:
                if kept:
                    return not _is_whole(kept, file)
        return False

    def _not_kept(self, wanted: Wanted, state: Any, reason: str) -> FileRow:
        """What is in the archive stays there, whatever has become of its source."""
        row = self._bare(wanted, next(iter(wanted.file.sources), None))
        before = wanted.before
        if before and before.state == "archived":
            if before.archived_path and self._is_half(before.archived_path, wanted.file):
                reason = f"{reason} What is kept of it is cut off."
            return dataclasses.replace(
                before, reason=reason, attempts=row.attempts, tried_at=row.tried_at
            )
        return dataclasses.replace(row, state=state, reason=reason)

    def _bare(self, wanted: Wanted, source: str | None) -> FileRow:
        return FileRow(
            job_id=wanted.job_id,
            kind=wanted.kind,
            role=wanted.file.role,
            state="archived",
            attempts=_runs(wanted),
            tried_at=self.now(),
            file_id=wanted.file.file_id,
            source_url=strip_query(source) if source else None,
            request_key=wanted.request_key,
            date_created=wanted.date_created,
        )


def _runs(wanted: Wanted) -> int:
    """Runs that have asked for the file, this one included."""
    return (wanted.before.attempts if wanted.before else 0) + 1


def _content(file: BinaryIO, wanted: RemoteFile, fetched: Fetched) -> Content:
    try:
        return content_of(file, picture=wanted.picture)
    except FileRefused as error:
        if not fetched.packed:
            raise
        raise FileRefused(f"{error} The server has packed it, which was not asked for.") from None


def _is_whole(kept: BinaryIO, file: RemoteFile) -> bool:
    try:
        content_of(kept, picture=file.picture)
    except NotFetched:
        return False
    except FileRefused:
        pass  # by a rule that is newer than the file
    return True
