"""Records of Abyssale, read in parallel and turned into Arrow tables."""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from genai_orchestration.providers.base import Table
from genai_orchestration.providers.http import ReadClient
from genai_orchestration.providers.refusals import NotFound
from genai_orchestration.providers.rows import Record, to_arrow, warn_of_new_fields

THREADS = 10  # enough to keep the ceiling busy while answers take up to a second
ROWS_PER_PAGE = 50  # details in one Arrow table

logger = logging.getLogger(__name__)


def to_page(table: Table, records: Sequence[Record]) -> Iterator[pa.Table]:
    """The records as one Arrow table; fields that are new are warned of."""
    warn_of_new_fields(logger, "Abyssale", table.name, records, table.columns)
    yield to_arrow(records, table.columns)


def in_batches(table: Table, records: Iterator[Record]) -> Iterator[pa.Table]:
    """The records as Arrow tables of `ROWS_PER_PAGE` rows."""
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == ROWS_PER_PAGE:
            yield from to_page(table, batch)
            batch = []
    if batch:
        yield from to_page(table, batch)


def read_each(client: ReadClient, path: str, ids: Sequence[str]) -> Iterator[Record]:
    """The records behind `ids`, asked for in parallel; ids that are gone are left out."""

    def fetch(id_: str) -> Record | None:
        try:
            found: Record = client.get_object(path.format(id_), needs=["id"])
        except NotFound as error:
            logger.warning("%s is left out: %s", id_, error)
            return None
        return found

    executor = ThreadPoolExecutor(THREADS)
    try:
        yield from filter(None, executor.map(fetch, ids))
    finally:  # an interrupt does not wait for what is being read
        executor.shutdown(wait=False, cancel_futures=True)
