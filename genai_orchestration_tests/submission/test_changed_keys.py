"""A key is exchanged: one of the same account changes nothing, one of another proves nothing.

Over HTTP. An account is a sandbox; two accounts of one server are two, one after the other on its
port, each with keys of its own.
"""

import contextlib
from collections.abc import Iterator
from datetime import timedelta
from unittest.mock import create_autospec

import pytest

from genai_orchestration import clock
from genai_orchestration.ledger import Ledger
from genai_orchestration.providers import provider_named
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.imagine_api.submission import ImagineApiSubmitter
from genai_orchestration.providers.sandbox import Sandbox
from genai_orchestration.providers.states import JobState
from genai_orchestration.requests.request import NewRequest
from genai_orchestration.sandbox.clock import FrozenClock
from genai_orchestration.settings import Settings
from genai_orchestration.watching import watch
from genai_orchestration_tests.orchestration import paid as orders
from genai_orchestration_tests.support import paid
from genai_orchestration_tests.support.command import genai, variable

FOLLOWED = ("abyssale", "magic_hour")  # by id; images of ImagineAPI are counted by day


class Vendor:
    """One server of the three providers, which serves the account that it is opened for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._patch = monkeypatch
        self._port = 0
        self.ours = Sandbox(clock=FrozenClock())
        self.theirs = Sandbox(clock=self.ours.clock)
        for box in self.theirs.providers.values():
            box.account_id = "theirs"

    @contextlib.contextmanager
    def serving(self, account: Sandbox, key: str) -> Iterator[None]:
        """The account, by that key alone, which is the configured one."""
        with account.running(self._port):
            self._port = int(account.url.rpartition(":")[2])
            for name, value in account.environment().items():
                self._patch.setenv(name, value)
            for provider, box in account.providers.items():
                box.keys.clear()
                box.keys.add(key)
                self._patch.setenv(variable(provider, "API_KEY"), key)
            yield

    def order(self, provider: str) -> NewRequest:
        """A request for one picture, called `order`."""
        if provider == "abyssale":
            return orders.banner("order", next(iter(self.ours.providers[provider].designs)))
        return orders.hero("order")

    def made(self, provider: str) -> int:
        """How many jobs that cost were accepted, for either account."""
        return sum(each.providers[provider].accepted for each in (self.ours, self.theirs))


@pytest.fixture
def vendor(monkeypatch: pytest.MonkeyPatch) -> Vendor:
    return Vendor(monkeypatch)


def follow(provider: str, later: timedelta = timedelta(0)) -> watch.PollResult:
    """Ask after the job of `order`, some time later."""
    followed = provider_named(provider)
    [kind] = followed.job_kinds
    with Ledger.open(Settings.load()) as ledger:
        return watch.follow(
            ledger,
            followed,
            kind,
            SENSOR_POLICY,
            lambda: clock.now() + later,
            seconds=10,
            linger=timedelta(0),
        )


def job_state() -> JobState:
    with Ledger.open(Settings.load()) as ledger:
        [job] = ledger.jobs()
        return job.state


@pytest.mark.parametrize("provider", FOLLOWED)
def test_a_job_is_followed_by_a_new_key_of_its_account_and_by_no_other_accounts(
    vendor: Vendor, provider: str
) -> None:
    with vendor.serving(vendor.ours, "first"):
        orders.approved(vendor.order(provider))
        assert genai("requests", "submit", "--provider", provider).code == 0
    vendor.ours.clock.advance(3600)
    with vendor.serving(vendor.theirs, "of another"):
        for days in (1, 2, 3):  # two answers of "not found" would end it
            found = follow(provider, timedelta(days=days))
        assert "theirs" in found.trouble
        assert "set base_url and api_key of that account again" in found.trouble
        assert job_state() is JobState.QUEUED
        refused = genai("requests", "retry", "order").sentence
        assert "now configured:" in refused
    with vendor.serving(vendor.ours, "second"):
        assert follow(provider, timedelta(days=4)).trouble == ""
        assert job_state() is JobState.SUCCEEDED
    assert vendor.made(provider) == 1


@pytest.mark.parametrize("arrived", [True, False])
def test_a_lost_answer_is_found_by_a_new_key_of_its_account_and_not_by_another_accounts(
    vendor: Vendor, settings: Settings, arrived: bool
) -> None:
    with vendor.serving(vendor.ours, "first"):
        paid.image("order")
        paid.approve("order")
        paid.lose(vendor.ours, "/imagine_api", after_work=arrived)
        with pytest.MonkeyPatch.context() as blind:
            find = create_autospec(ImagineApiSubmitter.find, return_value=None)
            blind.setattr(ImagineApiSubmitter, "find", find)
            genai("requests", "submit")
    assert paid.state("order") == "unknown"
    paid.aged(settings, "requests", submitting_at=timedelta(hours=1))
    with vendor.serving(vendor.theirs, "of another"):
        genai("requests", "submit")
        assert paid.state("order") == "unknown"
        assert paid.posts(vendor.theirs) == 0
    with vendor.serving(vendor.ours, "second"):
        genai("requests", "submit")
    assert paid.state("order") == "submitted"
    assert paid.posts(vendor.ours) == (1 if arrived else 2)  # sent again only if it never arrived
