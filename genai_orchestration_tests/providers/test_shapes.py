"""An answer 200 that is not of its table's shape: asked for again, and no row changes."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest
from dlt.extract import DltSource
from dlt.extract.exceptions import ResourceExtractionError
from dlt.pipeline.exceptions import PipelineStepFailed
from hypothesis import given
from hypothesis import strategies as st

from genai_orchestration import warehouse
from genai_orchestration.errors import plain
from genai_orchestration.providers import all_providers, rate_limit, shapes
from genai_orchestration.providers.base import Provider
from genai_orchestration.providers.http import LOAD_POLICY, SENSOR_POLICY, ReadClient
from genai_orchestration.providers.key_auth import KeyAuth
from genai_orchestration.providers.refusals import Unavailable, WrongSetting
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.sandbox.traffic import Fault
from genai_orchestration.settings import Settings
from genai_orchestration_tests.providers.loading import load, without_waits
from genai_orchestration_tests.providers.vendor import saying

ERRORS = '{"errors": [{"message": "Too many connections"}]}'
ODD = [
    *("{}", "null", '"x"', "[null]", "[{}]", '[{"id": null}]', '[{"id": 7}]', ERRORS),
    *('{"data": null}', '{"data": {}}', '{"data": [null]}', '{"data": [{}]}'),
    *('{"models": [{}]}', '{"credits": null}', '{"generation_credits": {}}'),
]
BANNER = "e41c0000-0000-4000-8000-000000000000"


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries follow each other at once."""
    without_waits(monkeypatch)


def source_of(provider: Provider) -> DltSource:
    return provider.source(**({"banner_ids": [BANNER]} if provider.name == "abyssale" else {}))


def asked(provider: Provider) -> Iterator[str]:
    """The tables whose load asks the API: all but those of finished jobs."""
    for table in provider.tables:
        if not (provider.name == "magic_hour" and table.name == "image_projects"):
            yield table.name


@pytest.mark.parametrize("provider", all_providers(), ids=lambda each: each.name)
def test_no_row_comes_of_an_answer_of_another_shape(
    provider: Provider, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limit.RateLimit, "SECOND", 0.0)  # faults are not counted
    for path, bodies, tables in questions(provider):
        for body in bodies:
            sandbox.traffic.faults[:] = [saying_always(body, path)]
            for table in tables:
                sandbox.traffic.calls.clear()
                rows, error = read(source_of(provider), table)
                if (provider.name, table) == ("magic_hour", "status"):
                    assert [row["status"] for row in rows] == ["down"], body
                    error = rows[0]["message"]
                else:
                    assert rows == [], (table, body)
                assert "answered JSON of another shape at" in error, (table, body)
                assert error.startswith(("Unavailable: ", "Magic Hour answered"))
                assert f"check base_url in [sources.{provider.section}]" in error
                assert ("Too many connections" in error) == ("Too many" in body)
                assert len(sandbox.traffic.calls) >= LOAD_POLICY.attempts


def questions(provider: Provider) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """Paths of the API, bodies to answer, and the tables whose load asks below the path."""
    yield f"/{provider.name}", ODD, list(asked(provider))
    if provider.name == "abyssale":
        few = ("{}", "[null]", ERRORS)
        yield "/abyssale/designs/", few, ["design_detail"]
        yield "/abyssale/banners/", few, ["file"]


def saying_always(body: str, path: str) -> Fault:
    return Fault(kind="status", status=200, body=body, path=path, times=10**6)


def read(source: DltSource, table: str) -> tuple[list[dict[str, Any]], str]:
    """The rows that come, and the words of the Unavailable that ends them."""
    rows: list[dict[str, Any]] = []
    try:
        for page in source.with_resources(table):
            rows += page.to_pylist()
    except ResourceExtractionError as error:
        return rows, f"{type(plain(error)).__name__}: {plain(error)}"
    return rows, ""


@pytest.mark.parametrize("provider", all_providers(), ids=lambda each: each.name)
def test_no_stored_row_changes(provider: Provider, sandbox: Sandbox, settings: Settings) -> None:
    def stored() -> dict[str, Any]:
        names = [table.name for table in provider.tables if table.disposition != "append"]
        return {
            name: sorted(
                map(str, warehouse.query(provider, settings, f"SELECT * FROM {{{name}}}") or [])
            )
            for name in names
        }

    load(settings, provider, source_of(provider))
    before = stored()
    assert any(before.values())
    sandbox.traffic.faults[:] = [saying_always(ERRORS, f"/{provider.name}")]
    for table in asked(provider):
        if (provider.name, table) == ("magic_hour", "status"):
            continue  # its rows tell of just that
        with pytest.raises(PipelineStepFailed) as caught:
            load(settings, provider, source_of(provider).with_resources(table))
        assert isinstance(plain(caught.value), Unavailable)
    assert stored() == before


