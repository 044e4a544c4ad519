"""Asset checks: what must hold of the rows in the warehouse, and of a window just loaded."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta, timezone

import dagster as dg

from genai_orchestration import warehouse
from genai_orchestration.doors.markup import as_text
from genai_orchestration.errors import counted, some_of
from genai_orchestration.loading.windows import countable
from genai_orchestration.orchestration.assets.groups import TableSet, asset_key
from genai_orchestration.orchestration.metadata.loads import DayFacts
from genai_orchestration.orchestration.provider_settings import stuck_after
from genai_orchestration.orchestration.runs.attempts import translate_errors
from genai_orchestration.providers.base import Counts, Provider, Table
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.refusals import ProviderError
from genai_orchestration.providers.states import TERMINAL
from genai_orchestration.settings import Settings

IDS = "ids_present_and_unique"
WORDS = "status_words_known"
STUCK = "no_stuck_jobs"
IN_A_DAY = "every_job_is_in_a_day"
WINDOW_COMPLETE = "window_complete"
NAMED = 10  # stuck jobs that a check names


def table_checks(group: TableSet) -> list[dg.AssetChecksDefinition]:
    """The checks of a group's tables, run in one op over SQL; none for tables without a key."""
    specs = [spec for table in group.tables for spec in _specs(group.provider, table)]
    if not specs:
        return []

    @dg.multi_asset_check(
        name=f"{group.name}_checks", specs=specs, can_subset=True, pool=group.name
    )
    def check(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        for key in sorted(context.selected_asset_check_keys):
            table = group.provider.table(key.asset_key.path[-1])
            with translate_errors(context):
                asked = _CHECKS[key.name]
                passed, description, severity = asked(group.provider, table, Settings.load())
            yield dg.AssetCheckResult(
                asset_key=key.asset_key,
                check_name=key.name,
                passed=passed,
                severity=severity,
                description=as_text(description),
            )

    return [check]


def _specs(provider: Provider, table: Table) -> Iterator[dg.AssetCheckSpec]:
    key = asset_key(provider, table.name)
    if table.primary_key:
        yield dg.AssetCheckSpec(IDS, asset=key, description="Each row has an id, and none twice.")
    if table.states:
        yield dg.AssetCheckSpec(
            WORDS, asset=key, description="The project knows every status word of the vendor."
        )
        yield dg.AssetCheckSpec(
            STUCK,
            asset=key,
            description="Nothing is open for longer than `stuck_after_minutes` (by default 60).",
        )
    if _counts_outside(provider, table):
        yield dg.AssetCheckSpec(
            IN_A_DAY,
            asset=key,
            description="The provider has no job that no day partition holds, such as one undated.",
        )


def window_spec(provider: Provider, table: Table) -> dg.AssetCheckSpec:
    """The check that a run of day partitions brings with it."""
    return dg.AssetCheckSpec(
        WINDOW_COMPLETE,
        asset=asset_key(provider, table.name),
        description="The warehouse has as many rows for the loaded days as the API counted.",
    )


def window_check(
    key: dg.AssetKey,
    by_day: Mapping[date, DayFacts],
    counts: Counts,
    *,
    finished_only: bool,
) -> dg.AssetCheckResult:
    """Compare the rows of the loaded days with the API's own count before the load.

    `by_day` has each of the days, those without a row, too.
    """
    found = sum(fact.finished if finished_only else fact.rows for fact in by_day.values())
    wanted = counts.finished if finished_only else counts.finished + counts.unfinished
    what = "finished rows" if finished_only else "rows"
    days = f"from {min(by_day)} to {max(by_day)}"
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=WINDOW_COMPLETE,
        # more than counted is complete too: rows deleted at the provider are kept here
        passed=found >= wanted,
        description=f"{found} {what} {days}; the API counted {wanted}.",
        metadata={"rows": found, "counted": wanted},
    )


Verdict = tuple[bool, str, dg.AssetCheckSeverity]


def _ids(provider: Provider, table: Table, settings: Settings) -> Verdict:
    (key,) = table.primary_key
    sql = f"SELECT count(*), count({key}), count(DISTINCT {key}) FROM {{{table.name}}}"  # noqa: S608 own names
    rows, present, distinct = (warehouse.query(provider, settings, sql) or [(0, 0, 0)])[0]
    description = (
        f"{counted(rows, 'row')}, {rows - present} without {key}, {present - distinct} twice."
    )
    return rows == present == distinct, description, dg.AssetCheckSeverity.ERROR


