"""What the environment says about this site, read once and refused when it is not safe to start with.

Standard library only: the settings and the tests read it before Django is set up.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

SHORTEST_SECRET = 50
FEWEST_DIFFERENT_CHARACTERS = 12

# Written here for all to read, so refused wherever the demonstration is not what is running.
DEMO_SECRETS = {
    "IVIGSITE_SECRET_KEY": "demonstration-only-secret-key-4f1b7c0e9a2d8653-known-to-everyone",
    "IVIGSITE_AUDIT_KEY": "demonstration-only-audit-key-8e35d2a90c7f6b14-known-to-everyone",
}

# Measured with eight writers on one file: nothing lost, no writer refused. A deferred transaction that reads
# and then writes is refused as "locked"; with synchronous=NORMAL a power cut can lose acknowledged work.
SQLITE_KEPT_OPEN_S = 60
SQLITE_OPTIONS = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL;"
    "PRAGMA synchronous=FULL;"
    "PRAGMA foreign_keys=ON;"
    # Else INSERT OR REPLACE would push out a row without asking the triggers that guard it.
    "PRAGMA recursive_triggers=ON;"
    "PRAGMA cache_size=-16000;"
    "PRAGMA temp_store=MEMORY;",
}


class BadEnvironment(Exception):
    """The environment lacks something, or says something that is not safe to start with."""


def is_demo(environ: Mapping[str, str]) -> bool:
    value = environ.get("IVIGSITE_DEMO", "")
    if value not in ("", "0", "1"):
        raise BadEnvironment(f"IVIGSITE_DEMO must be 1 or 0, not {value!r}.")
    return value == "1"


def read_secret(environ: Mapping[str, str], name: str) -> str:
    """The secret itself, or the content of the file that NAME_FILE names."""
    path = environ.get(f"{name}_FILE")
    if path:
        try:
            secret = Path(path).read_text().strip()
        except OSError as error:
            raise BadEnvironment(f"{name}_FILE cannot be read: {error}.") from error
    else:
        secret = environ.get(name, "")
    if not secret and is_demo(environ):
        return DEMO_SECRETS[name]
    refuse_weak_secret(name, secret, demo=is_demo(environ))
    return secret


def refuse_weak_secret(name: str, secret: str, *, demo: bool = False) -> None:
    how = 'Make one with: python3 -c "import secrets; print(secrets.token_urlsafe(48))"'
    if not secret:
        raise BadEnvironment(
            f"{name} is missing. {how}\n"
            "To look at the demonstration instead, run: python3 manage.py demo (or set IVIGSITE_DEMO=1)."
        )
    if len(secret) < SHORTEST_SECRET or len(set(secret)) < FEWEST_DIFFERENT_CHARACTERS:
        raise BadEnvironment(f"{name} is too weak: at least {SHORTEST_SECRET} random characters. {how}")
    if (secret in DEMO_SECRETS.values() or secret.startswith("django-insecure-")) and not demo:
        raise BadEnvironment(f"{name} is a default that everyone can read. {how}")


def read_list(environ: Mapping[str, str], name: str) -> list[str]:
    return [part.strip() for part in environ.get(name, "").split(",") if part.strip()]


def read_fallback_secrets(environ: Mapping[str, str]) -> list[str]:
    """Old keys that still verify what they signed while a new one signs: a change of key ends no session."""
    secrets = read_list(environ, "IVIGSITE_SECRET_KEY_FALLBACKS")
    for secret in secrets:
        refuse_weak_secret("IVIGSITE_SECRET_KEY_FALLBACKS", secret)
    return secrets


def read_hosts(environ: Mapping[str, str]) -> list[str]:
    hosts = read_list(environ, "IVIGSITE_HOSTS")
    for host in hosts:
        if "*" in host or host.startswith("."):
            raise BadEnvironment(f"IVIGSITE_HOSTS must name each host exactly, not {host!r}.")
    if not hosts and is_demo(environ):
        return ["localhost", "127.0.0.1", "[::1]"]
    if not hosts:
        raise BadEnvironment("IVIGSITE_HOSTS is missing: the host names people type, separated by commas.")
    return hosts


def read_status_address(environ: Mapping[str, str]) -> str:
    """The site as scanners reach it; no path, because a code in capital letters has fewer squares."""
    address = environ.get("IVIGSITE_STATUS_ADDRESS", "").rstrip("/")
    if address and not re.fullmatch(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?", address):
        raise BadEnvironment("IVIGSITE_STATUS_ADDRESS must be like https://ivig.hospital.example, no path.")
    return address


def read_label_mm(environ: Mapping[str, str], name: str, default: str) -> tuple[int, int]:
    """Width and height of a label in whole millimetres, written such as 100x50."""
    text = environ.get(name) or default
    found = re.fullmatch(r"([1-9][0-9]{1,2})x([1-9][0-9]{1,2})", text)
    if found is None:
        raise BadEnvironment(f"{name} must be width and height in millimetres, such as {default}.")
    return int(found[1]), int(found[2])


def read_days(environ: Mapping[str, str], name: str, default: str) -> int:
    """A number of days from 1 to 99."""
    text = environ.get(name) or default
    if not re.fullmatch(r"[1-9][0-9]?", text):
        raise BadEnvironment(f"{name} must be a whole number of days from 1 to 99, such as {default}.")
    return int(text)


def read_database(environ: Mapping[str, str], *, var: Path) -> dict[str, Any]:
    """Django's settings for the one database: the server of DATABASE_URL, else a SQLite file."""
    url = environ.get("DATABASE_URL", "")
    if not url:
        # Its own file, so that a site never opens the demonstration's people, nor the other way round.
        name = "demo.sqlite3" if is_demo(environ) else "site.sqlite3"
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": var / name,
            "OPTIONS": dict(SQLITE_OPTIONS),
            # Opening the file anew and setting it up took half of a short request. Each thread keeps its own
            # connection; not for ever, because a file that was restored in its place would never be seen.
            "CONN_MAX_AGE": SQLITE_KEPT_OPEN_S,
            # A file, as outside the tests: in memory, threads share one connection and never meet a lock.
            "TEST": {"NAME": var / "test.sqlite3"},
        }
    parts = urlsplit(url)
    if parts.scheme not in ("postgres", "postgresql"):
        raise BadEnvironment("DATABASE_URL must start with postgresql:// (leave it out for SQLite).")
    if not parts.path.strip("/"):
        raise BadEnvironment("DATABASE_URL names no database: postgresql://user:password@host:5432/name")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.strip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": unquote(parts.hostname or ""),
        "PORT": str(parts.port or ""),
        # A connection that died with the server is replaced before a request meets it.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {
            **dict(parse_qsl(parts.query)),
            "options": "-c synchronous_commit=on",
            "pool": {"min_size": 1, "max_size": 4, "timeout": 10},
        },
    }
