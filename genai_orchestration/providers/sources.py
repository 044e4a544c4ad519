"""From a provider's value to dlt: its settings, its account, its resources and its source.

configuration ─► account_of ─► (the provider's client) ─► resource(table, pages) ─► source_of
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import dlt
import pyarrow.compute as pc
from dlt.common.configuration.container import Container
from dlt.common.pipeline import PipelineContext
from dlt.common.schema import Schema
from dlt.common.schema.typing import TTableSchemaColumns
from dlt.extract import DltResource, DltSource
from dlt.extract.items import DataItemWithMeta
from dlt.pipeline.pipeline import Pipeline

from genai_orchestration.providers.base import Account, Provider, Table
from genai_orchestration.providers.dlt_environment import addressed_variables
from genai_orchestration.providers.refusals import MissingKey, WrongSetting
from genai_orchestration.providers.rows import Record, quiet_dlt
from genai_orchestration.providers.unreadable_settings import unreadable


def setting(provider: Provider, name: str) -> Any:
    """The provider's setting of that name in dlt's configuration; None when it is not set.

    Looked up by its full name, `sources.<provider>_source.<name>`, and by nothing shorter: dlt's
    own argument injection would also take a bare `API_KEY` meant for somebody else, and send it
    to the vendor.
    """
    return configured(f"sources.{provider.section}.{name}")


def configured(name: str) -> Any:
    """The value of that full name in dlt's configuration; None when it is not set.

    The environment wins, then secrets.toml, then config.toml: `dlt.secrets` alone would never read
    into the last one. UnreadableSetting when dlt cannot read its files.
    """
    try:
        secret: Any = dlt.secrets.get(name)
        return dlt.config.get(name) if secret is None else secret
    except Exception as error:
        known = unreadable(error)
        if known is None:
            raise
        raise known from None


def account_of(provider: Provider, api_key: str | None, base_url: str | None) -> Account:
    """The configured account; what is passed in wins. MissingKey names the setting."""
    configured = api_key or setting(provider, "api_key")
    if not isinstance(configured, str | None):
        raise WrongSetting(
            f"{provider.title}'s api_key is not a text: write it in quotes, as in "
            f'api_key = "...", in [sources.{provider.section}] of .dlt/secrets.toml.'
        )
    key = (configured or "").strip()  # a file's last line break
    if not key:
        raise MissingKey(
            f"{provider.title} has no API key: set api_key under [sources.{provider.section}] in "
            f".dlt/secrets.toml, or SOURCES__{provider.section.upper()}__API_KEY."
        )
    if not (key.isascii() and key.isprintable()):
        # http.client would refuse it as well, in an error that quotes the key
        raise WrongSetting(
            f"{provider.title}'s API key has characters that no key has, such as a line break: "
            f"set api_key in [sources.{provider.section}] again."
        )
    return Account(api_key=key, base_url=base_url_of(provider, base_url))


def base_url_of(provider: Provider, base_url: str | None = None) -> str:
    """Where the provider's API is: `base_url`, else the configured one, else the vendor's own.

    One that was copied with a path of the API in it, such as `/items/images/`, ends before that.
    """
    configured = base_url or setting(provider, "base_url") or provider.base_url
    if not isinstance(configured, str):
        raise WrongSetting(
            f"{provider.title}'s base_url is not a text: write it in quotes, as in "
            f'base_url = "{provider.base_url}", in [sources.{provider.section}].'
        )
    server, *path = re.split(r"(?<!/)/(?!/)", configured.strip())
    known = [number for number, name in enumerate(path) if name in provider.paths]
    return "/".join([server, *path[: known[0]]]) if known else configured.strip()


def resource(table: Table, pages: Callable[[], Iterable[Any]]) -> DltResource:
    """The dlt resource of `table`: `pages` yields its Arrow tables when it is loaded."""
    columns: TTableSchemaColumns = {
        name: {"data_type": kind} for name, kind in table.columns.items()
    }
    if table.hard_delete:
        columns[table.hard_delete]["hard_delete"] = True
    return dlt.resource(
        lambda: (_lowered(page, table.uuids) for page in pages()),
        name=table.name,
        write_disposition=table.disposition,
        primary_key=list(table.primary_key),
        columns=columns,
    )


def once(records: Iterable[Record], table: Table) -> list[Record]:
    """The records of a snapshot, each primary key once; of several the last, as read latest."""

    def key(record: Record) -> tuple[Any, ...]:
        values = ((name, record.get(name)) for name in table.primary_key)
        return tuple(
            value.lower() if name in table.uuids and isinstance(value, str) else value
            for name, value in values
        )

    return list({key(record): record for record in records}.values())


def _lowered(page: Any, columns: tuple[str, ...]) -> Any:
    """An Arrow table, or one that dlt's hints are on, with these columns in lower case."""
    if isinstance(page, DataItemWithMeta):
        return DataItemWithMeta(page.meta, _lowered(page.data, columns))
    for name in columns:
        place = page.schema.get_field_index(name)
        page = page.set_column(place, name, pc.utf8_lower(page.column(place)))
    return page


def source_of(provider: Provider, *resources: DltResource) -> DltSource:
    """The provider's dlt source, named and sectioned as the seeds give it."""
    quiet_dlt()
    with addressed_variables():  # for the schema's naming
        return DltSource(Schema(provider.section), provider.section, list(resources))


def active_pipeline() -> Pipeline | None:
    """The dlt pipeline that is extracting just now; None when a source is read by itself."""
    context = Container()[PipelineContext]
    active = context.pipeline() if context.is_active() else None
    return active if isinstance(active, Pipeline) else None
