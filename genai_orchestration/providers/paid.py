"""The paid client: a POST that leaves at most once, and what became of it.

    post ─► 2xx, a JSON object ─────────────────────────────► the answer
         ├► 400 401 402 403 404 413 422 451, a 429 that says so ─► Rejected: a definite no; one
         │                                       that is no JSON is of the address, but for 413
         ├► 429 of a rate, or no connection was made ───────► NotNow: nothing was made of it
         └► anything else: 5xx, no answer, half an answer ──► Ambiguous: it may be paid for

A session of its own for each POST: a kept connection may be closed by the server at the moment it
is used again, and then nobody knows whether the request was read. No retry, no redirect.
"""

import json
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from genai_orchestration import compat
from genai_orchestration.providers.http import LOAD_POLICY, ReadClient
from genai_orchestration.providers.proxies import Session
from genai_orchestration.providers.refusals import (
    OutOfCredits,
    ProviderError,
    RateLimited,
    cause_of,
    fit_message,
    message_of,
    retry_after,
)
from genai_orchestration.providers.states import Failure

DEFINITE: Mapping[int, Failure] = {
    400: Failure.INVALID,
    401: Failure.KEY,
    402: Failure.OUT_OF_CREDITS,
    403: Failure.PLAN,
    404: Failure.KEY,
    413: Failure.INVALID,  # too large for whatever is in front of the API, too
    422: Failure.INVALID,
    451: Failure.MODERATION,
}
RATE = 429
TOO_LARGE = 413
ANSWER_WITHIN = 300.0  # seconds from sending to the end of an answer; within LONGEST_POST
LARGEST = 16 * 2**20  # bytes of an answer, decompressed
PIECE = 8192  # bytes that are read at once, at most
BEGINNING = 500  # characters of an unclear answer that are kept


class Rejected(ProviderError):
    """The provider said no in so many words: nothing was made, nothing is charged."""

    def __init__(self, text: str, failure: Failure) -> None:
        super().__init__(text)
        self.failure = failure


class NotNow(ProviderError):
    """Nothing was made of the request, and the same may be sent again later."""

    def __init__(self, text: str, wait: float | None = None) -> None:
        super().__init__(text)
        self.wait = wait  # seconds that the provider asks for, when it does


class Ambiguous(ProviderError):
    """Nobody knows whether the request arrived: it may have been carried out and paid for."""


class _Endless(Exception):
    """An answer that is longer, or takes longer, than any of an API."""


Meaning = Callable[[requests.Response], Failure | None]


