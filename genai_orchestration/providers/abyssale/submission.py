"""Abyssale's paid POST, sent. Of a lost answer it cannot be asked: it lists nothing."""

import requests

from genai_orchestration.providers.abyssale.api import account_of, connect, credit_pools
from genai_orchestration.providers.abyssale.operations import is_uuid
from genai_orchestration.providers.base import Account
from genai_orchestration.providers.paid import PaidClient, Rejected
from genai_orchestration.providers.states import Failure
from genai_orchestration.providers.work import UNLIMITED, Accepted, Payload, id_in

MEANINGS = {  # by the `id` of the error envelope; any other follows from the status
    "feature_not_in_plan": Failure.PLAN,
    "endpoint_not_found": Failure.KEY,
    "template_not_found": Failure.INVALID,
    "format_not_found": Failure.INVALID,
    "visual_not_found": Failure.INVALID,
}
SPENT = ("credit", "plan")  # words by which the same id means that the credits are used up


class AbyssaleSubmitter:
    """Sends to one workspace; a `Submitter`."""

    def __init__(self, account: Account) -> None:
        self._reads = connect(account.api_key, account.base_url)
        self._paid = PaidClient(self._reads, meaning)
        self.base_url = self._reads.base_url

    def submit(self, operation: str, payload: Payload, request_key: str) -> Accepted:
        """One generation request; Abyssale does not say what it costs."""
        design = str(payload.get("design_id"))
        if not is_uuid(design):  # it would be another path, and its 404 would seem a wrong key
            raise Rejected(f"design_id {design[:40]!r} is not a UUID.", Failure.INVALID)
        body = {name: value for name, value in payload.items() if name != "design_id"}
        what = "generate-multipage-pdf" if "pages" in body else "generate"
        answer = self._paid.post(f"async/banner-builder/{design}/{what}", body)
        job_id = id_in(answer.get("generation_request_id"))
        if job_id is None:
            what = "accepted the request and gave no generation_request_id"
            raise self._paid.unclear(what, answer)
        return Accepted(job_id=job_id, charged=None, answer=answer)

    def find(self, request_key: str, payload: Payload) -> None:
        """Nothing: generation requests are not listed, and have no field for a key of ours."""

    def account(self) -> str | None:
        """The workspace's company, as the check of a key names it."""
        return account_of(self._reads)

    def balance(self) -> int | None:
        """The generation credits that can be spent: available and extra."""
        pool = self._reads.read("credits", shape=credit_pools)["generation_credits"]
        if pool["available"] is None:
            return UNLIMITED
        return int(pool["available"]) + int(pool.get("extra") or 0)


def meaning(answer: requests.Response) -> Failure | None:
    """What an error means by its `id`; of `rate_limit_exceeded` by its message alone."""
    try:
        body = answer.json()
        code, message = str(body["id"]), str(body.get("message")).lower()
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    if code == "rate_limit_exceeded" and any(word in message for word in SPENT):
        return Failure.OUT_OF_CREDITS
    return MEANINGS.get(code)
