"""Magic Hour's sandbox: the API's endpoints over an account and its jobs.

    POST /v1/<tool> ─► check ─► 402? ─► Job ─► GET /v1/<kind>-projects/{id} ─► /_files/… (signed)

A request comes in, the vendor's JSON goes out. `/_files/…` and `/_uploads/…` are the vendor's
storage; `/_admin/…` is a person in the web app (`cancel`), or asks for an odd answer (`withhold`:
a complete project without all of its downloads). None of the three asks for a key.
"""

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp, Receive, Scope, Send

from genai_orchestration.providers.magic_hour.sandbox.account import Account
from genai_orchestration.providers.magic_hour.sandbox.endpoints import Endpoints
from genai_orchestration.providers.magic_hour.sandbox.refusals import (
    UNAUTHORIZED,
    Refusal,
    on_refusal,
    on_unknown_path,
    on_wrong_method,
)
from genai_orchestration.sandbox.clock import Clock
from genai_orchestration.sandbox.server import KEY

API = "/v1/"  # everything below it asks for a key


class MagicHourSandbox:
    """The state of one account, and the routes that show it."""

    def __init__(self, clock: Clock) -> None:
        self.account = Account(clock)
        self.keys = {KEY}
        self._endpoints = Endpoints(clock, self.account)

    @property
    def account_id(self) -> str:
        """What `GET /v1/account` calls the account; may be set."""
        return self.account.id

    @account_id.setter
    def account_id(self, id: str) -> None:
        self.account.id = id

    @property
    def accepted(self) -> int:
        """How many creates were accepted: each of them bills."""
        return self.account.submitted

    @property
    def credits(self) -> int:
        """What the account can spend now; may be set."""
        return self.account.credits

    @credits.setter
    def credits(self, credits: int) -> None:
        self.account.credits = credits

    @property
    def uploads(self) -> dict[str, int]:
        """The files that were uploaded: `file_path` and the number of bytes."""
        return self._endpoints.uploads.received

    def cancel(self, id: str) -> None:
        """Stop a job as a person in the web app does."""
        self.account.cancel(id)

    def withhold(self, id: str, shown: int | None, seconds: float) -> None:
        """Let a job show that many downloads, or null, for the next seconds."""
        self.account.withhold(id, shown, seconds)

    def routes(self) -> list[BaseRoute]:
        """Everything below `/magic_hour`: an application of its own, for its errors are its own."""
        app = Starlette(
            routes=self._endpoints.routes(),
            middleware=[Middleware(AuthMiddleware, keys=self.keys)],
            exception_handlers={
                Refusal: on_refusal,
                404: on_unknown_path,
                405: on_wrong_method,
            },
        )
        app.router.redirect_slashes = False
        return [Mount("", app=app)]


class AuthMiddleware:
    """The ASGI layer in front of the endpoints: asks for the key."""

    def __init__(self, app: ASGIApp, *, keys: set[str]) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a call with the key pass; the API's answer to every other one is 401."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        scheme, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
        authorized = scheme == "Bearer" and key in self._keys
        app = self._app if authorized or not path.startswith(API) else UNAUTHORIZED.answer()
        await app(scope, receive, send)


def create(clock: Clock) -> MagicHourSandbox:
    """A sandbox of its own, whose example jobs lie before `clock.now()`."""
    return MagicHourSandbox(clock)
