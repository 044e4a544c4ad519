"""A server of files for the tests of the archive: real HTTP on a free port, and as odd as asked."""

import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from genai_orchestration.archive.archiver import Archiver, Wanted
from genai_orchestration.archive.fetch import Fetcher
from genai_orchestration.archive.rows import FileRow
from genai_orchestration.archive.store import LocalStore
from genai_orchestration.clock import now
from genai_orchestration.providers.files import RemoteFile
from genai_orchestration.sandbox.png import picture

PNG = picture("a file", 16, 16)
Act = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Answer:
    """What a path is answered with; the length is told unless `headers` say otherwise."""

    body: bytes = PNG
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class FileServer:
    """The server: what it answers (at "*" whatever else is asked), and what it was asked."""

    url: str
    answers: dict[str, Answer | Act] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def serve(self, path: str, answer: Answer | Act) -> str:
        """Answer that path so from now on; its address."""
        self.answers[path] = answer
        return f"{self.url}{path}"


@contextlib.contextmanager
def file_server(tls: ssl.SSLContext | None = None) -> Iterator[FileServer]:
    """A running server without any file, with TLS where that is given."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            found.asked.append(path)
            found.headers.append(dict(self.headers.items()))
            answer = found.answers.get(path) or found.answers.get("*", Answer(b"", 404))
            if callable(answer):
                answer(self)
            else:
                send(self, answer)

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        request_queue_size = 128

        def handle_error(self, *arguments: Any) -> None:
            """A client that hangs up is what is tested."""

    with Server(("127.0.0.1", 0), Handler) as server:
        found = FileServer(f"http{'s' * bool(tls)}://127.0.0.1:{server.server_port}")
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def send(handler: BaseHTTPRequestHandler, answer: Answer) -> None:
    """Write an answer as it is."""
    handler.send_response(answer.status)
    usual = {"Content-Length": str(len(answer.body)), "Connection": "close"}
    for name, value in {**usual, **answer.headers}.items():
        if value:
            handler.send_header(name, value)
    handler.end_headers()
    with contextlib.suppress(OSError):  # who has seen enough hangs up
        handler.wfile.write(answer.body)


def remote(*sources: str, role: str = "grid", **more: Any) -> RemoteFile:
    """A picture at these addresses."""
    return RemoteFile(role=role, sources=sources, **more)


def wanted(*sources: str, job_id: str = "job", role: str = "grid", **more: Any) -> Wanted:
    """A picture of a job."""
    file = remote(*sources, role=role, **{k: more.pop(k) for k in FILE if k in more})
    return Wanted(job_id=job_id, kind="image", file=file, **more)


FILE = ("picture", "file_id", "constant")


def archiver(base_url: str, folder: Path, *, limit: int = 1_000_000, **known: str) -> Archiver:
    """An archiver into a folder, for the provider at that address, that does not wait."""
    fetcher = Fetcher(base_url, limit, sleep=lambda seconds: None)
    return Archiver(fetcher=fetcher, store=LocalStore(folder), known=known, now=now)


def kept(folder: Path) -> dict[str, bytes]:
    """The names and the content of everything below an archive's folder."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def one(rows: Iterator[FileRow]) -> FileRow:
    """The only row."""
    (row,) = rows
    return row
