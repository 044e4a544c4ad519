"""The read client: GET requests that retry, and errors in sentences.

    get() ─► answer 2xx ──────────────────────────► parsed JSON
         ├─► 429, 5xx, no answer, half an answer ─► wait (Retry-After, else growing), ask again
         └─► anything else, or a wait over 30 s ──► ProviderError: thing, cause, next step

Only reads belong here: they may be repeated. Paid POSTs never go through this client.
"""

import contextlib
import queue
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

import orjson
import requests
import tenacity
import urllib3
from requests.adapters import HTTPAdapter

from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.proxies import Session
from genai_orchestration.providers.refusals import (
    ProviderError,
    Unavailable,
    WrongSetting,
    cause_of,
    message_of,
    refusal,
    shown,
)
from genai_orchestration.providers.unsigned import unsigned

CONNECTIONS = 16  # kept alive per client: more than any reader here has threads


class RateLimit:
    """Lets at most `per_second` requests reach the server in any second, over all threads.

    A place is free again one second after its *answer* has come: by then the request has certainly
    arrived, however long it was on its way. Even spacing would not do: delays bunch requests.
    """

    SECOND = 1.0005  # a hair over, for a server whose clock is not quite ours

    def __init__(self, per_second: int) -> None:
        self._free_at: queue.SimpleQueue[float] = queue.SimpleQueue()
        for _ in range(per_second):
            self._free_at.put(0.0)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a place, and keep it for the length of a with block and a second more."""
        free_at = self._free_at.get()
        time.sleep(max(0.0, free_at - time.monotonic()))
        try:
            yield
        finally:
            self._free_at.put(time.monotonic() + self.SECOND)


@dataclass(frozen=True)
class Pace:
    """How long a client tries before it hands the matter back to the scheduler."""

    attempts: int
    longest_wait: float  # seconds; a provider that asks for more is left alone for now
    timeouts: tuple[float, float]  # seconds to connect, and between two bytes of an answer


PATIENT = Pace(attempts=5, longest_wait=30.0, timeouts=(10.0, 60.0))  # loads
QUICK = Pace(attempts=2, longest_wait=2.0, timeouts=(3.0, 5.0))  # sensors: Dagster gives them 60 s

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
    pace: "Pace" = field(default_factory=lambda: PATIENT)
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        """Check the address and open a session that keeps connections alive."""
        if "@" in self.base_url:  # not quoted: what is before it may be a password
            raise WrongSetting(
                f"{self.title}'s base_url holds a user name or a password, which would end up in "
                f"logs: leave them out in [sources.{self.section}]."
            )
        if not _is_address(self.base_url):
            begin = re.split("[?#]", self.base_url)[0]  # what follows may be a secret
            raise WrongSetting(
                f"{self.title}'s base_url {begin!r} is not an http(s) address: "
                f"set base_url in [sources.{self.section}]."
            )
        self._session = Session()
        self._session.headers.update({"Accept": "application/json", **self.headers})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS))

    def get_json(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """The parsed JSON of GET `path`; raises ProviderError in words."""
        return self._retrying()(lambda: self.parsed(self._once(path, params)))

    def get_list(
        self, path: str, params: Mapping[str, Any] | None = None, *, at: str | None = None
    ) -> list[Any]:
        """The JSON list at GET `path`, inside the answer's field `at` if one is given."""
        return self._shaped(list, path, params, at)

    def get_object(
        self, path: str, params: Mapping[str, Any] | None = None, *, at: str | None = None
    ) -> dict[str, Any]:
        """The JSON object at GET `path`, inside the answer's field `at` if one is given."""
        return self._shaped(dict, path, params, at)

    def _shaped(
        self, kind: type[T], path: str, params: Mapping[str, Any] | None, at: str | None
    ) -> T:
        answer = self.get_json(path, params)
        if at:
            answer = answer.get(at) if isinstance(answer, dict) else None
        if isinstance(answer, kind):
            return answer
        raise WrongSetting(
            f"{self.title} answered JSON of another shape at {self.where(path)}: that is not its "
            f"API. Check base_url in [sources.{self.section}]."
        )

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
        try:
            with self.place():
                answer = self._session.get(
                    self.where(path),
                    params=params,
                    auth=self.auth,
                    timeout=self.pace.timeouts,
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

    def harmless(self, value: T) -> T:
        """An answer, or a part of one, as it may be kept: without the key and signatures."""
        kept: T = unsigned(value, self.auth.hide_secret) if self.auth else unsigned(value)
        return kept

    def place(self) -> contextlib.AbstractContextManager[None]:
        """Wait for a place under the provider's ceiling, for the length of a with block."""
        return self.limit.place() if self.limit else contextlib.nullcontext()

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
        return isinstance(error, Unavailable) and (error.retry_after or 0) <= self.pace.longest_wait

    def where(self, path: str) -> str:
        """The full address of a path."""
        return f"{self.base_url.rstrip('/')}/{path.lstrip('/')}"

    def error(self, answer: requests.Response, path: str) -> ProviderError:
        """What an answer that is not 2xx means, in words fit to be shown."""
        words = message_of(answer)
        if self.auth:
            words = self.auth.hide(words)  # some vendors repeat a wrong key in their answer
        words = shown(words)
        section = f"[sources.{self.section}]"
        own = self.classify(answer, words) if self.classify else None
        return own or refusal(self.title, section, self.where(path), answer, words)


def _wait(state: tenacity.RetryCallState) -> float:
    error = state.outcome.exception() if state.outcome else None
    if isinstance(error, Unavailable) and error.retry_after is not None:
        return error.retry_after + 0.05  # a server that rounds its own clock down
    # 0.25, 0.5, 1, 2 s and up to a quarter more, so that many clients do not return at once
    return float(0.25 * 2 ** (state.attempt_number - 1) * random.uniform(1, 1.25))  # noqa: S311 not a secret


def _is_address(base_url: str) -> bool:
    try:
        address = urlsplit(base_url)
        _ = address.port  # a ValueError when it is no number
    except ValueError:  # or a bracket without the other
        return False
    plain = not (address.query or address.fragment)  # either would come before the path
    return plain and bool(address.hostname) and base_url.startswith(("http://", "https://"))
