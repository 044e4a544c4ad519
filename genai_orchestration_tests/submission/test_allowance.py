"""What a plan says of the budget: the caps, what is left, and how many requests still fit."""

from hypothesis import given
from hypothesis import strategies as st

from genai_orchestration.ledger.budget import Budget, Limits, Usage
from genai_orchestration.submission.budget_preview import (
    Allowance,
    Asked,
    BudgetPreview,
    CapPreview,
    allowance,
)
from genai_orchestration_tests.support.ledgers import LOCAL, VENDOR, caps

NOTHING = Usage()
CREDITS = st.none() | st.integers(0, 50)
WISHES = st.lists(
    st.builds(Asked, st.sampled_from(["winter", "spring", None]), CREDITS, st.booleans())
)


def allowed(*asked: Asked, limits: Limits, usage: Usage = NOTHING, **campaigns: int) -> Allowance:
    return allowance("magic_hour", asked, limits, usage, campaigns)


def wish(credits: int | None = 10, campaign: str | None = None, *, approved: bool = False) -> Asked:
    return Asked(campaign, credits, approved)


def test_what_is_approved_comes_first_and_the_rest_gets_what_is_left() -> None:
    limits = caps(per_day=100, per_month=1000)
    asked = (wish(30), wish(30), wish(30, approved=True))
    found = allowed(*asked, limits=limits, usage=Usage(day=20, month=500))
    assert found.caps == (
        CapPreview("a day", "credits_per_day", 100, 20),
        CapPreview("a month", "credits_per_month", 1000, 500),
    )
    assert [cap.left for cap in found.caps] == [80, 500]
    assert found.approved == BudgetPreview(requests=1, credits=30, fit=1)
    assert found.planned == BudgetPreview(requests=2, credits=60, fit=1)
    assert found.why_not
    assert "credits_per_day" in found.why_not


def test_a_campaigns_cap_holds_for_its_own_requests_alone() -> None:
    limits = caps(per_day=1000, campaigns={"winter": 25})
    asked = (wish(10, "winter"), wish(10, "winter"), wish(10, "spring"))
    found = allowed(*asked, limits=limits, winter=10)
    assert (found.planned.fit, found.caps[1].left) == (2, 15)
    assert "campaigns.winter" in str(found.why_not)


def test_a_cheap_request_may_fit_behind_one_that_does_not() -> None:
    found = allowed(wish(90), wish(20), wish(10), limits=caps(per_day=100))
    assert found.planned.fit == 2


def test_without_a_cap_only_a_local_address_lets_anything_through() -> None:
    assert allowed(wish(), limits=LOCAL).planned.fit == 1
    found = allowed(wish(), limits=Limits(base_url=VENDOR))
    assert (found.planned.fit, found.local, found.caps) == (0, False, ())
    assert "set credits_per_day or credits_per_month" in str(found.why_not)


def test_a_floor_is_told_and_left_to_the_balance_of_the_moment() -> None:
    found = allowed(wish(), limits=caps(per_day=100, floor=50))
    assert (found.floor, found.planned.fit, found.why_not) == (50, 1, None)


@given(WISHES, st.integers(0, 100), st.integers(0, 100))
def test_what_fits_never_passes_a_cap(asked: list[Asked], cap: int, spent: int) -> None:
    limits = Limits(base_url=VENDOR, budget=Budget(per_day=cap))
    found = allowed(*asked, limits=limits, usage=Usage(day=spent))
    cheapest = sorted(1 if each.credits is None else each.credits for each in asked)
    fit = found.approved.fit + found.planned.fit
    assert sum(cheapest[:fit]) <= max(0, cap - spent)
    assert (found.why_not is None) == (fit == len(asked))
