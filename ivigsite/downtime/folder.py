"""The downtime folder on disk: what stands in it, whether it is whole, and how a new one takes its place.

Each file is written beside its old one and then takes its name, so that whoever opens the folder finds a
whole file at every moment. The manifest comes last; a file it does not vouch for is not handed out.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.conf import settings

MANIFEST: Final = "manifest.json"
PROGRESS: Final = "progress.json"
LOCK: Final = "writing.lock"
READ_ME: Final = "READ-ME-FIRST.txt"
# The lists name patients: for the site and for the group that prints.
FILE_MODE, FOLDER_MODE = 0o640, 0o750


class AlreadyBeingWritten(Exception):
    """Somebody else writes the folder at this moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One file of the folder with the digest it was written with."""

    name: str
    sha256: str
    folder: str

    @property
    def path(self) -> Path:
        return root() / self.folder / self.name

    def read(self) -> bytes | None:
        """The bytes, or None where the file is gone or is not the one that was written."""
        try:
            data = self.path.read_bytes()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == self.sha256 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPack:
    """What is on disk of one version: its forms, and the list of each ward by the ward's id."""

    version: str
    title: str
    number: int
    seal: str
    made_at: datetime
    expires_at: datetime
    forms: StoredFile
    lists: Mapping[str, StoredFile]
    pages: int = 0
    """Of the forms; 0 in a folder written before they were counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the writing is, or how it ended."""

    started_at: datetime
    by: str
    done: int
    total: int
    page: int = 0
    """Of the file that is being made."""
    pages: int = 0
    """How many it has: known once all are laid out and are gone through again to be numbered."""
    pages_before: int = 0
    """How many it had when it was written last; 0 where it is new."""
    least_pages: int = 0
    """How many it has at least, while they are laid out for the first time."""
    failed: str = ""
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    packs: tuple[StoredPack, ...] = field(default=())
    progress: Progress | None = None


def root() -> Path:
    return Path(settings.DOWNTIME_DIR)


def read_folder() -> Folder:
    """Everything the folder says of itself; empty where there is none."""
    manifests = sorted(root().glob(f"*/{MANIFEST}"))
    packs = tuple(pack for path in manifests if (pack := _read_pack(path)) is not None)
    return Folder(packs=packs, progress=_read_progress())


@contextmanager
def alone() -> Iterator[None]:
    """Hold the folder for one writer; the kernel gives it back if the process dies."""
    _make_folder(root())
    with (root() / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyBeingWritten from error
        yield


def is_being_written() -> bool:
    try:
        with alone():
            return False
    except AlreadyBeingWritten:
        return True


def write_file(folder: str, name: str, data: bytes) -> StoredFile:
    put(root() / folder / name, data)
    return StoredFile(name=name, sha256=hashlib.sha256(data).hexdigest(), folder=folder)


def write_manifest(folder: str, pack: StoredPack) -> None:
    """Vouch for these files, and take away what an older manifest vouched for."""
    before = _read_pack(root() / folder / MANIFEST)
    plain = {
        "version": pack.version,
        "title": pack.title,
        "number": pack.number,
        "seal": pack.seal,
        "made_at": pack.made_at.isoformat(),
        "expires_at": pack.expires_at.isoformat(),
        "forms": _plain_file(pack.forms),
        "lists": {ward: _plain_file(file) for ward, file in pack.lists.items()},
        "pages": pack.pages,
    }
    put(root() / folder / MANIFEST, json.dumps(plain, indent=1, sort_keys=True).encode())
    if before is not None:
        kept = {file.path for file in _files_of(pack)}
        _remove(file.path for file in _files_of(before) if file.path not in kept)


def pages_written(version: str) -> int:
    """How many pages the forms of this version had when they were written last; 0 if they never were."""
    return next((pack.pages for pack in read_folder().packs if pack.version == version), 0)


def remove_pack(pack: StoredPack) -> None:
    """Take away the paper of a version that is no longer approved; it must not be found and followed."""
    _remove([pack.forms.path.parent / MANIFEST, *(file.path for file in _files_of(pack))])


def write_progress(progress: Progress) -> None:
    plain = {
        "started_at": progress.started_at.isoformat(),
        "by": progress.by,
        "done": progress.done,
        "total": progress.total,
        "page": progress.page,
        "pages": progress.pages,
        "pages_before": progress.pages_before,
        "least_pages": progress.least_pages,
        "failed": progress.failed,
        "ended_at": progress.ended_at.isoformat() if progress.ended_at else None,
    }
    put(root() / PROGRESS, json.dumps(plain).encode())


def put(path: Path, data: bytes) -> None:
    """Write a file whole and on disk before it takes its name."""
    _make_folder(path.parent)
    new = path.with_name(f".{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _make_folder(path: Path) -> None:
    """Each folder with its own mode: `parents` would make those above it readable to all."""
    if path != root():
        _make_folder(root())
    path.mkdir(mode=FOLDER_MODE, parents=path == root(), exist_ok=True)


def _read_pack(path: Path) -> StoredPack | None:
    plain = _read_json(path)
    if plain is None:
        return None
    folder = path.parent.name
    try:
        return StoredPack(
            version=plain["version"],
            title=plain["title"],
            number=plain["number"],
            seal=plain["seal"],
            made_at=datetime.fromisoformat(plain["made_at"]),
            expires_at=datetime.fromisoformat(plain["expires_at"]),
            forms=StoredFile(folder=folder, **plain["forms"]),
            lists={ward: StoredFile(folder=folder, **row) for ward, row in plain["lists"].items()},
            pages=plain.get("pages", 0),
        )
    except (KeyError, TypeError, ValueError):
        return None  # not ours, or cut short: nothing in it is vouched for


def _read_progress() -> Progress | None:
    plain = _read_json(root() / PROGRESS)
    if plain is None:
        return None
    try:
        return Progress(
            started_at=datetime.fromisoformat(plain["started_at"]),
            by=plain["by"],
            done=plain["done"],
            total=plain["total"],
            page=plain["page"],
            pages=plain["pages"],
            pages_before=plain["pages_before"],
            least_pages=plain["least_pages"],
            failed=plain["failed"],
            ended_at=datetime.fromisoformat(plain["ended_at"]) if plain["ended_at"] else None,
        )
    except (KeyError, TypeError, ValueError):
        return None


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        plain = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return plain if isinstance(plain, dict) else None


def _files_of(pack: StoredPack) -> tuple[StoredFile, ...]:
    return (pack.forms, *pack.lists.values())


def _plain_file(file: StoredFile) -> dict[str, str]:
    return {"name": file.name, "sha256": file.sha256}


def _remove(paths: Any) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
