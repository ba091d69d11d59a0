"""The render process: takes jobs from standard input, answers on standard output, and can do little else."""

import ctypes
import gc
import logging
import os
import re
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import BinaryIO

from .jobs import DONE, FAILED, LENGTH, PAGE, READY, Job, SheetFailed, frame, unpack_job
from .plain_paper import PlainPaperJob

MEMORY_LIMIT_BYTES = 512 * 1024 * 1024
# A downtime pack has some hundred pages, which are in memory together.
DOWNTIME = "downtime"
DOWNTIME_MEMORY_LIMIT_BYTES = 1024 * 1024 * 1024
# Only for a process whose parent has died and cannot end it any more.
LAST_RESORT_S = 60
LAST_RESORT_DOWNTIME_S = 700
# What WeasyPrint logs of its progress: each page as it is laid out, and again where numbers of pages changed.
LAID_OUT = re.compile(r"layout - Page (\d+)$")
CLONE_NEWUSER = 0x1000_0000
CLONE_NEWNET = 0x4000_0000
# What a sheet never needs: the network, and other programs.
FORBIDDEN_EVENTS = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.system",
    "ctypes.dlopen",
)


def limit_resources(memory_bytes: int = MEMORY_LIMIT_BYTES) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    # A core dump would hold a patient.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def leave_network() -> None:
    """A network namespace of its own where the kernel allows it; `forbid_outside` holds where it does not."""
    flags = CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWNET | CLONE_NEWUSER
    ctypes.CDLL(None).unshare(flags)


def forbid_outside(event: str, _arguments: tuple[object, ...]) -> None:
    if event.startswith(FORBIDDEN_EVENTS):
        raise PermissionError(f"the render process may not use {event}")


def report_without_values(
    kind: type[BaseException], _error: BaseException, trace: TracebackType | None
) -> None:
    """What went wrong and where, without the message, which may quote a patient."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "unknown place"
    sys.stderr.write(f"render process ended: {kind.__name__} at {place}\n")


def main() -> None:
    sys.excepthook = report_without_values
    limit_resources(DOWNTIME_MEMORY_LIMIT_BYTES if DOWNTIME in sys.argv[1:] else MEMORY_LIMIT_BYTES)
    leave_network()
    # A stray print must not end up among the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # Imported under the limits, and slow enough to be worth doing before the first job.
    from .downtime import render_downtime
    from .render import render, warm_up
    from .render_paper import render_paper, warm_up_papers

    warm_up()
    warm_up_papers()
    # What was read for the first job is there for good: no need to go through it after each.
    gc.freeze()
    sys.addaudithook(forbid_outside)
    _answer(answers, READY)
    while (packed := _read_job(sys.stdin.buffer)) is not None:
        job = unpack_job(packed)
        signal.alarm(LAST_RESORT_S if isinstance(job, Job | PlainPaperJob) else LAST_RESORT_DOWNTIME_S)
        try:
            if isinstance(job, Job):
                with uncollected():
                    answer = DONE + render(job)
            elif isinstance(job, PlainPaperJob):
                with uncollected():
                    answer = DONE + render_paper(job)
            else:
                with _pages_told(answers):
                    answer = DONE + render_downtime(job)
        except SheetFailed as failure:
            answer = FAILED + str(failure).encode()
        signal.alarm(0)
        _answer(answers, answer)
        gc.collect()
    # CPython crashes when WeasyPrint tidies up after the audit hook is gone; our parent removes the folder.
    os._exit(0)


@contextmanager
def uncollected() -> Iterator[None]:
    """A file of few pages made without looking for garbage, which takes an eighth of its time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextmanager
def _pages_told(answers: BinaryIO) -> Iterator[None]:
    """Say which page is being laid out, for whoever waits for a hundred of them."""
    teller, logger = _PageTeller(answers), logging.getLogger("weasyprint.progress")
    logger.setLevel(logging.INFO)
    logger.addHandler(teller)
    try:
        yield
    finally:
        logger.removeHandler(teller)


class _PageTeller(logging.Handler):
    def __init__(self, answers: BinaryIO) -> None:
        super().__init__()
        self._answers = answers

    def emit(self, record: logging.LogRecord) -> None:
        if found := LAID_OUT.search(record.getMessage()):
            _answer(self._answers, PAGE + found[1].encode())


def _read_job(requests: BinaryIO) -> bytes | None:
    length = requests.read(LENGTH.size)
    return requests.read(LENGTH.unpack(length)[0]) if length else None


def _answer(answers: BinaryIO, message: bytes) -> None:
    answers.write(frame(message))
    answers.flush()


if __name__ == "__main__":
    main()
