"""The inbox's settings in dlt's files, read by a process of its own as `genai dev` starts one."""

import os
import subprocess
import sys
from pathlib import Path

CONFIG = """
[requests]
folder = "~/wishes"
provider = "imagine_api"
submit = true
[requests.columns]
"Prompt text" = "prompt"
note = ""
[sources.imagine_api_source]
start_date = "2024-01-31"
credits_per_day = 7
"""
SECRETS = """
[requests]
campaign = "spring"
[sources.imagine_api_source]
api_key = "k"
"""
SHOW = """
from genai_orchestration.inbox.settings import InboxSettings
from genai_orchestration.submission.limits import budget_of
from genai_orchestration.providers import provider_named
provider = provider_named("imagine_api")
print(InboxSettings.load(), provider.start(), budget_of(provider).per_day)
"""


def test_settings_are_read_from_both_files_and_the_environment_wins(tmp_path: Path) -> None:
    (tmp_path / ".dlt").mkdir()
    (tmp_path / ".dlt" / "config.toml").write_text(CONFIG)
    (tmp_path / ".dlt" / "secrets.toml").write_text(SECRETS)
    environment = {**os.environ, "REQUESTS__PROVIDER": "magic_hour", "HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for words in (
        f"folder=PosixPath('{tmp_path}/wishes')",
        "mapping={'Prompt text': 'prompt', 'note': ''}",
        "provider='magic_hour'",
        "campaign='spring'",
        "submit=True",
        "2024-01-31 7",
    ):
        assert words in done.stdout
