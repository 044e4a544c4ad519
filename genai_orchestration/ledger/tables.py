"""The ledger's tables; records.py has their rows.

    requests   what we were asked to submit, and what became of it   (one POST at most for each)
    jobs       what runs at a provider                               (one for each submitted)
    sightings  since when another computer's clock has seen a POST unanswered

All times are UTC. All prices are the provider's credits, as whole numbers. Reading and writing the
tables does not belong here.
"""

from datetime import datetime, timezone

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from genai_orchestration.ledger.states import RequestState
from genai_orchestration.providers.states import JobState

KEY_LENGTH = 100  # characters: a caller's key (64), and the number of its attempt


class UtcTime(sa.types.TypeDecorator[datetime]):
    """An aware time in and out, UTC in the database; SQLite keeps no time zones."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The time as the database takes it; ValueError for one without a time zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; the ledger's times are aware")
        value = value.astimezone(timezone.utc)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The time, aware and in UTC."""
        if value is None:
            return None
        aware = value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value
        return aware.astimezone(timezone.utc)


def _one_of(states: type[RequestState] | type[JobState]) -> sa.CheckConstraint:
    words = ", ".join(f"'{state.value}'" for state in states)
    return sa.CheckConstraint(f"state IN ({words})")


METADATA = sa.MetaData()

requests = sa.Table(
    "requests",
    METADATA,
    sa.Column("request_key", sa.String(KEY_LENGTH), primary_key=True),
    sa.Column("provider", sa.Text, nullable=False),
    sa.Column("operation", sa.Text, nullable=False),
    sa.Column("job_kind", sa.Text, nullable=False),
    sa.Column("campaign", sa.Text),
    sa.Column("payload", sa.JSON, nullable=False),
    sa.Column("payload_hash", sa.String(64), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("price_estimate", sa.BigInteger),
    sa.Column("reserved", sa.BigInteger),
    sa.Column("credits_charged", sa.BigInteger),
    sa.Column("provider_job_id", sa.Text),
    sa.Column("answer", sa.JSON(none_as_null=True)),
    sa.Column("attempt", sa.Integer, nullable=False),
    # unique: an attempt has one successor, however often it is retried
    sa.Column("retries", sa.ForeignKey("requests.request_key"), unique=True),
    sa.Column("error_class", sa.Text),
    sa.Column("error_text", sa.Text),
    sa.Column("planned_at", UtcTime, nullable=False),
    sa.Column("planned_by", sa.Text, nullable=False),
    sa.Column("approved_at", UtcTime),
    sa.Column("approved_by", sa.Text),
    sa.Column("submitting_at", UtcTime),
    sa.Column("submitting_by", sa.Text),
    sa.Column("decided_at", UtcTime),
    sa.Column("decided_by", sa.Text),
    sa.Column("server", sa.Text),
    sa.Column("account", sa.Text),
    sa.Column("clock", sa.Text),
    _one_of(RequestState),
    sa.Index("requests_by_day", "provider", "submitting_at"),
    sa.Index("requests_by_campaign", "campaign", "provider"),
    sa.Index("requests_by_outcome", "provider", "state", "decided_at"),
    sa.Index("requests_by_decision", "provider", "decided_at"),
)

jobs = sa.Table(
    "jobs",
    METADATA,
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("raw_status", sa.Text),
    sa.Column("request_key", sa.ForeignKey("requests.request_key"), unique=True),
    sa.Column("first_seen", UtcTime, nullable=False),
    sa.Column("last_polled", UtcTime),
    sa.Column("next_poll", UtcTime),
    sa.Column("finished", UtcTime),
    sa.Column("loaded", UtcTime),
    sa.Column("archived", UtcTime),
    sa.Column("operation", sa.Text),
    sa.Column("polls", sa.Integer),
    sa.Column("error_class", sa.Text),
    sa.Column("error_text", sa.Text),
    sa.Column("record", sa.JSON(none_as_null=True)),
    sa.Column("server", sa.Text),
    sa.Column("account", sa.Text),
    sa.Column("incomplete_since", UtcTime),
    _one_of(JobState),
    sa.Index("jobs_by_state", "provider", "state", "next_poll"),
    sa.Index("jobs_by_end", "provider", "finished"),
)

sightings = sa.Table(
    "sightings",
    METADATA,
    sa.Column("request_key", sa.ForeignKey("requests.request_key"), primary_key=True),
    sa.Column("clock", sa.Text, primary_key=True),
    sa.Column("submitting_at", UtcTime, nullable=False),
    sa.Column("out_since", UtcTime, nullable=False),
    sa.Column("ended_since", UtcTime),
)
