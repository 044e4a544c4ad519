"""Magic Hour's credits, models and status: the documented path if it answers, else the real one."""

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import orjson
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from genai_orchestration.errors import plain
from genai_orchestration.providers import magic_hour
from genai_orchestration.providers.magic_hour import PROVIDER, magic_hour_source
from genai_orchestration.providers.refusals import OutOfCredits, ProviderError, RateLimited
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.loading import (
    Row,
    calls,
    count,
    load,
    read,
    select,
    without_waits,
)

ACCOUNT = "/magic_hour/v1/account"
CATALOGUE = Path(magic_hour.__file__).with_name("models.csv")


@pytest.fixture(autouse=True)
def nothing_is_ordered(sandbox: Sandbox) -> Iterator[None]:
    """No test of reading may cost a credit."""
    yield
    assert sandbox.providers["magic_hour"].accepted == 0
    assert {call.method for call in sandbox.traffic.calls} <= {"GET"}


def answer(sandbox: Sandbox, path: str, body: Any, status: int = 200, **more: Any) -> None:
    """What the next request for the path is told instead of the sandbox's own answer."""
    fault = Fault(
        kind="status", path=f"/magic_hour/v1/{path}", status=status, body=json.dumps(body), **more
    )
    sandbox.traffic.faults.append(fault)


def only(table: str) -> Row:
    (row,) = read(magic_hour_source(), table)
    return row


def test_credits_come_from_the_account_and_say_so(sandbox: Sandbox) -> None:
    sandbox.providers["magic_hour"].credits = 1234
    row = only("credits")
    assert (row["credits"], row["tier"], row["answered_by"]) == (1234, "pro", "/v1/account")
    assert orjson.loads(row["subscription"])["status"] == "active"
    assert datetime.now(timezone.utc) - row["read_at"] < timedelta(minutes=1)
    assert calls(sandbox, "/magic_hour") == ["/magic_hour/v1/credits", ACCOUNT]


def test_the_documented_path_of_the_credits_is_used_once_there_is_one(
    sandbox: Sandbox, settings: Settings
) -> None:
    load(settings, PROVIDER, magic_hour_source().with_resources("credits"))
    sandbox.traffic.calls.clear()
    answer(sandbox, "credits", {"credits": 77, "renews": "monthly"})
    load(settings, PROVIDER, magic_hour_source().with_resources("credits"))
    assert calls(sandbox, "/magic_hour") == ["/magic_hour/v1/credits"]
    sql = "SELECT credits, answered_by, renews FROM {credits} ORDER BY read_at DESC LIMIT 1"
    assert select(settings, PROVIDER, sql) == [(77, "/v1/credits", '"monthly"')]
    assert count(settings, PROVIDER, "credits") == 2


def test_an_account_without_subscription_has_typed_nulls(
    sandbox: Sandbox, settings: Settings
) -> None:
    answer(
        sandbox,
        "account",
        {"credits": 380, "email": None, "id": "a", "subscription": None, "tier": "free"},
    )
    load(settings, PROVIDER, magic_hour_source().with_resources("credits"))
    sql = "SELECT credits, email, typeof(email), subscription, typeof(subscription) FROM {credits}"
    assert select(settings, PROVIDER, sql) == [(380, None, "VARCHAR", None, "JSON")]


def test_the_catalogue_is_loaded_whole_and_typed(sandbox: Sandbox, settings: Settings) -> None:
    with CATALOGUE.open(encoding="utf-8") as file:
        listed = list(csv.DictReader(file))
    load(settings, PROVIDER, magic_hour_source().with_resources("models"))
    names = "operation, model, option, credits, image_counts, note, catalogue_date, answered_by"
    rows = select(settings, PROVIDER, f"SELECT {names} FROM {{models}}")
    assert len(rows) == len(listed) == len({row[:3] for row in rows}) > 15
    assert {(row[0], row[1], row[2], str(row[3] or "")) for row in rows} == {
        (each["operation"], each["model"], each["option"], each["credits"]) for each in listed
    }
    for row in rows:
        assert row[3] is None or row[3] > 0
        assert row[4] is None or all(number > 0 for number in orjson.loads(row[4]))
        assert date.fromisoformat(row[6])
        assert row[7] == "models.csv"
    assert any(row[4] for row in rows)
    assert {row[0] for row in rows} >= {"ai_image_generator", "ai_image_upscaler"}


