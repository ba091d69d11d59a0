"""The render process and its queue: every way it can fail gives SheetFailed, and the next sheet is made."""

import fcntl
import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ivigsite.orders.sheet import worker as working
from ivigsite.orders.sheet.child import uncollected
from ivigsite.orders.sheet.documents import Document
from ivigsite.orders.sheet.jobs import Job, SheetFailed, SheetQueueFull, frame, pack_job, unpack_job
from ivigsite.orders.sheet.states import Paper, Void
from ivigsite.orders.sheet.worker import (
    SLOT_FILES,
    RenderPool,
    RenderWorker,
    render_in_worker,
    start_renders,
    warm_up,
)

from .reading import Case, file_of, pages_of
from .samples import CONTENTS, SECOND_PRINT, SIGNED_AT, STATES, TYPICAL

# WeasyPrint leaves its colour profile for the garbage collector to close.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file.*sRGB2014:ResourceWarning")

MakeWorker = Callable[..., RenderWorker]
PROJECT = Path(__file__).parents[2]
VOIDED = Void(reason="Wrong weight", by="Dr Ada Demo-Physician", at=SIGNED_AT)
JOB = Case("typical", "signed", Paper.A4).job

# A stand-in for the render process: it is ready, reads one job, and then does what a test asks.
CHILD = """
import os, sys, time
is_first = not os.path.exists(FLAG)
open(FLAG, 'a').close()
from ivigsite.orders.sheet.jobs import DONE, LENGTH, READY, frame
def answer(message):
    sys.stdout.buffer.write(frame(message))
    sys.stdout.buffer.flush()
def read():
    length = sys.stdin.buffer.read(LENGTH.size)
    return sys.stdin.buffer.read(LENGTH.unpack(length)[0]) if length else sys.exit()
"""
SERVE = """
answer(READY)
while read():
    answer(DONE + b"file of %d" % os.getpid())
"""


@pytest.fixture
def own_worker() -> Iterator[None]:
    """The process-wide worker, stopped again after the test."""
    yield
    working._pool().stop()
    working._pool.cache_clear()


@pytest.fixture
def make_worker(tmp_path: Path) -> Iterator[MakeWorker]:
    made: list[RenderWorker] = []

    def make(behaviour: str, *, timeout_s: float = 5) -> RenderWorker:
        """A worker whose first child behaves as told and whose later ones serve."""
        flag = f"FLAG = {str(tmp_path / f'used-{len(made)}')!r}\n"
        body = "".join(f"    {line}\n" for line in behaviour.strip().splitlines())
        worker = RenderWorker((sys.executable, "-c", f"{flag}{CHILD}if is_first:\n{body}{SERVE}"), timeout_s)
        made.append(worker)
        return worker

    yield make
    for worker in made:
        worker.stop()


def test_the_worker_makes_the_same_file_as_the_renderer_itself(own_worker: None) -> None:
    warm_up()

    file = render_in_worker(JOB)

    assert file == file_of(Case("typical", "signed", Paper.A4))


def test_the_worker_says_why_there_is_no_file_and_makes_the_next_one(own_worker: None) -> None:
    unprintable = replace(TYPICAL, patient=replace(TYPICAL.patient, family_name="李"))

    with pytest.raises(SheetFailed, match=r"U\+674E"):
        render_in_worker(replace(JOB, content=unprintable))

    notice = render_in_worker(replace(JOB, document=Document.CANCEL_NOTICE, state=VOIDED, paper=Paper.LETTER))
    assert "CANCEL NOTICE" in pages_of(notice)[0]


def test_start_renders_returns_at_once_and_hands_the_file_over_later(own_worker: None) -> None:
    outcomes: list[bytes | SheetFailed] = []
    threads: list[threading.Thread] = []
    is_done = threading.Event()

    def then(outcome: bytes | SheetFailed) -> None:
        outcomes.append(outcome)
        threads.append(threading.current_thread())
        is_done.set()

    start_renders([(JOB, then)])

    assert not outcomes
    assert is_done.wait(timeout=20)
    assert outcomes == [file_of(Case("typical", "signed", Paper.A4))]
    assert threads != [threading.current_thread()]


