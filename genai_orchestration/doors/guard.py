"""The guard in front of whatever this project serves: no web page of others can reach it.

    request ─► Host known? ─► Origin its own? ─► sent by no other site? ─► a POST no form can send?
                  └ no: 403        └ no: 403            └ no: 403               └ no: 415

A browser lets every page send requests to this machine, and says with them whose page it is. What
has no Origin is no page: curl, the vendors' SDKs, Dagster's own clients. Websockets as well.
"""

import re
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from genai_orchestration.settings import HOSTS_VARIABLE

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^\s:/@\[\]]+)(:[0-9]+)?", re.IGNORECASE)
READING = ("GET", "HEAD", "OPTIONS")
# what a form, or a script of another page, may send without asking the server first
OF_FORMS = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data")
FORBIDDEN, UNSUPPORTED = 403, 415
LONGEST_HEADER = 100  # characters of a header that a sentence repeats

Refusal = tuple[int, str]  # status and sentence


class Guard:
    """ASGI middleware that answers what `refusal` refuses, and passes everything else on.

    `hosts` are names besides this machine's own: those under which a proxy is asked. `pictures`
    says that pictures are public here, and may be shown in pages of others, as the vendors' are.
    """

    def __init__(
        self, app: ASGIApp, hosts: Collection[str] = (), *, pictures: bool = False
    ) -> None:
        self._app, self._hosts = app, frozenset(host.lower() for host in hosts)
        self._pictures = pictures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request or the websocket, or let the application answer."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        method = scope.get("method", "GET")  # a websocket begins as a GET
        refused = refusal(method, Headers(scope=scope), self._hosts, pictures=self._pictures)
        if refused is None:
            await self._app(scope, receive, _unframed(send))
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": refused[1]})
        else:
            status, sentence = refused
            answer = PlainTextResponse(sentence, status, {"X-Content-Type-Options": "nosniff"})
            await answer(scope, receive, send)


def refusal(
    method: str, headers: Headers, hosts: Collection[str] = (), *, pictures: bool = False
) -> Refusal | None:
    """Why a request with these headers is not served: a status and a sentence; None if it is."""
    host = headers.get("host", "").lower()
    if len(headers.getlist("host")) != 1 or not _is_known(host, hosts):
        return FORBIDDEN, (
            f"The host name {host[:LONGEST_HEADER]!r} is not served here: use 127.0.0.1 or "
            f"localhost, or add the name to {HOSTS_VARIABLE} if it is that of your proxy.\n"
        )
    origins = [origin.lower() for origin in headers.getlist("origin")]
    for origin in origins:
        if not _is_own(origin, host, hosts):
            return FORBIDDEN, (
                f"A page of {origin[:LONGEST_HEADER]!r} may not ask this server: add its host to "
                f"{HOSTS_VARIABLE} if it is that of your proxy.\n"
            )
    if _from_another_site(method, headers) and not (pictures and _shows_picture(method, headers)):
        return FORBIDDEN, "A page of another site may not ask this server.\n"
    if method == "POST" and not origins and not _asks_first(headers):
        return UNSUPPORTED, "Send a POST with Content-Type: application/json.\n"
    return None


def _asks_first(headers: Headers) -> bool:
    """Whether a browser would have asked whether another page may send this; no form can."""
    has_key = "x-api-key" in headers or headers.get("authorization", "").startswith("Bearer ")
    return has_key or media_type(headers) not in OF_FORMS


def media_type(headers: Headers) -> str:
    """The Content-Type without its parameters, by which a browser sorts requests."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _is_known(host: str, hosts: Collection[str]) -> bool:
    """Whether a Host header names this machine, or a name that the setting adds."""
    parts = HOST.fullmatch(host)
    return parts is not None and bool({parts[1], host} & {*LOOPBACK, *hosts})


def _is_own(origin: str, host: str, hosts: Collection[str]) -> bool:
    """Whether the page came from this server: the host and port that it asks, or the proxy's."""
    scheme, _, served_at = origin.partition("://")
    return scheme in ("http", "https") and (served_at == host or served_at in hosts)


def _from_another_site(method: str, headers: Headers) -> bool:
    """Whether the browser says so; a person who follows a link to a page is let through."""
    if headers.get("sec-fetch-site", "none") in ("none", "same-origin"):
        return False
    follows_link = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
    return method not in READING or follows_link != ("navigate", "document")


def _shows_picture(method: str, headers: Headers) -> bool:
    """Whether a page asks for a picture to show; what is no picture it never gets to read."""
    shown_as = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
    return method in READING and shown_as == ("no-cors", "image")


def _unframed(send: Send) -> Send:
    """Answers that no other page can show in a frame of its own."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).setdefault("X-Frame-Options", "SAMEORIGIN")
        await send(message)

    return sending
