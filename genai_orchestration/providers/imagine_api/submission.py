"""ImagineAPI's paid POST, sent; and the look-up of one whose answer was lost.

The request key goes out as `ref`, and an id that follows from it as `id`: where the server takes
it, a second POST of the same request is refused as not unique. A self-hosted server has no `ref`
and answers 500 to it, so it is asked first.
"""

import functools
import hashlib
import uuid
from collections.abc import Sequence
from typing import Any

import requests

from genai_orchestration.providers.base import Account
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.imagine_api.api import account_of, connect, uncached
from genai_orchestration.providers.imagine_api.client import IMAGES
from genai_orchestration.providers.imagine_api.jobs import is_of
from genai_orchestration.providers.paid import Ambiguous, NotNow, PaidClient, Rejected
from genai_orchestration.providers.refusals import ProviderError, Unavailable
from genai_orchestration.providers.states import Failure
from genai_orchestration.providers.work import Accepted, Payload, id_in

RECORDS_READ = 100  # records of one `ref` that are read: others may use the same


class ImagineApiSubmitter:
    """Sends to one server; a `Submitter`."""

    def __init__(self, account: Account) -> None:
        self._reads = connect(account.api_key, account.base_url)
        # the place in flight is reserved while it asks before the first POST
        self._quick = connect(account.api_key, account.base_url, SENSOR_POLICY)
        self._paid = PaidClient(self._reads, meaning)
        self.base_url = self._reads.base_url
        # of the account: two customers of one server may well choose the same request key
        secret = hashlib.sha256(account.api_key.encode()).hexdigest()
        self._namespace = uuid.uuid5(uuid.NAMESPACE_URL, f"genai_orchestration:{secret}")

    def submit(self, operation: str, payload: Payload, request_key: str) -> Accepted:
        """One image. ImagineAPI has no credits: what it charges is not said."""
        try:
            ref = {"ref": request_key} if self._has_ref else {}
        except ProviderError as error:  # nothing has been sent
            wait = error.retry_after if isinstance(error, Unavailable) else None
            raise NotNow(str(error), wait) from None
        answer = self._paid.post(IMAGES, {**payload, "id": self.image_id(request_key), **ref})
        record = answer.get("data")
        job_id = id_in(record.get("id")) if isinstance(record, dict) else None
        if job_id is None:
            raise self._paid.unclear("accepted the request and gave no id", answer)
        return Accepted(job_id=job_id.lower(), charged=None, answer=answer)

    def find(self, request_key: str, payload: Payload) -> Sequence[str] | None:
        """The image with the request's id, else those with its `ref` and prompt, oldest first.

        None where neither is found on a server without `ref`: the id follows from the API key, and
        that may have been another one when the request was sent.
        """
        image_id = self.image_id(request_key)
        for image in self._images({"id": {"_eq": image_id}}):
            if not is_of(image, payload):
                raise Rejected(_taken(request_key, image_id), Failure.INVALID)
            return [image_id]
        if not self._has_ref:
            return None
        images = self._images({"ref": {"_eq": request_key}})
        found = [image["id"].lower() for image in images if is_of(image, payload)]
        return None if not found and len(images) == self._reads.at_once(RECORDS_READ) else found

    def account(self) -> str | None:
        """The id of the key's user."""
        return account_of(self._reads)

    def balance(self) -> None:
        """Nothing: the Midjourney plan is paid by the month, and its balance is not in this API."""

    def image_id(self, request_key: str) -> str:
        """The id that the request's image gets, where the server takes one."""
        return str(uuid.uuid5(self._namespace, request_key))

    def _images(self, which: dict[str, Any]) -> list[dict[str, Any]]:
        """The images that match, as they are now: of what is not there, nothing was made."""
        return self._reads.within_limit(
            RECORDS_READ,
            lambda limit: self._reads.images(
                filter=uncached([which]),
                fields="id,prompt",
                sort="date_created,id",
                limit=limit,
            ),
        )

    @functools.cached_property
    def _has_ref(self) -> bool:
        if self._quick.may_read("ref"):
            return True
        # 403 for a field that is not there, and for much else
        self._quick.get_list(IMAGES, {"fields": "id", "limit": 0}, at="data")
        return False


def _taken(request_key: str, image_id: str) -> str:
    return (
        f"ImagineAPI has the image {image_id} of the key {request_key} already, with another "
        "prompt: nothing was made of this request. Plan it again under another key."
    )


def meaning(answer: requests.Response) -> Failure | None:
    """What an error means by its code, where the status alone would mislead."""
    try:
        code = answer.json()["errors"][0]["extensions"]["code"]
    except (ValueError, LookupError, TypeError):
        return None
    if code == "RECORD_NOT_UNIQUE":
        raise Ambiguous("ImagineAPI has an image with the id of this request already.")
    return Failure.KEY if code == "FORBIDDEN" else None
