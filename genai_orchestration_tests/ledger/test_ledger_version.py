"""A ledger of an earlier version is brought up by itself; one of a later version is left alone."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from genai_orchestration.ledger import Ledger
from genai_orchestration.ledger.requests import LONGEST_POST
from genai_orchestration.ledger.states import RequestState
from genai_orchestration.ledger.url import LedgerUnusable
from genai_orchestration.ledger.versions import VERSION
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.states import JobState
from genai_orchestration.settings import Settings
from genai_orchestration.submission import reconcile
from genai_orchestration_tests.support import ledgers
from genai_orchestration_tests.support.asked import Asked
from genai_orchestration_tests.support.ledgers import LOCAL, NOW, job, said

MAGIC = provider_named("magic_hour")
DAY = timedelta(days=1)
# as the version before made it, in SQLite and in PostgreSQL but for TIME
VERSION_1 = """
CREATE TABLE requests (
    request_key VARCHAR(100) NOT NULL, provider TEXT NOT NULL, operation TEXT NOT NULL,
    job_kind TEXT NOT NULL, campaign TEXT, payload JSON NOT NULL,
    payload_hash VARCHAR(64) NOT NULL, state TEXT NOT NULL, price_estimate BIGINT,
    reserved BIGINT, credits_charged BIGINT, provider_job_id TEXT, answer JSON,
    attempt INTEGER NOT NULL, retries VARCHAR(100), error_class TEXT, error_text TEXT,
    planned_at TIME NOT NULL, planned_by TEXT NOT NULL, approved_at TIME, approved_by TEXT,
    submitting_at TIME, submitting_by TEXT, decided_at TIME, decided_by TEXT,
    PRIMARY KEY (request_key),
    CHECK (state IN ('planned', 'approved', 'submitting', 'submitted', 'rejected', 'unknown',
        'abandoned')),
    UNIQUE (retries), FOREIGN KEY (retries) REFERENCES requests (request_key)
);
CREATE INDEX requests_by_campaign ON requests (campaign, provider);
CREATE INDEX requests_by_day ON requests (provider, submitting_at);
CREATE INDEX requests_by_decision ON requests (provider, decided_at);
CREATE INDEX requests_by_outcome ON requests (provider, state, decided_at);
CREATE TABLE jobs (
    provider TEXT NOT NULL, kind TEXT NOT NULL, job_id TEXT NOT NULL, state TEXT NOT NULL,
    raw_status TEXT, request_key VARCHAR(100), first_seen TIME NOT NULL, last_polled TIME,
    next_poll TIME, finished TIME, loaded TIME, archived TIME, operation TEXT, polls INTEGER,
    error_class TEXT, error_text TEXT, record JSON, incomplete_since TIME,
    PRIMARY KEY (provider, kind, job_id),
    CHECK (state IN ('QUEUED', 'RUNNING', 'SUCCEEDED', 'FAILED', 'CANCELED', 'GONE')),
    UNIQUE (request_key), FOREIGN KEY (request_key) REFERENCES requests (request_key)
);
CREATE INDEX jobs_by_end ON jobs (provider, finished);
CREATE INDEX jobs_by_state ON jobs (provider, state, next_poll);
"""
REQUEST = """
INSERT INTO requests (request_key, provider, operation, job_kind, campaign, payload, payload_hash,
    state, price_estimate, reserved, provider_job_id, attempt, planned_at, planned_by,
    submitting_at, decided_at)
VALUES ('{key}', 'magic_hour', 'ai_image_generator', 'image_project', '{campaign}',
    '{{"image_count": 1}}', 'a hash', '{state}', 5, {reserved}, {job}, 1,
    '2026-03-10 12:00:00.000000{zone}', 'ann@desk', {sent}, {sent})
"""
JOB = """
INSERT INTO jobs (provider, kind, job_id, state, request_key, operation, first_seen, next_poll)
VALUES ('magic_hour', 'image_project', 'job of done', 'QUEUED', 'done', 'ai_image_generator',
    '2026-03-10 12:00:00.000000{zone}', '2026-03-10 12:00:00.000000{zone}')
