"""Requests from a file: CSV, JSONL, YAML or Parquet goes in, a list of `NewRequest` comes out.

    file ─► rows ─► columns named ─► one NewRequest a row ─► all good? ─► the list
                         └───────────────┴─► problems ────────────────► BadRequests, all of them

    provider, operation       what is asked of whom; the caller may give them for the whole file
    request_key, campaign     optional; a key that is missing follows from the request
    prompt                    always text; goes where the operation's prompt goes
    payload                   optional JSON object
    payload.style.tool        one value in the payload, by its dotted path

A value of a CSV or Parquet cell is JSON where it parses and nothing of it is lost (4, true,
["a"]), else text (49.90, 007, 1e5, "16:9"). Nothing is taken unless every row is good. Whether a
provider would take a payload is not asked here: see `plan`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from genai_orchestration.errors import UserError
from genai_orchestration.providers.wording import unknown
from genai_orchestration.requests.accidents import likeness, meant
from genai_orchestration.requests.cells import DEEP, WrongRow, payload_of, text_of
from genai_orchestration.requests.file_rows import Problem, Row, Sheet, read_sheet
from genai_orchestration.requests.request import (
    NewRequest,
    Operations,
    key_mistake,
    made_key,
    unknown_operation,
)

PLAIN = ("provider", "operation", "request_key", "campaign", "prompt", "payload")


class BadRequests(UserError):
    """Rows that cannot be taken, all of them; nothing of the file was taken."""

    def __init__(self, file: str, problems: tuple[Problem, ...]) -> None:
        self.file = file
        self.problems = tuple(sorted(problems, key=lambda problem: problem.row))
        lines = [f"{file} row {problem.row}: {problem.message}" for problem in self.problems]
        super().__init__("\n".join([f"Nothing was taken from {file}:", *lines]))


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What a file's columns mean, and what holds for all of its rows."""

    mapping: Mapping[str, str] = field(default_factory=dict)  # {"Prompt text": "prompt"}; "" drops
    provider: str | None = None  # for rows that name none
    operation: str | None = None  # as well; without one, a provider's only operation
    campaign: str | None = None  # as well


def read_requests(
    path: Path, operations: Operations, columns: Columns | None = None
) -> list[NewRequest]:
    """The file's requests, in its order; BadRequests or UnreadableFile in sentences.

    `operations` are those that may be asked for. A row that asks the same as another one without
    a key of its own is a mistake: nobody knows whether one picture is wanted, or two.
    """
    taken, problems = requests_of(read_sheet(path), operations, columns or Columns())
    if problems:
        raise BadRequests(path.name, tuple(problems))
    return list(taken.values())


def requests_of(
    sheet: Sheet, operations: Operations, columns: Columns
) -> tuple[dict[int, NewRequest], list[Problem]]:
    """The good rows' requests by row, and what is wrong with the others, or with all of them."""
    misnamed = _bad_columns(sheet, columns)
    problems = [*sheet.problems, *misnamed]
    taken: dict[int, NewRequest] = {}
    if not misnamed:  # under a wrong header every row would be wrong again
        seen: dict[str, int] = {}
        alike: dict[str, int] = {}
        for row in sheet.rows:
            try:
                request = _request(row, sheet, operations, columns)
                _check_new(request, row, seen)
                _check_likeness(request, row, alike)
                taken[row.number] = request
            except WrongRow as wrong:
                problems.append(Problem(row.number, str(wrong)))
            except RecursionError:
                problems.append(Problem(row.number, "its payload is nested too deep."))
    return taken, problems


def _bad_columns(sheet: Sheet, columns: Columns) -> list[Problem]:
    """Columns that mean nothing, or the same as another; mapped ones that are not there."""
    absent = [name for name in columns.mapping if name not in sheet.columns] if sheet.rows else []
    problems = [Problem(1, f"there is no column {name!r}, which is mapped.") for name in absent]
    meant: dict[str, str] = {}
    for name, row in sheet.columns.items():
        target = columns.mapping.get(name, name)
        path = target.removeprefix(DEEP)
        if target not in ("", *PLAIN) and (path == target or not all(path.split("."))):
            problems.append(Problem(row, _unknown_column(name, target, sheet)))
        if target and target in meant:
            message = f"columns {meant[target]!r} and {name!r} both mean {target}."
            problems.append(Problem(row, message))
        meant[target] = name
    return problems


def _unknown_column(name: str, target: str, sheet: Sheet) -> str:
    if near := meant(target, PLAIN):
        return f"column {name!r} is not known: write it {near}."
    message = unknown("", f"column {name!r}", [*PLAIN, f"{DEEP}<path>"])
    if sheet.as_text and len(sheet.columns) == 1:
        return f"{message} If it is a title, remove its row: the columns' names have to come first."
    return f'{message} Map it to one of these, or to "" to drop it.'


def _request(row: Row, sheet: Sheet, operations: Operations, columns: Columns) -> NewRequest:
    named = {columns.mapping.get(name, name): cell for name, cell in row.cells.items()}
    provider, operation = _whom(named, operations, columns)
    payload = payload_of(named, operations[provider, operation].prompt, as_text=sheet.as_text)
    key = text_of(named, "request_key") or made_key(provider, operation, payload)
    if mistake := key_mistake(key):
        raise WrongRow(mistake)
    return NewRequest(
        provider=provider,
        operation=operation,
        payload=payload,
        request_key=key,
        campaign=text_of(named, "campaign") or columns.campaign,
    )


def _whom(named: Mapping[str, Any], operations: Operations, columns: Columns) -> tuple[str, str]:
    """Provider and operation of a row."""
    provider = text_of(named, "provider") or columns.provider
    if provider is None:
        raise WrongRow("provider is missing: fill the column, or give one for the whole file.")
    own = [name for owner, name in operations if owner == provider]
    operation = (
        text_of(named, "operation") or columns.operation or (own[0] if len(own) == 1 else "")
    )
    if not operation and own:
        raise WrongRow(f"operation is missing: {provider} has {', '.join(own)}.")
    if (provider, operation) not in operations:
        raise WrongRow(unknown_operation(provider, operation, operations))
    return provider, operation


def _check_likeness(request: NewRequest, row: Row, seen: dict[str, int]) -> None:
    """Refuse a request without a key of its own that differs from another in spaces alone."""
    if request.request_key != made_key(request.provider, request.operation, request.payload):
        return
    first = seen.setdefault(likeness(request), row.number)
    if first != row.number:
        raise WrongRow(
            f"it asks the same as row {first}, but for spaces or the coding of letters: remove it, "
            "or give each a request_key if both are wanted."
        )


def _check_new(request: NewRequest, row: Row, seen: dict[str, int]) -> None:
    """Refuse a request whose key another row has."""
    key = request.request_key
    first = seen.setdefault(key, row.number)
    if first == row.number:
        return
    if key == made_key(request.provider, request.operation, request.payload):
        raise WrongRow(
            f"it asks the same as row {first}: remove it, or give each a request_key if both are "
            "wanted."
        )
    raise WrongRow(f"request_key {key!r} is the key of row {first} already.")