def test_start_renders_hands_over_the_failure_too(own_worker: None) -> None:
    outcomes: list[bytes | SheetFailed] = []
    is_done = threading.Event()

    def then(outcome: bytes | SheetFailed) -> None:
        outcomes.append(outcome)
        is_done.set()

    start_renders([(replace(JOB, content=replace(TYPICAL, signature=None)), then)])

    assert is_done.wait(timeout=20)
    (failure,) = outcomes
    assert isinstance(failure, SheetFailed)
    assert "without a signature" in str(failure)


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("answer(READY); read(); time.sleep(60)", "took too long"),
        ("answer(READY); time.sleep(60)", "took too long"),
        (
            "answer(READY); read(); sys.stdout.buffer.write(b'\\0\\0'); sys.stdout.flush(); time.sleep(60)",
            "too long",
        ),
        ("answer(READY); read(); os._exit(1)", "could not be made"),
        ("answer(READY); read(); sys.stdout.buffer.write(b'\\0\\0\\0\\9'); sys.exit()", "could not be made"),
        ("answer(READY); read(); os.abort()", "could not be made"),
        ("answer(READY); os.close(0); os._exit(0)", "could not be made"),
        ("os._exit(3)", "could not be made"),
    ],
)
def test_a_render_process_that_hangs_or_dies_is_replaced(
    behaviour: str, reason: str, make_worker: MakeWorker
) -> None:
    # Only what hangs is cut off soon: a busy machine may need longer for what ends by itself, or answers.
    worker = make_worker(behaviour, timeout_s=0.4 if "too long" in reason else 20)

    with pytest.raises(SheetFailed, match=reason):
        worker.render(JOB)

    worker._timeout_s = 20
    assert worker.render(JOB).startswith(b"file of ")


def test_pages_are_heard_of_before_the_file(make_worker: MakeWorker) -> None:
    worker = make_worker("answer(READY); read(); answer(b'P4'); answer(b'P12'); answer(DONE + b'file')")
    heard: list[int] = []

    file = worker.render(JOB, heard.append)

    assert (file, heard) == (b"file", [4, 12])


def test_a_render_process_that_never_gets_ready_is_replaced(
    make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "START_TIMEOUT_S", 1.5)
    worker = make_worker("time.sleep(60)")

    with pytest.raises(SheetFailed, match="took too long"):
        worker.render(JOB)

    monkeypatch.setattr(working, "START_TIMEOUT_S", 10)
    assert worker.render(JOB).startswith(b"file of ")


def test_a_hanging_process_is_gone_after_the_failure(make_worker: MakeWorker) -> None:
    worker = make_worker("answer(READY); read(); time.sleep(60)", timeout_s=0.3)
    worker.start()
    assert worker._process is not None
    hanging = worker._process._child.pid

    with pytest.raises(SheetFailed):
        worker.render(JOB)

    with pytest.raises(ProcessLookupError):
        os.kill(hanging, 0)


def test_a_render_process_that_grows_past_its_limit_is_replaced(make_worker: MakeWorker) -> None:
    worker = make_worker(
        "from ivigsite.orders.sheet.child import limit_resources, report_without_values\n"
        "sys.excepthook = report_without_values\n"
        "limit_resources(); answer(READY); read()\n"
        "hoard = bytearray(600 * 1024 * 1024)"
    )

    with pytest.raises(SheetFailed, match="could not be made"):
        worker.render(JOB)

    assert worker.render(JOB).startswith(b"file of ")


def test_a_large_job_does_not_block_when_nobody_reads_it(make_worker: MakeWorker) -> None:
    worker = make_worker("answer(READY); time.sleep(60)", timeout_s=0.4)
    title = "x" * 1_000_000

    with pytest.raises(SheetFailed, match="took too long"):
        worker.render(replace(JOB, content=replace(TYPICAL, title=title)))


def test_a_process_that_has_done_its_share_is_replaced(
    make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "FILES_PER_PROCESS", 2)
    worker = make_worker("pass")

    files = [worker.render(JOB) for _ in range(4)]

    assert files[0] == files[1] != files[2] == files[3]


