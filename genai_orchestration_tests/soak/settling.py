"""After the storm of a soak: wait until nothing differs, and decide what only a person can."""

import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from genai_orchestration.settings import Settings
from genai_orchestration_tests.soak import found, verdict
from genai_orchestration_tests.soak.truth import Reader, Truth
from genai_orchestration_tests.soak.work import Work
from genai_orchestration_tests.support.command import GENAI

LOOK_SECONDS = 5.0  # between two looks while it settles


@dataclass
class Settling:
    """The wait of one soak; commands are given in its folder."""

    folder: Path
    seconds: float  # at most
    settings: Settings
    environment: Mapping[str, str]
    reader: Reader
    work: Work
    tell: Callable[[str], None]
    decided: int = 0  # requests that only a person could decide
    settled: float | None = None  # seconds until nothing differed

    def wait(self) -> tuple[Truth, found.Found, list[str]]:
        """Wait until nothing differs, at most for the time that there is; all of the last look."""
        began = time.monotonic()
        known: list[str] = []
        decided = False
        while True:
            truth, now = self.reader.read(self.work.keys), datetime.now(timezone.utc)
            seen = found.read(self.settings)
            differences = verdict.differences(truth, seen, self.work.keys, now)
            elapsed = time.monotonic() - began
            if not differences:
                self.settled = elapsed
            if not differences or elapsed > self.seconds:
                return truth, seen, differences
            if len(differences) != len(known):
                self.tell(f"{elapsed:5.0f} s of settling: {len(differences)} differences")
            known = differences
            if not decided and not truth.open:
                decided = self._decide(truth, seen)
            time.sleep(LOOK_SECONDS)

    def _decide(self, truth: Truth, seen: found.Found) -> bool:
        """What only a person can: say what became of requests whose answer was lost."""
        waiting = [row for row in seen.requests.values() if row["state"] in ("approved", "planned")]
        if waiting or len(seen.requests) < len(self.work.keys):
            return False
        for key, row in seen.requests.items():
            if row["state"] != "unknown":
                continue
            jobs = truth.jobs[row["provider"]][key]
            answer = ["--job", jobs[0]] if jobs else ["--never-arrived"]
            self._genai("requests", "resolve", key, *answer)
            self.decided += 1
        return True

    def _genai(self, *arguments: str) -> None:
        done = subprocess.run(
            [GENAI, *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            check=False,
        )
        self.tell(f"genai {' '.join(arguments)}: {(done.stdout + done.stderr).strip()}")
