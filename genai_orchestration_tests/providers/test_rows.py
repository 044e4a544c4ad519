"""From records to Arrow tables: declared types, and nothing that went in is lost."""

from datetime import datetime, timezone
from typing import Any

import orjson
import pyarrow as pa
import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention
from hypothesis import given, settings
from hypothesis import strategies as st

from genai_orchestration.providers.rows import ARROW_TYPES, Record, column_of, to_arrow, unforeseen

UTC = timezone.utc
AS_SENT = "value__as_sent"


def column(kind: str, *values: Any) -> tuple[list[Any], list[Any] | None]:
    """The values of a column of that type, and what was kept beside it."""
    table = to_arrow([{"value": value} for value in values], {"value": kind})
    assert table.schema.field("value").type == ARROW_TYPES[kind]
    assert table.num_rows == len(values)
    beside = table.column(AS_SENT).to_pylist() if AS_SENT in table.column_names else None
    return table.column("value").to_pylist(), beside


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("text", ["a", "", None, "\x00 \t\n", "Größenwahn 温かい 🍮", "'; DROP TABLE images; --"]),
        ("bigint", [1, None, -(2**63), 2**63 - 1]),
        ("double", [1.5, None, -0.25, 3]),
        ("bool", [True, None, False]),
        ("timestamp", [datetime(2026, 11, 20, 9, 14, 2, 118000, UTC), None]),
    ],
)
def test_what_fits_arrives_as_it_was(kind: str, values: list[Any]) -> None:
    kept = [v.replace("\0", "\ufffd") if isinstance(v, str) else v for v in values]  # PostgreSQL
    assert column(kind, *values) == (kept, None)


def test_json_columns_keep_whatever_comes() -> None:
    values: list[Any] = [{"b": [1, {"ü": None}], "a": "x"}, [], "text", 0, False, None]
    stored, beside = column("json", *values)
    assert [None if text is None else orjson.loads(text) for text in stored] == values
    assert beside is None


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        ("2023-12-19T22:37:07.524Z", datetime(2023, 12, 19, 22, 37, 7, 524000, UTC)),
        ("2023-12-19T22:37:07Z", datetime(2023, 12, 19, 22, 37, 7, 0, UTC)),
        ("2023-12-19T22:37:07.5+00:00", datetime(2023, 12, 19, 22, 37, 7, 500000, UTC)),
        ("2023-12-19T22:37:07.524123+02:00", datetime(2023, 12, 19, 20, 37, 7, 524123, UTC)),
        (1700000000, datetime(2023, 11, 14, 22, 13, 20, 0, UTC)),
        (0, datetime(1970, 1, 1, tzinfo=UTC)),
        (-86400, datetime(1969, 12, 31, tzinfo=UTC)),
    ],
)
def test_a_moment_is_the_same_moment_in_utc(sent: Any, stored: datetime) -> None:
    assert column("timestamp", sent) == ([stored], None)


def test_forms_of_a_moment_may_be_mixed() -> None:
    stored, beside = column(
        "timestamp", "2026-01-01T00:00:00Z", 1700000000, None, "2026-01-01T00:00:00.250+00:00"
    )
    assert stored == [
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC),
        None,
        datetime(2026, 1, 1, 0, 0, 0, 250000, UTC),
    ]
    assert beside is None


@pytest.mark.parametrize(
    ("kind", "good", "odd"),
    [
        ("text", "a", 5),
        ("text", "a", {"de": "ein"}),
        ("bigint", 1, "7"),
        ("bigint", 1, 1.5),
        ("bigint", 1, True),
        ("bigint", 1, 2**63),
        ("double", 1.5, True),
        ("double", 1.5, "1.5"),
        ("double", 1.5, 2**53 + 1),
        ("bool", True, 1),
        ("bool", True, "true"),
        ("timestamp", datetime(2026, 1, 1, tzinfo=UTC), 1.5),
        ("timestamp", datetime(2026, 1, 1, tzinfo=UTC), True),
        ("timestamp", datetime(2026, 1, 1, tzinfo=UTC), 1700000000000),
        ("timestamp", datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00"),
        ("timestamp", datetime(2026, 1, 1, tzinfo=UTC), "yesterday"),
        ("timestamp", datetime(2026, 1, 1, tzinfo=UTC), {"seconds": 5}),
    ],
)
def test_a_value_of_another_type_is_kept_beside_its_column(kind: str, good: Any, odd: Any) -> None:
    stored, beside = column(kind, good, odd, None)
    assert stored == [good, None, None]
    assert beside == [None, orjson.dumps(odd).decode(), None]


def test_a_whole_number_may_be_written_with_a_point() -> None:
    assert column("bigint", 12.0, 7, None) == ([12, 7, None], None)


@pytest.mark.parametrize("kind", list(ARROW_TYPES))
@pytest.mark.parametrize("records", [[], [{"value": None}, {}]], ids=["no rows", "all null"])
def test_a_column_without_values_still_has_its_type(
    kind: str, records: list[dict[str, Any]]
) -> None:
    table = to_arrow(records, {"value": kind})
    assert table.schema == pa.schema([("value", ARROW_TYPES[kind])])
    assert table.num_rows == len(records)


def test_a_field_nobody_declared_becomes_a_json_column_after_the_others() -> None:
    records: list[Record] = [{"id": "a"}, {"model": {"name": "MJ"}, "id": "b"}]
    records.append({"model": "MJ", "odd näme": 1})
    table = to_arrow(records, {"id": "text"})
    assert table.to_pydict() == {
        "id": ["a", "b", None],
        "model": [None, '{"name":"MJ"}', '"MJ"'],
        "odd_n_me_6d9b4d3a": [None, None, "1"],
    }
    assert unforeseen(records, {"id": "text"}) == ["model", "odd näme"]


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),  # NUL: see below
    st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda moment: f"{moment}Z"),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abü"), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(kind=st.sampled_from(list(ARROW_TYPES)), values=st.lists(JSON, max_size=6))
