"""The course of a soak: everything is started, it storms, it settles, and the verdict is given."""

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox import state
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.settings import Settings
from genai_orchestration_tests.soak import found, verdict
from genai_orchestration_tests.soak.processes import Process
from genai_orchestration_tests.soak.servers import Dev, SandboxServer
from genai_orchestration_tests.soak.settling import Settling
from genai_orchestration_tests.soak.truth import Reader, Truth
from genai_orchestration_tests.soak.work import Work
from genai_orchestration_tests.support.vendors import PROVIDERS

VICTIMS = ("worker", "daemon", "code server", "web server", "sandbox")
OLD_DAYS = (1, 2, 3)  # the sensor counts days before yesterday every ten minutes
PAUSE_SECONDS = (3.0, 15.0)  # between being whole and the next kill
WORKER_WITHIN_SECONDS = 90.0  # for a run to begin, when its worker is to be killed
REPAIR_SECONDS = 6.0  # for `genai dev` to be whole again by itself
FAULTS_ALONE_SECONDS = 120.0  # at most, after the last kill
FOREIGN = ("API_KEY", "GENAI_", "DAGSTER_", "SOURCES__", "DESTINATION__", "REQUESTS__")


@dataclass
class Verdict:
    """How it ended: differences are what failed."""

    differences: list[str]
    counts: dict[str, object]


