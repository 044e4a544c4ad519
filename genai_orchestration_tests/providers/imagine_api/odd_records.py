"""Records as servers of other people have them: fields that the sandbox shows in another form."""

from collections.abc import Callable, Collection
from typing import Any

import pytest

from genai_orchestration.providers.imagine_api.sandbox import record
from genai_orchestration.providers.imagine_api.sandbox.record import Row


def show(
    monkeypatch: pytest.MonkeyPatch, field: str, read: Callable[[Row], Any], kind: str = "string"
) -> None:
    """From now on the server holds in `field` what `read` makes of an image."""
    kind = record.READABLE[field][0] if field in record.READABLE else kind
    monkeypatch.setitem(record.READABLE, field, (kind, read))
    monkeypatch.setitem(record.READERS, field, read)


def respell(monkeypatch: pytest.MonkeyPatch, spelling: Callable[[str], str]) -> None:
    """The server writes its status words in another way."""
    show(monkeypatch, "status", lambda row: spelling(row.state.status))


def hide_dates(monkeypatch: pytest.MonkeyPatch, ids: Collection[str]) -> None:
    """These images have no `date_created`."""
    show(
        monkeypatch,
        "date_created",
        lambda row: None if row.image.id in ids else row.image.date_created,
    )