@dataclass(frozen=True)
class PaidClient:
    """Sends paid POSTs to the server that `reads` reads from, with the same key."""

    reads: ReadClient
    meaning: Meaning = lambda answer: None  # the vendor's own, asked before the general ones

    def post(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The JSON object that answers POST `path`; Rejected, NotNow or Ambiguous in words."""
        answer = self._send(path, body)
        if not 200 <= answer.status_code < 300:
            raise self._refusal(answer, path)
        parsed = _object(answer)
        if parsed is None:
            what = f"answered {answer.status_code} without JSON that can be read"
            raise self.unclear(what, answer.content)
        return self.reads.redact(parsed)

    def unclear(self, what: str, said: bytes | Mapping[str, Any] = b"") -> Ambiguous:
        """The error for an answer that does not say whether a job was made.

        The beginning of what it `said` is kept: it may have the id of a job, for a person.
        """
        begun = self._begun(said) if said else ""
        return Ambiguous(
            f"{self.reads.title} {what}: the request may have been carried out and paid for. It "
            "is not sent again before that is known." + (f" The answer was: {begun}" * bool(begun))
        )

    def _begun(self, said: bytes | Mapping[str, Any]) -> str:
        text = said.decode("utf-8", "replace") if isinstance(said, bytes) else json.dumps(said)
        return self.reads.redact(" ".join(text.split()))[:BEGINNING]

    def _send(self, path: str, body: Mapping[str, Any]) -> requests.Response:
        content = bytearray()
        until = time.monotonic() + ANSWER_WITHIN
        try:
            with (
                self.reads.place(),
                Session() as session,
                session.post(
                    self.reads.where(path),
                    data=json.dumps(body),  # whatever the ledger could keep; orjson takes less
                    headers={"Content-Type": "application/json", "Accept": "application/json"},
                    auth=self.reads.auth,
                    timeout=LOAD_POLICY.timeouts,
                    allow_redirects=False,
                    stream=True,  # else half an answer is lost, and a long one is waited for
                ) as answer,
            ):
                _read(answer, content, until)
                return answer
        except Exception as error:  # whatever it is: the request may have left before it
            raise self._lost(error, path, bytes(content)) from None

    def _lost(self, error: Exception, path: str, content: bytes) -> ProviderError:
        """What an error means that came instead of an answer, or in the middle of one."""
        if not content and _never_left(error):
            return NotNow(
                f"{self.reads.title} cannot be reached at {self.reads.where(path)} "
                f"({cause_of(error)}); nothing was sent. Check the network and base_url in "
                f"[sources.{self.reads.section}], or try again later."
            )
        cause = str(error) if isinstance(error, _Endless) else cause_of(error)
        what = "sent half an answer" if content else "did not answer"
        return self.unclear(f"{what} ({cause})", content)

    def _refusal(self, answer: requests.Response, path: str) -> ProviderError:
        error, status = self.reads.error(answer, path), answer.status_code
        if status < 400:
            return Ambiguous(f"{error} The request may have been carried out and paid for.")
        if status >= 500:  # whatever the words: a server in trouble does not know what it has done
            return self.unclear(f"answered {status} ({self._words(answer)}) instead of a job")
        failure = self.meaning(answer) or _definite(answer, error)
        if failure:
            return Rejected(str(error), failure)
        if status == RATE and _object(answer) is not None:
            wait = error.retry_after if isinstance(error, RateLimited) else retry_after(answer)
            return NotNow(str(error), wait)
        return self.unclear(f"answered {status} ({self._words(answer)}) instead of a job")

    def _words(self, answer: requests.Response) -> str:
        message = message_of(answer)
        return fit_message(self.reads.auth.hide(message) if self.reads.auth else message)


def _definite(answer: requests.Response, error: ProviderError) -> Failure | None:
    """Why nothing was made, by the status; what is not an API's answer is of the address."""
    if isinstance(error, OutOfCredits):
        return Failure.OUT_OF_CREDITS
    failure, status = DEFINITE.get(answer.status_code), answer.status_code
    if failure is None or status == TOO_LARGE or _object(answer) is not None:
        return failure
    return Failure.KEY


def _object(answer: requests.Response) -> dict[str, Any] | None:
    """The answer's JSON object, read so that no odd character loses the id of a paid job."""
    try:
        parsed = json.loads(answer.content.decode("utf-8-sig", "replace"))
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def _read(answer: requests.Response, content: bytearray, until: float) -> None:
    """Read the whole answer into `content`, piece by piece as it comes, with an end to it."""
    while piece := answer.raw.read1(PIECE, decode_content=True):
        content += piece
        if len(content) > LARGEST:
            raise _Endless(f"it has over {LARGEST // 2**20} MB")
        if time.monotonic() > until:
            raise _Endless(f"it took over {ANSWER_WITHIN:g} seconds")
    compat.set_content(answer, bytes(content))


def _never_left(error: BaseException | None) -> bool:
    """Whether there was no connection over which the request could have left."""
    before = (  # of these, only the certificate's error among those of TLS: others come later, too
        urllib3.exceptions.NewConnectionError,
        requests.ConnectTimeout,
        ssl.SSLCertVerificationError,
    )
    if type(error) is OSError and error.errno is None:
        return True  # requests': a CA bundle is not there; those of a connection it wraps
    while error is not None:
        if isinstance(error, before):
            return True
        reason = getattr(error, "reason", None)
        wrapped = [part for part in (reason, *error.args) if isinstance(part, BaseException)]
        error = wrapped[0] if wrapped else None
    return False
