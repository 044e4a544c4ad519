"""What keeps a line from sending: places in flight, budgets and caps, and where requests may go."""

from dataclasses import replace
from datetime import timedelta

import pytest

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import UNPRICED
from genai_orchestration.ledger.requests import LONGEST_POST
from genai_orchestration.providers.imagine_api.sandbox.images import OWN_USER
from genai_orchestration.settings import Settings
from genai_orchestration.submission.release import SANDBOX_APPROVER
from genai_orchestration.submission.send_guards import FOR_THE_SANDBOX
from genai_orchestration.submission.submit import PLACE_TIMEOUT
from genai_orchestration_tests.support import lines
from genai_orchestration_tests.support.ledgers import LOCAL, wanted
from genai_orchestration_tests.support.lines import (
    ABYSSALE,
    IMAGINE,
    MAGIC,
    Time,
    approve,
    line,
)

MINUTE = timedelta(minutes=1)


def test_a_full_provider_is_followed_until_there_is_room(ledger: Ledger, time: Time) -> None:
    keys = [f"k{number}" for number in range(10)]
    approve(ledger, IMAGINE, time, *keys)
    assert line(ledger, IMAGINE, time).submit().submitted == keys
    images = time.sandbox.providers["imagine_api"].images.values()
    began = sorted(image.created for image in images if image.ref in keys)
    ends = [start + timedelta(seconds=8) for start in began]  # its life in the sandbox
    for start, third_before in zip(began[3:], ends, strict=False):
        assert start >= third_before - timedelta(seconds=1)


def test_a_provider_that_stays_full_is_given_up_after_a_while(ledger: Ledger, time: Time) -> None:
    approve(ledger, IMAGINE, time, *"abcde", prompt="a fox [stuck]")
    before = time.now()
    result = line(ledger, IMAGINE, time).submit()
    assert (len(result.submitted), result.waiting) == (3, 2)
    assert "3 of the 3 jobs in flight" in next(iter(result.reasons))
    assert PLACE_TIMEOUT <= time.now() - before <= PLACE_TIMEOUT + MINUTE


def test_places_that_crashes_have_kept_become_free(ledger: Ledger, time: Time) -> None:
    approve(ledger, IMAGINE, time, "a", "b", "c", "last")
    here = replace(LOCAL, base_url=time.sandbox.base_url("imagine_api"), account=OWN_USER)
    for key in "abc":
        ledger.start(key, here, time.now())
    result = line(ledger, IMAGINE, time).submit()
    assert (result.submitted, result.waiting) == (["last"], 3)
    assert sorted(line(ledger, IMAGINE, time).submit().submitted) == ["a", "b", "c"]


def test_a_ceiling_that_crashes_have_reached_is_not_waited_for_without_end(
    ledger: Ledger, time: Time
) -> None:
    crashed = [f"k{number}" for number in range(10)]
    approve(ledger, ABYSSALE, time, *crashed, "last")
    for key in crashed:
        ledger.start(key, LOCAL, time.now())
    before = time.now()
    result = line(ledger, ABYSSALE, time).submit()
    assert time.now() - before <= LONGEST_POST + MINUTE
    assert "line rests until" in next(iter(result.reasons))  # ten lost answers: look at them first
    time.sandbox.clock.advance(3600)
    assert line(ledger, ABYSSALE, time).submit().submitted == ["last"]


def test_a_spent_budget_of_one_campaign_does_not_stop_another(
    ledger: Ledger, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__MAGIC_HOUR_SOURCE__CAMPAIGNS__SPRING", "7")
    approve(ledger, MAGIC, time, "a", "b", "c", campaign="spring")
    approve(ledger, MAGIC, time, "d", campaign="autumn")
    approve(ledger, MAGIC, time, "e")
    result = line(ledger, MAGIC, time).submit()
    assert (result.submitted, result.waiting) == (["a", "d", "e"], 2)
    (reason,) = result.reasons
    assert "cap of 7 credits for campaign spring" in reason
    assert result.reasons[reason] == 2


def test_a_cheaper_one_may_still_fit(
    ledger: Ledger, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__MAGIC_HOUR_SOURCE__CREDITS_PER_DAY", "12")
    approve(ledger, MAGIC, time, "dear", image_count=4)
    approve(ledger, MAGIC, time, "cheap", "second", "third")
    result = line(ledger, MAGIC, time).submit()
    assert (result.submitted, result.waiting) == (["cheap", "second"], 2)
    assert sum(result.reasons.values()) == 2


def test_a_campaign_that_is_capped_between_two_passes_is_capped(
    ledger: Ledger, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__MAGIC_HOUR_SOURCE__CAMPAIGNS__SPRING", "5")
    approve(ledger, MAGIC, time, "a")
    one = line(ledger, MAGIC, time)
    one.submit()
    approve(ledger, MAGIC, time, "b", "c", campaign="spring")
    assert one.submit().submitted == ["b"]


def test_without_a_cap_nothing_leaves_for_another_computer(
    ledger: Ledger, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    approve(ledger, MAGIC, time, "a", "b")
    assert MAGIC.submitter
    submitter = MAGIC.submitter()
    monkeypatch.setattr(submitter, "base_url", "https://api.magichour.ai")
    result = line(ledger, MAGIC, time, submitter=submitter).submit()
    assert (result.waiting, lines.posts(time.sandbox, MAGIC)) == (2, 0)
    assert "set credits_per_day or credits_per_month" in next(iter(result.reasons))


def test_what_was_approved_for_the_sandbox_never_leaves_it(
    settings: Settings, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__MAGIC_HOUR_SOURCE__CREDITS_PER_DAY", "100")
    with Ledger.open(settings, who=SANDBOX_APPROVER) as ledger:
        approve(ledger, MAGIC, time, "a")
        assert MAGIC.submitter
        submitter = MAGIC.submitter()
        monkeypatch.setattr(submitter, "base_url", "https://api.magichour.ai")
        result = line(ledger, MAGIC, time, submitter=submitter).submit()
        assert (result.waiting, result.reasons) == (1, {FOR_THE_SANDBOX: 1})
        with monkeypatch.context() as tunnel:  # a local address may lead to the real account
            tunnel.setenv("SOURCES__MAGIC_HOUR_SOURCE__API_KEY", "real-key")
            result = line(ledger, MAGIC, time).submit()
            assert (result.waiting, result.reasons) == (1, {FOR_THE_SANDBOX: 1})
        assert line(ledger, MAGIC, time).submit().submitted == ["a"]


def test_a_campaign_that_is_approved_while_others_leave_is_capped(
    ledger: Ledger, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__MAGIC_HOUR_SOURCE__CAMPAIGNS__SPRING", "5")
    ledger.add([wanted("late", campaign="spring", price_estimate=9)], time.now())
    one = line(ledger, MAGIC, time)
    limits = one._current_limits(time.now())
    assert limits.budget.campaigns == {"spring": 5}


def test_a_request_without_a_price_counts(
    ledger: Ledger, time: Time, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__ABYSSALE_SOURCE__CREDITS_PER_DAY", str(UNPRICED))
    approve(ledger, ABYSSALE, time, "a", "b", template_format_names=[])
    assert [record.price_estimate for record in ledger.requests()] == [None, None]
    assert line(ledger, ABYSSALE, time).submit().waiting == 1
