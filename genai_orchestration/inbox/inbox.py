"""The inbox: what lies in a watched folder or table becomes planned requests in the ledger.

    place ─► mark ─► as remembered? ─yes─► nothing is read
                          └no─► each file, or the table ─► problems, mistakes? ─yes─► left out
                                                                └no─► Ledger.add: new ones planned

A request's key is the same each time it is read, so that reading anything twice, also after a
crash, plans nothing twice. A file is taken whole or not at all; of a table each good row is taken.
What is remembered does not grow: a hash, a place, a sentence. Nothing is approved or sent here.
"""

import dataclasses
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from genai_orchestration.errors import UserError, counted
from genai_orchestration.inbox.folder import (
    LARGEST,
    Listed,
    Listing,
    content_of,
    listed,
    listing,
    mark_of,
)
from genai_orchestration.inbox.settings import InboxSettings
from genai_orchestration.inbox.table import read_table
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.requests import truncate_text
from genai_orchestration.requests.file import requests_of
from genai_orchestration.requests.file_rows import Problem, Sheet, UnreadableFile, read_sheet
from genai_orchestration.requests.paid_request import PaidRequest, WrongRequest
from genai_orchestration.requests.plan import Known, plan
from genai_orchestration.requests.request import NewRequest, Operations

PROBLEMS_SHOWN = 3  # of one file, in its sentence
LONGEST = 1500  # characters of trouble that are remembered and shown

logger = logging.getLogger(__name__)

Taken = Mapping[int, NewRequest]  # by row


@dataclass(frozen=True)
class Memory:
    """What is kept between two ticks."""

    mark: str = ""  # of the place, when it was begun to be read
    place: str = ""  # the file to go on with, when there was no time for it
    trouble: str = ""  # what was left out, in sentences

    def with_trouble(self, sentence: str) -> "Memory":
        """The memory with one more sentence, as far as there is room."""
        text = truncate_text(" ".join(filter(None, (self.trouble, sentence))))
        clipped = text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
        return dataclasses.replace(self, trouble=clipped)


@dataclass(frozen=True)
class Found:
    """What one reading came to: what to remember, the state in words, how many are new or known."""

    memory: Memory
    state: str
    planned: int = 0
    known: int = 0


