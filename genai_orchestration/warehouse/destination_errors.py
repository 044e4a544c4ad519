"""What dlt, database drivers and the disk say, in the one sentence that a person needs.

    error ─► its causes, outermost first ─► the first one known here ─► UserError
                                        └─► none is: a bug, which deserves its traceback

Of a driver's own words only the first line is shown, without anything that may be an address
with credentials in it. The value of a setting is never shown.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import requests
import urllib3
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    InvalidNativeValue,
    LookupTraces,
)
from dlt.common.storages.configuration import WithLocalFiles
from dlt.destinations.exceptions import DestinationConnectionError

from genai_orchestration.errors import UserError, causes, plain
from genai_orchestration.providers.refusals import cause_of
from genai_orchestration.providers.unreadable_settings import UnreadableSetting, unreadable
from genai_orchestration.settings import HOME_VARIABLE, Settings
from genai_orchestration.warehouse import WarehouseError
from genai_orchestration.warehouse.storage_errors import Trouble, is_of_duckdb, trouble_with

SECRETS = ".dlt/secrets.toml"
LONGEST_MESSAGE = 200  # characters of a driver's own words that go into a message
DRIVERS_WORDS = {  # PEP 249's names for trouble that no program can help, and PostgreSQL's refusal
    "OperationalError",
    "InterfaceError",
    "InsufficientPrivilege",
}
COMPUTED = WithLocalFiles.get_resolvable_fields()  # dlt fills these in by itself, later


class UnusableHome(UserError):
    """GENAI_HOME is not a folder in which state can be kept."""


class NotKept(UserError):
    """Nothing can be kept where state is, or a limit of the system keeps this process from it."""


class WarehouseUnreachable(WarehouseError):
    """The database does not answer, or not to these credentials: it may do so later."""


def translate_error(error: BaseException, settings: Settings | None = None) -> UserError | None:
    """The error, however deep it is wrapped, as a sentence; None when nobody foresaw it.

    Without `settings`, the configured ones.
    """
    known = plain(error) or next(filter(None, map(unreadable, causes(error))), None)
    if known:
        return known
    try:
        settings = settings or Settings.load()
    except UserError:  # what is wrong with it would have been said before
        return None
    trouble = trouble_with(error, settings.home)
    if trouble and (sentence := _not_kept(trouble, error, settings)):
        return sentence
    sentences = (_sentence(cause, settings) for cause in causes(error))
    return next(filter(None, sentences), None)


def unusable_home(error: OSError, settings: Settings) -> UnusableHome:
    """The sentence about a GENAI_HOME that cannot be read or written."""
    return _unusable(settings, error.strerror or str(error))


def _unusable(settings: Settings, reason: str) -> UnusableHome:
    return UnusableHome(
        f"State cannot be kept in {settings.home} ({reason}): set {HOME_VARIABLE} to a folder that "
        "you may write to."
    )


def _sentence(error: BaseException, settings: Settings) -> UserError | None:
    match error:
        case ConfigFieldMissingException():
            return _missing(error, settings)
        case InvalidNativeValue():
            section = ".".join(("destination", settings.destination, *error.embedded_sections))
            return UnreadableSetting(
                f"[{section}] cannot be read: write it in {SECRETS} as a table of host, database, "
                "username and password, or as one address without special characters."
            )
        case DestinationConnectionError():
            return _no_answer(error.inner_exc, settings)
        case OSError() if _is_about(error, settings):
            return unusable_home(error, settings)
        case _ if DRIVERS_WORDS & {kind.__name__ for kind in type(error).__mro__}:
            return _no_answer(error, settings)
    return None


def _not_kept(
    trouble: Trouble, error: BaseException, settings: Settings
) -> NotKept | UnusableHome | None:
    """The sentence about a disk or a limit; it names the file where the error does."""
    *_, last = causes(error)
    place = _file_of(last, settings)
    match trouble:
        case Trouble.FULL:
            return NotKept(
                f"The disk is full: free some space where {settings.home} is, or set "
                f"{HOME_VARIABLE} to a folder on another disk, and run this again."
            )
        case Trouble.TOO_LARGE | Trouble.TOO_MANY:
            return NotKept(f"At {place} {trouble.what}: {trouble.remedy}, and run this again.")
        case Trouble.NOT_WRITABLE if not place.is_relative_to(settings.home):
            return None  # not where state is kept
        case Trouble.NOT_WRITABLE:
            return _unusable(settings, _reason(last))
        case Trouble.DAMAGED:
            away = ", or move it away and load again, which is free"
            return NotKept(
                f"A file is damaged at {place} ({_reason(last)}): check the disk, and restore the "
                f"file from a backup{away if place == settings.warehouse else ''}."
            )


def _file_of(error: BaseException, settings: Settings) -> Path:
    """The file that an error is about, as far as it says so."""
    if isinstance(error, OSError) and isinstance(error.filename, str):
        return Path(error.filename)
    if is_of_duckdb(error) and settings.destination == "duckdb":
        return settings.warehouse
    return settings.home


def _missing(error: ConfigFieldMissingException, settings: Settings) -> WarehouseError:
    """Names the fields by the section that they are missing from."""
    name = getattr(error.config, "destination_name", None) or settings.destination
    sections: dict[str, dict[str, None]] = {}  # the keys of the inner one: a set in order
    for path in _absent(error.traces, f"destination.{name}"):
        section, _, field = path.rpartition(".")
        sections.setdefault(section, {})[field] = None
    wanted = " and ".join(f"{', '.join(names)} in [{part}]" for part, names in sections.items())
    return WarehouseError(f"The warehouse {name} is not configured: set {wanted} of {SECRETS}.")


def _absent(traces: Mapping[str, object], section: str) -> Iterator[str]:
    """The full names of missing fields, also of those in nested sections."""
    for field, found in traces.items():
        nested = (
            [t for t in found if isinstance(t, LookupTraces)] if isinstance(found, list) else []
        )
        for trace in nested:
            yield from _absent(trace.traces, f"{section}.{field}")
        if not nested and field not in COMPUTED:
            yield f"{section}.{field}"


def _no_answer(error: BaseException, settings: Settings) -> WarehouseUnreachable:
    if settings.destination == "duckdb":
        remedy = (
            f"move {settings.warehouse} away if it is no DuckDB database of this version, or set "
            f"{HOME_VARIABLE} to another folder."
        )
    else:
        remedy = (
            f"check [destination.{settings.destination}.credentials] in {SECRETS}, and that the "
            "server is up."
        )
    return WarehouseUnreachable(
        f"The warehouse {settings.destination} does not answer ({_reason(error)}): {remedy}"
    )


def _reason(error: BaseException) -> str:
    """The first line of a driver's words, without addresses that may hold a password.

    A connection's reason is inside: around it is "Max retries exceeded with url", and the url.
    """
    if isinstance(error, requests.RequestException | urllib3.exceptions.HTTPError):
        return cause_of(error)
    lines = str(error).strip().splitlines() or ["no reason given"]
    return re.sub(r"\S*@\S*", "***", lines[0])[:LONGEST_MESSAGE].rstrip(".: ")


def _is_about(error: OSError, settings: Settings) -> bool:
    """Whether it is about GENAI_HOME, something in it, or a folder that it should be made in."""
    if not isinstance(error.filename, str):
        return False
    home, path = settings.home.as_posix(), error.filename
    return f"{path}/".startswith(f"{home}/") or f"{home}/".startswith(f"{path}/")
