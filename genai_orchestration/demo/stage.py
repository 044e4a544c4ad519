"""Where the demo plays: a sandbox, a state of its own, and the environment that points at both."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

from genai_orchestration.errors import UserError
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import HOME_VARIABLE, Settings
from genai_orchestration.warehouse import locks

HISTORY = 31  # days of images in the sandbox, and today


class DemoFailed(UserError):
    """The tour did not come to its end."""


def demo_settings() -> Settings:
    """The demo's own state, apart from the real one."""
    real = Settings.load()
    return Settings(home=real.home / "demo", destination="duckdb")


@contextmanager
def demo_sandbox(settings: Settings) -> Iterator[tuple[Sandbox, dict[str, str]]]:
    """A running sandbox, an empty state, and the environment that points at both."""
    with _alone(settings), Sandbox().running() as sandbox:
        shutil.rmtree(settings.home, ignore_errors=True)
        yield (
            sandbox,
            {
                **sandbox.environment(),
                **settings.environment(),  # whatever the real ones are
                "SOURCES__IMAGINE_API_SOURCE__START_DATE": history()[0].isoformat(),
                "SOURCES__ABYSSALE_SOURCE__BANNER_IDS": ",".join(
                    sandbox.providers["abyssale"].banner_ids
                ),
                "RUNTIME__DLTHUB_TELEMETRY": "false",
            },
        )


@contextmanager
def _alone(settings: Settings) -> Iterator[None]:
    """Hold the state against other demos."""
    running = DemoFailed(
        f"A demo is running in {settings.home}: end it with Ctrl-C, or set {HOME_VARIABLE} to "
        "another folder for this one."
    )
    with locks.alone(Path(f"{settings.home}.lock"), 0, running):
        yield


def history() -> tuple[date, date]:
    """The first and the last day of the sandbox's images."""
    today = datetime.now(timezone.utc).date()
    return today - timedelta(days=HISTORY), today
