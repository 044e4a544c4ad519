"""The settings of the inbox: where new paid requests come from, and what holds for all of them.

[requests]          folder | database and table; provider, operation, campaign;
                    submit, approve_in_runs
[requests.columns]  <column> = what it means, as `genai requests import --column` says it

Nothing is read of the folder or the database here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genai_orchestration.providers.refusals import WrongSetting
from genai_orchestration.providers.sources import configured
from genai_orchestration.providers.wording import quote_value
from genai_orchestration.requests.file import Columns

SECTION = "requests"
NOWHERE = (
    f"No place for new requests is set: set folder, or database and table, in [{SECTION}] of "
    f".dlt/config.toml, or {SECTION.upper()}__FOLDER."
)


@dataclass(frozen=True, kw_only=True)
class InboxSettings:
    """Where requests come from: a folder, or a table of a database, or (both None) nowhere."""

    folder: Path | None = None
    database: str | None = field(default=None, repr=False)  # may hold a password
    table: str | None = None
    columns: Columns = field(default_factory=Columns)
    submit: bool = False  # whether what a person has approved is submitted without being asked
    approve_in_runs: bool = False  # whether the configuration of a run may approve its requests

    @classmethod
    def load(cls) -> "InboxSettings":
        """The settings of dlt's configuration; WrongSetting names the one to fix."""
        folder, database, table = _text("folder"), _text("database"), _text("table")
        if folder and database:
            raise _wrong("folder and database are both set", "remove one of them")
        if bool(database) != bool(table):
            there, missing = ("database", "table") if database else ("table", "database")
            raise _wrong(f"{there} is set without {missing}", f"set {missing} as well")
        return cls(
            folder=Path(folder).expanduser().absolute() if folder else None,
            database=database,
            table=table,
            columns=Columns(
                mapping=_columns(),
                provider=_text("provider"),
                operation=_text("operation"),
                campaign=_text("campaign"),
            ),
            submit=_flag("submit"),
            approve_in_runs=_flag("approve_in_runs"),
        )

    @property
    def anywhere(self) -> bool:
        """Whether there is a place at all."""
        return self.folder is not None or self.database is not None


def _text(name: str) -> str | None:
    value = configured(f"{SECTION}.{name}")
    if value is None or isinstance(value, str):
        return (value or "").strip() or None
    raise _wrong(f"{name} is {quote_value(value)}, which is no text", "put it in quotes")


def _flag(name: str) -> bool:
    value = configured(f"{SECTION}.{name}")
    words: Mapping[str, bool] = {"true": True, "false": False, "": False, "none": False}
    found = words.get(str(value).strip().lower())
    if found is None:  # about money nothing is guessed
        raise _wrong(f"{name} is {quote_value(value)}", "write true or false")
    return found


def _columns() -> dict[str, str]:
    value: Any = configured(f"{SECTION}.columns")
    if isinstance(value, str) and value.strip():  # from the environment
        try:
            value = json.loads(value)
        except ValueError:
            value = [value]
    if not value:
        return {}
    if isinstance(value, Mapping) and all(isinstance(meant, str) for meant in value.values()):
        return {str(name): str(meant) for name, meant in value.items()}
    raise _wrong(
        "columns is no mapping of names",
        'write [requests.columns] and below it lines such as "Prompt text" = "prompt"',
    )


def _wrong(what: str, remedy: str) -> WrongSetting:
    return WrongSetting(f"In [{SECTION}], {what}: {remedy}.")
