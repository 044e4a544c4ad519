"""The files that a finished job has made: which there are, and where they can be had."""

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """One file of a finished job."""

    role: str  # what it is of its job: grid, quadrant_1, output_1, banner_1
    # its addresses, the best first; they may be signed, and are then good for a while only
    sources: tuple[str, ...] = field(repr=False)
    picture: bool = True  # nothing but a picture will do
    file_id: str | None = None  # the provider's own id of it
    constant: bool = False  # the content behind that id never changes


def strip_query(address: str) -> str:
    """The address without what may sign or open it: query string, fragment, user and password."""
    begin, _, rest = address.partition("?")[0].partition("#")[0].partition("://")
    host, slash, path = rest.partition("/")
    return f"{begin}://{host.rpartition('@')[2]}{slash}{path}" if rest else begin
