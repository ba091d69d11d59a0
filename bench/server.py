"""The server that `manage.py demo` starts, on a free port of this machine, and how much memory it took."""

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 30
STOP_SECONDS = 15
ROOT = Path(__file__).resolve().parent.parent
# Exactly what the demonstration runs; only the settings are others.
SERVE = "import sys; from ivigsite.demo import serve; serve('127.0.0.1', int(sys.argv[1]))"
RENDER_PROCESS = b"ivigsite.orders.sheet.child"


class ServerStopped(Exception):
    """The server ended, or never answered; its last words are the message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    port: int
    process_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Peak:
    """The most memory that the largest process of each kind has held, in MiB."""

    web_mib: float | None
    render_mib: float | None


@contextmanager
def serving(settings: str, *, log: Path) -> Iterator[Server]:
    port = free_port()
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE, str(port)],
            cwd=ROOT,
            env={**os.environ, "DJANGO_SETTINGS_MODULE": settings},
            stdout=stream,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_answering(process, port, log)
            yield Server(port=port, process_id=process.pid)
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_answering(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START_SECONDS)
        try:
            connection.request("GET", "/bench/bare/")
            connection.getresponse().read()
        except OSError:
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise ServerStopped(log.read_text(errors="replace")[-2000:] or "The server did not answer.")


def peak_memory(process_id: int) -> Peak:
    """Of the processes below this one, by what the kernel has counted since each of them started."""
    web: list[float] = []
    render: list[float] = []
    for child in descendants(process_id):
        command, peak = command_of(child), peak_mib(child)
        if peak is not None:
            (render if RENDER_PROCESS in command else web).append(peak)
    return Peak(web_mib=max(web, default=None), render_mib=max(render, default=None))


def descendants(process_id: int) -> list[int]:
    parents = {int(path.name): parent_of(path) for path in Path("/proc").iterdir() if path.name.isdecimal()}
    found = [process_id]
    for one in found:
        found += [child for child, parent in parents.items() if parent == one]
    return found[1:]


def parent_of(process: Path) -> int | None:
    try:
        stat = (process / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name before it may hold blanks and brackets.
    return int(stat.rpartition(")")[2].split()[1])


def command_of(process_id: int) -> bytes:
    try:
        return Path(f"/proc/{process_id}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def peak_mib(process_id: int) -> float | None:
    try:
        status = Path(f"/proc/{process_id}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    line = next((line for line in status.splitlines() if line.startswith("VmHWM:")), None)
    return int(line.split()[1]) / 1024 if line else None
