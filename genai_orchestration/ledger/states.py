"""The life of a paid request: its states, and the steps between them.

    planned ─approve─► approved ─start─► submitting ─submitted─► submitted  its job exists
       │                │    ▲               │  │
       │                │    └───released────┤  ├─rejected─────► rejected   a definite no
       │                │    ▲               │  │
       │                │    └─released──┐   │unknown
       │                │                │   ▼
       │                │               unknown ─submitted, resolve with a job─► submitted
       │                │                │   └─rejected (the answer came late)─► rejected
       └────abandon─────┴────abandon─────┴─resolve with none─► abandoned         nobody will

`submitting` is on disk before the POST leaves, so what a crash leaves there may have arrived: it
becomes `unknown`, and no step leads from `unknown` to a second POST but `released`, which is for a
provider that can prove that nothing arrived. No step leads from submitted, rejected or abandoned to
another POST: what comes after them is another attempt, a request of its own. But a job that turns
up after all makes an abandoned request submitted, and by a person's word a rejected one, too.
"""

import enum
from collections.abc import Mapping


class RequestState(str, enum.Enum):
    """The state of a paid request."""

    PLANNED = "planned"
    APPROVED = "approved"
    SUBMITTING = "submitting"
    SUBMITTED = "submitted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    ABANDONED = "abandoned"


class Step(str, enum.Enum):
    """What can happen to a request, as it is said of one: "it cannot be approved"."""

    APPROVE = "approved"
    START = "started"
    SUBMITTED = "recorded as submitted"
    REJECTED = "recorded as rejected"
    UNKNOWN = "recorded as unknown"
    RELEASED = "released"
    ABANDON = "abandoned"
    RESOLVE_FOUND = "resolved with a job"
    RESOLVE_NOTHING = "resolved as never arrived"


_S = RequestState
_OPEN = (_S.SUBMITTING, _S.UNKNOWN)  # the answer is not known yet; a late one is as good

LEAVES: Mapping[Step, tuple[RequestState, ...]] = {
    Step.APPROVE: (_S.PLANNED,),
    Step.START: (_S.APPROVED,),
    Step.SUBMITTED: (*_OPEN, _S.ABANDONED),  # a yes, however late, is of a job that costs
    Step.REJECTED: _OPEN,
    Step.UNKNOWN: (_S.SUBMITTING,),
    Step.RELEASED: _OPEN,
    Step.ABANDON: (_S.PLANNED, _S.APPROVED, _S.UNKNOWN),
    Step.RESOLVE_FOUND: (_S.UNKNOWN, _S.ABANDONED, _S.REJECTED),
    Step.RESOLVE_NOTHING: (_S.UNKNOWN,),
}
ENTERS: Mapping[Step, RequestState] = {
    Step.APPROVE: _S.APPROVED,
    Step.START: _S.SUBMITTING,
    Step.SUBMITTED: _S.SUBMITTED,
    Step.REJECTED: _S.REJECTED,
    Step.UNKNOWN: _S.UNKNOWN,
    Step.RELEASED: _S.APPROVED,
    Step.ABANDON: _S.ABANDONED,
    Step.RESOLVE_FOUND: _S.SUBMITTED,
    Step.RESOLVE_NOTHING: _S.ABANDONED,
}
# said again, they change nothing; a start said again would be a second POST
REPEATABLE = (Step.APPROVE, Step.REJECTED, Step.UNKNOWN, Step.ABANDON)
NEXT: Mapping[RequestState, str] = {  # what a person does with a request in that state
    _S.PLANNED: "approve it first",
    _S.APPROVED: "start it, or abandon it",
    _S.SUBMITTING: "wait for the provider's answer",
    _S.SUBMITTED: "follow its job, or retry it once the job has failed",
    _S.REJECTED: "retry it as a new attempt when the cause is fixed",
    _S.UNKNOWN: "see at the provider whether it arrived, and resolve it",
    _S.ABANDONED: "retry it as a new attempt if it is wanted after all",
}
