"""Files without blocking a web process: two warm render processes for each, killed when they hang or grow.

The web process never imports WeasyPrint. A render process starts with `warm_up` or at first use, gets no
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from queue import Empty, LifoQueue, SimpleQueue
from typing import IO, Final, cast

from .jobs import DONE, LENGTH, PAGE, AnyJob, Job, SheetFailed, SheetQueueFull, frame, pack_job
from .typeface import FONT_DIRECTORY, FONT_FILES

TIMEOUT_S: Final = 15.0
START_TIMEOUT_S: Final = 15.0
# A downtime pack has some hundred pages.
DOWNTIME_TIMEOUT_S: Final = 600.0
LONGEST_WAIT_S: Final = 12.0
QUEUE_LIMIT: Final = 8
PROCESSES: Final = 2
FILES_PER_PROCESS: Final = 500
COMMAND: Final = (sys.executable, "-m", "ivigsite.orders.sheet.child")
DOWNTIME_COMMAND: Final = (*COMMAND, "downtime")
PROJECT: Final = Path(__file__).parents[3]
# Two renders at once on this machine, whatever the number of web processes. The locks are on files that
# are there anyway, so that nothing need be made, found or cleaned up.
SLOT_FILES: Final = tuple(FONT_DIRECTORY / name for name in FONT_FILES)
# What takes long keeps to one of the places, so that an order sheet always finds the other.
LONG_SLOT_FILES: Final = SLOT_FILES[-1:]

Task = tuple[Job, Callable[[bytes | SheetFailed], None]]
OnPage = Callable[[int], None]

logger = logging.getLogger(__name__)


def render_in_worker(job: AnyJob) -> bytes:
    """The file a job asks for, or SheetFailed; waits for it."""
    return _pool().render(job)


def _unheard(_page: int) -> None:
    """A file of few pages is there before anybody could be told of them."""


def render_alone(job: AnyJob, on_page: OnPage = _unheard) -> bytes:
    """A file that takes long, made by a process of its own, so that no sheet waits for it; or SheetFailed.

    Of a downtime pack `on_page` hears which page is being laid out.
    """
    worker = RenderWorker(DOWNTIME_COMMAND, DOWNTIME_TIMEOUT_S, LONG_SLOT_FILES)
    try:
        return worker.render(job, on_page)
    finally:
        worker.stop()


def start_renders(tasks: Iterable[Task]) -> None:
    """Begin files in their order and return at once; each task hears of its own, in another thread.

    Never more at once than there are render processes, so that whoever waits for a file finds a place.
    """
    waiting: SimpleQueue[Task] = SimpleQueue()
    for task in tasks:
        waiting.put(task)
    for _ in range(min(PROCESSES, waiting.qsize())):
        threading.Thread(target=_work_off, args=(_pool(), waiting), daemon=True).start()


def warm_up() -> None:
    """Start the render processes, without waiting for them; called when a web process starts."""
    _pool().start()


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

    def exchange(self, packed: bytes, *, timeout_s: float, on_page: OnPage = _unheard) -> bytes:
        """One job's answer; TimeoutError, EOFError or BrokenPipeError when there will be none."""
        if not self._is_ready:
            self._read_message(time.monotonic() + START_TIMEOUT_S)
            self._is_ready = True
        deadline = time.monotonic() + timeout_s
        self._write(frame(packed), deadline)
        while (answer := self._read_message(deadline)).startswith(PAGE):
            on_page(int(answer[len(PAGE) :]))
        self.files_made += 1
        return answer

    @property
    def has_ended(self) -> bool:
        return self._child.poll() is not None

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
    """One render process, and its replacement when it fails or has grown."""

    def __init__(
        self,
        command: Sequence[str] = COMMAND,
        timeout_s: float = TIMEOUT_S,
        slot_files: Sequence[Path] = SLOT_FILES,
    ) -> None:
        self._command = command
        self._slot_files = slot_files
        self._timeout_s = timeout_s
        self._process: RenderProcess | None = None
        self._turn = threading.Lock()

    def render(self, job: AnyJob, on_page: OnPage = _unheard) -> bytes:
        with self._turn, _slot(self._slot_files):
            answer = self._ask(pack_job(job), on_page)
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

    def _ask(self, packed: bytes, on_page: OnPage) -> bytes:
        process = self._started()
        try:
            answer = process.exchange(packed, timeout_s=self._timeout_s, on_page=on_page)
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
        elif self._process.has_ended:
            # Nobody's sheet was lost with it, so nobody need press twice.
            return self._replace(self._process, "has ended between two files")
        return self._process

    def _replace(self, process: RenderProcess, reason: str) -> RenderProcess:
        logger.warning("The render process %s; a new one takes its place", reason)
        process.kill()
        self._process = RenderProcess(self._command)
        return self._process


class RenderPool:
    """The queue before the render processes of one web process."""

    def __init__(self, workers: Sequence[RenderWorker]) -> None:
        self._workers = workers
        self._places = threading.BoundedSemaphore(QUEUE_LIMIT)
        # The one that was used last is warm in the machine's caches too.
        self._idle: LifoQueue[RenderWorker] = LifoQueue()
        for worker in workers:
            self._idle.put(worker)

    def render(self, job: AnyJob) -> bytes:
        if not self._places.acquire(blocking=False):
            raise SheetQueueFull("Too many sheets are being made. Try again in a moment.")
        try:
            with self._next_idle() as worker:
                return worker.render(job)
        finally:
            self._places.release()

    def start(self) -> None:
        for worker in self._workers:
            worker.start()

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop()

    @contextmanager
    def _next_idle(self) -> Iterator[RenderWorker]:
        try:
            worker = self._idle.get(timeout=LONGEST_WAIT_S)
        except Empty as error:
            raise SheetQueueFull("Other sheets are taking too long. Try again in a moment.") from error
        try:
            yield worker
        finally:
            self._idle.put(worker)


@contextmanager
def _slot(slot_files: Sequence[Path]) -> Iterator[None]:
    """One of the machine's places for a render; given back by the kernel if this process dies."""
    deadline = time.monotonic() + LONGEST_WAIT_S
    with ExitStack() as files:
        try:
            slots = [files.enter_context(path.open("rb")) for path in slot_files]
        except OSError as error:
            raise SheetFailed(f"A font of the sheets cannot be read: {error.strerror}.") from error
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


def _work_off(pool: RenderPool, waiting: SimpleQueue[Task]) -> None:
    with suppress(Empty):
        while True:
            job, then = waiting.get_nowait()
            try:
                outcome: bytes | SheetFailed = pool.render(job)
            except SheetFailed as failure:
                outcome = failure
            then(outcome)


@cache
def _pool() -> RenderPool:
    return RenderPool([RenderWorker() for _ in range(PROCESSES)])


# A forked web process must not talk to its parent's render processes.
os.register_at_fork(after_in_child=_pool.cache_clear)
