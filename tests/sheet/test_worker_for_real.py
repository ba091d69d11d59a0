"""The true render process, killed, starved and kept busy: a failure that is said, and the next sheet."""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from ivigsite.orders.sheet.jobs import Job, SheetFailed
from ivigsite.orders.sheet.states import Paper
from ivigsite.orders.sheet.worker import COMMAND, TIMEOUT_S, RenderWorker

from .reading import Case
from .samples import TYPICAL

pytestmark = [pytest.mark.hazard("H18")]

JOB = Case("typical", "signed", Paper.A4).job
# The process as it runs on a site, with less memory, so that it is used up in a moment.
STARVED = (
    sys.executable,
    "-c",
    "from ivigsite.orders.sheet import child; child.MEMORY_LIMIT_BYTES = 360 << 20; child.main()",
)
MANY_WORDS = "word " * 6_000_000
MakeWorker = Callable[..., RenderWorker]


@pytest.fixture
def make_worker() -> Iterator[MakeWorker]:
    made: list[RenderWorker] = []

    def make(command: tuple[str, ...] = COMMAND, timeout_s: float = 60) -> RenderWorker:
        worker = RenderWorker(command, timeout_s)
        made.append(worker)
        return worker

    yield make
    for worker in made:
        worker.stop()


def endless() -> Job:
    """Pages without end, as far as anybody would wait."""
    orders = tuple(replace(TYPICAL.orders[0], number=number) for number in range(1, 4000))
    return replace(JOB, content=replace(TYPICAL, orders=orders))


def fails_with(worker: RenderWorker, job: Job) -> str:
    with pytest.raises(SheetFailed) as failure:
        worker.render(job)
    return str(failure.value)


def child_of(worker: RenderWorker) -> int:
    assert worker._process is not None
    return worker._process._child.pid


def test_a_process_killed_in_the_middle_of_a_sheet_is_a_failure_and_the_next_sheet_is_made(
    make_worker: MakeWorker,
) -> None:
    worker = make_worker()
    assert worker.render(JOB).startswith(b"%PDF-")
    victim = child_of(worker)
    outcomes: list[str] = []
    job = endless()
    asking = threading.Thread(target=lambda: outcomes.append(fails_with(worker, job)))

    asking.start()
    # On a busy machine the job alone takes a second to be sent.
    time.sleep(2)
    os.kill(victim, signal.SIGKILL)
    asking.join(timeout=TIMEOUT_S)

    assert outcomes == ["The sheet could not be made."]
    assert worker.render(JOB).startswith(b"%PDF-")
    assert child_of(worker) != victim


def test_a_layout_without_end_is_cut_off_and_the_next_sheet_is_made(make_worker: MakeWorker) -> None:
    worker = make_worker(timeout_s=2)
    worker.start()
    stuck = child_of(worker)

    assert fails_with(worker, endless()) == "The sheet took too long to make."

    with pytest.raises(ProcessLookupError):
        os.kill(stuck, 0)
    worker._timeout_s = 60
    assert worker.render(JOB).startswith(b"%PDF-")


def test_a_sheet_that_eats_all_memory_is_a_failure_and_the_next_sheet_is_made(
    make_worker: MakeWorker,
) -> None:
    worker = make_worker(STARVED)
    assert worker.render(JOB).startswith(b"%PDF-")
    hungry = replace(JOB, content=replace(TYPICAL, population=MANY_WORDS))

    assert fails_with(worker, hungry) == "The sheet could not be made."

    assert worker.render(JOB).startswith(b"%PDF-")


def test_a_site_waits_no_longer_than_fifteen_seconds() -> None:
    assert TIMEOUT_S == 15
