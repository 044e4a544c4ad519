"""The read client: GET requests that retry, and errors in sentences.

    read() ─► answer 2xx of the expected shape ─────► parsed JSON
          ├─► 429, 5xx, no answer, half an answer,
          │   JSON of another shape ────────────────► wait (Retry-After, else growing), ask again
          └─► anything else, or a wait over 30 s ───► ProviderError: thing, cause, next step

A web page or a redirect means a wrong base_url, but not where the API has answered before: there
it passes, and is asked again. Only reads belong here: they may be repeated. Paid POSTs never go
through this client.
"""

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import orjson
import requests
import tenacity
import urllib3
from requests.adapters import HTTPAdapter

from genai_orchestration.providers import shapes
from genai_orchestration.providers.base_url import check_base_url
from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.proxies import Session
from genai_orchestration.providers.rate_limit import RateLimit
from genai_orchestration.providers.redact import redact
from genai_orchestration.providers.refusals import (
    NO_REASON,
    ProviderError,
    Unavailable,
    WrongSetting,
    cause_of,
    fit_message,
    message_of,
    pause_seconds,
    refusal,
)

# base URLs that have answered as their API in this process: what odd they say later is passing
_answering: set[str] = set()

CONNECTIONS = 16  # kept alive per client: more than any reader here has threads


@dataclass(frozen=True)
class RetryPolicy:
    """How long a client tries before it hands the matter back to the scheduler."""

    attempts: int
    longest_wait: float  # seconds; a provider that asks for more is left alone for now
    timeouts: tuple[float, float]  # seconds to connect, and between two bytes of an answer


LOAD_POLICY = RetryPolicy(attempts=5, longest_wait=30.0, timeouts=(10.0, 60.0))  # loads
SENSOR_POLICY = RetryPolicy(
    attempts=2, longest_wait=2.0, timeouts=(3.0, 5.0)
)  # sensors: Dagster gives them 60 s

