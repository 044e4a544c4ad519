"""Finished files into the archive: 16 at a time, each one checked, kept once, told of by a row.

    Wanted ─► its addresses, one after the other ─► fetched to a temporary name ─► what is it?
                                                                                      │
     row: archived ◄── kept by its content ◄── the same as ever under its id? ◄───────┤
     row: refused  ◄── it, or where it is, is not what it should be ◄─────────────────┤
     row: failed   ◄── it could not be had this time ◄────────────────────────────────┘

Whose files, and which of them are there already, does not belong here.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, MutableMapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from genai_orchestration.errors import PlainError
from genai_orchestration.jobs.archive_checks import content_of
from genai_orchestration.jobs.archive_fetch import Fetched, Fetcher
from genai_orchestration.jobs.archive_refusals import NotFetched, Refused
from genai_orchestration.jobs.archive_rows import FileRow
from genai_orchestration.jobs.archive_store import Store
from genai_orchestration.providers.files import RemoteFile, unsigned

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
    trouble: PlainError | None = None  # why its addresses are not known


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
        with ThreadPoolExecutor(AT_ONCE) as executor:
            try:
                for each in wanted:
                    running.add(executor.submit(self._row, each))
                    if len(running) >= AHEAD:
                        done, running = wait(running, return_when=FIRST_COMPLETED)
                        yield from (future.result() for future in done)
                while running:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            finally:
                executor.shutdown(cancel_futures=True)

    def _row(self, wanted: Wanted) -> FileRow:
        try:
            if wanted.trouble:
                raise wanted.trouble
            return self._from_any(wanted)
        except Refused as error:
            return self._not_kept(wanted, "refused", str(error))
        except NotFetched as error:
            return self._not_kept(wanted, "failed", str(error))

    def _from_any(self, wanted: Wanted) -> FileRow:
        """From the first address that has it; the reasons of all when none has."""
        errors: list[Refused | NotFetched] = []
        for source in wanted.file.sources:
            try:
                return self._from(source, wanted)
            except (Refused, NotFetched) as error:
                errors.append(error)
        words = " ".join(dict.fromkeys(map(str, errors))) or "The provider gives no address of it."
        refused = bool(errors) and all(isinstance(error, Refused) for error in errors)
        raise Refused(words) if refused else NotFetched(words)

    def _from(self, source: str, wanted: Wanted) -> FileRow:
        with self.store.incoming() as file:
            fetched = self.fetcher.fetch(source, file)
            content = content_of(file, picture=wanted.file.picture)
            self._same_as_ever(wanted, fetched, file, content.extension)
            path = self.store.keep(file, fetched.sha256, content.extension)
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

    def _same_as_ever(
        self, wanted: Wanted, fetched: Fetched, file: BinaryIO, extension: str
    ) -> None:
        """Refused, and the file in quarantine, when other content was seen under its id."""
        id_ = wanted.file.file_id if wanted.file.constant else None
        first = self.known.setdefault(id_, fetched.sha256) if id_ else fetched.sha256
        if first != fetched.sha256:
            path = self.store.keep(file, fetched.sha256, extension, quarantine=True)
            raise Refused(
                f"The content of {id_}, which never changes, has changed: it was {first[:12]}, and "
                f"is {fetched.sha256[:12]} now, which is kept as {path}. Ask the provider."
            )

    def _not_kept(self, wanted: Wanted, state: Any, reason: str) -> FileRow:
        """What is in the archive stays there, whatever has become of its source."""
        row = self._bare(wanted, next(iter(wanted.file.sources), None))
        before = wanted.before
        if before and before.state == "archived":
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
            attempts=(wanted.before.attempts if wanted.before else 0) + 1,
            tried_at=self.now(),
            file_id=wanted.file.file_id,
            source_url=unsigned(source) if source else None,
            request_key=wanted.request_key,
            date_created=wanted.date_created,
        )
