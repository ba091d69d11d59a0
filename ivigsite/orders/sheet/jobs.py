"""A request for one file, and its way to the render process and back; knows nothing of how a file is made."""

import dataclasses
import json
import struct
from dataclasses import dataclass
from typing import Final, cast

from .content import SheetContent, read_as, to_plain
from .documents import Document
from .pack import ActiveOrdersJob, FormsJob
from .plain_paper import PlainPaperJob
from .states import Copy, Draft, Expired, Paper, PrintEvent, SheetState, Signed, Superseded, Void

STATES: Final = {kind.__name__: kind for kind in (Draft, Signed, Copy, Superseded, Void, Expired)}
LENGTH: Final = struct.Struct(">I")
READY, PAGE, DONE, FAILED = b"R", b"P", b"D", b"F"


class SheetFailed(Exception):
    """There is no file, and this is why."""


class SheetQueueFull(SheetFailed):
    """Too many files are asked for at once; ask again in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    document: Document
    content: SheetContent
    state: SheetState
    paper: Paper
    event: PrintEvent


AnyJob = Job | FormsJob | ActiveOrdersJob | PlainPaperJob
_PLAIN: Final = {kind.__name__: kind for kind in (FormsJob, ActiveOrdersJob, PlainPaperJob)}


def pack_job(job: AnyJob) -> bytes:
    plain = {field.name: to_plain(getattr(job, field.name)) for field in dataclasses.fields(job)}
    plain["kind"] = type(job).__name__
    if isinstance(job, Job):
        plain["state_kind"] = type(job.state).__name__
    return json.dumps(plain).encode()


def unpack_job(packed: bytes) -> AnyJob:
    plain = json.loads(packed)
    kind = plain.pop("kind")
    if kind in _PLAIN:
        return cast(AnyJob, read_as(_PLAIN[kind], plain))
    return Job(
        document=Document(plain["document"]),
        content=read_as(SheetContent, plain["content"]),
        state=read_as(STATES[plain["state_kind"]], plain["state"]),
        paper=Paper(plain["paper"]),
        event=read_as(PrintEvent, plain["event"]),
    )


def frame(message: bytes) -> bytes:
    """The message with its length before it, so that the reader knows when it has the whole."""
    return LENGTH.pack(len(message)) + message
