"""What importing does not do: no Dagster below the border, no neighbour, no trace on the disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import tomlkit

import genai_orchestration
from genai_orchestration.providers import all_providers

PACKAGE = Path(genai_orchestration.__file__).parent
NO_NETWORK = """
import socket
def refuse(*arguments):
    raise AssertionError(f"asked the network: {arguments}")
socket.socket.connect = socket.getaddrinfo = refuse
"""


def run(code: str, tmp_path: Path) -> None:
    """Run code in a process whose folder and home are empty, and see that they stay so."""
    cwd, home = tmp_path / "cwd", tmp_path / "own"
    cwd.mkdir()
    home.mkdir()
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "PYTHONPATH": str(PACKAGE.parent)}
    done = subprocess.run(
        [sys.executable, "-c", NO_NETWORK + code],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert [*cwd.iterdir(), *home.iterdir()] == []


def modules(folder: str) -> list[str]:
    """The full names of the modules below a folder of the package."""
    files = (PACKAGE / folder).rglob("*.py")
    parts = (file.relative_to(PACKAGE.parent).with_suffix("").parts for file in files)
    return [".".join(part).removesuffix(".__init__") for part in parts]


def test_the_contract_of_providers_names_each_of_them() -> None:
    project = tomlkit.parse((PACKAGE.parent / "pyproject.toml").read_text()).unwrap()
    contracts = project["tool"]["importlinter"]["contracts"]
    [named] = [each for each in contracts if each["type"] == "independence"]
    assert sorted(named["modules"]) == sorted(each.package for each in all_providers())


@pytest.mark.parametrize("folder", ["providers", "ledger", "submission", "loading", "archive"])
def test_what_lies_below_dagster_is_imported_without_it(folder: str, tmp_path: Path) -> None:
    names = modules(folder)
    assert len(names) >= 2
    run(
        f"import sys, {', '.join(names)}\n"
        "assert not [name for name in sys.modules if name.startswith('dagster')]",
        tmp_path,
    )


def test_the_code_location_loads_with_nothing_configured_and_leaves_no_trace(
    tmp_path: Path,
) -> None:
    run("import genai_orchestration.definitions as location\nassert location.defs()", tmp_path)


def test_the_code_location_leaves_to_its_runs_what_they_alone_need(tmp_path: Path) -> None:
    """Each of these takes a tenth of a second or more, at each start and each reload."""
    run(
        "import sys, genai_orchestration.definitions as location\nlocation.defs()\n"
        "late = {'duckdb', 'pandas', 'PIL', 'altair', 'marimo', 'starlette', 'uvicorn', 'rich'}\n"
        "assert not late & set(sys.modules), late & set(sys.modules)",
        tmp_path,
    )
