"""Rows of a file, whatever its kind: a path goes in, a `Sheet` of named cells comes out.

    .csv .tsv   a row is a line of the spreadsheet, the header is row 1; all cells are text
    .jsonl      a row is a line with one JSON object
    .yaml       a row is an item of one list; read as YAML 1.2, where 16:9 and `no` are text
    .parquet    a row is a row, from 1

Empty cells are left out, and so are empty rows, but they count. What cannot be read at all is a
`Problem` with its row. What the columns mean is not known here.
"""

import csv
import io
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from genai_orchestration.errors import UserError
from genai_orchestration.requests.json_lines import parsed_lines

DELIMITERS = ",;\t"  # what spreadsheets write, depending on their language
MOST_ROWS = 1_000_000  # of a Parquet file: a few kilobytes of one may be millions of rows
DIRECTIVE = re.compile(r"\"?sep=.?\"?", re.IGNORECASE)  # what Excel reads as a file's delimiter
DEEPEST = 100  # levels of a YAML file
LONGEST_CELL = 16 * 1024 * 1024  # characters; Python's own limit of 131,072 is below some payloads


class UnreadableFile(UserError):
    """The file is not there, or not what its name says."""


class _TooMuch(Exception):
    """What a file has that is not read, as a sentence without the file's name."""


@dataclass(frozen=True)
class Row:
    """One row: its number as a person counts them in that kind of file, and its cells."""

    number: int
    cells: Mapping[str, Any]


@dataclass(frozen=True)
class Problem:
    """What is wrong in a row, as a sentence."""

    row: int
    message: str


@dataclass(frozen=True)
class Sheet:
    """What a file holds."""

    columns: Mapping[str, int]  # column -> the row where it is first
    rows: tuple[Row, ...]
    problems: tuple[Problem, ...] = ()
    as_text: bool = False  # the file cannot say whether a cell is text, a number or a list


