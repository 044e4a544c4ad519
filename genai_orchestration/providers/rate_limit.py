"""A provider's ceiling of requests in a second, over all threads of this process."""

import contextlib
import queue
import time
from collections.abc import Iterator


class RateLimit:
    """Lets at most `per_second` requests reach the server in any second, over all threads.

    A place is free again one second after its *answer* has come: by then the request has certainly
    arrived, however long it was on its way. Even spacing would not do: delays bunch requests.
    """

    SECOND = 1.0005  # a hair over, for a server whose clock is not quite ours

    def __init__(self, per_second: int) -> None:
        self._free_at: queue.SimpleQueue[float] = queue.SimpleQueue()
        for _ in range(per_second):
            self._free_at.put(0.0)

    @contextlib.contextmanager
    def place(self) -> Iterator[None]:
        """Wait for a place, and keep it for the length of a with block and a second more."""
        free_at = self._free_at.get()
        time.sleep(max(0.0, free_at - time.monotonic()))
        try:
            yield
        finally:
            self._free_at.put(time.monotonic() + self.SECOND)
