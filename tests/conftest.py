"""What holds for every test: a demo site in its own folder, no network, no unheard word of WeasyPrint."""

import gc
import logging
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_django
from hypothesis import settings as hypothesis_settings

from ivigsite.bootstrap import chromium_program
from tests.guards import emptying_lifts_guards  # noqa: F401

if TYPE_CHECKING:
    from tests.scenario import Site

# Before Django reads its settings, which pytest-django makes it do after this file is loaded. A worker of
# pytest-xdist finds the folder of its controller here and leaves it to that one to remove.
OWN_VAR_DIR = "IVIGSITE_VAR" not in os.environ or "PYTEST_XDIST_WORKER" not in os.environ
if OWN_VAR_DIR:
    os.environ["IVIGSITE_VAR"] = tempfile.mkdtemp(prefix="ivigsite-tests-")
os.environ["IVIGSITE_DEMO"] = "1"
os.environ["DJANGO_SETTINGS_MODULE"] = "ivigsite.settings"

# The same examples in every run, so that a red run stays red until it is mended; "deep" before a release.
hypothesis_settings.register_profile("ci", derandomize=True, deadline=None, database=None, print_blob=True)
hypothesis_settings.register_profile(
    "deep", parent=hypothesis_settings.get_profile("ci"), max_examples=10_000
)
hypothesis_settings.load_profile("ci")

DATABASE_FIXTURES = {"db", "transactional_db", "live_server", "admin_client", "admin_user"}

CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
]


def pytest_configure() -> None:
    from django.conf import settings

    # A hash that takes a fifth of a second is right for people and wrong for a thousand tests.
    # A thread of its own would see nothing of a test's transaction.
    settings.PROOFS_IN_PROCESS = False
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # Static files are served from where they are written; nothing has to be collected first.
    settings.WHITENOISE_USE_FINDERS = settings.WHITENOISE_AUTOREFRESH = True
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    Path(settings.STATIC_ROOT).mkdir(parents=True, exist_ok=True)


def pytest_unconfigure() -> None:
    if OWN_VAR_DIR:
        shutil.rmtree(os.environ["IVIGSITE_VAR"], ignore_errors=True)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a database, so that it runs on each of them and the rest only once."""
    for item in items:
        fixtures = set(getattr(item, "fixturenames", ()))
        if item.get_closest_marker("django_db") or fixtures & DATABASE_FIXTURES:
            item.add_marker(pytest.mark.database)


def pytest_collection_finish() -> None:
    """Look for garbage among what the tests make and not, thousands of times, among the tests themselves."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


@pytest.fixture(scope="module")
def shared_site(django_db_setup: None, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator["Site"]:
    """One site for all tests of a module that do not commit; each takes back what it did to it."""
    # This file is read before Django's models can be.
    from django.utils import timezone

    from tests.scenario import build_site
    from tests.worlds import shared_rows

    with shared_rows(django_db_blocker):
        yield build_site(at=timezone.now())


@pytest.fixture
def site(shared_site: "Site", db: None) -> "Site":
    """The rows that the module shares as objects of the test's own: what it sets on them stays with it."""
    return deepcopy(shared_site)


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Refuse every connection that leaves this machine."""
    patch = pytest.MonkeyPatch()
    connect = socket.socket.connect

    def connect_here(own: socket.socket, address: Any) -> None:
        if own.family in (socket.AF_INET, socket.AF_INET6) and not is_here(str(address[0])):
            raise OSError(f"A test tried to reach {address[0]}; tests stay on this machine.")
        connect(own, address)

    patch.setattr(socket.socket, "connect", connect_here)
    yield
    patch.undo()


def is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Complaints(logging.Handler):
    """Keeps what a library would only have logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append(record.getMessage())


@pytest.fixture(autouse=True)
def weasyprint_complaints() -> Iterator[list[str]]:
    """Fail a test when WeasyPrint drops a rule or link, which it only logs; who means it clears the list."""
    complaints = Complaints()
    logger = logging.getLogger("weasyprint")
    logger.addHandler(complaints)
    yield complaints.messages
    logger.removeHandler(complaints)
    assert not complaints.messages


@pytest.fixture(scope="session")
def browser_type_launch_args() -> Iterator[dict[str, object]]:
    """Drive the system's Chromium, without its windows where there is such a one; none is downloaded."""
    from playwright.sync_api import expect

    # A page that comes late on a busy machine has come; the five seconds of Playwright are for fast ones.
    expect.set_options(timeout=20_000)
    # Playwright keeps an event loop in this thread, and Django would take every query for one made inside it.
    patch = pytest.MonkeyPatch()
    patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    yield {"executable_path": chromium_program(), "args": CHROMIUM_FLAGS}
    patch.undo()


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, object]) -> dict[str, object]:
    return {**browser_context_args, "locale": "en-GB", "timezone_id": "Europe/London"}
