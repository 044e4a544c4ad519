"""Files of requests that are put into the watched folder, and what becomes of them."""

import os
import time
from pathlib import Path

from genai_orchestration.ledger import Ledger
from genai_orchestration.settings import Settings

SENSOR = "generation_requests_sensor"
CREATE = "imagine_api/images_create"
SHEET = "provider,prompt,request_key\nimagine_api,a red fox,fox-1\nimagine_api,an owl,owl-1\n"
WHERE = "SOURCES__{}_SOURCE__{}"


def put(folder: Path, name: str, text: str, *, age: float = 60) -> Path:
    """A file that was written a while ago."""
    file = folder / name
    file.write_text(text)
    os.utime(file, (time.time() - age,) * 2)
    return file


def states() -> dict[str, str]:
    with Ledger.open(Settings.load()) as ledger:
        return {each.request_key: each.state.value for each in ledger.requests()}
