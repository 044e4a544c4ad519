"""What is configured, whether it works, and what to do about it, a sentence each."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from dlt.common.configuration.exceptions import ConfigurationException
from dlt.destinations.exceptions import DestinationConnectionError

from genai_orchestration import warehouse
from genai_orchestration.errors import PlainError
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.base import Finding, Provider, account_of
from genai_orchestration.providers.http import MissingKey
from genai_orchestration.settings import Settings

LOCAL = ("127.0.0.1", "localhost", "::1")


def examine() -> Iterator[Finding]:
    """Findings about every provider and the warehouse; one that is `broken` needs a person."""
    configured = 0
    for provider in all_providers():
        try:
            account = account_of(provider, None, None)
        except MissingKey as missing:
            yield Finding.off(f"{missing} Until then its schedules and sensors skip.")
            continue
        configured += 1
        yield from _address(provider, account.base_url)
        try:
            yield from provider.examine(account)
        except PlainError as error:
            yield Finding.bad(str(error))
    if not configured:
        yield Finding.bad(
            "No provider has a key: copy .dlt/secrets.toml.example to .dlt/secrets.toml and put "
            "yours in, or look around with `genai demo`."
        )
    yield _warehouse(Settings.load())


def _address(provider: Provider, base_url: str) -> Iterator[Finding]:
    address = urlsplit(base_url)
    if address.scheme == "http" and address.hostname not in LOCAL:
        yield Finding.bad(
            f"{provider.title}'s base_url {base_url} is not encrypted, and a redirect to https "
            f"would lose requests: write https:// in [sources.{provider.section}]."
        )


def _warehouse(settings: Settings) -> Finding:
    try:
        warehouse.query(all_providers()[0], settings, "SELECT 1")
    except PlainError as error:
        return Finding.bad(str(error))
    except (ConfigurationException, DestinationConnectionError) as error:
        reason = str(error).strip().splitlines()[0]
        return Finding.bad(
            f"The warehouse {settings.destination} does not answer ({reason}): set its "
            f"[destination.{settings.destination}.credentials] in .dlt/secrets.toml."
        )
    where = settings.warehouse if settings.destination == "duckdb" else settings.destination
    return Finding.good(f"The warehouse {where} answers; other state is in {settings.home}.")
