"""A provider's refusals: which kind each is, in a sentence with the next step.

    status ─► WrongSetting (3xx, 400, 401, 403, 422) · OutOfCredits (402) · NotFound (404)
              RateLimited (429) · Unavailable (5xx, no answer, half an answer)

Only what a status means everywhere is decided here; a vendor's own codes are distinguished beside
its source.
"""

import random
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime

import orjson
import requests
import urllib3

from genai_orchestration.errors import UserError
from genai_orchestration.providers.proxies import proxy_of
from genai_orchestration.providers.redact import redact

NO_REASON = "no reason given"
LONGEST_MESSAGE = 200  # characters of a vendor's own words that go into a message


class ProviderError(UserError):
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
    """The provider does not answer as it should just now: worth asking again later.

    `retry_after` is the provider's own wait in seconds, when it gave one.
    """

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class RateLimited(Unavailable):
    """Too many requests: the provider is well, but wants to be left alone for a while."""


def refusal(
    title: str, section: str, where: str, answer: requests.Response, message: str
) -> ProviderError:
    """The error for an answer that is not 2xx.

    `section` is where the settings are, `words` what the vendor says, made fit to be shown.
    """
    status, wait = answer.status_code, retry_after(answer)
    said = f"{title} answered {status} ({message}) at {where}."
    match status:
        case 401:
            return WrongSetting(f"{said} The key is not accepted: set api_key in {section}.")
        case 403:
            return WrongSetting(
                f"{said} The key in {section} api_key may not read this, or names another account."
            )
        case 402:
            return OutOfCredits(f"{said} Top up the account's credits.")
        case 404:
            return NotFound(f"{said} Check base_url in {section}.")
        case 429:
            hint = "later" if wait is None else f"in {wait:g} s"
            return RateLimited(f"{said} Too many requests: try again {hint}.", wait)
        case _ if status >= 500:
            return Unavailable(f"{said} The provider is in trouble: try again later.", wait)
        case _ if status < 400:
            target = fit_message(answer.headers.get("location", "elsewhere"))
            return WrongSetting(f"{said} It redirects to {target}: set base_url in {section}.")
        case _:  # the vendor's words first: the person has to change what they are about
            said = f"{message.rstrip('.')}: {title} answered {status} at {where}."
            return WrongSetting(f"{said} Change the request, or see {section}.")


def message_of(answer: requests.Response) -> str:
    """The vendor's own words in an error answer, as sent; the reason phrase without any."""
    try:
        body = orjson.loads(answer.content)
        errors = body.get("errors") or [body]
        message = body.get("message") or errors[0].get("message")
    except (orjson.JSONDecodeError, AttributeError, IndexError, TypeError, KeyError):
        message = None
    return str(message or answer.reason or NO_REASON)


def fit_message(message: str) -> str:
    """Words of a vendor on one line, shortened, and without what may sign or open an address."""
    return str(redact(" ".join(message.split())))[:LONGEST_MESSAGE]


def retry_after(answer: requests.Response | urllib3.BaseHTTPResponse) -> float | None:
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


def pause_seconds(asked_for: float | None, first: float, factor: int, attempt: int) -> float:
    """Until the attempt after that one: what the server asks for, but never less than what grows.

    It grows from `first` by `factor`, and up to a quarter more, so that many clients do not return
    at once. A server may round down what it asks for: Directus 11 says 0 s when it means 0.4.
    """
    growing = first * factor ** (attempt - 1) * random.uniform(1, 1.25)  # noqa: S311 not a secret
    return float(max((asked_for or 0.0) + 0.05, growing))


def cause_of(error: Exception) -> str:
    """Why there was no answer, without the address and its query string; a proxy is named."""
    asked = getattr(getattr(error, "request", None), "url", None)
    proxy = proxy_of(asked) if asked else None
    way = f", by way of the proxy {proxy} of HTTPS_PROXY, HTTP_PROXY or ALL_PROXY" if proxy else ""
    return f"{_cause(error)}{way}"


def _cause(error: Exception) -> str:
    match error:
        case requests.exceptions.Timeout() | urllib3.exceptions.TimeoutError():
            return "no answer in time"
        case requests.exceptions.SSLError() | urllib3.exceptions.SSLError():
            return "the TLS handshake failed"
        case requests.exceptions.ChunkedEncodingError() | urllib3.exceptions.ProtocolError():
            return "the answer broke off"
        case requests.exceptions.ContentDecodingError() | urllib3.exceptions.DecodeError():
            return "the answer cannot be unpacked"
        case requests.exceptions.InvalidURL() | urllib3.exceptions.LocationValueError():
            return "the address is not one"
        case _ if type(error) is OSError and error.errno is None:
            return str(error)  # requests' own, with a path: of a missing CA bundle
        case _:
            reason = _innermost_reason(error)
            return f"no connection: {reason}" if reason else "no connection"


def _innermost_reason(error: BaseException) -> str | None:
    """What the system says of a connection, inside of what requests and urllib3 wrap around it."""
    found = None
    wrapped: BaseException | None = error
    while wrapped is not None:
        if isinstance(wrapped, OSError) and wrapped.strerror:
            found = wrapped.strerror
        inner = (getattr(wrapped, "reason", None), *wrapped.args, wrapped.__cause__)
        wrapped = next((each for each in inner if isinstance(each, BaseException)), None)
    return found
