"""Dagster's instance: the folder of its history, with the project's dagster.yaml in it."""

import shutil
from pathlib import Path

from genai_orchestration.doors.private import private_folder
from genai_orchestration.errors import UserError
from genai_orchestration.settings import Settings

SETTINGS_FILE = "dagster.yaml"


class NoInstance(UserError):
    """There is no dagster.yaml to begin with."""


def home_of(settings: Settings) -> Path:
    """DAGSTER_HOME, made if need be, with the project's instance settings in it; or NoInstance."""
    private_folder(settings.home)
    home = settings.dagster_home
    home.mkdir(exist_ok=True)
    shutil.copyfile(_project() / SETTINGS_FILE, home / SETTINGS_FILE)
    return home


def _project() -> Path:
    """The folder with dagster.yaml: the clone that this package was installed from."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / SETTINGS_FILE).exists():
        raise NoInstance(
            f"{SETTINGS_FILE} is not beside the package: install the project from its clone with "
            "`pip install -e .`, and run this there."
        )
    return folder
