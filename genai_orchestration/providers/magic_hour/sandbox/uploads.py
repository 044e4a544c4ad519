"""Uploads of Magic Hour's sandbox: a list of file types goes in, URLs to PUT the bytes to come out.

Nothing reads the bytes that arrive; that they arrived is what `received` remembers.
"""

import re
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from genai_orchestration.providers.magic_hour.sandbox.account import Account
from genai_orchestration.providers.magic_hour.sandbox.files import Signer
from genai_orchestration.providers.magic_hour.sandbox.refusals import Refusal, one_of, required

Json = dict[str, Any]
EXTENSION = re.compile(r"[a-z0-9]+")
EXTENSIONS = {
    "video": ("mp4", "m4v", "mov", "webm"),
    "audio": ("mp3", "mpeg", "wav", "aac", "aiff", "flac"),
    "image": ("png", "jpg", "jpeg", "webp", "avif", "jp2", "tiff", "bmp"),
}


class Uploads:
    """What was allowed to be uploaded, and what was."""

    def __init__(self, signer: Signer, account: Account) -> None:
        self.received: dict[str, int] = {}  # file_path -> number of bytes
        self._signer = signer
        self._account = account

    def urls(self, body: Json, base: str) -> Json:
        """One upload URL for each item of the body, in the same order."""
        items = required(body, "items", list)
        if not items:
            raise Refusal(400, "items must have at least one item")
        return {"items": [self._url(item, base) for item in items]}

    async def put(self, request: Request) -> Response:
        """Take the bytes of one file."""
        path = request.path_params["path"]
        if not self._signer.allowed(path, request.query_params):
            return Response(status_code=403, media_type="text/plain")
        self.received[path] = len(await request.body())
        return Response(status_code=200, media_type="text/plain")

    def _url(self, item: Any, base: str) -> Json:
        if not isinstance(item, dict):
            raise Refusal(400, "items must be objects")
        required(item, "type", str)
        kind = one_of(item, "type", tuple(EXTENSIONS)) or ""
        extension = required(item, "extension", str)
        if not EXTENSION.fullmatch(extension):
            raise Refusal(400, "extension must match ^[a-z0-9]+$")
        if extension not in EXTENSIONS[kind]:
            allowed = ", ".join(EXTENSIONS[kind])
            raise Refusal(422, f"extension of {kind} must be one of: {allowed}")
        path = f"api-assets/{self._account.id}/{uuid.uuid4()}.{extension}"
        link = self._signer.sign(base, path)
        return {"upload_url": link["url"], "expires_at": link["expires_at"], "file_path": path}
