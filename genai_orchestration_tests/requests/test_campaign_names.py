"""A campaign is one campaign, however its name is written: for its cap, its sum and its filter."""

import dataclasses
import unicodedata

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.budget import BudgetSpent
from genai_orchestration.providers import provider_named
from genai_orchestration.requests.request import NewRequest, canonical_campaign
from genai_orchestration.settings import Settings
from genai_orchestration.submission.limits import budget_of
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.ledgers import NOW

MAGIC = provider_named("magic_hour")
SPELLINGS = ("winter", "Winter", "WINTER", "wiNter", " winter ", "\u00a0winter\n")


@given(st.text())
def test_a_canonical_name_is_its_own_and_that_of_all_its_spellings(name: str) -> None:
    canonical = canonical_campaign(name)
    assert canonical_campaign(canonical) == canonical
    spellings = {
        name.upper(),
        name.casefold(),
        f" {name}\t",
        unicodedata.normalize("NFC", name),
        unicodedata.normalize("NFD", name),
    }
    # letters whose capital is that of another letter, such as the dotless i, are that one's, too
    folded = {canonical_campaign(name.upper().casefold()), canonical}
    assert {canonical_campaign(spelling) for spelling in spellings} <= folded
    made = NewRequest(provider="p", operation="o", payload={}, request_key="k", campaign=name)
    assert made.campaign == canonical


def test_a_cap_of_five_lets_no_other_spelling_spend_more(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCES__MAGIC_HOUR_SOURCE__CAMPAIGNS__WINTER", "5")
    for number, spelling in enumerate(SPELLINGS):
        ledgers.approved(ledger, f"k{number}", campaign=spelling)
    assert ledger.campaigns("magic_hour") == ["winter"]
    limits = dataclasses.replace(ledgers.LOCAL, budget=budget_of(MAGIC, ["winter"]))
    ledger.start("k0", limits, NOW)
    for number in range(1, len(SPELLINGS)):
        with pytest.raises(BudgetSpent, match="campaign winter"):
            ledger.start(f"k{number}", limits, NOW)


def test_requests_of_an_earlier_version_are_of_the_same_campaign(
    ledger: Ledger, settings: Settings
) -> None:
    ledgers.approved(ledger, "a", "b", campaign="winter")
    engine = ledgers.engine(settings)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE requests SET campaign='WINTER' WHERE request_key='a'"))
        connection.execute(sa.text("DELETE FROM ledger"))
    engine.dispose()
    with Ledger.open(settings) as again:
        assert again.campaigns("magic_hour") == ["winter"]
        assert len(again.requests(campaign="winter")) == 2
