"""What is configured, whether it works, and what to do about it, a sentence each."""

import contextlib
import ipaddress
import tempfile
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from urllib.parse import urlsplit

import dlt

from genai_orchestration import warehouse
from genai_orchestration.archive import archiving
from genai_orchestration.doors.private import is_open
from genai_orchestration.errors import UserError, counted
from genai_orchestration.inbox.settings import InboxSettings
from genai_orchestration.ledger.database import LedgerDatabase
from genai_orchestration.orchestration.provider_settings import wrong_settings
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.base import Account, Finding, Provider
from genai_orchestration.providers.refusals import MissingKey
from genai_orchestration.providers.sources import account_of
from genai_orchestration.settings import Settings
from genai_orchestration.submission.sent_before import sent_until
from genai_orchestration.warehouse.destination_errors import translate_error, unusable_home

SECRETS = "secrets.toml"
# what reading an answer raises when it is JSON, but of another shape than the provider's
OTHER_SHAPE = (LookupError, TypeError, AttributeError, ValueError)


def examine() -> Iterator[Finding]:
    """Findings about every provider and all places of state; a `broken` one needs a person."""
    configured = 0
    for provider in all_providers():
        yield from map(Finding.bad, wrong_settings(provider))
        try:
            account = account_of(provider, None, None)
        except MissingKey as missing:
            yield Finding.off(f"{missing} Until then its schedules and sensors skip.")
            continue
        except UserError as error:
            yield Finding.bad(str(error))
        else:
            yield from _provider(provider, account)
        configured += 1
    if not configured:
        yield Finding.bad(
            "No provider has a key: copy .dlt/secrets.toml.example to .dlt/secrets.toml and put "
            "yours in, or try `genai demo`."
        )
    try:
        InboxSettings.load()
    except UserError as error:
        yield Finding.bad(str(error))
    yield from _open_secrets()
    yield from _places()


def _places() -> Iterator[Finding]:
    """Everything that is kept somewhere: the home, the warehouse, the ledger and the archive."""
    try:
        settings = Settings.load()
    except UserError as error:
        yield Finding.bad(str(error))
        return
    home = _home(settings)
    yield home
    yield _warehouse(settings)
    if not home.broken:  # both are in it, unless other places are named
        yield _ledger(settings)
        yield _archive(settings)


def _provider(provider: Provider, account: Account) -> Iterator[Finding]:
    """Its address, and what it says itself."""
    section = f"[sources.{provider.section}]"
    try:
        if _in_the_open(account.base_url):
            # no request: it would send the key, for everybody on the way to read
            yield Finding.bad(
                f"{provider.title}'s base_url is not encrypted, and a redirect to https would "
                f"lose requests: write it with https:// in {section}."
            )
        else:
            yield from _answers(provider, account)
    except UserError as error:
        yield Finding.bad(str(error))


def _answers(provider: Provider, account: Account) -> Iterator[Finding]:
    try:
        yield from provider.examine(account)
    except OTHER_SHAPE:
        yield Finding.bad(
            f"What answers at {provider.title}'s base_url sends JSON, but is not its API: check "
            f"base_url in [sources.{provider.section}]."
        )


def _in_the_open(base_url: str) -> bool:
    """Whether requests would cross a network that is not one's own without encryption."""
    try:
        address = urlsplit(base_url)
    except ValueError:
        return False  # the provider's client says what is wrong with it
    return address.scheme == "http" and not _own_network(address.hostname or "")


def _own_network(host: str) -> bool:
    """Whether the host is this one, or one of a network that has no certificates."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return "." not in host  # localhost, or a neighbour in a container network


def _open_secrets() -> Iterator[Finding]:
    """The files with keys that other users of this machine may read."""
    context = dlt.current.run_context()
    for folder in (context.settings_dir, context.global_dir):
        file = (Path(folder) / SECRETS).absolute()
        if is_open(file):
            yield Finding.off(f"Others may read the keys in {file}: run chmod 600 '{file}'.")


def _home(settings: Settings) -> Finding:
    """Whether state can be written, tried in the nearest folder there is; nothing is left there."""
    try:
        nearest = next(p for p in (settings.home, *settings.home.parents) if p.exists())
        tempfile.TemporaryFile(dir=nearest).close()
    except OSError as error:
        return Finding.bad(str(unusable_home(error, settings)))
    return Finding.good(f"State is kept in {settings.home}.")


def _warehouse(settings: Settings) -> Finding:
    try:
        warehouse.query(all_providers()[0], settings, "SELECT 1")
    except Exception as error:
        known = translate_error(error, settings)
        if known is None:
            raise
        return Finding.bad(str(known))
    if settings.destination != "duckdb":
        return Finding.good(f"The warehouse {settings.destination} answers.")
    if settings.warehouse.exists():
        return Finding.good(f"The warehouse {settings.warehouse} answers.")
    return Finding.good(f"The warehouse will be {settings.warehouse}: nothing is loaded yet.")


def _ledger(settings: Settings) -> Finding:
    """Whether paid requests can be kept, and what was sent is known to it; no file is made."""
    if not (settings.ledger_address or settings.ledger.exists()):
        shown, made_at = str(settings.ledger), datetime.now(timezone.utc)
        message = f"The ledger will be {shown}: nothing was asked for yet."
        return _replaced(shown, made_at, settings) or Finding.good(message)
    try:
        with contextlib.closing(LedgerDatabase.open(settings)) as database:
            well = Finding.good(f"The ledger {database.shown} answers.")
            return _replaced(database.shown, database.made_at(), settings) or well
    except UserError as error:
        return Finding.bad(str(error))
    except OSError as error:
        return Finding.bad(str(unusable_home(error, settings)))


def _replaced(ledger: str, made_at: datetime | None, settings: Settings) -> Finding | None:
    """What the warehouse knows to be sent before the ledger was made; None without any."""
    try:
        number = sent_until(made_at, settings) if made_at else 0
    except Exception as error:
        if translate_error(error, settings) is None:
            raise
        return None  # the warehouse has a finding of its own
    if not number:
        return None
    were = "was" if number == 1 else "were"
    return Finding.off(
        f"The ledger {ledger} is new, and the warehouse has {counted(number, 'request')} that "
        f"{were} sent before: put the ledger back that has sent them. None of them is approved "
        "again without --sent-before."
    )


def _archive(settings: Settings) -> Finding:
    """Whether finished files can be kept."""
    try:
        archiving.store_of(settings).check()
    except UserError as error:
        return Finding.bad(str(error))
    return Finding.good(f"Finished files are archived below {settings.archive_shown}.")