def test_a_full_queue_is_said_at_once(make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(working, "QUEUE_LIMIT", 1)
    worker = make_worker("answer(READY); read(); time.sleep(60)", timeout_s=1)
    pool = RenderPool([worker])
    hanging = threading.Thread(target=render_and_fail, args=(pool,))
    hanging.start()
    while pool._places._value:  # until the first job has taken the only place
        time.sleep(0.01)

    with pytest.raises(SheetQueueFull):
        pool.render(JOB)
    hanging.join()


def render_and_fail(pool: RenderPool) -> None:
    with pytest.raises(SheetFailed):
        pool.render(JOB)


def test_a_machine_busy_with_two_renders_is_said(
    make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(working, "LONGEST_WAIT_S", 0.1)
    worker = make_worker("pass")

    with SLOT_FILES[0].open("rb") as one, SLOT_FILES[1].open("rb") as other:
        fcntl.flock(one, fcntl.LOCK_EX)
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(SheetQueueFull, match="busy"):
            worker.render(JOB)

    assert worker.render(JOB).startswith(b"file of ")


@pytest.mark.hazard("H18")
def test_a_missing_font_is_said_and_the_next_sheet_is_made_once_it_is_back(
    make_worker: MakeWorker, tmp_path: Path
) -> None:
    worker = make_worker("pass")
    worker._slot_files = [tmp_path / "IBMPlexSans-Bold.woff"]

    with pytest.raises(SheetFailed, match="A font of the sheets cannot be read: No such file"):
        worker.render(JOB)

    worker._slot_files[0].touch()
    assert worker.render(JOB).startswith(b"file of ")


@pytest.mark.hazard("H18")
def test_a_process_that_died_between_two_files_costs_nobody_a_sheet(make_worker: MakeWorker) -> None:
    worker = make_worker("pass")
    first = worker.render(JOB)
    assert worker._process is not None
    worker._process._child.kill()
    worker._process._child.wait()

    second = worker.render(JOB)

    assert second.startswith(b"file of ")
    assert second != first


def test_the_render_process_gets_no_secrets(make_worker: MakeWorker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "very secret")
    monkeypatch.setenv("DATABASE_URL", "postgres://very-secret")
    worker = make_worker("answer(READY); read(); answer(DONE + repr(dict(os.environ)).encode())")

    environment = worker.render(JOB).decode()

    assert "secret" not in environment
    assert "PATH" in environment


@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('127.0.0.1', 9), 1)",
        "socket.getaddrinfo('localhost', 80)",
        "subprocess.run(['true'])",
        "os.system('true')",
        "os.fork()",
    ],
)
def test_the_render_process_can_reach_no_network_and_start_no_program(attempt: str) -> None:
    script = (
        "import os, socket, subprocess, sys\n"
        "from ivigsite.orders.sheet.child import forbid_outside\n"
        "sys.addaudithook(forbid_outside)\n"
        f"try:\n    {attempt}\nexcept PermissionError as error:\n    sys.stdout.write(str(error))\n"
    )

    run = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, check=True, text=True
    )

    assert run.stdout.startswith("the render process may not use")


def test_a_crash_is_reported_without_what_it_was_about() -> None:
    bad_job = b'{"kind": "Job", "document": "sheet", "content": {"family_name": "Testperson"}}'

    run = subprocess.run(
        [sys.executable, "-m", "ivigsite.orders.sheet.child"],
        cwd=PROJECT,
        input=frame(bad_job),
        capture_output=True,
        check=False,
    )

    assert run.returncode == 1
    assert b"render process ended: ValueError at " in run.stderr
    assert b"estperson" not in run.stderr
    assert b"family_name" not in run.stderr


def test_the_render_process_ends_quietly_when_its_parent_goes() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "ivigsite.orders.sheet.child"],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )

    assert (run.returncode, run.stderr) == (0, b"")


def test_a_web_process_does_not_load_the_renderer() -> None:
    script = "import sys, ivigsite.orders.sheet.worker; sys.stdout.write(str('weasyprint' in sys.modules))"

    run = subprocess.run(
        [sys.executable, "-c", script], cwd=PROJECT, capture_output=True, check=True, text=True
    )

    assert run.stdout == "False"


@pytest.mark.parametrize("state", STATES)
def test_a_job_arrives_as_it_was_sent(state: str) -> None:
    job = Job(
        document=Document.ORDER_SET,
        content=CONTENTS["all unknown"],
        state=STATES[state],
        paper=Paper.LETTER,
        event=SECOND_PRINT,
    )

    assert unpack_job(pack_job(job)) == job


def run_script(script: str) -> str:
    """What the script prints, run in a process of its own."""
    command = [sys.executable, "-c", script]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, check=True, text=True).stdout


def test_garbage_is_looked_for_again_once_a_file_is_made_or_has_failed() -> None:
    with uncollected():
        assert not gc.isenabled()
    assert gc.isenabled()

    with pytest.raises(SheetFailed), uncollected():
        raise SheetFailed("no file")
    assert gc.isenabled()
