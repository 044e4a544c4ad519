"""`genai archive`: what is missing of the archive, without Dagster."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from genai_orchestration.archive.rows import Archived
    from genai_orchestration.providers.base import Provider

DAY_TYPE = click.DateTime(["%Y-%m-%d"])
NAMED = 10  # reasons that are shown

Days = tuple[date, date] | None


@click.command()
@click.argument("provider", required=False)
@click.option("--from", "start", type=DAY_TYPE, metavar="YYYY-MM-DD", help="First UTC day.")
@click.option(
    "--to", "end", type=DAY_TYPE, metavar="YYYY-MM-DD", help="The UTC day after the last one."
)
@click.option("--again", is_flag=True, help="Refused files, too, and failed ones at once.")
@click.option("--verify", is_flag=True, help="Fetch archived files once more and compare them.")
@click.option("--dismiss", is_flag=True, help="Fetch nothing: note that you saw what is refused.")
def archive(
    provider: str | None,
    start: datetime | None,
    end: datetime | None,
    again: bool,
    verify: bool,
    dismiss: bool,
) -> None:
    """Archive the files of PROVIDER's finished jobs that are loaded. Free: no credit is spent.

    Without PROVIDER: of every provider that has an API key. What is archived is not fetched again.
    GENAI_ARCHIVE names a folder, or an address such as s3://bucket/prefix; by default it is
    `archive` in GENAI_HOME. `--dismiss` is for files that were refused, and for jobs that succeeded
    without any file, which asset checks name until then.
    """
    from genai_orchestration.archive import archiving
    from genai_orchestration.settings import Settings

    if dismiss and (again or verify):
        raise click.UsageError("--dismiss fetches nothing: leave out --again and --verify.")
    settings, days = Settings.load(), _days(start, end)
    chosen = list(_providers(provider, days))
    if not chosen:
        raise click.UsageError("No provider with files has an API key: see genai doctor.")
    for found in chosen:
        title = "" if provider else f"{found.title}: "
        if dismiss:
            number = archiving.dismiss(found, settings, days=days)
            click.echo(f"{title}{number} refused or missing files dismissed.")
        else:
            _report(
                title, archiving.archive(found, settings, days=days, again=again, verify=verify)
            )
    if not dismiss:
        click.echo(f"The archive is {settings.archive_shown}")


def _providers(name: str | None, days: Days) -> "Iterator[Provider]":
    """The named provider; or all with files and a key, and with days if there are some to ask."""
    from genai_orchestration.archive import archiving
    from genai_orchestration.providers import all_providers, provider_named
    from genai_orchestration.providers.sources import setting

    if name is not None:
        found = provider_named(name)
        if days and not archiving.archive_of(found).table.by_day:
            raise click.UsageError(
                f"{found.title}'s files have no history by day: leave out --from and --to."
            )
        yield found
        return
    for each in all_providers():
        by_day = each.archive is not None and each.archive.table.by_day
        if each.archive and setting(each, "api_key") and (by_day or not days):
            yield each


def _report(title: str, done: "Archived") -> None:
    click.echo(f"{title}{done}")
    for reason, number in (done.refused + done.failed + done.changed).most_common(NAMED):
        click.echo(f"  {number} x {reason}")


def _days(start: datetime | None, end: datetime | None) -> Days:
    if not (start or end):
        return None
    first = start.date() if start else date(1970, 1, 1)
    last = end.date() if end else datetime.now(timezone.utc).date() + timedelta(days=1)
    if last <= first:
        raise click.UsageError(f"--to {last} is not after the first day {first}.")
    return first, last
