"""What the commands share: the filters of requests, the ledger, the operations."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from genai_orchestration.errors import UserError

if TYPE_CHECKING:
    from genai_orchestration.ledger import Ledger
    from genai_orchestration.requests.request import Operations

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
limit = click.option("--limit", type=click.IntRange(min=1), help="At most so many, the first ones.")


class UnknownOperation(UserError):
    """No provider that is meant has an operation of that name."""


@dataclass(frozen=True)
class Filters:
    """Which requests are meant; None lets all through."""

    provider: str | None = None
    operation: str | None = None
    campaign: str | None = None

    @property
    def any(self) -> bool:
        """Whether anything is filtered out."""
        return any((self.provider, self.operation, self.campaign))

    def check(self) -> "Filters":
        """Itself; a sentence for a provider or an operation that there is not."""
        from genai_orchestration.providers import provider_named
        from genai_orchestration.requests.request import unknown_operation

        if self.provider is not None:
            provider_named(self.provider)
        if self.operation is not None:
            known = operations()
            owners = {owner for owner, name in known if name == self.operation}
            if not owners or self.provider not in (None, *owners):
                raise UnknownOperation(
                    unknown_operation(self.provider, self.operation, known)
                    if self.provider
                    else f"There is no paid operation {self.operation!r}. There are: "
                    f"{', '.join(name for _, name in known)}."
                )
        return self


def filters(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command --provider, --operation and --campaign, as `chosen`."""

    @functools.wraps(command)
    def filtered(
        *args: Any, provider: str | None, operation: str | None, campaign: str | None, **kwargs: Any
    ) -> None:
        from genai_orchestration.requests.request import canonical_campaign

        named = canonical_campaign(campaign)
        command(*args, chosen=Filters(provider, operation, named).check(), **kwargs)

    for name in ("campaign", "operation", "provider"):
        option = click.option(f"--{name}", help=f"Only requests of this {name}.")
        filtered = option(filtered)
    return filtered


def operations() -> "Operations":
    """Every paid operation of every provider."""
    from genai_orchestration.providers import all_providers
    from genai_orchestration.requests.request import operations_of

    return operations_of(all_providers())


def open_ledger() -> "Ledger":
    """The ledger that the settings name."""
    from genai_orchestration.ledger import Ledger
    from genai_orchestration.settings import Settings

    return Ledger.open(Settings.load())
