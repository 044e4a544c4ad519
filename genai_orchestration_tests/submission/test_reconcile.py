"""What becomes of requests whose answer was lost, at the sandbox and in a ledger."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.requests import LONGEST_POST
from genai_orchestration.ledger.sightings import SETTLED
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.paid import Rejected
from genai_orchestration.providers.refusals import Unavailable
from genai_orchestration.providers.states import Failure
from genai_orchestration.settings import Settings
from genai_orchestration.submission import reconcile
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.asked import Asked
from genai_orchestration_tests.support.ledgers import LOCAL, NOW
from genai_orchestration_tests.support.lines import MAGIC

SECOND = timedelta(seconds=1)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


def lost(ledger: Ledger, *keys: str) -> None:
    for key in keys:
        ledgers.submitting(ledger, key)
        ledger.mark_unknown(key, "timed out", NOW)


def look_up(ledger: Ledger, asked: Asked) -> list[str]:
    """The states of all requests after it."""
    reconcile.reconcile_all(ledger, MAGIC, asked, lambda: asked.now, asked.sleep)
    return [record.state.value for record in ledger.requests()]


def test_what_is_there_is_submitted_without_a_pause(ledger: Ledger) -> None:
    lost(ledger, "a")
    asked = Asked(lambda key, look: ["older", "newer"])
    assert look_up(ledger, asked) == ["submitted"]
    assert ledger.request("a").provider_job_id == "older"
    assert sum(asked.slept) == 0


def test_a_key_that_is_taken_is_rejected_and_the_others_are_looked_up(ledger: Ledger) -> None:
    lost(ledger, "a", "b")

    def taken(key: str, look: int) -> list[str]:
        if key == "a":
            raise Rejected("plan it again under another key", Failure.INVALID)
        return ["made"]

    assert look_up(ledger, Asked(taken)) == ["rejected", "submitted"]
    assert ledger.request("a").error_text == "plan it again under another key"


def test_what_appears_late_is_found(ledger: Ledger) -> None:
    lost(ledger, "a")
    asked = Asked(lambda key, look: ["made"] if look == 3 else [])
    assert look_up(ledger, asked) == ["submitted"]
    assert sum(asked.slept) == 7.5


def test_what_was_sent_just_now_stays_unknown(ledger: Ledger) -> None:
    lost(ledger, "a")
    asked = Asked(lambda key, look: [])
    assert look_up(ledger, asked) == ["unknown"]
    assert len(asked.looks) == 4


def test_what_was_sent_minutes_ago_and_is_not_there_never_arrived(ledger: Ledger) -> None:
    lost(ledger, "a")
    asked = Asked(lambda key, look: [])
    asked.now = NOW + SETTLED - 7 * SECOND  # over in the last pause
    assert look_up(ledger, asked) == ["approved"]
    released = ledger.request("a")
    assert (released.submitting_at, released.reserved, released.error_text) == (None, None, None)


def test_the_minutes_begin_when_the_post_was_given_up(ledger: Ledger) -> None:
    ledgers.submitting(ledger, "a")
    given_up = NOW + timedelta(seconds=70)
    ledger.mark_unknown("a", "timed out", given_up)
    asked = Asked(lambda key, look: [])
    asked.now = NOW + SETTLED
    assert look_up(ledger, asked) == ["unknown"]
    asked.now = given_up + SETTLED
    assert look_up(ledger, asked) == ["approved"]


def test_what_a_crash_has_left_is_looked_up_at_once(ledger: Ledger) -> None:
    ledgers.submitting(ledger, "a")
    asked = Asked(lambda key, look: [])
    asked.now = NOW + LONGEST_POST
    assert look_up(ledger, asked) == ["submitting"]
    assert asked.looks == []
    asked.now = NOW + LONGEST_POST + SECOND
    assert look_up(ledger, asked) == ["approved"]


def test_where_nobody_can_be_asked_a_thousand_lost_ones_cost_no_pause(ledger: Ledger) -> None:
    lost(ledger, *(f"k{number}" for number in range(100)))
    asked = Asked(lambda key, look: None)
    asked.now = NOW + timedelta(days=30)
    assert set(look_up(ledger, asked)) == {"unknown"}
    assert (len(asked.looks), sum(asked.slept)) == (100, 0)


def test_all_lost_ones_share_the_pauses(ledger: Ledger) -> None:
    lost(ledger, "a", "b", "c")
    asked = Asked(lambda key, look: ["made"] if (key, look) == ("b", 1) else [])
    assert look_up(ledger, asked) == ["unknown", "submitted", "unknown"]
    assert sum(asked.slept) == 7.5
    assert len(asked.looks) == 4 + 2 + 4


def test_a_provider_that_does_not_answer_proves_nothing(ledger: Ledger) -> None:
    lost(ledger, "a", "b")

    def down(key: str, look: int) -> list[str]:
        if look == 2:
            raise Unavailable("it is down")
        return []

    asked = Asked(down)
    asked.now = NOW + timedelta(days=1)
    assert look_up(ledger, asked) == ["unknown", "unknown"]


def test_a_proof_is_of_the_post_that_was_looked_for_and_of_no_later_one(ledger: Ledger) -> None:
    """Another process has found the same, and has started the request again in the meantime."""
    lost(ledger, "a")
    later = NOW + timedelta(minutes=10)

    def meanwhile(key: str, look: int) -> list[str]:
        if look == 3:
            ledger.release(key)
            ledger.start(key, LOCAL, later)
        return []

    asked = Asked(meanwhile)
    asked.now = later
    assert look_up(ledger, asked) == ["submitting"]
    assert ledger.request("a").submitting_at == later


def test_a_job_that_is_there_is_believed_though_a_person_was_quicker_to_give_up(
    ledger: Ledger,
) -> None:
    lost(ledger, "a", "b")

    def meanwhile(key: str, look: int) -> list[str]:
        if key == "a":
            ledger.abandon(key, NOW)
        return [f"made of {key}"]

    assert look_up(ledger, Asked(meanwhile)) == ["submitted", "submitted"]


def test_a_job_that_is_anothers_does_not_keep_the_rest_from_being_looked_up(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    lost(ledger, "a", "b", "c")
    asked = Asked(lambda key, look: ["other" if key == "c" else "same"])
    assert look_up(ledger, asked) == ["submitted", "unknown", "submitted"]
    assert "job same belongs to the request a" in caplog.text
    assert ledger.request("b").state is RequestState.UNKNOWN
