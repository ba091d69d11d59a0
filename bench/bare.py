"""The settings of a bare Django site, which every page is compared with: one view and nothing around it."""

from ivigsite.settings import ALLOWED_HOSTS, DATABASES, SECRET_KEY

__all__ = ["ALLOWED_HOSTS", "DATABASES", "SECRET_KEY"]

ROOT_URLCONF = "bench.urls_bare"
INSTALLED_APPS: list[str] = []
MIDDLEWARE: list[str] = []
USE_TZ = True