"""


def request(key: str, state: str, campaign: str, zone: str, job_id: str = "NULL") -> str:
    sent = "NULL" if state == "approved" else f"'2026-03-10 12:00:00.000000{zone}'"
    reserved = "NULL" if state == "approved" else "5"
    return REQUEST.format(
        **{"key": key, "state": state, "campaign": campaign, "zone": zone},
        **{"job": job_id, "sent": sent, "reserved": reserved},
    )


@pytest.fixture
def old(place: Settings) -> Settings:
    """A ledger of version 1, with a request in flight, a lost one, and one to be sent."""
    postgres = bool(place.ledger_address)
    zone = "+00" if postgres else ""
    tables = VERSION_1.replace("TIME", "TIMESTAMP WITH TIME ZONE" if postgres else "DATETIME")
    place.home.mkdir(parents=True, exist_ok=True)
    rows = [
        request("done", "submitted", "WINTER", zone, "'job of done'"),
        request("lost", "unknown", " winter", zone),
        request("next", "approved", "Winter", zone),
        JOB.format(zone=zone),
    ]
    engine = ledgers.engine(place)
    with engine.begin() as connection:
        for statement in filter(str.strip, [*tables.split(";"), *rows]):
            connection.exec_driver_sql(statement)
    engine.dispose()
    return place


def test_a_ledger_of_version_1_opens_and_its_requests_and_jobs_are_used(old: Settings) -> None:
    with Ledger.open(old) as ledger:
        ledger.observe(job("job of done"), said(JobState.SUCCEEDED, "complete"), NOW)
        assert ledger.job(job("job of done")).recipient is None
        ledger.start("next", LOCAL, NOW)
        ledger.mark_submitted("next", "job of next", 5, NOW)
        assert ledger.job(job("job of next")).server == LOCAL.base_url
    with Ledger.open(old) as again:  # a second time, nothing is left to be brought up
        assert again.request("done").state is RequestState.SUBMITTED
        assert again.job(job("job of done")).state is JobState.SUCCEEDED
        assert again.usage("magic_hour", NOW).day == 15


def test_what_version_1_has_sent_is_found_and_never_released(old: Settings) -> None:
    with Ledger.open(old) as ledger:
        asked = Asked(lambda key, look: [])
        asked.now = NOW + DAY
        reconcile.reconcile_all(ledger, MAGIC, asked, lambda: asked.now, asked.sleep)
        assert ledger.request("lost").state is RequestState.UNKNOWN
        asked = Asked(lambda key, look: ["made"])
        reconcile.reconcile_all(ledger, MAGIC, asked, lambda: NOW + DAY, asked.sleep)
        assert ledger.request("lost").provider_job_id == "made"


def test_campaigns_of_version_1_are_one(old: Settings) -> None:
    with Ledger.open(old) as ledger:
        assert ledger.campaigns("magic_hour") == ["winter"]
        assert len(ledger.requests(campaign="winter")) == 3


def test_a_process_of_version_1_goes_on_beside_this_one_and_its_posts_are_not_released(
    old: Settings,
) -> None:
    with Ledger.open(old) as ledger:
        engine = ledgers.engine(old)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "UPDATE requests SET state = 'submitting', reserved = 5, submitting_at = "
                "(SELECT submitting_at FROM requests WHERE request_key = 'done') "
                "WHERE request_key = 'next'"
            )
        engine.dispose()
        asked = Asked(lambda key, look: [])
        for _ in range(3):
            asked.now = asked.now + LONGEST_POST + timedelta(seconds=1)
            reconcile.reconcile_all(ledger, MAGIC, asked, lambda: asked.now, asked.sleep)
        assert ledger.request("next").state is RequestState.UNKNOWN


def test_a_ledger_of_a_later_version_is_not_written_to(ledger: Ledger, place: Settings) -> None:
    engine = ledgers.engine(place)
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE ledger SET version = {VERSION + 1}"))
        connection.execute(sa.text("DROP TABLE sightings"))
    with pytest.raises(LedgerUnusable, match=f"is of version {VERSION + 1}.*install the newer one"):
        Ledger.open(place)
    assert not sa.inspect(engine).has_table("sightings")
    engine.dispose()
