"""The README names what there is: no more, no less."""

import re
from pathlib import Path

import pytest

from docs.tables import written
from genai_orchestration.cli import main
from genai_orchestration.providers import all_providers
from genai_orchestration.providers.base import Provider

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def first_cells(heading: str) -> set[str]:
    """The code words in the first column of the table whose header row begins with `heading`."""
    table = README.split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
    return set(re.findall(r"^\| `([^`]+)`", table, re.MULTILINE))


def test_its_tables_of_assets_jobs_and_sensors_are_the_code_locations() -> None:
    assert written(README) == README, "run `make tables`"


def test_the_tables_of_dlts_own_pages_exist() -> None:
    there = {f"{each.dataset}.{name}" for each in all_providers() for name in _tables_of(each)}
    named = set(re.findall(r"`(\w+_data\.\w+)`", README.split("\n| resource |", 1)[1]))
    assert len(named) == 14
    assert named <= there


def _tables_of(provider: Provider) -> list[str]:
    operations = [operation.name for operation in provider.operations]
    return [*(table.name for table in provider.all_tables), *operations]


@pytest.mark.parametrize("command", sorted(main.commands))
def test_it_shows_every_command(command: str) -> None:
    assert f"genai {command}" in README


@pytest.mark.parametrize("command", sorted(set(re.findall(r"bin/genai (\w+)", README))))
def test_every_command_that_it_shows_exists(command: str) -> None:
    assert command in main.commands


def test_its_settings_are_those_of_the_configuration_file() -> None:
    shown = first_cells("setting")
    config = (ROOT / ".dlt" / "config.toml").read_text()
    for name in {each for each in shown if not each.startswith("GENAI_")} - {"api_key"}:
        assert f"# {name} = " in config


@pytest.mark.parametrize("target", sorted(set(re.findall(r"^make (\w+)", README, re.MULTILINE))))
def test_every_make_target_that_it_shows_exists(target: str) -> None:
    assert f"\n{target}:" in (ROOT / "Makefile").read_text()
