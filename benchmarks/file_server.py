"""A server of files that is not the bottleneck: each is a PNG of 1.5 MB that no other one equals.

    GET /assets/<file id>[/<name>] ─► wait ─► a PNG's head ─► the id ─► 1.5 MB, the same for all
                                                              └─ makes it differ from all others

A thread for each connection, which hands the kernel whole files: it copies, and Python waits.
"""

import contextlib
import functools
import os
import socket
import socketserver
import struct
import time
import zlib
from multiprocessing.synchronize import Event

from benchmarks.measuring import served

BYTES = 1_500_000  # of each file
SIDE = 1024  # pixels


class _Files(socketserver.ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128


class _Connection(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def __init__(self, latency: float, head: bytes, rest: memoryview, *args: object) -> None:
        self._latency, self._head, self._rest = latency, head, rest
        super().__init__(*args)  # type: ignore[arg-type]

    def handle(self) -> None:
        """Answer one request after the other, until the client hangs up."""
        while line := self.rfile.readline():
            while self.rfile.readline().strip():
                pass
            file = line.split()[1].split(b"/")[2]
            time.sleep(self._latency)
            self.request.sendall(self._head + file)
            self.request.sendall(self._rest[: BYTES - PNG_HEAD - len(file)])


def _png() -> bytes:
    """The first bytes of a PNG: its signature and its size."""
    about = b"IHDR" + struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + about + struct.pack(">I", zlib.crc32(about))
    )


PNG_HEAD = len(_png())


def _serve(latency: float, sock: socket.socket, ready: Event) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n" % BYTES
    handler = functools.partial(
        _Connection, latency, answer + _png(), memoryview(os.urandom(BYTES))
    )
    server = _Files(sock.getsockname(), handler, bind_and_activate=False)
    server.socket = sock
    sock.listen(server.request_queue_size)
    ready.set()
    server.serve_forever()


def serving_files(latency: float = 0.0) -> contextlib.AbstractContextManager[str]:
    """The address of a server in a process of its own."""
    return served(functools.partial(_serve, latency))
