"""This machine's own addresses, which no proxy is to be asked for."""

import ipaddress
from collections.abc import MutableMapping
from urllib.parse import urlsplit

NAMES = ("127.0.0.1", "localhost", "::1")


def is_loopback(url: str | bytes) -> bool:
    """Whether the address is this machine's own."""
    host = urlsplit(url.decode() if isinstance(url, bytes) else url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def ask_directly(environment: MutableMapping[str, str]) -> None:
    """Name this machine in NO_PROXY, for libraries that ask it with sessions of their own."""
    small = environment.get("no_proxy")  # which requests and curl read first
    named = (small or environment.get("NO_PROXY", "")).replace(" ", "")
    if named == "*":
        return
    missing = [name for name in NAMES if name not in named.split(",")]
    environment["NO_PROXY"] = environment["no_proxy"] = ",".join(filter(None, [named, *missing]))
