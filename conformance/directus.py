"""A real Directus with ImagineAPI's collections, for the length of a with block.

with running("9.23.1", "sqlite") as server:          bootstrap, schema: half a minute
    one = server.customer()                          a customer with a token, and no image
    with server.configured(QUERY_LIMIT_MAX="50") as strict:    a second process, same database
        ...
"""

import contextlib
import os
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

import requests

from conformance import schema
from conformance.admin import EMAIL, PASSWORD, Admin, log_in
from conformance.install import installed
from genai_orchestration_tests.support import postgres
from genai_orchestration_tests.support.dagster_client import free_port

Database = Literal["sqlite", "postgres"]
DATABASES: tuple[Database, ...] = get_args(Database)
START_SECONDS = 180
STOP_SECONDS = 20
POLL_SECONDS = 0.2


class NotStarted(Exception):
    """Directus ended, or did not answer in time; its last lines say why."""


@dataclass(frozen=True)
class Customer:
    """One customer of a server: the user's id and the static token."""

    url: str
    id: str
    token: str


@dataclass(frozen=True)
class Directus:
    """A running server. `settings` are its environment variables."""

    version: str
    database: Database
    settings: Mapping[str, str]
    role: str  # of the customers
    admin: Admin

    @property
    def url(self) -> str:
        """Where it listens."""
        return self.settings["PUBLIC_URL"]

    @property
    def major(self) -> int:
        """9 or 11."""
        return int(self.version.split(".")[0])

    def customer(self) -> Customer:
        """A new customer."""
        token = uuid.uuid4().hex
        user = {"email": f"{token}@example.com", "password": token, "role": self.role}
        made = self.admin.post("/users", {**user, "token": token, "status": "active"})
        return Customer(self.url, made["id"], token)

    @contextlib.contextmanager
    def configured(self, **settings: str) -> Iterator["Directus"]:
        """A second server on the same database, with other settings."""
        own = {**self.settings, **_listening(), **settings}
        with _process(installed(self.version), own):
            yield replace(self, settings=own, admin=Admin(own["PUBLIC_URL"], self.admin.token))


@contextlib.contextmanager
def running(version: str, database: Database) -> Iterator[Directus]:
    """A new server with an empty ImagineAPI on it; its folder and database are deleted after."""
    home = installed(version)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="directus")))
        for name in ("uploads", "extensions"):
            (folder / name).mkdir()
        connection = (
            _postgres(stack.enter_context(postgres.running()))
            if database == "postgres"
            else {"DB_CLIENT": "sqlite3", "DB_FILENAME": str(folder / "data.db")}
        )
        settings = {**_settings(folder), **_listening(), **connection}
        _bootstrap(home, settings)
        stack.enter_context(_process(home, settings))
        admin = log_in(settings["PUBLIC_URL"])
        role = schema.prepare(admin, major=int(version.split(".")[0]))
        token = uuid.uuid4().hex  # a login's own ends after some minutes
        admin.ask("PATCH", "/users/me", json={"token": token})
        yield Directus(version, database, settings, role, Admin(admin.url, token))


def _settings(folder: Path) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
        "KEY": "conformance",
        "SECRET": "conformance",
        "ADMIN_EMAIL": EMAIL,
        "ADMIN_PASSWORD": PASSWORD,
        "LOG_LEVEL": "warn",
        "NODE_ENV": "production",
        "TELEMETRY": "false",
        "STORAGE_LOCATIONS": "local",
        "STORAGE_LOCAL_ROOT": str(folder / "uploads"),
        "EXTENSIONS_PATH": str(folder / "extensions"),
    }


def _listening() -> dict[str, str]:
    port = free_port()
    host = "127.0.0.1"
    return {"HOST": host, "PORT": str(port), "PUBLIC_URL": f"http://{host}:{port}"}


def _postgres(server: postgres.Postgres) -> dict[str, str]:
    name = urlsplit(server.database()).path.removeprefix("/")
    return {
        "DB_CLIENT": "pg",
        "DB_HOST": str(server.socket),
        "DB_PORT": "5432",
        "DB_USER": "postgres",
        "DB_PASSWORD": "none",
        "DB_DATABASE": name,
    }


def _bootstrap(home: Path, settings: Mapping[str, str]) -> None:
    ran = subprocess.run(
        _command(home, "bootstrap"), cwd=home, env=settings, capture_output=True, text=True
    )
    if ran.returncode:
        raise NotStarted(f"directus bootstrap ended with {ran.returncode}:\n{ran.stdout[-2000:]}")


def _command(home: Path, what: str) -> list[str]:
    return ["node", str(home / "node_modules" / "directus" / "cli.js"), what]


@contextlib.contextmanager
def _process(home: Path, settings: Mapping[str, str]) -> Iterator[None]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            _command(home, "start"), cwd=home, env=settings, stdout=log, stderr=log
        )
        try:
            if not _answers(process, settings["PUBLIC_URL"]):
                log.seek(0)
                raise NotStarted(f"directus start:\n{log.read()[-2000:].decode()}")
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(f"{url}/server/ping", timeout=POLL_SECONDS * 10).ok:
                return True
        time.sleep(POLL_SECONDS)
    return False
