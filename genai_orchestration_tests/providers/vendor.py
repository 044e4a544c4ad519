"""A vendor's server of a test's own: it says one thing, and remembers what was asked."""

import contextlib
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Vendor:
    """What it answers, and what came; may be changed while it runs."""

    status: int = 200
    body: bytes = b'{"id": "job-1"}'
    headers: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    calls: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    received: list[Mapping[str, str]] = field(default_factory=list)


@contextlib.contextmanager
def saying(**says: Any) -> Iterator[Vendor]:
    """The server, until the end of a with block."""
    vendor = Vendor(**says)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            vendor.bodies.append(json.loads(self.rfile.read(length) or b"null"))
            self.do_GET()

        def do_GET(self) -> None:
            vendor.calls.append((self.command, self.path))
            vendor.received.append(dict(self.headers))
            self.send_response(vendor.status)
            for name, value in vendor.headers.items():
                self.send_header(name, value)
            if "Content-Length" not in vendor.headers:
                self.send_header("Content-Length", str(len(vendor.body)))
            self.end_headers()
            self.wfile.write(vendor.body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        vendor.url = f"http://127.0.0.1:{server.server_port}"
        yield vendor
        server.shutdown()
        thread.join()
