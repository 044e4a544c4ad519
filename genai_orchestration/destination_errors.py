"""What dlt, database drivers and the disk say, in the one sentence that a person needs.

    error ─► its causes, outermost first ─► the first one known here ─► PlainError
                                        └─► none is: a bug, which deserves its traceback

Of a driver's own words only the first line is shown, without anything that looks like an address
with credentials in it. The value of a setting is never shown.
"""

import errno
import os
import re
from collections.abc import Iterator, Mapping

from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigValueCannotBeCoercedException,
    InvalidNativeValue,
    LookupTraces,
)
from dlt.common.configuration.providers.toml import TomlProviderReadException
from dlt.common.storages.configuration import WithLocalFiles
from dlt.destinations.exceptions import DestinationConnectionError

from genai_orchestration.errors import PlainError, causes, plain
from genai_orchestration.settings import HOME_VARIABLE, Settings
from genai_orchestration.warehouse import WarehouseError

SECRETS = ".dlt/secrets.toml"
SHOWN = 200  # characters of a driver's own words that go into a message
DRIVERS_WORDS = {  # PEP 249's names for trouble that no program can help, and PostgreSQL's refusal
    "OperationalError",
    "InterfaceError",
    "InsufficientPrivilege",
}
COMPUTED = WithLocalFiles.get_resolvable_fields()  # dlt fills these in by itself, later


class UnreadableSetting(PlainError):
    """A settings file, or a value in it, is not what dlt can read."""


class UnusableHome(PlainError):
    """GENAI_HOME is not a folder in which state can be kept."""


class DiskFull(PlainError):
    """Nothing more can be written where state is kept."""


class WarehouseUnreachable(WarehouseError):
    """The database does not answer, or not to these credentials: it may do so later."""


def in_words(error: BaseException, settings: Settings) -> PlainError | None:
    """The error, however deep it is wrapped, as a sentence; None when nobody foresaw it."""
    if known := plain(error):
        return known
    if any(_is_full(cause) for cause in causes(error)):
        return DiskFull(
            f"The disk is full: free some space where {settings.home} is, or set {HOME_VARIABLE} "
            "to a folder on another disk, and run this again."
        )
    sentences = (_sentence(cause, settings) for cause in causes(error))
    return next(filter(None, sentences), None)


def unusable_home(error: OSError, settings: Settings) -> UnusableHome:
    """The sentence about a GENAI_HOME that cannot be read or written."""
    return UnusableHome(
        f"State cannot be kept in {settings.home} ({error.strerror}): set {HOME_VARIABLE} to a "
        "folder that you may write to."
    )


def _sentence(error: BaseException, settings: Settings) -> PlainError | None:
    match error:
        case TomlProviderReadException():
            return _not_toml(error)
        case ConfigFieldMissingException():
            return _missing(error, settings)
        case InvalidNativeValue():
            section = ".".join(("destination", settings.destination, *error.embedded_sections))
            return UnreadableSetting(
                f"[{section}] cannot be read: write it in {SECRETS} as a table of host, database, "
                "username and password, or as one address without special characters."
            )
        case ConfigValueCannotBeCoercedException():
            return UnreadableSetting(
                f"The setting {error.field_name} has a value of another kind than dlt expects: "
                "mend it in .dlt/config.toml or in the environment."
            )
        case DestinationConnectionError():
            return _no_answer(error.inner_exc, settings)
        case OSError() if _is_about(error, settings):
            return unusable_home(error, settings)
        case _ if DRIVERS_WORDS & {kind.__name__ for kind in type(error).__mro__}:
            return _no_answer(error, settings)
    return None


def _is_full(error: BaseException) -> bool:
    """Whether a disk is full, as the system says it, or SQLite or DuckDB in words of their own."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return "disk is full" in str(error) or os.strerror(errno.ENOSPC) in str(error)


def _not_toml(error: TomlProviderReadException) -> UnreadableSetting:
    # the position alone: the parser's words may quote what is written there
    position = re.search(r"at line \d+ col \d+", str(error))
    return UnreadableSetting(
        f".dlt/{error.file_name} is not valid TOML ({position[0] if position else 'unreadable'}): "
        'mend it; a text is written in quotes, as in api_key = "...".'
    )


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
    """The first line of a driver's words, without addresses that may hold a password."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return re.sub(r"\S*@\S*", "***", lines[0])[:SHOWN].rstrip(".: ")


def _is_about(error: OSError, settings: Settings) -> bool:
    """Whether it is about GENAI_HOME, something in it, or a folder that it should be made in."""
    if not isinstance(error.filename, str):
        return False
    home, path = settings.home.as_posix(), error.filename
    return f"{path}/".startswith(f"{home}/") or f"{home}/".startswith(f"{path}/")
