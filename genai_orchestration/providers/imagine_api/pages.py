"""Pages of ImagineAPI's lists: whether they can be used, come in order, and are fetched ahead."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from genai_orchestration.providers.imagine_api.api import Page
from genai_orchestration.providers.imagine_api.client import Unreadable
from genai_orchestration.providers.refusals import Unavailable

T = TypeVar("T")
R = TypeVar("R")


def sound(page: list[Any], *, dated: bool = True) -> Page:
    """The page, if each record has an id of its own and, where `dated`, has its place in time.

    The number that a self-hosted server may count its images by becomes text. Raises Unreadable
    when the role may not read `id` or `date_created`.
    """
    for record in page:
        if refused := [name for name in ("id", "date_created") if name not in record]:
            raise Unreadable(refused)
        record["id"] = str(record["id"]).lower()  # as they are stored: databases differ in the case
        if dated and not isinstance(record["date_created"], str):
            raise Unavailable(
                f"ImagineAPI sent the image {record['id']}, which is of no day, in answer to days; "
                "try again later."
            )
    return page


class IdOrder:
    """Whether records have come in ascending order of (`date_created`, `id`): each once, then."""

    def __init__(self) -> None:
        self._last = ("", "")
        self._kept = True

    def keeps(self, page: Page) -> bool:
        """Whether this page, too, goes on where the pages before it ended."""
        for record in page:
            place = (record["date_created"] or "", record["id"])
            self._kept = self._kept and self._last < place
            self._last = place
        return self._kept


def ahead(work: Callable[[T], R], items: Iterable[T], number: int) -> Iterator[R]:
    """Results in the order of `items`, with `number` of them being worked on in threads."""
    executor = ThreadPoolExecutor(number)
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(executor.submit(work, item))
            if len(waiting) >= number:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:  # an interrupt does not wait for what is being read
        executor.shutdown(wait=False, cancel_futures=True)
