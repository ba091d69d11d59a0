import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SERVE = "import ivigsite.wsgi; print('serving')"
SERVE_AN_OPEN_VIEW = f"""
import sys, types
from django.conf import settings
from django.http import HttpResponse
from django.urls import path

urls = types.ModuleType("open_urls")
urls.urlpatterns = [path("open/", lambda request: HttpResponse("anybody"))]
sys.modules["open_urls"] = urls
settings.ROOT_URLCONF = "open_urls"
{SERVE}
"""
SERVE_FROM_AN_UNSAFE_DATABASE = f"""
from django.conf import settings

settings.DATABASES["default"]["OPTIONS"]["init_command"] = "PRAGMA synchronous=OFF"
{SERVE}
"""


def start(code: str, var: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "ivigsite.settings",
            "IVIGSITE_DEMO": "1",
            "IVIGSITE_VAR": str(var),
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_site_that_passes_its_checks_is_served(tmp_path: Path):
    done = start(SERVE, tmp_path)

    assert done.stdout.strip() == "serving", done.stderr


def test_site_with_a_view_that_names_no_permission_is_not_served(tmp_path: Path):
    done = start(SERVE_AN_OPEN_VIEW, tmp_path)

    assert done.returncode != 0
    assert "does not say who may use it" in done.stderr
    assert "serving" not in done.stdout


def test_site_on_an_unsafe_database_is_not_served(tmp_path: Path):
    done = start(SERVE_FROM_AN_UNSAFE_DATABASE, tmp_path)

    assert done.returncode != 0
    assert "UnsafeDatabase" in done.stderr
    assert "serving" not in done.stdout
