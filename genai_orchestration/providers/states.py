"""The project's own vocabulary: the state of a job, and why a paid request came to nothing."""

import enum
from collections.abc import Mapping


class JobState(str, enum.Enum):
    """The one vocabulary of job states; the last four are terminal."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    GONE = "GONE"

    @property
    def terminal(self) -> bool:
        """Whether the job is over: a terminal state never changes again."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


OPEN = tuple(state for state in JobState if not state.terminal)
TERMINAL = tuple(state.value for state in JobState if state.terminal)


def spelled(words: Mapping[str, JobState]) -> Mapping[str, JobState]:
    """A vendor's status words in each case that they may come in: completed, Completed, COMPLETED.

    They are listed, and not compared without case, because a provider is also asked to count them
    by a filter that distinguishes cases: what is counted and what is loaded must agree.
    """
    cases = (str.lower, str.capitalize, str.title, str.upper)
    return {case(word): state for word, state in words.items() for case in cases}


class Failure(str, enum.Enum):
    """Why a request, or its job, came to nothing: decides whether the same may be tried again."""

    MODERATION = "moderation"  # the words or the picture are not allowed
    INVALID = "invalid"  # the payload is not what the operation takes
    OUT_OF_CREDITS = "out_of_credits"
    PLAN = "plan"  # the account's plan does not include it; it may include others
    SUBSCRIPTION = "subscription"  # the account has no plan at all
    KEY = "key"  # the key or the address is wrong
    PROVIDER_FAULT = "provider_fault"
    TIMEOUT = "timeout"  # the provider gave up
    STUCK = "stuck"  # open beyond its deadline: the provider may have forgotten it
    AMBIGUOUS = "ambiguous"  # nobody knows whether the POST arrived

    @property
    def of_the_payload(self) -> bool:
        """Whether the same payload would fail again."""
        return self in (Failure.MODERATION, Failure.INVALID)

    @property
    def of_the_account(self) -> bool:
        """Whether every other request would fail as well, until a person has fixed the cause."""
        return self in (Failure.OUT_OF_CREDITS, Failure.SUBSCRIPTION, Failure.KEY)

    @property
    def of_the_provider(self) -> bool:
        """Whether others are likely to fail just now, too."""
        return self in (Failure.PROVIDER_FAULT, Failure.TIMEOUT, Failure.AMBIGUOUS)


WORDS = (  # parts of free texts and of codes that are in no list, the first that fits
    *((part, Failure.MODERATION) for part in ("nsfw", "banned", "moderat", "inappropriate")),
    *((part, Failure.MODERATION) for part in ("content policy", "content_policy", "safety system")),
    *((part, Failure.MODERATION) for part in ("community standards", "image filters")),
    *((part, Failure.INVALID) for part in ("invalid parameter", "unrecognized parameter")),
    ("invalid prompt", Failure.INVALID),
)


def failure_in(text: str) -> Failure | None:
    """Why something failed, by the vendor's own words; None when they say nothing that is known."""
    words = text.lower()
    return next((failure for part, failure in WORDS if part in words), None)