def test_whatever_goes_in_can_be_told_from_what_comes_out(kind: str, values: list[Any]) -> None:
    stored, beside = column(kind, *values)
    for sent, cell, kept in zip(values, stored, beside or [None] * len(values), strict=True):
        if kept is not None:
            assert cell is None
            assert same(orjson.loads(kept), sent)
        else:
            assert same(told(kind, cell, sent), sent)


def told(kind: str, cell: Any, sent: Any) -> Any:
    """The cell in the form in which the vendor sent it."""
    if cell is None:
        return None
    if kind == "json":
        return orjson.loads(cell)
    if kind == "timestamp":
        assert cell.tzinfo is not None
        if isinstance(sent, str):
            return sent if cell == datetime.fromisoformat(sent.replace("Z", "+00:00")) else cell
        return int(cell.timestamp())
    return cell


def same(one: Any, other: Any) -> bool:
    """Equal, and a bool is no number."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def test_new_fields_whose_names_collide_are_all_kept() -> None:
    record = {"id": "a", "fooBar": 1, "foo_bar": 2, "价格": 3, "风格": 4, "": 5, "Id": 6}
    table = to_arrow([record], {"id": "text"})
    assert table.num_columns == len(record)
    values = [value for name, (value,) in table.to_pydict().items() if name != "id"]
    assert sorted(values) == ["1", "2", "3", "4", "5", "6"]


def test_a_new_field_has_the_same_column_whatever_comes_with_it() -> None:
    pages: list[Record] = [{"a_b": 1}, {"A B": 2}, {"A B": 2, "a_b": 1}, {"aB": 3, "A B": 2}]
    seen: dict[str, str] = {}
    for page in pages:
        for column, (value,) in to_arrow([page], {}).to_pydict().items():
            assert seen.setdefault(value, column) == column
    assert seen["1"] == "a_b"
    assert len(set(seen.values())) == 3
    assert column_of("A B", {}) == "a_b_fea4c5ce"  # in any process, on any day


@given(st.sets(st.text(max_size=8) | st.text("aA_ b1", max_size=4), min_size=2, max_size=20))
def test_no_two_fields_have_the_same_column(fields: set[str]) -> None:
    declared = {"a": "text", "b_a": "text", "_dlt_id": "text"}
    columns = {column_of(field, declared) for field in fields - declared.keys()}
    assert len(columns) == len(fields - declared.keys())
    assert not columns & declared.keys()
    naming = NamingConvention()
    assert {naming.normalize_identifier(column) for column in columns} == columns  # dlt keeps it


def test_a_value_nested_deeper_than_the_fast_writer_goes_is_kept() -> None:
    deep: Any = "bottom"
    for _ in range(300):
        deep = [deep]
    (kept,) = to_arrow([{"id": "a", "deep": deep}], {"id": "text"}).to_pydict()["deep"]
    assert kept.count("[") == 300
    assert "bottom" in kept


def test_nul_which_postgresql_cannot_store_is_replaced_and_nothing_else() -> None:
    sent = ["a\0b", "\0\0", "\\u0000", "\\\0", {"k\0": ["\\\\u0000\0"]}]
    kept = [
        orjson.loads(cell)
        for cell in to_arrow([{"value": value} for value in sent], {"value": "json"}).to_pydict()[
            "value"
        ]
    ]
    gone = "\ufffd"
    assert kept == [
        f"a{gone}b",
        f"{gone}{gone}",
        "\\u0000",
        f"\\{gone}",
        {f"k{gone}": [f"\\\\u0000{gone}"]},
    ]
