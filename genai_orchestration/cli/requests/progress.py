"""How far a submission has come: a bar in a terminal, a line now and then in a log; on stderr."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

import click

from genai_orchestration.errors import counted

LINE_SECONDS = 30.0  # between two lines in a log


@contextlib.contextmanager
def progress_of(title: str, total: int) -> Iterator[Callable[[], None]]:
    """Show how many of so many requests have been sent; what it gives is called after each."""
    if sys.stderr.isatty():
        with _bar(title, total) as sent:
            yield sent
    else:
        click.echo(f"{title}: {counted(total, 'approved request')}.", err=True)
        yield _lines(title, total)


@contextlib.contextmanager
def _bar(title: str, total: int) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda: progress.advance(task)


def _lines(title: str, total: int) -> Callable[[], None]:
    done, printed = 0, time.monotonic()

    def sent() -> None:
        nonlocal done, printed
        done += 1
        if time.monotonic() - printed >= LINE_SECONDS:
            printed = time.monotonic()
            click.echo(f"{title}: {done} of {total} sent.", err=True)

    return sent
