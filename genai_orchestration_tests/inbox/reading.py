"""An inbox that is read into a ledger, and the files that are put into its folder."""

import os
import time
from datetime import datetime, timezone
from pathlib import Path

from genai_orchestration.inbox.inbox import Found, Inbox, Memory
from genai_orchestration.inbox.settings import InboxSettings
from genai_orchestration.ledger import Ledger
from genai_orchestration.providers import all_providers
from genai_orchestration.requests.file import Columns
from genai_orchestration.requests.request import operations_of

OPERATIONS = operations_of(all_providers())
FOX = Columns(provider="imagine_api")
HEADER = "prompt,request_key\n"


def put(folder: Path, name: str, text: str | bytes, *, age: float = 60) -> Path:
    """A file that was written that many seconds ago."""
    file = folder / name
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    os.utime(file, (time.time() - age,) * 2)
    return file


def read(
    ledger: Ledger,
    place: Path | tuple[str, str],
    memory: Memory | None = None,
    *,
    columns: Columns = FOX,
    late: bool = False,
) -> Found:
    settings = (
        InboxSettings(folder=place, columns=columns)
        if isinstance(place, Path)
        else InboxSettings(database=place[0], table=place[1], columns=columns)
    )
    now = datetime.now(timezone.utc)
    inbox = Inbox(settings=settings, ledger=ledger, operations=OPERATIONS, now=now)
    return inbox.read(memory or Memory(), lambda: late)


def keys(ledger: Ledger) -> list[str]:
    return sorted(each.request_key for each in ledger.requests())
