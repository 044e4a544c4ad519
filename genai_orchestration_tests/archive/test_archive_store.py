"""Where files are kept: no link inside the archive is followed, and nothing is kept by halves."""

import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from genai_orchestration.archive.folder import STALE
from genai_orchestration.archive.object_store import ObjectStore
from genai_orchestration.archive.refusals import ArchiveUnusable
from genai_orchestration.archive.store import LocalStore, Store, open_store
from genai_orchestration.settings import Settings
from genai_orchestration_tests.support.file_server import PNG, kept

SHA = hashlib.sha256(PNG).hexdigest()
PATH = f"{SHA[:2]}/{SHA}.png"


def put(store: Store, content: bytes = PNG, *, quarantine: bool = False) -> str:
    """Keep the content under the name of the whole picture."""
    with store.incoming() as file:
        file.write(content)
        return store.keep(file, SHA, "png", quarantine=quarantine)


def read(store: Store, path: str) -> bytes | None:
    with store.open(path) as file:
        return file.read() if file else None


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "archive").mkdir()
    return tmp_path / "archive"


@pytest.fixture
def elsewhere(archive: Path) -> Path:
    """A folder that is not the archive's, with files that somebody has there."""
    found = archive.parent / "elsewhere"
    for name in ("old.part", Path(PATH).name):
        (found / name).write_bytes(b"somebody's own")
    os.utime(found / "old.part", (time.time() - 2 * STALE,) * 2)
    return found


@pytest.mark.parametrize(
    ("link", "act"),
    [
        (SHA[:2], put),
        (SHA[:2], lambda store: read(store, PATH)),
        (SHA[:2], lambda store: store.quarantine(PATH)),
        ("quarantine", lambda store: put(store, quarantine=True)),
        ("quarantine", lambda store: store.quarantine(put(store))),
        ("quarantine", lambda store: store.check()),
        (f"quarantine/{SHA[:2]}", lambda store: put(store, quarantine=True)),
        (".incoming", put),
        (".incoming", lambda store: store.sweep()),
        (".incoming", lambda store: store.check()),
    ],
)
def test_a_folder_that_is_a_link_is_not_followed(
    archive: Path, elsewhere: Path, link: str, act: Callable[[Store], Any]
) -> None:
    before = kept(elsewhere)
    (archive / link).parent.mkdir(exist_ok=True)
    (archive / link).symlink_to(elsewhere)
    with pytest.raises(ArchiveUnusable, match=f"{link} is a symbolic link, and none .* followed"):
        act(LocalStore(archive))
    assert kept(elsewhere) == before


def test_a_file_that_is_a_link_is_nothing_that_is_kept(archive: Path, elsewhere: Path) -> None:
    """It makes way for the file itself; what it leads to stays as it is."""
    other, store = elsewhere / "other", LocalStore(archive)
    other.write_bytes(bytes(len(PNG)))  # as long as the file
    (archive / SHA[:2]).mkdir()
    (archive / PATH).symlink_to(other)
    assert read(store, PATH) is None
    assert put(store) == PATH
    assert not (archive / PATH).is_symlink()
    assert read(store, PATH) == PNG
    assert other.read_bytes() == bytes(len(PNG))


def test_the_archives_own_folder_may_be_reached_by_a_link(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "mounted").symlink_to(archive)
    assert put(LocalStore(tmp_path / "mounted")) == PATH
    assert kept(archive) == {PATH: PNG}


class Halving(MemoryFileSystem):  # type: ignore[misc]
    """A store that keeps the first half of what it is given, and says nothing."""

    cachable = False
    store: ClassVar[dict[str, Any]] = {}
    pseudo_dirs: ClassVar[list[str]] = [""]

    def put_file(self, lpath: str, rpath: str, **more: Any) -> None:
        content = Path(lpath).read_bytes()
        self.pipe_file(rpath, content[: len(content) // 2])


def test_a_store_that_keeps_half_of_a_file_is_told_of_and_asked_again(tmp_path: Path) -> None:
    broken, working = Halving(), MemoryFileSystem()
    working.store = broken.store
    with pytest.raises(ArchiveUnusable, match=rf"kept {len(PNG) // 2} of {len(PNG)} bytes of"):
        put(ObjectStore(broken, "bucket", tmp_path / "incoming"))
    store = ObjectStore(working, "bucket", tmp_path / "incoming")
    assert put(store) == PATH
    assert read(store, PATH) == PNG
    assert list((tmp_path / "incoming").iterdir()) == []


def test_to_read_makes_nothing(tmp_path: Path) -> None:
    store = LocalStore(tmp_path / "archive")
    assert read(store, PATH) is None
    store.quarantine(PATH)
    assert store.sweep() == 0
    assert list(tmp_path.iterdir()) == []


def test_any_store_of_fsspec_keeps_reads_and_puts_aside(tmp_path: Path) -> None:
    address = f"memory://{tmp_path.name}/files"
    home = {"GENAI_ARCHIVE": address, "GENAI_HOME": str(tmp_path)}
    local = LocalStore(tmp_path / "archive")
    for store in (open_store(Settings.load(home)), local):
        store.check()
        assert read(store, PATH) is None
        store.quarantine(PATH)  # nothing is there
        assert put(store) == put(store) == PATH
        store.quarantine(PATH)
        assert read(store, PATH) is None
        assert read(store, f"quarantine/{PATH}") == PNG


@pytest.mark.parametrize("address", ["archive", "memory://swept/files"])
def test_temporary_files_of_any_store_are_swept_once_nobody_writes_to_them(
    tmp_path: Path, address: str
) -> None:
    home = {"GENAI_ARCHIVE": address, "GENAI_HOME": str(tmp_path)}
    store = open_store(Settings.load(home))
    with store.incoming() as file:
        folder = Path(file.name).parent
    assert store.sweep() == 0
    for name, age in (("fresh.part", 60.0), ("stale.part", STALE + 60), ("mine.txt", STALE * 2)):
        (folder / name).write_bytes(b"half")
        os.utime(folder / name, (time.time() - age,) * 2)
    assert store.sweep() == 1
    assert sorted(os.listdir(folder)) == ["fresh.part", "mine.txt"]
