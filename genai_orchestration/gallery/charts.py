"""The gallery's charts, drawn by Altair from a few rows a day."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import altair as alt

from genai_orchestration.gallery.rows import Row
from genai_orchestration.providers.states import TERMINAL, JobState

WIDTH, HEIGHT = 520, 220  # pixels
COLOURS = {
    JobState.SUCCEEDED.value: "#2a9d6f",
    JobState.FAILED.value: "#d1495b",
    JobState.CANCELED.value: "#b08900",
    JobState.GONE.value: "#7d7d85",
    JobState.RUNNING.value: "#3d7dca",
    JobState.QUEUED.value: "#a9c6e8",
}


def images_per_day(days: Sequence[Row]) -> Any:
    """How many images of each day, by state."""
    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    return _chart("Images per day", _plain(days)).mark_bar().encode(
        x=_DAY, y=alt.Y("sum(images):Q", title=None), color=alt.Color("state:N", scale=scale),
        tooltip=["day:T", "state:N", "sum(images):Q"],
    )  # fmt: skip


def success_rate(days: Sequence[Row]) -> Any:
    """Which part of a day's finished images succeeded, by provider."""
    ended: dict[tuple[Any, str], list[int]] = defaultdict(lambda: [0, 0])
    for row in days:
        if row["state"] in TERMINAL:
            count = ended[row["day"], row["provider"]]
            count[0] += row["images"] if row["state"] == JobState.SUCCEEDED.value else 0
            count[1] += row["images"]
    values = [
        {"day": f"{day}", "provider": provider, "rate": succeeded / total}
        for (day, provider), (succeeded, total) in sorted(ended.items())
    ]
    axis = alt.Axis(format="%")
    return _chart("Success rate", values).mark_line(point=True).encode(
        x=_DAY, y=alt.Y("rate:Q", title=None, axis=axis, scale=alt.Scale(domain=[0, 1])),
        color="provider:N", tooltip=["day:T", "provider:N", alt.Tooltip("rate:Q", format=".1%")],
    )  # fmt: skip


def seconds_to_finish(speeds: Sequence[Row]) -> Any:
    """Seconds from the creation of an image to its end: half of them, and 95 of 100, are faster."""
    values = [
        {"day": f"{row['day']}", "part": part, "seconds": row[part]}
        for row in speeds
        for part in ("p50", "p95")
    ]
    return _chart("Seconds to finish", values).mark_line(point=True).encode(
        x=_DAY, y=alt.Y("seconds:Q", title=None), color=alt.Color("part:N", title=None),
        tooltip=["day:T", "part:N", alt.Tooltip("seconds:Q", format=".1f")],
    )  # fmt: skip


def credits_per_day(days: Sequence[Row], balances: Sequence[Row]) -> Any:
    """What each day cost, and what was left."""
    spent = _chart("Credits per day", _plain(days)).mark_bar().encode(
        x=_DAY, y=alt.Y("sum(credits):Q", title=None), color="provider:N",
        tooltip=["day:T", "provider:N", "sum(credits):Q"],
    )  # fmt: skip
    values = [
        {"day": f"{row['day']}", "provider": row["provider"], "balance": int(row["balance"])}
        for row in balances
    ]
    left = _chart("Balance, in credits", values).mark_line(point=True).encode(
        x=_DAY, y=alt.Y("balance:Q", title=None), color="provider:N",
        tooltip=["day:T", "provider:N", "balance:Q"],
    )  # fmt: skip
    return alt.hconcat(spent, left)


def cost_per_kept_image(days: Sequence[Row]) -> Any:
    """Credits of all jobs, failed ones too, for each that succeeded, by provider."""
    spent: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in days:
        cost = spent[row["provider"]]
        cost[0] += row["credits"]
        cost[1] += row["images"] if row["state"] == JobState.SUCCEEDED.value else 0
    values = [
        {"provider": provider, "credits": total / kept}
        for provider, (total, kept) in sorted(spent.items())
        if total and kept
    ]
    return _chart("Credits per kept image", values).mark_bar().encode(
        x=alt.X("credits:Q", title=None), y=alt.Y("provider:N", title=None), color="provider:N",
        tooltip=["provider:N", alt.Tooltip("credits:Q", format=".2f")],
    )  # fmt: skip


_DAY = alt.X("utcyearmonthdate(day):T", title=None, axis=alt.Axis(format="%d %b"))


def _plain(days: Sequence[Row]) -> list[dict[str, Any]]:
    return [{**row, "day": f"{row['day']}"} for row in days]


def _chart(title: str, values: Sequence[Any]) -> Any:
    data = alt.InlineData(values=list(values))
    return alt.Chart(data, title=title, width=WIDTH, height=HEIGHT)
