"""What is known of a paid request whose answer was lost: when it left, and what the balance did.

    warehouse: last reading of the balance ──────┐
               first reading after ──────────────┼─► Evidence: credits that nobody accounts for
    ledger: other requests sent between them ────┘

It proves nothing: others may spend from the same account, and refunds come late. A person decides.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from genai_orchestration import warehouse
from genai_orchestration.ledger.reader import LedgerReader
from genai_orchestration.ledger.records import RequestRecord
from genai_orchestration.providers.base import Provider, Table
from genai_orchestration.settings import Settings
from genai_orchestration.submission.audit import BalanceReading

MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What surrounds a request that was sent and not answered."""

    sent: datetime
    table: str | None  # that has the readings; None: the provider publishes no balance
    before: BalanceReading | None = None
    after: BalanceReading | None = None
    others: Sequence[RequestRecord] = ()  # sent between the two readings

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

    Raises what the destination raises; `destination_errors.translate_error` makes sentences of it.
    """
    if record.submitting_at is None:
        return None
    sent, until = record.submitting_at, record.decided_at or record.submitting_at
    table = provider.balance_table
    if table is None:
        return Evidence(sent=sent, table=None)
    before = _reading(provider, table, settings, f"< {_literal(sent)}", "DESC")
    after = _reading(provider, table, settings, f"> {_literal(until)}", "ASC")
    others: list[RequestRecord] = []
    if before and after:
        between = ledger.requests(provider=provider.name, sent=(before.at, after.at + MOMENT))
        others = [each for each in between if each.request_key != record.request_key]
    return Evidence(sent=sent, table=table.name, before=before, after=after, others=others)


def _reading(
    provider: Provider, table: Table, settings: Settings, when: str, order: str
) -> BalanceReading | None:
    """The nearest reading that is before, or after, a moment."""
    rest = f"WHERE read_at {when} ORDER BY read_at {order} LIMIT 1"
    return next(iter(balance_looks(provider, table, settings, rest)), None)


def balance_looks(
    provider: Provider, table: Table, settings: Settings, rest: str
) -> list[BalanceReading]:
    """The balance's readings that are loaded; `rest` is SQL of our own that chooses of them."""
    sql = f"SELECT read_at, {table.balance_sql} FROM {{{table.name}}} {rest}"  # noqa: S608 own names
    return [
        BalanceReading(at=_utc(at), credits=None if credits is None else int(credits))
        for at, credits in warehouse.query(provider, settings, sql) or []
    ]


def _utc(moment: datetime) -> datetime:
    """The moment in UTC, also from a warehouse that keeps no time zones."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc)


def _literal(moment: datetime) -> str:
    return f"TIMESTAMPTZ '{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S.%f}+00'"
