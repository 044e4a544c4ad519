"""Abyssale's snapshots, files, credits and limits."""

import json
from datetime import datetime, timezone
from typing import Any

import orjson
import pytest
from dlt.pipeline.exceptions import PipelineStepFailed

from genai_orchestration.errors import plain
from genai_orchestration.providers.abyssale import PROVIDER, abyssale_source
from genai_orchestration.providers.abyssale.api import connect
from genai_orchestration.providers.abyssale.source import designs_version
from genai_orchestration.providers.refusals import (
    OutOfCredits,
    ProviderError,
    RateLimited,
    Unavailable,
    WrongSetting,
)
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.server import KEY
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.abyssale.workspace import (
    column,
    few_designs,
    load_tables,
    raw,
    state,
)
from genai_orchestration_tests.providers.loading import (
    calls,
    count,
    load,
    read,
    select,
    without_waits,
)

DESIGNS = "/abyssale/designs"
BANNER_IDS = "SOURCES__ABYSSALE_SOURCE__BANNER_IDS"
UNKNOWN = "9419cfe6-1d54-4f0e-8a3e-3a3b8d0e7c11"


def fail(sandbox: Sandbox, path: str = "/abyssale", **fault: Any) -> None:
    sandbox.traffic.faults.append(Fault(**{"kind": "status", "path": path, **fault}))


def test_listings_arrive_as_they_were_sent(sandbox: Sandbox) -> None:
    for table, path in (("designs", "designs"), ("projects", "projects"), ("fonts", "fonts")):
        sent = raw(sandbox, path)
        rows = read(abyssale_source(), table)
        assert len(rows) == len(sent) > 4
        for row, original in zip(rows, sent, strict=True):
            for name, value in original.items():
                found = row[name]
                if isinstance(found, datetime):
                    found = int(found.timestamp())
                assert value == (orjson.loads(found) if isinstance(value, list) else found)


def test_unix_seconds_are_stored_as_moments_and_lists_as_json(
    sandbox: Sandbox, settings: Settings
) -> None:
    few_designs(sandbox)
    load_tables(settings, "designs", "fonts")
    first = min(raw(sandbox, "designs"), key=lambda design: str(design["id"]))
    stored = column(settings, "designs", "updated_at")[0]
    assert stored == datetime.fromtimestamp(first["updated_at"], timezone.utc)
    assert set(column(settings, "fonts", "typeof(available_weights)")) == {"JSON"}
    mixed = [orjson.loads(str(text)) for text in column(settings, "fonts", "available_weights")]
    assert any("400-italic" in weights and 400 in weights for weights in mixed)


def test_a_snapshot_holds_what_is_there_now(sandbox: Sandbox, settings: Settings) -> None:
    kept = few_designs(sandbox)
    load_tables(settings, "designs")
    state(sandbox).remove_design(kept[0])
    state(sandbox).touch(kept[1], name="renamed")
    load_tables(settings, "designs")
    assert column(settings, "designs", "id") == sorted(kept[1:])
    assert "renamed" in column(settings, "designs", "name")


@pytest.mark.parametrize("fault", [{"status": 500}, {"kind": "truncate"}, {"kind": "reset"}])
def test_a_listing_that_fails_leaves_the_old_snapshot(
    sandbox: Sandbox,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    fault: dict[str, Any],
) -> None:
    kept = few_designs(sandbox)
    load_tables(settings, "designs", "projects")
    without_waits(monkeypatch)
    state(sandbox).workspace.projects.clear()
    fail(sandbox, DESIGNS, times=5, **fault)
    with pytest.raises(PipelineStepFailed) as caught:
        load_tables(settings, "designs", "projects")
    assert isinstance(plain(caught.value), Unavailable)
    assert column(settings, "designs", "id") == sorted(kept)
    assert count(settings, PROVIDER, "projects") == 5
    load_tables(settings, "designs", "projects")
    assert count(settings, PROVIDER, "projects") == 0


def test_an_empty_list_empties_the_table(sandbox: Sandbox, settings: Settings) -> None:
    few_designs(sandbox, 2)
    load_tables(settings, "designs", "design_detail")
    few_designs(sandbox, 0)
    load_tables(settings, "designs", "design_detail")
    assert count(settings, PROVIDER, "designs") == 0
    assert count(settings, PROVIDER, "design_detail") == 0


