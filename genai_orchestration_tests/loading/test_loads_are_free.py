"""A load sends nothing that is paid for, though approved requests wait in the ledger."""

import pytest

from genai_orchestration import loading
from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import vendors
from genai_orchestration_tests.support.vendors import PROVIDERS


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=list(PROVIDERS))
def test_loading_every_table_only_reads(
    provider: Provider, sandbox: Sandbox, settings: Settings
) -> None:
    now = sandbox.clock.now()
    with Ledger.open(settings) as ledger:
        wanted = [vendors.wanted(sandbox, provider, key) for key in ("approved", "planned")]
        ledger.add(wanted, now)
        ledger.approve(["approved"], now)
        loading.load(provider, settings, [table.name for table in provider.tables])
        assert ledger.counts() == {RequestState.APPROVED: 1, RequestState.PLANNED: 1}
    assert {call.method for call in sandbox.traffic.calls} == {"GET"}
    assert vendors.made(sandbox, provider) == []
