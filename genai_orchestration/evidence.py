"""What is known of a paid request whose answer was lost: when it left, and what the balance did.

    warehouse: last look at the balance before ──┐
               first look after ─────────────────┼─► Evidence: credits that nobody accounts for
    ledger: other requests sent between them ────┘

It proves nothing: others may spend from the same account, and refunds come late. A person decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from genai_orchestration import warehouse
from genai_orchestration.jobs.audit import BalanceLook
from genai_orchestration.jobs.ledger_reader import LedgerReader
from genai_orchestration.jobs.ledger_tables import RequestRecord
from genai_orchestration.providers.base import Provider, Table
from genai_orchestration.settings import Settings

MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What surrounds a request that was sent and not answered."""

    sent: datetime
    table: str | None  # that the looks are in; None: the provider tells no balance
    before: BalanceLook | None = None
    after: BalanceLook | None = None
    others: Sequence[RequestRecord] = ()  # sent between the two looks

    @property
    def spent(self) -> int | None:
        """How many credits the balance fell by; None where that cannot be said."""
        if not (self.before and self.after):
            return None
        if self.before.credits is None or self.after.credits is None:
            return None
        return self.before.credits - self.after.credits

    @property
    def accounted(self) -> int:
        """Credits of the other requests: charged, as far as is known, or reserved."""
        return sum(each.credits_charged or each.reserved or 0 for each in self.others)

    @property
    def unaccounted(self) -> int | None:
        """Credits that the balance fell by, and no other request explains."""
        return None if self.spent is None else self.spent - self.accounted


def evidence_of(
    record: RequestRecord, provider: Provider, ledger: LedgerReader, settings: Settings
) -> Evidence | None:
    """What is known around the request; None for one that has not been sent.

    Raises what the destination raises; `destination_errors.in_words` makes sentences of it.
    """
    if record.submitting_at is None:
        return None
    sent, until = record.submitting_at, record.decided_at or record.submitting_at
    table = provider.balance_table
    if table is None:
        return Evidence(sent=sent, table=None)
    before = _look(provider, table, settings, f"< {_literal(sent)}", "DESC")
    after = _look(provider, table, settings, f"> {_literal(until)}", "ASC")
    others: list[RequestRecord] = []
    if before and after:
        between = ledger.requests(provider=provider.name, sent=(before.at, after.at + MOMENT))
        others = [each for each in between if each.request_key != record.request_key]
    return Evidence(sent=sent, table=table.name, before=before, after=after, others=others)


def _look(
    provider: Provider, table: Table, settings: Settings, when: str, order: str
) -> BalanceLook | None:
    """The nearest look that is before, or after, a moment."""
    found = warehouse.query(
        provider,
        settings,
        f"SELECT read_at, {table.balance_sql} FROM {{{table.name}}} "  # noqa: S608 names and times of our own
        f"WHERE read_at {when} ORDER BY read_at {order} LIMIT 1",
    )
    if not found:
        return None
    at, credits = found[0]
    aware = at if at.tzinfo else at.replace(tzinfo=timezone.utc)
    return BalanceLook(
        at=aware.astimezone(timezone.utc), credits=None if credits is None else int(credits)
    )


def _literal(moment: datetime) -> str:
    return f"TIMESTAMPTZ '{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S.%f}+00'"
