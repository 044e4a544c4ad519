"""Abyssale's one paid operation as a value: what its body says, and what its design adds.

payload ─► operations.py: mistakes of the body ─┐
   └─design_id─► a row of design_detail         ├─► OPERATIONS
                 └─► typos.py: what it lacks ───┘
"""

from collections.abc import Mapping
from typing import Any

from genai_orchestration.providers.abyssale import operations
from genai_orchestration.providers.abyssale.tables import DESIGN_DETAIL
from genai_orchestration.providers.abyssale.typos import format_count, silent_typos
from genai_orchestration.providers.payload import value_at
from genai_orchestration.providers.work import Operation, WarehouseLookup

Payload = Mapping[str, Any]


def design_id(payload: Payload) -> str | None:
    """The design's id as the warehouse has it; None for anything but a UUID."""
    named = value_at(payload, "design_id", str)
    return named.lower() if named and operations.is_uuid(named) else None


def estimate(payload: Payload, detail: Mapping[str, Any]) -> int | None:
    """Generation credits at CREDITS_PER_FORMAT; None for a design without any format."""
    return operations.CREDITS_PER_FORMAT * format_count(payload, detail) or None


OPERATIONS = (
    Operation(
        name="generation_requests",
        job_kind="generation_request",
        mistakes=operations.mistakes,
        estimate=operations.estimate,
        model=operations.model,
        prompt="",  # a design has layers, and which one takes a text is the user's own choice
        known=WarehouseLookup(
            table=DESIGN_DETAIL.name,
            columns=("type", "formats", "elements", "variables", "elements_per_page"),
            noun="design",
            gain="layers checked and formats counted",
            id_of=design_id,
            mistakes=silent_typos,
            estimate=estimate,
        ),
    ),
)
