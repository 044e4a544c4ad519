"""The account and the saved items of Magic Hour's sandbox: what its two plain reads show."""

import base64
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from genai_orchestration.providers.magic_hour.sandbox.jobs import Sign, iso
from genai_orchestration.providers.magic_hour.sandbox.refusals import Refusal

Json = dict[str, Any]
TYPES = ("character", "voice", "reference", "moodboard", "brand_kit")
ITEMS = 45  # three pages of the default length
DEFAULT_LIMIT, HIGHEST_LIMIT = 20, 100
LONGEST_MONTH = timedelta(days=31)


def account_body(id: str, credits: int, tier: str, now: datetime) -> Json:
    """`GET /v1/account`; the free tier has no subscription."""
    subscription = {
        "name": tier.title(),
        "status": "active",
        "billing_interval": "month",
        "price": {"amount": 3900, "currency": "usd"},
        "discount": None,
        "current_period_end": iso(_next_month(now)),
        "cancel_at_period_end": False,
    }
    return {
        "id": id,
        "email": "ops@acme.test",
        "credits": credits,
        "tier": tier,
        "subscription": None if tier == "free" else subscription,
    }


def saved_items(query: Mapping[str, str], sign: Sign) -> Json:
    """One page of `GET /v1/saved-items`, the newest first."""
    limit, kind = _limit(query), query.get("type")
    if kind is not None and kind not in TYPES:
        raise Refusal(400, f"type must be one of: {', '.join(TYPES)}")
    numbers = [n for n in range(ITEMS, 0, -1) if kind in (None, TYPES[n % len(TYPES)])]
    after = _after(query.get("cursor"))
    left = [number for number in numbers if after is None or number < after]
    page = left[:limit]
    more = len(left) > limit
    return {
        "items": [_item(number, sign) for number in page],
        "next_cursor": _cursor(page[-1]) if more else None,
    }


def _next_month(now: datetime) -> datetime:
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first + LONGEST_MONTH).replace(day=1)


def _item(number: int, sign: Sign) -> Json:
    kind = TYPES[number % len(TYPES)]
    extension = "wav" if kind == "voice" else "png"
    paths = [f"saved-items/u1/cms{number}/{part}.{extension}" for part in ("main", "other")]
    signed = [(path, sign(path)) for path in paths[: 1 + number % 2]]
    return {
        "id": f"cms{number}",
        "name": f"{kind.replace('_', ' ').title()} {number}" if number % 7 else None,
        "type": kind,
        "assets": [
            {
                "file_path": path,
                "is_primary": path == paths[0],
                "media_kind": "AUDIO" if kind == "voice" else "IMAGE",
                "url": link["url"],
                "url_expires_at": link["expires_at"],
            }
            for path, link in signed
        ],
    }


def _limit(query: Mapping[str, str]) -> int:
    text = query.get("limit", str(DEFAULT_LIMIT))
    if not text.isdecimal() or not 1 <= int(text) <= HIGHEST_LIMIT:
        raise Refusal(400, f"limit must be between 1 and {HIGHEST_LIMIT}")
    return int(text)


def _cursor(number: int) -> str:
    return base64.urlsafe_b64encode(json.dumps({"id": f"cms{number}"}).encode()).decode()


def _after(cursor: str | None) -> int | None:
    if cursor is None:
        return None
    try:
        return int(json.loads(base64.urlsafe_b64decode(cursor))["id"].removeprefix("cms"))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Refusal(400, "cursor is invalid") from None