def test_an_answer_of_another_shape_may_pass(sandbox: Sandbox) -> None:
    for provider in all_providers():
        for table in asked(provider):
            sandbox.traffic.faults[:] = [
                Fault(kind="status", status=200, body=ERRORS, path=f"/{provider.name}", times=4)
            ]
            rows, error = read(source_of(provider), table)
            assert error == ""
            assert rows or table == "file"


def test_a_sensor_asks_twice_and_leaves_it(sandbox: Sandbox) -> None:
    with saying(body=ERRORS.encode()) as vendor, pytest.raises(Unavailable):
        client(vendor.url, policy=SENSOR_POLICY).get_object("account")
    assert len(vendor.calls) == SENSOR_POLICY.attempts


def client(base_url: str, **more: Any) -> ReadClient:
    return ReadClient(title="Vendor", section="vendor_source", base_url=base_url, **more)


PAGE = {"body": b"<html>one moment", "headers": {"Content-Type": "text/html"}}
REDIRECT = {"status": 302, "headers": {"Location": "https://login.example.com/?next=secret"}}


@pytest.mark.parametrize("odd", [PAGE, REDIRECT], ids=["page", "redirect"])
def test_a_page_or_a_redirect_is_passing_only_where_the_api_has_answered_before(
    odd: dict[str, Any],
) -> None:
    with saying(body=b'{"credits": 5}') as vendor:
        good = (vendor.status, vendor.body, vendor.headers)

        def says(status: int, body: bytes, headers: Any) -> None:
            vendor.status, vendor.body, vendor.headers = status, body, headers

        bad = replace(vendor, **odd)
        says(bad.status, bad.body, bad.headers)
        with pytest.raises(WrongSetting):
            client(vendor.url).get_object("account")
        assert len(vendor.calls) == 1
        says(*good)
        client(vendor.url).get_object("account")
        says(bad.status, bad.body, bad.headers)
        vendor.calls.clear()
        with pytest.raises(Unavailable, match="has answered before: try again later") as caught:
            client(vendor.url).get_object("account")  # the client of the load's next portion
        assert len(vendor.calls) == LOAD_POLICY.attempts
        assert "secret" not in str(caught.value)


def test_nothing_at_all_is_half_an_answer() -> None:
    with saying(body=b"") as vendor, pytest.raises(Unavailable, match="half an answer"):
        client(vendor.url).get_object("account")


def test_the_key_in_a_vendors_words_or_content_type_is_not_shown() -> None:
    auth = KeyAuth("Authorization", "Bearer sk-1234567890")
    for says in (
        {"body": b'{"errors": [{"message": "sk-1234567890 is at its limit"}]}'},
        {"body": b"<html>", "headers": {"Content-Type": "text/html; for=sk-1234567890"}},
    ):
        with saying(**says) as vendor, pytest.raises(Exception, match=r"\*\*\*") as caught:
            client(vendor.url, auth=auth).get_object("account")
        assert "sk-1234567890" not in str(caught.value)


@pytest.mark.parametrize("number", [2**63, 2**64, -(2**63) - 1, 2**70, -(2**70), 10**300])
def test_whole_numbers_keep_all_their_digits(number: int) -> None:
    for sent in ({"a": [{"b": number}]}, [number], {"a": number, "c": 1.5}):
        assert shapes.parse(json.dumps(sent).encode()) == sent


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(st.characters(exclude_categories=["Cs"])),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text("abü"), inner, max_size=4)
        ),
    )
)
def test_json_is_parsed_as_python_parses_it(value: Any) -> None:
    content = json.dumps(value).encode()
    assert shapes.parse(content) == json.loads(content)


def test_numbers_and_depths_that_python_refuses_do_not_fail() -> None:
    deep = b"[" * 900 + b"1e300" + b"]" * 900
    assert shapes.parse(deep)
    assert shapes.parse(b'{"a": 1e300, "b": 12345678901234567890123}') == {
        "a": 1e300,
        "b": 12345678901234567890123,
    }
