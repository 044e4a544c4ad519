"""What the sensor of new requests keeps between two ticks, as a short text.

It holds a hash, a sentence, and for each operation the run that was asked for: its size does not
depend on how many files or requests there are.
"""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from genai_orchestration.inbox.inbox import Memory
from genai_orchestration.submission.release import RequestedRun


@dataclass(frozen=True, kw_only=True)
class InboxCursor:
    """The inbox's memory, and the runs asked for by operation (`provider/operation`)."""

    memory: Memory = field(default_factory=Memory)
    asked: Mapping[str, RequestedRun] = field(default_factory=dict)
    seq: int = 0  # of the newest run that was asked for

    @classmethod
    def loads(cls, text: str | None, first_round: int) -> "InboxCursor":
        """The cursor from its text; one that cannot be read is as none: reading again is free."""
        new = cls(seq=first_round)
        try:
            found = json.loads(text) if text else None
            if not found:
                return new
            asked = {what: _asked(**each) for what, each in found["asked"].items()}
            return cls(memory=Memory(**found["memory"]), asked=asked, seq=int(found["seq"]))
        except (ValueError, TypeError, LookupError, AttributeError):
            return new

    def dumps(self) -> str:
        """The cursor's text; the same for equal cursors."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, default=datetime.isoformat)


def _asked(*, at: str, **values: int) -> RequestedRun:
    return RequestedRun(at=datetime.fromisoformat(at), **values)