@pytest.mark.parametrize("envelope", [None, "items", "models"])
def test_the_vendors_own_list_of_models_is_used_once_there_is_one(
    sandbox: Sandbox, envelope: str | None
) -> None:
    models = [{"model": "flux-9", "credits": 3, "speed": "fast"}, {"model": "krea-9"}]
    answer(sandbox, "models", {envelope: models} if envelope else models)
    rows = read(magic_hour_source(), "models")
    assert [(row["model"], row["credits"], row["answered_by"]) for row in rows] == [
        ("flux-9", 3, "/v1/models"),
        ("krea-9", None, "/v1/models"),
    ]
    assert [row["speed"] for row in rows] == ['"fast"', None]


def test_an_answer_of_the_account_counts_as_up(sandbox: Sandbox) -> None:
    row = only("status")
    assert (row["status"], row["answered_by"], row["message"]) == ("up", "/v1/account", None)
    assert 0 <= row["milliseconds"] < 10_000


def test_the_documented_path_of_the_status_is_used_once_there_is_one(sandbox: Sandbox) -> None:
    answer(sandbox, "status", {"status": "degraded", "message": "queues are long"})
    row = only("status")
    assert (row["status"], row["answered_by"]) == ("degraded", "/v1/status")
    assert row["message"] == "queues are long"


@pytest.mark.parametrize("kind", ["status", "reset", "truncate"])
def test_an_api_that_is_down_is_a_row_and_not_an_error(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch, kind: Any
) -> None:
    without_waits(monkeypatch)
    sandbox.traffic.faults.append(Fault(kind=kind, path="/magic_hour", times=20))
    load(settings, PROVIDER, magic_hour_source().with_resources("status"))
    rows = select(settings, PROVIDER, "SELECT status, message FROM {status}")
    assert len(rows) == 1
    assert rows[0][0] == "down"
    assert "Magic Hour" in rows[0][1]


def test_a_refused_key_is_not_taken_for_a_provider_that_is_down(
    sandbox: Sandbox, settings: Settings
) -> None:
    source = magic_hour_source(api_key="wrong").with_resources("status")
    with pytest.raises(PipelineStepFailed) as caught:
        load(settings, PROVIDER, source)
    assert "set api_key in [sources.magic_hour_source]" in str(plain(caught.value))


@pytest.mark.parametrize("end", ["", "/", "/v1", "/v1/"])
def test_one_v1_goes_out_however_the_address_ends(sandbox: Sandbox, end: str) -> None:
    source = magic_hour_source(base_url=sandbox.base_url("magic_hour") + end)
    assert len(read(source, "credits")) == 1
    assert calls(sandbox, "/") == ["/magic_hour/v1/credits", ACCOUNT]


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (402, OutOfCredits, "Payment required.*Top up the account's credits"),
        (429, RateLimited, "Payment required.*Too many requests: try again later"),
    ],
)
def test_no_credits_and_too_many_requests_are_told_apart(
    sandbox: Sandbox,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    kind: type[ProviderError],
    words: str,
) -> None:
    without_waits(monkeypatch)
    answer(sandbox, "credits", {"message": "Payment required"}, status=status, times=5)
    with pytest.raises(PipelineStepFailed, match=words) as caught:
        load(settings, PROVIDER, magic_hour_source().with_resources("credits"))
    assert type(plain(caught.value)) is kind
    assert len(sandbox.traffic.calls) == (1 if status == 402 else 5)
