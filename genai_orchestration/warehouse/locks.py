"""One at a time, across processes and threads: a file lock that says whom it waits for.

    thread ─► threading lock (this process) ─► file lock (this host) ─► the work
              └ nested use by the same holder is free: the lock counts

The operating system frees the file lock when its process dies, however it dies.
"""

import contextlib
import contextvars
import logging
import math
import threading
from collections.abc import Iterator
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from genai_orchestration.errors import UserError

QUIET = 3.0  # seconds of waiting that nobody needs to hear of
LOCK_TIMEOUT_SECONDS = 300.0  # that a load or a reader waits for others before it gives up

_limit: contextvars.ContextVar[float] = contextvars.ContextVar("_limit", default=math.inf)

logger = logging.getLogger(__name__)


class WarehouseLocked(UserError):
    """Others kept the warehouse for longer than this load was ready to wait."""

    def __init__(self, holder: str, what: str) -> None:
        super().__init__(
            f"The warehouse is in use: {holder} has kept {what} for {patience():g} s. Close it, or "
            "wait for it to end, and run this again: loading twice changes nothing."
        )


def patience() -> float:
    """Seconds that this thread waits for others before it gives up."""
    return min(LOCK_TIMEOUT_SECONDS, _limit.get())


@contextlib.contextmanager
def waiting_at_most(seconds: float) -> Iterator[None]:
    """Wait for others no longer than that inside the block, as a sensor has to."""
    token = _limit.set(seconds)
    try:
        yield
    finally:
        _limit.reset(token)


def lock_file(warehouse: Path) -> Path:
    """The lock beside a DuckDB file: hold it while the file is open."""
    return warehouse.with_name(warehouse.name + ".lock")


class ProcessLock:
    """A file lock that any number of threads of one process may hold together.

    It keeps *other processes* out for as long as at least one thread here holds it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._holders = 0
        self._mutex = threading.Lock()
        # every thread of the process shares this one object, and may release another's hold
        self._file = FileLock(path, thread_local=False)

    def acquire(self, timeout: float) -> None:
        """Take one hold; WarehouseLocked when another process keeps it for `timeout` seconds."""
        with self._mutex:
            if self._holders == 0:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    _acquire(self._file, timeout)
                except Timeout:
                    raise WarehouseLocked(
                        "another process of this project", str(self.path)
                    ) from None
            self._holders += 1

    def release(self) -> None:
        """Give one hold back; the last one frees the file."""
        with self._mutex:
            self._holders -= 1
            if self._holders == 0:
                self._file.release()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock for the length of a with block."""
        self.acquire(patience())
        try:
            yield
        finally:
            self.release()


def _acquire(lock: BaseFileLock, timeout: float) -> None:
    """Take the file lock; say so when that takes a while."""
    with contextlib.suppress(Timeout):
        lock.acquire(timeout=min(QUIET, timeout))
        return
    logger.warning("Waiting for %s, which another process holds ...", lock.lock_file)
    lock.acquire(timeout=max(0.0, timeout - QUIET))


_locks: dict[Path, ProcessLock] = {}
_names: dict[tuple[Path, str], threading.Lock] = {}
_locks_mutex = threading.Lock()


def process_lock(path: Path) -> ProcessLock:
    """The process's one lock object for `path`: two of them would deadlock."""
    with _locks_mutex:
        return _locks.setdefault(path.resolve(), ProcessLock(path.resolve()))


@contextlib.contextmanager
def exclusive(path: Path, name: str) -> Iterator[None]:
    """Hold `path` against other processes, and `name` against other threads of this one."""
    with _locks_mutex:
        threads = _names.setdefault((path, name), threading.Lock())
    if not threads.acquire(timeout=patience()):
        raise WarehouseLocked("another load of this process", name)
    try:
        with process_lock(path).held():
            yield
    finally:
        threads.release()


@contextlib.contextmanager
def alone(path: Path, timeout: float, otherwise: UserError) -> Iterator[None]:
    """Hold a file alone for a with block; raise `otherwise` after `timeout` seconds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=timeout)
    except Timeout:
        raise otherwise from None
    try:
        yield
    finally:
        lock.release()
