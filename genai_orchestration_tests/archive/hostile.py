"""A body without an end, and the reason why a file is refused, for the tests of hostile ones."""

from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

from genai_orchestration_tests.support.file_server import (
    PNG,
    FileServer,
    archiver,
    kept,
    one,
    wanted,
)


def refused(provider: FileServer, folder: Path, *sources: str, **more: Any) -> str:
    """The reason why a file is refused; nothing of it is left anywhere."""
    row = one(archiver(provider.url, folder).archive([wanted(*sources, **more)]))
    assert (row.state, row.archived_path, row.sha256) == ("refused", None, None), row
    assert kept(folder) == {}
    assert "?" not in f"{row.reason}{row.source_url}"
    return row.reason or ""


def chunks(handler: BaseHTTPRequestHandler, status: int = 200, **headers: str) -> None:
    """A picture without a length and without an end."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.send_header("Transfer-Encoding", "chunked")
    handler.end_headers()
    part = PNG + bytes(65536)
    try:
        while True:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
    except OSError:
        handler.close_connection = True
