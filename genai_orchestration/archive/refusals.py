"""Why a file is not in the archive: for good, for now, or because nothing can be kept just now."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from genai_orchestration.errors import UserError
from genai_orchestration.providers.refusals import NO_REASON, fit_message
from genai_orchestration.settings import ARCHIVE_VARIABLE
from genai_orchestration.warehouse.storage_errors import trouble_with

CREDENTIALS = re.compile(r"\S*@\S*")  # an address that holds some
UNEXPECTED_RUNS = 10  # with their rests, over eight hours: a night of maintenance


class FileRefused(UserError):
    """The file, or where it is, is not what it should be: it is not asked for again by itself."""


class NotFetched(UserError):
    """The file could not be had this time.

    `again` says whether another attempt within seconds may help, `retry_after` the server's own
    wait in seconds.
    """

    def __init__(self, text: str, *, again: bool = True, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.again = again
        self.retry_after = retry_after


class UnexpectedAnswer(NotFetched):
    """No file, but a server's words in place of one: a page, an error in JSON, or nothing at all.

    Servers answer so in passing, with status 200: it is asked for again, by later runs. Said for
    the `UNEXPECTED_RUNS`th time, it is a refusal.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text, again=False)


class ArchiveUnusable(UserError):
    """The archive cannot be written; the text says what to do next."""


@contextlib.contextmanager
def translate_archive_errors(where: str) -> Iterator[None]:
    """Trouble with the disk or the object store, as a sentence without its credentials."""
    try:
        yield
    except Exception as error:
        modules = {kind.__module__.partition(".")[0] for kind in type(error).__mro__}
        if not (isinstance(error, OSError) or modules & {"botocore", "aiohttp"}):
            raise
        trouble = trouble_with(error, Path(where))
        message = CREDENTIALS.sub("***", fit_message(str(error))) or NO_REASON
        reason = getattr(error, "strerror", None) or message
        raise ArchiveUnusable(
            f"The archive {where} cannot be written ({reason}): "
            f"{trouble.remedy if trouble else 'correct that'}, or set {ARCHIVE_VARIABLE} to a "
            "folder or an address that can be written to."
        ) from None
