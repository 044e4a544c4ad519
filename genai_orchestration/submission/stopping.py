"""Interrupts while paid requests are sent: the one that is on its way is finished first.

    Ctrl-C, or Terminate ─► asked ─┬─ a POST is on its way ─► its answer is written down ─► end
                                   └─ a wait, a look-up ────► end
    once more ────────────► at once: what was on its way is `unknown`

A request that is interrupted in the middle would be unknown, and a person's work.
"""

import contextlib
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.paid import NotNow
from genai_orchestration.providers.work import Accepted, Payload, Submitter

CHECK_SECONDS = 0.2  # seconds of a wait, until Stop is checked
STOPPED = "Stopped: what is approved stays so, and another submit goes on with it."


class Stopped(Exception):
    """The wish to stop, where nothing is on its way."""


class Stop:
    """Whether somebody wants it to end; `said` is written to stderr when that happens."""

    def __init__(self, said: str = "") -> None:
        self.asked = False
        self._said = said.encode()

    @contextlib.contextmanager
    def listening(self) -> Iterator["Stop"]:
        """Take the first SIGINT or SIGTERM as a wish; the second one is obeyed at once."""
        if threading.current_thread() is not threading.main_thread():
            yield self  # only the main thread may handle signals
            return
        before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}

        def wish(number: int, frame: FrameType | None) -> None:
            self.asked = True
            for each in before:
                signal.signal(each, _at_once)
            with contextlib.suppress(OSError):
                os.write(2, self._said)  # a handler may run in the middle of another write

        try:
            for each in before:
                signal.signal(each, wish)
            yield self
        finally:
            for each, handler in before.items():
                signal.signal(each, handler)


def _at_once(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


class StoppableSubmitter:
    """Another submitter, which begins nothing after the wish to stop; a `Submitter`."""

    def __init__(
        self, inner: Submitter, stop: Stop, ledger: Ledger, sent: Callable[[], None] = lambda: None
    ) -> None:
        self.base_url = inner.base_url
        self.on_its_way: str | None = None  # the request that was sent last
        self._inner, self._stop, self._ledger, self._sent = inner, stop, ledger, sent

    def submit(self, operation: str, payload: Payload, request_key: str) -> Accepted:
        """Send one request, unless it is time to stop: then it stays approved."""
        if self._stop.asked:
            raise NotNow(STOPPED, math.inf)
        self.on_its_way = request_key
        try:
            return self._inner.submit(operation, payload, request_key)
        finally:
            self._sent()

    def find(self, request_key: str, payload: Payload) -> Sequence[str] | None:
        """Look a request up."""
        self._check()
        return self._inner.find(request_key, payload)

    def account(self) -> str | None:
        """Whose key it is."""
        self._check()
        return self._inner.account()

    def balance(self) -> int | None:
        """Credits that are left."""
        self._check()
        return self._inner.balance()

    def sleep(self, seconds: float) -> None:
        """Wait, but not after the wish to stop: then raise Stopped, unless a job is not recorded.

        The id of a job that is paid for is being written down for as long as its request is
        submitting: that wait is for a ledger which is busy.
        """
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._check()
            time.sleep(min(left, CHECK_SECONDS))

    def unanswered(self) -> bool:
        """Whether the request that was sent last is not decided; also when nobody can say."""
        if self.on_its_way is None:
            return False
        try:
            return self._ledger.request(self.on_its_way).state is RequestState.SUBMITTING
        except Exception:
            return True

    def _check(self) -> None:
        if self._stop.asked and not self.unanswered():
            raise Stopped(STOPPED)
