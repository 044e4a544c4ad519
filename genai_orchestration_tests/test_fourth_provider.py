"""Adding a provider is adding one folder: a minimal one is copied in, and all follows from it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import genai_orchestration

PACKAGE = Path(genai_orchestration.__file__).parent
FOLDER = Path(__file__).parent / "providers" / "fourth"

LOOK = """
import json, os, requests
from genai_orchestration.providers.sandbox import Sandbox
with Sandbox().running() as sandbox:
    os.environ.update(sandbox.environment())
    answer = requests.get(sandbox.base_url("fourth") + "/pictures").json()
    from genai_orchestration.definitions import defs
    found = defs()
    job = found.resolve_job_def("fourth_load").execute_in_process()
    print(json.dumps({
        "answer": answer,
        "assets": [k.to_user_string() for k in found.resolve_asset_graph().get_all_asset_keys()],
        "schedules": [s.name for s in found.schedules],
        "loaded": job.success,
        "checks": [c.check_name for c in job.get_asset_check_evaluations()],
    }))
"""


def test_a_provider_is_one_folder(tmp_path: Path) -> None:
    """Its assets, job, schedule, checks and sandbox routes are there without any other edit."""
    shutil.copytree(PACKAGE, tmp_path / "genai_orchestration")
    shutil.copytree(FOLDER, tmp_path / "genai_orchestration" / "providers" / "fourth")
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["answer"] == [{"id": "p1", "title": "the first"}]
    assert "fourth/pictures" in told["assets"]
    assert "fourth_daily" in told["schedules"]
    assert told["loaded"]
    assert told["checks"] == ["ids_present_and_unique"]
