"""Whom the archive asks: public hosts and the provider's own, and nobody inside the network.

    address ─► http(s), no user name? ─► host resolved once ─► every address public? ─► connect
                                                               to one of those very addresses
    the provider's own host and port, as configured: connected to wherever it is

The check is inside the connection, so that neither a redirect, nor an odd way of writing an
address, nor a name that resolves otherwise a moment later gets around it. No key, cookie, proxy or
.netrc entry goes out with a request.
"""

import functools
import ipaddress
import os
import socket
from typing import Any
from urllib.parse import urlsplit

import urllib3
from requests.utils import DEFAULT_CA_BUNDLE_PATH, default_user_agent
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util.connection import create_connection

from genai_orchestration import compat
from genai_orchestration.archive.refusals import FileRefused, NotFetched

CONNECTIONS = 16  # kept alive for each host
PORTS = {"http": 80, "https": 443}
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # an IPv4 address in its last 32 bits

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address


class Guard:
    """Lets through what is public, and the host and port of the provider's own base URL."""

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        self._own = (_plain(parts.hostname), parts.port or PORTS.get(parts.scheme))

    def check(self, url: str) -> None:
        """FileRefused for an address that nobody should be asked at; its host is checked later."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError:
            raise FileRefused("Its address cannot be read.") from None
        if parts.scheme not in PORTS:
            raise FileRefused(f"Its address is {parts.scheme or 'no'}:, where http(s) is due.")
        if not host:
            raise FileRefused("Its address names no host.")
        if "@" in parts.netloc:
            raise FileRefused(f"Its address at {host} holds a user name or a password.")

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of the host, resolved now; FileRefused when one of them is not public."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise NotFetched(f"The host {host} cannot be found.") from None
        addresses = [str(entry[4][0]) for entry in found]
        if (_plain(host), port) == self._own:
            return addresses
        for address in addresses:
            if not public(address):
                raise FileRefused(
                    f"The host {host} is at {address}, which is not public, and is not the "
                    "provider's own: nobody inside a network is asked for a file."
                )
        return addresses


def public(address: str) -> bool:
    """Whether an IP address is one of the public internet, also one that is wrapped in another."""
    ip: Ip | None = ipaddress.ip_address(address.partition("%")[0])
    while isinstance(ip, ipaddress.IPv6Address) and (inner := _inside(ip)):
        ip = inner
    return bool(ip and ip.is_global and not ip.is_multicast and not ip.is_reserved)


def _inside(ip: ipaddress.IPv6Address) -> Ip | None:
    """The IPv4 address inside of an IPv6 one."""
    if ip in NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def _plain(host: str | None) -> str:
    return (host or "").rstrip(".").strip("[]").lower()


def connections(guard: Guard) -> urllib3.PoolManager:
    """Connections that the guard checks, each one, without headers that identify this program.

    urllib3 itself, without requests around it: that would bring proxies, cookies, passwords of
    .netrc and redirects, each to be kept away again.
    """
    for connection in (HTTPConnection, HTTPSConnection):  # else nobody would ask the guard
        compat.require(connection, "_new_conn")
    trusted = os.environ.get("REQUESTS_CA_BUNDLE") or DEFAULT_CA_BUNDLE_PATH
    folder = os.path.isdir(trusted)
    made = urllib3.PoolManager(
        maxsize=CONNECTIONS,
        retries=False,
        # a body that unfolds while it is read could be of any size
        headers={
            "User-Agent": default_user_agent(),
            "Accept": "*/*",
            "Accept-Encoding": "identity",
        },
        ca_certs=None if folder else trusted,
        ca_cert_dir=trusted if folder else None,
    )
    made.pool_classes_by_scheme = {
        "http": _pool(HTTPConnectionPool, _Plain, guard),
        "https": _pool(HTTPSConnectionPool, _Secure, guard),
    }
    return made


def _pool(base: type, connection: type, guard: Guard) -> type:
    # static: from Python 3.14 on, a partial in a class is a method, and would get the pool as well
    guarded = staticmethod(functools.partial(connection, guard))
    return type(base.__name__, (base,), {"ConnectionCls": guarded})


class _Plain(HTTPConnection):
    def __init__(self, guard: Guard, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guard = guard

    def _new_conn(self) -> socket.socket:
        return _connect(self, self._guard)


class _Secure(HTTPSConnection):
    """The certificate is still that of the name: only the address is fixed."""

    def __init__(self, guard: Guard, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._guard = guard

    def _new_conn(self) -> socket.socket:
        return _connect(self, self._guard)


def _connect(connection: HTTPConnection, guard: Guard) -> socket.socket:
    """A socket to one of the host's addresses that the guard has seen."""
    trouble: OSError | None = None
    for address in guard.addresses(connection.host, connection.port or 0):
        try:
            return create_connection(
                (address, connection.port or 0),
                connection.timeout,
                source_address=connection.source_address,
                socket_options=connection.socket_options,
            )
        except OSError as error:
            trouble = error
    raise urllib3.exceptions.NewConnectionError(connection, f"no connection ({trouble})")
