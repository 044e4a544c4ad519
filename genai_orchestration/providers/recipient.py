"""Which server and account a paid request went to, and whether that is the configured one.

    sent to A as ours ─► configured: A as ours, by any key ─► what is said of it there counts
                         configured: B, or A as theirs ─────► OtherAccount: it proves nothing

The server is known without a question; the account is asked for only when something depends on it.
"""

import functools
import re
from dataclasses import dataclass
from typing import Protocol

from genai_orchestration.providers.refusals import ProviderError


class OtherAccount(ProviderError):
    """Another server or account is configured than the one that something was sent to."""


@dataclass(frozen=True)
class Recipient:
    """The server and the account that a request goes to, whatever the key is at the moment.

    `server` is a base URL, `account` the provider's own id of the account; None where it names
    none. A server's scheme, case and last slash do not matter.
    """

    server: str
    account: str | None = None

    def is_server(self, base_url: str) -> bool:
        """Whether it is on the server of that base URL."""
        return _place(self.server) == _place(base_url)

    def is_account(self, other: "Recipient") -> bool:
        """Whether both are one account of one server."""
        return self.is_server(other.server) and self.account == other.account

    def __str__(self) -> str:
        return f"{self.server} as {self.account}" if self.account else self.server


class Api(Protocol):
    """A provider's API, asked with the configured key."""

    @property
    def base_url(self) -> str:
        """The server that is asked."""

    def account(self) -> str | None:
        """The provider's own id of the key's account, asked for now; None where it names none.

        Free of charge. ProviderError in words where it cannot be asked.
        """


@dataclass(frozen=True)
class Configured:
    """The server and account that are configured now; the account is asked for once, and late."""

    api: Api

    @functools.cached_property
    def recipient(self) -> Recipient:
        """Both of them; ProviderError where the account cannot be asked for."""
        return Recipient(self.api.base_url, self.api.account())

    def check_server(self, what: str, sent_to: Recipient | None) -> None:
        """OtherAccount for what was sent to another server; nobody is asked. None may be any."""
        if sent_to and not sent_to.is_server(self.api.base_url):
            raise _elsewhere(what, sent_to, Recipient(self.api.base_url))

    def check(self, what: str, sent_to: Recipient | None) -> None:
        """OtherAccount for what was sent to another server or account; None may be any.

        ProviderError where it is the same server, and the account cannot be asked for.
        """
        self.check_server(what, sent_to)
        if sent_to and not sent_to.is_account(self.recipient):
            raise _elsewhere(what, sent_to, self.recipient)


def _elsewhere(what: str, sent_to: Recipient, configured: Recipient) -> OtherAccount:
    return OtherAccount(
        f"{what} was sent to {sent_to}, now configured: {configured}. What became of it is known "
        "there alone: set base_url and api_key of that account again."
    )


def _place(base_url: str) -> str:
    """A base URL without what does not distinguish servers."""
    bare = re.sub(r"^https?://", "", base_url.strip().lower())
    host, slash, path = bare.rstrip("/").partition("/")
    return re.sub(r":(80|443)$", "", host) + slash + path
