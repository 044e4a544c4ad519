"""`genai gallery`: the gallery in the browser, or as one page in a file."""

import os
from pathlib import Path

import click

from genai_orchestration.errors import counted


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8124,
    show_default=True,
    help="The gallery's port; 0 finds one.",
)
@click.option("--demo", is_flag=True, help="Look at what `genai demo` made.")
@click.option(
    "--export",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write one HTML page that needs no server, and exit.",
)
def gallery(port: int, demo: bool, file: Path | None) -> None:
    """Look at every picture: search prompts, see what each cost and why it failed."""
    from genai_orchestration.demo.stage import demo_settings
    from genai_orchestration.gallery import check_installed
    from genai_orchestration.settings import Settings

    check_installed()
    settings = demo_settings() if demo else Settings.load()
    os.environ.update(settings.environment())  # the app in the server reads them
    if file:
        from genai_orchestration.gallery.export import export

        shown, total = export(settings, file)
        click.echo(f"Wrote the newest {shown:,} of {counted(total, 'image')} to {file}.")
        return
    from genai_orchestration.dev.start import stopped_by_signals
    from genai_orchestration.gallery.server import serve

    with stopped_by_signals():
        serve(settings, port, lambda url: click.echo(f"The gallery is at {url} - Ctrl-C ends it."))
    # marimo's threads, one for each browser that was connected, would never end
    os._exit(0)
