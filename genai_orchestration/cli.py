"""The `genai` command: thin; imports Dagster and dlt only in the commands that need them."""

import io
import os
import sys
from collections.abc import Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genai_orchestration.archive_cli import archive
from genai_orchestration.doors.loopback import ask_directly
from genai_orchestration.errors import counted
from genai_orchestration.gallery_cli import gallery
from genai_orchestration.paid_cli import jobs, requests

if TYPE_CHECKING:
    from genai_orchestration.providers.base import Provider

PORT = click.IntRange(1, 65535)


class Day(click.ParamType[date]):
    """A UTC day, written like 2024-01-31."""

    name = "YYYY-MM-DD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day of that text; a usage error for any other."""
        try:
            return datetime.strptime(value, "%Y-%m-%d").date()
        except ValueError:
            self.fail(f"{value!r} is not a day: write it like 2024-01-31.", param, ctx)


class Sentences(click.Group):
    """Shows errors that are written for people as one sentence, and exits with 1."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command; a character that the terminal's encoding lacks is shown escaped."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        return super().main(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; an error that is known, however deep it is wrapped, is told in words."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            from genai_orchestration.warehouse.destination_errors import in_words

            known = in_words(error)
            if known is None:
                raise
            raise click.ClickException(str(known)) from None


@click.group(cls=Sentences, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="genai_orchestration")
def main() -> None:
    """Generative-image providers as Dagster assets in your own warehouse.

    State is kept in GENAI_HOME (default .genai), the warehouse is a dlt destination named by
    GENAI_DESTINATION (default duckdb). Keys and addresses: .dlt/secrets.toml and .dlt/config.toml.
    """
    os.umask(0o077)  # what this process and its children make is for its owner alone
    ask_directly(os.environ)
    # dlt's own telemetry; the project's .dlt/config.toml says so too, but may be out of sight
    os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")


@main.command()
@click.option("--once", is_flag=True, help="The whole tour without a web UI, then exit.")
@click.option("--port", type=PORT, default=3000, show_default=True, help="The web UI's port.")
def demo(once: bool, port: int) -> None:
    """Show everything against the sandbox: no key, no network, state of its own."""
    from genai_orchestration import demo as tour

    if once:
        tour.once()
    else:
        tour.with_ui(port)


@main.command()
@click.option("--port", type=PORT, default=3000, show_default=True, help="The web UI's port.")
def dev(port: int) -> None:
    """Start Dagster with your own keys: web UI, daemon, schedules and sensors."""
    from genai_orchestration.dev.start import dagster_dev, stopped_by_signals
    from genai_orchestration.settings import Settings

    settings = Settings.load()
    with stopped_by_signals(), dagster_dev(settings, port) as dagster:
        click.echo(f"The web UI is at {dagster.url} - Ctrl-C ends it. {settings.places}")
        dagster.wait()


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8123,
    show_default=True,
    help="The sandbox's port; 0 finds one.",
)
@click.option(
    "--keep",
    type=click.Path(dir_okay=False, path_type=Path),
    help="A file that keeps all it is given, for the next time.",
)
def sandbox(port: int, keep: Path | None) -> None:
    """Serve local stand-ins of the three APIs; their key is "sandbox"."""
    from genai_orchestration.dev.start import stopped_by_signals
    from genai_orchestration.sandbox.server import Sandbox

    with stopped_by_signals():
        Sandbox(kept=keep).serve(
            port, lambda served: click.echo(_environment(served.environment()))
        )


def _environment(variables: dict[str, str]) -> str:
    exports = "\n".join(f"export {name}={value}" for name, value in variables.items())
    return f"# The sandbox is up; Ctrl-C ends it. To use it, in another shell:\n{exports}"


@main.command()
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

    from genai_orchestration.loading import generations
    from genai_orchestration.loading import load as loading
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
    if generations.read(found, names) and generations.possible(settings.destination):
        click.echo(f"genai.generations: {counted(generations.build(settings), 'row')}")


@main.command()
@click.argument("provider")
@click.option("--from", "start", type=Day(), required=True, help="First UTC day.")
@click.option("--to", "end", type=Day(), required=True, help="The UTC day after the last one.")
def backfill(provider: str, start: date, end: date) -> None:
    """Materialize days of PROVIDER's history in one run, as the web UI would, and wait for it.

    The same again within a day after an interruption goes on where that one stopped.
    """
    from genai_orchestration.orchestration.backfill import materialize_days
    from genai_orchestration.providers import provider_named
    from genai_orchestration.settings import Settings

    found = provider_named(provider)
    _window(found, start, end, ())
    days, before = materialize_days(found, start, end, Settings.load())
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


@main.command()
def doctor() -> None:
    """Check keys, addresses, reachability and the warehouse, and say what to do."""
    from genai_orchestration.doctor import examine

    healthy = True
    for finding in examine():
        click.echo(f"{finding.mark} {finding.words}")
        healthy = healthy and not finding.broken
    if not healthy:
        raise click.exceptions.Exit(1)


main.add_command(archive)
main.add_command(requests)
main.add_command(jobs)
main.add_command(gallery)

if __name__ == "__main__":
    main(prog_name="genai")
