"""One file over HTTP: streamed, counted and hashed on its way to the disk.

    GET ─┬─► 200 ─► under the limit, unpacked? ─► as long as the server says? ─► Fetched
         ├─► 30x ─► the new address is checked like the first one, three times at most
         ├─► 429, 5xx, no answer, half an answer ─► a few times again ─► NotFetched
         └─► anything else ──────────────────────────────────────────► NotFetched, or FileRefused

A server that does not say how long the file is ends it by hanging up: whether it is whole then,
only its content shows it. Redirects are followed by hand. Neither an address with its query string
nor anything that a server sends is repeated in an error.
"""

import contextlib
import hashlib
import itertools
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import tenacity
import urllib3

from genai_orchestration.archive.hosts import Guard, connections
from genai_orchestration.archive.refusals import FileRefused, NotFetched
from genai_orchestration.providers.refusals import cause_of, pause_seconds, retry_after

REDIRECTS = 3
MOVED = (301, 302, 303, 307, 308)
PACKED = ("br", "zstd", "deflate", "compress")  # Content-Encoding that nobody has asked for
GZIP = b"\x1f\x8b"  # how it begins; no file that is kept does
CHUNK = 128 * 1024  # bytes in memory for each download
TIMEOUT = urllib3.Timeout(connect=10.0, read=30.0)  # seconds; to read: between two bytes
DEADLINE = 900.0  # seconds of one download: a server that drips does not keep a place without end
ATTEMPTS = 4
DIGITS = 18  # of a length; more of them are over every limit anyway
LONGEST_WAIT = 10.0  # seconds; who asks for a longer one is asked again by a later run


@dataclass(frozen=True)
class Fetched:
    """A file that is complete."""

    sha256: str
    bytes: int
    packed: bool = False  # as the server says, in a way that is not unpacked here


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
        """Write the file at that URL into `into`, from the beginning; FileRefused or NotFetched."""
        attempts = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(ATTEMPTS),
            retry=tenacity.retry_if_exception(_worth_waiting),
            wait=wait_seconds,
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
            raise FileRefused("Its address cannot be read.") from None
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
        raise FileRefused(f"It is redirected more than {REDIRECTS} times.")

    def _read(self, answer: urllib3.BaseHTTPResponse, host: str | None, into: BinaryIO) -> Fetched:
        if answer.status != 200:
            raise NotFetched(
                f"{host} answered {answer.status}.",
                again=answer.status == 429 or answer.status >= 500,
                retry_after=retry_after(answer),
            )
        expected = self._length(answer)
        encoding = answer.headers.get("content-encoding", "").strip().lower()
        body = self._limited(self._body(answer, host, expected))
        if encoding:
            body = self._limited(unpacked(body))
        size, digest = 0, hashlib.sha256()
        for part in body:
            size += len(part)
            digest.update(part)
            into.write(part)
        return Fetched(digest.hexdigest(), size, encoding in PACKED)

    def _body(
        self, answer: urllib3.BaseHTTPResponse, host: str | None, expected: int | None
    ) -> Iterator[bytes]:
        """The body as it is sent; NotFetched when it is another length than the server has said."""
        size, until = 0, time.monotonic() + DEADLINE
        while part := answer.read1(CHUNK, decode_content=False):
            size += len(part)
            if time.monotonic() > until:
                raise NotFetched(f"{host} took over {DEADLINE:g} s for it.", again=False)
            yield part
        if expected is not None and size != expected:
            raise NotFetched(f"{host} sent {size:,} of {expected:,} bytes.")

    def _limited(self, parts: Iterator[bytes]) -> Iterator[bytes]:
        """The same, as long as it stays under the limit; FileRefused where it does not."""
        size = 0
        for part in parts:
            size += len(part)
            if size > self._limit:
                raise self._too_large(f"more than {self._limit:,}")
            yield part

    def _length(self, answer: urllib3.BaseHTTPResponse) -> int | None:
        """Bytes to come, as the server says; None where it does not."""
        chunked = "chunked" in answer.headers.get("transfer-encoding", "").lower()
        stated = answer.headers.get("content-length", "")
        if chunked or not stated.isdecimal():
            return None
        length = int(stated[:DIGITS])
        if length > self._limit:
            raise self._too_large(f"{length:,}")
        return length

    def _too_large(self, size: str) -> FileRefused:
        return FileRefused(
            f"It has {size} bytes; the limit is {self._limit:,}: raise GENAI_ARCHIVE_LIMIT "
            "(megabytes), and archive it with --again."
        )


def unpacked(body: Iterator[bytes]) -> Iterator[bytes]:
    """What gzip has packed, a piece at a time, however far it unfolds; anything else as it comes.

    Storage services leave all sorts of Content-Encoding on plain bytes, "gzip" among them: the
    bytes say. NotFetched when the end of the packed bytes is missing, or they are damaged.
    """
    first = next(body, b"")
    while len(first) < len(GZIP) and (more := next(body, b"")):
        first += more
    whole = itertools.chain((first,), body)
    return _gunzipped(whole) if first.startswith(GZIP) else whole


def _gunzipped(body: Iterator[bytes]) -> Iterator[bytes]:
    unpacker = zlib.decompressobj(wbits=31)
    try:
        for packed in body:
            while packed and not unpacker.eof:
                yield unpacker.decompress(packed, CHUNK)
                packed = unpacker.unconsumed_tail
    except zlib.error:
        raise NotFetched("What gzip has packed of it is damaged.") from None
    if not unpacker.eof:
        raise NotFetched("What gzip has packed of it ends too early.")


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise FileRefused("It is redirected to an address that cannot be read.") from None


def _worth_waiting(error: BaseException) -> bool:
    return (
        isinstance(error, NotFetched) and error.again and (error.retry_after or 0) <= LONGEST_WAIT
    )


def wait_seconds(state: tenacity.RetryCallState) -> float:
    """Seconds until the next attempt: what the server asked for, else a growing pause."""
    error = state.outcome.exception() if state.outcome else None
    asked_for = error.retry_after if isinstance(error, NotFetched) else None
    return pause_seconds(asked_for, 0.2, 3, state.attempt_number)  # 0.2, 0.6, 1.8 s
