"""What one pass of submissions did: the keys by outcome, and why the rest stays approved."""

from dataclasses import dataclass, field


@dataclass
class SubmissionResult:
    """What one pass over the approved requests did."""

    submitted: list[str] = field(default_factory=list)
    rejected: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    waiting: int = 0  # still approved
    reasons: dict[str, int] = field(default_factory=dict)  # why not, and for how many
    stopped: str | None = None  # why the line ended before its end
    uncapped: str | None = None  # that no cap allows anything

    @property
    def sent(self) -> int:
        """How many requests left, whatever came of them."""
        return len(self.submitted) + len(self.rejected) + len(self.unknown)

    def add_reason(self, reason: object, count: int = 1) -> None:
        """Note why some requests stay approved."""
        self.reasons[str(reason)] = self.reasons.get(str(reason), 0) + count