T = TypeVar("T")
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
    policy: "RetryPolicy" = field(default_factory=lambda: LOAD_POLICY)
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        """Check the address and open a session that keeps connections alive."""
        check_base_url(self.base_url, self.title, self.section)
        self._session = Session()
        self._session.headers.update({"Accept": "application/json", **self.headers})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))

    def read(
        self, path: str, params: Mapping[str, Any] | None = None, *, shape: shapes.Shape[T]
    ) -> T:
        """What `shape` takes of the JSON at GET `path`; raises ProviderError in words.

        An answer of another shape is Unavailable, after it was asked for again.
        """
        return self.read_with_headers(path, params, shape=shape)[0]

    def read_with_headers(
        self, path: str, params: Mapping[str, Any] | None = None, *, shape: shapes.Shape[T]
    ) -> tuple[T, Mapping[str, str]]:
        """As `read`, and the answer's headers: some say there how long a list is."""
        return self._asked("GET", path, params, shape)

    def read_by_post(self, path: str, *, shape: shapes.Shape[T]) -> T:
        """As `read`, by a POST without a body that is free and changes nothing: it is repeated."""
        return self._asked("POST", path, None, shape)[0]

    def get_list(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        at: str | None = None,
        key: str | None = None,
    ) -> list[shapes.Record]:
        """The records at GET `path`, in the answer's field `at`, each with its `key`."""
        return self.read(path, params, shape=shapes.records(at=at, key=key))

    def get_object(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        at: str | None = None,
        needs: Sequence[str] = (),
    ) -> shapes.Record:
        """The object at GET `path`, in the answer's field `at`, with all of `needs` not null."""
        return self.read(path, params, shape=shapes.record(at=at, needs=needs))

    def _asked(
        self, method: str, path: str, params: Mapping[str, Any] | None, shape: shapes.Shape[T]
    ) -> tuple[T, Mapping[str, str]]:
        retrying = tenacity.Retrying(
            stop=tenacity.stop_after_attempt(self.policy.attempts),
            retry=tenacity.retry_if_exception(self._worth_waiting),
            wait=wait_seconds,
            sleep=self.sleep,
            reraise=True,
        )
        answer: tuple[T, Mapping[str, str]] = retrying(
            lambda: self._shaped(self._once(method, path, params), path, shape)
        )
        return answer

    def _once(self, method: str, path: str, params: Mapping[str, Any] | None) -> requests.Response:
        try:
            with self.place():
                answer = self._session.request(
                    *(method, self.where(path)),
                    params=params,
                    auth=self.auth,
                    timeout=self.policy.timeouts,
                    allow_redirects=False,
                )
        except (OSError, urllib3.exceptions.HTTPError) as error:  # requests' own are OSErrors
            raise Unavailable(
                f"{self.title} does not answer at {self.where(path)} ({cause_of(error)}). "
                f"Check the network and base_url in [sources.{self.section}], or try again later."
            ) from None  # the original's text holds the query string
        if answer.status_code >= 300:
            raise self.error(answer, path)
        return answer

    def redact(self, value: T) -> T:
        """An answer, or a part of one, as it may be kept: without the key and signatures."""
        kept: T = redact(value, self.auth.hide_secret) if self.auth else redact(value)
        return kept

    def place(self) -> contextlib.AbstractContextManager[None]:
        """Wait for a place under the provider's ceiling, for the length of a with block."""
        return self.limit.place() if self.limit else contextlib.nullcontext()

    def _shaped(
        self, answer: requests.Response, path: str, shape: shapes.Shape[T]
    ) -> tuple[T, Mapping[str, str]]:
        """The one place that decides whether an answer is what was asked for."""
        parsed = self._parsed(answer)
        try:
            shaped = shape(parsed)
        except shapes.Misshapen as odd:
            said = self._shown(message_of(answer))
            quoted = "" if said in (answer.reason, NO_REASON) else f' that says "{said}"'
            raise Unavailable(
                f"{self.title} answered JSON of another shape at {self.where(path)}: {odd}"
                f"{quoted}. Try again later; if it stays, check base_url in "
                f"[sources.{self.section}]."
            ) from None
        _answering.add(self.base_url)
        return shaped, answer.headers

    def _parsed(self, answer: requests.Response) -> Any:
        try:
            return shapes.parse(answer.content)
        except orjson.JSONDecodeError:
            kind = answer.headers.get("content-type", "no content type")
            if "json" in kind or not answer.content:
                raise Unavailable(
                    f"{self.title} sent half an answer (broken JSON); try again later."
                ) from None
            said = f"{self.title} answered {self._shown(kind)} instead of JSON at {self.base_url}"
            if self.base_url in _answering:
                raise Unavailable(
                    f"{said}, where it has answered before: try again later."
                ) from None
            raise WrongSetting(
                f"{said}: that is not its API. Check base_url in [sources.{self.section}]."
            ) from None

    def _worth_waiting(self, error: BaseException) -> bool:
        return (
            isinstance(error, Unavailable) and (error.retry_after or 0) <= self.policy.longest_wait
        )

    def where(self, path: str) -> str:
        """The full address of a path."""
        return f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"

    def error(self, answer: requests.Response, path: str) -> ProviderError:
        """What an answer that is not 2xx means, in words fit to be shown."""
        message = self._shown(message_of(answer))
        section = f"[sources.{self.section}]"
        own = self.classify(answer, message) if self.classify else None
        error = own or refusal(self.title, section, self.where(path), answer, message)
        if answer.status_code < 400 and self.base_url in _answering:
            return Unavailable(f"{error} It has answered before: try again later.")
        return error

    def _shown(self, message: str) -> str:
        """A vendor's words, fit to be shown: some repeat a wrong key in their answer."""
        return fit_message(self.auth.hide(message) if self.auth else message)


def wait_seconds(state: tenacity.RetryCallState) -> float:
    """Seconds until the next attempt: what the provider asked for, else a growing pause."""
    error = state.outcome.exception() if state.outcome else None
    asked_for = error.retry_after if isinstance(error, Unavailable) else None
    return pause_seconds(asked_for, 0.25, 2, state.attempt_number)  # 0.25, 0.5, 1, 2 s
