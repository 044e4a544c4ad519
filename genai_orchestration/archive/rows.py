"""What became of each file: the row of `asset_file`, its journal, and its dlt source.

a file is in its place ─► a line in the journal ─► some hundreds of them ─► the warehouse
                          a crash here loses nothing: the next archiver reads the journal first
"""

import contextlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Literal

import orjson
from dlt.extract import DltSource

from genai_orchestration.errors import counted
from genai_orchestration.providers.base import Provider, Table
from genai_orchestration.providers.rows import to_arrow
from genai_orchestration.providers.sources import resource, source_of
from genai_orchestration.settings import Settings

# dismissed: it was refused, or its job has none, and a person has seen that
FileState = Literal["archived", "refused", "dismissed", "failed"]
FIRST_REST = timedelta(minutes=1)  # after the first attempt that failed; then twice as long
LONGEST_REST = timedelta(hours=6)  # several attempts within the day that some addresses last
TIMES = ("archived_at", "tried_at", "date_created")
NO_FILE = "none"  # the role in the row of a job that has no file, once that is dismissed


@dataclass(frozen=True, kw_only=True)
class FileRow:
    """A row of `asset_file`; see there."""

    job_id: str
    kind: str
    role: str
    state: FileState
    attempts: int  # runs that have asked for it
    tried_at: datetime
    file_id: str | None = None
    source_url: str | None = None
    sha256: str | None = None
    bytes: int | None = None
    content_type: str | None = None
    width: int | None = None
    height: int | None = None
    archived_path: str | None = None
    archived_at: datetime | None = None
    reason: str | None = None
    request_key: str | None = None
    date_created: datetime | None = None  # of its job, where the table is by day

    @property
    def is_final(self) -> bool:
        """Whether nothing more is done about it by itself."""
        return self.state != "failed"

    @property
    def due_at(self) -> datetime:
        """When a failed file is asked for again."""
        return self.tried_at + rest_after(self.attempts)

    def due(self, now: datetime) -> bool:
        """Whether a failed file has rested long enough."""
        return self.due_at <= now

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "FileRow":
        """The row of a journal's line, or of the warehouse."""
        moments = {name: _moment(values.get(name)) for name in TIMES}
        return cls(**{**values, **moments})


def rest_after(attempts: int) -> timedelta:
    """How long a file rests after that many failures: 1 minute, 2, 4, ... up to six hours."""
    return min(FIRST_REST * (1 << min(max(attempts - 1, 0), 20)), LONGEST_REST)


def due_sql(now: datetime) -> str:
    """`FileRow.due` of failed files as a condition on rows of `asset_file`, on any destination."""
    longest = next(n for n in itertools.count(1) if rest_after(n) == LONGEST_REST)
    rested = [
        f"attempts {sign} {attempts} AND tried_at <= TIMESTAMPTZ '{now - rest_after(attempts)}'"
        for attempts, sign in ((1, "<="), *((n, "=") for n in range(2, longest)), (longest, ">="))
    ]
    return f"(state = 'failed' AND ({' OR '.join(rested)}))"


def _moment(value: Any) -> datetime | None:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.astimezone(timezone.utc) if moment else None


class Journal:
    """The rows that are not in the warehouse yet, in a file; for one process at a time."""

    def __init__(self, settings: Settings, provider: Provider) -> None:
        self.path = settings.home / "archive-journal" / f"{provider.name}.jsonl"

    def add(self, rows: Iterable[FileRow]) -> None:
        """Write rows down, to outlive this process; what a power cut takes is fetched again."""
        lines = b"".join(orjson.dumps(row) + b"\n" for row in rows)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "ab") as file:
            file.write(lines)

    def rows(self) -> list[FileRow]:
        """What was written down; half a line, left by a crash, does not count."""
        try:
            lines = self.path.read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        found: dict[tuple[str, str], FileRow] = {}
        for line in lines:
            with contextlib.suppress(orjson.JSONDecodeError, TypeError):
                row = FileRow.of(orjson.loads(line))
                found[row.job_id, row.role] = row
        return list(found.values())

    def clear(self) -> None:
        """Forget what is in the warehouse now."""
        self.path.unlink(missing_ok=True)


def files_source(provider: Provider, table: Table, rows: Sequence[FileRow]) -> DltSource:
    """The rows as a dlt source; without any, the table is there all the same, to be asked."""
    return source_of(provider, resource(table, lambda: _pages(table, rows)))


def _pages(table: Table, rows: Sequence[FileRow]) -> Iterator[Any]:
    values = [{name: getattr(row, name) for name in table.columns} for row in rows]
    yield to_arrow(values, table.columns)


@dataclass
class Archived:
    """What an archiver has done."""

    files: int = 0  # that are in the archive now
    bytes: int = 0
    refused: Counter[str] = field(default_factory=Counter)  # by reason
    failed: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)  # archived ones, seen again
    resting: int = 0  # that failed before, and are not asked for again yet
    dismissed: int = 0  # refused before, or jobs without a file: a person has seen them

    def count(self, row: FileRow) -> None:
        """Add a file."""
        if row.state == "archived":
            self.files += 1
            self.bytes += row.bytes or 0
        words = {"archived": self.changed, "refused": self.refused, "failed": self.failed}
        if row.reason:
            words[row.state][row.reason] += 1

    def __str__(self) -> str:
        parts = [f"{counted(self.files, 'file')} archived ({self.bytes / 1e6:,.1f} MB)"]
        for number, word in (
            (self.refused.total(), "refused"),
            (self.failed.total(), "failed, to be asked for again"),
            (self.resting, "failed before and resting"),
            (self.dismissed, "dismissed"),
            (self.changed.total(), "archived before, and not the same any more"),
        ):
            parts += [f"{number:,} {word}"] if number else []
        return ", ".join(parts) + "."
