"""Why a file is not in the archive: for good, for now, or because nothing can be kept just now."""

from genai_orchestration.errors import UserError

UNEXPECTED_RUNS = 10  # with their rests, over eight hours: a night of maintenance


class Refused(UserError):
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
