"""What is known of a request whose answer was lost, and the three ways out of it."""

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from genai_orchestration.cli.requests.output import ago, moment, plain
from genai_orchestration.errors import UserError, counted

if TYPE_CHECKING:
    from genai_orchestration.ledger import Ledger
    from genai_orchestration.ledger.records import RequestRecord
    from genai_orchestration.providers.base import Provider
    from genai_orchestration.submission.evidence import Evidence


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """An unknown request, and what surrounds it."""

    record: "RequestRecord"
    title: str  # the provider's
    evidence: "Evidence"
    trouble: str | None  # why the warehouse could not be asked
    elsewhere: str | None = None  # the configured server, where it is another one

    def sentences(self, now: datetime) -> Iterator[str]:
        """When it was sent, what the answer was, what the balance did."""
        record = self.record
        to = f", to {plain(record.recipient)}" if record.recipient else ""
        to += f", now configured: {plain(self.elsewhere)}" if self.elsewhere else ""
        yield (
            f"It was sent {moment(self.evidence.sent)}, {ago(now - self.evidence.sent)} ago, by "
            f"{record.submitting_by}{to}; the answer was: {plain(record.error_text or 'none')}"
        )
        yield from self._balance()
        yield (
            f"It stays unknown until a person decides; where {self.title} can be asked, `genai "
            "requests submit` looks it up by itself. One of these:"
        )

    def ways_out(self) -> Mapping[str, str]:
        """The three commands, each with what it means."""
        key = self.record.request_key
        tail, option = (f" -- {key}", "") if key.startswith("-") else ("", f" {shlex.quote(key)}")
        return {
            f"genai requests resolve{option} --job ID{tail}": (
                f"it arrived: {self.title} shows it as the job ID, which is followed from then on"
            ),
            f"genai requests resolve{option} --never-arrived{tail}": (
                "it did not arrive: it costs nothing, and `retry` makes a new attempt"
            ),
            f"genai requests abandon{option}{tail}": (
                "nobody looks it up again: what it may have cost stays counted"
            ),
        }

    def as_json(self, now: datetime) -> dict[str, Any]:
        """The same, for programs."""
        evidence = self.evidence
        readings = {"before": evidence.before, "after": evidence.after}
        return {
            "sent": evidence.sent,
            "seconds_ago": round((now - evidence.sent).total_seconds()),
            "server": self.record.server,
            "account": self.record.account,
            "answer": self.record.error_text,
            "balance": {
                name: reading and {"at": reading.at, "credits": reading.credits}
                for name, reading in readings.items()
            },
            "spent": evidence.spent,
            "other_requests": len(evidence.others),
            "other_credits": evidence.accounted,
            "unaccounted": evidence.unaccounted,
            "trouble": self.trouble,
            "ways_out": list(self.ways_out()),
        }

    def _balance(self) -> Iterator[str]:
        evidence, before, after = self.evidence, self.evidence.before, self.evidence.after
        if self.trouble:
            yield f"What the balance did is not known. {self.trouble}"
        elif evidence.table is None:
            yield f"{self.title} publishes no balance, so that none shows whether it was paid for."
        elif before is None or after is None:
            when = {(True, True): "before and after", (False, True): "after"}.get(
                (before is None, after is None), "before"
            )
            yield (
                f"The warehouse has no reading of the balance {when} it was sent "
                f"({evidence.table}): genai load {self.record.provider} takes one now."
            )
        elif evidence.spent is None:
            yield "The plan has no limit of credits, so that the balance shows nothing."
        else:
            yield from self._fall(evidence.spent)

    def _fall(self, spent: int) -> Iterator[str]:
        evidence, price = self.evidence, self.record.price_estimate
        assert evidence.before
        assert evidence.before.credits is not None
        assert evidence.after
        before = evidence.before.credits or 0
        fell = f"{spent} less" if spent >= 0 else f"{-spent} more"
        yield (
            f"The balance was {counted(before, 'credit')} "
            f"{moment(evidence.before.at)}, the last reading before it was sent, and "
            f"{evidence.after.credits:,} {moment(evidence.after.at)}, the first after: {fell}."
        )
        charged = (
            "no other requests"
            if not evidence.others
            else f"{counted(len(evidence.others), 'other request')}, "
            f"for {counted(evidence.accounted, 'credit')}"
        )
        expected = (
            "of no published price" if price is None else f"estimated at {counted(price, 'credit')}"
        )
        yield (
            f"Between the two readings the ledger knows of {charged}. That leaves "
            f"{counted(evidence.unaccounted or 0, 'credit')}; this request is {expected}."
        )


def explanation_of(record: "RequestRecord", ledger: "Ledger") -> Explanation | None:
    """The explanation of an unknown request; None for any other."""
    from genai_orchestration.ledger.states import RequestState
    from genai_orchestration.providers import provider_named
    from genai_orchestration.settings import Settings
    from genai_orchestration.submission.evidence import Evidence, evidence_of
    from genai_orchestration.warehouse.destination_errors import translate_error

    if record.state is not RequestState.UNKNOWN or record.submitting_at is None:
        return None
    provider, settings = provider_named(record.provider), Settings.load()
    trouble = None
    try:
        evidence = evidence_of(record, provider, ledger, settings)
    except Exception as error:
        known = translate_error(error, settings)
        if known is None:
            raise
        evidence, trouble = None, str(known)
    return Explanation(
        record=record,
        title=provider.title,
        evidence=evidence or Evidence(sent=record.submitting_at, table=None),
        trouble=trouble,
        elsewhere=_elsewhere(record, provider),
    )


def _elsewhere(record: "RequestRecord", provider: "Provider") -> str | None:
    """The configured server, if it is another one than that of the request."""
    if record.recipient is None or provider.submitter is None:
        return None
    try:
        address = provider.submitter().base_url
    except UserError as error:
        return str(error)
    return None if record.recipient.is_server(address) else address
