"""Planning into the ledger: keys, conflicts, approvals, and how requests are kept and found."""

from datetime import datetime, timedelta, timezone

import pytest
import sqlalchemy as sa

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.requests import UnknownRequest, WrongState
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.states import Failure
from genai_orchestration.providers.work import Operation
from genai_orchestration.requests.paid_request import KeyConflict, PaidRequest, WrongRequest
from genai_orchestration.requests.request import NewRequest
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import LOCAL, MINUTE, NOW, wanted

MANY = 10_000


def test_a_request_is_kept_as_it_was_asked_for(place: Settings) -> None:
    payload = {"prompt": 'ein Füchslein 🦊 \\ "x"', "n": [1, 2.5, None, True], "empty": {}}
    with Ledger.open(place, who="ann@desk") as ledger:
        ledger.add([wanted("a", payload=payload, campaign="spring", price_estimate=None)], NOW)
    with Ledger.open(place, who="bob@desk") as ledger:
        ledger.approve(["a"], NOW + MINUTE)
        found = ledger.request("a")
    assert (found.payload, found.campaign, found.price_estimate) == (payload, "spring", None)
    assert (found.state, found.attempt, found.retries) == (RequestState.APPROVED, 1, None)
    assert (found.planned_at, found.planned_by) == (NOW, "ann@desk")
    assert (found.approved_at, found.approved_by) == (NOW + MINUTE, "bob@desk")
    assert found.planned_at.tzinfo is timezone.utc


def test_the_same_key_with_the_same_payload_changes_nothing(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "a")
    before = ledger.request("a")
    turned = {"image_count": 1, "style": {"prompt": "a fox"}}  # the order is no difference
    added = ledger.add([wanted("a", payload=turned), wanted("b"), wanted("b")], NOW + MINUTE)
    assert (added.new, added.known, added.conflicts) == (("b",), ("a", "b"), ())
    assert added.check() is added
    assert ledger.request("a") == before


def test_the_same_key_with_another_payload_is_an_error_that_shows_the_difference(
    ledger: Ledger,
) -> None:
    ledger.add([wanted("a")], NOW)
    other = {"style": {"prompt": "a dog", "tool": "x"}, "image_count": 1.0}
    added = ledger.add([wanted("a", payload=other), wanted("b")], NOW)
    assert (added.new, added.known) == (("b",), ())
    with pytest.raises(KeyConflict) as caught:
        added.check()
    assert str(caught.value) == (
        "A key stands for one request, and these came with another: a has "
        'payload.style.prompt: "a fox" before, "a dog" now; payload.image_count: 1 before, 1.0 '
        'now; payload.style.tool: nothing before, "x" now. Give what has changed a new key.'
    )
    assert ledger.request("a").payload["image_count"] == 1


@pytest.mark.parametrize(
    ("changes", "difference"),
    [
        ({"provider": "abyssale"}, 'provider: "magic_hour" before, "abyssale" now'),
        ({"operation": "x"}, 'operation: "ai_image_generator" before, "x" now'),
        ({"campaign": "spring"}, 'campaign: null before, "spring" now'),
        ({"payload": {}}, "payload: nothing before, {} now"),
    ],
)
def test_the_same_key_for_another_provider_operation_or_campaign_is_an_error(
    ledger: Ledger, changes: dict[str, object], difference: str
) -> None:
    added = ledger.add([wanted("a"), wanted("a", **changes)], NOW)
    assert added.new == ("a",)
    assert difference in added.conflicts[0].difference


def test_many_long_conflicts_make_a_sentence_that_can_be_read(ledger: Ledger) -> None:
    keys = [f"k{n}" for n in range(1, 9)]
    ledger.add([wanted(key, payload={"p": "x" * 999}) for key in keys], NOW)
    changed = {f"f{n}": "y" * 999 for n in range(20)}
    with pytest.raises(KeyConflict, match=r"and 16 more\. So have 5 more\. Give") as caught:
        ledger.add([wanted(key, payload=changed) for key in keys], NOW).check()
    assert len(str(caught.value)) < 2500