def test_a_whole_load_stays_below_the_gateways_ceiling(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(BANNER_IDS, ",".join(state(sandbox).banner_ids))
    load(settings, PROVIDER, abyssale_source())
    assert state(sandbox).gateway_peak <= 10
    # every path once, and `designs` twice: a call more would be one that was refused
    asked = calls(sandbox, "/abyssale")
    assert len(asked) == len(set(asked)) + 1 == 40 + 5 + 5
    assert {call.query for call in sandbox.traffic.calls} == {""}


@pytest.mark.parametrize(
    "written",
    [",".join, lambda ids: " , ".join(ids) + ",", json.dumps],
    ids=["commas", "loose commas", "a JSON list"],
)
def test_files_of_configured_banners_are_loaded(
    sandbox: Sandbox, settings: Settings, monkeypatch: pytest.MonkeyPatch, written: Any
) -> None:
    banners = state(sandbox).banner_ids[:3]
    monkeypatch.setenv(BANNER_IDS, written(banners))
    load_tables(settings, "file")
    assert column(settings, "file", "id") == sorted(banners)
    assert column(settings, "file", "version") == [1, 1, 1]
    files = [orjson.loads(str(text)) for text in column(settings, "file", "file")]
    assert all(file["url"].startswith(sandbox.url) for file in files)


@pytest.mark.parametrize("unknown", [UNKNOWN, "no-uuid"])
def test_a_banner_that_is_not_known_is_left_out_and_named(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, unknown: str
) -> None:
    banner = state(sandbox).banner_ids[0]
    rows = read(abyssale_source(banner_ids=[unknown, banner]), "file")
    assert [row["id"] for row in rows] == [banner]
    (warning,) = (entry.message for entry in caplog.records if "is left out" in entry.message)
    assert warning.startswith(unknown)


def test_without_banners_nobody_is_asked_for_files(sandbox: Sandbox) -> None:
    assert read(abyssale_source(), "file") == []
    assert list(sandbox.traffic.calls) == []


def test_credits_without_limits_are_nulls_of_their_type(
    sandbox: Sandbox, settings: Settings
) -> None:
    pool = {"available": None, "limit": None, "consumed": 5, "extra": 0}
    body = json.dumps({"generation_credits": pool, "ai_credits": pool, "version": "v2026-10-21"})
    fail(sandbox, "/abyssale/credits", status=200, body=body)
    load_tables(settings, "credits")
    names = "generation_credits_available, typeof(ai_credits_limit), ai_credits_consumed"
    sql = f"SELECT {names}, version, typeof(read_at) FROM {{credits}}"
    assert select(settings, PROVIDER, sql) == [
        (None, "BIGINT", 5, "v2026-10-21", "TIMESTAMP WITH TIME ZONE")
    ]


@pytest.mark.parametrize(
    ("id", "sent", "kind", "waited", "words"),
    [
        ("request_rate_limited", "1700", RateLimited, [], "try again in 1700 s"),
        ("request_rate_limited", "7", RateLimited, [7.05] * 4, "try again in 7 s"),
        ("rate_limit_exceeded", None, RateLimited, [1.05, 1.05, 1.05, 2.0], "in its own words"),
        ("feature_not_in_plan", "5", OutOfCredits, [], "plan does not include it"),
    ],
)
def test_a_429_has_three_meanings(
    sandbox: Sandbox,
    id: str,
    sent: str | None,
    kind: type[ProviderError],
    waited: list[float],
    words: str,
) -> None:
    body = json.dumps({"id": id, "message": "in its own words"})
    fail(sandbox, status=429, body=body, retry_after=sent, times=5)
    client = connect(KEY, sandbox.base_url("abyssale"))
    waits: list[float] = []
    client.sleep = waits.append
    with pytest.raises(kind, match=words):
        client.get_object("credits")
    assert len(waits) == len(waited)
    # what is asked for, or else what grows with each attempt, and up to a quarter more
    assert all(least <= wait <= 1.25 * least for wait, least in zip(waits, waited, strict=True))


def test_the_version_of_the_designs_moves_with_every_change(sandbox: Sandbox) -> None:
    kept = few_designs(sandbox)
    seen = [designs_version(), designs_version()]
    assert seen[0] == seen[1]
    state(sandbox).touch(kept[0])
    seen.append(designs_version())
    state(sandbox).remove_design(kept[1])
    seen.append(designs_version())
    few_designs(sandbox, 0)
    seen.append(designs_version())
    assert len(set(seen)) == 4
    assert seen[-1].startswith("0 designs")
    assert len(calls(sandbox, DESIGNS)) == 5


def test_a_web_page_instead_of_the_designs_is_told_in_words(sandbox: Sandbox) -> None:
    fail(sandbox, status=200, body="<html>", content_type="text/html")
    with pytest.raises(WrongSetting, match=r"base_url in \[sources\.abyssale_source\]"):
        designs_version()
