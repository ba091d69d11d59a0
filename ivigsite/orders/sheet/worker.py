"""Files without blocking a web process: one warm render process for each, killed when it hangs or grows.

The web process never imports WeasyPrint. The render process starts with `warm_up` or at first use, gets no
secrets in its environment, and is replaced after a failure or after a few hundred files, because it grows.
"""

import fcntl
import logging
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, Final, cast

from .content import SheetContent
from .documents import Document
from .jobs import DONE, LENGTH, Job, SheetFailed, SheetQueueFull, frame, pack_job
from .states import Paper, PrintEvent, SheetState, Superseded, Void
from .typeface import FONT_DIRECTORY, FONT_FILES

TIMEOUT_S: Final = 15.0
START_TIMEOUT_S: Final = 15.0
LONGEST_WAIT_S: Final = 12.0
QUEUE_LIMIT: Final = 8
FILES_PER_PROCESS: Final = 500
COMMAND: Final = (sys.executable, "-m", "ivigsite.orders.sheet.child")
PROJECT: Final = Path(__file__).parents[3]
# Two renders at once on this machine, whatever the number of web processes. The locks are on files that
# are there anyway, so that nothing need be made, found or cleaned up.
SLOT_FILES: Final = tuple(FONT_DIRECTORY / name for name in FONT_FILES)

logger = logging.getLogger(__name__)


def render_in_worker(
    content: SheetContent, state: SheetState, paper: Paper, print_event: PrintEvent
) -> bytes:
    """The order sheet as a file, or SheetFailed; waits for it."""
    return _worker().render(
        Job(document=Document.ORDER_SET, content=content, state=state, paper=paper, event=print_event)
    )


def render_cancel_notice_in_worker(
    content: SheetContent, state: Superseded | Void, paper: Paper, print_event: PrintEvent
) -> bytes:
    """The one-page cancel notice as a file, or SheetFailed; waits for it."""
    return _worker().render(
        Job(document=Document.CANCEL_NOTICE, content=content, state=state, paper=paper, event=print_event)
    )


def start_render(
    content: SheetContent,
    state: SheetState,
    paper: Paper,
    print_event: PrintEvent,
    *,
    then: Callable[[bytes | SheetFailed], None],
) -> None:
    """Begin the order sheet and return at once; `then` gets the file or the failure, in another thread."""
    job = Job(document=Document.ORDER_SET, content=content, state=state, paper=paper, event=print_event)
    threading.Thread(target=_render_and_tell, args=(_worker(), job, then), daemon=True).start()


def warm_up() -> None:
    """Start the render process, without waiting for it; called when a web process starts."""
    _worker().start()


class RenderProcess:
    """One child and its two pipes, from start to kill."""

    def __init__(self, command: Sequence[str]) -> None:
        self._directory = tempfile.TemporaryDirectory(prefix="sheet-")
        self._child = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={
                "PATH": os.defpath,
                "LANG": "C.UTF-8",
                "PYTHONHASHSEED": "0",
                "TMPDIR": self._directory.name,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._requests = cast(IO[bytes], self._child.stdin).fileno()
        self._answers = cast(IO[bytes], self._child.stdout).fileno()
        os.set_blocking(self._requests, False)
        self._is_ready = False
        self.files_made = 0

    def exchange(self, packed: bytes, *, timeout_s: float) -> bytes:
        """One job's answer; TimeoutError, EOFError or BrokenPipeError when there will be none."""
        if not self._is_ready:
            self._read_message(time.monotonic() + START_TIMEOUT_S)
            self._is_ready = True
        deadline = time.monotonic() + timeout_s
        self._write(frame(packed), deadline)
        answer = self._read_message(deadline)
        self.files_made += 1
        return answer

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)
        self._child.communicate()
        self._directory.cleanup()

    def _read_message(self, deadline: float) -> bytes:
        (length,) = LENGTH.unpack(self._read(LENGTH.size, deadline))
        return self._read(length, deadline)

    def _read(self, size: int, deadline: float) -> bytes:
        parts = bytearray()
        while len(parts) < size:
            _wait_for(self._answers, select.POLLIN, deadline)
            part = os.read(self._answers, size - len(parts))
            if not part:
                raise EOFError
            parts += part
        return bytes(parts)

    def _write(self, message: bytes, deadline: float) -> None:
        rest = memoryview(message)
        while rest:
            _wait_for(self._requests, select.POLLOUT, deadline)
            rest = rest[os.write(self._requests, rest) :]


class RenderWorker:
    """The queue before one render process, and the process's replacement when it fails or has grown."""

    def __init__(self, command: Sequence[str] = COMMAND, timeout_s: float = TIMEOUT_S) -> None:
        self._command = command
        self._timeout_s = timeout_s
        self._process: RenderProcess | None = None
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(QUEUE_LIMIT)

    def render(self, job: Job) -> bytes:
        if not self._places.acquire(blocking=False):
            raise SheetQueueFull("Too many sheets are being made. Try again in a moment.")
        try:
            with self._own_turn(), _slot():
                answer = self._ask(pack_job(job))
        finally:
            self._places.release()
        if not answer.startswith(DONE):
            raise SheetFailed(answer[1:].decode())
        return answer[1:]

    def start(self) -> None:
        with self._turn:
            self._started()

    def stop(self) -> None:
        with self._turn:
            if self._process is not None:
                self._process.kill()
                self._process = None

    def _ask(self, packed: bytes) -> bytes:
        process = self._started()
        try:
            answer = process.exchange(packed, timeout_s=self._timeout_s)
        except TimeoutError as error:
            self._replace(process, "took too long")
            raise SheetFailed("The sheet took too long to make.") from error
        except (EOFError, BrokenPipeError) as error:
            self._replace(process, "ended before it was done")
            raise SheetFailed("The sheet could not be made.") from error
        if process.files_made >= FILES_PER_PROCESS:
            self._replace(process, "has done its share")
        return answer

    def _started(self) -> RenderProcess:
        if self._process is None:
            self._process = RenderProcess(self._command)
        return self._process

    def _replace(self, process: RenderProcess, reason: str) -> None:
        logger.warning("The render process %s; a new one takes its place", reason)
        process.kill()
        self._process = RenderProcess(self._command)

    @contextmanager
    def _own_turn(self) -> Iterator[None]:
        if not self._turn.acquire(timeout=LONGEST_WAIT_S):
            raise SheetQueueFull("Other sheets are taking too long. Try again in a moment.")
        try:
            yield
        finally:
            self._turn.release()


@contextmanager
def _slot() -> Iterator[None]:
    """One of the machine's two places for a render; given back by the kernel if this process dies."""
    deadline = time.monotonic() + LONGEST_WAIT_S
    with ExitStack() as files:
        slots = [files.enter_context(path.open("rb")) for path in SLOT_FILES]
        while not any(_try_lock(slot.fileno()) for slot in slots):
            if time.monotonic() > deadline:
                raise SheetQueueFull("The machine is busy making other sheets. Try again in a moment.")
            time.sleep(0.02)
        yield


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait_for(descriptor: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
        raise TimeoutError


def _render_and_tell(worker: RenderWorker, job: Job, then: Callable[[bytes | SheetFailed], None]) -> None:
    try:
        outcome: bytes | SheetFailed = worker.render(job)
    except SheetFailed as failure:
        outcome = failure
    then(outcome)


@cache
def _worker() -> RenderWorker:
    return RenderWorker()


# A forked web process must not talk to its parent's render process.
os.register_at_fork(after_in_child=_worker.cache_clear)
