"""`genai archive`: finished files into the archive, without Dagster."""

from datetime import date, datetime, timedelta, timezone

import click

DAY = click.DateTime(["%Y-%m-%d"])
NAMED = 10  # reasons that are shown


@click.command()
@click.argument("provider")
@click.option("--from", "start", type=DAY, metavar="YYYY-MM-DD", help="First UTC day.")
@click.option("--to", "end", type=DAY, metavar="YYYY-MM-DD", help="The UTC day after the last one.")
@click.option("--again", is_flag=True, help="Refused files, too, and failed ones at once.")
@click.option("--verify", is_flag=True, help="Fetch archived files once more and compare them.")
def archive(
    provider: str, start: datetime | None, end: datetime | None, again: bool, verify: bool
) -> None:
    """Archive the files of PROVIDER's finished jobs that are loaded. Free: no credit is spent.

    What is archived is not fetched again. GENAI_ARCHIVE names a folder, or an address such as
    s3://bucket/prefix; by default it is `archive` in GENAI_HOME.
    """
    from genai_orchestration import archiving
    from genai_orchestration.providers import provider_named
    from genai_orchestration.settings import Settings

    found, settings = provider_named(provider), Settings.load()
    days = _days(start, end)
    if days and not archiving.archive_of(found).table.by_day:
        raise click.UsageError(
            f"{found.title}'s files have no history by day: leave out --from and --to."
        )
    done = archiving.archive(found, settings, days=days, again=again, verify=verify)
    click.echo(str(done))
    for reason, number in (done.refused + done.failed + done.changed).most_common(NAMED):
        click.echo(f"  {number} x {reason}")
    click.echo(f"The archive is {settings.archive_shown}")


def _days(start: datetime | None, end: datetime | None) -> tuple[date, date] | None:
    if not (start or end):
        return None
    first = start.date() if start else date(1970, 1, 1)
    last = end.date() if end else datetime.now(timezone.utc).date() + timedelta(days=1)
    if last <= first:
        raise click.UsageError(f"--to {last} is not after the first day {first}.")
    return first, last
