"""A file of requests that is written and read at once, and what its rows are of by default."""

from pathlib import Path

from genai_orchestration.providers import all_providers
from genai_orchestration.requests.file import Columns, read_requests
from genai_orchestration.requests.request import NewRequest, operations_of

OPERATIONS = operations_of(all_providers())
GENERATOR = Columns(provider="magic_hour", operation="ai_image_generator")
IMAGES = Columns(provider="imagine_api")


def read(path: Path, content: str | bytes, columns: Columns | None = None) -> list[NewRequest]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_requests(path, OPERATIONS, columns)
