"""Where a process that submits can die: places in the product, by what stands on disk there.

    before  the call has not begun            after   it has ended, well or not
    within  only while another one is under way; `nth`: not at the first time, but at that

The product knows nothing of this: its functions are wrapped in the process that is to die.
"""

import functools
import itertools
import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dlt.load.load import Load
from sqlalchemy.engine.default import DefaultDialect
from urllib3.connection import HTTPConnection

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger import jobs as ledger_jobs
from genai_orchestration.ledger import requests as ledger_requests
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.paid import PaidClient
from genai_orchestration.submission import reconcile
from genai_orchestration.warehouse import WarehousePipeline
from genai_orchestration.watching import watch
from genai_orchestration_tests.support import lives

SUBMITTER, READER = "submitter", "reader"  # stand for the provider's own classes
Named = tuple[Any, str]  # a class or a module, and what it has under that name

COMMIT: Named = (DefaultDialect, "do_commit")
POST: Named = (PaidClient, "_send")
SEND: Named = (HTTPConnection, "send")
ANSWER: Named = (HTTPConnection, "getresponse")
LOOK_UP: Named = (reconcile, "reconcile")
FIND: Named = (SUBMITTER, "find")
REPORT: Named = (READER, "report")


@dataclass(frozen=True)
class Place:
    """One place."""

    when: Literal["before", "after"]
    call: Named
    within: Named | None = None
    nth: int = 1


def before(call: Named, *, within: Named | None = None, nth: int = 1) -> Place:
    return Place("before", call, within, nth)


def after(call: Named, *, within: Named | None = None, nth: int = 1) -> Place:
    return Place("after", call, within, nth)


def around(name: str) -> dict[str, Place]:
    """Before a step of the ledger, with all of it written but nothing committed, and after it."""
    step = (Ledger, name)
    return {
        f"before {name}": before(step),
        f"in the transaction of {name}": before(COMMIT, within=step),
        f"after {name}": after(step),
    }


SUBMITTING: Mapping[str, Place] = {
    **around("start"),
    "before the POST": before((PaidClient, "post")),
    "before the connection": before(SEND, within=POST),
    "in the middle of the POST": before(SEND, within=POST, nth=2),
    "with the POST sent": before(ANSWER, within=POST),
    "in the middle of the answer": after(ANSWER, within=POST),
    "with the answer read": after(POST),
    "with the answer understood": after((SUBMITTER, "submit")),
    **around("mark_submitted"),
    "between the two rows of submitted": before((ledger_requests, "_make_job")),
    "with the second answer read": after(POST, nth=5),
    **around("mark_rejected"),
    **around("release"),
    **around("mark_unknown"),
    "in the pause before a look-up": before((lives.HandMoved, "sleep"), within=LOOK_UP),
    "before a look-up": before(FIND),
    "after a look-up": after(FIND),
}
FOLLOWING: Mapping[str, Place] = {
    "before a poll": before(REPORT),
    "after a poll": after(REPORT),
    "after some polls": after(REPORT, nth=3),
    **around("observe_all"),
    "between two rows of observe_all": after((ledger_jobs, "observe")),
    "after polling": after((watch, "poll")),
}
LOADING: Mapping[str, Place] = {
    "before the load": before((lives, "load")),
    "before the load step": before((WarehousePipeline, "load")),
    "in the load step": before((Load, "complete_package")),
    "after the load step": after((WarehousePipeline, "load")),
    **around("mark_loaded"),
    "before the requests' load step": before((WarehousePipeline, "load"), nth=2),
    "after the load": after((lives, "load")),
}
# where there is a request that a process before has left behind
ORPHANS = around("mark_orphans_unknown")
# only where a provider can be asked
RECONCILING: Mapping[str, Place] = {
    "before what a look-up found": before((Ledger, "mark_submitted"), within=LOOK_UP),
    "in the transaction of what it found": before(COMMIT, within=LOOK_UP),
    "after what it found": after((Ledger, "mark_submitted"), within=LOOK_UP),
    "between the pauses of a look-up": after(FIND, nth=2),
    "before what it did not find": before((Ledger, "release"), within=LOOK_UP),
    "after what it did not find": after((Ledger, "release"), within=LOOK_UP),
}
ALL = {**SUBMITTING, **FOLLOWING, **LOADING, **ORPHANS, **RECONCILING}


def die_at(name: str, provider: Provider) -> None:
    """Make this process end at that place, as the kernel would end it: nothing is tidied up."""
    place = ALL[name]
    times = itertools.count(1)
    under_way = [0 if place.within else 1]

    def reached() -> None:
        if under_way[0] and next(times) == place.nth:
            os.kill(os.getpid(), signal.SIGKILL)

    def enter() -> None:
        under_way[0] += 1

    def leave() -> None:
        under_way[0] -= 1

    if place.when == "before":
        _wrap(_resolved(place.call, provider), first=reached)
    else:
        _wrap(_resolved(place.call, provider), last=reached)
    if place.within:
        _wrap(_resolved(place.within, provider), first=enter, last=leave)


def _nothing() -> None:
    pass


def _wrap(
    named: Named, first: Callable[[], None] = _nothing, last: Callable[[], None] = _nothing
) -> None:
    owner, name = named
    real = getattr(owner, name)

    @functools.wraps(real)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        first()
        try:
            return real(*args, **kwargs)
        finally:
            last()

    setattr(owner, name, wrapped)


def _resolved(named: Named, provider: Provider) -> Named:
    owner, name = named
    if owner == SUBMITTER:
        assert provider.submitter
        return type(provider.submitter()), name
    if owner == READER:
        return type(provider.job_kinds[0].connect(SENSOR_POLICY)), name
    return owner, name
