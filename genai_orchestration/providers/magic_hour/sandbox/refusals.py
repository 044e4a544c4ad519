"""How Magic Hour's sandbox says no: `{"message": ...}`, and with a `code` where money is about."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse


class Refusal(Exception):
    """An answer of 4xx: a sentence, and the vendor's code of a 402."""

    def __init__(self, status: int, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.code = status, code

    def answer(self) -> JSONResponse:
        """The one shape of the vendor's errors."""
        code = {"code": self.code} if self.code else {}
        return JSONResponse({**code, "message": str(self)}, status_code=self.status)


def plan_required(message: str) -> Refusal:
    """The refusal of what the account's plan does not have."""
    return Refusal(402, message, "plan_upgrade_required")


NOT_FOUND = Refusal(404, "Not Found")
UNAUTHORIZED = Refusal(401, "Unauthorized")


def on_refusal(request: Request, error: Exception) -> JSONResponse:
    """Starlette's handler of a `Refusal`."""
    assert isinstance(error, Refusal)
    return error.answer()


def on_unknown_path(request: Request, error: Exception) -> JSONResponse:
    """A path that is no endpoint."""
    return NOT_FOUND.answer()


def on_wrong_method(request: Request, error: Exception) -> JSONResponse:
    """A path that is an endpoint, called with another method."""
    return Refusal(405, "Method Not Allowed").answer()


def required(body: Mapping[str, Any], field: str, kind: type | tuple[type, ...]) -> Any:
    """The value of `field` (dots go deeper), which must be there and of that type; else 400."""
    value = optional(body, field, kind)
    if value is None:
        raise Refusal(400, f"{field} is required")
    return value


def optional(body: Mapping[str, Any], field: str, kind: type | tuple[type, ...]) -> Any:
    """The value of `field` or None; 400 when it is there and of another type."""
    value: Any = body
    for part in field.split("."):
        if not isinstance(value, Mapping):
            raise Refusal(400, f"{field} is not inside an object")
        value = value.get(part)
        if value is None:
            return None
    # a JSON true is no number, though Python says that a bool is an int
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Refusal(400, f"{field} has the wrong type")
    return value


def one_of(body: Mapping[str, Any], field: str, known: tuple[str, ...]) -> str | None:
    """The value of `field` or None; 400 when it is not one of the `known` words."""
    value: str | None = optional(body, field, str)
    if value is not None and value not in known:
        raise Refusal(400, f"{field} must be one of: {', '.join(known)}")
    return value
