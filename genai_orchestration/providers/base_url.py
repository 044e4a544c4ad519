"""What may be a provider's base_url."""

import re
from urllib.parse import urlsplit

from genai_orchestration.providers.refusals import WrongSetting


def check_base_url(base_url: str, title: str, section: str) -> None:
    """Raise `WrongSetting` unless it is an http(s) URL without credentials, query and fragment.

    `title` is the provider as its vendor writes it, `section` its section in the configuration.
    """
    if "@" in base_url:  # not quoted: what is before it may be a password
        raise WrongSetting(
            f"{title}'s base_url holds a user name or a password, which would end up in logs: "
            f"leave them out in [sources.{section}]."
        )
    if not _is_base_url(base_url):
        begin = re.split("[?#]", base_url)[0]  # what follows may be a secret
        raise WrongSetting(
            f"{title}'s base_url {begin!r} is not an http(s) address: "
            f"set base_url in [sources.{section}]."
        )


def _is_base_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        _ = url.port  # a ValueError when it is no number
    except ValueError:  # or a bracket without the other
        return False
    plain = not (url.query or url.fragment)  # either would come before the path
    return plain and bool(url.hostname) and text.startswith(("http://", "https://"))
