"""Proxies of the environment (HTTPS_PROXY, HTTP_PROXY, ALL_PROXY): never for this machine itself.

A company's proxy cannot reach what listens on the user's own machine, such as the sandbox; requests
would ask it all the same.
"""

from typing import Any

import requests
from requests.utils import get_environ_proxies, select_proxy

from genai_orchestration.doors.loopback import is_loopback


class Session(requests.Session):
    """A session that asks this machine directly, whatever proxies the environment names."""

    def merge_environment_settings(
        self, url: Any, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> Any:
        """As requests does it, without a proxy for a loopback address."""
        merged = super().merge_environment_settings(url, proxies, stream, verify, cert)
        if is_loopback(url):
            merged["proxies"] = {}
        return merged


def proxy_of(url: str) -> str | None:
    """The proxy by way of which the address is asked, without its password; None without one."""
    proxy = None if is_loopback(url) else select_proxy(url, get_environ_proxies(url, None))
    return proxy and proxy.rpartition("@")[2].rpartition("://")[2].rstrip("/")
