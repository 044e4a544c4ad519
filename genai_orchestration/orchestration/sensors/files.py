"""The sensor of a provider's files: it asks for a run of `asset_file` while some are to be fetched.

newest run ─► under way, or failed a moment ago? ─► a sentence
    └no─► news since the last tick? ─► backlog (archive_backlog.py) ─► a run of at most some files

Whatever loaded a finished job, its files are found in the warehouse or the ledger. One run at a
time; its key names the run before it, so that a tick which is done again repeats its key, and none
is ever used up. The cursor only saves queries of the warehouse: without it nothing is lost.
"""

import dataclasses
import hashlib
import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg

from genai_orchestration import clock
from genai_orchestration.archive import archiving
from genai_orchestration.archive.backlog import RECENT, Backlog, backlog
from genai_orchestration.archive.plan import DAY
from genai_orchestration.errors import counted
from genai_orchestration.ledger import Ledger
from genai_orchestration.orchestration.assets.files import op_name
from genai_orchestration.orchestration.assets.groups import asset_key
from genai_orchestration.orchestration.assets.partitions import range_tags
from genai_orchestration.orchestration.provider_settings import files_per_run, minutes_between_runs
from genai_orchestration.orchestration.runs.outcomes import (
    SENSOR,
    NotLoaded,
    outcome_of_record,
    skipping,
)
from genai_orchestration.providers.base import Archive, Provider
from genai_orchestration.providers.states import JobState
from genai_orchestration.settings import Settings
from genai_orchestration.warehouse import locks
from genai_orchestration.watching import day_watch

INTERVAL_SECONDS = 15  # most ticks read one run and the ledger
QUERY_INTERVAL = timedelta(minutes=10)  # of the warehouse, for what Dagster has not loaded
LOCK_SECONDS = 5.0  # for which a tick waits while others write; Dagster ends a tick after 60
LOOK_SECONDS = 20.0
# of runs that fetch files: how many, and of how many jobs that wait. dagster.yaml limits how many
# runs with this tag there are at a time; they have a low priority, for loads to begin first
TAG = "genai/files"
DAY_TAGS = ("dagster/asset_partition_range_end", "dagster/partition")


def files_sensor_name(provider: Provider) -> str:
    """`imagine_api_files_sensor`."""
    return f"{provider.name}_files_sensor"


