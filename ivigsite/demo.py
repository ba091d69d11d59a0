"""`manage.py demo`: a site for this machine alone, with fictional patients and well-known passwords."""

import argparse
import hashlib
import os
import socket
import sys
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import NoReturn

from django.core.management import CommandError

SERVER_WORKERS = 2
SIGNED_AGO = timedelta(minutes=40)


def main(arguments: Sequence[str]) -> int:
    options = parse(arguments)
    if not is_free(options.host, options.port):
        say(
            f"Port {options.port} on {options.host} is taken. For another: python3 manage.py demo --port 8080"
        )
        return 1
    os.environ["DJANGO_SETTINGS_MODULE"] = "ivigsite.settings"
    os.environ["IVIGSITE_DEMO"] = "1"
    os.environ.setdefault(
        "IVIGSITE_HOSTS", ",".join(dict.fromkeys(["localhost", "127.0.0.1", "[::1]", options.host]))
    )
    try:
        prepare()
    except CommandError as error:
        say(str(error))
        return error.returncode
    announce(options.host, options.port)
    return serve(options.host, options.port)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="manage.py demo", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8000, help="port to listen on (default: %(default)s)")
    return parser.parse_args(arguments)


def is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        # As the server does; else a port would count as taken for a minute after the last demo.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def prepare() -> None:
    """Bring database, static files, protocol and people to where the demo needs them; what is there stays."""
    import django
    from django.conf import settings

    django.setup()
    say("Preparing the database, the protocol, the people and their patients")
    prepare_database()
    collect_static_files(settings.VAR_DIR / "static.stamp")


def prepare_database() -> None:
    from django.conf import settings
    from django.core.management import call_command
    from django.utils import timezone

    from ivigsite.monitoring.models import MonitoringPlan
    from ivigsite.orders.demo import show_demo_checks, sign_demo_order_set

    settings.VAR_DIR.mkdir(parents=True, exist_ok=True)
    call_command("migrate", verbosity=0, interactive=False)
    call_command("seed_demo", verbosity=0)
    # Shipped content that is newer than the demonstration comes in beside it, as a draft.
    call_command("load_protocol", verbosity=0)
    # Signed a while ago, so that there is something due, something overdue and an alert to look at.
    now = timezone.now()
    order_set = sign_demo_order_set(at=now - SIGNED_AGO)
    if not MonitoringPlan.objects.filter(order_set_id=order_set.pk).exists():
        raise CommandError(
            f"The demonstration in {settings.VAR_DIR} is of an earlier version, which kept no plan of its "
            "checks. Remove that folder, or name another one in IVIGSITE_VAR, and start again."
        )
    show_demo_checks(order_set, at=now)


def prepare_missing_database() -> None:
    """For a command that asks the demonstration before anybody has started it."""
    import django
    from django.conf import settings

    django.setup()
    if "DATABASE_URL" not in os.environ and not settings.DATABASES["default"]["NAME"].exists():
        prepare_database()


def collect_static_files(stamp: Path) -> None:
    """Compressing takes seconds, so only when a file has changed since the last time."""
    from django.conf import settings
    from django.core.management import call_command

    digest = static_digest()
    if stamp.exists() and stamp.read_text() == digest and Path(settings.STATIC_ROOT).exists():
        return
    say("Collecting static files")
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    stamp.write_text(digest)


def static_digest() -> str:
    from django.contrib.staticfiles.finders import get_finders

    files = sorted(
        (path, storage.size(path), storage.get_modified_time(path).isoformat())
        for finder in get_finders()
        for path, storage in finder.list([])
    )
    return hashlib.sha256(repr(files).encode()).hexdigest()


def announce(host: str, port: int) -> None:
    from ivigsite.encounters.demo import DEMO_USERS

    lines = [
        "",
        f"  The demonstration is at http://{host}:{port}/   (stop it with Ctrl-C)",
        "  Fictional patients only: everybody knows these passwords.",
        "",
        *(f"    {user.username:<14} {user.password:<24} {user.role}" for user in DEMO_USERS),
        "",
    ]
    print("\n".join(lines), flush=True)  # noqa: T201
    if host not in ("localhost", "127.0.0.1", "::1"):
        say("Other machines can reach this address: never enter a real patient here.")


def serve(host: str, port: int) -> NoReturn:
    options = {
        "--interface": "wsgi",
        "--host": host,
        "--port": str(port),
        "--workers": str(SERVER_WORKERS),
        # One request at a time in each process, as SQLite has one writer anyway.
        "--blocking-threads": "1",
        "--log-level": "warning",
        # A process may still be rendering a sheet when the demo is stopped.
        "--workers-kill-timeout": "5s",
    }
    flat = [word for option in options.items() for word in option]
    # In place of this process: the server must not inherit its connections, nor keep its memory.
    os.chdir(Path(__file__).resolve().parent.parent)
    os.execv(sys.executable, [sys.executable, "-m", "granian", *flat, "--no-ws", "ivigsite.wsgi:application"])


def say(message: str) -> None:
    print(f"demo: {message}", file=sys.stderr, flush=True)  # noqa: T201
