"""A minimal provider: what the folder of a fourth one needs, and nothing more."""

from collections.abc import Iterator

import pyarrow as pa
from dlt.extract import DltSource

from genai_orchestration.providers.base import Account, Finding, Provider, Schedule, Table
from genai_orchestration.providers.http import ReadClient
from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.rows import to_arrow
from genai_orchestration.providers.sources import account_of, resource, source_of

PICTURES = Table(
    name="pictures",
    description="Every picture.",
    disposition="merge",
    primary_key=("id",),
    columns={"id": "text", "title": "text"},
)


def fourth_source(api_key: str | None = None, base_url: str | None = None) -> DltSource:
    """The fourth provider's reads."""
    account = account_of(PROVIDER, api_key, base_url)
    return source_of(PROVIDER, resource(PICTURES, lambda: pictures(connect(account))))


def connect(account: Account) -> ReadClient:
    """A read client for the account."""
    return ReadClient(
        title="Fourth",
        section="fourth_source",
        base_url=account.base_url,
        auth=KeyAuth("Authorization", account.api_key),
    )


def pictures(client: ReadClient) -> Iterator[pa.Table]:
    """All pictures."""
    yield to_arrow(client.get_list("pictures"), PICTURES.columns)


def examine(account: Account) -> Iterator[Finding]:
    """Whether it answers."""
    yield Finding.good(f"Fourth has {len(connect(account).get_list('pictures'))} pictures.")


PROVIDER = Provider(
    name="fourth",
    title="Fourth",
    package="genai_orchestration.providers.fourth",
    base_url="https://fourth.example.com",
    source=fourth_source,
    examine=examine,
    tables=(PICTURES,),
    schedules=(Schedule(name="fourth_daily", cron="0 3 * * *"),),
)
