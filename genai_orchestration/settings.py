"""Where this project keeps its state, and which warehouse it loads into.

Environment variables decide: GENAI_HOME (a folder), GENAI_DESTINATION (a dlt destination's name),
GENAI_LEDGER (the address of the ledger's database), GENAI_ARCHIVE (the folder or fsspec address of
the archive), GENAI_ARCHIVE_LIMIT (megabytes of its largest file) and GENAI_HOSTS (names under which
a proxy is asked). A relative path is relative to the folder where the command was typed, and is
absolute from then on. Keys, addresses and credentials of providers and warehouses are dlt's own
configuration, not ours.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from genai_orchestration.errors import UserError

HOME_VARIABLE = "GENAI_HOME"
DESTINATION_VARIABLE = "GENAI_DESTINATION"
LEDGER_VARIABLE = "GENAI_LEDGER"
ARCHIVE_VARIABLE = "GENAI_ARCHIVE"
LIMIT_VARIABLE = "GENAI_ARCHIVE_LIMIT"
HOSTS_VARIABLE = "GENAI_HOSTS"
LARGEST = 100  # megabytes of an archived file: a 2048 px grid has 8, a minute of video 60
UNFIT = "'%?#\\"
# SQLAlchemy's address of a SQLite file in a relative path: its beginning, and the path
RELATIVE_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|file:|:memory:)([^?]+)")


class UnfitHome(UserError):
    """GENAI_HOME is a path that the libraries below cannot take."""


class UnfitPath(UserError):
    """A setting's path does not say where it is."""


class UnfitLimit(UserError):
    """GENAI_ARCHIVE_LIMIT is not a number of megabytes."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The folder of the local state, absolute, the name of a dlt destination, and the ledger."""

    home: Path
    destination: str = "duckdb"
    # SQLAlchemy's address of the ledger's database, which may hold a password; None: a file
    ledger_address: str | None = field(default=None, repr=False)
    # a folder, or an address that fsspec knows, which may hold a password; None: a folder in home
    archive_address: str | None = field(default=None, repr=False)
    archive_megabytes: str = str(LARGEST)  # of one file, as it is configured

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings from `environment` (the process's own when None)."""
        env = os.environ if environment is None else environment
        home = _absolute(HOME_VARIABLE, env.get(HOME_VARIABLE) or ".genai")
        if set(UNFIT) & set(str(home)):
            raise UnfitHome(
                f"{HOME_VARIABLE} {home} has one of {' '.join(UNFIT)} in it, which DuckDB and dlt "
                "take for something else: choose another folder."
            )
        return cls(
            home=home,
            destination=destination_name(env),
            ledger_address=_absolute_database(env.get(LEDGER_VARIABLE) or ""),
            archive_address=_absolute_place(env.get(ARCHIVE_VARIABLE) or ""),
            archive_megabytes=env.get(LIMIT_VARIABLE) or str(LARGEST),
        )

    def environment(self) -> dict[str, str]:
        """The variables by which another process loads the same settings, in whatever folder."""
        return {
            HOME_VARIABLE: str(self.home),
            DESTINATION_VARIABLE: self.destination,
            LEDGER_VARIABLE: self.ledger_address or "",
            ARCHIVE_VARIABLE: self.archive_address or "",
            LIMIT_VARIABLE: self.archive_megabytes,
        }

    @property
    def places(self) -> str:
        """Where everything is kept, as a sentence without a password."""
        file = self.destination == "duckdb"
        warehouse = self.warehouse if file else f"the destination {self.destination}"
        return (
            f"State is kept in {self.home}: the ledger is {self.ledger_shown}, the warehouse "
            f"{warehouse}, the archive {self.archive_shown}."
        )

    @property
    def warehouse(self) -> Path:
        """The DuckDB file, when DuckDB is the destination."""
        return self.home / "warehouse.duckdb"

    @property
    def ledger(self) -> Path:
        """The ledger's SQLite file, when no database is named for it."""
        return self.home / "ledger.db"

    @property
    def archive(self) -> str:
        """The archive of finished files: a folder, or an address that fsspec knows.

        UnfitPath for a folder that begins with somebody's home folder that is not known.
        """
        if self.archive_address and "://" in self.archive_address:
            return self.archive_address
        return str(_absolute(ARCHIVE_VARIABLE, self.archive_address or str(self.home / "archive")))

    @property
    def archive_shown(self) -> str:
        """The archive for people: without a key or a password in its address."""
        return _without_password(self.archive_address or str(self.home / "archive"))

    @property
    def archive_limit(self) -> int:
        """Bytes of the largest file that is archived; UnfitLimit where it is not a number."""
        return _bytes(self.archive_megabytes)

    @property
    def ledger_shown(self) -> str:
        """The ledger for people: its file, or its database's address without a password."""
        return _without_password(self.ledger_address or str(self.ledger))

    @property
    def dagster_home(self) -> Path:
        """Dagster's instance: run history, schedule and sensor state."""
        return self.home / "dagster"

    @property
    def dlt_home(self) -> Path:
        """Working folders of dlt pipelines, one a run, and the leases of their load steps."""
        return self.home / "dlt"

    @property
    def dlt_pipelines(self) -> Path:
        """What dlt's own commands take as `--pipelines-dir`: pipelines as a run left them."""
        return self.dlt_home / "pipelines"


def destination_name(environment: Mapping[str, str] | None = None) -> str:
    """The name of the dlt destination, whatever the other settings are."""
    env = os.environ if environment is None else environment
    return env.get(DESTINATION_VARIABLE) or "duckdb"


def hosts(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The names of GENAI_HOSTS, under which a proxy in front of this project is asked.

    A port is part of a name where browsers show it: `genai.example.com:8443`.
    """
    env = os.environ if environment is None else environment
    names = re.split(r"[\s,]+", env.get(HOSTS_VARIABLE, "").lower())
    bare = (re.sub(r"^https?://", "", name).partition("/")[0] for name in names)
    return tuple(filter(None, bare))


def _absolute_database(address: str) -> str | None:
    """The ledger's address with an absolute path; None without one."""

    def absolute(found: re.Match[str]) -> str:
        return f"{found[1]}{_absolute(LEDGER_VARIABLE, found[2])}"

    return RELATIVE_SQLITE.sub(absolute, address) or None


def _absolute_place(address: str) -> str | None:
    """The archive's address, absolute if it is a folder; None without one.

    `~` stays as it is: only the archive is concerned where it means no folder.
    """
    if not address or "://" in address or address.startswith("~"):
        return address or None
    return str(_absolute(ARCHIVE_VARIABLE, address))


def _absolute(variable: str, path: str) -> Path:
    """The absolute path; UnfitPath where a home folder, or the current folder, is not known."""
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        raise UnfitPath(
            f"{variable} {path} begins with ~, but that home folder is not known here: write the "
            "whole path, or set HOME."
        ) from None
    except FileNotFoundError:
        raise UnfitPath(
            f"{variable} {path} is relative to the folder that this was started in, which has been "
            "removed: start it in another folder."
        ) from None


def _without_password(address: str) -> str:
    """An address without the user and the password that it may name."""
    scheme, separator, place = address.rpartition("://")
    return f"{scheme}{separator}{place.rpartition('@')[2]}" if scheme else address


def _bytes(megabytes: str) -> int:
    try:
        limit = int(float(megabytes) * 1_000_000)
    except (ValueError, OverflowError):
        limit = 0
    if limit <= 0:
        raise UnfitLimit(
            f"{LIMIT_VARIABLE} {megabytes!r} is not a number of megabytes: write it like {LARGEST}."
        )
    return limit
