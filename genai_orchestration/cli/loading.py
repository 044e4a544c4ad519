"""`genai load` and `genai backfill`: days, ids and tables that are typed, and what was brought."""

import sys
from collections.abc import Sequence
from datetime import date, datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from genai_orchestration.errors import counted

if TYPE_CHECKING:
    from genai_orchestration.providers.base import Provider


class Day(click.ParamType[date]):
    """A UTC day, written like 2024-01-31."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day of that text; a usage error for any other."""
        try:
            return datetime.strptime(value, "%Y-%m-%d").date()
        except ValueError:
            self.fail(f"{value!r} is not a day: write it like 2024-01-31.", param, ctx)


@click.command()
@click.argument("provider")
@click.option("--table", "tables", multiple=True, help="Only this table; may be repeated.")
@click.option("--from", "start", type=Day(), help="First UTC day of tables with a history.")
@click.option("--to", "end", type=Day(), help="The UTC day after the last one.")
@click.option("--id", "ids", multiple=True, help="Only the jobs with this id; may be repeated.")
@click.option(
    "--again", is_flag=True, help="Finished jobs of your requests, too: for a new warehouse."
)
def load(
    provider: str,
    tables: Sequence[str],
    start: date | None,
    end: date | None,
    ids: Sequence[str],
    again: bool,
) -> None:
    """Load PROVIDER's tables into the warehouse, without Dagster. Free: no credit is spent."""
    from dlt.common.runtime.collector import TqdmCollector

    from genai_orchestration import loading
    from genai_orchestration.loading import generations
    from genai_orchestration.providers import provider_named
    from genai_orchestration.settings import Settings

    found, settings = provider_named(provider), Settings.load()
    arguments = _window(found, start, end, ids)
    names = _tables(found, tables, only_history=bool(arguments))
    progress = TqdmCollector() if sys.stderr.isatty() else None
    summaries, rows = loading.load(
        found, settings, names, progress=progress, again=again, **arguments
    )
    for summary in summaries:
        click.echo(summary)
    for name in names:
        click.echo(f"{name}: {counted(rows.get(name, 0), 'row')}")
    if ids and not any(rows.values()):
        raise click.ClickException(f"{found.title} has none of these in this account.")
    if generations.reads_from(found, names) and generations.is_possible(settings.destination):
        click.echo(f"genai.generations: {counted(generations.build(settings), 'row')}")


@click.command()
@click.argument("provider")
@click.option("--from", "start", type=Day(), required=True, help="First UTC day.")
@click.option("--to", "end", type=Day(), required=True, help="The UTC day after the last one.")
def backfill(provider: str, start: date, end: date) -> None:
    """Materialize days of PROVIDER's history in one run, as the web UI would, and wait for it.

    The same again within a day after an interruption goes on where that one stopped.
    """
    from genai_orchestration.definitions import defs
    from genai_orchestration.orchestration.runs.backfill import materialize_days
    from genai_orchestration.providers import provider_named
    from genai_orchestration.settings import Settings

    found = provider_named(provider)
    _window(found, start, end, ())
    days, before = materialize_days(defs(), found, start, end, Settings.load())
    if before:
        click.echo(f"Went on with run {before}, which had not come to its end.")
    click.echo(f"Materialized {counted(days, 'day')} of {found.title}; `genai dev` shows the run.")


def _window(
    provider: "Provider", start: date | None, end: date | None, ids: Sequence[str]
) -> dict[str, Any]:
    """The source's arguments for a window of days or a list of ids; empty without either."""
    if not (start or end or ids):
        return {}
    if not provider.start:
        raise click.UsageError(
            f"{provider.title}'s tables have no history by day: leave out --from, --to and --id."
        )
    if ids and (start or end):
        raise click.UsageError("Give either --id, or --from and --to.")
    if ids:
        return {"ids": list(ids)}
    first = start or provider.start()
    if first > datetime.now(timezone.utc).date():
        raise click.UsageError(f"The first day {first} is in the future: give --from another one.")
    if end and end <= first:
        raise click.UsageError(
            f"--to {end} is not after the first day {first}: it names the day after the last one "
            "that is loaded."
        )
    return {"start": first, "end": end}


def _tables(provider: "Provider", chosen: Sequence[str], *, only_history: bool) -> list[str]:
    """The chosen tables, else those that a window or ids are about, else all."""
    by_day = {table.name: table.by_day for table in provider.tables}
    by_day |= {operation.name: False for operation in provider.operations}
    for name in chosen:
        if name not in by_day:
            raise click.UsageError(
                f"{provider.title} has no table {name!r}. Choose of: {', '.join(by_day)}."
            )
        if only_history and not by_day[name]:
            raise click.UsageError(
                f"The table {name} has no history by day: leave out --from, --to and --id."
            )
    return list(chosen) or [name for name in by_day if by_day[name] or not only_history]
