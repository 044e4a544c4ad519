"""The read client: GET requests that retry, and errors in sentences.

    get() ─► answer 2xx ──────────────────────────► parsed JSON
         ├─► 429, 5xx, no answer, half an answer ─► wait (Retry-After, else growing), ask again
         └─► anything else, or a wait over 30 s ──► ProviderError: thing, cause, next step

Only reads belong here: they may be repeated. Paid POSTs never go through this client.
"""

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Any

import orjson
import requests
import tenacity
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from genai_orchestration.errors import PlainError

CONNECTIONS = 16  # kept alive per client: more than any reader here has threads
SHOWN = 200  # characters of a vendor's own words that go into a message


class ProviderError(PlainError):
    """A provider did not give what was asked for; the text says what to do next."""


class MissingKey(ProviderError):
    """No API key is configured."""


class WrongSetting(ProviderError):
    """A key, an address or another setting is not what the provider expects."""


class NotFound(ProviderError):
    """The provider does not know the thing, or the path."""


class OutOfCredits(ProviderError):
    """The account's credits, or its plan, do not allow it."""


class Unavailable(ProviderError):
    """The provider does not answer as it should just now: worth asking again later."""


class RateLimited(Unavailable):
    """Too many requests; `retry_after` is the provider's own wait in seconds, when it gave one."""

    def __init__(self, text: str, retry_after: float | None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class KeyAuth(AuthBase):
    """The API key as an auth object: dlt and requests log header dicts, but not these."""

    def __init__(self, header: str, value: str) -> None:
        self._header, self._value = header, value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the key into its header."""
        request.headers[self._header] = self._value
        return request

    def hide(self, text: str) -> str:
        """The text without the key: some vendors repeat a wrong one in their answer."""
        return text.replace(self._value.rpartition(" ")[2], "***")


class RateLimit:
    """Lets at most `per_second` requests start in any second, evenly spaced, over all threads."""

    # 4 % wider than the exact spacing: answers for jitter on the way to the provider's own count
    SLACK = 1.04

    def __init__(self, per_second: float) -> None:
        self._spacing = self.SLACK / per_second
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Sleep until this thread's turn."""
        with self._lock:
            start = max(self._next, time.monotonic())
            self._next = start + self._spacing
        time.sleep(max(0.0, start - time.monotonic()))


@dataclass(frozen=True)
class Pace:
    """How long a client tries before it hands the matter back to the scheduler."""

    attempts: int
    longest_wait: float  # seconds; a provider that asks for more is left alone for now
    timeouts: tuple[float, float]  # seconds to connect, and between two bytes of an answer


PATIENT = Pace(attempts=5, longest_wait=30.0, timeouts=(10.0, 60.0))  # loads
QUICK = Pace(attempts=2, longest_wait=2.0, timeouts=(3.0, 8.0))  # sensors: Dagster gives them 60 s

Classify = Callable[[requests.Response, str], ProviderError | None]


@dataclass
class ReadClient:
    """One provider's API for reading: `base_url` joined with paths, a key, retries."""

    title: str  # the provider as its vendor writes it
    section: str  # its section in the configuration, for the next step in an error
    base_url: str
    auth: KeyAuth | None = None
    limit: RateLimit | None = None
    classify: Classify | None = None  # the vendor's own meanings, asked before the general ones
    headers: Mapping[str, str] = field(default_factory=dict)
    pace: "Pace" = field(default_factory=lambda: PATIENT)
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        """Check the address and open a session that keeps connections alive."""
        if not self.base_url.startswith(("http://", "https://")):
            raise WrongSetting(
                f"{self.title}'s base_url {self.base_url!r} is not an http(s) address: "
                f"set base_url in [sources.{self.section}]."
            )
        self._session = requests.Session()
        self._session.headers.update({"Accept": "application/json", **self.headers})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))

    def get_json(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The parsed JSON of GET `path`; raises ProviderError in words."""
        return self._retrying()(lambda: self.parsed(self._once(path, params)))

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> requests.Response:
        """The answer to GET `path`, whatever its content; raises ProviderError in words."""
        answer: requests.Response = self._retrying()(lambda: self._once(path, params))
        return answer

    def _retrying(self) -> tenacity.Retrying:
        return tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.pace.attempts),
            retry=tenacity.retry_if_exception(self._worth_waiting),
            wait=_wait,
            sleep=self.sleep,
            reraise=True,
        )

    def _once(self, path: str, params: Mapping[str, Any] | None) -> requests.Response:
        if self.limit:
            self.limit.wait()
        url = f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"
        try:
            answer = self._session.get(
                url,
                params=params,
                auth=self.auth,
                timeout=self.pace.timeouts,
                allow_redirects=False,
            )
        except requests.exceptions.RequestException as error:
            raise Unavailable(
                f"{self.title} does not answer at {self._where(path)} ({_cause(error)}). "
                f"Check the network and base_url in [sources.{self.section}], or try again later."
            ) from None  # the original's text holds the query string
        if answer.status_code >= 300:
            raise self._error(answer, path)
        return answer

    def parsed(self, answer: requests.Response) -> Any:
        """The answer's JSON; ProviderError when it is none."""
        try:
            return orjson.loads(answer.content)
        except orjson.JSONDecodeError:
            kind = answer.headers.get("content-type", "no content type")
            if "json" in kind:
                raise Unavailable(
                    f"{self.title} sent half an answer (broken JSON); try again later."
                ) from None
            raise WrongSetting(
                f"{self.title} answered {kind} instead of JSON at {self.base_url}: that is not "
                f"its API. Check base_url in [sources.{self.section}]."
            ) from None

    def _worth_waiting(self, error: BaseException) -> bool:
        wait = error.retry_after if isinstance(error, RateLimited) else None
        return isinstance(error, Unavailable) and (wait or 0) <= self.pace.longest_wait

    def _where(self, path: str) -> str:
        return f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"

    def _error(self, answer: requests.Response, path: str) -> ProviderError:
        words = message_of(answer)
        if self.auth:
            words = self.auth.hide(words)
        return (self.classify and self.classify(answer, words)) or self._general(
            answer, words, path
        )

    def _general(self, answer: requests.Response, words: str, path: str) -> ProviderError:
        section, status = f"[sources.{self.section}]", answer.status_code
        said = f"{self.title} answered {status} ({words}) at {self._where(path)}."
        match status:
            case 401:
                return WrongSetting(f"{said} The key is not accepted: set api_key in {section}.")
            case 403:
                return WrongSetting(
                    f"{said} The key in {section} api_key may not read this, or names another "
                    "account."
                )
            case 402:
                return OutOfCredits(f"{said} Top up the account's credits.")
            case 404:
                return NotFound(f"{said} Check base_url in {section}.")
            case 429:
                wait = retry_after(answer)
                hint = "later" if wait is None else f"in {wait:g} s"
                return RateLimited(f"{said} Too many requests: try again {hint}.", wait)
            case _ if status >= 500:
                return Unavailable(f"{said} The provider is in trouble: try again later.")
            case _ if status < 400:
                target = answer.headers.get("location", "elsewhere").partition("?")[0]
                return WrongSetting(f"{said} It redirects to {target}: set base_url in {section}.")
            case _:
                return WrongSetting(f"{said} The request was not understood; see {section}.")


def message_of(answer: requests.Response) -> str:
    """The vendor's own words in an error answer, shortened; the reason phrase without any."""
    try:
        body = orjson.loads(answer.content)
        errors = body.get("errors") or [body]
        words = body.get("message") or errors[0].get("message")
    except (orjson.JSONDecodeError, AttributeError, IndexError, TypeError, KeyError):
        words = None
    return str(words or answer.reason or "no reason given")[:SHOWN]


def retry_after(answer: requests.Response) -> float | None:
    """Seconds from `Retry-After`: whole, fractional or an HTTP date; None when it is unusable."""
    value = answer.headers.get("retry-after", "")
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(value) - datetime.now(timezone.utc)).total_seconds()
        except (ValueError, TypeError):
            return None
    return max(0.0, seconds)


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, RateLimited) and error.retry_after is not None:
        return error.retry_after + 0.05  # a server that rounds its own clock down
    # 0.25, 0.5, 1, 2 s and up to a quarter more, so that many clients do not return at once
    return float(0.25 * 2 ** (state.attempt_number - 1) * random.uniform(1, 1.25))  # noqa: S311 not a secret


def _cause(error: requests.exceptions.RequestException) -> str:
    match error:
        case requests.exceptions.Timeout():
            return "no answer in time"
        case requests.exceptions.SSLError():
            return "the TLS handshake failed"
        case requests.exceptions.ConnectionError():
            return "no connection"
        case _:
            return type(error).__name__
