"""The `genai` command: thin; imports Dagster and dlt only in the commands that need them."""

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from genai_orchestration.cli.archive import archive
from genai_orchestration.cli.gallery import gallery
from genai_orchestration.cli.loading import backfill, load
from genai_orchestration.cli.requests import jobs, requests
from genai_orchestration.doors.loopback import ask_directly

if TYPE_CHECKING:
    pass

PORT = click.IntRange(1, 65535)


class Sentences(click.Group):
    """Shows errors that are written for people as one sentence, and exits with 1."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command; a character that the terminal's encoding lacks is shown escaped."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        return super().main(*arguments, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a known error, however deep it is wrapped, is one sentence."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            from genai_orchestration.warehouse.destination_errors import translate_error

            known = translate_error(error)
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
    """Serve local sandboxes of the three APIs; their key is "sandbox"."""
    from genai_orchestration.dev.start import stopped_by_signals
    from genai_orchestration.providers.sandbox import Sandbox

    with stopped_by_signals():
        Sandbox(kept=keep).serve(
            port, lambda served: click.echo(_environment(served.environment()))
        )


def _environment(variables: dict[str, str]) -> str:
    exports = "\n".join(f"export {name}={value}" for name, value in variables.items())
    return f"# The sandbox is up; Ctrl-C ends it. To use it, in another shell:\n{exports}"


@main.command()
def doctor() -> None:
    """Check keys, addresses, reachability and the warehouse, and say what to do."""
    from genai_orchestration.cli.doctor import examine

    healthy = True
    for finding in examine():
        click.echo(f"{finding.mark} {finding.message}")
        healthy = healthy and not finding.broken
    if not healthy:
        raise click.exceptions.Exit(1)


main.add_command(load)
main.add_command(backfill)
main.add_command(archive)
main.add_command(requests)
main.add_command(jobs)
main.add_command(gallery)
