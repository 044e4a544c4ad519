"""A ledger of an earlier version is brought up by itself; one of a later version is left alone."""

import pytest
import sqlalchemy as sa

from genai_orchestration.jobs.ledger import Ledger
from genai_orchestration.jobs.ledger_url import LedgerUnusable
from genai_orchestration.jobs.ledger_versions import VERSION
from genai_orchestration.jobs.states import RequestState
from genai_orchestration.settings import Settings
from genai_orchestration_tests.jobs import ledgers
from genai_orchestration_tests.jobs.ledgers import LOCAL, NOW, job

ADDED = ("server", "account")  # by version 2, to both tables


def test_a_ledger_of_version_1_opens_with_its_requests_and_jobs(
    ledger: Ledger, settings: Settings
) -> None:
    ledgers.submitted(ledger, "done")
    ledgers.approved(ledger, "next")
    engine = ledgers.engine(settings)
    with engine.begin() as connection:
        for table in ("requests", "jobs"):
            for column in ADDED:
                connection.execute(sa.text(f"ALTER TABLE {table} DROP COLUMN {column}"))
        connection.execute(sa.text("ALTER TABLE requests DROP COLUMN clock"))
        for table in ("sightings", "ledger"):
            connection.execute(sa.text(f"DROP TABLE {table}"))
    engine.dispose()
    with Ledger.open(settings) as again:
        assert again.request("done").state is RequestState.SUBMITTED
        assert again.job(job("job of done")).recipient is None
        again.start("next", LOCAL, NOW)
        assert again.request("next").server == LOCAL.address


def test_a_ledger_of_a_later_version_is_not_written_to(ledger: Ledger, settings: Settings) -> None:
    engine = ledgers.engine(settings)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE ledger SET version = {VERSION + 1}"))
    engine.dispose()
    with pytest.raises(LedgerUnusable, match=f"is of version {VERSION + 1}.*install the newer one"):
        Ledger.open(settings)