class _Yaml12(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """A safe loader without YAML 1.1's surprises: 16:9 is no number, `no` no truth, no dates."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 as PyYAML declares it


for _tag, _form, _first in (
    ("null", r"~|null|", ["~", "n", ""]),
    ("bool", r"true|false", list("tf")),
    ("int", r"-?(0|[1-9][0-9]*)", list("-0123456789")),
    ("float", r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+][0-9]+)?", list("-0123456789")),
):
    _Yaml12.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"({_form})$"), _first)


def read_sheet(path: Path, read: Callable[[Path], bytes] = Path.read_bytes) -> Sheet:
    """The rows of a file, by its ending; UnreadableFile says why there are none."""
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise UnreadableFile(f"{path.name} is no kind of file that is read: {', '.join(READERS)}.")
    try:
        return reader(read(path))
    except OSError as error:
        raise UnreadableFile(f"{path} cannot be opened: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UnreadableFile(f"{path.name} is not UTF-8: save it as CSV UTF-8.") from None
    except _TooMuch as error:
        raise UnreadableFile(f"{path.name} {error}.") from None
    except Exception as error:  # whatever a reader makes of any bytes
        raise UnreadableFile(f"{path.name} is not what its name says: {_words(error)}.") from None


def _words(error: Exception) -> str:
    match error:
        case RecursionError():
            return "nested too deep"
        case MemoryError():
            return "it needs more memory than there is"
    return " ".join(str(error).split()).rstrip(".") or "it cannot be read"


def _csv(content: bytes) -> Sheet:
    text = content.decode("utf-8-sig")
    first = text.partition("\n")[0]
    if found := DIRECTIVE.fullmatch(first.strip()):
        message = f"the first row is {found[0]}, which is meant for Excel alone: remove it."
        return Sheet({}, (), (Problem(1, message),))
    delimiter = max(DELIMITERS, key=first.count)
    csv.field_size_limit(LONGEST_CELL)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows, problems = [], []
    header: list[str] = []
    for number, cells in enumerate(_to_the_end(lines), 1):
        if isinstance(cells, csv.Error):
            problems.append(Problem(number, f"{cells}: check the quotes of its cells."))
        elif number == 1:
            header = [name.strip() for name in cells]
        elif any(cells[len(header) :]):
            problems.append(Problem(number, _too_many(len(cells), len(header), delimiter)))
        elif named := {name: cell for name, cell in zip(header, cells, strict=False) if cell}:
            rows.append(Row(number, named))
    twice = {name for name in header if name and header.count(name) > 1}
    problems += [Problem(1, f"the column {name!r} is there twice.") for name in sorted(twice)]
    columns = dict.fromkeys(filter(None, header), 1)
    problems += [
        Problem(row.number, "a cell has no column name above it.")
        for row in rows
        if "" in row.cells
    ]
    return Sheet(columns, tuple(rows), tuple(problems), as_text=True)


def _to_the_end(lines: Iterator[list[str]]) -> Iterator[list[str] | csv.Error]:
    """The lines, and at last the error that ends them, if there is one."""
    try:
        yield from lines
    except csv.Error as error:
        yield error


def _too_many(cells: int, columns: int, delimiter: str) -> str:
    mark = {",": "comma", ";": "semicolon", "\t": "tab"}[delimiter]
    return f"{cells} cells under {columns} columns: put a cell that has a {mark} into quotes."


def _jsonl(content: bytes) -> Sheet:
    return sheet_of(parsed_lines(content))


def _yaml(content: bytes) -> Sheet:
    text = content.decode("utf-8-sig")
    _check_yaml(text)
    listed = yaml.load(text, _Yaml12) or []  # noqa: S506 a safe loader
    if not isinstance(listed, list):
        message = "the file must be a list of requests: begin each with a dash."
        return Sheet({}, (), (Problem(1, message),))
    return sheet_of(iter(enumerate(listed, 1)))


def _check_yaml(text: str) -> None:
    """Refuse what fills any memory, or ends the whole process, before it is built."""
    depth = 0
    for event in yaml.parse(text, _Yaml12):
        if isinstance(event, yaml.AliasEvent):  # of a list of others, which are of others
            raise _TooMuch("has aliases (*name), which are not read: write out what they stand for")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEEPEST:  # the C parser does not notice the end of its stack
            raise _TooMuch(f"is nested deeper than {DEEPEST} levels")


def _parquet(content: bytes) -> Sheet:
    found = pq.ParquetFile(pa.BufferReader(content))
    if (rows := found.metadata.num_rows) > MOST_ROWS:
        raise _TooMuch(f"has {rows:,} rows, and at most {MOST_ROWS:,} are read: split it")
    table = found.read()
    if len(set(table.column_names)) < len(table.column_names):
        return Sheet({}, (), (Problem(1, "two columns have the same name."),))
    sheet = sheet_of(iter(enumerate(table.to_pylist(), 1)), prune=True)
    return Sheet(dict.fromkeys(table.column_names, 1), sheet.rows, as_text=True)


def sheet_of(numbered: Iterator[tuple[int, Any]], *, prune: bool = False) -> Sheet:
    """The sheet of numbered objects; `prune` drops nulls that only a table's shape brings along."""
    columns: dict[str, int] = {}
    rows, problems = [], []
    for number, found in numbered:
        if not isinstance(found, dict):
            message = f": {found}" if isinstance(found, ValueError) else ", but no object"
            problems.append(Problem(number, f"not one JSON object{message}."))
            continue
        cells = {str(name): _pruned(cell) if prune else cell for name, cell in found.items()}
        cells = {name: cell for name, cell in cells.items() if not _empty(cell)}
        for name in cells:
            columns.setdefault(name, number)
        if cells:
            rows.append(Row(number, cells))
    return Sheet(columns, tuple(rows), tuple(problems))


def _empty(cell: Any) -> bool:
    return cell is None or cell == "" or (isinstance(cell, float) and math.isnan(cell))


def _pruned(cell: Any) -> Any:
    """Without nulls inside: a Parquet struct has the fields of every other row as well."""
    if isinstance(cell, dict):
        return {name: _pruned(inner) for name, inner in cell.items() if inner is not None}
    return cell


READERS: Mapping[str, Callable[[bytes], Sheet]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".yaml": _yaml,
    ".yml": _yaml,
    ".parquet": _parquet,
}