@dataclass
class Soak:
    """One soak in a folder of its own; `tell` gets a line now and then."""

    folder: Path
    seed: int
    seconds: float
    settle_seconds: float
    victims: tuple[str, ...] = VICTIMS
    old_days: tuple[int, ...] = OLD_DAYS
    pause: tuple[float, float] = PAUSE_SECONDS
    tell: Callable[[str], None] = print
    kills: Counter[str] = field(default_factory=Counter)
    outages: list[verdict.Outage] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)
        self._began = 0.0
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings = Settings(home=self.folder / "home")
        inbox = self.folder / "requests"
        inbox.mkdir()
        self.sandbox = SandboxServer(self.folder, os.environ, self.seed)
        environment = self._environment(inbox)
        self.sandbox.environment = environment
        self.dev = Dev(self.folder, environment)
        self.work = Work(self.seed, self.seconds, self.sandbox.url, inbox, self.old_days)
        self.reader = Reader(self.sandbox.url, self.sandbox.file)
        self.settling = Settling(
            self.folder,
            self.settle_seconds,
            self.settings,
            environment,
            self.reader,
            self.work,
            self.tell,
        )

    def run(self) -> Verdict:
        """All of it; every process is ended at the end."""
        try:
            self._begin()
            self._storm()
            verdict = self._verdict(*self.settling.wait())
            left = [f"process: {each.command[:80]} outlives genai dev." for each in self.dev.stop()]
            return Verdict([*verdict.differences, *left], verdict.counts)
        finally:
            self.dev.stop()
            self.sandbox.kill()

    def _environment(self, inbox: Path) -> dict[str, str]:
        """Nobody's own keys and settings; all providers at the sandbox."""
        own = {k: v for k, v in os.environ.items() if not (k.startswith(FOREIGN) or "API_KEY" in k)}
        sources = {
            f"SOURCES__{name.upper()}_SOURCE__{setting}": value
            for name in PROVIDERS
            for setting, value in (
                ("API_KEY", KEY),
                ("BASE_URL", f"{self.sandbox.url}/{name}"),
                ("IN_FLIGHT", "20"),
            )
        }
        return {
            **own,
            **sources,
            "GENAI_HOME": str(self.settings.home),
            "REQUESTS__FOLDER": str(inbox),
            "RUNTIME__DLTHUB_TELEMETRY": "false",
        }

    def _begin(self) -> None:
        """An account without images but ours, and both servers."""
        sandbox = Sandbox()
        sandbox.providers["imagine_api"].images.clear()
        state.save(self.sandbox.file, (sandbox.clock, sandbox.providers))
        self.work.plan(sandbox)
        self.tell(
            f"Seed {self.seed}: {self.work.number_of_images} images and "
            f"{len(self.work.keys)} paid requests in {self.seconds:g} s; {self.folder}"
        )
        self.sandbox.start()
        self.work.do(0)
        self.dev.start()

    def _storm(self) -> None:
        """Faults and kills, and all the work."""
        self.sandbox.storm()
        self._began = time.monotonic()
        deck: list[str] = []
        while self._elapsed() < self.seconds or deck:  # each of them at least once
            deck = deck or self._chance.sample(self.victims, len(self.victims))
            self._wait(self._chance.uniform(*self.pause))
            self._kill(deck.pop())
        # faults alone: the runs that no kill ends meet them, too
        self._wait(min(self.seconds, FAULTS_ALONE_SECONDS))
        self.work.do(self.seconds)
        self.sandbox.calm()

    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    def _kill(self, victim: str) -> None:
        if victim == "sandbox":
            self.sandbox.kill()
            self._wait(self._chance.uniform(0, 3))
            self.sandbox.start()
        else:
            found = self._await(victim)
            if not found:
                return
            start = time.time()
            self._chance.choice(found).kill()
            self._repair()
            self.outages.append((start, time.time()))
        self.kills[victim] += 1
        self.tell(f"{self._elapsed():5.0f} s: {victim} killed, and all there again")

    def _await(self, victim: str) -> list[Process]:
        deadline = time.monotonic() + WORKER_WITHIN_SECONDS
        while time.monotonic() < deadline:
            if found := self.dev.with_role(victim):
                self._wait(self._chance.uniform(0, 2) if victim == "worker" else 0)
                return self.dev.with_role(victim) or found
            self._wait(0.1)
        return []

    def _repair(self) -> None:
        """Wait whether it is whole again by itself; start it again where it is not."""
        deadline = time.monotonic() + REPAIR_SECONDS
        whole_since = None
        while time.monotonic() < deadline:
            whole_since = (whole_since or time.monotonic()) if self.dev.whole else None
            # what goes down with the one that was killed does so a second later
            if whole_since and time.monotonic() - whole_since > REPAIR_SECONDS / 3:
                return
            self._wait(0.2)
        self.dev.restart()

    def _wait(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while True:
            self.work.do(min(self._elapsed(), self.seconds))
            left = end - time.monotonic()
            if left <= 0:
                return
            time.sleep(min(left, 0.1))

    def _verdict(self, truth: Truth, seen: found.Found, differences: list[str]) -> Verdict:
        torn = verdict.torn(
            truth,
            seen,
            self.reader.sha256,
            lambda path: found.checksum(self.settings, path),
            found.kept(self.settings),
        )
        red, excused = verdict.red(seen, self.outages)
        calls, settled = self.sandbox.calls, self.settling.settled
        failed = sum(self.sandbox.failed.values())
        counts = {
            **verdict.counts(truth, seen),
            "ticks whose process was killed": excused,
            "SIGKILLs": ", ".join(f"{n} {victim}" for victim, n in self.kills.most_common()),
            "requests that a person had to decide": self.settling.decided,
            "starts of genai dev": self.dev.starts,
            "calls / failed on purpose": f"{calls} / {failed}",
            **{f"  {name}": number for name, number in self.sandbox.failed.most_common()},
            "settled after": f"{settled:.0f} s" if settled is not None else "not",
        }
        spared = [f"soak: no {each} was killed." for each in self.victims if not self.kills[each]]
        return Verdict([*differences, *torn, *red, *spared], counts)


def shown(differences: list[str], most: int) -> Iterator[str]:
    """The differences by their kind, with some of each."""
    kinds: dict[str, list[str]] = {}
    for each in differences:
        kinds.setdefault(each.split(":")[0], []).append(each)
    for kind, sentences in kinds.items():
        yield f"{len(sentences)} of: {kind}" if len(sentences) > most else ""
        yield from sentences[:most]
