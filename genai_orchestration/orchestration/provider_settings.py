"""A provider's section of the configuration: numbers for its schedule, sensors and checks.

Each is read when it is needed, and WrongSetting names it. `wrong_settings` reads them all, and the
others of the section, for `genai doctor`.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from genai_orchestration import clock
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.refusals import WrongSetting
from genai_orchestration.providers.sources import setting
from genai_orchestration.submission.limits import budget_of, in_flight_of

# days before today that a daily load reads again: finished jobs are edited by hand or by the
# vendor, mostly soon; more than a year is for a backfill
REREAD_DAYS, MOST_REREAD_DAYS = 3, 366
FILES_PER_RUN, MOST_FILES_PER_RUN = 1000, 1_000_000  # some minutes, and about as many megabytes
STUCK_AFTER_MINUTES = 60  # providers decide within minutes once a job has left the queue
MOST_MINUTES = 366 * 24 * 60


def reread_days(provider: Provider) -> int:
    """How many days before today a daily load reads again: what was edited since is then loaded."""
    return int(_number(provider, "reread_days", REREAD_DAYS, "days", 1, MOST_REREAD_DAYS))


def files_per_run(provider: Provider) -> int:
    """How many files a run that nobody has limited otherwise fetches at most."""
    return int(_number(provider, "files_per_run", FILES_PER_RUN, "files", 1, MOST_FILES_PER_RUN))


def minutes_between_runs(provider: Provider) -> float:
    """Minutes from the beginning of one run that fetches files to the next, at least."""
    return _number(provider, "files_every_minutes", 0, "minutes", 0, MOST_MINUTES, whole=False)


def stuck_after(provider: Provider) -> timedelta:
    """For how long a job may be open before a check names it."""
    usual, name = STUCK_AFTER_MINUTES, "stuck_after_minutes"
    minutes = _number(provider, name, usual, "minutes", 0, MOST_MINUTES, whole=False)
    return timedelta(minutes=minutes)


def wrong_settings(provider: Provider) -> Iterator[str]:
    """What is wrong with the provider's settings, a sentence each; its key and address apart.

    UnreadableSetting when none of them can be read.
    """
    reads: list[Callable[[], object]] = [
        lambda: reread_days(provider),
        lambda: files_per_run(provider),
        lambda: minutes_between_runs(provider),
        lambda: stuck_after(provider),
        lambda: budget_of(provider, _campaigns(provider)),
        lambda: in_flight_of(provider),
        *provider.settings,
        lambda: _has_begun(provider),
    ]
    for read in reads:
        try:
            read()
        except WrongSetting as error:
            yield str(error)


def _has_begun(provider: Provider) -> None:
    start = provider.start() if provider.start else clock.now().date()
    if start > clock.now().date():
        raise WrongSetting(
            f"{provider.title} is loaded from {start} on, which is in the future: set start_date "
            f"in [sources.{provider.section}]."
        )


def _campaigns(provider: Provider) -> list[str]:
    table = setting(provider, "campaigns")
    return [*table] if isinstance(table, Mapping) else []


def _number(
    provider: Provider,
    name: str,
    usual: float,
    unit: str,
    least: float,
    most: float,
    *,
    whole: bool = True,
) -> float:
    """The setting's number; `usual` when it is not set; WrongSetting for anything else."""
    value = setting(provider, name)
    if value is None or value == "":
        return usual
    try:
        number = least - 1 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = least - 1
    if not least <= number <= most or (whole and not number.is_integer()):
        raise WrongSetting(
            f"{provider.title}'s {name} {str(value)[:40]!r} is not a number of {unit} from "
            f"{least:g} to {most:.0f}: set it in [sources.{provider.section}]."
        )
    return number
