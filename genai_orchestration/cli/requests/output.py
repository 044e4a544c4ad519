"""What the commands print: one JSON object a line for programs, tables for people.

Texts of vendors and users are made fit to be shown: no control characters, which a terminal
would obey, and no query string that may sign or open an address.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from enum import Enum
from typing import Any
from urllib.parse import parse_qsl

import click

LONG = 24  # characters of a query's value that may be a signature, whatever it is called
_QUERY = re.compile(r"""(https?://[^\s?"'<>]*)\?([^\s"'<>#]*)""", re.IGNORECASE)
_USER = re.compile(r"(https?://)[^\s/@]+@", re.IGNORECASE)
_OPENS = re.compile(
    r"sig|token|secret|cred|auth|key|policy|expire|pass|hash|^s[aeptvr]$", re.IGNORECASE
)


def print_json(value: Mapping[str, Any]) -> None:
    """Print one JSON object on a line of its own."""
    click.echo(json.dumps(redact(value), default=_text))


def print_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows below their headers; without headers as names and values. Nothing for no rows."""
    cells = [[plain(cell) for cell in row] for row in rows]
    if not cells:
        return
    if any(headers):
        cells.insert(0, list(headers))
    if sys.stdout.isatty():
        _print_folded(cells)
        return
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _print_folded(cells: Sequence[Sequence[str]]) -> None:
    """Print them as wide as the terminal; long texts go on in the next line of their column."""
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    last = len(cells[0]) - 1
    for number, _ in enumerate(cells[0]):
        grid.add_column(overflow="fold", no_wrap=number < last)  # keys stay one word
    for row in cells:
        grid.add_row(*row)
    Console(markup=False, emoji=False, highlight=False).print(grid)


def plain(value: object) -> str:
    """A value as a person reads it, on one line."""
    match value:
        case None:
            return ""
        case Enum():
            return str(value.value)
        case datetime():
            return moment(value)
        case str():
            return _printable(strip_query(value))
        case Mapping() | list() | tuple():
            return _printable(json.dumps(redact(value), default=_text, ensure_ascii=False))
        case _:
            return str(value)


def moment(at: datetime) -> str:
    """A moment in UTC, to the second."""
    return f"{at.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def ago(past: timedelta) -> str:
    """How long something is ago: "40 s", "5 min", "2 h 5 min", "3 days"."""
    seconds = max(0, round(past.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{hours // 24} days"


def redact(value: Any) -> Any:
    """The value, with every text in it without signed queries."""
    match value:
        case str() if not isinstance(value, Enum):
            return strip_query(value)
        case Mapping():
            return {name: redact(inner) for name, inner in value.items()}
        case list() | tuple():
            return [redact(inner) for inner in value]
        case _:
            return value


def strip_query(text: str) -> str:
    """The text, its addresses without queries that may sign or open them, and without users."""
    if "://" not in text:
        return text
    return _QUERY.sub(_shown_query, _USER.sub(r"\1", text))


def _shown_query(found: "re.Match[str]") -> str:
    fields = parse_qsl(found[2], keep_blank_values=True)
    opens = any(_OPENS.search(name) or len(value) >= LONG for name, value in fields)
    return f"{found[1]}?…" if opens else found[0]


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else " " for each in text)


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
