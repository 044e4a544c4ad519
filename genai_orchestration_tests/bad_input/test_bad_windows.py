"""A window, a table or an id that a load cannot have names the option."""

from datetime import datetime, timedelta, timezone

import pytest

from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.command import (
    genai,
)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--from", "2024-02-02", "--to", "2024-02-01"), "--to 2024-02-01 is not after the first"),
        (("--from", "2024-02-02", "--to", "2024-02-02"), "--to 2024-02-02 is not after the first"),
        (("--to", "2020-01-01"), "--to 2020-01-01 is not after the first day 2023-01-01"),
        (("--from", "2099-01-01"), "The first day 2099-01-01 is in the future: give --from"),
        (("--from", "soon"), "Invalid value for '--from': 'soon' is not a day: write it like 2024"),
        (("--from", "2024-02-30"), "Invalid value for '--from': '2024-02-30' is not a day"),
        (("--to", "20240230"), "Invalid value for '--to': '20240230' is not a day"),
        (("--to", "2024-01-01T12:00"), "Invalid value for '--to': '2024-01-01T12:00' is not a day"),
        (("--id", "1", "--from", "2024-01-01"), "Give either --id, or --from and --to."),
        (
            ("--table", "pictures"),
            "ImagineAPI has no table 'pictures'. Choose of: images, status, images_create.",
        ),
        (("--table", "status", "--id", "1"), "The table status has no history by day: leave out"),
    ],
)
def test_a_wrong_window_names_the_option(
    arguments: tuple[str, ...], sentence: str, sandbox: Sandbox, settings: Settings
) -> None:
    assert genai("load", "imagine_api", *arguments).usage.startswith(sentence)
    assert not settings.home.exists()


def test_a_provider_without_days_takes_no_window(sandbox: Sandbox) -> None:
    assert genai("load", "abyssale", "--from", "2024-01-01").usage == (
        "Abyssale's tables have no history by day: leave out --from, --to and --id."
    )


def test_tomorrow_is_no_first_day_but_today_is(sandbox: Sandbox, settings: Settings) -> None:
    today = datetime.now(timezone.utc).date()
    tomorrow = str(today + timedelta(days=1))
    assert "is in the future" in genai("load", "imagine_api", "--from", tomorrow).usage
    assert genai("load", "imagine_api", "--from", str(today)).code == 0
    settings.warehouse.unlink()


def test_an_id_that_is_none_is_told_before_anything_is_asked(sandbox: Sandbox) -> None:
    assert genai("load", "imagine_api", "--id", "cat.png").sentence == (
        "'cat.png' is not an ImagineAPI image id: they are UUIDs."
    )
    assert not sandbox.traffic.calls
