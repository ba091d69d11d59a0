import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from ivigsite.devtools.checks import production_environment

ROOT = Path(__file__).resolve().parents[2]

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
}


def start(code: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Start Django in a process of its own, with nothing in the environment but what is given."""
    return subprocess.run(
        [sys.executable, "-c", f"import django; django.setup()\n{code}"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "ivigsite.settings", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("name", ["IVIGSITE_SECRET_KEY", "IVIGSITE_AUDIT_KEY", "IVIGSITE_HOSTS"])
def test_site_does_not_start_without(name: str):
    environment = production_environment()
    del environment[name]

    done = start("", environment)

    assert done.returncode != 0
    assert f"{name} is missing" in done.stderr


def test_command_of_an_unsafe_site_says_what_to_set_and_nothing_else():
    environment = production_environment()
    del environment["IVIGSITE_SECRET_KEY"]

    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert done.stderr.startswith("manage.py: IVIGSITE_SECRET_KEY is missing. Make one with: python3")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_site_does_not_start_with_the_secret_of_the_demonstration():
    demo_secret = start(
        "from django.conf import settings; print(settings.SECRET_KEY)", {"IVIGSITE_DEMO": "1"}
    )

    done = start("", {**production_environment(), "IVIGSITE_SECRET_KEY": demo_secret.stdout.strip()})

    assert done.returncode != 0
    assert "everyone can read" in done.stderr


def test_cookies_of_a_site_are_bound_to_its_host_and_to_tls():
    code = (
        "from django.conf import settings as s\n"
        "print(s.SESSION_COOKIE_NAME, s.CSRF_COOKIE_NAME, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE,\n"
        "      s.SESSION_COOKIE_HTTPONLY, s.SESSION_COOKIE_PATH, s.SESSION_COOKIE_DOMAIN, s.DEBUG)"
    )

    done = start(code, production_environment())

    assert done.stdout.split() == [
        "__Host-sessionid",
        "__Host-csrftoken",
        *("True", "True", "True"),
        "/",
        "None",
        "False",
    ]


def test_request_without_tls_is_sent_to_tls():
    code = (
        "from django.test import Client\n"
        "answer = Client().get('/login/?a=1', headers={'host': 'ivig.hospital.example'})\n"
        "print(answer.status_code, answer['Location'])"
    )

    done = start(code, production_environment())

    assert done.stdout.split() == ["301", "https://ivig.hospital.example/login/?a=1"]


def test_request_by_tls_asks_for_tls_for_a_year():
    code = (
        "from django.test import Client\n"
        "answer = Client().get('/admin/', secure=True, headers={'host': 'ivig.hospital.example'})\n"
        "print(answer['Strict-Transport-Security'])"
    )

    done = start(code, production_environment())

    assert "max-age=31536000" in done.stdout
    assert "includeSubDomains" in done.stdout


def test_header_that_claims_tls_is_believed_only_behind_a_proxy():
    code = "from django.conf import settings as s; print(getattr(s, 'SECURE_PROXY_SSL_HEADER', None))"
    environment = production_environment()

    alone = start(code, environment)
    behind = start(code, {**environment, "IVIGSITE_BEHIND_PROXY": "1"})

    assert alone.stdout.strip() == "None"
    assert "HTTP_X_FORWARDED_PROTO" in behind.stdout


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/login/", "/no-such-page/", "/admin/"])
def test_every_answer_carries_the_headers(client: Client, path: str):
    headers = client.get(path).headers

    assert set(re.split(r";\s*", headers["Content-Security-Policy"].strip("; "))) == POLICY
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store, private"
    assert "geolocation=()" in headers["Permissions-Policy"]


def test_request_for_another_host_is_refused(client: Client):
    assert client.get("/login/", headers={"host": "evil.example"}).status_code == 400


@pytest.mark.django_db
def test_more_fields_than_any_form_has_are_refused(client: Client):
    answer = client.post("/login/", {f"field{number}": "x" for number in range(201)})

    assert answer.status_code == 400


@pytest.mark.django_db
def test_body_larger_than_any_form_is_refused(client: Client):
    answer = client.post("/login/", {"username": "x" * (256 * 1024 + 1)})

    assert answer.status_code == 413


def test_file_is_not_taken():
    assert settings.DATA_UPLOAD_MAX_NUMBER_FILES == 0
