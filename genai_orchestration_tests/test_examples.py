"""The examples, and dlt's own commands, on what a load of the sandbox has left."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import dlt
import pytest

from genai_orchestration import loading
from genai_orchestration.loading import generations
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings

EXAMPLES = Path(__file__).parents[1] / "examples"
TELLS = {  # what each prints
    "pandas_df.py": ["SUCCEEDED", "images succeeded."],
    "sql_duckdb.py": ["completed", "imagine_api", "per_kept"],
    "ibis_tables.py": ["-"],
    "notebook.py": ["SUCCEEDED"],
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with a loaded warehouse; nothing of the sandbox is needed any more."""
    with pytest.MonkeyPatch.context() as patch, Sandbox().running() as sandbox:
        patch.setenv("GENAI_HOME", str(tmp_path_factory.mktemp("home")))
        patch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
        for name, value in sandbox.environment().items():
            patch.setenv(name, value)
        settings = Settings.load()
        for name in ("imagine_api", "magic_hour"):
            provider = provider_named(name)
            loading.load(provider, settings, [table.name for table in provider.tables])
        generations.build(settings)
        yield settings.home


def run(home: Path, *command: str) -> str:
    """What the command prints; it must end well."""
    ended = subprocess.run(
        [sys.executable, *command],
        env={**os.environ, "GENAI_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_every_example_is_tried() -> None:
    assert {file.name for file in EXAMPLES.glob("*.py")} == set(TELLS)


@pytest.mark.parametrize("name", TELLS)
def test_an_example_runs(home: Path, name: str) -> None:
    said = run(home, str(EXAMPLES / name))
    assert all(words in said for words in TELLS[name]), said


# DuckDB 2 advises its callers, here dlt, to fetch Arrow another way: with one copy less
@pytest.mark.filterwarnings("ignore:Arrow output on a DB-API result")
def test_a_pipeline_that_dlt_attaches_to_reads_in_every_way(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As dlt's dashboard does (`dlt pipeline ... show`): Arrow in one piece, and in chunks."""
    monkeypatch.setenv("GENAI_HOME", str(home))
    folder = str(Settings.load().dlt_pipelines)
    pipeline = dlt.attach("imagine_api_pipeline", pipelines_dir=folder)
    try:
        images = pipeline.dataset().images
        assert images.arrow().num_rows == len(images.fetchall()) > 0
        assert sum(table.num_rows for table in images.iter_arrow(5000)) == images.arrow().num_rows
    finally:
        pipeline.deactivate()


@pytest.mark.parametrize("pipeline", ["imagine_api_pipeline", "magic_hour_pipeline"])
def test_dlts_own_info_works_after_a_load(home: Path, pipeline: str) -> None:
    folder = Settings(home=home).dlt_pipelines
    said = run(home, "-m", "dlt", "pipeline", "--pipelines-dir", str(folder), pipeline, "info")
    assert "Resources in schema" in said
    assert "_data" in said
    assert not list(folder.rglob("trace.pickle"))  # may hold secrets
