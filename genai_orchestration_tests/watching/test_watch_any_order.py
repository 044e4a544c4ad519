"""Whatever a provider says of a job, look after look: it comes to one end, and not too early.

What is not found may still appear, until it is not found again minutes later; an unknown word, no
answer, or one that nobody can read is an open job.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.records import JobRecord
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.refusals import Unavailable
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.settings import Settings
from genai_orchestration.watching import watch
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import LOCAL, MINUTE, NOW, job, said

MAGIC = provider_named("magic_hour")
[KIND] = MAGIC.job_kinds
ENDS = {state.value: state for state in JobState if state.terminal}
SOON = KIND.polling.ceiling * 2  # when a job has certainly to be asked after
numbers = itertools.count()


def silent() -> JobReport:
    raise Unavailable("no answer")


def unreadable() -> JobReport:
    raise KeyError("status")


def stands(state: JobState) -> Callable[[], JobReport]:
    return lambda: said(state, state.value)


ANSWERS: dict[str, Callable[[], JobReport]] = {
    **{state.value: stands(state) for state in JobState},
    "percolating": lambda: said(None, "percolating"),
    "silence": silent,
    "nonsense": unreadable,
}


@dataclass
class Teller:
    """A provider that says one thing after the other; a `JobReader`."""

    words: list[str]
    base_url: str = LOCAL.base_url

    def account(self) -> str | None:
        return None

    def report(self, job_id: str) -> JobReport:
        return ANSWERS[self.words.pop(0)]()


def said_long_ago(before: JobRecord, now: datetime) -> bool:
    """Whether the look before this one found nothing, either, and long enough ago."""
    looked = before.last_polled
    return before.raw_status == "GONE" and looked is not None and now - looked >= 10 * MINUTE


def test_a_job_that_is_followed_comes_to_one_end_and_not_too_early(place: Settings) -> None:
    steps = st.tuples(st.sampled_from(list(ANSWERS)), st.integers(0, 15))
    with Ledger.open(place) as ledger:

        @settings(max_examples=40, deadline=None)
        @given(st.lists(steps, max_size=10))
        def holds(told: list[tuple[str, int]]) -> None:
            key = f"w{next(numbers)}"
            ledgers.submitted(ledger, key)
            name, teller = job(f"job of {key}"), Teller([word for word, _ in told])
            end: JobState | None = None
            now = NOW + SOON
            for number, (word, rest) in enumerate(told, start=1):
                before = ledger.job(name)
                look = watch.poll(ledger, MAGIC, KIND, teller, now, seconds=60)
                assert look.asked == (end is None), "an open job is asked after, and no other"
                if end is None and (word != "GONE" or said_long_ago(before, now)):
                    end = ENDS.get(word)
                found = ledger.job(name)
                assert (found.state if found.state.terminal else None) is end
                assert (found.next_poll is None) is (end is not None)
                assert end or found.polls == number
                now = max(found.next_poll or now, now) + rest * MINUTE
            ledger.observe(name, said(JobState.CANCELED, "over"), now)  # not asked after any more

        holds()
