"""What one server and account say counts for what was sent there, and for nothing else.

A lost answer at server A, then another base_url: B does not have the request, which proves nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import sqlalchemy as sa

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import Limits
from genai_orchestration.ledger.host import is_same_clock, wall_clock
from genai_orchestration.ledger.requests import LONGEST_POST
from genai_orchestration.ledger.sightings import SETTLED
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.recipient import Recipient
from genai_orchestration.providers.states import JobState
from genai_orchestration.providers.work import JobReport
from genai_orchestration.settings import Settings
from genai_orchestration.submission import reconcile
from genai_orchestration.watching import watch
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.asked import Asked
from genai_orchestration_tests.support.job_reader import Says
from genai_orchestration_tests.support.ledgers import NOW, job, said

MAGIC = provider_named("magic_hour")
[KIND] = MAGIC.job_kinds
A, B = "https://a.example", "https://b.example"
SECOND = timedelta(seconds=1)
LATER = NOW + LONGEST_POST + SETTLED
GONE = said(JobState.GONE, "not found")


def sent(ledger: Ledger, key: str, server: str = A, account: str | None = "ours") -> None:
    """A request that is on its way to that account."""
    ledgers.approved(ledger, key)
    ledger.start(key, Limits(base_url=server, account=account, budget=CAP), NOW)


CAP = ledgers.caps(per_day=1000).budget


def after_a_look(ledger: Ledger, server: str, account: str | None) -> RequestState:
    """How a request stands whose answer was lost, when nothing of it is found there."""
    asked = Asked(lambda key, look: [], base_url=server, key_of=account)
    asked.now = LATER
    reconcile.reconcile_all(ledger, MAGIC, asked, lambda: asked.now, asked.sleep)
    return ledger.request("a").state


@pytest.mark.parametrize(
    ("address", "account", "state"),
    [
        (A, "ours", RequestState.APPROVED),
        ("http://A.example:80/", "ours", RequestState.APPROVED),  # the same server, written so
        (B, "ours", RequestState.UNKNOWN),
        (f"{A}/other", "ours", RequestState.UNKNOWN),
        (A, "theirs", RequestState.UNKNOWN),
    ],
)
def test_what_is_not_there_was_never_sent_only_where_it_was_sent_to(
    ledger: Ledger, address: str, account: str, state: RequestState
) -> None:
    sent(ledger, "a")
    ledger.mark_unknown("a", "timed out", NOW)
    assert after_a_look(ledger, address, account) is state


def test_another_server_is_not_even_asked(ledger: Ledger) -> None:
    sent(ledger, "a")
    ledger.mark_unknown("a", "timed out", NOW)
    asked = Asked(lambda key, look: ["of another"], base_url=B, key_of="ours")
    reconcile.reconcile_all(ledger, MAGIC, asked, lambda: LATER, asked.sleep)
    assert (asked.looks, ledger.request("a").state) == ([], RequestState.UNKNOWN)


def test_what_an_earlier_version_has_sent_is_found_and_never_sent_again(
    ledger: Ledger, settings: Settings
) -> None:
    sent(ledger, "a")
    ledger.mark_unknown("a", "timed out", NOW)
    engine = ledgers.engine(settings)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE requests SET server = NULL, account = NULL"))
    engine.dispose()
    assert after_a_look(ledger, A, "ours") is RequestState.UNKNOWN
    asked = Asked(lambda key, look: ["made"], base_url=A, key_of="ours")
    reconcile.reconcile_all(ledger, MAGIC, asked, lambda: LATER, asked.sleep)
    assert ledger.request("a").provider_job_id == "made"


def reports(ledger: Ledger, server: str, account: str | None, answer: JobReport) -> Says:
    """Two looks at the only job, ten minutes apart, by the key of that account."""
    reader = Says(lambda job_id: answer, base_url=server, key_of=account)
    for pause in range(3):
        now = LATER + pause * timedelta(minutes=11)
        watch.poll(ledger, MAGIC, KIND, reader, now, seconds=60)
    return reader


def submitted(ledger: Ledger) -> None:
    sent(ledger, "a")
    ledger.mark_submitted("a", "job of a", None, NOW)


def test_a_job_that_its_own_account_does_not_find_is_gone(ledger: Ledger) -> None:
    submitted(ledger)
    reports(ledger, A, "ours", GONE)
    assert ledger.job(job("job of a")).state is JobState.GONE


def test_a_job_that_another_account_does_not_find_is_not_gone(ledger: Ledger) -> None:
    submitted(ledger)
    found = watch.poll(
        ledger, MAGIC, KIND, Says(lambda _: GONE, base_url=A, key_of="theirs"), LATER, seconds=60
    )
    assert f"was sent to {A} as ours, now configured: {A} as theirs" in found.trouble
    reports(ledger, A, "theirs", GONE)
    assert ledger.job(job("job of a")).state is JobState.QUEUED


def test_a_job_of_another_server_is_not_asked_about(ledger: Ledger) -> None:
    submitted(ledger)
    reader = reports(ledger, B, "ours", said(JobState.SUCCEEDED, "complete"))
    assert (reader.asked, ledger.job(job("job of a")).state) == ([], JobState.QUEUED)
    found = watch.poll(ledger, MAGIC, KIND, reader, LATER + timedelta(days=1), seconds=60)
    assert f"image_project job of a was sent to {A} as ours, now configured: {B}" in found.trouble


def test_a_key_that_was_changed_is_of_the_same_account() -> None:
    assert Recipient(A, "ours").is_account(Recipient(f"{A}/", "ours"))
    assert Recipient(A).is_account(Recipient(A))  # a provider that names none
    assert not Recipient(A, "ours").is_account(Recipient(A, "theirs"))
    assert not Recipient(A).is_account(Recipient(A, "ours"))


@dataclass
class OnTwoHosts:
    """One ledger, written to by the clocks of two hosts; one of them has sent the request `a`."""

    one: Ledger
    two: Ledger


@pytest.fixture
def hosts(ledger: Ledger, settings: Settings) -> Iterator[OnTwoHosts]:
    """Both of them, until the test ends."""
    with (
        Ledger.open(settings, clock="one@1000") as one,
        Ledger.open(settings, clock="two@1000") as two,
    ):
        sent(one, "a")
        yield OnTwoHosts(one, two)


def test_a_clock_that_is_ahead_does_not_release_what_is_still_on_its_way(
    hosts: OnTwoHosts,
) -> None:
    ahead = timedelta(minutes=13)
    asked = Asked(lambda key, look: [], base_url=A, key_of="ours")

    def pass_of_two(after: timedelta) -> RequestState:
        asked.now = NOW + ahead + after
        reconcile.reconcile_all(hosts.two, MAGIC, asked, lambda: asked.now, asked.sleep)
        return hosts.two.request("a").state

    assert pass_of_two(SECOND) is RequestState.SUBMITTING
    assert pass_of_two(LONGEST_POST) is RequestState.SUBMITTING
    assert pass_of_two(LONGEST_POST + 2 * SECOND) is RequestState.APPROVED


def test_an_answer_that_was_lost_by_another_clock_is_waited_for_by_ones_own(
    hosts: OnTwoHosts,
) -> None:
    ahead = timedelta(minutes=13)
    hosts.one.mark_unknown("a", "timed out", NOW)
    record = hosts.two.request("a")
    first = NOW + ahead
    assert not hosts.two.record_sighting(record, first).is_final(first)
    assert not hosts.two.record_sighting(record, first + SETTLED).is_final(first + SETTLED)
    late = first + SETTLED + SECOND
    assert hosts.two.record_sighting(record, late).is_final(late)
    assert hosts.one.record_sighting(record, NOW + SETTLED + SECOND).is_final(
        NOW + SETTLED + SECOND
    )


def test_a_sighting_is_of_one_post_and_of_no_later_one(hosts: OnTwoHosts) -> None:
    first, later = NOW + timedelta(minutes=13), timedelta(hours=1)
    seen = hosts.two.record_sighting(hosts.two.request("a"), first)
    assert (seen.out_since, seen.ended_since) == (first, None)
    assert not seen.is_final(first + SETTLED + SECOND)  # nobody says that its answer was lost
    hosts.one.release("a", started=NOW)
    hosts.one.start("a", Limits(base_url=A, account="ours", budget=CAP), NOW + later)
    seen = hosts.two.record_sighting(hosts.two.request("a"), first + later)
    assert seen.out_since == first + later


def test_a_sighting_from_far_ahead_is_of_a_clock_that_was_wrong(
    hosts: OnTwoHosts,
) -> None:
    year = timedelta(days=365)
    record = hosts.two.request("a")
    hosts.two.record_sighting(record, NOW + year)
    assert hosts.two.record_sighting(record, LATER).out_since == LATER
    assert hosts.two.record_sighting(record, LATER + SECOND).out_since == LATER


def test_a_clock_that_was_set_is_another_clock() -> None:
    assert is_same_clock(wall_clock(), wall_clock())
    assert is_same_clock("boot@1000", "boot@1059")  # an hour's drift of a bad quartz is seconds
    assert not is_same_clock("boot@1000", "boot@1780")
    assert not is_same_clock("boot@1000", "other@1000")
    assert is_same_clock("database", "database")