def _words(provider: Provider, table: Table, settings: Settings) -> Verdict:
    sql = f"SELECT DISTINCT status FROM {{{table.name}}}"  # noqa: S608 own name
    found = {row[0] for row in warehouse.query(provider, settings, sql) or []}
    unknown = sorted(map(str, found - set(provider.statuses)))
    description = (
        f"Taken as still open: {', '.join(unknown)}." if unknown else "All words are known."
    )
    return not unknown, description, dg.AssetCheckSeverity.WARN


def _stuck(provider: Provider, table: Table, settings: Settings) -> Verdict:
    allowed = stuck_after(provider)
    before = datetime.now(timezone.utc) - allowed
    stuck, number, trouble = _stuck_rows(provider, table, settings, before), 0, ""
    try:  # the sensor loads what is finished: of the other jobs there may be no row
        oldest, number = _stuck_there(provider, table, before)
        stuck.update(oldest)
    except ProviderError as error:
        trouble = f" Only rows were read: {error}"
    ordered = sorted((since, id_) for id_, since in stuck.items())
    open_since = [f"{id_} since {since:%Y-%m-%d %H:%M}" for since, id_ in ordered]
    named = some_of(open_since, NAMED, of=max(len(stuck), number))
    limit = counted(allowed.total_seconds() / 60, "minute")
    description = f"Open for over {limit}: {named}." if stuck else f"None is open for {limit}."
    return not (stuck or trouble), description + trouble, dg.AssetCheckSeverity.WARN


def _stuck_rows(
    provider: Provider, table: Table, settings: Settings, before: datetime
) -> dict[str, datetime]:
    """Open rows that were created before then: their ids, and when."""
    then = before.strftime("%Y-%m-%d %H:%M:%S+00")
    sql = f"""SELECT id, date_created FROM {{{table.name}}}
        WHERE state NOT IN {TERMINAL} AND date_created < TIMESTAMPTZ '{then}'"""  # noqa: S608 own names and a date
    return {
        id_: since.astimezone(timezone.utc)
        for id_, since in warehouse.query(provider, settings, sql) or []
    }


def _stuck_there(
    provider: Provider, table: Table, before: datetime
) -> tuple[list[tuple[str, datetime]], int]:
    """The provider's oldest open jobs that were created before then, and how many there are.

    Two small requests, however many: this is asked after each load. None where it cannot count.
    """
    if provider.day_watch is None or not countable(provider, table):
        return [], 0
    counter = provider.day_watch.connect(SENSOR_POLICY)
    start = provider.start() if provider.start else date.min
    oldest = counter.oldest_open(start, before, NAMED)
    full = len(oldest) == NAMED
    return oldest, counter.unfinished(start, before) if full else len(oldest)


def _counts_outside(provider: Provider, table: Table) -> bool:
    """Whether the provider can count the table's jobs that are in no day."""
    watch = provider.day_watch
    return countable(provider, table) and bool(watch and watch.in_no_day)


def _in_a_day(provider: Provider, table: Table, settings: Settings) -> Verdict:
    """Ask the provider, as no load brings them; that it does not answer is not the run's fault."""
    watch, start = provider.day_watch, provider.start
    assert watch
    assert watch.in_no_day
    assert start
    try:
        # a server that is a little ahead may have begun the next day already
        end = datetime.now(timezone.utc).date() + timedelta(days=2)
        outside = watch.in_no_day(start(), end)
    except ProviderError as error:
        return False, f"Not asked: {error}", dg.AssetCheckSeverity.WARN
    found = ", ".join(f"{number} {reason}" for reason, number in outside.items() if number)
    if not found:
        return True, f"Every one of the {watch.noun} is in a day.", dg.AssetCheckSeverity.WARN
    description = (
        f"In no day: {found}. Set their date_created at the provider, or start_date in "
        f"[sources.{provider.section}], or load them with genai load {provider.name} --id."
    )
    return False, description, dg.AssetCheckSeverity.WARN


_CHECKS = {IDS: _ids, WORDS: _words, STUCK: _stuck, IN_A_DAY: _in_a_day}