@dataclass(frozen=True, kw_only=True)
class Inbox:
    """The configured place, and the ledger that it is read into."""

    settings: InboxSettings
    ledger: Ledger
    operations: Operations  # that may be asked for
    now: datetime
    known: Callable[[Iterable[NewRequest]], Known] = lambda requests: {}  # of the warehouse

    def read(self, memory: Memory, late: Callable[[], bool]) -> Found:
        """Read what is new, and plan it; InboxUnreadable when there is no such place.

        `late` says, between two files, whether the rest has to wait for the next tick.
        """
        if self.settings.folder is not None:
            return self._folder(self.settings.folder, memory, late)
        return self._table(self.settings.database or "", self.settings.table or "", memory)

    def _folder(self, folder: Path, memory: Memory, late: Callable[[], bool]) -> Found:
        found = listing(folder, self.now.timestamp())
        mark, state = self._mark([found.mark]), _state_of(folder, found)
        if not memory.place:
            if mark == memory.mark:
                return Found(memory, f"No new file: {state}")
            memory = Memory(mark)  # a change while this pass lasts begins another one after it
        planned = known = 0
        left = [file for file in found.files if file.name >= memory.place]
        for number, file in enumerate(left):
            if number and late():
                memory = dataclasses.replace(memory, place=file.name)
                return Found(memory, f"{state}, going on with {file.name}", planned, known)
            new, old, trouble = self._take(folder, file)
            planned, known = planned + new, known + old
            memory = memory.with_trouble(trouble)
        return Found(dataclasses.replace(memory, place=""), state, planned, known)

    def _take(self, folder: Path, file: Listed) -> tuple[int, int, str]:
        """Plan a file's requests: how many are new, how many known, and what is wrong with it."""
        try:
            taken, trouble = self._file(folder, file)
            new, old, conflicts = self._plan(taken)
        except UserError:  # of the ledger or the warehouse, and not of the file
            raise
        except Exception:  # whatever it holds: the other files do not wait for it
            logger.exception("%s cannot be taken in.", file.name)
            return 0, 0, f"{file.name} is left out: it cannot be read; the log says why."
        trouble_text = [f"{file.name} is left out: {trouble}"] if trouble else []
        trouble_text += [f"In {file.name}, {_listed(conflicts)}"] if conflicts else []
        return new, old, " ".join(trouble_text)

    def _table(self, database: str, name: str, memory: Memory) -> Found:
        sheet = read_table(database, name, self.settings.columns)
        rows = sorted(repr((row.number, sorted(row.cells.items()))) for row in sheet.rows)
        mark = self._mark([repr(sorted(sheet.columns)), *rows])
        state = f"{counted(len(rows), 'row')} in {name}"
        if mark == memory.mark:
            return Found(memory, f"No new row: {state}")
        taken, problems = self._sound(sheet)
        planned, known, conflicts = self._plan(taken)
        memory = Memory(mark)
        if problems or conflicts:
            trouble_text = _listed([*problems, *conflicts])
            memory = memory.with_trouble(f"Rows of {name} are left out: {trouble_text}")
        return Found(memory, state, planned, known)

    def _mark(self, texts: list[str]) -> str:
        """A hash of the place, and of what else decides what is read of it."""
        meaning = repr((self.settings, self.settings.database, sorted(self.operations)))
        return mark_of([meaning, *texts])

    def _file(self, folder: Path, file: Listed) -> tuple[Taken, str]:
        """All of a file's requests; or none, and why."""
        if file.size > LARGEST:
            return {}, f"it has {file.size:,} bytes, and at most {LARGEST:,} are read: split it."
        try:
            sheet = read_sheet(folder / file.name, content_of)
        except UnreadableFile as error:
            return {}, str(error)
        if listed(folder / file.name) != file:
            return {}, ""  # it was being written while it was read: the next tick takes it
        taken, problems = self._sound(sheet)
        return ({}, _listed(problems)) if problems else (taken, "")

    def _sound(self, sheet: Sheet) -> tuple[Taken, list[Problem]]:
        """The rows that can be sent, and what is wrong with the others, mistakes included."""
        taken, problems = requests_of(sheet, self.operations, self.settings.columns)
        known = self.known(taken.values())
        mistakes = plan(taken.values(), self.operations, known).mistakes
        problems += [
            Problem(number, " ".join(mistakes[request.request_key]))
            for number, request in taken.items()
            if request.request_key in mistakes
        ]
        wrong = {problem.row for problem in problems}
        return {n: request for n, request in taken.items() if n not in wrong}, problems

    def _plan(self, taken: Taken) -> tuple[int, int, list[Problem]]:
        """Plan the requests: how many are new or known, and whose keys are those of others."""
        paid: dict[str, tuple[int, PaidRequest]] = {}
        problems = []
        for row, request in taken.items():
            operation = self.operations[request.provider, request.operation]
            try:
                paid[request.request_key] = (row, PaidRequest.of(request, operation))
            except WrongRequest as wrong:
                problems.append(Problem(row, str(wrong)))
        if not paid:
            return 0, 0, problems
        added = self.ledger.add((request for _, request in paid.values()), self.now)
        problems += [
            Problem(
                paid[each.request_key][0],
                f"the key {each.request_key} is that of another request ({each.difference}): give "
                "what has changed a new key.",
            )
            for each in added.conflicts
        ]
        return len(added.new), len(added.known), problems


def _listed(problems: Sequence[Problem]) -> str:
    shown = sorted(problems, key=lambda problem: problem.row)
    trouble_text = "; ".join(
        f"row {each.row}: {each.message.rstrip('.')}" for each in shown[:PROBLEMS_SHOWN]
    )
    more = f"; and {len(shown) - PROBLEMS_SHOWN} more" if len(shown) > PROBLEMS_SHOWN else ""
    return f"{trouble_text}{more}."


def _state_of(folder: Path, found: Listing) -> str:
    number = f"{counted(len(found.files), 'file')} in {folder}"
    writing = ", ".join(found.writing[:PROBLEMS_SHOWN])
    links = ", ".join(found.links[:PROBLEMS_SHOWN])
    trouble_text = f"{number}, {writing} still being written" if writing else number
    return truncate_text(
        f"{trouble_text}; left out, for links are not followed: {links}" if links else trouble_text
    )
