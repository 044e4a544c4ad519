"""Somebody else's environment is not ours: bare names that dlt looks up change nothing."""

import importlib
import os
import pkgutil
from collections.abc import Iterator

import dlt
import dlt.destinations.impl
import duckdb
import pytest
from dlt.common.configuration.container import Container
from dlt.common.configuration.providers.environ import EnvironProvider
from dlt.common.configuration.specs.base_configuration import BaseConfiguration
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext

from genai_orchestration import warehouse
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.dlt_environment import AddressedVariables, addressed_variables
from genai_orchestration.providers.sources import account_of
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support import loads
from genai_orchestration_tests.support.loads import PROVIDER, ROWS, SNAPSHOT_ROWS

VARIABLES = "Environment Variables"  # dlt's name of the provider that reads them

# Where a value is of a certain kind, or does the most harm; any other option is set to "hostile"
WORST = {
    "DEV_MODE": "true",
    "FULL_REFRESH": "true",
    "REFRESH": "drop_data",
    "DATASET_NAME_LAYOUT": "elsewhere_%s",
    "STAGING_DATASET_NAME_LAYOUT": "%s",
    "RESTORE_FROM_DESTINATION": "false",
    "USE_SINGLE_DATASET": "false",
    "ENABLE_RUNTIME_TRACE": "false",
    "NAMING": "direct",
    "REPLACE_STRATEGY": "truncate-and-insert",
    "READ_ONLY": "true",
    "RAISE_ON_FAILED_JOBS": "false",
    "TRUNCATE_STAGING_DATASET": "true",
    "ADD_DLT_LOAD_ID": "true",
    "COERCE_TIMESTAMPS": "s",
    "MAX_TABLE_NESTING": "0",
    "WORKERS": "0",
    "BASE_URL": "http://127.0.0.1:9",
    # of functions' arguments and tables' hints, which are in no configuration
    "WRITE_DISPOSITION": "append",
    "PRIMARY_KEY": "number",
    "SCHEMA_CONTRACT": "freeze",
    "LOADER_FILE_FORMAT": "jsonl",
    "DESTINATION": "filesystem",
    "STAGING": "filesystem",
    "COLUMNS": "[]",
    "TABLE_NAME": "elsewhere",
}


def options() -> set[str]:
    """The bare name of every option that the installed dlt has, as an environment variable."""
    for package in pkgutil.iter_modules(dlt.destinations.impl.__path__):
        importlib.import_module(f"dlt.destinations.impl.{package.name}.configuration")
    specs = list(_below(BaseConfiguration))
    assert len(specs) > 50, "dlt keeps its options elsewhere: list them from there"
    return {field.upper() for spec in specs for field in spec.get_resolvable_fields()}


def _below(kind: type[BaseConfiguration]) -> Iterator[type[BaseConfiguration]]:
    for each in kind.__subclasses__():
        if each.__module__.startswith("dlt."):
            yield each
            yield from _below(each)


@pytest.fixture
def hostile(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Every option of dlt's is set to something else, by its bare name."""
    names = options() - set(os.environ) | {*WORST}  # PATH and HOME stay as they are
    assert names >= {*WORST, "DATASET_NAME", "IMPORT_SCHEMA_PATH", "CREDENTIALS", "DATABASE"}
    for name in names:
        monkeypatch.setenv(name, WORST.get(name, "hostile"))
    return names


def test_no_bare_name_decides_where_rows_go_or_which_survive(
    settings: Settings, hostile: set[str]
) -> None:
    for version in (1, 2):
        loads.load(settings, letters=loads.letters("a", version), stand=loads.stand(version))
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        datasets = connection.execute("SELECT DISTINCT schema_name FROM duckdb_tables()").fetchall()
        letters = connection.execute("SELECT count(*) FROM made_up_data.letters").fetchall()
        stand = connection.execute(
            "SELECT version, count(*) FROM made_up_data.stand GROUP BY ALL"
        ).fetchall()
        columns = connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE table_name = 'letters' "
            "AND schema_name = 'made_up_data'"
        ).fetchall()
    assert {name for (name,) in datasets} == {"made_up_data", "made_up_data_staging"}
    assert letters == [(2 * ROWS,)]
    assert stand == [(2, SNAPSHOT_ROWS)]
    assert {name for (name,) in columns} == {"id", "number"}


def test_no_bare_name_decides_where_is_read(settings: Settings, hostile: set[str]) -> None:
    loads.load(settings, letters=loads.letters("a", 1))
    found = warehouse.query(PROVIDER, settings, "SELECT count(*) FROM {letters}")
    assert found == [(ROWS,)]


@pytest.mark.parametrize("section", ["PIPELINES__", "MADE_UP_PIPELINE__"])
def test_not_even_a_sectioned_setting_moves_a_pipeline(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, section: str
) -> None:
    for name in ("DEV_MODE", "REFRESH", "DATASET_NAME_LAYOUT", "USE_SINGLE_DATASET"):
        monkeypatch.setenv(f"{section}{name}", WORST[name])
    for number in (1, 2):
        loads.load(settings, letters=loads.letters("a", number))
    assert warehouse.query(PROVIDER, settings, "SELECT count(*) FROM {letters}") == [(2 * ROWS,)]


@pytest.mark.parametrize("provider", all_providers(), ids=lambda each: each.name)
@pytest.mark.parametrize("bare", ["BASE_URL", "SOURCES__BASE_URL"])
def test_a_bare_address_is_no_providers(
    provider: object, bare: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(bare, "http://127.0.0.1:9")
    assert account_of(provider, "key", None).base_url == provider.base_url  # type: ignore[arg-type, attr-defined]


def test_what_is_addressed_to_something_still_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DESTINATION__POSTGRES__HOST", "db.example.com")
    monkeypatch.setenv("HOST", "hostile")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA")
    variables = AddressedVariables()
    assert variables.get_value("host", str, "", "destination", "postgres")[0] == "db.example.com"
    assert variables.get_value("host", str, "") == (None, "HOST")
    assert variables.get_value("aws_access_key_id", str, "")[0] == "AKIA"  # as S3's own programs do


def test_other_pipelines_of_the_process_keep_dlts_own_rules(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def current() -> type:
        return type(Container()[PluggableRunContext].providers[VARIABLES])

    with addressed_variables():
        with addressed_variables():
            assert current() is AddressedVariables
        assert current() is AddressedVariables
    assert current() is EnvironProvider
