"""Magic Hour's paid POSTs, sent. Of a lost answer it cannot be asked: it lists nothing."""

import requests

from genai_orchestration.providers.base import Account
from genai_orchestration.providers.magic_hour.api import (
    ACCOUNT,
    account_of,
    connect,
    payment_code,
)
from genai_orchestration.providers.magic_hour.operations import GENERATOR, UPSCALER
from genai_orchestration.providers.paid import PaidClient
from genai_orchestration.providers.states import Failure
from genai_orchestration.providers.work import Accepted, Payload, credits_in, id_in

MEANINGS = {  # of a 402's code
    "insufficient_credits": Failure.OUT_OF_CREDITS,
    "subscription_required": Failure.SUBSCRIPTION,
    "plan_upgrade_required": Failure.PLAN,
}
PATHS = {GENERATOR: "v1/ai-image-generator", UPSCALER: "v1/ai-image-upscaler"}


class MagicHourSubmitter:
    """Sends to one account; a `Submitter`."""

    def __init__(self, account: Account) -> None:
        self._reads = connect(account.api_key, account.base_url)
        self._paid = PaidClient(self._reads, meaning)
        self.base_url = self._reads.base_url

    def submit(self, operation: str, payload: Payload, request_key: str) -> Accepted:
        """One image project; `credits_charged` is what was taken for it at once."""
        answer = self._paid.post(PATHS[operation], payload)
        job_id = id_in(answer.get("id"))
        if job_id is None:
            raise self._paid.unclear("accepted the request and gave no id", answer)
        charged = credits_in(answer.get("credits_charged", answer.get("frame_cost")))
        return Accepted(job_id=job_id, charged=charged, answer=answer)

    def find(self, request_key: str, payload: Payload) -> None:
        """Nothing: there is no list of projects, and no field for a key of ours."""

    def account(self) -> str | None:
        """The account's own id."""
        return account_of(self._reads)

    def balance(self) -> int | None:
        """The account's credits."""
        return credits_in(self._reads.get_object(ACCOUNT).get("credits"))


def meaning(answer: requests.Response) -> Failure | None:
    """Whether a 402 concerns this request, the account's credits, or all of the account."""
    return MEANINGS.get(payment_code(answer) or "")
