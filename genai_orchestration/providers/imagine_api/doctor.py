"""What `genai doctor` asks ImagineAPI: whether it answers, may be read, and is all in some day."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from genai_orchestration.errors import counted
from genai_orchestration.providers.base import Account, Finding
from genai_orchestration.providers.http import SENSOR_POLICY
from genai_orchestration.providers.imagine_api import api, listing
from genai_orchestration.providers.imagine_api.client import NEEDED, ImageClient, Unreadable
from genai_orchestration.providers.imagine_api.files import server_of
from genai_orchestration.providers.imagine_api.tables import IMAGES, OPTIONAL, OURS


def examine(account: Account) -> Iterator[Finding]:
    """Whether the server answers to this key, what it may read, and where its pictures are."""
    client = api.connect(account.api_key, account.base_url, SENSOR_POLICY)
    refused = _unreadable(client)
    if needed := [name for name in refused if name in NEEDED]:
        yield Finding.bad(f"{Unreadable(needed)} Nothing is loaded before.")
        return
    if refused:
        yield Finding.off(f"{Unreadable(refused)} Until then these columns stay empty.")
    total = listing.count(client)
    bot = client.get_object("items/status", at="data", needs=api.BOT)["bot_status"]
    yield Finding.good(
        f"ImagineAPI answers at {account.base_url}: {counted(total, 'image')}, the bot is {bot}."
    )
    newest = api.newest_picture(client)
    if newest and server_of(newest) != server_of(account.base_url):
        yield Finding.bad(
            f"ImagineAPI stores picture addresses at {urlsplit(newest).netloc or newest!r}, but "
            f"its base_url is {account.base_url}: its PUBLIC_URL is wrong. Fix that on the "
            "server; addresses already stored keep the wrong host."
        )
    if undated := listing.count(client, api.UNDATED):
        yield Finding.bad(
            f"Images of ImagineAPI without date_created: {undated}. They are in no day: set it on "
            "the server, or load them with genai load imagine_api --id."
        )


def _unreadable(client: ImageClient) -> list[str]:
    """Fields of the images that are not readable; `ref` is not there on a self-hosted server."""
    fields = [name for name in IMAGES.columns if name not in (*OURS, *OPTIONAL)]
    refused = [] if client.may_read(",".join(fields)) else client.unreadable(fields)
    return refused if len(refused) < len(fields) else []  # none: it is the key, as is said next