def files_sensor(provider: Provider, archive: Archive) -> dg.SensorDefinition:
    """The sensor that has the files of finished jobs archived, whatever loaded them."""

    @dg.sensor(
        name=files_sensor_name(provider),
        job_name=f"{provider.name}_load",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            f"Has the files of finished jobs of {provider.title} archived, whatever loaded them, "
            "in runs of at most `files_per_run` files; failed ones are asked for again, later "
            "each time."
        ),
    )
    @skipping
    def have_files_archived(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        return _Tick(context, provider, archive).evaluate()

    return have_files_archived


@dataclass(frozen=True)
class LastTick:
    """The sensor's cursor: what the last tick saw, and when there has to be another one."""

    of: str = ""  # what there was to see: another text when there may be news
    until: str = ""  # ISO 8601; after that time it is too old
    sentence: str = ""

    @classmethod
    def loads(cls, text: str | None) -> "LastTick":
        """The cursor from its text; one that cannot be read is as none."""
        try:
            found = cls(**json.loads(text)) if text else cls()
            return found if datetime.fromisoformat(found.until).tzinfo else cls()
        except (ValueError, TypeError):
            return cls()

    def holds(self, of: str, now: datetime) -> bool:
        """Whether there is nothing new to see."""
        return of == self.of and bool(self.until) and now < datetime.fromisoformat(self.until)


class _Tick:
    """One evaluation of the sensor."""

    def __init__(
        self, context: dg.SensorEvaluationContext, provider: Provider, archive: Archive
    ) -> None:
        self.provider, self.archive, self.settings = provider, archive, Settings.load()
        archiving.store_of(self.settings)
        self.files, self.pause = files_per_run(provider), minutes_between_runs(provider)
        self.instance, self.last = context.instance, LastTick.loads(context.cursor)
        self.now = clock.now()
        self.name = files_sensor_name(provider)
        # the newest first; enough to see how often it failed in a row
        self.runs = self.instance.get_run_records(
            dg.RunsFilter(tags={SENSOR: self.name}), limit=day_watch.RED_AFTER
        )

    def evaluate(self) -> dg.SensorResult:
        """Ask for a run, or say why not."""
        if waiting := self._waits_for_run():
            return _skip(waiting)
        with Ledger.open(self.settings) as ledger:
            plan = archiving.plan_of(self.provider, self.settings, ledger)
            seen = self._seen(ledger)
            if self.last.holds(seen, self.now):
                return _skip(self.last.sentence)
            if archiving.busy(self.provider, self.settings):
                return _skip(f"Another process archives {self.provider.title}'s files.")
            deadline = time.monotonic() + LOOK_SECONDS
            with locks.waiting_at_most(LOCK_SECONDS):
                found = backlog(
                    plan,
                    self.files,
                    recent_first=not self._was_recent(),
                    late=lambda: time.monotonic() > deadline,
                )
        if found:
            return dg.SensorResult(run_requests=[self._request(found)])
        summary = sentence(self.provider, found)
        until = min(filter(None, (self.now + QUERY_INTERVAL, found.next_due)))
        seen_now = LastTick(seen, until.isoformat(), summary)
        return _skip(summary, json.dumps(dataclasses.asdict(seen_now), sort_keys=True))

    def _waits_for_run(self) -> str | None:
        """Why no other run is asked for yet: one is under way, has just failed, or just begun."""
        if not self.runs:
            return None
        newest = self.runs[0]
        outcome = outcome_of_record(self.instance, newest)
        run = newest.dagster_run.run_id[:8]
        if outcome.state == "active":
            return f"Files are being fetched: run {run}."
        if outcome.state == "failed" and outcome.ended:
            failures = self._failures()
            if self.now < outcome.ended + day_watch.delay(failures):
                if failures >= day_watch.RED_AFTER:
                    raise NotLoaded(
                        f"{self.provider.title}'s files failed to be archived "
                        f"{counted(failures, 'time')} or more in a row, last because: "
                        f"{outcome.cause}"
                    )
                return f"Files failed to be archived, soon again: {outcome.cause}"
        begun = newest.create_timestamp.timestamp()
        pause = self.pause * 60 - (self.now.timestamp() - begun)
        if pause > 0:
            left = counted(round(pause / 60), "minute")
            return f"The next run may begin in {left} (files_every_minutes)."
        return None

    def _failures(self) -> int:
        """How many of the newest runs failed in a row."""
        states = [record.dagster_run.status for record in self.runs]
        success = dg.DagsterRunStatus.SUCCESS
        return states.index(success) if success in states else len(states)

    def _seen(self, ledger: Ledger) -> str:
        """What decides whether there is news, in a short text, without opening the warehouse."""
        newest = self.runs[0].dagster_run.run_id if self.runs else ""
        key = asset_key(self.provider, self.archive.job_table)
        event = self.instance.get_latest_materialization_event(key)
        loaded = str(event.timestamp) if event else ""
        jobs = ledger.jobs(
            provider=self.provider.name,
            kind=self.archive.kind,
            states=[JobState.SUCCEEDED],
            archived=False,
        )
        words = "\n".join([newest, loaded, *sorted(job.job_id for job in jobs)])
        return hashlib.sha256(words.encode()).hexdigest()[:16]

    def _was_recent(self) -> bool:
        """Whether the run before was of today or yesterday: then it is the turn of older days."""
        tags = self.runs[0].dagster_run.tags if self.runs else {}
        last = next((tags[name] for name in DAY_TAGS if name in tags), "")
        return last >= (self.now.date() - RECENT).isoformat()

    def _request(self, found: Backlog) -> dg.RunRequest:
        before = self.runs[0].dagster_run.run_id if self.runs else "nothing"
        tags = {TAG: f"{found.files} of {counted(found.waiting, 'job')}", "dagster/priority": "-1"}
        partition = None
        if found.days:
            first, last = found.days[0], found.days[1] - DAY
            partition = first.isoformat() if first == last else None
            tags |= {} if partition else range_tags(first, last)
        config = {"config": {"files": self.files}}
        return dg.RunRequest(
            run_key=f"{self.name} after {before}",
            partition_key=partition,
            asset_selection=[asset_key(self.provider, self.archive.table.name)],
            run_config={"ops": {op_name(self.provider): config}},
            tags=tags,
        )


def sentence(provider: Provider, found: Backlog) -> str:
    """Why no run is asked for, for the list of ticks."""
    parts = ["No file is to be fetched now"]
    if found.resting:
        due = f", the first at {found.next_due:%H:%M} UTC" if found.next_due else ""
        parts.append(f"{found.resting:,} that failed are asked for again{due}")
    if found.out_of_reach:
        parts.append(
            f"{counted(found.out_of_reach, 'job')} of days without a partition: run "
            f"genai archive {provider.name}"
        )
    return "; ".join(parts) + "."


def _skip(words: str, cursor: str | None = None) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=dg.SkipReason(words), cursor=cursor)