def test_ten_thousand_requests_are_added_and_approved_at_once(ledger: Ledger) -> None:
    many = [wanted(f"k{n}", payload={"style": {"prompt": f"fox {n}"}}) for n in range(MANY)]
    assert len(ledger.add(many, NOW).new) == MANY
    assert len(ledger.add(many, NOW).known) == MANY
    assert ledger.approve((request.request_key for request in many), NOW) == MANY
    assert ledger.counts() == {RequestState.APPROVED: MANY}
    assert len({row.payload["style"]["prompt"] for row in ledger.requests()}) == MANY


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"request_key": ""}, "A request_key '' cannot be used"),
        ({"request_key": "a\0"}, "cannot be used"),
        ({"request_key": "x" * 65}, "cannot be used"),
        ({"price_estimate": -1}, "The request k has a price of -1 credits, which is below zero"),
        ({"payload": {"at": NOW}}, "payload of request k is not JSON: Object of type datetime"),
        ({"payload": {"n": float("nan")}}, "payload of request k is not JSON: Out of range"),
    ],
)
def test_what_cannot_be_recorded_is_refused_in_a_sentence(
    changes: dict[str, object], says: str
) -> None:
    with pytest.raises(WrongRequest, match=says):
        wanted("k", **changes)


def test_a_request_takes_its_price_and_kind_from_its_operation() -> None:
    operation = Operation(
        name="draw",
        job_kind="drawing",
        mistakes=lambda payload: [],
        estimate=lambda payload: 3 * int(payload["n"]),
        model=lambda payload: "",
        prompt="",
    )
    new = NewRequest(
        provider="p", operation="draw", payload={"n": 2}, request_key="k", campaign="c"
    )
    made = PaidRequest.of(new, operation)
    assert (made.job_kind, made.price_estimate, made.campaign) == ("drawing", 6, "c")
    assert made.payload_hash == PaidRequest.of(new, operation).payload_hash


def test_all_are_approved_or_none(ledger: Ledger) -> None:
    ledgers.submitted(ledger, "gone")
    ledger.add([wanted("a"), wanted("b")], NOW)
    with pytest.raises(WrongState, match="The request gone is submitted and cannot be approved"):
        ledger.approve(["a", "gone", "b"], NOW)
    with pytest.raises(UnknownRequest, match='The ledger has no request "nobody"'):
        ledger.approve(["a", "nobody"], NOW)
    assert ledger.counts()[RequestState.PLANNED] == 2
    assert ledger.approve(["a", "a"], NOW) == 1
    assert ledger.approve(["a", "b"], NOW) == 1
    assert ledger.approve([], NOW) == 0


def test_requests_and_jobs_are_found_by_any_of_their_filters(ledger: Ledger) -> None:
    ledger.add([wanted("c", campaign="spring")], NOW - MINUTE)
    ledger.add([wanted("b", operation="upscale"), wanted("a", provider="abyssale")], NOW)
    ledgers.submitted(ledger, "d")

    def keys(**filters: object) -> list[str]:
        return [row.request_key for row in ledger.requests(**filters)]  # type: ignore[arg-type]

    assert keys() == ["c", "a", "b", "d"]
    assert keys(limit=2) == ["c", "a"]
    assert keys(provider="abyssale") == ["a"]
    assert keys(operation="upscale", provider="magic_hour") == ["b"]
    assert keys(campaign="spring") == ["c"]
    assert keys(campaign="") == []
    assert keys(states=[RequestState.SUBMITTED]) == ["d"]
    assert keys(states=[]) == []
    assert ledger.counts(provider="magic_hour") == {
        RequestState.PLANNED: 2,
        RequestState.SUBMITTED: 1,
    }
    assert [found.job_id for found in ledger.jobs(provider="magic_hour")] == ["job of d"]
    assert ledger.jobs(kind="other") == []


def test_a_time_without_a_zone_is_refused(ledger: Ledger) -> None:
    with pytest.raises(sa.exc.StatementError, match="has no time zone"):
        ledger.add([wanted("a")], datetime(2026, 3, 10))
    assert ledger.requests() == []


def test_a_time_of_any_zone_is_kept_in_utc(ledger: Ledger) -> None:
    ledger.add([wanted("a")], NOW.astimezone(timezone(timedelta(hours=-9))))
    assert ledger.request("a").planned_at == NOW


def test_a_vendors_odd_words_are_kept_as_far_as_a_database_takes_them(ledger: Ledger) -> None:
    ledgers.submitting(ledger, "a")
    ledger.mark_rejected("a", Failure.OUT_OF_CREDITS, "no\0credits \ud800 " + "x" * 9999, NOW)
    text = ledger.request("a").error_text
    assert text is not None
    assert text.startswith("nocredits \\ud800 xxx")
    assert len(text) == 2000


def test_a_start_that_is_refused_says_what_is_unknown(ledger: Ledger) -> None:
    with pytest.raises(UnknownRequest, match='no request "nobody"'):
        ledger.start("nobody", LOCAL, NOW)
