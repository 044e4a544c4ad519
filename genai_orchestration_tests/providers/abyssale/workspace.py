"""An Abyssale workspace to load in tests: a few of the sandbox's designs, and what was asked."""

import requests

from genai_orchestration.providers.abyssale import PROVIDER, abyssale_source
from genai_orchestration.providers.abyssale.sandbox import AbyssaleSandbox
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.loading import Row, calls, load, select


def state(sandbox: Sandbox) -> AbyssaleSandbox:
    found = sandbox.providers["abyssale"]
    assert isinstance(found, AbyssaleSandbox)
    return found


def few_designs(sandbox: Sandbox, number: int = 8) -> list[str]:
    """Delete all but so many designs (the first eight are of all four types); their ids."""
    workspace = state(sandbox)
    kept = list(workspace.designs)[:number]
    for id in list(workspace.designs)[number:]:
        workspace.remove_design(id)
    return kept


def load_tables(settings: Settings, *tables: str) -> None:
    load(settings, PROVIDER, abyssale_source().with_resources(*tables))


def column(settings: Settings, table: str, name: str) -> list[object]:
    """The values of one column of a table, by id."""
    rows = select(settings, PROVIDER, f"SELECT {name} FROM {{{table}}} ORDER BY id")
    return [row[0] for row in rows]


def asked_details(sandbox: Sandbox) -> list[str]:
    """The designs whose details were asked for since this was called last."""
    found = [path.rpartition("/")[2] for path in calls(sandbox, "/abyssale/designs/")]
    sandbox.traffic.calls.clear()
    return sorted(found)


def raw(sandbox: Sandbox, path: str) -> list[Row]:
    """A listing as the API itself gives it."""
    url = f"{sandbox.base_url('abyssale')}/{path}"
    found: list[Row] = requests.get(url, headers={"x-api-key": KEY}, timeout=10).json()
    return found
