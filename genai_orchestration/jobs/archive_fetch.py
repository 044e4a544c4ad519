"""One file over HTTP: streamed, counted and hashed on its way to the disk.

    GET ─┬─► 200 ─► length known and under the limit? ─► every byte there? ─► Fetched
         ├─► 30x ─► the new address is checked like the first one, three times at most
         ├─► 429, 5xx, no answer, half an answer ─► a few times again ─► NotFetched
         └─► anything else ──────────────────────────────────────────► NotFetched, or Refused

Redirects are followed by hand. Neither an address with its query string nor anything that a server
sends is repeated in an error.
"""

import contextlib
import hashlib
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import tenacity
import urllib3

from genai_orchestration.jobs.archive_hosts import Guard, connections
from genai_orchestration.jobs.archive_refusals import NotFetched, Refused
from genai_orchestration.providers.refusals import cause_of, retry_after

REDIRECTS = 3
MOVED = (301, 302, 303, 307, 308)
CHUNK = 128 * 1024  # bytes in memory for each download
TIMEOUT = urllib3.Timeout(connect=10.0, read=30.0)  # seconds; to read: between two bytes
DEADLINE = 900.0  # seconds of one download: a server that drips does not keep a place for ever
ATTEMPTS = 4
DIGITS = 18  # of a length; more of them are over every limit anyway
LONGEST_WAIT = 10.0  # seconds; who asks for a longer one is asked again by a later run


@dataclass(frozen=True)
class Fetched:
    """A file that is complete."""

    sha256: str
    bytes: int


class Fetcher:
    """Downloads for one provider; threads may share it."""

    def __init__(
        self, base_url: str, limit: int, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._guard = Guard(base_url)
        self._limit = limit
        self._sleep = sleep
        self._connections = connections(self._guard)

    def close(self) -> None:
        """Give the connections back."""
        self._connections.clear()

    def fetch(self, url: str, into: BinaryIO) -> Fetched:
        """Write the file at that address into `into`, from its beginning; Refused or NotFetched."""
        attempts = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            retry=tenacity.retry_if_exception(_worth_waiting),
            wait=_wait,
            sleep=self._sleep,
            reraise=True,
        )
        fetched: Fetched = attempts(lambda: self._once(url, into))
        return fetched

    def _once(self, url: str, into: BinaryIO) -> Fetched:
        into.seek(0)
        into.truncate()
        try:
            answer, host = self._answer(url)
            with contextlib.closing(answer):
                return self._read(answer, host, into)
        except urllib3.exceptions.LocationValueError:
            raise Refused("Its address cannot be read.") from None
        except urllib3.exceptions.HTTPError as error:
            host = urlsplit(url).hostname
            raise NotFetched(f"{host} does not answer as it should ({cause_of(error)}).") from None

    def _answer(self, url: str) -> tuple[urllib3.BaseHTTPResponse, str | None]:
        """The last answer of a chain of redirects, and the host that gives it."""
        for _ in range(REDIRECTS + 1):
            self._guard.check(url)
            answer = self._connections.request(
                "GET", url, redirect=False, preload_content=False, timeout=TIMEOUT
            )
            if answer.status not in MOVED:
                return answer, urlsplit(url).hostname
            answer.close()
            url = _joined(url, answer.headers.get("location", ""))
        raise Refused(f"It is redirected more than {REDIRECTS} times.")

    def _read(self, answer: urllib3.BaseHTTPResponse, host: str | None, into: BinaryIO) -> Fetched:
        if answer.status != 200:
            raise NotFetched(
                f"{host} answered {answer.status}.",
                again=answer.status == 429 or answer.status >= 500,
                retry_after=retry_after(answer),
            )
        if answer.headers.get("content-encoding", "identity") != "identity":
            raise Refused(f"{host} sends it packed, which was not asked for.")
        expected = self._length(answer)
        digest, size, until = hashlib.sha256(), 0, time.monotonic() + DEADLINE
        while part := answer.read1(CHUNK, decode_content=False):
            size += len(part)
            if size > self._limit:
                raise self._too_large(f"more than {self._limit:,}")
            if time.monotonic() > until:
                raise NotFetched(f"{host} took over {DEADLINE:g} s for it.", again=False)
            digest.update(part)
            into.write(part)
        if expected is not None and size != expected:
            raise NotFetched(f"{host} sent {size:,} of {expected:,} bytes.")
        return Fetched(digest.hexdigest(), size)

    def _length(self, answer: urllib3.BaseHTTPResponse) -> int | None:
        """Bytes to come; None where the transfer itself says when it is over."""
        chunked = "chunked" in answer.headers.get("transfer-encoding", "").lower()
        stated = answer.headers.get("content-length", "")
        if chunked:
            return None
        if not stated.isdecimal():
            raise NotFetched(
                "The server does not say how long it is: half of it could not be told from all.",
                again=False,
            )
        length = int(stated[:DIGITS])
        if length > self._limit:
            raise self._too_large(f"{length:,}")
        return length

    def _too_large(self, size: str) -> Refused:
        return Refused(
            f"It has {size} bytes; the limit is {self._limit:,}: raise GENAI_ARCHIVE_LIMIT "
            "(megabytes), and archive it with --again."
        )


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise Refused("It is redirected to an address that cannot be read.") from None


def _worth_waiting(error: BaseException) -> bool:
    return (
        isinstance(error, NotFetched) and error.again and (error.retry_after or 0) <= LONGEST_WAIT
    )


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, NotFetched) and error.retry_after is not None:
        return error.retry_after + 0.05
    return float(0.2 * 3 ** (state.attempt_number - 1) * random.uniform(1, 1.25))  # noqa: S311 not a secret
