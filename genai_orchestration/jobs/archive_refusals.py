"""Why a file is not in the archive: for good, for now, or because nothing can be kept just now."""

from genai_orchestration.errors import PlainError


class Refused(PlainError):
    """The file, or where it is, is not what it should be: it is not asked for again by itself."""


class NotFetched(PlainError):
    """The file could not be had this time.

    `again` says whether another attempt within seconds may help, `retry_after` the server's own
    wait in seconds.
    """

    def __init__(self, text: str, *, again: bool = True, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.again = again
        self.retry_after = retry_after


class ArchiveUnusable(PlainError):
    """The archive cannot be written; the text says what to do next."""
