"""Papers of versions on disk, made beside the requests: a web process answers nobody else while it renders.

A file is named by the digest of what it says, so that one made once is right for ever, and every web process
of the machine finds it. One is made at a time; the newest few are kept.
"""

import fcntl
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.conf import settings

from ivigsite.orders.sheet.jobs import SheetFailed
from ivigsite.orders.sheet.plain_paper import PlainPaperJob, paper_digest
from ivigsite.orders.sheet.worker import render_alone

KEPT: Final = 12
LOCK: Final = "making.lock"
FILE_MODE: Final = 0o640


def file_of(job: PlainPaperJob) -> bytes | None:
    """The file of a paper, or None where it is not made yet; raises `SheetFailed` once where it failed."""
    with suppress(FileNotFoundError):
        return _path(job).read_bytes()
    with suppress(FileNotFoundError):
        reason = _failure(job).read_text()
        # Whoever asks again has it tried again.
        _failure(job).unlink()
        raise SheetFailed(reason)
    return None


def begin(job: PlainPaperJob) -> threading.Thread:
    """Begin to make a paper and return at once; while another is being made, nothing is begun."""
    thread = threading.Thread(target=_make, args=(job,), name="paper", daemon=True)
    thread.start()
    return thread


def _make(job: PlainPaperJob) -> None:
    _root().mkdir(mode=0o750, parents=True, exist_ok=True)
    with (_root() / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if _path(job).exists():
            return
        try:
            _put(_path(job), render_alone(job))
        except SheetFailed as failure:
            _put(_failure(job), str(failure).encode())
        _keep_the_newest()


def _put(path: Path, data: bytes) -> None:
    """Written beside its place and then moved there, so that nobody reads half a file."""
    beside = path.with_suffix(".part")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, FILE_MODE), "wb") as file:
        file.write(data)
    beside.replace(path)


def _keep_the_newest() -> None:
    made = sorted(_root().glob("*.pdf"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in made[KEPT:]:
        path.unlink(missing_ok=True)


def _path(job: PlainPaperJob) -> Path:
    return _root() / f"{paper_digest(job.content)}-{job.paper}.pdf"


def _failure(job: PlainPaperJob) -> Path:
    return _path(job).with_suffix(".failed")


def _root() -> Path:
    return Path(settings.PAPERS_DIR)
