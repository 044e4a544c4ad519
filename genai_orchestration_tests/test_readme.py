"""The README names what there is: no more, no less."""

import re
from pathlib import Path

import pytest

from genai_orchestration.cli import main
from genai_orchestration.definitions import defs
from genai_orchestration.orchestration.generations import KEY as GENERATIONS_KEY
from genai_orchestration.orchestration.groups import asset_key
from genai_orchestration.providers import all_providers

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def first_cells(heading: str) -> set[str]:
    """The code words in the first column of the table whose header row begins with `heading`."""
    table = README.split(f"\n| {heading} |", 1)[1].split("\n\n", 1)[0]
    return set(re.findall(r"^\| `([^`]+)`", table, re.MULTILINE))


def test_its_table_of_assets_is_the_code_locations() -> None:
    keys = {
        asset_key(provider, name).to_user_string()
        for provider in all_providers()
        for name in (
            *(table.name for table in provider.all_tables),
            *(operation.name for operation in provider.operations),
        )
    }
    assert first_cells("asset") == keys | {GENERATIONS_KEY.to_user_string()}


def test_its_tables_of_jobs_schedules_and_sensors_are_the_code_locations() -> None:
    found = defs()
    assert first_cells("job") == {job.name for job in found.jobs or ()}
    assert first_cells("sensor") == {sensor.name for sensor in found.sensors or ()}
    schedules = {schedule.name for schedule in found.schedules or ()}
    assert schedules == set(re.findall(r"^\| `\w+_load` \| `(\w+)`", README, re.MULTILINE))


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
