"""An API key, as requests takes it and nobody sees it."""

import requests
from requests.auth import AuthBase

SHORTEST = 8  # characters of a secret key; the sandbox's word may be in any text


class KeyAuth(AuthBase):
    """The API key as an auth object: dlt and requests log header dicts, but not these."""

    def __init__(self, header: str, value: str) -> None:
        self._header, self._value = header, value

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Put the key into its header."""
        request.headers[self._header] = self._value
        return request

    def hide(self, text: str) -> str:
        """The text without the key: some vendors repeat a wrong one in their answer."""
        return text.replace(self._key, "***")

    def hide_secret(self, text: str) -> str:
        """The same for texts that are kept, where a key that is too short for one is a word."""
        return self.hide(text) if len(self._key) >= SHORTEST else text

    @property
    def _key(self) -> str:
        return self._value.rpartition(" ")[2]
