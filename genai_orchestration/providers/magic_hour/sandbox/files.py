"""The files of Magic Hour's sandbox: a path goes in, a URL that is valid for a day comes out.

    sign(path) ─► …/_files/<path>?expires=…&nonce=…&sig=…  ─► allowed(…) ─► the bytes, or 403

No two signatures are alike, so a URL is never a key. Pictures are real PNGs, sounds are real
WAVs of silence; a video is no more than the first boxes of an MP4.
"""

import hashlib
import hmac
import io
import secrets
import wave
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from genai_orchestration.providers.magic_hour.sandbox.jobs import Job, iso
from genai_orchestration.sandbox.clock import Clock
from genai_orchestration.sandbox.png import picture

LIFETIME = timedelta(hours=24)
MEDIA_TYPES = {"png": "image/png", "wav": "audio/wav", "mp4": "video/mp4"}
MP4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08free"


class Signer:
    """Signs the paths of files, and checks what it signed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._nonce = 0

    def sign(self, base: str, path: str) -> dict[str, Any]:
        """A fresh URL of that path below `base`, and when it ends."""
        expires = self._clock.now() + LIFETIME
        self._nonce += 1
        stamp, nonce = str(int(expires.timestamp() * 1000)), str(self._nonce)
        query = f"expires={stamp}&nonce={nonce}&sig={self._signature(path, stamp, nonce)}"
        return {"url": f"{base}/{path}?{query}", "expires_at": iso(expires)}

    def allowed(self, path: str, query: Mapping[str, str]) -> bool:
        """Whether these query parameters open that path now."""
        stamp, nonce = query.get("expires", ""), query.get("nonce", "")
        known = self._signature(path, stamp, nonce)
        if not hmac.compare_digest(known.encode(), query.get("sig", "").encode()):
            return False
        return self._clock.now() < datetime.fromtimestamp(
            int(stamp) / 1000, self._clock.now().tzinfo
        )

    def _signature(self, path: str, stamp: str, nonce: str) -> str:
        text = f"{path}\n{stamp}\n{nonce}"
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()


def content(path: str, job: Job | None) -> tuple[bytes, str]:
    """The bytes and the media type of a file; a picture is drawn from its job's prompt."""
    extension = path.rpartition(".")[2]
    media_type = MEDIA_TYPES[extension]
    if extension == "wav":
        return _silence(), media_type
    if extension == "mp4":
        return MP4, media_type
    size = job.order.size if job else (256, 256)
    return picture(f"{job.order.prompt if job else ''} {path}", *size), media_type


def _silence(seconds: int = 1, rate: int = 8000) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(1)
        sound.setframerate(rate)
        sound.writeframes(b"\x80" * (rate * seconds))
    return buffer.getvalue()
