"""Images as rows: the API's fields as they came, and the state that they mean.

An image in the answer to GET /items/images, with shortened ids:

    {"id": "46341cba", "prompt": "Winter city sights", "results": "25f4f480",
     "user_created": "fcb5549b", "date_created": "2023-12-19T22:37:07.524Z",
     "status": "completed", "progress": null, "error": null, "ref": null,
     "url": "https://cl.imagineapi.dev/assets/25f4f480/25f4f480.png",
     "upscaled_urls": ["https://cl.imagineapi.dev/assets/6c75d047/6c75d047.png", ...],
     "upscaled": ["4cf029d1", ...]}

While it is in progress, `url` is a partial picture (`.webp`) and `progress` a number.
"""

import logging
from collections.abc import Sequence

import pyarrow as pa

from genai_orchestration.providers.imagine_api import api
from genai_orchestration.providers.imagine_api.client import NEEDED, Unreadable
from genai_orchestration.providers.imagine_api.tables import IMAGES, OPTIONAL, OURS, STATUSES
from genai_orchestration.providers.rows import to_arrow, warn_of_new_fields
from genai_orchestration.providers.states import TERMINAL, JobState

STATES = {word: state.value for word, state in STATUSES.items()}

logger = logging.getLogger(__name__)


def image_table(records: Sequence[api.Record]) -> pa.Table:
    """Images as an Arrow table: the API's fields as they came, and `state`.

    Raises Unreadable when the role may not read a field without which rows would be wrong.
    """
    absent = [name for name in IMAGES.columns if name not in records[0] and name not in OURS]
    if needed := [name for name in absent if name in NEEDED]:
        raise Unreadable(needed)
    if others := [name for name in absent if name not in OPTIONAL]:
        logger.warning("%s Until then these columns stay empty.", Unreadable(others))
    warn_of_new_fields(logger, "ImagineAPI", IMAGES.name, records, IMAGES.columns)
    if words := {str(record.get("status")) for record in records} - set(STATUSES):
        logger.warning("ImagineAPI sent status words that are new; taken as open: %s", words)
    return to_arrow([with_state(record) for record in records], IMAGES.columns)


def with_state(record: api.Record) -> api.Record:
    """The record with its JobState; a `state` of ImagineAPI's own would be kept beside it."""
    own = {"state_as_sent": record["state"]} if "state" in record else {}
    moment = record["date_created"]
    dated = {"date_created": api.zoned(moment)} if moment else {}
    return {**record, **own, **dated, "state": state_of(record)}


def state_of(record: api.Record) -> str:
    """The image's JobState; an unknown word means still open, four pictures mean done."""
    state = STATES.get(str(record.get("status")), JobState.RUNNING.value)
    if state not in TERMINAL and record.get("upscaled_urls") is not None:  # as FINISHED counts
        return JobState.SUCCEEDED.value
    return state
